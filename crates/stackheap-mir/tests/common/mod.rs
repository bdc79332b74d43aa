//! Texts as the toolchains at hand print them.

#![allow(dead_code, reason = "each test uses a part of this module")]

use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../../../../tests/support/skip.rs"]
pub mod skip;

/// What the compiler says about one crate.
pub struct Printed {
    /// The elaborated bodies; empty for what is not accepted.
    pub elaborated: String,
    /// The dumps of the borrow checker, by name.
    pub checked: Vec<String>,
    /// Its messages, a JSON object a line.
    pub messages: String,
    /// The executable or library, if it was asked for.
    pub directory: tempfile::TempDir,
    pub is_accepted: bool,
}

/// A toolchain that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    Default,
    Nightly,
}

/// The toolchains at hand; a missing nightly is told.
pub fn toolchains() -> Vec<Toolchain> {
    let mut found = vec![Toolchain::Default];
    let nightly = Command::new("rustc").args(["+nightly", "-V"]).output();
    if nightly.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).contains("nightly") && output.status.success()
    }) {
        found.push(Toolchain::Nightly);
    } else {
        skip::skip_optional("`rustc +nightly` does not run");
    }
    found
}

/// Has a file compiled, without a line of machine code unless `arguments` ask for it.
pub fn compile(toolchain: Toolchain, source: &Path, arguments: &[&str]) -> Printed {
    let directory = tempfile::tempdir().unwrap();
    let mut rustc = Command::new("rustc");
    if toolchain == Toolchain::Nightly {
        rustc.arg("+nightly");
    }
    let emit = format!(
        "--emit=metadata,mir={}",
        directory.path().join("all.mir").display()
    );
    let dumps = directory.path().join("dump");
    let output = rustc
        .args([
            "-Zmir-include-spans=on",
            "-Zmir-opt-level=0",
            "-Zdump-mir=nll",
        ])
        .arg(format!("-Zdump-mir-dir={}", dumps.display()))
        .args([
            "-Zdump-mir-exclude-alloc-bytes",
            "--cap-lints=allow",
            "--error-format=json",
            &emit,
        ])
        .arg("--out-dir")
        .arg(directory.path())
        .args(arguments)
        .arg(source)
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .unwrap();
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let is_dump = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "mir");
    let entries = std::fs::read_dir(&dumps).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(is_dump);
    paths.sort();
    Printed {
        elaborated: read(directory.path().join("all.mir")),
        checked: paths.into_iter().map(read).collect(),
        messages: String::from_utf8_lossy(&output.stderr).into_owned(),
        is_accepted: output.status.success(),
        directory,
    }
}

/// Has a text compiled as a program.
pub fn compile_text(toolchain: Toolchain, text: &str, arguments: &[&str]) -> Printed {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("program.rs");
    std::fs::write(&source, text).unwrap();
    let mut all = vec!["--edition=2024", "--crate-name=program"];
    all.extend(arguments);
    compile(toolchain, &source, &all)
}
