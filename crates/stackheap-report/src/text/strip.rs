//! Cells as boxes to scale: two columns for a byte, so that a word is sixteen columns wide.

use stackheap_model::{Cell, CellKind};

use super::glyphs::Border;
use super::line::{Line, Look, columns, fit};
use super::{Color, glyphs};

/// Columns of one byte.
const BYTE_COLUMNS: usize = 2;
/// Rows of boxes that are drawn for one value unless all is asked for.
pub(super) const FOLDED_ROWS: usize = 4;
/// Rows of boxes that are drawn for one value at most.
pub(super) const MOST_ROWS: usize = 256;

/// What is written into the box of a cell.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) offset_bytes: u64,
    pub(super) size_bytes: u64,
    pub(super) label: String,
    pub(super) text: String,
    pub(super) look: Look,
    pub(super) padding: bool,
}

impl Piece {
    /// A cell with what is to be written into its box.
    pub(super) fn new(cell: &Cell, text: String, look: Look) -> Self {
        Self {
            offset_bytes: cell.offset,
            size_bytes: cell.size,
            label: cell.label.to_string(),
            text,
            look,
            padding: cell.kind == CellKind::Padding,
        }
    }

    fn end_bytes(&self) -> u64 {
        self.offset_bytes.saturating_add(self.size_bytes)
    }

    /// Whether the text fits into the box.
    pub(super) fn fits(&self) -> bool {
        let inside = self.size_bytes.saturating_mul(2).saturating_sub(1);
        self.padding || columns(&self.text) as u64 <= inside
    }
}

/// How boxes are drawn.
pub(super) struct Pen<'a> {
    pub(super) set: &'a glyphs::Set,
    pub(super) border: &'a Border,
    pub(super) color: Color,
    /// What stands at the left of each line.
    pub(super) rule: &'a str,
    pub(super) row_bytes: u64,
    pub(super) most_rows: usize,
}

impl Pen<'_> {
    /// The rows of boxes: each three lines, four with hexadecimal digits of `bytes` below. The
    /// second part says how many bytes were left out.
    pub(super) fn draw(&self, pieces: &[Piece], bytes: Option<&[u8]>) -> (Vec<Line>, u64) {
        let total = pieces.iter().map(Piece::end_bytes).max().unwrap_or(0);
        let mut lines = Vec::new();
        let mut start = 0;
        for _ in 0..self.most_rows {
            if start >= total {
                break;
            }
            let end = start.saturating_add(self.row_bytes).min(total);
            if let Some(rest) = pieces.iter().find(|p| self.only_goes_on(p, start, end))
                && bytes.is_none()
            {
                // Whole rows of one large cell say nothing new; the row in which it ends does,
                // unless nothing follows there.
                let next = self.row_after(rest.end_bytes(), total);
                lines.push(self.left_out(next.min(rest.end_bytes()) - start));
                start = next;
                continue;
            }
            let row: Vec<_> = pieces
                .iter()
                .filter(|p| p.size_bytes > 0 && p.offset_bytes < end && p.end_bytes() > start)
                .collect();
            self.row(&row, start..end, &mut lines);
            if let Some(bytes) = bytes {
                lines.push(self.hex(bytes, start..end));
            }
            start = end;
        }
        (lines, total.saturating_sub(start))
    }

    /// Whether a cell that began in an earlier row is all there is in this one.
    fn only_goes_on(&self, piece: &Piece, start: u64, end: u64) -> bool {
        piece.offset_bytes < start && piece.end_bytes() >= end
    }

    /// Where the row begins in which a cell ends; the end of all where nothing follows it.
    fn row_after(&self, end: u64, total: u64) -> u64 {
        if end >= total {
            return total;
        }
        end - end % self.row_bytes.max(1)
    }

    fn left_out(&self, bytes: u64) -> Line {
        let mut line = self.line();
        let words = format!(
            "{} {} more of it",
            self.set.gap,
            stackheap_explain::size(bytes)
        );
        line.push(Look::Dim, &words);
        line
    }

    fn line(&self) -> Line {
        let mut line = Line::new(self.color);
        line.push(Look::Dim, self.rule);
        line
    }

    fn row(&self, row: &[&Piece], span: std::ops::Range<u64>, lines: &mut Vec<Line>) {
        let [mut top, mut middle, mut bottom] = [self.line(), self.line(), self.line()];
        let side = self.border.side.to_string();
        for (index, piece) in row.iter().enumerate() {
            let from = piece.offset_bytes.max(span.start);
            let to = piece.end_bytes().min(span.end);
            // A row has at most `row_bytes` bytes, a small number.
            let inside = usize::try_from(to.saturating_sub(from)).unwrap_or(1) * BYTE_COLUMNS - 1;
            let [first, between, _] = self.border.top;
            let [low_first, low_between, _] = self.border.bottom;
            let (corner, low_corner) = if index == 0 {
                (first, low_first)
            } else {
                (between, low_between)
            };
            top.push(Look::Dim, &corner.to_string());
            bottom.push(Look::Dim, &low_corner.to_string());
            middle.push(Look::Dim, &side);
            let continued = from > piece.offset_bytes;
            let label = if continued || piece.padding {
                String::new()
            } else {
                label(&piece.label, inside, self.set.cut)
            };
            let column = top.columns() + inside;
            top.plain(&label).fill(Look::Dim, self.border.flat, column);
            bottom.fill(Look::Dim, self.border.flat, column);
            if piece.padding {
                middle.fill(Look::Dim, self.set.padding, column);
            } else if continued {
                middle.push(Look::Dim, &self.set.cut.to_string());
                middle.fill(Look::Plain, ' ', column);
            } else {
                middle.push(piece.look, &fit(&piece.text, inside, self.set.cut));
                middle.fill(Look::Plain, ' ', column);
            }
        }
        let ([.., right], [.., low_right]) = (self.border.top, self.border.bottom);
        top.push(Look::Dim, &right.to_string());
        middle.push(Look::Dim, &side);
        bottom.push(Look::Dim, &low_right.to_string());
        lines.extend([top, middle, bottom]);
    }

    fn hex(&self, bytes: &[u8], span: std::ops::Range<u64>) -> Line {
        let start = usize::try_from(span.start).unwrap_or(usize::MAX);
        let end = usize::try_from(span.end)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let shown = bytes.get(start..end).unwrap_or_default();
        let mut line = self.line();
        line.plain(" ").push(Look::Dim, &crate::json::hex(shown));
        line
    }
}

/// A label that fits: whole, or its last part, or the beginning of that.
fn label(full: &str, inside: usize, mark: char) -> String {
    if columns(full) <= inside {
        return full.to_owned();
    }
    let last = full.rsplit('.').next().unwrap_or(full);
    if inside < 3 {
        // No room for a mark: the first letters still tell cells apart.
        return last.chars().take(inside).collect();
    }
    fit(last, inside, mark)
}
