use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::{Sources, UserCode};

/// A program that is ready to be run.
#[derive(Clone, Debug)]
pub struct Built {
    /// The executable's absolute path.
    pub executable: PathBuf,
    /// How to start it.
    pub command: LaunchCommand,
    /// What it is.
    pub role: ProgramRole,
    /// Which source files are the user's own.
    pub user_code: UserCode,
    /// How source files are shown and where their texts are.
    pub sources: Sources,
    /// How the user's own code was compiled; `None` where that is not known.
    pub profile: Option<ProfileFacts>,
    /// What was done that the user may not expect, each a sentence.
    pub notes: Vec<String>,
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
