//! The machine: what each event needs, and what it does.

use std::collections::BTreeMap;

use crate::access::{self, Intent};
use crate::loans::{Loan, Loans};
use crate::memory::{
    AscentEnd, Block, Fault, Frame, Holder, Holding, Memory, Ownerless, Owners, Shares, Slot,
    SlotEnd, State, Thread,
};
use crate::{
    Access, BlockId, Checked, Ending, Event, EventIndex, FrameId, Home, LeakReason, LoanId,
    LoanKind, Path, Place, Relocation, Rule, Share, SlotId, Subject, ThreadId, Via, Violation,
};

/// The most bytes a block may have: `isize::MAX` of a 64-bit machine.
pub const BLOCK_LIMIT_BYTES: u64 = i64::MAX as u64;

/// The state of a program's memory as far as its events tell, and the rules over it.
///
/// An event that breaks a rule is an error and yet happened. So the machine goes on with what it
/// did: a block that was freed beside its owner is freed, a call that returned too early is gone
/// with all calls above it. Only what has no meaning has no effect: events about what is not there,
/// a second free, one owner too many. A loan that was refused excludes nobody and gives access, so
/// that one cause is told once.
///
/// An event takes the logarithm of what is there, times the levels of parts and owners between the
/// place and the local or loan it is reached through (up to
/// [`LEVEL_LIMIT`](crate::LEVEL_LIMIT)); moves, drops and ends of storage also take what the value
/// directly owns. Only the end of the program looks at everything, once.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    pub(crate) memory: Memory,
    loans: Loans,
    now: EventIndex,
    main: Option<ThreadId>,
    ended: Option<EventIndex>,
    left: BTreeMap<BlockId, LeakReason>,
    checked: Checked,
    found: Vec<Violation>,
}

/// Applies all events from the beginning and gives every violation, in their order.
///
/// The end of the events is not the end of the program: leaks are looked for at
/// [`Event::ProgramEnd`].
pub fn check(events: &[Event]) -> Vec<Violation> {
    let mut checker = Checker::new();
    let mut all = Vec::new();
    for event in events {
        checker.apply_all(event, &mut all);
    }
    all
}

impl Checker {
    /// A machine before the first event: no thread, no memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one event.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks. The event counts as having happened nevertheless.
    pub fn apply(&mut self, event: &Event) -> Result<(), Violation> {
        let mut found = std::mem::take(&mut self.found);
        self.apply_all(event, &mut found);
        let first = found.first().copied();
        found.clear();
        self.found = found;
        first.map_or(Ok(()), Err)
    }

    /// Applies one event, and adds every rule that it breaks: a return may lose several values, and
    /// the end of the program may find many leaks.
    pub fn apply_all(&mut self, event: &Event, violations: &mut Vec<Violation>) {
        let mut faults = Vec::new();
        self.checked.count(event);
        if let Some(ended) = self.ended {
            faults.push(Fault {
                rule: Rule::WellFormed,
                place: Subject::Program,
                other: None,
                since: Some(ended),
            });
        } else {
            self.step(event, &mut faults);
        }
        if !faults.is_empty() {
            self.checked.refused += 1;
        }
        violations.extend(faults.iter().map(|fault| Violation {
            rule: fault.rule,
            event: self.now,
            place: fault.place,
            other: fault.other,
            // What an event does to itself began with it, and not before.
            since: fault.since.filter(|since| *since < self.now),
        }));
        self.now = EventIndex(self.now.0.saturating_add(1));
    }

    /// What was checked so far.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The blocks that were never freed, each with its reason, in the order of their numbers. Empty
    /// before the end of the program.
    pub fn left(&self) -> impl Iterator<Item = (BlockId, LeakReason)> {
        self.left.iter().map(|(block, reason)| (*block, *reason))
    }

    fn step(&mut self, event: &Event, faults: &mut Vec<Fault>) {
        let outcome = match *event {
            Event::ThreadStart {
                thread,
                stack_bytes,
            } => self.thread_start(thread, stack_bytes),
            Event::ThreadEnd { thread } => self.thread_end(thread, faults),
            Event::Call {
                thread,
                frame,
                bytes,
            } => self.call(thread, frame, bytes),
            Event::Return { thread, frame } => self.r#return(thread, frame, faults),
            Event::StorageLive { slot, home } => self.storage_live(slot, home),
            Event::StorageDead { slot } => self.storage_dead(slot, faults),
            Event::Init { slot } => self.init(slot, faults),
            Event::Copy { from, to } => self.copy(from, to, faults),
            Event::Move { from, to } => self.r#move(from, to, faults),
            Event::Drop { slot } => self.drop(slot, faults),
            Event::DropDeep { slot } => self.drop_deep(slot, faults),
            Event::Alloc { block, bytes } => self.alloc(block, bytes),
            Event::Own { block, slot, share } => self.own(block, slot, share),
            Event::Adopt { block, slot, share } => self.adopt(block, slot, share),
            Event::Hand { block, from, to } => self.hand(block, from, to, faults),
            Event::Count {
                block,
                strong,
                weak,
            } => self.count(block, strong, weak),
            Event::Realloc {
                block,
                bytes,
                relocation,
                via,
            } => self.realloc(block, bytes, relocation, via),
            Event::Free { block } => self.free(block, faults),
            Event::Borrow {
                loan,
                place,
                kind,
                via,
            } => self.borrow(loan, place, kind, via),
            Event::BorrowEnd { loan } => self.borrow_end(loan),
            Event::Use { place, access, via } => self.r#use(place, access, via),
            Event::Forget { slot, reason } => self.forget(slot, reason, faults),
            Event::Leak { block, reason } => self.leak(block, reason),
            Event::ProgramEnd { ending } => {
                self.program_end(ending, faults);
                Ok(())
            }
        };
        faults.extend(outcome.err());
    }

    fn thread_start(&mut self, id: ThreadId, stack_bytes: Option<u64>) -> Result<(), Fault> {
        if self.memory.threads.knows(id) {
            return Err(Fault::new(Rule::WellFormed, id, None));
        }
        self.main.get_or_insert(id);
        let thread = Thread {
            stack_bytes,
            ..Thread::default()
        };
        self.memory.threads.begin(id, thread);
        Ok(())
    }

    fn live_thread(&self, id: ThreadId) -> Result<&Thread, Fault> {
        let found = self.memory.threads.find(id);
        found.map_err(|ended| Fault::new(Rule::WellFormed, id, ended))
    }

    fn thread_end(&mut self, id: ThreadId, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        let thread = self.live_thread(id)?;
        let slots = thread.slots.clone();
        if let Some(frame) = thread.frames.last().copied() {
            faults.push(Fault::new(Rule::LastInFirstOut, id, None).with(frame));
        }
        self.pop_until(id, None, faults);
        for slot in slots {
            self.end_storage(slot, false, faults);
        }
        self.memory.threads.end(id, self.now);
        Ok(())
    }

    fn call(&mut self, thread_id: ThreadId, id: FrameId, bytes: u64) -> Result<(), Fault> {
        self.live_thread(thread_id)?;
        if self.memory.frames.knows(id) {
            return Err(Fault::new(Rule::WellFormed, id, None));
        }
        let frame = Frame {
            thread: thread_id,
            bytes,
            slots: Default::default(),
        };
        self.memory.frames.begin(id, frame);
        let Some(thread) = self.memory.threads.get_mut(thread_id) else {
            return Ok(());
        };
        thread.frames.push(id);
        thread.used_bytes = thread.used_bytes.saturating_add(bytes);
        match thread.stack_bytes {
            Some(limit) if thread.used_bytes > limit => {
                Err(Fault::new(Rule::StackLimit, id, None).with(thread_id))
            }
            _ => Ok(()),
        }
    }

    fn r#return(
        &mut self,
        thread_id: ThreadId,
        id: FrameId,
        faults: &mut Vec<Fault>,
    ) -> Result<(), Fault> {
        let thread = self.live_thread(thread_id)?;
        let frame = self.memory.frames.find(id).map_err(|ended| match ended {
            None => Fault::new(Rule::WellFormed, id, None),
            Some(at) => Fault::new(Rule::LastInFirstOut, id, Some(at)),
        })?;
        if frame.thread != thread_id {
            return Err(Fault::new(Rule::StackPerThread, id, None).with(frame.thread));
        }
        match thread.frames.last() {
            Some(last) if *last != id => {
                faults.push(Fault::new(Rule::LastInFirstOut, id, None).with(*last));
            }
            _ => {}
        }
        self.pop_until(thread_id, Some(id), faults);
        Ok(())
    }

    /// Pops frames up to and with `last`, or all.
    fn pop_until(&mut self, thread: ThreadId, last: Option<FrameId>, faults: &mut Vec<Fault>) {
        loop {
            let thread = self.memory.threads.get_mut(thread);
            let Some(id) = thread.and_then(|thread| thread.frames.pop()) else {
                return;
            };
            let slots = self.memory.frames.get_mut(id).map(|frame| {
                // In reverse, as locals end.
                std::mem::take(&mut frame.slots).into_iter().rev()
            });
            for slot in slots.into_iter().flatten() {
                self.end_storage(slot, false, faults);
            }
            if let Some(frame) = self.memory.frames.end(id, self.now)
                && let Some(thread) = self.memory.threads.get_mut(frame.thread)
            {
                thread.used_bytes = thread.used_bytes.saturating_sub(frame.bytes);
            }
            if last == Some(id) {
                return;
            }
        }
    }

    fn storage_live(&mut self, id: SlotId, home: Home) -> Result<(), Fault> {
        if let Some(slot) = self.memory.slots.get(id) {
            return Err(Fault::new(Rule::WellFormed, id, Some(slot.declared)));
        }
        access::check_home(&self.memory, home)?;
        let mut slot = Slot {
            home,
            declared: self.now,
            state: State::Uninit,
            since: self.now,
            holds: BTreeMap::new(),
            parts: Default::default(),
        };
        if let Home::Part(of) | Home::Cell(of) = home
            && let Some(whole) = self.memory.slots.get(of)
        {
            slot.state = whole.state;
            slot.since = whole.since;
        }
        self.memory.slots.begin(id, slot);
        if let Some(slots) = self.slots_of(home) {
            slots.insert(id);
        }
        Ok(())
    }

    /// The slots that end with a home.
    fn slots_of(&mut self, home: Home) -> Option<&mut std::collections::BTreeSet<SlotId>> {
        let memory = &mut self.memory;
        match home {
            Home::Static => None,
            Home::Frame(frame) => memory.frames.get_mut(frame).map(|frame| &mut frame.slots),
            Home::Thread(thread) => memory
                .threads
                .get_mut(thread)
                .map(|thread| &mut thread.slots),
            Home::Block(block) => memory.blocks.get_mut(block).map(|block| &mut block.slots),
            Home::Part(of) | Home::Cell(of) => memory.slots.get_mut(of).map(|slot| &mut slot.parts),
        }
    }

    fn storage_dead(&mut self, id: SlotId, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        let slot = self.memory.live_slot(id)?;
        if slot.home == Home::Static {
            return Err(Fault::new(Rule::WellFormed, id, None));
        }
        self.end_storage(id, false, faults);
        Ok(())
    }

    /// Ends the storage of a slot and its parts, and tells what is lost with it.
    fn end_storage(&mut self, id: SlotId, with_block: bool, faults: &mut Vec<Fault>) {
        if let Some((loan, since)) = self.loans.any(id.into()) {
            faults.push(Fault::new(Rule::LoanInLife, id, Some(since)).with(loan));
        }
        self.lose(id, faults);
        let home = self.memory.slots.get(id).map(|slot| slot.home);
        if let Some(slots) = home.and_then(|home| self.slots_of(home)) {
            slots.remove(&id);
        }
        let end = SlotEnd {
            at: self.now,
            with_block,
        };
        for part in self.memory.with_parts(id) {
            self.memory.slots.end(part, end);
            self.loans.clear(part.into());
        }
    }

    /// Tells of everything that a slot and its parts own that it is lost.
    fn lose(&mut self, id: SlotId, faults: &mut Vec<Fault>) {
        for holding in self.memory.take_holdings(id) {
            let Some(block) = self.memory.give_up(holding, self.now) else {
                continue;
            };
            block.lost = true;
            let since = Some(block.allocated);
            faults.push(Fault::new(Rule::NoLeakWithoutReason, holding.0, since).with(id));
        }
    }

    fn allow(&mut self, intent: Intent) -> Result<(), Fault> {
        let end = access::check(&self.memory, &self.loans, intent)?;
        self.checked.cut += u64::from(end == AscentEnd::Limit);
        Ok(())
    }

    /// A part gets no value while what it is part of has none.
    fn check_whole_around(&self, id: SlotId) -> Result<(), Fault> {
        match self.memory.live_slot(id)?.home {
            Home::Part(of) | Home::Cell(of) => self.memory.has_value(of).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Writes a value over what is in a slot. `Err` only where there is no such slot.
    fn overwrite(&mut self, to: Path, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        self.memory.live_slot(to.slot)?;
        faults.extend(self.check_whole_around(to.slot).err());
        faults.extend(self.allow(Intent::write(to.slot, to.via)).err());
        self.lose(to.slot, faults);
        self.memory.set_state(to.slot, State::Init, self.now);
        Ok(())
    }

    fn init(&mut self, to: Path, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        self.overwrite(to, faults)
    }

    fn copy(&mut self, from: Path, to: Path, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        self.memory.live_slot(from.slot)?;
        self.memory.live_slot(to.slot)?;
        faults.extend(self.memory.whole(from.slot.into()).err());
        faults.extend(self.allow(Intent::read(from.slot, from.via)).err());
        if let Some((part, block)) = self.memory.holding_part(from.slot) {
            faults.push(Fault::new(Rule::OneOwner, part, None).with(block));
        }
        self.overwrite(to, faults)
    }

    fn r#move(&mut self, from: Path, to: Path, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        self.memory.live_slot(from.slot)?;
        self.memory.live_slot(to.slot)?;
        faults.extend(self.memory.whole(from.slot.into()).err());
        faults.extend(self.allow(Intent::take(from.slot, from.via)).err());
        let holdings = self.memory.take_holdings(from.slot);
        self.memory.set_state(from.slot, State::Moved, self.now);
        let outcome = self.overwrite(to, faults);
        for holding in holdings {
            self.memory.give(to.slot, holding, self.now);
        }
        outcome
    }

    fn check_drop(&mut self, path: Path) -> Result<(), Fault> {
        self.memory.has_value(path.slot).map_err(|fault| Fault {
            rule: match fault.rule {
                Rule::NoUseAfterDrop => Rule::DropOnce,
                rule => rule,
            },
            ..fault
        })?;
        self.allow(Intent::take(path.slot, path.via))
    }

    /// Drops what a slot and its parts still have. Gives the blocks whose content goes with it.
    fn release(&mut self, id: SlotId, faults: &mut Vec<Fault>) -> Vec<BlockId> {
        let mut dying = Vec::new();
        for holding in self.memory.take_holdings(id) {
            if !self.memory.release(holding, self.now) {
                continue;
            }
            // Loans of what one owner has are in the way already; those of shared blocks are not.
            if !holding.1.is_unique()
                && let Some((loan, since)) = self.loans.any(holding.0.into())
            {
                faults.push(Fault::new(Rule::LoanInLife, holding.0, Some(since)).with(loan));
            }
            dying.push(holding.0);
        }
        for part in self.memory.with_parts(id) {
            if let Some(slot) = self.memory.slots.get_mut(part)
                && slot.state == State::Init
            {
                slot.state = State::Dropped;
                slot.since = self.now;
            }
        }
        dying
    }

    fn drop(&mut self, path: Path, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        let outcome = self.check_drop(path);
        self.release(path.slot, faults);
        outcome
    }

    fn drop_deep(&mut self, path: Path, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        let outcome = self.check_drop(path);
        let mut dying = self.release(path.slot, faults);
        // A block dies once, so that this ends.
        while let Some(block) = dying.pop() {
            let content = self.memory.blocks.get(block);
            let slots: Vec<SlotId> =
                content.map_or_else(Vec::new, |block| block.slots.iter().copied().collect());
            for slot in slots {
                dying.extend(self.release(slot, faults));
            }
        }
        outcome
    }

    fn alloc(&mut self, id: BlockId, bytes: u64) -> Result<(), Fault> {
        if self.memory.blocks.knows(id) {
            return Err(Fault::new(Rule::WellFormed, id, None));
        }
        let block = Block {
            bytes,
            allocated: self.now,
            relocated: None,
            owners: Owners::None(Ownerless::New),
            since: self.now,
            owned: false,
            slots: Default::default(),
            given_up: None,
            told: None,
            lost: false,
        };
        self.memory.blocks.begin(id, block);
        self.checked.allocated.add(bytes);
        check_bytes(id, bytes)
    }

    /// A refused owner has a value, and owns nothing.
    fn own(&mut self, id: BlockId, slot: SlotId, share: Share) -> Result<(), Fault> {
        self.memory.live_slot(slot)?;
        let holding = Holding::of(share);
        let outcome = self.check_own(id, share);
        match outcome {
            Ok(shares) => {
                self.become_owners(id, shares);
                self.become_owner(slot, (id, holding));
                Ok(())
            }
            Err(fault) => {
                self.have_value(slot);
                Err(fault)
            }
        }
    }

    /// The shares there are with one owner more; `None` for a unique one.
    fn check_own(&self, id: BlockId, share: Share) -> Result<Option<Shares>, Fault> {
        let block = self.memory.live_block(id, Rule::NoUseAfterFree)?;
        let refuse = |rule| Fault::new(rule, id, Some(block.since));
        let mut shares = match block.owners {
            Owners::None(Ownerless::Due) => return Err(refuse(Rule::LivesByOwner)),
            Owners::None(Ownerless::New) => Shares::default(),
            Owners::Unique(Holder::Slot(owner)) => {
                return Err(refuse(Rule::OneOwner).with(owner));
            }
            Owners::Unique(Holder::Nobody) => return Err(refuse(Rule::OneOwner)),
            Owners::Shared(_) if share == Share::Unique => return Err(refuse(Rule::OneOwner)),
            Owners::Shared(shares) => shares,
        };
        match (share, shares.dead) {
            (Share::Unique, _) => return Ok(None),
            (Share::Strong, Some(dead)) => {
                return Err(Fault::new(Rule::LivesByOwner, id, Some(dead)));
            }
            (Share::Strong, None) => shares.strong = shares.strong.saturating_add(1),
            (Share::Weak, _) => shares.weak = shares.weak.saturating_add(1),
        }
        Ok(Some(shares))
    }

    fn become_owners(&mut self, id: BlockId, shares: Option<Shares>) {
        let Some(block) = self.memory.blocks.get_mut(id) else {
            return;
        };
        if let Some(shares) = shares {
            block.owners = Owners::Shared(shares);
        }
        block.since = self.now;
        if !block.owned {
            block.owned = true;
            self.checked.owned.add(block.bytes);
        }
    }

    fn become_owner(&mut self, slot: SlotId, holding: (BlockId, Holding)) {
        self.memory.give(slot, holding, self.now);
        self.have_value(slot);
    }

    fn have_value(&mut self, slot: SlotId) {
        if self.memory.has_value(slot).is_err() {
            self.memory.set_state(slot, State::Init, self.now);
        }
    }

    /// A refused owner has a value, and owns nothing.
    fn adopt(&mut self, id: BlockId, slot: SlotId, share: Share) -> Result<(), Fault> {
        self.memory.live_slot(slot)?;
        let outcome = self.check_adopt(id, share);
        match outcome {
            Ok(owners) => {
                if let Some(block) = self.memory.blocks.get_mut(id) {
                    block.owners = owners;
                    block.since = self.now;
                }
                self.become_owner(slot, (id, Holding::of(share)));
                if let Some(block) = self.memory.blocks.get_mut(id)
                    && !block.owners.lacks_holder()
                {
                    block.given_up = None;
                    block.lost = false;
                }
                Ok(())
            }
            Err(fault) => {
                self.have_value(slot);
                Err(fault)
            }
        }
    }

    /// The owners there are when one that nobody held is held again.
    fn check_adopt(&self, id: BlockId, share: Share) -> Result<Owners, Fault> {
        let block = self.memory.live_block(id, Rule::NoUseAfterFree)?;
        let refuse = Fault::new(Rule::OneOwner, id, Some(block.since));
        let mut owners = block.owners;
        match (&mut owners, share) {
            (Owners::Unique(Holder::Nobody), Share::Unique) => {}
            (Owners::Shared(shares), Share::Strong) if shares.forgotten.strong > 0 => {
                shares.forgotten.strong -= 1;
            }
            (Owners::Shared(shares), Share::Weak) if shares.forgotten.weak > 0 => {
                shares.forgotten.weak -= 1;
            }
            (Owners::Unique(Holder::Slot(owner)), _) => return Err(refuse.with(*owner)),
            _ => return Err(refuse),
        }
        Ok(owners)
    }

    fn hand(
        &mut self,
        id: BlockId,
        from: SlotId,
        to: SlotId,
        faults: &mut Vec<Fault>,
    ) -> Result<(), Fault> {
        self.memory.live_slot(from)?;
        self.memory.live_slot(to)?;
        let block = self.memory.live_block(id, Rule::NoUseAfterFree)?;
        if !self
            .memory
            .slots
            .get(from)
            .is_some_and(|slot| slot.holds.contains_key(&id))
        {
            let fault = Fault::new(Rule::OneOwner, id, Some(block.since));
            return Err(fault.with(from));
        }
        let slot = self.memory.slots.get_mut(from);
        let Some(holding) = slot.and_then(|slot| slot.holds.remove(&id)) else {
            return Ok(());
        };
        if holding.is_unique()
            && let Some((loan, since)) = self.loans.any(id.into())
        {
            faults.push(Fault::new(Rule::LoanInLife, id, Some(since)).with(loan));
        }
        self.become_owner(to, (id, holding));
        Ok(())
    }

    fn count(&self, id: BlockId, strong: u64, weak: u64) -> Result<(), Fault> {
        let block = self.memory.live_block(id, Rule::NoUseAfterFree)?;
        let known = match block.owners {
            Owners::None(_) => (0, 0),
            Owners::Unique(_) => (1, 0),
            Owners::Shared(shares) => (shares.strong, shares.weak),
        };
        if known == (strong, weak) {
            Ok(())
        } else {
            Err(Fault::new(Rule::SharesCounted, id, Some(block.since)))
        }
    }

    fn realloc(
        &mut self,
        id: BlockId,
        bytes: u64,
        relocation: Relocation,
        via: Via,
    ) -> Result<(), Fault> {
        self.memory.live_block(id, Rule::NoUseAfterFree)?;
        let outcome = self.allow(Intent::write(id, via));
        if let Some(block) = self.memory.blocks.get_mut(id) {
            block.bytes = bytes;
            if relocation == Relocation::Moved {
                block.relocated = Some(self.now);
            }
        }
        outcome.and_then(|()| check_bytes(id, bytes))
    }

    fn free(&mut self, id: BlockId, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        let block = self.memory.live_block(id, Rule::FreeOnce)?;
        let slots = block.slots.clone();
        let owned = Fault::new(Rule::LivesByOwner, id, Some(block.since));
        match block.owners {
            Owners::None(_) | Owners::Unique(Holder::Nobody) => {}
            Owners::Unique(Holder::Slot(owner)) => faults.push(owned.with(owner)),
            Owners::Shared(shares) => {
                let held =
                    shares.strong > shares.forgotten.strong || shares.weak > shares.forgotten.weak;
                faults.extend(held.then_some(owned));
            }
        }
        if let Some((loan, since)) = self.loans.any(id.into()) {
            faults.push(Fault::new(Rule::LoanInLife, id, Some(since)).with(loan));
        }
        self.loans.clear(id.into());
        for slot in slots {
            // Loans of what is inside of the block were told with the block.
            for part in self.memory.with_parts(slot) {
                self.loans.clear(part.into());
            }
            self.end_storage(slot, true, faults);
        }
        self.memory.blocks.end(id, self.now);
        Ok(())
    }

    fn borrow(&mut self, id: LoanId, place: Place, kind: LoanKind, via: Via) -> Result<(), Fault> {
        if self.loans.table.knows(id) {
            return Err(Fault::new(Rule::WellFormed, id, None));
        }
        let from = match via {
            Via::Loan(from) => Some(from),
            Via::Owner | Via::Raw => None,
        };
        let loan = Loan::new(place, kind, self.now, from);
        let intent = match kind {
            LoanKind::Shared => Intent::read(place, via),
            LoanKind::Exclusive => Intent::write(place, via),
        };
        let memory = match via {
            Via::Raw => self.memory.live_place(place),
            Via::Owner | Via::Loan(_) => self.memory.whole(place),
        };
        let outcome = memory.and_then(|()| self.allow(intent));
        let base = from.and_then(|from| self.loans.table.get(from));
        let counts = match via {
            Via::Raw => false,
            Via::Owner => true,
            Via::Loan(_) => base.is_some_and(Loan::counts),
        };
        if outcome.is_ok() && counts {
            let base = base.map(|base| base.place);
            let around = access::around(&self.memory, place, kind, base);
            self.loans.begin(id, loan, &around);
        } else {
            self.loans.begin_uncounted(id, loan);
        }
        outcome
    }

    fn borrow_end(&mut self, id: LoanId) -> Result<(), Fault> {
        let loan = self.loans.table.find(id).map_err(|ended| match ended {
            None => Fault::new(Rule::WellFormed, id, None),
            Some(at) => Fault::new(Rule::LoanCovers, id, Some(at)),
        })?;
        let child = loan.children.first().copied();
        let since = loan.begun;
        self.loans.end(id, self.now);
        match child {
            Some(child) => Err(Fault::new(Rule::LoanInLife, id, Some(since)).with(child)),
            None => Ok(()),
        }
    }

    fn r#use(&mut self, place: Place, access: Access, via: Via) -> Result<(), Fault> {
        if let Via::Loan(loan) = via {
            // A stale reference is told as such, whatever the place holds now.
            access::live_loan(&self.memory, &self.loans, loan)?;
        }
        match via {
            Via::Raw => return self.memory.live_place(place),
            Via::Owner | Via::Loan(_) => self.memory.whole(place)?,
        }
        self.allow(match access {
            Access::Read => Intent::read(place, via),
            Access::Write => Intent::write(place, via),
        })
    }

    fn forget(
        &mut self,
        path: Path,
        reason: LeakReason,
        faults: &mut Vec<Fault>,
    ) -> Result<(), Fault> {
        self.memory.live_slot(path.slot)?;
        faults.extend(self.memory.whole(path.slot.into()).err());
        faults.extend(self.allow(Intent::take(path.slot, path.via)).err());
        for holding in self.memory.take_holdings(path.slot) {
            if let Some(block) = self.memory.give_up(holding, self.now) {
                block.given_up = Some(reason);
            }
        }
        self.memory.set_state(path.slot, State::Moved, self.now);
        Ok(())
    }

    fn leak(&mut self, id: BlockId, reason: LeakReason) -> Result<(), Fault> {
        self.memory.live_block(id, Rule::NoUseAfterFree)?;
        if let Some(block) = self.memory.blocks.get_mut(id) {
            block.told = Some((reason, self.now));
        }
        Ok(())
    }

    fn program_end(&mut self, ending: Ending, faults: &mut Vec<Fault>) {
        self.ended = Some(self.now);
        let main = self.main.and_then(|main| {
            let thread = self.memory.threads.get(main)?;
            Some((main, *thread.frames.last()?))
        });
        if let (Ending::Returned, Some((main, frame))) = (ending, main) {
            faults.push(Fault::new(Rule::LastInFirstOut, main, None).with(frame));
        }
        self.left = crate::leaks::explain(&self.memory, self.main, ending, faults);
    }
}

fn check_bytes(id: BlockId, bytes: u64) -> Result<(), Fault> {
    if bytes > BLOCK_LIMIT_BYTES {
        return Err(Fault::new(Rule::BlockLimit, id, None));
    }
    Ok(())
}
