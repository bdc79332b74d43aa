//! The parts a file is made of.
//!
//! A file is a preamble and then chunks, one after the other. A chunk is a head of 80 bytes and two
//! payloads, each compressed by zstd and each with its own check sum:
//!
//! | kind | first payload | second payload |
//! | --- | --- | --- |
//! | header | [`Header`](crate::Header) | |
//! | blob | kind, name, hash and length | the bytes, unless a blob before has the same |
//! | records | records | what the program wrote |
//! | keyframe | a state | |
//! | index | all heads and sites | |
//!
//! After the index a footer of 24 bytes says where it is. All numbers are little-endian.

use stackheap_model::{StepNumber, StopNumber};

use crate::error::TraceError;
use crate::header::Architecture;
use crate::records::Sequence;

/// What a file begins with: a byte that is no text, a name, and line ends that a transfer as text
/// would change.
const MAGIC: [u8; 8] = *b"\x93SHEAP\r\n";
/// The newest version of the format; one more whenever a reader of the last one would go wrong.
const VERSION: u16 = 1;
/// Length of the preamble: magic, version, architecture, four bytes for later.
pub(crate) const PREAMBLE_BYTES: u64 = 16;

const CHUNK_MAGIC: [u8; 4] = *b"\xc7chk";
/// Length of the head of a chunk.
pub(crate) const HEAD_BYTES: u64 = 80;

const FOOTER_MAGIC: [u8; 8] = *b"\x93SHEND\r\n";
/// Length of the footer: magic, place of the index, check sum, four bytes for later.
pub(crate) const FOOTER_BYTES: u64 = 24;

/// The most bytes that the records of a chunk have before compression.
pub(crate) const RECORDS_LIMIT: u64 = 128 << 20;
/// The most bytes that any other payload has before compression.
pub(crate) const PAYLOAD_LIMIT: u64 = 1 << 30;

/// What a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChunkKind {
    Header,
    Blob,
    Records,
    Keyframe,
    Index,
    /// Of a later version.
    Other(u8),
}

impl ChunkKind {
    pub(crate) fn code(self) -> u8 {
        match self {
            ChunkKind::Header => 1,
            ChunkKind::Blob => 2,
            ChunkKind::Records => 3,
            ChunkKind::Keyframe => 4,
            ChunkKind::Index => 5,
            ChunkKind::Other(code) => code,
        }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            1 => ChunkKind::Header,
            2 => ChunkKind::Blob,
            3 => ChunkKind::Records,
            4 => ChunkKind::Keyframe,
            5 => ChunkKind::Index,
            other => ChunkKind::Other(other),
        }
    }

    fn limit(self) -> u64 {
        match self {
            ChunkKind::Records => RECORDS_LIMIT,
            _ => PAYLOAD_LIMIT,
        }
    }
}

/// Where one payload of a chunk stands: its length in the file, its length before compression, and
/// the check sum of what is in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) stored: u32,
    pub(crate) raw: u32,
    crc: u32,
}

/// Which part of the recording a chunk covers: what comes before it, and what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) records_before: u64,
    pub(crate) stops_before: u64,
    pub(crate) steps_before: u64,
    pub(crate) records: u32,
    pub(crate) stops: u32,
    pub(crate) steps: u32,
}

impl Extent {
    pub(crate) fn records_after(&self) -> u64 {
        self.records_before.saturating_add(u64::from(self.records))
    }

    pub(crate) fn stops_after(&self) -> u64 {
        self.stops_before.saturating_add(u64::from(self.stops))
    }

    pub(crate) fn steps_after(&self) -> u64 {
        self.steps_before.saturating_add(u64::from(self.steps))
    }

    /// Its first and last stop.
    pub(crate) fn stop_range(&self) -> Option<(StopNumber, StopNumber)> {
        let last = StopNumber(self.stops_after());
        (self.stops > 0).then(|| (StopNumber(self.stops_before.saturating_add(1)), last))
    }

    pub(crate) fn has_stop(&self, stop: StopNumber) -> bool {
        self.stops_before < stop.0 && stop.0 <= self.stops_after()
    }

    pub(crate) fn begins_step(&self, step: StepNumber) -> bool {
        self.steps_before < step.0 && step.0 <= self.steps_after()
    }

    pub(crate) fn first(&self) -> Sequence {
        Sequence(self.records_before)
    }
}

/// The head of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkHead {
    pub(crate) kind: ChunkKind,
    pub(crate) first: Payload,
    pub(crate) second: Payload,
    pub(crate) extent: Extent,
}

impl ChunkHead {
    /// How many bytes the chunk has, its head included.
    pub(crate) fn bytes(&self) -> u64 {
        HEAD_BYTES + u64::from(self.first.stored) + u64::from(self.second.stored)
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES as usize);
        bytes.extend_from_slice(&CHUNK_MAGIC);
        bytes.extend_from_slice(&[self.kind.code(), 0, 0, 0]);
        for payload in [self.first, self.second] {
            for number in [payload.stored, payload.raw, payload.crc] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        let extent = self.extent;
        for number in [extent.records, extent.stops, extent.steps] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [
            extent.records_before,
            extent.stops_before,
            extent.steps_before,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&[0; 8]);
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The head that the bytes stand for; `None` when they are not the head of a chunk.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEAD_BYTES as usize] =
            bytes.get(..HEAD_BYTES as usize)?.try_into().ok()?;
        let (checked, crc) = bytes.split_last_chunk::<4>()?;
        if !bytes.starts_with(&CHUNK_MAGIC) || crc32fast::hash(checked) != u32::from_le_bytes(*crc)
        {
            return None;
        }
        // All places are constants within the 80 bytes.
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let payload = |at: usize| Payload {
            stored: word(at),
            raw: word(at + 4),
            crc: word(at + 8),
        };
        Some(Self {
            kind: ChunkKind::from_code(bytes[4]),
            first: payload(8),
            second: payload(20),
            extent: Extent {
                records: word(32),
                stops: word(36),
                steps: word(40),
                records_before: long(44),
                stops_before: long(52),
                steps_before: long(60),
            },
        })
    }

    /// Whether this could be the head of a chunk at all: nothing in it is over a limit.
    pub(crate) fn is_plausible(&self) -> bool {
        let limit = self.kind.limit();
        u64::from(self.first.raw) <= limit && u64::from(self.second.raw) <= limit
    }
}

/// Makes chunks; keeps what compression needs between them.
pub(crate) struct ChunkMaker {
    compressor: zstd::bulk::Compressor<'static>,
}

impl ChunkMaker {
    pub(crate) fn new(level: i32) -> Result<Self, TraceError> {
        let compressor = zstd::bulk::Compressor::new(level).map_err(|source| TraceError::Io {
            doing: "prepare compression".to_owned(),
            source,
        })?;
        Ok(Self { compressor })
    }

    /// The bytes of a chunk.
    pub(crate) fn make(
        &mut self,
        kind: ChunkKind,
        extent: Extent,
        first: &[u8],
        second: &[u8],
    ) -> Result<Vec<u8>, TraceError> {
        let first = self.pack(kind, first)?;
        let second = self.pack(kind, second)?;
        Ok(packed_chunk(kind, extent, &first, &second))
    }

    /// The compressed form of a part of a chunk of that kind.
    pub(crate) fn pack(&mut self, kind: ChunkKind, raw: &[u8]) -> Result<Packed, TraceError> {
        let (bytes, limit) = (raw.len() as u64, kind.limit());
        if bytes > limit {
            return Err(TraceError::TooLarge {
                what: "a part of the recording",
                bytes,
                limit,
            });
        }
        if raw.is_empty() {
            return Ok(Packed::default());
        }
        let stored = self
            .compressor
            .compress(raw)
            .map_err(|source| TraceError::Io {
                doing: "compress a part of the recording".to_owned(),
                source,
            })?;
        let payload = Payload {
            // Limits keep lengths far below 4 GiB.
            stored: stored.len() as u32,
            raw: raw.len() as u32,
            crc: crc32fast::hash(&stored),
        };
        Ok(Packed { payload, stored })
    }
}

/// A part of a chunk, compressed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packed {
    payload: Payload,
    stored: Vec<u8>,
}

/// The bytes of a chunk whose parts are compressed.
pub(crate) fn packed_chunk(
    kind: ChunkKind,
    extent: Extent,
    first: &Packed,
    second: &Packed,
) -> Vec<u8> {
    let head = ChunkHead {
        kind,
        first: first.payload,
        second: second.payload,
        extent,
    };
    let mut bytes = head.to_bytes();
    bytes.extend_from_slice(&first.stored);
    bytes.extend_from_slice(&second.stored);
    bytes
}

/// The bytes before compression; `None` when they are damaged.
pub(crate) fn unpack(payload: &Payload, stored: &[u8]) -> Option<Vec<u8>> {
    if stored.len() != payload.stored as usize {
        return None;
    }
    if stored.is_empty() {
        return (payload.raw == 0).then(Vec::new);
    }
    if crc32fast::hash(stored) != payload.crc {
        return None;
    }
    // The length is announced by the file, and room is made for it. No more than what these bytes
    // could stand for: four of them, at best, for a block of 128 KiB of one byte.
    let most = (stored.len() as u64 / 4 + 1).saturating_mul(128 << 10);
    if u64::from(payload.raw) > most {
        return None;
    }
    let raw = zstd::bulk::decompress(stored, payload.raw as usize).ok()?;
    (raw.len() == payload.raw as usize).then_some(raw)
}

/// The bytes that a file begins with.
pub(crate) fn preamble(architecture: Architecture) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&architecture.elf_machine().to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

/// Checks what a file begins with.
pub(crate) fn read_preamble(bytes: &[u8]) -> Result<Architecture, TraceError> {
    let foreign = || TraceError::NotARecording {
        found: bytes.iter().take(8).copied().collect(),
    };
    if !bytes.starts_with(&MAGIC) {
        return Err(foreign());
    }
    let Some(&[v0, v1, a0, a1]) = bytes.get(8..12) else {
        return Err(foreign());
    };
    let (version, tag) = (u16::from_le_bytes([v0, v1]), u16::from_le_bytes([a0, a1]));
    if version > VERSION {
        return Err(TraceError::NewerVersion {
            found: version,
            newest: VERSION,
        });
    }
    Architecture::from_elf_machine(tag).ok_or(TraceError::UnknownArchitecture { found: tag })
}

/// The bytes that a finished file ends with.
pub(crate) fn footer(index_offset: u64) -> Vec<u8> {
    let mut bytes = FOOTER_MAGIC.to_vec();
    bytes.extend_from_slice(&index_offset.to_le_bytes());
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

/// Where the index is; `None` when the bytes are not a footer.
pub(crate) fn read_footer(bytes: &[u8]) -> Option<u64> {
    let bytes: &[u8; FOOTER_BYTES as usize] = bytes.try_into().ok()?;
    let (checked, rest) = bytes.split_first_chunk::<16>()?;
    let crc = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
    if !checked.starts_with(&FOOTER_MAGIC) || crc32fast::hash(checked) != crc {
        return None;
    }
    let (_, offset) = checked.split_last_chunk::<8>()?;
    Some(u64::from_le_bytes(*offset))
}

/// Where in `bytes` the next head of a chunk begins, from `from` on.
pub(crate) fn find_head(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let mut at = 0;
    while let Some(found) = rest
        .get(at..)?
        .iter()
        .position(|&byte| byte == CHUNK_MAGIC[0])
    {
        at += found;
        let candidate = rest.get(at..)?;
        let is_head = candidate.starts_with(&CHUNK_MAGIC)
            && ChunkHead::from_bytes(candidate).is_some_and(|head| head.is_plausible());
        if is_head {
            return Some(from + at);
        }
        at += 1;
    }
    None
}
