use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::pass;
use crate::built::LaunchCommand;
use crate::environment;

/// The name under which an executable is called in rustc's stead; behind it stand rustc and its
/// arguments, and the executable hands them to [`wrap_rustc`].
pub const WRAPPER_NAME: &str = "stackheap-rustc";

/// The directory of written calls, beside the directory that rustc writes to.
const CALLS: &str = "stackheap-calls";

/// Writes down how rustc is called, if that call compiles a crate, and calls it.
///
/// `arguments` are rustc and its arguments. A call that generates no code, as those of `cargo check`,
/// prints what the compiler knows as well. Does not return unless rustc cannot be called; then gives
/// the reason.
pub fn wrap_rustc(arguments: impl IntoIterator<Item = OsString>) -> io::Error {
    let mut arguments = arguments.into_iter();
    let Some(rustc) = arguments.next() else {
        return io::Error::new(
            io::ErrorKind::InvalidInput,
            "expected rustc and its arguments",
        );
    };
    let arguments: Vec<OsString> = arguments.collect();
    if let Some(file) = call_file(&arguments) {
        // Without it the compiler's knowledge of this crate is missing, which is told; the build
        // must not fail for it.
        let written = write_call(&file, &rustc, &arguments);
        if written.is_ok()
            && is_check(&arguments)
            && pass::print_with(&rustc, &arguments, &file).is_some()
        {
            std::process::exit(0);
        }
    }
    replace_by(Command::new(rustc).args(arguments))
}

#[cfg(unix)]
fn replace_by(command: &mut Command) -> io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

#[cfg(not(unix))]
fn replace_by(command: &mut Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(101)),
        Err(error) => error,
    }
}

fn write_call(file: &Path, rustc: &OsStr, arguments: &[OsString]) -> io::Result<()> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let call = LaunchCommand {
        name: rustc.to_owned(),
        arguments: arguments.to_vec(),
        environment: std::env::vars_os().collect(),
        directory: std::env::current_dir()?,
    };
    environment::write(file, &call)
}

/// Where a call is written down: a file named as what the call makes. `None` for calls that compile
/// nothing of a program: probes, build scripts, procedural macros.
fn call_file(arguments: &[OsString]) -> Option<PathBuf> {
    let name = value_of(arguments, "--crate-name")?;
    let is_build_script = name.to_str()?.starts_with("build_script_");
    let is_macro = value_of(arguments, "--crate-type").is_some_and(|kind| kind == "proc-macro");
    if is_build_script || is_macro || name == "___" {
        return None;
    }
    let directory = PathBuf::from(value_of(arguments, "--out-dir")?);
    let mut stem = name.to_owned();
    stem.push(codegen_value_of(arguments, "extra-filename").unwrap_or_default());
    let file = PathBuf::from(stem).with_extension("call");
    Some(directory.parent()?.join(CALLS).join(file))
}

/// Whether a call only looks at a crate, for what depends on it.
fn is_check(arguments: &[OsString]) -> bool {
    let kinds = value_of(arguments, "--emit").and_then(OsStr::to_str);
    kinds.is_some_and(|kinds| {
        let mut kinds = kinds.split(',');
        kinds.clone().any(|kind| kind == "metadata")
            && kinds.all(|kind| matches!(kind, "metadata" | "dep-info"))
    })
}

/// The value of a flag, `--flag value` or `--flag=value`.
pub(super) fn value_of<'a>(arguments: &'a [OsString], flag: &str) -> Option<&'a OsStr> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == flag {
            return arguments.next().map(OsString::as_os_str);
        }
        let joined = argument.to_str().and_then(|text| text.strip_prefix(flag));
        if let Some(value) = joined.and_then(|rest| rest.strip_prefix('=')) {
            return Some(OsStr::new(value));
        }
    }
    None
}

/// The value of a flag of code generation, `-C name=value`.
fn codegen_value_of<'a>(arguments: &'a [OsString], name: &str) -> Option<&'a str> {
    let pairs = arguments.windows(2).filter(|pair| pair[0] == "-C");
    let mut values =
        pairs.filter_map(|pair| pair[1].to_str()?.strip_prefix(name)?.strip_prefix('='));
    values.next()
}

/// Makes the executable at `target` callable under [`WRAPPER_NAME`]; gives its path there. The path
/// stays the same when the executable moves, since cargo compiles anew for another wrapper.
pub(crate) fn link(target: &Path, directory: &Path) -> Option<PathBuf> {
    let link = directory.join(WRAPPER_NAME);
    if std::fs::read_link(&link).is_ok_and(|now| now == target) {
        return Some(link);
    }
    std::fs::create_dir_all(directory).ok()?;
    let temporary = link.with_extension(std::process::id().to_string());
    symlink(target, &temporary).ok()?;
    std::fs::rename(&temporary, &link).ok()?;
    Some(link)
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The written calls that made these files. A file may have been given another name since: then it
/// is known by being the same file.
pub(crate) fn calls_of(made: &[PathBuf]) -> Vec<PathBuf> {
    let mut calls: Vec<PathBuf> = made.iter().filter_map(|file| call_of(file)).collect();
    calls.sort();
    calls.dedup();
    calls
}

/// The written call that made a file.
pub(crate) fn call_of(made: &Path) -> Option<PathBuf> {
    let directory = made.parent()?;
    // What cargo made lies in a directory of the profile (`debug/app`), or in one below it
    // (`debug/deps/app-0123`, `debug/examples/demo`).
    [directory, directory.parent()?]
        .iter()
        .find_map(|profile| call_below(profile, made))
}

fn call_below(profile: &Path, made: &Path) -> Option<PathBuf> {
    let calls = profile.join(CALLS);
    let stem = made.file_stem()?.to_str()?;
    let named = stem.strip_prefix("lib").into_iter().chain([stem]);
    let of_name = |stem: &str| calls.join(stem).with_extension("call");
    if let Some(call) = named.map(of_name).find(|call| call.is_file()) {
        return Some(call);
    }
    let entries = std::fs::read_dir(&calls).ok()?;
    let mut calls = entries.flatten().map(|entry| entry.path()).filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "call")
    });
    calls.find(|call| {
        let name = call.file_stem().unwrap_or_default();
        ["deps", "examples"]
            .iter()
            .any(|below| is_same_file(&profile.join(below).join(name), made))
    })
}

#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| {
        std::fs::metadata(path)
            .ok()
            .map(|file| (file.dev(), file.ino()))
    };
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

#[cfg(not(unix))]
fn is_same_file(_: &Path, _: &Path) -> bool {
    false
}
