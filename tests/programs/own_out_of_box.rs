//! `*box` moves the value out of its block; the block is freed, the value lives on.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let boxed = Box::new(Noisy("boxed"));
    println!("{}", boxed.0); // <boxed> boxed: live, owns 16 bytes on the heap
    println!("=boxed.bytes {}", size_of::<Noisy>());
    let unboxed = *boxed;
    println!("{}", unboxed.0); // <out> unboxed: live, place stack; boxed: partly-moved; event move boxed.*
}
