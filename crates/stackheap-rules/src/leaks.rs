//! Why what is still allocated at the end of the program was never freed.

use std::collections::{BTreeMap, BTreeSet};

use crate::memory::{Block, Fault, Holder, Memory, Owners};
use crate::{BlockId, Ending, Home, LeakReason, Rule, SlotId, ThreadId};

/// The reason of each block that is left, and a fault for each that has none.
///
/// A block has the reason of what holds it, directly or through other blocks: a static, a thread or
/// a frame that never ended, a value that was given up. What is held by nothing that is known, and
/// owns itself by shares, is a cycle. A value that was dropped is no reason for what its content
/// still owns: that should have been dropped with it.
pub(crate) fn explain(
    memory: &Memory,
    main: Option<ThreadId>,
    ending: Ending,
    faults: &mut Vec<Fault>,
) -> BTreeMap<BlockId, LeakReason> {
    let mut reach = Reach::new(memory);
    let mut unexplained = Reach::new(memory);

    for (slot, reason) in roots(memory, main, ending) {
        reach.slot(slot, reason);
        reach.spread();
    }
    for (id, block) in memory.blocks.live() {
        if let Some(reason) = given_up(block) {
            reach.add(id, reason);
        }
    }
    reach.spread();

    // From here on nothing that is known to the program leads to a block.
    for (id, block) in memory.blocks.live() {
        if block.lost || matches!(block.owners, Owners::None(_)) {
            unexplained.add(id, LeakReason::Cycle);
        }
        if block.owners.outlive_value() {
            unexplained.content(block, LeakReason::Cycle);
        }
    }
    for id in unique_cycles(memory, &reach.found) {
        unexplained.add(id, LeakReason::Cycle);
    }
    unexplained.spread();
    for (id, block) in memory.blocks.live() {
        if unexplained.found.contains_key(&id) && !reach.found.contains_key(&id) {
            if !block.lost {
                faults.push(Fault::new(Rule::NoLeakWithoutReason, id, Some(block.since)));
            }
        } else {
            reach.found.entry(id).or_insert(LeakReason::Cycle);
        }
    }
    compare(memory, &reach.found, faults);
    reach.found
}

/// The slots that are in no block and still have storage, with what that means for what they own.
/// Statics come first: what several roots hold has the reason that lasts longest.
fn roots(
    memory: &Memory,
    main: Option<ThreadId>,
    ending: Ending,
) -> impl Iterator<Item = (SlotId, LeakReason)> {
    let mut roots = Vec::new();
    for (id, slot) in memory.slots.live() {
        if slot.holds.is_empty() {
            continue;
        }
        let outermost = memory.outermost(id);
        let reason = match memory.slots.get(outermost).map(|slot| slot.home) {
            Some(Home::Static) => LeakReason::Static,
            Some(Home::Thread(_)) => LeakReason::Thread,
            Some(Home::Frame(frame)) => {
                let thread = memory.frames.get(frame).map(|frame| frame.thread);
                match ending {
                    Ending::Returned if thread != main => LeakReason::Thread,
                    _ => LeakReason::Exit,
                }
            }
            _ => continue,
        };
        roots.push((id, reason));
    }
    roots.sort_by_key(|(id, reason)| (*reason != LeakReason::Static, *id));
    roots.into_iter()
}

/// The reason that was told for a block that nobody owns any more.
fn given_up(block: &Block) -> Option<LeakReason> {
    let told = block.told.map(|(reason, _)| reason);
    let told = told.filter(|reason| reason.is_told());
    block.given_up.or(told)
}

/// Reasons that were told and can be seen must be the ones that are seen.
fn compare(memory: &Memory, found: &BTreeMap<BlockId, LeakReason>, faults: &mut Vec<Fault>) {
    for (id, block) in memory.blocks.live() {
        if let Some((told, at)) = block.told
            && !told.is_told()
            && found.get(&id).is_some_and(|seen| *seen != told)
        {
            faults.push(Fault::new(Rule::NoLeakWithoutReason, id, Some(at)));
        }
    }
}

/// Blocks that can be reached, each with the first reason for it.
struct Reach<'a> {
    memory: &'a Memory,
    found: BTreeMap<BlockId, LeakReason>,
    ahead: Vec<(BlockId, LeakReason)>,
}

impl<'a> Reach<'a> {
    fn new(memory: &'a Memory) -> Self {
        Self {
            memory,
            found: BTreeMap::new(),
            ahead: Vec::new(),
        }
    }

    fn slot(&mut self, slot: SlotId, reason: LeakReason) {
        let Some(slot) = self.memory.slots.get(slot) else {
            return;
        };
        for block in slot.holds.keys() {
            self.add(*block, reason);
        }
    }

    fn add(&mut self, block: BlockId, reason: LeakReason) {
        if self.memory.blocks.get(block).is_some() && !self.found.contains_key(&block) {
            self.found.insert(block, reason);
            self.ahead.push((block, reason));
        }
    }

    fn spread(&mut self) {
        while let Some((block, reason)) = self.ahead.pop() {
            if let Some(block) = self.memory.blocks.get(block)
                && !block.owners.outlive_value()
            {
                self.content(block, reason);
            }
        }
    }

    fn content(&mut self, block: &Block, reason: LeakReason) {
        for slot in &block.slots {
            for part in self.memory.with_parts(*slot) {
                self.slot(part, reason);
            }
        }
    }
}

/// Blocks on rings of unique owners, of which no program without `unsafe` has any: no share keeps
/// them, so they are no cycle of `Rc`.
fn unique_cycles(memory: &Memory, known: &BTreeMap<BlockId, LeakReason>) -> Vec<BlockId> {
    let mut seen: BTreeSet<BlockId> = BTreeSet::new();
    let mut cycles = Vec::new();
    for (start, _) in memory.blocks.live() {
        let mut way = Vec::new();
        let mut next = Some(start);
        while let Some(id) = next {
            if known.contains_key(&id) || !seen.insert(id) {
                break;
            }
            way.push(id);
            next = memory.blocks.get(id).and_then(|block| match block.owners {
                Owners::Unique(Holder::Slot(slot)) => memory.block_around(slot),
                _ => None,
            });
        }
        // The way came back to itself where it broke off at one of its own.
        let ring = next.and_then(|id| way.iter().position(|other| *other == id));
        cycles.extend(way.into_iter().skip(ring.unwrap_or(usize::MAX)));
    }
    cycles
}
