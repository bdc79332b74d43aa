//! One self-contained page in which a reader steps through a recording.
//!
//! The page carries everything in itself: styles, script, sources and the states, and asks nobody
//! for anything. States are stored once for each distinct part (see `html/pool.rs`), and what is
//! over a stated limit is left out and said.
//!
//! The page holds memory of the observed program, and says so.

mod label;
mod pool;

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use stackheap_explain::{comparison, handover, handovers, summary};
use stackheap_model::{SourceFile, State};

use crate::{Comparison, Frames, Summary};
use pool::Pool;

const STYLE: &str = include_str!("../assets/page.css");
const SCRIPT: &str = include_str!("../assets/page.js");
const BODY: &str = include_str!("../assets/page.html");

/// Bytes of one value that a page carries as hexadecimal digits.
const VALUE_BYTES: usize = 256;
/// Cells of one value that a page carries.
const VALUE_CELLS: usize = 256;
/// Parts of one value that a page carries, on each level.
const VALUE_FIELDS: usize = 64;
/// Levels of parts that a page carries.
const VALUE_LEVELS: u32 = 6;
/// Characters of a text that a page carries.
const TEXT_CHARACTERS: usize = 4096;
/// Bytes of states that a page carries unless the caller says otherwise.
pub const DEFAULT_LIMIT_BYTES: usize = 64 << 20;

/// What a page is about, beside its states.
#[derive(Clone, Copy, Debug)]
pub struct PageHead<'a> {
    /// The title: the program's name.
    pub title: &'a str,
    /// The sources.
    pub sources: &'a [SourceFile],
    /// The numbers of the run, where they are known.
    pub summary: Option<&'a Summary>,
    /// Stack and heap side by side, where that is known.
    pub comparison: Option<&'a Comparison>,
    /// What a reader must know about this recording, a sentence each: limits that were reached.
    pub notes: &'a [String],
    /// Bytes of states that the page may carry; [`DEFAULT_LIMIT_BYTES`].
    pub limit_bytes: usize,
}

/// A page with its states.
#[derive(Clone, Copy, Debug)]
pub struct PageData<'a> {
    /// What it is about.
    pub head: PageHead<'a>,
    /// The states, in the order of their steps.
    pub states: &'a [State],
}

/// The page, as one file.
pub fn page(data: &PageData<'_>) -> String {
    let mut page = Page::new(data.head);
    for state in data.states {
        page.add(state);
    }
    page.finish()
}

/// A page that is made state by state, so that not all of them need to be in memory at once.
pub struct Page<'a> {
    head: PageHead<'a>,
    pool: Pool,
    rows: Vec<String>,
    row_bytes: usize,
    before: Option<State>,
    stdout: Stream,
    stderr: Stream,
    left_out: u64,
}

/// Output that only grows: the longest text so far, of which each state shows a beginning.
#[derive(Default)]
struct Stream {
    texts: Vec<String>,
    /// Length of the last text, in UTF-16 units as the browser counts.
    units: usize,
}

impl Stream {
    /// Which text, and how much of it in UTF-16 units.
    fn add(&mut self, bytes: &[u8]) -> (usize, usize) {
        let text = String::from_utf8_lossy(bytes);
        match self.texts.last_mut() {
            Some(last) if text.starts_with(last.as_str()) => {
                let more = text.get(last.len()..).unwrap_or_default();
                self.units += more.encode_utf16().count();
                last.push_str(more);
            }
            // The first text; or a character that was cut in the middle is now whole.
            _ => {
                self.units = text.encode_utf16().count();
                self.texts.push(text.into_owned());
            }
        }
        (self.texts.len() - 1, self.units)
    }
}

impl<'a> Page<'a> {
    /// A page without states.
    pub fn new(head: PageHead<'a>) -> Self {
        Self {
            head,
            pool: Pool::default(),
            rows: Vec::new(),
            row_bytes: 0,
            before: None,
            stdout: Stream::default(),
            stderr: Stream::default(),
            left_out: 0,
        }
    }

    /// Adds the state of the next step. Over the limit it is counted as left out instead.
    pub fn add(&mut self, state: &State) {
        if self.pool.bytes() + self.row_bytes > self.head.limit_bytes {
            self.left_out += 1;
            return;
        }
        let mut shown = crate::json::state_with(state, Frames::User);
        trim_state(&mut shown);
        label::label(&mut shown, state);
        if let Some(before) = &self.before {
            add_handovers(&mut shown, before, state);
        }
        let (out, err) = (
            self.stdout.add(&state.output.stdout),
            self.stderr.add(&state.output.stderr),
        );
        if let Json::Object(members) = &mut shown {
            members.insert("output".to_owned(), json!([out.0, out.1, err.0, err.1]));
        }
        let row = self.pool.row(&shown);
        self.row_bytes += row.len();
        self.rows.push(row);
        self.before = Some(state.clone());
    }

    /// The page, as one file.
    pub fn finish(self) -> String {
        let mut data = String::from("{\"head\":");
        data.push_str(&self.head_json().to_string());
        // Writing to a string cannot fail.
        let _ = write!(data, ",\"pool\":{}", self.pool.json());
        let _ = write!(data, ",\"rows\":[{}]}}", self.rows.join(","));
        let title = escape(self.head.title);
        let mut page = String::with_capacity(data.len() + STYLE.len() + SCRIPT.len() + 8192);
        page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.push_str("<meta name=\"referrer\" content=\"no-referrer\">\n");
        // Nothing may be loaded, whatever the data hold; only what is in the file itself runs.
        page.push_str(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; \
             form-action 'none'\">\n",
        );
        let _ = write!(
            page,
            "<title>{title} · stackheap</title>\n<style>\n{STYLE}</style>\n"
        );
        page.push_str("</head>\n<body>\n");
        page.push_str(BODY);
        page.push_str("<script type=\"application/json\" id=\"data\">");
        page.push_str(&script_safe(&data));
        let _ = write!(
            page,
            "</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
        );
        page
    }

    fn head_json(&self) -> Json {
        let sources: Vec<_> = self
            .head
            .sources
            .iter()
            .map(|file| json!({"path": file.path, "text": file.text}))
            .collect();
        let table: Option<Vec<_>> = self.head.comparison.map(|table| {
            let rows = comparison(table);
            rows.iter()
                .map(|row| json!({"topic": row.topic, "stack": row.stack, "heap": row.heap}))
                .collect()
        });
        let mut notes: Vec<String> = self.head.notes.to_vec();
        if let Some(summary) = self.head.summary {
            notes.extend(summary.limits.iter().cloned());
        }
        if self.left_out > 0 {
            notes.push(format!(
                "{} later steps are not in this page: it holds at most {}.",
                self.left_out,
                stackheap_explain::size(self.head.limit_bytes as u64)
            ));
        }
        json!({
            "title": self.head.title,
            "summary": self.head.summary.map(summary),
            "findings": self.head.summary.and_then(|s| s.findings.as_ref().ok()),
            "notes": notes,
            "table": table,
            "regions": label::regions(),
            "sources": sources,
            "stdout": self.stdout.texts,
            "stderr": self.stderr.texts,
        })
    }
}

/// Ownership that passed since the state before, as events beside the others.
fn add_handovers(shown: &mut Json, before: &State, after: &State) {
    let Some(Json::Array(events)) = shown.get_mut("events") else {
        return;
    };
    for passed in handovers(before, after) {
        let words = handover(&passed, before, after);
        events.push(json!({
            "kind": "handover",
            "block": passed.block.0,
            "text": words.text,
            "because": words.because,
        }));
    }
}

/// Cuts what would make a page too large to open: bytes, cells and parts of large values.
fn trim_state(state: &mut Json) {
    let threads = state.get_mut("threads").and_then(Json::as_array_mut);
    for thread in threads.into_iter().flatten() {
        let frames = thread.get_mut("frames").and_then(Json::as_array_mut);
        for frame in frames.into_iter().flatten() {
            let locals = frame.get_mut("locals").and_then(Json::as_array_mut);
            locals.into_iter().flatten().for_each(trim_item);
        }
    }
    for list in ["blocks", "statics"] {
        let items = state.get_mut(list).and_then(Json::as_array_mut);
        items.into_iter().flatten().for_each(trim_item);
    }
}

fn trim_item(item: &mut Json) {
    if let Some(cells) = item.get_mut("cells").and_then(Json::as_array_mut)
        && cells.len() > VALUE_CELLS
    {
        let left_out = cells.len() - VALUE_CELLS;
        cells.truncate(VALUE_CELLS);
        put(item, "cells_left_out", left_out);
    }
    let Some(value) = item.get_mut("value") else {
        return;
    };
    if let Some(Json::String(digits)) = value.get_mut("bytes")
        && digits.len() > VALUE_BYTES * 2
    {
        let left_out = digits.len() / 2 - VALUE_BYTES;
        digits.truncate(VALUE_BYTES * 2);
        put(value, "bytes_left_out", left_out);
    }
    trim_value(value, VALUE_LEVELS);
}

fn trim_value(value: &mut Json, levels: u32) {
    if let Some(Json::String(text)) = value.get_mut("text") {
        *text = stackheap_explain::cut(text, TEXT_CHARACTERS);
    }
    let Some(fields) = value.get_mut("fields").and_then(Json::as_array_mut) else {
        return;
    };
    let most = if levels == 0 { 0 } else { VALUE_FIELDS };
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

/// JSON that can stand inside a `script` element: `<`, `>` and `&` are only possible inside its
/// strings, where the escape means the same, and no parser of HTML sees a tag or a comment. The line
/// separators U+2028 and U+2029 are escaped too, for parsers of JavaScript.
fn script_safe(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + json.len() / 32);
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(c));
            }
            _ => safe.push(c),
        }
    }
    safe
}

/// Text as text in HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    let text = stackheap_explain::visible(text);
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Not allowed in XML, even escaped.
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{Stream, escape, script_safe};

    #[test]
    fn embedded_json_cannot_end_its_element() {
        let safe = script_safe(r#"{"a":"</script><!-- & "}"#);
        assert!(!safe.contains('<') && !safe.contains('>') && !safe.contains('&'));
        let back: serde_json::Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(back["a"], "</script><!-- & ");
    }

    #[test]
    fn text_is_never_markup() {
        assert_eq!(
            escape("<b a='1' c=\"2\">&\u{202e}"),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;\\u{202e}"
        );
    }

    #[test]
    fn growing_output_is_stored_once() {
        let mut stream = Stream::default();
        assert_eq!(stream.add(b""), (0, 0));
        assert_eq!(stream.add(b"ab"), (0, 2));
        // A character cut in its middle, then whole: another text.
        assert_eq!(stream.add(b"ab\xf0\x9f"), (0, 3));
        assert_eq!(stream.add("ab🦀".as_bytes()), (1, 4));
        assert_eq!(stream.texts, ["ab\u{fffd}", "ab🦀"]);
    }
}
