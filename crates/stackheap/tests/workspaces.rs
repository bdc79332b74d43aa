//! The cargo workspaces of `tests/workspaces`, through the command line as a user types it: every
//! kind of target, and what the marks in their sources claim.

#[path = "support/corpus.rs"]
mod corpus;
#[path = "support/marks.rs"]
mod marks;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stackheap_interpret::Opened;
use stackheap_trace::Recording;

/// A target, and what is expected of it.
struct Target {
    /// What picks it, behind `stackheap run`.
    flags: &'static [&'static str],
    /// The file that says how it is run and how it ends.
    header: &'static str,
    /// The files whose claims hold for it.
    claims: &'static [&'static str],
    /// What its steps pass through: the ends of the paths of user code.
    files: &'static [&'static str],
}

const TILL: Target = Target {
    flags: &["-p", "till"],
    header: "shop/till/src/main.rs",
    claims: &[
        "shop/till/src/main.rs",
        "shop/till/src/receipt.rs",
        "shop/catalog/src/lib.rs",
        "scales/src/lib.rs",
    ],
    files: &[
        "main.rs",
        "receipt.rs",
        "catalog/src/lib.rs",
        "scales/src/lib.rs",
        "rates.rs",
    ],
};

const AUDIT: Target = Target {
    flags: &["-p", "till", "--bin", "audit"],
    header: "shop/till/src/bin/audit.rs",
    claims: &["shop/till/src/bin/audit.rs"],
    files: &["audit.rs", "catalog/src/lib.rs"],
};

const STOCK: Target = Target {
    flags: &["-p", "catalog", "--example", "stock"],
    header: "shop/catalog/examples/stock.rs",
    claims: &["shop/catalog/examples/stock.rs"],
    files: &["stock.rs", "catalog/src/lib.rs"],
};

const PRICES: Target = Target {
    flags: &["-p", "catalog", "--test", "prices"],
    header: "shop/catalog/tests/prices.rs",
    claims: &["shop/catalog/tests/prices.rs"],
    files: &["prices.rs", "catalog/src/lib.rs"],
};

/// The unit tests of a library: its claims speak of a run of `till`.
const UNIT_TESTS: Target = Target {
    flags: &["-p", "catalog", "--lib"],
    header: "shop/catalog/src/lib.rs",
    claims: &[],
    files: &["catalog/src/lib.rs"],
};

fn workspaces() -> PathBuf {
    corpus::root().join("tests/workspaces")
}

/// All targets are built into one directory, outside of the sources.
fn run(target: &Target, name: &str) -> (marks::Program, PathBuf, Output) {
    let directory = corpus::scratch("workspaces");
    let recording = directory.join(name).with_extension("stackheap");
    let header = marks::load(&workspaces().join(target.header)).expect("the target has a header");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackheap"));
    command
        .args(["run", "-q", "--no-open", "--offline", "-o"])
        .arg(&recording)
        .arg("--target-dir")
        .arg(directory.join("target"))
        .args(target.flags)
        .arg("--")
        .args(&header.header.args)
        .current_dir(workspaces().join("shop"))
        .env("XDG_CACHE_HOME", directory.join("cache"))
        .env_remove("RUST_BACKTRACE")
        // Variables that cargo sets for this test itself.
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("CARGO_TARGET_DIR");
    let output = corpus::run(&mut command, header.header.stdin.as_bytes());
    (header, recording, output)
}

fn check(target: &Target, name: &str) {
    let (program, recording, output) = run(target, name);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let expected = corpus::expected_status(&program);
    assert_eq!(output.status.code(), Some(expected), "{name}: {stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let recording = Recording::open(&recording).expect("the recording opens");
    let opened = Opened::new(recording).expect("the recording holds the executable");
    let program = opened.program().expect("the executable can be read");
    let shown: BTreeSet<&str> = program
        .table
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    for file in target.files {
        assert!(
            shown.iter().any(|path| path.ends_with(file)),
            "{name}: expected {file} as user code, found {shown:?}"
        );
    }
    assert!(opened.recording().totals().steps > 0, "{name}: no steps");
    let problems: Vec<String> = target
        .claims
        .iter()
        .flat_map(|file| check_file(&program, Path::new(file), &stdout))
        .collect();
    assert!(
        problems.is_empty(),
        "{name}: {} claims do not hold:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

/// The claims of a file that do not hold.
fn check_file(
    program: &stackheap_interpret::Program<'_>,
    file: &Path,
    stdout: &str,
) -> Vec<String> {
    let source = marks::load(&workspaces().join(file)).expect("the claims can be read");
    assert!(!source.marks.is_empty(), "{}: no marks", file.display());
    let mut problems = Vec::new();
    for mark in &source.marks {
        let place = format!("{}: <{}#{}>", file.display(), mark.name, mark.nth);
        match corpus::moment(program, mark) {
            Ok(moment) => {
                let failed = corpus::check_mark(&moment, mark, stdout);
                problems.extend(failed.into_iter().map(|why| format!("{place}: {why}")));
            }
            Err(why) => problems.push(format!("{place}: {why}")),
        }
    }
    problems
}

#[test]
fn every_target_of_a_workspace_is_recorded_and_its_claims_hold() {
    // One after the other: they share a target directory.
    check(&TILL, "till");
    check(&AUDIT, "audit");
    check(&STOCK, "stock");
    check(&PRICES, "prices");
    check(&UNIT_TESTS, "unit-tests");
}

#[test]
fn every_file_with_marks_is_checked() {
    let checked: BTreeSet<PathBuf> = [&TILL, &AUDIT, &STOCK, &PRICES]
        .iter()
        .flat_map(|target| target.claims)
        .map(|file| workspaces().join(file))
        .collect();
    let mut waiting = vec![workspaces()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let marks = marks::load(&path).map_or(0, |program| program.marks.len());
                assert!(
                    marks == 0 || checked.contains(&path),
                    "{}: its marks are not checked",
                    path.display()
                );
            }
        }
    }
}
