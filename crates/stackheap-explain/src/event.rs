//! Events in words.

use stackheap_model::{
    Block, BlockId, Event, EventKind, LocalState, OutputStream, OwnerKind, PlaceRef, Region,
    RuntimeAddress,
};

use crate::{Names, place, short_type, size, visible, when};

/// How many characters of a value or of output a sentence quotes.
const QUOTE_CHARACTERS: usize = 60;

/// What happened, and the rule behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// What happened, without a full stop.
    pub text: String,
    /// The rule, where the data leave no doubt about it.
    pub because: Option<String>,
}

impl Sentence {
    fn plain(text: String) -> Self {
        Self {
            text,
            because: None,
        }
    }

    fn with(text: String, because: impl Into<String>) -> Self {
        Self {
            text,
            because: Some(because.into()),
        }
    }
}

/// An event as a sentence. `names` says what the ids stand for; [`NoNames`](crate::NoNames) will do.
pub fn event(event: &Event, names: &dyn Names) -> Sentence {
    match &event.kind {
        EventKind::Call {
            function, bytes, ..
        } => Sentence::with(
            format!(
                "called `{}`: a new frame of {} on the stack",
                visible(function),
                size(*bytes)
            ),
            "a frame holds the locals of one call and the address to return to",
        ),
        EventKind::Return { function, .. } => Sentence::with(
            format!(
                "`{}` returned: its frame is off the stack",
                visible(function)
            ),
            "the frame that came last is the first to go",
        ),
        EventKind::Init {
            local,
            bytes,
            value,
        } => init(local, *bytes, value.as_deref(), names),
        EventKind::Assign {
            local,
            bytes,
            before,
            after,
        } => assign(local, *bytes, (before.as_deref(), after.as_deref()), names),
        EventKind::Alloc {
            block,
            address,
            bytes,
            align,
        } => {
            let align = align.map_or_else(String::new, |align| format!(", align {align}"));
            Sentence {
                text: format!(
                    "allocated block #{block}: {} on the heap at {address}{align}",
                    size(*bytes)
                ),
                because: names.block(*block).and_then(|b| why_on_the_heap(b, names)),
            }
        }
        EventKind::Realloc {
            block,
            old_address,
            address,
            old_bytes,
            bytes,
        } => realloc(*block, (*old_address, *old_bytes), (*address, *bytes)),
        EventKind::Free {
            block,
            address,
            bytes,
        } => free(*block, *address, *bytes, names),
        EventKind::Count {
            block,
            before,
            after,
        } => count(*block, *before, *after),
        EventKind::Output { stream, text } => output(*stream, text),
        EventKind::Unwind => Sentence::with(
            "a panic began to unwind the stack".to_owned(),
            "unwinding leaves one frame after the other and drops its live locals",
        ),
        EventKind::Signal { number, name } => {
            Sentence::plain(format!("signal {number} ({}) was delivered", visible(name)))
        }
        EventKind::ThreadStart { thread } => Sentence::with(
            format!("thread {thread} started"),
            "each thread has a stack of its own; the heap is shared by all",
        ),
        EventKind::ThreadEnd { thread } => Sentence::plain(format!("thread {thread} ended")),
        EventKind::Limit { what } => {
            Sentence::plain(format!("left out from here on: {}", visible(what)))
        }
        // The vocabulary may grow before this crate does.
        other => Sentence::plain(format!("an event without words yet: {other:?}")),
    }
}

fn quote(value: &str) -> String {
    crate::cut(&visible(value), QUOTE_CHARACTERS)
}

fn subject(reference: &PlaceRef, names: &dyn Names) -> String {
    match reference {
        PlaceRef::Local { frame, local } => names.local_label(*frame, &visible(local)),
        PlaceRef::Block { block } => format!("block #{block}"),
    }
}

fn init(local: &PlaceRef, bytes: u64, value: Option<&str>, names: &dyn Names) -> Sentence {
    let who = subject(local, names);
    let known = match local {
        PlaceRef::Local { frame, local } => names.local(*frame, local),
        PlaceRef::Block { .. } => None,
    };
    let where_it_is = match known {
        Some(local) => place(&local.place),
        None => size(bytes),
    };
    let type_name = known.map_or("", |local| &*local.type_name);
    let verb = if type_name.starts_with('&') {
        "is a reference to"
    } else if type_name.starts_with('*') {
        "is a raw pointer:"
    } else {
        "holds"
    };
    let text = match value {
        Some(value) => format!("{who} {verb} {}: {where_it_is}", quote(value)),
        None => format!("{who} has a value: {where_it_is}"),
    };
    Sentence::plain(text)
}

fn assign(
    local: &PlaceRef,
    bytes: u64,
    (before, after): (Option<&str>, Option<&str>),
    names: &dyn Names,
) -> Sentence {
    let who = subject(local, names);
    let text = match (before, after) {
        (Some(before), Some(after)) if before != after => {
            format!("{who} changed from {} to {}", quote(before), quote(after))
        }
        (None, Some(after)) => format!("{who} changed to {}", quote(after)),
        _ => format!("the bytes of {who} changed ({})", size(bytes)),
    };
    Sentence::plain(text)
}

/// Why a block is on the heap, from the type of the local that owns it. Only where the local itself
/// is the owning pointer: what a structure around it keeps on the heap its type does not tell.
fn why_on_the_heap(block: &Block, names: &dyn Names) -> Option<String> {
    let owner = block.owners.first()?;
    let OwnerKind::Local { frame, local } = &owner.kind else {
        return None;
    };
    let local = names.local(*frame, local)?;
    if local.state != LocalState::Live {
        return None;
    }
    let name = &*local.type_name;
    let starts = |prefix: &str| name.starts_with(prefix);
    let rule = if name == "alloc::string::String" {
        "a `String` keeps its text on the heap"
    } else if starts("alloc::vec::Vec<") {
        "a `Vec` keeps its elements in one block on the heap"
    } else if starts("alloc::boxed::Box<") {
        "a `Box` keeps its value on the heap"
    } else if starts("alloc::rc::Rc<") {
        "an `Rc` keeps its value and its two counts in one block on the heap"
    } else if starts("alloc::sync::Arc<") {
        "an `Arc` keeps its value and its two counts in one block on the heap"
    } else {
        return None;
    };
    let where_it_is = match local.place.region {
        Region::Stack => format!(
            "; `{}` itself, {}, is on the stack",
            visible(&local.name),
            size(local.place.size)
        ),
        _ => String::new(),
    };
    Some(format!("{rule}{where_it_is}"))
}

fn realloc(
    block: BlockId,
    (old_address, old_bytes): (RuntimeAddress, u64),
    (address, bytes): (RuntimeAddress, u64),
) -> Sentence {
    let verb = if bytes >= old_bytes { "grew" } else { "shrank" };
    let change = format!(
        "block #{block} {verb} from {} to {}",
        size(old_bytes),
        size(bytes)
    );
    if old_address == address {
        return Sentence::with(
            format!("{change}, in place at {address}"),
            "the allocator could change its size where it was: this time nothing had to move",
        );
    }
    Sentence::with(
        format!("{change} and moved from {old_address} to {address}"),
        "the allocator gave it another place; a pointer to the old place would now dangle",
    )
}

fn free(block: BlockId, address: RuntimeAddress, bytes: u64, names: &dyn Names) -> Sentence {
    let mut text = format!("freed block #{block}: {} at {address}", size(bytes));
    if let Some(known) = names.block(block) {
        if let Some(type_name) = &known.type_name {
            text.push_str(&format!(", held `{}`", quote(&short_type(type_name))));
        }
        text.push_str(&format!(", allocated {}", when(&known.allocated)));
    }
    Sentence::plain(text)
}

fn count(block: BlockId, before: (u64, u64), after: (u64, u64)) -> Sentence {
    let mut parts = Vec::new();
    if before.0 != after.0 {
        parts.push(format!("strong count {}, before {}", after.0, before.0));
    }
    if before.1 != after.1 {
        parts.push(format!("weak count {}, before {}", after.1, before.1));
    }
    if parts.is_empty() {
        parts.push(format!("strong count {}, weak count {}", after.0, after.1));
    }
    let text = format!("block #{block}: {}", parts.join(", "));
    let strong_change = (after.0 > before.0, after.0 < before.0, after.0);
    match strong_change {
        (true, ..) => Sentence::with(
            text,
            "one more owner shares the block; the value in it was not copied",
        ),
        (_, true, 0) => Sentence::with(text, "the last owner is gone, so the value is dropped"),
        (_, true, _) => Sentence::with(
            text,
            "an owner is gone; the value stays as long as another one is left",
        ),
        _ if after.1 != before.1 => {
            Sentence::with(text, "a `Weak` does not own: it keeps no value alive")
        }
        _ => Sentence::plain(text),
    }
}

fn output(stream: OutputStream, text: &str) -> Sentence {
    let to = match stream {
        OutputStream::Stdout => "to standard output",
        OutputStream::Stderr => "to standard error",
        OutputStream::Captured => "into the test harness",
    };
    Sentence::plain(format!("printed \"{}\" {to}", quote(text)))
}
