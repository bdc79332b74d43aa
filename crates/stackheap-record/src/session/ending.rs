//! How threads end, how recording ends, and how the program does.

use std::io;
use std::process::Child;

use stackheap_trace::{Outcome, Record};

use super::{RunFacts, Session};
use crate::error::{During, RecordError};
use crate::sys::process::OsThread;

impl Session<'_, '_> {
    /// Records how the program ended.
    pub(super) fn conclude(mut self) -> Result<RunFacts, RecordError> {
        let mut outcome = match self.outcome.take() {
            Some(outcome) => outcome,
            None => wait_for_child(&mut self.child),
        };
        if self.interrupts_seen > 0 && matches!(outcome, Outcome::Signalled(libc::SIGKILL)) {
            outcome = Outcome::Interrupted;
        }
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
        if self.turn.is_some_and(|(holder, _)| holder == os) {
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

    /// Stops observing: the program runs on at full speed.
    pub(super) fn let_go(&mut self, os: OsThread) -> Result<(), RecordError> {
        if std::mem::replace(&mut self.is_let_go, true) {
            // A thread that had run into a breakpoint before they were taken out.
            return self.go_on(os);
        }
        self.drain()?;
        self.breakpoints
            .disarm_all(&self.memory)
            .during("taking breakpoints out")?;
        if let Some(log) = &self.allocations {
            log.restore(&self.memory)
                .during("giving its allocation functions back")?;
        }
        if let Some((_, all)) = self.pinned.take() {
            for (&thread, state) in &self.threads {
                if !state.free {
                    let _ = all.apply_to(thread);
                }
            }
            let _ = all.apply_to(OsThread(0));
        }
        while let Some(held) = self.held.pop_front() {
            self.go_on(held)?;
        }
        self.go_on(os)
    }
}

pub(super) fn wait_for_child(child: &mut Child) -> Outcome {
    use std::os::unix::process::ExitStatusExt;
    loop {
        match child.wait() {
            Ok(status) => {
                return match (status.code(), status.signal()) {
                    (Some(code), _) => Outcome::Exited(code),
                    (None, Some(signal)) => Outcome::Signalled(signal),
                    (None, None) => Outcome::Detached,
                };
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Outcome::RecorderStopped(error.to_string()),
        }
    }
}
