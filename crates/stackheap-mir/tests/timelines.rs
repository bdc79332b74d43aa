//! What happens to the variables of small programs, line by line.
//!
//! A comment `//~` lists all events of variables of its line, as one knows them from the language;
//! a line without it has none. Storage, copies of numbers and what panics do are left out, unless
//! `unwind` is asked for.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use common::{Toolchain, compile_text, toolchains};
use stackheap_mir::{
    BorrowKind, Confidence, Destination, DropCondition, DropDone, Event, EventKind, Facts,
    PathState, Place, Projection, pair_elaborated, parse,
};

#[track_caller]
fn check(program: &str) {
    for toolchain in toolchains() {
        check_in(toolchain, program, false);
    }
}

#[track_caller]
fn check_unwind(program: &str) {
    for toolchain in toolchains() {
        check_in(toolchain, program, true);
    }
}

#[track_caller]
fn check_in(toolchain: Toolchain, program: &str, unwinds: bool) {
    let printed = compile_text(toolchain, program, &["--crate-type=lib"]);
    assert!(printed.is_accepted, "{}", printed.messages);
    let (elaborated, problems) = parse(&printed.elaborated);
    assert!(problems.is_empty(), "{problems:?}");
    let checked: Vec<_> = printed
        .checked
        .iter()
        .flat_map(|text| parse(text).0)
        .collect();
    let mut found: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (body, other) in checked.iter().zip(pair_elaborated(&checked, &elaborated)) {
        assert_eq!(other.is_none(), body.is_coroutine, "{}", body.name);
        let (facts, problems) = Facts::of(body, other);
        assert!(
            problems.is_empty() && facts.confidence == Confidence::Full,
            "{problems:?}"
        );
        for event in facts
            .events
            .iter()
            .filter(|event| event.is_cleanup == unwinds)
        {
            let (Some(text), Some(span)) = (describe(&facts, event), event.span) else {
                continue;
            };
            if span.file.ends_with("program.rs") {
                found.entry(span.start.line).or_default().push(text);
            }
        }
    }
    let (mut expected, mut actual) = (String::new(), String::new());
    for (index, line) in program.lines().enumerate() {
        let (code, comment) = line.split_once("//~").unwrap_or((line, ""));
        let mut events = found
            .remove(&u32::try_from(index + 1).unwrap())
            .unwrap_or_default();
        let mut wanted: Vec<String> = comment
            .split(';')
            .map(|event| event.trim().to_owned())
            .filter(|event| !event.is_empty())
            .collect();
        events.sort();
        events.dedup();
        wanted.sort();
        writeln!(expected, "{} //~ {}", code.trim_end(), wanted.join("; ")).unwrap();
        writeln!(actual, "{} //~ {}", code.trim_end(), events.join("; ")).unwrap();
    }
    assert!(
        expected == actual,
        "expected:\n{expected}\nfound:\n{actual}"
    );
}

/// An event of a variable, in short.
fn describe(facts: &Facts<'_, '_>, event: &Event<'_>) -> Option<String> {
    let place = |place: &Place<'_>| named(facts, place);
    Some(match &event.kind {
        EventKind::Assigned {
            place: to, before, ..
        } => {
            let has_value = before.contains(PathState::INITIALIZED);
            let verb = match *before {
                PathState::UNKNOWN => "write",
                _ if has_value => "overwrite",
                _ => "init",
            };
            format!("{verb} {}", place(to)?)
        }
        EventKind::Moved {
            place: from,
            destination,
            ..
        } => {
            let to = match destination {
                Destination::Place(to) => place(to).unwrap_or_else(|| to.to_string()),
                Destination::Part {
                    aggregate, index, ..
                } => {
                    format!("{}#{index}", aggregate.split("@").next().unwrap())
                }
                Destination::Argument { callee, index, .. } => {
                    let callee = callee.split("::<").next().unwrap();
                    format!("{}({index})", callee.rsplit("::").next().unwrap())
                }
                Destination::Yield => "yield".to_owned(),
                _ => "?".to_owned(),
            };
            format!("move {} to {to}", place(from)?)
        }
        EventKind::Borrowed {
            place: from,
            kind,
            loan,
        } => {
            let verb = match kind {
                BorrowKind::Shared => "borrow",
                BorrowKind::Mutable => "borrow mut",
                _ => return None,
            };
            let mut text = format!("{verb} {}", place(from)?);
            if let Some(loan) = loan.and_then(|loan| facts.loan(loan)) {
                let lines = loan.ends.iter().map(|end| {
                    facts
                        .body
                        .source(*end)
                        .unwrap()
                        .span
                        .unwrap()
                        .end
                        .line
                        .to_string()
                });
                let mut lines: Vec<String> = lines.collect();
                lines.sort();
                lines.dedup();
                let ends = if loan.escapes { "caller" } else { "until" };
                write!(text, " {ends} {}", lines.join(",")).unwrap();
            }
            text
        }
        EventKind::Dropped {
            place: dropped,
            done,
            ..
        } => {
            let name = place(dropped)?;
            match done {
                DropDone::Always => format!("drop {name}"),
                DropDone::Never => return None,
                DropDone::Conditional(condition) => {
                    format!("drop {name}{}", on(Some(*condition)))
                }
                DropDone::Memory(condition) => format!("free {name}{}", on(*condition)),
                DropDone::Parts(parts) => {
                    let part = |(part, condition): &(Place<'_>, Option<_>)| {
                        format!("{}{}", place(part).unwrap(), on(*condition))
                    };
                    let parts: Vec<String> = parts.iter().map(part).collect();
                    format!("drop {}", parts.join(" and "))
                }
                DropDone::Unknown => format!("drop {name} ?"),
            }
        }
        _ => return None,
    })
}

fn on(condition: Option<DropCondition>) -> &'static str {
    match condition {
        Some(DropCondition::Flag(_)) => " if flag",
        Some(DropCondition::Variant) => " if variant",
        Some(DropCondition::Way) => " if way",
        None => "",
    }
}

/// A place by the name of its variable; `None` for temporaries.
fn named(facts: &Facts<'_, '_>, place: &Place<'_>) -> Option<String> {
    let fits = |variable: &&stackheap_mir::Variable<'_>| {
        variable.place().is_some_and(|own| {
            own.local == place.local && place.projection.starts_with(&own.projection)
        })
    };
    let variable = facts.body.variables.iter().rev().find(fits)?;
    let known = variable.place()?.projection.len();
    let mut name = variable.name.to_owned();
    for projection in &place.projection[known..] {
        match projection {
            Projection::Deref => name = format!("*{name}"),
            Projection::Field(index, _) => write!(name, ".{index}").ok()?,
            Projection::Downcast(variant) => write!(name, " as {variant}").ok()?,
            _ => name.push_str("[]"),
        }
    }
    Some(name)
}

#[test]
fn whole_values() {
    check(
        "pub fn consume(s: String) -> usize {
    s.len() //~ borrow s until 2
} //~ drop s
pub fn f() {
    let s = String::new(); //~ init s
    let t = s; //~ move s to t; init t
    consume(t); //~ move t to consume(0)
    let u; let v = String::new(); //~ init v
    u = v; //~ move v to u; init u
    let mut w = String::new(); //~ init w
    w = String::new(); //~ drop w; init w
} //~ drop u; drop w
",
    );
}

#[test]
fn drop_flags() {
    check(
        "pub fn f(flag: bool) {
    let s = String::new(); //~ init s
    let later; //~
    if flag {
        drop(s); //~ move s to drop(0)
        later = String::new(); //~ init later
        later.len(); //~ borrow later until 7
    }
} //~ drop s if flag; drop later if flag
pub fn on_each_way(flag: bool) {
    let s = String::new(); //~ init s
    if flag {
        drop(s); //~ move s to drop(0)
    } else {
        std::mem::forget(s); //~ move s to forget(0)
    }
}
",
    );
}

#[test]
fn parts() {
    check(
        "pub struct Pair { a: String, b: String }
pub fn f(p: Pair) -> String {
    let l = p.a; //~ move p.0 to l; init l
    l //~ move l to _0
} //~ drop p.1
pub enum Any { Text(String), Two(String, String), Nothing }
pub fn g(m: Any) -> usize {
    match m {
        Any::Text(s) => s.len(), //~ move m as Text.0 to s; init s; borrow s until 9; drop s
        Any::Two(..) => 1,
        Any::Nothing => 0,
    }
} //~ drop m if variant
pub fn h(b: Box<String>) -> String {
    *b //~ move *b to _0
} //~ free b
",
    );
}

#[test]
fn loans() {
    check(
        "pub fn f() {
    let mut v = Vec::from([1]); //~ init v
    v.push(v.len()); //~ borrow mut v until 3; borrow v until 3
    let m = &mut v; //~ borrow mut v until 8; init m
    m.push(1); //~ borrow mut *m until 5
    let again = &mut *m; //~ borrow mut *m until 7; init again
    again.push(2); //~ borrow mut *again until 7
    m.push(3); //~ borrow mut *m until 8
    let first = &v[0]; //~ borrow v until 10; init first
    drop(*first);
} //~ drop v
pub fn g(v: &mut Vec<u8>) -> &u8 {
    &v[0] //~ borrow *v caller 14
}
",
    );
}

/// On the way on which nothing was found the loan goes on, for the borrow checker: what `p` holds
/// later has the same region.
#[test]
fn loans_end_where_the_reference_is_overwritten() {
    check(
        "pub struct List { next: Option<Box<List>>, n: u8 }
pub fn last(list: &mut List) {
    let mut p = list; //~ move list to p; init p
    while let Some(next) = &mut p.next { //~ borrow mut *p.0 until 5,7; init next
        p = next; //~ borrow mut **next until 6; overwrite p
    }
    p.n = 1; //~ write *p.1
}
pub fn arguments(n: u8, s: String) -> (u8, String) {
    (n, s) //~ move s to (#1
}
pub fn f(s: String) -> (u8, String) {
    arguments(1, s) //~ move s to arguments(1)
}
",
    );
}

#[test]
fn captures() {
    check(
        "pub fn f() -> usize {
    let a = String::new(); //~ init a
    let b = String::new(); //~ init b
    let mut n = 0; //~ init n
    let mut add = || n += b.len(); //~ borrow mut n until 6; borrow b until 6; init add; write n; borrow b
    add(); //~ borrow mut add until 6
    let give = move || a; //~ move a to {closure#0; init give; move a to _0
    give().len() + n //~ move give to call_once(0)
} //~ drop b
",
    );
}

#[test]
fn unwinding() {
    check_unwind(
        "pub fn g(_: &str) {}
pub fn f(flag: bool) {
    let s = String::new();
    let t = String::new();
    g(&t);
    if flag { drop(s); }
    g(&t);
} //~ drop s if flag; drop t
",
    );
}

#[test]
fn coroutines() {
    check(
        "pub async fn g() {}
pub async fn f(x: String) -> usize { //~ move x to x; init x; move x to {coroutine#0
    let y = String::new(); //~ init y
    g().await; //~ init __awaitee; borrow mut __awaitee until 4; init result; overwrite _task_context; drop __awaitee
    x.len() + y.len() //~ borrow x until 5; borrow y until 5
} //~ drop y; drop x
",
    );
}
