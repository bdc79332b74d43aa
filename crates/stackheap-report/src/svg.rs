//! A state as a self-contained picture: code, stack, heap and statics side by side.
//!
//! The picture carries its own styles for light and dark, a title and a description, and loads
//! nothing. Blocks stand in the order of their numbers and locals in that of the source, so that
//! pictures of consecutive steps can be laid beside each other.

mod layout;

use std::fmt::Write as _;

use stackheap_explain::{edge_kind, event, local_state, size, visible};
use stackheap_model::{
    Block, BlockState, CellKind, Edge, EdgeEnd, EdgeKind, Frame, FrameId, Local, LocalState,
    Region, SourceFile, State,
};

use crate::html::escape;
use crate::look::Look;
use layout::{Card, Cards, Corner, Key, Port, Row, StripCell, short};

/// Lines of source before and after the step.
const SOURCE_LINES: u32 = 8;
/// Frames drawn at the outer and at the inner end of a deep stack.
const OUTER_FRAMES: usize = 2;
const INNER_FRAMES: usize = 6;
/// Cards drawn in the columns of the heap and of the statics.
const MOST_CARDS: usize = 40;
/// Locals drawn of a frame.
const MOST_LOCALS: usize = 40;
/// Events told below the picture.
const MOST_EVENTS: usize = 8;

const STYLE: &str = "
  svg { color-scheme: light dark; --bg:#f7f7f4; --panel:#fff; --cell:#f3f5f7; --ink:#1c2126; --muted:#57606a; --line:#c9d1d9;
    --own:#116329; --borrow:#0550ae; --mut:#7a3ecf; --weak:#8a5a00; --raw:#66707a; --here:#fff1c2 }
  @media (prefers-color-scheme: dark) { svg { --bg:#121518; --panel:#1a1e22; --cell:#23282d; --ink:#e4e7ea; --muted:#9aa5b1; --line:#3c444d;
    --own:#5fca82; --borrow:#79b8ff; --mut:#c7a2ff; --weak:#e0b04a; --raw:#9aa5b1; --here:#4a3d12 } }
  text { font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: var(--ink); white-space: pre }
  .h { font: 600 14px system-ui, sans-serif } .b { font-weight: 600 } .m { fill: var(--muted); font-size: 11px } .l { fill: var(--muted); font-size: 9px }
  .bg { fill: var(--bg) } .card { fill: var(--panel); stroke: var(--line) } .focus { stroke: var(--ink); stroke-width: 2 }
  .cell { fill: var(--cell); stroke: var(--line) } .ghost { fill: none; stroke: var(--line); stroke-dasharray: 4 3 }
  .stale { fill: url(#hatch); stroke: var(--line); stroke-dasharray: 3 2 } .pad { fill: url(#pad); stroke: var(--line) }
  .hatchline { stroke: var(--muted); opacity: .3 } .herebar { fill: var(--here) }
  .k { fill: var(--bg); stroke: var(--raw); stroke-width: 1.4 }
  .e { fill: none; stroke: var(--raw); stroke-width: 1.4 } .owns, .shares { stroke: var(--own); stroke-width: 2.6 }
  .weak { stroke: var(--weak); stroke-width: 1.8; stroke-dasharray: 1.5 4; stroke-linecap: round }
  .borrows { stroke: var(--borrow); stroke-width: 1.7; stroke-dasharray: 6 4 } .borrows-mut { stroke: var(--mut); stroke-width: 4.6 }
  .core { stroke: var(--bg); stroke-width: 1.8 } .raw { stroke-dasharray: 8 3 1.5 3 }
  .k.owns, .k.shares { fill: var(--own); stroke-width: 1.4 } .k.weak, .k.borrows, .k.borrows-mut, .k.raw { stroke-dasharray: none; stroke-width: 1.6 }
  .k.open { fill: none }
";

/// The picture of one step. `sources` may be empty: then no code is drawn.
pub fn state(state: &State, sources: &[SourceFile]) -> String {
    let look = Look::new(state);
    let mut cards = Cards::new();
    code(&mut cards, state, sources);
    stacks(&mut cards, &look);
    heap(&mut cards, &look);
    statics(&mut cards, &look);
    let words: Vec<String> = state
        .events
        .iter()
        .take(MOST_EVENTS)
        .map(|happened| event(happened, state).text)
        .collect();
    cards.finish(&words);
    draw(&cards, state, &look, &words)
}

fn code(cards: &mut Cards, state: &State, sources: &[SourceFile]) {
    let Some(at) = &state.at.position else { return };
    let file = sources.iter().find(|file| file.path == *at.file);
    let Some(text) = file.and_then(|file| file.text.as_deref()) else {
        return;
    };
    let first = at.line.saturating_sub(SOURCE_LINES).max(1);
    let last = at.line.saturating_add(SOURCE_LINES);
    let mut rows = vec![Row::text("m", visible(&at.file).into_owned())];
    for (number, line) in (1u32..).zip(text.lines()).take_while(|(n, _)| *n <= last) {
        if number < first {
            continue;
        }
        let here = number == at.line;
        let mark = if here { '▶' } else { ' ' };
        let line = visible(&line.replace('\t', "    ")).into_owned();
        let text = short(&format!("{mark}{number:>4}  {line}"), layout::CODE_COLUMNS);
        rows.push(if here {
            Row::here(text)
        } else {
            Row::text("", text)
        });
    }
    cards.column("Code", layout::CODE_COLUMNS);
    cards.add(Card::new(Key::Code, "card", rows));
}

fn stacks(cards: &mut Cards, look: &Look<'_>) {
    let state = look.state;
    let several = state.threads.len() > 1;
    for thread in &state.threads {
        let title = if several {
            format!("Stack of thread {}", thread.id)
        } else {
            "Stack".to_owned()
        };
        cards.column(&title, layout::STACK_COLUMNS);
        let limit = match &thread.stack.limit {
            Ok(limit) => format!(" of {}", size(*limit)),
            Err(_) => String::new(),
        };
        cards.remark(&format!("{}{limit} in use", size(thread.stack.used)));
        cards.remark("newest call at the bottom, at lower addresses");
        let frames: Vec<&Frame> = thread.frames.iter().rev().filter(|f| f.user).collect();
        let inner = frames.len().saturating_sub(INNER_FRAMES);
        for (index, frame) in frames.iter().enumerate() {
            if index == OUTER_FRAMES && inner > OUTER_FRAMES {
                cards.remark(&format!("⋮ {} more frames", inner - OUTER_FRAMES));
            }
            if index < OUTER_FRAMES || index >= inner {
                let innermost = index + 1 == frames.len() && thread.id == state.thread;
                let class = if innermost { "card focus" } else { "card" };
                cards.add(Card::new(
                    Key::Frame(frame.id),
                    class,
                    frame_rows(look, frame),
                ));
            }
        }
    }
}

fn frame_rows(look: &Look<'_>, frame: &Frame) -> Vec<Row> {
    let bytes = frame.high.checked_distance(frame.low).unwrap_or(0);
    let mut rows = vec![
        Row::text(
            "b",
            short(&visible(&frame.function), layout::STACK_COLUMNS - 2),
        ),
        Row::text(
            "m",
            format!("{} from {} up to {}", size(bytes), frame.low, frame.high),
        ),
    ];
    let shown = frame
        .locals
        .iter()
        .filter(|local| local.state != LocalState::OutOfScope);
    for local in shown.clone().take(MOST_LOCALS) {
        local_rows(look, frame.id, local, &mut rows);
    }
    let more = shown.count().saturating_sub(MOST_LOCALS);
    if more > 0 {
        rows.push(Row::text("m", format!("and {more} more locals")));
    }
    rows
}

fn local_rows(look: &Look<'_>, frame: FrameId, local: &Local, rows: &mut Vec<Row>) {
    let type_name = stackheap_explain::short_type(&visible(&local.type_name));
    let head = format!("{}  {}", visible(&local.name), type_name);
    let key = Key::Local(frame, local.name.to_string());
    rows.push(Row::anchor(
        key,
        "b",
        short(&head, layout::STACK_COLUMNS - 2),
    ));
    let mut place = match (local.place.region, local.place.address) {
        (Region::Stack, Some(address)) => format!("{} at {address}", size(local.place.size)),
        _ => stackheap_explain::place(&local.place),
    };
    let words = local_state(&local.state);
    // A value that is nowhere gives its reason as its place.
    if !words.is_empty() && local.place.region != Region::None {
        place.push_str(&format!(" · {words}"));
    }
    rows.push(Row::text("m", short(&place, layout::STACK_COLUMNS)));
    if local.state == LocalState::Uninit {
        rows.push(Row::text("m", "?".to_owned()));
        return;
    }
    if let Some(stale) = look.stale(frame, local) {
        rows.push(Row::text("m", short(&stale, layout::STACK_COLUMNS)));
    }
    let edge_at = |offset| look.edge_in_local(frame, local, offset);
    if let Some(value) = &local.value {
        let text = value_text(value);
        // A number that stands in its box, an unknown that stands above: once is enough.
        let boxed = match &*local.cells {
            [cell] => cell.text.as_ref().is_ok_and(|inside| **inside == *text),
            _ => local.state != LocalState::Live && place.contains(&text),
        };
        if !boxed {
            rows.push(Row::text("", short(&text, layout::STACK_COLUMNS - 2)));
        }
    }
    let gone = matches!(local.state, LocalState::Moved | LocalState::Dropped);
    strip(
        look,
        &local.cells,
        gone,
        &edge_at,
        layout::STACK_COLUMNS,
        rows,
    );
}

fn value_text(value: &stackheap_model::Value) -> String {
    match &value.text {
        Ok(text) => visible(text).into_owned(),
        Err(unknown) => format!("unknown: {}", visible(&unknown.reason)),
    }
}

/// Edges are told apart by where they lie in the state, which does not change while it is drawn.
fn identity(edge: &Edge) -> usize {
    std::ptr::from_ref(edge).addr()
}

/// The boxes of a value, in rows of whole words.
fn strip<'e>(
    look: &Look<'_>,
    cells: &[stackheap_model::Cell],
    stale: bool,
    edge_at: &dyn Fn(u64) -> Option<&'e Edge>,
    columns: usize,
    rows: &mut Vec<Row>,
) {
    let mut made = Vec::new();
    for cell in cells {
        let edge = edge_at(cell.offset).filter(|_| !stale);
        let text = match (edge, &cell.text) {
            (Some(edge), _) => format!("→ {}", look.short_target(edge)),
            (None, _) if cell.kind == CellKind::Padding => String::new(),
            (None, Ok(text)) => visible(text).into_owned(),
            (None, Err(_)) => "?".to_owned(),
        };
        made.push(StripCell {
            offset_bytes: cell.offset,
            size_bytes: cell.size,
            label: match cell.kind {
                CellKind::Padding => String::new(),
                _ => visible(&cell.label).into_owned(),
            },
            text,
            class: match (cell.kind, stale) {
                (CellKind::Padding, _) => "pad",
                (_, true) => "stale",
                _ => "cell",
            },
            port: edge.map(identity),
        });
    }
    rows.extend(layout::strips(made, columns));
}

fn heap(cards: &mut Cards, look: &Look<'_>) {
    let blocks = &look.state.blocks;
    cards.column("Heap", layout::HEAP_COLUMNS);
    let live = blocks
        .iter()
        .filter(|block| block.state == BlockState::Live);
    let bytes = live
        .clone()
        .map(|block| block.size)
        .fold(0, u64::saturating_add);
    let count = live.count();
    let noun = if count == 1 { "block" } else { "blocks" };
    cards.remark(&format!("{count} {noun}, {}", size(bytes)));
    let skipped = blocks.len().saturating_sub(MOST_CARDS);
    if skipped > 0 {
        cards.remark(&format!("⋮ {skipped} older blocks"));
    }
    for block in blocks.iter().skip(skipped) {
        let class = match block.state {
            BlockState::Live => "card",
            BlockState::Freed => "ghost",
        };
        cards.add(Card::new(
            Key::Block(block.id),
            class,
            block_rows(look, block),
        ));
    }
}

fn block_rows(look: &Look<'_>, block: &Block) -> Vec<Row> {
    let columns = layout::HEAP_COLUMNS;
    let type_name = block.type_name.as_deref().map_or_else(
        || "type unknown".to_owned(),
        |name| stackheap_explain::short_type(&visible(name)),
    );
    let mut head = format!("#{}  {type_name}", block.id);
    if let Some(counts) = block.counts {
        head.push_str(&format!("  strong {} weak {}", counts.strong, counts.weak));
    }
    let mut rows = vec![
        Row::text("b", short(&head, columns - 2)),
        Row::text("m", format!("{} at {}", size(block.size), block.address)),
    ];
    let text = value_text(&block.value);
    if !text.is_empty() {
        rows.push(Row::text("", short(&text, columns - 2)));
    }
    let freed = block.state == BlockState::Freed;
    let edge_at = |offset| look.edge_in_block(block.id, offset);
    strip(look, &block.cells, freed, &edge_at, columns, &mut rows);
    let owners: Vec<_> = block.owners.iter().map(|owner| look.owner(owner)).collect();
    let owned = match (owners.len(), &block.no_owner_because) {
        _ if freed => "freed".to_owned(),
        (0, Some(because)) => format!("owner not known: {}", visible(because)),
        (0, None) => "owner unknown".to_owned(),
        (1, _) => format!("owned by {}", owners.concat()),
        (_, _) if block.counts.is_none() => {
            format!("held by {}: owner unknown", owners.join(" and "))
        }
        _ => format!("shared by {}", owners.join(" and ")),
    };
    rows.push(Row::text("m", short(&owned, columns)));
    rows
}

fn statics(cards: &mut Cards, look: &Look<'_>) {
    let items = &look.state.statics;
    if items.is_empty() {
        return;
    }
    cards.column("Static", layout::STATIC_COLUMNS);
    for item in items.iter().take(MOST_CARDS) {
        let columns = layout::STATIC_COLUMNS;
        let mut rows = vec![
            Row::text("b", short(&visible(&item.name), columns - 2)),
            Row::text(
                "m",
                short(
                    &visible(&stackheap_explain::short_type(&item.type_name)),
                    columns,
                ),
            ),
            Row::text(
                "m",
                short(
                    &format!(
                        "{} {}",
                        size(item.place.size),
                        crate::look::region_name(item.place.region)
                    ),
                    columns,
                ),
            ),
        ];
        let text = value_text(&item.value);
        if text != *item.name {
            rows.push(Row::text("", short(&text, columns - 2)));
        }
        cards.add(Card::new(Key::Static(item.name.to_string()), "card", rows));
    }
    let more = items.len().saturating_sub(MOST_CARDS);
    if more > 0 {
        cards.remark(&format!("and {more} more"));
    }
}

/// The picture, from cards that have their places.
fn draw(cards: &Cards, state: &State, look: &Look<'_>, words: &[String]) -> String {
    let (width, height) = cards.extent();
    let at = state.at.position.as_ref().map(stackheap_explain::position);
    let title = format!(
        "Step {} of {}{}: {} {}",
        state.step,
        state.steps,
        stackheap_explain::part(state.part),
        visible(&state.at.function),
        at.unwrap_or_default()
    );
    let mut out = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-labelledby=\"title desc\">\n<title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n<style>{STYLE}</style>\n",
        escape(&title),
        escape(&description(state, look, words))
    );
    out.push_str(
        "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path class=\"hatchline\" d=\"M0 0L6 6\"/></pattern>\
         <pattern id=\"pad\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\"><path class=\"hatchline\" d=\"M0 4L4 0\"/></pattern></defs>\n",
    );
    let _ = writeln!(
        out,
        "<rect class=\"bg\" width=\"{width}\" height=\"{height}\"/>"
    );
    let _ = writeln!(
        out,
        "<text class=\"h\" x=\"{}\" y=\"28\">{}</text>",
        layout::MARGIN,
        escape(&title)
    );
    cards.draw(&mut out);
    edges(cards, state, &mut out);
    out.push_str("</svg>\n");
    out
}

/// The picture in words, for those who do not see it: what happened, and every pointer.
fn description(state: &State, look: &Look<'_>, words: &[String]) -> String {
    let mut told: Vec<String> = words.to_vec();
    for edge in state.edges.iter().take(200) {
        let from = match &edge.from {
            EdgeEnd::Local { frame, local, .. } => look.local_name(*frame, local),
            EdgeEnd::Block { block, .. } => format!("heap #{block}"),
            EdgeEnd::Static { name, .. } => name.to_string(),
            EdgeEnd::Symbol { .. } | EdgeEnd::Address { .. } => continue,
        };
        told.push(format!(
            "{from} {} {}",
            edge_kind(edge.kind),
            look.target(edge)
        ));
    }
    told.join(". ")
}

fn edges(cards: &Cards, state: &State, out: &mut String) {
    let mut lane = 0;
    for edge in &state.edges {
        let Some(from) = cards.port(identity(edge)) else {
            continue;
        };
        let key = match &edge.to {
            EdgeEnd::Local { frame, local, .. } => Key::Local(*frame, local.to_string()),
            EdgeEnd::Block { block, .. } => Key::Block(*block),
            EdgeEnd::Static { name, .. } => Key::Static(name.to_string()),
            EdgeEnd::Symbol { .. } | EdgeEnd::Address { .. } => continue,
        };
        let Some(to) = cards.corner(&key) else {
            continue;
        };
        lane += 1;
        draw_edge(edge.kind, &from, &to, lane, out);
    }
}

fn draw_edge(kind: EdgeKind, from: &Port, to: &Corner, lane: i64, out: &mut String) {
    let name = crate::json::edge_kind(kind);
    let (x0, y0) = (from.x, from.y);
    let y1 = y0 + 7;
    let rightwards = to.left > from.right;
    let leftwards = to.right < from.left;
    let x1 = if leftwards { from.left } else { from.right };
    let x2 = if rightwards {
        to.left - 1
    } else {
        to.right + 1
    };
    let reach = if rightwards || leftwards {
        ((x2 - x1).abs() * 55 / 100).max(26)
    } else {
        24 + lane % 6 * 6
    };
    let (back, turn) = (
        if rightwards { 1 } else { -1 },
        if leftwards { -1 } else { 1 },
    );
    let y2 = to.y;
    let path = format!(
        "M{x0} {y0}V{}Q{x0} {y1} {} {y1}H{x1}C{} {y1} {} {y2} {} {y2}",
        y1 - 4,
        x0 + 4 * turn,
        x1 + reach * turn,
        x2 - reach * back,
        x2 - 9 * back
    );
    let _ = writeln!(out, "<path class=\"e {name}\" d=\"{path}\"/>");
    if kind == EdgeKind::BorrowsMut {
        let _ = writeln!(out, "<path class=\"e core\" d=\"{path}\"/>");
    }
    let diamond = |x: i64| format!("M{x} {}l5 5l-5 5l-5 -5z", y0 - 5);
    let start = match kind {
        EdgeKind::Owns | EdgeKind::Weak => diamond(x0),
        EdgeKind::Shares => diamond(x0 - 5) + &diamond(x0 + 5),
        _ => format!("M{} {y0}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", x0 - 3),
    };
    let _ = writeln!(out, "<path class=\"k {name}\" d=\"{start}\"/>");
    let owner = matches!(kind, EdgeKind::Owns | EdgeKind::Shares);
    let (open, close) = if owner { ("", "z") } else { (" open", "") };
    let _ = writeln!(
        out,
        "<path class=\"k {name}{open}\" d=\"M{} {}L{x2} {y2}L{} {}{close}\"/>",
        x2 - 9 * back,
        y2 - 5,
        x2 - 9 * back,
        y2 + 5
    );
}
