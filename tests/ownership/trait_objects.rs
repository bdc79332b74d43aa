//! A trait object owns what it points to; its destructor is found at run time.
trait Shape {
    fn area(&self) -> f64;
}

struct Square(f64);

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}

impl Drop for Square {
    fn drop(&mut self) {
        println!("drop square {}", self.0);
    }
}

fn largest(shapes: Vec<Box<dyn Shape>>) -> Option<Box<dyn Shape>> {
    shapes
        .into_iter()
        .max_by(|one, other| one.area().total_cmp(&other.area()))
}

fn main() {
    let small: Box<dyn Shape> = Box::new(Square(1.0));
    let large = Box::new(Square(2.0));
    let shapes: Vec<Box<dyn Shape>> = vec![small, large];
    if let Some(shape) = largest(shapes) {
        println!("{}", shape.area());
    }
}
