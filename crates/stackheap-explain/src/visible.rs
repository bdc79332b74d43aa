//! Text of the observed program, made safe to show.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with every control, bidirectional-formatting and invisible character written as an escape
/// (`\n`, `\u{202e}`), so that it can neither break a drawing nor reorder what a reader sees.
///
/// ```
/// assert_eq!(stackheap_explain::visible("a\tb\u{202e}"), "a\\tb\\u{202e}");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if is_hidden(c) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            _ => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Characters that show nothing themselves or change how their neighbours are shown: controls
/// (Unicode category Cc), line and paragraph separators, bidirectional formatting (UAX 9),
/// zero-width and tag characters, and noncharacters used as interlinear marks.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn controls_and_bidirectional_marks_are_written_out() {
        let cases = [
            ("plain äß 漢", "plain äß 漢"),
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("\u{1b}[31m", "\\u{1b}[31m"),
            ("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}"),
            ("\u{200b}\u{feff}\u{85}", "\\u{200b}\\u{feff}\\u{85}"),
            ("\0", "\\u{0}"),
        ];
        for (input, shown) in cases {
            assert_eq!(visible(input), shown);
        }
    }
}
