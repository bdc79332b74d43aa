//! Text as `{:?}` writes it, cut at a limit.

use stackheap_model::Unknown;

/// A text under construction, which stops growing at a limit of characters.
#[derive(Debug)]
pub(crate) struct Out {
    text: String,
    room: usize,
    full: bool,
    known: bool,
    unknown: Option<Unknown>,
}

impl Out {
    /// An empty text that ends with at most `limit` characters.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            room: limit.max(1),
            full: false,
            known: false,
            unknown: None,
        }
    }

    /// Whether nothing more fits, so that there is no use in computing it.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Adds text that says nothing about the value: names, brackets.
    pub(crate) fn push(&mut self, text: &str) {
        for c in text.chars() {
            if self.room == 0 {
                self.full = true;
                return;
            }
            self.text.push(c);
            self.room -= 1;
        }
    }

    /// Adds a part of the value.
    pub(crate) fn push_known(&mut self, text: &str) {
        self.known = true;
        self.push(text);
    }

    /// Adds a `?` for a part that is not known.
    pub(crate) fn push_unknown(&mut self, unknown: Unknown) {
        self.unknown.get_or_insert(unknown);
        self.push("?");
    }

    /// Notes that the value is known without parts, as a unit structure or an empty list is.
    pub(crate) fn note_known(&mut self) {
        self.known = true;
    }

    /// The text; or why it is not known, when no part of it is.
    pub(crate) fn finish(mut self) -> Result<String, Unknown> {
        match self.unknown {
            Some(unknown) if !self.known => return Err(unknown),
            _ => {}
        }
        if self.full {
            self.text.pop();
            self.text.push('…');
        }
        Ok(self.text)
    }
}

/// A text in quotes, escaped; of bytes that may be cut within a character, and an error when they
/// are not UTF-8.
pub(crate) fn quoted_utf8(bytes: &[u8]) -> Result<String, Unknown> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(format!("{text:?}")),
        Err(error) if error.error_len().is_none() => {
            let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Ok(format!("{:?}", String::from_utf8_lossy(whole)))
        }
        Err(error) => {
            let at = error.valid_up_to();
            Err(Unknown::because(format!(
                "the bytes are not UTF-8 from byte {at} on"
            )))
        }
    }
}

/// A text of the operating system in quotes: UTF-8 escaped, other bytes as `\xFF`.
pub(crate) fn quoted_os(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        let valid = format!("{:?}", chunk.valid());
        text.push_str(valid.get(1..valid.len() - 1).unwrap_or_default());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02X}"));
        }
    }
    text.push('"');
    text
}

/// A C string, without its zero byte, in quotes: printable ASCII and UTF-8 as it is, other bytes as
/// `\xff`.
pub(crate) fn quoted_c(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\0' => text.push_str("\\0"),
                '\u{1}'..='\u{7f}' => text.push_str(&(c as u8).escape_ascii().to_string()),
                _ => text.extend(c.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text.push('"');
    text
}

/// Bytes as a byte string literal.
pub(crate) fn quoted_bytes(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_with_an_ellipsis_at_the_limit() {
        let cut = |text: &str| {
            let mut out = Out::new(4);
            out.push_known(text);
            out.finish()
        };
        assert_eq!(cut("abcd").as_deref(), Ok("abcd"));
        assert_eq!(cut("abcde").as_deref(), Ok("abc…"));
        assert_eq!(cut("äöüßé").as_deref(), Ok("äöü…"));
    }

    #[test]
    fn a_text_of_which_nothing_is_known_is_unknown() {
        let mut out = Out::new(20);
        out.push("P { x: ");
        out.push_unknown(Unknown::because("gone"));
        assert_eq!(out.finish(), Err(Unknown::because("gone")));
    }

    #[test]
    fn quotes_are_those_of_debug() {
        let text = "a\"b\\c\n\t'é\u{7f}\u{200b}🦀\0";
        assert_eq!(quoted_utf8(text.as_bytes()), Ok(format!("{text:?}")));
        assert_eq!(quoted_utf8(&"aé".as_bytes()[..2]).as_deref(), Ok("\"a\""));
        assert!(quoted_utf8(b"a\xffb").is_err());
        let os = std::ffi::OsStr::new(text);
        assert_eq!(quoted_os(text.as_bytes()), format!("{os:?}"));
        let c = std::ffi::CString::new("a\"b\\c\n\t'é\u{7f}").unwrap();
        assert_eq!(quoted_c(c.to_bytes()), format!("{c:?}"));
        let c = std::ffi::CString::new(b"a\xff\xfeb".to_vec()).unwrap();
        assert_eq!(quoted_c(c.to_bytes()), format!("{c:?}"));
    }
}
