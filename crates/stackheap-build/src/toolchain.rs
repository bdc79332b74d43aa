use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, BuildOptions};

/// What the toolchain says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolchainFacts {
    /// `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub rustc: String,
    /// `1.95.0`.
    pub release: String,
    /// The triple of the machine that rustc runs on.
    pub host: String,
    /// The version of LLVM, where rustc uses it.
    pub llvm: Option<String>,
    /// `cargo 1.95.0 (f2d3ce0bd 2026-03-21)`; `None` if cargo cannot be run.
    pub cargo: Option<String>,
    /// The directory of the toolchain.
    pub sysroot: PathBuf,
    /// The triples that it has a standard library for, by name.
    pub targets: Vec<String>,
    /// Whether the sources of the standard library are installed (`rust-src`).
    pub has_library_source: bool,
}

/// Asks rustc and cargo what they are. The toolchain is the one of the user's directory: rustup may
/// choose another one elsewhere.
///
/// # Errors
///
/// [`BuildError::ToolchainMissing`] if rustc cannot be run.
pub fn toolchain_facts(options: &BuildOptions) -> Result<ToolchainFacts, BuildError> {
    let directory = directory(options)?;
    let version = Version::ask(&directory)?;
    let sysroot = sysroot(&directory)?;
    let cargo = answer(cargo(&directory).arg("-V"))
        .ok()
        .map(|text| text.trim().to_owned());
    let rustlib = sysroot.join("lib/rustlib");
    let entries = std::fs::read_dir(&rustlib).into_iter().flatten().flatten();
    let mut targets: Vec<String> = entries
        .filter(|entry| entry.path().join("lib").is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    targets.sort();
    Ok(ToolchainFacts {
        rustc: version.text.lines().next().unwrap_or("").to_owned(),
        release: version.field("release").unwrap_or("").to_owned(),
        host: version.host().to_owned(),
        llvm: version.field("LLVM version").map(str::to_owned),
        cargo,
        targets,
        has_library_source: rustlib.join("src/rust/library/core/src/lib.rs").is_file(),
        sysroot,
    })
}

/// What `rustc -vV` prints.
pub(crate) struct Version {
    pub(crate) text: String,
}

impl Version {
    pub(crate) fn ask(directory: &Path) -> Result<Self, BuildError> {
        Ok(Self {
            text: answer(rustc(directory).arg("-vV"))?,
        })
    }

    pub(crate) fn host(&self) -> &str {
        self.field("host").unwrap_or("")
    }

    fn field(&self, name: &str) -> Option<&str> {
        let value = |line| str::strip_prefix(line, name)?.strip_prefix(": ");
        self.text.lines().find_map(value)
    }
}

/// rustc, as the user's directory and environment choose it.
pub(crate) fn rustc(directory: &Path) -> Command {
    program("RUSTC", "rustc", directory)
}

/// Cargo, as the user's directory and environment choose it.
pub(crate) fn cargo(directory: &Path) -> Command {
    program("CARGO", "cargo", directory)
}

fn program(variable: &str, name: &str, directory: &Path) -> Command {
    let named = std::env::var_os(variable).filter(|value| !value.is_empty());
    let mut command = Command::new(named.unwrap_or_else(|| OsString::from(name)));
    command.current_dir(directory);
    command
}

pub(crate) fn missing(command: &Command, message: impl ToString) -> BuildError {
    BuildError::ToolchainMissing {
        program: PathBuf::from(command.get_program()),
        message: message.to_string(),
    }
}

/// What a command prints.
fn answer(command: &mut Command) -> Result<String, BuildError> {
    let output = command.output().map_err(|error| missing(command, error))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(missing(
            command,
            String::from_utf8_lossy(&output.stderr).trim(),
        ))
    }
}

pub(crate) fn sysroot(directory: &Path) -> Result<PathBuf, BuildError> {
    let text = answer(rustc(directory).args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(text.trim_end_matches(['\n', '\r'])))
}

/// Where code lies that is not the user's, as far as it is known without a package.
pub(crate) fn foreign_directories(directory: &Path) -> Vec<PathBuf> {
    sysroot(directory).into_iter().chain(downloads()).collect()
}

/// Where cargo puts what it downloads.
pub(crate) fn downloads() -> Vec<PathBuf> {
    let home = cargo_home();
    let of_home = |home: &PathBuf| [home.join("registry"), home.join("git")];
    home.iter().flat_map(of_home).collect()
}

/// `CARGO_HOME`, or where cargo looks without it.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").filter(|value| !value.is_empty());
    named
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

/// Where the user stands.
pub(crate) fn directory(options: &BuildOptions) -> Result<PathBuf, BuildError> {
    match &options.directory {
        Some(directory) => Ok(directory.clone()),
        None => std::env::current_dir().map_err(|error| BuildError::io(Path::new("."), &error)),
    }
}
