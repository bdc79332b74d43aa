//! The memory of the process at one stop, with the reason wherever a byte of it is not known.

use stackheap_image::Image;
use stackheap_model::{LoadBias, Region, RuntimeAddress, ThreadId, Unknown};
use stackheap_trace::{Permissions, ReplayState, Untracked};

use crate::program::Program;
use crate::values::Memory;

/// The system maps nothing below this address, so that null pointers always fault.
const NEVER_MAPPED_BYTES: u64 = 0x1000;

/// The memory at one stop.
pub(crate) struct Moment<'s, 'r> {
    pub state: &'s ReplayState,
    pub image: &'s Image<'r>,
    pub bias: LoadBias,
    program: &'s Program<'r>,
}

impl<'s, 'r> Moment<'s, 'r> {
    pub(crate) fn new(state: &'s ReplayState, program: &'s Program<'r>) -> Self {
        Self {
            state,
            image: &program.image,
            bias: state.bias.unwrap_or_default(),
            program,
        }
    }

    /// The thread on whose stack an address lies.
    pub(crate) fn stack_of(&self, at: RuntimeAddress) -> Option<ThreadId> {
        let mut threads = self.state.threads.iter();
        threads
            .find(|thread| {
                // A thread may have been on another stack than its own, such as a coroutine's.
                !thread.ended && (thread.is_on_stack(at) || thread.captured.contains(at))
            })
            .map(|thread| thread.id)
    }

    /// The region an address lies in.
    pub(crate) fn region(&self, at: RuntimeAddress) -> Region {
        if self.state.blocks.containing(at).is_some() {
            return Region::Heap;
        }
        if self.stack_of(at).is_some() {
            return Region::Stack;
        }
        if let Some(region) = self.image.section_kind_at(self.bias.to_image(at)) {
            return region;
        }
        if self.is_thread_local(at) {
            return Region::Tls;
        }
        if self.was_a_block(at) {
            return Region::Heap;
        }
        let mapping = self
            .state
            .regions
            .iter()
            .find(|map| map.low <= at && at < map.high);
        match mapping {
            Some(map) if map.name == "[heap]" => Region::Foreign,
            Some(map) if map.permissions.contains(Permissions::EXECUTE) => Region::Code,
            Some(map) if map.name.is_empty() => Region::Foreign,
            Some(_) => Region::Mapped,
            // Pointers without memory behind them, such as that of an empty `Vec`, hold an alignment.
            None if at.0 < NEVER_MAPPED_BYTES => Region::None,
            // Mapped after the list was read; the allocator of C takes such memory.
            None => Region::Foreign,
        }
    }

    fn is_thread_local(&self, at: RuntimeAddress) -> bool {
        let size = self.image.facts().tls_size;
        self.state.threads.iter().any(|thread| {
            let pointer = thread.thread_pointer.0;
            pointer != 0 && at.0 < pointer && pointer - at.0 <= size.next_multiple_of(64)
        })
    }

    /// Whether an address lay in a block that is freed. But for stacks and statics only blocks are
    /// read, so what is known was one; and it stays known until another block is there.
    fn was_a_block(&self, at: RuntimeAddress) -> bool {
        self.state.memory.is_known(at, 1) && !self.was_a_stack(at)
    }

    /// Whether an address lay on the stack of a thread that has ended.
    fn was_a_stack(&self, at: RuntimeAddress) -> bool {
        let mut threads = self.state.threads.iter();
        threads.any(|thread| thread.ended && thread.stack_high.0 != 0 && thread.is_on_stack(at))
    }

    fn why_unknown(&self, at: RuntimeAddress, len: usize) -> Unknown {
        if let Some(block) = self.state.blocks.containing(at) {
            if at.0 + len as u64 > block.end().0 {
                return Unknown::because(format!(
                    "reaches beyond the end of heap block #{}",
                    block.id
                ));
            }
            return Unknown::because(match block.untracked_because() {
                Some(Untracked::OverBudget { bytes }) => {
                    format!("not captured: over the byte budget of {bytes}")
                }
                Some(Untracked::TooLarge { bytes }) => {
                    format!("not captured: only the first {bytes} bytes of a block are")
                }
                Some(Untracked::Unreadable { errno }) => {
                    format!("not captured: reading failed with error {errno}")
                }
                _ if block.is_tracked() => {
                    "not captured: over the byte budget of one block".to_owned()
                }
                _ => "not captured: nothing captured points at it".to_owned(),
            });
        }
        let region = self.region(at);
        if let Some(why) =
            self.why_static_unknown(at.offset((len as u64).saturating_sub(1)), region)
        {
            return why;
        }
        Unknown::because(match region {
            Region::Stack => "not captured: outside the part of the stack that was read",
            Region::Static => "not captured: a static that is not of user code",
            Region::Tls => "not captured: a thread-local that is not of user code",
            Region::Foreign if self.was_a_stack(at) => "the thread whose stack was there has ended",
            Region::Heap => "the heap block that was there is freed",
            Region::Foreign => "not captured: no live block of the Rust allocator is there",
            Region::Mapped => "not captured: a mapping of another file",
            Region::Code => "not captured: machine code",
            Region::None => "no memory is there",
            _ => "not captured",
        })
    }

    /// Why a place in a static or thread-local of user code is not known.
    fn why_static_unknown(&self, at: RuntimeAddress, region: Region) -> Option<Unknown> {
        let captured = match region {
            Region::Static => self.program.captured_of_static(self.bias.to_image(at)),
            Region::Tls => self.state.threads.iter().find_map(|thread| {
                let offset = at.0.wrapping_sub(thread.thread_pointer.0) as i64;
                self.program.captured_of_thread_local(offset)
            }),
            _ => None,
        };
        Some(Unknown::because(match captured? {
            0 => format!(
                "not captured: over the byte budget of {} for all statics",
                self.program.captured_of_all_statics()
            ),
            bytes => format!("not captured: only the first {bytes} bytes of this static are"),
        }))
    }
}

/// Where what lies at an address is to be read.
enum Origin {
    /// In what was captured.
    Captured,
    /// In the image.
    Image,
    /// Nowhere.
    Nowhere,
}

impl Moment<'_, '_> {
    /// Whether reading at `at` gives these bytes.
    pub(crate) fn holds(&self, at: RuntimeAddress, bytes: &[u8]) -> bool {
        match self.origin(at, bytes.len()) {
            Origin::Captured => self.state.memory.holds(at, bytes),
            _ => self.read(at, bytes.len()).as_deref() == Ok(bytes),
        }
    }

    fn origin(&self, at: RuntimeAddress, len: usize) -> Origin {
        if at.0.checked_add(len as u64).is_none() {
            return Origin::Nowhere;
        }
        let readable = match self.region(at) {
            Region::Heap => self
                .state
                .blocks
                .containing(at)
                .is_some_and(|block| at.0 + len as u64 <= block.end().0),
            Region::Stack => self
                .stack_of(at)
                .and_then(|thread| self.state.threads.get(thread))
                .map(|thread| thread.captured)
                .is_some_and(|range| range.low <= at && at.0 + len as u64 <= range.high.0),
            Region::Static | Region::Tls => true,
            Region::Rodata => return Origin::Image,
            // What was captured there belonged to a block that is gone.
            _ => false,
        };
        if readable {
            Origin::Captured
        } else {
            Origin::Nowhere
        }
    }
}

impl Memory for Moment<'_, '_> {
    fn read(&self, at: RuntimeAddress, len: usize) -> Result<Vec<u8>, Unknown> {
        if at.0.checked_add(len as u64).is_none() {
            return Err(Unknown::because("reaches beyond the end of memory"));
        }
        let bytes = match self.origin(at, len) {
            Origin::Captured => self.state.memory.read(at, len as u64),
            Origin::Image => {
                let here = self.bias.to_image(at);
                self.image.read_static(here, len, self.bias)
            }
            Origin::Nowhere => None,
        };
        bytes.ok_or_else(|| self.why_unknown(at, len))
    }
}
