//! `catch_unwind` stops a panic on its way; what lay above is dropped, what lies below goes on.
//! exit: 0

use std::panic;

struct Rope(&'static str);

impl Drop for Rope {
    fn drop(&mut self) {
        println!("rope {} is cut", self.0);
    }
}

fn climb(height: u32) -> u32 {
    let rope = Rope("upper");
    println!("=height {height}\n=rope.0 {:?}", rope.0); // <climbing> height = 50; rope.0 = "upper"
    if height > 40 {
        panic!("too high: {height}");
    }
    height
}

fn main() {
    let rope = Rope("lower");
    let outcome = panic::catch_unwind(|| climb(50));
    let caught = outcome.is_err();
    println!("=caught {caught}\n=rope.0 {:?}\n@rope {:p}", rope.0, &rope); // <caught>
    //   frames = main; caught = true; rope: live, at printed; rope.0 = "lower"
    if let Err(payload) = outcome {
        let text = payload.downcast::<String>().unwrap();
        println!("=text {text:?}\n=text.bytes {}", size_of_val(&*text)); // <payload>
        //   text: live, owns 24 bytes on the heap, owns 2 blocks in all; text = "too high: 50"
    }
}
