//! What the head of an `if let` made is dropped before the `else` block, in edition 2024.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

impl Noisy {
    fn find(&self, found: bool) -> Option<usize> {
        found.then_some(self.0.len())
    }
}

fn main() {
    if let Some(length) = Noisy("temporary").find(false) {
        println!("{length}");
    } else {
        println!("nothing"); // <else> output ends "drop temporary\n"
    }
    if let Some(length) = Noisy("temporary").find(true) {
        println!("{length}"); // <then> length#2: live; output ends "nothing\n"
    }
    println!("end"); // <end> length#2: not live; output ends "9\ndrop temporary\n"
}
