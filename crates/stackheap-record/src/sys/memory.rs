//! Reading and writing the memory of the observed process.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use stackheap_model::RuntimeAddress;

use super::process::OsThread;

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
}
