//! The lock file of the user's workspace, which cargo creates or brings up to date when it builds.
//!
//! Cargo has no stable way to have the file elsewhere, so it is put back as it was. Only what our own
//! call of cargo left is put back: what somebody else wrote meanwhile stays. Two builds of one
//! workspace take turns, so that neither takes the other's file for the user's. Should this process
//! end in between, a second one that waits for that puts the file back in its stead.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::cache::{self, Key};
use crate::{BuildOptions, CargoSelection};

/// The first argument of the process that puts a lock file back if its parent ends before it could;
/// behind it stand the lock file and, where there is one, the file that keeps what cargo made.
pub const PUT_BACK_ARGUMENT: &str = "__put-back";

/// The contents of a file; `None` where it is not there.
type Contents = Option<Vec<u8>>;

fn contents(path: &Path) -> Contents {
    std::fs::read(path).ok()
}

/// The workspace's `Cargo.lock`. Dropping this puts it back as it was.
///
/// A lock file that cargo made is kept in the cache and lent to the next build, so that a package
/// without one gets the same dependencies each time.
pub(crate) struct LockFile {
    file: PutBack,
    helper: Option<Helper>,
    /// Locked as long as it is open, here or in the helper.
    _turn: Option<File>,
}

impl LockFile {
    /// Remembers the lock file of the workspace with this manifest, once no other build of the
    /// workspace has it.
    pub(crate) fn guard(
        workspace: &Path,
        selection: &CargoSelection,
        options: &BuildOptions,
    ) -> Self {
        let path = workspace.with_file_name("Cargo.lock");
        let key = Key::new().with(path.as_os_str().as_encoded_bytes()).text();
        let directory = |name| super::cache_below(options, name);
        // With these cargo writes nothing, and is to fail without one.
        let untouched = selection.locked || selection.frozen;
        let turn = directory("turns").and_then(|turns| cache::take_turn(&turns.join(&key)));
        let kept = directory("locks").map(|locks| locks.join(&key));
        let before = contents(&path);
        let mut file = PutBack {
            left: Left::Nothing(before.clone()),
            before,
            path,
            kept,
        };
        let helper = (!untouched)
            .then(|| Helper::start(options, &file, turn.as_ref()))
            .flatten();
        if !untouched {
            file.lend();
        }
        let mut lock = Self {
            file,
            helper,
            _turn: turn,
        };
        lock.tell();
        lock
    }

    /// Takes what is there now for what cargo left, the first time: cargo writes the file before it
    /// compiles anything, and what comes later is somebody else's.
    pub(crate) fn seen(&mut self) {
        if matches!(self.file.left, Left::Nothing(_)) {
            self.file.left = Left::Seen(contents(&self.file.path));
            self.tell();
        }
    }

    fn tell(&mut self) {
        if let Some(helper) = &mut self.helper {
            helper.tell(&self.file.left);
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        self.file.put_back();
        if let Some(helper) = self.helper.take() {
            helper.dismiss();
        }
    }
}

/// What cargo left behind.
enum Left {
    /// It has not been looked at; this is what it found.
    Nothing(Contents),
    /// This.
    Seen(Contents),
}

/// A lock file, and what it has to be again.
struct PutBack {
    path: PathBuf,
    before: Contents,
    left: Left,
    /// Where the one that cargo made is kept.
    kept: Option<PathBuf>,
}

impl PutBack {
    /// Puts the kept lock file where there is none.
    fn lend(&mut self) {
        let (None, Some(kept)) = (&self.before, &self.kept) else {
            return;
        };
        // Not there the first time; then cargo makes one.
        let Some(lent) = contents(kept) else { return };
        let created = File::create_new(&self.path);
        if created.and_then(|mut file| file.write_all(&lent)).is_ok() {
            self.left = Left::Nothing(Some(lent));
        }
    }

    fn put_back(&self) {
        let now = contents(&self.path);
        let (Left::Nothing(left) | Left::Seen(left)) = &self.left;
        if now == self.before || now != *left {
            return;
        }
        // A failure to put the file back leaves what `cargo build` leaves.
        match (&self.before, now) {
            (None, Some(made)) => self.take_away(&made),
            (Some(before), _) => {
                let _ = std::fs::write(&self.path, before);
            }
            (None, None) => {}
        }
    }

    /// The same where cargo ended before it could be looked at what it left: a lock file where there
    /// was none is what it was making. One that was there, and is another now, may be anybody's.
    fn put_back_unseen(&self) {
        match (&self.before, &self.left, contents(&self.path)) {
            (None, Left::Nothing(_), Some(made)) => self.take_away(&made),
            _ => self.put_back(),
        }
    }

    fn take_away(&self, made: &[u8]) {
        if let Some(kept) = &self.kept {
            // Without it the next build asks cargo again.
            let _ = cache::write(kept, made);
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A process that learns by the end of its input that this one ended.
struct Helper {
    child: Child,
    input: ChildStdin,
}

impl Helper {
    fn start(options: &BuildOptions, file: &PutBack, turn: Option<&File>) -> Option<Self> {
        let mut command = Command::new(options.runner.as_ref()?);
        command
            .arg(PUT_BACK_ARGUMENT)
            .arg(&file.path)
            .args(&file.kept)
            .stdin(Stdio::piped())
            .stderr(Stdio::null());
        // The next build waits for it too.
        let turn = turn.and_then(|turn| turn.try_clone().ok());
        command.stdout(turn.map_or_else(Stdio::null, Stdio::from));
        // What the terminal sends to this process and to cargo must not end it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().ok()?;
        let input = child.stdin.take()?;
        let mut helper = Self { child, input };
        helper.send(BEFORE, &file.before);
        Some(helper)
    }

    fn tell(&mut self, left: &Left) {
        match left {
            Left::Nothing(left) => self.send(FOUND, left),
            Left::Seen(left) => self.send(SEEN, left),
        }
    }

    fn send(&mut self, what: u8, contents: &Contents) {
        let bytes = contents.as_deref().unwrap_or_default();
        let mut message = vec![what, u8::from(contents.is_some())];
        message.extend((bytes.len() as u64).to_le_bytes());
        message.extend(bytes);
        // One that is gone cannot help any more.
        let _ = self.input.write_all(&message);
    }

    /// Lets it end without having done anything.
    fn dismiss(mut self) {
        self.send(DONE, &None);
        drop(self.input);
        let _ = self.child.wait();
    }
}

// The messages: what they are about, whether there is a file, its length, its bytes.
const BEFORE: u8 = 1;
const FOUND: u8 = 2;
const SEEN: u8 = 3;
const DONE: u8 = 4;

/// Waits for the end of the process that started this one with [`PUT_BACK_ARGUMENT`], and puts its
/// lock file back if it could not do so.
///
/// `arguments` are those behind [`PUT_BACK_ARGUMENT`].
///
/// # Errors
///
/// What the system says if standard input cannot be read; [`io::ErrorKind::InvalidInput`] if no
/// file is named.
pub fn put_back_lock_file(arguments: impl IntoIterator<Item = OsString>) -> io::Result<()> {
    let mut arguments = arguments.into_iter().map(PathBuf::from);
    let path = arguments
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "expected a file"))?;
    let mut messages = Vec::new();
    io::stdin().lock().read_to_end(&mut messages)?;
    if let Some(file) = told(path, arguments.next(), &messages) {
        file.put_back_unseen();
    }
    Ok(())
}

/// What a helper was told; `None` if there is nothing to do.
fn told(path: PathBuf, kept: Option<PathBuf>, mut messages: &[u8]) -> Option<PutBack> {
    let mut before = None;
    let mut left = None;
    while let Some((&[what, is_there], rest)) = messages.split_first_chunk::<2>() {
        let Some((length, rest)) = rest.split_first_chunk::<8>() else {
            break;
        };
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        // The last one may not have come whole.
        let Some((bytes, rest)) = rest.split_at_checked(length) else {
            break;
        };
        messages = rest;
        let contents = (is_there != 0).then(|| bytes.to_vec());
        match what {
            BEFORE => before = Some(contents),
            FOUND => left = Some(Left::Nothing(contents)),
            SEEN => left = Some(Left::Seen(contents)),
            _ => return None,
        }
    }
    let before = before?;
    Some(PutBack {
        path,
        kept,
        left: left.unwrap_or_else(|| Left::Nothing(before.clone())),
        before,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with a lock file, or none, of which cargo has left another.
    struct Case {
        directory: tempfile::TempDir,
        selection: CargoSelection,
        options: BuildOptions,
    }

    impl Case {
        fn with(before: Option<&str>) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let options = BuildOptions {
                cache_dir: Some(directory.path().join("cache")),
                ..BuildOptions::default()
            };
            let case = Self {
                directory,
                selection: CargoSelection::default(),
                options,
            };
            if let Some(before) = before {
                case.write(before);
            }
            case
        }

        fn write(&self, text: &str) {
            std::fs::write(self.path(), text).unwrap();
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("Cargo.lock")
        }

        fn guard(&self) -> LockFile {
            let manifest = self.directory.path().join("Cargo.toml");
            LockFile::guard(&manifest, &self.selection, &self.options)
        }

        fn now(&self) -> Option<String> {
            contents(&self.path()).map(|bytes| String::from_utf8(bytes).unwrap())
        }
    }

    #[test]
    fn what_somebody_else_wrote_stays() {
        for before in [None, Some("old")] {
            let case = Case::with(before);
            let mut lock = case.guard();
            case.write("by cargo");
            lock.seen();
            case.write("by somebody else");
            // Asked once more, as after each call of cargo.
            lock.seen();
            drop(lock);
            assert_eq!(case.now().as_deref(), Some("by somebody else"));
        }
    }

    #[test]
    fn what_cargo_left_is_put_back() {
        for before in [None, Some("old")] {
            let case = Case::with(before);
            let mut lock = case.guard();
            case.write("by cargo");
            lock.seen();
            drop(lock);
            assert_eq!(case.now().as_deref(), before);
        }
        // What was lent is taken back, also if cargo never came so far as to be looked at.
        let case = Case::with(None);
        let mut lock = case.guard();
        case.write("by cargo");
        lock.seen();
        drop(lock);
        let lock = case.guard();
        assert_eq!(case.now().as_deref(), Some("by cargo"));
        drop(lock);
        assert_eq!(case.now(), None);
    }

    /// Without turns the second would find the first one's file and take it for the user's.
    #[cfg(unix)]
    #[test]
    fn builds_of_one_workspace_take_turns() {
        let case = Case::with(None);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let mut lock = case.guard();
                        case.write("by cargo");
                        lock.seen();
                    }
                });
            }
        });
        assert_eq!(case.now(), None);
    }

    #[test]
    fn a_helper_does_what_its_parent_could_not() {
        let message = |what: u8, contents: Option<&str>| {
            let text = contents.unwrap_or_default();
            let mut message = vec![what, u8::from(contents.is_some())];
            message.extend((text.len() as u64).to_le_bytes());
            message.extend(text.as_bytes());
            message
        };
        let old = Some("old");
        for (now, messages, expected) in [
            // Ended before cargo could be looked at.
            (Some("made"), vec![(BEFORE, None), (FOUND, None)], None),
            (Some("new"), vec![(BEFORE, old), (FOUND, old)], Some("new")),
            (None, vec![(BEFORE, None)], None),
            // And afterwards.
            (Some("new"), vec![(BEFORE, old), (SEEN, Some("new"))], old),
            (Some("new"), vec![(BEFORE, None), (SEEN, Some("new"))], None),
            (
                Some("else"),
                vec![(BEFORE, None), (SEEN, Some("new"))],
                Some("else"),
            ),
            // Nothing is left to do, or nothing is known.
            (
                Some("new"),
                vec![(BEFORE, old), (SEEN, Some("new")), (DONE, None)],
                Some("new"),
            ),
            (Some("new"), vec![], Some("new")),
        ] {
            let case = Case::with(now);
            let bytes: Vec<u8> = messages
                .iter()
                .flat_map(|&(what, contents)| message(what, contents))
                .collect();
            if let Some(file) = told(case.path(), None, &bytes) {
                file.put_back_unseen();
            }
            assert_eq!(case.now().as_deref(), expected, "{now:?} {messages:?}");
            // Half a message is none.
            let half = &bytes[..bytes.len().min(5)];
            assert!(told(case.path(), None, half).is_none());
        }
    }
}
