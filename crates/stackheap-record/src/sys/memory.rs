//! Reading and writing the memory of the observed process.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use stackheap_model::RuntimeAddress;

use super::process::OsThread;
use crate::maps::PAGE;

/// A part of one of several ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The number of the range, from 0.
    pub of: usize,
    /// Where it begins.
    pub at: RuntimeAddress,
    /// How many bytes it has.
    pub bytes: usize,
}

/// Ranges of which not all can be read, cut into what can be and what cannot. Both by range, and
/// within one by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// What was read.
    pub pieces: Vec<Piece>,
    /// What could not be, in whole pages but for the ends of a range.
    pub holes: Vec<Piece>,
}

/// The memory of a process.
#[derive(Debug)]
pub struct ProcessMemory {
    process: Pid,
    file: File,
}

/// The kernel takes at most this many ranges in one call.
const RANGES_PER_CALL: usize = 512;

impl ProcessMemory {
    /// Opens the memory of a process that is traced from here.
    pub fn open(process: OsThread) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(format!("/proc/{}/mem", process.0))?;
        Ok(Self {
            process: Pid::from_raw(process.0),
            file,
        })
    }

    /// Writes bytes, also over code that is mapped read-only.
    pub fn write(&self, at: RuntimeAddress, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at.0)
    }

    /// Reads exactly `bytes.len()` bytes.
    pub fn read_exact(&self, at: RuntimeAddress, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, at.0)
    }

    /// Reads `size` bytes.
    pub fn read(&self, at: RuntimeAddress, size: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; size];
        self.read_exact(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads the ranges (address, size in bytes) one behind the other into `into`, which is made
    /// as large as their sum. Gives how many bytes could be read; less than the sum when a range is
    /// not mapped.
    pub fn read_ranges(
        &self,
        ranges: &[(RuntimeAddress, usize)],
        into: &mut Vec<u8>,
    ) -> io::Result<usize> {
        let total: usize = ranges.iter().map(|range| range.1).sum();
        into.resize(total, 0);
        let mut done = 0;
        for some in ranges.chunks(RANGES_PER_CALL) {
            let wanted: usize = some.iter().map(|range| range.1).sum();
            let remote: Vec<RemoteIoVec> = some
                .iter()
                .map(|&(base, len)| RemoteIoVec {
                    base: base.0 as usize,
                    len,
                })
                .collect();
            let Some(target) = into.get_mut(done..done + wanted) else {
                break;
            };
            let read = match process_vm_readv(self.process, &mut [IoSliceMut::new(target)], &remote)
            {
                // Not even the first byte is mapped.
                Err(Errno::EFAULT) => 0,
                other => other.map_err(io::Error::from)?,
            };
            done += read;
            if read < wanted {
                break;
            }
        }
        Ok(done)
    }
    /// The same, leaving out the pages that cannot be read. Only what the reading itself finds is
    /// told: what could be read a moment ago may be unmapped now, and `/proc/PID/mem` reads what
    /// [`read_ranges`](Self::read_ranges) may not.
    pub fn read_pieces(
        &self,
        ranges: &[(RuntimeAddress, usize)],
        into: &mut Vec<u8>,
    ) -> io::Result<Readable> {
        let mut found = Readable::default();
        let mut rest = ranges.to_vec();
        let mut buffer = Vec::new();
        let mut of = 0;
        into.clear();
        while let Some(left) = rest.get(of..).filter(|left| !left.is_empty()) {
            let read = self.read_ranges(left, &mut buffer)?;
            into.extend_from_slice(buffer.get(..read).unwrap_or(&[]));
            let mut read = read;
            while let Some((at, bytes)) = rest.get_mut(of) {
                let taken = read.min(*bytes);
                read -= taken;
                if taken > 0 {
                    let (at, bytes) = (*at, taken);
                    found.pieces.push(Piece { of, at, bytes });
                }
                *at = at.offset(taken as u64);
                *bytes -= taken;
                if *bytes > 0 {
                    let hole = self.unreadable_bytes(*at, *bytes)?;
                    let (at_hole, bytes_hole) = (*at, hole);
                    found.holes.push(Piece {
                        of,
                        at: at_hole,
                        bytes: bytes_hole,
                    });
                    *at = at.offset(hole as u64);
                    *bytes -= hole;
                    break;
                }
                of += 1;
            }
        }
        Ok(found)
    }

    /// How many of so many bytes, of which the first cannot be read, cannot be: up to the end of
    /// a page.
    fn unreadable_bytes(&self, at: RuntimeAddress, bytes: usize) -> io::Result<usize> {
        let end = at.0.saturating_add(bytes as u64);
        let mut next = at.0;
        loop {
            next = (next / PAGE + 1).saturating_mul(PAGE);
            if next >= end {
                return Ok(bytes);
            }
            let first = [(RuntimeAddress(next), 1)];
            if self.read_ranges(&first, &mut Vec::new())? == 1 {
                return Ok((next - at.0) as usize);
            }
        }
    }
}
