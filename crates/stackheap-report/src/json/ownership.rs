//! The life of variables as JSON: `schema/ownership.schema.json`.

use stackheap_explain::{ownership_event, ownership_state};
use stackheap_model::{
    Borrower, DropCause, DropDecision, DropExtent, EventCertainty, FactConfidence, FunctionAuthor,
    FunctionKind, FunctionTimeline, LoanTimeline, Mutability, Ownership, OwnershipEvent,
    OwnershipEventKind, OwnershipState, Placement, StateStretch, TextPosition, TextRange,
    ValueDestination, ValueOrigin, VariableRole, VariableTimeline,
};

use super::SCHEMA_VERSION;
use crate::tree::{Tree, object};

/// What the compiler knows of functions, over several lines, indented.
pub fn ownership(known: &Ownership) -> String {
    let missing = known.missing.iter().map(|missing| {
        object! {
            "crate": optional(missing.crate_name.as_deref()),
            "reason": &*missing.reason,
        }
    });
    let shown = object! {
        "schema_version": SCHEMA_VERSION,
        "functions": Tree::list(known.functions.iter().map(function)),
        "missing": Tree::list(missing),
    };
    let mut text = String::new();
    shown.write_lines(&mut text, 0);
    text.push('\n');
    text
}

fn optional(text: Option<&str>) -> Tree<'_> {
    text.map_or(Tree::Null, Tree::from)
}

fn function(function: &FunctionTimeline) -> Tree<'_> {
    object! {
        "name": &*function.name,
        "file": &*function.file,
        "span": range(function.extent),
        "kind": match function.kind {
            FunctionKind::Function => "function",
            FunctionKind::Closure => "closure",
            FunctionKind::Coroutine => "coroutine",
        },
        "derived": function.author == FunctionAuthor::Attribute,
        "confidence": match function.confidence {
            FactConfidence::Declarations => "declarations",
            FactConfidence::Events => "events",
            FactConfidence::WithoutLoans => "without-loans",
            FactConfidence::Partial => "partial",
            FactConfidence::Full => "full",
        },
        "reason": optional(function.reason.as_deref()),
        "variables": Tree::list(function.variables.iter().map(|v| variable(function, v))),
        "loans": Tree::list(function.loans.iter().map(|l| loan(function, l))),
    }
}

fn position(file: Option<&str>, position: TextPosition) -> Tree<'_> {
    let mut shown = object! { "line": position.line, "column": position.column };
    if let Some(file) = file {
        shown.set("file", file);
    }
    shown
}

fn range(range: TextRange) -> Tree<'static> {
    object! { "from": position(None, range.start), "to": position(None, range.end) }
}

fn variable<'a>(function: &'a FunctionTimeline, variable: &'a VariableTimeline) -> Tree<'a> {
    let events = variable
        .events
        .iter()
        .map(|happened| event(function, variable, happened));
    object! {
        "name": &*variable.name,
        "role": match variable.role {
            VariableRole::Variable => "variable",
            VariableRole::Parameter => "parameter",
            VariableRole::Capture => "capture",
            VariableRole::Temporary => "temporary",
        },
        "type": &*variable.type_name,
        "declared": position(None, variable.declared.start),
        "mutable": variable.mutability == Mutability::Mutable,
        "events": Tree::list(events),
        "states": Tree::list(variable.states.iter().map(state)),
    }
}

fn state(stretch: &StateStretch) -> Tree<'static> {
    object! {
        "from": position(None, stretch.from),
        "to": position(None, stretch.to),
        "state": state_name(stretch.state),
        "text": ownership_state(stretch.state),
    }
}

fn state_name(state: OwnershipState) -> &'static str {
    match state {
        OwnershipState::Uninitialised => "uninit",
        OwnershipState::Live => "live",
        OwnershipState::Borrowed(Mutability::Shared) => "borrowed",
        OwnershipState::Borrowed(Mutability::Mutable) => "borrowed-mut",
        OwnershipState::PartlyMoved => "partly-moved",
        OwnershipState::Moved => "moved",
        OwnershipState::Dropped => "dropped",
        OwnershipState::Depends => "depends",
        OwnershipState::Unknown => "unknown",
    }
}

fn certainty(certainty: EventCertainty) -> &'static str {
    match certainty {
        EventCertainty::Always => "always",
        EventCertainty::Depends => "depends",
        EventCertainty::Unknown => "unknown",
    }
}

fn mutability(mutability: Mutability) -> &'static str {
    match mutability {
        Mutability::Shared => "shared",
        Mutability::Mutable => "mutable",
    }
}

fn event<'a>(
    function: &'a FunctionTimeline,
    variable: &'a VariableTimeline,
    happened: &'a OwnershipEvent,
) -> Tree<'a> {
    let mut shown = object! {
        "at": position(Some(&function.file), happened.at.start),
        "end": position(None, happened.at.end),
        "exact": happened.placement == Placement::Exact,
        "certainty": certainty(happened.certainty),
        "order": happened.order,
        "text": ownership_event(function, variable, happened).text(),
    };
    let kind = match &happened.kind {
        OwnershipEventKind::Declared => "declared",
        OwnershipEventKind::Initialised(from) => {
            shown.set("from", origin(from));
            "initialised"
        }
        OwnershipEventKind::Assigned { part, from } => {
            shown.set("part", optional(part.as_deref()));
            shown.set("from", origin(from));
            "assigned"
        }
        OwnershipEventKind::Moved { part, to } => {
            shown.set("part", optional(part.as_deref()));
            shown.set("to", destination(to));
            "moved"
        }
        OwnershipEventKind::Copied { part, to } => {
            shown.set("part", optional(part.as_deref()));
            shown.set("to", destination(to));
            "copied"
        }
        OwnershipEventKind::Borrowed {
            part,
            mutability: how,
            loan,
        } => {
            shown.set("part", optional(part.as_deref()));
            shown.set("mutability", mutability(*how));
            let found = loan.and_then(|id| function.loans.iter().find(|loan| loan.id == id));
            shown.set("loan", loan.map_or(Tree::Null, Tree::from));
            if let Some(found) = found {
                shown.set("by", borrower(&found.borrower));
                shown.set("until", until(function, found));
            }
            "borrowed"
        }
        OwnershipEventKind::Pointed { part } => {
            shown.set("part", optional(part.as_deref()));
            "pointed"
        }
        OwnershipEventKind::Dropped { what, cause, moved } => {
            dropped(&mut shown, what, *cause);
            let moved = moved.iter().map(|at| position(None, *at));
            shown.set("moved", Tree::list(moved));
            "dropped"
        }
        OwnershipEventKind::OutOfScope => "out-of-scope",
        // The vocabulary may grow before this shape does.
        _ => "other",
    };
    shown.set("kind", kind);
    shown
}

fn dropped<'a>(shown: &mut Tree<'a>, what: &'a DropExtent, cause: DropCause) {
    let name = match what {
        DropExtent::Whole => "whole",
        DropExtent::Nothing => "nothing",
        DropExtent::IfThere(_) => "if-there",
        DropExtent::BoxMemory(_) => "box-memory",
        DropExtent::Parts(_) => "parts",
        DropExtent::Unknown => "unknown",
    };
    shown.set("what", name);
    shown.set(
        "cause",
        match cause {
            DropCause::ScopeEnd => "scope-end",
            DropCause::Replaced => "replaced",
        },
    );
    match what {
        DropExtent::IfThere(decision) => shown.set(
            "decided_by",
            match decision {
                DropDecision::Flag => "flag",
                DropDecision::Variant => "variant",
                DropDecision::Way => "way",
            },
        ),
        DropExtent::Parts(parts) => {
            let parts = parts.iter().map(|(part, if_there)| {
                object! { "part": &**part, "certainty": certainty(*if_there) }
            });
            shown.set("parts", Tree::list(parts));
        }
        _ => {}
    }
}

/// Something of a kind, with one name.
fn named<'a>(kind: &'static str, member: &'static str, name: &'a str) -> Tree<'a> {
    let mut shown = object! { "kind": kind };
    shown.set(member, name);
    shown
}

fn origin(from: &ValueOrigin) -> Tree<'_> {
    match from {
        ValueOrigin::Caller => object! { "kind": "caller" },
        ValueOrigin::Captured => object! { "kind": "captured" },
        ValueOrigin::Call(callee) => named("call", "callee", callee),
        ValueOrigin::Macro(name) => named("macro", "macro", name),
        ValueOrigin::MovedFrom(from) => named("move", "variable", from),
        ValueOrigin::Moved => object! { "kind": "move" },
        ValueOrigin::CopiedFrom(from) => named("copy", "variable", from),
        ValueOrigin::Copied => object! { "kind": "copy" },
        ValueOrigin::Constant => object! { "kind": "constant" },
        ValueOrigin::BorrowOf(of) => named("borrow", "variable", of),
        ValueOrigin::Borrow => object! { "kind": "borrow" },
        ValueOrigin::Made(made) => named("made", "of", made),
        ValueOrigin::Resumed => object! { "kind": "resumed" },
        ValueOrigin::Computed => object! { "kind": "computed" },
    }
}

fn destination(to: &ValueDestination) -> Tree<'_> {
    match to {
        ValueDestination::Variable(name) => named("variable", "variable", name),
        ValueDestination::Caller => object! { "kind": "caller" },
        ValueDestination::Argument { callee, number } => {
            object! { "kind": "argument", "callee": &**callee, "number": *number }
        }
        ValueDestination::Part { of, into } => {
            object! { "kind": "part", "of": &**of, "variable": optional(into.as_deref()) }
        }
        ValueDestination::Result(of) => named("result", "of", of),
        ValueDestination::Capture(into) => {
            object! { "kind": "capture", "variable": optional(into.as_deref()) }
        }
        ValueDestination::Macro(name) => named("macro", "macro", name),
        ValueDestination::OwnCall => object! { "kind": "own-call" },
        ValueDestination::Yield => object! { "kind": "yield" },
        ValueDestination::Other => object! { "kind": "other" },
    }
}

fn borrower(by: &Borrower) -> Tree<'_> {
    match by {
        Borrower::Variables(names) => object! {
            "kind": "variables",
            "variables": Tree::list(names.iter().map(|name| &**name)),
        },
        Borrower::Call { callee, number } => {
            object! { "kind": "call", "callee": &**callee, "number": *number }
        }
        Borrower::Macro(name) => named("macro", "macro", name),
        Borrower::Closure => object! { "kind": "closure" },
        Borrower::Guard => object! { "kind": "guard" },
        Borrower::Expression => object! { "kind": "expression" },
    }
}

/// The last position at which a loan holds, on whatever way.
fn until<'a>(function: &'a FunctionTimeline, loan: &LoanTimeline) -> Tree<'a> {
    let last = loan.until.last().filter(|_| !loan.outlives);
    last.map_or(Tree::Null, |last| position(Some(&function.file), *last))
}

fn loan<'a>(function: &'a FunctionTimeline, loan: &'a LoanTimeline) -> Tree<'a> {
    object! {
        "id": loan.id,
        "variable": &*loan.variable,
        "part": optional(loan.part.as_deref()),
        "mutability": mutability(loan.mutability),
        "by": borrower(&loan.borrower),
        "at": position(Some(&function.file), loan.at.start),
        "end": position(None, loan.at.end),
        "exact": loan.placement == Placement::Exact,
        "until": Tree::list(loan.until.iter().map(|at| position(None, *at))),
        "outlives": loan.outlives,
    }
}
