//! What is inside a value: its text, its cells as boxes, its pointers as arrows.

use stackheap_explain::visible;
use stackheap_model::{Cell, CellKind, Edge, EdgeKind, Value};

use super::Bytes;
use super::drawing::Sheet;
use super::glyphs::Border;
use super::line::Look;
use super::strip::{FOLDED_ROWS, MOST_ROWS, Pen, Piece};

/// Columns of a word in a row of boxes.
const WORD_COLUMNS: usize = 16;
/// Pointers listed below a value unless everything is asked for.
const FOLDED_POINTERS: usize = 8;

/// The text of a value, or why there is none.
pub(super) fn value_text(value: &Value) -> String {
    match &value.text {
        Ok(text) => visible(text).into_owned(),
        Err(unknown) => format!("unknown: {}", visible(&unknown.reason)),
    }
}

/// What is drawn inside a local or block.
pub(super) struct Inside<'s, 'e> {
    pub(super) cells: &'s [Cell],
    pub(super) bytes: &'s [u8],
    pub(super) edges: &'s [&'e Edge],
    /// The pointer in the cell at this distance in bytes.
    pub(super) edge_at: &'s dyn Fn(u64) -> Option<&'e Edge>,
    /// Whether the value is there, or only the bytes it left.
    pub(super) stale: bool,
    /// The size of an element in bytes, where the cells repeat: rows then hold whole elements.
    pub(super) element_bytes: Option<u64>,
}

impl Inside<'_, '_> {
    /// Whether boxes say more than the text alone.
    fn worth_boxes(&self, pieces: &[Piece], sheet: &Sheet<'_>) -> bool {
        if sheet.options.bytes == Bytes::Hex {
            return !pieces.is_empty();
        }
        let fitting = pieces.iter().filter(|piece| piece.fits()).count();
        pieces.len() > 1 && fitting * 2 >= pieces.len()
    }
}

/// The boxes and the list of pointers, each line with `rule` before it.
pub(super) fn inside(sheet: &mut Sheet<'_>, rule: &str, inside: &Inside<'_, '_>) {
    let pieces: Vec<_> = inside
        .cells
        .iter()
        .map(|cell| piece(sheet, inside, cell))
        .collect();
    let boxes = inside.worth_boxes(&pieces, sheet);
    if boxes {
        draw_boxes(sheet, rule, inside, &pieces);
    }
    let mut unseen = Vec::new();
    for edge in inside.edges {
        let seen = boxes && pieces_show(sheet, inside, &pieces, edge);
        if !seen && !inside.stale {
            unseen.push(*edge);
        }
    }
    // A single pointer of a single cell stands in the row of the local itself.
    if inside.cells.len() <= 1 && unseen.len() == 1 && !boxes {
        return;
    }
    list_pointers(sheet, rule, &unseen);
}

fn draw_boxes(sheet: &mut Sheet<'_>, rule: &str, inside: &Inside<'_, '_>, pieces: &[Piece]) {
    let room = sheet.width.saturating_sub(super::line::columns(rule) + 3);
    let words = (room / WORD_COLUMNS).max(1) as u64;
    let row_bytes = match inside.element_bytes {
        Some(element) if element > 0 && element <= words * 8 => words * 8 / element * element,
        _ => words * 8,
    };
    let border: &Border = if inside.stale {
        &sheet.set.stale
    } else {
        &sheet.set.live
    };
    let pen = Pen {
        set: sheet.set,
        border,
        color: sheet.options.color,
        rule: &format!("{rule}  "),
        row_bytes,
        most_rows: if sheet.full() { MOST_ROWS } else { FOLDED_ROWS },
    };
    let hex = (sheet.options.bytes == Bytes::Hex).then_some(inside.bytes);
    let (lines, left_out) = pen.draw(pieces, hex);
    for drawn in lines {
        sheet.end(drawn);
    }
    if left_out > 0 {
        let words = format!("and {} more", stackheap_explain::size(left_out));
        sheet.remark(&format!("{rule}  "), &words);
    }
}

fn piece(sheet: &mut Sheet<'_>, inside: &Inside<'_, '_>, cell: &Cell) -> Piece {
    if let Some(edge) = (inside.edge_at)(cell.offset)
        && !inside.stale
        && matches!(cell.kind, CellKind::Pointer | CellKind::Vtable)
    {
        sheet.drawn.insert(edge.kind);
        let whole = Piece::new(cell, arrow(sheet, edge), look_of(edge.kind));
        if whole.fits() {
            return whole;
        }
        let short = format!(
            "{} {}",
            sheet.set.edge(edge.kind),
            sheet.look.short_target(edge)
        );
        return Piece::new(cell, short, look_of(edge.kind));
    }
    let text = match &cell.text {
        Ok(text) => visible(text).into_owned(),
        Err(_) => "?".to_owned(),
    };
    let look = if inside.stale { Look::Dim } else { Look::Plain };
    Piece::new(cell, text, look)
}

/// An arrow with its target: `◆━▶ heap #3`.
pub(super) fn arrow(sheet: &Sheet<'_>, edge: &Edge) -> String {
    format!("{} {}", sheet.set.edge(edge.kind), sheet.look.target(edge))
}

pub(super) fn look_of(kind: EdgeKind) -> Look {
    match kind {
        EdgeKind::Owns | EdgeKind::Shares => Look::Own,
        EdgeKind::Borrows | EdgeKind::BorrowsMut => Look::Borrow,
        EdgeKind::Weak | EdgeKind::Raw | EdgeKind::Fn | EdgeKind::Vtable => Look::Plain,
    }
}

/// Whether one of the boxes shows this pointer with its whole label.
fn pieces_show(sheet: &Sheet<'_>, inside: &Inside<'_, '_>, pieces: &[Piece], edge: &Edge) -> bool {
    let whole = arrow(sheet, edge);
    pieces.iter().any(|piece| {
        piece.fits()
            && piece.text == whole
            && (inside.edge_at)(piece.offset_bytes).is_some_and(|shown| std::ptr::eq(shown, edge))
    })
}

fn list_pointers(sheet: &mut Sheet<'_>, rule: &str, edges: &[&Edge]) {
    let most = if sheet.full() {
        edges.len()
    } else {
        FOLDED_POINTERS
    };
    for edge in edges.iter().take(most) {
        sheet.drawn.insert(edge.kind);
        let path = match &edge.from {
            stackheap_model::EdgeEnd::Local { path, .. }
            | stackheap_model::EdgeEnd::Block { path, .. } => visible(path).into_owned(),
            _ => String::new(),
        };
        let mut line = sheet.line();
        line.push(Look::Dim, rule).plain("  ");
        if !path.is_empty() {
            line.plain(&sheet.fit(&path, 32)).plain(" ");
        }
        let room = sheet.width.saturating_sub(line.columns()).max(16);
        line.push(look_of(edge.kind), &sheet.fit(&arrow(sheet, edge), room));
        sheet.end(line);
    }
    if edges.len() > most {
        sheet.remark(
            &format!("{rule}  "),
            &format!("and {} more pointers", edges.len() - most),
        );
    }
}
