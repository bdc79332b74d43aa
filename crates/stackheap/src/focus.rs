//! One local or block of a state, with what it reaches and who holds it.

use std::collections::BTreeSet;

use anyhow::bail;
use stackheap_model::{BlockId, EdgeEnd, FrameId, OwnerKind, State};

use crate::arguments::ThingArguments;

/// A thing that edges begin and end in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Local(FrameId, std::sync::Arc<str>),
    Block(BlockId),
    Static(std::sync::Arc<str>),
}

impl Thing {
    fn at(end: &EdgeEnd) -> Option<Self> {
        match end {
            EdgeEnd::Local { frame, local, .. } => Some(Self::Local(*frame, local.clone())),
            EdgeEnd::Block { block, .. } => Some(Self::Block(*block)),
            EdgeEnd::Static { name, .. } => Some(Self::Static(name.clone())),
            EdgeEnd::Symbol { .. } | EdgeEnd::Address { .. } => None,
        }
    }
}

/// Leaves of a state what the user chose: the locals of a name in the innermost frame that has them,
/// or a block; all that is reached from there; and what points at it, for a block up to the locals.
/// Without a choice the state stays whole.
pub fn focus(state: &mut State, chosen: &ThingArguments) -> anyhow::Result<()> {
    let seeds = match (&chosen.local, chosen.block) {
        (None, None) => return Ok(()),
        (Some(name), _) => locals(state, name)?,
        (None, Some(block)) => BTreeSet::from([found_block(state, BlockId(block))?]),
    };
    let mut kept = seeds.clone();
    let holders = match chosen.block {
        Some(_) => spread(&seeds, |thing, take| holders(state, thing, take)),
        None => {
            let mut direct = BTreeSet::new();
            for thing in &seeds {
                holders(state, thing, &mut |holder| {
                    direct.insert(holder);
                });
            }
            direct
        }
    };
    kept.extend(spread(&seeds, |thing, take| reached(state, thing, take)));
    kept.extend(holders);
    leave(state, &kept);
    Ok(())
}

/// Whether a local is one that the user named: `x`, `x#2`, or any of several by the name of all.
pub fn is_named(local: &str, name: &str) -> bool {
    local == name || local.rsplit_once('#').is_some_and(|(base, _)| base == name)
}

fn locals(state: &State, name: &str) -> anyhow::Result<BTreeSet<Thing>> {
    let own = state
        .threads
        .iter()
        .filter(|thread| thread.id == state.thread);
    let others = state
        .threads
        .iter()
        .filter(|thread| thread.id != state.thread);
    for frame in own.chain(others).flat_map(|thread| &thread.frames) {
        let found: BTreeSet<_> = frame
            .locals
            .iter()
            .filter(|local| is_named(&local.name, name))
            .map(|local| Thing::Local(frame.id, local.name.clone()))
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let mut names: Vec<&str> = state
        .threads
        .iter()
        .flat_map(|thread| &thread.frames)
        .filter(|frame| frame.user)
        .flat_map(|frame| &frame.locals)
        .map(|local| &*local.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    bail!(
        "expected a local of step {}, found none called `{name}`; there are {}",
        state.step,
        match names.as_slice() {
            [] => "none at all".to_owned(),
            names => names.join(", "),
        }
    )
}

fn found_block(state: &State, id: BlockId) -> anyhow::Result<Thing> {
    if state.blocks.iter().any(|block| block.id == id) {
        return Ok(Thing::Block(id));
    }
    let more = match state.blocks_left_out {
        0 => String::new(),
        left_out => format!(" ({left_out} more are not listed: too many)"),
    };
    bail!(
        "block #{id} is not on the heap at step {}: `--story --block {id}` tells when it was{more}",
        state.step
    )
}

/// All that `step` leads to from the seeds, over any number of steps.
fn spread(
    seeds: &BTreeSet<Thing>,
    step: impl Fn(&Thing, &mut dyn FnMut(Thing)),
) -> BTreeSet<Thing> {
    let mut found = BTreeSet::new();
    let mut open: Vec<Thing> = seeds.iter().cloned().collect();
    while let Some(thing) = open.pop() {
        step(&thing, &mut |next| {
            if found.insert(next.clone()) {
                open.push(next);
            }
        });
    }
    found
}

fn reached(state: &State, thing: &Thing, take: &mut dyn FnMut(Thing)) {
    for edge in &state.edges {
        if Thing::at(&edge.from).as_ref() == Some(thing)
            && let Some(next) = Thing::at(&edge.to)
        {
            take(next);
        }
    }
}

fn holders(state: &State, thing: &Thing, take: &mut dyn FnMut(Thing)) {
    for edge in &state.edges {
        if Thing::at(&edge.to).as_ref() == Some(thing)
            && let Some(holder) = Thing::at(&edge.from)
        {
            take(holder);
        }
    }
    let Thing::Block(id) = thing else { return };
    let owners = state
        .blocks
        .iter()
        .filter(|block| block.id == *id)
        .flat_map(|block| &block.owners);
    for owner in owners {
        take(match &owner.kind {
            OwnerKind::Local { frame, local } => Thing::Local(*frame, local.clone()),
            OwnerKind::Block { block, .. } => Thing::Block(*block),
            OwnerKind::Temporary { frame, from } => Thing::Local(*frame, from.clone()),
            OwnerKind::Frame { .. } => continue,
            OwnerKind::Static { name } | OwnerKind::Tls { name } => Thing::Static(name.clone()),
        });
    }
}

fn leave(state: &mut State, kept: &BTreeSet<Thing>) {
    for thread in &mut state.threads {
        for frame in &mut thread.frames {
            let id = frame.id;
            frame
                .locals
                .retain(|local| kept.contains(&Thing::Local(id, local.name.clone())));
            frame.other_bytes.clear();
        }
        thread.frames.retain(|frame| !frame.locals.is_empty());
    }
    let current = state.thread;
    state
        .threads
        .retain(|thread| thread.id == current || !thread.frames.is_empty());
    let before = state.blocks.len();
    state
        .blocks
        .retain(|block| kept.contains(&Thing::Block(block.id)));
    state.blocks_left_out += (before - state.blocks.len()) as u64;
    state
        .statics
        .retain(|item| kept.contains(&Thing::Static(item.name.clone())));
    let stays = |end: &EdgeEnd| Thing::at(end).is_none_or(|thing| kept.contains(&thing));
    state
        .edges
        .retain(|edge| stays(&edge.from) && stays(&edge.to));
}
