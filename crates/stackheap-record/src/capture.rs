//! What is copied at a stop: the stack in use, the program's statics, and the blocks that can be
//! reached from them.
//!
//! Which blocks count as reachable, `reach.rs` decides without types, so that the recorder has none.
//! A block stays *tracked*, and is read again at every stop, for as long as it is reachable and the
//! byte budget lasts.

use std::io;

use stackheap_model::{RuntimeAddress, ThreadId};
use stackheap_trace::{Blocks, Memory, PatchRef};

use crate::maps::PAGE;
use crate::reach::{Change, Fetch, News, Reach, Words};
use crate::sys::memory::{Piece, ProcessMemory};
use crate::tracked_pages::{Part, TrackedPages};

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

/// What a stop's reading starts from.
pub(crate) struct Roots<'a> {
    pub thread: ThreadId,
    /// The part of the stack that is read.
    pub stack: (RuntimeAddress, RuntimeAddress),
    pub registers: &'a [u64],
    /// The thread's own statics.
    pub thread_locals: &'a [(RuntimeAddress, usize)],
}

/// What changed at a stop: runs of bytes, and the bytes.
#[derive(Debug, Default)]
struct Patches {
    runs: Vec<PatchRef>,
    bytes: Vec<u8>,
}

impl Patches {
    /// Adds what of `piece`, which was read at `address`, is not as known. Tells whether there was
    /// any.
    fn compare(&mut self, known: &Memory, address: RuntimeAddress, piece: &[u8]) -> bool {
        let mut differs = false;
        for run in known.compare(address, piece) {
            let Some(bytes) = piece.get(run.start..run.start + run.len) else {
                continue;
            };
            differs = true;
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            match self.runs.last_mut() {
                // A block is compared by the page.
                Some(last) if last.address.0 + last.len as u64 == run.address.0 => {
                    last.len += run.len;
                }
                _ => self.runs.push(PatchRef { start, ..run }),
            }
        }
        differs
    }
}

/// Which part of whose stack was read.
#[derive(Clone, Copy, Debug)]
struct StackReading {
    thread: ThreadId,
    low: u64,
    high: u64,
}

impl StackReading {
    /// Where the bytes of a range stand among those of the stack; `None` when they were not all
    /// read.
    fn of(&self, low: u64, high: u64) -> Option<std::ops::Range<usize>> {
        let is_inside = self.low <= low && high <= self.high;
        is_inside.then(|| (low - self.low) as usize..(high - self.low) as usize)
    }
}

/// Reads blocks that are reached for the first time.
struct FreshBlocks<'a> {
    process: &'a ProcessMemory,
    known: &'a Memory,
    patches: &'a mut Patches,
    buffer: Vec<u8>,
}

impl Fetch for FreshBlocks<'_> {
    fn fetch(&mut self, ranges: &[(RuntimeAddress, usize)]) -> io::Result<&[u8]> {
        let read = self.process.read_ranges(ranges, &mut self.buffer)?;
        let mut rest = self.buffer.get(..read).unwrap_or(&[]);
        for &(address, bytes) in ranges {
            let Some((piece, behind)) = rest.split_at_checked(bytes) else {
                break;
            };
            rest = behind;
            self.patches.compare(self.known, address, piece);
        }
        Ok(self.buffer.get(..read).unwrap_or(&[]))
    }
}

/// The reader of a process' memory, with what it remembers from stop to stop.
#[derive(Debug)]
pub(crate) struct Capture {
    statics: Vec<(RuntimeAddress, usize)>,
    reach: Reach,
    pages: TrackedPages,
    // Reused from stop to stop.
    ranges: Vec<(RuntimeAddress, usize)>,
    buffer: Vec<u8>,
    parts: Vec<(Part, usize)>,
    /// The stack as it was read at the last stop; its bytes are at the front of what `pages` keeps.
    stack_before: Option<StackReading>,
    thread_words: Words,
    static_words: Words,
    patches: Patches,
    /// The part of the stack that could be read at the last stop.
    pub(crate) stack: (RuntimeAddress, RuntimeAddress),
    /// Whether a static that was read before could not be at the last stop.
    pub(crate) static_unreadable: bool,
}

impl Capture {
    pub(crate) fn new(budget: Budget, statics: Vec<(RuntimeAddress, usize)>) -> Self {
        Self {
            statics,
            reach: Reach::new(budget),
            pages: TrackedPages::default(),
            ranges: Vec::new(),
            buffer: Vec::new(),
            parts: Vec::new(),
            stack_before: None,
            thread_words: Words::new(),
            static_words: Words::new(),
            patches: Patches::default(),
            stack: (RuntimeAddress(0), RuntimeAddress(0)),
            static_unreadable: false,
        }
    }

    /// What of the memory changed at the last stop, and the bytes.
    pub(crate) fn patches(&self) -> (&[PatchRef], &[u8]) {
        (&self.patches.runs, &self.patches.bytes)
    }

    /// The blocks that became tracked at the last stop, or are no longer.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.reach.changes
    }

    /// A block came into being.
    pub(crate) fn block_allocated(&mut self, address: RuntimeAddress, bytes: u64) {
        self.reach.block_allocated(address, bytes);
    }

    /// A block is gone, or is about to be reallocated.
    pub(crate) fn block_gone(&mut self, address: RuntimeAddress) {
        self.reach.block_gone(address);
    }

    /// A thread is gone: its stack is no root any more.
    pub(crate) fn thread_gone(&mut self, thread: ThreadId) {
        self.reach.thread_gone(thread);
    }

    /// Reads everything anew and leaves what changed in `patches` and `changes`.
    pub(crate) fn stop(
        &mut self,
        process: &ProcessMemory,
        known: &Memory,
        blocks: &Blocks,
        roots: &Roots<'_>,
    ) -> io::Result<()> {
        self.patches.runs.clear();
        self.patches.bytes.clear();
        self.stack = roots.stack;
        self.static_unreadable = false;
        self.follow_news();
        let fixed = self.collect_ranges(roots);
        let mut buffer = std::mem::take(&mut self.buffer);
        let ranges = std::mem::take(&mut self.ranges);
        let wanted: usize = ranges.iter().map(|range| range.1).sum();
        let read = process.read_ranges(&ranges, &mut buffer)?;
        let all = self.reach.take_widened();
        if read == wanted {
            let pieces = ranges.iter().take(fixed).enumerate();
            let pieces = pieces.map(|(of, &(at, bytes))| Piece { of, at, bytes });
            let behind = self.take_roots(known, roots, pieces, &buffer, all);
            self.take_blocks(known, buffer.get(behind..).unwrap_or(&[]), all);
            self.pages.keep(&mut buffer, behind);
            self.stack_before = Some(StackReading {
                thread: roots.thread,
                low: roots.stack.0.0,
                high: roots.stack.1.0,
            });
        } else {
            // The lowest page of a stack that has just grown is not there before something is
            // written to it; a page may be protected, or unmapped by another thread meanwhile.
            let readable = process.read_pieces(&ranges, &mut buffer)?;
            let of_roots = readable.pieces.partition_point(|piece| piece.of < fixed);
            let (of_roots, of_blocks) = readable.pieces.split_at(of_roots);
            let stack = of_roots.first().filter(|piece| piece.of == 0);
            self.stack = stack.map_or((roots.stack.1, roots.stack.1), |piece| {
                (piece.at, piece.at.offset(piece.bytes as u64))
            });
            let behind = self.take_roots(known, roots, of_roots.iter().copied(), &buffer, all);
            self.take_some_blocks(known, of_blocks, buffer.get(behind..).unwrap_or(&[]), all);
            for hole in &readable.holes {
                if hole.of >= fixed {
                    for block in self.pages.blocks_in(hole.at, hole.bytes) {
                        self.reach.block_unreadable(block);
                    }
                } else if hole.of > 0 {
                    self.static_unreadable |= known.is_known(hole.at, 1);
                }
            }
            self.stack_before = None;
        }
        self.buffer = buffer;
        self.ranges = ranges;
        let mut fresh = FreshBlocks {
            process,
            known,
            patches: &mut self.patches,
            buffer: Vec::new(),
        };
        self.reach.settle(blocks, roots.thread, &mut fresh)
    }

    /// Reads what has become tracked from now on, and what is not tracked any more no longer.
    fn follow_news(&mut self) {
        for news in self.reach.news.drain(..) {
            match news {
                News::Read(address, bytes) => self.pages.add(address, bytes),
                News::Drop(address, bytes) => self.pages.remove(address, bytes),
            }
        }
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
        self.ranges.extend_from_slice(self.pages.ranges());
        fixed
    }

    /// Compares the roots with what is known, and renews their words. Gives how many bytes of
    /// `read` they take.
    fn take_roots(
        &mut self,
        known: &Memory,
        roots: &Roots<'_>,
        pieces: impl Iterator<Item = Piece>,
        read: &[u8],
        all: bool,
    ) -> usize {
        let bounds = self.reach.bounds();
        self.thread_words.clear();
        self.static_words.clear();
        bounds.scan_registers(roots.registers, &mut self.thread_words);
        let of_thread = 1 + roots.thread_locals.len();
        let mut rest = read;
        for Piece { of, at, bytes } in pieces {
            let Some((piece, behind)) = rest.split_at_checked(bytes) else {
                break;
            };
            rest = behind;
            if of == 0 {
                // Beyond a gap it is another stack.
                if at == self.stack.0 {
                    self.take_stack(known, roots.thread, at, piece, all);
                }
                continue;
            }
            self.patches.compare(known, at, piece);
            let words = if of < of_thread {
                &mut self.thread_words
            } else {
                &mut self.static_words
            };
            bounds.scan(at, piece, words);
        }
        self.reach
            .renew_thread(roots.thread, &mut self.thread_words);
        self.reach.renew_statics(&mut self.static_words);
        read.len() - rest.len()
    }

    /// The same for the stack, a page at a time. A page that is as it was at the last stop, if
    /// that was one of the same thread, has no other words, and is known unless a block may lie in
    /// it.
    fn take_stack(
        &mut self,
        known: &Memory,
        thread: ThreadId,
        start: RuntimeAddress,
        read: &[u8],
        all: bool,
    ) {
        let bounds = self.reach.bounds();
        let end = start.offset(read.len() as u64);
        let before = self
            .stack_before
            .filter(|before| before.thread == thread && !all);
        let is_apart = !bounds.meet((start, end));
        self.reach
            .renew_stack(thread, (RuntimeAddress(0), start), &[]);
        self.reach
            .renew_stack(thread, (end, RuntimeAddress(u64::MAX)), &[]);
        let mut words = Words::new();
        let (mut low, mut rest) = (start, read);
        while !rest.is_empty() {
            let bytes = ((PAGE - low.0 % PAGE) as usize).min(rest.len());
            let (page, behind) = rest.split_at(bytes);
            let high = low.offset(bytes as u64);
            let old = before
                .and_then(|before| before.of(low.0, high.0))
                .and_then(|range| self.pages.kept_in_front().get(range));
            let is_same = old == Some(page);
            if !is_same {
                words.clear();
                bounds.scan(low, page, &mut words);
                self.reach.renew_stack(thread, (low, high), &words);
            }
            if !(is_same && is_apart) {
                self.patches.compare(known, low, page);
            }
            (low, rest) = (high, behind);
        }
    }

    /// Compares the tracked blocks with what is known, where they are not as they were read last,
    /// and renews their words.
    fn take_blocks(&mut self, known: &Memory, read: &[u8], all: bool) {
        let mut parts = std::mem::take(&mut self.parts);
        self.pages.changed(read, all, &mut parts);
        self.take_parts(known, read, &parts, all);
        self.parts = parts;
    }

    /// The same when not all could be read.
    fn take_some_blocks(&mut self, known: &Memory, pieces: &[Piece], read: &[u8], all: bool) {
        let mut parts = std::mem::take(&mut self.parts);
        let mut rest = read;
        for &Piece { at, bytes, .. } in pieces {
            let Some((piece, behind)) = rest.split_at_checked(bytes) else {
                break;
            };
            rest = behind;
            self.pages.within(at, bytes, &mut parts);
            self.take_parts(known, piece, &parts, all);
        }
        self.parts = parts;
    }

    fn take_parts(&mut self, known: &Memory, read: &[u8], parts: &[(Part, usize)], all: bool) {
        for &(part, place) in parts {
            let Some(piece) = read.get(place..place + part.bytes) else {
                continue;
            };
            if self.patches.compare(known, part.at, piece) || all {
                self.reach.renew_part(part.block, part.at, piece);
            }
        }
    }
}
