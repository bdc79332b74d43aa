//! A `Mutex` holds its value in place; the guard is a borrow with a duty to unlock.
//! exit: 0

use std::sync::Mutex;

fn main() {
    let purse = Mutex::new(vec![5u8, 5]);
    println!("=purse {purse:?}\n@purse {:p}", &purse); // <unlocked>
    //   purse: live, place stack, at printed, owns 2 bytes on the heap
    //   purse = Mutex { data: [5, 5], poisoned: false, .. }
    println!("=purse.bytes {}", purse.lock().unwrap().capacity());
    let mut guard = purse.lock().unwrap();
    guard[0] = 7;
    println!("=guard {guard:?}\n=guard.size {}", size_of_val(&guard)); // <locked>
    //   guard: live, place stack, size 16; guard = [7, 5]
    println!("=purse {purse:?}"); // <seen-from-outside> purse = Mutex { data: "<locked>", poisoned: false, .. }
    drop(guard);
    purse.lock().unwrap().pop();
    println!("=purse {purse:?}"); // <unlocked-again> purse = Mutex { data: [7], poisoned: false, .. }
    let coins = purse.into_inner().unwrap();
    println!("=coins {coins:?}\n=coins.bytes {}", coins.capacity()); // <taken-out>
    //   coins: live, owns 2 bytes on the heap; coins = [7]; purse: not live
}
