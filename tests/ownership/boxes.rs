//! What a `Box` owns can be moved out of it; then only its memory is freed.
struct Node {
    value: String,
    next: Option<Box<Node>>,
}

fn main() {
    let boxed = Box::new(String::from("inside"));
    let text = *boxed;
    let node = Box::new(Node {
        value: String::from("v"),
        next: None,
    });
    let Node { value, next } = *node;
    println!("{text} {value} {}", next.is_none());
}
