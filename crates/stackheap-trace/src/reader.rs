//! Reading a recording.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use stackheap_model::{OutputStream, SiteId, SiteTable, StepNumber, StopNumber, ThreadId};

use crate::blobs::{BlobHead, BlobKind, ContentHash, blob_head_from};
use crate::chunk::{ChunkHead, ChunkKind, PREAMBLE_BYTES, read_preamble};
use crate::cursor::Cursor;
use crate::decode::{Decoded, Decoder, next_piece};
use crate::error::{Problem, TraceError};
use crate::header::{Architecture, Header, header_from};
use crate::index::{Index, Part};
use crate::keyframe::keyframe_from;
use crate::records::{Limit, Outcome, Record, Sequence};
use crate::replay::{ReplayState, Totals};
use crate::scan::{Problems, find_parts};
use crate::site_table::site_table_from;
use crate::source::Source;
use crate::wire::Input;

/// How many parts' lists of stops are kept.
const STOP_LISTS_KEPT: usize = 16;

/// A recording that is open for reading.
///
/// Opening reads the header, the index and the site table only. What is damaged is passed over and
/// told by [`Recording::problems`], or by what is asked for when it is met later.
pub struct Recording {
    source: Source,
    header: Header,
    index: Index,
    blobs: Vec<(u64, ChunkHead, BlobHead)>,
    table: Arc<SiteTable>,
    has_table: bool,
    problems: Problems,
    stop_lists: Mutex<VecDeque<(usize, Arc<Vec<StopInfo>>)>>,
}

/// What a chunk says of a stop without replay.
#[derive(Clone, Copy, Debug)]
struct StopInfo {
    thread: ThreadId,
    site: SiteId,
    step: StepNumber,
    new_step: bool,
}

impl Recording {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not a recording, or is of a newer version or of an
    /// architecture that is not known. A recording that is cut short or damaged opens.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        Self::from_source(Source::open(path)?)
    }

    /// Opens a file that was opened before, such as [`Writer::file`](crate::Writer::file) gives.
    ///
    /// # Errors
    ///
    /// As [`Recording::open`].
    pub fn from_file(file: File) -> Result<Self, TraceError> {
        Self::from_source(Source::of_file(file, "read the recording")?)
    }

    /// Opens a recording that is in memory.
    ///
    /// # Errors
    ///
    /// As [`Recording::open`].
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Result<Self, TraceError> {
        Self::from_source(Source::Memory(bytes.into()))
    }

    fn from_source(source: Source) -> Result<Self, TraceError> {
        let architecture = read_preamble(&source.read(0, PREAMBLE_BYTES)?)?;
        let mut found = find_parts(&source)?;
        let header = read_header(&source, architecture, &mut found.problems)?;
        let blobs = read_blob_heads(&source, &found.index, &mut found.problems)?;
        let mut recording = Self {
            source,
            header,
            index: found.index,
            blobs,
            table: Arc::default(),
            has_table: false,
            problems: found.problems,
            stop_lists: Mutex::default(),
        };
        recording.read_table();
        if !found.is_finished {
            recording.count_again();
        }
        Ok(recording)
    }

    fn read_table(&mut self) {
        let table = match self.blob(BlobKind::SiteTable, "") {
            Ok(Some(bytes)) => site_table_from(&bytes).ok(),
            _ => None,
        };
        match table {
            Some(table) => {
                self.table = Arc::new(table);
                self.has_table = true;
            }
            None if self.index.parts.iter().any(|part| part.extent.stops > 0) => {
                self.problems.note(Problem::NoSiteTable);
            }
            None => {}
        }
    }

    /// Counts what the index would tell, from the last keyframe on.
    fn count_again(&mut self) {
        let state = Cursor::at_end(self).into_state();
        self.index.totals = state.totals;
        self.index.limits = state.limits;
        self.index.outcome = state.outcome;
    }

    /// What the recording says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What was found to be wrong with it when it was opened. Of a finished recording the records
    /// are not looked at then; [`Recording::check`] does.
    pub fn problems(&self) -> &[Problem] {
        &self.problems.0
    }

    /// Reads everything and tells what is damaged, beside [`Recording::problems`].
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn check(&self) -> Result<Vec<Problem>, TraceError> {
        let mut problems = Problems::default();
        for part in &self.index.parts {
            let damaged = Problem::Damaged {
                offset: part.offset,
                stops: part.extent.stop_range(),
            };
            match self.read_part(part) {
                Ok((first, second)) if part.is_keyframe => {
                    let table = Arc::clone(&self.table);
                    if keyframe_from(&first, table).is_err() || !second.is_empty() {
                        problems.note(damaged);
                    }
                }
                Ok((first, second)) => {
                    if stop_list(part, first, second).is_err() {
                        problems.note(damaged);
                    }
                }
                Err(error @ TraceError::Io { .. }) => return Err(error),
                Err(_) => problems.note(damaged),
            }
        }
        for (offset, _, head) in &self.blobs {
            match self.blob(head.kind, &head.name) {
                Ok(_) => {}
                Err(error @ TraceError::Io { .. }) => return Err(error),
                Err(_) => problems.note(Problem::Damaged {
                    offset: *offset,
                    stops: None,
                }),
            }
        }
        Ok(problems.0)
    }

    /// The blobs, by kind and name, in the order in which they were added.
    pub fn blobs(&self) -> impl Iterator<Item = (BlobKind, &str)> {
        self.blobs
            .iter()
            .map(|(_, _, head)| (head.kind, head.name.as_str()))
    }

    /// The content of the last blob of this kind and name; `Ok(None)` when there is none.
    ///
    /// # Errors
    ///
    /// When it is damaged or the file cannot be read.
    pub fn blob(&self, kind: BlobKind, name: &str) -> Result<Option<Vec<u8>>, TraceError> {
        let named =
            |entry: &&(u64, ChunkHead, BlobHead)| entry.2.kind == kind && entry.2.name == name;
        let Some((offset, _, wanted)) = self.blobs.iter().rev().find(named) else {
            return Ok(None);
        };
        if wanted.bytes == 0 {
            return Ok(Some(Vec::new()));
        }
        for (at, chunk, head) in &self.blobs {
            if head.hash == wanted.hash && u64::from(chunk.second.raw) == wanted.bytes {
                let content = self.source.second(*at, chunk)?;
                if ContentHash::of(&content) == wanted.hash {
                    return Ok(Some(content));
                }
            }
        }
        Err(TraceError::Damaged {
            offset: *offset,
            stops: None,
        })
    }

    /// The site table; empty when it is missing.
    pub fn site_table(&self) -> Arc<SiteTable> {
        Arc::clone(&self.table)
    }

    /// How the run ended; `None` when the recording ends before.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.index.outcome.as_ref()
    }

    /// The limits that were reached, each with the record that says so.
    pub fn limits(&self) -> &[(Sequence, Limit)] {
        &self.index.limits
    }

    /// What is counted in all of the recording.
    pub fn totals(&self) -> &Totals {
        &self.index.totals
    }

    /// The first stop of a step; `None` when there is no such step or its part is damaged.
    pub fn first_stop_of_step(&self, step: StepNumber) -> Option<StopNumber> {
        let parts = &self.index.parts;
        let at = parts.partition_point(|part| part.extent.steps_after() < step.0);
        let part = parts.get(at).filter(|part| part.extent.begins_step(step))?;
        let stops = self.stops_of_part(at).ok()?;
        let place = stops
            .iter()
            .position(|stop| stop.new_step && stop.step == step)?;
        Some(StopNumber(
            part.extent.stops_before.saturating_add(place as u64 + 1),
        ))
    }

    /// The step that a stop belongs to; `None` when there is no such stop or its part is damaged.
    pub fn step_of_stop(&self, stop: StopNumber) -> Option<StepNumber> {
        Some(self.stop_info(stop)?.step)
    }

    /// The site of a stop; `None` when there is no such stop or its part is damaged.
    pub fn site_of_stop(&self, stop: StopNumber) -> Option<SiteId> {
        Some(self.stop_info(stop)?.site)
    }

    /// The thread that made a stop; `None` when there is no such stop or its part is damaged.
    pub fn thread_of_stop(&self, stop: StopNumber) -> Option<ThreadId> {
        Some(self.stop_info(stop)?.thread)
    }

    fn stop_info(&self, stop: StopNumber) -> Option<StopInfo> {
        let at = self.part_of_stop(stop)?;
        let before = self.index.parts.get(at)?.extent.stops_before;
        let place = stop.0.checked_sub(before)?.checked_sub(1)?;
        self.stops_of_part(at)
            .ok()?
            .get(usize::try_from(place).ok()?)
            .copied()
    }

    /// What the program had written to `stream` before the record at `before`.
    ///
    /// # Errors
    ///
    /// When a part with output is damaged or the file cannot be read.
    pub fn output(&self, stream: OutputStream, before: Sequence) -> Result<Vec<u8>, TraceError> {
        let mut written = Vec::new();
        for part in &self.index.parts {
            if part.extent.records_before >= before.0 {
                break;
            }
            if part.is_keyframe || part.output_bytes == 0 {
                continue;
            }
            if part.extent.records_after() <= before.0 {
                let head = self.head_of(part)?;
                let second = self.source.second(part.offset, &head)?;
                let mut input = Input::new(&second, "the output of a chunk");
                while let Some((to, bytes)) = next_piece(&mut input)? {
                    if to == stream {
                        written.extend_from_slice(bytes);
                    }
                }
                continue;
            }
            let mut decoder = self.decoder_of(part)?;
            let mut sequence = part.extent.records_before;
            while let Some(decoded) = decoder.next()? {
                if sequence >= before.0 {
                    break;
                }
                sequence += 1;
                match decoded {
                    Decoded::Other(Record::Output {
                        stream: to, bytes, ..
                    }) if to == stream => {
                        written.extend_from_slice(&bytes);
                    }
                    _ => {}
                }
            }
        }
        Ok(written)
    }

    /// A cursor before the first record.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor::at_start(self)
    }

    /// A cursor just after `stop`: its state is the process as read at the stop, before the
    /// instruction at the site ran. Stop 0 is the beginning.
    ///
    /// # Errors
    ///
    /// When there is no such stop, a damaged part makes its state unknown, or the file cannot be
    /// read.
    pub fn cursor_at(&self, stop: StopNumber) -> Result<Cursor<'_>, TraceError> {
        Cursor::at_stop(self, stop)
    }

    /// The stops at the sites that `sites` chooses, in order. Damaged parts are passed over; parts
    /// of the recording without any of the sites are not read.
    pub fn stops_at<'a>(
        &'a self,
        sites: &'a dyn Fn(SiteId) -> bool,
    ) -> impl Iterator<Item = StopNumber> + 'a {
        let mut segment = 0;
        let parts = self.index.parts.iter().enumerate();
        let in_segment = parts.map(move |(at, part)| {
            let here = segment;
            segment += usize::from(part.is_keyframe);
            (here, at, part)
        });
        // Whether the current segment has any of the sites is asked once a segment.
        let mut asked: Option<(usize, bool)> = None;
        in_segment.flat_map(move |(segment, at, part)| {
            let has_any = match asked {
                Some((last, has_any)) if last == segment => has_any,
                _ => {
                    let known = self.index.sites_of_segment(segment);
                    known.is_none_or(|known| known.iter().any(|&site| sites(site)))
                }
            };
            asked = Some((segment, has_any));
            let mut found = Vec::new();
            if has_any && part.extent.stops > 0 {
                let stops = self.stops_of_part(at).unwrap_or_default();
                for (place, stop) in stops.iter().enumerate() {
                    if sites(stop.site) {
                        let number = part.extent.stops_before.saturating_add(place as u64 + 1);
                        found.push(StopNumber(number));
                    }
                }
            }
            found
        })
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.index.parts
    }

    /// Whether stops can be grouped as they were when they were written.
    pub(crate) fn has_table(&self) -> bool {
        self.has_table
    }

    /// The part that a stop is in, as an index.
    pub(crate) fn part_of_stop(&self, stop: StopNumber) -> Option<usize> {
        let parts = &self.index.parts;
        let at = parts.partition_point(|part| part.extent.stops_after() < stop.0);
        parts
            .get(at)
            .filter(|part| part.extent.has_stop(stop))
            .map(|_| at)
    }

    /// The records of a part.
    pub(crate) fn decoder_of(&self, part: &Part) -> Result<Decoder, TraceError> {
        let (first, second) = self.read_part(part)?;
        Decoder::new(first, second)
    }

    /// The state of a keyframe.
    pub(crate) fn state_of(&self, part: &Part) -> Result<ReplayState, TraceError> {
        let (first, _) = self.read_part(part)?;
        let state = keyframe_from(&first, Arc::clone(&self.table))?;
        let (extent, totals) = (part.extent, state.totals);
        let is_as_announced = totals.records == extent.records_before
            && totals.stops == extent.stops_before
            && totals.steps == extent.steps_before;
        if !is_as_announced {
            return Err(TraceError::Damaged {
                offset: part.offset,
                stops: None,
            });
        }
        Ok(state)
    }

    /// The head of a part, when it is what the index says.
    fn head_of(&self, part: &Part) -> Result<ChunkHead, TraceError> {
        let kind = if part.is_keyframe {
            ChunkKind::Keyframe
        } else {
            ChunkKind::Records
        };
        match self.source.head(part.offset)? {
            Some(head) if head.kind == kind && head.extent == part.extent => Ok(head),
            _ => Err(TraceError::Damaged {
                offset: part.offset,
                stops: part.extent.stop_range(),
            }),
        }
    }

    fn read_part(&self, part: &Part) -> Result<(Vec<u8>, Vec<u8>), TraceError> {
        let head = self.head_of(part)?;
        let first = self.source.first(part.offset, &head)?;
        let second = self.source.second(part.offset, &head)?;
        Ok((first, second))
    }

    fn stops_of_part(&self, at: usize) -> Result<Arc<Vec<StopInfo>>, TraceError> {
        let kept = self
            .stop_lists
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, stops)) = kept.iter().find(|(part, _)| *part == at) {
            return Ok(Arc::clone(stops));
        }
        drop(kept);
        let Some(part) = self.index.parts.get(at) else {
            return Ok(Arc::default());
        };
        let (first, second) = self.read_part(part)?;
        let stops = Arc::new(stop_list(part, first, second)?);
        let mut kept = self
            .stop_lists
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= STOP_LISTS_KEPT {
            kept.pop_front();
        }
        kept.push_back((at, Arc::clone(&stops)));
        Ok(stops)
    }
}

/// What a part says of its stops.
fn stop_list(part: &Part, first: Vec<u8>, second: Vec<u8>) -> Result<Vec<StopInfo>, TraceError> {
    let mut decoder = Decoder::new(first, second)?;
    let mut stops = Vec::new();
    let mut steps = part.extent.steps_before;
    let mut records = 0u64;
    while let Some(decoded) = decoder.next()? {
        records += 1;
        let Decoded::Stop(stop, said) = decoded else {
            continue;
        };
        steps = steps.saturating_add(u64::from(said.new_step));
        let step = StepNumber(steps.saturating_sub(said.steps_back));
        stops.push(StopInfo {
            thread: stop.thread,
            site: stop.site,
            step,
            new_step: said.new_step,
        });
    }
    let extent = part.extent;
    if records != u64::from(extent.records) || stops.len() as u64 != u64::from(extent.stops) {
        return Err(TraceError::Damaged {
            offset: part.offset,
            stops: extent.stop_range(),
        });
    }
    Ok(stops)
}

/// The header behind the preamble. Where it is damaged, only the architecture is known.
fn read_header(
    source: &Source,
    architecture: Architecture,
    problems: &mut Problems,
) -> Result<Header, TraceError> {
    let offset = PREAMBLE_BYTES;
    let header = match source.head(offset)? {
        Some(head) if head.kind == ChunkKind::Header => match source.first(offset, &head) {
            Ok(bytes) => header_from(&bytes, architecture).ok(),
            Err(error @ TraceError::Io { .. }) => return Err(error),
            Err(_) => None,
        },
        _ => None,
    };
    Ok(header.unwrap_or_else(|| {
        problems.note(Problem::Damaged {
            offset,
            stops: None,
        });
        Header {
            architecture,
            ..Header::default()
        }
    }))
}

fn read_blob_heads(
    source: &Source,
    index: &Index,
    problems: &mut Problems,
) -> Result<Vec<(u64, ChunkHead, BlobHead)>, TraceError> {
    let mut blobs = Vec::new();
    for &offset in &index.blobs {
        let head = match source.head(offset)? {
            Some(head) if head.kind == ChunkKind::Blob => head,
            _ => {
                problems.note(Problem::Damaged {
                    offset,
                    stops: None,
                });
                continue;
            }
        };
        match source
            .first(offset, &head)
            .and_then(|bytes| blob_head_from(&bytes))
        {
            Ok(blob) => blobs.push((offset, head, blob)),
            Err(error @ TraceError::Io { .. }) => return Err(error),
            Err(_) => problems.note(Problem::Damaged {
                offset,
                stops: None,
            }),
        }
    }
    Ok(blobs)
}
