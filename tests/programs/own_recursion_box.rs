//! Each call hands the rest of a list on to the next one and keeps nothing.
//! exit: 0

struct Node {
    value: u32,
    next: Option<Box<Node>>,
}

fn total(node: Box<Node>) -> u32 {
    let value = node.value; // <in#1> node: live, owns 2 blocks in all; frames = total, main
    //   <in#2> node: live, owns 1 blocks in all; frames = total, total, main
    match node.next {
        // <match#1> node: live; value: live
        Some(rest) => value + total(rest),
        None => value, // <last> node: live; value: live; main::list: moved
    }
}

fn main() {
    let tail = Box::new(Node { value: 2, next: None });
    let list = Box::new(Node { value: 1, next: Some(tail) });
    let sum = total(list); // <made> tail: moved; list: live, owns 2 blocks in all
    println!("{sum}"); // <end> list: moved; sum: live
}
