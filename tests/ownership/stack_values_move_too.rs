//! Whether a type is `Copy` decides, not where its value lives.
#[derive(Debug)]
struct Token(u32);

fn main() {
    let token = Token(7);
    let moved = token;
    let number = Box::new(5);
    let (one, two) = (&number, &number);
    let again = one;
    println!("{moved:?} {one} {two} {again}");
}
