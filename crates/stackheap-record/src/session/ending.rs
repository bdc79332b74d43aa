//! How threads end, how recording ends, and how the program does.

use stackheap_trace::{Outcome, Record};

use super::{Recording, RunFacts, Session};
use crate::error::RecordError;
use crate::sys::process::{self, OsThread, Wait};

impl Session<'_, '_> {
    /// Records how the program ended.
    pub(super) fn conclude(mut self) -> Result<RunFacts, RecordError> {
        let outcome = match self.outcome.take() {
            Some(outcome) => outcome,
            None => self.unobserved_outcome(),
        };
        self.release_rest()?;
        self.writer.record(&Record::Outcome(outcome.clone()))?;
        self.facts.outcome = outcome;
        if let Some((_, all)) = &self.pinned {
            let _ = all.apply_to(OsThread(0));
        }
        Ok(self.facts)
    }

    pub(super) fn ended(&mut self, thread: OsThread, outcome: Outcome) -> Result<(), RecordError> {
        self.thread_gone(thread)?;
        if thread == self.process {
            self.outcome = Some(outcome);
        }
        Ok(())
    }

    pub(super) fn thread_gone(&mut self, os: OsThread) -> Result<(), RecordError> {
        self.thread_ends(os)?;
        self.threads.remove(&os);
        self.held.retain(|&held| held != os);
        if self.turn.is_some_and(|turn| turn.holder == os) {
            self.turn = None;
        }
        Ok(())
    }

    pub(super) fn thread_ends(&mut self, os: OsThread) -> Result<(), RecordError> {
        let Some(id) = self
            .threads
            .get_mut(&os)
            .and_then(|thread| thread.id.take())
        else {
            return Ok(());
        };
        self.drain()?;
        self.capture.thread_gone(id);
        self.writer.record(&Record::ThreadEnd { thread: id })?;
        Ok(())
    }

    /// Ends recording after an error, so that the program comes to its own end: the thread that the
    /// report was about goes on.
    pub(super) fn break_off(
        &mut self,
        report: Wait,
        error: &RecordError,
    ) -> Result<(), RecordError> {
        self.recording = Recording::Over;
        let why = error.to_string();
        self.facts.broke_off.get_or_insert(why);
        match report {
            Wait::Stopped(thread, libc::SIGTRAP)
            | Wait::SystemCall(thread)
            | Wait::Event(thread, _) => self.go_on(thread),
            Wait::Stopped(thread, signal) => self.go_on_with(thread, signal),
            _ => Ok(()),
        }
    }

    /// Takes everything out of the program that slows it down. It stays observed: its threads may
    /// just be running into what was taken out, and its children must not inherit what is left.
    pub(super) fn let_go(&mut self) -> Result<(), RecordError> {
        if std::mem::replace(&mut self.is_let_go, true) {
            return Ok(());
        }
        self.drain()?;
        // Where that fails, the program is about to end, or goes on more slowly.
        let mut taken_out = self.breakpoints.disarm_all(&self.memory);
        if let Some(log) = &self.allocations {
            taken_out = taken_out.and(log.restore(&self.memory));
        }
        if let Err(error) = taken_out {
            let note = format!("the program ran on with breakpoints: {error}");
            self.facts.notes.push(note);
        }
        self.unpin_all_but(None);
        self.turn = None;
        while let Some(held) = self.held.pop_front() {
            self.go_on(held)?;
        }
        Ok(())
    }

    /// Waits for the end of the program, which is not observed any more.
    pub(super) fn unobserved_outcome(&mut self) -> Outcome {
        loop {
            match process::wait_unobserved(self.process) {
                Ok(Wait::Exited(_, code)) => return Outcome::Exited(code),
                Ok(Wait::Killed(_, signal)) => return Outcome::Signalled(signal),
                Ok(Wait::Stopped(_, signal)) => self.stop_with_program(signal),
                Ok(Wait::NoChildren) => return Outcome::Detached,
                Ok(_) => self.pass_signals_on(),
                Err(error) => return Outcome::RecorderStopped(error.to_string()),
            }
        }
    }
}
