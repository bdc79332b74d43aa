use std::fmt;

use crate::BasicBlock;

/// How many bytes of a text a problem repeats.
const EXCERPT_LIMIT: usize = 120;

/// What of a text could not be read, or not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A line outside of what is known; with its beginning.
    UnknownLine(String),
    /// A statement of an unknown form; with its beginning. It is kept as text.
    OpaqueStatement(String),
    /// An assigned value of an unknown form; with its beginning. The destination and the operands
    /// that were recognised are kept.
    OpaqueRvalue(String),
    /// A terminator of an unknown form; with its beginning. The blocks it names are taken for its
    /// targets.
    OpaqueTerminator(String),
    /// The text ends, or another body begins, inside of a body.
    CutShort,
    /// A block is missing its terminator.
    NoTerminator(BasicBlock),
    /// A block is not where its number puts it, or is named as a target and not there.
    MissingBlock(BasicBlock),
    /// A line of the borrow checker's header of an unknown form; with its beginning.
    BorrowHeader(String),
    /// A function is too large for its states to be computed: so many move paths times blocks.
    TooLarge(usize),
}

/// Something that could not be read; what else the text says is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line of the text it was given, from 1.
    pub line: u32,
    /// What.
    pub kind: ProblemKind,
}

impl Problem {
    pub(crate) fn new(line: u32, kind: ProblemKind) -> Self {
        Self { line, kind }
    }
}

/// The beginning of a text, for a message.
pub(crate) fn excerpt(text: &str) -> String {
    let text = text.trim();
    let mut end = text.len().min(EXCERPT_LIMIT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.kind {
            ProblemKind::UnknownLine(text) => {
                write!(f, "expected a line of MIR, found `{text}`")
            }
            ProblemKind::OpaqueStatement(text) => {
                write!(f, "expected a MIR statement, found `{text}`")
            }
            ProblemKind::OpaqueRvalue(text) => {
                write!(f, "expected a MIR rvalue, found `{text}`")
            }
            ProblemKind::OpaqueTerminator(text) => {
                write!(f, "expected a MIR terminator, found `{text}`")
            }
            ProblemKind::CutShort => write!(f, "expected the end of the body, found the text's"),
            ProblemKind::NoTerminator(block) => {
                write!(f, "expected a terminator at the end of {block}, found none")
            }
            ProblemKind::MissingBlock(block) => {
                write!(f, "expected {block} in its place, found none")
            }
            ProblemKind::BorrowHeader(text) => {
                write!(f, "expected regions or borrows, found `{text}`")
            }
            ProblemKind::TooLarge(cells) => write!(
                f,
                "expected at most {} states of move paths, found {cells}",
                crate::STATE_LIMIT
            ),
        }
    }
}

impl std::error::Error for Problem {}
