//! A generic function by value: the caller's variables are moved for one type, copied for another.
//! exit: 0

fn pair<T>(left: T, right: T) -> (T, T) {
    (right, left)
}

fn main() {
    let one = String::from("one");
    let two = String::from("two");
    let (a, b) = (1, 2);
    let words = pair(one, two);
    println!("{} {}", words.0, words.1); // <words> one: moved; two: moved; words: live, owns 2 blocks in all
    let numbers = pair(a, b);
    println!("{numbers:?}"); // <numbers> a: live; b: live; numbers: live; event copy a; event copy b
}
