//! The life of one local or block, event by event.

use stackheap_model::{Event, EventKind, MoveTarget, PlaceRef, Position, StepNumber};

use crate::{Names, Sentence, event};

/// One thing that happened in a life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryEntry {
    /// In which step; `None` before the first.
    pub step: Option<StepNumber>,
    /// Where.
    pub at: Option<Position>,
    /// What.
    pub sentence: Sentence,
}

/// The life of a local or block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// Whose: `block #3`, `` `s` of `demo::main` ``.
    pub subject: String,
    /// In the order of time.
    pub entries: Vec<StoryEntry>,
    /// How many entries were left out, because there were more than a stated limit.
    pub left_out: u64,
}

/// An event as an entry of a story.
pub fn entry(happened: &Event, names: &dyn Names) -> StoryEntry {
    StoryEntry {
        step: happened.step,
        at: happened.at.clone(),
        sentence: event(happened, names),
    }
}

/// Whether an event belongs to the life of `subject`.
pub fn concerns(event: &Event, subject: &PlaceRef) -> bool {
    match &event.kind {
        EventKind::Init { local, .. }
        | EventKind::Assign { local, .. }
        | EventKind::Drop { local, .. } => local == subject,
        EventKind::Move { from, to, .. } | EventKind::Copy { from, to, .. } => {
            from == subject
                || matches!(to, MoveTarget::Local(to) | MoveTarget::PartOf(to) if to == subject)
        }
        EventKind::Borrow { of, .. } | EventKind::BorrowEnd { of, .. } => of == subject,
        EventKind::Alloc { block, .. }
        | EventKind::Realloc { block, .. }
        | EventKind::Free { block, .. }
        | EventKind::Count { block, .. } => *subject == PlaceRef::Block { block: *block },
        EventKind::Call { frame, .. } | EventKind::Return { frame, .. } => {
            matches!(subject, PlaceRef::Local { frame: own, .. } if own == frame)
        }
        _ => false,
    }
}
