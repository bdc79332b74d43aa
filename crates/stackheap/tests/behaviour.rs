//! A program does under `stackheap run` what it does without: the plain run of the same executable
//! is the witness for output, status, signals, and what it sees of its surroundings.

#[path = "support/harness.rs"]
mod harness;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;

use harness::*;
use serde_json::Value as Json;
use stackheap_trace::Recording;

// How a program ends.

const ENDS: &str = r#"
use std::process::ExitCode;
#[derive(Debug)]
struct Wrong(#[allow(dead_code)] String);
fn main() -> Result<ExitCode, Wrong> {
    let how = std::env::args().nth(1).unwrap();
    println!("before");
    match how.as_str() {
        "abort" => std::process::abort(),
        "null" => unsafe { std::ptr::null_mut::<u8>().with_exposed_provenance_write() },
        "error" => return Err(Wrong(String::from("not good"))),
        "panic" => {
            let numbers: Vec<u32> = Vec::new();
            let index = numbers.len() + 3;
            println!("{}", numbers[index]);
        }
        "thread" => {
            let thread = std::thread::spawn(|| std::process::exit(9));
            thread.join().unwrap();
        }
        "overflow" => println!("{}", deep(1)),
        "overflow-thread" => {
            let thread = std::thread::Builder::new().name("low".into()).stack_size(256 << 10);
            println!("{:?}", thread.spawn(|| deep(1)).unwrap().join());
        }
        "drop" => {
            let _first = Loud;
            panic!("first");
        }
        code => return Ok(ExitCode::from(code.parse::<u8>().unwrap())),
    }
    Ok(ExitCode::SUCCESS)
}
trait Write0 {
    unsafe fn with_exposed_provenance_write(self);
}
impl Write0 for *mut u8 {
    unsafe fn with_exposed_provenance_write(self) {
        unsafe { self.write_volatile(1) }
    }
}
struct Loud;
impl Drop for Loud {
    fn drop(&mut self) {
        panic!("second");
    }
}
#[allow(unconditional_recursion)]
fn deep(depth: u64) -> u64 {
    let filled = std::hint::black_box([depth; 2000]);
    filled[3] + deep(depth + 1)
}
"#;

fn ends(how: &str, status: i32) -> Ended {
    let executable = compile("ends", ENDS);
    let (plain, _) = assert_same(
        &format!("ends-{how}"),
        &executable,
        &Call::with_arguments(&[how]),
    );
    assert_eq!(plain.status, status, "{how}: the witness");
    assert_eq!(plain.stdout(), "before\n");
    plain
}

#[test]
fn exit_codes() {
    for code in [0, 42, 101, 255] {
        ends(&code.to_string(), code);
    }
    assert!(ends("error", 1).stderr().contains("Wrong(\"not good\")"));
}

#[test]
fn signals_that_end_it() {
    ends("abort", 134);
    ends("null", 139);
}

#[test]
fn a_panic_ends_it() {
    assert!(ends("panic", 101).stderr().contains("index out of bounds"));
    assert!(ends("drop", 134).stderr().contains("second"));
}

#[test]
fn a_stack_overflow_ends_it() {
    assert!(
        ends("overflow", 134)
            .stderr()
            .contains("has overflowed its stack")
    );
    assert!(ends("overflow-thread", 134).stderr().contains("'low'"));
}

#[test]
fn a_thread_ends_it() {
    ends("thread", 9);
}

const SIGNALS: &str = r#"
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn raise(number: i32) -> i32;
    fn kill(pid: i32, number: i32) -> i32;
    fn ualarm(microseconds: u32, interval: u32) -> u32;
    fn pause() -> i32;
}
static SEEN: AtomicU32 = AtomicU32::new(0);
extern "C" fn handler(number: i32) {
    SEEN.fetch_add(number as u32, SeqCst);
}
fn main() {
    let (hangup, user, terminate, clock, child) = (1, 10, 15, 14, 17);
    unsafe {
        signal(user, handler as *const () as usize);
        signal(clock, handler as *const () as usize);
        raise(user);
        println!("{}", SEEN.load(SeqCst));
        for _ in 0..20 {
            let text = String::from("busy");
            kill(std::process::id() as i32, user);
            drop(text);
        }
        println!("{}", SEEN.load(SeqCst));
        signal(hangup, 1);
        raise(hangup);
        signal(child, 1);
        ualarm(20_000, 0);
        pause();
        println!("{}", SEEN.load(SeqCst));
        let number = std::env::args().nth(1).map_or(terminate, |text| text.parse().unwrap());
        raise(number);
    }
    println!("still there");
}
"#;

#[test]
fn signals_that_it_handles() {
    let executable = compile("signals", SIGNALS);
    // TERM, KILL, TRAP and the quiet WINCH.
    for (number, status) in [(15, 143), (9, 137), (5, 133), (28, 0)] {
        let call = Call::with_arguments(&[number.to_string()]);
        let (plain, _) = assert_same(&format!("signals-{number}"), &executable, &call);
        assert_eq!(plain.status, status, "the witness");
        assert!(
            plain.stdout().starts_with("10\n210\n224\n"),
            "{}",
            plain.stdout()
        );
    }
}

const STOPPED: &str = r#"
use std::process::Command;
unsafe extern "C" {
    fn raise(number: i32) -> i32;
}
fn main() {
    // Waits until this process is stopped, 2 seconds at most, and lets it go on, again and again: it
    // may be stopped later than that. An observed one shows as `t`, and does so at a breakpoint too.
    let script = "n=0; while [ $n -lt 40 ]; do n=$((n+1)); \
        case \"$(cat /proc/$PPID/stat)\" in *') T '*) break;; esac; sleep 0.05; done; \
        while kill -CONT $PPID; do sleep 0.2; done";
    let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
    println!("before");
    unsafe { raise(19) };
    println!("after");
    child.kill().unwrap();
    child.wait().unwrap();
}
"#;

#[test]
fn a_program_that_is_stopped_and_continued() {
    let executable = compile("stopped", STOPPED);
    let (plain, _) = assert_same("stopped", &executable, &Call::default());
    assert_eq!(plain.stdout(), "before\nafter\n");
}

const STAYS_STOPPED: &str = r#"
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
unsafe extern "C" {
    fn raise(number: i32) -> i32;
    fn signal(number: i32, handler: usize) -> usize;
    fn write(file: i32, bytes: *const u8, size: usize) -> isize;
}
static DONE: AtomicBool = AtomicBool::new(false);
extern "C" fn continued(_: i32) {
    unsafe { write(1, b"continued\n".as_ptr(), 10) };
}
fn turn(round: u64) -> u64 {
    let boxed = Box::new(round);
    *boxed + 1
}
fn main() {
    let number = std::env::args().nth(1).unwrap().parse().unwrap();
    unsafe { signal(18, continued as *const () as usize) };
    let busy = std::thread::spawn(|| {
        let mut round = 0;
        while !DONE.load(SeqCst) {
            round = turn(round);
        }
    });
    let idle = std::thread::spawn(|| std::thread::park());
    println!("{}", std::process::id());
    unsafe { raise(number) };
    DONE.store(true, SeqCst);
    busy.join().unwrap();
    idle.thread().unpark();
    idle.join().unwrap();
    println!("after");
}
"#;

/// Waits until no thread of a process has run for some looks, each stopped by a signal; an observed
/// thread that is stopped shows as `t`, as it does where it stands at a breakpoint.
fn wait_until_stopped(process: &str) {
    let mut unchanged = 0;
    let mut before = Vec::new();
    for _ in 0..6_000 {
        std::thread::sleep(std::time::Duration::from_millis(10));
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("it is there");
        let now: Vec<(bool, Vec<String>)> = tasks
            .map(|task| {
                let stat = task.expect("a thread").path().join("stat");
                let text = std::fs::read_to_string(stat).expect("the thread is there");
                let fields: Vec<&str> = text[text.rfind(')').expect("a name") + 2..]
                    .split(' ')
                    .collect();
                // The state; and the time used in the program and in the kernel.
                let times = fields[11..13].iter().map(|&time| time.to_owned()).collect();
                (matches!(fields[0], "T" | "t"), times)
            })
            .collect();
        // One that observes it must have nothing left to do either.
        let rests = observer_rests(process);
        let stopped = rests && now.iter().all(|(stopped, _)| *stopped) && now == before;
        unchanged = if stopped { unchanged + 1 } else { 0 };
        before = now;
        if unchanged == 20 {
            return;
        }
    }
    panic!("process {process} is not stopped: {before:?}");
}

/// Whether what observes a process, if anything does, waits.
fn observer_rests(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let observer = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"))
        .map_or("0", str::trim);
    let stat = std::fs::read_to_string(format!("/proc/{observer}/stat")).unwrap_or_default();
    // Where a terminal stops both, it is stopped too.
    observer == "0" || [") S ", ") T "].iter().any(|state| stat.contains(state))
}

#[test]
fn a_program_stays_stopped_until_it_is_continued() {
    let executable = compile("stays_stopped", STAYS_STOPPED);
    let recording = scratch("recordings").join("stays-stopped.stackheap");
    // By SIGSTOP and by SIGTSTP, which a terminal sends.
    for (number, options) in [
        ("19", &["-q"][..]),
        ("20", &["-q"]),
        ("19", &["-q", "--serialize"]),
        ("19", &["-q", "--max-stops", "100"]),
    ] {
        let mut plain = Command::new(&executable);
        plain.arg(number);
        let mut call = Call::with_options(options);
        call.arguments.push(number.into());
        let recorded = recording_command(&executable, &recording, &call);
        for mut command in [plain, recorded] {
            // The kernel discards SIGTSTP in a group whose parent is in no other group of the
            // session, as it is where the tests run without a terminal.
            in_own_group(&mut command)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut child = command.spawn().expect("it starts");
            let stdout = collect(child.stdout.take().expect("its output is a pipe"));
            let stderr = collect(child.stderr.take().expect("its output is a pipe"));
            let process = String::from_utf8(receive_until(&stdout, "\n")).expect("a number");
            let process = process.trim();
            wait_until_stopped(process);
            assert!(
                stdout.try_recv().is_err(),
                "{command:?} goes on before it is continued"
            );
            send_signal("CONT", process.parse().expect("a number"));
            let status = wait(&mut child, &command);
            assert_eq!(
                (
                    String::from_utf8_lossy(&receive(&stdout)).as_ref(),
                    String::from_utf8_lossy(&receive(&stderr)).as_ref(),
                    status.code(),
                ),
                ("continued\nafter\n", "", Some(0)),
                "{command:?}"
            );
        }
    }
}

const SUSPENDED: &str = r#"
use std::io::Write;
unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn write(file: i32, bytes: *const u8, size: usize) -> isize;
}
extern "C" fn handler(_: i32) {
    unsafe { write(1, b"handled\n".as_ptr(), 8) };
}
fn main() {
    if std::env::args().nth(1).is_some() {
        unsafe { signal(20, handler as *const () as usize) };
    }
    println!("{}", std::process::id());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    print!("read {line}");
    std::io::stdout().flush().unwrap();
}
"#;

/// Starts a command in a group of its own and waits for its first line, the number of its process.
fn start_in_group(command: &mut Command) -> (std::process::Child, Receiver<Vec<u8>>, String) {
    in_own_group(command).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().expect("it starts");
    let stdout = collect(child.stdout.take().expect("its output is a pipe"));
    let process = String::from_utf8(receive_until(&stdout, "\n")).expect("a number");
    (child, stdout, process.trim().to_owned())
}

#[test]
fn a_terminal_suspends_program_and_recorder() {
    let executable = compile("suspended", SUSPENDED);
    let recording = scratch("recordings").join("suspended.stackheap");
    let plain = Command::new(&executable);
    let recorded = recording_command(&executable, &recording, &Call::with_options(&["-q"]));
    for mut command in [plain, recorded] {
        let (mut child, stdout, process) = start_in_group(&mut command);
        let group = -i64::from(child.id());
        send_signal("TSTP", group);
        wait_until_stopped(&process);
        // The shell that started it sees it stopped.
        wait_until_stopped(&child.id().to_string());
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        std::io::Write::write_all(&mut stdin, b"line\n").expect("there is room in the pipe");
        wait_until_stopped(&process);
        assert!(stdout.try_recv().is_err(), "{command:?} is not stopped");
        send_signal("CONT", group);
        assert!(wait(&mut child, &command).success(), "{command:?}");
        assert_eq!(receive(&stdout), b"read line\n", "{command:?}");
    }
}

#[test]
fn a_program_that_does_not_want_to_be_suspended() {
    let executable = compile("suspended", SUSPENDED);
    let recording = scratch("recordings").join("not-suspended.stackheap");
    let mut plain = Command::new(&executable);
    plain.arg("handle");
    let mut call = Call::with_options(&["-q"]);
    call.arguments.push("handle".into());
    let recorded = recording_command(&executable, &recording, &call);
    for mut command in [plain, recorded] {
        let (mut child, stdout, _) = start_in_group(&mut command);
        for _ in 0..2 {
            send_signal("TSTP", -i64::from(child.id()));
            assert_eq!(receive_until(&stdout, "\n"), b"handled\n", "{command:?}");
        }
        drop(child.stdin.take());
        assert!(wait(&mut child, &command).success(), "{command:?}");
        assert_eq!(receive(&stdout), b"read ", "{command:?}");
    }
}

const INTERRUPTED: &str = r#"
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;
unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
}
static SEEN: AtomicU32 = AtomicU32::new(0);
extern "C" fn handler(_: i32) {
    SEEN.fetch_add(1, SeqCst);
}
fn main() {
    let number = std::env::args().nth(1).unwrap().parse().unwrap();
    unsafe { signal(number, handler as *const () as usize) };
    println!("ready");
    for expected in 1..3 {
        for _ in 0..20_000 {
            if SEEN.load(SeqCst) >= expected {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(500));
        println!("seen {}", SEEN.load(SeqCst));
    }
    std::process::exit(5);
}
"#;

fn interrupt(name: &str, number: &str) {
    let executable = compile("interrupted", INTERRUPTED);
    let recording = scratch("recordings").join(format!("interrupted-{name}.stackheap"));
    for to_group in [false, true] {
        // A terminal sends to the whole group; `kill` to one process.
        let mut plain = Command::new(&executable);
        plain.arg(number);
        let mut call = Call::with_options(&["-q"]);
        call.arguments.push(number.into());
        let recorded = recording_command(&executable, &recording, &call);
        for mut command in [plain, recorded] {
            in_own_group(&mut command).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("it starts");
            let stdout = collect(child.stdout.take().expect("its output is a pipe"));
            let stderr = collect(child.stderr.take().expect("its output is a pipe"));
            receive_until(&stdout, "ready\n");
            let id = i64::from(child.id());
            for expected in ["seen 1\n", "seen 2\n"] {
                send_signal(name, if to_group { -id } else { id });
                let seen = receive_until(&stdout, "\n");
                assert_eq!(String::from_utf8_lossy(&seen), expected, "{command:?}");
            }
            let status = wait(&mut child, &command);
            assert_eq!(String::from_utf8_lossy(&receive(&stderr)), "");
            assert_eq!(status.code(), Some(5), "{command:?}");
        }
    }
}

#[test]
fn an_interrupt_reaches_it_once() {
    interrupt("INT", "2");
}

#[test]
fn other_signals_reach_it_once() {
    interrupt("QUIT", "3");
    interrupt("USR1", "10");
}

const RUNS_ON: &str = r#"
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
}
static SEEN: AtomicU32 = AtomicU32::new(0);
extern "C" fn handler(_: i32) {
    SEEN.fetch_add(1, SeqCst);
}
fn wait_for(count: u32) {
    while SEEN.load(SeqCst) < count {
        std::thread::yield_now();
    }
    println!("seen {count}");
}
fn between() {
    println!("between");
}
fn behind() {
    println!("behind");
}
fn main() {
    unsafe { signal(2, handler as *const () as usize) };
    println!("ready");
    wait_for(1);
    between();
    wait_for(2);
    behind();
    std::process::exit(5);
}
"#;

#[test]
fn a_second_interrupt_ends_the_recording() {
    let executable = compile("runs_on", RUNS_ON);
    let recording = scratch("recordings").join("runs_on.stackheap");
    let options = ["--only", "between", "--only", "behind"];
    let mut command = recording_command(&executable, &recording, &Call::with_options(&options));
    in_own_group(&mut command).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let stdout = collect(child.stdout.take().expect("its output is a pipe"));
    let stderr = collect(child.stderr.take().expect("its output is a pipe"));
    for text in ["ready\n", "between\n"] {
        receive_until(&stdout, text);
        send_signal("INT", i64::from(child.id()));
    }
    let status = wait(&mut child, &command);
    assert_eq!(status.code(), Some(5), "{command:?}");
    let rest = String::from_utf8_lossy(&receive(&stdout)).into_owned();
    assert!(rest.contains("behind\n"), "it runs on: {rest}");
    let told = String::from_utf8_lossy(&receive(&stderr)).into_owned();
    assert!(told.contains("interrupted a second time"), "{told}");
    assert_eq!(functions(&states(&recording)), ["runs_on::between"]);
}

const INTERRUPTED_OFTEN: &str = r#"
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn gettid() -> i32;
    fn getpid() -> i32;
    fn tgkill(process: i32, thread: i32, number: i32) -> i32;
}
static SEEN: AtomicU64 = AtomicU64::new(0);
static DONE: AtomicBool = AtomicBool::new(false);
extern "C" fn handler(_: i32) {
    SEEN.fetch_add(1, SeqCst); // <handled>
    SEEN.fetch_add(0, SeqCst);
}
fn main() {
    unsafe { signal(10, handler as *const () as usize) };
    let (process, main) = unsafe { (getpid(), gettid()) };
    let sender = std::thread::spawn(move || {
        while !DONE.load(SeqCst) {
            unsafe { tgkill(process, main, 10) };
        }
    });
    let mut number = 0u64;
    for _ in 0..400 {
        number = number.wrapping_mul(3).wrapping_add(1); // <round>
    }
    while SEEN.load(SeqCst) == 0 {
        std::hint::spin_loop();
    }
    DONE.store(true, SeqCst);
    sender.join().unwrap();
    std::process::exit((number % 100) as i32);
}
"#;

#[test]
fn a_statement_that_a_signal_interrupts_is_one_step() {
    let executable = compile("interrupted_often", INTERRUPTED_OFTEN);
    let (_, recording) = assert_same("interrupted_often", &executable, &Call::default());
    let passed = lines(&states(&recording));
    let count = |text: &str| {
        let line = line_of(INTERRUPTED_OFTEN, text);
        passed.iter().filter(|&&passed| passed == line).count()
    };
    assert!(count("<handled>") > 0, "the witness");
    assert_eq!(count("<round>"), 400, "as the loop says");
}

const BLOCKED: &str = r#"
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn pipe(ends: *mut i32) -> i32;
    fn dup(file: i32) -> i32;
    fn dup2(from: i32, to: i32) -> i32;
    fn fcntl(file: i32, command: i32, ...) -> i32;
    fn read(file: i32, bytes: *mut u8, size: usize) -> isize;
    fn write(file: i32, bytes: *const u8, size: usize) -> isize;
    fn gettid() -> i32;
    fn getpid() -> i32;
    fn tgkill(process: i32, thread: i32, number: i32) -> i32;
}
static SEEN: AtomicU32 = AtomicU32::new(0);
extern "C" fn handler(_: i32) {
    // Calls of its own, of which one is to be followed too.
    unsafe { getpid() };
    unsafe { write(2, b"handled\n".as_ptr(), 8) };
    SEEN.fetch_add(1, SeqCst);
}
/// Whether a thread sleeps in `write` to its standard output.
fn is_blocked(thread: i32) -> bool {
    let of = |file| std::fs::read_to_string(format!("/proc/self/task/{thread}/{file}")).unwrap();
    of("stat").contains(") S ") && of("syscall").starts_with("1 0x1 ")
}
fn main() {
    unsafe { signal(10, handler as *const () as usize) };
    let mut ends = [0; 2];
    unsafe { pipe(ends.as_mut_ptr()) };
    let room = unsafe { fcntl(ends[1], 1031, 4096) } as usize;
    let stdout = unsafe { dup(1) };
    unsafe { dup2(ends[1], 1) };
    let fill = vec![b'.'; room];
    unsafe { write(1, fill.as_ptr(), room) };
    let main = unsafe { gettid() };
    let helper = std::thread::spawn(move || {
        for expected in 1..4 {
            while !is_blocked(main) {
                std::thread::yield_now();
            }
            unsafe { tgkill(getpid(), main, 10) };
            while SEEN.load(SeqCst) < expected {
                std::thread::yield_now();
            }
        }
        let mut bytes = vec![0; room];
        let mut left = room + 5;
        while left > 0 {
            left -= unsafe { read(ends[0], bytes.as_mut_ptr(), left.min(room)) } as usize;
        }
    });
    let written = unsafe { write(1, b"late\n".as_ptr(), 5) };
    helper.join().unwrap();
    unsafe { dup2(stdout, 1) };
    println!("written {written} handled {}", SEEN.load(SeqCst));
    println!("end"); // <end>
}
"#;

#[test]
fn output_that_a_signal_interrupts() {
    let executable = compile("blocked", BLOCKED);
    let (plain, recording) = assert_same("blocked", &executable, &Call::default());
    assert_eq!(plain.stdout(), "written 5 handled 3\nend\n", "the witness");
    let output = state_at(&recording, "end")["output"].clone();
    let stdout = output["stdout"].as_str().expect("a text");
    let rest = stdout.trim_start_matches('.');
    assert_eq!(rest, "late\nwritten 5 handled 3\n");
    assert_eq!(output["stderr"], "handled\nhandled\nhandled\n");
}

/// Waits, within bounds, until this holds.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{what} does not come");
}

#[test]
fn an_interrupted_build_leaves_no_lock_file() {
    let directory = fresh("interrupted-build");
    let manifest = "[package]\nname = \"waiting\"\nedition = \"2024\"\n[workspace]\n";
    write(&directory, "Cargo.toml", manifest);
    write(&directory, "src/main.rs", "fn main() {}");
    // It waits for the interrupt.
    let script = "fn main() { std::fs::write(\"started\", \"\").unwrap(); \
        loop { std::thread::park() } }";
    write(&directory, "build.rs", script);
    let (lock, started) = (directory.join("Cargo.lock"), directory.join("started"));
    // Cargo makes the lock file, and then it is lent the one it made.
    for _ in 0..2 {
        let mut command = stackheap();
        command
            .args(["run", "-q"])
            .current_dir(&directory)
            .env("XDG_CACHE_HOME", directory.join("cache"))
            .env("CARGO_TARGET_DIR", directory.join("target"));
        in_own_group(&mut command).stdin(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        wait_until("the build script", || started.exists());
        assert!(lock.exists(), "cargo has one while it builds");
        send_signal("INT", -i64::from(child.id()));
        let status = wait(&mut child, &command);
        assert!(!status.success());
        wait_until("the end of the lock file", || !lock.exists());
        std::fs::remove_file(&started).expect("it is there");
    }
}

const IGNORING: &str = r#"
fn main() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let sets = status.lines().filter(|line| line.starts_with("Sig") && !line.starts_with("SigQ"));
    println!("{:?}", sets.collect::<Vec<_>>());
}
"#;

#[test]
fn signals_are_ignored_as_under_cargo_run() {
    let directory = fresh("ignoring");
    let manifest = "[package]\nname = \"ignoring\"\nedition = \"2024\"\n[workspace]\n";
    write(&directory, "Cargo.toml", manifest);
    write(&directory, "src/main.rs", IGNORING);
    let recording = directory.join("ignoring.stackheap");
    // As a shell starts a command, in the background, and as `nohup` does.
    let traps = ["", "trap '' INT QUIT;", "trap '' HUP TSTP ALRM XFSZ USR2;"];
    for trap in traps {
        let mut ended = Vec::new();
        let recorded = stackheap();
        for command in [
            "cargo run -q".to_owned(),
            format!(
                "'{}' run -q --no-open -o '{}'",
                recorded.get_program().display(),
                recording.display()
            ),
        ] {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("{trap} {command}")]);
            for (name, value) in recorded.get_envs() {
                match value {
                    Some(value) => shell.env(name, value),
                    None => shell.env_remove(name),
                };
            }
            shell.current_dir(&directory);
            shell.env("CARGO_TARGET_DIR", directory.join("target"));
            ended.push(finish(&mut shell, &[]));
        }
        assert!(
            ended[0].stdout().contains("SigIgn"),
            "the witness: {ended:?}"
        );
        assert_eq!(ended[1].stdout(), ended[0].stdout(), "{trap}");
    }
}

// Panics.

const PANICS: &str = r#"
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
struct Told(&'static str);
impl Drop for Told {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}
fn inner(depth: u32) -> u32 {
    let _told = Told("inner");
    let text = String::from("on the way");
    if depth == 0 {
        panic!("found nothing {text}");
    }
    inner(depth - 1) + 1
}
fn main() {
    let mut count = 0;
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _told = Told("outer");
        count += 1;
        inner(2)
    }));
    let payload = caught.unwrap_err();
    println!("{count} {:?}", payload.downcast_ref::<String>());
    let again = catch_unwind(AssertUnwindSafe(|| resume_unwind(payload)));
    println!("{}", again.is_err());
    let thread = std::thread::Builder::new().name("worker".into());
    let thread = thread.spawn(|| inner(1)).unwrap();
    println!("{:?}", thread.join().unwrap_err().downcast_ref::<String>());
    let unnamed = std::thread::spawn(|| -> u32 { None.unwrap() });
    println!("{}", unnamed.join().is_err());
    let sum: Result<u32, _> = catch_unwind(|| "x".parse::<u32>().unwrap());
    println!("{}", sum.is_err());
    println!("{}", std::backtrace::Backtrace::force_capture());
    std::panic::set_hook(Box::new(|info| {
        println!("hook {:?}", info.location().map(|at| at.line()));
    }));
    let _ = std::thread::spawn(|| inner(0)).join();
    let zero = std::hint::black_box(0);
    println!("{}", 1 / zero);
}
"#;

#[test]
fn panics_and_backtraces() {
    let executable = compile("panics", PANICS);
    for (name, shows) in [
        ("0", "RUST_BACKTRACE=1"),
        ("1", "panics::inner"),
        ("full", "0x"),
    ] {
        let call = Call::with_environment("RUST_BACKTRACE", name);
        let (plain, _) = assert_same(&format!("panics-{name}"), &executable, &call);
        assert_eq!(plain.status, 101, "the witness");
        assert!(plain.stderr().contains(shows), "{}", plain.stderr());
        assert!(
            plain
                .stdout()
                .contains("1 Some(\"found nothing on the way\")")
        );
        assert!(
            plain
                .stdout()
                .contains("drop inner\ndrop inner\ndrop inner\ndrop outer\n")
        );
        assert!(
            plain.stdout().contains("panics::main"),
            "{}",
            plain.stdout()
        );
    }
}

// What it sees of its surroundings.

const SURROUNDINGS: &str = r#"
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
fn bytes(text: &std::ffi::OsStr) -> String {
    text.as_bytes().escape_ascii().to_string()
}
fn main() {
    for argument in std::env::args_os() {
        println!("argument {}", bytes(&argument));
    }
    println!("directory {}", std::env::current_dir().unwrap().display());
    println!("itself {}", std::env::current_exe().unwrap().display());
    let mut variables: Vec<String> = std::env::vars_os()
        .map(|(name, value)| format!("{}={}", bytes(&name), bytes(&value)))
        .collect();
    variables.sort();
    println!("variables {variables:#?}");
    let mut open: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    open.sort();
    println!("open files {open:?}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    for line in status.lines() {
        let (name, value) = line.split_once(":\t").unwrap_or((line, ""));
        match name {
            "Umask" | "Threads" | "CapEff" | "NoNewPrivs" | "SigPnd" | "SigBlk" | "SigCgt" => {
                println!("{line}");
            }
            // Without the signal that the C library handles in processes with several threads, such as
            // cargo and the recorder: a program that they execute finds it at its default.
            "SigIgn" => {
                let ignored = u64::from_str_radix(value, 16).unwrap() & !(1 << 32);
                println!("{name} {ignored:016x}");
            }
            _ => {}
        }
    }
    println!("{}", std::fs::read_to_string("/proc/self/limits").unwrap());
    let mut stdin = Vec::new();
    std::io::stdin().read_to_end(&mut stdin).unwrap();
    println!("read {} {}", stdin.len(), stdin.iter().map(|&byte| u64::from(byte)).sum::<u64>());
    for script in [
        "env | grep -av '^_=' | sort",
        "cat /proc/self/personality",
        "grep -E 'Cpus_allowed|Sig(Pnd|Blk|Ign|Cgt)|TracerPid|NoNewPrivs|Seccomp' /proc/self/status",
        "ls /proc/self/fd | wc -l",
        "nproc 2>/dev/null || getconf _NPROCESSORS_ONLN",
        "ulimit -a",
        "pwd",
        "exit 7",
    ] {
        let output = Command::new("sh").args(["-c", script]).output().unwrap();
        println!("{script}: {:?} {}", output.status.code(), bytes(output.stdout.as_slice().into_os()));
        println!("{}", bytes(output.stderr.as_slice().into_os()));
    }
}
trait IntoOs {
    fn into_os(&self) -> &std::ffi::OsStr;
}
impl IntoOs for [u8] {
    fn into_os(&self) -> &std::ffi::OsStr {
        std::ffi::OsStr::from_bytes(self)
    }
}
"#;

#[test]
fn its_surroundings() {
    let executable = compile("surroundings", SURROUNDINGS);
    let directory = fresh("a directory");
    let arguments = ["one", "", "two words", "--step", "-q", "--", "#", "*"].map(OsStr::new);
    let wild = [OsStr::from_bytes(b"not \xff UTF-8")];
    let mut call = Call::with_arguments(&[&arguments[..], &wild[..]].concat());
    call.directory = Some(directory.clone());
    call.environment = vec![
        ("STACKHEAP_TEST".into(), "here".into()),
        ("EMPTY".into(), "".into()),
        ("WILD".into(), OsStr::from_bytes(b"\xfe").to_owned()),
        ("LD_LIBRARY_PATH".into(), "/nowhere".into()),
        ("RUST_BACKTRACE".into(), "0".into()),
    ];
    call.stdin = (0..100_000u32).map(|number| number as u8).collect();
    let (plain, _) = assert_same("surroundings", &executable, &call);
    let told = plain.stdout();
    for witness in [
        "argument two words\n",
        "argument -q\n",
        "argument --\n",
        "argument not \\xff UTF-8\n",
        "STACKHEAP_TEST=here",
        "WILD=\\\\xfe",
        "read 100000 12742320\n",
        "TracerPid:\\t0",
        "exit 7: Some(7)",
        &format!("directory {}\n", directory.display()),
    ] {
        assert!(
            told.contains(witness),
            "the witness has no {witness}: {told}"
        );
    }
}

const PROCESSORS: &str = r#"
use std::process::Command;
unsafe extern "C" {
    fn sched_getaffinity(pid: i32, size: usize, mask: *mut u64) -> i32;
    fn sysconf(name: i32) -> i64;
}
fn seen() -> (usize, u32, i64) {
    let mut mask = [0u64; 16];
    let got = unsafe { sched_getaffinity(0, 128, mask.as_mut_ptr()) };
    assert_eq!(got, 0);
    let online = unsafe { sysconf(84) };
    let parallel = std::thread::available_parallelism().unwrap().get();
    (parallel, mask.iter().map(|word| word.count_ones()).sum(), online)
}
fn child() -> String {
    let output = Command::new("nproc").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
fn main() {
    println!("{:?} {}", seen(), child());
    let thread = std::thread::spawn(|| (seen(), child()));
    println!("{:?}", thread.join().unwrap());
    println!("{:?} {}", seen(), child());
}
"#;

#[test]
fn its_processors() {
    if !skip::has("nproc") {
        return;
    }
    let executable = compile("processors", PROCESSORS);
    let (plain, _) = assert_same("processors", &executable, &Call::default());
    let expected = std::thread::available_parallelism()
        .expect("it is known")
        .get();
    assert!(
        plain.stdout().starts_with(&format!("({expected}, ")),
        "{}",
        plain.stdout()
    );
    assert_same(
        "processors-free",
        &executable,
        &Call::with_options(&["--no-pin"]),
    );
}

#[test]
fn its_name_as_it_was_typed() {
    let source = "fn main() {\n    println!(\"{:?}\", std::env::args_os().next());\n}\n";
    let executable = compile("typed_name", source);
    let directory = executable.parent().expect("it is in a directory");
    let recording = directory.join("typed.stackheap");
    let mut plain = Command::new("./typed_name");
    let plain = finish(plain.current_dir(directory), &[]);
    let mut recorded = stackheap();
    recorded
        .args(["run", "-q", "--no-open", "-o"])
        .arg(&recording);
    recorded
        .args(["--exe", "./typed_name"])
        .current_dir(directory);
    assert_eq!(finish(&mut recorded, &[]), plain);
    assert_eq!(plain.stdout(), "Some(\"./typed_name\")\n");
}

const READER: &str = r#"
use std::io::{BufRead, Write};
fn main() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let reversed: String = line.chars().rev().collect();
        writeln!(out, "{reversed}").unwrap();
    }
    eprintln!("end of input");
}
"#;

#[test]
fn its_input_line_by_line() {
    let executable = compile("reader", READER);
    for (name, input) in [("none", ""), ("some", "abc\nd€f\n\nlast without end")] {
        let call = Call {
            stdin: input.into(),
            ..Call::default()
        };
        assert_same(&format!("reader-{name}"), &executable, &call);
    }
    // An answer comes before the next line is given.
    let recording = scratch("recordings").join("reader.stackheap");
    let mut command = recording_command(&executable, &recording, &Call::with_options(&["-q"]));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("stackheap starts");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    let stdout = collect(child.stdout.take().expect("its output is a pipe"));
    for (line, answer) in [("abc\n", "cba\n"), ("stack\n", "kcats\n")] {
        std::io::Write::write_all(&mut stdin, line.as_bytes()).expect("it reads");
        assert_eq!(receive_until(&stdout, answer), answer.as_bytes());
    }
    drop(stdin);
    assert!(wait(&mut child, &command).success());
}

const WRITER: &str = r#"
fn main() {
    for number in 0..100_000u64 {
        println!("{number:64}");
    }
}
"#;

#[test]
fn a_reader_of_its_output_goes_away() {
    let executable = compile("writer", WRITER);
    let recording = scratch("recordings").join("writer.stackheap");
    let recorded = recording_command(
        &executable,
        &recording,
        &Call::with_options(&["-q", "--throttle", "50"]),
    );
    let line = |command: &Command| {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut ended = Vec::new();
    for command in [line(&Command::new(&executable)), line(&recorded)] {
        let script = format!("{{ {command}; echo status $? >&2; }} | head -1");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).env_remove("RUST_BACKTRACE");
        ended.push(finish(&mut shell, &[]).normalised());
    }
    assert!(
        ended[0].2.contains("status 101"),
        "the witness: {:?}",
        ended[0]
    );
    assert_eq!(ended[1], ended[0]);
}

// Other processes.

const FORKS: &str = r#"
use std::io::Write;
unsafe extern "C" {
    fn fork() -> i32;
    fn vfork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(code: i32) -> !;
}
fn work(name: &str) -> usize {
    let mut names: Vec<String> = Vec::new();
    for number in 0..5 {
        names.push(format!("{name} {number}"));
    }
    println!("{names:?}");
    std::io::stdout().flush().unwrap();
    names.iter().map(String::len).sum()
}
fn wait(child: i32) {
    let mut status = 0;
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    println!("status {status:#x}");
}
fn main() {
    let shared = vec![1, 2, 3];
    println!("{}", work("before"));
    let child = unsafe { fork() };
    if child == 0 {
        let bytes = work("child");
        let thread = std::thread::spawn(move || work("thread of the child"));
        println!("{bytes} {} {shared:?}", thread.join().unwrap());
        std::process::exit(3);
    }
    wait(child);
    let child = unsafe { fork() };
    if child == 0 {
        work("to be aborted");
        std::process::abort();
    }
    wait(child);
    let child = unsafe { vfork() };
    if child == 0 {
        unsafe { _exit(4) };
    }
    wait(child);
    println!("{} {shared:?}", work("after"));
}
"#;

#[test]
fn a_program_that_forks() {
    let executable = compile("forks", FORKS);
    let (plain, recording) = assert_same("forks", &executable, &Call::default());
    assert!(
        plain.stdout().contains("child 4"),
        "the witness: {}",
        plain.stdout()
    );
    assert!(
        plain.stdout().contains("status 0x300\n"),
        "the witness: {}",
        plain.stdout()
    );
    assert!(
        plain.stdout().contains("status 0x400\n"),
        "the witness: {}",
        plain.stdout()
    );
    for stops in ["1", "40"] {
        let call = Call::with_options(&["--max-stops", stops]);
        assert_same(&format!("forks-{stops}"), &executable, &call);
    }
    // The parent is recorded to its end.
    let last = show(&recording, &["--format", "json", "--last"]).json();
    assert_eq!(last["at"]["function"], "forks::main");
    assert_eq!(last["at"]["line"], line_of(FORKS, "work(\"after\")") + 1);
}

const RIGHTS: &str = r#"
use std::process::Command;
unsafe extern "C" {
    fn geteuid() -> u32;
}
fn main() {
    let itself = std::env::current_exe().unwrap();
    if std::env::args().count() == 1 {
        println!("{}", unsafe { geteuid() });
        return;
    }
    let helper = itself.with_file_name("helper");
    let output = Command::new(&helper).output().unwrap();
    println!("by itself: {}", String::from_utf8_lossy(&output.stdout));
    let output = Command::new("./helper").current_dir(itself.parent().unwrap()).output().unwrap();
    println!("from its directory: {}", String::from_utf8_lossy(&output.stdout));
    println!("missing: {:?}", Command::new("./missing").output().map_err(|error| error.kind()));
}
"#;

#[test]
fn children_with_the_rights_of_their_file() {
    if !skip::has("setpriv") {
        return;
    }
    let executable = compile("rights", RIGHTS);
    // Where everyone may read; as another user the recorder has no rights over the helper.
    let directory = std::env::temp_dir().join(format!("stackheap-rights-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for scratch files");
    let mode = |path: PathBuf, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    mode(directory.clone(), 0o777);
    for (from, name, bits) in [
        (executable.as_path(), "rights", 0o755),
        (&executable, "helper", 0o4755),
        (
            std::path::Path::new(env!("CARGO_BIN_EXE_stackheap")),
            "recorder",
            0o755,
        ),
    ] {
        std::fs::copy(from, directory.join(name)).expect("it can be copied");
        mode(directory.join(name), bits);
    }
    let other_user = |words: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.args(words).env("XDG_CACHE_HOME", &directory);
        finish(command.current_dir(&directory), &[])
    };
    let plain = other_user(&["./rights", "start"]);
    let recorded = other_user(&[
        "./recorder",
        "run",
        "-q",
        "--no-open",
        "-o",
        "r.stackheap",
        "--exe",
        "./rights",
        "--",
        "start",
    ]);
    std::fs::remove_dir_all(&directory).expect("it can be removed");
    if !plain.stdout().contains("by itself: 0") {
        skip::skip_optional("this user, or this file system, gives nobody its rights");
        return;
    }
    assert_eq!(recorded, plain);
}

const CLONES: &str = r#"
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
static PARENT: AtomicI32 = AtomicI32::new(0);
unsafe extern "C" {
    fn write(file: i32, bytes: *const u8, size: usize) -> isize;
    fn clone(f: extern "C" fn(*mut u64) -> i32, stack: *mut u8, flags: i32, argument: *mut u64) -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn getppid() -> i32;
    fn _exit(code: i32) -> !;
    fn usleep(microseconds: u32) -> i32;
}
const VM: i32 = 0x100;
const SIGCHLD: i32 = 17;
/// Waits for children whatever signal their end sends.
const ALL: i32 = 0x4000_0000;
fn work(from: u64) -> u64 {
    let boxed = Box::new(from);
    (0..5).fold(*boxed, |sum, number| sum + number)
}
extern "C" fn shares(argument: *mut u64) -> i32 {
    unsafe { *argument = work(*argument) };
    3
}
extern "C" fn outlives(argument: *mut u64) -> i32 {
    while unsafe { getppid() } == PARENT.load(SeqCst) {
        unsafe { usleep(1000) };
    }
    for round in 0..20 {
        unsafe { *argument = work(round) };
    }
    unsafe {
        write(1, b"the child ends\n".as_ptr(), 15);
        _exit(0)
    }
}
fn stack() -> *mut u8 {
    let stack: &'static mut [u8] = vec![0; 256 << 10].leak();
    let end = unsafe { stack.as_mut_ptr().add(stack.len()) };
    (end as usize & !15) as *mut u8
}
fn main() {
    for flags in [VM | SIGCHLD, SIGCHLD, VM, 0] {
        let mut number = 1;
        let child = unsafe { clone(shares, stack(), flags, &mut number) };
        let mut status = 0;
        assert_eq!(unsafe { waitpid(child, &mut status, ALL) }, child);
        println!("{flags:#x}: {number} status {status:#x} {}", work(2));
    }
    if std::env::args().count() > 1 {
        PARENT.store(std::process::id() as i32, SeqCst);
        let number: &'static mut u64 = Box::leak(Box::new(1));
        unsafe { clone(outlives, stack(), VM, number) };
    }
    println!("the parent ends");
}
"#;

#[test]
fn children_of_every_kind() {
    let executable = compile("clones", CLONES);
    for (name, options) in [
        ("all", &[][..]),
        ("some", &["--max-stops", "30"]),
        ("serialized", &["--serialize"]),
    ] {
        let call = Call::with_options(options);
        let (plain, recording) = assert_same(&format!("clones-{name}"), &executable, &call);
        assert!(
            plain
                .stdout()
                .starts_with("0x111: 11 status 0x300 12\n0x11: 1 "),
            "the witness: {}",
            plain.stdout()
        );
        if name == "all" {
            // The program's own steps are recorded to the end; the children are no threads of it.
            let last = show(&recording, &["--format", "json", "--last"]).json();
            assert_eq!(last["at"]["function"], "clones::main");
            assert_eq!(last["threads"].as_array().map(Vec::len), Some(1));
        }
        // One that lives longer than the program is not taken along.
        let mut call = Call::with_options(options);
        call.arguments.push("outlive".into());
        let (plain, _) = assert_same(&format!("clones-outlive-{name}"), &executable, &call);
        assert!(
            plain
                .stdout()
                .ends_with("the parent ends\nthe child ends\n"),
            "the witness: {}",
            plain.stdout()
        );
    }
}

const EXECUTES: &str = r#"
use std::os::unix::process::CommandExt;
use std::process::Command;
fn main() {
    let kept = String::from("kept");
    let error = Command::new("/no/such/program").exec();
    println!("{kept} {:?}", error.kind());
    if std::env::args().count() > 1 {
        let error = std::thread::spawn(|| Command::new("sh").args(["-c", "echo by a thread; exit 8"]).exec());
        println!("{:?}", error.join());
    }
    let error = Command::new("sh")
        .args(["-c", "echo \"$0 $1\"; nproc; cat /proc/self/personality; grep -E 'TracerPid|Cpus_allowed' /proc/self/status; exit 6", "zero", "one"])
        .exec();
    println!("{error}");
}
"#;

#[test]
fn a_program_that_executes_another() {
    let executable = compile("executes", EXECUTES);
    let (plain, _) = assert_same("executes", &executable, &Call::default());
    assert_eq!(plain.status, 6, "the witness");
    assert!(
        plain.stdout().starts_with("kept NotFound\nzero one\n"),
        "{}",
        plain.stdout()
    );
    let call = Call::with_arguments(&["thread"]);
    let (plain, _) = assert_same("executes-by-thread", &executable, &call);
    assert_eq!(plain.status, 8, "the witness");
}

// Threads and allocators.

const THREADS: &str = r#"
use std::cell::RefCell;
use std::sync::{Arc, Barrier, Mutex, mpsc};
thread_local! {
    static NAME: RefCell<Told> = RefCell::new(Told(String::from("nobody")));
}
struct Told(String);
impl Drop for Told {
    fn drop(&mut self) {
        println!("end of {}", self.0);
    }
}
fn main() {
    let total = Arc::new(Mutex::new(0u64));
    let barrier = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4u64)
        .map(|number| {
            let (total, barrier) = (Arc::clone(&total), Arc::clone(&barrier));
            std::thread::spawn(move || {
                for round in 0..25 {
                    let boxed = Box::new(round * number);
                    *total.lock().unwrap() += *boxed; // <add>
                }
                barrier.wait();
                number
            })
        })
        .collect();
    let numbers: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    println!("{numbers:?} {}", total.lock().unwrap());
    let (sender, receiver) = mpsc::channel();
    let named = std::thread::Builder::new().name("sender".into());
    let sending = named.spawn(move || {
        NAME.with(|name| name.borrow_mut().0 = std::thread::current().name().unwrap().to_owned());
        for number in 0..10 {
            sender.send(format!("message {number}")).unwrap();
        }
    });
    let messages: Vec<String> = receiver.into_iter().collect();
    sending.unwrap().join().unwrap();
    println!("{messages:?}");
    let mut numbers = vec![3, 1, 2];
    std::thread::scope(|scope| {
        scope.spawn(|| numbers.sort());
    });
    println!("{numbers:?}");
    let left = std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(1000)));
    println!("{}", left.is_finished());
}
"#;

#[test]
fn a_program_with_threads() {
    let executable = compile("threads", THREADS);
    let (plain, _) = assert_same("threads", &executable, &Call::default());
    assert!(
        plain
            .stdout()
            .starts_with("[0, 1, 2, 3] 1800\nend of sender\n[\"message 0\""),
        "the witness: {}",
        plain.stdout()
    );
}

#[test]
fn one_thread_at_a_time() {
    let executable = compile("threads", THREADS);
    let call = Call::with_options(&["--serialize"]);
    let (_, recording) = assert_same("threads-serialized", &executable, &call);
    // Four threads pass the line 25 times each.
    assert_eq!(
        show(&recording, &["--mark", "add", "--nth", "100"]).status,
        0
    );
    let more = show(&recording, &["--mark", "add", "--nth", "101"]);
    assert_error(&more, &["was passed 100 times"]);
    // The last one may not have begun when the program ends.
    let opened = Recording::open(&recording).expect("it opens");
    assert!((7..=8).contains(&opened.totals().threads));
}

const SPINS: &str = r#"
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
static READY: AtomicBool = AtomicBool::new(false);
fn spin() {
    while !READY.load(SeqCst) {}
}
fn work(number: u64) -> u64 {
    let more = number + 1;
    more * 2
}
fn main() {
    let thread = std::thread::spawn(|| {
        let sum: u64 = (0..50).map(work).sum();
        READY.store(true, SeqCst);
        sum
    });
    println!("{}", work(1));
    spin();
    println!("{}", thread.join().unwrap());
}
"#;

#[test]
fn a_thread_that_spins_while_it_waits() {
    let executable = compile("spins", SPINS);
    let (plain, _) = assert_same("spins", &executable, &Call::default());
    assert_eq!(plain.stdout(), "4\n2550\n");
    assert_same(
        "spins-serialized",
        &executable,
        &Call::with_options(&["--serialize"]),
    );
}

#[test]
fn a_thread_that_spins_outside_of_what_is_recorded() {
    let executable = compile("spins", SPINS);
    let call = Call::with_options(&["--serialize", "--only", "work"]);
    assert_same("spins-outside", &executable, &call);
}

const FORKING_THREADS: &str = r#"
unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(code: i32) -> !;
}
fn busy(number: u64) -> u64 {
    let numbers: Vec<u64> = (0..number).collect();
    numbers.iter().sum()
}
fn forks(which: i32) -> i32 {
    let code = |round: i32| which * 20 + round;
    let good = |round: &i32| {
        let child = unsafe { fork() };
        if child == 0 {
            unsafe { _exit(code(*round)) }
        }
        let mut status = 0;
        let ended = unsafe { waitpid(child, &mut status, 0) };
        ended == child && status == code(*round) << 8
    };
    (0..20).filter(good).count() as i32
}
fn main() {
    let busy: Vec<_> = (0..2)
        .map(|_| std::thread::spawn(|| (0..200).map(|round| busy(round % 7)).sum::<u64>()))
        .collect();
    let forking: Vec<_> = (0..3).map(|which| std::thread::spawn(move || forks(which))).collect();
    let good: i32 = forking.into_iter().map(|thread| thread.join().unwrap()).sum();
    let sum: u64 = busy.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("{good} {sum}");
}
"#;

#[test]
fn threads_that_fork_while_others_work() {
    let executable = compile("forking_threads", FORKING_THREADS);
    let (plain, _) = assert_same("forking_threads", &executable, &Call::default());
    assert!(
        plain.stdout().starts_with("60 "),
        "the witness: {}",
        plain.stdout()
    );
}

#[test]
fn threads_that_fork_while_recording_ends() {
    let executable = compile("forking_threads", FORKING_THREADS);
    for round in 0..20 {
        let stops = (100 + 25 * round).to_string();
        let call = Call::with_options(&["--max-stops", &stops]);
        assert_same("forking_threads-let-go", &executable, &call);
    }
}

const OWN_ALLOCATOR: &str = r#"
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
struct Counting;
static ASKED: AtomicUsize = AtomicUsize::new(0);
static FREED: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(1, SeqCst);
        BYTES.fetch_add(layout.size(), SeqCst);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        FREED.fetch_add(1, SeqCst);
        unsafe { System.dealloc(pointer, layout) }
    }
}
#[global_allocator]
static ALLOCATOR: Counting = Counting;
fn tell() {
    let (asked, freed, bytes) = (ASKED.load(SeqCst), FREED.load(SeqCst), BYTES.load(SeqCst));
    println!("{asked} {freed} {bytes}");
}
fn main() {
    tell();
    let mut names: Vec<String> = Vec::new();
    for number in 0..50 {
        names.push(format!("name {number}"));
    }
    tell();
    let boxed: Box<[u64]> = vec![0; 1000].into_boxed_slice();
    names.truncate(10);
    tell();
    std::thread::spawn(move || println!("{}", boxed.len())).join().unwrap();
    tell();
}
"#;

#[test]
fn an_allocator_of_its_own() {
    let executable = compile("own_allocator", OWN_ALLOCATOR);
    let (plain, _) = assert_same("own_allocator", &executable, &Call::default());
    assert_eq!(plain.stdout().lines().count(), 5, "the witness");
}

// Memory that the program asks of the system.

const MAPPED: &str = r#"
use std::os::fd::AsRawFd;
unsafe extern "C" {
    fn mmap(at: *mut u8, size: usize, protection: i32, flags: i32, file: i32, offset: i64) -> *mut u8;
    fn munmap(at: *mut u8, size: usize) -> i32;
}
const STACK: usize = 256 << 10;
extern "C" fn on_another_stack(result: *mut u64) {
    let value = 41u64;
    let boxed = Box::new(value + 1);
    unsafe { *result = *boxed };
    println!("value {:p}", &value); // <other>
}
fn main() {
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let start = unsafe { mmap(std::ptr::null_mut(), 4096, 1, 2, file.as_raw_fd(), 0) };
    let mapped: &[u8] = unsafe { std::slice::from_raw_parts(start, 4) };
    println!("mapped {:p} {mapped:?}", mapped); // <mapped>
    let stack = unsafe { mmap(std::ptr::null_mut(), STACK, 3, 0x22, -1, 0) };
    let mut result = 0u64;
    unsafe {
        std::arch::asm!(
            "xchg rsp, r12",
            "call {function}",
            "mov rsp, r12",
            function = sym on_another_stack,
            inout("r12") stack.add(STACK) => _,
            in("rdi") &mut result,
            clobber_abi("C"),
        );
    }
    println!("result {result}"); // <result>
    unsafe { munmap(stack, STACK) };
    println!("end"); // <end>
}
"#;

fn state_at(recording: &std::path::Path, mark: &str) -> Json {
    show(recording, &["--format", "json", "--mark", mark]).json()
}

fn local<'j>(state: &'j Json, name: &str) -> &'j Json {
    let frames = state["threads"][0]["frames"].as_array().expect("frames");
    let mut locals = frames
        .iter()
        .flat_map(|frame| frame["locals"].as_array().expect("locals"));
    let found = locals.find(|local| local["name"] == name);
    found.unwrap_or_else(|| panic!("no local {name} in {state}"))
}

#[test]
fn mappings_made_while_it_runs() {
    let executable = compile("mapped", MAPPED);
    let recording = scratch("recordings").join("mapped.stackheap");
    let ended = run_recorded(&executable, &recording, &Call::with_options(&["-q"]));
    let stdout = ended.stdout();
    assert!(stdout.ends_with("result 42\nend\n"), "{stdout}");
    let printed = |word: &str| {
        let at = stdout.find(word).expect("the witness") + word.len();
        let digits = stdout[at..].split([' ', ',', '\n']).next();
        digits.expect("an address").to_owned()
    };
    // A file that the program has mapped is no memory of C's allocator.
    let state = state_at(&recording, "mapped");
    let edges = state["edges"].as_array().expect("edges");
    let to = |name: &str| {
        let edge = edges.iter().find(|edge| edge["from"]["local"] == name);
        edge.expect("it points somewhere")["to"].clone()
    };
    for name in ["start", "mapped"] {
        assert_eq!(to(name)["region"], "mapped", "{name} in {state}");
        assert_eq!(to(name)["address"], printed("addr: "), "{name}");
    }
    // On a stack of the program's own making.
    let state = state_at(&recording, "other");
    let value = local(&state, "value");
    assert_eq!(value["value"]["text"], "41");
    assert_eq!(value["place"]["address"], printed("value "));
    let stack = &state["threads"][0]["stack"];
    assert!(stack["used"].as_u64() <= stack["limit"].as_u64(), "{stack}");
    let drawn = show(&recording, &["--mark", "other"]).stdout();
    let counted = drawn.matches("in use up to here").count();
    assert_eq!(counted, 1, "of the thread's own stack: {drawn}");
}

const GUARDED: &str = r#"
use std::alloc::{Layout, alloc, dealloc};
unsafe extern "C" {
    fn mprotect(at: *mut u8, size: usize, protection: i32) -> i32;
}
fn main() {
    let layout = Layout::from_size_align(3 << 12, 4096).unwrap();
    let guarded = unsafe { alloc(layout) };
    let mut behind = Box::new([1u64; 1000]);
    let mut text = String::from("small");
    println!("guarded {guarded:p}"); // <whole>
    unsafe { mprotect(guarded.add(4096), 4096, 0) };
    behind[3] = 77;
    text.make_ascii_uppercase();
    println!("behind {:p} text {text}", &*behind); // <protected>
    unsafe { mprotect(guarded.add(4096), 4096, 3) };
    unsafe { guarded.add(5000).write(5) };
    text.make_ascii_lowercase();
    println!("text {text}"); // <again>
    unsafe { dealloc(guarded, layout) };
}
"#;

#[test]
fn a_page_that_may_not_be_read_hides_no_other() {
    let executable = compile("guarded", GUARDED);
    let (plain, recording) = assert_same("guarded", &executable, &Call::default());
    assert!(plain.stdout().ends_with("text SMALL\ntext small\n"));
    let block = |state: &Json, size: u64| {
        let blocks = state["blocks"].as_array().expect("blocks");
        let found = blocks.iter().find(|block| block["size"] == size);
        found.expect("the block is live").clone()
    };
    let step = |state: &Json| state["step"].as_u64().expect("a number");
    let whole = state_at(&recording, "whole");
    assert_eq!(block(&whole, 3 << 12)["as_of"], step(&whole));
    let state = state_at(&recording, "protected");
    assert_eq!(local(&state, "text")["value"]["text"], "\"SMALL\"");
    assert_eq!(block(&state, 8000)["as_of"], step(&state));
    let cells = block(&state, 8000)["cells"].clone();
    assert_eq!(cells[3]["text"], "77", "it lies behind the page");
    let as_of = block(&state, 3 << 12)["as_of"].as_u64().expect("a step");
    assert!(
        as_of < step(&state) && as_of >= step(&whole),
        "what cannot be read is not taken for current: {as_of}"
    );
    let state = state_at(&recording, "again");
    assert_eq!(local(&state, "text")["value"]["text"], "\"small\"");
    assert_eq!(block(&state, 3 << 12)["as_of"], step(&state));
}

const LARGE_STATICS: &str = r#"
use std::cell::RefCell;
use std::sync::Mutex;
#[repr(C)]
struct Wide<const N: usize> {
    table: [u64; N],
    last: u64,
}
static WIDE: Mutex<Wide<{ 10 << 20 }>> = Mutex::new(Wide { table: [0; 10 << 20], last: 0 });
static SMALL: Mutex<u64> = Mutex::new(7000);
thread_local! {
    static OWN: RefCell<Wide<10_000>> = const { RefCell::new(Wide { table: [6; 10_000], last: 0 }) };
}
fn main() {
    for round in 1..4 {
        WIDE.lock().unwrap().table[1] = 4000 + round;
        WIDE.lock().unwrap().last = round;
        *SMALL.lock().unwrap() += round;
        OWN.with_borrow_mut(|own| own.table[1] = 5000 + round);
    }
    println!("end"); // <end>
}
"#;

#[test]
fn statics_that_are_too_large_to_be_read_at_every_stop() {
    let executable = compile("large_statics", LARGE_STATICS);
    let (_, recording) = assert_same("large_statics", &executable, &Call::default());
    let state = state_at(&recording, "end");
    let statics = state["statics"].as_array().expect("statics");
    let value = |name: &str| {
        let found = statics
            .iter()
            .find(|item| item["name"].as_str().expect("a name").contains(name));
        found.unwrap_or_else(|| panic!("no {name}"))["value"].to_string()
    };
    let reason = "not captured: only the first 65536 bytes of this static are";
    for (name, known, is_cut) in [
        ("::WIDE", "4003", true),
        ("::SMALL", "7006", false),
        ("::OWN", "5003", true),
    ] {
        let value = value(name);
        assert!(value.contains(known), "{name}: {value}");
        assert_eq!(value.contains(reason), is_cut, "{name}: {value}");
    }
}

const OVERWRITES: &str = r#"
/// Makes what lies in the memory that it shares with others senseless, but for the first page.
fn overwrite() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.contains("stackheap")).unwrap();
    let (low, rest) = line.split_once('-').unwrap();
    let number = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let (low, high) = (number(low), number(rest.split(' ').next().unwrap()));
    // The third byte of each slot tells which function was called.
    for slot in (low + 4096..high).step_by(64) {
        let slot = slot as *mut u8;
        unsafe {
            if slot.read_volatile() != 0 {
                slot.add(2).write_volatile(0xee);
            }
        }
    }
}
fn seen(number: u64) -> u64 {
    number + 1 // <seen>
}
fn main() {
    let before: Vec<String> = (0..10).map(|number| format!("number {number}")).collect();
    if std::env::args().count() > 1 {
        overwrite();
    }
    println!("{} {}", before.len(), seen(1));
}
"#;

#[test]
fn allocations_that_are_lost_are_told() {
    let executable = compile("overwrites", OVERWRITES);
    let recording = scratch("recordings").join("overwrites.stackheap");
    for (arguments, is_lost) in [(&[][..], false), (&["now"], true)] {
        let mut call = Call::with_arguments(arguments);
        call.options = vec!["--only".to_owned(), "seen".to_owned()];
        let ended = run_recorded(&executable, &recording, &call);
        assert_eq!((ended.status, ended.stdout().as_str()), (0, "10 2\n"));
        let told = ended.stderr().contains("allocations were lost");
        assert_eq!(told, is_lost, "{}", ended.stderr());
    }
}

// What is recorded, as asked.

const SCOPED: &str = r#"
fn helper(number: u64) -> u64 {
    let doubled = number * 2; // <doubled>
    doubled + 1
}
fn other(number: u64) -> String {
    let text = format!("other {number}"); // <other>
    text
}
fn main() {
    let mut sum = 0;
    for number in 0..100 {
        sum += helper(number); // <loop>
        if number % 50 == 0 {
            println!("{}", other(number)); // <print>
        }
    }
    println!("sum {sum}"); // <sum>
    std::process::exit(4);
}
"#;

/// Records the program with these options; gives the states and what was said.
fn scoped(name: &str, options: &[&str]) -> (Vec<Json>, Ended, PathBuf) {
    let executable = compile("scoped", SCOPED);
    let recording = scratch("recordings").join(format!("scoped-{name}.stackheap"));
    let plain = run_plain(&executable, &Call::default());
    let ended = run_recorded(&executable, &recording, &Call::with_options(options));
    assert_eq!(
        ended.stdout(),
        plain.stdout(),
        "{name}: the program runs on to its end"
    );
    assert_eq!(ended.status, plain.status, "{name}: {}", ended.stderr());
    assert_eq!(
        plain.stdout(),
        "other 0\nother 50\nsum 10000\n",
        "the witness"
    );
    (states(&recording), ended, recording)
}

fn lines(states: &[Json]) -> Vec<u64> {
    states
        .iter()
        .map(|state| state["at"]["line"].as_u64().expect("a number"))
        .collect()
}

fn functions(states: &[Json]) -> Vec<&str> {
    let mut all: Vec<&str> = states
        .iter()
        .map(|state| state["at"]["function"].as_str().expect("a name"))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn place(text: &str) -> String {
    format!("scoped.rs:{}", line_of(SCOPED, text))
}

#[test]
fn only_one_function() {
    let (states, _, _) = scoped("only", &["--only", "helper"]);
    assert_eq!(functions(&states), ["scoped::helper"]);
    let doubled = line_of(SCOPED, "<doubled>");
    let passed = lines(&states)
        .iter()
        .filter(|&&line| line == doubled)
        .count();
    assert_eq!(passed, 100, "as the loop says");
    let (states, _, _) = scoped("only-two", &["--only", "helper", "--only", "scoped::other"]);
    assert_eq!(functions(&states), ["scoped::helper", "scoped::other"]);
    let (states, _, _) = scoped("only-file", &["--only", "scoped.rs"]);
    assert_eq!(
        functions(&states),
        ["scoped::helper", "scoped::main", "scoped::other"]
    );
}

#[test]
fn from_a_line_until_a_line() {
    let (states, _, _) = scoped("from", &["--from", &place("<print>")]);
    assert_eq!(lines(&states).first(), Some(&line_of(SCOPED, "<print>")));
    let doubled = line_of(SCOPED, "<doubled>");
    assert_eq!(
        lines(&states)
            .iter()
            .filter(|&&line| line == doubled)
            .count(),
        99
    );
    let from = format!("{}:40", place("<doubled>"));
    let (states, _, _) = scoped("from-nth", &["--from", &from]);
    assert_eq!(lines(&states).first(), Some(&doubled));
    assert_eq!(
        lines(&states)
            .iter()
            .filter(|&&line| line == doubled)
            .count(),
        61
    );
    let until = format!("{}:5", place("<doubled>"));
    let (states, _, _) = scoped("until-nth", &["--until", &until]);
    assert_eq!(lines(&states).last(), Some(&doubled));
    assert_eq!(
        lines(&states)
            .iter()
            .filter(|&&line| line == doubled)
            .count(),
        5
    );
    let (states, _, _) = scoped(
        "from-until",
        &["--from", &place("<other>"), "--until", &until],
    );
    assert_eq!(lines(&states).first(), Some(&line_of(SCOPED, "<other>")));
    assert_eq!(lines(&states).last(), Some(&doubled));
    assert_eq!(
        lines(&states)
            .iter()
            .filter(|&&line| line == doubled)
            .count(),
        5
    );
}

#[test]
fn a_bound_of_stops_is_told() {
    let (states, ended, recording) = scoped("max-stops", &["--max-stops", "7"]);
    assert!(
        !states.is_empty() && states.len() <= 7,
        "{} steps",
        states.len()
    );
    assert!(
        ended.stderr().contains("7 stops"),
        "the bound is told: {}",
        ended.stderr()
    );
    assert!(
        ended.stderr().contains("status 4"),
        "how the program ended is known: {}",
        ended.stderr()
    );
    assert_eq!(show(&recording, &["--last"]).status, 0);
    let (states, _, _) = scoped("max-bytes", &["--max-bytes", "1"]);
    assert!(lines(&states).len() <= 256, "{} steps", states.len());
}

#[test]
fn a_bound_of_one_place_is_told() {
    let (states, ended, _) = scoped("throttle", &["--throttle", "3"]);
    let lines = lines(&states);
    let doubled = line_of(SCOPED, "<doubled>");
    assert_eq!(lines.iter().filter(|&&line| line == doubled).count(), 3);
    assert!(
        lines.contains(&line_of(SCOPED, "<sum>")),
        "what comes later is recorded"
    );
    assert!(
        ended.stderr().contains("passings 1 to 3 of"),
        "it is told: {}",
        ended.stderr()
    );
}

#[test]
fn a_bound_of_one_place_counts_from_where_recording_begins() {
    // The place is passed more often before than the bound allows.
    let from = format!("{}:50", place("<doubled>"));
    let (states, ended, _) = scoped("from-throttle", &["--from", &from, "--throttle", "20"]);
    let doubled = line_of(SCOPED, "<doubled>");
    let lines = lines(&states);
    assert_eq!(lines.iter().filter(|&&line| line == doubled).count(), 20);
    let stderr = ended.stderr();
    assert!(stderr.contains("20 of"), "it is told: {stderr}");
}

const SECRET: &str = r#"
use std::io::Read;
fn main() {
    let mut secret = String::new();
    std::io::stdin().read_to_string(&mut secret).unwrap();
    let copy = secret.clone();
    let number: u64 = secret.bytes().map(u64::from).fold(1, u64::wrapping_mul);
    let boxed = Box::new(number);
    println!("{}", copy.len() + usize::from(*boxed == 1));
}
"#;

/// All that is called so somewhere in a document.
fn named<'j>(json: &'j Json, name: &str, found: &mut Vec<&'j Json>) {
    match json {
        Json::Object(object) => {
            for (key, value) in object {
                if key == name {
                    found.push(value);
                }
                named(value, name, found);
            }
        }
        Json::Array(array) => array.iter().for_each(|value| named(value, name, found)),
        _ => {}
    }
}

#[test]
fn no_values() {
    let executable = compile("secret", SECRET);
    let recording = scratch("recordings").join("secret.stackheap");
    let secret = "quiet as a mouse";
    let mut call = Call {
        stdin: secret.into(),
        ..Call::default()
    };
    run_recorded(&executable, &recording, &call);
    let open: String = states(&recording).iter().map(Json::to_string).collect();
    assert!(
        open.contains(secret),
        "the witness: with values it is there"
    );
    call.options = vec!["--no-values".to_owned()];
    let ended = run_recorded(&executable, &recording, &call);
    assert_eq!(ended.stdout(), "16\n");
    assert!(!ended.stderr().contains(secret), "{}", ended.stderr());
    let states = states(&recording);
    assert!(!states.is_empty());
    for state in &states {
        for piece in [secret, "quiet", "mouse", "71756965"] {
            assert!(!state.to_string().contains(piece), "{piece} is in {state}");
        }
        let mut values = Vec::new();
        named(state, "value", &mut values);
        for value in values {
            assert!(
                value["text"].is_null(),
                "a text of a value: {value} in {state}"
            );
            let bytes = &value["bytes"];
            assert!(
                bytes.is_null() || bytes == "",
                "bytes of a value: {value} in {state}"
            );
        }
    }
    // Sizes and addresses are there.
    let mut sizes = Vec::new();
    states
        .iter()
        .for_each(|state| named(&state["blocks"], "size", &mut sizes));
    assert!(
        sizes.iter().any(|size| **size == 16),
        "the secret's block has its size"
    );
    let mut command = stackheap();
    command.args(["export", "--format", "html"]).arg(&recording);
    let page = finish(&mut command, &[]);
    assert_eq!(page.status, 0, "{}", page.stderr());
    assert!(!page.stdout().contains("quiet"), "the page has none either");
}

#[test]
fn a_recording_is_for_its_owner_alone() {
    let executable = compile("scoped", SCOPED);
    let directory = fresh("modes");
    let recording = directory.join("private.stackheap");
    // Also where a file of that name was open for all, and the mask lets everything through.
    write(&directory, "private.stackheap", "");
    let mode = |path: &str| {
        std::fs::metadata(directory.join(path))
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    let everyone = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(&recording, everyone).expect("the mode can be set");
    let recorded = recording_command(&executable, &recording, &Call::default());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "umask 0; exec \"$0\" \"$@\""])
        .arg(recorded.get_program());
    shell.args(recorded.get_args());
    assert_eq!(finish(&mut shell, &[]).status, 4);
    assert_eq!(mode("private.stackheap"), 0o600);
    assert_eq!(mode("private.html"), 0o600, "the page carries the same");
}

#[test]
fn a_quiet_run_says_nothing_of_its_own() {
    let source = "fn main() {\n    println!(\"out\");\n    eprintln!(\"err\");\n}\n";
    let directory = fresh("quiet");
    let file = write(&directory, "quiet.rs", source);
    let mut command = stackheap();
    command
        .args(["run", "-q", "-o"])
        .arg(directory.join("out.stackheap"))
        .arg(&file);
    let ended = finish(&mut command, &[]);
    assert_eq!(
        (ended.stdout().as_str(), ended.stderr().as_str()),
        ("out\n", "err\n")
    );
    assert_eq!(ended.status, 0);
}

#[test]
fn a_result_on_standard_output_stands_alone() {
    let executable = compile("ends", ENDS);
    let recording = scratch("recordings").join("result.stackheap");
    let mut call = Call::with_arguments(&["42"]);
    for format in ["json", "markdown", "svg", "text"] {
        call.options = vec!["--format".to_owned(), format.to_owned()];
        let ended = run_recorded(&executable, &recording, &call);
        assert_eq!(ended.status, 42, "{}", ended.stderr());
        assert!(!ended.stderr().contains("before"), "{}", ended.stderr());
        match format {
            "json" => {
                assert_eq!(ended.json()["schema_version"], 1);
                let output = show(&recording, &["--format", "json", "--last"]).json();
                assert_eq!(
                    output["output"]["stdout"], "before\n",
                    "it is in the recording"
                );
            }
            "svg" => assert!(ended.stdout().starts_with("<svg"), "{}", ended.stdout()),
            "markdown" => assert!(ended.stdout().contains("| "), "{}", ended.stdout()),
            _ => assert!(ended.stdout().contains("STACK"), "{}", ended.stdout()),
        }
        assert!(!ended.stdout().starts_with("before"), "{}", ended.stdout());
    }
}

#[test]
fn a_program_from_standard_input() {
    let mut command = stackheap();
    let recording = scratch("recordings").join("typed.stackheap");
    command
        .args(["run", "-q", "-o"])
        .arg(recording)
        .arg("-")
        .args(["--", "one"]);
    let source = "fn main() {\n    println!(\"{:?}\", std::env::args().nth(1));\n}\n";
    let ended = finish(&mut command, source.as_bytes());
    assert_eq!(
        (ended.status, ended.stdout().as_str()),
        (0, "Some(\"one\")\n")
    );
}
