//! A `Box<dyn Shape>` is two words: where the value is, and which functions belong to it.
//! exit: 0

trait Shape {
    fn area(&self) -> f64;
}

struct Square(f64);
struct Circle {
    radius: f64,
    label: u32,
}
struct Nothing;

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0 // <square> frames = area, main; self: live, borrows 8 bytes of heap
    }
}

impl Shape for Circle {
    fn area(&self) -> f64 {
        let square = self.radius * self.radius; // <circle> frames = area, main; self: borrows heap of main::shapes
        3.0 * square + f64::from(self.label)
    }
}

impl Shape for Nothing {
    fn area(&self) -> f64 {
        0.0
    }
}

fn main() {
    let one: Box<dyn Shape> = Box::new(Circle { radius: 2.0, label: 0 });
    println!("=one.size {}\n=one.bytes {}\n@one {:p}", size_of_val(&one), size_of_val(&*one), &one); // <one>
    //   one: live, place stack, at printed, size 16, owns 16 bytes on the heap, dyn Circle
    drop(one);
    let shapes: Vec<Box<dyn Shape>> =
        vec![Box::new(Square(1.5)), Box::new(Nothing), Box::new(Circle { radius: 1.0, label: 4 })];
    let mut total = 0.0;
    for shape in &shapes {
        total += shape.area();
    }
    println!("=total {total:?}\n=shapes.len {}", shapes.len()); // <sum>
    //   total = 9.25; shapes: live, owns 48 bytes on the heap, owns 3 blocks in all; shapes.len = 3
    println!("=shapes.bytes {}", shapes.capacity() * 16);
}
