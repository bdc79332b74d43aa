//! One state as JSON, in the shape that scripts and editors rely on.
//!
//! The shape is described by `schema/state.schema.json`. Addresses are hexadecimal strings, bytes
//! are strings of hexadecimal digits. What is not known is `{"unknown": "the reason"}`.

mod ownership;

pub use ownership::ownership;

use serde_json::Value as Json;
use stackheap_explain::{Indexed, Names, event as sentence};
use stackheap_model::{
    At, Block, BlockState, Cell, CellKind, Edge, EdgeEnd, EdgeKind, Event, EventKind, Frame,
    FrameBytes, FrameBytesKind, Local, LocalLoan, LocalRole, LocalState, MoveTarget, OutputStream,
    Owner, OwnerKind, Place, PlaceRef, Position, ProgramOutcome, Region, RuntimeAddress, State,
    StaticItem, StepRef, Thread, Value, ValueField, ValueKind,
};

use crate::Frames;
use crate::tree::{Members, Tree, object};

/// The version of the shape. It changes when a name or a meaning does, not when something is added.
pub const SCHEMA_VERSION: u32 = 1;

/// How deep parts of values are written out. Deeper parts are counted as left out.
const VALUE_DEPTH: u32 = 32;

/// One state, with the frames of user code.
pub fn state(state: &State) -> Json {
    state_with(state, Frames::User)
}

/// One state, with the chosen frames.
pub fn state_with(state: &State, frames: Frames) -> Json {
    Json::from(&tree(state, frames))
}

/// One state, with the frames of user code, as the text of [`state`] without spaces and with a line
/// end behind it. Costs a fraction of making the one and then the other.
pub fn line(state: &State) -> String {
    let mut line = String::new();
    tree(state, Frames::User).write(&mut line);
    line.push('\n');
    line
}

/// One state with the frames that are chosen, over several lines, indented, for people.
pub fn lines(state: &State, frames: Frames) -> String {
    let mut lines = String::new();
    tree(state, frames).write_lines(&mut lines, 0);
    lines.push('\n');
    lines
}

fn tree(state: &State, frames: Frames) -> Tree<'_> {
    let names = Indexed::of(state);
    let mut shown = head(state, &names);
    let threads = state.threads.iter().map(|thread| {
        let mut shown = thread_head(thread);
        let chosen = thread.frames.iter();
        let chosen = chosen.filter(|f| f.user || frames == Frames::All);
        shown.set("frames", Tree::list(chosen.map(frame)));
        shown
    });
    shown.set("threads", Tree::list(threads));
    let blocks = state.blocks.iter().map(|b| block(b, &names));
    shown.set("blocks", Tree::list(blocks));
    let statics = state.statics.iter().map(static_item);
    shown.set("statics", Tree::list(statics));
    shown.set("edges", Tree::list(state.edges.iter().map(edge)));
    shown.set("output", output(state));
    shown
}

/// A state without its threads, blocks, statics, edges and output.
pub(crate) fn head<'a>(state: &'a State, names: &dyn Names) -> Tree<'a> {
    let events = |events: &'a [Event]| events.iter().map(|e| event(e, names)).collect::<Vec<_>>();
    let mut head = object! {
        "schema_version": SCHEMA_VERSION,
        "step": state.step.0,
        "steps": state.steps,
        "outcome": outcome(&state.outcome),
        "part": state.part,
        "stop": state.stop.0,
        "parent_step": state.parent_step.map(|step| step.0),
        "depth": state.depth,
        "thread": state.thread.0,
        "at": at(&state.at),
        "events": events(&state.events),
        "blocks_left_out": state.blocks_left_out,
    };
    if !state.after.is_empty() {
        head.set("after", events(&state.after));
    }
    head
}

fn outcome(outcome: &ProgramOutcome) -> Tree<'_> {
    match outcome {
        ProgramOutcome::Exit { code } => object! {"kind": "exit", "code": *code},
        ProgramOutcome::Signal { number, name } => {
            object! {"kind": "signal", "code": *number, "name": &**name}
        }
        ProgramOutcome::BuildFailed => object! {"kind": "build-failed"},
        ProgramOutcome::Unknown(unknown) => {
            object! {"kind": "unknown", "because": &*unknown.reason}
        }
    }
}

fn output(state: &State) -> Tree<'_> {
    // Bytes that are no UTF-8 become U+FFFD: JSON has no other place for them.
    object! {
        "stdout": String::from_utf8_lossy(&state.output.stdout),
        "stderr": String::from_utf8_lossy(&state.output.stderr),
        "captured": String::from_utf8_lossy(&state.output.captured),
    }
}

fn address(address: RuntimeAddress) -> Tree<'static> {
    Tree::from(address.to_string())
}

fn at(at: &At) -> Tree<'_> {
    object! {
        "file": at.position.as_ref().map(|p| &*p.file),
        "line": at.position.as_ref().map(|p| p.line),
        "column": at.position.as_ref().map(|p| p.column),
        "function": &*at.function,
    }
}

fn position(position: Option<&Position>) -> Tree<'_> {
    match position {
        Some(p) => object! {"file": &*p.file, "line": p.line, "column": p.column},
        None => Tree::Null,
    }
}

fn step_ref(step: &StepRef) -> Tree<'_> {
    object! {"step": step.step.map(|s| s.0), "at": position(step.position.as_ref())}
}

/// A thread without its frames.
pub(crate) fn thread_head(thread: &Thread) -> Tree<'_> {
    let stack = &thread.stack;
    let mut shown = object! {
        "low": address(stack.low),
        "high": address(stack.high),
        "used": stack.used,
        "high_water": stack.high_water,
    };
    match &stack.limit {
        Ok(limit) => shown.set("limit", *limit),
        Err(unknown) => shown.set("limit", object! {"unknown": &*unknown.reason}),
    }
    object! {
        "id": thread.id.0,
        "name": thread.name.as_deref(),
        "as_of": thread.as_of.map(|step| step.0),
        "ended": thread.ended,
        "stack": shown,
    }
}

/// A frame.
pub(crate) fn frame(frame: &Frame) -> Tree<'_> {
    frame_with(frame, Tree::list(frame.locals.iter().map(local)))
}

/// A frame with these for its locals.
pub(crate) fn frame_with<'a>(frame: &'a Frame, locals: Tree<'a>) -> Tree<'a> {
    object! {
        "id": frame.id.0,
        "function": &*frame.function,
        "at": at(&frame.at),
        "low": address(frame.low),
        "high": address(frame.high),
        "size": frame.high.checked_distance(frame.low),
        "user": frame.user,
        "locals": locals,
        "other_bytes": Tree::list(frame.other_bytes.iter().map(other_bytes)),
    }
}

fn other_bytes(bytes: &FrameBytes) -> Tree<'_> {
    let kind = match bytes.kind {
        FrameBytesKind::ReturnAddress => "return-address",
        FrameBytesKind::SavedRegister => "saved-register",
        FrameBytesKind::Unnamed => "unnamed",
    };
    object! {
        "address": address(bytes.address),
        "size": bytes.size,
        "kind": kind,
        "note": bytes.note.as_deref(),
    }
}

/// A local.
pub(crate) fn local(local: &Local) -> Tree<'_> {
    let mut shown = object! {
        "name": &*local.name,
        "role": local_role(local.role),
        "type": &*local.type_name,
        "state": local_state(&local.state),
        "loans": local.loans.iter().map(loan).collect::<Vec<_>>(),
        "place": place(&local.place),
        "declared": position(local.declared.as_ref()),
    };
    if let LocalState::Unknown(unknown) = &local.state {
        shown.set("because", &*unknown.reason);
    }
    if !local.parts.is_empty() {
        let parts = local.parts.iter().map(|part| {
            object! {"path": &*part.path, "state": local_state(&part.state)}
        });
        shown.set("parts", parts.collect::<Vec<_>>());
    }
    let mut inside = match &local.value {
        Some(known) => value(known, VALUE_DEPTH),
        None => object! {"fields": Tree::List(Vec::new())},
    };
    inside.set("bytes", hex(&local.bytes));
    shown.set("value", inside);
    shown.set("cells", cells(&local.cells));
    shown
}

/// A borrow of a local.
fn loan(loan: &LocalLoan) -> Tree<'_> {
    object! {
        "kind": if loan.mutable { "mutable" } else { "shared" },
        "path": &*loan.path,
        "holder": loan.holder.as_deref(),
        "since": position(loan.since.as_ref()),
        "until": position(loan.until.as_ref()),
        "escapes": loan.escapes,
    }
}

fn local_role(role: LocalRole) -> &'static str {
    match role {
        LocalRole::Parameter => "parameter",
        LocalRole::Variable => "variable",
        LocalRole::Capture => "capture",
        LocalRole::Hidden => "hidden",
    }
}

/// The name of a local's state.
pub(crate) fn local_state(state: &LocalState) -> &'static str {
    match state {
        LocalState::Uninit => "uninit",
        LocalState::Live => "live",
        LocalState::PartlyMoved => "partly-moved",
        LocalState::Moved => "moved",
        LocalState::Dropped => "dropped",
        LocalState::OutOfScope => "out-of-scope",
        LocalState::Unknown(_) => "unknown",
    }
}

fn place(place: &Place) -> Tree<'_> {
    object! {
        "region": region(place.region),
        "address": place.address.map(address),
        "size": place.size,
        "align": place.align,
        "note": place.note.as_deref(),
    }
}

fn region(region: Region) -> &'static str {
    match region {
        Region::Stack => "stack",
        Region::Heap => "heap",
        Region::Static => "static",
        Region::Rodata => "rodata",
        Region::Tls => "tls",
        Region::Code => "code",
        Region::Mapped => "mapped",
        Region::Foreign => "foreign",
        Region::Register => "register",
        Region::None => "none",
    }
}

/// A value and its parts, down to `depth` levels.
fn value(value: &Value, depth: u32) -> Tree<'_> {
    let mut shown = object! {"kind": value_kind(value.kind)};
    match &value.text {
        Ok(text) => shown.set("text", &**text),
        Err(unknown) => shown.set("unknown", &*unknown.reason),
    }
    let parts = if depth == 0 {
        &[]
    } else {
        value.fields.as_slice()
    };
    let cut = (value.fields.len() - parts.len()) as u64;
    let fields: Vec<_> = parts.iter().map(|f| field(f, depth - 1)).collect();
    shown.set("fields", fields);
    let left_out = value.fields_left_out.saturating_add(cut);
    if left_out > 0 {
        shown.set("fields_left_out", left_out);
    }
    if !value.facts.is_empty() {
        let mut facts = Members::with_room(value.facts.len());
        for (name, fact) in &value.facts {
            facts.set(name, &**fact);
        }
        shown.set("facts", Tree::Object(facts));
    }
    shown
}

fn field(field: &ValueField, depth: u32) -> Tree<'_> {
    object! {
        "name": &*field.name,
        "type": &*field.type_name,
        "offset": field.offset,
        "value": value(&field.value, depth),
    }
}

fn value_kind(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Number => "number",
        ValueKind::Boolean => "boolean",
        ValueKind::Character => "character",
        ValueKind::Unit => "unit",
        ValueKind::String => "string",
        ValueKind::Sequence => "sequence",
        ValueKind::Map => "map",
        ValueKind::Struct => "struct",
        ValueKind::Tuple => "tuple",
        ValueKind::Enum => "enum",
        ValueKind::Pointer => "pointer",
        ValueKind::SmartPointer => "smart-pointer",
        ValueKind::Cell => "cell",
        ValueKind::Function => "function",
        ValueKind::Closure => "closure",
        ValueKind::Coroutine => "coroutine",
        ValueKind::Raw => "raw",
    }
}

fn cells(cells: &[Cell]) -> Tree<'_> {
    Tree::list(cells.iter().map(cell))
}

fn cell(cell: &Cell) -> Tree<'_> {
    let mut shown = object! {
        "offset": cell.offset,
        "size": cell.size,
        "kind": cell_kind(cell.kind),
        "label": &*cell.label,
    };
    match &cell.text {
        Ok(text) => shown.set("text", &**text),
        Err(unknown) => shown.set("unknown", &*unknown.reason),
    }
    shown
}

/// The name of a cell's kind.
pub(crate) fn cell_kind(kind: CellKind) -> &'static str {
    match kind {
        CellKind::Scalar => "scalar",
        CellKind::Pointer => "pointer",
        CellKind::Length => "length",
        CellKind::Vtable => "vtable",
        CellKind::Tag => "tag",
        CellKind::Padding => "padding",
        CellKind::Raw => "raw",
    }
}

/// A block.
pub(crate) fn block<'a>(block: &'a Block, names: &dyn Names) -> Tree<'a> {
    let mut shown = object! {
        "id": block.id.0,
        "address": address(block.address),
        "size": block.size,
        "align": block.align,
        "type": block.type_name.as_deref(),
        "state": match block.state {
            BlockState::Live => "live",
            BlockState::Freed => "freed",
        },
        "as_of": block.as_of.map(|step| step.0),
        "thread": block.thread.0,
        "owners": block.owners.iter().map(|o| owner(o, names)).collect::<Vec<_>>(),
        "counts": block.counts.map(|c| object! {"strong": c.strong, "weak": c.weak}),
        "allocated": step_ref(&block.allocated),
        "freed": block.freed.as_ref().map(step_ref),
    };
    if let Some(because) = &block.no_owner_because {
        shown.set("because", &**because);
    }
    let mut inside = value(&block.value, VALUE_DEPTH);
    inside.set("bytes", hex(&block.bytes));
    shown.set("value", inside);
    shown.set("cells", cells(&block.cells));
    shown
}

fn owner<'a>(owner: &'a Owner, names: &dyn Names) -> Tree<'a> {
    let mut shown = match &owner.kind {
        OwnerKind::Local { frame, local } => object! {
            "kind": local_owner_kind(names, *frame, local),
            "frame": frame.0,
            "local": &**local,
        },
        OwnerKind::Temporary { frame, from } => object! {
            "kind": "temporary",
            "frame": frame.0,
            "moved_from": &**from,
        },
        OwnerKind::Frame { frame, function } => object! {
            "kind": "frame",
            "frame": frame.0,
            "function": &**function,
        },
        OwnerKind::Static { name } => object! {"kind": "static", "name": &**name},
        OwnerKind::Tls { name } => object! {"kind": "tls", "name": &**name},
        OwnerKind::Block { block, offset } => {
            object! {"kind": "block", "block": block.0, "offset": *offset}
        }
    };
    shown.set("path", &*owner.path);
    shown
}

/// `local`, `temporary` (made by the compiler), or `frame` (inside a frame of std or a dependency).
fn local_owner_kind(
    names: &dyn Names,
    frame: stackheap_model::FrameId,
    local: &str,
) -> &'static str {
    if matches!(names.frame(frame), Some((_, frame)) if !frame.user) {
        return "frame";
    }
    match names.local(frame, local) {
        Some(local) if local.role == LocalRole::Hidden => "temporary",
        _ => "local",
    }
}

/// A static or piece of read-only data.
pub(crate) fn static_item(item: &StaticItem) -> Tree<'_> {
    object! {
        "name": &*item.name,
        "type": &*item.type_name,
        "place": place(&item.place),
        "value": value(&item.value, VALUE_DEPTH),
    }
}

/// The name of what a pointer means.
pub(crate) fn edge_kind(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Owns => "owns",
        EdgeKind::Shares => "shares",
        EdgeKind::Weak => "weak",
        EdgeKind::Borrows => "borrows",
        EdgeKind::BorrowsMut => "borrows-mut",
        EdgeKind::Raw => "raw",
        EdgeKind::Fn => "fn",
        EdgeKind::Vtable => "vtable",
    }
}

/// An edge.
pub(crate) fn edge(edge: &Edge) -> Tree<'_> {
    let mut to = edge_end(&edge.to);
    to.set("bytes", edge.bytes);
    object! {"kind": edge_kind(edge.kind), "from": edge_end(&edge.from), "to": to}
}

fn edge_end(end: &EdgeEnd) -> Tree<'_> {
    match end {
        EdgeEnd::Local {
            frame,
            local,
            path,
            address: a,
        } => object! {
            "frame": frame.0, "local": &**local, "path": &**path, "address": address(*a),
        },
        EdgeEnd::Block {
            block,
            offset,
            path,
        } => object! {"block": block.0, "offset": *offset, "path": &**path},
        EdgeEnd::Static {
            name,
            offset,
            address: a,
        } => object! {"static": &**name, "offset": *offset, "address": address(*a)},
        EdgeEnd::Symbol { name, address: a } => {
            object! {"symbol": &**name, "address": address(*a)}
        }
        EdgeEnd::Address {
            region: r,
            address: a,
        } => {
            object! {"region": region(*r), "address": address(*a)}
        }
    }
}

fn event<'a>(event: &'a Event, names: &dyn Names) -> Tree<'a> {
    let words = sentence(event, names);
    let mut shown = object! {
        "kind": "other",
        "step": event.step.map(|step| step.0),
        "thread": event.thread.0,
        "text": words.text,
        "because": words.because,
        "at": position(event.at.as_ref()),
    };
    for (name, fact) in event_facts(&event.kind) {
        shown.set(name, fact);
    }
    shown
}

fn moved<'a>(
    kind: &'static str,
    (from, path): (&'a PlaceRef, &'a str),
    to: &'a MoveTarget,
    bytes: Option<u64>,
) -> Vec<(&'static str, Tree<'a>)> {
    let to = match to {
        MoveTarget::Local(local) => place_ref(local),
        MoveTarget::PartOf(local) => {
            let mut of = place_ref(local);
            of.set("part", true);
            of
        }
        MoveTarget::Made(path) => object! {"made": &**path},
        MoveTarget::Call { function, argument } => {
            object! {"function": &**function, "argument": *argument}
        }
        MoveTarget::Caller => object! {"caller": true},
        MoveTarget::Elsewhere => object! {"elsewhere": true},
    };
    vec![
        ("kind", Tree::from(kind)),
        ("from", place_ref(from)),
        ("path", Tree::from(path)),
        ("to", to),
        ("bytes", Tree::from(bytes)),
    ]
}

/// What an event carries beside its words, by name.
fn event_facts(kind: &EventKind) -> Vec<(&'static str, Tree<'_>)> {
    let named = |name: &'static str| ("kind", Tree::from(name));
    match kind {
        EventKind::Call {
            frame,
            function,
            bytes,
        } => vec![
            named("call"),
            ("frame", Tree::from(frame.0)),
            ("function", Tree::from(&**function)),
            ("bytes", Tree::from(*bytes)),
        ],
        EventKind::Return { frame, function } => vec![
            named("return"),
            ("frame", Tree::from(frame.0)),
            ("function", Tree::from(&**function)),
        ],
        EventKind::Init {
            local,
            bytes,
            value,
        } => vec![
            named("init"),
            ("to", place_ref(local)),
            ("bytes", Tree::from(*bytes)),
            ("value", Tree::from(value.as_deref())),
        ],
        EventKind::Assign {
            local,
            bytes,
            before,
            after,
        } => vec![
            named("assign"),
            ("to", place_ref(local)),
            ("bytes", Tree::from(*bytes)),
            ("before", Tree::from(before.as_deref())),
            ("after", Tree::from(after.as_deref())),
        ],
        EventKind::Move {
            from,
            path,
            to,
            bytes,
        } => moved("move", (from, path), to, *bytes),
        EventKind::Copy {
            from,
            path,
            to,
            bytes,
        } => moved("copy", (from, path), to, *bytes),
        EventKind::Borrow { of, loan: held } => {
            vec![named("borrow"), ("of", place_ref(of)), ("loan", loan(held))]
        }
        EventKind::BorrowEnd { of, loan: held } => vec![
            named("borrow-end"),
            ("of", place_ref(of)),
            ("loan", loan(held)),
        ],
        EventKind::Drop { local, path } => vec![
            named("drop"),
            ("of", place_ref(local)),
            ("path", Tree::from(&**path)),
        ],
        EventKind::Alloc {
            block,
            address: a,
            bytes,
            align,
        } => vec![
            named("alloc"),
            ("block", Tree::from(block.0)),
            ("address", address(*a)),
            ("bytes", Tree::from(*bytes)),
            ("align", Tree::from(*align)),
        ],
        EventKind::Realloc {
            block,
            old_address,
            address: a,
            old_bytes,
            bytes,
        } => vec![
            named("realloc"),
            ("block", Tree::from(block.0)),
            ("old_address", address(*old_address)),
            ("address", address(*a)),
            ("old_bytes", Tree::from(*old_bytes)),
            ("bytes", Tree::from(*bytes)),
        ],
        EventKind::Free {
            block,
            address: a,
            bytes,
        } => vec![
            named("free"),
            ("block", Tree::from(block.0)),
            ("address", address(*a)),
            ("bytes", Tree::from(*bytes)),
        ],
        EventKind::Count {
            block,
            before,
            after,
        } => vec![
            named("count"),
            ("block", Tree::from(block.0)),
            ("before", object! {"strong": before.0, "weak": before.1}),
            ("after", object! {"strong": after.0, "weak": after.1}),
        ],
        EventKind::Output { stream, text } => vec![
            named("output"),
            ("stream", Tree::from(stream_name(*stream))),
            ("output", Tree::from(&**text)),
        ],
        EventKind::Unwind => vec![named("unwind")],
        EventKind::Signal { number, name } => vec![
            named("signal"),
            ("number", Tree::from(*number)),
            ("name", Tree::from(&**name)),
        ],
        EventKind::ThreadStart { thread } => {
            vec![named("thread-start"), ("started", Tree::from(thread.0))]
        }
        EventKind::ThreadEnd { thread } => {
            vec![named("thread-end"), ("ended", Tree::from(thread.0))]
        }
        EventKind::Limit { what } => vec![named("limit"), ("what", Tree::from(&**what))],
        _ => Vec::new(),
    }
}

fn stream_name(stream: OutputStream) -> &'static str {
    match stream {
        OutputStream::Stdout => "stdout",
        OutputStream::Stderr => "stderr",
        OutputStream::Captured => "captured",
    }
}

fn place_ref(place: &PlaceRef) -> Tree<'_> {
    match place {
        PlaceRef::Local { frame, local } => object! {"frame": frame.0, "local": &**local},
        PlaceRef::Block { block } => object! {"block": block.0},
    }
}

/// Bytes as hexadecimal digits, two for a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Four bits are below 16, so both lookups are in bounds.
        digits.push(DIGITS[usize::from(byte >> 4)]);
        digits.push(DIGITS[usize::from(byte & 15)]);
    }
    digits
}
