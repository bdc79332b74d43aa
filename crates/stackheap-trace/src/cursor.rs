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

/// What one record did, beside changing the state.
enum Taken {
    Stop(Record, AppliedStop),
    Other(Record, Applied),
    End,
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
        while let Some(taken) = cursor.take(Detail::State) {
            drop(taken);
        }
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
        match self.take(Detail::Records)? {
            Ok(Taken::Stop(record, applied)) => {
                Some(Ok((sequence, record, Applied::Stop(applied))))
            }
            Ok(Taken::Other(record, applied)) => Some(Ok((sequence, record, applied))),
            Ok(Taken::End) => None,
            Err(error) => Some(Err(error)),
        }
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
            match self.take(Detail::State) {
                Some(Ok(_)) => {}
                // The state is right all the same; who goes record by record is told.
                Some(Err(TraceError::Contradiction { .. })) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(missing(self.recording, stop)),
            }
        }
        Ok(())
    }

    /// Applies the next record.
    fn take(&mut self, detail: Detail) -> Option<Result<Taken, TraceError>> {
        if let Some(error) = self.pending.take() {
            return Some(Err(error));
        }
        loop {
            if let Some(open) = &mut self.open {
                let is_checked = self.recording.has_table() && !self.has_contradicted;
                match take_from(open, &mut self.state, detail) {
                    Ok((Taken::End, _)) => {
                        let part = open.part;
                        self.open = None;
                        if self.state.totals.records != part.extent.records_after() {
                            return Some(Err(self.lose(part.offset)));
                        }
                        continue;
                    }
                    Ok((taken, contradiction)) => {
                        if let Some(error) = contradiction.filter(|_| is_checked) {
                            self.has_contradicted = true;
                            self.pending = Some(error);
                        }
                        return Some(Ok(taken));
                    }
                    Err(error) => {
                        let offset = open.part.offset;
                        self.open = None;
                        // What is malformed behind a check sum that fits was written so.
                        self.lose(offset);
                        return Some(Err(error));
                    }
                }
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

/// What is wanted of a record beside its effect on the state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// The record.
    Records,
    /// Nothing.
    State,
}

/// Applies the next record of an open part. Gives also what contradicts the part, if anything.
fn take_from(
    open: &mut Open,
    state: &mut ReplayState,
    detail: Detail,
) -> Result<(Taken, Option<TraceError>), TraceError> {
    match open.decoder.next()? {
        None => Ok((Taken::End, None)),
        Some(Decoded::Other(record)) => {
            let applied = state.apply(&record);
            Ok((Taken::Other(record, applied), None))
        }
        Some(Decoded::Stop(stop, said)) => {
            let applied = state.apply_stop(&stop);
            let contradiction = contradiction(state, &said, &applied);
            let record = match detail {
                Detail::Records => Record::Stop(stop.to_stop()),
                // Never looked at; the cheapest record there is.
                Detail::State => Record::Clock { elapsed_ns: 0 },
            };
            Ok((Taken::Stop(record, applied), contradiction))
        }
    }
}

fn contradiction(state: &ReplayState, said: &Said, applied: &AppliedStop) -> Option<TraceError> {
    let steps = state.totals.steps;
    let written = StepNumber(steps.saturating_sub(said.steps_back));
    let agrees = said.new_step == applied.new_step
        && said.new_frame == applied.pushed.is_some()
        && written == applied.step;
    (!agrees).then_some(TraceError::Contradiction {
        stop: applied.stop,
        written,
        replayed: applied.step,
    })
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
