//! Moved on every way: nothing is left to drop, and no flag is needed.
fn main() {
    let many = std::env::args().count() > 1;
    let text = String::from("x");
    let shown = if many { text } else { text + "!" };
    println!("{shown}");
}
