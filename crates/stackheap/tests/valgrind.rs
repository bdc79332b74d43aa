//! Valgrind as a witness: it counts the allocations of the corpus without knowing anything of
//! recordings.
//!
//! Its tool DHAT tells each allocation with its call stack. Rust's own code, std included, lies in
//! the executable; C's start-up code lies in the C library and calls `malloc` from there. So what
//! is compared are the allocations whose caller is in the executable, with the calls of the four
//! functions of Rust's allocator that a recording holds.

#[path = "support/corpus.rs"]
mod corpus;
#[path = "support/marks.rs"]
mod marks;

use std::path::Path;
use std::process::Command;

use corpus::Runner;
use serde_json::Value as Json;
use stackheap_trace::{Record, Recording};

/// Valgrind places the executable below this address, everything else above.
const END_OF_EXECUTABLE: u64 = 0x0400_0000;

/// Of the programs every third is compared where not all are.
const EVERY: usize = 3;
/// Programs that are compared at least.
const AT_LEAST: usize = 35;

/// What was allocated in a run. A reallocation counts as a new block of the new size, as with
/// valgrind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Blocks allocated.
    allocations: u64,
    /// Bytes asked for.
    bytes: u64,
    /// Blocks at the end.
    left: u64,
    /// Bytes in them.
    left_bytes: u64,
}

#[test]
fn valgrind_counts_the_same_allocations() {
    if !corpus::skip::has("valgrind") {
        return;
    }
    let runner = Runner::new("corpus-valgrind");
    let sources = corpus::each_nth(corpus::chosen_sources(), EVERY);
    let outcomes = corpus::side_by_side(&sources, |source| {
        let name = corpus::name_of(source);
        compare(&runner, source).map_err(|why| format!("{name}: {why}"))
    });
    let compared = outcomes
        .iter()
        .filter(|it| **it == Ok(Compared::Yes))
        .count();
    let wrong: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(
        wrong.is_empty(),
        "{} programs differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        corpus::subset().is_some() || compared >= AT_LEAST,
        "only {compared} programs were compared"
    );
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    Yes,
    /// Several threads, a signal at the end: what happens then is not the same in every run.
    No,
}

fn compare(runner: &Runner, source: &Path) -> Result<Compared, String> {
    let recorded = runner.record(source)?;
    let totals = recorded.opened.recording().totals();
    if totals.threads != 1 || recorded.program.header.signal.is_some() {
        return Ok(Compared::No);
    }
    let found = recorded_counts(recorded.opened.recording())?;
    let profile = profile(runner, source, &recorded.program)?;
    let expected = count(&profile)?;
    if found == expected {
        Ok(Compared::Yes)
    } else {
        Err(format!("expected {expected:?}, found {found:?}"))
    }
}

/// Sums up the calls of the allocator that a recording holds.
fn recorded_counts(recording: &Recording) -> Result<Counts, String> {
    let totals = recording.totals();
    let mut counts = Counts {
        left: totals.live_blocks,
        left_bytes: totals.live_bytes,
        ..Counts::default()
    };
    let mut asked = None;
    let mut cursor = recording.cursor();
    while let Some(record) = cursor.next() {
        let size = match record.map_err(|why| why.to_string())?.1 {
            Record::Alloc { size, .. } => size,
            Record::ReallocBegin { new_size, .. } => {
                asked = Some(new_size);
                continue;
            }
            Record::ReallocEnd {
                address: Some(_), ..
            } => asked
                .take()
                .ok_or("a reallocation ends that did not begin")?,
            _ => continue,
        };
        counts.allocations += 1;
        counts.bytes += size;
    }
    Ok(counts)
}

/// Runs a program under DHAT.
fn profile(runner: &Runner, source: &Path, program: &marks::Program) -> Result<Json, String> {
    let built = runner.build(source)?;
    let file = runner
        .recordings
        .join(corpus::name_of(source))
        .with_extension("dhat.json");
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=dhat", "--quiet"])
        .arg(format!("--dhat-out-file={}", file.display()))
        .arg(&built.executable)
        .args(&program.header.args)
        .current_dir(&built.command().directory)
        .env_remove("RUST_BACKTRACE");
    let output = corpus::run(&mut command, program.header.stdin.as_bytes());
    if output.status.code() != Some(corpus::expected_status(program)) {
        return Err(format!(
            "under valgrind its status is {:?}; it said: {}",
            output.status.code(),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let text = std::fs::read(&file).map_err(|why| format!("{}: {why}", file.display()))?;
    serde_json::from_slice(&text).map_err(|why| why.to_string())
}

/// Sums up the allocations that Rust code made.
fn count(profile: &Json) -> Result<Counts, String> {
    let points = profile["pps"].as_array().ok_or("no program points")?;
    let mut counts = Counts::default();
    for point in points {
        let caller = point["fs"][1]
            .as_u64()
            .and_then(|frame| profile["ftbl"][frame as usize].as_str())
            .ok_or("an allocation without a caller")?;
        if address_of(caller).is_none_or(|address| address >= END_OF_EXECUTABLE) {
            continue;
        }
        let number = |key: &str| point[key].as_u64().unwrap_or(0);
        counts.allocations += number("tbk");
        counts.bytes += number("tb");
        counts.left += number("ebk");
        counts.left_bytes += number("eb");
    }
    Ok(counts)
}

/// `0x147597: alloc (alloc.rs:95)`.
fn address_of(frame: &str) -> Option<u64> {
    let digits = frame.strip_prefix("0x")?.split(':').next()?;
    u64::from_str_radix(digits, 16).ok()
}
