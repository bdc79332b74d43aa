//! Threads that change one value take turns by locking it.
//! exit: 0
//! drawing: none

use std::sync::{Arc, Mutex};
use std::thread;

fn main() {
    let tally = Arc::new(Mutex::new(0));
    let mut helpers = Vec::new();
    for n in 1..=4 {
        let tally = Arc::clone(&tally);
        helpers.push(thread::spawn(move || {
            let mut guard = tally.lock().unwrap();
            *guard += n; // <adding> guard: live, place stack; frames = {closure#0}
        }));
    }
    for helper in helpers {
        helper.join().unwrap();
    }
    println!("=tally#1 {tally:?}\n=tally#1.strong {}", Arc::strong_count(&tally)); // <counted>
    //   tally#1: live, place stack, shares a block; tally#1 = Mutex { data: 10, poisoned: false, .. }
    //   tally#1.strong = 1; threads = 1
}
