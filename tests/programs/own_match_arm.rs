//! One arm of a `match` moves the value, another only looks at it.
//! exit: 0

fn swallow(text: String) -> usize {
    text.len() // <swallowed> text: live, owns a block; classify::word: moved
}

fn classify(word: String) -> usize {
    let length = match word.len() {
        0..=3 => swallow(word),
        _ => 0,
    };
    println!("length {length}"); // <after#1> word: moved; length: live
    //   <after#2> word: live, owns a block; length: live
    length
}

fn main() {
    let short = classify(String::from("ant"));
    let long = classify(String::from("elephant"));
    println!("{short} {long}"); // <end> short: live; long: live
}
