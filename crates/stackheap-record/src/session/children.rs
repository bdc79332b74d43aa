//! New threads and processes: threads are observed, everything else runs unobserved.

use stackheap_model::RuntimeAddress;
use stackheap_trace::Record;

use super::{Recording, Session, Thread, unless_gone};
use crate::error::{During, RecordError};
use crate::sys::memory::ProcessMemory;
use crate::sys::process::{self, Event, OsThread, Processors};

impl Session<'_, '_> {
    pub(super) fn event(&mut self, os: OsThread, event: Event) -> Result<(), RecordError> {
        match event {
            Event::Clone(child) => self.expect_child(child, true)?,
            Event::Vfork(child) => self.expect_child(child, false)?,
            Event::Fork(child) => {
                let id = self.threads.get(&os).and_then(|thread| thread.id);
                self.release_child(child)?;
                if let Some(thread) = id {
                    self.writer.record(&Record::Fork {
                        thread,
                        child: child.0 as u32,
                    })?;
                }
            }
            Event::Exec => return self.executed(os),
            Event::Exit => {
                // It stands before those who wait for its end are woken: they see it gone.
                self.thread_ends(os)?;
            }
            Event::Stop(signal) => return self.stands(os, signal),
            Event::Other(_) => {}
        }
        self.go_on(os)
    }

    /// A thread stands at its birth, or with its whole process.
    fn stands(&mut self, os: OsThread, signal: i32) -> Result<(), RecordError> {
        match self.threads.get(&os) {
            // A new thread or process may report before the event of its parent does.
            None => {
                self.early_children.push((os, signal));
                Ok(())
            }
            Some(thread) if !thread.stopped_at_birth => self.born(os, signal),
            Some(_) => {
                unless_gone(process::continue_or_listen(os, signal))
                    .during("stopping it as a signal asks for")?;
                if signal != libc::SIGTRAP {
                    self.stop_with_program(signal);
                }
                Ok(())
            }
        }
    }

    fn take_early(&mut self, child: OsThread) -> Option<i32> {
        let index = self
            .early_children
            .iter()
            .position(|&(early, _)| early == child)?;
        Some(self.early_children.swap_remove(index).1)
    }

    fn expect_child(&mut self, child: OsThread, is_thread: bool) -> Result<(), RecordError> {
        self.threads.insert(
            child,
            Thread {
                id: None,
                stack_end: RuntimeAddress(0),
                stack_low: RuntimeAddress(0),
                thread_pointer: 0,
                watch: None,
                passed: None,
                free: !is_thread,
                stack_window_told: false,
                announced: false,
                named: false,
                stopped_at_birth: false,
            },
        );
        match self.take_early(child) {
            Some(signal) => self.born(child, signal),
            None => Ok(()),
        }
    }

    /// A thread stands before its first instruction.
    fn born(&mut self, os: OsThread, signal: i32) -> Result<(), RecordError> {
        let Ok(registers) = process::registers(os) else {
            return Ok(());
        };
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        thread.stopped_at_birth = true;
        thread.stack_end = RuntimeAddress(registers.rsp);
        // A child that shares the memory until it executes another program, as the kernel's `vfork`
        // makes it, is no thread of this process.
        let is_thread = !thread.free;
        if !is_thread || self.pinned.is_none() {
            self.unpin_child(os);
        }
        if is_thread {
            self.begin_thread(os)?;
        }
        unless_gone(process::continue_or_listen(os, signal)).during("letting a thread begin")
    }

    /// A forked child runs unobserved, as if there had never been a recorder.
    pub(super) fn release_child(&mut self, child: OsThread) -> Result<(), RecordError> {
        let stands = self.take_early(child).is_some()
            || process::wait_for_birth(child).during("waiting for a forked child")?;
        if !stands {
            return Ok(());
        }
        if let Ok(memory) = ProcessMemory::open(child) {
            self.breakpoints
                .erase_from(&memory)
                .during("releasing a forked child")?;
            if let Some(log) = &self.allocations {
                log.restore(&memory).during("releasing a forked child")?;
            }
        }
        if let Ok(registers) = process::registers(child)
            && let Some(at) = self.breakpoints.in_program(RuntimeAddress(registers.rip))
        {
            unless_gone(process::set_instruction_pointer(child, at.0))
                .during("releasing a forked child")?;
        }
        self.unpin_child(child);
        unless_gone(process::detach(child, 0)).during("releasing a forked child")
    }

    /// A child that was made by a pinned thread is not.
    fn unpin_child(&self, child: OsThread) {
        if let Some((one, all)) = self.pinned.as_ref().or(self.unpinned.as_ref())
            && Processors::of(child).is_ok_and(|here| here == *one)
        {
            let _ = all.apply_to(child);
        }
    }

    /// A process executes another program, which is not recorded.
    pub(super) fn executed(&mut self, os: OsThread) -> Result<(), RecordError> {
        let id = self.threads.get(&os).and_then(|thread| thread.id);
        if let (Some(thread), true) = (id, os == self.process) {
            let path = std::fs::read_link(format!("/proc/{}/exe", os.0))
                .map(|path| path.to_string_lossy().into_owned())
                .unwrap_or_default();
            self.drain()?;
            self.writer.record(&Record::Exec { thread, path })?;
            self.recording = Recording::Over;
            // Nothing of what was put into the program is left.
            self.is_let_go = true;
        } else {
            self.threads.remove(&os);
        }
        self.unpin_child(os);
        unless_gone(process::detach(os, 0)).during("releasing a program it executed")?;
        if os == self.process {
            self.outcome = Some(self.unobserved_outcome());
        }
        Ok(())
    }
}
