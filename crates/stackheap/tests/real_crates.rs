//! Crates from the public registry, recorded as the user's own code.
//!
//! Each crate is copied, unmodified, next to a small package that drives it; a path dependency is
//! user code, so both are recorded as far as the defaults reach. The driver behaves as under
//! `cargo run`; what the states say is compared with what the driver prints and with what gdb reads
//! from the same executable; and the leaves that are known are counted.
//!
//! **A scalar leaf in scope** belongs to a local of a user frame whose scope, as the compiler gives
//! it, has begun and not ended, whose initialiser has run, and which is not known to be moved or
//! dropped; so `uninit`, `moved` and `dropped` locals have none. The leaves of a local are counted
//! in two ways:
//!
//! - its *cells*: consecutive bytes of its own place with one meaning, an integer, float, `bool` or
//!   `char`, an address, a length or capacity, half of a wide pointer, the tag of an enum, bytes
//!   whose meaning is not known. Padding is none, nor is the place in an array of an element that
//!   an iterator has handed out;
//! - the leaves of its *value*, across the heap and through references, as far as a state shows it:
//!   numbers, `bool`, `char`, addresses that are shown as such, functions, a string as a whole, the
//!   variant of each enum, and each part of which nothing is known, whatever its type.
//!
//! A leaf **is known** if the state gives its value. It is not if the state gives a reason instead.
//! A local of which the debug information does not tell whether it was moved from is `unknown` as a
//! whole; its bytes are still read, but whether they are a value is not known. Its leaves are
//! counted apart, with the reasons.

#[path = "support/harness.rs"]
mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::{Ended, finish, fresh, skip, stackheap, write};
use serde_json::Value as Json;
use stackheap_interpret::{EXECUTABLE_BLOB, Opened, Program, StateLimits, Walk};
use stackheap_model::{
    Cell, CellKind, Frame, ImageAddress, Local, LocalRole, LocalState, Region, SiteId, State,
    StepNumber, Value, ValueKind,
};
use stackheap_trace::{BlobKind, Recording};

/// A crate of the registry and what drives it.
struct Driven {
    package: &'static str,
    features: &'static [&'static str],
    driver: &'static str,
    /// One state in so many is counted.
    every: u64,
}

#[test]
fn a_json_parser() {
    check(&Driven {
        package: "tinyjson",
        features: &[],
        driver: include_str!("real_crates/tinyjson.rs"),
        every: 20,
    });
}

#[test]
fn an_argument_parser() {
    check(&Driven {
        package: "pico-args",
        features: &["eq-separator", "short-space-opt", "combined-flags"],
        driver: include_str!("real_crates/pico_args.rs"),
        every: 12,
    });
}

#[test]
fn a_regex_engine() {
    check(&Driven {
        package: "regex-lite",
        features: &[],
        driver: include_str!("real_crates/regex_lite.rs"),
        every: 120,
    });
}

/// The crate's own tests, where they need no other package.
#[test]
fn the_tests_of_a_crate() {
    let directory = fresh("real-pico-args-tests");
    // Or else the workspace around the directory of what is built would be asked for it.
    write(&directory, "Cargo.toml", "[workspace]\nmembers = [\"*\"]\n");
    let package = copy_of("pico-args", &directory);
    let arguments = ["--offline", "--test", "tests"];
    let options = ["--", "--test-threads=1"];
    let mut plain = cargo(&package);
    plain.arg("test").arg("-q").args(arguments).args(options);
    let recording = package.with_extension("stackheap");
    let mut recorded = stackheap_in(&package);
    recorded
        .args(["run", "-q", "--no-open", "-o"])
        .arg(&recording);
    recorded.args(arguments).args(options).arg("-q");
    let plain = finish(&mut plain, &[]);
    let recorded = finish(&mut recorded, &[]);
    let timeless = |ended: &Ended| {
        let stdout = ended.stdout();
        let (before, _) = stdout
            .split_once("finished in")
            .unwrap_or_else(|| panic!("expected a summary of tests: {stdout}{}", ended.stderr()));
        (ended.status, before.to_owned())
    };
    assert_eq!(
        timeless(&recorded),
        timeless(&plain),
        "{}",
        recorded.stderr()
    );
    assert_eq!(recorded.status, 0);
    let opened = open(&recording);
    let program = opened.program().expect("a program");
    let counts = Counts::of(&program, 11);
    counts.report("pico-args, its own tests");
    counts.assert_known();
}

fn check(driven: &Driven) {
    let directory = fresh(&format!("real-{}", driven.package));
    copy_of(driven.package, &directory);
    // One workspace: the compiler is asked about its members.
    let members = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"driver\", {:?}]\n",
        driven.package
    );
    write(&directory, "Cargo.toml", members);
    let driver = write_driver(driven, &directory);
    let recording = directory.join("driver.stackheap");
    let plain = finish(cargo(&driver).args(["run", "-q", "--offline"]), &[]);
    let mut recorded = stackheap_in(&driver);
    recorded
        .args(["run", "-q", "--no-open", "--offline", "-o"])
        .arg(&recording);
    let recorded = finish(&mut recorded, &[]);
    assert_eq!(recorded, plain, "{}", recorded.stderr());
    assert!(!plain.stdout.is_empty());

    let opened = open(&recording);
    let program = opened.program().expect("a program");
    let counts = Counts::of(&program, driven.every);
    counts.report(driven.package);
    compare_with_output(&program, driven.driver, &plain.stdout());
    compare_with_gdb(&program, &opened, &directory);
    counts.assert_known();
}

fn open(recording: &Path) -> Opened {
    let recording = Recording::open(recording).expect("the recording opens");
    Opened::new(recording).expect("the recording is one of a program")
}

// What is recorded.

fn environment(command: &mut Command, directory: &Path) {
    command
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", directory.join("target"))
        .env("NO_COLOR", "1")
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTFLAGS")
        .env_remove("RUST_TEST_THREADS")
        .env_remove("RUST_TEST_NOCAPTURE")
        .env_remove("RUST_BACKTRACE");
}

fn cargo(directory: &Path) -> Command {
    let mut command = Command::new("cargo");
    environment(&mut command, directory);
    command
}

fn stackheap_in(directory: &Path) -> Command {
    let mut command = stackheap();
    environment(&mut command, directory);
    command
}

/// Where cargo keeps the source of a package that this one depends on for its tests.
fn source_of_package(name: &str) -> PathBuf {
    let mut metadata = cargo(Path::new(env!("CARGO_MANIFEST_DIR")));
    metadata.args([
        "metadata",
        "--offline",
        "--format-version=1",
        "--filter-platform=x86_64-unknown-linux-gnu",
    ]);
    let metadata = finish(&mut metadata, &[]);
    assert_eq!(metadata.status, 0, "{}", metadata.stderr());
    let metadata = metadata.json();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let package = packages.iter().find(|package| package["name"] == name);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let manifest = manifest.unwrap_or_else(|| panic!("cargo knows no package {name}"));
    Path::new(manifest)
        .parent()
        .expect("a directory")
        .to_owned()
}

/// Copies a package into a directory; gives where it is.
fn copy_of(name: &str, into: &Path) -> PathBuf {
    let to = into.join(name);
    copy(&source_of_package(name), &to);
    // What its tests and benchmarks need besides is not at hand.
    let manifest =
        std::fs::read_to_string(to.join("Cargo.toml")).expect("a package has a manifest");
    write(&to, "Cargo.toml", without_dev_dependencies(&manifest));
    to
}

fn without_dev_dependencies(manifest: &str) -> String {
    let mut is_left_out = false;
    let mut kept = String::new();
    for line in manifest.split_inclusive('\n') {
        if line.starts_with('[') {
            is_left_out = line.contains("dev-dependencies");
        }
        if !is_left_out {
            kept.push_str(line);
        }
    }
    kept
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory for the copy");
    for entry in std::fs::read_dir(from).expect("the package can be read") {
        let entry = entry.expect("the package can be read");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            let bytes = std::fs::read(entry.path()).expect("the package can be read");
            std::fs::write(to, bytes).expect("the copy can be written");
        }
    }
}

fn write_driver(driven: &Driven, directory: &Path) -> PathBuf {
    let Driven {
        package, features, ..
    } = driven;
    let manifest = format!(
        "[package]\nname = \"driver\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{package} = {{ path = \"../{package}\", features = {features:?} }}\n"
    );
    let driver = directory.join("driver");
    write(&driver, "Cargo.toml", manifest);
    write(&driver, "src/main.rs", driven.driver);
    driver
}

// What is known.

/// Leaves that are known, and those that are not, by the reason and with the first place.
#[derive(Default)]
struct Leaves {
    known: u64,
    unknown: BTreeMap<String, (u64, String)>,
}

impl Leaves {
    fn add<T>(&mut self, leaf: &Result<T, stackheap_model::Unknown>, place: &Place<'_>) {
        let Err(unknown) = leaf else {
            self.known += 1;
            return;
        };
        let why = self.unknown.entry(general(&unknown.reason));
        why.or_insert_with(|| (0, place.in_words())).0 += 1;
    }

    fn all(&self) -> u64 {
        self.known + self.unknown.values().map(|(count, _)| count).sum::<u64>()
    }

    fn share(&self) -> f64 {
        100.0 * self.known as f64 / self.all().max(1) as f64
    }

    fn report(&self, what: &str) {
        let (known, all, share) = (self.known, self.all(), self.share());
        println!("  {what}: {known} of {all} known, {share:.3} %");
        for (why, (count, place)) in &self.unknown {
            println!("    {count:8} {why}; first at {place}");
        }
    }
}

/// A local in a state.
struct Place<'s> {
    state: &'s State,
    frame: &'s Frame,
    local: &'s Local,
}

impl Place<'_> {
    fn in_words(&self) -> String {
        let Local {
            name, type_name, ..
        } = self.local;
        let (step, function) = (self.state.step, &self.frame.function);
        format!("step {step}, {function}, `{name}: {type_name}`")
    }
}

#[derive(Default)]
struct Counts {
    states: u64,
    steps: u64,
    /// Of locals that live.
    cells: Leaves,
    values: Leaves,
    /// Of locals whose state is not known.
    apart_cells: Leaves,
    apart_values: Leaves,
    /// Those locals and their leaves, by the reason.
    apart: BTreeMap<String, (u64, u64, String)>,
    /// Parts of values that a state does not show because they are many.
    left_out: u64,
    /// Locals in all states, and those whose state is known.
    locals: u64,
    definite: u64,
}

impl Counts {
    fn of(program: &Program<'_>, every: u64) -> Self {
        let mut counts = Self {
            steps: program.recording.totals().steps,
            ..Self::default()
        };
        for_each_state(program, every, &mut |state| counts.add_state(state));
        counts
    }

    fn add_state(&mut self, state: &State) {
        self.states += 1;
        let frames = state.threads.iter().flat_map(|thread| &thread.frames);
        for frame in frames.filter(|frame| frame.user) {
            for local in &frame.locals {
                self.add_local(&Place {
                    state,
                    frame,
                    local,
                });
            }
        }
    }

    fn add_local(&mut self, place: &Place<'_>) {
        self.locals += 1;
        self.definite += u64::from(!matches!(place.local.state, LocalState::Unknown(_)));
        let (cells, values) = match &place.local.state {
            LocalState::Uninit
            | LocalState::Moved
            | LocalState::Dropped
            | LocalState::OutOfScope => return,
            LocalState::Live | LocalState::PartlyMoved => (&mut self.cells, &mut self.values),
            LocalState::Unknown(why) => {
                let why = self.apart.entry(general(&why.reason));
                let why = why.or_insert_with(|| (0, 0, place.in_words()));
                let mut own = Leaves::default();
                add_value(place, &mut own);
                why.0 += 1;
                why.1 += own.all();
                (&mut self.apart_cells, &mut self.apart_values)
            }
        };
        for cell in place.local.cells.iter().filter(|cell| is_leaf(cell)) {
            cells.add(&cell.text, place);
        }
        self.left_out += add_value(place, values);
    }

    fn report(&self, name: &str) {
        println!("{name}: {} of {} states", self.states, self.steps);
        println!(
            "  locals in a known state: {} of {}",
            self.definite, self.locals
        );
        self.cells.report("cells of locals");
        self.values.report("leaves of their values");
        println!("  left out of the values, being many: {}", self.left_out);
        self.apart_cells.report("cells of locals in no known state");
        self.apart_values.report("leaves of their values");
        for (why, (locals, leaves, place)) in &self.apart {
            println!("    {locals:8} locals, {leaves} leaves: {why}; first at {place}");
        }
        let all = self.values.all() + self.apart_values.all();
        let share = 100.0 * self.values.known as f64 / all.max(1) as f64;
        println!("  leaves known to be values, of all: {share:.3} %");
    }

    fn assert_known(&self) {
        let definite = 100.0 * self.definite as f64 / self.locals.max(1) as f64;
        assert!(
            definite >= 99.0,
            "{definite:.3} % of {} locals are in a state that is known",
            self.locals
        );
        assert!(self.states >= 100, "{} states", self.states);
        for (leaves, what) in [(&self.cells, "cells"), (&self.values, "leaves of values")] {
            assert!(leaves.all() >= 1000, "{} {what}", leaves.all());
            assert!(leaves.share() >= 99.0, "{:.3} % of {what}", leaves.share());
        }
    }
}

fn for_each_state(program: &Program<'_>, every: u64, take: &mut dyn FnMut(&State)) {
    let mut walk = Walk::new(program, StateLimits::default());
    let mut next = StepNumber(1);
    while let Some(state) = walk
        .next_state_from(next)
        .expect("the recording can be read")
    {
        next = StepNumber(state.step.0 + every);
        take(&state);
    }
}

/// What a state says of the place of an element that is not there.
const NO_ELEMENT: &str = "no element is there any more";
/// And of a part that was moved out of a value.
const MOVED_OUT: &str = "moved out";

fn is_leaf(cell: &Cell) -> bool {
    let is_gone = matches!(
        &cell.text,
        Err(unknown) if [NO_ELEMENT, MOVED_OUT].contains(&&*unknown.reason)
    );
    cell.kind != CellKind::Padding && !is_gone
}

/// Counts the leaves of a value; gives how many parts of it are not shown.
fn add_value(place: &Place<'_>, leaves: &mut Leaves) -> u64 {
    let mut waiting: Vec<&Value> = place.local.value.as_deref().into_iter().collect();
    let mut left_out = 0;
    while let Some(value) = waiting.pop() {
        if matches!(&value.text, Err(unknown) if &*unknown.reason == MOVED_OUT) {
            continue;
        }
        waiting.extend(value.fields.iter().map(|field| &field.value));
        left_out += value.fields_left_out;
        let is_whole = value.fields.is_empty();
        let is_scalar = match value.kind {
            ValueKind::Enum
            | ValueKind::Number
            | ValueKind::Boolean
            | ValueKind::Character
            | ValueKind::String
            | ValueKind::Function => true,
            ValueKind::Pointer => is_whole,
            _ => is_whole && value.text.is_err(),
        };
        if value.kind == ValueKind::Enum && !is_whole {
            // The variant is known; what is not known then is in the parts.
            leaves.add(&Ok(()), place);
        } else if is_scalar {
            leaves.add(&value.text, place);
        }
    }
    left_out
}

/// A reason without the numbers and names of its case.
fn general(reason: &str) -> String {
    let mut general = String::new();
    for (index, part) in reason.split('`').enumerate() {
        if index % 2 == 1 {
            general.push_str("`..`");
            continue;
        }
        for character in part.chars() {
            match character {
                '0'..='9' if general.ends_with('N') => {}
                '0'..='9' => general.push('N'),
                _ => general.push(character),
            }
        }
    }
    general
}

// What is true.

/// Where the driver prints a local by its name, the state there says the same.
fn compare_with_output(program: &Program<'_>, driver: &str, stdout: &str) {
    let lines: Vec<&str> = driver.lines().collect();
    let mut printed = stdout.lines().filter_map(|line| line.split_once(" = "));
    let mut compared = 0;
    let steps = program.recording.totals().steps;
    for step in (1..=steps).map(StepNumber) {
        let Some(name) = printed_at(program, step, &lines) else {
            continue;
        };
        let (by, text) = printed.next().expect("a line of output for each print");
        assert_eq!(by, name, "step {step}");
        let state = state_at(program, step);
        let local = local_named(user_frame(&state), name);
        let local = local.unwrap_or_else(|| panic!("step {step}: no local `{name}`"));
        let value = local.value.as_ref().map(|value| value.text.as_deref());
        assert_eq!(value, Some(Ok(text)), "step {step}: `{name}`");
        compared += 1;
    }
    assert_eq!(printed.next(), None, "each line of output has its step");
    println!("  output: {compared} locals as printed");
    assert!(compared >= 7, "{compared} values");
}

/// The local that the step prints, if it is one of the driver's that print a local.
fn printed_at<'l>(program: &Program<'_>, step: StepNumber, lines: &[&'l str]) -> Option<&'l str> {
    let stop = program.recording.first_stop_of_step(step)?;
    let site = program.recording.site_of_stop(stop)?;
    let site = program.table.sites.get(site.0 as usize)?;
    let statement = program.table.statements.get(site.statement.0 as usize)?;
    let file = program.table.files.get(statement.file.0 as usize)?;
    let line = lines.get(site.position.line as usize - 1)?.trim();
    let name = line.strip_prefix("println!(\"")?.split_once(" = {")?.0;
    file.path.ends_with("src/main.rs").then_some(name)
}

fn state_at(program: &Program<'_>, step: StepNumber) -> State {
    let state = stackheap_interpret::state_at(program, step, StateLimits::default());
    state.expect("the recording can be read")
}

fn user_frame(state: &State) -> &Frame {
    let thread = state
        .threads
        .iter()
        .find(|thread| thread.id == state.thread);
    let mut frames = thread.expect("the state's thread").frames.iter();
    frames
        .find(|frame| frame.user)
        .expect("a frame of user code")
}

/// The innermost local of a name; later ones hide earlier ones.
fn local_named<'f>(frame: &'f Frame, name: &str) -> Option<&'f Local> {
    let mut locals = frame.locals.iter().rev();
    locals.find(|local| base_name(local) == name && local.state == LocalState::Live)
}

/// The name in the source.
fn base_name(local: &Local) -> &str {
    local.name.split('#').next().unwrap_or_default()
}

/// States that gdb looks at.
const SAMPLES: usize = 36;

/// A state at the first passing of its place.
struct Sample {
    address: ImageAddress,
    state: State,
}

/// At the first passings of places all over the program, gdb reads the same bytes, padding aside.
fn compare_with_gdb(program: &Program<'_>, opened: &Opened, directory: &Path) {
    if !skip::has("gdb") {
        return;
    }
    let samples = samples(program);
    assert!(samples.len() >= SAMPLES / 2, "{} samples", samples.len());
    let seen = seen_by_gdb(opened, directory, &samples);
    let again = seen_by_gdb(opened, directory, &samples);
    let mut compared = 0;
    for sample in &samples {
        let frame = user_frame(&sample.state);
        let here = format!("step {} in {}", sample.state.step, frame.function);
        let by_gdb: Vec<(&Seen, &Seen)> = seen
            .iter()
            .zip(&again)
            .filter(|(seen, _)| seen.pc == sample.address)
            .collect();
        assert!(!by_gdb.is_empty(), "{here}: gdb was not there");
        for local in comparable(frame) {
            let line = local.declared.as_ref().map(|at| u64::from(at.line));
            let mut same = by_gdb
                .iter()
                .filter(|(seen, _)| seen.name == base_name(local) && Some(seen.line) == line);
            let (Some((seen, again)), None) = (same.next(), same.next()) else {
                continue;
            };
            seen.assert_is(again, local, &sample.state, &here);
            compared += 1;
        }
    }
    println!(
        "  gdb: {} states, {compared} locals the same",
        samples.len()
    );
    assert!(compared >= samples.len(), "{compared} locals");
}

fn samples(program: &Program<'_>) -> Vec<Sample> {
    let mut passed: BTreeSet<SiteId> = BTreeSet::new();
    let mut first_passings = Vec::new();
    let steps = program.recording.totals().steps;
    for step in (1..=steps).map(StepNumber) {
        let Some(stop) = program.recording.first_stop_of_step(step) else {
            continue;
        };
        let Some(site) = program.recording.site_of_stop(stop) else {
            continue;
        };
        if passed.insert(site) {
            first_passings.push((step, site));
        }
    }
    // A place that a step passes in its middle was passed before by gdb's count, too.
    let apart = first_passings.len().div_ceil(SAMPLES);
    let chosen = first_passings.into_iter().step_by(apart);
    chosen
        .filter_map(|(step, site)| {
            let state = state_at(program, step);
            let address = program.table.sites.get(site.0 as usize)?.address;
            is_first_passing(program, site, step).then_some(Sample { address, state })
        })
        .collect()
}

/// Whether the step is the first that passes the place at all.
fn is_first_passing(program: &Program<'_>, site: SiteId, step: StepNumber) -> bool {
    let wanted = |other: SiteId| other == site;
    let first = program.recording.stops_at(&wanted).next();
    first == program.recording.first_stop_of_step(step)
}

/// The locals whose bytes are in memory and are theirs.
fn comparable(frame: &Frame) -> impl Iterator<Item = &Local> {
    frame.locals.iter().filter(|local| {
        local.state == LocalState::Live
            && local.place.region == Region::Stack
            && matches!(local.role, LocalRole::Parameter | LocalRole::Variable)
            && !local.bytes.is_empty()
    })
}

/// A variable as gdb gives it.
struct Seen {
    pc: ImageAddress,
    name: String,
    line: u64,
    address: u64,
    bytes: Vec<u8>,
    /// As gdb prints it, for numbers and `bool`.
    text: Option<String>,
}

impl Seen {
    fn from_json(seen: &Json) -> Self {
        let text = |key: &str| seen[key].as_str().map(str::to_owned);
        let number = |key: &str| seen[key].as_u64().expect("a number");
        let digits = text("bytes").expect("bytes");
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("a byte");
        Self {
            pc: ImageAddress(number("pc")),
            name: text("name").expect("a name"),
            line: number("line"),
            address: number("address"),
            bytes: (0..digits.len()).step_by(2).map(byte).collect(),
            text: text("text"),
        }
    }

    /// The same bytes; but the stack begins elsewhere, since the environment is another one, blocks
    /// may lie elsewhere in the heap, since a hash map frees its elements in a random order, and what
    /// differs between two runs under gdb, as the keys of a hash map do, tells nothing.
    fn assert_is(&self, again: &Self, local: &Local, state: &State, here: &str) {
        let at = local.place.address.expect("a place in memory").0;
        let moved = self.address.wrapping_sub(at);
        for cell in local.cells.iter().filter(|cell| is_leaf(cell)) {
            let words = (cell.offset..cell.offset + cell.size).step_by(8);
            for from in words.map(|from| from as usize) {
                let to = (from + 8).min((cell.offset + cell.size) as usize);
                let Some(theirs) = self.bytes.get(from..to) else {
                    break;
                };
                let ours = &local.bytes[from..to];
                let word = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_le_bytes);
                let shifted = match (word(theirs), word(ours)) {
                    (Some(theirs), Some(ours)) => {
                        let in_stack = ours >> 36 == 0x7ff && ours.wrapping_add(moved) == theirs;
                        in_stack || is_in_block(state, ours) && theirs.abs_diff(ours) < HEAP_BYTES
                    }
                    _ => false,
                };
                let by_chance = again.bytes.get(from..to) != Some(theirs);
                assert!(
                    theirs == ours || shifted || by_chance,
                    "{here}: `{}: {}` at byte {from}, gdb has {:02x?}, the state {:02x?}",
                    local.name,
                    local.type_name,
                    self.bytes,
                    local.bytes
                );
            }
        }
        let (Some(theirs), Some(value)) = (&self.text, &local.value) else {
            return;
        };
        let ours = value.text.as_deref().unwrap_or("unknown");
        let same = match (theirs.parse::<f64>(), ours.parse::<f64>()) {
            (Ok(theirs), Ok(ours)) => theirs == ours,
            _ => theirs == ours,
        };
        assert!(
            same,
            "{here}: `{}`, gdb has {theirs}, the state {ours}",
            local.name
        );
    }
}

/// More than a driver's heap has.
const HEAP_BYTES: u64 = 1 << 20;

fn is_in_block(state: &State, address: u64) -> bool {
    let mut blocks = state.blocks.iter();
    blocks.any(|block| (block.address.0..=block.address.0 + block.size).contains(&address))
}

/// Stops where it is told, once each, and writes down the variables of the frame there.
const GDB_SCRIPT: &str = r#"
import gdb, json
PRIMITIVE = {"bool", "i8", "i16", "i32", "i64", "isize", "u8", "u16", "u32", "u64", "usize", "f32", "f64"}
def main_at():
    gdb.execute("set language c")
    at = int(gdb.parse_and_eval("(unsigned long)&main"))
    gdb.execute("set language auto")
    return at
linked = main_at()
gdb.execute("starti > /dev/null")
bias = main_at() - linked
def variables():
    frame = gdb.selected_frame()
    block = frame.block()
    while block is not None:
        for symbol in block:
            if symbol.is_variable or symbol.is_argument:
                yield symbol, symbol.value(frame)
        if block.function is not None:
            return
        block = block.superblock
def dump(out):
    pc = gdb.selected_frame().pc() - bias
    for symbol, value in variables():
        try:
            at, size = int(value.address), min(value.type.sizeof, 512)
            bytes = gdb.selected_inferior().read_memory(at, size).tobytes() if size else b""
            text = str(value) if str(value.type) in PRIMITIVE else None
        except (gdb.error, TypeError):
            continue
        json.dump({"pc": pc, "name": symbol.name, "line": symbol.line, "address": at, "bytes": bytes.hex(), "text": text}, out)
        out.write("\n")
    json.dump({"pc": pc, "name": "", "line": 0, "address": 0, "bytes": "", "text": None}, out)
    out.write("\n")
for line in open(PLACES):
    gdb.execute("tbreak *%d" % (int(line) + bias))
with open(SEEN, "w") as out:
    gdb.execute("continue")
    while gdb.selected_inferior().pid:
        dump(out)
        gdb.execute("continue")
"#;

fn seen_by_gdb(opened: &Opened, directory: &Path, samples: &[Sample]) -> Vec<Seen> {
    let program = opened.program().expect("a program");
    let executable = program.recording.blob(BlobKind::Image, EXECUTABLE_BLOB);
    let executable = executable.expect("it can be read").expect("it is there");
    let executable = write(directory, "driver.exe", executable);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&executable, mode).expect("it can be made executable");
    let places: String = samples
        .iter()
        .map(|sample| format!("{}\n", sample.address.0))
        .collect();
    let places = write(directory, "places", places);
    let seen = directory.join("seen");
    let head = format!("PLACES = {places:?}\nSEEN = {seen:?}\n");
    let script = write(directory, "script.py", format!("{head}{GDB_SCRIPT}"));
    let ended = Command::new("gdb")
        .args(["-batch", "-nx", "-x"])
        .arg(&script)
        .arg(&executable)
        .stdin(Stdio::null())
        .output()
        .expect("gdb starts");
    let seen = std::fs::read_to_string(&seen).unwrap_or_else(|why| {
        panic!("{why}: {}", String::from_utf8_lossy(&ended.stderr));
    });
    let parse = |line: &str| Seen::from_json(&serde_json::from_str(line).expect("JSON"));
    seen.lines().map(parse).collect()
}
