//! What recording costs: `cargo bench -p stackheap --bench speed [-- PART...]`, with the parts `stops`,
//! `allocations`, `start`, `million`. Prints what was measured in this run, next to what it is
//! compared with; nothing is asserted. Times are wall-clock times of whole commands unless a line says
//! otherwise, and of several the least, as the machine does other things too.

use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stackheap_interpret::{Opened, StateLimits, state_at};
use stackheap_model::StepNumber;
use stackheap_trace::Recording;
use tempfile::TempDir;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How often a command is run whose least time is taken.
const RUNS: usize = 3;

/// Stops by gdb; each takes milliseconds.
const GDB_STOPS: u64 = 300;

/// Steps to jump to in a long recording.
const JUMPS: usize = 50;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("not measured: run `cargo bench -p stackheap --bench speed`");
        return Ok(());
    }
    let parts: [(&str, fn(&Bench) -> Outcome<()>); 4] = [
        ("stops", stops),
        ("allocations", allocations),
        ("start", start),
        ("million", million),
    ];
    let asked: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|text| !text.starts_with('-')).collect();
    let bench = Bench { folder: tempfile::tempdir()? };
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
    let with_values = least(RUNS, || bench.record(&program, &limits, &passes))?;
    let recorded = bench.recorded()?;
    let without = ["--throttle", "0", "--max-stops", "200000", "--no-values"];
    let no_values = least(RUNS, || bench.record(&program, &without, &passes))?;
    let count = recorded.stops;
    println!("  recorded: {}, {:.2} s", rate(count, with_values), with_values.as_secs_f64());
    println!("  the same without values: {}", rate(bench.recorded()?.stops, no_values));
    println!("  reading of memory costs {:.2} times as much in all", ratio(with_values, no_values));
    println!("  bytes of a stop in the file: {:.2}", recorded.bytes_per_stop());
    match gdb(bench, &program)? {
        None => println!("  not compared: gdb is missing"),
        Some((gdb_stops, elapsed)) => {
            println!("  gdb, locals alone: {}", rate(gdb_stops, elapsed));
            let times = per_second(count, with_values) / per_second(gdb_stops, elapsed);
            println!("  recorded stops for one by gdb: {times:.0}");
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

/// What a program takes longer that allocates much at few sites.
fn allocations(bench: &Bench) -> Outcome<()> {
    let text = include_str!("programs/allocations.rs");
    for (name, flags) in [("allocations", &[][..]), ("allocations-optimised", &["-O"][..])] {
        let program = bench.compile(name, text, flags)?;
        let plain = least(RUNS, || timed(&mut quiet(&program)))?;
        let recorded = least(RUNS, || bench.record(&program, &[], &[]))?;
        let told = bench.recorded()?;
        println!("  {name}: {} allocations, {} stops", told.allocations, told.stops);
        println!("    plain {:.3} s, recorded {:.3} s", plain.as_secs_f64(), recorded.as_secs_f64());
        println!("    recorded / plain: {:.2}", ratio(recorded, plain));
        println!("    bytes of an allocation in the file: {:.2}", told.bytes_per_allocation());
        let answered = timed(&mut bench.run(&program, &[], &[]))?;
        println!("    with the answer and the page {:.3} s", answered.as_secs_f64());
    }
    Ok(())
}

/// What the first answer about a small package takes, when nothing of it is built.
fn start(bench: &Bench) -> Outcome<()> {
    let package = bench.path("package");
    std::fs::create_dir_all(package.join("src"))?;
    std::fs::write(package.join("src/main.rs"), include_str!("programs/steps.rs"))?;
    let manifest = package.join("Cargo.toml");
    std::fs::write(
        &manifest,
        "[package]\nname = \"steps\"\nedition = \"2024\"\n\n[workspace]\n",
    )?;
    let with = |command: &mut Command, subcommand: &str| -> Outcome<Duration> {
        let target = tempfile::tempdir_in(bench.folder.path())?;
        command
            .args([subcommand, "--manifest-path"])
            .arg(&manifest)
            .arg("--target-dir")
            .arg(target.path())
            .env("XDG_CACHE_HOME", target.path().join("cache"))
            .env_remove("CARGO_TARGET_DIR")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        timed(command)
    };
    let mut build = Duration::MAX;
    let mut whole = Duration::MAX;
    for _ in 0..RUNS {
        build = build.min(with(&mut Command::new("cargo"), "build")?);
        let mut run = Command::new(env!("CARGO_BIN_EXE_stackheap"));
        run.arg("--color=never").arg("--no-open").arg("-o").arg(bench.recording());
        whole = whole.min(with(&mut run_flags(bench), "run")?);
    }
    let told = bench.recorded()?;
    println!("  cargo build {:.3} s, stackheap run {:.3} s", build.as_secs_f64(), whole.as_secs_f64());
    println!("  run / build: {:.2}, with {} steps, the answer and the page", ratio(whole, build), told.steps);
    Ok(())
}
