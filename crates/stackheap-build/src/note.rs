use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A code block of a note that is marked `rust`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteBlock {
    /// The line of its first line of code, from 1.
    pub line: usize,
    /// Its first line of code, without white space around it.
    pub first_line: String,
    /// What stands behind the fence: `rust,edition2021`.
    pub info: String,
    /// Where its text lies in the note, in bytes; several stretches where the block is quoted or
    /// indented.
    pub(crate) text: Vec<Range<usize>>,
    /// From its fence to the end of its other fence, in bytes.
    pub(crate) whole: Range<usize>,
}

/// The code blocks of a Markdown text that are marked `rust`, in their order. The mark may stand
/// among others, as rustdoc and mdBook have them: `rust,ignore`, `rust edition2021`.
pub fn blocks(note: &str) -> Vec<NoteBlock> {
    let mut blocks = Vec::new();
    let mut open: Option<NoteBlock> = None;
    for (event, range) in Parser::new_ext(note, Options::all()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if is_rust(&info) => {
                let (first_line, text) = (String::new(), Vec::new());
                let info = info.into_string();
                open = Some(NoteBlock {
                    line: 0,
                    first_line,
                    info,
                    text,
                    whole: range,
                });
            }
            Event::Text(_) => {
                if let Some(block) = &mut open {
                    block.text.push(range);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks.iter_mut().for_each(|block| block.describe(note));
    blocks
}

impl NoteBlock {
    fn describe(&mut self, note: &str) {
        let start = self
            .text
            .first()
            .map_or(self.whole.start, |range| range.start);
        self.line = note.get(..start).unwrap_or("").matches('\n').count() + 1;
        let text = self
            .text
            .first()
            .and_then(|range| note.get(range.clone()))
            .unwrap_or("");
        self.first_line = text.lines().next().unwrap_or("").trim().to_owned();
    }

    /// The marks behind the fence.
    pub(crate) fn marks(&self) -> impl Iterator<Item = &str> {
        marks(&self.info)
    }

    /// The note with everything but this block blanked out: what is left stands in the lines and
    /// columns where the reader sees it. Lines that rustdoc hides (`# use x;`) lose their mark.
    pub(crate) fn source(&self, note: &str) -> String {
        let mut source = String::with_capacity(note.len());
        let mut at = 0;
        for range in &self.text {
            blank(&mut source, note.get(at..range.start).unwrap_or(""));
            source.push_str(note.get(range.clone()).unwrap_or(""));
            at = range.end;
        }
        blank(&mut source, note.get(at..).unwrap_or(""));
        let mut lines: Vec<String> = source.lines().map(unhidden).collect();
        lines.push(String::new());
        lines.join("\n")
    }
}

fn marks(info: &str) -> impl Iterator<Item = &str> {
    let separates = |c: char| c == ',' || c.is_whitespace() || matches!(c, '{' | '}');
    info.split(separates).filter(|mark| !mark.is_empty())
}

fn is_rust(info: &str) -> bool {
    marks(info).any(|mark| matches!(mark, "rust" | ".rust"))
}

/// Adds as many blanks as `text` has bytes, and its line breaks.
fn blank(source: &mut String, text: &str) {
    source.extend(
        text.bytes()
            .map(|byte| if byte == b'\n' { '\n' } else { ' ' }),
    );
}

/// A line without the mark that hides it, every column as it was; `##` stands for `#`.
fn unhidden(line: &str) -> String {
    let line = line.trim_end();
    let code = line.trim_start();
    let indent = line.strip_suffix(code).unwrap_or("");
    if code == "#" {
        String::new()
    } else if let Some(hidden) = code.strip_prefix("# ") {
        format!("{indent}  {hidden}")
    } else if let Some(escaped) = code.strip_prefix("##") {
        format!("{indent} #{escaped}")
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "\
# Title

```rust
let a = 1;
```

- item

  ```rust,ignore
  # let hidden = 2;
  let é = 3;
  ```

> ```rust edition2021
> let quoted = 4;
>
> let more = 5;
> ```

```text
no
```

    let indented = 6;

```
plain
```
";

    #[test]
    fn blocks_are_found_where_readers_see_them() {
        let found: Vec<_> = blocks(NOTE)
            .into_iter()
            .map(|b| (b.line, b.first_line, b.info))
            .collect();
        let expected = [
            (4, "let a = 1;", "rust"),
            (10, "# let hidden = 2;", "rust,ignore"),
            (15, "let quoted = 4;", "rust edition2021"),
        ];
        let expected = expected.map(|(line, a, b)| (line, a.to_owned(), b.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_source_keeps_lines_and_columns() {
        let blocks = blocks(NOTE);
        let lines = |index: usize| -> Vec<(usize, String)> {
            let source = blocks[index].source(NOTE);
            let numbered = source
                .lines()
                .enumerate()
                .map(|(i, line)| (i + 1, line.to_owned()));
            numbered.filter(|(_, line)| !line.is_empty()).collect()
        };
        let expected = |lines: &[(usize, &str)]| -> Vec<(usize, String)> {
            lines
                .iter()
                .map(|&(number, line)| (number, line.to_owned()))
                .collect()
        };
        assert_eq!(lines(0), expected(&[(4, "let a = 1;")]));
        assert_eq!(
            lines(1),
            expected(&[(10, "    let hidden = 2;"), (11, "  let é = 3;")])
        );
        assert_eq!(
            lines(2),
            expected(&[(15, "  let quoted = 4;"), (17, "  let more = 5;")])
        );
    }

    #[test]
    fn notes_without_rust_have_no_blocks() {
        assert_eq!(blocks(""), []);
        assert_eq!(blocks("```\nfn main() {}\n```\n```js\n```\n    rust\n"), []);
        // A fence that is never closed ends with the note.
        assert_eq!(blocks("```rust\nfn main() {}").len(), 1);
        assert_eq!(blocks("```rust\n```")[0].line, 1);
    }
}
