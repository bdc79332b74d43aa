//! What is written is what is read, and a jump leads to the state that going there leads to.

mod common;

use std::sync::Arc;

use common::{fine_pacing, fixed_records, header, records, table, write};
use proptest::prelude::*;
use stackheap_model::*;
use stackheap_trace::*;

fn read_all(recording: &Recording) -> Vec<Record> {
    let mut cursor = recording.cursor();
    let mut records = Vec::new();
    while let Some(next) = cursor.next() {
        let (sequence, record, _) = next.unwrap();
        assert_eq!(sequence, Sequence(records.len() as u64));
        records.push(record);
    }
    records
}

/// The states after each stop, folded from the records without any file.
fn folded(records: &[Record]) -> (Vec<(ReplayState, AppliedStop)>, ReplayState) {
    let mut state = ReplayState::new(Arc::new(table()));
    let mut states = Vec::new();
    for record in records {
        if let Applied::Stop(applied) = state.apply(record) {
            states.push((state.clone(), applied));
        }
    }
    (states, state)
}

fn check(records: &[Record], pacing: Pacing) {
    let bytes = write(records, pacing);
    let recording = Recording::from_bytes(bytes).unwrap();
    assert_eq!(recording.problems(), []);
    assert_eq!(recording.check().unwrap(), []);
    assert_eq!(read_all(&recording), records);
    let (states, end) = folded(records);
    assert_eq!(*recording.totals(), end.totals);
    assert_eq!(recording.outcome(), end.outcome.as_ref());
    assert_eq!(recording.limits(), end.limits);
    // Back and forth, so that no jump profits from the one before.
    let there = (0..states.len()).step_by(2);
    let back = (0..states.len()).rev().step_by(3);
    for at in there.chain(back) {
        let (state, applied) = &states[at];
        let stop = StopNumber(at as u64 + 1);
        let cursor = recording.cursor_at(stop).unwrap();
        assert_eq!(cursor.state(), state, "stop {stop}");
        assert_eq!(recording.step_of_stop(stop), Some(applied.step));
        if applied.new_step {
            assert_eq!(recording.first_stop_of_step(applied.step), Some(stop));
        }
    }
    assert_eq!(
        recording.first_stop_of_step(StepNumber(end.totals.steps + 1)),
        None
    );
    assert!(
        recording
            .cursor_at(StopNumber(end.totals.stops + 1))
            .is_err()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn records_come_back(records in records(0..120)) {
        check(&records, fine_pacing());
    }

    #[test]
    fn the_output_comes_back(records in records(0..120), before in 0usize..140) {
        let recording = Recording::from_bytes(write(&records, fine_pacing())).unwrap();
        for stream in [OutputStream::Stdout, OutputStream::Stderr, OutputStream::Captured] {
            let mut expected = Vec::new();
            for record in records.iter().take(before) {
                match record {
                    Record::Output { stream: to, bytes, .. } if *to == stream => {
                        expected.extend_from_slice(bytes);
                    }
                    _ => {}
                }
            }
            let written = recording.output(stream, Sequence(before as u64)).unwrap();
            prop_assert_eq!(written, expected);
        }
    }

    #[test]
    fn stops_are_found_by_site(records in records(0..120), site in 0u32..24) {
        let recording = Recording::from_bytes(write(&records, fine_pacing())).unwrap();
        let mut expected = Vec::new();
        let stops = records.iter().filter_map(|record| match record {
            Record::Stop(stop) => Some(stop),
            _ => None,
        });
        for (at, stop) in stops.enumerate() {
            if stop.site == SiteId(site) {
                expected.push(StopNumber(at as u64 + 1));
            }
        }
        let wanted = |found: SiteId| found == SiteId(site);
        prop_assert_eq!(recording.stops_at(&wanted).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_long_recording_comes_back_with_the_pacing_of_real_ones() {
    let pacing = Pacing {
        chunk_age: None,
        ..Pacing::default()
    };
    let records = fixed_records(3000);
    let bytes = write(&records, pacing);
    assert_eq!(read_all(&Recording::from_bytes(bytes).unwrap()), records);
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let records = fixed_records(400);
    assert_eq!(
        write(&records, fine_pacing()),
        write(&records, fine_pacing())
    );
}

#[test]
fn a_recording_of_nothing_opens() {
    let recording = Recording::from_bytes(write(&[], Pacing::default())).unwrap();
    assert_eq!(recording.problems(), []);
    assert_eq!(recording.totals().records, 0);
    assert!(recording.cursor().next().is_none());
    assert!(recording.cursor_at(StopNumber(1)).is_err());
}

#[test]
fn the_header_the_table_and_blobs_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blobs.stackheap");
    let mut writer = Writer::create(&path, &header()).unwrap();
    let image: Vec<u8> = (0..200_000u32)
        .flat_map(|at| at.wrapping_mul(at).to_le_bytes())
        .collect();
    writer.blob(BlobKind::Image, "demo", &image).unwrap();
    let before = writer.bytes_written();
    writer
        .blob(BlobKind::Other(9), "the same bytes", &image)
        .unwrap();
    assert!(writer.bytes_written() - before < 300, "written twice");
    writer.site_table(&table()).unwrap();
    writer
        .blob(BlobKind::Source, "src/main.rs", b"fn main() {}")
        .unwrap();
    writer
        .blob(BlobKind::Source, "src/main.rs", b"fn main() { }")
        .unwrap();
    writer.blob(BlobKind::Source, "empty", b"").unwrap();
    writer.finish().unwrap();

    let recording = Recording::open(&path).unwrap();
    assert_eq!(*recording.header(), header());
    assert_eq!(*recording.site_table(), table());
    assert_eq!(
        recording.blob(BlobKind::Image, "demo").unwrap().as_ref(),
        Some(&image)
    );
    assert_eq!(
        recording
            .blob(BlobKind::Other(9), "the same bytes")
            .unwrap(),
        Some(image)
    );
    let source = recording.blob(BlobKind::Source, "src/main.rs").unwrap();
    assert_eq!(source.as_deref(), Some(&b"fn main() { }"[..]));
    assert_eq!(
        recording.blob(BlobKind::Source, "empty").unwrap(),
        Some(Vec::new())
    );
    assert_eq!(recording.blob(BlobKind::Source, "demo").unwrap(), None);
    assert_eq!(recording.blobs().count(), 6);
}

#[cfg(unix)]
#[test]
fn a_private_file_is_made_behind_a_link() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "an old one").unwrap();
    let link = path.with_extension("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    stackheap_trace::create_private(&link).unwrap();
    assert!(link.is_symlink());
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // What is no file is written to as it is.
    let null = path.with_extension("null");
    std::os::unix::fs::symlink("/dev/null", &null).unwrap();
    stackheap_trace::create_private(&null).unwrap();
    assert!(null.is_symlink() && !null.is_file());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private.stackheap");
    std::fs::write(&path, "an old one").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    Writer::create(&path, &header()).unwrap().finish().unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(Recording::open(&path).is_ok());
}

#[test]
fn a_writer_that_is_dropped_leaves_all_but_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dropped.stackheap");
    let records = fixed_records(500);
    let mut writer = Writer::create_with(&path, &header(), fine_pacing()).unwrap();
    writer.site_table(&table()).unwrap();
    for record in &records {
        writer.record(record).unwrap();
    }
    let state = writer.state().clone();
    drop(writer);
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.problems(), [Problem::NotFinished]);
    assert_eq!(read_all(&recording), records);
    assert_eq!(*recording.totals(), state.totals);
    assert_eq!(recording.outcome(), state.outcome.as_ref());
    let wanted = |site: SiteId| site == SiteId(3);
    let finished = Recording::from_bytes(write(&records, fine_pacing())).unwrap();
    let stops: Vec<_> = recording.stops_at(&wanted).collect();
    assert_eq!(stops, finished.stops_at(&wanted).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_written_is_refused_and_not_applied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("refused.stackheap");
    let mut writer = Writer::create(&path, &header()).unwrap();
    writer.site_table(&table()).unwrap();
    let stop = |site, patches| StopRef {
        thread: ThreadId(1),
        site: SiteId(site),
        registers: Registers::default(),
        patches,
        bytes: &[1, 2, 3],
        captured: AddressRange::default(),
    };
    let refused = writer.stop(&stop(24, &[]));
    assert!(matches!(
        refused,
        Err(TraceError::UnknownSite {
            site: SiteId(24),
            sites: 24
        })
    ));
    let patch = PatchRef {
        address: RuntimeAddress(0),
        start: 1,
        len: 3,
    };
    let refused = writer.stop(&stop(0, &[patch]));
    assert!(matches!(
        refused,
        Err(TraceError::PatchOutside {
            start: 1,
            len: 3,
            buffer: 3
        })
    ));
    let bytes = vec![0; 65 << 20];
    let output = Record::Output {
        thread: ThreadId(1),
        stream: OutputStream::Stdout,
        bytes,
    };
    assert!(matches!(
        writer.record(&output),
        Err(TraceError::TooLarge { .. })
    ));
    assert_eq!(writer.state().totals, Totals::default());
    writer.record(&Record::Clock { elapsed_ns: 1 }).unwrap();
    let late = writer.site_table(&table());
    assert!(matches!(
        late,
        Err(TraceError::TableAfterRecords { records: 1 })
    ));
}
