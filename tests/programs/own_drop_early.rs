//! `drop` is a function that takes a value and lets it go; the scope then has nothing left to do.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0); // <dropping> event move early; main::early: moved; frames = drop, main
    }
}

fn main() {
    let early = Noisy("early");
    let late = Noisy("late");
    println!("{}", early.0); // <before> early: live; late: live
    drop(early);
    println!("{}", late.0); // <after> early: moved; late: live; output ends "drop early\n"
}
