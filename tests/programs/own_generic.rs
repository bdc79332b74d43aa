//! A generic function moves what it gets, whatever the type: numbers are copied at the call.
//! exit: 0

fn choose<T>(first: T, second: T, take_first: bool) -> T {
    if take_first {
        // <choose#1> first: live; second: live
        return first;
    }
    second
}

fn main() {
    let left = String::from("left");
    let right = String::from("right");
    let (low, high) = (1, 2);
    let text = choose(left, right, true); // <before> left: live; right: live
    println!("{text}"); // <texts> left: moved; right: moved; text: live, owns a block
    let number = choose(low, high, false);
    println!("{number} {low}"); // <numbers> low: live; high: live; number: live; event copy low
}
