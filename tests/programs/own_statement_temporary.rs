//! A temporary is dropped at the end of its statement, behind the variables it helped to make.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

impl Noisy {
    fn length(&self) -> usize {
        self.0.len() // <length#1> self: live, borrows stack
    }

    fn same(self) -> Noisy {
        self
    }
}

fn main() {
    let length = Noisy("temporary").length();
    println!("{length}"); // <first> length: live; output ends "drop temporary\n"
    let kept = Noisy("kept").same();
    println!("{}", kept.0); // <second> kept: live; output ends "9\n"
    let extended = &Noisy("extended");
    println!("{}", extended.0); // <third> extended: live, borrows stack
    let sum = Noisy("one").length() + Noisy("second").length();
    println!("{sum}"); // <end> sum: live; output ends "drop second\ndrop one\n"
}
