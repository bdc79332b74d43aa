//! From records to the bytes of a chunk.

use stackheap_model::{OutputStream, RegisterSet, RuntimeAddress, SiteId, ThreadId};

use crate::columns::stack_pointer as stack_pointer_of;
use crate::columns::{CallMemory, Column, Columns, Predictions, stop_tag, tag};
use crate::records::{
    AddressRange, Fill, Limit, MapRegion, Outcome, Record, Registers, Sequence, StopRef, Untracked,
};
use crate::replay::AppliedStop;
use crate::wire::{put, put_bytes, put_distance, put_option};

/// Collects the records of a chunk.
#[derive(Default)]
pub(crate) struct Encoder {
    columns: Columns,
    predictions: Predictions,
    output: Vec<u8>,
}

impl Encoder {
    /// How many bytes were collected.
    pub(crate) fn len(&self) -> usize {
        self.columns.len() + self.output.len()
    }

    /// The sites of the chunk's stops.
    pub(crate) fn sites(&self) -> impl Iterator<Item = SiteId> {
        self.predictions.sites.iter().map(|site| site.site)
    }

    /// The collected records: everything but what the program wrote.
    pub(crate) fn records_into(&self, into: &mut Vec<u8>) {
        self.columns.join_into(into);
    }

    /// What the program wrote, piece by piece.
    pub(crate) fn output(&self) -> &[u8] {
        &self.output
    }

    /// Begins the next chunk.
    pub(crate) fn clear(&mut self) {
        self.columns.clear();
        self.predictions.clear();
        self.output.clear();
    }

    /// Adds a stop. `applied` is what it did, `steps` how many steps there are with it.
    pub(crate) fn stop(&mut self, stop: &StopRef<'_>, applied: &AppliedStop, steps: u64) {
        let mut bits = stop_tag::IS_STOP;
        let registers = Registers::new(stop.registers.values, stop.registers.known);
        bits |= self.thread(stop.thread, stop_tag::SAME_THREAD);
        let (site, predicted) = self.site(stop.site);
        bits |= predicted;
        if applied.new_step {
            bits |= stop_tag::NEW_STEP;
        }
        if applied.pushed.is_some() {
            bits |= stop_tag::NEW_FRAME;
        }
        let back = steps.saturating_sub(applied.step.0);
        if back != 0 {
            bits |= stop_tag::OLDER_STEP;
            put(self.columns.of(Column::StepsBack), back);
        }
        bits |= self.registers(site, &registers);
        bits |= self.window(site, &registers, stop.captured);
        self.patches(stop, &registers);
        self.columns.of(Column::Tags).push(bits);
        self.predictions.arrive(site, &registers, stop.captured);
    }

    fn thread(&mut self, thread: ThreadId, same: u8) -> u8 {
        if self.predictions.thread == thread {
            return same;
        }
        put(self.columns.of(Column::Threads), u64::from(thread.0));
        self.predictions.enter(thread);
        0
    }

    fn site(&mut self, site: SiteId) -> (usize, u8) {
        let predicted = self.predictions.predicted();
        if let Some(memory) = self.predictions.sites.get(predicted)
            && memory.site == site
        {
            return (predicted, stop_tag::SITE_PREDICTED);
        }
        let near = self.predictions.near();
        put_distance(self.columns.of(Column::Sites), near, u64::from(site.0));
        (self.predictions.find(site), 0)
    }

    fn registers(&mut self, site: usize, registers: &Registers) -> u8 {
        let Some(memory) = self.predictions.sites.get(site) else {
            return 0;
        };
        let before = &memory.registers;
        if before == registers {
            return stop_tag::REGISTERS_PREDICTED;
        }
        let values = self.columns.of(Column::RegisterValues);
        let mut changed = RegisterSet::default();
        for register in registers.known.iter() {
            // A set has the 16 registers there are.
            let (old, new) = (
                before.values[usize::from(register.0)],
                registers.values[usize::from(register.0)],
            );
            if old != new {
                changed = changed.with(register);
                put_distance(values, old, new);
            }
        }
        let masks = self.columns.of(Column::RegisterMasks);
        masks.extend_from_slice(&changed.0.to_le_bytes());
        masks.extend_from_slice(&(registers.known.0 ^ before.known.0).to_le_bytes());
        0
    }

    fn window(&mut self, site: usize, registers: &Registers, window: AddressRange) -> u8 {
        let Some(memory) = self.predictions.sites.get(site) else {
            return 0;
        };
        let low = window.low.0.wrapping_sub(stack_pointer_of(registers));
        if (low, window.high.0) == (memory.window_low, memory.window_high) {
            return stop_tag::WINDOW_PREDICTED;
        }
        let windows = self.columns.of(Column::Windows);
        put_distance(windows, memory.window_low, low);
        put_distance(windows, memory.window_high, window.high.0);
        0
    }

    fn patches(&mut self, stop: &StopRef<'_>, registers: &Registers) {
        let mut on_stack = stack_pointer_of(registers);
        let mut elsewhere = self.predictions.heap_patch;
        let mut count = 0u64;
        for (address, bytes) in stop.patches() {
            let is_on_stack = stop.captured.contains(address);
            let base = if is_on_stack {
                &mut on_stack
            } else {
                &mut elsewhere
            };
            put_distance(self.columns.of(Column::PatchOffsets), *base, address.0);
            *base = address.0.wrapping_add(bytes.len() as u64);
            let length = (bytes.len() as u64) << 1 | u64::from(!is_on_stack);
            put(self.columns.of(Column::PatchLengths), length);
            self.columns.of(Column::PatchBytes).extend_from_slice(bytes);
            count += 1;
        }
        self.predictions.heap_patch = elsewhere;
        put(self.columns.of(Column::PatchCounts), count);
    }

    /// Adds a record that is not a stop.
    pub(crate) fn other(&mut self, record: &Record) {
        let mut bits = match record.thread() {
            Some(thread) => self.thread(thread, tag::SAME_THREAD),
            None => 0,
        };
        bits |= match record {
            Record::Stop(_) => return,
            Record::Alloc { .. }
            | Record::ReallocBegin { .. }
            | Record::ReallocEnd { .. }
            | Record::Free { .. } => self.heap(record),
            Record::Output { stream, bytes, .. } => self.write(*stream, bytes),
            _ => other_into(self.columns.of(Column::Others), record),
        };
        self.columns.of(Column::Tags).push(bits);
    }

    fn heap(&mut self, record: &Record) -> u8 {
        match record {
            Record::Alloc {
                address,
                size,
                align,
                fill,
                return_address,
                stack_pointer,
                ..
            } => {
                let kind = match fill {
                    Fill::Uninitialised => tag::ALLOC,
                    Fill::Zeroed => tag::ALLOC_ZEROED,
                };
                self.block(*address);
                kind | self.call(*return_address, *stack_pointer, Some((*size, *align)))
            }
            Record::ReallocBegin {
                address,
                old_size,
                align,
                new_size,
                return_address,
                stack_pointer,
                ..
            } => {
                self.block(*address);
                put_option(self.columns.of(Column::BlockSizes), *old_size);
                let size = Some((*new_size, *align));
                tag::REALLOC_BEGIN | self.call(*return_address, *stack_pointer, size)
            }
            Record::ReallocEnd {
                address: Some(address),
                ..
            } => {
                self.block(*address);
                tag::REALLOC_END
            }
            Record::Free {
                address,
                return_address,
                stack_pointer,
                ..
            } => {
                self.block(*address);
                tag::FREE | self.call(*return_address, *stack_pointer, None)
            }
            _ => tag::REALLOC_FAILED,
        }
    }

    fn block(&mut self, address: RuntimeAddress) {
        let base = self.predictions.block;
        put_distance(self.columns.of(Column::BlockAddresses), base, address.0);
        self.predictions.block = address.0;
    }

    fn call(
        &mut self,
        return_address: RuntimeAddress,
        stack_pointer: RuntimeAddress,
        block: Option<(u64, Option<u64>)>,
    ) -> u8 {
        let slot = Predictions::call_slot(return_address);
        let last = self.predictions.last_call;
        let memory = self.predictions.call(slot);
        let mut before = *memory;
        let known = before.return_address == return_address.0;
        let calls = self.columns.of(Column::Calls);
        if known {
            calls.push(slot);
        } else {
            put_distance(calls, last.return_address, return_address.0);
            before = last;
        }
        put_distance(calls, before.stack_pointer, stack_pointer.0);
        let size = match block {
            Some((size, align)) => {
                let sizes = self.columns.of(Column::BlockSizes);
                put_distance(sizes, before.size, size);
                put_align(sizes, align);
                size
            }
            None => before.size,
        };
        let after = CallMemory {
            return_address: return_address.0,
            stack_pointer: stack_pointer.0,
            size,
        };
        *memory = after;
        self.predictions.last_call = after;
        if known { tag::KNOWN_CALL } else { 0 }
    }

    fn write(&mut self, stream: OutputStream, bytes: &[u8]) -> u8 {
        // What was written stands in the second part of the chunk, so that the output of a run can
        // be had without decoding its stops.
        self.columns.of(Column::Others).push(stream_code(stream));
        put(self.columns.of(Column::Others), bytes.len() as u64);
        self.output.push(stream_code(stream));
        put_bytes(&mut self.output, bytes);
        tag::OUTPUT
    }
}

/// An alignment: 0 for none, its logarithm and 1 for a power of two, 255 and itself for others.
fn put_align(into: &mut Vec<u8>, align: Option<u64>) {
    match align {
        None => into.push(0),
        Some(align) if align.is_power_of_two() => into.push(align.trailing_zeros() as u8 + 1),
        Some(align) => {
            into.push(u8::MAX);
            put(into, align);
        }
    }
}

pub(crate) fn stream_code(stream: OutputStream) -> u8 {
    match stream {
        OutputStream::Stdout => 0,
        OutputStream::Stderr => 1,
        OutputStream::Captured => 2,
    }
}

/// Appends what a rare record says; gives its kind.
fn other_into(into: &mut Vec<u8>, record: &Record) -> u8 {
    match record {
        Record::ThreadStart {
            thread: _,
            os_id,
            name,
            stack_low,
            stack_high,
            limit,
            thread_pointer,
        } => {
            put(into, u64::from(*os_id));
            put_name(into, name.as_deref());
            put(into, stack_low.0);
            put(into, stack_high.0);
            put_option(into, *limit);
            put(into, thread_pointer.0);
            tag::THREAD_START
        }
        Record::ThreadName { name, .. } => {
            put_bytes(into, name.as_bytes());
            tag::THREAD_NAME
        }
        Record::ThreadEnd { .. } => tag::THREAD_END,
        Record::Unwind { .. } => tag::UNWIND,
        Record::Signal {
            number, address, ..
        } => {
            put_distance(into, 0, i64::from(*number) as u64);
            put_option(into, address.map(|address| address.0));
            tag::SIGNAL
        }
        Record::Tracked { address } => {
            put(into, address.0);
            tag::TRACKED
        }
        Record::Untracked { address, why } => {
            put(into, address.0);
            untracked_into(into, *why);
            tag::UNTRACKED
        }
        Record::Loaded { bias } => {
            put(into, bias.0);
            tag::LOADED
        }
        Record::Map { regions } => {
            regions_into(into, regions);
            tag::MAP
        }
        Record::Clock { elapsed_ns } => {
            put(into, *elapsed_ns);
            tag::CLOCK
        }
        Record::Limit(limit) => {
            limit_into(into, limit);
            tag::LIMIT
        }
        Record::Exec { path, .. } => {
            put_bytes(into, path.as_bytes());
            tag::EXEC
        }
        Record::Fork { child, .. } => {
            put(into, u64::from(*child));
            tag::FORK
        }
        Record::Outcome(outcome) => {
            outcome_into(into, outcome);
            tag::OUTCOME
        }
        // These have columns of their own.
        Record::Stop(_)
        | Record::Alloc { .. }
        | Record::ReallocBegin { .. }
        | Record::ReallocEnd { .. }
        | Record::Free { .. }
        | Record::Output { .. } => tag::KIND,
    }
}

pub(crate) fn put_name(into: &mut Vec<u8>, name: Option<&str>) {
    match name {
        None => put(into, 0),
        Some(name) => {
            put(into, 1);
            put_bytes(into, name.as_bytes());
        }
    }
}

pub(crate) fn untracked_into(into: &mut Vec<u8>, why: Untracked) {
    let (code, value) = match why {
        Untracked::OverBudget { bytes } => (0, bytes),
        Untracked::TooLarge { bytes } => (1, bytes),
        Untracked::Unreachable => (2, 0),
        Untracked::Idle => (3, 0),
        Untracked::Unreadable { errno } => (4, i64::from(errno) as u64),
    };
    into.push(code);
    put(into, value);
}

pub(crate) fn regions_into(into: &mut Vec<u8>, regions: &[MapRegion]) {
    put(into, regions.len() as u64);
    let mut last = 0;
    for region in regions {
        put_distance(into, last, region.low.0);
        put_distance(into, region.low.0, region.high.0);
        into.push(region.permissions.0);
        put(into, region.offset);
        put_bytes(into, region.name.as_bytes());
        last = region.high.0;
    }
}

pub(crate) fn limits_into(into: &mut Vec<u8>, limits: &[(Sequence, Limit)]) {
    put(into, limits.len() as u64);
    for (sequence, limit) in limits {
        put(into, sequence.0);
        limit_into(into, limit);
    }
}

fn limit_into(into: &mut Vec<u8>, limit: &Limit) {
    let (code, first, second) = match limit {
        Limit::MaxStops(stops) => (0, *stops, None),
        Limit::MaxBytes(bytes) => (1, *bytes, None),
        Limit::SiteThrottled { site, after } => (2, u64::from(site.0), Some(*after)),
        Limit::OutputCut { stream, kept } => (3, u64::from(stream_code(*stream)), Some(*kept)),
        Limit::StackWindow { thread, bytes } => (4, u64::from(thread.0), Some(*bytes)),
        Limit::HeapBudget { bytes } => (5, *bytes, None),
        Limit::BufferFull { lost } => (6, *lost, None),
        Limit::Memory { bytes } => (7, *bytes, None),
        Limit::Other(what) => {
            into.push(8);
            put_bytes(into, what.as_bytes());
            return;
        }
    };
    into.push(code);
    put(into, first);
    if let Some(second) = second {
        put(into, second);
    }
}

pub(crate) fn outcome_into(into: &mut Vec<u8>, outcome: &Outcome) {
    match outcome {
        Outcome::Exited(code) => {
            into.push(0);
            put_distance(into, 0, i64::from(*code) as u64);
        }
        Outcome::Signalled(number) => {
            into.push(1);
            put_distance(into, 0, i64::from(*number) as u64);
        }
        Outcome::Interrupted => into.push(2),
        Outcome::Detached => into.push(3),
        Outcome::RecorderStopped(why) => {
            into.push(4);
            put_bytes(into, why.as_bytes());
        }
    }
}
