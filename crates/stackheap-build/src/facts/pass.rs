use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::wrapper::value_of;
use super::{CompilerTexts, MissingTexts};
use crate::built::LaunchCommand;
use crate::environment;

/// How many calls of rustc run at once. The program and its recorder run meanwhile.
const AT_ONCE: usize = 2;

/// Where rustc's answers are kept, beside the call.
const BORROW_CHECKED: &str = "borrow-checked.mir";
const ELABORATED: &str = "elaborated.mir";

/// The flags by which rustc prints what is asked for. They are unstable, so that a release needs to
/// be told that it may take them; it is told for these calls alone, which generate no code.
const FLAGS: [&str; 6] = [
    "-Zunstable-options",
    "-Zmir-include-spans=on",
    // Locals keep their numbers, and no temporary is removed.
    "-Zmir-opt-level=0",
    "-Zdump-mir=nll",
    "-Zdump-mir-exclude-alloc-bytes",
    // MIR counts as a kind of code: without this, all of it would be generated and thrown away.
    "-Zno-codegen",
];
const ALLOW_UNSTABLE: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

type Answer = Result<CompilerTexts, MissingTexts>;

/// What the compiler knows, while it is asked.
#[derive(Debug)]
pub struct CompilerAnswers(JoinHandle<Vec<Answer>>);

impl CompilerAnswers {
    pub(crate) fn begin(calls: Vec<PathBuf>) -> Self {
        Self(std::thread::spawn(|| all(calls)))
    }

    /// The files of each crate, or why they are missing, by the crates' names. Waits for them.
    pub fn wait(self) -> Vec<Result<CompilerTexts, MissingTexts>> {
        self.0.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn all(calls: Vec<PathBuf>) -> Vec<Answer> {
    let mut answers = each(calls, answer);
    answers.sort_by(|one, other| name_of(one).cmp(&name_of(other)));
    answers
}

/// Does something with each written call, some at once; gives the results in any order.
fn each<T: Send>(calls: Vec<PathBuf>, work: impl Fn(&Path) -> T + Sync) -> Vec<T> {
    let queue = Mutex::new(calls.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        let worker = || {
            std::iter::from_fn(next)
                .map(|call| work(&call))
                .collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        let results = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        results.flatten().collect()
    })
}

fn name_of(answer: &Answer) -> Option<&str> {
    match answer {
        Ok(texts) => Some(&texts.crate_name),
        Err(missing) => missing.crate_name.as_deref(),
    }
}

/// What rustc printed, or prints now, for written calls; each with the call.
pub(crate) fn answers(calls: Vec<PathBuf>) -> Vec<(PathBuf, Answer)> {
    each(calls, |call| (call.to_owned(), answer(call)))
}

/// The answers to a written call.
fn answer(file: &Path) -> Answer {
    let Some(call) = environment::read(file) else {
        return Err(MissingTexts {
            crate_name: None,
            reason: format!(
                "how rustc was called cannot be read from {}",
                file.display()
            ),
        });
    };
    let directory = file.with_extension("facts");
    let name = value_of(&call.arguments, "--crate-name").or_else(|| file_stem_of(&call.arguments));
    let texts = texts_in(&directory, name.unwrap_or(&call.name));
    if is_newer(&texts.elaborated, file) {
        return Ok(texts);
    }
    match ask(&call, &texts, &directory) {
        Ok(()) => Ok(texts),
        Err(reason) => Err(MissingTexts {
            crate_name: Some(texts.crate_name),
            reason,
        }),
    }
}

/// Where the answers about a crate are kept.
pub(crate) fn texts_in(directory: &Path, crate_name: &OsStr) -> CompilerTexts {
    CompilerTexts {
        crate_name: crate_name.to_string_lossy().into_owned(),
        borrow_checked: directory.join(BORROW_CHECKED),
        elaborated: directory.join(ELABORATED),
    }
}

/// The name that rustc gives a crate by itself: its file's.
fn file_stem_of(arguments: &[OsString]) -> Option<&OsStr> {
    Path::new(arguments.last()?).file_stem()
}

/// Whether `answer` was written after `question`.
fn is_newer(answer: &Path, question: &Path) -> bool {
    let modified = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|file| file.modified())
            .ok()
    };
    modified(answer)
        .zip(modified(question))
        .is_some_and(|(answer, question)| answer > question)
}

/// Makes the call again with the flags that print, and keeps what it prints.
fn ask(call: &LaunchCommand, texts: &CompilerTexts, directory: &Path) -> Result<(), String> {
    let failed = |what: &str, error: &io::Error| format!("{what}: {error}");
    let printing =
        Printing::new().map_err(|error| failed("no place for rustc's answers", &error))?;
    let mut command = Command::new(&call.name);
    printing.add_to(&mut command);
    command
        .args(["-Awarnings", "--emit=metadata", "--out-dir"])
        .arg(printing.scratch.path())
        // Last: behind `--` there are no flags.
        .args(without_results(&call.arguments))
        .env_clear()
        .envs(&call.environment)
        .env(ALLOW_UNSTABLE.0, ALLOW_UNSTABLE.1)
        .current_dir(&call.directory)
        .stdin(Stdio::null());
    let output = command
        .output()
        .map_err(|error| failed("rustc cannot be called", &error))?;
    if !output.status.success() {
        return Err(format!(
            "rustc refused to print it: {}",
            first_error(&output.stderr)
        ));
    }
    printing
        .keep(texts, directory, &call.directory)
        .map_err(|error| failed("rustc's answers cannot be kept", &error))
}

/// A call of rustc that also prints what it knows, and where it prints that.
pub(crate) struct Printing {
    /// A file is written for each function: in memory, where there is a place for that.
    scratch: TempDir,
}

impl Printing {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            scratch: scratch()?,
        })
    }

    /// Adds the flags that print; they stand in front of `--`. The unstable ones are allowed for
    /// this call alone.
    pub(crate) fn add_to(&self, command: &mut Command) {
        let with_path = |flag: &str, name: &str| {
            let mut argument = OsString::from(flag);
            argument.push(self.scratch.path().join(name));
            argument
        };
        command
            .args(FLAGS)
            .arg(with_path("--emit=mir=", ELABORATED))
            .arg(with_path("-Zdump-mir-dir=", "bodies"))
            .env(ALLOW_UNSTABLE.0, ALLOW_UNSTABLE.1);
    }

    /// Keeps what was printed, in a directory of ours; its paths are relative to where rustc ran.
    pub(crate) fn keep(
        &self,
        texts: &CompilerTexts,
        directory: &Path,
        relative_to: &Path,
    ) -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        let bodies = self.scratch.path().join("bodies");
        join_bodies(&bodies, relative_to, &texts.borrow_checked)?;
        // Last: its age tells that both are there.
        keep(&self.scratch.path().join(ELABORATED), &texts.elaborated)
    }
}

/// Makes a call that generates no code, and has rustc print meanwhile; keeps that beside the written
/// call. What rustc says is what it says without that: `None`, and nothing was said, if it refused.
///
/// A release that is allowed to take unstable flags speaks of unstable features too. What it refuses
/// is therefore said by a call without those flags.
pub(super) fn print_with(rustc: &OsStr, arguments: &[OsString], call: &Path) -> Option<()> {
    let printing = Printing::new().ok()?;
    let mut command = Command::new(rustc);
    printing.add_to(&mut command);
    let output = command.args(whole(arguments)).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let name = value_of(arguments, "--crate-name")?;
    let directory = call.with_extension("facts");
    // What cannot be kept now is asked for again when it is needed.
    let here = std::env::current_dir().unwrap_or_default();
    let _ = printing.keep(&texts_in(&directory, name), &directory, &here);
    // Nobody reads it any more: no reason to fail.
    let _ = io::stdout().write_all(&output.stdout);
    let _ = io::stderr().write_all(&output.stderr);
    Some(())
}

/// The arguments without what says where results go, and which: nothing is linked.
fn without_results(arguments: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_str().unwrap_or_default();
        let is_result = |flag: &str| {
            text.strip_prefix(flag)
                .is_some_and(|rest| rest.starts_with('='))
        };
        match text {
            "--emit" | "--out-dir" | "-o" => drop(rest.next()),
            _ if is_result("--emit") || is_result("--out-dir") => {}
            _ => kept.push(argument.clone()),
        }
    }
    whole(&kept)
}

/// The arguments without what lets rustc leave out a part that is as it was before: that part would
/// not be printed.
fn whole(arguments: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        let value = rest.peek().and_then(|value| value.to_str());
        let is_incremental = value.is_some_and(|value| value.starts_with("incremental="));
        if argument == "-C" && is_incremental {
            rest.next();
        } else {
            kept.push(argument.clone());
        }
    }
    kept
}

/// The first message of rustc, in one line.
pub(crate) fn first_error(messages: &[u8]) -> String {
    let text = String::from_utf8_lossy(messages);
    let mut lines = text.lines().map(|line| {
        let json: Option<serde_json::Value> = serde_json::from_str(line).ok();
        let message = json.and_then(|json| Some(json.get("message")?.as_str()?.to_owned()));
        message.unwrap_or_else(|| line.trim().to_owned())
    });
    lines
        .find(|line| !line.is_empty())
        .unwrap_or_else(|| "without a message".to_owned())
}

/// Puts the bodies that the borrow checker saw into one file, in the order of their names, behind
/// the directory that their paths are relative to.
fn join_bodies(from: &Path, relative_to: &Path, into: &Path) -> io::Result<()> {
    let mut files: Vec<PathBuf> = match std::fs::read_dir(from) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        // A crate without a function.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    // The filter of rustc also takes functions by their names.
    files.retain(|file| file.to_string_lossy().ends_with(".nll.0.mir"));
    files.sort();
    let temporary = into.with_extension("tmp");
    let mut joined = io::BufWriter::new(File::create(&temporary)?);
    let relative_to = relative_to.display();
    writeln!(joined, "// stackheap directory {relative_to}")?;
    for file in files {
        let name = file.file_name().unwrap_or_default().display();
        writeln!(joined, "// stackheap body {name}")?;
        without_constraints(&std::fs::read(&file)?, &mut joined)?;
    }
    joined
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    std::fs::rename(temporary, into)
}

/// The text of a body without what its regions were solved from, which is a good part of it and
/// which nobody asks for.
fn without_constraints(text: &[u8], into: &mut impl Write) -> io::Result<()> {
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let is_constraint = line.starts_with(b"| ") && contains(line, b" due to ");
        if !is_constraint {
            into.write_all(line)?;
        }
    }
    Ok(())
}

fn contains(line: &[u8], words: &[u8]) -> bool {
    line.windows(words.len()).any(|part| part == words)
}

/// Copies a file, so that it is there whole or not at all.
fn keep(from: &Path, to: &Path) -> io::Result<()> {
    let temporary = to.with_extension("tmp");
    std::fs::copy(from, &temporary)?;
    std::fs::rename(temporary, to)
}

/// A directory that is removed when it is not needed any more, in memory where there is one for that.
fn scratch() -> io::Result<TempDir> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let mut places = [Some(PathBuf::from("/dev/shm")), runtime]
        .into_iter()
        .flatten();
    let mut named = tempfile::Builder::new();
    named.prefix("stackheap-");
    match places.find_map(|place| named.tempdir_in(place).ok()) {
        Some(directory) => Ok(directory),
        None => named.tempdir(),
    }
}
