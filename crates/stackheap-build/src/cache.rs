use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::{BuildError, BuildOptions};

/// How many programs are kept; beyond it the ones that were built longest ago are removed.
const PROGRAM_LIMIT: usize = 64;

/// The directory for what is built outside of packages.
pub(crate) fn directory(options: &BuildOptions) -> Result<PathBuf, BuildError> {
    let absolute = |variable| {
        std::env::var_os(variable)
            .map(PathBuf::from)
            .filter(|path: &PathBuf| path.is_absolute())
    };
    let directory = options
        .cache_dir
        .clone()
        .or_else(|| Some(absolute("XDG_CACHE_HOME")?.join("stackheap")))
        .or_else(|| Some(std::env::home_dir()?.join(".cache/stackheap")))
        .unwrap_or_else(|| std::env::temp_dir().join("stackheap"));
    let directory = std::path::absolute(&directory).unwrap_or(directory);
    create(&directory)?;
    Ok(directory)
}

/// Creates a directory of ours, readable by the user alone.
pub(crate) fn create(directory: &Path) -> Result<(), BuildError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(|error| BuildError::io(directory, &error))
}

/// A name made of what decides about a program's bytes.
pub(crate) struct Key(Xxh3);

impl Key {
    pub(crate) fn new() -> Self {
        Self(Xxh3::new())
    }

    /// Adds a part; parts do not run into each other.
    pub(crate) fn with(mut self, part: &[u8]) -> Self {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    pub(crate) fn text(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}

/// The hash of a file's contents; `None` if it cannot be read.
pub(crate) fn hash_of(path: &Path) -> Option<u64> {
    std::fs::read(path).ok().map(|bytes| xxh3_64(&bytes))
}

/// Writes a file if it has not these contents already.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    // Another process may read the file while this one writes it.
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, bytes)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|error| BuildError::io(path, &error))
}

/// Puts the finished directory `new` in the place of `old`.
pub(crate) fn replace(old: &Path, new: &Path) -> Result<(), BuildError> {
    match std::fs::remove_dir_all(old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(BuildError::io(old, &error));
        }
        _ => {}
    }
    std::fs::rename(new, old).map_err(|error| BuildError::io(old, &error))
}

/// Removes the oldest entries of `directory` beyond [`PROGRAM_LIMIT`].
pub(crate) fn prune(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    let age = |entry: &std::fs::DirEntry| {
        entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let mut entries: Vec<_> = entries
        .flatten()
        .map(|entry| (age(&entry), entry.path()))
        .collect();
    entries.sort();
    let surplus = entries.len().saturating_sub(PROGRAM_LIMIT);
    for (_, path) in entries.into_iter().take(surplus) {
        // What cannot be removed now is tried again the next time.
        let _ = std::fs::remove_dir_all(path);
    }
}
