//! What points where at one stop: blocks with their types, owners and contents, and the edges.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use stackheap_image::StaticPlace;
use stackheap_model::{
    Block, BlockId, BlockState, Counts, Edge, EdgeEnd, EdgeKind, FrameId, LocalState, Owner,
    OwnerKind, Place, Region, RuntimeAddress, StaticItem, StepRef, StopNumber, ThreadId, TypeId,
    TypeKind, Unknown, Value, ValueKind,
};
use stackheap_trace::BlockEntry;

use crate::frames::BuiltFrame;
use crate::moment::Moment;
use crate::ownership::Handed;
use crate::program::Program;
use crate::reading::{Reading, Shown};
use crate::values::{Allocation, Contents, Memory, Pointer, TextEncoding};

/// How much of the heap a state shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapLimits {
    /// Blocks at most.
    pub blocks: usize,
    /// Edges at most.
    pub edges: usize,
    /// Bytes of a block that are given with it.
    pub block_bytes: u64,
    /// Of the blocks that one stretch between two stops allocated, how many are given that nothing
    /// which is shown points at. Code of std and of dependencies may leave thousands, as std does
    /// when it reads the debug information for a backtrace.
    pub unreached_blocks: usize,
}

impl Default for HeapLimits {
    fn default() -> Self {
        Self {
            blocks: 4096,
            edges: 16_384,
            block_bytes: 4096,
            unreached_blocks: 64,
        }
    }
}

/// Blocks among which those to show are looked for in the order of their numbers.
const BLOCKS_SORTED: usize = 1 << 14;

/// What is known of a block from those who point at it.
#[derive(Default)]
struct Known {
    address: RuntimeAddress,
    owners: Vec<Owner>,
    /// The locals among the owners: index of the frame and of the local in it.
    owning_locals: Vec<(usize, usize)>,
    /// Where the owning pointers lie: one that two locals show is one owner.
    owning_places: FxHashSet<RuntimeAddress>,
    shared: bool,
    /// Why no owner can be named, where several seem to be.
    no_owner_because: Option<Arc<str>>,
    contents: Option<Contents>,
    shown: Option<Arc<Shown>>,
    /// Only pointed at: what such a pointer takes it for.
    target_type: Option<TypeId>,
    /// Only pointed at, by one that reaches all of it: what it then contains.
    taken_for: Option<Contents>,
    /// Who points at it without being known to own it.
    pointed_at_by: Option<PointedAtBy>,
    /// What owns it was found by the types of owners alone: what is only taken for its type by a
    /// pointer has no say in it.
    settled: bool,
}

/// A pointer that says nothing of owning.
struct PointedAtBy {
    raw: bool,
    /// It and what it lies in, in words.
    name: String,
}

/// A local that cannot be said to live.
struct Verdict {
    /// Index of the frame, and of the local in it.
    local: (usize, usize),
    /// The block it is about; `None` when the block is gone.
    block: Option<BlockId>,
    claim: Claim,
    why: Unknown,
}

/// What becomes of a local's claim to own a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// It certainly does not own it.
    Refuted,
    /// It or another does: nobody can be named.
    Open,
    /// It may be one of several sharers.
    Possible,
}

/// The heap of one moment.
pub(crate) struct Heap {
    pub blocks: Vec<Block>,
    pub blocks_left_out: u64,
    pub edges: Vec<Edge>,
    pub statics: Vec<StaticItem>,
}

pub(crate) struct HeapBuilder<'m, 'r> {
    pub program: &'m Program<'r>,
    pub moment: &'m Moment<'m, 'r>,
    pub reading: &'m Reading<'m, 'r>,
    pub limits: HeapLimits,
    known: FxHashMap<BlockId, Known>,
    edges: Vec<Edge>,
    statics: Vec<StaticItem>,
    queue: VecDeque<(BlockId, RuntimeAddress, u64)>,
    /// The locals whose destructors have given back what they owned.
    dropped: Vec<(usize, usize)>,
    /// Whether blocks are read that no owner is known of, as what a pointer takes them for.
    beyond_owners: bool,
    /// The places of locals, by address: start, end, frame and local.
    locals: Vec<(u64, u64, usize, usize)>,
    /// For each of them the highest end of it and those before it.
    locals_reach: Vec<u64>,
}

/// From where a pointer is followed.
enum Holder<'h> {
    Local {
        frame: usize,
        local: usize,
    },
    /// An argument on its way, by the local that it was moved from.
    Temporary {
        frame: usize,
        local: usize,
    },
    /// A frame that is not the user's.
    Frame {
        callee: usize,
    },
    Static {
        name: &'h Arc<str>,
        thread_local: bool,
    },
    Block(BlockId),
}

impl<'m, 'r> HeapBuilder<'m, 'r> {
    pub(crate) fn new(
        program: &'m Program<'r>,
        moment: &'m Moment<'m, 'r>,
        reading: &'m Reading<'m, 'r>,
        limits: HeapLimits,
    ) -> Self {
        Self {
            program,
            moment,
            reading,
            limits,
            known: FxHashMap::default(),
            edges: Vec::new(),
            statics: Vec::new(),
            queue: VecDeque::new(),
            dropped: Vec::new(),
            beyond_owners: false,
            locals: Vec::new(),
            locals_reach: Vec::new(),
        }
    }

    /// Follows all pointers, settles which locals can be said to live, and gives the heap.
    pub(crate) fn build(mut self, threads: &mut [(ThreadId, Vec<BuiltFrame>)]) -> Heap {
        // Frames of all threads in one row; the index of a frame is its place there.
        let frames: Vec<&BuiltFrame> = threads.iter().flat_map(|(_, frames)| frames).collect();
        self.index_locals(&frames);
        self.add_statics(&frames);
        for (frame_index, built) in frames.iter().enumerate() {
            for (local_index, more) in built.locals.iter().enumerate() {
                let holder = match more.handed {
                    None => Holder::Local {
                        frame: frame_index,
                        local: local_index,
                    },
                    Some(handed) => {
                        match self.holder_of_handed(&frames, handed, frame_index, local_index) {
                            Some(holder) => holder,
                            None => continue,
                        }
                    }
                };
                for pointer in more.pointers.iter() {
                    self.follow(&frames, &holder, pointer);
                }
            }
        }
        self.follow_blocks(&frames);
        self.follow_pointed_at(&frames);
        let verdicts = self.verdicts(&frames);
        self.carry_out(&frames, &verdicts);
        let (blocks, blocks_left_out) = self.blocks();
        let mut flat: Vec<&mut BuiltFrame> =
            threads.iter_mut().flat_map(|(_, frames)| frames).collect();
        for verdict in verdicts {
            let (frame, local) = verdict.local;
            let Some(built) = flat.get_mut(frame) else {
                continue;
            };
            if let Some(local) = built.frame.locals.get_mut(local) {
                local.state = LocalState::Unknown(verdict.why);
            }
        }
        for (frame, local) in std::mem::take(&mut self.dropped) {
            let built = flat.get_mut(frame);
            if let Some(local) = built.and_then(|built| built.frame.locals.get_mut(local)) {
                local.state = LocalState::Dropped;
                local.value = None;
            }
        }
        self.edges.truncate(self.limits.edges);
        Heap {
            blocks,
            blocks_left_out,
            edges: self.edges,
            statics: self.statics,
        }
    }

    /// Who holds a value that was moved out of a local into a call; `None` where the callee is the
    /// user's own, whose locals tell.
    fn holder_of_handed(
        &self,
        frames: &[&BuiltFrame],
        handed: Handed,
        frame: usize,
        local: usize,
    ) -> Option<Holder<'static>> {
        if handed == Handed::Temporary {
            return Some(Holder::Temporary { frame, local });
        }
        // Innermost first: the callee is the frame before.
        let caller = frames.get(frame)?;
        let callee = frame.checked_sub(1)?;
        let built = frames.get(callee)?;
        let is_callee = !built.frame.user && built.frame.high <= caller.frame.low;
        is_callee.then_some(Holder::Frame { callee })
    }

    fn index_locals(&mut self, frames: &[&BuiltFrame]) {
        for (frame_index, built) in frames.iter().enumerate() {
            for (local_index, local) in built.frame.locals.iter().enumerate() {
                if let (Some(at), true) = (local.place.address, local.place.size > 0) {
                    let end = at.0.saturating_add(local.place.size);
                    self.locals.push((at.0, end, frame_index, local_index));
                }
            }
        }
        self.locals.sort_unstable();
        let mut reach = 0;
        self.locals_reach
            .extend(self.locals.iter().map(|&(_, end, ..)| {
                reach = end.max(reach);
                reach
            }));
    }

    fn add_statics(&mut self, frames: &[&BuiltFrame]) {
        let bias = self.moment.bias;
        for item in self.program.statics() {
            match item.place {
                StaticPlace::Address(at) => {
                    let region = if item.writable {
                        Region::Static
                    } else {
                        Region::Rodata
                    };
                    self.add_static(frames, &item.name, item.ty, bias.to_runtime(at), region);
                }
                StaticPlace::ThreadLocal {
                    from_thread_pointer,
                    ..
                } => {
                    let now = self.moment.state.last_stop();
                    let threads: Vec<_> = self.moment.state.threads.iter().collect();
                    for thread in threads.iter().filter(|thread| !thread.ended) {
                        let pointer = thread.thread_pointer.0;
                        if pointer == 0 {
                            continue;
                        }
                        let at = RuntimeAddress(pointer.wrapping_add_signed(from_thread_pointer));
                        let name: Arc<str> = if thread.last_stop == Some(now) {
                            Arc::clone(&item.name)
                        } else {
                            format!("{} (thread {})", item.name, thread.id).into()
                        };
                        self.add_static(frames, &name, item.ty, at, Region::Tls);
                    }
                }
            }
        }
    }

    fn add_static(
        &mut self,
        frames: &[&BuiltFrame],
        name: &Arc<str>,
        ty: TypeId,
        at: RuntimeAddress,
        region: Region,
    ) {
        let described = self.program.image.ty(ty);
        let shown = self.reading.value(ty, at);
        self.statics.push(StaticItem {
            name: Arc::clone(name),
            type_name: Arc::clone(&described.name),
            place: Place {
                region,
                address: Some(at),
                size: described.size.unwrap_or(0),
                align: described.align,
                note: None,
            },
            value: Arc::clone(&shown.value),
        });
        let holder = Holder::Static {
            name,
            thread_local: region == Region::Tls,
        };
        for pointer in shown.pointers.iter() {
            self.follow(frames, &holder, pointer);
        }
    }

    fn follow(&mut self, frames: &[&BuiltFrame], holder: &Holder<'_>, pointer: &Pointer) {
        let settled = pointer.allocation.as_ref().is_some_and(|allocation| {
            let block = self.own_block(allocation);
            block.is_some_and(|block| self.is_settled(block.id))
        });
        if settled {
            return;
        }
        let from = self.from(frames, holder, pointer);
        let to = self.resolve(frames, pointer);
        if self.edges.len() < self.limits.edges {
            self.edges.push(Edge {
                kind: pointer.kind,
                from,
                to,
                bytes: pointer.covers,
            });
        }
        match &pointer.allocation {
            Some(allocation) => {
                let Some(block) = self.own_block(allocation) else {
                    return;
                };
                let (id, address, size) = (block.id, block.address, block.size);
                let known = self.known.entry(id).or_default();
                known.address = address;
                known.shared |= pointer.kind == EdgeKind::Shares;
                let seen = pointer
                    .at
                    .is_some_and(|at| known.owning_places.contains(&at));
                if pointer.kind != EdgeKind::Weak && !seen {
                    known.owning_places.extend(pointer.at);
                    if let Holder::Local { frame, local } = *holder {
                        known.owning_locals.push((frame, local));
                    }
                    known.owners.push(Owner {
                        kind: owner_kind(frames, holder, pointer),
                        path: Arc::clone(&pointer.path),
                    });
                }
                if known.contents.is_none() {
                    known.contents = Some(allocation.contents.clone());
                    self.queue.push_back((id, address, size));
                }
            }
            None => {
                if let Some(block) = self.moment.state.blocks.containing(pointer.target)
                    && block.address == pointer.target
                {
                    self.point_at(block, frames, holder, pointer);
                }
            }
        }
    }

    /// Notes who points at a block without owning it, and what it takes it for.
    fn point_at(
        &mut self,
        block: &BlockEntry,
        frames: &[&BuiltFrame],
        holder: &Holder<'_>,
        pointer: &Pointer,
    ) {
        let raw = pointer.kind == EdgeKind::Raw;
        let target = pointer.target_type.filter(|&ty| self.says_something(ty));
        let taken_for = self.taken_for(pointer, block.size);
        let known = self.known.entry(block.id).or_default();
        known.address = block.address;
        known.target_type = known.target_type.or(target);
        known.taken_for = known.taken_for.take().or(taken_for);
        // A borrow has an owner elsewhere; a raw pointer may be the owner.
        let is_better = known.pointed_at_by.as_ref().is_none_or(|by| raw && !by.raw);
        if is_better {
            let name = holder_of(frames, holder, pointer);
            known.pointed_at_by = Some(PointedAtBy { raw, name });
        }
        if self.beyond_owners {
            self.read_as_pointed_at(block.id, block.address, block.size);
        }
    }

    /// Whether a pointer to this type tells what is there: one to nothing, or to C's `void`, does
    /// not.
    fn says_something(&self, ty: TypeId) -> bool {
        let ty = self.program.image.ty(ty);
        ty.size != Some(0) && &*ty.name != "core::ffi::c_void"
    }

    /// Whether the owner of a block is found already, by better means than those at hand.
    fn is_settled(&self, id: BlockId) -> bool {
        self.beyond_owners && self.known.get(&id).is_some_and(|known| known.settled)
    }

    /// What a block contains if a pointer is right that reaches just its size.
    fn taken_for(&self, pointer: &Pointer, size: u64) -> Option<Contents> {
        if pointer.covers != Some(size) || size == 0 {
            return None;
        }
        let described = pointer
            .target_type
            .map(|ty| (ty, self.program.image.ty(ty)));
        // A wide pointer that names no type of its target points at a `str`.
        let Some((ty, described)) = described.filter(|(_, ty)| !matches!(ty.kind, TypeKind::Str))
        else {
            return Some(Contents::Bytes {
                encoding: TextEncoding::Utf8,
                initialised: size,
                capacity: size,
            });
        };
        let element = described
            .size
            .filter(|&element| element > 0 && self.says_something(ty))?;
        if element == size {
            return Some(Contents::One { ty, meta: None });
        }
        let count = size / element;
        (count * element == size).then_some(Contents::Elements {
            element: ty,
            first: 0,
            initialised: count,
            capacity: count,
        })
    }

    /// Reads the blocks that no owner is known of, where a pointer reaches just their size, as what
    /// its type says; a list of hand-made nodes is nothing else. What owners said stays.
    fn follow_pointed_at(&mut self, frames: &[&BuiltFrame]) {
        self.beyond_owners = true;
        let mut open = Vec::new();
        for (&id, known) in &mut self.known {
            known.settled = known.contents.is_some();
            if !known.settled {
                open.push((id, known.address));
            }
        }
        open.sort_unstable_by_key(|&(id, _)| id);
        for (id, address) in open {
            if let Some(block) = self.moment.state.blocks.at(address) {
                self.read_as_pointed_at(id, address, block.size);
            }
        }
        self.follow_blocks(frames);
    }

    fn read_as_pointed_at(&mut self, id: BlockId, address: RuntimeAddress, size: u64) {
        let Some(known) = self.known.get_mut(&id) else {
            return;
        };
        if known.contents.is_none() && known.taken_for.is_some() {
            known.contents = known.taken_for.take();
            self.queue.push_back((id, address, size));
        }
    }

    /// Reads each block whose contents are known, once.
    fn follow_blocks(&mut self, frames: &[&BuiltFrame]) {
        // Every block enters the queue at most once, so this ends.
        while let Some((id, address, size)) = self.queue.pop_front() {
            let Some(contents) = self.known.get(&id).and_then(|known| known.contents.clone())
            else {
                continue;
            };
            let shown = self.reading.block(&contents, address, size);
            for pointer in shown.pointers.iter() {
                self.follow(frames, &Holder::Block(id), pointer);
            }
            if let Some(known) = self.known.get_mut(&id) {
                known.shown = Some(shown);
            }
        }
    }

    fn from(&self, frames: &[&BuiltFrame], holder: &Holder<'_>, pointer: &Pointer) -> EdgeEnd {
        let at = pointer.at.unwrap_or_default();
        match *holder {
            Holder::Local { frame, local } => match local_of(frames, frame, local) {
                Some((id, name)) => EdgeEnd::Local {
                    frame: id,
                    local: name,
                    path: Arc::clone(&pointer.path),
                    address: at,
                },
                None => EdgeEnd::Address {
                    region: Region::Stack,
                    address: at,
                },
            },
            // The place it was moved from is not the value's any more, and the one it was moved to
            // has no name.
            Holder::Temporary { .. } | Holder::Frame { .. } => EdgeEnd::Address {
                region: Region::Stack,
                address: at,
            },
            Holder::Static { name, .. } => EdgeEnd::Static {
                name: Arc::clone(name),
                offset: pointer.offset.unwrap_or(0),
                address: at,
            },
            Holder::Block(block) => EdgeEnd::Block {
                block,
                offset: pointer.offset.unwrap_or(0),
                path: Arc::clone(&pointer.path),
            },
        }
    }

    fn resolve(&mut self, frames: &[&BuiltFrame], pointer: &Pointer) -> EdgeEnd {
        let target = pointer.target;
        if let Some(block) = self.moment.state.blocks.containing(target) {
            return EdgeEnd::Block {
                block: block.id,
                offset: target.0 - block.address.0,
                path: "".into(),
            };
        }
        if let Some((frame, local)) = self.local_at(frames, target) {
            return EdgeEnd::Local {
                frame,
                local,
                path: "".into(),
                address: target,
            };
        }
        let region = self.moment.region(target);
        let here = self.moment.bias.to_image(target);
        if matches!(pointer.kind, EdgeKind::Fn | EdgeKind::Vtable) || region == Region::Code {
            let name = match pointer.kind {
                EdgeKind::Vtable => self.program.image.vtable_at(here).map(|vtable| vtable.name),
                _ => self.program.image.function_name_at(here),
            };
            if let Some(name) = name {
                return EdgeEnd::Symbol {
                    name,
                    address: target,
                };
            }
        }
        if matches!(region, Region::Static | Region::Rodata | Region::Tls) {
            return self.resolve_static(pointer, region);
        }
        EdgeEnd::Address {
            region,
            address: target,
        }
    }

    /// The local at an address; of several the one that begins last.
    fn local_at(
        &self,
        frames: &[&BuiltFrame],
        target: RuntimeAddress,
    ) -> Option<(stackheap_model::FrameId, Arc<str>)> {
        let behind = self
            .locals
            .partition_point(|&(start, ..)| start <= target.0);
        let before = self
            .locals
            .iter()
            .zip(&self.locals_reach)
            .take(behind)
            .rev();
        let &(_, _, frame, local) = before
            .take_while(|&(_, &reach)| target.0 < reach)
            .map(|(place, _)| place)
            .find(|&&(_, end, ..)| target.0 < end)?;
        local_of(frames, frame, local)
    }

    fn resolve_static(&mut self, pointer: &Pointer, region: Region) -> EdgeEnd {
        let target = pointer.target;
        let inside = self.statics.iter().find(|item| {
            let start = item.place.address.unwrap_or_default().0;
            start <= target.0 && target.0 < start + item.place.size
        });
        if let Some(item) = inside {
            let start = item.place.address.unwrap_or_default();
            return EdgeEnd::Static {
                name: Arc::clone(&item.name),
                offset: target.0 - start.0,
                address: target,
            };
        }
        let size = pointer.covers.unwrap_or(0);
        if size == 0 {
            return EdgeEnd::Address {
                region,
                address: target,
            };
        }
        let (value, type_name) = self.read_only_value(pointer, size);
        let name: Arc<str> = match &value.text {
            Ok(text) => Arc::clone(text),
            Err(_) => format!("data at {target}").into(),
        };
        self.statics.push(StaticItem {
            name: Arc::clone(&name),
            type_name,
            place: Place {
                region,
                address: Some(target),
                size,
                align: None,
                note: None,
            },
            value,
        });
        EdgeEnd::Static {
            name,
            offset: 0,
            address: target,
        }
    }

    fn read_only_value(&self, pointer: &Pointer, size: u64) -> (Arc<Value>, Arc<str>) {
        // A wide pointer that covers bytes but names no type of its target points at a `str`.
        let described = pointer
            .target_type
            .map(|ty| (ty, self.program.image.ty(ty)));
        let Some((ty, described)) = described.filter(|(_, ty)| !matches!(ty.kind, TypeKind::Str))
        else {
            return (
                Arc::new(self.text_at(pointer.target, size)),
                Arc::from("str"),
            );
        };
        let name = Arc::clone(&described.name);
        if described
            .size
            .is_some_and(|element| element > 0 && element < size)
        {
            let count = size / described.size.unwrap_or(1);
            let contents = Contents::Elements {
                element: ty,
                first: 0,
                initialised: count,
                capacity: count,
            };
            let shown = self.reading.block(&contents, pointer.target, size);
            return (Arc::clone(&shown.value), format!("[{name}]").into());
        }
        let shown = self.reading.value(ty, pointer.target);
        (Arc::clone(&shown.value), name)
    }

    fn text_at(&self, at: RuntimeAddress, size: u64) -> Value {
        const SHOWN_BYTES: u64 = 4096;
        match self.moment.read(at, size.min(SHOWN_BYTES) as usize) {
            Ok(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => Value::text(ValueKind::String, format!("{text:?}")),
                Err(_) => Value::unknown(ValueKind::String, "not valid UTF-8"),
            },
            Err(why) => Value::unknown(ValueKind::String, why.reason),
        }
    }

    /// Which locals cannot be said to live, and why: those whose block is gone, and those that hold
    /// the same block as another without sharing it.
    fn verdicts(&mut self, frames: &[&BuiltFrame]) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (frame, built) in frames.iter().enumerate() {
            for (local, more) in built.locals.iter().enumerate() {
                let shown = built.frame.locals.get(local);
                let may_live =
                    |state: &LocalState| matches!(state, LocalState::Live | LocalState::Unknown(_));
                let gone = more
                    .pointers
                    .iter()
                    .filter(|_| shown.is_some_and(|shown| may_live(&shown.state)))
                    .find_map(|pointer| self.why_gone(pointer));
                if gone.is_some() && more.is_dropping {
                    self.dropped.push((frame, local));
                } else if let Some(gone) = gone {
                    let how = if more.is_certain {
                        "the compiler still counts on its value, which `ManuallyDrop` and code in `unsafe` can drop without its knowledge"
                    } else {
                        "its value was moved on or dropped; the debug information does not tell which"
                    };
                    let why = format!("{gone}: {how}");
                    verdicts.push(Verdict {
                        local: (frame, local),
                        block: None,
                        claim: Claim::Refuted,
                        why: Unknown::because(why),
                    });
                }
            }
        }
        let mut ids: Vec<BlockId> = self.known.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(known) = self.known.get(&id) {
                self.judge_block(frames, id, known, &mut verdicts);
            }
        }
        self.judge_handed_on(frames, &mut verdicts);
        verdicts
    }

    /// A local whose block nobody else is seen to hold may still have been handed on: to a place
    /// that is not observed, such as a frame of the standard library.
    fn judge_handed_on(&self, frames: &[&BuiltFrame], verdicts: &mut Vec<Verdict>) {
        let judged: FxHashSet<_> = verdicts.iter().map(|verdict| verdict.local).collect();
        for (frame, built) in frames.iter().enumerate() {
            for (local, more) in built.locals.iter().enumerate() {
                let Some(line) = more.named_by_value else {
                    continue;
                };
                let live = built.frame.locals.get(local).map(|shown| &shown.state);
                let is_known = judged.contains(&(frame, local)) || more.is_certain;
                if is_known || live != Some(&LocalState::Live) {
                    continue;
                }
                let owned = more.pointers.iter().find_map(|pointer| {
                    let allocation = pointer.allocation.as_ref()?;
                    let owning = matches!(pointer.kind, EdgeKind::Owns | EdgeKind::Shares);
                    let block = self.own_block(allocation).filter(|_| owning)?;
                    Some((block.id, pointer.kind))
                });
                let Some((block, kind)) = owned else { continue };
                let claim = if kind == EdgeKind::Shares {
                    Claim::Possible
                } else {
                    Claim::Open
                };
                let why = format!(
                    "it is named by value in line {line}: its value was moved there if that line ran, and the debug information does not tell"
                );
                verdicts.push(Verdict {
                    local: (frame, local),
                    block: Some(block),
                    claim,
                    why: Unknown::because(why),
                });
            }
        }
    }

    /// The block that a value allocated and still owns. A block of another size at the same address
    /// is a later one: memory is given back with the layout that it was asked for.
    fn own_block(&self, allocation: &Allocation) -> Option<&'m BlockEntry> {
        let block = self.moment.state.blocks.at(allocation.start)?;
        let is_own =
            block.reallocating.is_some() || allocation.size.is_none_or(|size| size == block.size);
        is_own.then_some(block)
    }

    /// What became of the block that a pointer owned, where that is not there any more. What was
    /// never captured may belong to another allocator, which is not observed.
    fn why_gone(&self, pointer: &Pointer) -> Option<String> {
        let allocation = pointer.allocation.as_ref()?;
        let was_there = self.moment.state.memory.is_known(allocation.start, 1);
        if pointer.kind == EdgeKind::Weak || !was_there || self.own_block(allocation).is_some() {
            return None;
        }
        let now = self.moment.state.blocks.at(allocation.start);
        Some(match (now, allocation.size) {
            (Some(now), Some(size)) => format!(
                "the heap block at its address, #{}, has {} bytes and not the {size} that it owned",
                now.id, now.size
            ),
            _ => "the heap block it owned is freed".to_owned(),
        })
    }

    fn judge_block(
        &self,
        frames: &[&BuiltFrame],
        id: BlockId,
        known: &Known,
        verdicts: &mut Vec<Verdict>,
    ) {
        let strong = self.counts(known).map(|counts| counts.strong as usize);
        let mut holders = known.owning_locals.clone();
        holders.dedup();
        let others = known.owners.len().saturating_sub(known.owning_locals.len());
        if holders.is_empty() || holders.len() + others <= strong.unwrap_or(1) {
            return;
        }
        // The later a local got its value, the further the value has been moved on. A frame's index
        // grows outwards, a local's with its place in the source.
        holders.sort_by_key(|&(frame, local)| (std::cmp::Reverse(frame), local));
        let built = |&(frame, local): &(usize, usize)| {
            frames
                .get(frame)
                .and_then(|built: &&BuiltFrame| built.locals.get(local))
        };
        // What the compiler says to live does, and what was never named since it got its value, but
        // in borrows, still has it.
        let certain = |at: &(usize, usize)| built(at).is_some_and(|local| local.is_certain);
        let untouched =
            |at: &(usize, usize)| built(at).is_some_and(|local| local.untouched) || certain(at);
        // What can be neither assigned nor borrowed mutably cannot have got its value back.
        let fixed = |at: &(usize, usize)| built(at).is_some_and(|local| !local.mutable);
        let keepers = holders.iter().filter(|at| untouched(at)).count();
        let newest = holders.last().copied();
        let moved_on = || {
            holders
                .iter()
                .filter(|at| !untouched(at))
                .copied()
                .collect()
        };
        let (mut losers, claim): (Vec<_>, Claim) = match strong {
            Some(strong) if keepers == strong => (moved_on(), Claim::Refuted),
            Some(_) => (moved_on(), Claim::Possible),
            None if keepers == 1 && others == 0 => (moved_on(), Claim::Refuted),
            None if others == 0 && holders.iter().rev().skip(1).all(fixed) => {
                let older = holders.iter().filter(|&&at| Some(at) != newest);
                (older.copied().collect(), Claim::Refuted)
            }
            None if others > 0 && holders.iter().all(fixed) => (holders.clone(), Claim::Refuted),
            None => (holders.clone(), Claim::Open),
        };
        losers.retain(|at| !certain(at));
        for &at in &losers {
            // Where it is known that these lost it, no other of them owns it either.
            let named = |other: &&(usize, usize)| match (strong, claim) {
                (None, Claim::Refuted) => !losers.contains(other),
                _ => **other != at,
            };
            let names: Vec<String> = holders
                .iter()
                .filter(named)
                .filter_map(|&(frame, local)| local_of(frames, frame, local))
                .map(|(_, name)| format!("`{name}`"))
                .collect();
            verdicts.push(Verdict {
                local: at,
                block: Some(id),
                claim,
                why: Unknown::because(why_not_certain(id, strong, others, &names, claim)),
            });
        }
    }

    /// Takes what a local without a certain value seems to own away from it.
    fn carry_out(&mut self, frames: &[&BuiltFrame], verdicts: &[Verdict]) {
        // For each local, by frame and name: the blocks that are taken away; `None` for all.
        let mut taken: FxHashMap<(FrameId, Arc<str>), Vec<Option<BlockId>>> = FxHashMap::default();
        for verdict in verdicts
            .iter()
            .filter(|verdict| verdict.claim != Claim::Possible)
        {
            let (frame, local) = verdict.local;
            let Some((frame, local)) = local_of(frames, frame, local) else {
                continue;
            };
            let blocks = taken.entry((frame, Arc::clone(&local))).or_default();
            blocks.push(verdict.block);
            let Some(known) = verdict.block.and_then(|block| self.known.get_mut(&block)) else {
                continue;
            };
            if verdict.claim == Claim::Refuted {
                known.owners.retain(|owner| {
                    !matches!(&owner.kind, OwnerKind::Local { frame: of, local: name }
                        if *of == frame && *name == local)
                });
            } else {
                known.owners.clear();
                known
                    .no_owner_because
                    .get_or_insert_with(|| Arc::clone(&verdict.why.reason));
            }
        }
        if taken.is_empty() {
            return;
        }
        self.edges.retain(|edge| {
            let (EdgeKind::Owns | EdgeKind::Shares, EdgeEnd::Local { frame, local, .. }) =
                (edge.kind, &edge.from)
            else {
                return true;
            };
            let Some(blocks) = taken.get(&(*frame, Arc::clone(local))) else {
                return true;
            };
            let to = match edge.to {
                EdgeEnd::Block { block, .. } => Some(block),
                _ => None,
            };
            !blocks.iter().any(|block| block.is_none() || *block == to)
        });
    }

    fn counts(&self, known: &Known) -> Option<Counts> {
        if !known.shared {
            return None;
        }
        let facts = &known.shown.as_ref()?.value.facts;
        let number = |name: &str| {
            let fact = facts.iter().find(|(key, _)| &**key == name);
            fact.and_then(|(_, text)| text.parse().ok())
        };
        Some(Counts {
            strong: number("strong")?,
            weak: number("weak")?,
        })
    }

    fn blocks(&self) -> (Vec<Block>, u64) {
        let blocks = &self.moment.state.blocks;
        // Those that something points at first: they are what the program's own values reach.
        let reached = self.known.values();
        let mut shown: Vec<&BlockEntry> = reached
            .filter_map(|known| blocks.at(known.address))
            .collect();
        shown.sort_unstable_by_key(|entry| entry.id);
        shown.truncate(self.limits.blocks);
        shown.extend(self.unreached_blocks(self.limits.blocks - shown.len()));
        shown.sort_unstable_by_key(|entry| entry.id);
        let left_out = (blocks.len() - shown.len()) as u64;
        let blocks = shown.into_iter().map(|entry| self.block(entry)).collect();
        (blocks, left_out)
    }

    /// At most `room` of the blocks that nothing shown points at, and of those that were allocated
    /// between the same two stops the first ones.
    fn unreached_blocks(&self, room: usize) -> Vec<&'m BlockEntry> {
        let blocks = &self.moment.state.blocks;
        let all: Vec<&BlockEntry> = if blocks.len() <= BLOCKS_SORTED {
            blocks.by_number()
        } else {
            // Of millions of blocks not all are looked at for each state.
            blocks.iter().take(BLOCKS_SORTED).collect()
        };
        let mut of_stretch: FxHashMap<StopNumber, usize> = FxHashMap::default();
        let few = |entry: &&BlockEntry| {
            let count = of_stretch.entry(entry.allocated().stop).or_default();
            *count += 1;
            *count <= self.limits.unreached_blocks
        };
        let unreached = all
            .into_iter()
            .filter(|entry| !self.known.contains_key(&entry.id));
        unreached.filter(few).take(room).collect()
    }

    fn block(&self, entry: &BlockEntry) -> Block {
        let known = self.known.get(&entry.id);
        let shown = known.and_then(|known| known.shown.as_deref());
        let bytes = self.captured_prefix(entry);
        let (value, cells) = match shown {
            Some(shown) => (Arc::clone(&shown.value), Arc::clone(&shown.cells)),
            None => {
                let why = why_only_pointed_at(known);
                (Arc::new(raw_value(entry, &bytes, &why)), Arc::default())
            }
        };
        let type_name = shown.and_then(|shown| shown.type_name.clone()).or_else(|| {
            let target = known?.target_type?;
            Some(Arc::clone(&self.program.image.ty(target).name))
        });
        let now = self.moment.state.last_stop();
        let owners = known.map(|known| known.owners.clone()).unwrap_or_default();
        let no_owner_because = owners.is_empty().then(|| {
            let because = known.and_then(|known| known.no_owner_because.clone());
            let because = because.unwrap_or_else(|| self.why_no_owner(entry, known));
            let at = self.moment.bias.to_image(entry.return_address);
            // Of what was there before the first step, that it is the standard library's says more.
            let first = entry.allocated().step.is_some();
            match self.program.allocating_function(at).filter(|_| first) {
                Some(function) => format!("{because}; `{function}` allocated it").into(),
                None => because,
            }
        });
        Block {
            id: entry.id,
            address: entry.address,
            size: entry.size,
            align: entry.align(),
            type_name,
            state: BlockState::Live,
            as_of: entry.as_of(now).and_then(|stop| self.step_of(stop, now)),
            owners,
            no_owner_because,
            counts: known.and_then(|known| self.counts(known)),
            thread: entry.thread,
            allocated: StepRef {
                step: entry.allocated().step,
                position: self.position_of(entry.allocated().stop),
            },
            freed: None,
            value,
            bytes,
            cells,
        }
    }

    fn step_of(&self, stop: StopNumber, now: StopNumber) -> Option<stackheap_model::StepNumber> {
        if stop == now {
            let step = self
                .moment
                .state
                .threads
                .iter()
                .filter(|t| t.last_stop == Some(now));
            return step.filter_map(|thread| thread.last_step).next();
        }
        self.program.recording.step_of_stop(stop)
    }

    fn position_of(&self, stop: StopNumber) -> Option<stackheap_model::Position> {
        self.program.stop_position(stop)
    }

    fn why_no_owner(&self, entry: &BlockEntry, known: Option<&Known>) -> Arc<str> {
        if entry.allocated().step.is_none() {
            return "allocated before the first step, by the standard library's start-up code"
                .into();
        }
        if entry.as_of(self.moment.state.last_stop()).is_none() {
            return "nothing captured points at it".into();
        }
        why_only_pointed_at(known)
    }

    fn captured_prefix(&self, entry: &BlockEntry) -> Vec<u8> {
        let wanted = entry.size.min(self.limits.block_bytes);
        let known = self.moment.state.memory.known_prefix(entry.address, wanted);
        self.moment
            .state
            .memory
            .read(entry.address, known)
            .unwrap_or_default()
    }
}

const NO_KNOWN_OWNER: &str = "no local, static or block that is known to own memory points at it";

/// Why the owner of a block that was captured is not known.
fn why_only_pointed_at(known: Option<&Known>) -> Arc<str> {
    let Some(by) = known.and_then(|known| known.pointed_at_by.as_ref()) else {
        return NO_KNOWN_OWNER.into();
    };
    let why = match by.raw {
        true => format!(
            "{} points at it, and does not tell whether it owns",
            by.name
        ),
        false => format!("{} borrows it, and {NO_KNOWN_OWNER}", by.name),
    };
    why.into()
}

/// What a pointer lies in, in words.
fn holder_of(frames: &[&BuiltFrame], holder: &Holder<'_>, pointer: &Pointer) -> String {
    let kind = match pointer.kind {
        EdgeKind::Raw => "a raw pointer",
        _ => "a reference",
    };
    match *holder {
        Holder::Local { frame, local } => match local_of(frames, frame, local) {
            Some((_, name)) if pointer.path.is_empty() => format!("{kind}, `{name}`,"),
            Some((_, name)) => format!("{kind} in `{name}`"),
            None => kind.to_owned(),
        },
        Holder::Temporary { frame, local } => match local_of(frames, frame, local) {
            Some((_, name)) => format!("{kind} that was moved out of `{name}`"),
            None => kind.to_owned(),
        },
        Holder::Frame { callee } => match frames.get(callee) {
            Some(built) => format!("{kind} in `{}`", built.frame.function),
            None => kind.to_owned(),
        },
        Holder::Static { name, .. } => format!("{kind} in `{name}`"),
        Holder::Block(id) => format!("{kind} in block #{id}"),
    }
}

/// Why a local that points at a block need not own it.
fn why_not_certain(
    id: BlockId,
    strong: Option<usize>,
    others: usize,
    names: &[String],
    claim: Claim,
) -> String {
    let mut names = names.to_vec();
    if others > 0 {
        names.push("another place".to_owned());
    }
    let several = names.len() > 1;
    let of_many = |one: &'static str, many: &'static str| if several { many } else { one };
    let names = names.join(" and ");
    match strong {
        Some(0) => format!(
            "heap block #{id} has no strong owner left, so this one was moved or dropped; the debug information does not tell which"
        ),
        Some(strong) => format!(
            "heap block #{id} has a strong count of {strong}, but {names} {} at it too: one of them was moved or dropped, and the debug information does not tell which",
            of_many("points", "point")
        ),
        None if claim == Claim::Refuted => format!(
            "holds heap block #{id}, which {names} {}: its value was moved; the debug information does not tell when",
            of_many("owns", "own")
        ),
        None => format!(
            "holds heap block #{id}, as {names} {}: one of them was moved from, and the debug information does not tell which",
            of_many("does", "do")
        ),
    }
}

fn raw_value(entry: &BlockEntry, bytes: &[u8], why: &str) -> Value {
    if bytes.is_empty() && entry.size > 0 {
        return Value::unknown(
            ValueKind::Raw,
            "not captured: nothing captured points at it",
        );
    }
    let why = format!("its type is not known: {why}");
    Value::unknown(ValueKind::Raw, why.as_str())
}

fn local_of(
    frames: &[&BuiltFrame],
    frame: usize,
    local: usize,
) -> Option<(stackheap_model::FrameId, Arc<str>)> {
    let built = frames.get(frame)?;
    let local = built.frame.locals.get(local)?;
    Some((built.frame.id, Arc::clone(&local.name)))
}

fn owner_kind(frames: &[&BuiltFrame], holder: &Holder<'_>, pointer: &Pointer) -> OwnerKind {
    match *holder {
        Holder::Local { frame, local } => match local_of(frames, frame, local) {
            Some((frame, local)) => OwnerKind::Local { frame, local },
            None => OwnerKind::Static {
                name: "unknown".into(),
            },
        },
        Holder::Temporary { frame, local } => match local_of(frames, frame, local) {
            Some((frame, from)) => OwnerKind::Temporary { frame, from },
            None => OwnerKind::Static {
                name: "unknown".into(),
            },
        },
        Holder::Frame { callee } => match frames.get(callee) {
            Some(built) => OwnerKind::Frame {
                frame: built.frame.id,
                function: Arc::clone(&built.frame.function),
            },
            None => OwnerKind::Static {
                name: "unknown".into(),
            },
        },
        Holder::Static {
            name,
            thread_local: true,
        } => OwnerKind::Tls {
            name: Arc::clone(name),
        },
        Holder::Static {
            name,
            thread_local: false,
        } => OwnerKind::Static {
            name: Arc::clone(name),
        },
        Holder::Block(block) => OwnerKind::Block {
            block,
            offset: pointer.offset.unwrap_or(0),
        },
    }
}
