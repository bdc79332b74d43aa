//! Signals: those of the program, and those that the user sends to the recorder.

use stackheap_model::RuntimeAddress;
use stackheap_trace::Record;

use super::{Session, unless_gone};
use crate::error::{During, RecordError};
use crate::sys::process::{self, OsThread, interrupts};

impl Session<'_, '_> {
    pub(super) fn signal(&mut self, os: OsThread, signal: i32) -> Result<(), RecordError> {
        let Ok(registers) = process::registers(os) else {
            return Ok(());
        };
        // The program must not see that it ran at another place.
        if let Some(at) = self.breakpoints.in_program(RuntimeAddress(registers.rip)) {
            unless_gone(process::set_instruction_pointer(os, at.0))
                .during("moving it back to its own code")?;
            let is_site = self.breakpoints.at(at).is_some();
            if let Some(thread) = self.threads.get_mut(&os) {
                thread.passed = is_site.then_some(at);
            }
        }
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
        self.go_on_with(os, signal)
    }

    pub(super) fn interrupted(&mut self) {
        let Some(interrupt) = interrupts() else {
            return;
        };
        if interrupt.count == self.interrupts_seen {
            return;
        }
        self.interrupts_seen = interrupt.count;
        if interrupt.count > 1 {
            process::send_signal(self.process, libc::SIGKILL);
        } else if interrupt.sent_to_us_alone {
            process::send_signal(self.process, interrupt.signal);
        }
    }
}
