//! A whole run in numbers, with examples: what the answer of `run` is made of.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use rustc_hash::{FxHashMap, FxHashSet};
use stackheap_model::{
    BlockId, BlockState, FrameId, LocalRole, LocalState, OwnerKind, State, StepNumber, StepRef,
    ThreadId, Unknown,
};
use stackheap_trace::Totals;

use crate::error::InterpretError;
use crate::program::Program;
use crate::walk::{StateLimits, Walk};

/// The life of a local.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalStory {
    /// Its name.
    pub name: Arc<str>,
    /// Its function.
    pub function: Arc<str>,
    /// The path of its type.
    pub type_name: Arc<str>,
    /// Its size in bytes.
    pub bytes: u64,
    /// A value it had.
    pub value: Option<Arc<str>>,
    /// When it was first seen with a value.
    pub from: StepRef,
    /// When it was no longer there.
    pub until: Option<StepRef>,
    /// A block it owned, and that block's size in bytes.
    pub owned: Option<(BlockId, u64)>,
}

/// The life of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockStory {
    /// The block.
    pub block: BlockId,
    /// The largest size it had, in bytes.
    pub bytes: u64,
    /// The path of the type of its contents, where known.
    pub type_name: Option<Arc<str>>,
    /// Its contents, where known.
    pub value: Option<Arc<str>>,
    /// Its owners one after the other: `` `s` of `demo::main` ``.
    pub owners: Vec<Arc<str>>,
    /// The function in which it was allocated.
    pub allocated_in: Option<Arc<str>>,
    /// When it was allocated.
    pub allocated: StepRef,
    /// When it was freed.
    pub freed: Option<StepRef>,
    /// The highest strong count that was seen, where it was shared.
    pub strong: Option<u64>,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// What was counted while recording.
    pub totals: Totals,
    /// The state with most live blocks.
    pub peak: Option<State>,
    /// The state before that one.
    pub before_peak: Option<State>,
    /// Limits that were reached, in words.
    pub limits: Vec<String>,
    /// The step at which the main thread's stack was deepest, among those looked at.
    pub high_water_step: Option<StepNumber>,
    /// Calls of user functions.
    pub calls: u64,
    /// The most user frames on one stack at once, and the innermost function then.
    pub deepest: (u64, Option<Arc<str>>),
    /// The largest frame.
    pub largest_frame: Option<(Arc<str>, u64)>,
    /// Locals that were seen with a value.
    pub locals: u64,
    /// How many of them owned a block.
    pub owning_locals: u64,
    /// A local that owned nothing.
    pub local_example: Option<LocalStory>,
    /// A local that owned a block.
    pub owner_example: Option<LocalStory>,
    /// Reallocations that moved the block.
    pub reallocations_moved: u64,
    /// The largest block.
    pub largest_block: Option<BlockStory>,
    /// The block that lived longest among those with a known owner.
    pub longest_block: Option<BlockStory>,
    /// A block with several owners at once.
    pub shared_block: Option<BlockStory>,
    /// How many blocks had several owners.
    pub shared_blocks: u64,
    /// Blocks that were allocated in user steps and live at the end: how many, and their bytes.
    pub left: Result<(u64, u64), Unknown>,
    /// How many steps were looked at for the examples.
    pub steps_looked_at: u64,
}

/// How many states wait at most between the thread that makes them and the one that looks at them.
const STATES_WAITING: usize = 16;

/// Looks at the first `steps` steps of a recording. `each` is given their states, in order, on
/// another thread than the caller's.
pub fn overview(
    program: &Program<'_>,
    steps: u64,
    limits: StateLimits,
    each: &mut (dyn FnMut(&State) + Send),
) -> Result<Overview, InterpretError> {
    let mut walk = Walk::new(program, limits);
    let peak_step = program.recording.totals().step_with_most_live_blocks;
    // A state takes as long to be looked at as to be made.
    let looked = std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(STATES_WAITING);
        let looking = scope.spawn(move || {
            let mut looked = Looked::default();
            for state in receiver {
                looked.look_at(state, peak_step, each);
            }
            looked
        });
        let made = make_states(&mut walk, steps, &sender);
        drop(sender);
        let looked = looking.join().unwrap_or_else(|panic| resume_unwind(panic));
        made.map(|()| looked)
    })?;
    let mut peak = looked.peak;
    if peak.is_none() {
        let step = peak_step.or((looked.states > 0).then_some(StepNumber(1)));
        peak = step
            .map(|step| crate::walk::state_at(program, step, limits))
            .transpose()?;
    }
    let mut overview = looked.gathering.finish(program, peak, looked.states);
    overview.before_peak = looked.before_peak;
    overview.reallocations_moved = walk.reallocations_moved();
    Ok(overview)
}

fn make_states(
    walk: &mut Walk<'_, '_>,
    steps: u64,
    to: &SyncSender<State>,
) -> Result<(), InterpretError> {
    for _ in 0..steps {
        let Some(state) = walk.next_state()? else {
            break;
        };
        if to.send(state).is_err() {
            // Who looks at them has panicked, which is passed on.
            break;
        }
    }
    Ok(())
}

/// What the states so far told.
#[derive(Default)]
struct Looked {
    gathering: Gathering,
    states: u64,
    last: Option<State>,
    peak: Option<State>,
    before_peak: Option<State>,
}

impl Looked {
    fn look_at(
        &mut self,
        state: State,
        peak_step: Option<StepNumber>,
        each: &mut (dyn FnMut(&State) + Send),
    ) {
        self.states += 1;
        self.gathering.add(&state);
        each(&state);
        let is_peak = Some(state.step) == peak_step;
        let before = self.last.replace(state);
        if is_peak {
            self.peak.clone_from(&self.last);
            self.before_peak = before;
        }
    }
}

#[derive(Default)]
struct Gathering {
    deepest: (u64, Option<Arc<str>>),
    high_water: (u64, Option<StepNumber>),
    largest_frame: Option<(Arc<str>, u64)>,
    locals: FxHashMap<(FrameId, Arc<str>), LocalStory>,
    order: Vec<(FrameId, Arc<str>)>,
    present: FxHashSet<(FrameId, Arc<str>)>,
    blocks: FxHashMap<BlockId, BlockStory>,
}

impl Gathering {
    fn add(&mut self, state: &State) {
        self.add_frames(state);
        self.add_blocks(state);
    }

    fn add_frames(&mut self, state: &State) {
        let mut here = FxHashSet::default();
        for thread in &state.threads {
            let user = || thread.frames.iter().filter(|frame| frame.user);
            let depth = user().count() as u64;
            if depth > self.deepest.0 {
                let innermost = user().next().map(|frame| Arc::clone(&frame.function));
                self.deepest = (depth, innermost);
            }
            if thread.id == ThreadId(1) && thread.stack.used > self.high_water.0 {
                self.high_water = (thread.stack.used, Some(state.step));
            }
            for frame in user() {
                let bytes = frame.high.0.saturating_sub(frame.low.0);
                if self
                    .largest_frame
                    .as_ref()
                    .is_none_or(|(_, largest)| bytes > *largest)
                {
                    self.largest_frame = Some((Arc::clone(&frame.function), bytes));
                }
                for local in &frame.locals {
                    self.add_local(state, frame, local, &mut here);
                }
            }
        }
        for gone in self.present.difference(&here) {
            if let Some(story) = self.locals.get_mut(gone) {
                story.until.get_or_insert_with(|| step_ref(state));
            }
        }
        self.present = here;
    }

    fn add_local(
        &mut self,
        state: &State,
        frame: &stackheap_model::Frame,
        local: &stackheap_model::Local,
        here: &mut FxHashSet<(FrameId, Arc<str>)>,
    ) {
        if local.state != LocalState::Live || local.role == LocalRole::Hidden {
            return;
        }
        let key = (frame.id, Arc::clone(&local.name));
        let text = || {
            local
                .value
                .as_ref()
                .and_then(|value| value.text.clone().ok())
        };
        let order = &mut self.order;
        let story = self.locals.entry(key.clone()).or_insert_with(|| {
            order.push(key.clone());
            LocalStory {
                name: Arc::clone(&local.name),
                function: Arc::clone(&frame.function),
                type_name: Arc::clone(&local.type_name),
                bytes: local.place.size,
                value: text(),
                from: step_ref(state),
                until: None,
                owned: None,
            }
        });
        if story.value.is_none() {
            story.value = text();
        }
        here.insert(key);
    }

    fn add_blocks(&mut self, state: &State) {
        for block in &state.blocks {
            let story = self.blocks.entry(block.id).or_insert_with(|| BlockStory {
                block: block.id,
                bytes: block.size,
                type_name: None,
                value: None,
                owners: Vec::new(),
                allocated_in: None,
                allocated: block.allocated.clone(),
                freed: None,
                strong: None,
            });
            if block.state == BlockState::Freed {
                story.freed.clone_from(&block.freed);
                continue;
            }
            if block.size >= story.bytes || story.value.is_none() {
                story.bytes = story.bytes.max(block.size);
                if let Ok(text) = &block.value.text {
                    story.value = Some(Arc::clone(text));
                }
            }
            if story.type_name.is_none() {
                story.type_name.clone_from(&block.type_name);
            }
            if let Some(counts) = block.counts.filter(|counts| counts.strong > 1) {
                story.strong = Some(story.strong.unwrap_or(0).max(counts.strong));
            }
            let mut named = None;
            for owner in &block.owners {
                let OwnerKind::Local { frame, local } = &owner.kind else {
                    continue;
                };
                if let Some(owner) = self.locals.get_mut(&(*frame, Arc::clone(local))) {
                    owner.owned.get_or_insert((block.id, block.size));
                    named = Some(format!("`{}` of `{}`", owner.name, owner.function));
                }
            }
            if let (Some(named), 1) = (named, block.owners.len())
                && story.owners.last().is_none_or(|last| **last != *named)
            {
                story.owners.push(named.into());
            }
        }
    }

    fn finish(self, program: &Program<'_>, peak: Option<State>, seen: u64) -> Overview {
        let totals = *program.recording.totals();
        let stories: Vec<&LocalStory> = self
            .order
            .iter()
            .filter_map(|key| self.locals.get(key))
            .collect();
        let plain = stories
            .iter()
            .find(|story| story.owned.is_none() && story.bytes > 0);
        let owner = stories.iter().find(|story| story.owned.is_some());
        let mut blocks: Vec<&BlockStory> = self.blocks.values().collect();
        blocks.sort_by_key(|story| story.block);
        let of_user = |story: &&&BlockStory| story.allocated.step.is_some();
        let largest = blocks
            .iter()
            .filter(of_user)
            .max_by_key(|story| story.bytes);
        let life = |story: &BlockStory| {
            let from = story.allocated.step.map_or(0, |step| step.0);
            let until = story.freed.as_ref().and_then(|freed| freed.step);
            until.map_or(u64::MAX, |step| step.0) - from
        };
        let longest = blocks
            .iter()
            .filter(of_user)
            .filter(|story| !story.owners.is_empty())
            .max_by_key(|story| (story.owners.len() > 1, life(story)));
        let shared: Vec<_> = blocks
            .iter()
            .filter(|story| story.strong.is_some())
            .collect();
        let owned = |story: Option<&&BlockStory>| story.map(|&story| story.clone());
        let left = self.left(&totals, seen);
        Overview {
            peak,
            before_peak: None,
            limits: program.limits_in_words(),
            high_water_step: self.high_water.1,
            calls: totals.frames,
            deepest: self.deepest,
            largest_frame: self.largest_frame,
            locals: self.locals.len() as u64,
            owning_locals: stories.iter().filter(|story| story.owned.is_some()).count() as u64,
            local_example: plain.map(|&story| story.clone()),
            owner_example: owner.map(|&story| story.clone()),
            reallocations_moved: 0,
            largest_block: owned(largest),
            longest_block: owned(longest),
            shared_block: owned(shared.iter().max_by_key(|story| story.strong).copied()),
            shared_blocks: shared.len() as u64,
            left,
            steps_looked_at: seen,
            totals,
        }
    }

    fn left(&self, totals: &Totals, seen: u64) -> Result<(u64, u64), Unknown> {
        if seen < totals.steps {
            return Err(Unknown::because(format!(
                "only the first {seen} steps were looked at"
            )));
        }
        Ok((totals.live_blocks, totals.live_bytes))
    }
}

fn step_ref(state: &State) -> StepRef {
    StepRef {
        step: Some(state.step),
        position: state.at.position.clone(),
    }
}
