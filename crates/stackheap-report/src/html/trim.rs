//! Cuts what would make a page too large to open: bytes, cells and parts of large values.

use crate::tree::Tree;

/// Bytes of one value that a page carries as hexadecimal digits.
const BYTES: usize = 256;
/// Cells of one value that a page carries.
const CELLS: usize = 256;
/// Parts of one value that a page carries, on each level.
const FIELDS: usize = 64;
/// Levels of parts that a page carries.
const LEVELS: u32 = 6;
/// Characters of a text that a page carries.
const TEXT_CHARACTERS: usize = 4096;

/// Cuts a local, block or static; says how much was left out.
pub(super) fn trim(item: &mut Tree<'_>) {
    if let Some(cells) = item.list_mut("cells")
        && cells.len() > CELLS
    {
        let left_out = cells.len() - CELLS;
        cells.truncate(CELLS);
        item.set("cells_left_out", left_out);
    }
    let Some(value) = item.get_mut("value") else {
        return;
    };
    if let Some(Tree::Text(digits)) = value.get_mut("bytes")
        && digits.len() > BYTES * 2
    {
        let left_out = digits.len() / 2 - BYTES;
        digits.to_mut().truncate(BYTES * 2);
        value.set("bytes_left_out", left_out);
    }
    trim_value(value, LEVELS);
}

/// Cuts a value and its parts, down to so many levels.
fn trim_value(value: &mut Tree<'_>, levels: u32) {
    // A character takes a byte or more.
    if let Some(Tree::Text(text)) = value.get_mut("text")
        && text.len() > TEXT_CHARACTERS
    {
        *text = stackheap_explain::cut(text, TEXT_CHARACTERS).into();
    }
    let Some(fields) = value.list_mut("fields") else {
        return;
    };
    let most = if levels == 0 { 0 } else { FIELDS };
    let left_out = fields.len().saturating_sub(most);
    fields.truncate(most);
    for field in fields {
        if let Some(inner) = field.get_mut("value") {
            trim_value(inner, levels.saturating_sub(1));
        }
    }
    if left_out > 0 {
        let already = match value.get_mut("fields_left_out") {
            Some(Tree::Unsigned(already)) => *already,
            _ => 0,
        };
        value.set("fields_left_out", already.saturating_add(left_out as u64));
    }
}
