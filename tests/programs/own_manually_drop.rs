//! What is in a `ManuallyDrop` is dropped when the program says so, or never.
//! exit: 0

use std::mem::ManuallyDrop;

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let never = ManuallyDrop::new(Noisy("never"));
    let mut by_hand = ManuallyDrop::new(Noisy("by_hand"));
    println!("{} {}", never.0, by_hand.0); // <both> never: live; by_hand: live
    // SAFETY: it is not used afterwards.
    unsafe { ManuallyDrop::drop(&mut by_hand) };
    println!("done"); // <dropped> never: live; by_hand: live; output ends "drop by_hand\n"
    let inner = ManuallyDrop::into_inner(never);
    println!("{}", inner.0); // <out> never: moved; inner: live; event move never
}
