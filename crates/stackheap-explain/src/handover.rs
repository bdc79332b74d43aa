//! Ownership that passed from one owner to another between two states.

use std::collections::HashMap;

use stackheap_model::{
    Block, BlockId, BlockState, Frame, FrameId, OwnerKind, RuntimeAddress, State, ThreadId,
};

use crate::{Indexed, Names, Sentence, owner, size};

/// Who owned what in a state, kept so that a later state can be compared with it.
#[derive(Clone, Debug, Default)]
pub struct Owners(HashMap<BlockId, Held>);

/// A block with one owner.
#[derive(Clone, Debug)]
struct Held {
    owner: OwnerKind,
    label: String,
    /// The label with its function, for handovers from frame to frame.
    full_label: String,
    address: RuntimeAddress,
    bytes: u64,
}

impl Held {
    /// Whether both are one owner: the elements of one block may have changed their places in it.
    fn is_same_owner(&self, other: &Self) -> bool {
        match (&self.owner, &other.owner) {
            (OwnerKind::Block { block, .. }, OwnerKind::Block { block: other, .. }) => {
                block == other
            }
            (one, other) => one == other,
        }
    }

    fn frame(&self) -> Option<FrameId> {
        match self.owner {
            OwnerKind::Local { frame, .. }
            | OwnerKind::Temporary { frame, .. }
            | OwnerKind::Frame { frame, .. } => Some(frame),
            _ => None,
        }
    }
}

/// The names of a state as seen from none of its frames: each local comes with its function.
struct FromOutside<'a>(&'a Indexed<'a>);

impl Names for FromOutside<'_> {
    fn frame(&self, id: FrameId) -> Option<(ThreadId, &Frame)> {
        self.0.frame(id)
    }

    fn block(&self, id: BlockId) -> Option<&Block> {
        self.0.block(id)
    }

    fn focus(&self) -> Option<FrameId> {
        None
    }
}

/// A block whose one owner is another one than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The block.
    pub block: BlockId,
    /// Its size in bytes.
    pub bytes: u64,
    /// Where it was before.
    pub old_address: RuntimeAddress,
    /// Where it is now.
    pub address: RuntimeAddress,
    /// The owner before, as a reader called it then: its frame may be gone.
    pub from: String,
    /// The owner now.
    pub to: String,
}

impl Owners {
    /// The owners of a state: of its live blocks with one owner. Shared ones (`Rc`, `Arc`) are left
    /// out, and so are blocks of which two places may be the owner.
    pub fn of(state: &State) -> Self {
        let mut held = HashMap::new();
        let names = Indexed::of(state);
        for block in &state.blocks {
            let ([one], None, BlockState::Live) =
                (block.owners.as_slice(), block.counts, block.state)
            else {
                continue;
            };
            held.insert(
                block.id,
                Held {
                    owner: one.kind.clone(),
                    label: owner(one, &names),
                    full_label: owner(one, &FromOutside(&names)),
                    address: block.address,
                    bytes: block.size,
                },
            );
        }
        Self(held)
    }

    /// The blocks that have another owner in `after`, by number: what a move looks like from the
    /// heap.
    pub fn handovers(&self, after: &Self) -> Vec<Handover> {
        let mut found: Vec<_> = after
            .0
            .iter()
            .filter_map(|(block, now)| {
                let then = self.0.get(block)?;
                if then.is_same_owner(now) {
                    return None;
                }
                let (from, to) = if then.frame() == now.frame() {
                    (&then.label, &now.label)
                } else {
                    (&then.full_label, &now.full_label)
                };
                Some(Handover {
                    block: *block,
                    bytes: now.bytes,
                    old_address: then.address,
                    address: now.address,
                    from: from.clone(),
                    to: to.clone(),
                })
            })
            .collect();
        found.sort_by_key(|handover| handover.block);
        found
    }
}

/// A handover as a sentence.
pub fn handover(handover: &Handover) -> Sentence {
    let because = (handover.old_address == handover.address).then(|| {
        format!(
            "ownership goes with the pointer; the {} on the heap stayed at {}",
            size(handover.bytes),
            handover.address
        )
    });
    Sentence {
        text: format!(
            "block #{} passed from {} to {}",
            handover.block, handover.from, handover.to
        ),
        because,
    }
}
