//! Recordings whose check sums fit and whose content does not.

use crate::chunk::{ChunkHead, ChunkKind, ChunkMaker, HEAD_BYTES, PREAMBLE_BYTES, unpack};
use crate::{Recording, TraceError};

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Numbers, fine_pacing, fixed_records, read_everything, write};

/// A chunk, unpacked.
struct Open {
    head: ChunkHead,
    first: Vec<u8>,
    second: Vec<u8>,
}

fn chunks(bytes: &[u8]) -> Vec<Open> {
    let mut chunks = Vec::new();
    let mut at = PREAMBLE_BYTES as usize;
    while let Some(head) = ChunkHead::from_bytes(&bytes[at..]) {
        let first = at + HEAD_BYTES as usize;
        let second = first + head.first.stored as usize;
        let end = second + head.second.stored as usize;
        chunks.push(Open {
            head,
            first: unpack(&head.first, &bytes[first..second]).unwrap(),
            second: unpack(&head.second, &bytes[second..end]).unwrap(),
        });
        at = end;
    }
    chunks
}

/// The chunks as a file, with a footer behind the index where there is one.
fn file(preamble: &[u8], chunks: &[Open]) -> Vec<u8> {
    let (mut fast, mut thorough) = (ChunkMaker::new(1).unwrap(), ChunkMaker::new(3).unwrap());
    let mut bytes = preamble.to_vec();
    let mut index = None;
    for chunk in chunks {
        let kind = chunk.head.kind;
        let maker = match kind {
            ChunkKind::Records | ChunkKind::Keyframe => &mut fast,
            _ => &mut thorough,
        };
        if kind == ChunkKind::Index {
            index = Some(bytes.len() as u64);
        }
        bytes.extend(
            maker
                .make(kind, chunk.head.extent, &chunk.first, &chunk.second)
                .unwrap(),
        );
    }
    if let Some(index) = index {
        bytes.extend(crate::chunk::footer(index));
    }
    bytes
}

/// Changes some bytes so that numbers become other ones, large ones most of all.
fn change(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..numbers.next() % 3 + 1 {
        if bytes.is_empty() {
            return;
        }
        let at = numbers.next() as usize % bytes.len();
        match numbers.next() % 5 {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << (numbers.next() % 8),
            2 => {
                let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
                bytes.splice(at..at + 1, huge);
            }
            3 => {
                let end = (at + 9).min(bytes.len());
                bytes[at..end].fill(0xff);
            }
            _ => bytes[at] = numbers.next() as u8,
        }
    }
}

fn check(kind: ChunkKind, rounds: u32) {
    let whole = write(&fixed_records(60), fine_pacing());
    let preamble = &whole[..PREAMBLE_BYTES as usize];
    let mut numbers = Numbers(3);
    let mut read = 0;
    for _ in 0..rounds {
        let mut chunks = chunks(&whole);
        // Where parts change their length, the index would point nowhere.
        chunks.retain(|chunk| kind == ChunkKind::Index || chunk.head.kind != ChunkKind::Index);
        let mut candidates: Vec<&mut Open> = chunks
            .iter_mut()
            .filter(|chunk| chunk.head.kind == kind)
            .collect();
        let chosen = numbers.next() as usize % candidates.len();
        let chunk = &mut *candidates[chosen];
        if numbers.next().is_multiple_of(8) && !chunk.second.is_empty() {
            change(&mut chunk.second, &mut numbers);
        } else {
            change(&mut chunk.first, &mut numbers);
        }
        if numbers.next().is_multiple_of(8) {
            chunk.head.extent.stops_before = u64::MAX - numbers.next() % 3;
            chunk.head.extent.steps_before = u64::MAX - numbers.next() % 3;
            chunk.head.extent.records = u32::MAX;
        }
        let (records, _) = read_everything(file(preamble, &chunks)).expect("it opens");
        read += records.len();
    }
    assert!(read > 0, "nothing was read in any round");
}

#[test]
fn unpacked_and_packed_again_it_is_the_same() {
    let whole = write(&fixed_records(60), fine_pacing());
    assert!(whole == file(&whole[..PREAMBLE_BYTES as usize], &chunks(&whole)));
}

#[test]
fn wrong_records_do_no_harm() {
    check(ChunkKind::Records, 600);
}

#[test]
fn wrong_keyframes_do_no_harm() {
    check(ChunkKind::Keyframe, 600);
}

#[test]
fn wrong_indexes_do_no_harm() {
    check(ChunkKind::Index, 300);
}

#[test]
fn wrong_headers_and_blobs_do_no_harm() {
    check(ChunkKind::Header, 100);
    check(ChunkKind::Blob, 300);
}

#[test]
fn an_announced_length_is_not_made_room_for() {
    let whole = write(&[], fine_pacing());
    let mut chunks = chunks(&whole);
    let chunk = &mut chunks[0];
    let stored = zstd::bulk::compress(&chunk.first, 1).unwrap();
    chunk.head.first.raw = 1 << 30;
    assert_eq!(unpack(&chunk.head.first, &stored), None);
}

#[test]
fn an_index_that_points_nowhere_gives_errors() {
    let mut whole = write(&fixed_records(60), fine_pacing());
    // The records are cut out, the index and the footer still are as they were.
    let end = whole.len();
    let middle = end / 2;
    whole[16..middle].fill(0);
    let recording = Recording::from_bytes(whole).unwrap();
    assert!(!recording.problems().is_empty());
    let mut cursor = recording.cursor();
    let first = cursor.next().expect("something is said");
    assert!(matches!(first, Err(TraceError::Damaged { .. })));
}
