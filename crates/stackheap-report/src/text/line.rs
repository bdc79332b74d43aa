//! Lines of text whose width on the screen is known.

use super::Color;

/// How a stretch of text looks. A look only repeats what a form or word already says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    /// Headings and names.
    Strong,
    /// What is less important, or gone.
    Dim,
    /// Owning pointers.
    Own,
    /// Borrows.
    Borrow,
    /// What changed.
    Changed,
}

impl Look {
    /// The parameters of the ANSI sequence that selects it. The eight standard colours, so that the
    /// reader's own theme decides how they look.
    fn ansi(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Dim => Some("2"),
            Self::Own => Some("32"),
            Self::Borrow => Some("36"),
            Self::Changed => Some("33"),
        }
    }
}

/// A line that is being written.
pub(super) struct Line {
    text: String,
    columns: usize,
    color: Color,
}

impl Line {
    pub(super) fn new(color: Color) -> Self {
        Self {
            text: String::new(),
            columns: 0,
            color,
        }
    }

    /// How many columns are taken.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn push(&mut self, look: Look, text: &str) -> &mut Self {
        self.columns += columns(text);
        match look.ansi() {
            Some(parameters) if self.color == Color::Ansi && !text.is_empty() => {
                self.text.push_str("\x1b[");
                self.text.push_str(parameters);
                self.text.push('m');
                self.text.push_str(text);
                self.text.push_str("\x1b[0m");
            }
            _ => self.text.push_str(text),
        }
        self
    }

    pub(super) fn plain(&mut self, text: &str) -> &mut Self {
        self.push(Look::Plain, text)
    }

    /// Spaces up to this column; at least one where text is already behind it.
    pub(super) fn pad_to(&mut self, column: usize) -> &mut Self {
        let missing = column.saturating_sub(self.columns).max(1);
        for _ in 0..missing {
            self.text.push(' ');
        }
        self.columns += missing;
        self
    }

    /// This character up to this column.
    pub(super) fn fill(&mut self, look: Look, filler: char, column: usize) -> &mut Self {
        let missing = column.saturating_sub(self.columns);
        let text: String = std::iter::repeat_n(filler, missing).collect();
        self.push(look, &text)
    }

    /// The line, without spaces at its end.
    pub(super) fn end(self, out: &mut String) {
        out.push_str(self.text.trim_end_matches(' '));
        out.push('\n');
    }
}

/// How many columns a terminal gives to this text: two for wide and emoji characters, none for
/// combining marks, one for the rest (after Unicode's East Asian Width, by block).
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

fn char_columns(c: char) -> usize {
    match u32::from(c) {
        0x20..=0x7e => 1,
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x610..=0x61a | 0x64b..=0x65f => 0,
        0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0xfe20..=0xfe2f | 0xe0100..=0xe01ef => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0x33ff | 0x3400..=0x4dbf => 2,
        0x4e00..=0xa4cf | 0xa960..=0xa97f | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f => 2,
        0x1f680..=0x1f6ff | 0x1f900..=0x1f9ff | 0x1fa70..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// `text` cut to so many columns, the last one taken by `mark` when something was cut.
pub(super) fn fit(text: &str, width: usize, mark: char) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut taken = 0;
    for c in text.chars() {
        taken += char_columns(c);
        if taken >= width {
            break;
        }
        short.push(c);
    }
    if width > 0 {
        short.push(mark);
    }
    short
}

/// `text` in lines of at most so many columns, broken at spaces where there are some.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut taken = 0;
    for word in text.split(' ') {
        let needed = columns(word);
        if taken > 0 && taken + 1 + needed > width {
            lines.push(std::mem::take(&mut line));
            taken = 0;
        }
        if taken > 0 {
            line.push(' ');
            taken += 1;
        }
        for c in word.chars() {
            let wide = char_columns(c);
            if taken + wide > width {
                lines.push(std::mem::take(&mut line));
                taken = 0;
            }
            line.push(c);
            taken += wide;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{columns, fit, wrap};

    #[test]
    fn wide_characters_take_two_columns_and_marks_none() {
        let cases = [
            ("abc", 3),
            ("漢字", 4),
            ("e\u{301}", 1),
            ("🦀", 2),
            ("│─◆━▶", 5),
        ];
        for (text, width) in cases {
            assert_eq!(columns(text), width, "{text}");
        }
    }

    #[test]
    fn fitting_never_exceeds_the_width() {
        for width in 0..8 {
            assert!(columns(&fit("a漢字b🦀", width, '…')) <= width, "{width}");
        }
        assert_eq!(fit("abcdef", 4, '…'), "abc…");
        assert_eq!(fit("abcd", 4, '…'), "abcd");
    }

    #[test]
    fn wrapping_breaks_at_spaces_and_inside_long_words() {
        assert_eq!(wrap("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
