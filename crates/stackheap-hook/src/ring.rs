//! The reader's side of the ring of events.
//!
//! Writers take positions, each a slot of a lap (`agent/protocol.rs`); the reader goes through the
//! positions in order. A full slot is delivered and made free for the next lap. A slot that is
//! taken and not full is a hole: its thread was interrupted, by the scheduler, or by a signal
//! handler that may itself allocate, and perhaps never returns. The reader stops at a hole, or
//! passes it. A passed slot stays its writer's until the writer fills it, however late: the reader
//! announces in the slot's `skip` word that whoever takes the same slot in the next lap must leave
//! it alone and take another position. That depends on the position alone and not on what happens
//! meanwhile, so that no order of events makes two threads write to one slot, or none. The tests go
//! through all of them.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use stackheap_model::RuntimeAddress;

use crate::agent::slots_log2;
use crate::protocol::{
    HEAD_OFFSET, KIND_ALLOCATED, KIND_FREED, KIND_REALLOC_BEGIN, KIND_REALLOC_END, SLOT_BYTES,
    SLOTS_OFFSET, Slot, UNKNOWN_ALIGN, free_header, lap,
};
use crate::{Function, HookError};

/// How often a thread may stand at the drain trap without progress before the hole that holds up
/// the ring is passed. Most holes are threads that wait for a processor, and fill their slot soon;
/// passing costs only the order of delivery.
const TRAPS_BEFORE_PASSING: u32 = 32;

/// For as many passed holes there is room from the start.
const HOLES_EXPECTED: usize = 256;

/// What happened to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AllocationKind {
    /// It was allocated, or could not be; logged after the call.
    Alloc,
    /// It was allocated filled with zeros, or could not be; logged after the call.
    AllocZeroed,
    /// It is about to be freed; logged before the call.
    Free,
    /// It is about to be reallocated; logged before the call.
    ReallocBegin,
    /// It was reallocated, or could not be; logged after the call. The same thread's
    /// `ReallocBegin` of the same block precedes it.
    ReallocEnd,
}

/// One event of the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// What happened.
    pub kind: AllocationKind,
    /// Which function was called.
    pub function: Function,
    /// The event's place in the order of all threads' events. Unique, with gaps.
    pub sequence: u64,
    /// The thread: its thread pointer, `fs:[0]`.
    pub thread_pointer: RuntimeAddress,
    /// The block. `Free` and `ReallocBegin`: the one given. Else the result, null if the
    /// allocation failed (after which a reallocated block is still there, unless C's `realloc` was
    /// asked for no bytes, which frees it).
    pub address: RuntimeAddress,
    /// `ReallocEnd`: the block that was given. Else `None`.
    pub old_address: Option<RuntimeAddress>,
    /// Size in bytes. `Alloc`, `AllocZeroed` and `ReallocEnd`: as asked for. `Free` and
    /// `ReallocBegin`: as the caller says; `None` for C's functions, whose callers do not.
    pub size: Option<u64>,
    /// Alignment in bytes, `None` where the function is not told (`malloc`).
    pub align: Option<u64>,
    /// `ReallocBegin` and `ReallocEnd`: the size asked for, in bytes. Else `None`.
    pub new_size: Option<u64>,
    /// The address behind the call.
    pub return_address: RuntimeAddress,
    /// The stack pointer at the function's entry: there the return address lies.
    pub stack_pointer: RuntimeAddress,
}

/// What a drain did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// How many events were delivered.
    pub count: u64,
    /// How many positions were taken and their slots not filled, when the drain ended: passed ones,
    /// and the one at which it stopped.
    pub holes: u64,
    /// How many slots were full of something that is no event, since the process wrote over the
    /// ring; they were not delivered.
    pub damaged: u64,
}

/// The reader's side of the ring: there is one for a ring.
#[derive(Debug)]
pub struct Ring {
    head: NonNull<AtomicU64>,
    slots: NonNull<Slot>,
    slots_log2: u32,
    /// The next position to be read.
    next: u64,
    /// Passed positions, whose slots are still not free.
    passed: Vec<Passed>,
    fruitless_traps: u32,
}

/// A passed hole.
#[derive(Clone, Copy, Debug)]
struct Passed {
    position: u64,
    delivered: bool,
}

/// What the slot at a position is.
enum Look {
    Full,
    Skipped,
    Hole,
    /// Not taken yet.
    Empty,
}

// SAFETY: the pointers lead into memory that `from_raw`'s caller keeps valid for the ring's life on
// any thread; the ring accesses it by atomic operations, and plain ones to slots that are full,
// which no other thread touches.
unsafe impl Send for Ring {}

impl Ring {
    /// How many bytes of shared memory a ring of at least `events` events needs.
    pub const fn bytes_for(events: u32) -> u64 {
        let events = if events < 2 { 2 } else { events as u64 };
        let bytes = SLOTS_OFFSET + SLOT_BYTES * events.next_power_of_two();
        // Whole pages.
        bytes.next_multiple_of(SLOTS_OFFSET)
    }

    /// Reads the ring in the shared memory of `len` bytes at `start`, which the observed process
    /// has mapped as the ring given to [`Agent::layout`](crate::Agent::layout) with the same length.
    ///
    /// # Errors
    ///
    /// A ring too small for two events.
    ///
    /// # Safety
    ///
    /// `start` must be aligned to a page and valid for reads and writes of `len` bytes as long as
    /// the ring is used, zeroed before the observed process saw it, and read by no other `Ring`.
    pub unsafe fn from_raw(start: NonNull<u8>, len: usize) -> Result<Self, HookError> {
        let slots_log2 = slots_log2(len as u64)?;
        // SAFETY: both lie within `len` bytes, as `slots_log2` checked.
        let (head, slots) = unsafe {
            (
                start.add(HEAD_OFFSET as usize).cast(),
                start.add(SLOTS_OFFSET as usize).cast(),
            )
        };
        Ok(Self {
            head,
            slots,
            slots_log2,
            next: 0,
            // Room for more holes than there are processors on most machines, so that a reader in
            // the observed process itself does not allocate while a thread waits for it.
            passed: Vec::with_capacity(HOLES_EXPECTED),
            fruitless_traps: 0,
        })
    }

    /// How many events the ring holds before threads wait for a drain.
    pub fn capacity(&self) -> u64 {
        1 << self.slots_log2
    }

    /// How many positions are taken and not read: events, and holes.
    pub fn backlog(&self) -> u64 {
        self.head().saturating_sub(self.next)
    }

    /// Delivers the events in order, up to the first slot that is taken and not full.
    ///
    /// Delivers at most as many as the ring holds, so that it ends while threads write on.
    pub fn drain(&mut self, sink: &mut dyn FnMut(&Allocation)) -> Drained {
        let mut drained = Drained::default();
        self.deliver_late(&mut drained, sink);
        for _ in 0..self.capacity() {
            match self.look() {
                Look::Full => self.deliver_next(&mut drained, sink),
                Look::Skipped => self.skip_next(),
                Look::Empty => break,
                Look::Hole => {
                    drained.holes += 1;
                    break;
                }
            }
        }
        drained.holes += self.open_holes();
        drained
    }

    /// Delivers all events there are, passing slots that are taken and not full. What is written
    /// to a passed slot afterwards is delivered when it is there, with its own, smaller sequence,
    /// and before what the same thread writes behind it.
    ///
    /// For the end of a run, when the threads are gone and what they left unfinished stays so, and
    /// for when all threads stand still.
    pub fn drain_past_holes(&mut self, sink: &mut dyn FnMut(&Allocation)) -> Drained {
        let mut drained = Drained::default();
        self.deliver_late(&mut drained, sink);
        for _ in 0..self.capacity() {
            match self.look() {
                Look::Full => self.deliver_next(&mut drained, sink),
                Look::Skipped => self.skip_next(),
                Look::Empty => break,
                Look::Hole => self.pass_next(),
            }
        }
        drained.holes = self.open_holes();
        drained
    }

    /// Drains for a thread that stands at the drain trap, before it is continued.
    ///
    /// Passes holes when they have kept the ring full for long, as a signal handler does that fills
    /// the ring while the hook that it interrupted waits for it to return.
    pub fn drain_at_trap(&mut self, sink: &mut dyn FnMut(&Allocation)) -> Drained {
        let next = self.next;
        let drained = self.drain(sink);
        if self.next != next {
            self.fruitless_traps = 0;
            return drained;
        }
        self.fruitless_traps += 1;
        if self.fruitless_traps < TRAPS_BEFORE_PASSING {
            return drained;
        }
        self.fruitless_traps = 0;
        let passing = self.drain_past_holes(sink);
        Drained {
            count: drained.count + passing.count,
            holes: passing.holes,
            damaged: drained.damaged + passing.damaged,
        }
    }

    fn head(&self) -> u64 {
        // SAFETY: `from_raw`'s caller keeps it mapped; it is only accessed atomically.
        unsafe { self.head.as_ref() }.load(Ordering::Relaxed)
    }

    fn slot(&self, position: u64) -> NonNull<Slot> {
        let index = position & (self.capacity() - 1);
        // SAFETY: `from_raw` checked that `capacity` slots fit the memory.
        unsafe { self.slots.add(index as usize) }
    }

    fn header(&self, position: u64) -> &AtomicU64 {
        // SAFETY: the slot is mapped; its header is only accessed atomically.
        unsafe { AtomicU64::from_ptr(&raw mut (*self.slot(position).as_ptr()).header) }
    }

    fn skip(&self, position: u64) -> &AtomicU64 {
        // SAFETY: as for the header.
        unsafe { AtomicU64::from_ptr(&raw mut (*self.slot(position).as_ptr()).skip) }
    }

    fn lap(&self, position: u64) -> u32 {
        lap(position, u64::from(self.slots_log2))
    }

    /// Whether the taker of a position has filled its slot.
    fn is_full(&self, position: u64) -> bool {
        let header = self.header(position).load(Ordering::Acquire);
        (header >> 32) as u32 == self.lap(position) && header as u8 != 0
    }

    fn look(&self) -> Look {
        if self.is_full(self.next) {
            Look::Full
        } else if self.next >= self.head() {
            // Before the skip word: a position to be skipped must be taken first, since its slot
            // is made free for the lap behind it when the reader moves on.
            Look::Empty
        } else if self.next < self.skip(self.next).load(Ordering::Relaxed) {
            Look::Skipped
        } else {
            Look::Hole
        }
    }

    fn deliver_next(&mut self, drained: &mut Drained, sink: &mut dyn FnMut(&Allocation)) {
        if !self.passed.is_empty() {
            // If a thread filled a passed slot and then this one, both are seen to be full here:
            // the events of a thread come in its order.
            self.deliver_late(drained, sink);
        }
        let position = self.next;
        self.next += 1;
        self.deliver(position, drained, sink);
        let free = free_header(self.lap(position).wrapping_add(1));
        self.header(position).store(free, Ordering::Release);
    }

    /// Moves past a hole, and announces that its slot is to be left alone in the next lap.
    fn pass_next(&mut self) {
        let position = self.next;
        self.next += 1;
        self.skip_next_lap(position);
        self.passed.push(Passed {
            position,
            delivered: false,
        });
    }

    /// Moves past a position whose taker left its slot alone. If the slot's writer is done with it,
    /// it is free for the next lap, else it is to be left alone in that one too.
    fn skip_next(&mut self) {
        let position = self.next;
        self.next += 1;
        let mask = self.capacity() - 1;
        let same_slot = |passed: &Passed| (passed.position ^ position) & mask == 0;
        let done = self
            .passed
            .iter()
            .position(|passed| same_slot(passed) && passed.delivered);
        if let Some(index) = done {
            self.passed.swap_remove(index);
            self.skip(position).store(0, Ordering::Release);
            let free = free_header(self.lap(position).wrapping_add(1));
            self.header(position).store(free, Ordering::Release);
        } else {
            self.skip_next_lap(position);
        }
    }

    /// Announces that the slot of a position is to be left alone in the lap behind it.
    fn skip_next_lap(&self, position: u64) {
        let next = position.wrapping_add(self.capacity());
        self.skip(position)
            .store(next.wrapping_add(1), Ordering::Release);
    }

    /// Delivers what was written to passed slots.
    fn deliver_late(&mut self, drained: &mut Drained, sink: &mut dyn FnMut(&Allocation)) {
        for index in 0..self.passed.len() {
            let passed = self.passed[index]; // `index` is below the length, which stays.
            if !passed.delivered && self.is_full(passed.position) {
                self.deliver(passed.position, drained, sink);
                self.passed[index].delivered = true;
            }
        }
    }

    fn open_holes(&self) -> u64 {
        self.passed
            .iter()
            .filter(|passed| !passed.delivered)
            .count() as u64
    }

    /// Delivers the full slot of a position, unless it holds no event.
    #[inline]
    fn deliver(&self, position: u64, drained: &mut Drained, sink: &mut dyn FnMut(&Allocation)) {
        let slot = self.slot(position).as_ptr();
        // SAFETY: the slot is mapped, and its fields are valid whatever their bytes. Volatile, since
        // a process gone wrong may write over it at any time.
        let slot = unsafe {
            Slot {
                header: (&raw const (*slot).header).read_volatile(),
                skip: 0,
                thread_pointer: (&raw const (*slot).thread_pointer).read_volatile(),
                address: (&raw const (*slot).address).read_volatile(),
                size: (&raw const (*slot).size).read_volatile(),
                extra: (&raw const (*slot).extra).read_volatile(),
                return_address: (&raw const (*slot).return_address).read_volatile(),
                stack_pointer: (&raw const (*slot).stack_pointer).read_volatile(),
            }
        };
        match decode(&slot, position) {
            Some(allocation) => {
                drained.count += 1;
                sink(&allocation);
            }
            None => drained.damaged += 1,
        }
    }
}

/// What a slot says; `None` if it makes no sense.
// Inlined: moving the event once more takes longer than all the rest.
#[inline(always)]
fn decode(slot: &Slot, sequence: u64) -> Option<Allocation> {
    let [kind, align_log2, function, _, ..] = slot.header.to_le_bytes();
    let function = *Function::ALL.get(usize::from(function))?;
    let zeroed = matches!(function, Function::AllocZeroed | Function::CCalloc);
    let kind = match kind {
        KIND_ALLOCATED if zeroed => AllocationKind::AllocZeroed,
        KIND_ALLOCATED => AllocationKind::Alloc,
        KIND_FREED => AllocationKind::Free,
        KIND_REALLOC_BEGIN => AllocationKind::ReallocBegin,
        KIND_REALLOC_END => AllocationKind::ReallocEnd,
        _ => return None,
    };
    let align = match align_log2 {
        UNKNOWN_ALIGN => None,
        log2 => Some(1u64.checked_shl(u32::from(log2))?),
    };
    let caller_tells_size = matches!(function, Function::Dealloc | Function::Realloc);
    let sized = match kind {
        AllocationKind::Free | AllocationKind::ReallocBegin => caller_tells_size,
        _ => true,
    };
    Some(Allocation {
        kind,
        function,
        sequence,
        thread_pointer: RuntimeAddress(slot.thread_pointer),
        address: RuntimeAddress(slot.address),
        old_address: (kind == AllocationKind::ReallocEnd).then_some(RuntimeAddress(slot.extra)),
        size: sized.then_some(slot.size),
        align,
        new_size: match kind {
            AllocationKind::ReallocBegin => Some(slot.extra),
            AllocationKind::ReallocEnd => Some(slot.size),
            _ => None,
        },
        return_address: RuntimeAddress(slot.return_address),
        stack_pointer: RuntimeAddress(slot.stack_pointer),
    })
}

#[cfg(test)]
mod tests {
    //! Writers here are state machines that do what `agent/agent.rs` does, one access to shared
    //! memory a step, so that every order of steps of writers and reader can be gone through.

    use std::collections::HashSet;

    use super::*;
    use crate::protocol::{Turn, full_header, turn};

    const SLOTS: usize = 2;
    const WORDS: usize = (SLOTS_OFFSET + SLOTS as u64 * SLOT_BYTES) as usize / 8;

    #[repr(C, align(64))]
    struct Memory([u64; WORDS]);

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    enum Step {
        Take,
        LookAtOnce(u64),
        LookAtSkip(u64),
        LookAtHeader(u64, u64),
        FillFirst(u64),
        FillSecond(u64),
        Commit(u64),
    }

    /// A thread that writes the events `first..end`, and has written those before `next`.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Writer {
        first: u64,
        next: u64,
        end: u64,
        step: Step,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    enum Seen {
        Nothing,
        Full,
        Skipped,
        Hole,
    }

    /// Everything, so that it can be gone back to.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct World {
        head: u64,
        slots: Vec<[u64; 8]>,
        writers: Vec<Writer>,
        next: u64,
        passed: Vec<(u64, bool)>,
        seen: Seen,
        /// By event: how often it was delivered.
        delivered: Vec<u8>,
    }

    #[derive(Clone, Copy, Debug)]
    enum Action {
        Write(usize),
        Look,
        Act,
        Pass,
        DeliverLate,
    }

    struct Stage {
        memory: Box<Memory>,
        ring: Ring,
    }

    impl Stage {
        fn new() -> Self {
            let mut memory = Box::new(Memory([0; WORDS]));
            let start = NonNull::from(&mut memory.0).cast();
            // SAFETY: the box lives as long as the ring, in `Self`.
            let ring = unsafe { Ring::from_raw(start, 8 * WORDS) }.unwrap();
            assert_eq!(ring.capacity(), SLOTS as u64);
            Self { memory, ring }
        }

        fn set(&mut self, world: &World) {
            let slots = SLOTS_OFFSET as usize / 8;
            self.memory.0[0] = world.head;
            self.memory.0[slots..].copy_from_slice(world.slots.as_flattened());
            self.ring.next = world.next;
            let passed = |&(position, delivered)| Passed {
                position,
                delivered,
            };
            self.ring.passed = world.passed.iter().map(passed).collect();
            self.ring.fruitless_traps = 0;
        }

        fn get(&self, world: &mut World) {
            let slots = SLOTS_OFFSET as usize / 8;
            world.head = self.memory.0[0];
            world.slots = self.memory.0[slots..].as_chunks().0.to_vec();
            world.next = self.ring.next;
            let passed = |passed: &Passed| (passed.position, passed.delivered);
            world.passed = self.ring.passed.iter().map(passed).collect();
        }

        /// Does one step; `None` if there is nothing to do.
        fn apply(&mut self, world: &World, action: Action) -> Option<World> {
            let mut after = world.clone();
            match action {
                Action::Write(writer) => {
                    write(&mut after, writer).then_some(())?;
                    return Some(after);
                }
                Action::Look => {
                    self.set(world);
                    after.seen = match self.ring.look() {
                        Look::Empty => Seen::Nothing,
                        Look::Full => Seen::Full,
                        Look::Skipped => Seen::Skipped,
                        Look::Hole => Seen::Hole,
                    };
                    return (after.seen != world.seen).then_some(after);
                }
                Action::Act | Action::Pass | Action::DeliverLate => self.set(world),
            }
            let delivered = &mut after.delivered;
            let mut drained = Drained::default();
            let mut sink = |event: &Allocation| count(delivered, &world.writers, event);
            match (action, world.seen) {
                (Action::Act, Seen::Full) => self.ring.deliver_next(&mut drained, &mut sink),
                (Action::Act, Seen::Skipped) => self.ring.skip_next(),
                (Action::Pass, Seen::Hole) => self.ring.pass_next(),
                (Action::DeliverLate, _) if !world.passed.is_empty() => {
                    self.ring.deliver_late(&mut drained, &mut sink);
                }
                _ => return None,
            }
            assert_eq!(drained.damaged, 0);
            if !matches!(action, Action::DeliverLate) {
                after.seen = Seen::Nothing;
            }
            self.get(&mut after);
            (after != *world).then_some(after)
        }

        fn drain_past_holes(&mut self, world: &mut World) {
            self.set(world);
            let delivered = &mut world.delivered;
            let writers = &world.writers;
            self.ring
                .drain_past_holes(&mut |event| count(delivered, writers, event));
            world.seen = Seen::Nothing;
            self.get(world);
        }
    }

    fn count(delivered: &mut [u8], writers: &[Writer], event: &Allocation) {
        // Both halves are of one event.
        assert_eq!(Some(event.address.0 * 2), event.size);
        let starts = writers.iter().any(|writer| writer.first == event.address.0);
        let follows = || delivered[event.address.0 as usize - 1] == 1;
        assert!(starts || follows(), "{event:?} came before its predecessor");
        let times = &mut delivered[event.address.0 as usize];
        *times += 1;
        assert_eq!(*times, 1, "{event:?} came twice");
    }

    /// One step of a writer; false if it has nothing to do.
    fn write(world: &mut World, index: usize) -> bool {
        let writer = &mut world.writers[index];
        if writer.next == writer.end {
            return false;
        }
        let slot = |position: u64| position as usize % SLOTS;
        let lap = |position: u64| (position / SLOTS as u64) as u32;
        writer.step = match writer.step {
            Step::Take => {
                world.head += 1;
                Step::LookAtOnce(world.head - 1)
            }
            Step::LookAtOnce(position) => {
                if world.slots[slot(position)][0] == free_header(lap(position)) {
                    Step::FillFirst(position)
                } else {
                    Step::LookAtSkip(position)
                }
            }
            Step::LookAtSkip(position) => {
                Step::LookAtHeader(position, world.slots[slot(position)][1])
            }
            Step::LookAtHeader(position, skip) => {
                let header = world.slots[slot(position)][0];
                match turn(position, lap(position), skip, header) {
                    Turn::Own => Step::FillFirst(position),
                    Turn::Gone => Step::Take,
                    Turn::Wait => Step::LookAtSkip(position),
                }
            }
            Step::FillFirst(position) => {
                world.slots[slot(position)][3] = writer.next;
                Step::FillSecond(position)
            }
            Step::FillSecond(position) => {
                world.slots[slot(position)][4] = writer.next * 2;
                Step::Commit(position)
            }
            Step::Commit(position) => {
                let header = full_header(lap(position), Function::Alloc, KIND_ALLOCATED, 3);
                world.slots[slot(position)][0] = header;
                writer.next += 1;
                Step::Take
            }
        };
        true
    }

    fn world(events: &[u64]) -> World {
        let mut writers = Vec::new();
        let mut total = 0;
        for count in events {
            writers.push(Writer {
                first: total,
                next: total,
                end: total + count,
                step: Step::Take,
            });
            total += count;
        }
        World {
            head: 0,
            slots: vec![[0; 8]; SLOTS],
            writers,
            next: 0,
            passed: Vec::new(),
            seen: Seen::Nothing,
            delivered: vec![0; total as usize],
        }
    }

    /// Goes through all states that any order of steps leads to. In each: no event came twice or
    /// torn; each writer can finish while all others stand still, unless they hold all slots; and
    /// what was written then is delivered. States with more than `positions` positions taken are
    /// not gone into: while the others hold all slots, a writer takes positions for ever.
    fn explore(events: &[u64], positions: u64) -> usize {
        let mut stage = Stage::new();
        let mut known = HashSet::new();
        let mut pending = vec![world(events)];
        while let Some(world) = pending.pop() {
            if world.head > positions || known.contains(&world) {
                continue;
            }
            let writes = (0..world.writers.len()).map(Action::Write);
            let reads = [Action::Look, Action::Act, Action::Pass, Action::DeliverLate];
            for action in writes.chain(reads) {
                let after = stage.apply(&world, action);
                pending.extend(after.filter(|after| !known.contains(after)));
            }
            for writer in 0..world.writers.len() {
                finish_alone(&mut stage, world.clone(), writer);
            }
            known.insert(world);
        }
        known.len()
    }

    fn finish_alone(stage: &mut Stage, mut world: World, alone: usize) {
        let others = || {
            world
                .writers
                .iter()
                .enumerate()
                .filter(|&(index, _)| index != alone)
        };
        if others()
            .filter(|(_, writer)| writer.step != Step::Take)
            .count()
            >= SLOTS
        {
            return;
        }
        for _ in 0..200 {
            if matches!(world.writers[alone].step, Step::LookAtSkip(_)) {
                stage.drain_past_holes(&mut world);
            }
            if !write(&mut world, alone) {
                break;
            }
        }
        assert_eq!(
            world.writers[alone].next, world.writers[alone].end,
            "a writer hangs: {world:?}"
        );
        for _ in 0..20 {
            let before = world.clone();
            stage.drain_past_holes(&mut world);
            if before == world {
                break;
            }
        }
        for writer in &world.writers {
            for event in writer.first..writer.end {
                let times = u8::from(event < writer.next);
                assert_eq!(
                    world.delivered[event as usize], times,
                    "event {event} of {world:?}"
                );
            }
        }
    }

    #[test]
    fn every_order_of_steps() {
        let states = [
            explore(&[1, 3], 6),
            explore(&[2, 2], 5),
            explore(&[1, 1, 1], 5),
        ];
        assert!(states.iter().all(|&count| count > 1000));
    }
}
