//! Operators of one's own types are calls.
//! exit: 0

use std::ops::{Add, AddAssign, Index, Neg};

#[derive(Clone, Copy, Debug, PartialEq)]
struct Vector(f64, f64);

impl Add for Vector {
    type Output = Vector;
    fn add(self, other: Vector) -> Vector {
        println!("=self {self:?}\n=other {other:?}"); // <add> self = Vector(1.0, 2.0); other = Vector(0.5, 0.5)
        //   frames = add, main
        Vector(self.0 + other.0, self.1 + other.1)
    }
}

impl AddAssign<f64> for Vector {
    fn add_assign(&mut self, by: f64) {
        self.0 += by; // <add-assign> frames = add_assign, main; self: borrows-mut main::sum
        self.1 += by;
    }
}

impl Neg for Vector {
    type Output = Vector;
    fn neg(self) -> Vector {
        Vector(-self.0, -self.1)
    }
}

impl Index<usize> for Vector {
    type Output = f64;
    fn index(&self, at: usize) -> &f64 {
        if at == 0 { &self.0 } else { &self.1 }
    }
}

fn main() {
    let mut sum = Vector(1.0, 2.0) + Vector(0.5, 0.5);
    sum += 10.0;
    let back = -sum;
    println!("=sum {sum:?}\n=back {back:?}\n=back.1 {:?}", back[1]); // <done>
    //   sum = Vector(11.5, 12.5); back = Vector(-11.5, -12.5); back.1 = -12.5
}
