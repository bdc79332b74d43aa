//! A function that wants a value and does not keep it gives it back.
//! exit: 0

fn longest(words: Vec<String>) -> (Vec<String>, usize) {
    let length = words.iter().map(String::len).max().unwrap_or(0); // <given> words: live; main::words#1: moved
    (words, length)
}

fn main() {
    let words = vec!["a".to_string(), "abc".to_string()];
    println!("{}", words.len()); // <first> words#1: live; words#2: uninit
    let (words, length) = longest(words);
    println!("{words:?} {length}"); // <back> words#1: moved; words#2: live, owns 3 blocks in all; length: live
}
