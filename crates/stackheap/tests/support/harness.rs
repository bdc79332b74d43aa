//! Compiles small programs, runs them with and without `stackheap`, and compares what they did.
//!
//! The plain run of a program is the witness of the recorded one: same bytes on standard output and
//! standard error, same exit status. Each wait has an end.

#![allow(dead_code, reason = "each test uses a part of this module")]

#[path = "../../../../tests/support/skip.rs"]
pub mod skip;

use std::collections::hash_map::DefaultHasher;
use std::ffi::{OsStr, OsString};
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// No program of the tests runs longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long the output of a program that ended may still be on its way: a child that it left behind
/// may hold its end of the pipe.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(20);

/// The program under test.
pub fn stackheap() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackheap"));
    environment(&mut command);
    command
}

/// The same environment for the plain and the recorded run: nothing of the tests' own that changes
/// what a program prints.
fn environment(command: &mut Command) {
    command
        .env("XDG_CACHE_HOME", scratch("cache"))
        .env("NO_COLOR", "1")
        .env_remove("CARGO_TERM_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("COLUMNS")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE");
}

/// A directory of its own for each test.
pub fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).expect("a directory for scratch files");
    path
}

/// An empty directory of its own for each test.
pub fn fresh(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path).expect("what an earlier run left can be removed");
    }
    scratch(name)
}

/// Writes a file and gives its path.
pub fn write(directory: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a directory for scratch files");
    }
    std::fs::write(&path, bytes).expect("scratch files can be written");
    path
}

/// Compiles a program with debug information; the executable of the same source is used again.
pub fn compile(name: &str, source: &str) -> PathBuf {
    compile_with(name, source, &["-g"])
}

/// The same, with these flags alone.
pub fn compile_with(name: &str, source: &str, flags: &[&str]) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    // A test that failed in here leaves nothing half done that another would use.
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut hasher = DefaultHasher::new();
    (name, source, flags, rustc_version()).hash(&mut hasher);
    let directory = scratch(&format!("programs/{name}-{:016x}", hasher.finish()));
    let executable = directory.join(name);
    if executable.is_file() {
        return executable;
    }
    let file = write(&directory, &format!("{name}.rs"), source);
    let unfinished = directory.join(format!("{name}.{}.tmp", std::process::id()));
    let output = Command::new(rustc())
        .args(["--edition", "2024", "--crate-name", name])
        .args(flags)
        .arg("-o")
        .arg(&unfinished)
        .arg(&file)
        .output()
        .expect("rustc starts");
    assert!(
        output.status.success(),
        "{name} does not compile: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::rename(&unfinished, &executable).expect("the executable gets its name");
    executable
}

/// The source that `compile` wrote for an executable.
pub fn source_of(executable: &Path) -> PathBuf {
    executable.with_extension("rs")
}

fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

fn rustc_version() -> Vec<u8> {
    Command::new(rustc())
        .arg("-Vv")
        .output()
        .expect("rustc starts")
        .stdout
}

/// How a program is run.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Arguments of the program.
    pub arguments: Vec<OsString>,
    /// What it reads.
    pub stdin: Vec<u8>,
    /// Added to its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it runs.
    pub directory: Option<PathBuf>,
    /// Options of `stackheap run`.
    pub options: Vec<String>,
}

impl Call {
    pub fn with_arguments<A: AsRef<OsStr>>(arguments: &[A]) -> Self {
        let arguments = arguments
            .iter()
            .map(|argument| argument.as_ref().to_owned())
            .collect();
        Self {
            arguments,
            ..Self::default()
        }
    }

    pub fn with_environment(name: &str, value: impl AsRef<OsStr>) -> Self {
        let environment = vec![(name.into(), value.as_ref().to_owned())];
        Self {
            environment,
            ..Self::default()
        }
    }

    pub fn with_options(options: &[&str]) -> Self {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Self {
            options,
            ..Self::default()
        }
    }

    fn apply(&self, command: &mut Command) {
        command.envs(self.environment.iter().cloned());
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
    }
}

/// What a program left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// As a shell gives it: the exit code, or 128 and the signal's number.
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Ended {
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The output without what differs from run to run anyway.
    pub fn normalised(&self) -> (i32, String, String) {
        (
            self.status,
            normalise(&self.stdout()),
            normalise(&self.stderr()),
        )
    }

    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|why| {
            panic!(
                "expected one JSON document, found ({why}): {}",
                self.stdout()
            )
        })
    }
}

fn shell_status(status: ExitStatus) -> i32 {
    match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => -1,
    }
}

/// Runs a program as a shell would.
pub fn run_plain(executable: &Path, call: &Call) -> Ended {
    let mut command = Command::new(executable);
    environment(&mut command);
    command.args(&call.arguments);
    call.apply(&mut command);
    finish(&mut command, &call.stdin)
}

/// The command that records a program.
pub fn recording_command(executable: &Path, recording: &Path, call: &Call) -> Command {
    let mut command = stackheap();
    command
        .args(["run", "--no-open", "-o"])
        .arg(recording)
        .args(&call.options);
    command
        .arg("--exe")
        .arg(executable)
        .arg("--")
        .args(&call.arguments);
    call.apply(&mut command);
    command
}

/// Runs a program under `stackheap run`.
pub fn run_recorded(executable: &Path, recording: &Path, call: &Call) -> Ended {
    finish(
        &mut recording_command(executable, recording, call),
        &call.stdin,
    )
}

/// Runs a program both ways, says nothing of ours, and compares; gives the plain run and the
/// recording, which opens and has steps.
pub fn assert_same(name: &str, executable: &Path, call: &Call) -> (Ended, PathBuf) {
    let recording = scratch("recordings").join(format!("{name}.stackheap"));
    let plain = run_plain(executable, call);
    let mut quiet = call.clone();
    quiet.options.insert(0, "-q".to_owned());
    let recorded = run_recorded(executable, &recording, &quiet);
    let (expected, found) = (plain.normalised(), recorded.normalised());
    assert_eq!(
        found.0, expected.0,
        "{name}: status; its stderr: {}",
        found.2
    );
    assert_eq!(found.1, expected.1, "{name}: standard output");
    assert_eq!(found.2, expected.2, "{name}: standard error");
    let shown = show(&recording, &["--format", "json", "--step", "1"]);
    assert_eq!(shown.status, 0, "{name}: {}", shown.stderr());
    assert!(
        shown.json()["steps"]
            .as_u64()
            .is_some_and(|steps| steps > 0),
        "{name}: no steps"
    );
    (plain, recording)
}

/// `stackheap show` of a recording.
pub fn show(recording: &Path, options: &[&str]) -> Ended {
    finish(stackheap().arg("show").arg(recording).args(options), &[])
}

/// The states of a recording, as `export --format jsonl` writes them.
pub fn states(recording: &Path) -> Vec<Json> {
    let mut command = stackheap();
    command.args(["export", "--format", "jsonl"]).arg(recording);
    let exported = finish(&mut command, &[]);
    assert_eq!(exported.status, 0, "{}", exported.stderr());
    exported
        .stdout()
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is a JSON document"))
        .collect()
}

/// The line of a source that contains this text.
pub fn line_of(source: &str, text: &str) -> u64 {
    let index = source.lines().position(|line| line.contains(text));
    index.unwrap_or_else(|| panic!("the source has no `{text}`")) as u64 + 1
}

/// Runs a command to its end, within bounds.
pub fn finish(command: &mut Command, stdin: &[u8]) -> Ended {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let mut pipe = child.stdin.take().expect("its input is a pipe");
    let bytes = stdin.to_owned();
    std::thread::spawn(move || {
        // A program that does not read its input is no failure.
        let _ = pipe.write_all(&bytes);
    });
    let stdout = collect(child.stdout.take().expect("its output is a pipe"));
    let stderr = collect(child.stderr.take().expect("its output is a pipe"));
    let status = wait(&mut child, command);
    Ended {
        status: shell_status(status),
        stdout: receive(&stdout),
        stderr: receive(&stderr),
    }
}

/// Reads in the background; the bytes come in pieces.
pub fn collect(mut from: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// What is read until the end of the output.
pub fn receive(from: &mpsc::Receiver<Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::new();
    while let Ok(piece) = from.recv_timeout(OUTPUT_PATIENCE) {
        all.extend(piece);
    }
    all
}

/// What is read until this text was read.
pub fn receive_until(from: &mpsc::Receiver<Vec<u8>>, text: &str) -> Vec<u8> {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(text) {
        match from.recv_timeout(PATIENCE) {
            Ok(piece) => all.extend(piece),
            Err(why) => {
                panic!(
                    "expected `{text}` ({why}), found {}",
                    String::from_utf8_lossy(&all)
                )
            }
        }
    }
    all
}

/// Waits for the end of a child, within bounds.
pub fn wait(child: &mut Child, command: &Command) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            return status;
        }
        if start.elapsed() > PATIENCE {
            // Its program ends with it.
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A command in a process group of its own, so that a signal to all of it reaches no other test. It
/// starts with the default action for every signal: a shell that runs the tests in the background
/// has SIGINT ignored, and what is ignored stays so in all that is started.
pub fn in_own_group(command: &mut Command) -> &mut Command {
    let mut wrapped = Command::new("env");
    wrapped.arg("--default-signal").arg(command.get_program());
    wrapped.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        wrapped.current_dir(directory);
    }
    *command = wrapped;
    command.process_group(0)
}

/// Sends a signal; a negative number names a process group.
pub fn send_signal(signal: &str, to: i64) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {to}")])
        .status()
        .expect("sh starts");
    assert!(status.success(), "kill -{signal} {to}: {status}");
}

/// Replaces what differs between any two runs: addresses, and the numbers of threads in messages.
pub fn normalise(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find(['0', '(']) {
        let (before, from) = rest.split_at(found);
        result.push_str(before);
        let (shown, length) = variable_part(from);
        result.push_str(shown);
        rest = &from[length..];
    }
    result.push_str(rest);
    result
}

/// The replacement of what stands at the start of the text, and the length of what it replaces.
fn variable_part(text: &str) -> (&str, usize) {
    if let Some(digits) = text.strip_prefix("0x") {
        let length = digits.chars().take_while(char::is_ascii_hexdigit).count();
        if length > 0 {
            return ("0x..", length + 2);
        }
    }
    if let Some(number) = text.strip_prefix('(') {
        let length = number.chars().take_while(char::is_ascii_digit).count();
        if length > 0 && number[length..].starts_with(')') {
            return ("(..)", length + 2);
        }
    }
    (&text[..1], 1)
}

/// Checks an error of ours: status 2, one sentence that holds these texts, and no panic.
pub fn assert_error(ended: &Ended, texts: &[&str]) {
    let stderr = ended.stderr();
    assert_eq!(ended.status, 2, "expected status 2; its stderr: {stderr}");
    assert_no_panic(ended);
    let errors: Vec<&str> = stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "expected one error, found: {stderr}");
    let missing: Vec<_> = texts
        .iter()
        .filter(|text| !stderr.contains(**text))
        .collect();
    assert!(missing.is_empty(), "expected {missing:?} in: {stderr}");
    assert!(
        ended.stdout.is_empty(),
        "expected no result, found: {}",
        ended.stdout()
    );
}

/// Checks that nothing of ours panicked.
pub fn assert_no_panic(ended: &Ended) {
    let stderr = ended.stderr();
    for word in [
        "panicked at",
        "RUST_BACKTRACE",
        "overflowed its stack",
        "memory allocation of",
    ] {
        assert!(!stderr.contains(word), "a panic: {stderr}");
    }
    assert!(
        ended.status < 128,
        "ended by a signal ({}): {stderr}",
        ended.status
    );
}
