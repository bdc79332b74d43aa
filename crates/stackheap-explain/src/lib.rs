//! Facts of a recorded Rust program in words: the only crate with prose.
//!
//! Takes the data of [`stackheap_model`]: events, places, owners, states, and the numbers of a whole
//! run ([`Summary`], [`Comparison`]). Gives sentences in Rust's own vocabulary, with the measured
//! numbers in them. Each sentence says what was measured; a `because` is added only where the data
//! leave no doubt about the rule behind it.
//!
//! Refuses to guess: what the data do not say is either left out or told as unknown, with the reason
//! the data carry. Knows no output format: no HTML, no terminal, no JSON. Text that comes from the
//! observed program is passed through [`visible`], so that a sentence holds no control characters.
//!
//! ```
//! use stackheap_explain::{NoNames, event};
//! use stackheap_model::{BlockId, Event, EventKind, RuntimeAddress, ThreadId};
//!
//! let alloc = Event {
//!     kind: EventKind::Alloc {
//!         block: BlockId(3),
//!         address: RuntimeAddress(0x5000),
//!         bytes: 5,
//!         align: Some(1),
//!     },
//!     step: None,
//!     thread: ThreadId(1),
//!     at: None,
//! };
//! assert_eq!(
//!     event(&alloc, &NoNames).text,
//!     "allocated block #3: 5 bytes on the heap at 0x5000, align 1"
//! );
//! ```
#![forbid(unsafe_code)]

mod comparison;
mod event;
mod handover;
mod names;
mod ownership;
mod phrase;
mod size;
mod story;
mod summary;
mod type_name;
mod visible;

pub use comparison::{
    BlockLife, Comparison, ComparisonRow, HeapSide, LocalLife, SharedBlock, StackSide, comparison,
};
pub use event::{Sentence, event};
pub use handover::{Handover, Owners, handover};
pub use names::{Indexed, Names, NoNames};
pub use ownership::{
    Phrase, fact_confidence, line_column, ownership_event, ownership_state, variable_head,
};
pub use phrase::{
    cell_kind, edge_kind, frame_bytes, local_role, local_state, outcome, owner, part, place,
    position, region, step_ref, when,
};
pub use size::{rough_size, size};
pub use story::{Story, StoryEntry, concerns, entry};
pub use summary::{NextCommand, Summary, summary};
pub use type_name::{cut, short_type};
pub use visible::visible;
