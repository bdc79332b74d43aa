//! A thread owns what it is given; a scoped one may borrow.
use std::sync::{Arc, Mutex};
use std::thread;

fn main() {
    let list = vec![1, 2, 3];
    let handle = thread::spawn(move || {
        let total: i32 = list.iter().sum();
        total
    });
    let shared = Arc::new(Mutex::new(0));
    let other = Arc::clone(&shared);
    let second = thread::spawn(move || {
        *other.lock().unwrap() += 1;
    });
    let mut text = String::from("scoped");
    thread::scope(|scope| {
        scope.spawn(|| text.push('!'));
    });
    second.join().unwrap();
    println!("{} {} {text}", handle.join().unwrap(), shared.lock().unwrap());
}
