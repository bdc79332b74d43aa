//! A guard looks at the binding by reference; the value moves only when the arm is taken.
//! exit: 0

fn long(text: &str) -> bool {
    text.len() > 3 // <asked#1> run::word: live; text: live
    //   <asked#2> run::word: live; frames = long, run, main
}

fn run(word: Option<String>) -> usize {
    let size = match word {
        Some(text) if long(&text) => text.len(),
        Some(text) => {
            println!("short {text}"); // <short> text#2: live, owns a block; word: partly-moved
            0
        }
        None => 99,
    };
    println!("{size}"); // <after#1> size: live; word: partly-moved
    size
}

fn main() {
    let sizes = [run(Some("elephant".into())), run(Some("ox".into())), run(None)];
    println!("{sizes:?}"); // <end> sizes: live
}
