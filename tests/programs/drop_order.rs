//! Locals are dropped in reverse, fields as declared, elements from first to last.
//! exit: 0

#[derive(Debug)]
struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0); // <dropping#5> frames = drop, main; self = Noisy("second")
        println!("=self {self:?}");
    }
}

struct Pair {
    first: Noisy,
    second: Noisy,
}

fn main() {
    let _a = Noisy("a");
    let _pair = Pair { second: Noisy("second"), first: Noisy("first") };
    {
        let _inner = Noisy("inner");
        println!("@_inner {:p}", &_inner); // <inner> _inner: live, at printed; _a: live; _pair: live
    }
    let _many = vec![Noisy("v0"), Noisy("v1")];
    println!("=_many.bytes {}\n=_many.len {}", _many.capacity() * size_of::<Noisy>(), _many.len()); // <end-of-main>
    //   _inner: not live; _pair: live; _many: owns 32 bytes on the heap; _many.len = 2
    println!("{} {}", _pair.first.0, _pair.second.0);
}
