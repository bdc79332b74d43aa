//! Reading through a line that has types and constants in it, which stay text.

/// A reading position in a piece of text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'t> {
    /// What is not read yet.
    pub(crate) rest: &'t str,
}

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// Goes over a text if it comes next.
    pub(crate) fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// Goes over a decimal number.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        let number = number.parse().ok()?;
        self.rest = rest;
        Some(number)
    }

    /// Goes over so many bytes and gives them.
    pub(crate) fn take(&mut self, bytes: usize) -> Option<&'t str> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    /// Gives what is inside of a bracket that has been opened, and goes behind its closing one.
    pub(crate) fn until_close(&mut self) -> Option<&'t str> {
        let at = find_outside(self.rest, |_, _| false)?;
        let inside = self.take(at)?;
        self.take(1)?;
        Some(inside)
    }

    /// Gives what comes before the next comma, closing bracket or end, and goes there.
    pub(crate) fn until_comma(&mut self) -> Option<&'t str> {
        let at = find_outside(self.rest, |_, byte| byte == b',').unwrap_or(self.rest.len());
        self.take(at)
    }
}

/// Where the first byte is that stands outside of brackets and literals and for which `stop` holds;
/// it is given the index and the byte. A closing bracket that the text did not open stops always.
///
/// Kinds of brackets are not told apart, and `->` and `=>` close none. A `'` begins a character
/// only if one character and a `'` follow; else it begins a lifetime.
pub(crate) fn find_outside(text: &str, stop: impl Fn(usize, u8) -> bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if depth == 0 && stop(at, byte) {
            return Some(at);
        }
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b'>' if at > 0 && matches!(bytes.get(at - 1), Some(b'-' | b'=')) => {}
            b')' | b']' | b'}' | b'>' => {
                if depth == 0 {
                    return Some(at);
                }
                depth -= 1;
            }
            b'"' => at = end_of_string(bytes, at),
            b'\'' => at = end_of_char(bytes, at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The index of the quote that ends the string whose first quote is at `at`; a string that does not
/// end, ends with the text.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The index of the quote that ends the character whose first quote is at `at`; `at` for a lifetime.
fn end_of_char(bytes: &[u8], at: usize) -> usize {
    let Some(&first) = bytes.get(at + 1) else {
        return at;
    };
    if first == b'\\' {
        // The escaped byte may itself be a quote. An escape is at most `\u{10ffff}`.
        let from = (at + 3).min(bytes.len());
        let close = bytes[from..].iter().take(10).position(|&b| b == b'\'');
        return close.map_or(at, |index| from + index);
    }
    let length = match first {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    match bytes.get(at + 1 + length) {
        Some(b'\'') => at + 1 + length,
        _ => at,
    }
}

/// Whether a text can be the path of a type or value, or a closure in braces: not empty, brackets
/// closed, no white space outside of them.
pub(crate) fn is_path(text: &str) -> bool {
    let begins = text
        .chars()
        .next()
        .is_some_and(|first| first.is_alphabetic() || matches!(first, '_' | '<' | '{'));
    begins && find_outside(text, |_, byte| matches!(byte, b' ' | b',' | b';' | b'"')).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_close(text: &str, inside: &str) {
        let mut cursor = Cursor::new(text);
        assert_eq!(cursor.until_close(), Some(inside));
    }

    #[test]
    fn brackets_close_outside_of_literals() {
        check_close("a(b)<[c]>)rest", "a(b)<[c]>");
        check_close("fn(A) -> B) C", "fn(A) -> B");
        check_close(
            r#""a)\")", ')', '\'', '\u{7d}', b'('), x"#,
            r#""a)\")", ')', '\'', '\u{7d}', b'('"#,
        );
        check_close("&'a T, Foo<'_, 'ß', '?3>) x", "&'a T, Foo<'_, 'ß', '?3>");
    }

    #[test]
    fn what_does_not_close_is_none() {
        for text in ["", "(", "\")", "'\\", "a -> b"] {
            assert_eq!(Cursor::new(text).until_close(), None, "{text}");
        }
    }

    #[test]
    fn paths_have_no_spaces_outside_of_brackets() {
        for path in [
            "Option::<i32>::None",
            "<A as B>::C",
            "{closure@a b.rs:1:2: 3:4}",
            "é",
        ] {
            assert!(is_path(path), "{path}");
        }
        for other in ["", "a b", "1", "a, b", "a)"] {
            assert!(!is_path(other), "{other}");
        }
    }
}
