//! Measures what writing and reading a recording costs, with made-up programs of the usual shapes.
//!
//! Run it with `cargo run --release -p stackheap-trace --example measure`.

use std::path::Path;
use std::time::{Duration, Instant};

use stackheap_model::*;
use stackheap_trace::*;

const STOPS: u64 = 1_000_000;
const ALLOCATIONS: u64 = 2_000_000;
const STACK_HIGH: u64 = 0x7fff_ffff_e000;

/// Measures everything, or only the parts that are named: `loop`, `recursion`, `allocations`,
/// `compare`, and `write` for not reading what was written.
fn main() -> Result<(), TraceError> {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let reads = !parts.iter().any(|part| part == "write");
    let folder = std::env::temp_dir();
    let path = folder.join(format!(
        "stackheap-measure-{}.stackheap",
        std::process::id()
    ));
    for part in ["loop", "recursion", "allocations"] {
        if !is_wanted(part) {
            continue;
        }
        write(&path, part)?;
        if reads {
            read(&path)?;
        }
        std::fs::remove_file(&path).map_err(|source| TraceError::Io {
            doing: "remove the recording".into(),
            source,
        })?;
    }
    if is_wanted("compare") {
        compare();
    }
    Ok(())
}

/// The time this thread ran, where the system tells (Linux); otherwise the time that passed.
struct Clock {
    ran: Option<Duration>,
    passed: Instant,
}

impl Clock {
    fn now() -> Self {
        Self {
            ran: Self::ran(),
            passed: Instant::now(),
        }
    }

    fn elapsed(&self) -> Duration {
        match (self.ran, Self::ran()) {
            (Some(before), Some(after)) => after - before,
            _ => self.passed.elapsed(),
        }
    }

    fn ran() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
    }
}

/// A function with a loop of ten sites, and one that calls itself, of six.
fn table() -> SiteTable {
    let position = TextPosition { line: 1, column: 1 };
    let range = TextRange {
        start: position,
        end: position,
    };
    let function = |name: &str| PlannedFunction {
        name: name.to_owned(),
        file: FileId(0),
        position,
        low: ImageAddress(0x1000),
        high: ImageAddress(0x2000),
        below_stack_pointer: 0,
    };
    let kind = |at| {
        if at == 1 {
            StatementKind::LoopHead
        } else {
            StatementKind::Expression
        }
    };
    SiteTable {
        files: vec![SourceFile {
            path: "src/main.rs".into(),
            text: None,
        }],
        functions: vec![function("demo::main"), function("demo::fib")],
        statements: (0..8)
            .map(|at| Statement {
                file: FileId(0),
                range,
                kind: kind(at),
            })
            .collect(),
        sites: (0..16)
            .map(|at| Site {
                address: ImageAddress(0x1000 + at * 16),
                function: FunctionId(u32::from(at >= 10)),
                statement: StatementId(at as u32 / 2),
                position,
                role: if at % 10 == 0 {
                    SiteRole::Entry
                } else {
                    SiteRole::Body
                },
                cfa: CfaRule::StackPointer(0x80),
                registers: RegisterSet::default(),
            })
            .collect(),
        statics: Vec::new(),
        thread_locals: Vec::new(),
    }
}

fn stop(
    writer: &mut Writer,
    site: u32,
    stack_pointer: u64,
    words: &[(u64, u64)],
) -> Result<(), TraceError> {
    let mut values = [0; 16];
    values[7] = stack_pointer;
    values[6] = stack_pointer + 0x70;
    values[3] = 0x5555_5560_1000;
    let registers = Registers::new(values, RegisterSet::CALLEE_SAVED);
    let mut bytes = [0; 64];
    let mut patches = [PatchRef {
        address: RuntimeAddress(0),
        start: 0,
        len: 0,
    }; 8];
    for (at, &(address, word)) in words.iter().enumerate() {
        bytes[at * 8..at * 8 + 8].copy_from_slice(&word.to_le_bytes());
        patches[at] = PatchRef {
            address: RuntimeAddress(address),
            start: at * 8,
            len: 8,
        };
    }
    let stop = StopRef {
        thread: ThreadId(1),
        site: SiteId(site),
        registers,
        patches: &patches[..words.len()],
        bytes: &bytes,
        captured: AddressRange {
            low: RuntimeAddress(stack_pointer - 128),
            high: RuntimeAddress(STACK_HIGH),
        },
    };
    writer.stop(&stop).map(drop)
}

fn write(path: &Path, part: &str) -> Result<(), TraceError> {
    let mut writer = Writer::create(path, &Header::default())?;
    writer.site_table(&table())?;
    let begin = Clock::now();
    match part {
        "loop" => write_loop(&mut writer)?,
        "recursion" => write_recursion(&mut writer)?,
        _ => write_allocations(&mut writer)?,
    }
    let count = if part == "allocations" {
        ALLOCATIONS
    } else {
        STOPS
    };
    report(part, count, begin, writer)
}

/// Rounds of ten sites, each with four words that changed: a counter, a sum, a pointer into a
/// growing block, and an element of it.
fn write_loop(writer: &mut Writer) -> Result<(), TraceError> {
    let stack_pointer = STACK_HIGH - 0x400;
    let mut sum = 1u64;
    for at in 0..STOPS {
        let site = at % 10;
        sum = sum.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(at);
        let words = [
            (stack_pointer + 8 + site * 8, at),
            (stack_pointer + 0x60, sum >> 40),
            (stack_pointer + 0x70, 0x5555_5560_2000 + at % 4096 * 8),
            (0x5555_5560_2000 + at % 4096 * 8, at * 3),
        ];
        stop(writer, site as u32, stack_pointer, &words)?;
    }
    Ok(())
}

/// Calls to a depth that goes up and down, three sites on the way down and three on the way up.
fn write_recursion(writer: &mut Writer) -> Result<(), TraceError> {
    let mut at = 0u64;
    let mut depth = 0u64;
    while at < STOPS {
        let goes_down = (at / 97).trailing_zeros().is_multiple_of(2);
        depth = if goes_down {
            (depth + 1).min(40)
        } else {
            depth.saturating_sub(1)
        };
        let stack_pointer = STACK_HIGH - 0x400 - depth * 0x80;
        let first = if goes_down { 10 } else { 13 };
        for site in first..first + 3 {
            let words = [
                (stack_pointer + 8, at),
                (stack_pointer + 0x10, depth),
                (stack_pointer + 0x60, at ^ depth),
                (stack_pointer + 0x78, 0x5555_5555_1234),
            ];
            stop(writer, site, stack_pointer, &words)?;
            at += 1;
        }
    }
    Ok(())
}

/// Twenty call sites that allocate blocks of their own sizes, of which most are freed soon.
fn write_allocations(writer: &mut Writer) -> Result<(), TraceError> {
    let (mut free, mut live): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
    let mut top = 0x5555_5560_0000u64;
    let mut number = 1u64;
    for _ in 0..ALLOCATIONS {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(99);
        let random = number >> 33;
        let (thread, return_address) = (ThreadId(1), 0x5555_5555_1000 + random % 20 * 0x40);
        let stack_pointer = RuntimeAddress(STACK_HIGH - 0x400 - random % 20 * 0x30);
        let return_address = RuntimeAddress(return_address);
        if random % 100 < 52 || live.is_empty() {
            let address = free.pop().unwrap_or_else(|| {
                top += 64;
                top
            });
            live.push(address);
            writer.record(&Record::Alloc {
                thread,
                address: RuntimeAddress(address),
                size: 8 + random % 20 * 2,
                align: Some(8),
                fill: Fill::Uninitialised,
                return_address,
                stack_pointer,
            })?;
        } else {
            let back = (random / 128 % 16) as usize;
            let address = live.swap_remove(live.len().saturating_sub(1 + back));
            free.push(address);
            let address = RuntimeAddress(address);
            writer.record(&Record::Free {
                thread,
                address,
                return_address,
                stack_pointer,
            })?;
        }
    }
    // A stop, so that there is something to go to.
    stop(writer, 0, STACK_HIGH - 0x400, &[])
}

fn report(part: &str, count: u64, begin: Clock, writer: Writer) -> Result<(), TraceError> {
    let written = begin.elapsed();
    let summary = writer.finish()?;
    println!(
        "{part}: {:.0} ns and {:.2} bytes a record, {} steps, {} blocks at the end",
        written.as_nanos() as f64 / count as f64,
        summary.bytes as f64 / count as f64,
        summary.totals.steps,
        summary.totals.live_blocks,
    );
    Ok(())
}

fn read(path: &Path) -> Result<(), TraceError> {
    // Too short for the clock of the thread's own time, which moves on in steps.
    let begin = Instant::now();
    let recording = Recording::open(path)?;
    let opened = begin.elapsed();
    let stops = recording.totals().stops;
    let mut longest = Duration::ZERO;
    let mut sum = Duration::ZERO;
    for at in 1..=50 {
        let begin = Clock::now();
        recording.cursor_at(StopNumber((stops * at / 50).max(1)))?;
        let took = begin.elapsed();
        longest = longest.max(took);
        sum += took;
    }
    let begin = Clock::now();
    let mut cursor = recording.cursor();
    let mut records = 0u64;
    while let Some(next) = cursor.next() {
        next?;
        records += 1;
    }
    println!(
        "  opened in {:.2} ms; a jump takes {:.2} ms, at most {:.2} ms; {:.0} ns a record read",
        opened.as_secs_f64() * 1e3,
        (sum / 50).as_secs_f64() * 1e3,
        longest.as_secs_f64() * 1e3,
        begin.elapsed().as_nanos() as f64 / records as f64,
    );
    Ok(())
}

fn compare() {
    let mut memory = Memory::default();
    let window = vec![7u8; 8192];
    let at = RuntimeAddress(STACK_HIGH - 8192 - 24);
    memory.write(at, &window);
    let mut changed = window.clone();
    changed[4000] = 8;
    for (name, new) in [("equal", &window), ("one word changed", &changed)] {
        let begin = Clock::now();
        let mut runs = 0;
        for _ in 0..100_000 {
            runs += memory.compare(at, std::hint::black_box(new)).count();
        }
        let ns = begin.elapsed().as_nanos() as f64 / 100_000.0;
        println!(
            "compare of 8 KiB, {name}: {ns:.0} ns ({} runs)",
            runs / 100_000
        );
    }
}
