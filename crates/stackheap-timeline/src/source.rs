use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use stackheap_mir::{Position, Span};
use stackheap_model::{TextPosition, TextRange};
use stackheap_source::Outline;

use crate::SourceText;

/// The files that a crate's text names, each read once.
pub(crate) struct Sources<'r> {
    read: &'r dyn Fn(&str) -> Option<SourceText>,
    files: RefCell<BTreeMap<String, Option<Rc<Source>>>>,
}

impl<'r> Sources<'r> {
    pub(crate) fn new(read: &'r dyn Fn(&str) -> Option<SourceText>) -> Self {
        Self {
            read,
            files: RefCell::default(),
        }
    }

    /// A file by the name that the compiler gives it; `None` if it is not the user's.
    pub(crate) fn get(&self, file: &str) -> Option<Rc<Source>> {
        if let Some(known) = self.files.borrow().get(file) {
            return known.clone();
        }
        let source = (self.read)(file).map(|text| Rc::new(Source::new(&text)));
        let mut files = self.files.borrow_mut();
        files.insert(file.to_owned(), source.clone());
        source
    }
}

/// A source file.
pub(crate) struct Source {
    pub(crate) shown: Arc<str>,
    text: Arc<str>,
    /// Where each line begins.
    lines: Vec<usize>,
    pub(crate) outline: Outline,
}

impl Source {
    fn new(text: &SourceText) -> Self {
        let ends = text.text.match_indices('\n').map(|(at, _)| at + 1);
        let (outline, _) = stackheap_source::outline(&text.text);
        Self {
            shown: text.shown.clone(),
            text: text.text.clone(),
            lines: std::iter::once(0).chain(ends).collect(),
            outline,
        }
    }

    fn line(&self, line: u32) -> Option<(usize, &str)> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = *self.lines.get(index)?;
        let end = self.lines.get(index + 1).copied();
        Some((start, self.text.get(start..end.unwrap_or(self.text.len()))?))
    }

    /// A position of the compiler's, whose columns count characters.
    pub(crate) fn position(&self, position: Position) -> TextPosition {
        let line = self.line(position.line).map_or("", |(_, text)| text);
        // The compiler does not count a mark of byte order either.
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        TextPosition {
            line: position.line,
            column: position.byte_column(line),
        }
    }

    pub(crate) fn range(&self, span: Span<'_>) -> TextRange {
        TextRange {
            start: self.position(span.start),
            end: self.position(span.end),
        }
    }

    fn offset(&self, position: TextPosition) -> Option<usize> {
        let (start, text) = self.line(position.line)?;
        let mark = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
        let column = usize::try_from(position.column).ok()?.checked_sub(1)?;
        Some(start + mark + column)
    }

    /// The text of a stretch; empty if it is not there.
    pub(crate) fn snippet(&self, range: TextRange) -> &str {
        let offsets = self.offset(range.start).zip(self.offset(range.end));
        offsets
            .and_then(|(start, end)| self.text.get(start..end))
            .unwrap_or("")
    }

    /// The macro in whose call a position lies, within one statement: the name before the `!` in
    /// front of the nearest open bracket.
    pub(crate) fn macro_around(&self, at: TextPosition) -> Option<&str> {
        self.macro_call(at).map(|(name, _)| name)
    }

    /// The name of that macro, and where its open bracket is.
    fn macro_call(&self, at: TextPosition) -> Option<(&str, usize)> {
        let before = self.text.get(..self.offset(at)?)?;
        let bytes = before.as_bytes();
        let mut closed = 0_u32;
        for (index, byte) in bytes.iter().enumerate().rev().take(MACRO_DISTANCE) {
            match byte {
                b')' | b']' | b'}' => closed += 1,
                b'(' | b'[' | b'{' if closed > 0 => closed -= 1,
                b'(' | b'[' | b'{' => {
                    let head = before.get(..index)?.trim_end();
                    if let Some(path) = head.strip_suffix('!') {
                        return Some((last_word(path), index));
                    }
                }
                b';' if closed == 0 => return None,
                _ => {}
            }
        }
        None
    }

    /// Behind the call of the macro in which a position lies.
    pub(crate) fn macro_end(&self, at: TextPosition) -> Option<TextPosition> {
        let (_, open) = self.macro_call(at)?;
        let mut depth = 0_u32;
        let bytes = self.text.as_bytes().get(open..)?;
        for (index, byte) in bytes.iter().enumerate().take(MACRO_DISTANCE) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return self.position_of(open + index + 1);
            }
        }
        None
    }

    /// The statement that comes next, if it begins with the call of a macro: its beginning.
    pub(crate) fn macro_behind(&self, at: TextPosition) -> Option<TextRange> {
        let statements = &self.outline.statements;
        let next = statements.partition_point(|statement| statement.range.start < at);
        let statement = statements.get(next)?;
        let (path, _) = self.snippet(statement.extent).split_once('!')?;
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
        let is_macro = !path.is_empty() && path.chars().all(is_part);
        is_macro.then_some(statement.extent)
    }

    fn position_of(&self, offset: usize) -> Option<TextPosition> {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.checked_sub(1)?)?;
        Some(TextPosition {
            line: u32::try_from(line).ok()?,
            column: u32::try_from(offset - start).ok()?.checked_add(1)?,
        })
    }
}

/// How many bytes before a position a macro's call is looked for.
const MACRO_DISTANCE: usize = 4096;

fn last_word(path: &str) -> &str {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let start = path
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_part(*c))
        .last();
    start.map_or("", |(start, _)| path.get(start..).unwrap_or(""))
}
