//! What recording costs: `cargo bench -p stackheap --bench speed [-- PART...]`, with the parts
//! `stops`, `recursion`, `allocations`, `start`, `ownership`, `million`. Prints what was measured in this run, next to what
//! it is compared with; nothing is asserted.
//!
//! Times are of whole commands unless a line says otherwise, and of several the least, as the
//! machine does other things too; `processor` is what a command and all that it started used of
//! processors, which tells more on a machine that is busy.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stackheap_interpret::{Opened, StateLimits, state_at};
use stackheap_model::StepNumber;
use stackheap_trace::Recording;
use tempfile::TempDir;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Measures one thing and prints it.
type Part = fn(&Bench) -> Outcome<()>;

/// How often a command is run whose least time is taken.
const RUNS: usize = 3;

/// Stops by gdb; each takes milliseconds.
const GDB_STOPS: u64 = 300;

/// Steps to jump to in a long recording.
const JUMPS: usize = 50;

/// How deep the recursions are.
const RECURSION_FRAMES: [u32; 3] = [1000, 2000, 4000];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("not measured: run `cargo bench -p stackheap --bench speed`");
        return Ok(());
    }
    let parts: [(&str, Part); 6] = [
        ("stops", stops),
        ("recursion", recursion),
        ("allocations", allocations),
        ("start", start),
        ("ownership", ownership),
        ("million", million),
    ];
    let asked: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|text| !text.starts_with('-'))
        .collect();
    let bench = Bench {
        folder: tempfile::tempdir()?,
    };
    for (name, part) in parts {
        if asked.is_empty() || asked.contains(&name) {
            println!("\n{name}");
            part(&bench)?;
        }
    }
    Ok(())
}

/// Stops in a second: as recorded, without reading memory, and by gdb.
fn stops(bench: &Bench) -> Outcome<()> {
    let program = bench.compile("boxes", include_str!("programs/boxes.rs"), &[])?;
    let passes = ["50000"];
    let limits = ["--throttle", "0", "--max-stops", "200000"];
    let with_values = least(|| bench.record(&program, &limits, &passes))?;
    let recorded = bench.recorded()?;
    let without = [&limits[..], &["--no-values"]].concat();
    let no_values = least(|| bench.record(&program, &without, &passes))?;
    let count = recorded.stops;
    println!("  recorded: {}", rate(count, with_values));
    println!(
        "  the same without values: {}",
        rate(bench.recorded()?.stops, no_values)
    );
    println!("  with values / without: {}", with_values.over(no_values));
    tell_bytes(
        &recorded,
        bench.empty_bytes(&program)?,
        recorded.stops,
        "a stop",
    );
    match gdb(bench, &program)? {
        None => println!("  not compared: gdb is missing"),
        Some((gdb_stops, elapsed)) => {
            let by_gdb = gdb_stops as f64 / elapsed.as_secs_f64();
            println!("  gdb, locals alone: {by_gdb:.0} stops/s ({gdb_stops} stops)");
            let recorded = count as f64 / with_values.wall.as_secs_f64();
            println!("  recorded stops for one by gdb: {:.0}", recorded / by_gdb);
        }
    }
    Ok(())
}

/// The stops of a gdb script and their time, by the script's own clock: gdb's start does not count.
fn gdb(bench: &Bench, program: &Path) -> Outcome<Option<(u64, Duration)>> {
    let script = bench.path("stops.py");
    std::fs::write(&script, include_str!("programs/stops.py"))?;
    let source = bench.path("boxes.rs");
    let variables = format!("python source, stops = {source:?}, {GDB_STOPS}");
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-ex", &variables, "-x"])
        .arg(&script)
        .arg("--args")
        .arg(program)
        .output();
    let Ok(output) = output else { return Ok(None) };
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().find_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["stops", stops, "seconds", seconds, ..] => {
                Some((stops.parse().ok()?, seconds.parse().ok()?))
            }
            _ => None,
        }
    });
    let Some((stops, seconds)) = told else {
        return Err(format!("gdb: {}", String::from_utf8_lossy(&output.stderr)).into());
    };
    Ok(Some((stops, Duration::from_secs_f64(seconds))))
}

/// What twice as many frames cost, each with a block of its own: twice as much, were it not that
/// the stack in use is read at every stop.
fn recursion(bench: &Bench) -> Outcome<()> {
    let program = bench.compile("recursion", include_str!("programs/recursion.rs"), &[])?;
    let start = least(|| bench.record(&program, &[], &["0"]))?;
    let mut before: Option<Cost> = None;
    for frames in RECURSION_FRAMES {
        let whole = least(|| bench.record(&program, &[], &[&frames.to_string()]))?;
        let cost = whole.less(start);
        println!("  {frames} frames: {}", rate(bench.recorded()?.stops, cost));
        if let Some(half) = before.replace(cost) {
            println!("  against half as many: {}", cost.over(half));
        }
    }
    Ok(())
}

/// What a program takes longer that allocates much at few sites.
fn allocations(bench: &Bench) -> Outcome<()> {
    let text = include_str!("programs/allocations.rs");
    for (name, flags) in [
        ("allocations", &[][..]),
        ("allocations-optimised", &["-O"][..]),
    ] {
        let program = bench.compile(name, text, flags)?;
        let plain = least(|| timed(Command::new(&program).stdout(Stdio::null())))?;
        let recorded = least(|| bench.record(&program, &[], &[]))?;
        let told = bench.recorded()?;
        println!(
            "  {name}: {} allocations, {} stops",
            told.allocations, told.stops
        );
        println!("  plain {plain}, recorded {recorded}");
        println!("  recorded / plain: {}", recorded.over(plain));
        let answered = timed(&mut bench.run(&program, &[], &[]))?;
        println!("  with the answer and the page {answered}");
        tell_bytes(
            &told,
            bench.empty_bytes(&program)?,
            told.allocations,
            "an allocation",
        );
    }
    Ok(())
}

/// What the first answer about a small package takes, when nothing of it is built.
fn start(bench: &Bench) -> Outcome<()> {
    let package = bench.path("package");
    std::fs::create_dir_all(package.join("src"))?;
    std::fs::write(
        package.join("src/main.rs"),
        include_str!("programs/steps.rs"),
    )?;
    let manifest = "[package]\nname = \"steps\"\nedition = \"2024\"\n\n[workspace]\n";
    std::fs::write(package.join("Cargo.toml"), manifest)?;
    let recording = bench.recording();
    let recording = recording.as_os_str();
    let answer = ["run", "--no-open", "-o"].map(OsStr::new);
    let answer = [&answer[..], &[recording]].concat();
    let quiet = [&answer[..], &[OsStr::new("-q")]].concat();
    let stackheap = OsStr::new(env!("CARGO_BIN_EXE_stackheap"));
    let cargo = OsStr::new("cargo");
    let build = [OsStr::new("build")];
    let mut costs = [Cost::MOST; 3];
    for _ in 0..RUNS {
        let commands = [
            (cargo, &build[..]),
            (stackheap, &quiet[..]),
            (stackheap, &answer[..]),
        ];
        for (cost, (program, arguments)) in costs.iter_mut().zip(commands) {
            *cost = cost.least(bench.cold(program, arguments, &package)?);
        }
    }
    let [built, recorded, answered] = costs;
    println!("  {} steps", bench.recorded()?.steps);
    println!("  cargo build {built}");
    for (name, cost) in [
        ("recorded only", recorded),
        ("with answer and page", answered),
    ] {
        println!("  {name} {cost}; run / build: {}", cost.over(built));
    }
    Ok(())
}

/// What the compiler knows of a file of about 200 lines, against the compiler's own check of it.
fn ownership(bench: &Bench) -> Outcome<()> {
    const COPIES: usize = 5;
    let text = include_str!("programs/steps.rs");
    let mut source = text.to_owned();
    for number in 0..COPIES {
        let module = text.replace("fn main", "pub fn main");
        source.push_str(&format!("\npub mod copy{number} {{\n{module}\n}}\n"));
    }
    let file = bench.path("ownership.rs");
    std::fs::write(&file, &source)?;
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let mut costs = [Cost::MOST; 3];
    for _ in 0..3 * RUNS {
        let cache = tempfile::tempdir_in(bench.folder.path())?;
        let mut check = Command::new(&rustc);
        check
            .args([
                "--edition",
                "2024",
                "-Awarnings",
                "--emit=metadata",
                "--out-dir",
            ])
            .arg(cache.path())
            .arg(&file);
        let asked = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_stackheap"));
            command
                .arg("ownership")
                .arg(&file)
                .env("XDG_CACHE_HOME", cache.path());
            command
        };
        for (cost, mut command) in costs.iter_mut().zip([check, asked(), asked()]) {
            command.stdout(Stdio::null()).stderr(Stdio::null());
            *cost = cost.least(timed(&mut command)?);
        }
    }
    let [checked, cold, again] = costs;
    println!("  {} lines", source.lines().count());
    println!("  rustc --emit=metadata {checked}");
    println!(
        "  ownership {cold}; ownership / rustc: {}",
        cold.over(checked)
    );
    println!(
        "  ownership again {again}; ownership / rustc: {}",
        again.over(checked)
    );
    Ok(())
}

/// A long recording: how soon it is open, and any of its steps is there.
fn million(bench: &Bench) -> Outcome<()> {
    let executable = bench.compile("boxes", include_str!("programs/boxes.rs"), &[])?;
    let limits = ["--throttle", "0", "--max-stops", "1000000"];
    let elapsed = bench.record(&executable, &limits, &["1000000"])?;
    let begin = Instant::now();
    let recording = Recording::open(&bench.recording())?;
    let (steps, stops) = (recording.totals().steps, recording.totals().stops);
    let opened = begin.elapsed();
    println!("  recorded: {}", rate(stops, elapsed));
    println!(
        "  open: {:.2} ms, {steps} steps in {stops} stops",
        milliseconds(opened)
    );
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let chosen: Vec<StepNumber> = (0..JUMPS)
        .map(|_| {
            // Marsaglia's xorshift: the same steps in each run.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            StepNumber(random % steps.max(1) + 1)
        })
        .collect();
    let jumps = chosen.iter().map(|&step| {
        let begin = Instant::now();
        let stop = recording
            .first_stop_of_step(step)
            .ok_or("the step has no stop")?;
        recording.cursor_at(stop)?;
        Ok(begin.elapsed())
    });
    tell_times(
        "jump to a step, memory and blocks",
        jumps.collect::<Outcome<_>>()?,
    );
    let begin = Instant::now();
    let opened = Opened::new(recording)?;
    let program = opened.program()?;
    println!(
        "  types and source of the program: {:.2} ms",
        milliseconds(begin.elapsed())
    );
    let states = chosen.iter().map(|&step| {
        let begin = Instant::now();
        state_at(&program, step, StateLimits::default())?;
        Ok(begin.elapsed())
    });
    tell_times("the whole state of a step", states.collect::<Outcome<_>>()?);
    let recorded = bench.recorded()?;
    tell_bytes(
        &recorded,
        bench.empty_bytes(&executable)?,
        recorded.stops,
        "a stop",
    );
    Ok(())
}

fn tell_bytes(recorded: &Recorded, empty_bytes: u64, count: u64, what: &str) {
    let run = recorded.bytes.saturating_sub(empty_bytes);
    let each = run as f64 / count as f64;
    println!(
        "  bytes of {what} in the file: {each:.2} (beside the executable: {empty_bytes} in all)"
    );
}

fn tell_times(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |index: usize| times.get(index).map_or(0.0, |&time| milliseconds(time));
    let (middle, most) = (at(times.len() / 2), at(times.len().saturating_sub(1)));
    println!(
        "  {what}: median {middle:.2} ms, most {most:.2} ms, of {}",
        times.len()
    );
}

/// The folder of one measurement, and the programs that are run in it.
struct Bench {
    folder: TempDir,
}

/// What a recording tells about itself.
struct Recorded {
    stops: u64,
    steps: u64,
    allocations: u64,
    bytes: u64,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn recording(&self) -> PathBuf {
        self.path("bench.stackheap")
    }

    fn compile(&self, name: &str, text: &str, flags: &[&str]) -> Outcome<PathBuf> {
        let source = self.path(&format!("{name}.rs"));
        let program = self.path(name);
        std::fs::write(&source, text)?;
        let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
        command
            .args(["--edition", "2024", "-g"])
            .args(flags)
            .arg(&source)
            .arg("-o")
            .arg(&program);
        timed(&mut command)?;
        Ok(program)
    }

    /// The command that records an executable.
    fn run(&self, program: &Path, options: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackheap"));
        command
            .args(["run", "--no-open", "--exe"])
            .arg(program)
            .arg("-o")
            .arg(self.recording())
            .args(options)
            .arg("--")
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Records an executable and makes no answer of it.
    fn record(&self, program: &Path, options: &[&str], arguments: &[&str]) -> Outcome<Cost> {
        let options: Vec<&str> = options.iter().copied().chain(["-q"]).collect();
        timed(&mut self.run(program, &options, arguments))
    }

    fn recorded(&self) -> Outcome<Recorded> {
        let recording = Recording::open(&self.recording())?;
        let totals = recording.totals();
        Ok(Recorded {
            stops: totals.stops,
            steps: totals.steps,
            allocations: totals.allocations,
            bytes: std::fs::metadata(self.recording())?.len(),
        })
    }

    /// Bytes of a file without a run in it: the executable and its sources, which travel along.
    /// Overwrites the recording.
    fn empty_bytes(&self, program: &Path) -> Outcome<u64> {
        self.record(program, &["--max-stops", "1"], &["0"])?;
        Ok(self.recorded()?.bytes)
    }

    /// A command in a package, with nothing built and nothing cached.
    fn cold(&self, program: &OsStr, arguments: &[&OsStr], package: &Path) -> Outcome<Cost> {
        let target = tempfile::tempdir_in(self.folder.path())?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg("--target-dir")
            .arg(target.path())
            .current_dir(package)
            .env("XDG_CACHE_HOME", target.path().join("cache"))
            .env_remove("CARGO_TARGET_DIR")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        timed(&mut command)
    }
}

/// What a command took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    processor: Duration,
}

impl Cost {
    const MOST: Self = Self {
        wall: Duration::MAX,
        processor: Duration::MAX,
    };

    fn least(self, other: Self) -> Self {
        Self {
            wall: self.wall.min(other.wall),
            processor: self.processor.min(other.processor),
        }
    }

    /// Without what another command took that does less.
    fn less(self, other: Self) -> Self {
        Self {
            wall: self.wall.saturating_sub(other.wall),
            processor: self.processor.saturating_sub(other.processor),
        }
    }

    fn over(self, other: Self) -> String {
        let wall = self.wall.as_secs_f64() / other.wall.as_secs_f64();
        let processor = self.processor.as_secs_f64() / other.processor.as_secs_f64();
        format!("{wall:.2} (processor {processor:.2})")
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wall, processor) = (self.wall.as_secs_f64(), self.processor.as_secs_f64());
        write!(f, "{wall:.3} s (processor {processor:.2} s)")
    }
}

/// The cost of a command that has to end well.
fn timed(command: &mut Command) -> Outcome<Cost> {
    let before = children_processor_time()?;
    let begin = Instant::now();
    let status = command.status()?;
    let wall = begin.elapsed();
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    Ok(Cost {
        wall,
        processor: children_processor_time()? - before,
    })
}

/// What ended children used: `cutime` and `cstime` of `proc_pid_stat(5)`, which Linux on x86-64
/// counts in hundredths of a second.
fn children_processor_time() -> Outcome<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, behind_name) = text.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let ticks: u64 = behind_name
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(|number| number.parse::<u64>())
        .sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn least(mut measure: impl FnMut() -> Outcome<Cost>) -> Outcome<Cost> {
    let mut least = Cost::MOST;
    for _ in 0..RUNS {
        least = least.least(measure()?);
    }
    Ok(least)
}

fn rate(stops: u64, cost: Cost) -> String {
    format!(
        "{:.0} stops/s ({stops} stops in {cost})",
        stops as f64 / cost.wall.as_secs_f64()
    )
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
