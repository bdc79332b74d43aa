//! Several statements in a line, and one statement over several lines.
//! exit: 0

#[rustfmt::skip]
fn crowded(n: u32) -> u32 {
    let a = n + 1; let b = a * 2; let c = a + b;
    println!("=a {a}\n=b {b}\n=c {c}"); let d = c + 1; // <crowded> a = 5; b = 10; c = 15
    if d > 10 { return d } d - 1
}

fn main() {
    let d = crowded(4);
    println!("=d {d}"); // <short> d = 16
    let spread = [
        d.pow(2),
        d.saturating_sub(20), //
        d % 7,
    ]
    .iter()
    .map(|n| n + 1)
    .sum::<u32>();
    println!("=spread {spread}"); // <spread> spread = 261
}
