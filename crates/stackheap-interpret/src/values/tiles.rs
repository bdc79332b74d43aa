//! The cells of a layout, side by side: nothing overlaps, nothing is left out.

use stackheap_model::{Cell, CellKind, Unknown};

/// Cells under construction.
pub(crate) struct Tiles {
    cells: Vec<Cell>,
    limit: usize,
}

impl Tiles {
    /// No cells yet, and at most `limit` in the end.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            cells: Vec::new(),
            limit: limit.max(1),
        }
    }

    /// Whether there are already more cells than will be kept.
    pub(crate) fn is_full(&self) -> bool {
        self.cells.len() > self.limit
    }

    /// How many cells there are.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Adds a cell; one without size is left out.
    pub(crate) fn push(&mut self, cell: Cell) {
        if cell.size > 0 {
            self.cells.push(cell);
        }
    }

    /// The stretches of `start..end` that the cells from number `from` on do not cover.
    pub(crate) fn gaps(&self, from: usize, start: u64, end: u64) -> Vec<(u64, u64)> {
        let mut spans: Vec<(u64, u64)> = self
            .cells
            .iter()
            .skip(from)
            .map(|cell| (cell.offset, cell.offset.saturating_add(cell.size)))
            .collect();
        spans.sort_unstable();
        let mut gaps = Vec::new();
        let mut covered = start;
        for (low, high) in spans {
            if low > covered {
                gaps.push((covered, low.min(end)));
            }
            covered = covered.max(high);
        }
        if covered < end {
            gaps.push((covered, end));
        }
        gaps
    }

    /// The cells of `size` bytes: what no cell covers is padding; what is over the limit becomes
    /// one last cell.
    pub(crate) fn finish(mut self, size: u64) -> Vec<Cell> {
        self.cells.sort_by_key(|cell| cell.offset);
        let mut tiled = Vec::new();
        let mut covered = 0;
        for cell in self.cells {
            let end = cell.offset.saturating_add(cell.size);
            if cell.offset < covered || end > size {
                continue;
            }
            if cell.offset > covered {
                tiled.push(padding(covered, cell.offset - covered));
            }
            covered = end;
            tiled.push(cell);
        }
        if covered < size {
            tiled.push(padding(covered, size - covered));
        }
        if tiled.len() > self.limit {
            tiled.truncate(self.limit - 1);
            let covered = tiled.last().map_or(0, |cell| cell.offset + cell.size);
            let reason = format!("not shown: over the limit of {} cells", self.limit);
            tiled.push(Cell {
                offset: covered,
                size: size - covered,
                kind: CellKind::Raw,
                label: "…".into(),
                text: Err(Unknown::because(reason)),
            });
        }
        tiled
    }
}

fn padding(offset: u64, size: u64) -> Cell {
    Cell {
        offset,
        size,
        kind: CellKind::Padding,
        label: "padding".into(),
        text: Ok("padding".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(offset: u64, size: u64) -> Cell {
        let kind = CellKind::Scalar;
        Cell {
            offset,
            size,
            kind,
            label: "x".into(),
            text: Ok("0".into()),
        }
    }

    fn spans(cells: &[Cell]) -> Vec<(u64, u64, CellKind)> {
        cells
            .iter()
            .map(|cell| (cell.offset, cell.size, cell.kind))
            .collect()
    }

    #[test]
    fn holes_become_padding_and_overlaps_are_left_out() {
        let mut tiles = Tiles::new(10);
        for (offset, size) in [(8, 4), (0, 4), (2, 4), (12, 0), (14, 8)] {
            tiles.push(cell(offset, size));
        }
        assert_eq!(
            spans(&tiles.finish(16)),
            [
                (0, 4, CellKind::Scalar),
                (4, 4, CellKind::Padding),
                (8, 4, CellKind::Scalar),
                (12, 4, CellKind::Padding),
            ]
        );
    }

    #[test]
    fn the_last_cell_covers_what_is_over_the_limit() {
        let mut tiles = Tiles::new(3);
        for offset in 0..8 {
            tiles.push(cell(offset, 1));
        }
        assert_eq!(
            spans(&tiles.finish(8)),
            [
                (0, 1, CellKind::Scalar),
                (1, 1, CellKind::Scalar),
                (2, 6, CellKind::Raw)
            ]
        );
    }
}
