//! What is copied at a stop: the stack in use, the program's statics, and the blocks that can be
//! reached from them.
//!
//! Which blocks count as reachable is decided as a conservative garbage collector does: every
//! aligned word of a root that lies inside a live block is taken for a pointer. No types are
//! needed for that, so the recorder has none. A block stays *tracked*, and is read again at every
//! stop, for as long as it is reachable and the byte budget lasts.

use std::io;

use rustc_hash::{FxHashMap, FxHashSet};
use stackheap_model::{RuntimeAddress, ThreadId};
use stackheap_trace::{Blocks, Memory, PatchRef};

use crate::sys::memory::ProcessMemory;

/// Limits of what is read at one stop. All in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Of the stack, counted from its innermost end.
    pub stack_bytes: u64,
    /// Of all blocks together.
    pub heap_bytes: u64,
    /// Of one block, counted from its start.
    pub block_bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            stack_bytes: 1 << 20,
            heap_bytes: 256 << 10,
            block_bytes: 64 << 10,
        }
    }
}

/// Size of a page in bytes.
const PAGE: u64 = 4096;

#[derive(Debug, Default)]
struct TrackedBlock {
    /// How many bytes are read, from the start.
    bytes: usize,
    /// Whether its alignment allows pointers in it.
    may_point: bool,
    /// Its words that look like addresses of the heap.
    candidates: Vec<u64>,
}

/// How far apart two blocks may be that are read as one range, in bytes: reading what lies between
/// them costs less than another range.
const GAP: u64 = 2048;

/// Where the tracked blocks are read.
#[derive(Debug)]
struct HeapReading {
    /// Ranges that cover the blocks, by address.
    ranges: Vec<(RuntimeAddress, usize)>,
    /// The blocks, by address, and how much of each is read.
    blocks: Vec<(RuntimeAddress, usize)>,
}

impl HeapReading {
    fn of(tracked: &FxHashMap<RuntimeAddress, TrackedBlock>) -> Self {
        let mut blocks: Vec<_> = tracked
            .iter()
            .map(|(&address, block)| (address, block.bytes))
            .collect();
        blocks.sort_unstable();
        let mut ranges: Vec<(RuntimeAddress, usize)> = Vec::new();
        for &(address, bytes) in &blocks {
            let end = address.0 + bytes as u64;
            match ranges.last_mut() {
                // Blocks of one page are mapped together; further apart there may be nothing.
                Some((start, length))
                    if address.0.saturating_sub(start.0 + *length as u64) <= GAP =>
                {
                    *length = (end - start.0) as usize;
                }
                _ => ranges.push((address, bytes)),
            }
        }
        Self { ranges, blocks }
    }
}

/// A block that enters or leaves the set of tracked blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Tracked(RuntimeAddress),
    Unreachable(RuntimeAddress),
    OverBudget(RuntimeAddress),
}

/// What a stop's reading starts from.
pub(crate) struct Roots<'a> {
    pub thread: ThreadId,
    /// The part of the stack that is read.
    pub stack: (RuntimeAddress, RuntimeAddress),
    pub registers: &'a [u64],
    /// The thread's own statics.
    pub thread_locals: &'a [(RuntimeAddress, usize)],
    /// Whether blocks were allocated or freed since the last stop.
    pub heap_changed: HeapChanged,
}

/// Whether blocks were allocated or freed since the last stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeapChanged {
    Yes,
    No,
}

/// The reader of a process' memory, with what it remembers from stop to stop.
#[derive(Debug)]
pub(crate) struct Capture {
    budget: Budget,
    statics: Vec<(RuntimeAddress, usize)>,
    tracked: FxHashMap<RuntimeAddress, TrackedBlock>,
    over_budget: FxHashSet<RuntimeAddress>,
    thread_candidates: FxHashMap<ThreadId, Vec<u64>>,
    static_candidates: Vec<u64>,
    heap: (u64, u64),
    /// Where the tracked blocks are read; made anew when they change.
    reading: Option<HeapReading>,
    // Reused from stop to stop.
    reached: FxHashSet<RuntimeAddress>,
    ranges: Vec<(RuntimeAddress, usize)>,
    buffer: Vec<u8>,
    scratch: Vec<u64>,
    pub(crate) patches: Vec<PatchRef>,
    pub(crate) patch_bytes: Vec<u8>,
    pub(crate) changes: Vec<Change>,
    /// From where on the stack could be read at the last stop.
    pub(crate) stack_low: RuntimeAddress,
}

impl Capture {
    pub(crate) fn new(budget: Budget, statics: Vec<(RuntimeAddress, usize)>) -> Self {
        Self {
            budget,
            statics,
            tracked: FxHashMap::default(),
            over_budget: FxHashSet::default(),
            thread_candidates: FxHashMap::default(),
            static_candidates: Vec::new(),
            heap: (u64::MAX, 0),
            reading: None,
            reached: FxHashSet::default(),
            ranges: Vec::new(),
            buffer: Vec::new(),
            scratch: Vec::new(),
            patches: Vec::new(),
            patch_bytes: Vec::new(),
            changes: Vec::new(),
            stack_low: RuntimeAddress(0),
        }
    }

    /// A block came into being.
    pub(crate) fn block_allocated(&mut self, address: RuntimeAddress, bytes: u64) {
        self.heap.0 = self.heap.0.min(address.0);
        self.heap.1 = self.heap.1.max(address.0.saturating_add(bytes));
    }

    /// A block is gone, or is about to be reallocated.
    pub(crate) fn block_gone(&mut self, address: RuntimeAddress) {
        if self.tracked.remove(&address).is_some() {
            self.reading = None;
        }
        self.over_budget.remove(&address);
    }

    /// A thread is gone: its stack is no root any more.
    pub(crate) fn thread_gone(&mut self, thread: ThreadId) {
        self.thread_candidates.remove(&thread);
    }

    /// Reads everything anew and leaves what changed in `patches`, `patch_bytes` and `changes`.
    pub(crate) fn stop(
        &mut self,
        process: &ProcessMemory,
        known: &Memory,
        blocks: &Blocks,
        roots: &Roots<'_>,
    ) -> io::Result<()> {
        self.patches.clear();
        self.patch_bytes.clear();
        self.changes.clear();
        self.stack_low = roots.stack.0;
        let fixed = self.collect_ranges(roots);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut ranges = std::mem::take(&mut self.ranges);
        let wanted: usize = ranges.iter().map(|range| range.1).sum();
        let mut read = process.read_ranges(&ranges, &mut buffer).unwrap_or(0);
        if read < wanted {
            self.leave_out_unreadable(process, &mut ranges);
            read = process.read_ranges(&ranges, &mut buffer)?;
        }
        let pointers_changed = self.compare_all(
            known,
            roots,
            &ranges,
            fixed,
            buffer.get(..read).unwrap_or(&[]),
        );
        self.buffer = buffer;
        self.ranges = ranges;
        if pointers_changed == HeapChanged::Yes || roots.heap_changed == HeapChanged::Yes {
            self.follow(process, known, blocks, roots)?;
        }
        Ok(())
    }

    /// Lists what to read; gives how many ranges at the front are not blocks.
    fn collect_ranges(&mut self, roots: &Roots<'_>) -> usize {
        self.ranges.clear();
        let (low, high) = roots.stack;
        self.ranges
            .push((low, high.0.saturating_sub(low.0) as usize));
        self.ranges.extend_from_slice(roots.thread_locals);
        self.ranges.extend_from_slice(&self.statics);
        let fixed = self.ranges.len();
        let reading = self
            .reading
            .get_or_insert_with(|| HeapReading::of(&self.tracked));
        self.ranges.extend_from_slice(&reading.ranges);
        fixed
    }

    /// Shortens what is to be read to what is mapped: the lowest page of a stack that has just
    /// grown is not, before something is written to it; a block may be freed meanwhile.
    fn leave_out_unreadable(
        &mut self,
        process: &ProcessMemory,
        ranges: &mut [(RuntimeAddress, usize)],
    ) {
        let readable = |at: u64| process.read_exact(RuntimeAddress(at), &mut [0]).is_ok();
        for (index, (start, bytes)) in ranges.iter_mut().enumerate() {
            let end = start.0.saturating_add(*bytes as u64);
            let mut low = start.0;
            while low < end && !readable(low) {
                low = (low / PAGE + 1) * PAGE;
            }
            let mut high = low.min(end);
            while high < end && readable(high) {
                high = (high / PAGE + 1) * PAGE;
            }
            let (low, high) = (low.min(end), high.min(end));
            if index == 0 {
                self.stack_low = RuntimeAddress(low);
            }
            *start = RuntimeAddress(low);
            *bytes = high.saturating_sub(low) as usize;
        }
    }

    /// Compares what was read with what is known already, and renews the words that may be
    /// pointers. Tells whether any of those changed.
    fn compare_all(
        &mut self,
        known: &Memory,
        roots: &Roots<'_>,
        ranges: &[(RuntimeAddress, usize)],
        fixed: usize,
        read: &[u8],
    ) -> HeapChanged {
        let mut changed = HeapChanged::No;
        let mut rest = read;
        let mut own = std::mem::take(&mut self.scratch);
        own.clear();
        own.extend(
            roots
                .registers
                .iter()
                .copied()
                .filter(|&word| self.in_heap(word)),
        );
        let mut statics = Vec::new();
        let thread_ranges = 1 + roots.thread_locals.len();
        for (index, &(address, bytes)) in ranges.iter().enumerate() {
            let Some((piece, behind)) = rest.split_at_checked(bytes) else {
                break;
            };
            rest = behind;
            if index >= fixed {
                changed = self.compare_blocks(known, address, piece, changed);
                continue;
            }
            self.compare(known, address, piece);
            if index < thread_ranges {
                scan(piece, self.heap, &mut own);
            } else {
                scan(piece, self.heap, &mut statics);
            }
        }
        if statics != self.static_candidates {
            self.static_candidates = statics;
            changed = HeapChanged::Yes;
        }
        let remembered = self.thread_candidates.entry(roots.thread).or_default();
        if *remembered != own {
            std::mem::swap(remembered, &mut own);
            changed = HeapChanged::Yes;
        }
        self.scratch = own;
        changed
    }

    /// Compares the tracked blocks that lie in a range that was read.
    fn compare_blocks(
        &mut self,
        known: &Memory,
        start: RuntimeAddress,
        read: &[u8],
        changed: HeapChanged,
    ) -> HeapChanged {
        let mut changed = changed;
        let Some(reading) = self.reading.take() else {
            return changed;
        };
        let first = reading
            .blocks
            .partition_point(|&(address, _)| address < start);
        for &(address, bytes) in reading.blocks.get(first..).unwrap_or(&[]) {
            let from = (address.0 - start.0) as usize;
            let Some(piece) = read.get(from..from + bytes) else {
                break;
            };
            if self.compare(known, address, piece) == HeapChanged::Yes {
                changed = self.rescan_block(address, piece, changed);
            }
        }
        self.reading = Some(reading);
        changed
    }

    fn rescan_block(
        &mut self,
        address: RuntimeAddress,
        piece: &[u8],
        changed: HeapChanged,
    ) -> HeapChanged {
        let heap = self.heap;
        let Some(block) = self.tracked.get_mut(&address) else {
            return changed;
        };
        if !block.may_point {
            return changed;
        }
        let mut candidates = Vec::new();
        scan(piece, heap, &mut candidates);
        if candidates == block.candidates {
            return changed;
        }
        block.candidates = candidates;
        HeapChanged::Yes
    }

    fn in_heap(&self, word: u64) -> bool {
        self.heap.0 <= word && word < self.heap.1
    }

    fn compare(&mut self, known: &Memory, address: RuntimeAddress, piece: &[u8]) -> HeapChanged {
        let mut changed = HeapChanged::No;
        for run in known.compare(address, piece) {
            let Some(bytes) = piece.get(run.start..run.start + run.len) else {
                continue;
            };
            changed = HeapChanged::Yes;
            self.patches.push(PatchRef {
                start: self.patch_bytes.len(),
                ..run
            });
            self.patch_bytes.extend_from_slice(bytes);
        }
        changed
    }

    /// Finds the blocks that can be reached, level by level, reading those that were not tracked.
    fn follow(
        &mut self,
        process: &ProcessMemory,
        known: &Memory,
        blocks: &Blocks,
        roots: &Roots<'_>,
    ) -> io::Result<()> {
        let mut reached = std::mem::take(&mut self.reached);
        reached.clear();
        let mut spent = 0u64;
        // The stopped thread first: what the reader looks at must not lose to another thread.
        let own = self
            .thread_candidates
            .get(&roots.thread)
            .into_iter()
            .flatten();
        let others = self
            .thread_candidates
            .iter()
            .filter(|(thread, _)| **thread != roots.thread)
            .flat_map(|(_, candidates)| candidates);
        let mut words: Vec<u64> = own
            .chain(&self.static_candidates)
            .chain(others)
            .copied()
            .collect();
        let mut refused: FxHashSet<RuntimeAddress> = FxHashSet::default();
        while !words.is_empty() {
            let mut next = Vec::new();
            let mut fresh = Vec::new();
            for word in words {
                let Some(block) = blocks.containing(RuntimeAddress(word)) else {
                    continue;
                };
                if !reached.insert(block.address) {
                    continue;
                }
                let bytes = block.size.min(self.budget.block_bytes);
                if spent + bytes > self.budget.heap_bytes {
                    refused.insert(block.address);
                    continue;
                }
                spent += bytes;
                match self.tracked.get(&block.address) {
                    Some(tracked) => next.extend_from_slice(&tracked.candidates),
                    None => {
                        let may_point = block.align.is_none_or(|align| align >= 8);
                        fresh.push((block.address, bytes as usize, may_point));
                    }
                }
            }
            self.read_fresh(process, known, &fresh, &mut next)?;
            words = next;
        }
        self.forget_unreached(&reached, refused);
        self.reached = reached;
        Ok(())
    }

    fn read_fresh(
        &mut self,
        process: &ProcessMemory,
        known: &Memory,
        fresh: &[(RuntimeAddress, usize, bool)],
        next: &mut Vec<u64>,
    ) -> io::Result<()> {
        if fresh.is_empty() {
            return Ok(());
        }
        let ranges: Vec<_> = fresh
            .iter()
            .map(|&(address, bytes, _)| (address, bytes))
            .collect();
        let mut buffer = Vec::new();
        let read = process.read_ranges(&ranges, &mut buffer)?;
        let mut rest = buffer.get(..read).unwrap_or(&[]);
        for &(address, bytes, may_point) in fresh {
            let Some((piece, behind)) = rest.split_at_checked(bytes) else {
                break;
            };
            rest = behind;
            self.compare(known, address, piece);
            let mut candidates = Vec::new();
            if may_point {
                scan(piece, self.heap, &mut candidates);
            }
            next.extend_from_slice(&candidates);
            self.reading = None;
            self.tracked.insert(
                address,
                TrackedBlock {
                    bytes,
                    may_point,
                    candidates,
                },
            );
            self.over_budget.remove(&address);
            self.changes.push(Change::Tracked(address));
        }
        Ok(())
    }

    fn forget_unreached(
        &mut self,
        reached: &FxHashSet<RuntimeAddress>,
        refused: FxHashSet<RuntimeAddress>,
    ) {
        let changes = &mut self.changes;
        let before = self.tracked.len();
        self.tracked.retain(|address, _| {
            let keep = reached.contains(address) && !refused.contains(address);
            if !keep && !refused.contains(address) {
                changes.push(Change::Unreachable(*address));
            }
            keep
        });
        if self.tracked.len() != before {
            self.reading = None;
        }
        for &address in refused.difference(&self.over_budget) {
            changes.push(Change::OverBudget(address));
        }
        self.over_budget = refused;
        // Hash order must not reach the file: the same run gives the same bytes.
        self.changes.sort_by_key(|change| match *change {
            Change::Tracked(at) => (at, 0),
            Change::Unreachable(at) => (at, 1),
            Change::OverBudget(at) => (at, 2),
        });
    }
}

/// Appends the aligned words of `bytes` that lie in `heap`.
fn scan(bytes: &[u8], heap: (u64, u64), into: &mut Vec<u64>) {
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        if heap.0 <= word && word < heap.1 {
            into.push(word);
        }
    }
}
