//! A constant has no place: each use makes its value anew. A static has one place.
//! exit: 0

const ORIGIN: [i32; 3] = [0, 0, 0];
static HOME: [i32; 3] = [7, 8, 9];

const fn square(n: u32) -> u32 {
    n * n
}

const AREA: u32 = square(12);

fn main() {
    let mut a = ORIGIN;
    let b = ORIGIN;
    a[1] = 5;
    println!("=a {a:?}\n=b {b:?}\n@a {:p}\n@b {:p}", &a, &b); // <two-copies>
    //   a: live, place stack, at printed; b: live, place stack, at printed; a = [0, 5, 0]; b = [0, 0, 0]
    let first = &HOME;
    let second = &HOME;
    println!("=first {first:?}\n@*first {:p}\n@*second {:p}", first, second); // <one-place>
    //   first: borrows 12 bytes of rodata, points to printed; second: points to printed; first = [7, 8, 9]
    let area = AREA;
    println!("=area {area}"); // <computed> area = 144
}
