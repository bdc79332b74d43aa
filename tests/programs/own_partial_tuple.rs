//! The parts of a tuple are moved one by one.
//! exit: 0

fn main() {
    let pair = (String::from("left"), String::from("right"));
    let left = pair.0; // <whole> pair: live, owns 2 blocks in all
    println!("{left}"); // <half> pair: partly-moved, without 0, owns 5 bytes on the heap; left: live
    println!("=pair.bytes {}", pair.1.capacity());
    let right = pair.1;
    println!("{right}"); // <none> right: live, owns a block; pair: partly-moved, without 0, without 1, owns nothing
    let (a, b) = (left, right);
    println!("{a}{b}"); // <apart> left: moved; right: moved; a: live, owns a block; b: live, owns a block
}
