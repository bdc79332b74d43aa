//! `let ... else`: the value is moved out of the option, or the function is left.
//! exit: 0

fn first_word(text: Option<String>) -> usize {
    let Some(word) = text else {
        // <asked#1> text: live; word: uninit
        return 0; // <none> word: uninit
    };
    println!("{word}"); // <word> word: live, owns a block; text: partly-moved, owns nothing
    word.len()
}

fn main() {
    let sum = first_word(Some(String::from("hello"))) + first_word(None);
    println!("{sum}"); // <end> sum: live
}
