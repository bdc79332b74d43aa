//! A recursion with one block on the heap a frame. Argument: frames.

fn main() {
    let frames: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    println!("{}", descend(frames));
}

fn descend(left: u64) -> u64 {
    let block = Box::new(left);
    if left == 0 {
        return *block;
    }
    let below = descend(left - 1);
    *block + below
}
