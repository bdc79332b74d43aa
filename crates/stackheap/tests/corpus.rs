//! The programs of `tests/programs` and the tour, recorded: what they claim holds, what is drawn of
//! them is what was reviewed.

#[path = "support/corpus.rs"]
mod corpus;
#[path = "support/drawings.rs"]
mod drawings;
#[path = "support/marks.rs"]
mod marks;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use corpus::{Moment, Recorded, Runner};
use stackheap_interpret::{StateLimits, Walk};
use stackheap_model::LocalState;

/// States of a program in which the locals are counted.
const STATES_COUNTED: usize = 250;

/// Set to write the drawings instead of comparing them.
const UPDATE: &str = "STACKHEAP_UPDATE_DRAWINGS";

/// What was found in a program.
struct Looked {
    source: PathBuf,
    /// The claims that do not hold, each a line.
    problems: Vec<String>,
    /// Its drawings, one after the other; empty where it could not be recorded.
    drawings: String,
    states: LocalStates,
}

/// The locals of user code in the first states of a program.
#[derive(Default)]
struct LocalStates {
    all: u64,
    /// Those whose state is known: live, moved, dropped or another.
    definite: u64,
    /// Why the others are not.
    unknown: Vec<String>,
}

impl LocalStates {
    fn of(program: &stackheap_interpret::Program<'_>) -> Result<Self, String> {
        let mut states = Self::default();
        let mut walk = Walk::new(program, StateLimits::default());
        for _ in 0..STATES_COUNTED {
            let Some(state) = walk.next_state().map_err(|why| why.to_string())? else {
                break;
            };
            let threads = state.threads.iter();
            let frames = threads.flat_map(|thread| &thread.frames);
            for frame in frames.filter(|frame| frame.user) {
                for local in &frame.locals {
                    states.all += 1;
                    match &local.state {
                        LocalState::Unknown(why) => states.unknown.push(format!(
                            "step {}, {}, `{}`: {}",
                            state.step, frame.function, local.name, why.reason
                        )),
                        _ => states.definite += 1,
                    }
                }
            }
        }
        Ok(states)
    }
}

impl Looked {
    fn at(source: &Path) -> Self {
        Self {
            source: source.to_owned(),
            problems: Vec::new(),
            drawings: String::new(),
            states: LocalStates::default(),
        }
    }

    /// Its problems, each with the program's name.
    fn told(&self) -> Vec<String> {
        let name = corpus::name_of(&self.source);
        let problems = self.problems.iter();
        problems.map(|why| format!("{name}: {why}")).collect()
    }
}

/// Whether the drawings are made of the recording at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawn {
    Here,
    Not,
}

/// All programs are recorded once, for all tests here.
fn looked_at() -> &'static [Looked] {
    static LOOKED_AT: OnceLock<Vec<Looked>> = OnceLock::new();
    LOOKED_AT.get_or_init(|| {
        let runner = Runner::new("corpus");
        corpus::side_by_side(&corpus::chosen_sources(), |source| look(&runner, source))
    })
}

fn look(runner: &Runner, source: &Path) -> Looked {
    let mut looked = Looked::at(source);
    if let Err(why) = look_into(runner, source, &mut looked) {
        looked.problems.push(why);
    }
    looked
}

fn look_into(runner: &Runner, source: &Path, looked: &mut Looked) -> Result<(), String> {
    let recorded = runner.record(source)?;
    let threaded = recorded.opened.recording().totals().threads > 1;
    let drawn = !recorded.program.header.no_drawing;
    let here = if drawn && !threaded {
        Drawn::Here
    } else {
        Drawn::Not
    };
    look_at_marks(&recorded, looked, here)?;
    if !recorded.program.header.optimised {
        let program = recorded.opened.program().map_err(|why| why.to_string())?;
        looked.states = LocalStates::of(&program)?;
    }
    if drawn && threaded {
        // With one thread at a time the threads are at the same places each time.
        let runner = Runner {
            options: vec!["--serialize"],
            ..runner.clone()
        };
        draw_marks(&runner.record(source)?, looked)?;
    }
    Ok(())
}

fn look_at_marks(recorded: &Recorded, looked: &mut Looked, drawn: Drawn) -> Result<(), String> {
    let program = recorded.opened.program().map_err(|why| why.to_string())?;
    for mark in &recorded.program.marks {
        let name = format!("<{}#{}>", mark.name, mark.nth);
        let moment = match corpus::moment(&program, mark) {
            Ok(moment) => moment,
            Err(why) => {
                looked.problems.push(format!("{name}: {why}"));
                continue;
            }
        };
        let failed = corpus::check_mark(&moment, mark, &recorded.stdout);
        looked
            .problems
            .extend(failed.into_iter().map(|why| format!("{name}: {why}")));
        if drawn == Drawn::Here {
            draw(&program, &name, moment, looked);
        }
    }
    Ok(())
}

fn draw_marks(recorded: &Recorded, looked: &mut Looked) -> Result<(), String> {
    let program = recorded.opened.program().map_err(|why| why.to_string())?;
    for mark in &recorded.program.marks {
        let name = format!("<{}#{}>", mark.name, mark.nth);
        let moment = corpus::moment(&program, mark)?;
        draw(&program, &name, moment, looked);
    }
    Ok(())
}

fn draw(
    program: &stackheap_interpret::Program<'_>,
    name: &str,
    moment: Moment,
    looked: &mut Looked,
) {
    let drawing = drawings::normalised(program, moment);
    let _ = writeln!(looked.drawings, "{name}\n\n{drawing}\n");
}

#[test]
fn every_claim_of_the_corpus_holds() {
    let looked_at = looked_at();
    assert!(
        corpus::subset().is_some() || looked_at.len() >= 60,
        "the corpus has {} programs",
        looked_at.len()
    );
    let problems: Vec<String> = looked_at.iter().flat_map(Looked::told).collect();
    assert!(
        problems.is_empty(),
        "{} claims do not hold:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

/// Whether a variable has a value is known for each, but for what the body of a coroutine keeps on the
/// stack. All programs but the optimised ones, whose code does not go the compiler's ways.
#[test]
fn the_state_of_nearly_every_local_is_known() {
    let looked_at = looked_at();
    let all: u64 = looked_at.iter().map(|looked| looked.states.all).sum();
    let definite: u64 = looked_at.iter().map(|looked| looked.states.definite).sum();
    let share = 100.0 * definite as f64 / all.max(1) as f64;
    eprintln!("{definite} of {all} locals are in a known state: {share:.3} %");
    for looked in looked_at
        .iter()
        .filter(|looked| !looked.states.unknown.is_empty())
    {
        let LocalStates { all, unknown, .. } = &looked.states;
        let (name, first) = (corpus::name_of(&looked.source), &unknown[0]);
        eprintln!("  {name}: {} of {all} are not; {first}", unknown.len());
    }
    assert!(share >= 99.0 && all > 0, "{share:.3} % of {all}");
    assert!(corpus::subset().is_some() || all >= 20_000, "{all} locals");
}

/// Programs of another compiler: the layouts, names and code that the next stable one will have. Each
/// is built anew, so that of all programs every sixth has to do, unless some are asked for by name.
#[test]
fn claims_hold_with_the_nightly_toolchain() {
    const TOOLCHAIN: &str = "nightly";
    const EVERY: usize = 6;
    if !corpus::has_toolchain(TOOLCHAIN) {
        corpus::skip::skip(format_args!("the toolchain {TOOLCHAIN} is not installed"));
        return;
    }
    let runner = Runner {
        toolchain: Some(TOOLCHAIN),
        ..Runner::new("corpus-nightly")
    };
    let every = if corpus::subset().is_some() { 1 } else { EVERY };
    let sources: Vec<PathBuf> = corpus::chosen_sources()
        .into_iter()
        .step_by(every)
        .collect();
    let problems = corpus::side_by_side(&sources, |source| {
        let mut looked = Looked::at(source);
        let looked_at = runner
            .record(source)
            .and_then(|recorded| look_at_marks(&recorded, &mut looked, Drawn::Not));
        looked.problems.extend(looked_at.err());
        looked.told()
    });
    let problems = problems.concat();
    assert!(
        problems.is_empty(),
        "{} claims do not hold:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

fn snapshots() -> PathBuf {
    corpus::root().join("tests/programs/snapshots")
}

#[test]
fn every_drawing_is_the_reviewed_one() {
    let update = std::env::var_os(UPDATE).is_some();
    assert!(
        !(update && corpus::no_skip()),
        "{UPDATE} writes what it should check; leave it away where STACKHEAP_NO_SKIP is set"
    );
    let mut different = String::new();
    for looked in looked_at() {
        let file = snapshots().join(format!("{}.txt", corpus::name_of(&looked.source)));
        if looked.drawings.is_empty() {
            // It has no drawing, or it could not be recorded, which another test tells.
            continue;
        }
        if update {
            std::fs::write(&file, &looked.drawings).expect("drawings can be written");
            continue;
        }
        let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
        if reviewed != looked.drawings {
            let _ = writeln!(
                different,
                "{}\n{}",
                file.display(),
                first_difference(&reviewed, &looked.drawings)
            );
        }
    }
    if update {
        std::fs::write(compiler_file(), corpus::compiler()).expect("its name can be written");
        return;
    }
    let reviewed = std::fs::read_to_string(compiler_file()).unwrap_or_default();
    if !different.is_empty() && reviewed != corpus::compiler() {
        corpus::skip::skip_optional(format_args!(
            "the drawings were reviewed with rustc {reviewed}, and rustc {} lays out some frames \
             in another way:\n{different}",
            corpus::compiler()
        ));
        return;
    }
    assert!(
        different.is_empty(),
        "drawings differ from the reviewed ones:\n{different}\
         to write them for review: {UPDATE}=1 cargo test -p stackheap --test corpus"
    );
}

/// The compiler that made the frames in the drawings.
fn compiler_file() -> PathBuf {
    snapshots().join("rustc-version")
}

/// The first lines in which two texts differ, with the mark they belong to.
fn first_difference(reviewed: &str, found: &str) -> String {
    const LINES: usize = 8;
    let same = reviewed
        .lines()
        .zip(found.lines())
        .take_while(|(left, right)| left == right)
        .count();
    let mark = found
        .lines()
        .take(same + 1)
        .filter(|line| line.starts_with('<'))
        .last();
    let mut text = format!("{} line {}:\n", mark.unwrap_or_default(), same + 1);
    for (sign, side) in [('-', reviewed), ('+', found)] {
        for line in side.lines().skip(same).take(LINES) {
            let _ = writeln!(text, "{sign} {line}");
        }
    }
    text
}

#[test]
fn every_snapshot_has_its_program() {
    let programs: BTreeSet<String> = corpus::sources()
        .iter()
        .map(|source| corpus::name_of(source))
        .collect();
    let entries = std::fs::read_dir(snapshots()).expect("the drawings are there");
    for entry in entries {
        let path = entry.expect("the drawings can be listed").path();
        if path == compiler_file() {
            continue;
        }
        let name = corpus::name_of(&path);
        assert!(
            programs.contains(&name),
            "{}: expected drawings of a program of tests/programs, found none of that name; remove it",
            path.display()
        );
    }
}

/// What is compared above is made without the command line; this is what the command line prints.
#[test]
fn show_prints_the_drawing_of_a_mark() {
    let runner = Runner::new("corpus-shown");
    let source = corpus::root().join("tests/programs/string_move.rs");
    let recorded = runner.record(&source).expect("the program can be recorded");
    let program = recorded.opened.program().expect("its recording opens");
    for mark in &recorded.program.marks {
        let moment = corpus::moment(&program, mark).expect("the mark was passed");
        let expected = drawings::drawing(&program, &moment);
        let output = Command::new(env!("CARGO_BIN_EXE_stackheap"))
            .arg("show")
            .arg(runner.recordings.join("string_move.stackheap"))
            .args(["--mark", &mark.name, "--nth", &mark.nth.to_string()])
            .env("NO_COLOR", "1")
            .env_remove("COLUMNS")
            .env_remove("CARGO_TERM_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .output()
            .expect("stackheap starts");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
}
