//! `drop` is a function that takes a value; `forget` takes one and drops nothing.
use std::mem;

fn main() {
    let dropped = String::from("a");
    drop(dropped);
    let forgotten = String::from("b");
    mem::forget(forgotten);
    let mut list = vec![1];
    let taken = mem::take(&mut list);
    let mut left = String::from("l");
    let mut right = String::from("r");
    mem::swap(&mut left, &mut right);
    let old = mem::replace(&mut left, String::from("n"));
    println!("{taken:?} {old} {left} {right} {list:?}");
    let kept = mem::ManuallyDrop::new(String::from("never dropped"));
    println!("{}", kept.len());
}
