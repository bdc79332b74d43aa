//! A closure that gives away what it captured can be called once; no `move` is needed to take it.
//! exit: 0

fn finish(last: impl FnOnce() -> String) -> usize {
    let text = last(); // <calling> last: live; text: uninit
    text.len() // <called> last: moved; text: live, owns a block; event move last
}

fn main() {
    let words = vec!["so", "long"];
    let farewell = String::from("and thanks");
    let last = || farewell + words[0]; // <before> farewell: live; words: live
    println!("made"); // <made> farewell: moved; words: live, lent to last; last: live, owns a block
    let length = finish(last);
    println!("{length} {}", words.len()); // <after> last: moved; words: live, not lent; length: live
}
