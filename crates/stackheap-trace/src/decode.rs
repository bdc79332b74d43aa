//! From the bytes of a chunk to records.

use stackheap_model::{
    FrameId, LoadBias, OutputStream, Register, RegisterSet, RuntimeAddress, SiteId, ThreadId,
};

use crate::columns::stack_pointer as stack_pointer_of;
use crate::columns::{CallMemory, Column, NO_SITE, Predictions, Spans, stop_tag, tag};
use crate::error::TraceError;
use crate::records::{
    AddressRange, Fill, Limit, MapRegion, Outcome, PatchRef, Permissions, Record, Registers,
    Sequence, StopRef, Untracked,
};
use crate::wire::Input;

/// What a chunk says of a stop beside the stop: what the writer's replay made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) new_step: bool,
    pub(crate) new_frame: bool,
    /// How many steps began after the one of this stop.
    pub(crate) steps_back: u64,
}

/// A record as it is in a chunk.
pub(crate) enum Decoded<'a> {
    Stop(StopRef<'a>, Said),
    Other(Record),
}

/// Gives the records of a chunk, one after the other.
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    output: Vec<u8>,
    spans: Spans,
    /// For each column the number of bytes of it that were taken.
    taken: Taken,
    output_taken: usize,
    predictions: Predictions,
    patches: Vec<PatchRef>,
}

/// How far each column was read.
#[derive(Clone, Default)]
struct Taken([usize; crate::columns::COLUMNS]);

impl Decoder {
    /// A decoder of the two parts of a chunk.
    pub(crate) fn new(bytes: Vec<u8>, output: Vec<u8>) -> Result<Self, TraceError> {
        let spans = Spans::read(&bytes)?;
        Ok(Self {
            bytes,
            output,
            spans,
            taken: Taken::default(),
            output_taken: 0,
            predictions: Predictions::default(),
            patches: Vec::new(),
        })
    }

    /// The next record; `None` at the end. After an error nothing more can be had.
    pub(crate) fn next(&mut self) -> Result<Option<Decoded<'_>>, TraceError> {
        let mut reading = Reading {
            bytes: &self.bytes,
            spans: &self.spans,
            taken: &mut self.taken,
            output: Input::new(&self.output, "the output of a chunk"),
            predictions: &mut self.predictions,
            patches: &mut self.patches,
        };
        reading.output.take(self.output_taken)?;
        if reading.is_at_end() {
            return Ok(None);
        }
        let tag = reading.read(Column::Tags, Input::byte)?;
        if tag & stop_tag::IS_STOP == 0 {
            let record = reading.other(tag)?;
            self.output_taken = reading.output.position();
            return Ok(Some(Decoded::Other(record)));
        }
        let (head, said) = reading.stop(tag)?;
        Ok(Some(Decoded::Stop(
            StopRef {
                thread: head.thread,
                site: head.site,
                registers: head.registers,
                patches: &self.patches,
                bytes: &self.bytes,
                captured: head.captured,
            },
            said,
        )))
    }
}

struct Head {
    thread: ThreadId,
    site: SiteId,
    registers: Registers,
    captured: AddressRange,
}

/// A chunk while one record of it is read.
struct Reading<'a> {
    bytes: &'a [u8],
    spans: &'a Spans,
    taken: &'a mut Taken,
    output: Input<'a>,
    predictions: &'a mut Predictions,
    patches: &'a mut Vec<PatchRef>,
}

impl<'a> Reading<'a> {
    fn is_at_end(&self) -> bool {
        let (from, to) = self.spans.get(Column::Tags);
        // There is a count for each column.
        from + self.taken.0[Column::Tags as usize] >= to
    }

    /// Where in the chunk the unread rest of a column begins and ends.
    fn rest(&self, column: Column) -> (usize, usize) {
        let (from, to) = self.spans.get(column);
        // There is a count for each column.
        (from + self.taken.0[column as usize], to)
    }

    /// Reads something from a column.
    fn read<T>(
        &mut self,
        column: Column,
        take: impl FnOnce(&mut Input<'a>) -> Result<T, TraceError>,
    ) -> Result<T, TraceError> {
        let (from, to) = self.rest(column);
        // Spans lie within the chunk, and no more than a span is taken.
        let mut input = Input::new(&self.bytes[from..to], "a column of a chunk");
        let value = take(&mut input)?;
        self.taken.0[column as usize] += input.position();
        Ok(value)
    }

    fn thread(&mut self, is_same: bool) -> Result<ThreadId, TraceError> {
        if !is_same {
            let thread = ThreadId(self.read(Column::Threads, Input::number_u32)?);
            self.predictions.enter(thread);
        }
        Ok(self.predictions.thread)
    }

    fn stop(&mut self, tag: u8) -> Result<(Head, Said), TraceError> {
        let has = |bit: u8| tag & bit != 0;
        let thread = self.thread(has(stop_tag::SAME_THREAD))?;
        let at = self.site(has(stop_tag::SITE_PREDICTED))?;
        let steps_back = match has(stop_tag::OLDER_STEP) {
            true => self.read(Column::StepsBack, Input::number)?,
            false => 0,
        };
        let Some(memory) = self.predictions.sites.get(at) else {
            return Err(self.malformed("a site that was met before"));
        };
        let (site, before) = (memory.site, memory.registers);
        let (low, high) = (memory.window_low, memory.window_high);
        let registers = match has(stop_tag::REGISTERS_PREDICTED) {
            true => before,
            false => self.registers(&before)?,
        };
        let (low, high) = match has(stop_tag::WINDOW_PREDICTED) {
            true => (low, high),
            false => self.read(Column::Windows, |input| {
                Ok((input.distance(low)?, input.distance(high)?))
            })?,
        };
        let captured = AddressRange {
            low: RuntimeAddress(low.wrapping_add(stack_pointer_of(&registers))),
            high: RuntimeAddress(high),
        };
        self.read_patches(&registers)?;
        self.predictions.arrive(at, &registers, captured);
        let said = Said {
            new_step: has(stop_tag::NEW_STEP),
            new_frame: has(stop_tag::NEW_FRAME),
            steps_back,
        };
        Ok((
            Head {
                thread,
                site,
                registers,
                captured,
            },
            said,
        ))
    }

    fn site(&mut self, is_predicted: bool) -> Result<usize, TraceError> {
        if is_predicted {
            let at = self.predictions.predicted();
            return if at == NO_SITE {
                Err(self.malformed("a predicted site"))
            } else {
                Ok(at)
            };
        }
        let near = self.predictions.near();
        let site = self.read(Column::Sites, |input| input.distance(near))?;
        match u32::try_from(site) {
            Ok(site) => Ok(self.predictions.find(SiteId(site))),
            Err(_) => Err(self.malformed("a site of 32 bits")),
        }
    }

    fn registers(&mut self, before: &Registers) -> Result<Registers, TraceError> {
        let (changed, known) = self.read(Column::RegisterMasks, |input| {
            let bytes = input.take(4)?;
            let word = |at: usize| match bytes.get(at..at + 2) {
                Some(&[low, high]) => u16::from_le_bytes([low, high]),
                _ => 0,
            };
            Ok((RegisterSet(word(0)), RegisterSet(word(2) ^ before.known.0)))
        })?;
        let mut values = before.values;
        self.read(Column::RegisterValues, |input| {
            for (number, value) in values.iter_mut().enumerate() {
                if changed.contains(Register(number as u8)) {
                    *value = input.distance(*value)?;
                }
            }
            Ok(())
        })?;
        Ok(Registers::new(values, known))
    }

    fn read_patches(&mut self, registers: &Registers) -> Result<(), TraceError> {
        self.patches.clear();
        let count = self.read(Column::PatchCounts, Input::number)?;
        let mut on_stack = stack_pointer_of(registers);
        let mut elsewhere = self.predictions.heap_patch;
        let (mut start, end) = self.rest(Column::PatchBytes);
        // Each patch takes a byte of two columns, so that the columns' ends bound this.
        for _ in 0..count {
            let length = self.read(Column::PatchLengths, Input::number)?;
            let base = if length & 1 == 0 {
                &mut on_stack
            } else {
                &mut elsewhere
            };
            let at = *base;
            let address = self.read(Column::PatchOffsets, |input| input.distance(at))?;
            *base = address.wrapping_add(length >> 1);
            let len = match usize::try_from(length >> 1) {
                Ok(len) if len <= end - start => len,
                _ => return Err(self.malformed("the bytes of a patch within its column")),
            };
            self.patches.push(PatchRef {
                address: RuntimeAddress(address),
                start,
                len,
            });
            start += len;
            self.taken.0[Column::PatchBytes as usize] += len;
        }
        self.predictions.heap_patch = elsewhere;
        Ok(())
    }

    fn malformed(&self, expected: &'static str) -> TraceError {
        let (at, _) = self.rest(Column::Tags);
        TraceError::Malformed {
            what: "a chunk",
            at: at as u64,
            expected,
        }
    }

    fn other(&mut self, bits: u8) -> Result<Record, TraceError> {
        let kind = bits & tag::KIND;
        let is_of_process = matches!(
            kind,
            tag::TRACKED
                | tag::UNTRACKED
                | tag::LOADED
                | tag::MAP
                | tag::CLOCK
                | tag::LIMIT
                | tag::OUTCOME
        );
        let thread = match is_of_process {
            true => ThreadId(0),
            false => self.thread(bits & tag::SAME_THREAD != 0)?,
        };
        match kind {
            tag::ALLOC | tag::ALLOC_ZEROED | tag::FREE | tag::REALLOC_BEGIN => {
                self.heap_call(kind, thread, bits & tag::KNOWN_CALL != 0)
            }
            tag::REALLOC_END => {
                let address = Some(self.block()?);
                Ok(Record::ReallocEnd { thread, address })
            }
            tag::REALLOC_FAILED => Ok(Record::ReallocEnd {
                thread,
                address: None,
            }),
            tag::OUTPUT => self.written(thread),
            _ => self.read(Column::Others, |input| other_from(input, kind, thread)),
        }
    }

    fn block(&mut self) -> Result<RuntimeAddress, TraceError> {
        let base = self.predictions.block;
        let address = self.read(Column::BlockAddresses, |input| input.distance(base))?;
        self.predictions.block = address;
        Ok(RuntimeAddress(address))
    }

    fn heap_call(
        &mut self,
        kind: u8,
        thread: ThreadId,
        is_known: bool,
    ) -> Result<Record, TraceError> {
        let address = self.block()?;
        let old_size = match kind {
            tag::REALLOC_BEGIN => self.read(Column::BlockSizes, Input::option)?,
            _ => None,
        };
        let last = self.predictions.last_call;
        let (before, return_address) = if is_known {
            let slot = self.read(Column::Calls, Input::byte)?;
            let memory = *self.predictions.call(slot);
            (memory, memory.return_address)
        } else {
            let address = self.read(Column::Calls, |input| input.distance(last.return_address))?;
            (last, address)
        };
        let stack_pointer =
            self.read(Column::Calls, |input| input.distance(before.stack_pointer))?;
        let (size, align) = match kind {
            tag::FREE => (before.size, None),
            _ => self.read(Column::BlockSizes, |input| {
                Ok((input.distance(before.size)?, align_from(input)?))
            })?,
        };
        let after = CallMemory {
            return_address,
            stack_pointer,
            size,
        };
        let return_address = RuntimeAddress(return_address);
        *self
            .predictions
            .call(Predictions::call_slot(return_address)) = after;
        self.predictions.last_call = after;
        let stack_pointer = RuntimeAddress(stack_pointer);
        Ok(match kind {
            tag::FREE => Record::Free {
                thread,
                address,
                return_address,
                stack_pointer,
            },
            tag::REALLOC_BEGIN => Record::ReallocBegin {
                thread,
                address,
                old_size,
                align,
                new_size: size,
                return_address,
                stack_pointer,
            },
            _ => Record::Alloc {
                thread,
                address,
                size,
                align,
                fill: if kind == tag::ALLOC {
                    Fill::Uninitialised
                } else {
                    Fill::Zeroed
                },
                return_address,
                stack_pointer,
            },
        })
    }

    fn written(&mut self, thread: ThreadId) -> Result<Record, TraceError> {
        let (stream, length) = self.read(Column::Others, |input| {
            Ok((stream_from(input)?, input.number()?))
        })?;
        let piece = next_piece(&mut self.output)?;
        let Some((piece_stream, bytes)) = piece else {
            return Err(self.malformed("output that is in the chunk"));
        };
        if piece_stream != stream || bytes.len() as u64 != length {
            return Err(self.malformed("output as announced"));
        }
        Ok(Record::Output {
            thread,
            stream,
            bytes: bytes.to_vec(),
        })
    }
}

/// The next piece of a chunk's output; `None` at its end.
pub(crate) fn next_piece<'a>(
    output: &mut Input<'a>,
) -> Result<Option<(OutputStream, &'a [u8])>, TraceError> {
    if output.left() == 0 {
        return Ok(None);
    }
    let stream = stream_from(output)?;
    Ok(Some((stream, output.bytes()?)))
}

pub(crate) fn stream_from(input: &mut Input<'_>) -> Result<OutputStream, TraceError> {
    match input.byte()? {
        0 => Ok(OutputStream::Stdout),
        1 => Ok(OutputStream::Stderr),
        2 => Ok(OutputStream::Captured),
        _ => Err(input.expected("an output stream before this")),
    }
}

fn align_from(input: &mut Input<'_>) -> Result<Option<u64>, TraceError> {
    match input.byte()? {
        0 => Ok(None),
        log @ 1..=64 => Ok(Some(1 << (log - 1))),
        u8::MAX => Ok(Some(input.number()?)),
        _ => Err(input.expected("an alignment before this")),
    }
}

fn other_from(input: &mut Input<'_>, kind: u8, thread: ThreadId) -> Result<Record, TraceError> {
    Ok(match kind {
        tag::THREAD_START => Record::ThreadStart {
            thread,
            os_id: input.number_u32()?,
            name: name_from(input)?,
            stack_low: RuntimeAddress(input.number()?),
            stack_high: RuntimeAddress(input.number()?),
            limit: input.option()?,
            thread_pointer: RuntimeAddress(input.number()?),
        },
        tag::THREAD_NAME => Record::ThreadName {
            thread,
            name: input.text()?,
        },
        tag::THREAD_END => Record::ThreadEnd { thread },
        tag::UNWIND => Record::Unwind { thread },
        tag::SIGNAL => Record::Signal {
            thread,
            number: signed_from(input)?,
            address: input.option()?.map(RuntimeAddress),
        },
        tag::TRACKED => Record::Tracked {
            address: RuntimeAddress(input.number()?),
        },
        tag::UNTRACKED => Record::Untracked {
            address: RuntimeAddress(input.number()?),
            why: untracked_from(input)?,
        },
        tag::LOADED => Record::Loaded {
            bias: LoadBias(input.number()?),
        },
        tag::MAP => Record::Map {
            regions: regions_from(input)?,
        },
        tag::CLOCK => Record::Clock {
            elapsed_ns: input.number()?,
        },
        tag::LIMIT => Record::Limit(limit_from(input)?),
        tag::EXEC => Record::Exec {
            thread,
            path: input.text()?,
        },
        tag::FORK => Record::Fork {
            thread,
            child: input.number_u32()?,
        },
        tag::OUTCOME => Record::Outcome(outcome_from(input)?),
        _ => return Err(input.expected("a record of a known kind")),
    })
}

pub(crate) fn name_from(input: &mut Input<'_>) -> Result<Option<String>, TraceError> {
    match input.number()? {
        0 => Ok(None),
        1 => Ok(Some(input.text()?)),
        _ => Err(input.expected("0 or 1 before this")),
    }
}

fn signed_from(input: &mut Input<'_>) -> Result<i32, TraceError> {
    let value = input.distance(0)? as i64;
    i32::try_from(value).map_err(|_| input.expected("a number of 32 bits before this"))
}

pub(crate) fn untracked_from(input: &mut Input<'_>) -> Result<Untracked, TraceError> {
    let (code, value) = (input.byte()?, input.number()?);
    Ok(match code {
        0 => Untracked::OverBudget { bytes: value },
        1 => Untracked::TooLarge { bytes: value },
        2 => Untracked::Unreachable,
        3 => Untracked::Idle,
        4 => match i32::try_from(value as i64) {
            Ok(errno) => Untracked::Unreadable { errno },
            Err(_) => return Err(input.expected("an error number before this")),
        },
        _ => return Err(input.expected("a reason of a known kind before this")),
    })
}

pub(crate) fn regions_from(input: &mut Input<'_>) -> Result<Vec<MapRegion>, TraceError> {
    let count = input.count()?;
    let mut regions = Vec::new();
    let mut last = 0;
    for _ in 0..count {
        let low = input.distance(last)?;
        let high = input.distance(low)?;
        regions.push(MapRegion {
            low: RuntimeAddress(low),
            high: RuntimeAddress(high),
            permissions: Permissions(input.byte()?),
            offset: input.number()?,
            name: input.text()?,
        });
        last = high;
    }
    Ok(regions)
}

pub(crate) fn limits_from(input: &mut Input<'_>) -> Result<Vec<(Sequence, Limit)>, TraceError> {
    let mut limits = Vec::new();
    for _ in 0..input.count()? {
        limits.push((Sequence(input.number()?), limit_from(input)?));
    }
    Ok(limits)
}

fn limit_from(input: &mut Input<'_>) -> Result<Limit, TraceError> {
    Ok(match input.byte()? {
        0 => Limit::MaxStops(input.number()?),
        1 => Limit::MaxBytes(input.number()?),
        2 => Limit::SiteThrottled {
            site: SiteId(input.number_u32()?),
            after: input.number()?,
        },
        3 => {
            let stream = match input.number()? {
                0 => OutputStream::Stdout,
                1 => OutputStream::Stderr,
                2 => OutputStream::Captured,
                _ => return Err(input.expected("an output stream before this")),
            };
            Limit::OutputCut {
                stream,
                kept: input.number()?,
            }
        }
        4 => Limit::StackWindow {
            thread: ThreadId(input.number_u32()?),
            bytes: input.number()?,
        },
        5 => Limit::HeapBudget {
            bytes: input.number()?,
        },
        6 => Limit::BufferFull {
            lost: input.number()?,
        },
        7 => Limit::Memory {
            bytes: input.number()?,
        },
        8 => Limit::Other(input.text()?),
        _ => return Err(input.expected("a limit of a known kind before this")),
    })
}

pub(crate) fn outcome_from(input: &mut Input<'_>) -> Result<Outcome, TraceError> {
    Ok(match input.byte()? {
        0 => Outcome::Exited(signed_from(input)?),
        1 => Outcome::Signalled(signed_from(input)?),
        2 => Outcome::Interrupted,
        3 => Outcome::Detached,
        4 => Outcome::RecorderStopped(input.text()?),
        _ => return Err(input.expected("an outcome of a known kind before this")),
    })
}

/// A frame's number from the file.
pub(crate) fn frame_from(input: &mut Input<'_>) -> Result<FrameId, TraceError> {
    Ok(FrameId(input.number()?))
}
