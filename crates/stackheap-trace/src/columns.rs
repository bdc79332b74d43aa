//! How the records of a chunk are laid out: one column for each kind of number, each predicted from
//! what came before in the chunk. Numbers that are as predicted take a bit of the record's tag, or
//! a zero; like numbers stand beside each other, which is what compression needs.
//!
//! A chunk is decoded without any other chunk: all predictions begin anew in each.
//!
//! The bytes of patches stand as they are. Their difference (XOR) to the bytes before would make a
//! chunk useless without the state before it, and compresses worse: 488 against 448 KB for the 2.4 MB
//! of a recording of 205,583 stops.

use rustc_hash::FxHashMap;
use stackheap_model::{Register, RuntimeAddress, SiteId, ThreadId};

use crate::error::TraceError;
use crate::records::{AddressRange, Registers};
use crate::wire::{Input, put};

/// The columns, in the order in which they are in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Column {
    /// A byte for each record: its kind and what is as predicted.
    Tags,
    /// Threads, where they are not the one of the record before.
    Threads,
    /// Sites, where they are not the one that followed last time.
    Sites,
    /// Which registers changed and which were read.
    RegisterMasks,
    /// Registers that changed.
    RegisterValues,
    /// Captured parts of the stack.
    Windows,
    /// How many patches a stop has.
    PatchCounts,
    /// Where patches lie.
    PatchOffsets,
    /// How long patches are, and what they lie relative to.
    PatchLengths,
    /// The bytes of patches.
    PatchBytes,
    /// How many steps ago the step of a stop began, where it is not the newest.
    StepsBack,
    /// Addresses of blocks.
    BlockAddresses,
    /// Sizes and alignments of blocks.
    BlockSizes,
    /// Return addresses and stack pointers of calls of the allocator.
    Calls,
    /// Everything else.
    Others,
}

pub(crate) const COLUMNS: usize = Column::Others as usize + 1;

/// The columns of a chunk that is being written.
#[derive(Default)]
pub(crate) struct Columns {
    columns: [Vec<u8>; COLUMNS],
}

impl Columns {
    pub(crate) fn of(&mut self, column: Column) -> &mut Vec<u8> {
        // There is a vector for each variant.
        &mut self.columns[column as usize]
    }

    /// How many bytes all columns have together.
    pub(crate) fn len(&self) -> usize {
        self.columns.iter().map(Vec::len).sum()
    }

    /// The lengths of the columns and then the columns.
    pub(crate) fn join_into(&self, into: &mut Vec<u8>) {
        for column in &self.columns {
            put(into, column.len() as u64);
        }
        for column in &self.columns {
            into.extend_from_slice(column);
        }
    }

    pub(crate) fn clear(&mut self) {
        for column in &mut self.columns {
            column.clear();
        }
    }
}

/// Where each column of a chunk begins and ends in its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    spans: [(usize, usize); COLUMNS],
}

impl Spans {
    /// Reads the lengths at the beginning of `bytes`. All spans lie within `bytes`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, TraceError> {
        let mut input = Input::new(bytes, "the columns of a chunk");
        let mut lengths = [0usize; COLUMNS];
        for length in &mut lengths {
            *length = input.count()?;
        }
        let mut at = input.position();
        let mut spans = Self::default();
        for (span, length) in spans.spans.iter_mut().zip(lengths) {
            let end = at.checked_add(length).filter(|&end| end <= bytes.len());
            let Some(end) = end else {
                return Err(input.expected("columns within the chunk"));
            };
            *span = (at, end);
            at = end;
        }
        if at != bytes.len() {
            return Err(input.expected("columns that fill the chunk"));
        }
        Ok(spans)
    }

    pub(crate) fn get(&self, column: Column) -> (usize, usize) {
        // There is a span for each variant.
        self.spans[column as usize]
    }
}

/// Bits of the tag of a stop.
pub(crate) mod stop_tag {
    pub(crate) const IS_STOP: u8 = 0x80;
    pub(crate) const SITE_PREDICTED: u8 = 0x01;
    pub(crate) const NEW_STEP: u8 = 0x02;
    pub(crate) const NEW_FRAME: u8 = 0x04;
    pub(crate) const SAME_THREAD: u8 = 0x08;
    pub(crate) const OLDER_STEP: u8 = 0x10;
    pub(crate) const WINDOW_PREDICTED: u8 = 0x20;
    pub(crate) const REGISTERS_PREDICTED: u8 = 0x40;
}

/// The tags of other records: a kind, and two bits.
pub(crate) mod tag {
    pub(crate) const SAME_THREAD: u8 = 0x40;
    pub(crate) const KNOWN_CALL: u8 = 0x20;
    pub(crate) const KIND: u8 = 0x1f;

    pub(crate) const ALLOC: u8 = 0;
    pub(crate) const ALLOC_ZEROED: u8 = 1;
    pub(crate) const FREE: u8 = 2;
    pub(crate) const REALLOC_BEGIN: u8 = 3;
    pub(crate) const REALLOC_END: u8 = 4;
    pub(crate) const REALLOC_FAILED: u8 = 5;
    pub(crate) const OUTPUT: u8 = 6;
    pub(crate) const THREAD_START: u8 = 7;
    pub(crate) const THREAD_NAME: u8 = 8;
    pub(crate) const THREAD_END: u8 = 9;
    pub(crate) const UNWIND: u8 = 10;
    pub(crate) const SIGNAL: u8 = 11;
    pub(crate) const TRACKED: u8 = 12;
    pub(crate) const UNTRACKED: u8 = 13;
    pub(crate) const LOADED: u8 = 14;
    pub(crate) const MAP: u8 = 15;
    pub(crate) const CLOCK: u8 = 16;
    pub(crate) const LIMIT: u8 = 17;
    pub(crate) const EXEC: u8 = 18;
    pub(crate) const FORK: u8 = 19;
    pub(crate) const OUTCOME: u8 = 20;
}

/// What is predicted for the next stop at a site: what its last one had.
#[derive(Clone, Debug)]
pub(crate) struct SiteMemory {
    pub(crate) site: SiteId,
    pub(crate) registers: Registers,
    /// The captured part's lower end, as the distance from the stack pointer.
    pub(crate) window_low: u64,
    /// The captured part's upper end.
    pub(crate) window_high: u64,
    /// The site that followed last in the same thread, as an index into the list of sites.
    pub(crate) next: usize,
}

/// What is predicted for the next call of the allocator with the same return address.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallMemory {
    pub(crate) return_address: u64,
    pub(crate) stack_pointer: u64,
    pub(crate) size: u64,
}

/// How many return addresses of calls of the allocator are remembered.
const CALLS: usize = 256;
/// No site followed yet.
pub(crate) const NO_SITE: usize = usize::MAX;

/// Everything that predictions are made from; the same in the encoder and in the decoder.
pub(crate) struct Predictions {
    /// The sites met in this chunk, in the order of their first stop.
    pub(crate) sites: Vec<SiteMemory>,
    index: FxHashMap<SiteId, usize>,
    /// For each thread its last site, as an index into `sites`.
    last_sites: FxHashMap<ThreadId, usize>,
    /// The thread of the record before.
    pub(crate) thread: ThreadId,
    /// `last_sites[thread]`, or [`NO_SITE`].
    last_site: usize,
    /// Where the last patch that did not lie on the stack ended.
    pub(crate) heap_patch: u64,
    /// The address in the last record about a block.
    pub(crate) block: u64,
    calls: Box<[CallMemory; CALLS]>,
    pub(crate) last_call: CallMemory,
}

impl Default for Predictions {
    fn default() -> Self {
        Self {
            sites: Vec::new(),
            index: FxHashMap::default(),
            last_sites: FxHashMap::default(),
            thread: ThreadId(0),
            last_site: NO_SITE,
            heap_patch: 0,
            block: 0,
            calls: Box::new([CallMemory::default(); CALLS]),
            last_call: CallMemory::default(),
        }
    }
}

impl Predictions {
    /// Begins a chunk.
    pub(crate) fn clear(&mut self) {
        self.sites.clear();
        self.index.clear();
        self.last_sites.clear();
        self.thread = ThreadId(0);
        self.last_site = NO_SITE;
        self.heap_patch = 0;
        self.block = 0;
        self.calls.fill(CallMemory::default());
        self.last_call = CallMemory::default();
    }

    /// Notes that the record is about this thread.
    pub(crate) fn enter(&mut self, thread: ThreadId) {
        if self.thread == thread {
            return;
        }
        if self.last_site != NO_SITE {
            self.last_sites.insert(self.thread, self.last_site);
        }
        self.thread = thread;
        self.last_site = self.last_sites.get(&thread).copied().unwrap_or(NO_SITE);
    }

    /// The site that followed the thread's last one the last time, as an index; [`NO_SITE`] when
    /// there is no telling.
    pub(crate) fn predicted(&self) -> usize {
        self.sites
            .get(self.last_site)
            .map_or(NO_SITE, |site| site.next)
    }

    /// The number of the thread's last site, to which others are near; 0 before the first.
    pub(crate) fn near(&self) -> u64 {
        self.sites
            .get(self.last_site)
            .map_or(0, |site| u64::from(site.site.0))
    }

    /// The index of a site, which is added with the predictions of the thread's last site when it
    /// is new in this chunk.
    pub(crate) fn find(&mut self, site: SiteId) -> usize {
        if let Some(&found) = self.index.get(&site) {
            return found;
        }
        let memory = match self.sites.get(self.last_site) {
            Some(last) => SiteMemory {
                site,
                next: NO_SITE,
                ..last.clone()
            },
            None => SiteMemory {
                site,
                registers: Registers::default(),
                window_low: 0,
                window_high: 0,
                next: NO_SITE,
            },
        };
        self.sites.push(memory);
        let at = self.sites.len() - 1;
        self.index.insert(site, at);
        at
    }

    /// Notes a stop at the site with this index.
    pub(crate) fn arrive(&mut self, at: usize, registers: &Registers, window: AddressRange) {
        if let Some(last) = self.sites.get_mut(self.last_site) {
            last.next = at;
        }
        self.last_site = at;
        if let Some(memory) = self.sites.get_mut(at) {
            let stack_pointer = stack_pointer(registers);
            memory.registers = *registers;
            memory.window_low = window.low.0.wrapping_sub(stack_pointer);
            memory.window_high = window.high.0;
        }
    }

    /// The place of a return address among the remembered calls.
    pub(crate) fn call_slot(return_address: RuntimeAddress) -> u8 {
        // Return addresses differ in their low bits; the product's high byte depends on all of them.
        (return_address.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
    }

    pub(crate) fn call(&mut self, slot: u8) -> &mut CallMemory {
        // There are as many places as a byte has values.
        &mut self.calls[usize::from(slot)]
    }
}

/// The stack pointer that other numbers of a stop are relative to; 0 when it was not read.
pub(crate) fn stack_pointer(registers: &Registers) -> u64 {
    registers.values[usize::from(Register::RSP.0)]
}
