//! The recording that is being written, until its file takes no more.

use stackheap_trace::{Applied, Limit, Memory, Record, ReplayState, StopRef, TraceError, Writer};

use crate::maps::PAGE;

/// Passes records on to a writer. When its file cannot be written any more, the program must not
/// suffer: this is remembered, and what would follow is left out.
pub(crate) struct Log<'w> {
    writer: &'w mut Writer,
    failure: Option<TraceError>,
    /// Whether it is in the recording that memory was left out.
    memory_told: bool,
}

impl<'w> Log<'w> {
    pub(crate) fn new(writer: &'w mut Writer) -> Self {
        Self {
            writer,
            failure: None,
            memory_told: false,
        }
    }

    /// Why nothing is written any more.
    pub(crate) fn failure(&self) -> Option<&TraceError> {
        self.failure.as_ref()
    }

    /// Writes a record and tells what it did; `None` once the file takes no more.
    pub(crate) fn record(&mut self, record: &Record) -> Result<Option<Applied>, TraceError> {
        if self.failure.is_some() {
            return Ok(None);
        }
        let written = self.writer.record(record);
        self.unless_file(written)
    }

    pub(crate) fn stop(&mut self, stop: &StopRef<'_>) -> Result<(), TraceError> {
        if self.failure.is_some() {
            return Ok(());
        }
        let written = self.writer.stop(stop);
        self.unless_file(written)?;
        if self.state().memory.dropped_bytes() > 0 && !self.memory_told {
            self.memory_told = true;
            let bytes = Memory::PAGE_LIMIT as u64 * PAGE;
            self.record(&Record::Limit(Limit::Memory { bytes }))?;
        }
        Ok(())
    }

    /// Gives old records to the file although no new ones come.
    pub(crate) fn tick(&mut self) -> Result<(), TraceError> {
        if self.failure.is_some() {
            return Ok(());
        }
        let written = self.writer.tick();
        self.unless_file(written).map(|_| ())
    }

    pub(crate) fn state(&self) -> &ReplayState {
        self.writer.state()
    }

    pub(crate) fn bytes_written(&self) -> u64 {
        self.writer.bytes_written()
    }

    fn unless_file<T>(&mut self, written: Result<T, TraceError>) -> Result<Option<T>, TraceError> {
        match written {
            Ok(done) => Ok(Some(done)),
            Err(error @ TraceError::Io { .. }) => {
                self.failure = Some(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
