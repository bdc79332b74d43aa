//! The compiler's texts as they travel in a recording, and where in them the body of each function
//! is.

use rustc_hash::FxHashMap;
use stackheap_mir::DumpName;
use stackheap_trace::{BlobKind, Recording};

use crate::error::InterpretError;

/// How the names of the blobs begin that have the bodies which the borrow checker saw, a crate each.
pub const BORROW_CHECKED_BLOB: &str = "borrow-checked/";

/// The name of the blob that says, a line each, which crate's texts are missing and why.
pub const MISSING_FACTS_BLOB: &str = "missing";

/// The line before each body in a text, with the name of the dump.
const BODY_LINE: &str = "// stackheap body ";

/// The first line of a text, with the directory that its paths are relative to.
const DIRECTORY_LINE: &str = "// stackheap directory ";

/// What the compiler said, as it is in a recording.
#[derive(Debug, Default)]
pub(crate) struct CompilerTexts {
    texts: Vec<String>,
    /// Which are missing, a phrase each.
    missing: Vec<String>,
}

impl CompilerTexts {
    pub(crate) fn of(recording: &Recording) -> Result<Self, InterpretError> {
        let mut texts = Self::default();
        for (kind, name) in recording.blobs() {
            if kind != BlobKind::CompilerFacts {
                continue;
            }
            let Some(bytes) = recording.blob(kind, name)? else {
                continue;
            };
            let text = match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            };
            if name.starts_with(BORROW_CHECKED_BLOB) {
                texts.texts.push(text);
            } else if name == MISSING_FACTS_BLOB {
                texts.missing.extend(text.lines().map(str::to_owned));
            }
        }
        Ok(texts)
    }

    pub(crate) fn missing(&self) -> &[String] {
        &self.missing
    }
}

/// The text of one body.
#[derive(Clone, Debug)]
pub(crate) struct BodyText<'t> {
    /// The directory that paths in it are relative to.
    pub directory: &'t str,
    /// What the dump's name says.
    pub name: DumpName<'t>,
    pub text: &'t str,
}

/// The bodies of all texts, by the last segment of their paths.
#[derive(Debug, Default)]
pub(crate) struct BodyIndex<'t> {
    by_segment: FxHashMap<&'t str, Vec<BodyText<'t>>>,
}

impl<'t> BodyIndex<'t> {
    pub(crate) fn of(texts: &'t CompilerTexts) -> Self {
        let mut index = Self::default();
        for text in &texts.texts {
            let directory = text
                .strip_prefix(DIRECTORY_LINE)
                .and_then(|rest| rest.lines().next())
                .unwrap_or_default();
            for part in split(text) {
                let Some((name, text)) = part.split_once('\n') else {
                    continue;
                };
                let Some(name) = DumpName::parse(name) else {
                    continue;
                };
                let last = name.segments().last().unwrap_or(name.path);
                index.by_segment.entry(last).or_default().push(BodyText {
                    directory,
                    name,
                    text,
                });
            }
        }
        index
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_segment.is_empty()
    }

    /// The bodies whose path ends in this segment.
    pub(crate) fn ending_in(&self, segment: &str) -> &[BodyText<'t>] {
        self.by_segment.get(segment).map_or(&[], Vec::as_slice)
    }
}

/// The bodies of a text, each from behind the words that begin its line.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let is_at_line = |at: &usize| *at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
    let mut starts = text
        .match_indices(BODY_LINE)
        .map(|(at, _)| at)
        .filter(is_at_line)
        .peekable();
    std::iter::from_fn(move || {
        let start = starts.next()? + BODY_LINE.len();
        let end = starts.peek().copied().unwrap_or(text.len());
        text.get(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_found_by_their_last_segment() {
        let text = "// stackheap directory /work space\n\
            // stackheap body demo.list-{impl#0}-push.-------.nll.0.mir\nfn push() {}\n\
            // stackheap body demo.main-{closure#0}.-------.nll.0.mir\nfn main::{closure#0}() {}\n\
            // stackheap body damaged\nfn x() {}\n";
        let texts = CompilerTexts {
            texts: vec![text.to_owned()],
            missing: Vec::new(),
        };
        let index = BodyIndex::of(&texts);
        let push = index.ending_in("push");
        assert_eq!(push.len(), 1);
        assert_eq!(push[0].directory, "/work space");
        assert_eq!(push[0].text, "fn push() {}\n");
        assert_eq!(push[0].name.path, "list-{impl#0}-push");
        assert_eq!(index.ending_in("{closure#0}").len(), 1);
        assert!(index.ending_in("x").is_empty());
    }
}
