//! A `JoinHandle` stands for a thread; joining gives back what the thread returned.
//! exit: 0

use std::thread::{self, JoinHandle};

fn count(to: u32) -> Vec<u32> {
    let made: Vec<u32> = (0..to).collect();
    println!("=made {made:?}\n=made.bytes {}", 4 * made.capacity()); // <worker>
    //   frames = count, {closure#0}; made: live, place stack, owns 12 bytes on the heap; made = [0, 1, 2]
    //   threads = 2
    made
}

fn main() {
    let builder = thread::Builder::new().name("counter".to_string());
    let handle: JoinHandle<Vec<u32>> = builder.spawn(|| count(3)).unwrap();
    let made = handle.join().unwrap();
    println!("=made {made:?}\n=made.bytes {}\n@made {:p}", 4 * made.capacity(), &made); // <joined>
    //   made: live, place stack, at printed, owns 12 bytes on the heap; made = [0, 1, 2]; threads = 1
}
