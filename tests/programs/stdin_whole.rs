//! Reading all of standard input, and counting words in it.
//! exit: 0
//! stdin: "the ship the sea the ship\n"

use std::collections::BTreeMap;
use std::io::Read;

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_default() += 1; // <word#2> word = "ship"; word: borrows 4 bytes of heap, borrows heap of text
        println!("=word {word:?}");
    }
    println!("=counts {counts:?}\n=text.len {}", text.len()); // <counted>
    //   counts = {"sea": 1, "ship": 2, "the": 3}; text.len = 26; counts: owns a block
}
