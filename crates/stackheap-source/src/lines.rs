use std::ops::Range;

use stackheap_model::{TextPosition, TextRange};

/// Where the lines of a text start: from byte offsets to positions and back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    /// The offset of each line's first byte, ascending; never empty in a made index.
    starts: Vec<usize>,
    /// The length of the text in bytes.
    length: usize,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let after_newlines = text
            .bytes()
            .enumerate()
            .filter(|&(_, b)| b == b'\n')
            .map(|(i, _)| i + 1);
        Self {
            starts: std::iter::once(0).chain(after_newlines).collect(),
            length: text.len(),
        }
    }

    pub(crate) fn position(&self, offset: usize) -> TextPosition {
        let line = self.starts.partition_point(|&start| start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        TextPosition {
            line: saturate(line),
            column: saturate(offset.saturating_sub(start) + 1),
        }
    }

    pub(crate) fn range(&self, range: &Range<usize>) -> TextRange {
        TextRange {
            start: self.position(range.start),
            end: self.position(range.end),
        }
    }

    /// The offset of a position; a column behind the end of its line is the end of that line.
    pub(crate) fn offset(&self, position: TextPosition) -> Option<usize> {
        let line = self.line(position.line)?;
        let column = usize::try_from(position.column.checked_sub(1)?).ok()?;
        Some(line.start.saturating_add(column).min(line.end))
    }

    /// The bytes of a line without its newline.
    pub(crate) fn line(&self, line: u32) -> Option<Range<usize>> {
        let index = usize::try_from(line.checked_sub(1)?).ok()?;
        let start = *self.starts.get(index)?;
        let end = self
            .starts
            .get(index + 1)
            .map_or(self.length, |next| next - 1);
        Some(start..end)
    }
}

/// Texts of more than four thousand million lines or columns are over every limit here.
fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_bytes_from_one() {
        let lines = Lines::of("é=1\n\nx");
        assert_eq!(lines.position(0), TextPosition { line: 1, column: 1 });
        assert_eq!(lines.position(2), TextPosition { line: 1, column: 3 });
        assert_eq!(lines.position(5), TextPosition { line: 2, column: 1 });
        assert_eq!(lines.position(6), TextPosition { line: 3, column: 1 });
    }

    #[test]
    fn every_offset_survives_the_way_there_and_back() {
        let text = "a\r\nbß\n\n\nfn";
        let lines = Lines::of(text);
        for offset in 0..=text.len() {
            assert_eq!(
                lines.offset(lines.position(offset)),
                Some(offset),
                "offset {offset}"
            );
        }
    }

    #[test]
    fn positions_outside_are_none_or_the_end_of_the_line() {
        let lines = Lines::of("ab\nc");
        assert_eq!(
            lines.offset(TextPosition {
                line: 1,
                column: 99
            }),
            Some(2)
        );
        assert_eq!(lines.offset(TextPosition { line: 0, column: 1 }), None);
        assert_eq!(lines.offset(TextPosition { line: 1, column: 0 }), None);
        assert_eq!(lines.offset(TextPosition { line: 3, column: 1 }), None);
    }
}
