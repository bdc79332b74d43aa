//! What a test has printed: the test harness has std collect it in memory, where no system call
//! shows it.
//!
//! std keeps the place in a thread-local, an `Option<Arc<Mutex<Vec<u8>>>>`, takes it out while a
//! print runs and puts it back afterwards. The standard library comes without debug information of
//! its variables and types, so the way from there to the bytes is found by evidence: a word of the
//! thread-local leads to a live block, and exactly one place in that block holds a `Vec<u8>` (whose
//! layout is in the debug information of the program itself) that points at a live block of exactly
//! its capacity. Where this does not hold, what is printed is unknown.
//!
//! A thread that is started by a test shares the test's buffer. What the buffer grew by is told
//! once, with the thread that stops first after it was written. What is printed after the last stop
//! of a test, such as the message of a panic that no user code runs after, is in no stop's memory.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use stackheap_image::{Image, ThreadLocalSymbol};
use stackheap_model::{
    BlockId, EventKind, OutputStream, RuntimeAddress, SiteId, StepNumber, ThreadId, TypeId,
};
use stackheap_trace::{BlockEntry, FrameEntry, Record, ReplayState, ThreadState};

use crate::error::InterpretError;
use crate::moment::Moment;
use crate::program::{ImageTypes, Program};
use crate::values::{Contents, Decoder, Limits};

/// The type that std collects the bytes in.
const BUFFER_TYPE: &str = "alloc::vec::Vec<u8, alloc::alloc::Global>";
/// The root file of the test harness, as its unit is called.
const HARNESS: &str = "library/test/src/lib.rs";
/// The most bytes of a block in which a buffer is looked for.
const HOLDER_BYTES: u64 = 512;
/// How many calls are looked through for the one that began a print.
const CALLS: usize = 16;
/// Size of a word in bytes.
const WORD: u64 = 8;

/// Where a program keeps what its tests print.
pub(crate) struct CaptureSlot {
    place: ThreadLocalSymbol,
    buffer: TypeId,
    buffer_size: u64,
}

/// Whether a program is a test harness that keeps what tests print.
pub(crate) enum Capturing {
    /// It is, and this is where.
    At(CaptureSlot),
    /// It is none.
    No,
    /// It is, but where it keeps it is not known, for this reason.
    Unknown(&'static str),
}

impl Capturing {
    /// Looks an executable through.
    pub(crate) fn of(image: &Image<'_>) -> Self {
        if !image
            .units()
            .iter()
            .any(|unit| unit.name.ends_with(HARNESS))
        {
            return Self::No;
        }
        let Some(place) = image.output_capture() else {
            return Self::Unknown(
                "the executable has no symbol of the standard library's variable",
            );
        };
        let buffer = image.type_named(BUFFER_TYPE);
        match buffer.and_then(|buffer| Some((buffer, image.ty(buffer).size?))) {
            Some((buffer, buffer_size)) => Self::At(CaptureSlot {
                place,
                buffer,
                buffer_size,
            }),
            None => Self::Unknown("the debug information has no layout of `Vec<u8>`"),
        }
    }
}

/// What happened to what is captured: an event of a thread, with the step it belongs to.
pub(crate) struct Happened {
    pub kind: EventKind,
    pub step: Option<StepNumber>,
    pub site: Option<SiteId>,
}

/// Where the bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Buffer {
    data: RuntimeAddress,
    length: u64,
}

/// Where a thread was when its prints were last seen to be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// The block that the thread-local leads to.
    holder: BlockId,
    address: RuntimeAddress,
    step: StepNumber,
    site: SiteId,
    /// Whether a print is in progress, with user code running inside it.
    printing: Printing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Printing {
    Yes,
    No,
}

/// Follows what tests print from stop to stop.
pub(crate) struct Captured<'p, 'r> {
    program: &'p Program<'r>,
    threads: FxHashMap<ThreadId, Seen>,
    /// How many bytes of each buffer were told, by the block that holds it.
    told: FxHashMap<BlockId, u64>,
    /// The bytes of the block looked into last, and what was found.
    last: Option<(RuntimeAddress, Vec<u8>, Buffer)>,
    problems_told: Vec<&'static str>,
}

impl<'p, 'r> Captured<'p, 'r> {
    /// Before the first stop.
    pub(crate) fn new(program: &'p Program<'r>) -> Self {
        Self {
            program,
            threads: FxHashMap::default(),
            told: FxHashMap::default(),
            last: None,
            problems_told: Vec::new(),
        }
    }

    /// At a stop that was not walked to: what was printed up to here counts as told.
    ///
    /// # Errors
    ///
    /// When the recording cannot be read at an earlier stop.
    pub(crate) fn start_at(&mut self, state: &ReplayState) -> Result<(), InterpretError> {
        let Some(slot) = self.program.capture_slot() else {
            return Ok(());
        };
        for thread in state.threads.iter().filter(|thread| !thread.ended) {
            let Some(top) = thread.top() else { continue };
            match holder(slot, state, thread) {
                Some(block) => {
                    let told = self.length(slot, state, block);
                    self.remember(thread.id, block, top, Printing::No);
                    self.count(block.id, told);
                }
                None => self.find_print(slot, thread)?,
            }
        }
        Ok(())
    }

    /// Looks for the call that began a print, at whose own last stop the thread-local was filled.
    fn find_print(
        &mut self,
        slot: &CaptureSlot,
        thread: &ThreadState,
    ) -> Result<(), InterpretError> {
        let callers = thread.frames.len().saturating_sub(1);
        let callers = thread.frames.get(..callers).unwrap_or_default();
        // What never is captured is not when the outermost call begins.
        let outermost = callers.first().into_iter();
        for (asked, frame) in outermost
            .chain(callers.iter().rev().take(CALLS))
            .enumerate()
        {
            let cursor = self.program.recording.cursor_at(frame.stop)?;
            let then = cursor.state();
            let block = then
                .threads
                .get(thread.id)
                .and_then(|thread| holder(slot, then, thread));
            match block {
                None if asked == 0 => return Ok(()),
                Some(block) if asked > 0 => {
                    let told = self.length(slot, then, block);
                    self.remember(thread.id, block, frame, Printing::Yes);
                    self.count(block.id, told);
                    return Ok(());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What a record shows to have been printed before it.
    pub(crate) fn note(&mut self, state: &ReplayState, record: &Record) -> Vec<Happened> {
        let (Record::Stop(stop), Some(slot)) = (record, self.program.capture_slot()) else {
            return Vec::new();
        };
        let Some(thread) = state.threads.get(stop.thread) else {
            return Vec::new();
        };
        let Some(top) = thread.top() else {
            return Vec::new();
        };
        let Some(block) = holder(slot, state, thread) else {
            self.begin_print(thread);
            return Vec::new();
        };
        let before = self.threads.get(&thread.id).copied();
        let before = before.filter(|before| before.holder == block.id);
        self.remember(thread.id, block, top, Printing::No);
        let mut happened = Vec::new();
        let mut tell = |kind| {
            happened.push(Happened {
                kind,
                step: before.map(|before| before.step),
                site: before.map(|before| before.site),
            });
        };
        let Some(buffer) = self.buffer(slot, state, block) else {
            let why = "what the test harness captures is not known: its buffer was not found";
            if let Some(kind) = self.problem(why) {
                tell(kind);
            }
            return happened;
        };
        let told = self.told.insert(block.id, buffer.length).unwrap_or(0);
        if buffer.length > told {
            let bytes = bytes(state, buffer);
            let new = bytes.get(told as usize..).unwrap_or_default();
            if !new.is_empty() {
                tell(EventKind::Output {
                    stream: OutputStream::Captured,
                    text: String::from_utf8_lossy(new).into(),
                });
            }
            if (bytes.len() as u64) < buffer.length {
                let why = "of what the test harness captures, only the beginning is recorded: its \
                           buffer is larger than what is read of a block";
                if let Some(kind) = self.problem(why) {
                    tell(kind);
                }
            }
        }
        happened
    }

    /// User code stops inside a print: what is printed belongs to the call below it.
    fn begin_print(&mut self, thread: &ThreadState) {
        let Some(seen) = self.threads.get_mut(&thread.id) else {
            return;
        };
        if seen.printing == Printing::Yes {
            return;
        }
        seen.printing = Printing::Yes;
        let below = thread.frames.len().checked_sub(2);
        if let Some(caller) = below.and_then(|below| thread.frames.get(below)) {
            (seen.step, seen.site) = (caller.step, caller.site);
        }
    }

    /// What was captured of the test that a thread belongs to; of the only one there is, when the
    /// thread belongs to none.
    pub(crate) fn text(&mut self, state: &ReplayState, thread: ThreadId) -> Vec<u8> {
        let Some(slot) = self.program.capture_slot() else {
            return Vec::new();
        };
        let block = self.holder_of(slot, state, thread).or_else(|| {
            let threads = state.threads.iter().filter(|other| !other.ended);
            let mut all = threads.filter_map(|other| self.holder_of(slot, state, other.id));
            let first = all.next()?;
            all.all(|other| other.id == first.id).then_some(first)
        });
        let buffer = block.and_then(|block| self.buffer(slot, state, block));
        buffer.map_or_else(Vec::new, |buffer| bytes(state, buffer))
    }

    fn holder_of<'s>(
        &self,
        slot: &CaptureSlot,
        state: &'s ReplayState,
        thread: ThreadId,
    ) -> Option<&'s BlockEntry> {
        let thread = state.threads.get(thread)?;
        holder(slot, state, thread).or_else(|| {
            let seen = self.threads.get(&thread.id)?;
            let block = state.blocks.at(seen.address)?;
            (block.id == seen.holder).then_some(block)
        })
    }

    fn remember(
        &mut self,
        thread: ThreadId,
        block: &BlockEntry,
        frame: &FrameEntry,
        printing: Printing,
    ) {
        let seen = Seen {
            holder: block.id,
            address: block.address,
            step: frame.step,
            site: frame.site,
            printing,
        };
        self.threads.insert(thread, seen);
    }

    fn count(&mut self, holder: BlockId, length: u64) {
        let told = self.told.entry(holder).or_insert(0);
        *told = length.max(*told);
    }

    fn length(&mut self, slot: &CaptureSlot, state: &ReplayState, block: &BlockEntry) -> u64 {
        self.buffer(slot, state, block)
            .map_or(0, |buffer| buffer.length)
    }

    /// A problem, the first time.
    fn problem(&mut self, why: &'static str) -> Option<EventKind> {
        if self.problems_told.contains(&why) {
            return None;
        }
        self.problems_told.push(why);
        Some(EventKind::Limit { what: why.into() })
    }

    /// The buffer inside a block; `None` when it is not known.
    fn buffer(
        &mut self,
        slot: &CaptureSlot,
        state: &ReplayState,
        block: &BlockEntry,
    ) -> Option<Buffer> {
        let holder = state.memory.read(block.address, block.size)?;
        match &self.last {
            Some((address, known, found)) if *address == block.address && *known == holder => {
                return Some(*found);
            }
            _ => {}
        }
        let found = find_buffer(self.program, slot, state, block, &holder)?;
        self.last = Some((block.address, holder, found));
        Some(found)
    }
}

/// The one block that a thread's thread-local leads to; `None` while a print runs, and where nothing
/// is captured.
fn holder<'s>(
    slot: &CaptureSlot,
    state: &'s ReplayState,
    thread: &ThreadState,
) -> Option<&'s BlockEntry> {
    if thread.ended || thread.thread_pointer.0 == 0 {
        return None;
    }
    let pointer = thread.thread_pointer.0;
    let start = pointer.wrapping_add_signed(slot.place.from_thread_pointer);
    let words = (0..slot.place.size / WORD).map(|index| start.wrapping_add(index * WORD));
    let mut blocks = words.filter_map(|at| {
        let word = state.memory.read_u64(RuntimeAddress(at))?;
        state.blocks.containing(RuntimeAddress(word))
    });
    let block = blocks.next()?;
    let usable = block.is_tracked() && block.size <= HOLDER_BYTES && blocks.next().is_none();
    usable.then_some(block)
}

/// Looks for the one `Vec<u8>` in a block whose pointer and capacity are those of a live block. A
/// block without any pointer has an empty one.
fn find_buffer(
    program: &Program<'_>,
    slot: &CaptureSlot,
    state: &ReplayState,
    block: &BlockEntry,
    holder: &[u8],
) -> Option<Buffer> {
    let (words, _) = holder.as_chunks::<8>();
    let leads_on = |word: &[u8; 8]| {
        let target = RuntimeAddress(u64::from_le_bytes(*word));
        state.blocks.containing(target).is_some()
    };
    if !words.iter().any(leads_on) {
        return Some(Buffer::default());
    }
    let moment = Moment::new(state, program);
    let types = ImageTypes {
        image: &program.image,
        bias: moment.bias,
    };
    // Only the pointer is wanted, not the text.
    let limits = Limits {
        elements: 0,
        cells: 1,
        depth: 1,
        nodes: 8,
        ..Limits::default()
    };
    let decoder = Decoder::with_fits(&types, &moment, limits, Arc::clone(&program.fits));
    let places = block.size.checked_sub(slot.buffer_size)? / WORD;
    let mut found = (0..=places).filter_map(|place| {
        let at = RuntimeAddress(block.address.0.checked_add(place * WORD)?);
        let decoded = decoder.decode(slot.buffer, at);
        let allocation = decoded
            .pointers
            .into_iter()
            .find_map(|pointer| pointer.allocation)?;
        let target = state.blocks.at(allocation.start)?;
        let length = match allocation.contents {
            Contents::Elements { initialised, .. } | Contents::Bytes { initialised, .. } => {
                initialised
            }
            _ => return None,
        };
        let fits = allocation.size == Some(target.size) && length <= target.size;
        fits.then_some(Buffer {
            data: target.address,
            length,
        })
    });
    let buffer = found.next()?;
    found.next().is_none().then_some(buffer)
}

/// The bytes of a buffer, as far as they were recorded.
fn bytes(state: &ReplayState, buffer: Buffer) -> Vec<u8> {
    let known = state.memory.known_prefix(buffer.data, buffer.length);
    state.memory.read(buffer.data, known).unwrap_or_default()
}
