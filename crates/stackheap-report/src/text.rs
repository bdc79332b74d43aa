//! A state as a drawing of text, and a whole run as an answer.
//!
//! The drawing needs no colour: every meaning has a form or a word of its own.

mod answer;
mod drawing;
mod glyphs;
mod heap;
mod inside;
mod lanes;
mod lifelines;
mod line;
mod stack;
mod strip;

pub use answer::{answer, compare, story};
pub use drawing::drawing;
pub use lifelines::ownership;

use stackheap_model::{SourceFile, State};

use crate::Frames;

/// Whether ANSI colours are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    #[default]
    Never,
    /// ANSI escape sequences.
    Ansi,
}

/// Which characters draw boxes and arrows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Unicode box drawing.
    #[default]
    Unicode,
    /// ASCII alone. Values of the program keep their own characters.
    Ascii,
}

/// For whom the drawing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Rules beside the facts, and a legend.
    #[default]
    Beginner,
    /// Also the bytes of frames that no local covers, alignments, and the facts beside values.
    Engineer,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Short type names, long lists folded.
    #[default]
    Short,
    /// Full type names and values, nothing folded.
    Full,
}

/// Whether the bytes are shown below the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bytes {
    /// No.
    #[default]
    Hidden,
    /// As hexadecimal digits, two columns a byte, as wide as the cells above.
    Hex,
}

/// How a drawing is made.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions<'a> {
    /// Columns of the reader's screen; held between 60 and 240.
    pub width: usize,
    /// Colours.
    pub color: Color,
    /// Characters.
    pub glyphs: Glyphs,
    /// For whom.
    pub level: Level,
    /// How much.
    pub detail: Detail,
    /// Which frames.
    pub frames: Frames,
    /// Bytes.
    pub bytes: Bytes,
    /// The sources, for the lines around the step. May be empty.
    pub sources: &'a [SourceFile],
    /// The state before, so that changes are marked and handovers told. May be missing.
    pub before: Option<&'a State>,
}

impl Default for TextOptions<'_> {
    fn default() -> Self {
        Self {
            width: 100,
            color: Color::default(),
            glyphs: Glyphs::default(),
            level: Level::default(),
            detail: Detail::default(),
            frames: Frames::default(),
            bytes: Bytes::default(),
            sources: &[],
            before: None,
        }
    }
}

impl TextOptions<'_> {
    /// The width that is used: below 60 columns no drawing fits, above 240 no eye follows.
    fn columns(&self) -> usize {
        self.width.clamp(60, 240)
    }
}
