//! Recordings: everything that is told without replay, and each record with the state it makes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stackheap_model::{OutputStream, SiteId, StepNumber, StopNumber};
use stackheap_trace::{Recording, Sequence};

/// Records that are looked at: a small input may hold many, and each has to be cheap, but an input
/// should not take seconds.
const RECORDS: usize = 20_000;

/// Stops that are jumped to.
const JUMPS: u64 = 8;

fuzz_target!(|bytes: &[u8]| {
    let Ok(recording) = Recording::from_bytes(bytes) else {
        return;
    };
    let _ = recording.check();
    for (kind, name) in recording.blobs() {
        let _ = recording.blob(kind, name);
    }
    let mut cursor = recording.cursor();
    let mut last = Sequence(0);
    let records = std::iter::from_fn(|| cursor.next()).take(RECORDS);
    for (sequence, _, _) in records.flatten() {
        last = sequence;
    }
    let _ = recording.output(OutputStream::Stdout, last);
    let _ = recording
        .stops_at(&|site: SiteId| site.0.is_multiple_of(2))
        .take(RECORDS)
        .count();
    let stops = recording.totals().stops;
    for nth in 0..JUMPS {
        let stop = StopNumber(stops / JUMPS * nth);
        if let Ok(cursor) = recording.cursor_at(stop) {
            assert_eq!(cursor.state().last_stop(), stop);
        }
        let step = recording.step_of_stop(stop).unwrap_or(StepNumber(nth));
        let _ = recording.first_stop_of_step(step);
        let _ = recording.site_of_stop(stop);
    }
});
