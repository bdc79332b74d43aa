//! The programs of `tests/programs` and the tour, recorded and compared with what they claim and
//! print.

#[path = "support/marks.rs"]
mod marks;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use marks::{MarkBlock, Program};
use stackheap::select::{self, SelectorArguments};
use stackheap_interpret::{Opened, StateLimits, state_at};
use stackheap_trace::Recording;

/// Recordings run side by side, one for each processor of a small machine.
const WORKERS: usize = 2;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn programs() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("tests/programs"))
        .expect("the corpus is there")
        .map(|entry| entry.expect("the corpus can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    paths.push(root().join("examples/tour.rs"));
    paths.sort();
    paths
}

/// Where what is built and recorded goes; a name of its own for each test.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).expect("a directory for scratch files");
    path
}

fn run(program: &Program, recording: &Path, cache: &Path) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stackheap"))
        .args(["run", "-q", "--no-open", "-o"])
        .arg(recording)
        .arg(&program.path)
        .arg("--")
        .args(&program.header.args)
        .env("XDG_CACHE_HOME", cache)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("stackheap starts");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    // A program that does not read its input is no failure.
    let _ = stdin.write_all(program.header.stdin.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("stackheap ends")
}

fn expected_status(program: &Program) -> i32 {
    program
        .header
        .signal
        .map_or(program.header.exit.unwrap_or(0), |signal| 128 + signal)
}

/// Records a program and checks all its claims; gives what does not hold.
fn check(path: &Path, directory: &Path) -> Vec<String> {
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into());
    let program = match marks::load(path) {
        Ok(program) => program,
        Err(why) => return vec![why],
    };
    let recording = directory.join(&name).with_extension("stackheap");
    let output = run(&program, &recording, directory);
    let mut problems = Vec::new();
    let status = output.status.code();
    if status != Some(expected_status(&program)) {
        problems.push(format!(
            "{name}: expected status {}, found {:?}; it said: {}",
            expected_status(&program),
            status,
            String::from_utf8_lossy(&output.stderr)
        ));
        return problems;
    }
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let opened = match Recording::open(&recording)
        .map_err(|e| e.to_string())
        .and_then(|recording| Opened::new(recording).map_err(|error| error.to_string()))
    {
        Ok(opened) => opened,
        Err(why) => return vec![format!("{name}: {why}")],
    };
    let opened_program = match opened.program() {
        Ok(program) => program,
        Err(why) => return vec![format!("{name}: {why}")],
    };
    for mark in &program.marks {
        problems.extend(
            check_mark(&opened_program, mark, &stdout)
                .into_iter()
                .map(|why| format!("{name}: <{}#{}>: {why}", mark.name, mark.nth)),
        );
    }
    problems
}

fn check_mark(
    program: &stackheap_interpret::Program<'_>,
    mark: &MarkBlock,
    stdout: &str,
) -> Vec<String> {
    let selector = SelectorArguments {
        mark: Some(mark.name.clone()),
        nth: u64::from(mark.nth),
        ..SelectorArguments::default()
    };
    let state = select::step(program, &selector)
        .map_err(|why| why.to_string())
        .and_then(|step| {
            state_at(program, step, StateLimits::default()).map_err(|why| why.to_string())
        });
    let state = match state {
        Ok(state) => stackheap_report::json::state(&state),
        Err(why) => return vec![why],
    };
    mark.assertions
        .iter()
        .filter_map(|assertion| {
            let why = marks::check(assertion, &state, stdout).err()?;
            Some(format!(
                "line {}: `{}`: {why}",
                assertion.line, assertion.text
            ))
        })
        .collect()
}

#[test]
fn every_claim_of_the_corpus_holds() {
    let directory = scratch("corpus");
    let only = std::env::var("STACKHEAP_CORPUS").ok();
    let paths: Vec<PathBuf> = programs()
        .into_iter()
        .filter(|path| {
            only.as_deref()
                .is_none_or(|only| path.to_string_lossy().contains(only))
        })
        .collect();
    assert!(
        only.is_some() || paths.len() >= 60,
        "the corpus has {} programs",
        paths.len()
    );
    let next = AtomicUsize::new(0);
    let problems = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = check(path, &directory);
                    problems.lock().expect("no worker panicked").extend(found);
                }
            });
        }
    });
    let mut problems = problems.into_inner().expect("no worker panicked");
    problems.sort();
    assert!(
        problems.is_empty(),
        "{} claims do not hold:\n{}",
        problems.len(),
        problems.join("\n")
    );
}
