//! A whole state as bytes, from which replay can begin in the middle of a recording.
//!
//! The site table is not in it; of the program's output only the lengths are.

use std::sync::Arc;

use stackheap_model::{
    BlockId, FunctionId, LoadBias, RegisterSet, RuntimeAddress, SiteId, SiteTable, StatementId,
    StepNumber, StopNumber, ThreadId,
};

use crate::blocks::{AllocatingCall, BlockCapture, BlockEntry, Moment};
use crate::decode::{
    frame_from, limits_from, name_from, outcome_from, regions_from, untracked_from,
};
use crate::encode::{limits_into, outcome_into, put_name, regions_into, untracked_into};
use crate::error::TraceError;
use crate::memory::{PAGE_BYTES, Page};
use crate::records::{AddressRange, Fill, Registers};
use crate::replay::{OutputLengths, ReplayState, Totals};
use crate::threads::{FrameEntry, ParkedFrames, PendingRealloc, StackSegment, ThreadState};
use crate::wire::{Input, put, put_bytes, put_distance, put_option};

/// Appends the state.
pub(crate) fn keyframe_into(into: &mut Vec<u8>, state: &ReplayState) {
    totals_into(into, &state.totals);
    put_option(into, state.bias.map(|bias| bias.0));
    regions_into(into, &state.regions);
    put(into, state.elapsed_ns);
    limits_into(into, &state.limits);
    put(into, u64::from(state.outcome.is_some()));
    if let Some(outcome) = &state.outcome {
        outcome_into(into, outcome);
    }
    put(into, state.threads.len() as u64);
    for thread in state.threads.iter() {
        thread_into(into, thread);
    }
    blocks_into(into, state);
    memory_into(into, state);
}

/// The state that the bytes stand for.
pub(crate) fn keyframe_from(
    bytes: &[u8],
    table: Arc<SiteTable>,
) -> Result<ReplayState, TraceError> {
    let input = &mut Input::new(bytes, "a keyframe");
    let mut state = ReplayState::new(table);
    state.totals = totals_from(input)?;
    state.bias = input.option()?.map(LoadBias);
    state.regions = regions_from(input)?.into();
    state.elapsed_ns = input.number()?;
    state.limits = limits_from(input)?;
    if flag_from(input)? {
        state.outcome = Some(outcome_from(input)?);
    }
    for _ in 0..input.count()? {
        state.threads.insert(thread_from(input)?);
    }
    blocks_from(input, &mut state)?;
    memory_from(input, &mut state)?;
    input.end()?;
    Ok(state)
}

fn flag_from(input: &mut Input<'_>) -> Result<bool, TraceError> {
    match input.number()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(input.expected("0 or 1 before this")),
    }
}

fn address_from(input: &mut Input<'_>) -> Result<RuntimeAddress, TraceError> {
    Ok(RuntimeAddress(input.number()?))
}

/// Appends the counts, one after the other.
pub(crate) fn totals_into(into: &mut Vec<u8>, totals: &Totals) {
    let mut copy = *totals;
    for count in counts(&mut copy) {
        put(into, *count);
    }
    put_option(into, totals.step_with_most_live_blocks.map(|step| step.0));
    put_option(into, totals.stop_with_most_live_blocks.map(|stop| stop.0));
}

pub(crate) fn totals_from(input: &mut Input<'_>) -> Result<Totals, TraceError> {
    let mut totals = Totals::default();
    for count in counts(&mut totals) {
        *count = input.number()?;
    }
    totals.step_with_most_live_blocks = input.option()?.map(StepNumber);
    totals.stop_with_most_live_blocks = input.option()?.map(StopNumber);
    Ok(totals)
}

/// The counts in the order in which they are in the file.
fn counts(totals: &mut Totals) -> [&mut u64; 25] {
    let Totals {
        records,
        stops,
        steps,
        frames,
        threads,
        allocations,
        frees,
        reallocations,
        failed_reallocations,
        unknown_frees,
        displaced_blocks,
        bytes_allocated,
        live_bytes,
        live_blocks,
        peak_live_bytes,
        peak_live_blocks,
        most_live_blocks,
        step_with_most_live_blocks: _,
        stop_with_most_live_blocks: _,
        bytes_captured,
        unwinds,
        signals,
        forks,
        execs,
        output:
            OutputLengths {
                stdout,
                stderr,
                captured,
            },
    } = totals;
    [
        records,
        stops,
        steps,
        frames,
        threads,
        allocations,
        frees,
        reallocations,
        failed_reallocations,
        unknown_frees,
        displaced_blocks,
        bytes_allocated,
        live_bytes,
        live_blocks,
        peak_live_bytes,
        peak_live_blocks,
        most_live_blocks,
        bytes_captured,
        unwinds,
        signals,
        forks,
        execs,
        stdout,
        stderr,
        captured,
    ]
}

fn thread_into(into: &mut Vec<u8>, thread: &ThreadState) {
    put(into, u64::from(thread.id.0));
    put_name(into, thread.name.as_deref());
    put(into, u64::from(thread.os_id));
    put(into, thread.stack_low.0);
    put(into, thread.stack_high.0);
    put_option(into, thread.limit);
    put(into, thread.thread_pointer.0);
    put(into, u64::from(thread.ended));
    frames_into(into, &thread.frames);
    put(into, thread.parked.len() as u64);
    for parked in &thread.parked {
        segment_into(into, parked.segment);
        frames_into(into, &parked.frames);
    }
    put_option(into, thread.last_stop.map(|stop| stop.0));
    put_option(into, thread.last_step.map(|step| step.0));
    put(into, thread.high_water);
    put_option(into, thread.lowest_stack_pointer.map(|address| address.0));
    put(into, thread.captured.low.0);
    put(into, thread.captured.high.0);
    put(into, thread.unwinds);
    put(into, u64::from(thread.pending_realloc.is_some()));
    if let Some(pending) = &thread.pending_realloc {
        pending_into(into, pending);
    }
}

fn thread_from(input: &mut Input<'_>) -> Result<ThreadState, TraceError> {
    let mut thread = ThreadState::new(ThreadId(input.number_u32()?));
    thread.name = name_from(input)?;
    thread.os_id = input.number_u32()?;
    thread.stack_low = address_from(input)?;
    thread.stack_high = address_from(input)?;
    thread.limit = input.option()?;
    thread.thread_pointer = address_from(input)?;
    thread.ended = flag_from(input)?;
    thread.frames = frames_from(input)?;
    for _ in 0..input.count()? {
        let segment = segment_from(input)?;
        thread.parked.push(ParkedFrames {
            segment,
            frames: frames_from(input)?,
        });
    }
    thread.last_stop = input.option()?.map(StopNumber);
    thread.last_step = input.option()?.map(StepNumber);
    thread.high_water = input.number()?;
    thread.lowest_stack_pointer = input.option()?.map(RuntimeAddress);
    thread.captured = AddressRange {
        low: address_from(input)?,
        high: address_from(input)?,
    };
    thread.unwinds = input.number()?;
    if flag_from(input)? {
        thread.pending_realloc = Some(pending_from(input)?);
    }
    Ok(thread)
}

fn pending_into(into: &mut Vec<u8>, pending: &PendingRealloc) {
    put(into, pending.address.0);
    put_option(into, pending.align);
    put(into, pending.new_size);
    put(into, pending.return_address.0);
    put(into, pending.stack_pointer.0);
    put(into, u64::from(pending.displaced.is_some()));
    if let Some(block) = &pending.displaced {
        block_into(into, &mut Nearby::default(), block);
    }
}

fn pending_from(input: &mut Input<'_>) -> Result<PendingRealloc, TraceError> {
    Ok(PendingRealloc {
        address: address_from(input)?,
        align: input.option()?,
        new_size: input.number()?,
        return_address: address_from(input)?,
        stack_pointer: address_from(input)?,
        displaced: match flag_from(input)? {
            true => Some(block_from(input, &mut Nearby::default())?),
            false => None,
        },
    })
}

fn segment_into(into: &mut Vec<u8>, segment: StackSegment) {
    match segment {
        StackSegment::Thread => put(into, 0),
        StackSegment::Elsewhere => put(into, 1),
        StackSegment::Region(low) => {
            put(into, 2);
            put(into, low.0);
        }
    }
}

fn segment_from(input: &mut Input<'_>) -> Result<StackSegment, TraceError> {
    match input.number()? {
        0 => Ok(StackSegment::Thread),
        1 => Ok(StackSegment::Elsewhere),
        2 => Ok(StackSegment::Region(address_from(input)?)),
        _ => Err(input.expected("a stack of a known kind before this")),
    }
}

fn frames_into(into: &mut Vec<u8>, frames: &[FrameEntry]) {
    put(into, frames.len() as u64);
    let (mut cfa, mut registers) = (0, Registers::default());
    for frame in frames {
        put(into, frame.frame.0);
        put(into, u64::from(frame.function.0));
        put_distance(into, cfa, frame.cfa.0);
        put(into, u64::from(frame.site.0));
        put(into, u64::from(frame.statement.0));
        put(into, frame.step.0);
        put(into, frame.stop.0);
        put(into, u64::from(frame.registers.known.0));
        for (old, new) in registers.values.iter().zip(&frame.registers.values) {
            put_distance(into, *old, *new);
        }
        put(into, frame.entered_step.0);
        put(into, frame.entered_stop.0);
        put_option(into, frame.parent_step.map(|step| step.0));
        put(into, u64::from(frame.depth));
        segment_into(into, frame.segment);
        put(into, frame.round.len() as u64);
        for site in &frame.round {
            put(into, u64::from(site.0));
        }
        (cfa, registers) = (frame.cfa.0, frame.registers);
    }
}

fn frames_from(input: &mut Input<'_>) -> Result<Vec<FrameEntry>, TraceError> {
    let mut frames = Vec::new();
    let (mut cfa, mut registers) = (0, Registers::default());
    for _ in 0..input.count()? {
        let frame = frame_from(input)?;
        let function = FunctionId(input.number_u32()?);
        cfa = input.distance(cfa)?;
        let site = SiteId(input.number_u32()?);
        let statement = StatementId(input.number_u32()?);
        let step = StepNumber(input.number()?);
        let stop = StopNumber(input.number()?);
        let known = u16::try_from(input.number()?).map_err(|_| input.expected("16 bits"))?;
        registers.known = RegisterSet(known);
        for value in &mut registers.values {
            *value = input.distance(*value)?;
        }
        let mut entry = FrameEntry {
            frame,
            function,
            cfa: RuntimeAddress(cfa),
            site,
            statement,
            step,
            stop,
            registers,
            entered_step: StepNumber(input.number()?),
            entered_stop: StopNumber(input.number()?),
            parent_step: input.option()?.map(StepNumber),
            depth: input.number_u32()?,
            segment: segment_from(input)?,
            round: Vec::new(),
        };
        for _ in 0..input.count()? {
            entry.round.push(SiteId(input.number_u32()?));
        }
        frames.push(entry);
    }
    Ok(frames)
}

/// What the next block is likely to be near to.
#[derive(Default)]
struct Nearby {
    id: u64,
    address: u64,
    return_address: u64,
    stack_pointer: u64,
    stop: u64,
}

fn blocks_into(into: &mut Vec<u8>, state: &ReplayState) {
    let blocks = state.blocks.by_address();
    put(into, blocks.len() as u64);
    let mut nearby = Nearby::default();
    for block in blocks {
        block_into(into, &mut nearby, block);
    }
}

fn blocks_from(input: &mut Input<'_>, state: &mut ReplayState) -> Result<(), TraceError> {
    let mut nearby = Nearby::default();
    for _ in 0..input.count()? {
        let block = block_from(input, &mut nearby)?;
        if !state.blocks.insert(block).is_empty() {
            return Err(input.expected("blocks that do not overlap before this"));
        }
    }
    Ok(())
}

fn block_into(into: &mut Vec<u8>, nearby: &mut Nearby, block: &BlockEntry) {
    put_distance(into, nearby.id, block.id.0);
    put_distance(into, nearby.address, block.address.0);
    put(into, block.size);
    put_option(into, block.align());
    let fill = match block.fill {
        Fill::Uninitialised => 0,
        Fill::Zeroed => 1,
    };
    put(into, fill);
    put(into, u64::from(block.thread.0));
    let allocated = block.allocated();
    put_distance(into, nearby.stop, allocated.stop.0);
    put_option(into, allocated.step.map(|step| step.0));
    put_distance(into, nearby.return_address, block.return_address.0);
    put_distance(into, nearby.stack_pointer, block.stack_pointer.0);
    put(into, u64::from(block.reallocations));
    put_option(into, block.reallocating.map(|thread| u64::from(thread.0)));
    let capture = block.capture();
    put(into, u64::from(capture.tracked));
    put(into, capture.tracked_since.0);
    put_option(into, capture.last_current.map(|stop| stop.0));
    put(into, u64::from(capture.untracked_because.is_some()));
    if let Some(why) = capture.untracked_because {
        untracked_into(into, why);
    }
    *nearby = nearby_of(block);
}

fn block_from(input: &mut Input<'_>, nearby: &mut Nearby) -> Result<BlockEntry, TraceError> {
    let id = BlockId(input.distance(nearby.id)?);
    let address = RuntimeAddress(input.distance(nearby.address)?);
    let size = input.number()?;
    // Read in the order in which the fields stand here.
    let call = AllocatingCall {
        align: input.option()?,
        fill: if flag_from(input)? {
            Fill::Zeroed
        } else {
            Fill::Uninitialised
        },
        thread: ThreadId(input.number_u32()?),
        moment: Moment {
            stop: StopNumber(input.distance(nearby.stop)?),
            step: input.option()?.map(StepNumber),
        },
        return_address: RuntimeAddress(input.distance(nearby.return_address)?),
        stack_pointer: RuntimeAddress(input.distance(nearby.stack_pointer)?),
    };
    let mut block = BlockEntry::new(id, address, size, &call);
    block.reallocations = input.number_u32()?;
    if let Some(thread) = input.option()? {
        let thread = u32::try_from(thread);
        let thread = thread.map_err(|_| input.expected("a thread before this"))?;
        block.reallocating = Some(ThreadId(thread));
    }
    block.set_capture(BlockCapture {
        tracked: flag_from(input)?,
        tracked_since: StopNumber(input.number()?),
        last_current: input.option()?.map(StopNumber),
        untracked_because: match flag_from(input)? {
            true => Some(untracked_from(input)?),
            false => None,
        },
    });
    *nearby = nearby_of(&block);
    Ok(block)
}

fn nearby_of(block: &BlockEntry) -> Nearby {
    Nearby {
        id: block.id.0,
        address: block.address.0,
        return_address: block.return_address.0,
        stack_pointer: block.stack_pointer.0,
        stop: block.allocated().stop.0,
    }
}

fn memory_into(into: &mut Vec<u8>, state: &ReplayState) {
    put(into, state.memory.dropped_bytes());
    let pages = state.memory.sorted_pages();
    put(into, pages.len() as u64);
    let mut last = 0;
    for (number, page) in pages {
        put_distance(into, last, number);
        last = number;
        let runs = known_runs(page);
        put(into, runs.len() as u64);
        let mut end = 0;
        for (from, to) in runs {
            put(into, (from - end) as u64);
            // Runs lie within the page.
            put_bytes(into, &page.bytes[from..to]);
            end = to;
        }
    }
}

fn memory_from(input: &mut Input<'_>, state: &mut ReplayState) -> Result<(), TraceError> {
    let dropped = input.number()?;
    let mut last = 0;
    for _ in 0..input.count()? {
        last = input.distance(last)?;
        let base = last.checked_mul(PAGE_BYTES as u64);
        let Some(base) = base else {
            return Err(input.expected("a page's number before this"));
        };
        let mut end = 0;
        for _ in 0..input.count()? {
            let from = input.number()?.saturating_add(end);
            let bytes = input.bytes()?;
            end = from.saturating_add(bytes.len() as u64);
            if end > PAGE_BYTES as u64 {
                return Err(input.expected("bytes of one page before this"));
            }
            // No bytes at the very end of the address space come after its last one.
            state
                .memory
                .write(RuntimeAddress(base.saturating_add(from)), bytes);
        }
    }
    state.memory.restore_dropped_bytes(dropped);
    Ok(())
}

/// The runs of known bytes of a page, in order.
fn known_runs(page: &Page) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut at = 0;
    while at < PAGE_BYTES {
        // There is a bit for each byte of the page.
        let rest = page.known[at / 64] >> (at % 64);
        if rest == 0 {
            at = (at | 63) + 1;
            continue;
        }
        let from = at + rest.trailing_zeros() as usize;
        let known = page.known_from(from);
        runs.push((from, from + known));
        at = from + known;
    }
    runs
}
