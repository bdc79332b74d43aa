//! What the tests share: directories of files, programs that are run, trees that must not change.

#![allow(dead_code, reason = "not every test uses all of it")]

#[path = "../../../../tests/support/skip.rs"]
mod skip;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stackheap_build::{BuildOptions, Built};

/// A user's directory, and a cache beside it.
pub struct Place {
    root: tempfile::TempDir,
}

impl Place {
    /// With these files, each a path and its text.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let place = Self {
            root: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(place.user()).unwrap();
        for (path, text) in files {
            place.write(path, text);
        }
        place
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.user().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Where the user stands.
    pub fn user(&self) -> PathBuf {
        // Temporary directories may be behind a link.
        self.root.path().canonicalize().unwrap().join("user")
    }

    pub fn cache(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    pub fn options(&self) -> BuildOptions {
        self.options_in("")
    }

    pub fn options_in(&self, below: &str) -> BuildOptions {
        BuildOptions {
            cache_dir: Some(self.cache()),
            directory: Some(self.user().join(below)),
            quiet: true,
            ..BuildOptions::default()
        }
    }

    /// Every file of the user's and its contents, but what lies in target directories.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        let mut directories = vec![self.user()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && path.file_name() != Some("target".as_ref()) {
                    directories.push(path.clone());
                    tree.insert(path, Vec::new());
                } else if path.is_file() {
                    let bytes = std::fs::read(&path).unwrap();
                    tree.insert(path, bytes);
                }
            }
        }
        tree
    }
}

/// Runs what was built, as it says.
pub fn run(built: &Built) -> Output {
    Command::new(&built.executable)
        .args(&built.command().arguments)
        .env_clear()
        .envs(&built.command().environment)
        .current_dir(&built.command().directory)
        .output()
        .unwrap()
}

#[track_caller]
pub fn stdout(built: &Built) -> String {
    let output = run(built);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of source files in an executable's debug information, as objdump prints them.
pub fn source_files(executable: &Path) -> Option<String> {
    match Command::new("objdump")
        .arg("--dwarf=rawline")
        .arg(executable)
        .output()
    {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            skip::skip("objdump is not installed");
            None
        }
    }
}
