//! The environment that cargo gives to the programs it runs.
//!
//! Cargo is asked to run a runner of ours in the program's stead (its configuration has
//! `target.TRIPLE.runner` for that), and the runner writes down what it was given. Without a runner
//! the environment is computed as the cargo book says
//! (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::built::LaunchCommand;

/// The first argument with which a runner is called; behind it stand the file to write, the
/// program and the program's arguments.
pub const RUNNER_ARGUMENT: &str = "__environment";

/// Writes the environment, directory and arguments of this process to a file, for
/// [`build`](crate::build) to read.
///
/// `arguments` are those behind [`RUNNER_ARGUMENT`]: the file, the program, its arguments.
///
/// # Errors
///
/// What the system says if the file cannot be written; [`io::ErrorKind::InvalidInput`] if no file
/// or program is named.
pub fn dump_environment(arguments: impl IntoIterator<Item = OsString>) -> io::Result<()> {
    let mut arguments = arguments.into_iter();
    let missing = || io::Error::new(io::ErrorKind::InvalidInput, "expected a file and a program");
    let file = arguments.next().ok_or_else(missing)?;
    let command = LaunchCommand {
        name: arguments.next().ok_or_else(missing)?,
        arguments: arguments.collect(),
        environment: std::env::vars_os().collect(),
        directory: std::env::current_dir()?,
    };
    write(Path::new(&file), &command)
}

/// Writes a command to a file, whole or not at all.
pub(crate) fn write(file: &Path, command: &LaunchCommand) -> io::Result<()> {
    let mut bytes = Vec::new();
    push(&mut bytes, command.directory.as_os_str());
    let words = 1 + command.arguments.len();
    push(&mut bytes, OsStr::new(&words.to_string()));
    push(&mut bytes, &command.name);
    for argument in &command.arguments {
        push(&mut bytes, argument);
    }
    for (name, value) in &command.environment {
        push(&mut bytes, name);
        push(&mut bytes, value);
    }
    // The reader must not find half of it.
    let temporary = file.with_extension(format!("{}.tmp", std::process::id()));
    private_file(&temporary)?.write_all(&bytes)?;
    std::fs::rename(temporary, file)
}

/// A new file for its owner alone, in the place of what an earlier process left.
fn private_file(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Strings end with a byte 0, which none of them contains.
fn push(bytes: &mut Vec<u8>, text: &OsStr) {
    bytes.extend_from_slice(text.as_encoded_bytes());
    bytes.push(0);
}

/// Reads what [`write`] wrote.
pub(crate) fn read(file: &Path) -> Option<LaunchCommand> {
    let bytes = std::fs::read(file).ok()?;
    let mut strings = bytes
        .strip_suffix(&[0])?
        .split(|&byte| byte == 0)
        .map(os_string);
    let directory = PathBuf::from(strings.next()??);
    let count: usize = strings.next()??.to_str()?.parse().ok()?;
    let mut command: Vec<OsString> = Vec::new();
    for _ in 0..count.min(bytes.len()) {
        command.push(strings.next()??);
    }
    let mut environment = BTreeMap::new();
    while let Some(name) = strings.next() {
        environment.insert(name?, strings.next()??);
    }
    let mut command = command.into_iter();
    Some(LaunchCommand {
        name: command.next()?,
        arguments: command.collect(),
        environment,
        directory,
    })
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    let text: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(bytes);
    Some(text.to_owned())
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    std::str::from_utf8(bytes).ok().map(OsString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_dump_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dump");
        // Also where something is left that all could read.
        let left = file.with_extension("tmp");
        std::fs::write(&left, "").unwrap();
        std::fs::set_permissions(&left, std::fs::Permissions::from_mode(0o644)).unwrap();
        dump_environment([file.clone().into(), "program".into()]).unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read(&file).unwrap().name, "program");
    }

    #[test]
    fn what_is_not_a_dump_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dump");
        assert_eq!(read(&file), None);
        for bytes in [
            &b""[..],
            b"\0",
            b"/\0",
            b"/\x009\0a\0",
            b"/\0x\0a\0",
            b"/\x001\0a\0name\0",
            b"/\x000\0",
        ] {
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(read(&file), None, "{bytes:?}");
        }
        std::fs::write(&file, b"/d\x002\0a\0b\0N\0\0").unwrap();
        let command = read(&file).unwrap();
        assert_eq!(command.directory, Path::new("/d"));
        assert_eq!(
            (command.name, command.arguments),
            ("a".into(), vec![OsString::from("b")])
        );
        assert_eq!(
            command.environment,
            BTreeMap::from([("N".into(), "".into())])
        );
    }
}
