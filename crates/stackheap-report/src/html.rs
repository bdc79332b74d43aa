//! One self-contained page in which a reader steps through a recording.
//!
//! The page carries everything in itself: styles, script, sources and the states, and asks nobody
//! for anything. States are stored once for each distinct part (see `html/pool.rs`), and what is
//! over a stated limit is left out and said.
//!
//! The page holds memory of the observed program, and says so.

mod label;
mod pool;
mod rows;
mod trim;

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use stackheap_explain::{comparison, summary};
use stackheap_model::{SourceFile, State};

use crate::tree::Tree;
use crate::{Comparison, Summary};
use rows::Rows;

const STYLE: &str = include_str!("../assets/page.css");
const SCRIPT: &str = include_str!("../assets/page.js");
const BODY: &str = include_str!("../assets/page.html");

/// How every page begins; by this a page can be told from another file of its name.
pub const START: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"generator\" content=\"stackheap\">\n";

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
    made: Rows,
    rows: Vec<String>,
    row_bytes: usize,
    stdout: Stream,
    stderr: Stream,
    captured: Stream,
    left_out: u64,
}

/// How many texts that may grow on are looked through: one for each test that runs at the same time.
const GROWING: usize = 64;

/// Output that only grows: the longest text so far, of which each state shows a beginning. What tests
/// print is one text for each test.
#[derive(Default)]
struct Stream {
    texts: Vec<String>,
    /// Length of each text, in UTF-16 units as the browser counts.
    units: Vec<usize>,
}

impl Stream {
    /// Which text, and how much of it in UTF-16 units.
    fn add(&mut self, bytes: &[u8]) -> (usize, usize) {
        let text = String::from_utf8_lossy(bytes);
        if text.is_empty() {
            return (0, 0);
        }
        let all = self.texts.iter_mut().zip(&mut self.units).enumerate();
        for (index, (known, units)) in all.rev().take(GROWING) {
            if let Some(more) = text.strip_prefix(known.as_str()) {
                *units += more.encode_utf16().count();
                known.push_str(more);
                return (index, *units);
            }
        }
        // The first text; or a character that was cut in the middle is now whole.
        let units = text.encode_utf16().count();
        self.texts.push(text.into_owned());
        self.units.push(units);
        (self.texts.len() - 1, units)
    }
}

impl<'a> Page<'a> {
    /// A page without states.
    pub fn new(head: PageHead<'a>) -> Self {
        Self {
            head,
            made: Rows::default(),
            rows: Vec::new(),
            row_bytes: 0,
            stdout: Stream::default(),
            stderr: Stream::default(),
            captured: Stream::default(),
            left_out: 0,
        }
    }

    /// Adds the state of the next step. Over the limit it is counted as left out instead.
    pub fn add(&mut self, state: &State) {
        if self.is_full() {
            self.leave_out(1);
            return;
        }
        let (out, err, kept) = (
            self.stdout.add(&state.output.stdout),
            self.stderr.add(&state.output.stderr),
            self.captured.add(&state.output.captured),
        );
        let output = Tree::list([out.0, out.1, err.0, err.1, kept.0, kept.1]);
        let row = self.made.row(state, &output);
        self.row_bytes += row.len();
        self.rows.push(row);
    }

    /// Whether the limit is reached: further states need not be made.
    pub fn is_full(&self) -> bool {
        self.made.pool().bytes() + self.row_bytes > self.head.limit_bytes
    }

    /// Counts steps that come after those in the page, and are not in it.
    pub fn leave_out(&mut self, steps: u64) {
        self.left_out += steps;
    }

    /// What became known after the states: the numbers of the run, the table, further notes.
    #[must_use]
    pub fn conclude(
        mut self,
        summary: &'a Summary,
        comparison: &'a Comparison,
        notes: &'a [String],
    ) -> Self {
        self.head.summary = Some(summary);
        self.head.comparison = Some(comparison);
        self.head.notes = notes;
        self
    }

    /// The page, as one file.
    pub fn finish(self) -> String {
        let mut data = String::from("{\"head\":");
        data.push_str(&self.head_json().to_string());
        // Writing to a string cannot fail.
        let _ = write!(data, ",\"pool\":{}", self.made.pool().json());
        let _ = write!(data, ",\"rows\":[{}]}}", self.rows.join(","));
        let title = escape(self.head.title);
        let mut page = String::with_capacity(data.len() + STYLE.len() + SCRIPT.len() + 8192);
        page.push_str(START);
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
            "captured": self.captured.texts,
        })
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

    #[test]
    fn texts_that_grow_in_turns_are_stored_once_each() {
        let mut stream = Stream::default();
        for (text, at) in [
            ("a", (0, 1)),
            ("b1", (1, 2)),
            ("", (0, 0)),
            ("a🦀", (0, 3)),
            ("b12", (1, 3)),
        ] {
            assert_eq!(stream.add(text.as_bytes()), at);
        }
        assert_eq!(stream.texts, ["a🦀", "b12"]);
    }
}
