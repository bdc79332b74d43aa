//! What is dropped at run time: the program says it itself.

mod common;

use std::collections::BTreeSet;
use std::process::Command;

use common::{compile_text, toolchains};
use stackheap_mir::{DropDone, EventKind, Facts, Projection, pair_elaborated, parse};

/// Values print their names when they are dropped, and are named as their places are.
const PROGRAM: &str = r#"
use std::mem::forget;
struct D(&'static str);
impl Drop for D {
    fn drop(&mut self) { println!("{}", self.0); }
}
fn run(flag: bool) {
    let always = D("always");
    let never = D("never");
    forget(never);
    let kept_unless = D("kept_unless");
    if flag { forget(kept_unless); }
    let made_if;
    if flag { made_if = D("made_if"); }
    let pair = (D("pair.0"), D("pair.1"));
    forget(pair.0);
    let triple = (D("triple.0"), (D("triple.1.0"), D("triple.1.1")));
    if flag { forget(triple.1.0); }
    let boxed = Box::new(D("*boxed"));
    forget(*boxed);
    let maybe = if flag { Some(D("maybe")) } else { None };
    let taken = Some(D("taken"));
    if let Some(inner) = taken { forget(inner); }
    let mut replaced = D("replaced");
    if flag { return; }
    forget(std::mem::replace(&mut replaced, D("replaced")));
    let late = D("late");
}
fn main() { run(std::env::args().count() > 1); }
"#;

/// What is said of a place, over all drops of it.
#[derive(Default)]
struct Said {
    always: BTreeSet<String>,
    sometimes: BTreeSet<String>,
    never: BTreeSet<String>,
}

fn printed(executable: &std::path::Path, arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(executable).args(arguments).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn drops_are_done_as_said() {
    for toolchain in toolchains() {
        let asked = ["--emit=link", "-Zunstable-options"];
        let compiled = compile_text(toolchain, PROGRAM, &asked);
        assert!(compiled.is_accepted, "{}", compiled.messages);
        let executable = compiled.directory.path().join("program");
        let with = printed(&executable, &["flag"]);
        let without = printed(&executable, &[]);

        let said = said(&compiled);
        let both: BTreeSet<String> = with.intersection(&without).cloned().collect();
        let one: BTreeSet<String> = with.symmetric_difference(&without).cloned().collect();
        // `late` is dropped whenever control flow comes there, which it does in one run only.
        let always: BTreeSet<String> = both.union(&["late".to_owned()].into()).cloned().collect();
        let mut sometimes = one.clone();
        sometimes.remove("late");
        // Whether there is something in an enum, its drop finds out by itself.
        sometimes.remove("maybe");
        let mut said_always = said.always.clone();
        assert!(said_always.remove("maybe"));
        assert_eq!(said_always, always);
        assert_eq!(said.sometimes, sometimes);
        assert!(
            said.never.is_disjoint(&with) && said.never.is_disjoint(&without),
            "{:?} {with:?} {without:?}",
            said.never
        );
        for name in ["never", "taken"] {
            assert!(said.never.contains(name), "{:?}", said.never);
        }
    }
}

/// What the facts of `run` say, without what happens in a panic.
fn said(compiled: &common::Printed) -> Said {
    let (elaborated, _) = parse(&compiled.elaborated);
    let checked: Vec<_> = compiled
        .checked
        .iter()
        .flat_map(|text| parse(text).0)
        .collect();
    let pairs = pair_elaborated(&checked, &elaborated);
    let (body, other) = checked
        .iter()
        .zip(pairs)
        .find(|(body, _)| body.name == "run")
        .unwrap();
    let (facts, _) = Facts::of(body, other);
    assert!(facts.has_elaborated_drops);
    let mut said = Said::default();
    for event in facts.events.iter().filter(|event| !event.is_cleanup) {
        let EventKind::Dropped { place, done, .. } = &event.kind else {
            continue;
        };
        let Some(variable) = body.variables_of(place.local).next() else {
            continue;
        };
        let name = variable.name.to_owned();
        match done {
            DropDone::Always => said.always.insert(name),
            DropDone::Never => said.never.insert(name),
            DropDone::Conditional(_) => said.sometimes.insert(name),
            DropDone::Parts(parts) => {
                for (part, condition) in parts {
                    let mut name = name.clone();
                    for projection in &part.projection {
                        if let Projection::Field(index, _) = projection {
                            name.push_str(&format!(".{index}"));
                        }
                    }
                    match condition {
                        Some(_) => said.sometimes.insert(name),
                        None => said.always.insert(name),
                    };
                }
                true
            }
            DropDone::Memory(_) => true,
            DropDone::Unknown => panic!("{name} is unknown"),
        };
    }
    // Where something is assigned, there may have been nothing to drop before.
    let dropped: BTreeSet<String> = said.always.union(&said.sometimes).cloned().collect();
    said.never.retain(|name| !dropped.contains(name));
    said
}
