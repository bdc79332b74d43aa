//! `Option::take` empties the option in place: it stays a live variable and holds `None`.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let mut slot = Some(Noisy("inner"));
    println!("{}", slot.is_some()); // <full> slot: live
    let inner = slot.take();
    println!("{}", slot.is_none()); // <empty> slot: live; inner: live; no event move slot
    drop(inner);
    println!("=slot None"); // <dropped> inner: moved; slot: live; slot = None
    slot = Some(Noisy("again"));
    println!("{}", slot.is_some()); // <refilled> slot: live
}
