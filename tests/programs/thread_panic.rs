//! A panic ends its thread only; who joins it is told.
//! exit: 0

use std::thread;

fn main() {
    let risky = thread::spawn(|| {
        let fuel: Option<u32> = None;
        println!("=fuel {fuel:?}"); // <before> frames = {closure#0}; fuel = None
        fuel.expect("no fuel left") + 1
    });
    let outcome = risky.join();
    let failed = outcome.is_err();
    println!("=failed {failed}"); // <told> failed = true; threads = 1
    if let Err(why) = outcome {
        let why = why.downcast_ref::<String>().map(String::as_str).or(why.downcast_ref::<&str>().copied());
        println!("=why#2 {why:?}"); // <why> why#2 = Some("no fuel left"); why#1: live, owns a block
    }
}
