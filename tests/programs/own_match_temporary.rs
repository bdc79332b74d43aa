//! A lock taken in the head of a `match` is held until the end of the whole `match`.
//! exit: 0

use std::sync::Mutex;

fn main() {
    let lock = Mutex::new(vec![1, 2]);
    match lock.lock().unwrap().len() {
        2 => println!("held: {}", lock.try_lock().is_err()), // <held> lock: live
        _ => println!("other"),
    }
    println!("held: {}", lock.try_lock().is_err()); // <free> lock: live, not lent; output ends "held: true\n"
    let length = lock.lock().unwrap().len();
    println!("{length} {}", lock.try_lock().is_err()); // <let> length: live; lock: live; output ends "held: false\n"
    let guard = lock.lock().unwrap();
    println!("{guard:?}"); // <named> guard: live; lock: live, lent to guard
    drop(guard);
    println!("{}", lock.try_lock().is_err()); // <end> guard: moved; lock: live, not lent
}
