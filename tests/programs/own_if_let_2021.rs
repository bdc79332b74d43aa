//! What the head of an `if let` made lives through the `else` block, in edition 2021.
//! edition: 2021
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
    let start = 0;
    if let Some(length) = Noisy("temporary").find(false) {
        println!("{length}");
    } else {
        println!("nothing {start}"); // <else> start: live; output ends ""
    }
    println!("end"); // <end> start: live; length: not live; output ends "nothing 0\ndrop temporary\n"
}
