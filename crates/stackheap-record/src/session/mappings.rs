//! The mappings of the process: told anew when they change.
//!
//! A call that changes them is noticed as it begins. They are read at the next stop of any thread,
//! and once more at the next one of the caller, when the call is over.

use rustc_hash::FxHashSet;
use stackheap_model::RuntimeAddress;
use stackheap_trace::{Limit, MapRegion, Record};

use super::Session;
use crate::error::RecordError;
use crate::maps;
use crate::sys::process::OsThread;

/// How often they are read for a program that changes them all the time.
const READINGS: u32 = 10_000;

/// What is known of the mappings.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    /// As told last.
    told: Vec<MapRegion>,
    /// Whether a call that changes them began since they were read.
    changed: bool,
    /// The threads whose calls had just begun when they were read.
    callers: FxHashSet<OsThread>,
    readings: u32,
}

impl Mappings {
    pub(super) fn note_call(&mut self, caller: OsThread) {
        self.changed = true;
        self.callers.insert(caller);
    }

    /// Whether they may be others than those told last, for a thread that stops there.
    fn are_stale(&mut self, os: OsThread, place: Place) -> bool {
        let is_over = !self.callers.is_empty() && self.callers.remove(&os);
        let changed = std::mem::replace(&mut self.changed, false);
        let is_new = match place {
            Place::OwnStack => false,
            Place::Elsewhere(at) => maps::containing(&self.told, at).is_none(),
        };
        is_over || changed || is_new
    }
}

/// Where a stack pointer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On the stack that the thread was started with.
    OwnStack,
    /// On another one, such as that of a coroutine or of signal handlers.
    Elsewhere(RuntimeAddress),
}

impl Session<'_, '_> {
    /// Renews the mappings where that is due at a stop; gives the end of the mapping that the stack
    /// pointer lies in, unless that is the thread's own stack.
    pub(super) fn renew_mappings(
        &mut self,
        os: OsThread,
        place: Place,
    ) -> Result<Option<RuntimeAddress>, RecordError> {
        if self.mappings.are_stale(os, place) && self.mappings.readings < READINGS {
            self.mappings.readings += 1;
            if self.mappings.readings == READINGS {
                let what = format!("mappings that change after {READINGS} changes are not told");
                self.writer.record(&Record::Limit(Limit::Other(what)))?;
            }
            if let Ok(regions) = maps::read(self.process) {
                self.tell_mappings(regions)?;
            }
        }
        Ok(match place {
            Place::OwnStack => None,
            Place::Elsewhere(at) => {
                maps::containing(&self.mappings.told, at).map(|region| region.high)
            }
        })
    }

    pub(super) fn tell_mappings(&mut self, regions: Vec<MapRegion>) -> Result<(), RecordError> {
        if self.mappings.told == regions {
            return Ok(());
        }
        self.mappings.told.clone_from(&regions);
        self.writer.record(&Record::Map { regions })?;
        Ok(())
    }
}
