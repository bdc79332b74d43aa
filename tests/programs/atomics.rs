//! Atomics are plain numbers in memory, changed by special instructions.
//! exit: 0

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};

fn main() {
    let small = AtomicU8::new(250);
    let signed = AtomicI64::new(-3);
    let flag = AtomicBool::new(false);
    println!("=small {small:?}\n=signed {signed:?}\n=flag {flag:?}"); // <before>
    //   small = 250; signed = -3; flag = false
    let old = small.fetch_add(10, Ordering::Relaxed);
    flag.store(true, Ordering::Release);
    let swapped = signed.compare_exchange(-3, 12, Ordering::SeqCst, Ordering::Relaxed);
    println!("=small {small:?}\n=old {old}\n=flag {flag:?}\n=swapped {swapped:?}"); // <after>
    //   small = 4; old = 250; flag = true; swapped = Ok(-3); signed = 12
    println!("=signed {signed:?}\n=small.size {}\n@small {:p}", size_of_val(&small), &small); // <where>
    //   small: live, place stack, at printed, size 1
}
