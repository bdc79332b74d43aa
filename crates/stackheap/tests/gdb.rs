//! gdb as a witness: at the marks of the corpus it stops at the same instructions, and tells where
//! each variable lies in its frame, how large it is and which bytes a number has.
//!
//! Addresses differ between the two runs, since the environment does; distances within a frame do
//! not.

#[path = "support/corpus.rs"]
mod corpus;
#[path = "support/marks.rs"]
mod marks;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use corpus::{Recorded, Runner};
use serde_json::Value as Json;
use stackheap_interpret::Program;
use stackheap_model::{
    Frame, Local, LocalRole, LocalState, Region, SiteId, SiteRole, State, StatementKind,
};

/// gdb takes its time: of the programs that fit, every third is compared where not all are.
const EVERY: usize = 3;
/// Programs that are compared at least, and the variables in them.
const AT_LEAST: (usize, usize) = (40, 1_000);

#[test]
fn gdb_tells_the_same_places_sizes_and_bytes() {
    if !corpus::skip::has("gdb") {
        return;
    }
    let runner = Runner::new("corpus-gdb");
    let chosen = corpus::chosen_sources();
    let fitting: Vec<PathBuf> = chosen.into_iter().filter(|path| fits(path)).collect();
    let some = corpus::each_nth(fitting, EVERY);
    let outcomes = corpus::side_by_side(&some, |source| {
        compare(&runner, source).map_err(|why| format!("{}: {why}", corpus::name_of(source)))
    });
    let compared: Vec<usize> = outcomes.iter().flatten().copied().collect();
    let wrong: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(
        wrong.is_empty(),
        "{} programs differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let programs = compared.iter().filter(|&&variables| variables > 0).count();
    let variables: usize = compared.iter().sum();
    eprintln!("{variables} variables in {programs} programs");
    assert!(
        corpus::subset().is_some() || (programs >= AT_LEAST.0 && variables >= AT_LEAST.1),
        "only {variables} variables in {programs} programs were compared"
    );
}

/// Whether every run of a program passes the same instructions in the same order, each of which
/// belongs to one place of the source.
fn fits(source: &Path) -> bool {
    let text = std::fs::read_to_string(source).unwrap_or_default();
    let differs = ["thread", "Hash", "//! signal: ", "//! optimised: "];
    !differs.iter().any(|word| text.contains(word))
}

/// Compares a program at all its marks; gives how many variables were compared.
fn compare(runner: &Runner, source: &Path) -> Result<usize, String> {
    let recorded = runner.record(source)?;
    let program = recorded.opened.program().map_err(|why| why.to_string())?;
    let mut states = Vec::new();
    for mark in &recorded.program.marks {
        states.push(corpus::moment(&program, mark)?.state);
    }
    let answers = ask_gdb(runner, source, &recorded, &program, &states)?;
    let mut compared = 0;
    for (index, (state, mark)) in states.iter().zip(&recorded.program.marks).enumerate() {
        let frames = answers
            .get(&(index as u64))
            .ok_or_else(|| format!("<{}#{}>: gdb does not stop there", mark.name, mark.nth))?;
        compared += compare_state(&program, state, frames)
            .map_err(|why| format!("<{}#{}>: {why}", mark.name, mark.nth))?;
    }
    Ok(compared)
}

/// The frames that gdb tells at the instruction of each state.
fn ask_gdb(
    runner: &Runner,
    source: &Path,
    recorded: &Recorded,
    program: &Program<'_>,
    states: &[State],
) -> Result<BTreeMap<u64, Json>, String> {
    let file = |ending: &str| {
        runner
            .recordings
            .join(corpus::name_of(source))
            .with_extension(ending)
    };
    let mut moments = String::new();
    for state in states {
        let (address, passed) = instruction(program, state)?;
        let _ = writeln!(moments, "{address} {passed}");
    }
    let write = |path: &Path, text: &str| std::fs::write(path, text).map_err(|e| e.to_string());
    write(&file("moments"), &moments)?;
    write(&file("stdin"), &recorded.program.header.stdin)?;
    let script = corpus::root().join("crates/stackheap/tests/support/gdb_frames.py");
    let built = runner.build(source)?;
    let mut command = Command::new("gdb");
    command
        .args(["-q", "-batch", "-nx", "-x"])
        .arg(script.canonicalize().map_err(|why| why.to_string())?)
        .arg("--args")
        .arg(&built.executable)
        .args(&recorded.program.header.args)
        .current_dir(&built.command().directory)
        .env("SHELL", "/bin/sh")
        .env("MOMENTS", file("moments"))
        .env("STDIN", file("stdin"))
        .env("ANSWER", file("answer"));
    let output = corpus::run(&mut command, b"");
    let text = std::fs::read_to_string(file("answer")).unwrap_or_default();
    let mut answers = BTreeMap::new();
    for line in text.lines() {
        let mut answer: Json = serde_json::from_str(line).map_err(|why| why.to_string())?;
        let moment = answer["moment"].as_u64().ok_or("an answer has a moment")?;
        answers.insert(moment, answer["frames"].take());
    }
    if answers.is_empty() && !states.is_empty() {
        return Err(format!(
            "gdb tells nothing; it said: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(answers)
}

/// The instruction a state was read at, and how many times it was passed before.
fn instruction(program: &Program<'_>, state: &State) -> Result<(u64, usize), String> {
    let recording = program.recording;
    let id = recording
        .site_of_stop(state.stop)
        .ok_or("a state has a site")?;
    let site = program.table.sites.get(id.0 as usize).ok_or("a site")?;
    let wanted = |other: SiteId| other == id;
    let passed = recording
        .stops_at(&wanted)
        .take_while(|stop| *stop < state.stop)
        .count();
    Ok((site.address.0, passed))
}

/// Compares the user's frames of the thread that stopped with gdb's.
fn compare_state(program: &Program<'_>, state: &State, told: &Json) -> Result<usize, String> {
    let thread = state
        .threads
        .iter()
        .find(|thread| thread.id == state.thread)
        .ok_or("the state has no thread")?;
    let told = told.as_array().ok_or("gdb tells no frames")?;
    // The frames of calls put in place have one address; the other addresses stand in one order.
    let their_calls = distinct(told.iter().filter_map(|frame| frame["cfa"].as_u64()));
    let our_calls = distinct(thread.frames.iter().map(|frame| frame.high.0));
    let mut compared = 0;
    for frame in thread.frames.iter().filter(|frame| frame.user) {
        let call = our_calls.iter().position(|high| *high == frame.high.0);
        let theirs = call.and_then(|call| their_calls.get(call));
        let theirs: Vec<&Json> = told
            .iter()
            .filter(|told| theirs.is_some() && told["cfa"].as_u64().as_ref() == theirs)
            .collect();
        let variables: Vec<&Json> = theirs
            .iter()
            .filter_map(|theirs| theirs["variables"].as_array())
            .flatten()
            .collect();
        let shift = |name: &str, ours: u64| {
            let theirs = theirs.first().and_then(|theirs| theirs[name].as_u64());
            theirs.map(|theirs| theirs.wrapping_sub(ours))
        };
        // A frame that aligns itself has its variables at distances from its low end that do not
        // change, and what it was handed at those from its high end.
        let shifts = [shift("sp", frame.low.0), shift("cfa", frame.high.0)];
        compared += compare_frame(frame, &variables, shifts, is_ending(program, frame))
            .map_err(|why| format!("{}: {why}", frame.function))?;
    }
    Ok(compared)
}

/// Each of some addresses once, in their order.
fn distinct(addresses: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut distinct: Vec<u64> = addresses.collect();
    distinct.dedup();
    distinct
}

/// By how much the two ends of a frame, the low one first, are further up in the other run.
type Shifts = [Option<u64>; 2];

/// Whether a frame stands at a closing brace, or where a panic leaves it: for the debug information
/// the scopes that end there are over, while what is dropped there is still to be dropped.
fn is_ending(program: &Program<'_>, frame: &Frame) -> bool {
    let table = &program.table;
    let Some(here) = &frame.at.position else {
        return false;
    };
    table.sites.iter().any(|site| {
        let statement = table.statements.get(site.statement.0 as usize);
        let at = (site.position.line, site.position.column) == (here.line, here.column);
        let is_end = statement.is_some_and(|found| found.kind == StatementKind::ScopeEnd);
        at && (is_end || site.role == SiteRole::Cleanup)
    })
}

/// Compares the variables of a frame; the other run's is further up by one of the `shifts`.
fn compare_frame(
    frame: &Frame,
    told: &[&Json],
    shifts: Shifts,
    is_ending: bool,
) -> Result<usize, String> {
    let mut compared = 0;
    let is_told = |variable: &Json| {
        let name = variable["name"].as_str().unwrap_or_default();
        frame
            .locals
            .iter()
            .any(|local| is_called(local, name) && is_same(local, variable, shifts))
    };
    // The compiler makes several variables of one binding: of a parameter of an `async fn`, of a
    // pattern with a guard. A state has the one that the source can name.
    let is_twin = |variable: &Json| {
        told.iter().any(|other| {
            other["name"] == variable["name"] && other["line"] == variable["line"] && is_told(other)
        })
    };
    for variable in told {
        let name = variable["name"].as_str().unwrap_or_default();
        if !is_told(variable) && !is_twin(variable) {
            let ours: Vec<String> = frame
                .locals
                .iter()
                .filter(|local| is_called(local, name))
                .map(described)
                .collect();
            return Err(format!("gdb tells {variable}, the state {ours:?}"));
        }
        compared += 1;
    }
    let missing = frame.locals.iter().find(|local| {
        local.state == LocalState::Live
            && !is_ending
            && local.place.region == Region::Stack
            && local.role != LocalRole::Hidden
            && !told
                .iter()
                .any(|variable| is_called(local, variable["name"].as_str().unwrap_or_default()))
    });
    match missing {
        Some(local) => Err(format!("gdb does not tell {}", described(local))),
        None => Ok(compared),
    }
}

/// Whether a local has this name in the source; the second one of a name is `x#2` in a state.
fn is_called(local: &Local, name: &str) -> bool {
    let own = local.name.split('#').next().unwrap_or_default();
    own == name
}

fn is_same(local: &Local, variable: &Json, shifts: Shifts) -> bool {
    let address = variable["address"].as_u64();
    let place = local.place.address.map(|address| address.0);
    let same_place = match local.place.region {
        // gdb cannot say where every value is.
        _ if address.is_none() => true,
        Region::Stack => place.is_some_and(|place| {
            let shifted = |shift: u64| Some(place.wrapping_add(shift)) == address;
            shifts.into_iter().flatten().any(shifted)
        }),
        _ => place.is_some() || local.place.size == 0,
    };
    // A function item has no bytes; its debug information is that of a function pointer.
    let is_function_item = local.place.size == 0 && local.type_name.starts_with("fn(");
    let same_size = is_function_item || variable["size"].as_u64() == Some(local.place.size);
    let same_bytes = match variable["bytes"].as_str() {
        Some(bytes) if local.state == LocalState::Live => bytes == hex(&local.bytes),
        _ => true,
    };
    same_place && same_size && same_bytes
}

fn described(local: &Local) -> String {
    format!(
        "{} {:?} {:?} {} bytes {}",
        local.name,
        local.state,
        local.place.address,
        local.place.size,
        hex(&local.bytes)
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
