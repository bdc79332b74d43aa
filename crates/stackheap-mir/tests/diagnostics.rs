//! Where the compiler refuses a program, it says what was moved, borrowed and used where. The facts
//! of the same body must say the same, to the character.

mod common;

use common::{compile_text, toolchains};
use serde_json::Value;
use stackheap_mir::{
    EventKind, Facts, Loan, Location, PathState, Position, Span, StatementKind, TerminatorKind,
    parse,
};

const PROGRAM: &str = r#"
struct Pair { a: String, b: String }
fn consume(s: String) -> usize { s.len() }

fn moved_whole() {
    let s = String::from("é"); let t = s; println!("{s}{t}");
}
fn moved_into_call(flag: bool) {
    let s = String::new();
    if flag { consume(s); }
    consume(s);
}
fn moved_in_part() {
    let p = Pair { a: String::new(), b: String::new() };
    let a = p.a;
    let q = p;
    drop((a, q));
}
fn moved_in_loop() {
    let s = String::new();
    loop { consume(s); }
}
fn moved_out_of_enum(o: Option<String>) -> usize {
    let n = match o { Some(text) => text.len(), None => 0 };
    n + o.map_or(0, |s| s.len())
}
fn moved_out_of_box(b: Box<String>) -> usize {
    let s = *b;
    s.len() + b.len()
}
fn two_mutable() {
    let mut v = vec![1];
    let ü = &mut v; let second = &mut v;
    ü.push(1);
    second.push(2);
}
fn mutable_and_shared() {
    let mut v = vec![1];
    let first = &v[0];
    v.push(2);
    println!("{first}");
}
fn moved_while_borrowed() {
    let s = String::new();
    let r = &s;
    let t = s;
    println!("{r}{t}");
}
fn assigned_while_borrowed() {
    let mut x = 1;
    let r = &x;
    x = 2;
    println!("{r}");
}
fn dropped_while_borrowed() {
    let r;
    {
        let s = String::new();
        r = &s;
    }
    println!("{r}");
}
fn fields_of_a_reference(p: &mut Pair) {
    let a = &mut p.a;
    let whole = &mut *p;
    a.push('x');
    whole.b.push('y');
}
fn first(v: &mut Vec<String>) -> &str { &v[0] }
fn through_a_call(v: &mut Vec<String>) -> &str {
    let f = first(v);
    v.clear();
    f
}
fn main() {}
"#;

/// A label of a message, with its span.
#[derive(Debug)]
struct Label {
    text: String,
    is_primary: bool,
    start: Position,
    end: Position,
}

impl Label {
    fn is_at(&self, span: Option<Span<'_>>) -> bool {
        span.is_some_and(|span| span.start == self.start && span.end == self.end)
    }
}

#[test]
fn facts_are_where_the_compiler_points_to() {
    for toolchain in toolchains() {
        let printed = compile_text(toolchain, PROGRAM, &[]);
        assert!(!printed.is_accepted);
        let messages = messages(&printed.messages);
        assert_eq!(messages.len(), 13, "{messages:#?}");
        let bodies: Vec<_> = printed
            .checked
            .iter()
            .flat_map(|text| parse(text).0)
            .collect();
        let facts: Vec<_> = bodies.iter().map(|body| Facts::of(body, None).0).collect();
        let mut checked = 0;
        for labels in &messages {
            checked += check(&facts, labels);
        }
        let labels: usize = messages.iter().map(Vec::len).sum();
        // All but three that explain, and two of a use behind the end of a loan.
        assert!(
            checked >= 30 && checked + 5 >= labels,
            "{checked} of {labels} labels compared"
        );
    }
}

/// The labels of each error.
fn messages(text: &str) -> Vec<Vec<Label>> {
    let parsed = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let errors = parsed.filter(|message| message["code"].is_object());
    let number = |span: &Value, key: &str| u32::try_from(span[key].as_u64().unwrap()).unwrap();
    let label = |span: &Value| Label {
        is_primary: span["is_primary"] == true,
        text: span["label"].as_str().unwrap_or_default().to_owned(),
        start: Position {
            line: number(span, "line_start"),
            column: number(span, "column_start"),
        },
        end: Position {
            line: number(span, "line_end"),
            column: number(span, "column_end"),
        },
    };
    errors
        .map(|message| {
            message["spans"]
                .as_array()
                .unwrap()
                .iter()
                .map(label)
                .collect()
        })
        .collect()
}

/// How many labels of a message could be compared.
fn check(all: &[Facts<'_, '_>], labels: &[Label]) -> usize {
    let line = labels[0].start.line;
    let facts = all
        .iter()
        .filter(|facts| {
            let span = facts
                .body
                .local(stackheap_mir::Local::RETURN_PLACE)
                .unwrap()
                .source
                .span;
            span.unwrap().start.line <= line
        })
        .max_by_key(|facts| {
            let local = facts
                .body
                .local(stackheap_mir::Local::RETURN_PLACE)
                .unwrap();
            local.source.span.unwrap().start.line
        })
        .unwrap();
    // The primary label is the access, unless the message is about the end of what is borrowed.
    let is_borrow = |label: &&Label| {
        let text = label.text.as_str();
        text.contains("borrow") && !text.contains("later used") && !text.contains("dropped")
    };
    let is_primary = |label: &&Label| label.is_primary;
    let secondary = labels
        .iter()
        .filter(|label| !is_primary(label) && is_borrow(label));
    let primary = labels
        .iter()
        .filter(|label| is_primary(label) && is_borrow(label));
    let borrowed = secondary
        .chain(primary)
        .find_map(|label| loan_at(facts, label));
    // What is overwritten, and what has no memory any more, ends its loans, also where it is refused.
    let ends = ["assigned to here", "dropped here while"];
    let is_ended = labels
        .iter()
        .any(|label| ends.iter().any(|end| label.text.contains(end)));
    let compared = labels.iter().filter(|label| {
        let is_behind = is_ended && label.text.contains("later used");
        !is_behind && check_label(facts, label, borrowed)
    });
    compared.count()
}

/// The loan of a borrow that a label points to. A two-phase borrow that comes too late is said to be
/// where it is activated.
fn loan_at<'a, 't>(facts: &'a Facts<'_, 't>, label: &Label) -> Option<&'a Loan<'t>> {
    facts.loans.iter().find(|loan| {
        let activation = loan.activation.and_then(|at| facts.body.source(at));
        label.is_at(loan.span) || activation.is_some_and(|source| label.is_at(source.span))
    })
}

/// Whether a label says what a fact says too; that it does not say something else.
fn check_label(facts: &Facts<'_, '_>, label: &Label, borrowed: Option<&Loan<'_>>) -> bool {
    let text = label.text.as_str();
    let body = facts.body;
    let has_event = |wanted: fn(&EventKind<'_>) -> bool| {
        facts
            .events
            .iter()
            .any(|event| label.is_at(event.span) && wanted(&event.kind))
    };
    let here: Vec<Location> = body
        .locations()
        .filter(|location| label.is_at(body.source(*location).and_then(|source| source.span)))
        .collect();
    let on_loan = || {
        let loan = borrowed.unwrap_or_else(|| panic!("{}: no loan for {label:?}", body.name));
        here.iter().any(|location| loan.is_live(*location))
    };
    let declared = ["move occurs because `", "binding `"];
    let name = declared
        .iter()
        .find_map(|start| text.strip_prefix(start)?.split('`').next());
    let holds = if let Some(name) = name.filter(|name| !name.contains(['.', '*'])) {
        let mut named = body
            .variables
            .iter()
            .filter(|variable| variable.name == name);
        named.any(|variable| label.is_at(variable.source.span))
    } else if text.contains("moved here") || text.starts_with("move out of") {
        has_event(|kind| matches!(kind, EventKind::Moved { .. }))
    } else if text.contains("here after") {
        // Of a part that was moved the state is its own.
        here.iter().any(|location| {
            let moved = |state: &PathState| state.contains(PathState::MOVED);
            let states = facts
                .flow
                .as_ref()
                .unwrap()
                .all_before(body, &facts.paths, *location);
            states.iter().any(moved)
        })
    } else if text.contains("later used here") || text.contains("used here, in later") {
        on_loan()
    } else if text.contains("dropped here while still borrowed") {
        let ends = |location: &Location| match body.statement(*location) {
            Some(statement) => matches!(statement.kind, StatementKind::StorageDead(_)),
            None => body
                .terminator(*location)
                .is_some_and(|t| matches!(t.kind, TerminatorKind::Drop(_))),
        };
        here.iter().any(ends) && on_loan()
    } else if text.contains("assigned to here") {
        has_event(|kind| matches!(kind, EventKind::Assigned { .. })) && on_loan()
    } else if text.contains("borrow occurs here")
        || text.starts_with("borrow of")
        || text.ends_with("is borrowed here")
        || text.starts_with("borrowed value does not")
    {
        loan_at(facts, label).is_some()
    } else {
        eprintln!("not compared: {text}");
        return false;
    };
    assert!(holds, "{}: {label:?} {:?}", body.name, facts.events);
    true
}

#[test]
fn loans_end_with_their_last_use() {
    // The compiler accepts each of these, and refuses it with the last line before the last use.
    let program = |early: &str, late: &str| {
        format!(
            "fn main() {{\n    let mut v = vec![1];\n    let first = &mut v;\n    first.push(1);\n    \
             {early}\n    first.push(2);\n    {late}\n}}\n"
        )
    };
    let access = "v.push(3);";
    for toolchain in toolchains() {
        let accepted = compile_text(toolchain, &program("", access), &[]);
        let refused = compile_text(toolchain, &program(access, ""), &[]);
        assert!(accepted.is_accepted && !refused.is_accepted);
        let (bodies, _) = parse(&accepted.checked[0]);
        let (facts, _) = Facts::of(&bodies[0], None);
        let loan = facts.loans.iter().find(|loan| {
            loan.span.is_some_and(|span| {
                span.start
                    == Position {
                        line: 3,
                        column: 17,
                    }
            })
        });
        let line_of =
            |location: &Location| facts.body.source(*location).unwrap().span.unwrap().end.line;
        let ends: Vec<u32> = loan.unwrap().ends.iter().map(line_of).collect();
        assert_eq!(ends, [6]);
    }
}
