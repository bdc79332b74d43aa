//! Stack and heap side by side: lifetime, size, values and ownership, with the numbers of one run.

use std::sync::Arc;

use stackheap_model::{BlockId, StepNumber, StepRef, Unknown};

use crate::summary::counted;
use crate::{rough_size, short_type, size, step_ref, visible};

/// The life of one local, as an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalLife {
    /// Its name.
    pub name: Arc<str>,
    /// The function it is in.
    pub function: Arc<str>,
    /// The full path of its type.
    pub type_name: Arc<str>,
    /// Its size in bytes.
    pub bytes: u64,
    /// A value it had, as text.
    pub value: Option<Arc<str>>,
    /// The step at which it first had a value.
    pub from: StepRef,
    /// The step at which its frame or scope was gone; `None` when it was there to the end.
    pub until: Option<StepRef>,
    /// The block it owned, and that block's size in bytes, where it owned one.
    pub owned: Option<(BlockId, u64)>,
}

/// The life of one block, as an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockLife {
    /// The block.
    pub block: BlockId,
    /// Its size in bytes, the largest it had.
    pub bytes: u64,
    /// The full path of the type of its contents, where known.
    pub type_name: Option<Arc<str>>,
    /// Its contents as text, where known.
    pub value: Option<Arc<str>>,
    /// Its owners in the order of time, each as a reader would call it: `` `s` of `demo::make` ``.
    pub owners: Vec<Arc<str>>,
    /// The function that allocated it, where known.
    pub allocated_in: Option<Arc<str>>,
    /// Where it was allocated.
    pub allocated: StepRef,
    /// Where it was freed; `None` when it never was.
    pub freed: Option<StepRef>,
}

/// A block that several owners shared, as an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedBlock {
    /// The block.
    pub block: BlockId,
    /// The full path of the owners' type (`alloc::rc::Rc<...>`), where known.
    pub type_name: Option<Arc<str>>,
    /// The highest strong count that was seen.
    pub strong: u64,
}

/// What a run did with its stacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackSide {
    /// The main thread's limit in bytes.
    pub limit_bytes: Result<u64, Unknown>,
    /// The most bytes that were in use on the main thread's stack at any stop.
    pub high_water_bytes: u64,
    /// The step of the high-water mark.
    pub high_water_step: Option<StepNumber>,
    /// Threads, each with a stack of its own.
    pub threads: u64,
    /// Calls of user functions in the whole run.
    pub calls: u64,
    /// The most user frames at once on one stack.
    pub deepest: u64,
    /// The function of the innermost of these frames.
    pub deepest_function: Option<Arc<str>>,
    /// The largest frame: its function and its size in bytes.
    pub largest_frame: Option<(Arc<str>, u64)>,
    /// Locals that were seen with a value.
    pub locals: u64,
    /// How many of these owned a block on the heap at some step.
    pub owning_locals: Result<u64, Unknown>,
    /// A local as an example: one that owns nothing on the heap where there is one.
    pub example: Result<LocalLife, Unknown>,
    /// A local that owns a block, where there is one.
    pub owner_example: Option<LocalLife>,
}

/// What a run did with the heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapSide {
    /// How large the heap may grow in bytes, where a limit is set.
    pub limit_bytes: Result<u64, Unknown>,
    /// Blocks allocated in the whole run.
    pub blocks: u64,
    /// Bytes asked for in the whole run.
    pub total_bytes: u64,
    /// The most bytes that were allocated at once.
    pub peak_bytes: u64,
    /// The most blocks that were live at once.
    pub peak_blocks: u64,
    /// The step with most live bytes.
    pub peak_step: Option<StepNumber>,
    /// Reallocations.
    pub reallocations: u64,
    /// How many of these moved the block.
    pub reallocations_moved: u64,
    /// Blocks freed before the end.
    pub freed: u64,
    /// Blocks that were still live when the program ended, and their bytes; or why that is unknown.
    pub left: Result<(u64, u64), Unknown>,
    /// The largest block.
    pub largest: Option<BlockLife>,
    /// The block that lived longest, best one that outlived the call that made it.
    pub longest: Result<BlockLife, Unknown>,
    /// A block with several owners, where there was one.
    pub shared: Option<SharedBlock>,
    /// How many blocks had several owners at some step.
    pub shared_blocks: u64,
}

/// Stack and heap of one run, to be told side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The stacks.
    pub stack: StackSide,
    /// The heap.
    pub heap: HeapSide,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonRow {
    /// `lifetime`, `size`, `values` or `ownership`.
    pub topic: &'static str,
    /// Sentences about the stack, without full stops; the last one is the example.
    pub stack: Vec<String>,
    /// Sentences about the heap.
    pub heap: Vec<String>,
}

/// The table Stack | Heap: the rows lifetime, size, values, ownership.
pub fn comparison(run: &Comparison) -> Vec<ComparisonRow> {
    let Comparison { stack, heap } = run;
    vec![
        ComparisonRow {
            topic: "lifetime",
            stack: stack_lifetime(stack),
            heap: heap_lifetime(heap),
        },
        ComparisonRow {
            topic: "size",
            stack: stack_size(stack),
            heap: heap_size(heap),
        },
        ComparisonRow {
            topic: "values",
            stack: stack_values(stack),
            heap: heap_values(heap),
        },
        ComparisonRow {
            topic: "ownership",
            stack: stack_ownership(stack),
            heap: heap_ownership(heap),
        },
    ]
}

fn stack_lifetime(stack: &StackSide) -> Vec<String> {
    let calls = counted(stack.calls, "call");
    let mut told = vec![format!(
        "A frame comes with a call and goes when the call returns: {calls} in this run, at most {} at once",
        counted(stack.deepest, "frame")
    )];
    told.push(match &stack.example {
        Ok(local) => format!(
            "`{}` of `{}` was there from {} {}",
            visible(&local.name),
            visible(&local.function),
            step_ref(&local.from),
            until(local.until.as_ref())
        ),
        Err(unknown) => no_example(unknown),
    });
    told
}

fn heap_lifetime(heap: &HeapSide) -> Vec<String> {
    if heap.blocks == 0 {
        return vec!["This run allocated no block".to_owned()];
    }
    let left = match &heap.left {
        Ok((0, _)) => "none was left at the end".to_owned(),
        Ok((blocks, bytes)) => {
            format!(
                "{} ({}) left at the end",
                counted(*blocks, "block"),
                size(*bytes)
            )
        }
        Err(unknown) => format!(
            "how many were left is unknown: {}",
            visible(&unknown.reason)
        ),
    };
    let mut told = vec![format!(
        "A block lives from its allocation until its owner frees it: {} allocated, {} freed, {left}",
        counted(heap.blocks, "block"),
        heap.freed
    )];
    told.push(match &heap.longest {
        Ok(life) => block_life(life),
        Err(unknown) => no_example(unknown),
    });
    told
}

fn block_life(life: &BlockLife) -> String {
    let made_in = match &life.allocated_in {
        Some(function) => format!(", made in `{}`,", visible(function)),
        None => String::new(),
    };
    let owners: Vec<_> = life.owners.iter().map(|owner| visible(owner)).collect();
    let owned = match owners.len() {
        0 => String::new(),
        // More than a few names would hide what the sentence is about.
        1..=4 => format!("; owned by {}", owners.join(", then ")),
        more => format!("; passed through {more} owners"),
    };
    format!(
        "Block #{}{made_in} lived from {} {}{owned}",
        life.block,
        step_ref(&life.allocated),
        until(life.freed.as_ref())
    )
}

fn until(end: Option<&StepRef>) -> String {
    match end {
        Some(end) => format!("until {}", step_ref(end)),
        None => "to the end".to_owned(),
    }
}

fn stack_size(stack: &StackSide) -> Vec<String> {
    let limit = match &stack.limit_bytes {
        Ok(limit) => format!("of its limit of {}", rough_size(*limit)),
        Err(unknown) => format!("of a limit that is unknown ({})", visible(&unknown.reason)),
    };
    let whose = if stack.threads > 1 {
        format!(
            "{} stacks, one for each thread; the main thread's",
            stack.threads
        )
    } else {
        "The one stack".to_owned()
    };
    let at = match stack.high_water_step {
        Some(step) => format!(" at step {step}"),
        None => String::new(),
    };
    let mut told = vec![format!(
        "{whose} reached {} {limit}{at}",
        rough_size(stack.high_water_bytes)
    )];
    if let Some((function, bytes)) = &stack.largest_frame {
        told.push(format!(
            "The size of each frame is fixed when the function is compiled: the largest is `{}` with {}",
            visible(function),
            size(*bytes)
        ));
    }
    if let (Some(function), true) = (&stack.deepest_function, stack.deepest > 1) {
        told.push(format!(
            "The deepest call was `{}`, frame {} from the outside",
            visible(function),
            stack.deepest
        ));
    }
    told
}

fn heap_size(heap: &HeapSide) -> Vec<String> {
    if heap.blocks == 0 {
        return vec!["0 bytes".to_owned()];
    }
    let at = match heap.peak_step {
        Some(step) => format!(" at step {step}"),
        None => String::new(),
    };
    let limit = match &heap.limit_bytes {
        Ok(limit) => format!("; its limit is {}", rough_size(*limit)),
        Err(unknown) => format!("; limit: {}", visible(&unknown.reason)),
    };
    let mut told = vec![format!(
        "It reached {} in {}{at}, of {} asked for in all{limit}",
        rough_size(heap.peak_bytes),
        counted(heap.peak_blocks, "block"),
        rough_size(heap.total_bytes)
    )];
    if heap.reallocations > 0 {
        told.push(format!(
            "A block's size is decided while the program runs: {}, {} of them to another place",
            counted(heap.reallocations, "reallocation"),
            heap.reallocations_moved
        ));
    }
    if let Some(largest) = &heap.largest {
        told.push(format!(
            "The largest was block #{} with {}",
            largest.block,
            size(largest.bytes)
        ));
    }
    told
}

fn stack_values(stack: &StackSide) -> Vec<String> {
    let mut told = vec![format!(
        "Values whose size is known at compile time: {} were seen with a value",
        counted(stack.locals, "local")
    )];
    told.push(match &stack.example {
        Ok(local) => {
            let value = match &local.value {
                Some(value) => format!(" with {}", crate::cut(&visible(value), 40)),
                None => String::new(),
            };
            format!(
                "`{}`, `{}`{value}: {}",
                visible(&local.name),
                crate::cut(&short_type(&local.type_name), 40),
                size(local.bytes)
            )
        }
        Err(unknown) => no_example(unknown),
    });
    told
}

fn heap_values(heap: &HeapSide) -> Vec<String> {
    // A block of the program's own values says more than a larger buffer of the standard library.
    let examples = [heap.largest.as_ref(), heap.longest.as_ref().ok()];
    let typed = |block: &&BlockLife| block.type_name.is_some();
    let mut known = examples.into_iter().flatten();
    let Some(example) = known.clone().find(typed).or_else(|| known.next()) else {
        return vec!["None in this run".to_owned()];
    };
    let type_name = match &example.type_name {
        Some(name) => format!("`{}`", crate::cut(&short_type(name), 40)),
        None => "of unknown type".to_owned(),
    };
    let value = match &example.value {
        Some(value) => format!(" with {}", crate::cut(&visible(value), 40)),
        None => String::new(),
    };
    vec![
        "Values whose size may be decided only while the program runs".to_owned(),
        format!(
            "Block #{}, {type_name}{value}: {}",
            example.block,
            size(example.bytes)
        ),
    ]
}

fn stack_ownership(stack: &StackSide) -> Vec<String> {
    let mut told = vec![
        "The frame holds the locals; what a local still owns at the end of its scope is dropped there"
            .to_owned(),
    ];
    match &stack.owning_locals {
        Ok(owning) => told.push(format!(
            "{owning} of {} owned a block on the heap",
            counted(stack.locals, "local")
        )),
        Err(unknown) => told.push(format!(
            "How many of them owned a block is unknown: {}",
            visible(&unknown.reason)
        )),
    }
    if let Some(local) = &stack.owner_example {
        let owned = match local.owned {
            Some((block, bytes)) => format!(", owned block #{block} with {}", size(bytes)),
            None => String::new(),
        };
        told.push(format!(
            "`{}`, {} of `{}`{owned}",
            visible(&local.name),
            size(local.bytes),
            crate::cut(&short_type(&local.type_name), 40)
        ));
    }
    told
}

fn heap_ownership(heap: &HeapSide) -> Vec<String> {
    if heap.blocks == 0 {
        return vec!["Nothing to own".to_owned()];
    }
    let mut told = vec![
        "One owner at a time, which may change by a move; `Rc` and `Arc` share with a count"
            .to_owned(),
    ];
    told.push(match (&heap.shared, heap.shared_blocks) {
        (Some(shared), blocks) => {
            let type_name = match &shared.type_name {
                Some(name) => format!(", `{}`,", crate::cut(&short_type(name), 40)),
                None => String::new(),
            };
            format!(
                "{} shared: block #{}{type_name} had up to {}",
                counted(blocks, "block"),
                shared.block,
                counted(shared.strong, "owner")
            )
        }
        (None, _) => "No block was shared in this run".to_owned(),
    });
    if let Ok(life) = &heap.longest
        && life.owners.len() > 1
        && heap
            .shared
            .as_ref()
            .is_none_or(|shared| shared.block != life.block)
    {
        told.push(format!(
            "Block #{} had {} owners, one after the other",
            life.block,
            life.owners.len()
        ));
    }
    told
}

fn no_example(unknown: &Unknown) -> String {
    format!("No example: {}", visible(&unknown.reason))
}
