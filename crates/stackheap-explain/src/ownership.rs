//! The life of a variable in words.

use std::sync::Arc;

use stackheap_model::{
    Borrower, DropCause, DropDecision, DropExtent, EventCertainty, FactConfidence,
    FunctionTimeline, LoanTimeline, Mutability, OwnershipEvent, OwnershipEventKind, OwnershipState,
    TextPosition, ValueDestination, ValueOrigin, VariableRole, VariableTimeline,
};

use crate::{short_type, visible};

/// How many positions a sentence names.
const POSITIONS: usize = 3;

/// A sentence about one thing, so that several things of which the same is true can share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phrase {
    /// What stands before the thing.
    pub before: String,
    /// The thing: `` `s` ``.
    pub subject: String,
    /// What stands behind it.
    pub after: String,
}

impl Phrase {
    /// The whole sentence, without a full stop.
    pub fn text(&self) -> String {
        self.of(&[&self.subject])
    }

    /// The sentence about several things.
    pub fn of(&self, subjects: &[&str]) -> String {
        format!("{}{}{}", self.before, subjects.join(", "), self.after)
    }

    fn plain(subject: String, after: impl Into<String>) -> Self {
        Self {
            before: String::new(),
            subject,
            after: after.into(),
        }
    }
}

/// Something that happens to a variable of a function.
pub fn ownership_event(
    function: &FunctionTimeline,
    variable: &VariableTimeline,
    event: &OwnershipEvent,
) -> Phrase {
    let whole = || subject(variable);
    let part_or_whole = |part: &Option<Arc<str>>| match part {
        Some(part) => code(part),
        None => whole(),
    };
    match &event.kind {
        OwnershipEventKind::Declared => Phrase::plain(whole(), " declared, without a value yet"),
        OwnershipEventKind::Initialised(from) => {
            Phrase::plain(whole(), format!(" {}", origin("initialised", from)))
        }
        OwnershipEventKind::Assigned { part, from } => Phrase::plain(
            part_or_whole(part),
            format!(" {}", origin("assigned", from)),
        ),
        OwnershipEventKind::Moved { part, to } => {
            let partly = match part {
                Some(_) => format!("; {} is partly moved", whole()),
                None => String::new(),
            };
            let after = format!(" {}{partly}", destination("moved", to));
            Phrase::plain(part_or_whole(part), after)
        }
        OwnershipEventKind::Copied { part, to } => Phrase::plain(
            part_or_whole(part),
            format!(" {}", destination("copied", to)),
        ),
        OwnershipEventKind::Borrowed {
            part,
            mutability,
            loan,
        } => {
            let found = loan.and_then(|id| function.loans.iter().find(|loan| loan.id == id));
            let after = match found {
                Some(loan) => borrowed(variable, loan),
                None => format!(" {}", borrow(variable, *mutability, part.as_deref())),
            };
            Phrase::plain(part_or_whole(part), after)
        }
        OwnershipEventKind::Pointed { part } => Phrase::plain(
            part_or_whole(part),
            " pointed at by a raw pointer, which the borrow checker does not follow",
        ),
        OwnershipEventKind::Dropped { what, cause, moved } => {
            dropped(variable, (what, *cause), moved)
        }
        OwnershipEventKind::OutOfScope => Phrase::plain(whole(), " out of scope"),
        // The vocabulary may grow before this crate does.
        other => Phrase::plain(whole(), format!(": an event without words yet: {other:?}")),
    }
}

fn code(text: &str) -> String {
    format!("`{}`", visible(text))
}

fn subject(variable: &VariableTimeline) -> String {
    match variable.role {
        VariableRole::Temporary => format!("temporary {}", code(&variable.name)),
        _ => code(&variable.name),
    }
}

/// `12:18`.
pub fn line_column(position: TextPosition) -> String {
    format!("{}:{}", position.line, position.column)
}

fn positions(positions: &[TextPosition], conjunction: &str) -> String {
    let mut texts: Vec<String> = positions
        .iter()
        .take(POSITIONS)
        .map(|position| line_column(*position))
        .collect();
    let more = positions.len().saturating_sub(POSITIONS);
    if more > 0 {
        texts.push(format!("{more} more"));
    }
    match texts.split_last() {
        Some((last, rest)) if !rest.is_empty() => {
            format!("{} {conjunction} {last}", rest.join(", "))
        }
        _ => texts.concat(),
    }
}

/// What a value is made of, behind a verb.
fn origin(verb: &str, from: &ValueOrigin) -> String {
    match from {
        ValueOrigin::Caller => "given by the caller".to_owned(),
        ValueOrigin::Captured => "captured from around the closure".to_owned(),
        ValueOrigin::Call(callee) => format!("{verb} with what {} returns", callee_text(callee)),
        ValueOrigin::Macro(name) => format!("{verb} by {}", macro_text(name)),
        ValueOrigin::MovedFrom(from) => {
            format!("{verb} with the value of {}, which is moved", code(from))
        }
        ValueOrigin::CopiedFrom(from) => format!("{verb} with a copy of {}", code(from)),
        ValueOrigin::BorrowOf(of) => format!("{verb} with a reference to {}", code(of)),
        ValueOrigin::Made(made) => match &**made {
            "(" => format!("{verb} with a tuple"),
            "[" => format!("{verb} with an array"),
            "closure" => format!("{verb} with a closure"),
            "async" => format!("{verb} with a future"),
            made => format!("{verb} with a new {}", code(made)),
        },
        ValueOrigin::Resumed => format!("{verb} when the future goes on"),
        ValueOrigin::Moved
        | ValueOrigin::Copied
        | ValueOrigin::Constant
        | ValueOrigin::Borrow
        | ValueOrigin::Computed => verb.to_owned(),
    }
}

/// Whether something without a name stands in words instead.
fn is_prose(name: &str) -> bool {
    name.starts_with("the ") || name.starts_with("a ")
}

fn callee_text(callee: &str) -> String {
    if is_prose(callee) {
        visible(callee).into_owned()
    } else {
        code(callee)
    }
}

fn macro_text(name: &str) -> String {
    if is_prose(name) {
        visible(name).into_owned()
    } else {
        code(&format!("{name}!"))
    }
}

/// Where a value goes, behind a verb.
fn destination(verb: &str, to: &ValueDestination) -> String {
    match to {
        ValueDestination::Variable(name) => format!("{verb} into {}", code(name)),
        ValueDestination::Caller => format!("{verb} to the caller: it is returned"),
        ValueDestination::Argument { callee, number } => {
            format!("{verb} into {} (argument {number})", callee_text(callee))
        }
        ValueDestination::Part { of, into } => {
            let of = match &**of {
                "(" => "a tuple".to_owned(),
                "[" => "an array".to_owned(),
                of => format!("a {}", code(of)),
            };
            match into {
                Some(into) => format!("{verb} into {of}, which goes into {}", code(into)),
                None => format!("{verb} into {of}"),
            }
        }
        ValueDestination::Result(of) => match &**of {
            "(" => format!("{verb} into a tuple, which is returned"),
            "[" => format!("{verb} into an array, which is returned"),
            of => format!("{verb} into a {}, which is returned", code(of)),
        },
        ValueDestination::Capture(Some(name)) => {
            format!("{verb} into {}, which captures it", code(name))
        }
        ValueDestination::Capture(None) => format!("{verb} into the closure that captures it"),
        ValueDestination::Macro(name) => format!("{verb} into {}", macro_text(name)),
        ValueDestination::OwnCall => "called by value: the call consumes it".to_owned(),
        ValueDestination::Yield => format!("{verb} out of the coroutine"),
        ValueDestination::Other => verb.to_owned(),
    }
}

/// `borrowed (shared)`, `reborrowed (mutable)`: behind a reference a new one is made of it.
fn borrow(variable: &VariableTimeline, mutability: Mutability, part: Option<&str>) -> String {
    let is_behind =
        part.is_some_and(|part| part.starts_with('*')) && variable.type_name.starts_with('&');
    let verb = if is_behind { "reborrowed" } else { "borrowed" };
    match mutability {
        Mutability::Shared => format!("{verb} (shared)"),
        Mutability::Mutable => format!("{verb} (mutable)"),
    }
}

/// Who borrows until where, behind the name of what is borrowed.
fn borrowed(variable: &VariableTimeline, loan: &LoanTimeline) -> String {
    let by = match &loan.borrower {
        Borrower::Variables(names) => {
            let names: Vec<String> = names
                .iter()
                .take(POSITIONS)
                .map(|name| code(name))
                .collect();
            format!(" by {}", names.join(", "))
        }
        Borrower::Call { callee, .. } => format!(" by {}", callee_text(callee)),
        Borrower::Macro(name) => format!(" by {}", macro_text(name)),
        Borrower::Closure => " by a closure that captures it".to_owned(),
        Borrower::Guard => " by the guard".to_owned(),
        Borrower::Expression => String::new(),
    };
    let is_short = loan
        .until
        .iter()
        .all(|until| until.line == loan.at.end.line);
    if let Borrower::Call { callee, .. } = &loan.borrower
        && &**callee == "the closure"
    {
        let verb = borrow(variable, loan.mutability, loan.part.as_deref());
        return format!(" called: {verb} for the call");
    }
    let until = if loan.outlives {
        " for as long as the caller keeps it".to_owned()
    } else if loan.until.is_empty() {
        String::new()
    } else {
        match &loan.borrower {
            Borrower::Call { .. } | Borrower::Macro(_) if is_short => " for the call".to_owned(),
            Borrower::Guard => String::new(),
            Borrower::Expression if is_short => " for this expression".to_owned(),
            _ => format!(" until {}", positions(&loan.until, "or")),
        }
    };
    let verb = borrow(variable, loan.mutability, loan.part.as_deref());
    format!(" {verb}{by}{until}")
}

fn dropped(
    variable: &VariableTimeline,
    (what, cause): (&DropExtent, DropCause),
    moved: &[TextPosition],
) -> Phrase {
    let name = subject(variable);
    let moved_at = |word: &str, conjunction: &str| match moved {
        [] => String::new(),
        moved => format!("{word} at {}", positions(moved, conjunction)),
    };
    match (what, cause) {
        (DropExtent::Whole, DropCause::Replaced) => Phrase {
            before: "old value of ".to_owned(),
            subject: name,
            after: " dropped: another one takes its place".to_owned(),
        },
        (DropExtent::Whole, DropCause::ScopeEnd) => Phrase::plain(name, " dropped"),
        (DropExtent::Nothing, _) => Phrase {
            before: "nothing to drop for ".to_owned(),
            subject: match moved {
                [] => name,
                moved => format!("{name} (moved at {})", positions(moved, "or")),
            },
            after: String::new(),
        },
        (DropExtent::IfThere(DropDecision::Way), _) => {
            let moved = moved_at("; on others it was moved", "or");
            Phrase::plain(name, format!(" dropped on some of the ways here{moved}"))
        }
        (DropExtent::IfThere(decision), _) => {
            let who = match decision {
                DropDecision::Variant => "its variant tells",
                _ => "a drop flag tells",
            };
            let moved = moved_at("; moved on some ways", "or");
            let after = format!(" dropped if it still has its value: {who}{moved}");
            Phrase::plain(name, after)
        }
        (DropExtent::BoxMemory(certainty), _) => {
            let if_there = match certainty {
                EventCertainty::Always => "",
                _ => " if it is still there (drop flag)",
            };
            Phrase {
                before: "only the memory of box ".to_owned(),
                subject: name,
                after: format!(
                    " freed{if_there}{}",
                    moved_at(": its content was moved", "and")
                ),
            }
        }
        (DropExtent::Parts(parts), _) if parts.is_empty() => Phrase {
            before: "what is left of ".to_owned(),
            subject: name,
            after: format!(" dropped{}", moved_at(": parts of it were moved", "and")),
        },
        (DropExtent::Parts(parts), _) => {
            let depends = parts
                .iter()
                .any(|(_, certainty)| *certainty != EventCertainty::Always);
            let names: Vec<String> = parts.iter().map(|(part, _)| code(part)).collect();
            let names = names.join(", ");
            if depends {
                let it = if parts.len() == 1 {
                    "it is"
                } else {
                    "they are"
                };
                let moved = moved_at("; moved on some ways", "or");
                let after = format!(" dropped if {it} still there (drop flag){moved}");
                return Phrase::plain(names, after);
            }
            Phrase {
                before: "of ".to_owned(),
                subject: name,
                after: format!(
                    " only {names} dropped{}",
                    moved_at(": the rest was moved", "and")
                ),
            }
        }
        (DropExtent::Unknown, _) => Phrase {
            before: "whether ".to_owned(),
            subject: name,
            after: " is dropped is not known".to_owned(),
        },
    }
}

/// A variable where it begins: `` `s`: String ``.
pub fn variable_head(variable: &VariableTimeline) -> String {
    let ty = short_type(&visible(&variable.type_name));
    let captured = match variable.role {
        VariableRole::Capture => "captured ",
        _ => "",
    };
    format!("{captured}{}: {}", subject(variable), crate::cut(&ty, 48))
}

/// A state in one or two words.
pub fn ownership_state(state: OwnershipState) -> &'static str {
    match state {
        OwnershipState::Uninitialised => "without a value",
        OwnershipState::Live => "owns its value",
        OwnershipState::Borrowed(Mutability::Shared) => "borrowed (shared)",
        OwnershipState::Borrowed(Mutability::Mutable) => "borrowed (mutable)",
        OwnershipState::PartlyMoved => "partly moved",
        OwnershipState::Moved => "moved",
        OwnershipState::Dropped => "dropped",
        OwnershipState::Depends => "depends on the way",
        OwnershipState::Unknown => "unknown",
    }
}

/// What is missing of a function's facts; `None` where nothing is.
pub fn fact_confidence(function: &FunctionTimeline) -> Option<String> {
    let what = match function.confidence {
        FactConfidence::Full => return None,
        FactConfidence::Partial => "some of its steps are not known",
        FactConfidence::WithoutLoans => "its borrows are not known",
        FactConfidence::Events => "what its variables are between the events is not known",
        FactConfidence::Declarations => "only its variables are known",
    };
    let reason = function.reason.as_deref().unwrap_or("without a reason");
    Some(format!("{what}: {}", visible(reason)))
}
