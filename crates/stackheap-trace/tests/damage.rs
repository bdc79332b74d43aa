//! Recordings that are cut short, changed or foreign.

mod common;

use common::{Numbers, fine_pacing, fixed_records, read_everything, table, write};
use stackheap_model::*;
use stackheap_trace::*;

#[test]
fn cut_anywhere_it_opens_with_what_came_before() {
    let records = fixed_records(40);
    let whole = write(&records, fine_pacing());
    let mut last = 0;
    for end in 0..whole.len() {
        let Some((found, errors)) = read_everything(whole[..end].to_vec()) else {
            assert!(end < 16, "cut at {end} it does not open");
            continue;
        };
        for (at, (sequence, record)) in found.iter().enumerate() {
            assert_eq!(sequence.0, at as u64);
            assert_eq!(record, &records[at], "cut at {end}");
        }
        assert!(
            found.len() >= last,
            "cut at {end} there is less than before"
        );
        assert!(errors > 0, "cut at {end} nothing is said");
        last = found.len();
    }
    assert_eq!(last, records.len());
}

#[test]
fn a_cut_recording_has_the_totals_of_what_is_left() {
    let records = fixed_records(300);
    let whole = write(&records, fine_pacing());
    let recording = Recording::from_bytes(whole[..whole.len() * 2 / 3].to_vec()).unwrap();
    let mut state = ReplayState::new(std::sync::Arc::new(table()));
    let left = recording.totals().records as usize;
    assert!(left > 50 && left < 300, "{left}");
    for record in &records[..left] {
        state.apply(record);
    }
    assert_eq!(*recording.totals(), state.totals);
    let last = StopNumber(state.totals.stops);
    assert!(recording.cursor_at(last).is_ok());
}

#[test]
fn a_changed_bit_never_gives_a_wrong_record() {
    let records = fixed_records(60);
    let whole = write(&records, fine_pacing());
    let mut numbers = Numbers(1);
    let mut lost = 0;
    for _ in 0..2000 {
        let mut bytes = whole.clone();
        let at = numbers.next() as usize % bytes.len();
        let bit = 1 << (numbers.next() % 8);
        bytes[at] ^= bit;
        let Some((found, errors)) = read_everything(bytes) else {
            assert!(at < 12, "with byte {at} changed it does not open");
            continue;
        };
        for (sequence, record) in &found {
            assert_eq!(
                record, &records[sequence.0 as usize],
                "byte {at}, bit {bit}"
            );
        }
        if found.len() < records.len() {
            lost += 1;
            assert!(
                errors > 0,
                "byte {at}: {} records and nothing is said",
                found.len()
            );
        }
    }
    assert!(
        lost > 200,
        "only {lost} changes lost anything: the test does not reach the records"
    );
}

#[test]
fn many_changed_bytes_do_no_harm() {
    let whole = write(&fixed_records(60), fine_pacing());
    let mut numbers = Numbers(2);
    for _ in 0..500 {
        let mut bytes = whole.clone();
        for _ in 0..numbers.next() % 30 + 2 {
            let at = 16 + numbers.next() as usize % (bytes.len() - 16);
            bytes[at] = numbers.next() as u8;
        }
        let from = 16 + numbers.next() as usize % (bytes.len() - 16);
        let to = from + numbers.next() as usize % 300;
        if numbers.next().is_multiple_of(3) && to < bytes.len() {
            bytes.drain(from..to);
        }
        read_everything(bytes).expect("it opens");
    }
}

#[test]
fn behind_a_damaged_part_replay_goes_on_at_the_next_keyframe() {
    let records = fixed_records(400);
    let whole = write(&records, fine_pacing());
    let intact = Recording::from_bytes(whole.clone()).unwrap();
    let mut bytes = whole;
    let at = bytes.len() / 3;
    bytes[at] ^= 0x10;
    let recording = Recording::from_bytes(bytes).unwrap();
    assert_eq!(recording.problems(), []);
    let damaged = recording.check().unwrap();
    assert_eq!(damaged.len(), 1, "{damaged:?}");

    let mut cursor = recording.cursor();
    let mut said = None;
    let mut seen = Vec::new();
    while let Some(next) = cursor.next() {
        match next {
            Ok((_, Record::Stop(_), _)) => seen.push(cursor.state().last_stop()),
            Ok(_) => {}
            Err(TraceError::Damaged {
                stops: Some(stops), ..
            }) => said = Some(stops),
            Err(error) => panic!("{error}"),
        }
    }
    let (first, last) = said.expect("the loss is told");
    let all = intact.totals().stops;
    let expected: Vec<_> = (1..=all)
        .map(StopNumber)
        .filter(|&stop| stop < first || last < stop)
        .collect();
    assert_eq!(seen, expected);
    assert!(seen.last().unwrap().0 == all && first < last);
    assert_eq!(
        cursor.state(),
        intact
            .cursor_at(StopNumber(all))
            .map(|mut c| {
                while c.next().is_some() {}
                c.into_state()
            })
            .as_ref()
            .unwrap()
    );
    assert!(recording.cursor_at(first).is_err());
    let behind = StopNumber(last.0 + 1);
    let state = intact.cursor_at(behind).unwrap().into_state();
    assert_eq!(*recording.cursor_at(behind).unwrap().state(), state);
}

#[test]
fn foreign_files_are_told_apart() {
    let message = |bytes: &[u8]| match Recording::from_bytes(bytes.to_vec()) {
        Ok(_) => panic!("{bytes:?} opened"),
        Err(error) => error,
    };
    assert!(matches!(message(b""), TraceError::NotARecording { .. }));
    assert!(matches!(
        message(b"\x7fELF and so on, for long"),
        TraceError::NotARecording { .. }
    ));
    let mut newer = write(&[], Pacing::default());
    newer[8] = 9;
    assert!(matches!(
        message(&newer),
        TraceError::NewerVersion {
            found: 9,
            newest: 1
        }
    ));
    let mut other = write(&[], Pacing::default());
    other[10..12].copy_from_slice(&183u16.to_le_bytes());
    assert!(matches!(
        message(&other),
        TraceError::UnknownArchitecture { found: 183 }
    ));
}
