//! An assignment drops the value that was there; a first one does not.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let mut slot = Noisy("old");
    println!("{}", slot.0); // <old> slot: live
    slot = Noisy("new");
    println!("{}", slot.0); // <new> slot: live; event drop slot; output ends "old\ndrop old\n"
    let other = slot;
    slot = Noisy("last"); // <moved> slot: moved; other: live; event move slot to other
    println!("{} {}", slot.0, other.0); // <end> slot: live; other: live; no event drop slot
}
