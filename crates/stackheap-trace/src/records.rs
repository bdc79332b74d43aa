//! What a recording consists of: one record for each thing that was observed, in one global order.

use stackheap_model::{
    LoadBias, OutputStream, Register, RegisterSet, RuntimeAddress, SiteId, ThreadId,
};

/// The position of a record in the global order, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// The general registers of a thread at a stop, in DWARF's numbering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Registers {
    /// The values; a register that is not in `known` has 0 here.
    pub values: [u64; Register::COUNT],
    /// Which of the values were read.
    pub known: RegisterSet,
}

impl Registers {
    /// The registers of which the values in `known` were read; all others become 0.
    pub fn new(values: [u64; Register::COUNT], known: RegisterSet) -> Self {
        let mut registers = Self { values, known };
        for (number, value) in registers.values.iter_mut().enumerate() {
            // All ones for a register in the set, 0 for others.
            *value &= u64::from(known.0 >> number & 1).wrapping_neg();
        }
        registers
    }

    /// The value of a register, or `None` when it was not read.
    pub fn get(&self, register: Register) -> Option<u64> {
        // A number of 16 or more is no register of the set: the shift must not overflow.
        let bit = 1u16.checked_shl(u32::from(register.0))?;
        if self.known.0 & bit == 0 {
            return None;
        }
        self.values.get(usize::from(register.0)).copied()
    }

    /// The stack pointer, where it was read.
    pub fn stack_pointer(&self) -> Option<RuntimeAddress> {
        self.get(Register::RSP).map(RuntimeAddress)
    }
}

/// Bytes as they are at a stop, in the owned form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Where the first byte lies.
    pub address: RuntimeAddress,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Bytes as they are at a stop, as a part of a buffer that the caller owns: what
/// [`Memory::compare`](crate::Memory::compare) gives and [`StopRef`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchRef {
    /// Where the first byte lies in the observed process.
    pub address: RuntimeAddress,
    /// Where the first byte lies in the buffer.
    pub start: usize,
    /// How many bytes.
    pub len: usize,
}

/// A range of addresses: `low` belongs to it, `high` does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressRange {
    /// The first address.
    pub low: RuntimeAddress,
    /// The address behind the last one.
    pub high: RuntimeAddress,
}

impl AddressRange {
    /// Whether `address` lies in the range.
    pub fn contains(&self, address: RuntimeAddress) -> bool {
        self.low <= address && address < self.high
    }

    /// How many bytes it has; 0 when `high` is not above `low`.
    pub fn len(&self) -> u64 {
        self.high.0.saturating_sub(self.low.0)
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One passing of a site by a thread: what was read before the instruction at the site ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The thread.
    pub thread: ThreadId,
    /// The site.
    pub site: SiteId,
    /// The registers.
    pub registers: Registers,
    /// The bytes that are not as the replayed memory had them, on the stack, in statics and in
    /// tracked blocks.
    pub patches: Vec<Patch>,
    /// The part of the stack whose bytes, together with `patches`, are current at this stop.
    pub captured: AddressRange,
}

/// A stop in the borrowed form that the recorder writes: no allocation for a patch.
#[derive(Clone, Copy, Debug)]
pub struct StopRef<'a> {
    /// The thread.
    pub thread: ThreadId,
    /// The site.
    pub site: SiteId,
    /// The registers.
    pub registers: Registers,
    /// The bytes that changed, as parts of `bytes`.
    pub patches: &'a [PatchRef],
    /// The buffer that `patches` point into.
    pub bytes: &'a [u8],
    /// The part of the stack whose bytes, together with `patches`, are current at this stop.
    pub captured: AddressRange,
}

impl<'a> StopRef<'a> {
    /// The patches as addresses and bytes. A patch that points outside of `bytes` is left out.
    pub fn patches(&self) -> impl Iterator<Item = (RuntimeAddress, &'a [u8])> + use<'a> {
        let bytes = self.bytes;
        self.patches.iter().filter_map(move |patch| {
            let end = patch.start.checked_add(patch.len)?;
            Some((patch.address, bytes.get(patch.start..end)?))
        })
    }

    /// The owned form.
    pub fn to_stop(&self) -> Stop {
        Stop {
            thread: self.thread,
            site: self.site,
            registers: self.registers,
            patches: self
                .patches()
                .map(|(address, bytes)| Patch {
                    address,
                    bytes: bytes.to_vec(),
                })
                .collect(),
            captured: self.captured,
        }
    }
}

/// What the bytes of a new block are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fill {
    /// Whatever was there.
    #[default]
    Uninitialised,
    /// Zeroes, as the program asked for.
    Zeroed,
}

/// Why the bytes of a block are no longer read at every stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Untracked {
    /// All tracked blocks together had reached this many bytes.
    OverBudget {
        /// The budget in bytes.
        bytes: u64,
    },
    /// The block is larger than what is read of one block.
    TooLarge {
        /// The limit in bytes.
        bytes: u64,
    },
    /// Nothing that is captured points at it.
    Unreachable,
    /// It was not changed for long and gave its room to others.
    Idle,
    /// Reading its bytes failed.
    Unreadable {
        /// The system's error number.
        errno: i32,
    },
}

/// What a mapping permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions(pub u8);

impl Permissions {
    /// It can be read.
    pub const READ: Self = Self(1);
    /// It can be written.
    pub const WRITE: Self = Self(2);
    /// It can be executed.
    pub const EXECUTE: Self = Self(4);
    /// It is shared with others.
    pub const SHARED: Self = Self(8);

    /// Both sets together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is permitted.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One mapping of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRegion {
    /// The first address.
    pub low: RuntimeAddress,
    /// The address behind the last one.
    pub high: RuntimeAddress,
    /// What it permits.
    pub permissions: Permissions,
    /// Where in its file it begins, in bytes.
    pub offset: u64,
    /// The file's path or the kernel's name such as `[heap]`; empty for an anonymous mapping.
    pub name: String,
}

/// A bound that was reached: from here on something is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// This many stops were recorded; no more are.
    MaxStops(u64),
    /// The recording has this many bytes; no more stops are recorded.
    MaxBytes(u64),
    /// A site was passed this often; further passings are not recorded.
    SiteThrottled {
        /// The site.
        site: SiteId,
        /// How often it was recorded.
        after: u64,
    },
    /// The program wrote more than is kept.
    OutputCut {
        /// Where to.
        stream: OutputStream,
        /// How many bytes are kept.
        kept: u64,
    },
    /// Only this many bytes of a thread's stack are read at a stop.
    StackWindow {
        /// The thread.
        thread: ThreadId,
        /// How many bytes, from the stack pointer upwards.
        bytes: u64,
    },
    /// The tracked blocks together have reached this many bytes.
    HeapBudget {
        /// The budget in bytes.
        bytes: u64,
    },
    /// Records were lost because a buffer was full.
    BufferFull {
        /// How many, at least.
        lost: u64,
    },
    /// The replayed memory has reached this many bytes; further bytes are not kept.
    Memory {
        /// The limit in bytes.
        bytes: u64,
    },
    /// Something else, in words.
    Other(String),
}

/// How the run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It exited with this status.
    Exited(i32),
    /// A signal of this number ended it.
    Signalled(i32),
    /// The user interrupted the recording.
    Interrupted,
    /// A limit was reached and the program went on without being recorded.
    Detached,
    /// The recorder could not go on, with the reason.
    RecorderStopped(String),
}

/// One thing that was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A thread passed a site.
    Stop(Stop),
    /// A block was allocated. Stamped after the allocator's work.
    Alloc {
        /// The thread.
        thread: ThreadId,
        /// Where the block begins.
        address: RuntimeAddress,
        /// The size asked for, in bytes.
        size: u64,
        /// The alignment asked for, in bytes; `None` where the mechanism does not see it.
        align: Option<u64>,
        /// What its bytes are.
        fill: Fill,
        /// Where the call returns to.
        return_address: RuntimeAddress,
        /// The stack pointer at the call.
        stack_pointer: RuntimeAddress,
    },
    /// A reallocation began. Stamped before the allocator's work.
    ReallocBegin {
        /// The thread.
        thread: ThreadId,
        /// Where the block begins.
        address: RuntimeAddress,
        /// Its size before as the caller states it, in bytes; `None` where the mechanism does not
        /// see it.
        old_size: Option<u64>,
        /// Its alignment, in bytes; `None` where the mechanism does not see it.
        align: Option<u64>,
        /// The size asked for, in bytes.
        new_size: u64,
        /// Where the call returns to.
        return_address: RuntimeAddress,
        /// The stack pointer at the call.
        stack_pointer: RuntimeAddress,
    },
    /// The pending reallocation of the same thread ended. Stamped after the allocator's work.
    ReallocEnd {
        /// The thread.
        thread: ThreadId,
        /// Where the block is now; `None` when it failed and the old block stays.
        address: Option<RuntimeAddress>,
    },
    /// A block was freed. Stamped before the allocator's work.
    Free {
        /// The thread.
        thread: ThreadId,
        /// Where the block began.
        address: RuntimeAddress,
        /// Where the call returns to.
        return_address: RuntimeAddress,
        /// The stack pointer at the call.
        stack_pointer: RuntimeAddress,
    },
    /// The program wrote something.
    Output {
        /// The thread.
        thread: ThreadId,
        /// Where to.
        stream: OutputStream,
        /// What.
        bytes: Vec<u8>,
    },
    /// A thread started.
    ThreadStart {
        /// The thread.
        thread: ThreadId,
        /// The system's number of it.
        os_id: u32,
        /// Its name, where it has one.
        name: Option<String>,
        /// The lowest address its stack may use; 0 together with `stack_high` when not known.
        stack_low: RuntimeAddress,
        /// The address above its stack.
        stack_high: RuntimeAddress,
        /// How large the stack may become, in bytes; `None` when not known.
        limit: Option<u64>,
        /// The thread pointer (`fs` base on x86-64); thread-locals lie at fixed distances of it.
        thread_pointer: RuntimeAddress,
    },
    /// A thread got a name.
    ThreadName {
        /// The thread.
        thread: ThreadId,
        /// The name.
        name: String,
    },
    /// A thread ended.
    ThreadEnd {
        /// The thread.
        thread: ThreadId,
    },
    /// A panic began to unwind the thread.
    Unwind {
        /// The thread.
        thread: ThreadId,
    },
    /// A signal was delivered.
    Signal {
        /// The thread.
        thread: ThreadId,
        /// Its number.
        number: i32,
        /// The address it is about, for faults.
        address: Option<RuntimeAddress>,
    },
    /// From the next stop on, the bytes of a live block are current at every stop. Tracking ends
    /// with [`Record::Untracked`], with the block, and when the block is moved by a reallocation.
    Tracked {
        /// Where the block begins.
        address: RuntimeAddress,
    },
    /// From here on they are not; they were current at the last stop.
    Untracked {
        /// Where the block begins.
        address: RuntimeAddress,
        /// Why.
        why: Untracked,
    },
    /// The executable was loaded.
    Loaded {
        /// How far from where the linker put it.
        bias: LoadBias,
    },
    /// The mappings of the process, as read just now.
    Map {
        /// The mappings, by address.
        regions: Vec<MapRegion>,
    },
    /// How long the program had been running when this was written. As often as the recorder
    /// likes; between two of these nothing is known of time.
    Clock {
        /// Nanoseconds since the program started.
        elapsed_ns: u64,
    },
    /// A bound was reached.
    Limit(Limit),
    /// The process replaced its program: all that was known of its memory is void.
    Exec {
        /// The thread that goes on.
        thread: ThreadId,
        /// The new program.
        path: String,
    },
    /// The process made a child, which is not recorded.
    Fork {
        /// The thread.
        thread: ThreadId,
        /// The system's number of the child.
        child: u32,
    },
    /// The run ended.
    Outcome(Outcome),
}

impl Record {
    /// The thread the record is about; `None` for records about the whole process.
    pub fn thread(&self) -> Option<ThreadId> {
        match self {
            Record::Stop(stop) => Some(stop.thread),
            Record::Alloc { thread, .. }
            | Record::ReallocBegin { thread, .. }
            | Record::ReallocEnd { thread, .. }
            | Record::Free { thread, .. }
            | Record::Output { thread, .. }
            | Record::ThreadStart { thread, .. }
            | Record::ThreadName { thread, .. }
            | Record::ThreadEnd { thread }
            | Record::Unwind { thread }
            | Record::Signal { thread, .. }
            | Record::Exec { thread, .. }
            | Record::Fork { thread, .. } => Some(*thread),
            Record::Tracked { .. }
            | Record::Untracked { .. }
            | Record::Loaded { .. }
            | Record::Map { .. }
            | Record::Clock { .. }
            | Record::Limit(_)
            | Record::Outcome(_) => None,
        }
    }
}
