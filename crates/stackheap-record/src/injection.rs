//! What is put into the process before its first instruction runs: the scratch area for displaced
//! instructions, the hooks that log allocations, and the memory they share with the recorder.

use std::fs::OpenOptions;
use std::io;

use object::{Object, ObjectSection};
use stackheap_hook::{Agent, ControlWrite, Loaded, MemoryWrite, Patches, Ring};
use stackheap_model::{LoadBias, RuntimeAddress};

use crate::maps::PAGE;
use crate::remote::Remote;
use crate::sys::memory::ProcessMemory;
use crate::sys::process::OsThread;
use crate::sys::ring::{SharedMapping, SharedRing};

/// Events the shared ring holds; it fits the second-level cache of common processors.
const RING_EVENTS: u32 = 1 << 15;

/// How allocations are logged.
pub(crate) struct AllocationLog {
    pub loaded: Loaded,
    pub shared: SharedRing,
    /// What was overwritten, to be undone in children and at the end.
    writes: Vec<MemoryWrite>,
}

/// The scratch area: trampolines of the hooks, the hooks, copies of instructions.
pub(crate) struct Scratch {
    pub trampolines: RuntimeAddress,
    pub agent: RuntimeAddress,
    pub copies: RuntimeAddress,
    pub copies_bytes: u64,
}

fn pages(bytes: u64) -> u64 {
    bytes.next_multiple_of(PAGE)
}

/// Maps the scratch area within reach of the image's code.
pub(crate) fn map_scratch(
    remote: &Remote<'_>,
    elf: &[u8],
    bias: LoadBias,
    agent_bytes: u64,
    copies_bytes: u64,
) -> io::Result<Scratch> {
    let trampolines_bytes = pages(stackheap_hook::TRAMPOLINE_BYTES);
    let agent_bytes = pages(agent_bytes);
    let copies_bytes = pages(copies_bytes);
    let total = trampolines_bytes + agent_bytes + copies_bytes;
    let (low, high) = image_extent(elf, bias);
    let base = map_near(remote, low, high, total)?;
    let trampolines = RuntimeAddress(base);
    let agent = trampolines.offset(trampolines_bytes);
    let copies = agent.offset(agent_bytes);
    for (start, bytes) in [(trampolines, trampolines_bytes), (copies, copies_bytes)] {
        protect(remote, start, bytes, libc::PROT_READ | libc::PROT_EXEC)?;
    }
    Ok(Scratch {
        trampolines,
        agent,
        copies,
        copies_bytes,
    })
}

/// Maps an area for trampolines and copies near a library that was loaded meanwhile; the first
/// pages are for trampolines.
pub(crate) fn map_near_library(
    remote: &Remote<'_>,
    low: RuntimeAddress,
    high: RuntimeAddress,
    copies_bytes: u64,
) -> io::Result<(RuntimeAddress, RuntimeAddress, u64)> {
    let trampolines_bytes = pages(stackheap_hook::TRAMPOLINE_BYTES);
    let copies_bytes = pages(copies_bytes);
    let total = trampolines_bytes + copies_bytes;
    let base = RuntimeAddress(map_near(remote, low.0, high.0, total)?);
    protect(remote, base, total, libc::PROT_READ | libc::PROT_EXEC)?;
    Ok((base, base.offset(trampolines_bytes), copies_bytes))
}

fn image_extent(elf: &[u8], bias: LoadBias) -> (u64, u64) {
    let mut low = u64::MAX;
    let mut high = 0;
    if let Ok(file) = object::File::parse(elf) {
        for section in file.sections().filter(|section| section.address() != 0) {
            low = low.min(section.address());
            high = high.max(section.address() + section.size());
        }
    }
    if low > high {
        (low, high) = (0, 0);
    }
    (low.wrapping_add(bias.0), high.wrapping_add(bias.0))
}

/// Maps `total` bytes at most a gigabyte away from `low..high`: below it first, since the heap
/// grows upwards from the image.
fn map_near(remote: &Remote<'_>, low: u64, high: u64, total: u64) -> io::Result<u64> {
    let mut last_error = io::Error::from_raw_os_error(libc::ENOMEM);
    let below = (1..16u64).filter_map(|n| {
        low.checked_sub(total + n * (32 << 20))
            .filter(|&at| at >= 0x10000)
            .map(|at| at / PAGE * PAGE)
    });
    let above = (4..16u64).map(|n| pages(high) + n * (64 << 20));
    for at in below.chain(above) {
        let arguments = [
            at,
            total,
            (libc::PROT_READ | libc::PROT_WRITE) as u64,
            (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE) as u64,
            u64::MAX,
            0,
        ];
        match remote.call(libc::SYS_mmap, arguments) {
            Ok(got) if got == at => return Ok(at),
            Ok(elsewhere) => {
                remote.call(libc::SYS_munmap, [elsewhere, total, 0, 0, 0, 0])?;
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

fn protect(
    remote: &Remote<'_>,
    start: RuntimeAddress,
    bytes: u64,
    protection: libc::c_int,
) -> io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    remote.call(
        libc::SYS_mprotect,
        [start.0, bytes, protection as u64, 0, 0, 0],
    )?;
    Ok(())
}

/// Makes memory that the process and the recorder share, without a name in the file system and
/// without an open file left in the process.
pub(crate) fn map_ring(
    remote: &Remote<'_>,
    memory: &ProcessMemory,
    process: OsThread,
    stack_pointer: u64,
) -> io::Result<(RuntimeAddress, SharedRing)> {
    let bytes = Ring::bytes_for(RING_EVENTS);
    // The name is only shown in the process' list of mappings.
    let name = RuntimeAddress((stack_pointer - 256) & !15);
    let mut saved = [0; 16];
    memory.read_exact(name, &mut saved)?;
    memory.write(name, b"stackheap\0")?;
    let file = remote.call(
        libc::SYS_memfd_create,
        [name.0, u64::from(libc::MFD_CLOEXEC), 0, 0, 0, 0],
    )?;
    memory.write(name, &saved)?;
    remote.call(libc::SYS_ftruncate, [file, bytes, 0, 0, 0, 0])?;
    let shared = remote.call(
        libc::SYS_mmap,
        [
            0,
            bytes,
            (libc::PROT_READ | libc::PROT_WRITE) as u64,
            libc::MAP_SHARED as u64,
            file,
            0,
        ],
    )?;
    let ours = OpenOptions::new()
        .read(true)
        .write(true)
        .open(format!("/proc/{}/fd/{file}", process.0))?;
    let mapping = SharedMapping::new(&ours, bytes as usize)?;
    remote.call(libc::SYS_close, [file, 0, 0, 0, 0, 0])?;
    // A forked child must not write into it.
    remote.call(
        libc::SYS_madvise,
        [shared, bytes, libc::MADV_DONTFORK as u64, 0, 0, 0],
    )?;
    Ok((RuntimeAddress(shared), SharedRing::new(mapping)?))
}

/// Puts the hooks into the process, not yet in use.
pub(crate) fn load_agent(
    remote: &Remote<'_>,
    memory: &ProcessMemory,
    agent: &Agent,
    at: RuntimeAddress,
    ring: RuntimeAddress,
    shared: SharedRing,
) -> io::Result<AllocationLog> {
    let loaded = agent
        .layout(at, ring, shared.bytes())
        .map_err(io::Error::other)?;
    for segment in &loaded.segments {
        memory.write(segment.address, &segment.bytes)?;
        if segment.executable {
            let start = RuntimeAddress(segment.address.0 / PAGE * PAGE);
            let end = pages(segment.address.0 + segment.bytes.len() as u64);
            protect(
                remote,
                start,
                end - start.0,
                libc::PROT_READ | libc::PROT_EXEC,
            )?;
        }
    }
    Ok(AllocationLog {
        loaded,
        shared,
        writes: Vec::new(),
    })
}

impl AllocationLog {
    /// Redirects the program's allocation functions to the hooks.
    pub(crate) fn redirect(
        &mut self,
        memory: &ProcessMemory,
        trampolines: RuntimeAddress,
        patches: Patches,
    ) -> io::Result<()> {
        memory.write(trampolines, &patches.trampoline_bytes)?;
        for slot in &patches.slots {
            write_control(memory, *slot)?;
        }
        write_control(memory, self.loaded.enable())?;
        for write in &patches.writes {
            memory.write(write.address, &write.bytes)?;
        }
        self.writes.extend(patches.writes);
        Ok(())
    }

    /// Gives the program's allocation functions back; `memory` may be that of a forked child.
    pub(crate) fn restore(&self, memory: &ProcessMemory) -> io::Result<()> {
        write_control(memory, self.loaded.disable())?;
        for write in &self.writes {
            memory.write(write.address, &write.original)?;
        }
        Ok(())
    }
}

fn write_control(memory: &ProcessMemory, write: ControlWrite) -> io::Result<()> {
    memory.write(write.address, &write.value.to_le_bytes())
}
