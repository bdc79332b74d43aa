//! `show --story`: the life of one local or block, from what was measured.

use std::collections::BTreeSet;

use anyhow::bail;
use stackheap_explain::{Story, StoryEntry, entry};
use stackheap_interpret::{Program, StateLimits, Walk};
use stackheap_model::{BlockId, EventKind, FrameId, PlaceRef, State};
use stackheap_report::{markdown, text};

use crate::arguments::{Format, ShowArguments};
use crate::{Ended, focus, output, show};

/// Entries of a story at most.
const ENTRIES: usize = 500;

pub fn story(program: &Program<'_>, arguments: &ShowArguments) -> Ended {
    let told = match (&arguments.thing.local, arguments.thing.block) {
        (_, Some(block)) => block_story(program, BlockId(block))?,
        (Some(name), None) => local_story(program, name)?,
        (None, None) => bail!("expected --local NAME or --block N with --story, found neither"),
    };
    let shown = match arguments.format {
        Format::Markdown => markdown::story(&told),
        Format::Text => text::story(&told, &show::options(arguments, &[])),
        Format::Json | Format::Svg => {
            bail!("a story has the formats text and markdown; leave `--format` away")
        }
    };
    output::print(&shown)?;
    Ok(0)
}

fn block_story(program: &Program<'_>, block: BlockId) -> anyhow::Result<Story> {
    let mut story = Story {
        subject: format!("block #{block}"),
        ..Story::default()
    };
    let mut owners: BTreeSet<String> = BTreeSet::new();
    let mut walk = Walk::new(program, StateLimits::default());
    while let Some(state) = walk.next_state()? {
        for event in &state.events {
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
    while let Some(state) = walk.next_state()? {
        for event in &state.events {
            let its = match &event.kind {
                EventKind::Init { local, .. } | EventKind::Assign { local, .. } => {
                    matches!(local, PlaceRef::Local { local, .. } if focus::is_named(local, name))
                }
                EventKind::Return { frame, .. } => frames.contains(frame),
                _ => false,
            };
            if let EventKind::Init {
                local: PlaceRef::Local { frame, local },
                ..
            } = &event.kind
                && focus::is_named(local, name)
            {
                frames.insert(*frame);
            }
            if its {
                push(&mut story, entry(event, &state));
            }
        }
    }
    if story.entries.is_empty() {
        bail!("no local `{name}` got a value in the recorded steps");
    }
    Ok(story)
}

fn push(story: &mut Story, told: StoryEntry) {
    if story.entries.len() < ENTRIES {
        story.entries.push(told);
    } else {
        story.left_out += 1;
    }
}
