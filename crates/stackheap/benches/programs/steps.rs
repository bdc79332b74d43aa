//! About two hundred steps with a few blocks.

fn main() {
    let mut words: Vec<String> = Vec::new();
    let mut bytes = 0;
    let mut turn = 0;
    while turn < 39 {
        let word = "leaf".repeat(turn % 5 + 1);
        bytes += word.len();
        words.push(word);
        turn += 1;
    }
    println!("{bytes}");
}
