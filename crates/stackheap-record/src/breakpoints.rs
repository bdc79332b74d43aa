//! Breakpoints with displaced instructions: which there are, and their place in the scratch area.

use std::io;

use rustc_hash::FxHashMap;
use stackheap_model::{RuntimeAddress, SiteId};

use crate::displace::{SLOT_BYTES, displace};
use crate::sys::memory::ProcessMemory;

/// The instruction `int3`.
const BREAKPOINT: u8 = 0xcc;

/// No instruction of x86-64 is longer.
const LONGEST_INSTRUCTION: usize = 15;

/// Breakpoints that are less than so many bytes apart are written together.
const NEIGHBOURHOOD: u64 = 256;

/// What a breakpoint is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A place of the user's code.
    Site(SiteId),
    /// A place at which the recorder has something to do.
    Service(Service),
}

/// Places outside the user's code at which the recorder has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// The program's entry point: the loader is done, libraries are mapped.
    EntryPoint,
    /// `write`.
    Write,
    /// `writev`.
    WriteVector,
    /// Functions that tell on which processors a thread may run.
    GetAffinity,
    /// Functions that change it.
    SetAffinity,
    /// `execve`.
    Execute,
    /// Functions that change the mappings.
    Mapping,
    /// Where a panic begins to unwind.
    Panic,
}

#[derive(Clone, Debug)]
pub(crate) struct Breakpoint {
    pub address: RuntimeAddress,
    pub purpose: Purpose,
    /// Where the copy of the instruction is.
    pub copy: RuntimeAddress,
    /// The byte that the breakpoint overwrites.
    original: u8,
    /// Length of the instruction.
    instruction_bytes: u64,
    /// Where in the copy only the jump back is left.
    done_at: Option<u64>,
    /// How often a passing of it was recorded.
    pub recorded: u64,
    armed: bool,
}

/// All breakpoints of a process.
#[derive(Debug)]
pub(crate) struct Breakpoints {
    all: Vec<Breakpoint>,
    by_address: FxHashMap<RuntimeAddress, u32>,
    areas: Vec<Area>,
}

/// A scratch area for copies. A copy must be within two gigabytes of its original.
#[derive(Clone, Copy, Debug)]
struct Area {
    start: RuntimeAddress,
    used: u64,
    bytes: u64,
}

/// How far a copy may be from its original. A good deal less than what a relative jump reaches, so
/// that its operands reach their targets too.
const REACH: u64 = 3 << 29;

impl Breakpoints {
    /// Bytes of scratch area that `count` breakpoints take.
    pub(crate) fn area_bytes(count: usize) -> u64 {
        (count as u64 * SLOT_BYTES).next_multiple_of(4096)
    }

    pub(crate) fn new() -> Self {
        Self {
            all: Vec::new(),
            by_address: FxHashMap::default(),
            areas: Vec::new(),
        }
    }

    /// Copies may be put there.
    pub(crate) fn add_area(&mut self, start: RuntimeAddress, bytes: u64) {
        self.areas.push(Area {
            start,
            used: 0,
            bytes,
        });
    }

    /// Prepares breakpoints without arming them; gives those that could not be, with the reason.
    pub(crate) fn prepare(
        &mut self,
        memory: &ProcessMemory,
        wanted: impl IntoIterator<Item = (RuntimeAddress, Purpose)>,
    ) -> io::Result<Vec<(Purpose, String)>> {
        let mut refused = Vec::new();
        // What is written to each area, from where its use ended before.
        let mut copies: Vec<Vec<u8>> = vec![Vec::new(); self.areas.len()];
        for (address, purpose) in wanted {
            if self.by_address.contains_key(&address) {
                continue;
            }
            let near = self.areas.iter().zip(&mut copies).find(|(area, written)| {
                area.start.0.abs_diff(address.0) < REACH
                    && area.used + written.len() as u64 + SLOT_BYTES <= area.bytes
            });
            let Some((area, written)) = near else {
                refused.push((purpose, "there is no room for a copy near it".to_owned()));
                continue;
            };
            let copy = area.start.offset(area.used + written.len() as u64);
            let mut code = [0; LONGEST_INSTRUCTION];
            memory.read_exact(address, &mut code)?;
            let displaced = match displace(&code, address, copy) {
                Ok(displaced) => displaced,
                Err(error) => {
                    refused.push((purpose, error.to_string()));
                    continue;
                }
            };
            self.by_address.insert(address, self.all.len() as u32);
            self.all.push(Breakpoint {
                address,
                purpose,
                copy,
                original: code[0],
                instruction_bytes: displaced.original_bytes,
                done_at: displaced.done_at,
                recorded: 0,
                armed: false,
            });
            let next = written.len() + SLOT_BYTES as usize;
            written.extend_from_slice(&displaced.code);
            written.resize(next, BREAKPOINT);
        }
        for (area, written) in self.areas.iter_mut().zip(&copies) {
            memory.write(area.start.offset(area.used), written)?;
            area.used += written.len() as u64;
        }
        Ok(refused)
    }

    /// The breakpoint at `address`, armed or not.
    pub(crate) fn at(&mut self, address: RuntimeAddress) -> Option<&mut Breakpoint> {
        let index = *self.by_address.get(&address)?;
        self.all.get_mut(index as usize)
    }

    /// Where the program would be if the copy at `address` ran in its own place.
    pub(crate) fn in_program(&self, address: RuntimeAddress) -> Option<RuntimeAddress> {
        let (area, distance) = self.areas.iter().find_map(|area| {
            let distance = address.checked_distance(area.start)?;
            (distance < area.used).then_some((area, distance))
        })?;
        let copy = area.start.offset(distance / SLOT_BYTES * SLOT_BYTES);
        let breakpoint = self.all.iter().find(|breakpoint| breakpoint.copy == copy)?;
        let inside = distance % SLOT_BYTES;
        if inside == 0 {
            return Some(breakpoint.address);
        }
        (breakpoint.done_at == Some(inside))
            .then(|| breakpoint.address.offset(breakpoint.instruction_bytes))
    }

    /// Writes the breakpoints that `which` chooses into the program.
    pub(crate) fn arm(
        &mut self,
        memory: &ProcessMemory,
        which: impl Fn(&Breakpoint) -> bool,
    ) -> io::Result<()> {
        let mut chosen: Vec<&mut Breakpoint> = self
            .all
            .iter_mut()
            .filter(|breakpoint| !breakpoint.armed && which(breakpoint))
            .collect();
        chosen.sort_by_key(|breakpoint| breakpoint.address);
        // Neighbours are written together: programs have many thousand sites.
        for group in chosen.chunk_by_mut(|a, b| b.address.0 - a.address.0 < NEIGHBOURHOOD) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else {
                continue;
            };
            let start = first.address;
            let mut bytes = memory.read(start, (last.address.0 - start.0) as usize + 1)?;
            for breakpoint in group {
                if let Some(byte) = bytes.get_mut((breakpoint.address.0 - start.0) as usize) {
                    *byte = BREAKPOINT;
                }
                breakpoint.armed = true;
            }
            memory.write(start, &bytes)?;
        }
        Ok(())
    }

    /// Takes one breakpoint out of the program; threads that are just running into it still find it
    /// here. Tells whether it was there.
    pub(crate) fn disarm(
        &mut self,
        memory: &ProcessMemory,
        address: RuntimeAddress,
    ) -> io::Result<bool> {
        let Some(breakpoint) = self.at(address) else {
            return Ok(false);
        };
        let was_armed = std::mem::replace(&mut breakpoint.armed, false);
        if was_armed {
            memory.write(breakpoint.address, &[breakpoint.original])?;
        }
        Ok(was_armed)
    }

    /// Takes all breakpoints out of the program.
    pub(crate) fn disarm_all(&mut self, memory: &ProcessMemory) -> io::Result<()> {
        self.erase_from(memory)?;
        for breakpoint in &mut self.all {
            breakpoint.armed = false;
        }
        Ok(())
    }

    /// Takes all breakpoints out of a copy of the program, such as a forked child: those that it
    /// holds, whichever are armed by now, since it was made a moment ago.
    pub(crate) fn erase_from(&self, memory: &ProcessMemory) -> io::Result<()> {
        let mut all: Vec<&Breakpoint> = self.all.iter().collect();
        all.sort_unstable_by_key(|breakpoint| breakpoint.address);
        for group in all.chunk_by(|a, b| b.address.0 - a.address.0 < NEIGHBOURHOOD) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else {
                continue;
            };
            let start = first.address;
            let mut bytes = memory.read(start, (last.address.0 - start.0) as usize + 1)?;
            let mut is_changed = false;
            for breakpoint in group {
                let byte = bytes.get_mut((breakpoint.address.0 - start.0) as usize);
                if let Some(byte) = byte.filter(|byte| **byte == BREAKPOINT) {
                    is_changed = true;
                    *byte = breakpoint.original;
                }
            }
            if is_changed {
                memory.write(start, &bytes)?;
            }
        }
        Ok(())
    }
}
