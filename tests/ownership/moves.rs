//! A value has one owner; a move gives it to another one.
fn consume(text: String) -> usize {
    text.len()
}

fn main() {
    let first = String::from("a move copies three words, never the text");
    let second = first;
    let length = consume(second);
    let copied = length;
    println!("{length} {copied}");
}
