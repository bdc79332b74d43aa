//! From what the user names to an executable with debug information.
//!
//! Takes a [`TargetSpec`] (a Rust file, a program as text, a code block of a Markdown note, a target
//! of a cargo package, or an executable that is already there). Gives a [`Built`]: the executable,
//! the exact command, environment and directory with which `cargo run` or `cargo test` would start
//! it, which source files are the user's own, and what was done to the program in words.
//!
//! Uses the toolchain that the user has, through `cargo` and `rustc` alone. What cargo builds goes
//! to a target directory of its own below the user's, what rustc builds to a cache; the user's
//! files, manifests, lock file and build cache stay as they are. The user's own code is built
//! without optimisation and with full debug information, dependencies as the user's profile says;
//! with `--release` or `--profile` everything is built as the profile says, with debug information
//! added. Messages of the compiler pass through unchanged.
//!
//! Refuses to guess: where several targets fit, the error lists them with the flags that pick each.
//! Knows nothing of recordings, ELF or the contents of debug information. Never prints but what
//! cargo and rustc print, never exits.
//!
//! # Examples
//!
//! ```no_run
//! use stackheap_build::{BuildOptions, Edition, TargetSpec, build};
//!
//! let target = TargetSpec::File { path: "demo.rs".into(), edition: Edition::default() };
//! let built = build(&target, &BuildOptions::default(), &[])?;
//! assert!(built.executable.is_file());
//! assert!(built.user_code.is_user("/home/me/demo.rs"));
//! assert!(!built.user_code.is_user("/rustc/1234/library/core/src/option.rs"));
//! # Ok::<(), stackheap_build::BuildError>(())
//! ```

#![forbid(unsafe_code)]

mod built;
mod cache;
mod cargo;
mod environment;
mod error;
mod executable;
mod facts;
mod file;
mod note;
mod snippet;
mod sources;
mod target;
mod toolchain;
mod user_code;

use std::ffi::OsString;

pub use built::{Built, LaunchCommand, ProfileFacts, ProgramRole};
pub use cargo::lock::{PUT_BACK_ARGUMENT, put_back_lock_file};
pub use environment::{RUNNER_ARGUMENT, dump_environment};
pub use error::{BuildError, Candidate};
pub use facts::{
    Checked, CheckedCrate, CompilerAnswers, CompilerTexts, CrateRole, MissingTexts, WRAPPER_NAME,
    wrap_rustc,
};
pub use note::{NoteBlock, blocks};
pub use sources::Sources;
pub use target::{
    BuildOptions, CargoSelection, CargoTarget, Color, Edition, Optimization, TargetSpec,
};
pub use toolchain::{ToolchainFacts, toolchain_facts};
pub use user_code::UserCode;

/// Builds what `spec` names, to be run with `arguments`.
///
/// Takes as long as cargo or rustc take; an unchanged target is not built again. Messages of the
/// compiler go to the standard error of this process.
///
/// # Errors
///
/// [`BuildError::Failed`] if the program does not compile, after the compiler's own messages; else
/// a sentence on what was expected, what was found and what to do.
pub fn build(
    spec: &TargetSpec,
    options: &BuildOptions,
    arguments: &[OsString],
) -> Result<Built, BuildError> {
    match spec {
        TargetSpec::File { path, edition } => file::build(path, *edition, options, arguments),
        TargetSpec::Stdin { text, edition } => {
            snippet::build_stdin(text, *edition, options, arguments)
        }
        TargetSpec::Note {
            path,
            block,
            edition,
        } => snippet::build_note(path, *block, *edition, options, arguments),
        TargetSpec::Cargo(selection) => cargo::build(selection, options, arguments),
        TargetSpec::Executable(path) => executable::build(path, options, arguments),
    }
}

/// Has the compiler check what `spec` names, and print what it knows of it. No code is generated
/// and nothing is linked or run.
///
/// Takes as long as `cargo check` or rustc take, and some tens of milliseconds for what is printed;
/// an unchanged target is not checked again. Messages of the compiler go to the standard error of
/// this process, as they are. Of a package the library is taken where it has no program.
///
/// # Errors
///
/// [`BuildError::Failed`] if the program does not compile, after the compiler's own messages;
/// [`BuildError::NoSource`] for an executable; else a sentence on what was expected, what was found
/// and what to do.
pub fn check(spec: &TargetSpec, options: &BuildOptions) -> Result<Checked, BuildError> {
    match spec {
        TargetSpec::File { path, edition } => file::check(path, *edition, options),
        TargetSpec::Stdin { text, edition } => snippet::check_stdin(text, *edition, options),
        TargetSpec::Note {
            path,
            block,
            edition,
        } => snippet::check_note(path, *block, *edition, options),
        TargetSpec::Cargo(selection) => cargo::check(selection, options),
        TargetSpec::Executable(path) => Err(BuildError::NoSource(path.clone())),
    }
}
