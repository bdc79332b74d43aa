//! `take`, `replace` and `swap` move values out through a reference and leave another one behind.
//! exit: 0

use std::mem;

fn main() {
    let mut first = String::from("first");
    let taken = mem::take(&mut first);
    println!("{taken}"); // <taken> taken: live, owns a block; first: live, owns nothing
    let mut second = String::from("second");
    let old = mem::replace(&mut second, taken);
    println!("{old}"); // <replaced> old: live, owns a block; taken: moved; second: live, owns a block
    //   second = "first"
    println!("=second {second:?}");
    mem::swap(&mut first, &mut second);
    println!("=first {first:?}"); // <swapped> first: live, owns a block; second: live, owns nothing; first = "first"
}
