//! A `NonZero` number leaves the zero free, and `Option` uses it for `None`.
//! exit: 0

use std::num::{NonZeroI64, NonZeroU8, Wrapping};

fn main() {
    let seats = NonZeroU8::new(4).unwrap();
    let some = Some(seats);
    let none = NonZeroU8::new(0);
    println!("=seats {seats:?}\n=some {some:?}\n=none {none:?}\n=some.size {}", size_of_val(&some)); // <niche>
    //   seats: live, place stack; some: size 1; seats = 4; some = Some(4); none = None
    let plain = Some(4u8);
    println!("=plain {plain:?}\n=plain.size {}", size_of_val(&plain)); // <tag> plain: size 2; plain = Some(4)
    let deep = NonZeroI64::new(-40);
    let wrapped = Wrapping(250u8) + Wrapping(10);
    println!("=deep {deep:?}\n=wrapped {wrapped:?}\n@deep {:p}", &deep); // <others>
    //   deep: at printed; deep = Some(-40); wrapped = 4
}
