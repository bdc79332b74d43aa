//! Variables go in the reverse order of their declaration, fields in the order of theirs.
struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

struct Pair {
    _first: Noisy,
    _second: Noisy,
}

fn main() {
    let _a = Noisy("a");
    let _b = Noisy("b");
    let _pair = Pair {
        _second: Noisy("pair.second"),
        _first: Noisy("pair.first"),
    };
    {
        let _inner = Noisy("inner");
    }
    let given = Noisy("given");
    drop(given);
}
