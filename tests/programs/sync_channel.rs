//! Several producers and one consumer, with a channel of limited room.
//! exit: 0
//! drawing: none

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

fn produce(from: u32, out: SyncSender<u32>) {
    for n in from..from + 3 {
        out.send(n).unwrap();
    }
}

fn main() {
    let (out, input) = sync_channel(1);
    let more = out.clone();
    let first = thread::spawn(move || produce(10, out));
    let second = thread::spawn(move || produce(20, more));
    let mut sum = 0;
    let mut got = Vec::new();
    while let Ok(n) = input.recv() {
        sum += n;
        got.push(n); // <got> got = []; got: live, owns nothing
        println!("=got {:?}", &got[1..]);
    }
    first.join().unwrap();
    second.join().unwrap();
    got.sort();
    println!("=got {got:?}\n=sum {sum}"); // <all> got = [10, 11, 12, 20, 21, 22]; sum = 96; threads = 1
}
