//! A thread that nobody joins ends with the process; what it owns is never dropped.
//! exit: 0

use std::sync::mpsc::channel;
use std::thread;

struct Lantern(String);

impl Drop for Lantern {
    fn drop(&mut self) {
        println!("never printed: {}", self.0);
    }
}

fn main() {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let lantern = Lantern("aft".to_string());
        println!("=lantern.bytes {}", lantern.0.capacity()); // <hung> lantern: live, place stack, owns 3 bytes on the heap
        sender.send(lantern.0.len()).unwrap();
        loop {
            thread::park();
        }
    });
    let length = receiver.recv().unwrap();
    println!("=length {length}"); // <leaving> length = 3; threads = 2
}
