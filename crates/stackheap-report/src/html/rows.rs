//! States as rows of a pool. Most of a state is as it was in the state before; what did not change
//! is neither written again nor made into JSON again.

use rustc_hash::{FxHashMap, FxHashSet};
use stackheap_explain::Owners;
use stackheap_model::{
    Block, BlockId, BlockState, Edge, Frame, FrameId, Local, State, StaticItem, StepNumber,
};

use super::label::{self, EdgeWords};
use super::pool::{Pool, Row};
use super::trim::trim;
use crate::json;
use crate::look::Look;
use crate::tree::{Tree, object};

/// What was made of a block, static or edge when it was last seen.
struct Made<T, W = Vec<String>> {
    from: T,
    /// The words that came from elsewhere in the state.
    words: W,
    item: usize,
}

/// What was made of a frame when it was last seen.
struct MadeFrame {
    from: Frame,
    /// For each local: the words that came from elsewhere in the state, and the item.
    locals: Vec<(Option<String>, usize)>,
    item: usize,
}

/// How many edges of the state before are looked through for one of this state: so many may be
/// gone at one place.
const EDGES_AHEAD: usize = 8;

/// Makes rows.
#[derive(Default)]
pub(super) struct Rows {
    pool: Pool,
    blocks: FxHashMap<BlockId, Made<Block>>,
    frames: FxHashMap<FrameId, MadeFrame>,
    statics: FxHashMap<String, Made<StaticItem>>,
    /// Those of the state before, in their order.
    edges: Vec<Made<Edge, EdgeWords>>,
    owners: Option<Owners>,
}

impl Rows {
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The row of a state. `output` stands for what the program wrote.
    pub(super) fn row(&mut self, state: &State, output: &Tree<'_>) -> String {
        let look = Look::new(state);
        let mut row = Row::default();
        let mut head = json::head(state, &look.names);
        self.add_handovers(&mut head, state);
        if let Tree::Object(members) = &head {
            for (name, member) in members.iter() {
                row.value(&mut self.pool, name, member);
            }
        }
        row.value(&mut self.pool, "output", output);
        let mut threads = Vec::with_capacity(state.threads.len());
        for thread in &state.threads {
            let mut inner = Row::default();
            let shown = json::thread_head(thread);
            if let Tree::Object(members) = &shown {
                for (name, member) in members.iter() {
                    inner.value(&mut self.pool, name, member);
                }
            }
            let user = thread.frames.iter().filter(|frame| frame.user);
            let frames: Vec<_> = user.map(|frame| self.frame(frame, &look)).collect();
            inner.list(
                &mut self.pool,
                "frames",
                &format!("frames of {}", thread.id),
                frames,
            );
            threads.push(inner.finish(&mut self.pool));
        }
        row.rows("threads", &threads);
        let blocks = state
            .blocks
            .iter()
            .map(|block| self.block(block, &look))
            .collect();
        row.list(&mut self.pool, "blocks", "blocks", blocks);
        let statics = state
            .statics
            .iter()
            .map(|item| self.static_item(item))
            .collect();
        row.list(&mut self.pool, "statics", "statics", statics);
        let edges = self.edges(state, &look);
        row.list(&mut self.pool, "edges", "edges", edges);
        self.forget_what_is_gone(state);
        row.finish(&mut self.pool)
    }

    /// Ownership that passed since the state before, as events beside the others.
    fn add_handovers(&mut self, head: &mut Tree<'_>, state: &State) {
        let now = Owners::of(state);
        let before = self.owners.replace(now);
        let (Some(before), Some(now)) = (before, &self.owners) else {
            return;
        };
        let Some(events) = head.list_mut("events") else {
            return;
        };
        for passed in before.handovers(now) {
            let words = stackheap_explain::handover(&passed);
            events.push(object! {
                "kind": "handover",
                "block": passed.block.0,
                "text": words.text,
                "because": words.because,
            });
        }
    }

    fn frame(&mut self, frame: &Frame, look: &Look<'_>) -> usize {
        let stale: Vec<Option<String>> = frame
            .locals
            .iter()
            .map(|local| look.stale(frame.id, local))
            .collect();
        if let Some(made) = self.frames.get(&frame.id)
            && made.from == *frame
            && made.locals.iter().map(|(words, _)| words).eq(&stale)
        {
            return made.item;
        }
        let made = self.frames.remove(&frame.id);
        let mut locals = Vec::with_capacity(frame.locals.len());
        for (index, (local, stale)) in frame.locals.iter().zip(stale).enumerate() {
            let before = made.as_ref().and_then(|made| {
                let from = made.from.locals.get(index)?;
                let (words, item) = made.locals.get(index)?;
                (from == local && *words == stale).then_some(*item)
            });
            let item = before.unwrap_or_else(|| self.local(local, stale.as_deref()));
            locals.push((stale, item));
        }
        let stored = locals.iter().map(|(_, item)| Tree::Stored(*item));
        let mut shown = json::frame_with(frame, Tree::list(stored));
        label::frame(&mut shown, frame);
        let item = self.pool.add(&shown);
        let from = frame.clone();
        self.frames
            .insert(frame.id, MadeFrame { from, locals, item });
        item
    }

    fn local(&mut self, local: &Local, stale: Option<&str>) -> usize {
        let mut shown = json::local(local);
        label::local(&mut shown, local, stale);
        trim(&mut shown);
        self.pool.add(&shown)
    }

    /// The edges. Most are those of the state before, in the same order.
    fn edges(&mut self, state: &State, look: &Look<'_>) -> Vec<usize> {
        let mut before = std::mem::take(&mut self.edges).into_iter();
        let mut made = Vec::with_capacity(state.edges.len());
        for edge in &state.edges {
            let words = label::edge_words(edge, look);
            let ahead = before.as_slice().iter().take(EDGES_AHEAD);
            let known = ahead
                .enumerate()
                .find(|(_, made)| made.from == *edge && made.words == words)
                .map(|(index, _)| index);
            made.push(match known.and_then(|index| before.nth(index)) {
                Some(known) => known,
                None => {
                    let mut shown = json::edge(edge);
                    label::edge(&mut shown, edge, &words);
                    let item = self.pool.add(&shown);
                    let from = edge.clone();
                    Made { from, words, item }
                }
            });
        }
        let items = made.iter().map(|made| made.item).collect();
        self.edges = made;
        items
    }

    fn block(&mut self, block: &Block, look: &Look<'_>) -> usize {
        let words = label::owner_words(block, look);
        let read = as_read(block, look.state.step);
        if let Some(made) = self.blocks.get(&block.id)
            && same(&made.from, block, read)
            && made.words == words
        {
            return made.item;
        }
        let mut shown = json::block(block, &look.names);
        label::block(&mut shown, block, &words, read);
        trim(&mut shown);
        let item = self.pool.add(&shown);
        let mut from = block.clone();
        from.as_of = read;
        self.blocks.insert(block.id, Made { from, words, item });
        item
    }

    fn static_item(&mut self, item: &StaticItem) -> usize {
        // Two items may have one name; then only the last one is found again.
        let name = item.name.to_string();
        if let Some(made) = self.statics.get(&name)
            && made.from == *item
        {
            return made.item;
        }
        let mut shown = json::static_item(item);
        label::static_item(&mut shown, item);
        trim(&mut shown);
        let number = self.pool.add(&shown);
        let made = Made {
            from: item.clone(),
            words: Vec::new(),
            item: number,
        };
        self.statics.insert(name, made);
        number
    }

    /// Frames and blocks that are gone never come back: their numbers are unique.
    fn forget_what_is_gone(&mut self, state: &State) {
        let frames = state.threads.iter().map(|thread| thread.frames.len());
        if self.frames.len() > 64 + 2 * frames.sum::<usize>() {
            let threads = state.threads.iter();
            let here: FxHashSet<_> = threads
                .flat_map(|thread| &thread.frames)
                .map(|frame| frame.id)
                .collect();
            self.frames.retain(|id, _| here.contains(id));
        }
        if self.blocks.len() > 64 + 2 * state.blocks.len() {
            let live = state
                .blocks
                .iter()
                .filter(|block| block.state == BlockState::Live);
            let here: FxHashSet<_> = live.map(|block| block.id).collect();
            self.blocks.retain(|id, _| here.contains(id));
        }
    }
}

/// When a block's bytes were read; a step number that cannot be stands for "at this step", since
/// most blocks are read at each step and would otherwise be another one in each state.
fn as_read(block: &Block, now: StepNumber) -> Option<StepNumber> {
    if block.as_of == Some(now) {
        return Some(label::THIS_STEP);
    }
    block.as_of
}

/// Whether `now`, read at `read`, is what it was.
fn same(before: &Block, now: &Block, read: Option<StepNumber>) -> bool {
    // Every member is named, so that a new one cannot be forgotten here.
    let Block {
        id,
        address,
        size,
        align,
        type_name,
        state,
        as_of: _,
        owners,
        no_owner_because,
        counts,
        thread,
        allocated,
        freed,
        value,
        bytes,
        cells,
    } = now;
    before.as_of == read
        && before.id == *id
        && before.address == *address
        && before.size == *size
        && before.align == *align
        && before.type_name == *type_name
        && before.state == *state
        && before.owners == *owners
        && before.no_owner_because == *no_owner_because
        && before.counts == *counts
        && before.thread == *thread
        && before.allocated == *allocated
        && before.freed == *freed
        && before.bytes == *bytes
        && before.value == *value
        && before.cells == *cells
}
