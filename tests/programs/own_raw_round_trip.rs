//! `into_raw` gives the duty to drop away, `from_raw` takes it on again.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let first = Box::new(Noisy("second"));
    let raw = Box::into_raw(first);
    println!("{raw:p}"); // <raw> first: moved; raw: live, raw heap, owns nothing
    // SAFETY: the pointer is that of a box, which nobody else has.
    let second = unsafe { Box::from_raw(raw) };
    println!("{}", second.0); // <boxed> second: live, owns a block; raw: live
    drop(second);
    println!("end"); // <freed> second: moved; raw: live; event free 16 bytes; output ends "drop second\n"
}
