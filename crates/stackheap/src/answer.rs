//! From an overview of a run to the answer that `run` prints.

use std::path::Path;
use std::time::Duration;

use stackheap_interpret::{BlockStory, LocalStory, Overview};
use stackheap_model::{ProgramOutcome, StepNumber, Unknown};
use stackheap_report::{
    BlockLife, Comparison, HeapSide, LocalLife, NextCommand, SharedBlock, StackSide, Summary,
};

/// The numbers of a run.
pub fn summary(
    overview: &Overview,
    outcome: ProgramOutcome,
    elapsed: Duration,
    recording: &Path,
    limits: Vec<String>,
) -> Summary {
    let path = recording.display().to_string();
    let peak_step = overview.peak.as_ref().map(|peak| peak.step);
    let quoted = if path.contains(' ') {
        format!("'{path}'")
    } else {
        path.clone()
    };
    let middle = peak_step.unwrap_or(StepNumber(1));
    Summary {
        steps: overview.totals.steps,
        stops: overview.totals.stops,
        threads: overview.totals.threads,
        blocks: overview.totals.allocations,
        peak_bytes: overview.totals.peak_live_bytes,
        peak_step,
        findings: Err(Unknown::because("nothing looks for them yet")),
        limits,
        elapsed,
        recording: Some(path),
        outcome,
        next: vec![
            NextCommand {
                command: format!("stackheap show {quoted} --step {middle}"),
                shows: "this moment again; any other step by its number".to_owned(),
            },
            NextCommand {
                command: format!("stackheap show {quoted} --event alloc"),
                shows: "the moment after the first allocation".to_owned(),
            },
            NextCommand {
                command: format!("stackheap export {quoted} --format html -o page.html"),
                shows: "a page to step through, in one file".to_owned(),
            },
        ],
    }
}

/// Stack and heap side by side.
pub fn comparison(overview: &Overview) -> Comparison {
    let none = |what: &str| Unknown::because(format!("no {what} was seen"));
    let peak = overview.peak.as_ref();
    let main = peak.and_then(|peak| peak.threads.first());
    Comparison {
        stack: StackSide {
            limit_bytes: main.map_or_else(|| Err(none("stack")), |main| main.stack.limit.clone()),
            high_water_bytes: main.map_or(0, |main| main.stack.high_water),
            high_water_step: overview.high_water_step,
            threads: overview.totals.threads,
            calls: overview.calls,
            deepest: overview.deepest.0,
            deepest_function: overview.deepest.1.clone(),
            largest_frame: overview.largest_frame.clone(),
            locals: overview.locals,
            owning_locals: Ok(overview.owning_locals),
            example: overview
                .local_example
                .as_ref()
                .or(overview.owner_example.as_ref())
                .map(local_life)
                .ok_or_else(|| none("local with a value")),
            owner_example: overview.owner_example.as_ref().map(local_life),
        },
        heap: HeapSide {
            limit_bytes: Err(Unknown::because(
                "none of its own; the memory of the machine bounds it",
            )),
            blocks: overview.totals.allocations,
            total_bytes: overview.totals.bytes_allocated,
            peak_bytes: overview.totals.peak_live_bytes,
            peak_blocks: overview.totals.peak_live_blocks,
            peak_step: overview.totals.step_with_most_live_blocks,
            reallocations: overview.totals.reallocations,
            reallocations_moved: overview.reallocations_moved,
            freed: overview.totals.frees,
            left: overview.left.clone(),
            largest: overview.largest_block.as_ref().map(block_life),
            longest: overview
                .longest_block
                .as_ref()
                .map(block_life)
                .ok_or_else(|| none("block with a known owner")),
            shared: overview.shared_block.as_ref().map(|story| SharedBlock {
                block: story.block,
                type_name: story.type_name.clone(),
                strong: story.strong.unwrap_or(0),
            }),
            shared_blocks: overview.shared_blocks,
        },
    }
}

fn local_life(story: &LocalStory) -> LocalLife {
    LocalLife {
        name: story.name.clone(),
        function: story.function.clone(),
        type_name: story.type_name.clone(),
        bytes: story.bytes,
        value: story.value.clone(),
        from: story.from.clone(),
        until: story.until.clone(),
        owned: story.owned,
    }
}

fn block_life(story: &BlockStory) -> BlockLife {
    BlockLife {
        block: story.block,
        bytes: story.bytes,
        type_name: story.type_name.clone(),
        value: story.value.clone(),
        owners: story.owners.clone(),
        allocated_in: story.allocated_in.clone(),
        allocated: story.allocated.clone(),
        freed: story.freed.clone(),
    }
}
