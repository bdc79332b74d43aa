//! Which way each call in progress has taken.

use rustc_hash::FxHashMap;
use stackheap_model::{EventKind, FrameId, LocalRole, Position, Site, TextPosition};
use stackheap_trace::{FrameEntry, Record, ReplayState, ThreadState};

use super::{CallMoment, Held, WayId};
use crate::program::Program;

/// Stops that a call is followed through to tell which way it came, when it is met in its middle.
const STOPS_FOLLOWED: u64 = 1 << 20;

/// Stops that are gone back through where a walk begins in the middle of a call.
const STOPS_LOOKED_BACK: u64 = 4096;

/// Something that a call did with its values.
pub(crate) struct Happened {
    pub kind: EventKind,
    pub at: Option<Position>,
}

/// Where each call in progress stands, as far as it was followed since it began.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallWays {
    ways: FxHashMap<FrameId, WayId>,
    /// Of calls that were met in their middle, where they stand by that alone: good enough to tell
    /// what they do next.
    met: FxHashMap<FrameId, WayId>,
}

impl CallWays {
    /// Where a call stands.
    pub(crate) fn get(&self, frame: FrameId) -> Option<WayId> {
        self.ways.get(&frame).copied()
    }

    /// Takes note that a call has come to the site it is at; gives what it did on the way, where
    /// that is known.
    pub(crate) fn note(&mut self, program: &Program<'_>, entry: &FrameEntry) -> Vec<Happened> {
        let (Some(ownership), Some(site)) = (
            program.ownership(entry.function),
            program.table.sites.get(entry.site.0 as usize),
        ) else {
            return Vec::new();
        };
        if entry.stop == entry.entered_stop {
            let way = ownership.enter(entry.site, site);
            self.ways.extend(way.map(|way| (entry.frame, way)));
        } else if let Some(way) = self
            .ways
            .get_mut(&entry.frame)
            .or_else(|| self.met.get_mut(&entry.frame))
        {
            let passed;
            (*way, passed) = ownership.pass(*way, entry.site, site);
            let Some(passed) = passed else {
                return Vec::new();
            };
            let file = program.table.functions.get(entry.function.0 as usize);
            let file = file.map(|function| program.file(function.file));
            let position = |at: TextPosition| {
                Some(Position {
                    file: file.clone()?,
                    line: at.line,
                    column: at.column,
                })
            };
            let happened = ownership.happened(entry.frame, &passed).into_iter();
            return happened
                .map(|(kind, at)| Happened {
                    kind,
                    at: at.and_then(position),
                })
                .collect();
        }
        Vec::new()
    }

    /// Takes note that a call has returned.
    pub(crate) fn forget(&mut self, frame: FrameId) {
        self.ways.remove(&frame);
        self.met.remove(&frame);
    }

    /// Takes note of the calls that are in progress where a walk begins; gives what each did last,
    /// on its way to where it is.
    pub(crate) fn meet(
        &mut self,
        program: &Program<'_>,
        state: &ReplayState,
    ) -> Vec<(FrameId, Vec<Happened>)> {
        let mut did = Vec::new();
        for thread in state.threads.iter().filter(|thread| !thread.ended) {
            for entry in &thread.frames {
                let stops = entry.stop.0.saturating_sub(entry.entered_stop.0);
                if let Some((way, happened)) = (stops <= STOPS_LOOKED_BACK)
                    .then(|| followed(program, entry))
                    .flatten()
                {
                    self.ways.insert(entry.frame, way);
                    // Else it was told before.
                    let first = program.recording.first_stop_of_step(entry.step);
                    if first == Some(entry.stop) {
                        did.push((entry.frame, happened));
                    }
                    continue;
                }
                let way = program.ownership(entry.function).and_then(|ownership| {
                    let site = program.table.sites.get(entry.site.0 as usize)?;
                    Some(ownership.at(entry.site, site))
                });
                self.met.extend(way.map(|way| (entry.frame, way)));
            }
        }
        did
    }

    /// Where all calls of a state stand. What was not followed from its beginning may be told by
    /// where it stands alone; otherwise it is followed, and known from then on.
    pub(crate) fn of_state(&mut self, program: &Program<'_>, state: &ReplayState) -> CallWays {
        let mut here = CallWays::default();
        for thread in state.threads.iter().filter(|thread| !thread.ended) {
            for entry in &thread.frames {
                let way = self
                    .get(entry.frame)
                    .or_else(|| self.of_call(program, thread, entry));
                here.ways.extend(way.map(|way| (entry.frame, way)));
            }
        }
        here
    }

    fn of_call(
        &mut self,
        program: &Program<'_>,
        thread: &ThreadState,
        entry: &FrameEntry,
    ) -> Option<WayId> {
        let ownership = program.ownership(entry.function)?;
        let site = program.table.sites.get(entry.site.0 as usize)?;
        let way = ownership.at(entry.site, site);
        if is_definite(program, thread, entry, site, way) {
            return Some(way);
        }
        match followed(program, entry) {
            Some((way, _)) => {
                self.ways.insert(entry.frame, way);
                Some(way)
            }
            None => Some(way),
        }
    }
}

/// Where a call of a thread stands in the statement that it is at.
pub(crate) fn moment_of(
    program: &Program<'_>,
    thread: &ThreadState,
    entry: &FrameEntry,
) -> CallMoment {
    if thread.top().is_none_or(|top| top.frame != entry.frame) {
        return CallMoment::InProgress;
    }
    match program.recording.first_stop_of_step(entry.step) == Some(entry.stop) {
        true => CallMoment::Start,
        false => CallMoment::Within,
    }
}

/// Whether the state of every variable that can be named follows from where the call stands.
fn is_definite(
    program: &Program<'_>,
    thread: &ThreadState,
    entry: &FrameEntry,
    site: &Site,
    way: WayId,
) -> bool {
    let Some(ownership) = program.ownership(entry.function) else {
        return false;
    };
    let at = moment_of(program, thread, entry);
    let function = program.function_facts(entry.function);
    let mut variables = function.variables.iter();
    variables.all(|facts| {
        let is_seen = facts.role != LocalRole::Hidden
            && (facts.variable.in_scope(site.address)
                || facts
                    .binding
                    .as_ref()
                    .is_some_and(|binding| binding.scope.contains(site.position)));
        !is_seen || ownership.held(way, facts.index, at, false) != Some(Held::Depends)
    })
}

/// Follows a call from its beginning to where it is; with what it did last.
fn followed(program: &Program<'_>, entry: &FrameEntry) -> Option<(WayId, Vec<Happened>)> {
    if entry.stop.0.saturating_sub(entry.entered_stop.0) > STOPS_FOLLOWED {
        return None;
    }
    let mut ways = CallWays::default();
    let mut last = Vec::new();
    let mut cursor = program.recording.cursor_at(entry.entered_stop).ok()?;
    loop {
        let state = cursor.state();
        let stop = state.last_stop();
        let here = state
            .threads
            .iter()
            .find(|thread| thread.last_stop == Some(stop))
            .and_then(ThreadState::top);
        if let Some(here) = here.filter(|here| here.frame == entry.frame) {
            last = ways.note(program, here);
        }
        if stop >= entry.stop {
            return ways.get(entry.frame).map(|way| (way, last));
        }
        loop {
            let (_, record, _) = cursor.next()?.ok()?;
            if matches!(record, Record::Stop(_)) {
                break;
            }
        }
    }
}
