//! A temporary lives to the end of its statement; a lock that it holds does too.
use std::sync::Mutex;

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn make(name: &'static str) -> Noisy {
    Noisy(name)
}

fn main() {
    let table = Mutex::new(vec![1, 2, 3]);
    let length = table.lock().unwrap().len();
    match table.lock().unwrap().first() {
        Some(first) => println!("{first}"),
        None => println!("none"),
    }
    println!("{length} {}", make("in a call").0);
    let extended = &make("extended");
    println!("{}", extended.0);
}
