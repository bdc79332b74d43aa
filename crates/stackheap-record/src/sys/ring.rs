//! Memory that the recorder and the observed process share.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

use stackheap_hook::Ring;

/// A shared mapping of a file, readable and writable, unmapped when dropped.
#[derive(Debug)]
pub struct SharedMapping {
    start: NonNull<u8>,
    bytes: usize,
}

impl SharedMapping {
    /// Maps the first `bytes` bytes of `file`.
    pub fn new(file: &File, bytes: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing; the file
        // descriptor is valid for the call.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at 0"))?;
        Ok(Self { start, bytes })
    }

    /// The first byte; valid for reads and writes of [`len`](Self::len) bytes while this lives.
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }
}

impl Drop for SharedMapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` and nothing else unmaps it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// The ring of logged allocations, in memory that is shared with the observed process.
#[derive(Debug)]
pub struct SharedRing {
    /// The reader.
    pub ring: Ring,
    bytes: usize,
    // Dropped after the ring, which looks into it.
    _mapping: SharedMapping,
}

impl SharedRing {
    /// Reads the ring that lies in `mapping`.
    pub fn new(mapping: SharedMapping) -> io::Result<Self> {
        // SAFETY: the mapping is readable and writable for its whole length, nothing in this
        // process but the ring looks into it, and it lives as long as the ring: both are fields
        // of one structure, and fields are dropped in the order of their declaration.
        let ring = unsafe { Ring::from_raw(mapping.start(), mapping.len()) };
        let ring = ring.map_err(io::Error::other)?;
        Ok(Self {
            ring,
            bytes: mapping.len(),
            _mapping: mapping,
        })
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }
}
