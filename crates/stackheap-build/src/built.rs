use std::collections::BTreeMap;
use std::ffi::OsString;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use crate::{CompilerAnswers, Sources, UserCode};

/// A program that is ready to be run.
#[derive(Debug)]
pub struct Built {
    /// The executable's absolute path.
    pub executable: PathBuf,
    /// What it is.
    pub role: ProgramRole,
    /// Which source files are the user's own.
    pub user_code: UserCode,
    /// How source files are shown and where their texts are.
    pub sources: Sources,
    /// How the user's own code was compiled; `None` where that is not known.
    pub profile: Option<ProfileFacts>,
    pub(crate) launch: Launching,
    /// How the compiler is asked what it knows: the written calls of rustc.
    pub(crate) calls: Vec<PathBuf>,
}

impl Built {
    /// How to start it. Cargo may still be being asked; then this waits for the answer, some tens
    /// of milliseconds, which are well spent on reading the executable.
    pub fn command(&self) -> &LaunchCommand {
        &self.launch.get().command
    }

    /// Begins to ask what the compiler knows of each crate of the user's, on threads of its own.
    /// What was asked before about the same code is known.
    pub fn ask_compiler(&self) -> CompilerAnswers {
        CompilerAnswers::begin(self.calls.clone())
    }

    /// What was done that the user may not expect, each a sentence. Waits as
    /// [`command`](Self::command) does.
    pub fn notes(&self) -> &[String] {
        &self.launch.get().notes
    }
}

/// How to start a program, once it is known. Dropping it waits too, since what finds it out has
/// something to put back.
#[derive(Debug)]
pub(crate) struct Launching {
    known: OnceLock<Launch>,
    finding_out: Mutex<Option<JoinHandle<Launch>>>,
}

impl Launching {
    /// A way to start a program that is known from the start.
    pub(crate) fn known(command: LaunchCommand, notes: Vec<String>) -> Self {
        Self {
            known: OnceLock::from(Launch { command, notes }),
            finding_out: Mutex::default(),
        }
    }

    /// One that is found out meanwhile.
    pub(crate) fn found_out(find_out: impl FnOnce() -> Launch + Send + 'static) -> Self {
        Self {
            known: OnceLock::new(),
            finding_out: Mutex::new(Some(std::thread::spawn(find_out))),
        }
    }

    fn get(&self) -> &Launch {
        self.known.get_or_init(|| match self.thread() {
            Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // Made with the one or the other, and the thread is taken here alone.
            None => unreachable!("the thread is joined once"),
        })
    }

    fn thread(&self) -> Option<JoinHandle<Launch>> {
        let mut thread = self
            .finding_out
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        thread.take()
    }
}

impl Drop for Launching {
    fn drop(&mut self) {
        // What went wrong there is of no interest any more.
        let _ = self.thread().map(JoinHandle::join);
    }
}

/// How to start a program, and what is to be said about it.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) command: LaunchCommand,
    pub(crate) notes: Vec<String>,
}

/// How to start a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchCommand {
    /// The program's name as its own argument zero, as cargo or a shell would give it.
    pub name: OsString,
    /// Its arguments, without argument zero.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// The directory it starts in.
    pub directory: PathBuf,
}

/// What a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProgramRole {
    /// A program with its own `main`.
    Program,
    /// Tests, run by a test harness.
    Tests,
    /// Benchmarks.
    Benchmarks,
}

/// How the user's own code was compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileFacts {
    /// The profile's name; `None` for a single file.
    pub name: Option<String>,
    /// `0` to `3`, `s` or `z`.
    pub opt_level: String,
    /// `debug_assertions` is set.
    pub debug_assertions: bool,
    /// Arithmetic overflow is checked.
    pub overflow_checks: bool,
}

impl ProfileFacts {
    /// Whether the code was optimised, so that variables may be without a place in memory.
    pub fn is_optimised(&self) -> bool {
        self.opt_level != "0"
    }
}
