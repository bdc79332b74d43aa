//! Where everything of a picture stands. Widths are counted in characters of a monospaced font, so
//! that no font has to be measured.

use std::collections::HashMap;
use std::fmt::Write as _;

use stackheap_model::{BlockId, FrameId};

use crate::html::escape;

pub(super) const MARGIN: i64 = 20;
/// Columns of text in each column of the picture.
pub(super) const CODE_COLUMNS: usize = 56;
pub(super) const STACK_COLUMNS: usize = 46;
pub(super) const HEAP_COLUMNS: usize = 46;
pub(super) const STATIC_COLUMNS: usize = 26;

/// Pixels of a character, a row, a byte, the space between columns.
const CHARACTER: f64 = 7.25;
const ROW: i64 = 17;
const STRIP: i64 = 40;
const BYTE: i64 = 12;
const GAP: i64 = 72;
const TOP: i64 = 70;
const CARD_GAP: i64 = 12;
const PAD: i64 = 8;
/// Rows of boxes drawn of one value.
const MOST_STRIPS: usize = 6;

/// What a card or row stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Code,
    Frame(FrameId),
    Local(FrameId, String),
    Block(BlockId),
    Static(String),
}

/// A box of a strip.
#[derive(Clone, Debug)]
pub(super) struct StripCell {
    pub(super) offset_bytes: u64,
    pub(super) size_bytes: u64,
    pub(super) label: String,
    pub(super) text: String,
    pub(super) class: &'static str,
    /// The identity of the edge that starts here.
    pub(super) port: Option<usize>,
}

/// A row of a card.
#[derive(Clone, Debug)]
pub(super) enum Row {
    Text {
        class: &'static str,
        text: String,
        key: Option<Key>,
        here: bool,
    },
    Strip {
        /// The first byte of the row.
        start_bytes: u64,
        cells: Vec<StripCell>,
    },
}

impl Row {
    pub(super) fn text(class: &'static str, text: String) -> Self {
        Self::Text {
            class,
            text,
            key: None,
            here: false,
        }
    }

    pub(super) fn anchor(key: Key, class: &'static str, text: String) -> Self {
        Self::Text {
            class,
            text,
            key: Some(key),
            here: false,
        }
    }

    pub(super) fn here(text: String) -> Self {
        Self::Text {
            class: "b",
            text,
            key: None,
            here: true,
        }
    }

    fn height(&self) -> i64 {
        match self {
            Self::Text { .. } => ROW,
            Self::Strip { .. } => STRIP,
        }
    }
}

/// The rows of boxes of one value.
pub(super) fn strips(cells: Vec<StripCell>, columns: usize) -> Vec<Row> {
    let row_bytes = (pixels(columns) / (BYTE * 8)).max(1).unsigned_abs() * 8;
    let mut rows: Vec<Row> = Vec::new();
    let total = cells
        .iter()
        .map(|cell| cell.offset_bytes.saturating_add(cell.size_bytes))
        .max();
    let total = total.unwrap_or(0);
    let mut start = 0;
    for _ in 0..MOST_STRIPS {
        if start >= total {
            return rows;
        }
        let end = start.saturating_add(row_bytes);
        let inside = cells.iter().filter(|cell| {
            cell.size_bytes > 0
                && cell.offset_bytes < end
                && cell.offset_bytes.saturating_add(cell.size_bytes) > start
        });
        let cut = inside.map(|cell| clip(cell, start, end)).collect();
        rows.push(Row::Strip {
            start_bytes: start,
            cells: cut,
        });
        start = end;
    }
    if start < total {
        let more = stackheap_explain::size(total - start);
        rows.push(Row::text("m", format!("and {more} more")));
    }
    rows
}

/// The part of a cell between two bytes; only its beginning carries the label and the pointer.
fn clip(cell: &StripCell, start: u64, end: u64) -> StripCell {
    let mut cut = cell.clone();
    let last = cell.offset_bytes.saturating_add(cell.size_bytes).min(end);
    cut.offset_bytes = cell.offset_bytes.max(start);
    cut.size_bytes = last.saturating_sub(cut.offset_bytes);
    if cut.offset_bytes > cell.offset_bytes {
        cut.label = String::new();
        cut.text = String::new();
        cut.port = None;
    }
    cut
}

/// A frame, block, static or the code.
#[derive(Clone, Debug)]
pub(super) struct Card {
    key: Key,
    class: &'static str,
    rows: Vec<Row>,
    x: i64,
    y: i64,
    width: i64,
}

impl Card {
    pub(super) fn new(key: Key, class: &'static str, rows: Vec<Row>) -> Self {
        Self {
            key,
            class,
            rows,
            x: 0,
            y: 0,
            width: 0,
        }
    }

    fn height(&self) -> i64 {
        self.rows.iter().map(Row::height).sum::<i64>() + PAD
    }
}

/// Where an edge starts: the lower side of its box, and the sides of its card.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) left: i64,
    pub(super) right: i64,
}

/// Where an edge ends: the sides of the card, at this height.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corner {
    pub(super) left: i64,
    pub(super) right: i64,
    pub(super) y: i64,
}

/// All cards of a picture.
pub(super) struct Cards {
    cards: Vec<Card>,
    texts: Vec<(i64, i64, &'static str, String)>,
    ports: HashMap<usize, Port>,
    corners: HashMap<Key, Corner>,
    x: i64,
    y: i64,
    width: i64,
    lowest: i64,
}

impl Cards {
    pub(super) fn new() -> Self {
        Self {
            cards: Vec::new(),
            texts: Vec::new(),
            ports: HashMap::new(),
            corners: HashMap::new(),
            x: MARGIN,
            y: TOP,
            width: 0,
            lowest: TOP,
        }
    }

    /// Begins a column of the picture.
    pub(super) fn column(&mut self, title: &str, columns: usize) {
        if self.width > 0 {
            self.x += self.width + GAP;
        }
        self.width = pixels(columns) + 2 * PAD;
        self.y = TOP;
        self.texts.push((self.x, TOP - 10, "h", title.to_owned()));
    }

    /// A line of text in the column.
    pub(super) fn remark(&mut self, text: &str) {
        self.texts.push((self.x, self.y + 12, "m", text.to_owned()));
        self.y += ROW;
        self.lowest = self.lowest.max(self.y);
    }

    /// A card in the column, below the others.
    pub(super) fn add(&mut self, mut card: Card) {
        card.x = self.x;
        card.y = self.y;
        card.width = self.width;
        let (left, right) = (card.x, card.x + card.width);
        let corner = |y: i64| Corner { left, right, y };
        self.corners.insert(card.key.clone(), corner(card.y + 13));
        let mut y = card.y + PAD / 2;
        for row in &card.rows {
            match row {
                Row::Text { key: Some(key), .. } => {
                    self.corners.insert(key.clone(), corner(y + 10));
                }
                Row::Text { .. } => {}
                Row::Strip { start_bytes, cells } => {
                    for cell in cells {
                        let Some(edge) = cell.port else { continue };
                        let from = card.x
                            + PAD
                            + bytes(cell.offset_bytes - start_bytes.min(&cell.offset_bytes));
                        let x = from + (bytes(cell.size_bytes) / 2).min(40);
                        let y = y + STRIP - 10;
                        self.ports.insert(edge, Port { x, y, left, right });
                    }
                }
            }
            y += row.height();
        }
        self.y += card.height() + CARD_GAP;
        self.lowest = self.lowest.max(self.y);
        self.cards.push(card);
    }

    /// What happened, below everything.
    pub(super) fn finish(&mut self, words: &[String]) {
        let mut y = self.lowest + 18;
        for text in words {
            self.texts.push((MARGIN, y, "", format!("• {text}")));
            y += ROW;
        }
        self.lowest = y;
    }

    /// Width and height of the picture.
    pub(super) fn extent(&self) -> (i64, i64) {
        let widest = self
            .texts
            .iter()
            .map(|(x, _, _, text)| x + pixels(columns_of(text)))
            .max();
        let columns = self.x + self.width + GAP;
        (
            columns.max(widest.unwrap_or(0)) + MARGIN / 2,
            self.lowest + MARGIN / 2,
        )
    }

    pub(super) fn port(&self, edge: usize) -> Option<Port> {
        self.ports.get(&edge).copied()
    }

    pub(super) fn corner(&self, key: &Key) -> Option<Corner> {
        self.corners.get(key).copied()
    }

    /// The cards and texts as SVG.
    pub(super) fn draw(&self, out: &mut String) {
        for (x, y, class, text) in &self.texts {
            draw_text(out, *x, *y, class, text);
        }
        for card in &self.cards {
            let _ = writeln!(
                out,
                "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"7\"/>",
                card.class,
                card.x,
                card.y,
                card.width,
                card.height()
            );
            let mut y = card.y + PAD / 2;
            for row in &card.rows {
                draw_row(out, card, row, y);
                y += row.height();
            }
        }
    }
}

fn draw_row(out: &mut String, card: &Card, row: &Row, y: i64) {
    match row {
        Row::Text {
            class, text, here, ..
        } => {
            if *here {
                let _ = writeln!(
                    out,
                    "<rect class=\"herebar\" x=\"{}\" y=\"{y}\" width=\"{}\" height=\"{ROW}\"/>",
                    card.x + 1,
                    card.width - 2
                );
            }
            draw_text(out, card.x + PAD, y + 13, class, text);
        }
        Row::Strip { start_bytes, cells } => {
            for cell in cells {
                let x = card.x + PAD + bytes(cell.offset_bytes.saturating_sub(*start_bytes));
                let width = bytes(cell.size_bytes);
                let _ = writeln!(
                    out,
                    "<rect class=\"{}\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"28\"/>",
                    cell.class,
                    y + 2
                );
                let room = usize::try_from(width / 8).unwrap_or(0);
                if cell.size_bytes > 2 {
                    let label = cell.label.rsplit('.').next().unwrap_or_default();
                    draw_text(out, x + 4, y + 11, "l", &short(label, room + room / 4));
                }
                if columns_of(&cell.text) <= room.max(1) || cell.size_bytes > 2 {
                    draw_text(out, x + 3, y + 25, "", &short(&cell.text, room.max(1)));
                }
            }
        }
    }
}

fn draw_text(out: &mut String, x: i64, y: i64, class: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    let _ = writeln!(
        out,
        "<text{class} x=\"{x}\" y=\"{y}\">{}</text>",
        escape(text)
    );
}

/// Pixels of so many columns of text.
fn pixels(columns: usize) -> i64 {
    // Columns are cut to a few hundred by every caller, far below where a float loses whole numbers.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "small numbers"
    )]
    let width = (columns as f64 * CHARACTER).ceil() as i64;
    width
}

/// Pixels of so many bytes; a row has few.
fn bytes(count: u64) -> i64 {
    i64::try_from(count.min(4096)).unwrap_or(4096) * BYTE
}

/// How many columns a text takes.
pub(super) fn columns_of(text: &str) -> usize {
    text.chars().count()
}

/// `text` cut to so many columns.
pub(super) fn short(text: &str, columns: usize) -> String {
    if columns_of(text) <= columns {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(columns.saturating_sub(1)).collect();
    if columns > 0 {
        cut.push('…');
    }
    cut
}
