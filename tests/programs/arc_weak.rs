//! `std::sync::Weak`: a look at something that may be gone by then.
//! exit: 0

use std::sync::{Arc, Weak};
use std::thread;

fn main() {
    let beacon = Arc::new(String::from("lit"));
    let seen: Weak<String> = Arc::downgrade(&beacon);
    println!("=beacon.strong {}\n=beacon.weak {}", Arc::strong_count(&beacon), Arc::weak_count(&beacon)); // <lit>
    //   beacon: live, shares a block; seen: live, place stack, at printed, weak to beacon
    //   beacon.strong = 1; beacon.weak = 1
    println!("@seen {:p}", &seen);
    let watcher = thread::spawn(move || {
        let text = seen.upgrade().map(|beacon| beacon.len());
        drop(beacon);
        println!("=text {text:?}\n=gone {:?}", seen.upgrade()); // <in-thread> text = Some(3)
        let gone = seen.upgrade();
        println!("{}", gone.is_none()); // <gone> gone = None; gone: owns nothing
    });
    watcher.join().unwrap();
}
