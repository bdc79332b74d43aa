//! A thread takes its values along and drops them in its own time; `join` gives one back.
//! exit: 0
//! drawing: none

use std::thread;

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let cargo = Noisy("cargo");
    let words = vec![1, 2, 3];
    let handle = thread::spawn(move || {
        let sum: i32 = words.iter().sum();
        println!("{sum} {}", cargo.0); // <there> sum: live
        cargo
    });
    let back = handle.join().unwrap(); // <sent> cargo: moved; words: moved; handle: live; back: uninit
    println!("{}", back.0); // <back> handle: moved; back: live; cargo: moved; event move handle
}
