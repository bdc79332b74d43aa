//! What is there: threads, frames, slots, blocks, and who owns what.

use std::collections::{BTreeMap, BTreeSet};

use crate::table::Table;
use crate::{
    BlockId, EventIndex, FrameId, Home, LeakReason, Place, Rule, Share, SlotId, Subject, ThreadId,
};

/// How many levels of parts and owners are followed from a place to what it is part of. Places of
/// programs have a few; reaching the limit is counted in [`Checked::cut`](crate::Checked::cut).
pub const LEVEL_LIMIT: usize = 256;

#[derive(Clone, Debug, Default)]
pub(crate) struct Thread {
    pub stack_bytes: Option<u64>,
    pub used_bytes: u64,
    /// The innermost last.
    pub frames: Vec<FrameId>,
    /// Thread-locals.
    pub slots: BTreeSet<SlotId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub thread: ThreadId,
    pub bytes: u64,
    pub slots: BTreeSet<SlotId>,
}

/// Whether a slot has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Uninit,
    Init,
    Moved,
    Dropped,
}

/// How a slot's value owns one block. Both counts are 0 for the one unique owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holding {
    pub strong: u64,
    pub weak: u64,
}

impl Holding {
    pub fn of(share: Share) -> Self {
        match share {
            Share::Unique => Self::default(),
            Share::Strong => Self { strong: 1, weak: 0 },
            Share::Weak => Self { strong: 0, weak: 1 },
        }
    }

    pub fn is_unique(self) -> bool {
        self == Self::default()
    }

    pub fn and(self, other: Self) -> Self {
        Self {
            strong: self.strong.saturating_add(other.strong),
            weak: self.weak.saturating_add(other.weak),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub home: Home,
    pub declared: EventIndex,
    pub state: State,
    pub since: EventIndex,
    pub holds: BTreeMap<BlockId, Holding>,
    pub parts: BTreeSet<SlotId>,
}

/// How a slot's storage ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotEnd {
    pub at: EventIndex,
    pub with_block: bool,
}

/// Why a block has no owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownerless {
    /// Nobody has owned it yet.
    New,
    /// Its last owner was dropped: it is to be freed.
    Due,
}

/// Who the one owner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Slot(SlotId),
    /// Given up without a drop, and perhaps adopted later.
    Nobody,
}

/// Owners of a shared block. What was given up still counts, as in the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shares {
    pub strong: u64,
    pub weak: u64,
    /// How many of them nobody holds any more.
    pub forgotten: Holding,
    /// When the last strong one was dropped, and the value with it.
    pub dead: Option<EventIndex>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owners {
    None(Ownerless),
    Unique(Holder),
    Shared(Shares),
}

impl Owners {
    /// Whether an owner still counts that nobody holds. Its slot was given up, not dropped.
    pub fn lacks_holder(&self) -> bool {
        match self {
            Self::None(_) | Self::Unique(Holder::Slot(_)) => false,
            Self::Unique(Holder::Nobody) => true,
            Self::Shared(shares) => shares.forgotten != Holding::default(),
        }
    }

    /// Whether the value is dropped and its memory kept by weak owners only.
    pub fn outlive_value(&self) -> bool {
        matches!(self, Self::Shared(shares) if shares.dead.is_some())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub bytes: u64,
    pub allocated: EventIndex,
    /// When it was last moved to another address.
    pub relocated: Option<EventIndex>,
    pub owners: Owners,
    /// Since when there are these owners, or none.
    pub since: EventIndex,
    /// Whether it ever had an owner.
    pub owned: bool,
    /// Its content.
    pub slots: BTreeSet<SlotId>,
    /// Why an owner of it gave it up.
    pub given_up: Option<LeakReason>,
    /// Why it will not be freed, as was stated.
    pub told: Option<(LeakReason, EventIndex)>,
    /// Whether an owner of it went without drop or reason, which was told.
    pub lost: bool,
}

/// A rule that does not hold, before it is known for which event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub rule: Rule,
    pub place: Subject,
    pub other: Option<Subject>,
    pub since: Option<EventIndex>,
}

impl Fault {
    pub fn new(rule: Rule, place: impl Into<Subject>, since: Option<EventIndex>) -> Self {
        Self {
            rule,
            place: place.into(),
            other: None,
            since,
        }
    }

    pub fn with(self, other: impl Into<Subject>) -> Self {
        Self {
            other: Some(other.into()),
            ..self
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub threads: Table<ThreadId, Thread, EventIndex>,
    pub frames: Table<FrameId, Frame, EventIndex>,
    pub slots: Table<SlotId, Slot, SlotEnd>,
    pub blocks: Table<BlockId, Block, EventIndex>,
}

/// The places that a place is part of, from itself outwards.
#[derive(Clone, Debug)]
pub(crate) struct Ascent {
    pub places: Vec<Place>,
    pub end: AscentEnd,
    /// How many of the places, from the first, are the inside of a cell; 0 where there is none.
    pub cell: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AscentEnd {
    /// The place that was asked for.
    Base,
    /// A slot that is part of nothing.
    Slot,
    /// A block without one unique owner: its owners are no parents of it.
    Block,
    /// [`LEVEL_LIMIT`].
    Limit,
}

impl Memory {
    pub fn live_slot(&self, id: SlotId) -> Result<&Slot, Fault> {
        self.slots.find(id).map_err(|end| match end {
            None => Fault::new(Rule::WellFormed, id, None),
            Some(end) if end.with_block => Fault::new(Rule::NoUseAfterFree, id, Some(end.at)),
            Some(end) => Fault::new(Rule::UseInScope, id, Some(end.at)),
        })
    }

    /// The block, with `gone` as the rule that is broken where it is freed already.
    pub fn live_block(&self, id: BlockId, gone: Rule) -> Result<&Block, Fault> {
        self.blocks.find(id).map_err(|freed| match freed {
            None => Fault::new(Rule::WellFormed, id, None),
            Some(at) => Fault::new(gone, id, Some(at)),
        })
    }

    /// Whether the memory of a place is there.
    pub fn live_place(&self, place: Place) -> Result<(), Fault> {
        match place {
            Place::Slot(slot) => self.live_slot(slot).map(|_| ()),
            Place::Block(block) => self.live_block(block, Rule::NoUseAfterFree).map(|_| ()),
        }
    }

    /// Whether a slot has a value, whatever its parts have.
    pub fn has_value(&self, id: SlotId) -> Result<&Slot, Fault> {
        let slot = self.live_slot(id)?;
        let rule = match slot.state {
            State::Init => return Ok(slot),
            State::Uninit => Rule::InitBeforeUse,
            State::Moved => Rule::NoUseAfterMove,
            State::Dropped => Rule::NoUseAfterDrop,
        };
        Err(Fault::new(rule, id, Some(slot.since)))
    }

    /// Whether a place holds a whole value, with all its parts.
    pub fn whole(&self, place: Place) -> Result<(), Fault> {
        match place {
            Place::Block(block) => self.live_block(block, Rule::NoUseAfterFree).map(|_| ()),
            Place::Slot(slot) => {
                for part in self.with_parts(slot) {
                    self.has_value(part)?;
                }
                Ok(())
            }
        }
    }

    /// The slot and its parts, and their parts; a slot before its parts.
    pub fn with_parts(&self, id: SlotId) -> Vec<SlotId> {
        let mut all = vec![id];
        let mut next = 0;
        // Parts are a forest, as a slot's home is there before it is.
        while let Some(slot) = all.get(next) {
            if let Some(slot) = self.slots.get(*slot) {
                all.extend(&slot.parts);
            }
            next += 1;
        }
        all
    }

    /// The first of the slot and its parts that owns a block.
    pub fn holding_part(&self, id: SlotId) -> Option<(SlotId, BlockId)> {
        self.with_parts(id).into_iter().find_map(|part| {
            let (block, _) = self.slots.get(part)?.holds.first_key_value()?;
            Some((part, *block))
        })
    }

    pub fn set_state(&mut self, id: SlotId, state: State, now: EventIndex) {
        for part in self.with_parts(id) {
            if let Some(slot) = self.slots.get_mut(part) {
                slot.state = state;
                slot.since = now;
            }
        }
    }

    /// Takes away all that a slot and its parts own.
    pub fn take_holdings(&mut self, id: SlotId) -> Vec<(BlockId, Holding)> {
        let mut taken = Vec::new();
        for part in self.with_parts(id) {
            if let Some(slot) = self.slots.get_mut(part) {
                taken.extend(std::mem::take(&mut slot.holds));
            }
        }
        taken
    }

    /// Makes a slot the owner of what another one owned. What was freed meanwhile is owned no more.
    pub fn give(&mut self, to: SlotId, holding: (BlockId, Holding), now: EventIndex) {
        let (id, holding) = holding;
        let Some(block) = self.blocks.get_mut(id) else {
            return;
        };
        let Some(slot) = self.slots.get_mut(to) else {
            return;
        };
        if holding.is_unique() {
            block.owners = Owners::Unique(Holder::Slot(to));
            block.since = now;
        }
        let held = slot.holds.entry(id).or_default();
        *held = held.and(holding);
    }

    /// Ends an ownership by a drop. Whether the block's content goes with it.
    pub fn release(&mut self, holding: (BlockId, Holding), now: EventIndex) -> bool {
        let (id, holding) = holding;
        let Some(block) = self.blocks.get_mut(id) else {
            return false;
        };
        let mut dies = false;
        if let Owners::Shared(shares) = &mut block.owners {
            shares.strong = shares.strong.saturating_sub(holding.strong);
            shares.weak = shares.weak.saturating_sub(holding.weak);
            if holding.strong > 0 && shares.strong == 0 {
                shares.dead = Some(now);
                dies = true;
            }
            if shares.strong > 0 || shares.weak > 0 {
                return dies;
            }
        } else {
            dies = true;
        }
        block.owners = Owners::None(Ownerless::Due);
        block.since = now;
        dies
    }

    /// Ends an ownership without a drop: nobody will free the block because of it.
    pub fn give_up(&mut self, holding: (BlockId, Holding), now: EventIndex) -> Option<&mut Block> {
        let (id, holding) = holding;
        let block = self.blocks.get_mut(id)?;
        match &mut block.owners {
            Owners::Shared(shares) => shares.forgotten = shares.forgotten.and(holding),
            owners => {
                *owners = Owners::Unique(Holder::Nobody);
                block.since = now;
            }
        }
        Some(block)
    }

    /// The slot that a part is a part of, and is none itself.
    pub fn outermost(&self, mut id: SlotId) -> SlotId {
        while let Some(Home::Part(of) | Home::Cell(of)) = self.slots.get(id).map(|slot| slot.home) {
            id = of;
        }
        id
    }

    /// The block a slot lies in, if it lies in one.
    pub fn block_around(&self, id: SlotId) -> Option<BlockId> {
        match self.slots.get(self.outermost(id))?.home {
            Home::Block(block) => Some(block),
            _ => None,
        }
    }

    /// From a place outwards to `base`, or to where there is nothing around it.
    pub fn ascend(&self, place: Place, base: Option<Place>) -> Ascent {
        let mut places = vec![place];
        let mut at = place;
        let mut cell = 0;
        let end = loop {
            if base == Some(at) {
                break AscentEnd::Base;
            }
            if places.len() >= LEVEL_LIMIT {
                break AscentEnd::Limit;
            }
            at = match at {
                Place::Slot(slot) => match self.slots.get(slot).map(|slot| slot.home) {
                    Some(Home::Part(of)) => of.into(),
                    Some(Home::Cell(of)) => {
                        // The innermost cell is the one that may be changed through shared loans.
                        if cell == 0 {
                            cell = places.len();
                        }
                        of.into()
                    }
                    Some(Home::Block(block)) => block.into(),
                    _ => break AscentEnd::Slot,
                },
                Place::Block(block) => match self.blocks.get(block).map(|block| block.owners) {
                    Some(Owners::Unique(Holder::Slot(slot))) => slot.into(),
                    _ => break AscentEnd::Block,
                },
            };
            places.push(at);
        };
        Ascent { places, end, cell }
    }
}
