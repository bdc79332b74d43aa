//! A reborrow lends a mutable reference on; the first one rests until the second has ended.
//! exit: 0

fn add(list: &mut Vec<u32>, number: u32) {
    list.push(number); // <add#1> list: live, borrows-mut main::list
    //   <add#2> list: live, borrows-mut main::list; main::first: live
}

fn main() {
    let mut list = vec![1];
    let first = &mut list;
    add(first, 2); // <lent> list: mutably lent to first; first: live, not lent
    let second = &mut *first;
    second.push(3); // <again> first: live, mutably lent to second; second: live, borrows-mut list
    add(first, 4); // <back> first: live, not lent; list: mutably lent to first; event borrow-end first.*
    println!("{list:?}"); // <end> list: live, not lent
}
