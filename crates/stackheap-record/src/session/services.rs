//! What the recorder does at functions of the C library: output, processors, libraries.

use std::io;

use stackheap_hook::{AllocatorHome, Mechanism};
use stackheap_model::{OutputStream, RuntimeAddress, ThreadId};
use stackheap_trace::{Limit, Record};

use super::{
    OUTPUT_KEPT, OUTPUT_PIECE, Recording, SERVICE_BREAKPOINTS, Session, Watch, Watched, stream_of,
};
use crate::breakpoints::{Breakpoints, Purpose, Service};
use crate::error::{During, RecordError};
use crate::injection;
use crate::libraries;
use crate::maps;
use crate::options::KeepValues;
use crate::remote::Remote;
use crate::sys::process::{self, OsThread};

impl Session<'_, '_> {
    pub(super) fn service(
        &mut self,
        os: OsThread,
        registers: &libc::user_regs_struct,
        at: RuntimeAddress,
        service: Service,
    ) -> Result<(), RecordError> {
        let watched = match service {
            Service::EntryPoint => {
                self.breakpoints
                    .disarm(&self.memory, at)
                    .during("taking a breakpoint out")?;
                return self.libraries_are_mapped(os);
            }
            Service::Panic => {
                if let Some(id) = self.threads.get(&os).and_then(|thread| thread.id) {
                    self.drain()?;
                    self.writer.record(&Record::Unwind { thread: id })?;
                }
                return Ok(());
            }
            Service::Execute => return self.executes(os, RuntimeAddress(registers.rdi)),
            Service::Mapping => {
                self.mappings.note_call(os);
                return Ok(());
            }
            Service::Write | Service::WriteVector => {
                let Some(stream) = stream_of(registers.rdi) else {
                    return Ok(());
                };
                let vector = (service == Service::WriteVector).then_some(registers.rdx);
                Watched::Write {
                    stream,
                    buffer: registers.rsi,
                    vector,
                }
            }
            Service::GetAffinity => {
                self.unpin(os);
                Watched::GetAffinity
            }
            Service::SetAffinity => Watched::SetAffinity,
        };
        if let Some(thread) = self.threads.get_mut(&os)
            && thread.id.is_some()
        {
            thread.watch(Watch {
                what: watched,
                stack_pointer: registers.rsp,
                entered: false,
            });
        }
        Ok(())
    }

    pub(super) fn unpin(&mut self, os: OsThread) {
        if let Some((_, all)) = &self.pinned
            && self.threads.get(&os).is_some_and(|thread| !thread.free)
        {
            let _ = all.apply_to(os);
        }
    }

    /// Lets all threads run where they would without a recorder.
    pub(super) fn unpin_all_but(&mut self, moved: Option<OsThread>) {
        let Some((one, all)) = self.pinned.take() else {
            return;
        };
        for (&thread, state) in &mut self.threads {
            let was_pinned = !std::mem::replace(&mut state.free, true);
            if was_pinned && Some(thread) != moved {
                let _ = all.apply_to(thread);
            }
        }
        let _ = all.apply_to(OsThread(0));
        self.unpinned = Some((one, all));
    }

    pub(super) fn libraries_are_mapped(&mut self, os: OsThread) -> Result<(), RecordError> {
        let regions = maps::read(self.process).during("reading its mappings")?;
        let found = libraries::find(&regions, self.executable, self.bias);
        let trampolines = self.map_near_library(os, &found)?;
        let services = found
            .services
            .iter()
            .map(|&(service, at)| (at, Purpose::Service(service)));
        let refused = self
            .breakpoints
            .prepare(&self.memory, services)
            .during("setting breakpoints")?;
        for (purpose, why) in refused {
            self.facts
                .notes
                .push(format!("{purpose:?} is not observed: {why}"));
        }
        self.breakpoints
            .arm(&self.memory, |breakpoint| matches!(breakpoint.purpose, Purpose::Service(service) if service != Service::EntryPoint))
            .during("setting breakpoints")?;
        if self.facts.mechanism == Mechanism::Malloc {
            self.redirect_malloc(&found, trampolines);
        }
        self.tell_mappings(regions)
    }

    /// Makes room for trampolines and copies near the C library; gives where the trampolines go.
    pub(super) fn map_near_library(
        &mut self,
        os: OsThread,
        found: &libraries::Libraries,
    ) -> Result<RuntimeAddress, RecordError> {
        let Some((low, high)) = found.extent else {
            return Ok(self.trampolines);
        };
        let remote = Remote::borrow(os, &self.memory).during("borrowing its first thread")?;
        let mapped = injection::map_near_library(
            &remote,
            low,
            high,
            Breakpoints::area_bytes(SERVICE_BREAKPOINTS),
        );
        remote.give_back().during("giving its first thread back")?;
        let (trampolines, copies, bytes) = mapped.during("mapping memory near the C library")?;
        self.breakpoints.add_area(copies, bytes);
        Ok(trampolines)
    }

    pub(super) fn redirect_malloc(
        &mut self,
        found: &libraries::Libraries,
        trampolines: RuntimeAddress,
    ) {
        let Some(log) = &mut self.allocations else {
            return;
        };
        let in_executable = Some((self.executable.to_vec(), self.bias));
        let (c_library, trampolines) = match self.allocator_home {
            Some(AllocatorHome::Executable) => (&in_executable, self.trampolines),
            _ => (&found.c_library, trampolines),
        };
        let Some((elf, bias)) = c_library else {
            self.facts.mechanism = Mechanism::None;
            self.facts
                .mechanism_why
                .push_str("; no C library with an allocator was found");
            return;
        };
        let result = stackheap_hook::malloc_patches(elf, *bias, &log.loaded, trampolines)
            .map_err(|error| error.to_string())
            .and_then(|patches| {
                log.redirect(&self.memory, trampolines, patches)
                    .map_err(|error| error.to_string())
            });
        if let Err(why) = result {
            self.facts.mechanism = Mechanism::None;
            self.facts.mechanism_why.push_str("; ");
            self.facts.mechanism_why.push_str(&why);
        }
    }

    /// A watched thread enters or leaves a system call. A signal may come before the one that is
    /// watched for, or interrupt it: the calls that its handler makes are others, and the one that
    /// was interrupted is begun again.
    pub(super) fn system_call(&mut self, os: OsThread) -> Result<(), RecordError> {
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        let Ok(registers) = process::registers(os) else {
            return self.go_on(os);
        };
        let mut watches = std::mem::take(&mut thread.watches);
        let was_entered = watches.iter().position(|watch| watch.entered);
        let enters = process::enters_system_call(os).unwrap_or(was_entered.is_none());
        let mut done = None;
        if enters {
            watches.retain(|watch| !thread.is_above(registers.rsp, watch.stack_pointer));
            let mut newest_first = watches.iter_mut().rev();
            let entered = newest_first.find(|watch| watch.what.is_entered_with(&registers));
            if let Some(watch) = entered {
                watch.entered = true;
            }
        } else if let Some(index) = was_entered {
            let mut watch = watches.remove(index);
            if process::is_interrupted(registers.rax as i64) {
                watch.entered = false;
                watches.insert(index, watch);
            } else {
                done = Some(watch.what);
            }
        }
        thread.watches = watches;
        if let Some(what) = done {
            let id = thread.id;
            self.system_call_done(os, id, what, &registers)?;
        }
        self.go_on(os)
    }

    pub(super) fn system_call_done(
        &mut self,
        os: OsThread,
        id: Option<ThreadId>,
        what: Watched,
        registers: &libc::user_regs_struct,
    ) -> Result<(), RecordError> {
        let result = registers.rax as i64;
        match what {
            Watched::GetAffinity => {
                if let Some((one, _)) = &self.pinned
                    && self.threads.get(&os).is_some_and(|thread| !thread.free)
                {
                    let _ = one.apply_to(os);
                }
            }
            Watched::SetAffinity if result == 0 => {
                // The program wants its threads somewhere: that one stays where it was put, the
                // others go where they would be.
                let moved = match registers.rdi as i32 {
                    0 => os,
                    other => OsThread(other),
                };
                self.unpin_all_but(Some(moved));
            }
            Watched::SetAffinity => {}
            Watched::Write {
                stream,
                buffer,
                vector,
            } => {
                if let (Some(id), Ok(written)) = (id, usize::try_from(result)) {
                    self.output(id, stream, buffer, vector, written)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn output(
        &mut self,
        thread: ThreadId,
        stream: OutputStream,
        buffer: u64,
        vector: Option<u64>,
        written: usize,
    ) -> Result<(), RecordError> {
        if self.recording == Recording::Over || self.output_kept >= OUTPUT_KEPT || written == 0 {
            return Ok(());
        }
        if self.options.values == KeepValues::No {
            self.drain()?;
            self.output_kept = OUTPUT_KEPT;
            self.writer
                .record(&Record::Limit(Limit::OutputCut { stream, kept: 0 }))?;
            return Ok(());
        }
        let wanted = written.min(OUTPUT_PIECE);
        let bytes = match vector {
            None => self.memory.read(RuntimeAddress(buffer), wanted),
            Some(count) => self.gather(buffer, count, wanted),
        };
        let Ok(bytes) = bytes else { return Ok(()) };
        self.drain()?;
        self.output_kept += bytes.len() as u64;
        self.writer.record(&Record::Output {
            thread,
            stream,
            bytes,
        })?;
        if self.output_kept >= OUTPUT_KEPT || wanted < written {
            let kept = self.output_kept;
            self.writer
                .record(&Record::Limit(Limit::OutputCut { stream, kept }))?;
        }
        Ok(())
    }

    /// Collects the first `wanted` bytes of an array of (address, size) pairs.
    pub(super) fn gather(&self, array: u64, count: u64, wanted: usize) -> io::Result<Vec<u8>> {
        let pairs = self
            .memory
            .read(RuntimeAddress(array), count.min(1024) as usize * 16)?;
        let (pairs, _) = pairs.as_chunks::<16>();
        let mut bytes = Vec::new();
        for pair in pairs {
            let (start, size) = pair.split_at(8);
            let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(0);
            let size = (word(size) as usize).min(wanted - bytes.len());
            bytes.extend(self.memory.read(RuntimeAddress(word(start)), size)?);
            if bytes.len() >= wanted {
                break;
            }
        }
        Ok(bytes)
    }
}
