//! What is sent through a channel belongs to the receiver.
//! exit: 0
//! drawing: none

use std::sync::mpsc;

fn main() {
    let (sender, receiver) = mpsc::channel();
    let text = String::from("over there");
    sender.send(text).unwrap(); // <before> text: live, owns a block; sender: live
    drop(sender); // <sent> text: moved; event move text
    let got = receiver.recv().unwrap(); // <hung-up> sender: moved; receiver: live; got: uninit
    println!("{got}"); // <got> got: live, owns a block
    println!("{}", receiver.recv().is_err()); // <end> receiver: live; got: live
}
