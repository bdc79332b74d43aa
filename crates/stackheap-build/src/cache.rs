use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::{BuildError, BuildOptions};

/// How many programs are kept; beyond it the ones that were built longest ago are removed.
const PROGRAM_LIMIT: usize = 64;

/// How often it is tried to put a program where others put theirs at the same time.
const FILLINGS: u32 = 100;

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
    let temporary = beside(path, "tmp");
    std::fs::write(&temporary, bytes)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|error| BuildError::io(path, &error))
}

/// Waits until no other process holds this lock, which is held as long as the file is open. Where
/// the system cannot do that, nobody waits.
pub(crate) fn take_turn(path: &Path) -> Option<File> {
    let mut options = File::options();
    let options = options.write(true).create(true).truncate(false);
    let file = options.open(path).ok()?;
    #[cfg(unix)]
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).ok()?;
    Some(file)
}

/// A name beside a slot that no other process and no other thread of this one takes.
pub(crate) fn beside(slot: &Path, ending: &str) -> PathBuf {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let number = TAKEN.fetch_add(1, Ordering::Relaxed);
    slot.with_extension(format!("{}-{number}.{ending}", std::process::id()))
}

/// Puts the finished directory `new` into a slot. What is there stays if it `is_current`: another
/// process was faster, and what it put there is in use.
pub(crate) fn fill(
    slot: &Path,
    new: &Path,
    is_current: &dyn Fn() -> bool,
) -> Result<(), BuildError> {
    let remove = |directory: &Path| {
        // What cannot be removed now is removed when the cache has grown.
        let _ = std::fs::remove_dir_all(directory);
    };
    // Between the question and the answer nobody else fills it.
    let _turn = slot
        .parent()
        .and_then(|slots| take_turn(&slots.with_extension("turn")));
    for _ in 0..FILLINGS {
        if is_current() {
            remove(new);
            return Ok(());
        }
        // It has another name before it is removed, so that nobody finds half of it.
        let old = beside(slot, "old");
        if std::fs::rename(slot, &old).is_ok() {
            remove(&old);
        }
        match std::fs::rename(new, slot) {
            Ok(()) => return Ok(()),
            Err(error) if is_filled(&error) => {}
            Err(error) => return Err(BuildError::io(slot, &error)),
        }
    }
    // Others put something else there each time.
    let error = io::Error::from(io::ErrorKind::DirectoryNotEmpty);
    Err(BuildError::io(slot, &error))
}

/// Whether a directory could not get a name because another one has it.
fn is_filled(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, PermissionDenied};
    // On Windows access is denied then.
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty)
        || cfg!(windows) && error.kind() == PermissionDenied
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

#[cfg(test)]
mod tests {
    use super::*;

    fn slot_in(directory: &tempfile::TempDir) -> PathBuf {
        let slots = directory.path().join("slots");
        std::fs::create_dir(&slots).unwrap();
        slots.join("slot")
    }

    fn entries_beside(slot: &Path) -> usize {
        std::fs::read_dir(slot.parent().unwrap()).unwrap().count()
    }

    #[test]
    fn a_slot_that_was_filled_meanwhile_stays() {
        let directory = tempfile::tempdir().unwrap();
        let slot = slot_in(&directory);
        let made = |text: &str| {
            let new = beside(&slot, "tmp");
            std::fs::create_dir(&new).unwrap();
            std::fs::write(new.join("program"), text).unwrap();
            new
        };
        let there = || std::fs::read_to_string(slot.join("program")).unwrap();
        let is = |text: &'static str| {
            let program = slot.join("program");
            move || std::fs::read_to_string(&program).is_ok_and(|there| there == text)
        };
        // Two build the same; the second one accepts the first one's.
        let (first, second) = (made("new"), made("new"));
        fill(&slot, &first, &is("new")).unwrap();
        std::fs::write(slot.join("in use"), "").unwrap();
        fill(&slot, &second, &is("new")).unwrap();
        assert!(slot.join("in use").exists(), "it is the same directory");
        // What is out of date is replaced, though it is not empty.
        fill(&slot, &made("newer"), &is("newer")).unwrap();
        assert_eq!(there(), "newer");
        // Nothing else is left.
        assert_eq!(entries_beside(&slot), 1);
    }

    #[test]
    fn all_who_fill_a_slot_at_once_succeed() {
        let directory = tempfile::tempdir().unwrap();
        let slot = slot_in(&directory);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let new = beside(&slot, "tmp");
                        std::fs::create_dir(&new).unwrap();
                        std::fs::write(new.join("program"), "text").unwrap();
                        let is_current = || slot.join("program").exists();
                        fill(&slot, &new, &is_current).unwrap();
                        assert!(is_current());
                    }
                });
            }
        });
        assert_eq!(entries_beside(&slot), 1);
    }
}
