//! Values: initialised, copied, moved, dropped, given up.

use crate::access::Intent;
use crate::memory::{Fault, State};
use crate::{BlockId, Checker, Home, LeakReason, Path, Rule, SlotId};

impl Checker {
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

    pub(crate) fn init(&mut self, to: Path, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        self.overwrite(to, faults)
    }

    pub(crate) fn copy(
        &mut self,
        from: Path,
        to: Path,
        faults: &mut Vec<Fault>,
    ) -> Result<(), Fault> {
        self.memory.live_slot(from.slot)?;
        self.memory.live_slot(to.slot)?;
        faults.extend(self.memory.whole(from.slot.into()).err());
        faults.extend(self.allow(Intent::read(from.slot, from.via)).err());
        if let Some((part, block)) = self.memory.holding_part(from.slot) {
            faults.push(Fault::new(Rule::OneOwner, part, None).with(block));
        }
        self.overwrite(to, faults)
    }

    pub(crate) fn r#move(
        &mut self,
        from: Path,
        to: Path,
        faults: &mut Vec<Fault>,
    ) -> Result<(), Fault> {
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

    pub(crate) fn drop(&mut self, path: Path, faults: &mut Vec<Fault>) -> Result<(), Fault> {
        let outcome = self.check_drop(path);
        self.release(path.slot, faults);
        outcome
    }

    pub(crate) fn drop_deep(&mut self, path: Path, faults: &mut Vec<Fault>) -> Result<(), Fault> {
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

    pub(crate) fn forget(
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

    /// Tells of everything that a slot and its parts own that it is lost.
    pub(crate) fn lose(&mut self, id: SlotId, faults: &mut Vec<Fault>) {
        for holding in self.memory.take_holdings(id) {
            let Some(block) = self.memory.give_up(holding, self.now) else {
                continue;
            };
            block.lost = true;
            let since = Some(block.allocated);
            faults.push(Fault::new(Rule::NoLeakWithoutReason, holding.0, since).with(id));
        }
    }
}
