use std::path::PathBuf;

use super::pass;
use super::{CompilerTexts, MissingTexts};
use crate::{Sources, UserCode, environment};

/// What the compiler knows of a target whose code was checked and not generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The crates it knows of, the target's own first.
    pub crates: Vec<CheckedCrate>,
    /// The user's crates whose facts are missing, with the reasons.
    pub missing: Vec<MissingTexts>,
    /// Which source files are the user's own.
    pub user_code: UserCode,
    /// How source files are shown and where their texts are.
    pub sources: Sources,
    /// What was done that the user may not expect, each a sentence.
    pub notes: Vec<String>,
}

/// A crate of the user's, and what the compiler printed about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCrate {
    /// The files with the compiler's texts.
    pub texts: CompilerTexts,
    /// Where rustc ran: the names of files in its texts are relative to this directory.
    pub directory: PathBuf,
    /// Whether it is what the user named.
    pub role: CrateRole,
}

/// What a crate is to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CrateRole {
    /// The target's own crate.
    Target,
    /// A member of the workspace that the target depends on.
    Dependency,
}

/// The crates of written calls, the target's first, and those whose facts are missing.
pub(crate) fn checked(calls: Vec<(PathBuf, CrateRole)>) -> (Vec<CheckedCrate>, Vec<MissingTexts>) {
    let mut crates = Vec::new();
    let mut missing = Vec::new();
    for (call, answer) in pass::answers(calls.iter().map(|(call, _)| call.clone()).collect()) {
        let role = calls.iter().find(|(other, _)| *other == call);
        match answer {
            Ok(texts) => crates.push(CheckedCrate {
                texts,
                directory: environment::read(&call)
                    .map(|call| call.directory)
                    .unwrap_or_default(),
                role: role.map_or(CrateRole::Dependency, |(_, role)| *role),
            }),
            Err(reason) => missing.push(reason),
        }
    }
    crates.sort_by(|one, other| {
        (one.role, &one.texts.crate_name).cmp(&(other.role, &other.texts.crate_name))
    });
    missing.sort_by(|one, other| one.crate_name.cmp(&other.crate_name));
    (crates, missing)
}
