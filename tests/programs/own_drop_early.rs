//! `drop` is a function that takes a value and lets it go; the scope then has nothing left to do.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let early = Noisy("early");
    let late = Noisy("late");
    drop(early); // <before> early: live; late: live
    println!("{}", late.0); // <after> early: moved; late: live; output ends "drop early\n"; event move early
} // <end> early: moved; late: live
