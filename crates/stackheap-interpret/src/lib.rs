//! From a recording to the state of stack and heap at any step.
//!
//! Takes a [`Recording`](stackheap_trace::Recording). Gives [`State`](stackheap_model::State)s: the
//! threads with their frames and locals, the blocks with their types and owners, what points where,
//! and the events between two states. Knows no output format and makes no sentences.
//!
//! A state is a fold over the records up to a stop, with the recording's own keyframes as
//! checkpoints. Meaning comes from the executable that travels in the recording: layout from its
//! debug information, what the types of std mean from the recipes of [`values`]. What neither tells
//! is unknown, with the reason.
//!
//! ```no_run
//! use stackheap_interpret::{Opened, StateLimits, state_at};
//! use stackheap_model::StepNumber;
//! use stackheap_trace::Recording;
//!
//! let recording = Recording::open(std::path::Path::new("demo.stackheap"))?;
//! let opened = Opened::new(recording)?;
//! let program = opened.program()?;
//! let state = state_at(&program, StepNumber(1), StateLimits::default())?;
//! println!("{} live blocks", state.blocks.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod captured;
mod endings;
mod error;
mod frames;
mod heap;
mod mentions;
mod moment;
mod outcome;
mod overview;
mod ownership;
mod program;
mod reading;
mod resumed;
pub mod values;
mod walk;

pub use error::InterpretError;
pub use heap::HeapLimits;
pub use outcome::outcome;
pub use overview::{BlockStory, LocalStory, Overview, overview};
pub use ownership::{BORROW_CHECKED_BLOB, MISSING_FACTS_BLOB};
pub use program::{EXECUTABLE_BLOB, OPT_LEVEL_FACT, Opened, PATHS_BLOB, PATHS_KIND, Program};
pub use walk::{Level, StateLimits, Walk, state_at, state_at_part};
