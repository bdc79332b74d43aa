//! Locals are dropped in the reverse order of their declarations, moved ones not at all.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let _a = Noisy("a");
    let b = Noisy("b");
    let _c = Noisy("c");
    {
        let _d = Noisy("d");
        let _e = Noisy("e");
        println!("inner"); // <inner> _a: live; b: live; _c: live; _d: live; _e: live
    }
    let _f = Noisy("f"); // <outer> _d: not live; _e: not live; event drop _d
    let moved = b;
    println!("{}", moved.0); // <end> b: moved; moved: live; output ends "drop e\ndrop d\n"
}
