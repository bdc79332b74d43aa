//! How long a temporary lock guard lives: to the end of its statement, which may be long.
//! exit: 0

use std::sync::Mutex;

fn free(lock: &Mutex<Option<u8>>) -> bool {
    lock.try_lock().is_ok()
}

fn main() {
    let lock = Mutex::new(Some(1));
    let value = *lock.lock().unwrap();
    let after_let = free(&lock);
    println!("=value {value:?}\n=after_let {after_let}"); // <let> value = Some(1); after_let = true
    let in_match = match *lock.lock().unwrap() {
        Some(_) => free(&lock),
        None => false,
    };
    println!("=in_match {in_match}"); // <match> in_match = false
    let in_else = if let Some(2) = *lock.lock().unwrap() { false } else { free(&lock) };
    println!("=in_else {in_else}"); // <else> in_else = true
    let _guard = lock.lock().unwrap();
    let after_name = free(&lock);
    println!("=after_name {after_name}"); // <named> after_name = false; _guard: live, place stack
}
