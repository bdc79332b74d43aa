//! One thread waits until another one has set a flag.
//! exit: 0
//! drawing: none

use std::sync::{Condvar, Mutex};
use std::thread;

fn main() {
    let ready = Mutex::new(false);
    let bell = Condvar::new();
    let heard = thread::scope(|scope| {
        scope.spawn(|| {
            *ready.lock().unwrap() = true; // <set> frames = {closure#0}
            bell.notify_one();
        });
        let mut open = ready.lock().unwrap();
        while !*open {
            open = bell.wait(open).unwrap();
        }
        println!("=open {open:?}"); // <woken> open = true
        true
    });
    println!("=heard {heard}\n=ready {ready:?}\n@ready {:p}", &ready); // <done>
    //   heard = true; ready: live, place stack, at printed; ready = Mutex { data: true, poisoned: false, .. }
}
