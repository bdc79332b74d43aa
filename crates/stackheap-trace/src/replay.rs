//! The state of the observed process as far as recorded: a fold over records.
//!
//! Pure, and the same code in the writer and in the reader, so that what the recorder compares with
//! is what a reader will see.

use std::sync::Arc;

use stackheap_model::{
    BlockId, FrameId, LoadBias, OutputStream, RuntimeAddress, SiteTable, StepNumber, StopNumber,
    ThreadId,
};

use crate::blocks::{AllocatingCall, BlockCapture, BlockEntry, Blocks, Moment};
use crate::grouping::{self, Numbers, StopHead};
use crate::memory::Memory;
use crate::records::{
    AddressRange, Fill, Limit, MapRegion, Outcome, Record, Registers, Sequence, StopRef,
};
use crate::threads::{FrameEntry, PendingRealloc, ThreadState, Threads};

/// How many limits are kept in the state; a recorder reaches a handful.
const LIMITS_KEPT: usize = 4096;

/// How many bytes the program has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OutputLengths {
    /// To standard output.
    pub stdout: u64,
    /// To standard error.
    pub stderr: u64,
    /// To what the test harness captured.
    pub captured: u64,
}

impl OutputLengths {
    /// How many bytes went to `stream`.
    pub fn of(&self, stream: OutputStream) -> u64 {
        match stream {
            OutputStream::Stdout => self.stdout,
            OutputStream::Stderr => self.stderr,
            OutputStream::Captured => self.captured,
        }
    }

    fn add(&mut self, stream: OutputStream, bytes: u64) {
        let length = match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
            OutputStream::Captured => &mut self.captured,
        };
        *length = length.saturating_add(bytes);
    }
}

/// What was counted up to a moment of a recording, or in all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records of any kind.
    pub records: u64,
    /// Stops.
    pub stops: u64,
    /// Steps.
    pub steps: u64,
    /// Frames of user code.
    pub frames: u64,
    /// Threads.
    pub threads: u64,
    /// Blocks that were allocated, those of reallocations of unseen blocks included.
    pub allocations: u64,
    /// Live blocks that were freed.
    pub frees: u64,
    /// Reallocations that ended with a block.
    pub reallocations: u64,
    /// Reallocations that failed.
    pub failed_reallocations: u64,
    /// Frees of addresses where no live block begins.
    pub unknown_frees: u64,
    /// Live blocks that another block was allocated over, without a free that was seen.
    pub displaced_blocks: u64,
    /// Bytes asked for in all allocations and, beyond the old size, reallocations.
    pub bytes_allocated: u64,
    /// Bytes in live blocks now.
    pub live_bytes: u64,
    /// Live blocks now.
    pub live_blocks: u64,
    /// The most bytes in live blocks at any moment.
    pub peak_live_bytes: u64,
    /// The most live blocks at any moment.
    pub peak_live_blocks: u64,
    /// The most live blocks at a stop.
    pub most_live_blocks: u64,
    /// The step of the first stop with that many; `None` when no stop had a live block.
    pub step_with_most_live_blocks: Option<StepNumber>,
    /// That stop.
    pub stop_with_most_live_blocks: Option<StopNumber>,
    /// Bytes of memory captured at stops.
    pub bytes_captured: u64,
    /// Panics that began to unwind a thread.
    pub unwinds: u64,
    /// Signals.
    pub signals: u64,
    /// Children that were not recorded.
    pub forks: u64,
    /// Times the process replaced its program.
    pub execs: u64,
    /// Output.
    pub output: OutputLengths,
}

/// What applying a stop did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedStop {
    /// The stop's number.
    pub stop: StopNumber,
    /// The step it belongs to.
    pub step: StepNumber,
    /// Whether it is the first stop of that step.
    pub new_step: bool,
    /// The frame it began, when it is the first stop of a call.
    pub pushed: Option<FrameId>,
    /// The frames that turned out to have returned, innermost first.
    pub popped: Vec<FrameEntry>,
}

/// What applying a record did, beyond what the record itself says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// A stop was grouped.
    Stop(AppliedStop),
    /// A block is live.
    Allocated {
        /// Its number.
        block: BlockId,
        /// Blocks in its place that were live until now: allocated again without a free that was
        /// seen.
        displaced: Vec<BlockEntry>,
    },
    /// A reallocation began.
    ReallocBegun {
        /// The block; `None` when no live block begins there.
        block: Option<BlockId>,
    },
    /// A reallocation ended with a block.
    Reallocated {
        /// The block: the same number as before where the old one was known.
        block: BlockId,
        /// How it was before; `None` when its allocation was not seen.
        before: Option<BlockEntry>,
        /// Blocks in its new place that were live until now.
        displaced: Vec<BlockEntry>,
    },
    /// A reallocation failed, or ended without a beginning that was seen.
    NotReallocated {
        /// The block that stays; `None` when it is not known.
        block: Option<BlockId>,
    },
    /// A block is no longer live.
    Freed {
        /// The block as it was; `None` when no live block begins at the address.
        block: Option<BlockEntry>,
    },
    /// A thread ended or the program was replaced.
    Left {
        /// The frames that are gone, innermost first.
        popped: Vec<FrameEntry>,
        /// The blocks that are gone with the replaced program.
        blocks: Vec<BlockEntry>,
    },
    /// Nothing beyond what the record says.
    Noted,
}

impl Applied {
    /// What a stop did; `None` for other records.
    pub fn stop(&self) -> Option<&AppliedStop> {
        match self {
            Applied::Stop(stop) => Some(stop),
            _ => None,
        }
    }
}

/// The state of the observed process as far as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayState {
    /// The sites that stops name.
    pub table: Arc<SiteTable>,
    /// The threads, with their frames.
    pub threads: Threads,
    /// The memory, as far as captured. Bytes that are not current any more stay until something
    /// else is known of them: who reads must know from `captured`, from the block's `as_of` and
    /// from the records what they are worth. The bytes of a block are forgotten when another block
    /// is allocated over them, not when it is freed.
    pub memory: Memory,
    /// The live blocks.
    pub blocks: Blocks,
    /// Where the executable was loaded; `None` until that is recorded.
    pub bias: Option<LoadBias>,
    /// The mappings as read last, by address; empty until they are recorded.
    pub regions: Arc<[MapRegion]>,
    /// What was counted so far.
    pub totals: Totals,
    /// The limits that were reached so far, each with the record that says so.
    pub limits: Vec<(Sequence, Limit)>,
    /// How long the program had run at the last word about it, in nanoseconds.
    pub elapsed_ns: u64,
    /// How the run ended; `None` before that is recorded.
    pub outcome: Option<Outcome>,
}

impl ReplayState {
    /// The state before the first record.
    pub fn new(table: Arc<SiteTable>) -> Self {
        Self {
            table,
            threads: Threads::default(),
            memory: Memory::default(),
            blocks: Blocks::default(),
            bias: None,
            regions: Arc::from([]),
            totals: Totals::default(),
            limits: Vec::new(),
            elapsed_ns: 0,
            outcome: None,
        }
    }

    /// The last stop so far; 0 before the first.
    pub fn last_stop(&self) -> StopNumber {
        StopNumber(self.totals.stops)
    }

    /// The place of the next record in the global order.
    pub fn next_sequence(&self) -> Sequence {
        Sequence(self.totals.records)
    }

    /// Takes one record in.
    pub fn apply(&mut self, record: &Record) -> Applied {
        if let Record::Stop(stop) = record {
            let patches = stop
                .patches
                .iter()
                .map(|patch| (patch.address, &*patch.bytes));
            let head = Passing {
                thread: stop.thread,
                site: stop.site,
                registers: &stop.registers,
                captured: stop.captured,
            };
            return Applied::Stop(self.pass(&head, patches));
        }
        self.totals.records = self.totals.records.saturating_add(1);
        self.apply_other(record)
    }

    /// Takes a stop in the borrowed form in.
    pub fn apply_stop(&mut self, stop: &StopRef<'_>) -> AppliedStop {
        let head = Passing {
            thread: stop.thread,
            site: stop.site,
            registers: &stop.registers,
            captured: stop.captured,
        };
        self.pass(&head, stop.patches())
    }

    fn pass<'a>(
        &mut self,
        passing: &Passing<'_>,
        patches: impl Iterator<Item = (RuntimeAddress, &'a [u8])>,
    ) -> AppliedStop {
        let totals = &mut self.totals;
        totals.records = totals.records.saturating_add(1);
        totals.stops = totals.stops.saturating_add(1);
        for (address, bytes) in patches {
            self.memory.write(address, bytes);
            totals.bytes_captured = totals.bytes_captured.saturating_add(bytes.len() as u64);
        }
        let stop = StopNumber(totals.stops);
        let registers = Registers::new(passing.registers.values, passing.registers.known);
        let thread = thread_entry(&mut self.threads, totals, passing.thread);
        let head = StopHead {
            site: passing.site,
            registers: &registers,
            stop,
        };
        let mut numbers = Numbers {
            steps: &mut totals.steps,
            frames: &mut totals.frames,
        };
        let grouped = grouping::group(&self.table, &self.regions, thread, &head, &mut numbers);
        thread.last_stop = Some(stop);
        thread.last_step = Some(grouped.step);
        thread.captured = passing.captured;
        if let Some(stack_pointer) = registers.stack_pointer() {
            thread.note_stack_pointer(stack_pointer);
        }
        if totals.live_blocks > totals.most_live_blocks {
            totals.most_live_blocks = totals.live_blocks;
            totals.step_with_most_live_blocks = Some(grouped.step);
            totals.stop_with_most_live_blocks = Some(stop);
        }
        AppliedStop {
            stop,
            step: grouped.step,
            new_step: grouped.new_step,
            pushed: grouped.pushed,
            popped: grouped.popped,
        }
    }

    fn apply_other(&mut self, record: &Record) -> Applied {
        match record {
            // `apply` takes stops itself.
            Record::Stop(_) => {}
            Record::Alloc {
                thread,
                address,
                size,
                align,
                fill,
                return_address,
                stack_pointer,
            } => {
                let call = Call {
                    thread: *thread,
                    return_address: *return_address,
                    stack_pointer: *stack_pointer,
                };
                return self.allocate(&call, *address, *size, *align, *fill);
            }
            Record::ReallocBegin {
                thread,
                address,
                old_size: _,
                align,
                new_size,
                return_address,
                stack_pointer,
            } => {
                let pending = PendingRealloc {
                    address: *address,
                    align: *align,
                    new_size: *new_size,
                    return_address: *return_address,
                    stack_pointer: *stack_pointer,
                    displaced: None,
                };
                return self.begin_reallocation(*thread, pending);
            }
            Record::ReallocEnd { thread, address } => {
                return self.end_reallocation(*thread, *address);
            }
            Record::Free {
                thread,
                address,
                return_address: _,
                stack_pointer,
            } => {
                self.thread(*thread).note_stack_pointer(*stack_pointer);
                return self.free(*address);
            }
            Record::Output {
                thread: _,
                stream,
                bytes,
            } => {
                self.totals.output.add(*stream, bytes.len() as u64);
            }
            Record::ThreadStart { .. } => self.start_thread(record),
            Record::ThreadName { thread, name } => {
                self.thread(*thread).name = Some(name.clone());
            }
            Record::ThreadEnd { thread } => return self.end_thread(*thread),
            Record::Unwind { thread } => {
                self.totals.unwinds = self.totals.unwinds.saturating_add(1);
                let thread = self.thread(*thread);
                thread.unwinds = thread.unwinds.saturating_add(1);
            }
            Record::Signal { .. } => {
                self.totals.signals = self.totals.signals.saturating_add(1);
            }
            Record::Tracked { address } => {
                let now = self.last_stop();
                if let Some(block) = self.blocks.at_mut(*address) {
                    block.track(now);
                }
            }
            Record::Untracked { address, why } => {
                let now = self.last_stop();
                if let Some(block) = self.blocks.at_mut(*address) {
                    block.untrack(now, *why);
                }
            }
            Record::Loaded { bias } => self.bias = Some(*bias),
            Record::Map { regions } => {
                let mut regions = regions.clone();
                regions.sort_by_key(|region| region.low);
                self.regions = regions.into();
            }
            Record::Clock { elapsed_ns } => self.elapsed_ns = *elapsed_ns,
            Record::Limit(limit) => {
                if self.limits.len() < LIMITS_KEPT {
                    let sequence = Sequence(self.totals.records.saturating_sub(1));
                    self.limits.push((sequence, limit.clone()));
                }
            }
            Record::Exec { thread, path: _ } => return self.replace_program(*thread),
            Record::Fork { .. } => self.totals.forks = self.totals.forks.saturating_add(1),
            Record::Outcome(outcome) => self.outcome = Some(outcome.clone()),
        }
        Applied::Noted
    }

    fn thread(&mut self, id: ThreadId) -> &mut ThreadState {
        thread_entry(&mut self.threads, &mut self.totals, id)
    }

    fn allocate(
        &mut self,
        call: &Call,
        address: RuntimeAddress,
        size: u64,
        align: Option<u64>,
        fill: Fill,
    ) -> Applied {
        let call = AllocatingCall {
            thread: call.thread,
            moment: self.moment_of(call),
            return_address: call.return_address,
            stack_pointer: call.stack_pointer,
            align,
            fill,
        };
        let id = self.next_block();
        self.totals.bytes_allocated = self.totals.bytes_allocated.saturating_add(size);
        let block = BlockEntry::new(id, address, size, &call);
        self.memory.forget(address, size);
        let displaced = self.insert(block);
        Applied::Allocated {
            block: id,
            displaced,
        }
    }

    fn begin_reallocation(&mut self, thread: ThreadId, pending: PendingRealloc) -> Applied {
        let address = pending.address;
        let state = self.thread(thread);
        state.note_stack_pointer(pending.stack_pointer);
        let abandoned = state.pending_realloc.replace(pending);
        if let Some(abandoned) = abandoned {
            self.settle(abandoned);
        }
        let block = self.blocks.at_mut(address).map(|block| {
            block.reallocating = Some(thread);
            block.id
        });
        Applied::ReallocBegun { block }
    }

    fn end_reallocation(&mut self, thread: ThreadId, to: Option<RuntimeAddress>) -> Applied {
        let Some(mut pending) = self.thread(thread).pending_realloc.take() else {
            return Applied::NotReallocated { block: None };
        };
        let Some(to) = to else {
            self.totals.failed_reallocations = self.totals.failed_reallocations.saturating_add(1);
            return Applied::NotReallocated {
                block: self.settle(pending),
            };
        };
        let before = match pending.displaced.take() {
            Some(block) => Some(block),
            None => self.take_reallocating(thread, pending.address),
        };
        self.totals.reallocations = self.totals.reallocations.saturating_add(1);
        let Some(mut before) = before else {
            let call = Call {
                thread,
                return_address: pending.return_address,
                stack_pointer: pending.stack_pointer,
            };
            let applied = self.allocate(
                &call,
                to,
                pending.new_size,
                pending.align,
                Fill::Uninitialised,
            );
            return match applied {
                Applied::Allocated { block, displaced } => Applied::Reallocated {
                    block,
                    before: None,
                    displaced,
                },
                other => other,
            };
        };
        before.reallocating = None;
        let displaced = self.move_block(&before, to, pending.new_size);
        Applied::Reallocated {
            block: before.id,
            before: Some(before),
            displaced,
        }
    }

    /// Makes the reallocated form of a block live, and forgets what its bytes are where they are
    /// not the old ones. Those that moved are not copied: they were not read there.
    fn move_block(
        &mut self,
        before: &BlockEntry,
        to: RuntimeAddress,
        size: u64,
    ) -> Vec<BlockEntry> {
        let grown = size.saturating_sub(before.size);
        self.totals.bytes_allocated = self.totals.bytes_allocated.saturating_add(grown);
        let stays = to == before.address;
        let kept = if stays { before.size.min(size) } else { 0 };
        self.memory.forget(to.offset(kept), size - kept);
        let mut after = before.clone();
        after.address = to;
        after.size = size;
        after.reallocations = after.reallocations.saturating_add(1);
        if !stays {
            after.set_capture(BlockCapture::default());
        }
        self.insert(after)
    }

    /// The block that `thread` reallocates at `address`, taken out.
    fn take_reallocating(
        &mut self,
        thread: ThreadId,
        address: RuntimeAddress,
    ) -> Option<BlockEntry> {
        // Freed and allocated again while the reallocation was in progress: another block.
        if self.blocks.at(address)?.reallocating != Some(thread) {
            return None;
        }
        let block = self.blocks.remove(address)?;
        self.count_out(&block);
        Some(block)
    }

    /// Ends a reallocation without effect. Gives the block that stays.
    fn settle(&mut self, mut pending: PendingRealloc) -> Option<BlockId> {
        if let Some(mut block) = pending.displaced.take() {
            block.reallocating = None;
            let id = block.id;
            self.insert(block);
            return Some(id);
        }
        let block = self.blocks.at_mut(pending.address)?;
        block.reallocating = None;
        Some(block.id)
    }

    fn free(&mut self, address: RuntimeAddress) -> Applied {
        let block = self.blocks.remove(address);
        match &block {
            Some(block) => {
                self.totals.frees = self.totals.frees.saturating_add(1);
                self.count_out(block);
            }
            None => self.totals.unknown_frees = self.totals.unknown_frees.saturating_add(1),
        }
        Applied::Freed { block }
    }

    /// Adds a live block. Gives the ones that lay in its place, without those that were being
    /// reallocated: their address was free to be given to others.
    fn insert(&mut self, block: BlockEntry) -> Vec<BlockEntry> {
        let totals = &mut self.totals;
        totals.live_bytes = totals.live_bytes.saturating_add(block.size);
        let displaced = self.blocks.insert(block);
        totals.live_blocks = self.blocks.len() as u64;
        for block in &displaced {
            totals.live_bytes = totals.live_bytes.saturating_sub(block.size);
        }
        totals.peak_live_bytes = totals.peak_live_bytes.max(totals.live_bytes);
        totals.peak_live_blocks = totals.peak_live_blocks.max(totals.live_blocks);
        if displaced.is_empty() {
            return displaced;
        }
        self.keep_reallocating(displaced)
    }

    fn keep_reallocating(&mut self, displaced: Vec<BlockEntry>) -> Vec<BlockEntry> {
        let mut unseen = Vec::new();
        for block in displaced {
            let pending = block
                .reallocating
                .and_then(|thread| self.threads.get_mut(thread))
                .and_then(|thread| thread.pending_realloc.as_mut())
                .filter(|pending| pending.address == block.address);
            match pending {
                Some(pending) => pending.displaced = Some(block),
                None => {
                    self.totals.displaced_blocks = self.totals.displaced_blocks.saturating_add(1);
                    unseen.push(block);
                }
            }
        }
        unseen
    }

    fn count_out(&mut self, block: &BlockEntry) {
        self.totals.live_bytes = self.totals.live_bytes.saturating_sub(block.size);
        self.totals.live_blocks = self.blocks.len() as u64;
    }

    fn next_block(&mut self) -> BlockId {
        self.totals.allocations = self.totals.allocations.saturating_add(1);
        BlockId(self.totals.allocations)
    }

    fn moment_of(&mut self, call: &Call) -> Moment {
        let thread = self.thread(call.thread);
        thread.note_stack_pointer(call.stack_pointer);
        Moment {
            stop: thread.last_stop.unwrap_or_default(),
            step: thread.last_step,
        }
    }

    fn start_thread(&mut self, record: &Record) {
        let Record::ThreadStart {
            thread,
            os_id,
            name,
            stack_low,
            stack_high,
            limit,
            thread_pointer,
        } = record
        else {
            return;
        };
        let state = self.thread(*thread);
        state.os_id = *os_id;
        state.name.clone_from(name);
        state.stack_low = *stack_low;
        state.stack_high = *stack_high;
        state.limit = *limit;
        state.thread_pointer = *thread_pointer;
        state.ended = false;
    }

    fn end_thread(&mut self, id: ThreadId) -> Applied {
        let thread = self.thread(id);
        thread.ended = true;
        let popped = take_frames(thread);
        let pending = thread.pending_realloc.take();
        let (low, bytes) = (
            thread.stack_low,
            thread.stack_high.0.saturating_sub(thread.stack_low.0),
        );
        self.memory.forget(low, bytes);
        if let Some(pending) = pending {
            self.settle(pending);
        }
        Applied::Left {
            popped,
            blocks: Vec::new(),
        }
    }

    fn replace_program(&mut self, id: ThreadId) -> Applied {
        self.totals.execs = self.totals.execs.saturating_add(1);
        self.thread(id);
        let mut popped = Vec::new();
        for thread in self.threads.iter_mut() {
            popped.append(&mut take_frames(thread));
            thread.pending_realloc = None;
            thread.ended = thread.id != id;
            thread.captured = AddressRange::default();
        }
        let blocks = self.blocks.by_number().into_iter().cloned().collect();
        self.blocks.clear();
        self.memory.forget_all();
        self.bias = None;
        self.regions = Arc::from([]);
        self.totals.live_blocks = 0;
        self.totals.live_bytes = 0;
        Applied::Left { popped, blocks }
    }
}

/// A stop without its patches.
struct Passing<'a> {
    thread: ThreadId,
    site: stackheap_model::SiteId,
    registers: &'a Registers,
    captured: AddressRange,
}

/// A call of the allocator.
struct Call {
    thread: ThreadId,
    return_address: RuntimeAddress,
    stack_pointer: RuntimeAddress,
}

/// The thread of this number, made and counted when it is not there.
fn thread_entry<'a>(
    threads: &'a mut Threads,
    totals: &mut Totals,
    id: ThreadId,
) -> &'a mut ThreadState {
    threads.entry(id, || totals.threads = totals.threads.saturating_add(1))
}

/// All frames of a thread, innermost first.
fn take_frames(thread: &mut ThreadState) -> Vec<FrameEntry> {
    let mut frames = std::mem::take(&mut thread.frames);
    frames.reverse();
    for parked in std::mem::take(&mut thread.parked) {
        frames.extend(parked.frames.into_iter().rev());
    }
    frames
}
