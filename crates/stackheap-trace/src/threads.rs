//! The threads of the observed process and their frames.

use std::collections::BTreeMap;

use stackheap_model::{
    FrameId, FunctionId, RuntimeAddress, SiteId, StatementId, StepNumber, StopNumber, ThreadId,
};

use crate::blocks::BlockEntry;
use crate::records::{AddressRange, Registers};

/// A call of user code in progress, as its last stop showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameEntry {
    /// Its number, unique in the recording.
    pub frame: FrameId,
    /// The function.
    pub function: FunctionId,
    /// The canonical frame address: the address just above the return address.
    pub cfa: RuntimeAddress,
    /// The site passed last in this frame.
    pub site: SiteId,
    /// The statement of that site.
    pub statement: StatementId,
    /// The step of that site.
    pub step: StepNumber,
    /// The stop at that site.
    pub stop: StopNumber,
    /// The registers at that stop.
    pub registers: Registers,
    /// The first step in this frame.
    pub entered_step: StepNumber,
    /// The first stop in this frame.
    pub entered_stop: StopNumber,
    /// The step of the frame below, which this call is part of; `None` for the outermost frame.
    pub parent_step: Option<StepNumber>,
    /// How many frames of user code were below when it was entered.
    pub depth: u32,
    /// The stack it lies on.
    pub segment: StackSegment,
    /// The sites passed in this step: one passed again begins the next round of a loop.
    pub(crate) round: Vec<SiteId>,
}

/// A stack that a thread runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StackSegment {
    /// The thread's own.
    Thread,
    /// Another one, such as a coroutine's or that of a signal handler: the mapping with this first
    /// address.
    Region(RuntimeAddress),
    /// Another one, of which no mapping is known.
    Elsewhere,
}

/// The frames of a stack that is not running at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedFrames {
    /// The stack.
    pub segment: StackSegment,
    /// Its frames, outermost first.
    pub frames: Vec<FrameEntry>,
}

/// A reallocation that began and has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRealloc {
    /// Where the block is.
    pub address: RuntimeAddress,
    /// The alignment as the caller stated it.
    pub align: Option<u64>,
    /// The size asked for, in bytes.
    pub new_size: u64,
    /// Where the call returns to.
    pub return_address: RuntimeAddress,
    /// The stack pointer at the call.
    pub stack_pointer: RuntimeAddress,
    /// The block, when another thread was given its address meanwhile; otherwise it is still among
    /// the live blocks.
    pub displaced: Option<BlockEntry>,
}

/// A thread, as far as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadState {
    /// Its number.
    pub id: ThreadId,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The system's number of it; 0 when its start was not recorded.
    pub os_id: u32,
    /// The lowest address its stack may use; 0 together with `stack_high` when not known.
    pub stack_low: RuntimeAddress,
    /// The address above its stack.
    pub stack_high: RuntimeAddress,
    /// How large the stack may become, in bytes; `None` when not known.
    pub limit: Option<u64>,
    /// The thread pointer.
    pub thread_pointer: RuntimeAddress,
    /// Whether it has ended.
    pub ended: bool,
    /// The frames of user code, outermost first: those of the thread's own stack, then those of the
    /// other stack it runs on now, if any.
    pub frames: Vec<FrameEntry>,
    /// The frames of stacks it ran on before and may return to.
    pub parked: Vec<ParkedFrames>,
    /// Its last stop.
    pub last_stop: Option<StopNumber>,
    /// The step of its last stop.
    pub last_step: Option<StepNumber>,
    /// The most bytes of its own stack that were in use at a stop or an allocation.
    pub high_water: u64,
    /// The lowest stack pointer seen on its own stack; `None` before the first.
    pub lowest_stack_pointer: Option<RuntimeAddress>,
    /// The part of the stack whose bytes were current at its last stop.
    pub captured: AddressRange,
    /// How many panics began to unwind it.
    pub unwinds: u64,
    /// A reallocation in progress.
    pub pending_realloc: Option<PendingRealloc>,
}

impl ThreadState {
    /// A thread of which nothing is known yet.
    pub(crate) fn new(id: ThreadId) -> Self {
        Self {
            id,
            name: None,
            os_id: 0,
            stack_low: RuntimeAddress(0),
            stack_high: RuntimeAddress(0),
            limit: None,
            thread_pointer: RuntimeAddress(0),
            ended: false,
            frames: Vec::new(),
            parked: Vec::new(),
            last_stop: None,
            last_step: None,
            high_water: 0,
            lowest_stack_pointer: None,
            captured: AddressRange::default(),
            unwinds: 0,
            pending_realloc: None,
        }
    }

    /// The innermost frame of user code.
    pub fn top(&self) -> Option<&FrameEntry> {
        self.frames.last()
    }

    /// Whether `address` lies on the thread's own stack. Everything does while its bounds are not
    /// known.
    pub fn is_on_stack(&self, address: RuntimeAddress) -> bool {
        if self.stack_high.0 == 0 {
            return true;
        }
        // The main thread's stack grows on demand: what is mapped is less than what it may use.
        let low = match self.limit {
            Some(limit) => self
                .stack_low
                .0
                .min(self.stack_high.0.saturating_sub(limit)),
            None => self.stack_low.0,
        };
        low <= address.0 && address.0 <= self.stack_high.0
    }

    /// Notes how far down the stack was in use.
    pub(crate) fn note_stack_pointer(&mut self, stack_pointer: RuntimeAddress) {
        if !self.is_on_stack(stack_pointer) || stack_pointer.0 == 0 {
            return;
        }
        if self
            .lowest_stack_pointer
            .is_none_or(|lowest| stack_pointer < lowest)
        {
            self.lowest_stack_pointer = Some(stack_pointer);
        }
        if self.stack_high.0 != 0 {
            let used = self.stack_high.0.saturating_sub(stack_pointer.0);
            self.high_water = self.high_water.max(used);
        }
    }
}

/// The threads, by number. Ended threads stay, without frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Threads {
    by_number: BTreeMap<ThreadId, ThreadState>,
}

impl Threads {
    /// The thread of this number.
    pub fn get(&self, id: ThreadId) -> Option<&ThreadState> {
        self.by_number.get(&id)
    }

    /// All threads, by number.
    pub fn iter(&self) -> impl Iterator<Item = &ThreadState> {
        self.by_number.values()
    }

    /// How many there are, ended ones included.
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// The thread of this number for changing, made when it is not there; `on_new` is called then.
    pub(crate) fn entry(&mut self, id: ThreadId, on_new: impl FnOnce()) -> &mut ThreadState {
        self.by_number.entry(id).or_insert_with(|| {
            on_new();
            ThreadState::new(id)
        })
    }

    /// Puts a thread in its place.
    pub(crate) fn insert(&mut self, thread: ThreadState) {
        self.by_number.insert(thread.id, thread);
    }

    /// The thread of this number for changing.
    pub(crate) fn get_mut(&mut self, id: ThreadId) -> Option<&mut ThreadState> {
        self.by_number.get_mut(&id)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut ThreadState> {
        self.by_number.values_mut()
    }
}
