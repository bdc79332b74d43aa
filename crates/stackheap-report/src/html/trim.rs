//! Cuts what would make a page too large to open: bytes, cells and parts of large values.

use serde_json::{Value as Json, json};

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
pub(super) fn trim(item: &mut Json) {
    if let Some(cells) = item.get_mut("cells").and_then(Json::as_array_mut)
        && cells.len() > CELLS
    {
        let left_out = cells.len() - CELLS;
        cells.truncate(CELLS);
        put(item, "cells_left_out", left_out);
    }
    let Some(value) = item.get_mut("value") else {
        return;
    };
    if let Some(Json::String(digits)) = value.get_mut("bytes")
        && digits.len() > BYTES * 2
    {
        let left_out = digits.len() / 2 - BYTES;
        digits.truncate(BYTES * 2);
        put(value, "bytes_left_out", left_out);
    }
    trim_value(value, LEVELS);
}

/// Cuts a value and its parts, down to so many levels.
fn trim_value(value: &mut Json, levels: u32) {
    if let Some(Json::String(text)) = value.get_mut("text") {
        *text = stackheap_explain::cut(text, TEXT_CHARACTERS);
    }
    let Some(fields) = value.get_mut("fields").and_then(Json::as_array_mut) else {
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
        let already = value.get("fields_left_out").and_then(Json::as_u64);
        let already = usize::try_from(already.unwrap_or(0)).unwrap_or(usize::MAX);
        put(value, "fields_left_out", left_out.saturating_add(already));
    }
}

fn put(object: &mut Json, name: &str, number: usize) {
    if let Json::Object(members) = object {
        members.insert(name.to_owned(), json!(number));
    }
}
