use std::path::{Path, PathBuf};

use crate::user_code::normalise;

/// How source files are shown, and where their texts are.
///
/// The text of a program from a note or from standard input is a file of our own; the program's
/// debug information names the note, or `<stdin>`, in the user's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    directory: PathBuf,
    /// The path in the debug information and the file that has its text.
    replaced: Option<(PathBuf, PathBuf)>,
}

impl Sources {
    pub(crate) fn below(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            replaced: None,
        }
    }

    pub(crate) fn with_text(directory: &Path, named: &Path, text: &Path) -> Self {
        let replaced = Some((normalise(&directory.join(named)), text.to_owned()));
        Self {
            directory: directory.to_owned(),
            replaced,
        }
    }

    /// The path to show for an absolute path of the debug information: relative to where the user
    /// stands if it lies there.
    pub fn display(&self, absolute: &str) -> String {
        let path = normalise(Path::new(absolute));
        path.strip_prefix(&self.directory)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned()
    }

    /// The file that has the text of an absolute path of the debug information.
    pub fn text_file(&self, absolute: &str) -> PathBuf {
        let path = normalise(Path::new(absolute));
        match &self.replaced {
            Some((named, text)) if *named == path => text.clone(),
            _ => path,
        }
    }
}
