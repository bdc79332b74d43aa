//! Ranges are small structs; as iterators they are used up.
//! exit: 0

fn main() {
    let mut decks = 1..4;
    let all = ..=9u8;
    let letters = 'a'..='e';
    println!("=decks {decks:?}\n=all {all:?}\n=decks.size {}\n@decks {:p}", size_of_val(&decks), &decks); // <new>
    //   decks: live, place stack, at printed, size 8, owns nothing; decks = 1..4; all = ..=9
    let first = decks.next();
    println!("=first {first:?}\n=decks {decks:?}"); // <one-taken> first = Some(1); decks = 2..4
    let word: String = letters.rev().collect();
    println!("=word {word:?}"); // <collected> word = "edcba"
    let middle = &[10, 11, 12, 13, 14][1..3];
    println!("=middle {middle:?}"); // <sliced> middle: live, borrows 8 bytes of anything; middle = [11, 12]
}
