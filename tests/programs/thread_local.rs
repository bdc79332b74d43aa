//! A thread-local exists once for each thread.
//! exit: 0
//! drawing: none

use std::cell::{Cell, RefCell};
use std::thread;

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
    static LOG: RefCell<Vec<String>> = RefCell::new(Vec::new());
}

fn hit(name: &str) -> u32 {
    COUNT.set(COUNT.get() + 1);
    LOG.with_borrow_mut(|log| log.push(name.to_string()));
    COUNT.get()
}

fn main() {
    hit("a");
    let mine = hit("b");
    println!("=mine {mine}\n=COUNT {:?}", Cell::new(COUNT.get())); // <main>
    //   mine = 2; tls COUNT = Cell { value: 2 }
    let theirs = thread::spawn(|| {
        let first = hit("c");
        println!("=first {first}"); // <other> first = 1
        first
    });
    let theirs = theirs.join().unwrap();
    let log = LOG.take();
    println!("=theirs#2 {theirs}\n=log {log:?}"); // <joined> theirs#2 = 1; log = ["a", "b"]; log: owns 3 blocks in all
}
