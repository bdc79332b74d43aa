//! A part of a structure or tuple is moved; the rest is dropped where it was.
struct Pair {
    left: String,
    right: Vec<u8>,
}

fn main() {
    let pair = Pair {
        left: String::from("l"),
        right: vec![1, 2],
    };
    let left = pair.left;
    let still = &pair.right;
    println!("{left} {}", still.len());
    let both = (String::from("x"), String::from("y"));
    let (first, _) = both;
    println!("{first} {}", both.1);
}
