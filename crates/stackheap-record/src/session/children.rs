//! New threads and processes: threads are observed, everything else runs unobserved.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use stackheap_model::RuntimeAddress;
use stackheap_trace::Record;

use super::{Kind, Recording, Session, Thread, unless_gone};
use crate::error::{During, RecordError};
use crate::sys::memory::ProcessMemory;
use crate::sys::process::{self, Event, OsThread, Processors, Wait};

/// No path is longer.
const PATH_BYTES: usize = 4096;

/// A path is read in pieces that do not cross a multiple of this.
const PATH_PIECE: usize = 256;

impl Session<'_, '_> {
    pub(super) fn event(&mut self, os: OsThread, event: Event) -> Result<(), RecordError> {
        match event {
            Event::Clone(child) | Event::Vfork(child) | Event::Fork(child) => {
                self.child(os, child, event)?;
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

    fn child(&mut self, os: OsThread, child: OsThread, event: Event) -> Result<(), RecordError> {
        let by_event = match event {
            Event::Clone(_) => libc::CLONE_THREAD,
            Event::Vfork(_) => libc::CLONE_VM,
            _ => 0,
        };
        let flags = self.clone_flags(os).unwrap_or(by_event as u64);
        let has = |flag: libc::c_int| flags & flag as u64 != 0;
        if has(libc::CLONE_THREAD) {
            return self.expect_child(child, Kind::Thread);
        }
        let id = self.threads.get(&os).and_then(|thread| thread.id);
        if has(libc::CLONE_VM) {
            self.expect_child(child, Kind::Process)?;
        } else {
            self.release_child(child)?;
            if let Some(thread) = id {
                self.writer.record(&Record::Fork {
                    thread,
                    child: child.0 as u32,
                })?;
            }
        }
        Ok(())
    }

    /// What a thread that stands in a call of the `clone` family asked for (see `clone(2)`): the
    /// kernel's events tell only which signal the end of the child sends.
    fn clone_flags(&self, os: OsThread) -> Option<u64> {
        let registers = process::registers(os).ok()?;
        match registers.orig_rax as libc::c_long {
            libc::SYS_clone => Some(registers.rdi),
            libc::SYS_clone3 => {
                let mut flags = [0; 8];
                let arguments = RuntimeAddress(registers.rdi);
                self.memory.read_exact(arguments, &mut flags).ok()?;
                Some(u64::from_le_bytes(flags))
            }
            libc::SYS_fork => Some(0),
            libc::SYS_vfork => Some((libc::CLONE_VM | libc::CLONE_VFORK) as u64),
            _ => None,
        }
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
            Some(_) if signal == libc::SIGTRAP => self.go_on(os),
            Some(_) => {
                unless_gone(process::continue_or_listen(os, signal))
                    .during("stopping it as a signal asks for")?;
                self.stop_with_program(signal);
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

    fn expect_child(&mut self, child: OsThread, kind: Kind) -> Result<(), RecordError> {
        self.threads.insert(child, Thread::new(kind));
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
        let is_thread = thread.kind == Kind::Thread;
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
            || process::wait_for_stop(child)
                .during("waiting for a forked child")?
                .is_some();
        if !stands {
            return Ok(());
        }
        self.clear(child).during("releasing a forked child")?;
        self.detach(child, 0)
    }

    /// Takes breakpoints and hooks out of a copy of the program; one that is gone is no error.
    fn clear(&self, child: OsThread) -> io::Result<()> {
        let Ok(memory) = ProcessMemory::open(child) else {
            return Ok(());
        };
        self.breakpoints.erase_from(&memory)?;
        match &self.allocations {
            Some(log) => log.restore(&memory),
            None => Ok(()),
        }
    }

    /// Lets a process that stands go on without being observed, when its memory is as without us.
    fn detach(&mut self, child: OsThread, signal: i32) -> Result<(), RecordError> {
        if let Ok(registers) = process::registers(child)
            && let Some(at) = self.breakpoints.in_program(RuntimeAddress(registers.rip))
        {
            unless_gone(process::set_instruction_pointer(child, at.0))
                .during("releasing a child")?;
        }
        self.unpin_child(child);
        unless_gone(process::detach(child, signal)).during("releasing a child")
    }

    /// The program has ended: the processes that shared its memory live on without being observed.
    pub(super) fn release_rest(&mut self) -> Result<(), RecordError> {
        let rest = self.threads.iter();
        let rest: Vec<OsThread> = rest
            .filter(|(_, thread)| thread.kind == Kind::Process)
            .map(|(&child, _)| child)
            .collect();
        for child in rest {
            let _ = process::interrupt(child);
            let stop = process::wait_for_stop(child).during("releasing a child")?;
            let Some(stop) = stop else { continue };
            self.clear(child).during("releasing a child")?;
            let mut signal = match stop {
                Wait::Stopped(_, signal) => signal,
                _ => 0,
            };
            if signal == libc::SIGTRAP
                && let Ok(registers) = process::registers(child)
                && let at = RuntimeAddress(registers.rip.wrapping_sub(1))
                && self.breakpoints.at(at).is_some()
            {
                unless_gone(process::set_instruction_pointer(child, at.0))
                    .during("releasing a child")?;
                signal = 0;
            }
            self.detach(child, signal)?;
        }
        Ok(())
    }

    /// A child that was made by a pinned thread is not.
    fn unpin_child(&self, child: OsThread) {
        if let Some((one, all)) = self.pinned.as_ref().or(self.unpinned.as_ref())
            && Processors::of(child).is_ok_and(|here| here == *one)
        {
            let _ = all.apply_to(child);
        }
    }

    /// A child that shares the memory is about to execute a file. Where that gives it rights, it is
    /// let go before, since the kernel withholds them from what is observed.
    pub(super) fn executes(
        &mut self,
        os: OsThread,
        path: RuntimeAddress,
    ) -> Result<(), RecordError> {
        let is_child = |thread: &Thread| thread.kind == Kind::Process;
        if !self.threads.get(&os).is_some_and(is_child) || !self.gives_rights(os, path) {
            return Ok(());
        }
        self.threads.remove(&os);
        self.unpin_child(os);
        // It stands at the copy of the function's first instruction; behind that there are no
        // breakpoints up to the system call.
        unless_gone(process::detach(os, 0)).during("releasing a child")
    }

    /// Whether the file at this path, as a process sees it, is executed with other rights.
    fn gives_rights(&self, os: OsThread, path: RuntimeAddress) -> bool {
        let mut text = Vec::new();
        while text.len() < PATH_BYTES {
            let at = path.offset(text.len() as u64);
            // Up to the end of the page, behind which there may be nothing.
            let bytes = PATH_PIECE - at.0 as usize % PATH_PIECE;
            let Ok(piece) = self.memory.read(at, bytes) else {
                return false;
            };
            let end = piece.iter().position(|&byte| byte == 0);
            text.extend_from_slice(piece.get(..end.unwrap_or(bytes)).unwrap_or_default());
            if end.is_some() {
                break;
            }
        }
        let path = Path::new(OsStr::from_bytes(&text));
        let directory = PathBuf::from(format!("/proc/{}/cwd", os.0));
        // An absolute path replaces the directory.
        process::gives_rights(&directory.join(path))
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
