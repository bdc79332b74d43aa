//! New threads and processes: threads are observed, everything else runs unobserved.

use stackheap_model::RuntimeAddress;
use stackheap_trace::Record;

use super::ending::wait_for_child;
use super::{Recording, Session, Thread, unless_gone};
use crate::error::{During, RecordError};
use crate::sys::memory::ProcessMemory;
use crate::sys::process::{self, Event, OsThread};

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
            Event::Other(_) => {}
        }
        self.go_on(os)
    }

    pub(super) fn expect_child(
        &mut self,
        child: OsThread,
        is_thread: bool,
    ) -> Result<(), RecordError> {
        let early = self.early_children.iter().position(|&early| early == child);
        if let Some(index) = early {
            self.early_children.swap_remove(index);
        }
        self.threads.insert(
            child,
            Thread {
                id: None,
                stack_end: RuntimeAddress(0),
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
        if early.is_some() {
            self.born(child)
        } else {
            Ok(())
        }
    }

    /// A thread stands before its first instruction.
    pub(super) fn born(&mut self, os: OsThread) -> Result<(), RecordError> {
        let Ok(registers) = process::registers(os) else {
            return Ok(());
        };
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        thread.stopped_at_birth = true;
        thread.stack_end = RuntimeAddress(registers.rsp);
        if thread.free {
            // It shares the memory until it executes another program, as the kernel's `vfork`.
            if let Some((_, all)) = &self.pinned {
                let _ = all.apply_to(os);
            }
        } else {
            self.begin_thread(os)?;
        }
        self.go_on(os)
    }

    /// A forked child runs unobserved, as if there had never been a recorder.
    pub(super) fn release_child(&mut self, child: OsThread) -> Result<(), RecordError> {
        let early = self.early_children.iter().position(|&early| early == child);
        match early {
            Some(index) => {
                self.early_children.swap_remove(index);
            }
            None => wait_for_birth(child)?,
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
        if let Some((_, all)) = &self.pinned {
            let _ = all.apply_to(child);
        }
        unless_gone(process::detach(child, 0)).during("releasing a forked child")
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
        } else {
            self.threads.remove(&os);
        }
        if let Some((_, all)) = &self.pinned {
            let _ = all.apply_to(os);
        }
        unless_gone(process::detach(os, 0)).during("releasing a program it executed")?;
        if os == self.process {
            self.outcome = Some(wait_for_child(&mut self.child));
        }
        Ok(())
    }
}

pub(super) fn wait_for_birth(child: OsThread) -> Result<(), RecordError> {
    // Only the child may report here: its parent stands at the event of the fork. Threads of the
    // parent may, though; their reports would be lost, so the child is asked for its state first.
    for _ in 0..10_000 {
        if process::registers(child).is_ok() {
            return process::take_report(child).during("waiting for a forked child");
        }
        std::thread::sleep(std::time::Duration::from_micros(20));
    }
    Ok(())
}
