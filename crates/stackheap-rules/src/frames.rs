//! Threads, calls, and the storage of slots.

use std::collections::{BTreeMap, BTreeSet};

use crate::access;
use crate::memory::{Fault, Frame, Slot, SlotEnd, State, Thread};
use crate::{Checker, FrameId, Home, Rule, SlotId, ThreadId};

impl Checker {
    pub(crate) fn thread_start(
        &mut self,
        id: ThreadId,
        stack_bytes: Option<u64>,
    ) -> Result<(), Fault> {
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

    pub(crate) fn thread_end(
        &mut self,
        id: ThreadId,
        faults: &mut Vec<Fault>,
    ) -> Result<(), Fault> {
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

    pub(crate) fn call(
        &mut self,
        thread_id: ThreadId,
        id: FrameId,
        bytes: u64,
    ) -> Result<(), Fault> {
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

    pub(crate) fn r#return(
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

    pub(crate) fn storage_live(&mut self, id: SlotId, home: Home) -> Result<(), Fault> {
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
    fn slots_of(&mut self, home: Home) -> Option<&mut BTreeSet<SlotId>> {
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

    pub(crate) fn storage_dead(
        &mut self,
        id: SlotId,
        faults: &mut Vec<Fault>,
    ) -> Result<(), Fault> {
        let slot = self.memory.live_slot(id)?;
        if slot.home == Home::Static {
            return Err(Fault::new(Rule::WellFormed, id, None));
        }
        self.end_storage(id, false, faults);
        Ok(())
    }

    /// Ends the storage of a slot and its parts, and tells what is lost with it.
    pub(crate) fn end_storage(&mut self, id: SlotId, with_block: bool, faults: &mut Vec<Fault>) {
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
}
