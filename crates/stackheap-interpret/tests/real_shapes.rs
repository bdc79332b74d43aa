//! Shapes of code found in published crates, recorded and compared with what the program prints.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use stackheap_image::Image;
use stackheap_interpret::{
    EXECUTABLE_BLOB, Opened, PATHS_BLOB, PATHS_KIND, StateLimits, Walk, state_at,
};
use stackheap_model::{Frame, Local, LocalState, State, StepNumber};
use stackheap_record::{PlanRequest, RecordOptions, Target};
use stackheap_trace::{Architecture, BlobKind, Header, Recording, Values, Writer};

static RECORDER: Mutex<()> = Mutex::new(());

/// Builds and records a program without arguments; gives what it prints, line by line, too.
fn record(directory: &Path, text: &str) -> (Opened, Vec<String>) {
    let source = directory.join("shape.rs");
    let executable = directory.join("shape");
    std::fs::write(&source, text).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(rustc)
        .args(["--edition", "2024", "-g", "-o"])
        .arg(&executable)
        .arg(&source)
        .status()
        .unwrap();
    assert!(status.success());
    let printed = Command::new(&executable).output().unwrap();
    let bytes = std::fs::read(&executable).unwrap();
    let image = Image::parse(&bytes).unwrap();
    let plan = stackheap_record::plan(&PlanRequest {
        image: &image,
        is_user: &|path| path.ends_with("shape.rs"),
        read_source: &|path| std::fs::read_to_string(path).ok(),
        shown_path: &|_| "shape.rs".to_owned(),
        only: &[],
    });
    let header = Header {
        architecture: Architecture::X86_64,
        values: Values::Recorded,
        producer: "a test".to_owned(),
        program: executable.display().to_string(),
        arguments: Vec::new(),
        working_directory: String::new(),
        started_unix_seconds: None,
        process_id: 0,
        facts: Vec::new(),
    };
    let path = directory.join("shape.stackheap");
    let mut writer = Writer::create(&path, &header).unwrap();
    writer
        .blob(BlobKind::Image, EXECUTABLE_BLOB, &bytes)
        .unwrap();
    writer
        .blob(
            PATHS_KIND,
            PATHS_BLOB,
            plan.absolute_files.join("\n").as_bytes(),
        )
        .unwrap();
    writer.site_table(&plan.table).unwrap();
    let mut command = Command::new(&executable);
    command.stdout(Stdio::null());
    let target = Target {
        command,
        executable: &bytes,
        image: &image,
        table: Arc::new(plan.table),
    };
    {
        // The timer that wakes a recorder belongs to the process, so that one runs at a time.
        let _one = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
        stackheap_record::record(target, &mut writer, &RecordOptions::default()).unwrap();
    }
    writer.finish().unwrap();
    let opened = Opened::new(Recording::open(&path).unwrap()).unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    (opened, printed.lines().map(str::to_owned).collect())
}

fn innermost(state: &State) -> &Frame {
    let mut frames = state.threads[0].frames.iter();
    frames.find(|frame| frame.user).unwrap()
}

fn local<'s>(state: &'s State, name: &str) -> Option<&'s Local> {
    innermost(state)
        .locals
        .iter()
        .find(|local| &*local.name == name)
}

/// The address of a large parameter is given by the caller and is not kept by the callee, so the
/// debug information knows it in the first instructions only.
const BY_ADDRESS: &str = r#"
#[derive(Debug, Clone, Copy)]
struct Keys([&'static str; 2]);

struct Table(Vec<&'static str>);

impl Table {
    #[inline(never)]
    fn find(&self, keys: Keys) -> Option<usize> {
        for key in &keys.0 {
            if !key.is_empty() {
                if let Some(at) = self.0.iter().position(|word| word == key) {
                    return Some(at);
                }
            }
        }
        None
    }
}

fn main() {
    let keys = Keys(["", "two"]);
    let table = Table(vec!["one", "two"]);
    println!("{keys:?}");
    let found = table.find(keys);
    assert_eq!(found, Some(1));
}
"#;

#[test]
fn a_parameter_handed_over_by_address_is_known_throughout_the_call() {
    let directory = tempfile::tempdir().unwrap();
    let (opened, printed) = record(directory.path(), BY_ADDRESS);
    let program = opened.program().unwrap();
    let mut walk = Walk::new(&program, StateLimits::default());
    let mut seen = 0;
    let mut last = None;
    while let Some(state) = walk.next_state().unwrap() {
        if !innermost(&state).function.ends_with("::find") {
            continue;
        }
        let keys = local(&state, "keys").unwrap();
        let text = keys.value.as_ref().map(|value| value.text.clone());
        assert_eq!(
            text.and_then(Result::ok).as_deref(),
            Some(&*printed[0]),
            "at step {} ({:?}): {:?}",
            state.step,
            innermost(&state).at.position,
            keys.place
        );
        seen += 1;
        last = Some(state.step);
    }
    assert!(seen >= 5, "{seen} states in the call");
    // The same without having walked there.
    let fresh = opened.program().unwrap();
    let state = state_at(&fresh, last.unwrap(), StateLimits::default()).unwrap();
    let keys = local(&state, "keys").unwrap().value.clone().unwrap();
    assert_eq!(keys.text.as_deref(), Ok(&*printed[0]));
}

const OUTLIVED: &str = r#"
fn main() {
    let mut words = vec![String::from("a word of some length")];
    let seen: &str = unsafe { &*(words[0].as_str() as *const str) };
    words.remove(0);
    let after = seen.len();
    println!("{after}");
}
"#;

#[test]
fn a_reference_into_a_freed_block_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (opened, _) = record(directory.path(), OUTLIVED);
    let program = opened.program().unwrap();
    let mut walk = Walk::new(&program, StateLimits::default());
    let mut reasons = Vec::new();
    while let Some(state) = walk.next_state().unwrap() {
        let Some(seen) = local(&state, "seen").filter(|seen| seen.state == LocalState::Live) else {
            continue;
        };
        if let Some(Err(why)) = seen.value.as_ref().map(|value| value.text.clone()) {
            reasons.push(why.reason);
        }
    }
    assert!(!reasons.is_empty());
    for reason in reasons {
        assert_eq!(&*reason, "the heap block that was there is freed");
    }
}

#[test]
fn passing_over_states_loses_no_event() {
    let directory = tempfile::tempdir().unwrap();
    let (opened, _) = record(directory.path(), BY_ADDRESS);
    let program = opened.program().unwrap();
    let count = |every: u64| {
        let mut walk = Walk::new(&program, StateLimits::default());
        let (mut next, mut calls, mut allocations) = (1, 0, 0);
        while let Some(state) = walk.next_state_from(StepNumber(next)).unwrap() {
            assert!(state.step.0 >= next);
            for event in &state.events {
                calls += usize::from(matches!(
                    event.kind,
                    stackheap_model::EventKind::Call { .. }
                ));
                allocations += usize::from(matches!(
                    event.kind,
                    stackheap_model::EventKind::Alloc { .. }
                ));
            }
            next = state.step.0 + every;
        }
        (calls, allocations)
    };
    let last = program.recording.totals().steps;
    let all = count(1);
    assert!(all.0 >= 2 && all.1 >= 1, "{all:?}");
    assert_eq!(count(last - 1), all);
}

/// Values that change in place, behind a pointer and by a new owner of an old address.
const CHANGES: &str = r#"
use std::collections::BTreeMap;
use std::rc::Rc;

static mut TICKS: u32 = 0;

fn main() {
    let mut words = vec![String::from("one"), String::from("two")];
    let mut pair = (1_u8, Box::new(5_u64));
    for round in 0..3_usize {
        *pair.1 += 1;
        words[0].push('!');
        unsafe { TICKS += 1 };
        words.push(round.to_string());
    }
    let shared = Rc::new(7);
    let other = Rc::clone(&shared);
    let seen: &str = unsafe { &*(words[1].as_str() as *const str) };
    words.remove(1);
    let again = String::from("new");
    let mut map = BTreeMap::new();
    map.insert(1, words);
    drop(other);
    map.insert(2, vec![again]);
    println!("{} {} {}", map.len(), shared, seen.len());
}
"#;

#[test]
fn what_is_kept_from_state_to_state_is_what_is_read_afresh() {
    let directory = tempfile::tempdir().unwrap();
    let (opened, _) = record(directory.path(), CHANGES);
    let program = opened.program().unwrap();
    let mut walk = Walk::new(&program, StateLimits::default());
    let mut texts = std::collections::BTreeSet::new();
    while let Some(state) = walk.next_state().unwrap() {
        let fresh = opened.program().unwrap();
        let alone = state_at(&fresh, state.step, StateLimits::default()).unwrap();
        assert_eq!(state, alone, "step {}", state.step);
        let values = innermost(&state).locals.iter();
        texts.extend(values.filter_map(|local| local.value.as_ref()?.text.clone().ok()));
    }
    assert!(texts.contains(r#"["one!!!", "0", "1", "2"]"#), "{texts:?}");
}

#[test]
fn events_alone_are_those_of_the_states() {
    let directory = tempfile::tempdir().unwrap();
    let (opened, _) = record(directory.path(), CHANGES);
    let program = opened.program().unwrap();
    let mut states = Walk::new(&program, StateLimits::default());
    let mut events = Walk::new(&program, StateLimits::default());
    let mut count = 0;
    while let Some(state) = states.next_state().unwrap() {
        let alone = events.next_events().unwrap();
        count += state.events.len();
        assert_eq!(alone, Some((state.step, state.events)));
    }
    assert_eq!(events.next_events().unwrap(), None);
    assert!(count > 20, "{count}");
}

const LEFT_BEHIND: &str = r#"
fn main() {
    let kept: Vec<Box<u64>> = (0..200).map(Box::new).collect();
    (0..1000_u64).map(Box::new).for_each(std::mem::forget);
    println!("{}", kept.len());
}
"#;

/// Of what a single step leaves on the heap without a pointer to it, as std does when it makes a
/// backtrace, a state has the first blocks and tells how many more there are.
#[test]
fn blocks_of_one_step_that_nothing_points_at_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (opened, _) = record(directory.path(), LEFT_BEHIND);
    let program = opened.program().unwrap();
    let last = StepNumber(program.recording.totals().steps);
    let state = state_at(&program, last, StateLimits::default()).unwrap();
    let of_box = state
        .blocks
        .iter()
        .filter(|block| block.size == 8 && block.state == stackheap_model::BlockState::Live);
    let (owned, left): (Vec<_>, Vec<_>) = of_box.partition(|block| !block.owners.is_empty());
    assert_eq!(owned.len(), 200);
    let most = StateLimits::default().heap.unreached_blocks;
    assert_eq!(left.len(), most);
    assert_eq!(state.blocks_left_out, 1000 - most as u64);
}

/// Both calls of `parse` end at the same brace; only in the first was `options` initialised.
const EARLY_EXIT: &str = r#"
struct Options {
    name: String,
    level: u32,
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

fn parse(text: &str) -> Result<Options, String> {
    let options = Options {
        name: String::from("a name"),
        level: number(text)?,
    };
    Ok(options)
}

fn early(stop: bool) -> usize {
    if stop {
        return 0;
    }
    let text = String::from("late");
    text.len()
}

fn main() {
    for text in ["7", "seven"] {
        match parse(text) {
            Ok(options) => println!("{} {}", options.name, options.level),
            Err(error) => println!("{error}"),
        }
    }
    println!("{}", early(true) + early(false));
}
"#;

/// The states of a local at the closing brace of a function, call by call: whether it has a value.
fn at_the_brace(states: &[State], function: &str, name: &str, line: u32) -> Vec<Vec<String>> {
    let mut calls: Vec<(stackheap_model::FrameId, Vec<String>)> = Vec::new();
    for state in states {
        let frame = innermost(state);
        let here = frame.at.position.as_ref().map(|at| at.line);
        if !frame.function.ends_with(function) || here != Some(line) {
            continue;
        }
        let Some(local) = local(state, name) else {
            continue;
        };
        let word = match &local.state {
            LocalState::Live => "live",
            LocalState::Uninit => "uninit",
            _ => "unknown",
        };
        match calls.last_mut() {
            Some((last, words)) if *last == frame.id => words.push(word.to_owned()),
            _ => calls.push((frame.id, vec![word.to_owned()])),
        }
    }
    calls.into_iter().map(|(_, words)| words).collect()
}

#[test]
fn what_an_early_exit_jumped_over_has_no_value_at_the_closing_brace() {
    let directory = tempfile::tempdir().unwrap();
    let (opened, _) = record(directory.path(), EARLY_EXIT);
    let program = opened.program().unwrap();
    let mut walk = Walk::new(&program, StateLimits::default());
    let mut states = Vec::new();
    while let Some(state) = walk.next_state().unwrap() {
        states.push(state);
    }
    let options = at_the_brace(&states, "::parse", "options", 17);
    assert_eq!(options.len(), 2, "{options:?}");
    assert_ne!(options[0][0], "uninit", "{options:?}");
    assert_eq!(options[1][0], "uninit", "{options:?}");
    let text = at_the_brace(&states, "::early", "text", 25);
    assert_eq!(text.len(), 2, "{text:?}");
    assert_eq!(text[0][0], "uninit", "{text:?}");
    assert_eq!(text[1][0], "live", "{text:?}");
}

/// Constants are stored on entry, with the places of their `let`s.
const CONSTANTS: &str = r#"
fn main() {
    let first = String::from("first");
    let ten = 10;
    let sum = add(ten, first.len());
    let text = "text";
    let last = add(text.len(), sum);
    println!("{first} {last}");
}

fn add(a: usize, b: usize) -> usize {
    a + b
}
"#;

#[test]
fn what_is_stored_on_entry_is_no_step() {
    let directory = tempfile::tempdir().unwrap();
    let (opened, _) = record(directory.path(), CONSTANTS);
    let program = opened.program().unwrap();
    let mut walk = Walk::new(&program, StateLimits::default());
    let mut lines = Vec::new();
    while let Some(state) = walk.next_state().unwrap() {
        let frame = innermost(&state);
        if !frame.function.ends_with("::main") {
            continue;
        }
        lines.extend(frame.at.position.as_ref().map(|at| at.line));
        let Some(first) = local(&state, "first").filter(|first| first.state == LocalState::Live)
        else {
            continue;
        };
        let value = first.value.as_ref().map(|value| value.text.as_deref());
        assert_eq!(value, Some(Ok("\"first\"")), "line {lines:?}");
    }
    assert_eq!(lines.first(), Some(&3));
    assert!(lines.is_sorted(), "{lines:?}");
}
