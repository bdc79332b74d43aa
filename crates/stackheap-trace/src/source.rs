//! The bytes of a recording: a file, or memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::chunk::{ChunkHead, HEAD_BYTES, unpack};
use crate::error::TraceError;

/// Where the bytes of a recording come from.
pub(crate) enum Source {
    File { file: Mutex<File>, bytes: u64 },
    Memory(Arc<[u8]>),
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, TraceError> {
        let doing = format!("open {}", path.display());
        match File::open(path) {
            Ok(file) => Self::of_file(file, &doing),
            Err(source) => Err(TraceError::Io { doing, source }),
        }
    }

    pub(crate) fn of_file(file: File, doing: &str) -> Result<Self, TraceError> {
        let metadata = file.metadata().map_err(|source| TraceError::Io {
            doing: doing.to_owned(),
            source,
        })?;
        let bytes = metadata.len();
        Ok(Source::File {
            file: Mutex::new(file),
            bytes,
        })
    }

    /// How many bytes there are.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Source::File { bytes, .. } => *bytes,
            Source::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// The bytes from `offset` on, at most `count`, fewer at the end.
    pub(crate) fn read(&self, offset: u64, count: u64) -> Result<Vec<u8>, TraceError> {
        let left = self.bytes().saturating_sub(offset);
        let count = count.min(left);
        match self {
            Source::Memory(bytes) => {
                let (from, to) = (offset as usize, (offset + count) as usize);
                Ok(bytes.get(from..to).unwrap_or_default().to_vec())
            }
            Source::File { file, .. } => {
                // A thread that panicked while it read leaves at worst another position behind.
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                read_file(&mut file, offset, count).map_err(|source| TraceError::Io {
                    doing: "read the recording".into(),
                    source,
                })
            }
        }
    }

    /// The head of the chunk at `offset`; `None` when there is none, or not all of it.
    pub(crate) fn head(&self, offset: u64) -> Result<Option<ChunkHead>, TraceError> {
        let head = ChunkHead::from_bytes(&self.read(offset, HEAD_BYTES)?);
        Ok(head.filter(ChunkHead::is_plausible))
    }

    /// The first payload of the chunk at `offset`; an error when it is damaged.
    pub(crate) fn first(&self, offset: u64, head: &ChunkHead) -> Result<Vec<u8>, TraceError> {
        let stored = self.read(offset + HEAD_BYTES, u64::from(head.first.stored))?;
        unpack(&head.first, &stored).ok_or_else(|| damaged(offset, head))
    }

    /// The second payload of the chunk at `offset`; an error when it is damaged.
    pub(crate) fn second(&self, offset: u64, head: &ChunkHead) -> Result<Vec<u8>, TraceError> {
        let at = offset + HEAD_BYTES + u64::from(head.first.stored);
        let stored = self.read(at, u64::from(head.second.stored))?;
        unpack(&head.second, &stored).ok_or_else(|| damaged(offset, head))
    }
}

fn read_file(file: &mut File, offset: u64, count: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn damaged(offset: u64, head: &ChunkHead) -> TraceError {
    TraceError::Damaged {
        offset,
        stops: head.extent.stop_range(),
    }
}
