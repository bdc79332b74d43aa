use std::path::{Path, PathBuf};

use crate::cache::Key;
use crate::{BuildOptions, CargoSelection};

/// The workspace's `Cargo.lock`, which a build may create or bring up to date. Dropping this puts it
/// back as it was.
///
/// Cargo has no stable way to have the file elsewhere. A lock file that cargo made is kept in the
/// cache and lent to the next build, so that a package without one gets the same dependencies each
/// time.
pub(crate) struct LockFile {
    path: PathBuf,
    /// What it was; `None` if it was not there.
    before: Option<Vec<u8>>,
    /// Where the one that cargo made is kept.
    kept: Option<PathBuf>,
}

impl LockFile {
    /// Remembers the lock file of the workspace with this manifest.
    pub(crate) fn guard(
        workspace: &Path,
        selection: &CargoSelection,
        options: &BuildOptions,
    ) -> Self {
        let path = workspace.with_file_name("Cargo.lock");
        let key = Key::new().with(path.as_os_str().as_encoded_bytes()).text();
        let kept = super::lock_cache(options).map(|directory| directory.join(key));
        let before = std::fs::read(&path).ok();
        // With `--locked` cargo is to fail without one.
        let lend = !selection.locked && !selection.frozen;
        if let (None, Some(kept), true) = (&before, &kept, lend) {
            // Not there the first time; then cargo makes one.
            let _ = std::fs::copy(kept, &path);
        }
        Self { path, before, kept }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let now = std::fs::read(&self.path).ok();
        // A failure to put the file back leaves what `cargo build` leaves.
        match (&self.before, now) {
            (None, Some(made)) => {
                if let Some(kept) = &self.kept {
                    let _ = std::fs::write(kept, made);
                }
                let _ = std::fs::remove_file(&self.path);
            }
            (Some(before), now) if now.as_ref() != Some(before) => {
                let _ = std::fs::write(&self.path, before);
            }
            _ => {}
        }
    }
}
