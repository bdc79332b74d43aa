//! Three million allocations inside of std, asked for by three statements.

use std::iter::repeat_with;

fn main() {
    let blocks: Vec<Box<u64>> = repeat_with(Box::<u64>::default).take(1_500_000).collect();
    let text = "stack heap ".repeat(750_000);
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    println!("{} {}", blocks.len(), words.len());
}
