//! Finding the parts of a file: by its index, or by going from head to head where it has none.

use crate::chunk::{
    ChunkHead, ChunkKind, FOOTER_BYTES, HEAD_BYTES, PREAMBLE_BYTES, find_head, read_footer,
};
use crate::error::{Problem, TraceError};
use crate::index::{Index, index_from, part_of};
use crate::source::Source;

/// How many problems are listed.
const PROBLEMS_LISTED: usize = 1000;
/// How many bytes are searched at once for the next head.
const SEARCH_BYTES: u64 = 1 << 20;

/// A list of problems that does not grow without end.
#[derive(Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn note(&mut self, problem: Problem) {
        match self.0.len() {
            0..PROBLEMS_LISTED => self.0.push(problem),
            PROBLEMS_LISTED => self.0.push(Problem::More),
            _ => {}
        }
    }
}

/// What was found in a file.
pub(crate) struct Found {
    pub(crate) index: Index,
    /// Whether the index was in the file.
    pub(crate) is_finished: bool,
    pub(crate) problems: Problems,
}

/// Finds the parts of a file.
pub(crate) fn find_parts(source: &Source) -> Result<Found, TraceError> {
    let mut problems = Problems::default();
    match read_index(source)? {
        Ok(index) => {
            return Ok(Found {
                index,
                is_finished: true,
                problems,
            });
        }
        Err(problem) => problems.note(problem),
    }
    let index = scan(source, &mut problems)?;
    Ok(Found {
        index,
        is_finished: false,
        problems,
    })
}

/// The index at the end of a finished file, or what is wrong with it.
fn read_index(source: &Source) -> Result<Result<Index, Problem>, TraceError> {
    let Some(footer_at) = source.bytes().checked_sub(FOOTER_BYTES) else {
        return Ok(Err(Problem::NotFinished));
    };
    let Some(offset) = read_footer(&source.read(footer_at, FOOTER_BYTES)?) else {
        return Ok(Err(Problem::NotFinished));
    };
    let head = source
        .head(offset)?
        .filter(|head| head.kind == ChunkKind::Index);
    let damaged = Ok(Err(Problem::IndexDamaged { offset }));
    let Some(head) = head else { return damaged };
    match source.first(offset, &head) {
        Ok(bytes) => Ok(index_from(&bytes).map_err(|_| Problem::IndexDamaged { offset })),
        Err(TraceError::Damaged { .. }) => damaged,
        Err(error) => Err(error),
    }
}

/// Goes through the file from head to head.
fn scan(source: &Source, problems: &mut Problems) -> Result<Index, TraceError> {
    let mut index = Index::default();
    let mut offset = PREAMBLE_BYTES;
    let end = source.bytes();
    while offset < end {
        match source.head(offset)? {
            Some(head) if head.bytes() <= end - offset => {
                note_chunk(&mut index, problems, offset, &head);
                offset += head.bytes();
            }
            Some(_) => {
                problems.note(Problem::Truncated {
                    offset,
                    bytes: end - offset,
                });
                // What looks like the rest of this part may be others: the head may be an old one.
                offset = next_head(source, offset + 1)?;
            }
            None => {
                let next = next_head(source, offset + 1)?;
                note_gap(source, problems, offset, next)?;
                offset = next;
            }
        }
    }
    let keyframes = index.parts.iter().filter(|part| part.is_keyframe).count();
    index.sites = vec![None; keyframes + 1];
    Ok(index)
}

fn note_chunk(index: &mut Index, problems: &mut Problems, offset: u64, head: &ChunkHead) {
    match head.kind {
        ChunkKind::Records | ChunkKind::Keyframe => {
            let part = part_of(head.kind, offset, head.extent, head.second.raw);
            index.parts.extend(part);
        }
        ChunkKind::Blob => index.blobs.push(offset),
        ChunkKind::Header | ChunkKind::Index => {}
        ChunkKind::Other(kind) => problems.note(Problem::UnknownPart { offset, kind }),
    }
}

/// Notes bytes that are no chunk, unless they are the footer or the beginning of a last chunk.
fn note_gap(
    source: &Source,
    problems: &mut Problems,
    offset: u64,
    next: u64,
) -> Result<(), TraceError> {
    let bytes = next - offset;
    let is_footer = next == source.bytes()
        && bytes == FOOTER_BYTES
        && read_footer(&source.read(offset, bytes)?).is_some();
    if is_footer {
        return Ok(());
    }
    if next == source.bytes() && bytes < HEAD_BYTES {
        problems.note(Problem::Truncated { offset, bytes });
    } else {
        problems.note(Problem::Gap { offset, bytes });
    }
    Ok(())
}

/// Where the next head from `offset` on is; the end of the file when there is none.
fn next_head(source: &Source, offset: u64) -> Result<u64, TraceError> {
    let mut offset = offset;
    let end = source.bytes();
    while offset < end {
        // Pieces overlap by a head, so that one across their border is found.
        let bytes = source.read(offset, SEARCH_BYTES + HEAD_BYTES)?;
        if let Some(found) = find_head(&bytes, 0) {
            return Ok(offset + found as u64);
        }
        offset += SEARCH_BYTES;
    }
    Ok(end)
}
