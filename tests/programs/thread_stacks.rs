//! Every thread has a stack of its own, with a size of its own.
//! exit: 0

use std::thread;

fn work(rounds: u32) -> u64 {
    let scratch = [u64::from(rounds); 64];
    println!("=rounds {rounds}\n@scratch {:p}\n=scratch.size {}", &scratch, size_of_val(&scratch)); // <work#2>
    //   scratch: live, place stack, at printed, size 512; rounds = 5; frames = work, {closure#1}; threads = 2
    scratch.iter().sum()
}

fn main() {
    let here = 1;
    let small = thread::Builder::new().name("small".into()).stack_size(64 * 1024);
    let a = small.spawn(|| work(3)).unwrap().join().unwrap();
    let large = thread::Builder::new().name("large".into()).stack_size(16 * 1024 * 1024);
    let b = large.spawn(|| work(5)).unwrap().join().unwrap();
    println!("=a {a}\n=b {b}\n@here {:p}\n=here {here}", &here); // <joined>
    //   a = 192; b = 320; here: live, place stack, at printed; here = 1
}
