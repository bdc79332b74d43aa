//! A list of boxes: each block owns the next one.
//! exit: 0

#[derive(Debug)]
enum List {
    Cons(u8, Box<List>),
    Nil,
}

use List::{Cons, Nil};

fn sum(list: &List) -> u32 {
    match list {
        Cons(value, rest) => u32::from(*value) + sum(rest),
        Nil => {
            println!("the end is reached"); // <at-the-end> frames = sum, sum, sum, sum, main; list: borrows heap of main::list
            0
        }
    }
}

fn main() {
    let list = Cons(1, Box::new(Cons(2, Box::new(Cons(3, Box::new(Nil))))));
    println!("=list {list:?}\n=list.size {}\n@list {:p}", size_of_val(&list), &list); // <built>
    //   list: live, place stack, at printed, size 16, owns 16 bytes on the heap, owns 3 blocks in all
    //   list = Cons(1, Cons(2, Cons(3, Nil)))
    println!("=list.bytes {}", size_of::<List>());
    let total = sum(&list);
    println!("=total {total}"); // <sum> total = 6
}
