//! An array can be taken apart by a pattern; a part that is skipped stays where it is.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let array = [Noisy("array.0"), Noisy("array.1"), Noisy("array.2")];
    println!("{}", array.len()); // <whole> array: live; first: uninit
    let [first, _, last] = array;
    println!("{} {}", first.0, last.0); // <apart> array: partly-moved; first: live; last: live
}
