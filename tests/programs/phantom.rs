//! Types that exist for the compiler only: units of measure without a byte.
//! exit: 0

use std::marker::PhantomData;

#[derive(Debug)]
struct Knots;
#[derive(Debug)]
struct Kilometres;

#[derive(Debug)]
struct Speed<U> {
    value: f32,
    unit: PhantomData<U>,
}

impl Speed<Knots> {
    fn convert(self) -> Speed<Kilometres> {
        Speed { value: self.value * 2.0, unit: PhantomData } // <convert> frames = convert, main; self: live
    }
}

fn main() {
    let slow: Speed<Knots> = Speed { value: 6.0, unit: PhantomData };
    println!("=slow.value {:?}\n=slow.size {}\n@slow {:p}", slow.value, size_of_val(&slow), &slow); // <knots>
    //   slow: live, place stack, at printed, size 4; slow.value = 6.0
    let fast = slow.convert();
    println!("=fast.value {:?}\n=fast.size {}", fast.value, size_of_val(&fast)); // <kilometres>
    //   fast: size 4; fast.value = 12.0
    let PhantomData = fast.unit;
    println!("{:?} {:?}", Knots, Kilometres);
}
