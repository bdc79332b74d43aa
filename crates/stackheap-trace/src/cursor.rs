//! Going through a recording.

use stackheap_model::{StepNumber, StopNumber};

use crate::decode::{Decoded, Decoder, Said};
use crate::error::TraceError;
use crate::reader::Recording;
use crate::records::{Record, Sequence};
use crate::replay::{Applied, AppliedStop, ReplayState};

/// A position in a recording with the state there, which moves forward.
pub struct Cursor<'a> {
    recording: &'a Recording,
    state: ReplayState,
    /// The part that comes after the open one, as an index.
    next_part: usize,
    open: Option<Open>,
    /// An error that is given instead of the next record.
    pending: Option<TraceError>,
    /// Whether a step was other than written; told once.
    has_contradicted: bool,
}

/// A part whose records are being taken.
struct Open {
    decoder: Decoder,
    /// Where in the file it is, and what it covers.
    part: crate::index::Part,
}

impl<'a> Cursor<'a> {
    pub(crate) fn at_start(recording: &'a Recording) -> Self {
        Self {
            recording,
            state: ReplayState::new(recording.site_table()),
            next_part: 0,
            open: None,
            pending: None,
            has_contradicted: false,
        }
    }

    pub(crate) fn at_stop(recording: &'a Recording, stop: StopNumber) -> Result<Self, TraceError> {
        if stop.0 == 0 {
            return Ok(Self::at_start(recording));
        }
        let Some(part) = recording.part_of_stop(stop) else {
            return Err(missing(recording, stop));
        };
        let mut cursor = Self::at_keyframe_before(recording, part)?;
        cursor.run_to(stop)?;
        Ok(cursor)
    }

    /// As far as the recording can be read.
    pub(crate) fn at_end(recording: &'a Recording) -> Self {
        let last = recording.parts().len();
        let mut cursor = match Self::at_keyframe_before(recording, last) {
            Ok(cursor) => cursor,
            Err(_) => Self::at_start(recording),
        };
        // Each error leaves a damaged part behind, so that this ends.
        while let Some(Ok(()) | Err(_)) = cursor.take(|_, _| ()) {}
        cursor
    }

    /// After the last keyframe before a part that can be read.
    fn at_keyframe_before(recording: &'a Recording, part: usize) -> Result<Self, TraceError> {
        let mut cursor = Self::at_start(recording);
        for (at, candidate) in recording.parts().iter().enumerate().take(part).rev() {
            if !candidate.is_keyframe {
                continue;
            }
            match recording.state_of(candidate) {
                Ok(state) => {
                    cursor.state = state;
                    cursor.next_part = at + 1;
                    return Ok(cursor);
                }
                Err(error @ TraceError::Io { .. }) => return Err(error),
                // Damaged: the state is reached from the one before.
                Err(_) => {}
            }
        }
        Ok(cursor)
    }

    /// The state after the last record given.
    pub fn state(&self) -> &ReplayState {
        &self.state
    }

    /// The state after the last record given, to keep.
    pub fn into_state(self) -> ReplayState {
        self.state
    }

    /// The recording.
    pub fn recording(&self) -> &'a Recording {
        self.recording
    }

    /// The next record, applied to the state; `None` at the end.
    ///
    /// # Errors
    ///
    /// An error says what is damaged and lost, or that a step is not the one that was written. The
    /// next call goes on behind it: after a loss with the state of the next keyframe, which is the
    /// process as it was there.
    #[expect(
        clippy::should_implement_trait,
        reason = "the state is asked between two records"
    )]
    pub fn next(&mut self) -> Option<Result<(Sequence, Record, Applied), TraceError>> {
        let sequence = self.state.next_sequence();
        let taken = self.take(|decoded, applied| match decoded {
            Decoded::Stop(stop, _) => (Record::Stop(stop.to_stop()), applied),
            Decoded::Other(record) => (record, applied),
        })?;
        Some(taken.map(|(record, applied)| (sequence, record, applied)))
    }

    /// Goes forward until just after `stop`.
    ///
    /// # Errors
    ///
    /// When the stop is behind the cursor or not in the recording, or a part on the way is damaged.
    pub fn run_to(&mut self, stop: StopNumber) -> Result<(), TraceError> {
        if stop < self.state.last_stop() {
            return Err(missing(self.recording, stop));
        }
        while self.state.last_stop() < stop {
            match self.take(|_, _| ()) {
                Some(Ok(())) => {}
                // The state is right all the same; who goes record by record is told.
                Some(Err(TraceError::Contradiction { .. })) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(missing(self.recording, stop)),
            }
        }
        Ok(())
    }

    /// Applies the next record. `keep` makes of it, and of what it did, what is wanted.
    fn take<T>(
        &mut self,
        keep: impl Fn(Decoded<'_>, Applied) -> T,
    ) -> Option<Result<T, TraceError>> {
        if let Some(error) = self.pending.take() {
            return Some(Err(error));
        }
        loop {
            if let Some(open) = &mut self.open {
                match open.decoder.next() {
                    Ok(Some(Decoded::Other(record))) => {
                        let applied = self.state.apply(&record);
                        return Some(Ok(keep(Decoded::Other(record), applied)));
                    }
                    Ok(Some(Decoded::Stop(stop, said))) => {
                        let applied = self.state.apply_stop(&stop);
                        let is_checked = self.recording.has_table() && !self.has_contradicted;
                        if is_checked && !agrees(&self.state, &said, &applied) {
                            self.has_contradicted = true;
                            self.pending = Some(contradiction(&self.state, &said, &applied));
                        }
                        let applied = Applied::Stop(applied);
                        return Some(Ok(keep(Decoded::Stop(stop, said), applied)));
                    }
                    Ok(None) => {
                        let part = open.part;
                        self.open = None;
                        if self.state.totals.records != part.extent.records_after() {
                            return Some(Err(self.lose(part.offset)));
                        }
                    }
                    Err(error) => {
                        // What is malformed behind a check sum that fits was written so.
                        let offset = open.part.offset;
                        self.open = None;
                        self.lose(offset);
                        return Some(Err(error));
                    }
                }
                continue;
            }
            match self.open_next() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Opens the next part with records; `false` at the end.
    fn open_next(&mut self) -> Result<bool, TraceError> {
        let recording = self.recording;
        while let Some(part) = recording.parts().get(self.next_part) {
            self.next_part += 1;
            if part.is_keyframe {
                continue;
            }
            if part.extent.first() != self.state.next_sequence() {
                return Err(self.lose(part.offset));
            }
            match recording.decoder_of(part) {
                Ok(decoder) => {
                    self.open = Some(Open {
                        decoder,
                        part: *part,
                    });
                    return Ok(true);
                }
                Err(error @ TraceError::Io { .. }) => return Err(error),
                Err(_) => return Err(self.lose(part.offset)),
            }
        }
        Ok(false)
    }

    /// Gives up what lies before the next keyframe that can be read, and goes there; to the end
    /// when there is none. Gives the error that says what is lost.
    fn lose(&mut self, offset: u64) -> TraceError {
        let first = self.state.totals.stops.saturating_add(1);
        let parts = self.recording.parts();
        let mut last = parts.last().map_or(0, |part| part.extent.stops_after());
        let mut next_part = parts.len();
        for (at, candidate) in parts.iter().enumerate().skip(self.next_part) {
            let is_ahead = candidate.extent.records_before >= self.state.totals.records;
            if !candidate.is_keyframe || !is_ahead {
                continue;
            }
            if let Ok(state) = self.recording.state_of(candidate) {
                last = state.totals.stops;
                self.state = state;
                next_part = at + 1;
                break;
            }
        }
        self.next_part = next_part;
        let stops = (first <= last).then_some((StopNumber(first), StopNumber(last)));
        TraceError::Damaged { offset, stops }
    }
}

/// Whether replay made of a stop what the writer made of it.
fn agrees(state: &ReplayState, said: &Said, applied: &AppliedStop) -> bool {
    said.new_step == applied.new_step
        && said.new_frame == applied.pushed.is_some()
        && said_step(state, said) == applied.step
}

fn contradiction(state: &ReplayState, said: &Said, applied: &AppliedStop) -> TraceError {
    TraceError::Contradiction {
        stop: applied.stop,
        written: said_step(state, said),
        replayed: applied.step,
    }
}

/// The step that the writer gave to the last stop.
fn said_step(state: &ReplayState, said: &Said) -> StepNumber {
    StepNumber(state.totals.steps.saturating_sub(said.steps_back))
}

/// Why a stop cannot be gone to.
fn missing(recording: &Recording, stop: StopNumber) -> TraceError {
    let stops = recording.totals().stops;
    if stop.0 == 0 || stop.0 > stops {
        return TraceError::NoSuchStop { stop, stops };
    }
    let parts = recording.parts();
    let at = parts.partition_point(|part| part.extent.stops_after() < stop.0);
    let offset = parts.get(at).map_or(0, |part| part.offset);
    TraceError::Damaged {
        offset,
        stops: Some((stop, stop)),
    }
}
