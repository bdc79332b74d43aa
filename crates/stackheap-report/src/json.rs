//! One state as JSON, in the shape that scripts and editors rely on.
//!
//! The shape is described by `schema/state.schema.json`. Addresses are hexadecimal strings, bytes
//! are strings of hexadecimal digits. What is not known is `{"unknown": "the reason"}`.

use serde_json::{Map, Value as Json, json};
use stackheap_explain::{Names, event as sentence};
use stackheap_model::{
    At, Block, BlockState, Cell, CellKind, Edge, EdgeEnd, EdgeKind, Event, EventKind, Frame,
    FrameBytes, FrameBytesKind, Local, LocalRole, LocalState, OutputStream, Owner, OwnerKind,
    Place, PlaceRef, Position, Region, RuntimeAddress, State, StaticItem, StepRef, Thread, Value,
    ValueField, ValueKind,
};

use crate::Frames;

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
    let mut shown = head(state);
    let threads = state.threads.iter().map(|thread| {
        let mut shown = thread_head(thread);
        let chosen = thread.frames.iter();
        let chosen = chosen.filter(|f| f.user || frames == Frames::All);
        set(&mut shown, "frames", chosen.map(frame).collect());
        shown
    });
    set(&mut shown, "threads", threads.collect());
    let blocks = state.blocks.iter().map(|b| block(b, state));
    set(&mut shown, "blocks", blocks.collect());
    let statics = state.statics.iter().map(static_item);
    set(&mut shown, "statics", statics.collect());
    set(&mut shown, "edges", state.edges.iter().map(edge).collect());
    set(&mut shown, "output", output(state));
    shown
}

/// A state without its threads, blocks, statics, edges and output.
pub(crate) fn head(state: &State) -> Json {
    json!({
        "schema_version": SCHEMA_VERSION,
        "step": state.step.0,
        "steps": state.steps,
        "part": state.part,
        "stop": state.stop.0,
        "parent_step": state.parent_step.map(|step| step.0),
        "depth": state.depth,
        "thread": state.thread.0,
        "at": at(&state.at),
        "events": state.events.iter().map(|e| event(e, state)).collect::<Vec<_>>(),
        "blocks_left_out": state.blocks_left_out,
    })
}

fn output(state: &State) -> Json {
    // Bytes that are no UTF-8 become U+FFFD: JSON has no other place for them.
    json!({
        "stdout": String::from_utf8_lossy(&state.output.stdout),
        "stderr": String::from_utf8_lossy(&state.output.stderr),
        "captured": String::from_utf8_lossy(&state.output.captured),
    })
}

fn address(address: RuntimeAddress) -> Json {
    Json::String(address.to_string())
}

fn at(at: &At) -> Json {
    json!({
        "file": at.position.as_ref().map(|p| &*p.file),
        "line": at.position.as_ref().map(|p| p.line),
        "column": at.position.as_ref().map(|p| p.column),
        "function": &*at.function,
    })
}

fn position(position: Option<&Position>) -> Json {
    match position {
        Some(p) => json!({"file": &*p.file, "line": p.line, "column": p.column}),
        None => Json::Null,
    }
}

fn step_ref(step: &StepRef) -> Json {
    json!({"step": step.step.map(|s| s.0), "at": position(step.position.as_ref())})
}

/// A thread without its frames.
pub(crate) fn thread_head(thread: &Thread) -> Json {
    let stack = &thread.stack;
    let mut shown = json!({
        "low": address(stack.low),
        "high": address(stack.high),
        "used": stack.used,
        "high_water": stack.high_water,
    });
    match &stack.limit {
        Ok(limit) => set(&mut shown, "limit", json!(limit)),
        Err(unknown) => set(&mut shown, "limit", json!({"unknown": &*unknown.reason})),
    }
    json!({
        "id": thread.id.0,
        "name": thread.name.as_deref(),
        "as_of": thread.as_of.map(|step| step.0),
        "ended": thread.ended,
        "stack": shown,
    })
}

/// A frame.
pub(crate) fn frame(frame: &Frame) -> Json {
    json!({
        "id": frame.id.0,
        "function": &*frame.function,
        "at": at(&frame.at),
        "low": address(frame.low),
        "high": address(frame.high),
        "size": frame.high.checked_distance(frame.low),
        "user": frame.user,
        "locals": frame.locals.iter().map(local).collect::<Vec<_>>(),
        "other_bytes": frame.other_bytes.iter().map(other_bytes).collect::<Vec<_>>(),
    })
}

fn other_bytes(bytes: &FrameBytes) -> Json {
    let kind = match bytes.kind {
        FrameBytesKind::ReturnAddress => "return-address",
        FrameBytesKind::SavedRegister => "saved-register",
        FrameBytesKind::Unnamed => "unnamed",
    };
    json!({
        "address": address(bytes.address),
        "size": bytes.size,
        "kind": kind,
        "note": bytes.note.as_deref(),
    })
}

fn local(local: &Local) -> Json {
    let mut shown = json!({
        "name": &*local.name,
        "role": local_role(local.role),
        "type": &*local.type_name,
        "state": local_state(&local.state),
        "loans": [],
        "place": place(&local.place),
        "declared": position(local.declared.as_ref()),
    });
    if let LocalState::Unknown(unknown) = &local.state {
        set(&mut shown, "because", json!(&*unknown.reason));
    }
    let mut inside = match &local.value {
        Some(known) => value(known, VALUE_DEPTH),
        None => json!({"fields": []}),
    };
    set(&mut inside, "bytes", json!(hex(&local.bytes)));
    set(&mut shown, "value", inside);
    set(&mut shown, "cells", cells(&local.cells));
    shown
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

fn place(place: &Place) -> Json {
    json!({
        "region": region(place.region),
        "address": place.address.map(address),
        "size": place.size,
        "align": place.align,
        "note": place.note.as_deref(),
    })
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
fn value(value: &Value, depth: u32) -> Json {
    let mut shown = json!({"kind": value_kind(value.kind)});
    match &value.text {
        Ok(text) => set(&mut shown, "text", json!(&**text)),
        Err(unknown) => set(&mut shown, "unknown", json!(&*unknown.reason)),
    }
    let parts = if depth == 0 {
        &[]
    } else {
        value.fields.as_slice()
    };
    let cut = (value.fields.len() - parts.len()) as u64;
    let fields: Vec<_> = parts.iter().map(|f| field(f, depth - 1)).collect();
    set(&mut shown, "fields", json!(fields));
    let left_out = value.fields_left_out.saturating_add(cut);
    if left_out > 0 {
        set(&mut shown, "fields_left_out", json!(left_out));
    }
    if !value.facts.is_empty() {
        let facts: Map<_, _> = value
            .facts
            .iter()
            .map(|(name, fact)| (name.to_string(), json!(&**fact)))
            .collect();
        set(&mut shown, "facts", Json::Object(facts));
    }
    shown
}

fn field(field: &ValueField, depth: u32) -> Json {
    json!({
        "name": &*field.name,
        "type": &*field.type_name,
        "offset": field.offset,
        "value": value(&field.value, depth),
    })
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

fn cells(cells: &[Cell]) -> Json {
    cells.iter().map(cell).collect()
}

fn cell(cell: &Cell) -> Json {
    let mut shown = json!({
        "offset": cell.offset,
        "size": cell.size,
        "kind": cell_kind(cell.kind),
        "label": &*cell.label,
    });
    match &cell.text {
        Ok(text) => set(&mut shown, "text", json!(&**text)),
        Err(unknown) => set(&mut shown, "unknown", json!(&*unknown.reason)),
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
pub(crate) fn block(block: &Block, state: &State) -> Json {
    let mut shown = json!({
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
        "owners": block.owners.iter().map(|o| owner(o, state)).collect::<Vec<_>>(),
        "counts": block.counts.map(|c| json!({"strong": c.strong, "weak": c.weak})),
        "allocated": step_ref(&block.allocated),
        "freed": block.freed.as_ref().map(step_ref),
    });
    if let Some(because) = &block.no_owner_because {
        set(&mut shown, "because", json!(&**because));
    }
    let mut inside = value(&block.value, VALUE_DEPTH);
    set(&mut inside, "bytes", json!(hex(&block.bytes)));
    set(&mut shown, "value", inside);
    set(&mut shown, "cells", cells(&block.cells));
    shown
}

fn owner(owner: &Owner, state: &State) -> Json {
    let mut shown = match &owner.kind {
        OwnerKind::Local { frame, local } => json!({
            "kind": local_owner_kind(state, *frame, local),
            "frame": frame.0,
            "local": &**local,
        }),
        OwnerKind::Static { name } => json!({"kind": "static", "name": &**name}),
        OwnerKind::Tls { name } => json!({"kind": "tls", "name": &**name}),
        OwnerKind::Block { block, offset } => {
            json!({"kind": "block", "block": block.0, "offset": offset})
        }
    };
    set(&mut shown, "path", json!(&*owner.path));
    shown
}

/// `local`, `temporary` (made by the compiler), or `frame` (inside a frame of std or a dependency).
fn local_owner_kind(state: &State, frame: stackheap_model::FrameId, local: &str) -> &'static str {
    if matches!(state.frame(frame), Some((_, frame)) if !frame.user) {
        return "frame";
    }
    match state.local(frame, local) {
        Some(local) if local.role == LocalRole::Hidden => "temporary",
        _ => "local",
    }
}

/// A static or piece of read-only data.
pub(crate) fn static_item(item: &StaticItem) -> Json {
    json!({
        "name": &*item.name,
        "type": &*item.type_name,
        "place": place(&item.place),
        "value": value(&item.value, VALUE_DEPTH),
    })
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
pub(crate) fn edge(edge: &Edge) -> Json {
    let mut to = edge_end(&edge.to);
    set(&mut to, "bytes", json!(edge.bytes));
    json!({"kind": edge_kind(edge.kind), "from": edge_end(&edge.from), "to": to})
}

fn edge_end(end: &EdgeEnd) -> Json {
    match end {
        EdgeEnd::Local {
            frame,
            local,
            path,
            address: a,
        } => json!({
            "frame": frame.0, "local": &**local, "path": &**path, "address": address(*a),
        }),
        EdgeEnd::Block {
            block,
            offset,
            path,
        } => json!({"block": block.0, "offset": offset, "path": &**path}),
        EdgeEnd::Static {
            name,
            offset,
            address: a,
        } => json!({"static": &**name, "offset": offset, "address": address(*a)}),
        EdgeEnd::Symbol { name, address: a } => {
            json!({"symbol": &**name, "address": address(*a)})
        }
        EdgeEnd::Address {
            region: r,
            address: a,
        } => {
            json!({"region": region(*r), "address": address(*a)})
        }
    }
}

fn event(event: &Event, state: &State) -> Json {
    let words = sentence(event, state);
    let mut shown = json!({
        "kind": "other",
        "step": event.step.map(|step| step.0),
        "thread": event.thread.0,
        "text": words.text,
        "because": words.because,
        "at": position(event.at.as_ref()),
    });
    for (name, fact) in event_facts(&event.kind) {
        set(&mut shown, name, fact);
    }
    shown
}

/// What an event carries beside its words, by name.
fn event_facts(kind: &EventKind) -> Vec<(&'static str, Json)> {
    let named = |name: &str| ("kind", json!(name));
    match kind {
        EventKind::Call {
            frame,
            function,
            bytes,
        } => vec![
            named("call"),
            ("frame", json!(frame.0)),
            ("function", json!(&**function)),
            ("bytes", json!(bytes)),
        ],
        EventKind::Return { frame, function } => vec![
            named("return"),
            ("frame", json!(frame.0)),
            ("function", json!(&**function)),
        ],
        EventKind::Init {
            local,
            bytes,
            value,
        } => vec![
            named("init"),
            ("to", place_ref(local)),
            ("bytes", json!(bytes)),
            ("value", json!(value.as_deref())),
        ],
        EventKind::Assign {
            local,
            bytes,
            before,
            after,
        } => vec![
            named("assign"),
            ("to", place_ref(local)),
            ("bytes", json!(bytes)),
            ("before", json!(before.as_deref())),
            ("after", json!(after.as_deref())),
        ],
        EventKind::Alloc {
            block,
            address: a,
            bytes,
            align,
        } => vec![
            named("alloc"),
            ("block", json!(block.0)),
            ("address", address(*a)),
            ("bytes", json!(bytes)),
            ("align", json!(align)),
        ],
        EventKind::Realloc {
            block,
            old_address,
            address: a,
            old_bytes,
            bytes,
        } => vec![
            named("realloc"),
            ("block", json!(block.0)),
            ("old_address", address(*old_address)),
            ("address", address(*a)),
            ("old_bytes", json!(old_bytes)),
            ("bytes", json!(bytes)),
        ],
        EventKind::Free {
            block,
            address: a,
            bytes,
        } => vec![
            named("free"),
            ("block", json!(block.0)),
            ("address", address(*a)),
            ("bytes", json!(bytes)),
        ],
        EventKind::Count {
            block,
            before,
            after,
        } => vec![
            named("count"),
            ("block", json!(block.0)),
            ("before", json!({"strong": before.0, "weak": before.1})),
            ("after", json!({"strong": after.0, "weak": after.1})),
        ],
        EventKind::Output { stream, text } => vec![
            named("output"),
            ("stream", json!(stream_name(*stream))),
            ("output", json!(&**text)),
        ],
        EventKind::Unwind => vec![named("unwind")],
        EventKind::Signal { number, name } => vec![
            named("signal"),
            ("number", json!(number)),
            ("name", json!(&**name)),
        ],
        EventKind::ThreadStart { thread } => {
            vec![named("thread-start"), ("started", json!(thread.0))]
        }
        EventKind::ThreadEnd { thread } => vec![named("thread-end"), ("ended", json!(thread.0))],
        EventKind::Limit { what } => vec![named("limit"), ("what", json!(&**what))],
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

fn place_ref(place: &PlaceRef) -> Json {
    match place {
        PlaceRef::Local { frame, local } => json!({"frame": frame.0, "local": &**local}),
        PlaceRef::Block { block } => json!({"block": block.0}),
    }
}

/// Puts a member into an object that was made just before.
fn set(object: &mut Json, name: &str, member: Json) {
    if let Json::Object(members) = object {
        members.insert(name.to_owned(), member);
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
