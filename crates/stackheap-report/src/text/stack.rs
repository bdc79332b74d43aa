//! A thread's stack: frames from the outermost at the top to the newest at the bottom, as their
//! addresses fall, and the locals of each.

use stackheap_explain::{frame_bytes, local_role, local_state, position, size, visible};
use stackheap_model::{Frame, Local, LocalRole, LocalState, Place, Region, Stack, Thread};

use super::drawing::{Sheet, local_before};
use super::inside::{Inside, arrow, inside, look_of, value_text};
use super::line::{Look, columns};
use super::{Detail, Level};
use crate::Frames;
use crate::look::region_name;

/// With more frames than this, those in the middle are folded.
const FOLDED_FRAMES: usize = 12;
/// Frames shown at the outer end of a folded stack.
const OUTER_FRAMES: usize = 3;
/// Frames shown at the inner end of a folded stack.
const INNER_FRAMES: usize = 6;
/// Locals shown of a frame unless everything is asked for.
const FOLDED_LOCALS: usize = 40;
/// Columns of the bar of a stack's limit.
const BAR_COLUMNS: u64 = 20;

/// One thread.
pub(super) fn thread(sheet: &mut Sheet<'_>, thread: &Thread) {
    let name = match &thread.name {
        Some(name) => format!(" {}", visible(name)),
        None => String::new(),
    };
    let title = if sheet.state().threads.len() > 1 || thread.id.0 != 1 {
        format!("STACK of thread {}{name}", thread.id)
    } else {
        "STACK".to_owned()
    };
    let room = sheet.width.saturating_sub(columns(&title) + 2);
    let usage = usage(sheet, &thread.stack, room);
    sheet.heading(&title, &usage);
    if thread.ended {
        sheet.remark("  ", "this thread has ended; its stack is gone");
        return;
    }
    if let Some(step) = thread.as_of
        && thread.id != sheet.state().thread
    {
        sheet.remark("  ", &format!("as it was at step {step}"));
    }
    if sheet.options.level == Level::Beginner && thread.id == sheet.state().thread {
        let words = "the newest call is at the bottom: a stack grows to lower addresses";
        sheet.remark("  ", words);
    }
    frames(sheet, thread);
}

/// `1232 bytes of 8 MiB in use ▕█····▏ most so far 4096 bytes`; without the bar where there is no
/// room for it.
fn usage(sheet: &Sheet<'_>, stack: &Stack, room: usize) -> String {
    let used = size(stack.used);
    let most = format!("most so far {}", size(stack.high_water));
    match &stack.limit {
        Ok(limit) => {
            let of = format!("{used} of {} in use", size(*limit));
            let whole = format!("{of} {} {most}", bar(sheet, stack.used, *limit));
            if columns(&whole) <= room {
                whole
            } else {
                format!("{of}, {most}")
            }
        }
        Err(unknown) => format!(
            "{used} in use, limit unknown: {}; {most}",
            visible(&unknown.reason)
        ),
    }
}

fn bar(sheet: &Sheet<'_>, used: u64, limit: u64) -> String {
    let [left, full, empty, right] = sheet.set.bar;
    let filled = u128::from(used) * u128::from(BAR_COLUMNS) / u128::from(limit.max(1));
    let filled = u64::try_from(filled)
        .unwrap_or(BAR_COLUMNS)
        .min(BAR_COLUMNS);
    let mut bar = String::from(left);
    for column in 0..BAR_COLUMNS {
        bar.push(if column < filled { full } else { empty });
    }
    bar.push(right);
    bar
}

fn frames(sheet: &mut Sheet<'_>, thread: &Thread) {
    let chosen: Vec<(usize, &Frame)> = thread
        .frames
        .iter()
        .rev()
        .enumerate()
        .filter(|(_, frame)| frame.user || sheet.options.frames == Frames::All)
        .collect();
    let hidden = thread.frames.len() - chosen.len();
    if chosen.is_empty() {
        sheet.remark("  ", "no frame of user code");
    }
    if hidden > 0 {
        let words = if hidden == 1 { "frame" } else { "frames" };
        sheet.remark(
            "  ",
            &format!("{hidden} {words} of std or dependencies not shown"),
        );
    }
    let fold = chosen.len() > FOLDED_FRAMES && sheet.options.detail == Detail::Short;
    let inner_from = chosen.len().saturating_sub(INNER_FRAMES);
    for (index, (_, frame)) in chosen.iter().enumerate() {
        if fold && index == OUTER_FRAMES {
            let middle = chosen.get(OUTER_FRAMES..inner_from).unwrap_or_default();
            folded(sheet, middle);
        }
        if fold && (OUTER_FRAMES..inner_from).contains(&index) {
            continue;
        }
        draw_frame(sheet, thread, frame);
    }
}

/// Frames told as one line: how many, how many bytes, and of which functions.
fn folded(sheet: &mut Sheet<'_>, frames: &[(usize, &Frame)]) {
    let total: u64 = frames
        .iter()
        .map(|(_, frame)| frame_size(frame))
        .fold(0, u64::saturating_add);
    let mut functions: Vec<(&str, u64)> = Vec::new();
    for (_, frame) in frames {
        match functions
            .iter_mut()
            .find(|(name, _)| *name == &*frame.function)
        {
            Some((_, count)) => *count += 1,
            None => functions.push((&frame.function, 1)),
        }
    }
    functions.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named: Vec<_> = functions
        .iter()
        .take(3)
        .map(|(name, count)| format!("{count} of {}", visible(name)))
        .collect();
    let more = if functions.len() > 3 { ", ..." } else { "" };
    let words = format!(
        "{} {} more frames, {} in all: {}{more}",
        sheet.set.gap,
        frames.len(),
        size(total),
        named.join(", ")
    );
    sheet.remark("", &words);
}

fn frame_size(frame: &Frame) -> u64 {
    frame.high.checked_distance(frame.low).unwrap_or(0)
}

fn draw_frame(sheet: &mut Sheet<'_>, thread: &Thread, frame: &Frame) {
    let [top, side, bottom, flat] = sheet.set.rule;
    let mut line = sheet.line();
    line.push(Look::Dim, &format!("{top}{flat} "));
    line.push(
        Look::Strong,
        &sheet.fit(&visible(&frame.function), sheet.width / 2),
    );
    line.plain(&format!("  {}", size(frame_size(frame))));
    if let Some(at) = &frame.at.position {
        let innermost = thread
            .frames
            .first()
            .is_some_and(|first| first.id == frame.id);
        let words = if innermost { "at" } else { "waits at" };
        line.plain(&format!("  {words} {}", position(at)));
    }
    let address = frame.high.to_string();
    let column = sheet.width.saturating_sub(columns(&address) + 1);
    if line.columns() + 2 < column {
        line.plain(" ").fill(Look::Dim, flat, column).plain(" ");
        line.push(Look::Dim, &address);
    }
    sheet.end(line);
    let rule = side.to_string();
    locals(sheet, frame, &rule);
    if sheet.options.level == Level::Engineer {
        other_bytes(sheet, frame, &rule);
    }
    let mut line = sheet.line();
    line.push(Look::Dim, &format!("{bottom}{flat} "));
    // A frame may be on another stack than the thread's own.
    let distance = thread.stack.high.checked_distance(frame.low);
    if let Some(used) = distance.filter(|&used| used <= thread.stack.used) {
        line.push(Look::Dim, &format!("{} in use up to here ", size(used)));
    }
    let address = frame.low.to_string();
    let column = sheet.width.saturating_sub(columns(&address) + 1);
    line.fill(Look::Dim, flat, column)
        .plain(" ")
        .push(Look::Dim, &address);
    sheet.end(line);
}

/// The widths of the columns of a frame's table.
struct Widths {
    name: usize,
    type_name: usize,
    size: usize,
    place: usize,
}

fn locals(sheet: &mut Sheet<'_>, frame: &Frame, rule: &str) {
    let (gone, shown): (Vec<_>, Vec<_>) = frame
        .locals
        .iter()
        .partition(|local| local.state == LocalState::OutOfScope && !sheet.full());
    let most = if sheet.full() {
        shown.len()
    } else {
        FOLDED_LOCALS
    };
    let widths = widths(sheet, &shown);
    for local in shown.iter().take(most) {
        draw_local(sheet, frame, local, &widths, rule);
    }
    if shown.len() > most {
        let words = format!("and {} more locals", shown.len() - most);
        sheet.remark(&format!("{rule}  "), &words);
    }
    if !gone.is_empty() {
        let names: Vec<_> = gone.iter().map(|local| visible(&local.name)).collect();
        sheet.remark(
            &format!("{rule}  "),
            &format!("out of scope: {}", names.join(", ")),
        );
    }
    if shown.is_empty() && gone.is_empty() {
        sheet.remark(&format!("{rule}  "), "no locals");
    }
}

fn widths(sheet: &Sheet<'_>, locals: &[&Local]) -> Widths {
    let longest = |text: &dyn Fn(&Local) -> String, most: usize| {
        let widest = locals.iter().map(|local| columns(&text(local))).max();
        widest.unwrap_or(0).min(most)
    };
    Widths {
        name: longest(&|local| visible(&local.name).into_owned(), 18),
        type_name: longest(
            &|local| sheet.type_name(&local.type_name),
            if sheet.full() { 60 } else { 24 },
        ),
        size: longest(&|local| size(local.place.size), 12),
        place: longest(&|local| short_place(&local.place), 22),
    }
}

/// Where a local lives, in a few words; the stack needs no word inside the stack.
fn short_place(place: &Place) -> String {
    match (place.region, place.address, &place.note) {
        (Region::None, _, _) if place.size == 0 => "no memory".to_owned(),
        (Region::None, _, Some(reason)) => visible(reason).into_owned(),
        (Region::Register, _, Some(name)) => format!("register {}", visible(name)),
        (Region::Stack, Some(address), _) => address.to_string(),
        (region, Some(address), _) => format!("{} {address}", region_name(region)),
        (region, None, _) => region_name(region).to_owned(),
    }
}

fn draw_local(sheet: &mut Sheet<'_>, frame: &Frame, local: &Local, widths: &Widths, rule: &str) {
    let changed = local_before(sheet, frame.id, &local.name)
        .is_some_and(|before| before.bytes != local.bytes || before.state != local.state);
    sheet.marked |= changed;
    let stale = matches!(
        local.state,
        LocalState::Moved | LocalState::Dropped | LocalState::OutOfScope
    );
    let mut line = sheet.line();
    line.push(Look::Dim, rule);
    line.push(Look::Changed, if changed { "*" } else { " " });
    let name = sheet.fit(&visible(&local.name), widths.name);
    line.push(if stale { Look::Dim } else { Look::Strong }, &name);
    let mut column = 2 + widths.name + 2;
    line.pad_to(column);
    let type_name = sheet.type_name(&local.type_name);
    line.plain(&sheet.fit(&type_name, widths.type_name));
    column += widths.type_name + 2;
    line.pad_to(column);
    line.plain(&sheet.fit(&size(local.place.size), widths.size));
    column += widths.size + 2;
    line.pad_to(column);
    line.push(
        Look::Dim,
        &sheet.fit(&short_place(&local.place), widths.place),
    );
    column += widths.place + 2;
    line.pad_to(column);
    let (mut look, mut text) = content(sheet, frame, local, Reason::InRow);
    let room = match sheet.options.detail {
        Detail::Short => sheet.width.saturating_sub(line.columns()).max(10),
        Detail::Full => usize::MAX,
    };
    // A reason is told whole: below, where the row has no room for it.
    let reason = why_unknown(local).filter(|_| value_is_known(local) || columns(&text) > room);
    if reason.is_some() {
        (look, text) = content(sheet, frame, local, Reason::Below);
    }
    let overflows = columns(&text) > room && room < 30;
    if !overflows {
        line.push(look, &sheet.fit(&text, room));
    }
    sheet.end(line);
    if overflows {
        let mut line = sheet.line();
        line.push(Look::Dim, rule).pad_to(6);
        line.push(look, &sheet.fit(&text, sheet.width.saturating_sub(6)));
        sheet.end(line);
    }
    if local.state == LocalState::Uninit {
        return;
    }
    if let Some(reason) = reason {
        sheet.remark(&format!("{rule}     "), &visible(reason));
    }
    if let Some(stale) = sheet.look.stale(frame.id, local) {
        sheet.remark(&format!("{rule}     "), &stale);
    }
    let edges = sheet.look.edges_of_local(frame.id, &local.name).to_vec();
    let at: Vec<_> = local
        .cells
        .iter()
        .map(|cell| {
            (
                cell.offset,
                sheet.look.edge_in_local(frame.id, local, cell.offset),
            )
        })
        .collect();
    let edge_at = |offset: u64| {
        at.iter()
            .find(|(o, _)| *o == offset)
            .and_then(|(_, edge)| *edge)
    };
    inside(
        sheet,
        &format!("{rule}   "),
        &Inside {
            cells: &local.cells,
            bytes: &local.bytes,
            edges: &edges,
            edge_at: &edge_at,
            stale,
            element_bytes: None,
        },
    );
}

fn value_is_known(local: &Local) -> bool {
    local.value.as_ref().is_some_and(|value| value.text.is_ok())
}

/// Why the state of a local is unknown, or else its value.
fn why_unknown(local: &Local) -> Option<&str> {
    match (&local.state, &local.value) {
        (LocalState::Unknown(unknown), _) => Some(&unknown.reason),
        (LocalState::Live, Some(value)) => value.text.as_ref().err().map(|why| &*why.reason),
        _ => None,
    }
}

/// Where it is told why something is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    InRow,
    Below,
}

/// What a local holds, in one line: its state where it is not live, its pointer or its value.
fn content(sheet: &mut Sheet<'_>, frame: &Frame, local: &Local, reason: Reason) -> (Look, String) {
    let mut parts = Vec::new();
    let mut look = Look::Plain;
    match &local.state {
        LocalState::Live => {}
        LocalState::Unknown(_) if value_is_known(local) => {
            parts.push("state unknown".to_owned());
        }
        LocalState::Unknown(_) if reason == Reason::Below => {
            return (Look::Dim, "unknown".to_owned());
        }
        LocalState::Uninit => return (Look::Dim, format!("? {}", local_state(&local.state))),
        state => {
            look = Look::Dim;
            parts.push(local_state(state));
        }
    }
    let edges = sheet.look.edges_of_local(frame.id, &local.name);
    if let ([edge], [] | [_]) = (edges, &*local.cells)
        && parts.is_empty()
    {
        let edge = *edge;
        sheet.drawn.insert(edge.kind);
        look = look_of(edge.kind);
        parts.push(arrow(sheet, edge));
    }
    if let Some(value) = &local.value {
        let text = match (&value.text, reason) {
            (Err(_), Reason::Below) => "value unknown".to_owned(),
            _ => value_text(value),
        };
        // A pointer that is its own text, an unknown state with an unknown value: once is enough.
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        if sheet.options.level == Level::Engineer {
            let facts = value.facts.iter();
            parts.extend(facts.map(|(name, fact)| format!("{}: {}", visible(name), visible(fact))));
        }
    }
    if matches!(local.role, LocalRole::Hidden | LocalRole::Capture)
        || (local.role == LocalRole::Parameter && sheet.options.level == Level::Engineer)
    {
        parts.push(format!("({})", local_role(local.role)));
    }
    let separator = format!(" {} ", sheet.set.dot);
    (look, parts.join(&separator))
}

fn other_bytes(sheet: &mut Sheet<'_>, frame: &Frame, rule: &str) {
    for bytes in &frame.other_bytes {
        let words = format!(
            "{} {}  {}",
            bytes.address,
            size(bytes.size),
            frame_bytes(bytes)
        );
        sheet.remark(&format!("{rule}  "), &words);
    }
}
