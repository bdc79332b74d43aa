use std::fmt;

/// A position in a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in *characters*: MIR and diagnostics count characters where line
    /// tables count bytes. See [`Position::byte_column`].
    pub column: u32,
}

impl Position {
    /// The column counted in bytes, as in line tables; takes the text of the position's line. A
    /// column behind the end of the line stays as far behind it.
    pub fn byte_column(self, line: &str) -> u32 {
        let before = usize::try_from(self.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let mut indices = line.char_indices();
        let bytes = match indices.by_ref().nth(before) {
            Some((index, _)) => index,
            None => line.len() + before.saturating_sub(line.chars().count()),
        };
        u32::try_from(bytes).map_or(u32::MAX, |bytes| bytes.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A stretch of a source file, as printed behind statements: `src/main.rs:3:9: 3:12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span<'t> {
    /// The file, as the compiler names it. Code that comes from a macro has the span of the
    /// macro's definition, also in files of other crates.
    pub file: &'t str,
    /// The first character.
    pub start: Position,
    /// The character behind the last one.
    pub end: Position,
}

impl<'t> Span<'t> {
    /// Reads `FILE:LINE:COLUMN: LINE:COLUMN`. From the right, since a file's name may contain
    /// colons and spaces.
    pub fn parse(text: &'t str) -> Option<Self> {
        let (rest, end_column) = trailing_number(text)?;
        let (rest, end_line) = trailing_number(rest.strip_suffix(':')?)?;
        let (rest, start_column) = trailing_number(rest.strip_suffix(": ")?)?;
        let (rest, start_line) = trailing_number(rest.strip_suffix(':')?)?;
        Some(Span {
            file: rest.strip_suffix(':')?,
            start: Position {
                line: start_line,
                column: start_column,
            },
            end: Position {
                line: end_line,
                column: end_column,
            },
        })
    }
}

impl fmt::Display for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.start, self.end)
    }
}

/// The number at the end of a text, with what is before it.
fn trailing_number(text: &str) -> Option<(&str, u32)> {
    let bytes = text.as_bytes();
    let digits = bytes
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let at = bytes.len() - digits;
    Some((text.get(..at)?, text.get(at..)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_may_contain_colons_and_spaces() {
        let text = "C:\\my files\\a.rs:1:20: 3:4";
        let span = Span::parse(text).unwrap();
        assert_eq!(span.file, "C:\\my files\\a.rs");
        assert_eq!((span.start.line, span.start.column), (1, 20));
        assert_eq!((span.end.line, span.end.column), (3, 4));
        assert_eq!(span.to_string(), text);
    }

    #[test]
    fn what_is_no_span_is_none() {
        for text in [
            "",
            "a.rs",
            "1:2",
            "a.rs:1:2: 3:",
            "a.rs:1:2:3:4",
            "a.rs:1:2: 3:99999999999",
        ] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn columns_of_bytes_are_counted_from_characters() {
        let at = |column| Position { line: 1, column }.byte_column("aßc");
        assert_eq!([at(1), at(2), at(3), at(4), at(6)], [1, 2, 4, 5, 7]);
    }
}
