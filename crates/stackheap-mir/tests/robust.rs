//! Text that is damaged must neither stop the reader nor make what it gives inconsistent.

mod common;

#[path = "../../../tests/support/random.rs"]
mod random;

use common::{Toolchain, compile_text};
use random::Random;
use stackheap_mir::{Body, Confidence, Facts, PROBLEM_LIMIT, ProblemKind, pair_elaborated, parse};

const PROGRAM: &str = "
pub enum Any { Text(String), Pair(Box<String>, [u8; 4]), Nothing }
pub fn f(mut a: Any, flag: bool) -> Result<String, std::num::ParseIntError> {
    let n: u8 = \"1\\\"'{\".parse()?;
    let r = &mut a;
    if flag { *r = Any::Nothing; }
    match a {
        Any::Text(s) if s.len() > 3 => Ok(s),
        Any::Pair(b, [x, .., y]) => Ok(*b + &format!(\"{x}{y}{n}\")),
        other => { std::mem::forget(other); Ok(String::from('\\'')) }
    }
}
pub async fn g(s: String) -> usize { let c = move || s.len(); async {}.await; c() }
pub const fn h(x: usize) -> [usize; 2] { [x; 2] }
";

/// Texts that can stand anywhere in a line.
const PIECES: [&str; 22] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    "->",
    "\"",
    "'",
    "\\",
    "//",
    "/*",
    "_1",
    "bb0",
    "move ",
    "\n",
    " ",
    "é",
    "| '?1 | U0 | {",
    "4294967295",
];

fn texts() -> Vec<String> {
    let printed = compile_text(Toolchain::Default, PROGRAM, &["--crate-type=lib"]);
    assert!(printed.is_accepted, "{}", printed.messages);
    let mut texts = printed.checked.clone();
    texts.push(printed.elaborated.clone());
    texts
}

/// What can be asked of a text, which must hold whatever it is. The bodies that are whole.
fn look(text: &str) -> usize {
    let (bodies, problems) = parse(text);
    assert!(problems.len() <= PROBLEM_LIMIT + bodies.len());
    let lines = u32::try_from(text.lines().count()).unwrap();
    assert!(
        problems.iter().all(|problem| problem.line <= lines),
        "{problems:?} of {lines}"
    );
    for (body, other) in bodies.iter().zip(pair_elaborated(&bodies, &bodies)) {
        let (facts, _) = Facts::of(body, other);
        assert!(body.flow_is_whole || facts.confidence <= Confidence::WithoutFlow);
        for event in &facts.events {
            assert!(body.source(event.location).is_some(), "{event:?}");
        }
        for variable in &body.variables {
            if let (Some(path), Some(place)) = (facts.path_of(variable), variable.place()) {
                assert_eq!(facts.paths.get(path).unwrap().local, place.local);
                for location in body.locations().take(50) {
                    facts.states_of_parts(location, path);
                }
            }
        }
        for loan in &facts.loans {
            assert!(loan.live.windows(2).all(|two| two[0] < two[1]), "{loan:?}");
        }
    }
    bodies.iter().filter(|body| is_whole(body)).count()
}

fn is_whole(body: &Body<'_>) -> bool {
    body.flow_is_whole && body.opaque == 0
}

#[test]
fn texts_that_are_cut_short_give_what_is_before() {
    for text in texts() {
        let whole = look(&text);
        assert!(whole > 0);
        let mut seen = 0;
        let step = (text.len() / 300).max(1);
        for at in (0..text.len())
            .step_by(step)
            .filter(|at| text.is_char_boundary(*at))
        {
            let found = look(&text[..at]);
            assert!(
                found >= seen,
                "{found} whole bodies of {at} bytes, {seen} of less"
            );
            seen = found;
        }
        assert!(seen <= whole);
    }
}

#[test]
fn a_cut_is_told() {
    let text = texts().remove(0);
    let at = text.rfind("return;").unwrap();
    let (bodies, problems) = parse(&text[..at]);
    assert!(
        problems
            .iter()
            .any(|problem| problem.kind == ProblemKind::CutShort),
        "{problems:?}"
    );
    let body = bodies.last().unwrap();
    let (facts, _) = Facts::of(body, None);
    assert_eq!(facts.confidence, Confidence::WithoutFlow);
    assert!(facts.flow.is_none() && !facts.events.is_empty());
}

#[test]
fn damaged_texts_are_read_consistently() {
    let mut random = Random(1);
    let texts = texts();
    let mut whole = 0;
    const ROUNDS: usize = 600;
    for round in 0..ROUNDS {
        let mut text = texts[round % texts.len()].clone().into_bytes();
        for _ in 0..=random.below(4) {
            let at = random.below(text.len());
            match random.below(3) {
                0 => drop(text.drain(at..(at + random.below(40)).min(text.len()))),
                1 => drop(text.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
                _ => text[at] = b" _1({<\""[random.below(7)],
            }
        }
        whole += usize::from(look(&String::from_utf8_lossy(&text)) > 0);
    }
    assert!(
        (ROUNDS / 20..ROUNDS).contains(&whole),
        "{whole} of {ROUNDS} have a whole body"
    );
}

#[test]
fn what_is_long_or_deep_is_read_in_time() {
    let deep = "(".repeat(1 << 20);
    let derefs = "(*".repeat(1 << 19);
    let quotes = "'\\".repeat(1 << 19);
    let moves = "move (_1.0: ".repeat(1 << 16);
    let scopes: String = (0..1 << 16)
        .map(|n| format!("    scope {n} {{\n"))
        .collect();
    let chain: String = (0..20_000)
        .map(|n| {
            format!(
                "    bb{n}: {{\n        _2 = move _3;\n        goto -> bb{};\n    }}\n",
                n + 1
            )
        })
        .collect();
    for text in [
        format!("fn f() -> () {{\n    bb0: {{\n        _1 = {deep};\n    }}\n}}\n"),
        format!("fn f() -> () {{\n    bb0: {{\n        {derefs}_1 = _2;\n    }}\n}}\n"),
        format!("fn f(_1: {deep}{quotes}) -> () {{\n}}\n"),
        format!(
            "fn f() -> () {{\n    bb0: {{\n        _1 = frob {moves};\n        {moves}\n    }}\n}}\n"
        ),
        format!("fn f() -> () {{\n{scopes}\n}}\n"),
        format!(
            "fn f() -> () {{\n    let _2: T;\n    let _3: T;\n{chain}    bb20000: {{\n        return;\n    }}\n}}\n"
        ),
        "fn f\n".repeat(100_000),
        "bw0: issued\n| Borrows\n".repeat(100_000),
    ] {
        look(&text);
    }
}

#[test]
fn what_is_opaque_stays_local() {
    let texts = texts();
    let text = texts
        .iter()
        .find(|text| text.contains("`f` 0 nll"))
        .unwrap();
    let changed = text.replacen("PlaceMention(", "FrobnicatePlace(", 1);
    assert_ne!(*text, changed);
    let (bodies, problems) = parse(&changed);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(matches!(problems[0].kind, ProblemKind::OpaqueStatement(_)));
    let (facts, _) = Facts::of(&bodies[0], None);
    assert_eq!(
        (bodies[0].opaque, facts.confidence),
        (1, Confidence::ExceptOpaque)
    );
    let (before, _) = parse(text);
    let (before, _) = Facts::of(&before[0], None);
    assert_eq!(before.confidence, Confidence::Full);
    assert_eq!(before.loans, facts.loans);
    assert_eq!(before.events.len(), facts.events.len());
    // Without the header there are no loans, and all else.
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with('|'))
        .fold(String::new(), |all, line| all + line + "\n");
    let (bodies, problems) = parse(&without);
    assert!(problems.is_empty(), "{problems:?}");
    let (facts, _) = Facts::of(&bodies[0], None);
    assert_eq!(facts.confidence, Confidence::WithoutLoans);
    assert!(facts.loans.is_empty() && facts.flow.is_some());
}
