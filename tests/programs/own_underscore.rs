//! `let _ = value` drops at once, `let _x = value` at the end of the scope; `_` alone moves nothing.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let _ = Noisy("nothing");
    println!("behind _"); // <first> output ends "drop nothing\n"; _x: uninit
    let _x = Noisy("x");
    println!("behind _x"); // <second> _x: live; output ends "behind _\n"
    let named = Noisy("named");
    let _ = named;
    println!("{}", named.0); // <third> named: live; no event move named
    let (_, second) = (Noisy("first"), Noisy("second"));
    println!("{}", second.0); // <fourth> second: live; _x: live; output ends "named\ndrop first\n"
}
