//! Building and running the programs that the tests look at.

#![allow(dead_code, reason = "each test file uses a part of this")]

#[path = "../../../../tests/support/skip.rs"]
pub mod skip;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

/// How a program is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Toolchain {
    pub name: &'static str,
    pub arguments: &'static [&'static str],
}

pub const STABLE: Toolchain = Toolchain {
    name: "stable",
    arguments: &["-g"],
};

/// All ways of compiling in which a reader must see the same.
pub const TOOLCHAINS: [Toolchain; 5] = [
    STABLE,
    Toolchain {
        name: "DWARF 5",
        arguments: &["-g", "-Cdwarf-version=5"],
    },
    Toolchain {
        name: "frame pointers",
        arguments: &["-g", "-Cforce-frame-pointers=yes"],
    },
    Toolchain {
        name: "not position-independent",
        arguments: &["-g", "-Crelocation-model=static"],
    },
    Toolchain {
        name: "nightly",
        arguments: &["+nightly", "-g"],
    },
];

/// A program that was built for the tests.
#[derive(Debug)]
pub struct Program {
    pub path: PathBuf,
    pub source: PathBuf,
    pub data: Vec<u8>,
    directory: PathBuf,
}

/// The programs built so far; `None` for a toolchain that is not installed.
static PROGRAMS: Mutex<BTreeMap<Key, Option<Arc<Program>>>> = Mutex::new(BTreeMap::new());

/// A source and the name of a toolchain.
type Key = (String, &'static str);

/// Compiles a file of `tests/sources`, once for all tests of a file. `None`, with a note, where the
/// toolchain is not installed.
pub fn build(source: &str, toolchain: Toolchain) -> Option<Arc<Program>> {
    let mut programs = PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (source.to_owned(), toolchain.name);
    if let Some(known) = programs.get(&key) {
        return known.clone();
    }
    let built = compile(source, toolchain.name, toolchain.arguments).map(Arc::new);
    programs.insert(key, built.clone());
    built
}

fn compile(source: &str, name: &str, arguments: &[&str]) -> Option<Program> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sources")
        .join(source);
    let directory = format!("{source} {name}").replace(' ', "-");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
    std::fs::create_dir_all(&directory).expect("a directory for the program");
    let source = directory.join(source);
    std::fs::copy(&from, &source).expect("the source is copied");
    let path = directory.join("program");
    // Under a name of its own first: other processes may run tests of the same program.
    let fresh = directory.join(format!("program-{}", std::process::id()));
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc)
        .args(arguments)
        .args([
            "--edition",
            "2024",
            "--crate-name",
            "demo",
            "-Awarnings",
            "-o",
        ])
        .args([&fresh, &source])
        .current_dir(&directory)
        .output()
        .expect("rustc runs");
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if said.contains("toolchain") && said.contains("not installed") {
            skip::skip_optional(format_args!("{name} is not installed"));
            return None;
        }
        panic!("{name}: {said}");
    }
    std::fs::rename(&fresh, &path).expect("the program gets its name");
    let data = std::fs::read(&path).expect("the program is there");
    Some(Program {
        path,
        source,
        data,
        directory,
    })
}

impl Program {
    /// What the program prints, as lines of words.
    pub fn run(&self) -> Vec<Vec<String>> {
        words(&output_of(Command::new(&self.path)).expect("the program runs"))
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether a path is of the program's own source.
    pub fn is_own(&self) -> impl Fn(&str) -> bool {
        let directory = self.directory.to_string_lossy().into_owned();
        move |file: &str| file.starts_with(&directory)
    }

    /// The line of the source, from 1, that contains a text.
    pub fn line_of(&self, text: &str) -> u32 {
        let source = std::fs::read_to_string(&self.source).expect("the source is there");
        let index = source
            .lines()
            .position(|line| line.contains(text))
            .expect("the text is there");
        index as u32 + 1
    }
}

pub fn words(text: &str) -> Vec<Vec<String>> {
    let line = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    text.lines().map(line).collect()
}

/// What a command prints; `None`, with a note, where it is not installed.
pub fn output_of(mut command: Command) -> Option<String> {
    match command.output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            skip::skip(format_args!(
                "{:?} does not run: {error}",
                command.get_program()
            ));
            None
        }
    }
}

/// A number as programs print it: with `0x` in base 16, else in base 10.
pub fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    }
    .unwrap_or_else(|error| panic!("{text}: {error}"))
}
