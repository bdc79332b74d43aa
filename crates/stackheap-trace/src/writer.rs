//! Writing a recording.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;
use stackheap_model::{SiteId, SiteTable};

use crate::blobs::{BlobHead, BlobKind, ContentHash, blob_head_into};
use crate::chunk::{
    ChunkHead, ChunkKind, ChunkMaker, Extent, Packed, RECORDS_LIMIT, footer, packed_chunk, preamble,
};
use crate::encode::Encoder;
use crate::error::TraceError;
use crate::header::{Header, header_into};
use crate::index::{Index, index_into, part_of};
use crate::keyframe::keyframe_into;
use crate::records::{Limit, Outcome, Record, StopRef};
use crate::replay::{Applied, AppliedStop, ReplayState, Totals};
use crate::site_table::site_table_into;

/// How often a writer gives things out of its hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// A chunk is closed when its records have this many bytes before compression.
    pub chunk_bytes: usize,
    /// A chunk is closed when its first record is this old; `None`: never for this reason, so that
    /// the same records give the same bytes.
    pub chunk_age: Option<Duration>,
    /// A keyframe is written when the records since the last one have this many bytes before
    /// compression, and four times as many as that keyframe.
    pub keyframe_bytes: u64,
    /// A keyframe is also written after this many records, and a fourth as many as the last one has
    /// bytes.
    pub keyframe_records: u64,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            chunk_bytes: 256 << 10,
            chunk_age: Some(Duration::from_millis(200)),
            keyframe_bytes: 1 << 20,
            keyframe_records: 16_384,
        }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What was counted.
    pub totals: Totals,
    /// How the run ended, where that was recorded.
    pub outcome: Option<Outcome>,
    /// How many bytes the file has.
    pub bytes: u64,
}

/// How hard records are compressed: zstd's fastest ordinary level, since the program waits.
const RECORDS_LEVEL: i32 = 1;
/// How hard blobs are compressed: they are written once.
const BLOB_LEVEL: i32 = 3;
/// The clock is looked at once in so many records.
const RECORDS_BETWEEN_LOOKS: u32 = 64;
/// The most bytes of one record, so that a chunk with it stays within its limit.
const RECORD_LIMIT: u64 = RECORDS_LIMIT / 2;

/// A blob as it is written, compressed: made by any thread, before there is a writer.
#[derive(Clone, Debug)]
pub struct PackedBlob {
    hash: ContentHash,
    /// How many bytes it has before compression.
    bytes: u64,
    content: Packed,
}

impl PackedBlob {
    /// Compresses a blob.
    ///
    /// # Errors
    ///
    /// When it has more than 1 GiB.
    pub fn new(bytes: &[u8]) -> Result<Self, TraceError> {
        Ok(Self {
            hash: ContentHash::of(bytes),
            bytes: bytes.len() as u64,
            content: ChunkMaker::new(BLOB_LEVEL)?.pack(ChunkKind::Blob, bytes)?,
        })
    }
}

/// Writes a recording: record after record, with the state of the process after each.
///
/// Records are collected in a chunk, which is compressed and given to the file as one piece, by
/// default after 256 KiB or 200 ms, so that a recorder that is killed loses no more than that. A
/// writer that is dropped without [`Writer::finish`] gives its last chunk to the file; only the
/// index is missing then, and is made anew by the reader.
pub struct Writer {
    file: Output,
    pacing: Pacing,
    records: ChunkMaker,
    blobs: ChunkMaker,
    encoder: Encoder,
    state: ReplayState,
    /// What was counted when the open chunk began.
    opened: Totals,
    /// Whether there is an open chunk.
    is_open: bool,
    /// When it began.
    opened_at: Option<Instant>,
    /// How many records came since the clock was looked at.
    unwatched: u32,
    /// How many bytes the open chunk has room for at least.
    room: u64,
    index: Index,
    /// The sites since the last keyframe.
    sites: BTreeSet<SiteId>,
    since_keyframe: SinceKeyframe,
    blobs_written: FxHashSet<ContentHash>,
    scratch: Vec<u8>,
    is_finished: bool,
}

/// What came since the last keyframe, and how large that one was.
#[derive(Default)]
struct SinceKeyframe {
    bytes: u64,
    records: u64,
    keyframe_bytes: u64,
}

impl SinceKeyframe {
    /// Whether reading a keyframe is by now faster than replaying the records since the last one,
    /// and writing one not too much work in comparison with writing these.
    fn is_due(&self, pacing: &Pacing) -> bool {
        let has_many_bytes = self.bytes >= pacing.keyframe_bytes
            && self.bytes >= self.keyframe_bytes.saturating_mul(4);
        let has_many_records =
            self.records >= pacing.keyframe_records && self.records >= self.keyframe_bytes / 4;
        has_many_bytes || has_many_records
    }
}

/// The file, and what is known of it.
struct Output {
    file: File,
    path: PathBuf,
    bytes: u64,
    /// Whether a write failed: what follows would not be where the reader looks for it.
    has_failed: bool,
}

impl Output {
    fn write(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        if self.has_failed {
            let source = io::Error::other("an earlier write failed");
            return Err(self.error("write", source));
        }
        if let Err(source) = self.file.write_all(bytes) {
            self.has_failed = true;
            return Err(self.error("write", source));
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn error(&self, verb: &str, source: io::Error) -> TraceError {
        TraceError::Io {
            doing: format!("{verb} {}", self.path.display()),
            source,
        }
    }
}

impl Writer {
    /// Begins a recording in a new file that only its owner may read (mode 0600). A file that is
    /// there already is replaced.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or written.
    pub fn create(path: &Path, header: &Header) -> Result<Self, TraceError> {
        Self::create_with(path, header, Pacing::default())
    }

    /// The same, with a pacing of the caller's choice.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or written.
    pub fn create_with(path: &Path, header: &Header, pacing: Pacing) -> Result<Self, TraceError> {
        let file = create_private(path).map_err(|source| TraceError::Io {
            doing: format!("create {}", path.display()),
            source,
        })?;
        let mut writer = Self {
            file: Output {
                file,
                path: path.to_owned(),
                bytes: 0,
                has_failed: false,
            },
            pacing,
            records: ChunkMaker::new(RECORDS_LEVEL)?,
            blobs: ChunkMaker::new(BLOB_LEVEL)?,
            encoder: Encoder::default(),
            state: ReplayState::new(Arc::default()),
            opened: Totals::default(),
            is_open: false,
            opened_at: None,
            unwatched: 0,
            room: 0,
            index: Index::default(),
            sites: BTreeSet::new(),
            since_keyframe: SinceKeyframe::default(),
            blobs_written: FxHashSet::default(),
            scratch: Vec::new(),
            is_finished: false,
        };
        writer.file.write(&preamble(header.architecture))?;
        let mut bytes = Vec::new();
        header_into(&mut bytes, header);
        let chunk = writer
            .blobs
            .make(ChunkKind::Header, Extent::default(), &bytes, &[])?;
        writer.file.write(&chunk)?;
        Ok(writer)
    }

    /// The file, to read what was written when the recording is finished: its path may be another
    /// recording's by then.
    ///
    /// # Errors
    ///
    /// When the system has no handle left.
    pub fn file(&self) -> Result<File, TraceError> {
        let file = self.file.file.try_clone();
        file.map_err(|source| self.file.error("open", source))
    }

    /// Adds a blob. The same bytes are written once, whatever their kinds and names; of two blobs of
    /// the same kind and name the later one counts.
    ///
    /// # Errors
    ///
    /// When it has more than 1 GiB, or the file cannot be written.
    pub fn blob(&mut self, kind: BlobKind, name: &str, bytes: &[u8]) -> Result<(), TraceError> {
        let hash = ContentHash::of(bytes);
        let content = if self.blobs_written.contains(&hash) {
            Packed::default()
        } else {
            self.blobs.pack(ChunkKind::Blob, bytes)?
        };
        self.packed_blob(
            kind,
            name,
            &PackedBlob {
                hash,
                bytes: bytes.len() as u64,
                content,
            },
        )
    }

    /// Adds a blob that is compressed already, as [`blob`](Self::blob) does.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn packed_blob(
        &mut self,
        kind: BlobKind,
        name: &str,
        blob: &PackedBlob,
    ) -> Result<(), TraceError> {
        self.flush()?;
        let head = BlobHead {
            kind,
            name: name.to_owned(),
            hash: blob.hash,
            bytes: blob.bytes,
        };
        let mut first = Vec::new();
        blob_head_into(&mut first, &head);
        let first = self.blobs.pack(ChunkKind::Blob, &first)?;
        let nothing = Packed::default();
        let is_new = self.blobs_written.insert(blob.hash);
        let content = if is_new { &blob.content } else { &nothing };
        let extent = extent_between(&self.state.totals, &self.state.totals);
        let chunk = packed_chunk(ChunkKind::Blob, extent, &first, content);
        let offset = self.file.bytes;
        self.file.write(&chunk)?;
        self.index.blobs.push(offset);
        Ok(())
    }

    /// Adds the site table, which stops are grouped by.
    ///
    /// # Errors
    ///
    /// When a record was written already, or the file cannot be written.
    pub fn site_table(&mut self, table: &SiteTable) -> Result<(), TraceError> {
        let records = self.state.totals.records;
        if records > 0 {
            return Err(TraceError::TableAfterRecords { records });
        }
        let mut bytes = Vec::new();
        site_table_into(&mut bytes, table);
        self.blob(BlobKind::SiteTable, "", &bytes)?;
        self.state = ReplayState::new(Arc::new(table.clone()));
        Ok(())
    }

    /// Writes a record and applies it to the state.
    ///
    /// # Errors
    ///
    /// When a stop is at a site that is not in the table, when the record has more than 64 MiB, or
    /// when the file cannot be written; in the first two cases the record is not applied.
    pub fn record(&mut self, record: &Record) -> Result<Applied, TraceError> {
        if let Record::Stop(stop) = record {
            let mut bytes = Vec::new();
            let mut patches = Vec::with_capacity(stop.patches.len());
            for patch in &stop.patches {
                let (address, start, len) = (patch.address, bytes.len(), patch.bytes.len());
                bytes.extend_from_slice(&patch.bytes);
                patches.push(crate::records::PatchRef {
                    address,
                    start,
                    len,
                });
            }
            let stop = StopRef {
                thread: stop.thread,
                site: stop.site,
                registers: stop.registers,
                patches: &patches,
                bytes: &bytes,
                captured: stop.captured,
            };
            return self.stop(&stop).map(Applied::Stop);
        }
        let most = most_bytes(record);
        check_size(most)?;
        self.open_chunk();
        let applied = self.state.apply(record);
        self.encoder.other(record);
        self.close_if_due(most)?;
        Ok(applied)
    }

    /// Writes a stop and applies it to the state.
    ///
    /// # Errors
    ///
    /// When the site is not in the table, a patch lies outside of its buffer, the patches have more
    /// than 64 MiB, or the file cannot be written; in all cases but the last the stop is not
    /// applied.
    pub fn stop(&mut self, stop: &StopRef<'_>) -> Result<AppliedStop, TraceError> {
        let sites = self.state.table.sites.len();
        if stop.site.0 as usize >= sites {
            return Err(TraceError::UnknownSite {
                site: stop.site,
                sites,
            });
        }
        let mut bytes = 0u64;
        for patch in stop.patches {
            let end = patch.start.checked_add(patch.len);
            if end.is_none_or(|end| end > stop.bytes.len()) {
                let (start, len, buffer) = (patch.start, patch.len, stop.bytes.len());
                return Err(TraceError::PatchOutside { start, len, buffer });
            }
            bytes = bytes.saturating_add(patch.len as u64 + PATCH_BYTES);
        }
        check_size(bytes)?;
        self.open_chunk();
        let applied = self.state.apply_stop(stop);
        self.encoder.stop(stop, &applied, self.state.totals.steps);
        self.close_if_due(STOP_BYTES + bytes)?;
        Ok(applied)
    }

    /// The state after the last record.
    pub fn state(&self) -> &ReplayState {
        &self.state
    }

    /// How many bytes were given to the file so far.
    pub fn bytes_written(&self) -> u64 {
        self.file.bytes
    }

    /// Closes the open chunk when it is old enough: to be called now and then while the program
    /// makes no records.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn tick(&mut self) -> Result<(), TraceError> {
        let is_due = match (self.pacing.chunk_age, self.opened_at) {
            (Some(age), Some(opened_at)) => opened_at.elapsed() >= age,
            _ => false,
        };
        if is_due { self.close_chunk() } else { Ok(()) }
    }

    /// Gives all records so far to the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<(), TraceError> {
        self.write_chunk()
    }

    /// Ends the recording: writes the last records and the index, and waits until the file is on
    /// the disk.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<Summary, TraceError> {
        self.flush()?;
        self.is_finished = true;
        self.index.sites.push(Some(std::mem::take(&mut self.sites)));
        self.index.totals = self.state.totals;
        self.index.limits.clone_from(&self.state.limits);
        self.index.outcome.clone_from(&self.state.outcome);
        let mut bytes = Vec::new();
        index_into(&mut bytes, &self.index);
        let offset = self.file.bytes;
        let extent = extent_between(&self.state.totals, &self.state.totals);
        let chunk = self.blobs.make(ChunkKind::Index, extent, &bytes, &[])?;
        self.file.write(&chunk)?;
        self.file.write(&footer(offset))?;
        match self.file.file.sync_data() {
            Ok(()) => {}
            // Pipes and the like cannot be synchronised, and need not be.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
            Err(error) => return Err(self.file.error("write", error)),
        }
        Ok(Summary {
            totals: self.state.totals,
            outcome: self.state.outcome.clone(),
            bytes: self.file.bytes,
        })
    }

    /// Begins a chunk with the next record, unless one is open.
    fn open_chunk(&mut self) {
        if std::mem::replace(&mut self.is_open, true) {
            return;
        }
        self.opened = self.state.totals;
        self.unwatched = 0;
        self.room = self.pacing.chunk_bytes as u64;
        if self.pacing.chunk_age.is_some() {
            self.opened_at = Some(Instant::now());
        }
    }

    /// Closes the chunk if it is time, when a record of at most so many bytes was added.
    fn close_if_due(&mut self, most_bytes: u64) -> Result<(), TraceError> {
        self.room = self.room.saturating_sub(most_bytes);
        if self.room == 0 {
            // Counted only when it could be enough.
            let room = self.pacing.chunk_bytes.saturating_sub(self.encoder.len());
            if room == 0 {
                return self.close_chunk();
            }
            self.room = room as u64;
        }
        self.unwatched += 1;
        if self.unwatched >= RECORDS_BETWEEN_LOOKS {
            self.unwatched = 0;
            return self.tick();
        }
        Ok(())
    }

    /// Closes the open chunk, and writes a keyframe when it is time.
    fn close_chunk(&mut self) -> Result<(), TraceError> {
        self.write_chunk()?;
        if self.since_keyframe.is_due(&self.pacing) {
            self.write_keyframe()
        } else {
            Ok(())
        }
    }

    /// Gives the open chunk to the file.
    fn write_chunk(&mut self) -> Result<(), TraceError> {
        if !std::mem::take(&mut self.is_open) {
            return Ok(());
        }
        self.opened_at = None;
        self.scratch.clear();
        self.encoder.records_into(&mut self.scratch);
        let extent = extent_between(&self.opened, &self.state.totals);
        let output = self.encoder.output();
        let chunk = self
            .records
            .make(ChunkKind::Records, extent, &self.scratch, output);
        self.sites.extend(self.encoder.sites());
        self.since_keyframe.bytes += self.encoder.len() as u64;
        self.since_keyframe.records += u64::from(extent.records);
        self.encoder.clear();
        self.write_part(&chunk?)
    }

    fn write_keyframe(&mut self) -> Result<(), TraceError> {
        self.scratch.clear();
        keyframe_into(&mut self.scratch, &self.state);
        let extent = extent_between(&self.state.totals, &self.state.totals);
        self.since_keyframe = SinceKeyframe {
            keyframe_bytes: self.scratch.len() as u64,
            ..Default::default()
        };
        match self
            .records
            .make(ChunkKind::Keyframe, extent, &self.scratch, &[])
        {
            Ok(chunk) => {
                self.index.sites.push(Some(std::mem::take(&mut self.sites)));
                self.write_part(&chunk)
            }
            // A state too large to write down is reached by replaying from an earlier one.
            Err(TraceError::TooLarge { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn write_part(&mut self, chunk: &[u8]) -> Result<(), TraceError> {
        let offset = self.file.bytes;
        self.file.write(chunk)?;
        if let Some(head) = ChunkHead::from_bytes(chunk) {
            let part = part_of(head.kind, offset, head.extent, head.second.raw);
            self.index.parts.extend(part);
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_finished {
            // Nobody is there to be told of an error.
            let _ = self.flush();
        }
    }
}

/// What lies between two counts.
fn extent_between(before: &Totals, after: &Totals) -> Extent {
    // A chunk has at most 128 MiB with at least a byte for each record.
    let count = |before: u64, after: u64| after.saturating_sub(before) as u32;
    Extent {
        records_before: before.records,
        stops_before: before.stops,
        steps_before: before.steps,
        records: count(before.records, after.records),
        stops: count(before.stops, after.stops),
        steps: count(before.steps, after.steps),
    }
}

fn check_size(bytes: u64) -> Result<(), TraceError> {
    if bytes > RECORD_LIMIT {
        return Err(TraceError::TooLarge {
            what: "a record",
            bytes,
            limit: RECORD_LIMIT,
        });
    }
    Ok(())
}

/// The most bytes that a number takes.
const NUMBER_BYTES: u64 = 10;
/// The most bytes of a stop without its patches: its tag, thread, site, step, window, count of
/// patches, registers and their masks.
const STOP_BYTES: u64 = (1 + 1 + 1 + 1 + 2 + 1 + 16) * NUMBER_BYTES;
/// The most bytes of a patch beside its own.
const PATCH_BYTES: u64 = 2 * NUMBER_BYTES;

/// How many bytes a record that is not a stop takes at most.
fn most_bytes(record: &Record) -> u64 {
    let bytes = match record {
        Record::Output { bytes, .. } => bytes.len() as u64 + NUMBER_BYTES,
        Record::ThreadStart { name, .. } => name.as_ref().map_or(0, String::len) as u64,
        Record::ThreadName { name, .. } => name.len() as u64,
        Record::Exec { path, .. } => path.len() as u64,
        Record::Map { regions } => regions
            .iter()
            .map(|region| region.name.len() as u64 + 5 * NUMBER_BYTES)
            .sum(),
        Record::Limit(Limit::Other(what)) => what.len() as u64,
        Record::Outcome(Outcome::RecorderStopped(why)) => why.len() as u64,
        _ => 0,
    };
    bytes + 9 * NUMBER_BYTES
}

/// How often a file is made anew that others make at the same time.
const ATTEMPTS: u32 = 100;

/// Makes a file that only its owner may read and write, in the place of the one that is there: the
/// old one's mode and readers stay with the old one. A pipe or a device is written to as it is.
///
/// # Errors
///
/// What the system says if the file cannot be made.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut path = path.to_owned();
    match std::fs::metadata(&path) {
        Ok(there) if !there.is_file() => return OpenOptions::new().write(true).open(path),
        // What a link leads to is made anew, and the link stays.
        Ok(_) => path = path.canonicalize()?,
        Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut attempts = 0;
    loop {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempts < ATTEMPTS => {
                attempts += 1;
            }
            made => return made,
        }
    }
}
