//! A state of stack and heap in each of its formats: text, JSON, Markdown, SVG and a web page.
//!
//! Takes a [`stackheap_model::State`] (and for whole runs a [`Summary`], a [`Comparison`] or a
//! [`Story`]); gives strings. One file for each format:
//!
//! | format | module |
//! | --- | --- |
//! | a drawing for terminals | [`text`] |
//! | the shape that scripts rely on | [`json`] |
//! | notes | [`markdown`] |
//! | a picture | [`svg`] |
//! | one self-contained page | [`html`] |
//!
//! Refuses to know terminals, sockets, files and recordings: every function is pure, the same input
//! gives the same bytes. Names and values of the observed program are shown as text in each format,
//! never as markup, with control and bidirectional characters written out.
//!
//! ```
//! use stackheap_model::{At, Output, ProgramOutcome, State, StepNumber, StopNumber, ThreadId};
//! use stackheap_report::text::{TextOptions, drawing};
//!
//! let state = State {
//!     step: StepNumber(1),
//!     steps: 3,
//!     part: Some(0),
//!     stop: StopNumber(1),
//!     parent_step: None,
//!     depth: 0,
//!     thread: ThreadId(1),
//!     at: At { position: None, function: "demo::main".into() },
//!     events: Vec::new(),
//!     threads: Vec::new(),
//!     blocks: Vec::new(),
//!     after: Vec::new(),
//!     outcome: ProgramOutcome::Exit { code: 0 },
//!     blocks_left_out: 0,
//!     statics: Vec::new(),
//!     edges: Vec::new(),
//!     output: Output::default(),
//! };
//! assert!(drawing(&state, &TextOptions::default()).starts_with("step 1 of 3"));
//! ```
#![forbid(unsafe_code)]

pub mod html;
pub mod json;
mod look;
pub mod markdown;
pub mod svg;
pub mod text;
mod tree;

pub use stackheap_explain::{
    BlockLife, Comparison, HeapSide, LocalLife, NextCommand, SharedBlock, StackSide, Story,
    StoryEntry, Summary,
};

/// Which frames are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frames {
    /// Those of user code; the others are told as a number.
    #[default]
    User,
    /// All.
    All,
}
