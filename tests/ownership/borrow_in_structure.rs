//! As long as a structure holds a reference, what it refers to is borrowed.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(' ').unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        Some(word)
    }
}

fn main() {
    let text = String::from("a few words");
    let mut cursor = Cursor { rest: &text };
    let mut count = 0;
    while let Some(word) = cursor.word() {
        count += word.len();
    }
    let moved = text;
    println!("{moved} {count}");
}
