//! What is sent through a channel belongs to the receiver.
//! exit: 0
//! drawing: none

use std::sync::mpsc;
use std::thread;

fn main() {
    let (sender, receiver) = mpsc::channel();
    let worker = thread::spawn(move || {
        let got: String = receiver.recv().unwrap();
        println!("{got}"); // <got> got: live, owns a block
        got.len()
    });
    let text = String::from("over there");
    sender.send(text).unwrap(); // <before> text: live, owns a block; sender: live; worker: live
    drop(sender); // <sent> text: moved; event move text
    let length = worker.join().unwrap(); // <hung-up> sender: moved; worker: live; length: uninit
    println!("{length}"); // <end> worker: moved; text: moved; length: live
}
