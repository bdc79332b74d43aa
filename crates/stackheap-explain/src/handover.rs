//! Ownership that passed from one owner to another between two states.

use std::collections::HashMap;

use stackheap_model::{BlockId, BlockState, OwnerKind, RuntimeAddress, State};

use crate::{Sentence, owner, size};

/// Who owned what in a state, kept so that a later state can be compared with it.
#[derive(Clone, Debug, Default)]
pub struct Owners(HashMap<BlockId, Held>);

/// A block with one owner.
#[derive(Clone, Debug)]
struct Held {
    owner: OwnerKind,
    label: String,
    address: RuntimeAddress,
    bytes: u64,
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
                    label: owner(one, state),
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
                (then.owner != now.owner).then(|| Handover {
                    block: *block,
                    bytes: now.bytes,
                    old_address: then.address,
                    address: now.address,
                    from: then.label.clone(),
                    to: now.label.clone(),
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
