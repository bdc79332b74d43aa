//! Events in words.

use stackheap_model::{
    Block, BlockId, Event, EventKind, LocalLoan, LocalState, MoveTarget, OutputStream, OwnerKind,
    PlaceRef, Region, RuntimeAddress,
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
        EventKind::Move {
            from,
            path,
            to,
            bytes,
        } => moved(
            &part_of(from, path, names),
            subject(from, names),
            to,
            *bytes,
            names,
        ),
        EventKind::Copy {
            from,
            path,
            to,
            bytes,
        } => copied(&part_of(from, path, names), to, *bytes, names),
        EventKind::Borrow { of, loan } => borrowed(of, loan, names),
        EventKind::BorrowEnd { of, loan } => {
            let who = part_of(of, &loan.path, names);
            let holder = loan
                .holder
                .as_deref()
                .map_or_else(String::new, |holder| format!(" by `{}`", visible(holder)));
            Sentence::with(
                format!("the loan of {who}{holder} is over"),
                "a loan lasts until the last use of the reference, not until the end of a scope",
            )
        }
        EventKind::Drop { local, path } => Sentence::with(
            format!("{} was dropped", part_of(local, path, names)),
            "a value is dropped when its owner goes out of scope or gets another value",
        ),
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

/// A local, or a part of it.
fn part_of(local: &PlaceRef, path: &str, names: &dyn Names) -> String {
    let whole = subject(local, names);
    if path.is_empty() {
        whole
    } else if path == "*" {
        format!("what {whole} points at")
    } else if path.starts_with('*') {
        format!("a part of what {whole} points at")
    } else if let Some(inside) = whole.strip_suffix('`') {
        // The name of a local of the frame that is looked at.
        format!("{inside}.{}`", visible(path))
    } else {
        format!("`{}` of {whole}", visible(path))
    }
}

fn target(to: &MoveTarget, names: &dyn Names) -> String {
    match to {
        MoveTarget::Local(local) => format!(" to {}", subject(local, names)),
        MoveTarget::PartOf(local) => format!(" into {}", subject(local, names)),
        MoveTarget::Made(path) => format!(" into a new `{}`", quote(&short_type(path))),
        MoveTarget::Call { function, argument } => {
            let function = quote(&callee(function));
            format!(" into the call of `{function}`, as argument {argument}")
        }
        MoveTarget::Caller => " to the caller, as the result".to_owned(),
        MoveTarget::Elsewhere => String::new(),
    }
}

/// The path of a function as the compiler writes it, without generic arguments and with the last of
/// its modules.
fn callee(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some(at) = rest.find("::<") {
        plain.push_str(rest.get(..at).unwrap_or_default());
        rest = behind_angles(rest.get(at + 2..).unwrap_or_default());
    }
    plain.push_str(rest);
    // `<T as Trait>::f` has no modules to leave out.
    if plain.starts_with('<') {
        return plain;
    }
    let mut segments: Vec<&str> = plain.rsplit("::").take(2).collect();
    segments.reverse();
    segments.join("::")
}

/// What follows a pair of angle brackets and what is between them.
fn behind_angles(text: &str) -> &str {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return text.get(at + c.len_utf8()..).unwrap_or_default();
        }
        before = c;
    }
    ""
}

fn moved(
    what: &str,
    whole: String,
    to: &MoveTarget,
    bytes: Option<u64>,
    names: &dyn Names,
) -> Sentence {
    let out = if matches!(to, MoveTarget::Elsewhere) {
        " out"
    } else {
        ""
    };
    let bytes = bytes.map_or_else(String::new, |bytes| format!(": {} copied", size(bytes)));
    let rest = if what == whole {
        format!("{whole} has no value any more")
    } else {
        format!("{whole} is not whole any more")
    };
    Sentence::with(
        format!("{what} moved{out}{}{bytes}", target(to, names)),
        format!(
            "a move copies the value's own bytes and leaves on the heap what they point at; {rest}"
        ),
    )
}

fn copied(what: &str, to: &MoveTarget, bytes: Option<u64>, names: &dyn Names) -> Sentence {
    let bytes = bytes.map_or_else(String::new, |bytes| format!(": {}", size(bytes)));
    Sentence::with(
        format!("{what} was copied{}{bytes}", target(to, names)),
        "its type is `Copy`: the value is still there",
    )
}

fn borrowed(of: &PlaceRef, loan: &LocalLoan, names: &dyn Names) -> Sentence {
    let what = part_of(of, &loan.path, names);
    let how = if loan.mutable { "mutably " } else { "" };
    let holder = loan
        .holder
        .as_deref()
        .map_or_else(String::new, |holder| format!(" by `{}`", visible(holder)));
    let until = match (&loan.until, loan.escapes) {
        (_, true) => ", perhaps beyond this call".to_owned(),
        (Some(at), false) => format!(", until its last use in line {}", at.line),
        (None, false) => String::new(),
    };
    let rule = if loan.mutable {
        "until then nobody else may read or change it"
    } else {
        "until then everybody may read it and nobody may change it"
    };
    Sentence::with(format!("{what} was {how}borrowed{holder}{until}"), rule)
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
        "is a raw pointer to"
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

#[cfg(test)]
mod tests {
    use stackheap_model::{FrameId, StepNumber, StepRef, ThreadId, Value, ValueKind};

    use super::*;
    use crate::NoNames;

    /// Checks the sentence of an event of which nothing but itself is known.
    fn check(kind: EventKind, text: &str, because: Option<&str>) {
        let happened = Event {
            kind,
            step: Some(StepNumber(1)),
            thread: ThreadId(1),
            at: None,
        };
        let sentence = event(&happened, &NoNames);
        assert_eq!(sentence.text, text);
        assert_eq!(sentence.because.as_deref(), because);
    }

    fn local() -> PlaceRef {
        PlaceRef::Local {
            frame: FrameId(7),
            local: "n".into(),
        }
    }

    #[test]
    fn values_that_come_and_change() {
        check(
            EventKind::Init {
                local: local(),
                bytes: 4,
                value: Some("3".into()),
            },
            "`n` of frame 7 holds 3: 4 bytes",
            None,
        );
        check(
            EventKind::Assign {
                local: local(),
                bytes: 4,
                before: Some("3".into()),
                after: Some("4".into()),
            },
            "`n` of frame 7 changed from 3 to 4",
            None,
        );
        // The same text before and after: the bytes changed in what the text does not say.
        check(
            EventKind::Assign {
                local: local(),
                bytes: 24,
                before: Some("[]".into()),
                after: Some("[]".into()),
            },
            "the bytes of `n` of frame 7 changed (24 bytes)",
            None,
        );
    }

    #[test]
    fn what_goes_elsewhere_says_where() {
        let moved = |path: &str, to| EventKind::Move {
            from: local(),
            path: path.into(),
            to,
            bytes: Some(24),
        };
        let call = |function: &str| MoveTarget::Call {
            function: function.into(),
            argument: 1,
        };
        let rule = "a move copies the value's own bytes and leaves on the heap what they point at; `n` of frame 7 has no value any more";
        for (function, short) in [
            ("consume", "consume"),
            ("std::mem::drop::<std::string::String>", "mem::drop"),
            ("Box::<dyn Any + Send>::downcast::<String>", "Box::downcast"),
            ("Vec::<fn(u8) -> u8>::push", "Vec::push"),
            (
                "<str as ToString>::to_string",
                "<str as ToString>::to_string",
            ),
        ] {
            let text = format!(
                "`n` of frame 7 moved into the call of `{short}`, as argument 1: 24 bytes copied"
            );
            check(moved("", call(function)), &text, Some(rule));
        }
        check(
            moved("name", MoveTarget::Caller),
            "`name` of `n` of frame 7 moved to the caller, as the result: 24 bytes copied",
            Some(
                "a move copies the value's own bytes and leaves on the heap what they point at; `n` of frame 7 is not whole any more",
            ),
        );
        check(
            EventKind::Drop {
                local: local(),
                path: "".into(),
            },
            "`n` of frame 7 was dropped",
            Some("a value is dropped when its owner goes out of scope or gets another value"),
        );
    }

    #[test]
    fn a_reallocation_says_whether_it_moved() {
        let realloc = |address| EventKind::Realloc {
            block: BlockId(2),
            old_address: RuntimeAddress(0x10),
            address: RuntimeAddress(address),
            old_bytes: 8,
            bytes: 16,
        };
        check(
            realloc(0x10),
            "block #2 grew from 8 bytes to 16 bytes, in place at 0x10",
            Some("the allocator could change its size where it was: this time nothing had to move"),
        );
        check(
            realloc(0x20),
            "block #2 grew from 8 bytes to 16 bytes and moved from 0x10 to 0x20",
            Some(
                "the allocator gave it another place; a pointer to the old place would now dangle",
            ),
        );
    }

    #[test]
    fn counts_say_what_they_mean() {
        let count = |before, after| EventKind::Count {
            block: BlockId(4),
            before,
            after,
        };
        check(
            count((1, 0), (2, 0)),
            "block #4: strong count 2, before 1",
            Some("one more owner shares the block; the value in it was not copied"),
        );
        check(
            count((1, 1), (0, 1)),
            "block #4: strong count 0, before 1",
            Some("the last owner is gone, so the value is dropped"),
        );
        check(
            count((1, 0), (1, 1)),
            "block #4: weak count 1, before 0",
            Some("a `Weak` does not own: it keeps no value alive"),
        );
    }

    #[test]
    fn text_of_the_program_is_quoted_and_cut() {
        check(
            EventKind::Output {
                stream: OutputStream::Stderr,
                text: format!("\u{1b}[31m{}", "x".repeat(100)).into(),
            },
            &format!(
                "printed \"\\u{{1b}}[31m{}...\" to standard error",
                "x".repeat(47)
            ),
            None,
        );
    }

    #[test]
    fn why_a_block_is_on_the_heap_is_only_said_of_the_owner_itself() {
        let mut state = crate::names::tests::state_with_local("alloc::string::String");
        let alloc = Event {
            kind: EventKind::Alloc {
                block: BlockId(1),
                address: RuntimeAddress(0x10),
                bytes: 5,
                align: Some(1),
            },
            step: None,
            thread: ThreadId(1),
            at: None,
        };
        assert_eq!(
            event(&alloc, &state).because.as_deref(),
            Some("a `String` keeps its text on the heap; `s` itself, 24 bytes, is on the stack")
        );
        // A structure with a `String` in it: what of it is on the heap its type does not tell.
        state = crate::names::tests::state_with_local("demo::Person");
        assert_eq!(event(&alloc, &state).because, None);
        // A value that is not known to be there owns nothing for certain.
        state = crate::names::tests::state_with_local("alloc::string::String");
        state.threads[0].frames[0].locals[0].state = LocalState::Moved;
        assert_eq!(event(&alloc, &state).because, None);
    }

    #[test]
    fn a_freed_block_says_what_it_held_and_since_when() {
        let mut state = crate::names::tests::state_with_local("alloc::string::String");
        state.blocks[0].allocated = StepRef {
            step: Some(StepNumber(4)),
            position: None,
        };
        state.blocks[0].value = std::sync::Arc::new(Value::text(ValueKind::Raw, ""));
        let free = Event {
            kind: EventKind::Free {
                block: BlockId(1),
                address: RuntimeAddress(0x10),
                bytes: 5,
            },
            step: None,
            thread: ThreadId(1),
            at: None,
        };
        assert_eq!(
            event(&free, &state).text,
            "freed block #1: 5 bytes at 0x10, held `[u8]`, allocated at step 4"
        );
        state.blocks[0].allocated.step = None;
        assert_eq!(
            event(&free, &state).text,
            "freed block #1: 5 bytes at 0x10, held `[u8]`, allocated before the first step"
        );
    }
}
