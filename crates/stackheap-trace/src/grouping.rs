//! From stops to frames and steps.
//!
//! A stop tells a site and, through the site's rule, the canonical frame address (CFA) of the call
//! it belongs to. Stacks grow down and calls end in the reverse order of their beginning, so that
//! the CFA of a stop and those of the calls known so far tell what happened since the last stop:
//!
//! - calls with a lower CFA have returned;
//! - the call with the same CFA goes on, unless another function or an entry site shows that it
//!   ended and another call took its place;
//! - a CFA below all others is a new call, made by the one before unless that was about to return.
//!
//! A step is what is passed of one statement in one call. A call inside the statement makes steps of
//! its own, and what follows in the statement after its return belongs to the step it left. A site
//! that is passed again while its statement goes on shows that a loop came round, and begins a new
//! step: each round of a loop's head is one, and so is each round of `loop { if done() { break } }`,
//! where no other statement lies between. Lines of which no statement is known, the text of macros,
//! are left out of this: loops in there are the macro's own affair.

use std::cmp::Ordering;

use stackheap_model::{
    CfaRule, FrameId, Register, RuntimeAddress, Site, SiteId, SiteRole, SiteTable, StatementKind,
    StepNumber, StopNumber,
};

use crate::records::{MapRegion, Registers};
use crate::threads::{FrameEntry, ParkedFrames, StackSegment, ThreadState};

/// How many stacks beside its own a thread's frames are kept of. The frames of the one that was
/// left longest ago are given up when there are more.
const PARKED_LIMIT: usize = 256;

/// How many sites of a step are kept to tell that a loop came round; more than a statement that was
/// written by hand has.
const ROUND_LIMIT: usize = 64;

/// How many frames of a thread are kept. A call beyond takes the place of the one it was made from;
/// a stack of 8 MiB has room for fewer.
const FRAME_LIMIT: usize = 1 << 20;

/// The stop being grouped.
pub(crate) struct StopHead<'a> {
    pub(crate) site: SiteId,
    pub(crate) registers: &'a Registers,
    pub(crate) stop: StopNumber,
}

/// What is counted through the whole recording.
pub(crate) struct Numbers<'a> {
    pub(crate) steps: &'a mut u64,
    pub(crate) frames: &'a mut u64,
}

impl Numbers<'_> {
    fn next_step(&mut self) -> StepNumber {
        *self.steps = self.steps.saturating_add(1);
        StepNumber(*self.steps)
    }

    fn next_frame(&mut self) -> FrameId {
        *self.frames = self.frames.saturating_add(1);
        FrameId(*self.frames)
    }
}

/// What a stop meant.
pub(crate) struct Grouped {
    pub(crate) step: StepNumber,
    pub(crate) new_step: bool,
    pub(crate) pushed: Option<FrameId>,
    pub(crate) popped: Vec<FrameEntry>,
}

/// Finds the frame and the step of a stop and changes the thread's frames accordingly.
pub(crate) fn group(
    table: &SiteTable,
    regions: &[MapRegion],
    thread: &mut ThreadState,
    head: &StopHead<'_>,
    numbers: &mut Numbers<'_>,
) -> Grouped {
    let Some(site) = table.sites.get(head.site.0 as usize) else {
        return group_unknown(thread, numbers);
    };
    let kind = table
        .statements
        .get(site.statement.0 as usize)
        .map(|statement| statement.kind);
    let cfa = frame_address(site, head.registers, thread);
    let segment = segment_of(thread, regions, cfa);
    let mut popped = switch_segment(thread, segment);
    let call = Call { site, segment, cfa };
    pop_returned(table, thread, &call, &mut popped);
    let is_same_call = thread
        .top()
        .is_some_and(|top| top.segment == segment && top.cfa == cfa);
    if is_same_call && let Some(top) = thread.frames.last_mut() {
        let new_step = is_new_step(top, head.site, site, kind);
        if new_step {
            top.step = numbers.next_step();
            top.round.clear();
        }
        arrive(top, head, site, kind);
        let step = top.step;
        return Grouped {
            step,
            new_step,
            pushed: None,
            popped,
        };
    }
    if thread.frames.len() >= FRAME_LIMIT {
        popped.extend(thread.frames.pop());
    }
    let (step, frame) = (numbers.next_step(), numbers.next_frame());
    let mut entry = FrameEntry {
        frame,
        function: site.function,
        cfa,
        site: head.site,
        statement: site.statement,
        step,
        stop: head.stop,
        registers: *head.registers,
        entered_step: step,
        entered_stop: head.stop,
        parent_step: thread.top().map(|below| below.step),
        depth: u32::try_from(thread.frames.len()).unwrap_or(u32::MAX),
        segment,
        round: Vec::new(),
    };
    arrive(&mut entry, head, site, kind);
    thread.frames.push(entry);
    Grouped {
        step,
        new_step: true,
        pushed: Some(frame),
        popped,
    }
}

/// A stop at a site that the table does not have: it continues the thread's last step.
fn group_unknown(thread: &ThreadState, numbers: &mut Numbers<'_>) -> Grouped {
    let (step, new_step) = match thread.last_step {
        Some(step) => (step, false),
        None => (numbers.next_step(), true),
    };
    Grouped {
        step,
        new_step,
        pushed: None,
        popped: Vec::new(),
    }
}

/// The CFA of the call that a stop belongs to. Where the register was not read, the stop is taken
/// as one of the call that is on top.
fn frame_address(site: &Site, registers: &Registers, thread: &ThreadState) -> RuntimeAddress {
    let (register, distance) = match site.cfa {
        CfaRule::StackPointer(distance) => (Register::RSP, distance),
        CfaRule::FramePointer(distance) => (Register::RBP, distance),
    };
    match registers.get(register) {
        Some(base) => RuntimeAddress(base.wrapping_add_signed(i64::from(distance))),
        None => thread.top().map_or(RuntimeAddress(0), |top| top.cfa),
    }
}

fn segment_of(thread: &ThreadState, regions: &[MapRegion], cfa: RuntimeAddress) -> StackSegment {
    if thread.is_on_stack(cfa) {
        return StackSegment::Thread;
    }
    // A CFA may be the address just above its stack, so the byte below it is what tells the mapping.
    let inside = RuntimeAddress(cfa.0.saturating_sub(1));
    let behind = regions.partition_point(|region| region.low <= inside);
    match behind.checked_sub(1).and_then(|at| regions.get(at)) {
        Some(region) if inside < region.high => StackSegment::Region(region.low),
        _ => StackSegment::Elsewhere,
    }
}

/// Makes the frames of `segment` the ones on top. Gives the frames that were given up for room.
fn switch_segment(thread: &mut ThreadState, segment: StackSegment) -> Vec<FrameEntry> {
    let current = thread.top().map_or(StackSegment::Thread, |top| top.segment);
    if current == segment {
        return Vec::new();
    }
    if current != StackSegment::Thread {
        let own = thread
            .frames
            .partition_point(|frame| frame.segment == StackSegment::Thread);
        let frames = thread.frames.split_off(own);
        thread.parked.push(ParkedFrames {
            segment: current,
            frames,
        });
    }
    if segment != StackSegment::Thread
        && let Some(at) = thread
            .parked
            .iter()
            .position(|parked| parked.segment == segment)
    {
        thread.frames.append(&mut thread.parked.remove(at).frames);
    }
    if thread.parked.len() > PARKED_LIMIT {
        return thread.parked.remove(0).frames;
    }
    Vec::new()
}

/// The call that a stop belongs to.
struct Call<'a> {
    site: &'a Site,
    segment: StackSegment,
    cfa: RuntimeAddress,
}

/// Takes the frames off that have returned, innermost first.
fn pop_returned(
    table: &SiteTable,
    thread: &mut ThreadState,
    call: &Call<'_>,
    popped: &mut Vec<FrameEntry>,
) {
    while let Some(top) = thread.frames.last() {
        if top.segment != call.segment {
            return;
        }
        let has_returned = match top.cfa.cmp(&call.cfa) {
            Ordering::Less => true,
            Ordering::Equal => {
                top.function != call.site.function || call.site.role == SiteRole::Entry
            }
            // What was about to return makes no more calls.
            Ordering::Greater => {
                let last = table.sites.get(top.site.0 as usize);
                last.is_some_and(|last| last.role == SiteRole::Return)
            }
        };
        if !has_returned {
            return;
        }
        popped.extend(thread.frames.pop());
    }
}

/// Whether a stop in the frame `top` begins another step of it.
fn is_new_step(
    top: &FrameEntry,
    site_id: SiteId,
    site: &Site,
    kind: Option<StatementKind>,
) -> bool {
    top.statement != site.statement || (has_rounds(kind) && top.round.contains(&site_id))
}

/// Whether a site that is passed again in a statement of this kind begins a new step.
fn has_rounds(kind: Option<StatementKind>) -> bool {
    kind.is_some_and(|kind| kind != StatementKind::Line)
}

/// Notes that the frame now stands at this stop.
fn arrive(top: &mut FrameEntry, head: &StopHead<'_>, site: &Site, kind: Option<StatementKind>) {
    top.site = head.site;
    top.statement = site.statement;
    top.stop = head.stop;
    top.registers = *head.registers;
    let is_noted = top.round.len() >= ROUND_LIMIT || top.round.contains(&head.site);
    if has_rounds(kind) && !is_noted {
        top.round.push(head.site);
    }
}
