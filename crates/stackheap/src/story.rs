//! `show --story`: the life of one local or block, from what was measured.

use std::collections::BTreeSet;

use anyhow::bail;
use stackheap_explain::{Owners, Story, StoryEntry, entry, handover};
use stackheap_interpret::{Program, StateLimits, Walk};
use stackheap_model::{
    BlockId, Event, EventKind, FrameId, MoveTarget, Owner, OwnerKind, PlaceRef, State,
};
use stackheap_report::{markdown, text};

use crate::arguments::{Format, ShowArguments};
use crate::{focus, show};

/// Entries of a story at most.
const ENTRIES: usize = 500;

pub fn story(program: &Program<'_>, arguments: &ShowArguments) -> anyhow::Result<String> {
    let told = match (&arguments.thing.local, arguments.thing.block) {
        (_, Some(block)) => block_story(program, BlockId(block))?,
        (Some(name), None) => local_story(program, name)?,
        (None, None) => bail!("expected --local NAME or --block N with --story, found neither"),
    };
    match arguments.format {
        Format::Markdown => Ok(markdown::story(&told)),
        Format::Text => Ok(text::story(&told, &show::options(arguments, &[]))),
        Format::Json | Format::Svg => {
            bail!("a story has the formats text and markdown; leave `--format` away")
        }
    }
}

fn block_story(program: &Program<'_>, block: BlockId) -> anyhow::Result<Story> {
    let mut story = Story {
        subject: format!("block #{block}"),
        ..Story::default()
    };
    let mut owners: BTreeSet<String> = BTreeSet::new();
    let mut walk = Walk::new(program, StateLimits::default());
    while let Some(state) = walk.next_state()? {
        for event in state.events.iter().chain(&state.after) {
            let its = match &event.kind {
                EventKind::Alloc { block: id, .. }
                | EventKind::Realloc { block: id, .. }
                | EventKind::Free { block: id, .. }
                | EventKind::Count { block: id, .. } => *id == block,
                _ => false,
            };
            if its {
                push(&mut story, entry(event, &state));
            }
        }
        for told in new_owners(&state, block, &mut owners) {
            push(&mut story, told);
        }
    }
    if story.entries.is_empty() {
        bail!(
            "there is no block {block} in the recorded steps: blocks are numbered in the order of allocation, 1 to {}",
            program.recording.totals().allocations
        );
    }
    Ok(story)
}

/// The owners of a block that were not seen before.
fn new_owners(state: &State, block: BlockId, seen: &mut BTreeSet<String>) -> Vec<StoryEntry> {
    let Some(found) = state.blocks.iter().find(|other| other.id == block) else {
        return Vec::new();
    };
    let mut told = Vec::new();
    for owner in &found.owners {
        let name = stackheap_explain::owner(owner, state);
        if seen.insert(name.clone()) {
            told.push(StoryEntry {
                step: Some(state.step),
                at: state.at.position.clone(),
                sentence: stackheap_explain::Sentence {
                    text: format!("is owned by {name}"),
                    because: None,
                },
            });
        }
    }
    told
}

fn local_story(program: &Program<'_>, name: &str) -> anyhow::Result<Story> {
    let mut story = Story {
        subject: format!("`{name}`"),
        ..Story::default()
    };
    let mut walk = Walk::new(program, StateLimits::default());
    let mut frames: BTreeSet<FrameId> = BTreeSet::new();
    // The blocks that it owned at the state before, and all owners then.
    let mut owned: BTreeSet<BlockId> = BTreeSet::new();
    let mut owners: Option<Owners> = None;
    while let Some(state) = walk.next_state()? {
        for event in &state.events {
            if let EventKind::Init {
                local: PlaceRef::Local { frame, local },
                ..
            } = &event.kind
                && focus::is_named(local, name)
            {
                frames.insert(*frame);
            }
        }
        let now = blocks_of(&state, name, &frames);
        let is_its = |block: &BlockId| owned.contains(block) || now.contains(block);
        let is_local = |place: &PlaceRef| matches!(place, PlaceRef::Local { local, .. } if focus::is_named(local, name));
        let its = |event: &&Event| match &event.kind {
            EventKind::Init { local, .. }
            | EventKind::Assign { local, .. }
            | EventKind::Drop { local, .. } => is_local(local),
            EventKind::Move { from, to, .. } | EventKind::Copy { from, to, .. } => {
                is_local(from)
                    || matches!(to, MoveTarget::Local(to) | MoveTarget::PartOf(to) if is_local(to))
            }
            EventKind::Borrow { of, .. } | EventKind::BorrowEnd { of, .. } => is_local(of),
            EventKind::Return { frame, .. } => frames.contains(frame),
            EventKind::Alloc { block, .. }
            | EventKind::Realloc { block, .. }
            | EventKind::Free { block, .. }
            | EventKind::Count { block, .. } => is_its(block),
            _ => false,
        };
        for event in state.events.iter().filter(its) {
            push(&mut story, entry(event, &state));
        }
        let owners_now = Owners::of(&state);
        let passed = owners.map_or_else(Vec::new, |before| before.handovers(&owners_now));
        for passed in passed.iter().filter(|passed| is_its(&passed.block)) {
            push(
                &mut story,
                StoryEntry {
                    step: Some(state.step),
                    at: state.at.position.clone(),
                    sentence: handover(passed),
                },
            );
        }
        // Most locals of `main` are dropped behind the last step.
        for event in state.after.iter().filter(its) {
            push(&mut story, entry(event, &state));
        }
        owned = now;
        owners = Some(owners_now);
    }
    if story.entries.is_empty() {
        bail!("no local `{name}` got a value in the recorded steps");
    }
    Ok(story)
}

/// The blocks that a local of this name owns in one of these frames.
fn blocks_of(state: &State, name: &str, frames: &BTreeSet<FrameId>) -> BTreeSet<BlockId> {
    let is_it = |owner: &Owner| {
        matches!(
            &owner.kind,
            OwnerKind::Local { frame, local }
                if frames.contains(frame) && focus::is_named(local, name)
        )
    };
    let owned = state
        .blocks
        .iter()
        .filter(|block| block.owners.iter().any(is_it));
    owned.map(|block| block.id).collect()
}

fn push(story: &mut Story, told: StoryEntry) {
    if story.entries.len() < ENTRIES {
        story.entries.push(told);
    } else {
        story.left_out += 1;
    }
}
