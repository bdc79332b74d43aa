//! What the compiler knows of the user's code, asked for without a change to what is run.
//!
//! While cargo builds, a wrapper writes down how rustc is called for each crate of the workspace,
//! and calls it as it would have been called. The calls are then made again, beside the program's
//! run, with flags by which rustc prints what its borrow checker found and where values are dropped,
//! and without generating code: dependencies are there already, and the executable stays as it is.
//! The answers are kept beside the build until a crate is compiled anew.
//!
//! Where no program is wanted, rustc is called without code generation in the first place, and
//! prints in the same call.

mod check;
mod pass;
mod wrapper;

use std::path::PathBuf;

pub use check::{Checked, CheckedCrate, CrateRole};
pub use pass::CompilerAnswers;
pub use wrapper::{WRAPPER_NAME, wrap_rustc};

pub(crate) use check::checked;
pub(crate) use pass::{Printing, first_error, texts_in};
pub(crate) use wrapper::{call_of, calls_of, link};

/// What the compiler printed about one crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerTexts {
    /// The crate's name.
    pub crate_name: String,
    /// The file with the bodies that the borrow checker saw, with its regions and loans, one after
    /// the other.
    pub borrow_checked: PathBuf,
    /// The file with the bodies in which drops are decided.
    pub elaborated: PathBuf,
}

/// Why the compiler's knowledge of a crate is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingTexts {
    /// The crate's name; `None` if nothing was asked at all.
    pub crate_name: Option<String>,
    /// The reason, as a part of a sentence.
    pub reason: String,
}
