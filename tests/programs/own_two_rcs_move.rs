//! A clone of an `Rc` goes into a closure; the first owner stays where it is.
//! exit: 0

use std::rc::Rc;

fn main() {
    let data = Rc::new(vec![1, 2, 3]);
    let copy = Rc::clone(&data);
    let sum = move || copy.iter().sum::<i32>();
    println!("=data.strong {}\n{}", Rc::strong_count(&data), sum()); // <two> copy: moved; data: live; data.strong = 2
    drop(sum);
    println!("=data.strong {}", Rc::strong_count(&data)); // <one> sum: moved; data: live, shares a block
    //   data.strong = 1
}
