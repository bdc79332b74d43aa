//! From step to step: the states of a recording in order, each with what happened before it.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use stackheap_model::{
    At, Block, BlockState, Event, EventKind, FrameId, LocalRole, LocalState, Output, OutputStream,
    PlaceRef, Position, RuntimeAddress, SiteId, Stack, State, StepNumber, StepRef, StopNumber,
    TextPosition, TextRange, Thread, ThreadId, Unknown, Value, ValueKind,
};
use stackheap_trace::{
    Applied, BlockEntry, Cursor, FrameEntry, Record, ReplayState, Sequence, ThreadState,
};

use crate::captured::Captured;
use crate::error::InterpretError;
use crate::frames::{BuiltFrame, FrameBuilder};
use crate::heap::{HeapBuilder, HeapLimits};
use crate::moment::Moment;
use crate::outcome::{outcome, signal_name};
use crate::ownership::{CallWays, Happened};
use crate::program::Program;
use crate::reading::Reading;
use crate::values::Limits;

/// How much of each state is decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateLimits {
    /// Of values.
    pub values: Limits,
    /// Of the heap.
    pub heap: HeapLimits,
}

/// Events between two states that are listed one by one; and freed blocks.
const EVENTS_LISTED: usize = 256;

/// How far back a walk begins to find the state before.
const LOOK_BACK_STEPS: u64 = 32;

/// Where a walk has its states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Before each step.
    #[default]
    Steps,
    /// Also inside of the steps, before each of their sub-expressions.
    Parts,
}

/// Walks through the states of a recording.
pub struct Walk<'p, 'r> {
    program: &'p Program<'r>,
    cursor: Cursor<'p>,
    limits: StateLimits,
    level: Level,
    /// The step that each frame is in, and its part; only counted where states have parts.
    parts: FxHashMap<FrameId, (StepNumber, u32)>,
    /// What each thread's locals held at its last state.
    before: FxHashMap<ThreadId, Before>,
    events: FxHashMap<ThreadId, Vec<Event>>,
    freed: FxHashMap<ThreadId, Vec<Block>>,
    /// How many more events there were than are listed.
    unlisted: FxHashMap<ThreadId, u64>,
    /// Reallocations that moved the block, so far.
    reallocations_moved: u64,
    output: Output,
    captured: Captured<'p, 'r>,
    /// Where each call stood last.
    sites: FxHashMap<FrameId, SiteId>,
    /// The way that each call has taken.
    ways: CallWays,
    /// The step that each call was in last.
    steps: FxHashMap<FrameId, StepNumber>,
    /// What was passed already of the statement that a call is about to run.
    early: FxHashMap<FrameId, Vec<Happened>>,
    pending: Option<StopNumber>,
}

type Before = FxHashMap<FrameId, FxHashMap<Arc<str>, Held>>;

/// What a local held.
#[derive(Clone, PartialEq, Eq)]
struct Held {
    present: bool,
    bytes: Vec<u8>,
    text: Option<Arc<str>>,
}

impl<'p, 'r> Walk<'p, 'r> {
    /// A walk from the beginning.
    pub fn new(program: &'p Program<'r>, limits: StateLimits) -> Self {
        Self {
            program,
            cursor: program.recording.cursor(),
            limits,
            level: Level::Steps,
            parts: FxHashMap::default(),
            before: FxHashMap::default(),
            events: FxHashMap::default(),
            freed: FxHashMap::default(),
            unlisted: FxHashMap::default(),
            reallocations_moved: 0,
            output: Output::default(),
            captured: Captured::new(program),
            sites: FxHashMap::default(),
            ways: CallWays::default(),
            steps: FxHashMap::default(),
            early: FxHashMap::default(),
            pending: None,
        }
    }

    /// A walk whose first state is that of `step`.
    pub fn from_step(
        program: &'p Program<'r>,
        limits: StateLimits,
        step: StepNumber,
    ) -> Result<Self, InterpretError> {
        let mut walk = Self::new(program, limits);
        let Some(stop) = program.recording.first_stop_of_step(step) else {
            return Err(walk.no_such_step(step));
        };
        walk.cursor = program.recording.cursor_at(stop)?;
        let before = walk.cursor.state().next_sequence();
        walk.output = Output {
            stdout: program.recording.output(OutputStream::Stdout, before)?,
            stderr: program.recording.output(OutputStream::Stderr, before)?,
            captured: Vec::new(),
        };
        walk.captured.start_at(walk.cursor.state())?;
        let threads = walk.cursor.state().threads.iter();
        let frames = threads.flat_map(|thread| &thread.frames);
        walk.sites
            .extend(frames.map(|entry| (entry.frame, entry.site)));
        let frames = walk.cursor.state().threads.iter();
        let frames = frames.flat_map(|thread| &thread.frames);
        walk.steps
            .extend(frames.map(|entry| (entry.frame, entry.step)));
        for (frame, happened) in walk.ways.meet(program, walk.cursor.state()) {
            let site = walk.sites.get(&frame);
            let statement = site.and_then(|&site| program.statement_range(site));
            let mut early = happened;
            early.retain(|event| is_within(&event.at, statement));
            if !early.is_empty() {
                walk.early.insert(frame, early);
            }
        }
        walk.pending = Some(stop);
        Ok(walk)
    }

    /// The same walk, with its states where the level says.
    #[must_use]
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    fn no_such_step(&self, step: StepNumber) -> InterpretError {
        InterpretError::NoSuchStep {
            step,
            steps: self.program.recording.totals().steps,
        }
    }

    /// How many reallocations have moved their block since the walk began.
    pub fn reallocations_moved(&self) -> u64 {
        self.reallocations_moved
    }

    /// The next state; `None` at the end.
    pub fn next_state(&mut self) -> Result<Option<State>, InterpretError> {
        match self.advance()? {
            Some(_) => Ok(Some(self.take_state())),
            None => Ok(None),
        }
    }

    /// The next state that is of `step` or of a later one; `None` at the end. The states before it
    /// are passed over without being built, and what happened until then is told by this one.
    pub fn next_state_from(&mut self, step: StepNumber) -> Result<Option<State>, InterpretError> {
        while let Some(reached) = self.advance()? {
            if reached >= step {
                return Ok(Some(self.take_state()));
            }
        }
        Ok(None)
    }

    /// The events of the next state, which is not built; `None` at the end. Costs less than the
    /// state, and what the state behind it tells is the same.
    pub fn next_events(&mut self) -> Result<Option<(StepNumber, Vec<Event>)>, InterpretError> {
        let step = self.advance()?;
        Ok(step.map(|step| (step, self.take_events())))
    }

    /// Goes on to the next stop that has a state, without building its state.
    fn advance(&mut self) -> Result<Option<StepNumber>, InterpretError> {
        if self.pending.take().is_some() {
            self.count_part(true);
            return Ok(self.here().map(|(_, step, _)| step));
        }
        while let Some(next) = self.cursor.next() {
            let (sequence, record, applied) = next?;
            let new_step = applied.stop().map(|stop| stop.new_step);
            self.note(sequence, &record, &applied);
            if let Some(new_step) = new_step {
                self.count_part(new_step);
            }
            let wanted = match self.level {
                Level::Steps => new_step == Some(true),
                Level::Parts => new_step.is_some(),
            };
            if wanted {
                return Ok(self.here().map(|(_, step, _)| step));
            }
        }
        Ok(None)
    }

    /// Counts the stop that was just reached as a part of its frame's step.
    fn count_part(&mut self, new_step: bool) {
        if self.level == Level::Steps {
            return;
        }
        let Some((frame, step)) = self.top_here() else {
            return;
        };
        if new_step {
            self.parts.insert(frame, (step, 0));
        } else if let Some((of, part)) = self.parts.get_mut(&frame)
            && *of == step
        {
            *part += 1;
        }
    }

    /// The part of its step that the thread which stopped last is about to run.
    fn part(&self) -> Option<u32> {
        if self.level == Level::Steps {
            return Some(0);
        }
        let (frame, step) = self.top_here()?;
        let (of, part) = self.parts.get(&frame)?;
        (*of == step).then_some(*part)
    }

    /// Whether a frame is still there, and in this step.
    fn is_in(&self, frame: FrameId, step: StepNumber) -> bool {
        let threads = &self.cursor.state().threads;
        threads
            .iter()
            .flat_map(|thread| &thread.frames)
            .any(|entry| entry.frame == frame && entry.step == step)
    }

    fn top_here(&self) -> Option<(FrameId, StepNumber)> {
        let (thread, step, _) = self.here()?;
        let top = self.cursor.state().threads.get(thread)?.top()?;
        Some((top.frame, step))
    }

    /// The thread that stopped last, its step, and the stop.
    fn here(&self) -> Option<(ThreadId, StepNumber, StopNumber)> {
        let state = self.cursor.state();
        let stop = state.last_stop();
        let thread = state
            .threads
            .iter()
            .find(|thread| thread.last_stop == Some(stop))?;
        Some((thread.id, thread.last_step?, stop))
    }

    fn position_of_thread(&self, thread: ThreadId) -> (Option<StepNumber>, Option<Position>) {
        let Some(state) = self.cursor.state().threads.get(thread) else {
            return (None, None);
        };
        let top = state.top();
        (
            top.map(|top| top.step),
            top.and_then(|top| self.program.site_position(top.site)),
        )
    }

    fn push(&mut self, thread: ThreadId, kind: EventKind) {
        if self.events.get(&thread).map_or(0, Vec::len) >= EVENTS_LISTED {
            *self.unlisted.entry(thread).or_default() += 1;
            return;
        }
        let (step, at) = self.position_of_thread(thread);
        self.events.entry(thread).or_default().push(Event {
            kind,
            step,
            thread,
            at,
        });
    }

    /// Turns a record into events.
    fn note(&mut self, _sequence: Sequence, record: &Record, applied: &Applied) {
        match (record, applied) {
            (Record::Stop(stop), Applied::Stop(done)) => {
                self.printed(stop.thread, record);
                for popped in &done.popped {
                    self.sites.remove(&popped.frame);
                    self.ways.forget(popped.frame);
                    self.steps.remove(&popped.frame);
                    self.early.remove(&popped.frame);
                    self.returned(stop.thread, popped);
                }
                self.passed(stop.thread);
                if done.pushed.is_some() {
                    self.called(stop.thread);
                }
            }
            (
                Record::Alloc {
                    thread,
                    address,
                    size,
                    align,
                    ..
                },
                Applied::Allocated { block, .. },
            ) => {
                let (block, address, bytes, align) = (*block, *address, *size, *align);
                self.push(
                    *thread,
                    EventKind::Alloc {
                        block,
                        address,
                        bytes,
                        align,
                    },
                );
            }
            (
                Record::ReallocEnd {
                    thread,
                    address: Some(address),
                },
                Applied::Reallocated { before, .. },
            ) => self.reallocated(*thread, *address, before.as_ref()),
            (Record::Free { thread, .. }, Applied::Freed { block: Some(block) }) => {
                self.push(
                    *thread,
                    EventKind::Free {
                        block: block.id,
                        address: block.address,
                        bytes: block.size,
                    },
                );
                self.keep_ghost(*thread, block);
            }
            (
                Record::Output {
                    thread,
                    stream,
                    bytes,
                },
                _,
            ) => {
                match stream {
                    OutputStream::Stdout => self.output.stdout.extend(bytes),
                    OutputStream::Stderr => self.output.stderr.extend(bytes),
                    OutputStream::Captured => {}
                }
                let text = String::from_utf8_lossy(bytes).into();
                self.push(
                    *thread,
                    EventKind::Output {
                        stream: *stream,
                        text,
                    },
                );
            }
            (Record::Unwind { thread }, _) => self.push(*thread, EventKind::Unwind),
            (Record::Signal { thread, number, .. }, _) => {
                let name = signal_name(*number).into();
                self.push(
                    *thread,
                    EventKind::Signal {
                        number: *number,
                        name,
                    },
                );
            }
            (Record::ThreadStart { thread, .. }, _) if thread.0 > 1 => {
                self.push(*thread, EventKind::ThreadStart { thread: *thread });
            }
            (Record::ThreadEnd { thread }, _) => {
                self.push(*thread, EventKind::ThreadEnd { thread: *thread });
            }
            (Record::Limit(limit), _) => {
                let what = self.program.limit_in_words(limit);
                self.push(ThreadId(1), EventKind::Limit { what });
            }
            _ => {}
        }
    }

    /// What the test harness captured since the thread's previous stop.
    fn printed(&mut self, thread: ThreadId, record: &Record) {
        for happened in self.captured.note(self.cursor.state(), record) {
            let at = happened
                .site
                .and_then(|site| self.program.site_position(site));
            self.events.entry(thread).or_default().push(Event {
                kind: happened.kind,
                step: happened.step,
                thread,
                at,
            });
        }
    }

    /// Notes where the call that stopped stood before.
    fn passed(&mut self, thread_id: ThreadId) {
        let thread = self.cursor.state().threads.get(thread_id);
        let Some(top) = thread.and_then(ThreadState::top) else {
            return;
        };
        let happened = self.ways.note(self.program, top);
        let (id, stop, site, step) = (thread_id, top.stop, top.site, top.step);
        let before = self.steps.insert(top.frame, step);
        // What code without a row of its own did in the statement that is about to run is told with
        // that statement.
        let statement = self.program.statement_range(site);
        let is_new = before != Some(step);
        let (early, happened): (Vec<_>, Vec<_>) = happened
            .into_iter()
            .partition(|event| is_new && is_within(&event.at, statement));
        let late = self.early.remove(&top.frame).unwrap_or_default();
        if !early.is_empty() {
            self.early.insert(top.frame, early);
        }
        for Happened { kind, at } in late.into_iter().chain(happened) {
            let event = Event {
                kind,
                // What was passed on the way here belongs to the step before.
                step: before.or(Some(step)),
                thread: id,
                at,
            };
            self.events.entry(id).or_default().push(event);
        }
        if let Some(before) = self.sites.insert(top.frame, site)
            && self.program.is_scope_end(site)
        {
            self.program.note_site_before(stop, before);
        }
    }

    fn returned(&mut self, thread: ThreadId, popped: &FrameEntry) {
        let function = self.program.function_name(popped.function);
        let at = self.program.site_position(popped.site);
        let kind = EventKind::Return {
            frame: popped.frame,
            function,
        };
        let event = Event {
            kind,
            step: Some(popped.step),
            thread,
            at,
        };
        self.events.entry(thread).or_default().push(event);
    }

    fn called(&mut self, thread: ThreadId) {
        let top = self
            .cursor
            .state()
            .threads
            .get(thread)
            .and_then(ThreadState::top);
        let Some(top) = top else { return };
        let function = self.program.function_name(top.function);
        let low = top.registers.stack_pointer().unwrap_or(top.cfa);
        let bytes = top.cfa.0.saturating_sub(low.0);
        let (frame, step) = (top.frame, top.parent_step);
        let at = self.program.site_position(top.site);
        let kind = EventKind::Call {
            frame,
            function,
            bytes,
        };
        self.events.entry(thread).or_default().push(Event {
            kind,
            step,
            thread,
            at,
        });
    }

    fn reallocated(
        &mut self,
        thread: ThreadId,
        address: RuntimeAddress,
        before: Option<&BlockEntry>,
    ) {
        let Some(now) = self.cursor.state().blocks.at(address) else {
            return;
        };
        let (block, bytes, align) = (now.id, now.size, now.align());
        if before.is_some_and(|before| before.address != address) {
            self.reallocations_moved += 1;
        }
        let kind = match before {
            Some(before) => EventKind::Realloc {
                block,
                old_address: before.address,
                address,
                old_bytes: before.size,
                bytes,
            },
            None => EventKind::Alloc {
                block,
                address,
                bytes,
                align,
            },
        };
        self.push(thread, kind);
    }

    fn keep_ghost(&mut self, thread: ThreadId, block: &BlockEntry) {
        let (step, position) = self.position_of_thread(thread);
        if self.freed.get(&thread).map_or(0, Vec::len) >= EVENTS_LISTED {
            return;
        }
        let allocated_at = self.program.stop_position(block.allocated().stop);
        self.freed.entry(thread).or_default().push(Block {
            id: block.id,
            address: block.address,
            size: block.size,
            align: block.align(),
            type_name: None,
            state: BlockState::Freed,
            as_of: None,
            owners: Vec::new(),
            no_owner_because: Some("it is freed".into()),
            counts: None,
            thread: block.thread,
            allocated: StepRef {
                step: block.allocated().step,
                position: allocated_at,
            },
            freed: Some(StepRef { step, position }),
            value: Arc::new(Value::unknown(ValueKind::Raw, "freed")),
            bytes: Vec::new(),
            cells: Arc::default(),
        });
    }

    /// The events of the state at the stop reached, whose heap is not looked at.
    fn take_events(&mut self) -> Vec<Event> {
        let Some((thread, _, _)) = self.here() else {
            return Vec::new();
        };
        self.freed.remove(&thread);
        let state = self.cursor.state();
        let ways = self.ways.of_state(self.program, state);
        let frames = state.threads.get(thread).map_or_else(Vec::new, |thread| {
            let moment = Moment::new(state, self.program);
            let reading = Reading::new(self.program, &moment, self.limits.values);
            let builder = FrameBuilder {
                program: self.program,
                moment: &moment,
                reading: &reading,
                ways: &ways,
            };
            let mut frames = builder.user_frames(thread);
            frames.reverse();
            frames
        });
        self.events_of(thread, &frames)
    }

    /// What happened behind the state of the last step.
    fn events_behind(&self, last: StepNumber) -> Result<Vec<Event>, InterpretError> {
        let mut rest = Self::from_step(self.program, self.limits, last)?;
        while rest.advance()?.is_some() {}
        let mut threads: Vec<ThreadId> = rest.events.keys().copied().collect();
        threads.sort_unstable();
        let events = threads
            .into_iter()
            .flat_map(|thread| rest.events_of(thread, &[]));
        Ok(events.collect())
    }

    /// What happened since the state of this thread before, now that it has these frames.
    fn events_of(&mut self, thread: ThreadId, frames: &[BuiltFrame]) -> Vec<Event> {
        let mut events = self.events.remove(&thread).unwrap_or_default();
        if let Some(more) = self.unlisted.remove(&thread) {
            let what = format!("{more} more events of this stretch are not listed").into();
            let last = events.last();
            let (step, at) = (
                last.and_then(|event| event.step),
                last.and_then(|event| event.at.clone()),
            );
            events.push(Event {
                kind: EventKind::Limit { what },
                step,
                thread,
                at,
            });
        }
        let before = self.before.insert(thread, held(frames));
        if let (Some(before), Some(now)) = (before, self.before.get(&thread)) {
            compare(&before, now, frames, thread, &mut events);
        }
        events
    }

    /// Builds the state at the stop reached.
    fn take_state(&mut self) -> State {
        let (thread, step, stop) =
            self.here()
                .unwrap_or((ThreadId(1), StepNumber(0), StopNumber(0)));
        let ways = self.ways.of_state(self.program, self.cursor.state());
        let mut built = build(self.program, self.cursor.state(), &ways, &self.limits);
        let frames = built.frames.iter().find(|(id, _)| *id == thread);
        let events = self.events_of(thread, frames.map_or(&[], |(_, frames)| frames));
        let mut blocks = std::mem::take(&mut built.blocks);
        blocks.extend(self.freed.remove(&thread).unwrap_or_default());
        blocks.sort_by_key(|block| block.id);
        let state = self.cursor.state();
        let is_last = step.0 == self.program.recording.totals().steps;
        let after = match self.level {
            // Where the recording breaks off behind the last step, that much is not known.
            Level::Steps if is_last => self.events_behind(step).unwrap_or_default(),
            _ => Vec::new(),
        };
        self.output.captured = self.captured.text(state, thread);
        let top = state.threads.get(thread).and_then(ThreadState::top);
        let at = At {
            position: top.and_then(|top| self.program.site_position(top.site)),
            function: top.map_or_else(
                || Arc::from("unknown function"),
                |top| self.program.function_name(top.function),
            ),
        };
        State {
            step,
            steps: self.program.recording.totals().steps,
            outcome: outcome(self.program.recording.outcome()),
            part: self.part(),
            stop,
            parent_step: top.and_then(|top| top.parent_step),
            depth: top.map_or(0, |top| top.depth),
            thread,
            at,
            events,
            after,
            blocks,
            blocks_left_out: built.blocks_left_out,
            statics: built.statics,
            edges: built.edges,
            threads: threads(built.frames, state, thread, step),
            output: self.output.clone(),
        }
    }
}

/// The state before `step` runs.
pub fn state_at(
    program: &Program<'_>,
    step: StepNumber,
    limits: StateLimits,
) -> Result<State, InterpretError> {
    let recording = program.recording;
    let no_such = || InterpretError::NoSuchStep {
        step,
        steps: recording.totals().steps,
    };
    let stop = recording.first_stop_of_step(step).ok_or_else(no_such)?;
    let thread = recording.thread_of_stop(stop).ok_or_else(no_such)?;
    // The thread's state before this one, for what happened since.
    let mut start = step;
    for back in 1..=LOOK_BACK_STEPS.min(step.0.saturating_sub(1)) {
        let candidate = StepNumber(step.0 - back);
        let Some(first) = recording.first_stop_of_step(candidate) else {
            break;
        };
        if recording.thread_of_stop(first) == Some(thread) {
            start = candidate;
            break;
        }
    }
    let mut walk = if step.0 == 1 {
        Walk::new(program, limits)
    } else {
        Walk::from_step(program, limits, start)?
    };
    loop {
        match walk.advance()? {
            Some(reached) if reached == step => return Ok(walk.take_state()),
            Some(reached) if reached == start => drop(walk.take_events()),
            Some(_) => {}
            None => return Err(no_such()),
        }
    }
}

/// The state before a part of `step` runs, counted from 0 as in [`State::part`].
pub fn state_at_part(
    program: &Program<'_>,
    step: StepNumber,
    part: u32,
    limits: StateLimits,
) -> Result<State, InterpretError> {
    if part == 0 {
        return state_at(program, step, limits);
    }
    let mut walk = Walk::from_step(program, limits, step)?.with_level(Level::Parts);
    walk.advance()?;
    let frame = walk.top_here().map(|(frame, _)| frame);
    // The states in between are looked at for what they hold, which the next one is compared with.
    let mut passed = 0;
    while let Some(frame) = frame {
        drop(walk.take_events());
        let mut next = walk.advance()?;
        while next.is_some() && walk.is_in(frame, step) && walk.top_here() != Some((frame, step)) {
            next = walk.advance()?;
        }
        if next.is_none() || !walk.is_in(frame, step) {
            break;
        }
        passed += 1;
        if passed == part {
            return Ok(walk.take_state());
        }
    }
    Err(InterpretError::NoSuchPart {
        step,
        part,
        last: passed,
    })
}

struct Built {
    frames: Vec<(ThreadId, Vec<BuiltFrame>)>,
    blocks: Vec<Block>,
    blocks_left_out: u64,
    edges: Vec<stackheap_model::Edge>,
    statics: Vec<stackheap_model::StaticItem>,
}

fn build(
    program: &Program<'_>,
    state: &ReplayState,
    ways: &CallWays,
    limits: &StateLimits,
) -> Built {
    let moment = Moment::new(state, program);
    let reading = Reading::new(program, &moment, limits.values);
    let builder = FrameBuilder {
        program,
        moment: &moment,
        reading: &reading,
        ways,
    };
    let mut frames: Vec<(ThreadId, Vec<BuiltFrame>)> = state
        .threads
        .iter()
        .filter(|thread| !thread.ended)
        .map(|thread| (thread.id, builder.frames(thread)))
        .collect();
    let heap = HeapBuilder::new(program, &moment, &reading, limits.heap).build(&mut frames);
    Built {
        frames,
        blocks: heap.blocks,
        blocks_left_out: heap.blocks_left_out,
        edges: heap.edges,
        statics: heap.statics,
    }
}

fn threads(
    frames: Vec<(ThreadId, Vec<BuiltFrame>)>,
    state: &ReplayState,
    current: ThreadId,
    step: StepNumber,
) -> Vec<Thread> {
    let mut frames: FxHashMap<ThreadId, Vec<BuiltFrame>> = frames.into_iter().collect();
    let threads = state.threads.iter().map(|thread| {
        let built = frames.remove(&thread.id).unwrap_or_default();
        let frames = built.into_iter().map(|built| built.frame).collect();
        self::thread(thread, frames, current, step)
    });
    threads.collect()
}

fn thread(
    thread: &ThreadState,
    frames: Vec<stackheap_model::Frame>,
    current: ThreadId,
    step: StepNumber,
) -> Thread {
    // Innermost first; a thread may be on another stack than its own.
    let mut lows = frames.iter().map(|frame| frame.low);
    let lowest = lows.find(|&low| thread.is_on_stack(low));
    let used = lowest.map_or(0, |low| thread.stack_high.0.saturating_sub(low.0));
    Thread {
        id: thread.id,
        name: thread.name.as_deref().map(Arc::from),
        as_of: if thread.id == current {
            Some(step)
        } else {
            thread.last_step
        },
        ended: thread.ended,
        stack: Stack {
            low: thread.stack_low,
            high: thread.stack_high,
            limit: thread
                .limit
                .ok_or_else(|| Unknown::because("the system sets no limit")),
            used,
            high_water: thread.high_water,
        },
        frames,
    }
}

/// Whether a position is in a statement.
fn is_within(at: &Option<Position>, statement: Option<TextRange>) -> bool {
    let at = at.as_ref().map(|at| TextPosition {
        line: at.line,
        column: at.column,
    });
    at.is_some_and(|at| statement.is_some_and(|range| range.contains(at)))
}

fn held(frames: &[BuiltFrame]) -> Before {
    let mut all = Before::default();
    for built in frames.iter().filter(|built| built.frame.user) {
        let locals = all.entry(built.frame.id).or_default();
        for local in &built.frame.locals {
            if local.role == LocalRole::Hidden {
                continue;
            }
            let text = local
                .value
                .as_ref()
                .and_then(|value| value.text.clone().ok());
            let present = matches!(
                local.state,
                LocalState::Live | LocalState::PartlyMoved | LocalState::Unknown(_)
            );
            let held = Held {
                present,
                bytes: local.bytes.clone(),
                text,
            };
            locals.insert(Arc::clone(&local.name), held);
        }
    }
    all
}

/// Finds the locals that came into scope or changed.
fn compare(
    before: &Before,
    now: &Before,
    frames: &[BuiltFrame],
    thread: ThreadId,
    events: &mut Vec<Event>,
) {
    for built in frames {
        let frame = built.frame.id;
        let (former, Some(current)) = (before.get(&frame), now.get(&frame)) else {
            continue;
        };
        for local in &built.frame.locals {
            let Some(held) = current.get(&local.name).filter(|held| held.present) else {
                continue;
            };
            let was = former
                .and_then(|former| former.get(&local.name))
                .filter(|was| was.present);
            let place = PlaceRef::Local {
                frame,
                local: Arc::clone(&local.name),
            };
            let bytes = local.place.size;
            let kind = match was {
                None => EventKind::Init {
                    local: place,
                    bytes,
                    value: held.text.clone(),
                },
                // What is not known on one side does not tell of a change.
                Some(was)
                    if was.bytes != held.bytes
                        && !was.bytes.is_empty()
                        && !held.bytes.is_empty() =>
                {
                    EventKind::Assign {
                        local: place,
                        bytes,
                        before: was.text.clone(),
                        after: held.text.clone(),
                    }
                }
                Some(_) => continue,
            };
            let at = local.declared.clone();
            let step = events.last().and_then(|event| event.step);
            events.push(Event {
                kind,
                step,
                thread,
                at,
            });
        }
    }
}
