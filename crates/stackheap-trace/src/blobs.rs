//! Files and other bytes that travel with a recording, each stored once.

use crate::error::TraceError;
use crate::wire::{Input, put, put_bytes};

/// What a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlobKind {
    /// An executable or library, or its sections.
    Image,
    /// A source file.
    Source,
    /// What the compiler says of the program.
    CompilerFacts,
    /// The site table, in this crate's own form.
    SiteTable,
    /// A kind that the caller chose.
    Other(u8),
}

impl BlobKind {
    fn code(self) -> u64 {
        match self {
            BlobKind::Image => 0,
            BlobKind::Source => 1,
            BlobKind::CompilerFacts => 2,
            BlobKind::SiteTable => 3,
            BlobKind::Other(kind) => 256 + u64::from(kind),
        }
    }

    fn from_code(code: u64) -> Option<Self> {
        match code {
            0 => Some(BlobKind::Image),
            1 => Some(BlobKind::Source),
            2 => Some(BlobKind::CompilerFacts),
            3 => Some(BlobKind::SiteTable),
            256..=511 => Some(BlobKind::Other((code - 256) as u8)),
            _ => None,
        }
    }
}

/// What stands before the bytes of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlobHead {
    pub(crate) kind: BlobKind,
    pub(crate) name: String,
    pub(crate) hash: ContentHash,
    pub(crate) bytes: u64,
}

/// The hash that tells whether two blobs have the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContentHash(u128);

impl ContentHash {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_128(bytes))
    }
}

/// Appends what stands before the bytes of a blob.
pub(crate) fn blob_head_into(into: &mut Vec<u8>, head: &BlobHead) {
    put(into, head.kind.code());
    put_bytes(into, head.name.as_bytes());
    into.extend_from_slice(&head.hash.0.to_le_bytes());
    put(into, head.bytes);
}

pub(crate) fn blob_head_from(bytes: &[u8]) -> Result<BlobHead, TraceError> {
    let input = &mut Input::new(bytes, "the head of a blob");
    let kind = BlobKind::from_code(input.number()?);
    let kind = kind.ok_or_else(|| input.expected("a blob of a known kind before this"))?;
    let name = input.text()?;
    let hash = <[u8; 16]>::try_from(input.take(16)?);
    let hash = hash.map_err(|_| input.expected("a hash of 16 bytes before this"))?;
    let hash = ContentHash(u128::from_le_bytes(hash));
    let head = BlobHead {
        kind,
        name,
        hash,
        bytes: input.number()?,
    };
    input.end()?;
    Ok(head)
}
