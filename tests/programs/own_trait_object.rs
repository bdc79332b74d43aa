//! A box of a trait object owns a value of any type, and drops it as what it is.
//! exit: 0

trait Shape {
    fn area(&self) -> u32;
}

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

impl Shape for Noisy {
    fn area(&self) -> u32 {
        self.0.len() as u32 // <area> self: live, borrows heap; main::shape: live, dyn Noisy
    }
}

fn main() {
    let concrete = Noisy("shape");
    let shape: Box<dyn Shape> = Box::new(concrete);
    let area = shape.area(); // <boxed> concrete: moved; shape: live, owns a block
    let shapes = vec![shape];
    println!("{area} {}", shapes.len()); // <end> shape: moved; shapes: live, owns 2 blocks in all; area: live
}
