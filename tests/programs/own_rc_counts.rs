//! Each clone of an `Rc` is an owner of its own; the block goes with the last one.
//! exit: 0

use std::rc::Rc;

fn main() {
    let first = Rc::new(String::from("shared"));
    let second = Rc::clone(&first);
    println!("=first.strong {}", Rc::strong_count(&first)); // <two> first: live, shares block with second
    //   second: live; first.strong = 2
    drop(first);
    println!("=second.strong {}", Rc::strong_count(&second)); // <one> first: moved; second: live, shares a block
    //   second.strong = 1; event move first
    let third = second;
    println!("=third.strong {}", Rc::strong_count(&third)); // <moved> second: moved; third.strong = 1
    let text = Rc::try_unwrap(third).unwrap_or_default();
    println!("{text}"); // <unwrapped> third: moved; text: live, owns a block
}
