//! What to write into a process so that its allocation functions go through the hooks.

use stackheap_model::{LoadBias, RuntimeAddress};

use crate::entry::{Entry, JUMP_BYTES, Way};
use crate::executable::Executable;
use crate::inspect::{c_functions, shims};
use crate::{ControlWrite, Function, HookError, Loaded};

/// How many bytes the trampoline area must have: a page.
pub const TRAMPOLINE_BYTES: u64 = 4096;

/// The functions of C without which a library is not an allocator.
const C_ESSENTIAL: [Function; 4] = [
    Function::CMalloc,
    Function::CFree,
    Function::CCalloc,
    Function::CRealloc,
];
/// From the first to behind the last of C's functions there is nothing but the allocator, if they
/// are no further apart than this.
const C_INNER_LIMIT: u64 = 256 << 10;
const INT3: u8 = 0xcc;

/// Bytes to be written over the code of the observed process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryWrite {
    /// Where.
    pub address: RuntimeAddress,
    /// What.
    pub bytes: Vec<u8>,
    /// What the file has there: the process must have the same before the write.
    pub original: Vec<u8>,
}

/// What to write to bring the hooks into effect, in this order: the trampolines, the slots, the
/// writes. No thread may run while they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patches {
    /// Code to be written to the start of the trampoline area, at most [`TRAMPOLINE_BYTES`] long.
    pub trampoline_bytes: Vec<u8>,
    /// Words of the control block.
    pub slots: Vec<ControlWrite>,
    /// The first bytes of each hooked function.
    pub writes: Vec<MemoryWrite>,
}

/// Hooks Rust's four allocation functions of an executable loaded at `bias`.
///
/// `trampolines` is an executable area of [`TRAMPOLINE_BYTES`] bytes, aligned to 16, within 2 GiB
/// of the executable; the hooks may be anywhere.
///
/// # Errors
///
/// The four are not there, or one of them cannot be patched: then none is. [`inspect`](crate::inspect)
/// tells this beforehand.
pub fn patches(
    elf: &[u8],
    bias: LoadBias,
    loaded: &Loaded,
    trampolines: RuntimeAddress,
) -> Result<Patches, HookError> {
    let executable = Executable::parse(elf)?;
    let (entries, _) = shims(&executable)?;
    write_entries(&entries, bias, loaded, trampolines)
}

/// Hooks C's allocation functions of a library (or of an executable that holds them) loaded at
/// `bias`: `malloc`, `free`, `calloc`, `realloc` and, where they exist, `posix_memalign`,
/// `aligned_alloc` and `memalign`.
///
/// Functions that are one and the same under two names are hooked once. Calls that the allocator
/// makes of its own functions are not logged. `trampolines` is as for [`patches`], but within 2 GiB
/// of the library, which is usually far from the executable. A library must have been relocated by
/// the dynamic loader before its functions are patched.
///
/// # Errors
///
/// One of the first four is not there, or one of those there cannot be patched: then none is.
pub fn malloc_patches(
    elf: &[u8],
    bias: LoadBias,
    loaded: &Loaded,
    trampolines: RuntimeAddress,
) -> Result<Patches, HookError> {
    let executable = Executable::parse(elf)?;
    let functions = c_functions(&executable);
    for essential in C_ESSENTIAL {
        if !functions.iter().any(|&(function, _)| function == essential) {
            let why = format!("{} is not among the file's functions", essential.name());
            return Err(HookError::NoFunctions { why });
        }
    }
    let mut entries: Vec<Entry> = Vec::new();
    for &(function, named) in &functions {
        if entries.iter().any(|entry| entry.address == named.address) {
            continue;
        }
        let code = executable.code_at(named.address).unwrap_or_default();
        entries.push(Entry::analyze(function, named.address, code, named.size)?);
    }
    let mut patches = write_entries(&entries, bias, loaded, trampolines)?;
    let low = functions.iter().map(|(_, named)| named.address).min();
    let high = functions
        .iter()
        .map(|(_, named)| named.address.0.saturating_add(named.size))
        .max();
    if let (Some(low), Some(high)) = (low, high)
        && high - low.0 <= C_INNER_LIMIT
    {
        let low = bias.to_runtime(low);
        patches
            .slots
            .extend(loaded.inner(low, RuntimeAddress(high.wrapping_add(bias.0))));
    }
    Ok(patches)
}

fn write_entries(
    entries: &[Entry],
    bias: LoadBias,
    loaded: &Loaded,
    trampolines: RuntimeAddress,
) -> Result<Patches, HookError> {
    let mut patches = Patches::default();
    for entry in entries {
        let start = bias.to_runtime(entry.address);
        let original = match entry.way {
            Way::Jump(target) => bias.to_runtime(target),
            Way::Moved { .. } => {
                let at = next_place(&mut patches.trampoline_bytes, trampolines);
                let code = entry.moved(bias, at)?.unwrap_or_default();
                patches.trampoline_bytes.extend(code);
                at
            }
        };
        patches
            .slots
            .push(loaded.original(entry.function, original));

        let hook = loaded.hook(entry.function);
        let jump = jump(start, hook).or_else(|_| {
            let at = next_place(&mut patches.trampoline_bytes, trampolines);
            patches.trampoline_bytes.extend(far_jump(hook));
            jump(start, at)
        })?;
        let mut bytes = jump.to_vec();
        // Whoever jumps there in spite of all stops, and does not run half an instruction.
        bytes.resize(entry.head.len(), INT3);
        patches.writes.push(MemoryWrite {
            address: start,
            bytes,
            original: entry.head.clone(),
        });
    }
    let bytes = patches.trampoline_bytes.len() as u64;
    if bytes > TRAMPOLINE_BYTES {
        return Err(HookError::TrampolinesFull {
            bytes,
            limit: TRAMPOLINE_BYTES,
        });
    }
    Ok(patches)
}

/// The next multiple of 16 in the trampolines.
fn next_place(trampolines: &mut Vec<u8>, start: RuntimeAddress) -> RuntimeAddress {
    trampolines.resize(trampolines.len().next_multiple_of(16), INT3);
    start.offset(trampolines.len() as u64)
}

/// `jmp rel32` at `from`.
fn jump(from: RuntimeAddress, to: RuntimeAddress) -> Result<[u8; JUMP_BYTES], HookError> {
    let behind = from.offset(JUMP_BYTES as u64);
    let distance = to.0.wrapping_sub(behind.0).cast_signed();
    let distance = i32::try_from(distance).map_err(|_| HookError::OutOfReach { from, to })?;
    let [a, b, c, d] = distance.to_le_bytes();
    Ok([0xe9, a, b, c, d])
}

/// `jmp [rip]` with the address behind it.
fn far_jump(to: RuntimeAddress) -> impl Iterator<Item = u8> {
    [0xff, 0x25, 0, 0, 0, 0]
        .into_iter()
        .chain(to.0.to_le_bytes())
}
