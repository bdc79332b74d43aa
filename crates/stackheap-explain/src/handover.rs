//! Ownership that passed from one owner to another between two states.

use stackheap_model::{BlockId, BlockState, Owner, RuntimeAddress, State};

use crate::{Names, Sentence, owner, size};

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
    /// The owner before.
    pub from: Owner,
    /// The owner now.
    pub to: Owner,
}

/// The blocks that are live in both states and have one owner in each, but not the same one: what a
/// move looks like from the heap. Shared blocks (`Rc`, `Arc`) are left out.
pub fn handovers(before: &State, after: &State) -> Vec<Handover> {
    let mut found = Vec::new();
    for now in &after.blocks {
        let Some(then) = before.block(now.id) else {
            continue;
        };
        let live = now.state == BlockState::Live && then.state == BlockState::Live;
        if !live || now.counts.is_some() || then.counts.is_some() {
            continue;
        }
        let ([from], [to]) = (then.owners.as_slice(), now.owners.as_slice()) else {
            continue;
        };
        if from.kind != to.kind {
            found.push(Handover {
                block: now.id,
                bytes: now.size,
                old_address: then.address,
                address: now.address,
                from: from.clone(),
                to: to.clone(),
            });
        }
    }
    found
}

/// A handover as a sentence. `before` and `after` say what the owners are called.
pub fn handover(handover: &Handover, before: &dyn Names, after: &dyn Names) -> Sentence {
    // The old owner is told with the names of the state it was an owner in: its frame may be gone.
    let from = owner(&handover.from, before);
    let to = owner(&handover.to, after);
    let because = (handover.old_address == handover.address).then(|| {
        format!(
            "ownership goes with the pointer; the {} on the heap stayed at {}",
            size(handover.bytes),
            handover.address
        )
    });
    Sentence {
        text: format!("block #{} passed from {from} to {to}", handover.block),
        because,
    }
}
