//! A channel moves values from one thread to another: the block stays, the owner changes.
//! exit: 0

use std::sync::mpsc;
use std::thread;

fn main() {
    let (sender, receiver) = mpsc::channel::<String>();
    let writer = thread::spawn(move || {
        let letter = String::from("dear reader");
        println!("=letter {letter:?}\n=letter.bytes {}", letter.capacity()); // <written>
        //   letter: live, place stack, owns 11 bytes on the heap; letter = "dear reader"; threads = 2
        sender.send(letter).unwrap();
    });
    writer.join().unwrap();
    let letter = receiver.recv().unwrap();
    println!("=letter {letter:?}\n=letter.bytes {}\n@letter {:p}", letter.capacity(), &letter); // <received>
    //   letter: live, place stack, at printed, owns 11 bytes on the heap; letter = "dear reader"; threads = 1
    let end = receiver.recv();
    println!("=end {end:?}"); // <hung-up> end = Err(RecvError)
}
