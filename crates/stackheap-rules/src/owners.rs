//! Blocks and who owns them.

use crate::access::Intent;
use crate::checker::BLOCK_LIMIT_BYTES;
use crate::memory::{Block, Fault, Holder, Holding, Ownerless, Owners, Shares, State};
use crate::{Access, BlockId, Checker, LeakReason, Relocation, Rule, Share, SlotId, Via};

impl Checker {
    pub(crate) fn alloc(&mut self, id: BlockId, bytes: u64) -> Result<(), Fault> {
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
    pub(crate) fn own(&mut self, id: BlockId, slot: SlotId, share: Share) -> Result<(), Fault> {
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
        if let Some((loan, since)) = self.loans.excluding_inside(id.into(), Access::Read) {
            return Err(Fault::new(Rule::SharedXorExclusive, id, Some(since)).with(loan));
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
    pub(crate) fn adopt(&mut self, id: BlockId, slot: SlotId, share: Share) -> Result<(), Fault> {
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

    pub(crate) fn hand(
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

    pub(crate) fn count(&self, id: BlockId, strong: u64, weak: u64) -> Result<(), Fault> {
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

    pub(crate) fn realloc(
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

    pub(crate) fn free(&mut self, id: BlockId, faults: &mut Vec<Fault>) -> Result<(), Fault> {
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

    pub(crate) fn leak(&mut self, id: BlockId, reason: LeakReason) -> Result<(), Fault> {
        self.memory.live_block(id, Rule::NoUseAfterFree)?;
        if let Some(block) = self.memory.blocks.get_mut(id) {
            block.told = Some((reason, self.now));
        }
        Ok(())
    }
}

fn check_bytes(id: BlockId, bytes: u64) -> Result<(), Fault> {
    if bytes > BLOCK_LIMIT_BYTES {
        return Err(Fault::new(Rule::BlockLimit, id, None));
    }
    Ok(())
}
