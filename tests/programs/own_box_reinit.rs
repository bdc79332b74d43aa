//! A box that was emptied can be filled again: it has kept its block.
//! exit: 0

fn main() {
    let mut boxed = Box::new(String::from("first"));
    let first = *boxed;
    println!("{first}"); // <empty> boxed: partly-moved; first: live, owns a block; event move boxed.* to first
    *boxed = String::from("second");
    println!("{boxed}"); // <full> boxed: live, owns 2 blocks in all; first: live
}
