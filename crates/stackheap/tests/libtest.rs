//! What tests print while the test harness captures it: tied to the step that wrote it, and the same
//! bytes as the harness prints in the end.

#[path = "support/harness.rs"]
mod harness;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stackheap_interpret::{Opened, Program, StateLimits, Walk, state_at};
use stackheap_model::{Event, EventKind, OutputStream, State, StepNumber};
use stackheap_trace::Recording;

const MANIFEST: &str = "\
[package]
name = \"printing\"
version = \"0.1.0\"
edition = \"2021\"

[workspace]
";

/// Each print begins with a word that no other line of the file has. `fails` has a value that is
/// dropped while it unwinds, so that the program stops once more after the panic's own message.
const TESTS: &str = r#"
use std::fmt;

struct Loud(u32);

impl fmt::Display for Loud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let twice = self.0 * 2;
        write!(f, "loud {twice}")
    }
}

impl Drop for Loud {
    fn drop(&mut self) {
        println!("dropped {}", self.0);
    }
}

fn helper(number: u32) -> u32 {
    println!("helper has {number}");
    number + 1
}

#[test]
fn fails() {
    let loud = Loud(100);
    for round in 0..3 {
        println!("round {round}");
    }
    eprintln!("error output {}", loud.0);
    assert_eq!(1 + 1, 3, "no sum");
}

#[test]
fn passes() {
    let first = 1;
    println!("first {first}");
    let second = helper(first);
    println!("sum {}", helper(second));
    let loud = Loud(7);
    println!("shown {loud}, {}", Loud(8));
    print!("open end, ");
    print!("");
    println!("closed");
    println!("many {}", "crab 🦀 ".repeat(300));
    let worker = std::thread::Builder::new().name("worker".to_owned());
    let worker = worker.spawn(move || {
        println!("thread {second}");
        second
    });
    let joined = worker.unwrap().join().unwrap();
    println!("last {joined}");
}
"#;

/// What is printed, by the test's name, with a part of the line that prints it.
fn prints() -> Vec<(&'static str, String, &'static str)> {
    let mut prints = Vec::new();
    for round in 0..3 {
        prints.push(("fails", format!("round {round}\n"), "println!(\"round"));
    }
    prints.push((
        "fails",
        "error output 100\n".to_owned(),
        "eprintln!(\"error output",
    ));
    prints.push(("fails", "dropped 100\n".to_owned(), "println!(\"dropped"));
    let many = format!("many {}\n", "crab 🦀 ".repeat(300));
    for (text, line) in [
        ("first 1\n", "println!(\"first"),
        ("helper has 1\n", "println!(\"helper has"),
        ("helper has 2\n", "println!(\"helper has"),
        ("sum 3\n", "println!(\"sum"),
        ("shown loud 14, loud 16\n", "println!(\"shown"),
        ("dropped 8\n", "println!(\"dropped"),
        ("open end, ", "print!(\"open end"),
        ("closed\n", "println!(\"closed"),
        (&*many, "println!(\"many"),
        ("thread 2\n", "println!(\"thread"),
        ("last 2\n", "println!(\"last"),
        ("dropped 7\n", "println!(\"dropped"),
    ] {
        prints.push(("passes", text.to_owned(), line));
    }
    prints
}

fn line_of(source: &str, part: &str) -> u32 {
    let mut lines = source.lines().zip(1..);
    let line = lines.find(|(line, _)| line.contains(part));
    line.unwrap_or_else(|| panic!("no line has {part}")).1
}

fn package(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let directory = harness::fresh(name);
    harness::write(&directory, "Cargo.toml", MANIFEST);
    for (path, text) in files {
        harness::write(&directory, path, text);
    }
    directory
}

struct Run<'a> {
    directory: &'a Path,
    target: &'a [&'a str],
    /// Variables of the environment.
    variables: &'a [(&'a str, &'a str)],
}

impl Run<'_> {
    /// Records the tests; gives what they printed, and the recording.
    fn record(&self) -> (Output, Opened) {
        let recording = self.directory.join("tests.stackheap");
        let output = harness::stackheap()
            .args(["run", "-q", "--no-open", "--offline"])
            .args(self.target)
            .arg("-o")
            .arg(&recording)
            .args(["--", "--show-output"])
            .current_dir(self.directory)
            .env("CARGO_TARGET_DIR", self.directory.join("target"))
            .env_remove("CARGO")
            .env_remove("RUSTC")
            .env_remove("RUSTFLAGS")
            .env_remove("RUST_TEST_THREADS")
            .env_remove("RUST_TEST_NOCAPTURE")
            .envs(self.variables.iter().copied())
            .output()
            .expect("stackheap starts");
        let opened = Recording::open(&recording)
            .map_err(|error| error.to_string())
            .and_then(|recording| Opened::new(recording).map_err(|error| error.to_string()));
        match opened {
            Ok(opened) => (output, opened),
            Err(why) => panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

fn states(program: &Program<'_>) -> Vec<State> {
    let mut walk = Walk::new(program, StateLimits::default());
    let mut states = Vec::new();
    while let Some(state) = walk.next_state().expect("the recording can be read") {
        states.push(state);
    }
    states
}

fn captured(state: &State) -> impl Iterator<Item = (&Event, &str)> {
    state.events.iter().filter_map(|event| match &event.kind {
        EventKind::Output {
            stream: OutputStream::Captured,
            text,
        } => Some((event, &**text)),
        _ => None,
    })
}

/// The test that the state's thread belongs to.
fn test_of(state: &State) -> &str {
    let thread = state
        .threads
        .iter()
        .find(|thread| thread.id == state.thread);
    match thread.and_then(|thread| thread.name.as_deref()) {
        Some("worker") => "passes",
        name => name.unwrap_or_default(),
    }
}

/// Whether the harness printed exactly `text` for a test.
fn harness_printed(output: &str, test: &str, text: &str) -> bool {
    let head = format!("---- {test} stdout ----\n");
    let section = output.split_once(&head).map(|(_, section)| section);
    section
        .and_then(|section| section.strip_prefix(text))
        .is_some_and(|rest| rest.starts_with("\n\n") || rest.starts_with("\n---- "))
}

/// Checks the tests' prints; gives what the compiler of the tests calls itself.
fn check(name: &str, variables: &[(&str, &str)]) -> String {
    let directory = package(name, &[("tests/t.rs", TESTS), ("src/lib.rs", "")]);
    let (output, opened) = Run {
        directory: &directory,
        target: &["--test", "t"],
        variables,
    }
    .record();
    assert_eq!(output.status.code(), Some(101), "one test fails");
    let program = opened.program().expect("the recording has its executable");
    let states = states(&program);
    let mut told: BTreeMap<&str, String> = BTreeMap::new();
    let mut last: BTreeMap<&str, &[u8]> = BTreeMap::new();
    let mut prints = prints();
    for state in &states {
        let test = test_of(state);
        for (event, text) in captured(state) {
            told.entry(test).or_default().push_str(text);
            let Some(index) = prints
                .iter()
                .position(|(of, expected, _)| *of == test && expected == text)
            else {
                assert!(
                    text.contains("panicked at"),
                    "nothing prints {text:?} in {test}"
                );
                continue;
            };
            let (_, _, part) = prints.remove(index);
            let line = line_of(TESTS, part);
            assert_eq!(event.at.as_ref().map(|at| at.line), Some(line), "{text:?}");
            let step = event.step.expect("what a test prints has a step");
            let written = states.iter().find(|state| state.step == step);
            let at = written.and_then(|state| state.at.position.as_ref());
            assert_eq!(at.map(|at| at.line), Some(line), "{text:?} in step {step}");
        }
        last.insert(test, &state.output.captured);
    }
    assert!(prints.is_empty(), "no event tells of {prints:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    for test in ["fails", "passes"] {
        let told = told.get(test).map_or("", String::as_str);
        assert!(
            harness_printed(&printed, test, told),
            "{test}: {told:?} in {printed}"
        );
        assert_eq!(last.get(test).copied(), Some(told.as_bytes()), "{test}");
    }
    assert!(
        opened
            .program()
            .is_ok_and(|program| program.limits_in_words().is_empty())
    );
    jumps_agree(&program, &states);
    program.image.facts().compiler.clone().unwrap_or_default()
}

/// A state that was jumped to shows the same as one that was walked to.
fn jumps_agree(program: &Program<'_>, walked: &[State]) {
    for state in walked {
        let jumped = state_at(program, state.step, StateLimits::default());
        let jumped = jumped.expect("a step of the recording can be shown");
        let step = state.step;
        assert_eq!(jumped.output, state.output, "output at step {step}");
        assert_eq!(
            captured(&jumped).collect::<Vec<_>>(),
            captured(state).collect::<Vec<_>>(),
            "events at step {step}"
        );
    }
}

#[test]
fn one_test_after_the_other() {
    check("libtest-one", &[("RUST_TEST_THREADS", "1")]);
}

#[test]
fn tests_at_the_same_time() {
    check("libtest-many", &[("RUST_TEST_THREADS", "4")]);
}

#[test]
fn tests_of_the_newest_compiler() {
    let nightly = [
        ("RUSTUP_TOOLCHAIN", "nightly"),
        ("RUSTUP_AUTO_INSTALL", "0"),
    ];
    let version = Command::new("rustc").envs(nightly).arg("-V").output();
    if !version.is_ok_and(|output| output.stdout.starts_with(b"rustc") && output.status.success()) {
        eprintln!("left out: no nightly toolchain is installed");
        return;
    }
    let compiler = check("libtest-nightly", &nightly);
    assert!(compiler.contains("nightly"), "{compiler}");
}

#[test]
fn unit_tests_of_a_library() {
    let source = "#[test]\nfn alone() {\n    let name = 5;\n    println!(\"alone {name}\");\n}\n";
    let directory = package("libtest-lib", &[("src/lib.rs", source)]);
    let (output, opened) = Run {
        directory: &directory,
        target: &["--lib"],
        variables: &[],
    }
    .record();
    assert_eq!(output.status.code(), Some(0));
    let program = opened.program().expect("the recording has its executable");
    let states = states(&program);
    let told: Vec<_> = states.iter().flat_map(captured).collect();
    let told: Vec<_> = told
        .iter()
        .map(|(event, text)| (event.at.as_ref().map(|at| at.line), *text))
        .collect();
    assert_eq!(told, [(Some(4), "alone 5\n")]);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(harness_printed(&printed, "alone", "alone 5\n"), "{printed}");
}

/// Without capturing, the prints reach standard output, and nothing is told twice.
#[test]
fn tests_that_are_not_captured() {
    let directory = package("libtest-open", &[("tests/t.rs", TESTS), ("src/lib.rs", "")]);
    let (_, opened) = Run {
        directory: &directory,
        target: &["--test", "t"],
        variables: &[("RUST_TEST_NOCAPTURE", "1")],
    }
    .record();
    let program = opened.program().expect("the recording has its executable");
    let states = states(&program);
    assert_eq!(states.iter().flat_map(captured).count(), 0);
    assert!(states.iter().all(|state| state.output.captured.is_empty()));
    let last = states
        .iter()
        .find(|state| state.step == StepNumber(states.len() as u64));
    let stdout = last.map(|state| String::from_utf8_lossy(&state.output.stdout).into_owned());
    assert!(stdout.is_some_and(|stdout| stdout.contains("helper has 2")));
}
