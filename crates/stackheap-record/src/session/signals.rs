//! Signals: those of the program, and those that the user sends to the recorder.

use stackheap_model::RuntimeAddress;
use stackheap_trace::{Limit, Record};

use super::{Interrupted, Recording, Session, unless_gone};
use crate::breakpoints::Purpose;
use crate::error::{During, RecordError};
use crate::sys::process::{self, OsThread, Signals};

/// So many interrupts end the recording. The first is the program's own affair.
const INTERRUPTS: u32 = 2;

impl Session<'_, '_> {
    pub(super) fn signal(&mut self, os: OsThread, signal: i32) -> Result<(), RecordError> {
        let Ok(registers) = process::registers(os) else {
            return Ok(());
        };
        // The program must not see that it ran at another place.
        if let Some(at) = self.breakpoints.in_program(RuntimeAddress(registers.rip)) {
            unless_gone(process::set_instruction_pointer(os, at.0))
                .during("moving it back to its own code")?;
            // Behind the instruction the next site may begin, which has not been passed.
            let copy = RuntimeAddress(registers.rip);
            let is_recorded = self.breakpoints.at(at).is_some_and(|breakpoint| {
                breakpoint.copy == copy && matches!(breakpoint.purpose, Purpose::Site(_))
            });
            if let (true, Some(thread)) = (is_recorded, self.threads.get_mut(&os)) {
                thread.interrupted_at(Interrupted::new(at, &registers));
            }
        }
        self.note_sender(os, signal);
        if let Some(id) = self.threads.get(&os).and_then(|thread| thread.id) {
            self.drain()?;
            let is_fault = [
                libc::SIGSEGV,
                libc::SIGBUS,
                libc::SIGILL,
                libc::SIGFPE,
                libc::SIGTRAP,
            ]
            .contains(&signal);
            let address = is_fault
                .then(|| process::fault_address(os).ok())
                .flatten()
                .map(RuntimeAddress);
            self.writer.record(&Record::Signal {
                thread: id,
                number: signal,
                address,
            })?;
        }
        self.count_interrupt(os, signal)?;
        self.go_on_with(os, signal)
    }

    /// Ends recording where the user asks a second time for an end and the program does not come to
    /// one: what it does from then on is not what they want to see.
    fn count_interrupt(&mut self, os: OsThread, signal: i32) -> Result<(), RecordError> {
        let is_its_own = process::sender(os) == Some(self.process);
        if signal != libc::SIGINT || is_its_own || self.recording == Recording::Over {
            return Ok(());
        }
        self.interrupts += 1;
        if self.interrupts < INTERRUPTS {
            return Ok(());
        }
        let what = "the recording ends here: the program was interrupted a second time, and ran on";
        self.reach(Limit::Other(what.to_owned()))
    }

    /// Passes on what was sent to the recorder alone. A signal that was sent to the whole group
    /// reaches the program by itself, at about the same time: it is waited for until the next look.
    pub(super) fn pass_signals_on(&mut self) {
        let due = self.to_pass_on;
        if due != Signals::default() {
            let missing = due.without(process::pending(self.process));
            for signal in missing.numbers() {
                process::send_signal(self.process, signal);
            }
        }
        self.to_pass_on = process::sent_signals().without(self.had);
        self.had = Signals::default();
    }

    /// Remembers a signal that the program has from others than the recorder.
    fn note_sender(&mut self, os: OsThread, signal: i32) {
        let is_ours = |sender: OsThread| sender.0 as u32 == std::process::id();
        if !process::sender(os).is_some_and(is_ours) {
            let signal = Signals::one(signal);
            self.had = self.had.and(signal);
            self.to_pass_on = self.to_pass_on.without(signal);
        }
    }

    /// A thread stands still since its whole process is stopped by this signal. The recorder stops
    /// too if the user's terminal asked for it, so that the shell sees it.
    pub(super) fn stop_with_program(&mut self, signal: i32) {
        if process::was_asked_to_stop() {
            process::stop_self(signal);
        }
    }
}
