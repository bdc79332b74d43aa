//! A scan of the text's tokens, as far as needed to know where its comments are and how deep a
//! syntax tree of it can get. The grammar is the lexical part of the Rust reference
//! (<https://doc.rust-lang.org/reference/tokens.html>); what is malformed is scanned somehow and
//! left to the parser to refuse.

use std::ops::Range;

/// What the scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Comments, doc comments among them, by position.
    pub(crate) comments: Vec<Range<usize>>,
    /// How deep brackets nest.
    pub(crate) nesting: usize,
    /// The largest number of tokens since the last separator, summed over all open brackets. No
    /// path from the root of the syntax tree to a leaf is longer than a constant times this.
    pub(crate) chain: usize,
}

impl Scan {
    /// The offset of the first byte at or behind `offset` that is neither white space nor comment.
    pub(crate) fn skip_trivia(&self, text: &str, mut offset: usize) -> usize {
        loop {
            let rest = text.get(offset..).unwrap_or("");
            offset += rest.len() - rest.trim_start().len();
            match self.comment_at(offset) {
                Some(comment) => offset = comment.end,
                None => return offset,
            }
        }
    }

    /// The comment that contains `offset`.
    pub(crate) fn comment_at(&self, offset: usize) -> Option<&Range<usize>> {
        let index = self
            .comments
            .partition_point(|comment| comment.end <= offset);
        self.comments
            .get(index)
            .filter(|comment| comment.start <= offset)
    }
}

/// One bracket that is open.
#[derive(Default)]
struct Group {
    /// Tokens since the last separator.
    tokens: usize,
    /// Whether it is the input of a macro, which is not parsed.
    opaque: bool,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    scan: Scan,
    groups: Vec<Group>,
    /// The sum of the groups' tokens.
    tokens: usize,
    last: Last,
}

/// What the last token was, as far as the next one's meaning depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A name, or a number.
    Name,
    /// A keyword that an expression can follow.
    Keyword,
    /// `name !`
    Bang,
    /// `name ! name`, as in `macro_rules! name`.
    BangWord,
    /// `}`
    BraceClosed,
    Other,
}

/// Scans `text`. Takes time linear in its length.
pub(crate) fn scan(text: &str) -> Scan {
    let mut lexer = Lexer {
        text,
        at: 0,
        scan: Scan::default(),
        groups: vec![Group::default()],
        tokens: 0,
        last: Last::Other,
    };
    while let Some(c) = lexer.peek() {
        let before = lexer.at;
        lexer.token(c);
        debug_assert!(lexer.at > before, "a scan that stands still");
    }
    lexer.scan
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn token(&mut self, c: char) {
        match c {
            c if c.is_whitespace() => self.at += c.len_utf8(),
            '/' if self.rest().starts_with("//") => self.line_comment(),
            '/' if self.rest().starts_with("/*") => self.block_comment(),
            '"' => self.string(),
            '\'' => self.quote(),
            '(' | '[' | '{' => self.open(),
            ')' | ']' | '}' => self.close(c),
            ';' | ',' => self.separator(),
            c if is_word(c) => self.word(),
            c => {
                self.at += c.len_utf8();
                let bang = c == '!' && self.last == Last::Name;
                self.count(if bang { Last::Bang } else { Last::Other });
            }
        }
    }

    fn count(&mut self, last: Last) {
        self.last = last;
        let Some(group) = self.groups.last_mut() else {
            return;
        };
        if group.opaque {
            return;
        }
        group.tokens += 1;
        self.tokens += 1;
        self.scan.chain = self.scan.chain.max(self.tokens);
    }

    /// Forgets the tokens of the innermost group: what follows is no part of what they began.
    fn reset(&mut self) {
        if let Some(group) = self.groups.last_mut() {
            self.tokens -= group.tokens;
            group.tokens = 0;
        }
    }

    fn separator(&mut self) {
        self.at += 1;
        self.reset();
        self.last = Last::Other;
    }

    fn open(&mut self) {
        self.at += 1;
        let opaque = matches!(self.last, Last::Bang | Last::BangWord)
            || self.groups.last().is_some_and(|group| group.opaque);
        self.count(Last::Other);
        self.groups.push(Group { tokens: 0, opaque });
        self.scan.nesting = self.scan.nesting.max(self.groups.len() - 1);
    }

    fn close(&mut self, c: char) {
        self.at += 1;
        if self.groups.len() > 1 {
            self.reset();
            self.groups.pop();
        }
        self.last = if c == '}' {
            Last::BraceClosed
        } else {
            Last::Other
        };
    }

    fn word(&mut self) {
        let length = self
            .rest()
            .find(|c| !is_word(c))
            .unwrap_or(self.rest().len());
        let (word, rest) = self.rest().split_at(length);
        let prefix = matches!(word, "r" | "b" | "br" | "c" | "cr");
        let raw = word.ends_with('r');
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let quoted = rest.get(hashes..).is_some_and(|rest| rest.starts_with('"'));
        if prefix && raw && quoted {
            self.at += length;
            return self.raw_string(hashes);
        }
        if prefix && !raw && rest.starts_with('"') {
            self.at += length;
            return self.string();
        }
        let keyword = EXPRESSION_FOLLOWS.contains(&word);
        // A block ends what came before it, unless one of these goes on with it.
        let goes_on = matches!(word, "else" | "as");
        if self.last == Last::BraceClosed && !goes_on {
            self.reset();
        }
        self.at += length;
        self.count(match self.last {
            Last::Bang => Last::BangWord,
            _ if keyword => Last::Keyword,
            _ => Last::Name,
        });
    }

    fn string(&mut self) {
        self.at += 1;
        let mut escaped = false;
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            match c {
                '"' if !escaped => break,
                '\\' => escaped = !escaped,
                _ => escaped = false,
            }
        }
        self.count(Last::Other);
    }

    fn raw_string(&mut self, hashes: usize) {
        self.at += hashes + 1;
        let end = format!("\"{}", "#".repeat(hashes));
        let rest = self.rest();
        self.at += rest
            .find(&end)
            .map_or(rest.len(), |found| found + end.len());
        self.count(Last::Other);
    }

    /// A character literal or a lifetime.
    fn quote(&mut self) {
        let mut chars = self.rest().char_indices().skip(1);
        let (first, second) = (chars.next(), chars.next());
        let literal_end = match (first, second) {
            (Some((_, '\\')), Some((escaped, c))) => {
                let behind = escaped + c.len_utf8();
                self.rest()
                    .get(behind..)
                    .and_then(|r| r.find('\''))
                    .map(|i| behind + i + 1)
            }
            (Some(_), Some((i, '\''))) => Some(i + 1),
            _ => None,
        };
        self.at += literal_end.unwrap_or(1);
        self.count(Last::Other);
    }

    fn line_comment(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        self.scan.comments.push(self.at..self.at + length);
        self.at += length;
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(c) = self.peek() {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
            } else {
                self.at += c.len_utf8();
            }
            if depth == 0 {
                break;
            }
        }
        self.scan.comments.push(start..self.at);
    }
}

/// Keywords behind which `!` is the operator and not part of a macro's call.
const EXPRESSION_FOLLOWS: [&str; 20] = [
    "as", "async", "await", "break", "const", "continue", "else", "for", "if", "in", "let", "loop",
    "match", "move", "mut", "ref", "return", "unsafe", "while", "yield",
];

/// Letters, digits, `_` and everything outside ASCII: names, keywords and numbers.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii() && !c.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments(text: &str) -> Vec<&str> {
        scan(text)
            .comments
            .into_iter()
            .map(|range| &text[range])
            .collect()
    }

    #[test]
    fn comments_are_found_and_look_alikes_are_not() {
        assert_eq!(
            comments("a // b\nc /* d /* e */ f */ g"),
            ["// b", "/* d /* e */ f */"]
        );
        assert_eq!(comments(r##""//" r#"/*"# '"' // x"##), ["// x"]);
        assert_eq!(comments("b\"\\\"//\" 'a' '\\'' '\\\\' <'a, '//"), ["//"]);
        assert_eq!(comments("r#type // t"), ["// t"]);
        assert_eq!(comments("/* open"), ["/* open"]);
        assert_eq!(comments("\"open // no"), Vec::<&str>::new());
    }

    #[test]
    fn nesting_counts_brackets_outside_literals() {
        assert_eq!(scan("f([{ \"(((\" '(' }])").nesting, 3);
        assert_eq!(scan(")))").nesting, 0);
    }

    #[test]
    fn chains_end_at_separators_and_blocks() {
        assert_eq!(scan("a + b; c").chain, 3);
        assert_eq!(scan("fn a() {} fn b() {}").chain, 4);
        assert_eq!(scan("if a {} else if b {} else {}").chain, 9);
        // The group counts with what stands before it.
        assert_eq!(scan("f(a + b)").chain, 5);
        // What a macro takes is not parsed.
        assert_eq!(scan("m!(a b c d e f g h)").chain, 3);
        assert_eq!(scan("macro_rules! m { a b c d e f g h }").chain, 4);
        assert_eq!(scan("if !(a b c)").chain, 6);
        assert_eq!(scan(&"!".repeat(1000)).chain, 1000);
    }

    #[test]
    fn trivia_is_skipped_to_the_next_token() {
        let text = "  // a\n /* b */ x";
        assert_eq!(scan(text).skip_trivia(text, 0), text.len() - 1);
        assert_eq!(scan("").skip_trivia("", 0), 0);
    }
}
