//! Where recordings are kept when the user does not say.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use stackheap_interpret::Opened;
use stackheap_trace::{Recording, TraceError};

use crate::arguments::TargetArguments;

/// Digits in the name of a recording that tell it from those of other programs of its name.
const WHICH_DIGITS: usize = 8;

/// The directory for recordings: `$XDG_CACHE_HOME/stackheap/recordings`, or in the home directory.
pub fn directory() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    cache.join("stackheap").join("recordings")
}

/// A path for the recording of a program: its name, and what tells it from others of this name.
pub fn default_path(target: &TargetArguments, program: &Path) -> PathBuf {
    let name = program
        .file_stem()
        .map_or_else(|| "program".into(), |stem| stem.to_string_lossy());
    // Test executables have a hash in their name.
    let name = match name.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()) => {
            name
        }
        _ => &name,
    };
    let mut hasher = DefaultHasher::new();
    match &target.target {
        // Its executable's path changes with its text.
        Some(file) => std::path::absolute(file).ok().hash(&mut hasher),
        None => (program.parent(), name).hash(&mut hasher),
    }
    let which = hasher.finish() as u32;
    directory().join(format!("{name}-{which:0WHICH_DIGITS$x}.stackheap"))
}

/// The name of the program that a recording is of, by the recording's path.
pub fn title(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let is_default = path.parent() == Some(&directory());
    match name.rsplit_once('-') {
        Some((name, which)) if is_default && which.len() == WHICH_DIGITS => name.to_owned(),
        _ => name.into_owned(),
    }
}

/// The recording that was written last into the default directory.
pub fn last() -> anyhow::Result<PathBuf> {
    let directory = directory();
    let newest = std::fs::read_dir(&directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "stackheap")
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .max();
    match newest {
        Some((_, path)) => Ok(path),
        None => bail!(
            "expected a recording, found none in {}; make one with `stackheap run FILE.rs`, or give its path",
            directory.display()
        ),
    }
}

/// Refuses to replace a file that is no recording, such as a source file named by mistake.
pub fn check_replaceable(path: &Path) -> anyhow::Result<()> {
    let is_full_file = path
        .metadata()
        .is_ok_and(|file| file.is_file() && file.len() > 0);
    if is_full_file && matches!(Recording::open(path), Err(TraceError::NotARecording { .. })) {
        bail!(
            "expected a new file or an old recording behind `-o`, found {}, which is something else; name another file or remove it",
            path.display()
        );
    }
    Ok(())
}

/// Opens a recording, and tells what is wrong with it.
pub fn open(path: &Path) -> anyhow::Result<Opened> {
    if path.is_dir() {
        bail!(
            "expected a recording, found the directory {}",
            path.display()
        );
    }
    let recording = Recording::open(path).with_context(|| format!("{}", path.display()))?;
    for problem in recording.problems() {
        crate::output::tell(&format!("note: {}: {problem}\n", path.display()));
    }
    Opened::new(recording).with_context(|| format!("{}", path.display()))
}
