use std::fmt;

use stackheap_model::{ImageAddress, RuntimeAddress};

use crate::Function;

/// Why a hook cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookError {
    /// This build of the crate carries no in-process part.
    Unavailable {
        /// The target it was built for.
        target: &'static str,
    },
    /// A file is not what it should be.
    Elf {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        found: String,
    },
    /// The agent has a relocation that the loader does not know.
    Relocation {
        /// Its type, as `R_X86_64_*` is numbered.
        kind: u32,
        /// The place it asks to be changed.
        offset: ImageAddress,
    },
    /// An address that must lie at the start of a page does not.
    Unaligned {
        /// What lies there.
        what: &'static str,
        /// The address.
        address: RuntimeAddress,
    },
    /// The memory for the ring is too small.
    RingTooSmall {
        /// Its size in bytes.
        bytes: u64,
        /// The least size in bytes.
        least: u64,
    },
    /// An executable does not have the functions to be patched.
    NoFunctions {
        /// Why not.
        why: String,
    },
    /// A function's first instructions cannot be moved.
    Prologue {
        /// Which function.
        function: Function,
        /// Where it starts.
        address: ImageAddress,
        /// What stands in the way.
        why: String,
    },
    /// An address is too far away for a jump.
    OutOfReach {
        /// Where the jump would be.
        from: RuntimeAddress,
        /// Where it would lead.
        to: RuntimeAddress,
    },
    /// The code to be moved does not fit the trampoline area.
    TrampolinesFull {
        /// How many bytes it needs.
        bytes: u64,
        /// How many there are.
        limit: u64,
    },
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { target } => write!(
                f,
                "allocations can be observed on x86-64 Linux only, and this stackheap was built \
                 for {target}: use one built for x86_64-unknown-linux-gnu"
            ),
            Self::Elf { what, found } => write!(
                f,
                "expected {what} to be a 64-bit x86-64 ELF file, found {found}: name an \
                 executable built for this machine"
            ),
            Self::Relocation { kind, offset } => write!(
                f,
                "expected only R_X86_64_RELATIVE relocations in the allocation hooks, found type \
                 {kind} at {offset}: build stackheap with another linker"
            ),
            Self::Unaligned { what, address } => write!(
                f,
                "expected {what} at the start of a page, found it at {address}: choose a multiple \
                 of 4096"
            ),
            Self::RingTooSmall { bytes, least } => write!(
                f,
                "expected at least {least} bytes for the ring of allocations, found {bytes}: map \
                 more"
            ),
            Self::NoFunctions { why } => write!(
                f,
                "expected allocation functions that can be patched, found none: {why}; choose \
                 the mechanism that the inspection names"
            ),
            Self::Prologue {
                function,
                address,
                why,
            } => write!(
                f,
                "expected five bytes of code that can be moved at the start of {} at {address}, \
                 found {why}: use another mechanism",
                function.name()
            ),
            Self::OutOfReach { from, to } => write!(
                f,
                "expected {to} within 2 GiB of {from}, found it further away: place the \
                 trampolines nearer to the code"
            ),
            Self::TrampolinesFull { bytes, limit } => write!(
                f,
                "expected at most {limit} bytes of moved code, found {bytes}: use another \
                 mechanism"
            ),
        }
    }
}

impl std::error::Error for HookError {}
