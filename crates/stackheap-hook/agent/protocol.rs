//! What the part inside the observed process and its reader agree on: the list of hooks, the
//! control block and the slots of the ring. This file is compiled into both, so that it exists
//! once.

/// A function that is hooked.
///
/// The first four are Rust's own allocation functions, through which every allocation of `alloc`
/// and `std` goes; they know size and alignment. The others are C's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Function {
    /// `__rust_alloc(size, align)`.
    Alloc = 0,
    /// `__rust_dealloc(pointer, size, align)`.
    Dealloc = 1,
    /// `__rust_realloc(pointer, old_size, align, new_size)`.
    Realloc = 2,
    /// `__rust_alloc_zeroed(size, align)`.
    AllocZeroed = 3,
    /// C's `malloc(size)`.
    CMalloc = 4,
    /// C's `free(pointer)`.
    CFree = 5,
    /// C's `calloc(count, size)`.
    CCalloc = 6,
    /// C's `realloc(pointer, size)`.
    CRealloc = 7,
    /// C's `posix_memalign(out, align, size)`.
    CPosixMemalign = 8,
    /// C's `aligned_alloc(align, size)`.
    CAlignedAlloc = 9,
    /// C's `memalign(align, size)`.
    CMemalign = 10,
}

impl Function {
    /// How many functions there are.
    pub const COUNT: usize = 11;

    /// All functions, by number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Alloc,
        Self::Dealloc,
        Self::Realloc,
        Self::AllocZeroed,
        Self::CMalloc,
        Self::CFree,
        Self::CCalloc,
        Self::CRealloc,
        Self::CPosixMemalign,
        Self::CAlignedAlloc,
        Self::CMemalign,
    ];

    /// The name by which it is called: without the compiler's mangling.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alloc => "__rust_alloc",
            Self::Dealloc => "__rust_dealloc",
            Self::Realloc => "__rust_realloc",
            Self::AllocZeroed => "__rust_alloc_zeroed",
            Self::CMalloc => "malloc",
            Self::CFree => "free",
            Self::CCalloc => "calloc",
            Self::CRealloc => "realloc",
            Self::CPosixMemalign => "posix_memalign",
            Self::CAlignedAlloc => "aligned_alloc",
            Self::CMemalign => "memalign",
        }
    }
}

/// The control block: what the hooks read. It lies in the private memory of the observed process,
/// so that a forked child can be switched off without its parent.
#[derive(Debug)]
#[repr(C)]
pub struct Control {
    /// Not zero: log. Zero: call through.
    pub enabled: u64,
    /// Address of the ring's position counter.
    pub head: u64,
    /// Address of the first slot.
    pub slots: u64,
    /// The number of slots is two to this power.
    pub slots_log2: u64,
    /// Callers from here ...
    pub inner_low: u64,
    /// ... to before here are C's allocator itself: its calls of its own functions are not logged.
    pub inner_high: u64,
    /// The hooks' own code starts here ...
    pub text_low: u64,
    /// ... and ends before here. A call that returns into it is a jump from the function that the
    /// hook called through to: an inner call as well.
    pub text_high: u64,
    /// The functions to call through to, by [`Function`].
    pub originals: [u64; Function::COUNT],
}

/// One slot of the ring: a cache line, so that no two threads write to one.
///
/// The state of a slot is its header: [`free_header`] of a lap, or [`full_header`] of it. Only the
/// reader makes a slot free again; only the thread that took the slot's position makes it full.
/// Memory full of zeros is a ring whose slots are free in lap 0.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Slot {
    /// Function, kind, alignment and lap; written last.
    pub header: u64,
    /// Takers of positions below this one whose turn it is not leave the slot alone and take
    /// another position; written by the reader when it passes a slot that was taken and not filled.
    pub skip: u64,
    /// `fs:[0]` of the thread.
    pub thread_pointer: u64,
    /// The block: the one given to a free and at the start of a reallocation, else the result.
    pub address: u64,
    /// Size in bytes; the old one in a free and at the start of a reallocation.
    pub size: u64,
    /// At the start of a reallocation the new size, at its end the old address.
    pub extra: u64,
    /// The return address of the call.
    pub return_address: u64,
    /// The stack pointer at the entry of the function: there lies the return address.
    pub stack_pointer: u64,
}

/// Distance of the position counter from the start of the ring, in bytes.
pub const HEAD_OFFSET: u64 = 0;
/// Distance of the first slot from the start of the ring, in bytes: a page, so that the counter
/// shares no cache line with a slot.
pub const SLOTS_OFFSET: u64 = 4096;
/// Size of a slot in bytes.
pub const SLOT_BYTES: u64 = 64;

/// An event's kind in a header: a block was allocated.
pub const KIND_ALLOCATED: u8 = 1;
/// A block is about to be freed.
pub const KIND_FREED: u8 = 2;
/// A block is about to be reallocated.
pub const KIND_REALLOC_BEGIN: u8 = 3;
/// A block was reallocated, or could not be.
pub const KIND_REALLOC_END: u8 = 4;

/// The alignment in a header where the function is not told any.
pub const UNKNOWN_ALIGN: u8 = 255;

/// The lap of a position: how often the ring was filled before it, in 32 bits.
#[inline(always)]
pub const fn lap(position: u64, slots_log2: u64) -> u32 {
    (position >> (slots_log2 & 63)) as u32
}

/// The header of a slot that is free for the taker of a position in this lap.
#[inline(always)]
pub const fn free_header(lap: u32) -> u64 {
    (lap as u64) << 32
}

/// What the taker of a position finds its slot to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Free, and the taker's.
    Own,
    /// Still in use in an earlier lap.
    Wait,
    /// To be left alone: the reader is, or will be, past the position without looking.
    Gone,
}

/// Whose turn a slot is, from its `skip` word and its header, which must be read in this order: the
/// reader writes them in the other one when it passes a slot, and in this one when it takes a slot
/// back into use.
#[inline(always)]
pub const fn turn(position: u64, lap: u32, skip: u64, header: u64) -> Turn {
    let ahead = ((header >> 32) as u32).wrapping_sub(lap) as i32;
    if header == free_header(lap) {
        Turn::Own
    } else if position < skip || ahead > 0 {
        Turn::Gone
    } else {
        Turn::Wait
    }
}

/// The header of a slot filled in this lap. `align_log2` may be [`UNKNOWN_ALIGN`].
#[inline(always)]
pub const fn full_header(lap: u32, function: Function, kind: u8, align_log2: u8) -> u64 {
    (lap as u64) << 32 | (function as u64) << 16 | (align_log2 as u64) << 8 | kind as u64
}
