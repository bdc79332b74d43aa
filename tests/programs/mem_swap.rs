//! `swap`, `replace` and `take` exchange headers; the blocks stay where they are.
//! exit: 0

use std::mem;

fn main() {
    let mut left = String::from("port");
    let mut right = String::from("starboard");
    let (l, r) = (left.as_ptr(), right.as_ptr());
    mem::swap(&mut left, &mut right);
    println!("=left {left:?}\n=right {right:?}\n@left.heap {:p}\n@right.heap {:p}", r, l); // <swapped>
    //   left = "starboard"; right = "port"; left: heap at printed; right: heap at printed
    let old = mem::take(&mut left);
    println!("=left {left:?}\n=old {old:?}\n@old.heap {:p}", r); // <taken>
    //   left: live, owns nothing; left = ""; old = "starboard"; old: live, heap at printed
    let before = mem::replace(&mut right, "bow".to_string());
    println!("=before {before:?}\n=right {right:?}\n=right.bytes {}", right.capacity()); // <replaced>
    //   before = "port"; right = "bow"; right: owns 3 bytes on the heap
    let mut slot = Some(before);
    let taken = slot.take();
    println!("=slot {slot:?}\n=taken {taken:?}"); // <option-take> slot = None; taken = Some("port"); slot: owns nothing
}
