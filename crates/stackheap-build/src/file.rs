use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use serde::{Deserialize, Serialize};

use crate::built::{Built, LaunchCommand, Launching, ProfileFacts, ProgramRole};
use crate::cache::Key;
use crate::facts::{self, Printing};
use crate::toolchain::Version;
use crate::user_code::normalise;
use crate::{
    BuildError, BuildOptions, Checked, CheckedCrate, Color, CrateRole, Edition, Optimization,
    Sources, UserCode, cache, environment, snippet, toolchain,
};

/// Builds a file of the user's, as the user typed its path.
pub(crate) fn build(
    path: &Path,
    edition: Edition,
    options: &BuildOptions,
    arguments: &[OsString],
) -> Result<Built, BuildError> {
    compilation(path, edition, options)?.build(options, arguments, Vec::new())
}

/// Checks a file of the user's, as the user typed its path.
pub(crate) fn check(
    path: &Path,
    edition: Edition,
    options: &BuildOptions,
) -> Result<Checked, BuildError> {
    if path.to_str().is_none() {
        // rustc takes no such name.
        let text = read(path, &toolchain::directory(options)?)?;
        return snippet::check_copy(path, text, edition, options);
    }
    compilation(path, edition, options)?.check(options, Vec::new())
}

fn compilation(
    path: &Path,
    edition: Edition,
    options: &BuildOptions,
) -> Result<Compilation, BuildError> {
    let directory = toolchain::directory(options)?;
    let text = read(path, &directory)?;
    Ok(Compilation {
        source: path.to_owned(),
        name: path.file_stem().unwrap_or(OsStr::new("program")).to_owned(),
        text,
        edition,
        flags: Vec::new(),
        sources: Sources::below(&directory),
        directory,
        help: package_help(path, options),
    })
}

/// The text of a file that the user named.
pub(crate) fn read(path: &Path, directory: &Path) -> Result<String, BuildError> {
    let full = directory.join(path);
    if full.is_dir() {
        return Err(BuildError::is_directory(path, directory));
    }
    let bytes = match std::fs::read(&full) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(BuildError::NoSuchFile(path.to_owned()));
        }
        Err(error) => return Err(BuildError::io(path, &error)),
    };
    utf8(bytes, path)
}

pub(crate) fn utf8(bytes: Vec<u8>, path: &Path) -> Result<String, BuildError> {
    String::from_utf8(bytes).map_err(|error| BuildError::NotUtf8 {
        path: path.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

/// What may help if a file does not compile that belongs to a package: it may need the package's
/// dependencies.
fn package_help(path: &Path, options: &BuildOptions) -> Option<String> {
    let full = normalise(&toolchain::directory(options).ok()?.join(path));
    let package = full
        .ancestors()
        .skip(1)
        .find(|parent| parent.join("Cargo.toml").is_file())?;
    Some(format!(
        "mend them, or leave the file's name away to build it as part of the package in `{}`",
        package.display()
    ))
}

/// One program that rustc builds.
pub(crate) struct Compilation {
    /// The source as rustc gets it, relative to `directory`.
    pub(crate) source: PathBuf,
    /// The program's name.
    pub(crate) name: OsString,
    /// The source's text.
    pub(crate) text: String,
    pub(crate) edition: Edition,
    /// Further flags for rustc.
    pub(crate) flags: Vec<OsString>,
    /// Where rustc runs.
    pub(crate) directory: PathBuf,
    pub(crate) sources: Sources,
    /// What may help if it does not compile.
    pub(crate) help: Option<String>,
}

/// What a program was built from, and what the compiler said; kept beside it.
#[derive(Serialize, Deserialize)]
struct Stamp {
    /// Each file that rustc read, and the hash of its contents.
    files: Vec<(PathBuf, u64)>,
    /// Each environment variable that the program's text asks for, and its value.
    variables: Vec<(String, Option<String>)>,
    /// The compiler's warnings.
    messages: String,
    /// What rustc said of itself; not there where it is a part of the key.
    #[serde(default)]
    toolchain: Toolchain,
}

/// What rustc says of itself.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct Toolchain {
    version: String,
    sysroot: PathBuf,
}

impl Toolchain {
    fn ask(directory: &Path) -> Result<Self, BuildError> {
        std::thread::scope(|scope| {
            let sysroot = scope.spawn(|| toolchain::sysroot(directory));
            let version = Version::ask(directory)?.text;
            let sysroot = sysroot
                .join()
                .unwrap_or_else(|panic| resume_unwind(panic))?;
            Ok(Self { version, sysroot })
        })
    }

    /// Where code lies that is not the user's.
    fn foreign(&self) -> Vec<PathBuf> {
        let mut foreign = toolchain::downloads();
        foreign.push(self.sysroot.clone());
        foreign
    }
}

/// What a build keeps beside the executable: a number that changes with it, so that nothing is
/// missing from one that is found.
const SLOT_FORM: &[u8] = b"with the call of rustc";

const STAMP: &str = "stamp.json";

/// How rustc was called, beside the program.
const CALL: &str = "rustc.call";

impl Compilation {
    pub(crate) fn build(
        &self,
        options: &BuildOptions,
        arguments: &[OsString],
        notes: Vec<String>,
    ) -> Result<Built, BuildError> {
        let executable = self.executable(options)?;
        let foreign = toolchain::foreign_directories(&self.directory);
        let debug = options.optimization == Optimization::None;
        let call = executable.with_file_name(CALL);
        let command = LaunchCommand {
            name: executable.clone().into_os_string(),
            arguments: arguments.to_vec(),
            environment: std::env::vars_os().collect(),
            directory: self.directory.clone(),
        };
        Ok(Built {
            executable,
            role: ProgramRole::Program,
            user_code: UserCode::all_but_foreign(&foreign),
            sources: self.sources.clone(),
            profile: Some(ProfileFacts {
                name: None,
                opt_level: opt_level(options).to_owned(),
                debug_assertions: debug,
                overflow_checks: debug,
            }),
            launch: Launching::known(command, notes),
            calls: vec![call],
        })
    }

    /// The executable, from the cache if nothing changed since it was built.
    fn executable(&self, options: &BuildOptions) -> Result<PathBuf, BuildError> {
        let version = Version::ask(&self.directory)?;
        let programs = cache::directory(options)?.join("programs");
        cache::create(&programs)?;
        let slot = programs.join(self.key(options).with(version.text.as_bytes()).text());
        let executable = slot.join(&self.name);
        if let Some(stamp) = current_stamp(&slot, &self.directory)
            && executable.is_file()
        {
            say(&stamp.messages);
            return Ok(executable);
        }
        let temporary = cache::beside(&slot, "tmp");
        cache::create(&temporary)?;
        let compiled = self.compile(&temporary, options);
        let is_current = || current_stamp(&slot, &self.directory).is_some() && executable.is_file();
        let finished = compiled.and_then(|()| cache::fill(&slot, &temporary, &is_current));
        if finished.is_err() {
            // What is left of a failed build is of no use; the error says what went wrong.
            let _ = std::fs::remove_dir_all(&temporary);
        }
        finished?;
        cache::prune(&programs);
        Ok(executable)
    }

    /// What decides about the result, but the version of rustc.
    fn key(&self, options: &BuildOptions) -> Key {
        let key = Key::new()
            .with(SLOT_FORM)
            .with(self.directory.as_os_str().as_encoded_bytes())
            .with(self.source.as_os_str().as_encoded_bytes())
            .with(self.name.as_encoded_bytes())
            .with(self.text.as_bytes())
            .with(self.edition.to_string().as_bytes())
            .with(opt_level(options).as_bytes());
        self.flags
            .iter()
            .fold(key, |key, flag| key.with(flag.as_encoded_bytes()))
    }

    fn compile(&self, into: &Path, options: &BuildOptions) -> Result<(), BuildError> {
        let dependencies = into.join("dependencies.d");
        let mut emit = OsString::from("--emit=link,dep-info=");
        emit.push(&dependencies);
        let mut command = self.rustc(options);
        command
            .args(["-Cdebuginfo=2", "-Cstrip=none", "-Csplit-debuginfo=off"])
            .arg(emit)
            .arg("-o")
            .arg(into.join(&self.name));
        self.end(&mut command);
        let output = output(&mut command)?;
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        say(&messages);
        if !output.status.success() {
            return Err(self.failed(output.status));
        }
        let stamp = stamp(&dependencies, &self.directory, messages);
        let json = serde_json::to_vec(&stamp).unwrap_or_default();
        cache::write(&into.join(STAMP), &json)?;
        let call = LaunchCommand {
            name: command.get_program().to_owned(),
            arguments: command.get_args().map(OsStr::to_owned).collect(),
            environment: std::env::vars_os().collect(),
            directory: self.directory.clone(),
        };
        let file = into.join(CALL);
        environment::write(&file, &call).map_err(|error| BuildError::io(&file, &error))
    }
}

impl Compilation {
    /// rustc, with what all calls of it have in front.
    fn rustc(&self, options: &BuildOptions) -> Command {
        let mut command = toolchain::rustc(&self.directory);
        command
            .arg("--edition")
            .arg(self.edition.to_string())
            .args(self.crate_name_flag())
            .arg(format!("-Copt-level={}", opt_level(options)))
            .args(["--color", color(options.color)])
            .args(&self.flags);
        command
    }

    /// What all calls end with. Its messages are piped, so that they can be kept.
    fn end(&self, command: &mut Command) {
        command
            // A name that begins with `-` is no flag.
            .arg("--")
            .arg(&self.source)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
    }

    fn failed(&self, status: ExitStatus) -> BuildError {
        BuildError::Failed {
            code: status.code(),
            help: self.help.clone(),
        }
    }

    /// Has rustc print what it knows, if it was not asked before.
    pub(crate) fn check(
        self,
        options: &BuildOptions,
        notes: Vec<String>,
    ) -> Result<Checked, BuildError> {
        let checks = cache::directory(options)?.join("checks");
        cache::create(&checks)?;
        let slot = checks.join(self.key(options).text());
        let texts = facts::texts_in(&slot, OsStr::new(&crate_name(&self.name)));
        let there = || texts.borrow_checked.is_file() && texts.elaborated.is_file();
        let kept = current_stamp(&slot, &self.directory).filter(|_| there());
        // rustc is not asked for its version before there is something to compare that with.
        let kept = match kept {
            Some(stamp) => (Toolchain::ask(&self.directory)? == stamp.toolchain).then_some(stamp),
            None => None,
        };
        let stamp = match kept {
            Some(stamp) => {
                say(&stamp.messages);
                stamp
            }
            None => self.fill_checked(&checks, &slot, options)?,
        };
        Ok(Checked {
            crates: vec![CheckedCrate {
                texts,
                directory: self.directory.clone(),
                role: CrateRole::Target,
            }],
            missing: Vec::new(),
            user_code: UserCode::all_but_foreign(&stamp.toolchain.foreign()),
            sources: self.sources,
            notes,
        })
    }

    fn fill_checked(
        &self,
        checks: &Path,
        slot: &Path,
        options: &BuildOptions,
    ) -> Result<Stamp, BuildError> {
        let temporary = cache::beside(slot, "tmp");
        cache::create(&temporary)?;
        let filled = std::thread::scope(|scope| {
            let toolchain = scope.spawn(|| Toolchain::ask(&self.directory));
            let mut stamp = self.print(&temporary, options)?;
            stamp.toolchain = toolchain
                .join()
                .unwrap_or_else(|panic| resume_unwind(panic))?;
            let json = serde_json::to_vec(&stamp).unwrap_or_default();
            cache::write(&temporary.join(STAMP), &json)?;
            let is_current = || {
                current_stamp(slot, &self.directory)
                    .is_some_and(|there| there.toolchain == stamp.toolchain)
            };
            cache::fill(slot, &temporary, &is_current)?;
            Ok(stamp)
        });
        if filled.is_err() {
            // What is left is of no use; the error says what went wrong.
            let _ = std::fs::remove_dir_all(&temporary);
        }
        cache::prune(checks);
        filled
    }

    /// Calls rustc with the flags that print. What it refuses then, it is asked about without them:
    /// a release that may take unstable flags speaks of unstable features too.
    fn print(&self, into: &Path, options: &BuildOptions) -> Result<Stamp, BuildError> {
        let printing = Printing::new().map_err(|error| BuildError::io(into, &error))?;
        let dependencies = into.join("dependencies.d");
        let mut emit = OsString::from("--emit=dep-info=");
        emit.push(&dependencies);
        let mut command = self.rustc(options);
        printing.add_to(&mut command);
        command.arg(emit);
        self.end(&mut command);
        let output = output(&mut command)?;
        if output.status.success() {
            let texts = facts::texts_in(into, OsStr::new(&crate_name(&self.name)));
            printing
                .keep(&texts, into, &self.directory)
                .map_err(|error| BuildError::io(into, &error))?;
            let messages = String::from_utf8_lossy(&output.stderr).into_owned();
            say(&messages);
            return Ok(stamp(&dependencies, &self.directory, messages));
        }
        let mut plain = self.rustc(options);
        plain.arg("--emit=metadata").arg("--out-dir").arg(into);
        self.end(&mut plain);
        let plain = self::output(&mut plain)?;
        say(&String::from_utf8_lossy(&plain.stderr));
        if plain.status.success() {
            return Err(BuildError::NotPrinted(facts::first_error(&output.stderr)));
        }
        Err(self.failed(plain.status))
    }

    /// The flag that names the crate, where rustc would not name it so by itself. A name in the
    /// text must not be contradicted.
    fn crate_name_flag(&self) -> Option<String> {
        let rustcs = self
            .source
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        let name = crate_name(&self.name);
        let needed = rustcs.replace('-', "_") != name && !self.text.contains("crate_name");
        needed.then(|| format!("--crate-name={name}"))
    }
}

fn output(command: &mut Command) -> Result<Output, BuildError> {
    command
        .output()
        .map_err(|error| toolchain::missing(command, error))
}

/// Passes on what the compiler said.
fn say(messages: &str) {
    // A reader that is gone does not need the messages.
    let _ = std::io::stderr().write_all(messages.as_bytes());
}

fn opt_level(options: &BuildOptions) -> &'static str {
    match options.optimization {
        Optimization::None => "0",
        Optimization::Full => "3",
    }
}

/// The messages are piped, so that they can be kept; the terminal behind the pipe decides.
fn color(color: Color) -> &'static str {
    match color {
        Color::Always => "always",
        Color::Auto if std::io::stderr().is_terminal() => "always",
        Color::Auto | Color::Never => "never",
    }
}

/// The name of the crate: what rustc would make of the file's name, where it can.
fn crate_name(name: &OsStr) -> String {
    let name = name.to_string_lossy();
    let mut crate_name: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    if !crate_name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        crate_name.insert(0, '_');
    }
    // A crate cannot have these names.
    if matches!(
        crate_name.as_str(),
        "_" | "self" | "super" | "crate" | "core" | "std"
    ) {
        crate_name.insert_str(0, "program_");
    }
    crate_name
}

/// What a program was built from, by the rules that rustc writes for make.
fn stamp(dependencies: &Path, directory: &Path, messages: String) -> Stamp {
    let text = std::fs::read_to_string(dependencies).unwrap_or_default();
    let mut stamp = Stamp {
        files: Vec::new(),
        variables: Vec::new(),
        messages,
        toolchain: Toolchain::default(),
    };
    for line in text.lines() {
        if let Some(variable) = line.strip_prefix("# env-dep:") {
            let name = variable.split_once('=').map_or(variable, |(name, _)| name);
            stamp
                .variables
                .push((name.to_owned(), std::env::var(name).ok()));
        } else if let Some(file) = line.strip_suffix(':') {
            let file = PathBuf::from(file.replace("\\ ", " "));
            // A file that cannot be read leaves a stamp that never fits: it is built again.
            let hash = cache::hash_of(&directory.join(&file)).unwrap_or(0);
            stamp.files.push((file, hash));
        }
    }
    stamp
}

/// The stamp of a program, if everything is as it was when the program was built.
fn current_stamp(slot: &Path, directory: &Path) -> Option<Stamp> {
    let json = std::fs::read(slot.join(STAMP)).ok()?;
    let stamp: Stamp = serde_json::from_slice(&json).ok()?;
    let same_file = |(file, hash): &(PathBuf, u64)| {
        cache::hash_of(&directory.join(file)).is_some_and(|now| now == *hash)
    };
    let same_variable =
        |(name, value): &(String, Option<String>)| std::env::var(name).ok() == *value;
    let current = !stamp.files.is_empty()
        && stamp.files.iter().all(same_file)
        && stamp.variables.iter().all(same_variable);
    current.then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_crates_are_identifiers() {
        for (name, expected) in [
            ("demo", "demo"),
            ("my-demo", "my_demo"),
            ("2", "_2"),
            ("a b.c", "a_b_c"),
            ("core", "program_core"),
            ("é", "é"),
        ] {
            assert_eq!(crate_name(OsStr::new(name)), expected);
        }
    }
}
