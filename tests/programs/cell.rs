//! A `Cell` changes its value through a shared reference, in place.
//! exit: 0

use std::cell::Cell;

fn bump(counter: &Cell<u32>) -> u32 {
    let old = counter.get();
    counter.set(old + 1); // <bump#2> counter: live, borrows main::counter, points to printed; old = 1
    println!("=old {old}\n@*counter {:p}", counter);
    old
}

fn main() {
    let counter = Cell::new(0);
    println!("=counter {counter:?}\n@counter {:p}\n=counter.size {}", &counter, size_of_val(&counter)); // <new>
    //   counter: live, place stack, at printed, size 4, owns nothing; counter = Cell { value: 0 }
    bump(&counter);
    bump(&counter);
    let old = counter.replace(40);
    println!("=counter {counter:?}\n=old {old}"); // <replaced> counter = Cell { value: 40 }; old = 2
}
