use std::fmt;

use stackheap_model::TextPosition;

use crate::{CHAIN_LIMIT, NESTING_LIMIT, TEXT_LIMIT};

/// What kept a text, or a part of it, from being outlined statement by statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The text, or one item of it, is not Rust as known here; with what the parser said.
    NotRust(String),
    /// Brackets nest this deep.
    TooDeep(usize),
    /// This many tokens follow each other without a separator.
    TooLong(usize),
    /// The text has this many bytes.
    TooLarge(usize),
    /// The thread that parses could not be started or died; with the system's message.
    NoThread(String),
}

/// Something that kept a text, or a part of it, from being outlined statement by statement; that
/// part is outlined line by line instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// Where, if it is in one place.
    pub at: Option<TextPosition>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{}:{}: ", at.line, at.column)?;
        }
        match &self.kind {
            ProblemKind::NotRust(message) => {
                write!(
                    f,
                    "expected Rust source, found text that does not parse ({message})"
                )?;
            }
            ProblemKind::TooDeep(depth) => {
                write!(
                    f,
                    "expected at most {NESTING_LIMIT} nested brackets, found {depth}"
                )?;
            }
            ProblemKind::TooLong(tokens) => write!(
                f,
                "expected at most {CHAIN_LIMIT} tokens without a separator, found {tokens}"
            )?,
            ProblemKind::TooLarge(bytes) => {
                write!(
                    f,
                    "expected at most {TEXT_LIMIT} bytes of source, found {bytes}"
                )?;
            }
            ProblemKind::NoThread(message) => {
                write!(
                    f,
                    "expected a thread to parse the source in, found: {message}"
                )?;
            }
        }
        write!(f, "; steps of this part are shown line by line")
    }
}

impl std::error::Error for Problem {}
