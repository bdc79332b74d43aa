//! Rows of the line table.

use stackheap_model::ImageAddress;

use crate::unit::Unit;
use crate::{Function, Image, LineRow};

/// The most rows read of one unit.
const ROW_LIMIT: usize = 1 << 24;

/// Consecutive rows for one stretch of code.
pub(crate) struct Sequence {
    start: u64,
    end: u64,
    rows: Vec<Row>,
}

struct Row {
    address: u64,
    file: u32,
    line: u32,
    column: u32,
    is_stmt: bool,
    prologue_end: bool,
    epilogue_begin: bool,
}

impl<'data> Image<'data> {
    /// The rows of the line table inside the function's code, in address order. Rows of other files
    /// and of line 0 are among them. Of several rows at one address the last one counts.
    pub fn lines(&self, function: &Function) -> Vec<LineRow> {
        let Some(unit) = self.units.get(function.die.unit) else {
            return Vec::new();
        };
        let sequences = unit
            .lines
            .get_or_init(|| read_sequences(unit, &|at| self.elf.is_code(at)));
        let files = unit.files(&self.units.dwarf);
        let mut found = Vec::new();
        for range in &function.ranges {
            let first = sequences.partition_point(|sequence| sequence.end <= range.start.0);
            let touching = sequences
                .iter()
                .skip(first)
                .take_while(|sequence| sequence.start < range.end.0);
            for sequence in touching {
                let first = sequence
                    .rows
                    .partition_point(|row| row.address < range.start.0);
                let rows = sequence.rows.iter().skip(first);
                for row in rows.take_while(|row| row.address < range.end.0) {
                    let Some(file) = files.get(row.file as usize) else {
                        continue;
                    };
                    found.push(LineRow {
                        address: ImageAddress(row.address),
                        file: file.clone(),
                        line: row.line,
                        column: row.column,
                        is_stmt: row.is_stmt,
                        prologue_end: row.prologue_end,
                        epilogue_begin: row.epilogue_begin,
                    });
                }
            }
        }
        found
    }
}

/// Reads the whole line table of a unit, but for the code that the linker threw away: its sequences
/// lie at or near address zero, where no code is.
fn read_sequences(unit: &Unit<'_>, is_code: &dyn Fn(u64) -> bool) -> Vec<Sequence> {
    let Some(program) = unit.inner.line_program.clone() else {
        return Vec::new();
    };
    let mut rows = program.rows();
    let mut sequences = Vec::new();
    let mut open: Vec<Row> = Vec::new();
    for _ in 0..ROW_LIMIT {
        let Ok(Some((_, row))) = rows.next_row() else {
            break;
        };
        if row.end_sequence() {
            let mut rows = std::mem::take(&mut open);
            // In order already, unless the table is damaged.
            rows.sort_by_key(|row| row.address);
            let start = rows
                .first()
                .map(|row| row.address)
                .filter(|&start| is_code(start));
            if let Some(start) = start {
                sequences.push(Sequence {
                    start,
                    end: row.address(),
                    rows,
                });
            }
            continue;
        }
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        open.push(Row {
            address: row.address(),
            file: small(row.file_index()),
            line: row.line().map_or(0, |line| small(line.get())),
            column: match row.column() {
                gimli::ColumnType::LeftEdge => 0,
                gimli::ColumnType::Column(column) => small(column.get()),
            },
            is_stmt: row.is_stmt(),
            prologue_end: row.prologue_end(),
            epilogue_begin: row.epilogue_begin(),
        });
    }
    sequences.sort_by_key(|sequence| (sequence.start, sequence.end));
    sequences
}
