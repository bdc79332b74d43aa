//! Fields are dropped in the order of their declaration, elements from the first to the last.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

struct Pair {
    _left: Noisy,
    _right: Noisy,
}

fn main() {
    let _pair = Pair { _right: Noisy("pair.right"), _left: Noisy("pair.left") };
    let _tuple = (Noisy("tuple.0"), Noisy("tuple.1"));
    let _array = [Noisy("array.0"), Noisy("array.1")];
    let _vec = vec![Noisy("vec.0"), Noisy("vec.1")];
    let alone = Noisy("alone");
    println!("all {}", alone.0); // <all> _pair: live; _tuple: live; _array: live; _vec: live; alone: live
    drop(_tuple);
    println!("end"); // <end> _tuple: moved; output ends "all alone\ndrop tuple.0\ndrop tuple.1\n"
}
