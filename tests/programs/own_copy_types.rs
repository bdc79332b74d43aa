//! Numbers, shared references and structs that say `Copy` are copied and stay.
//! exit: 0

#[derive(Clone, Copy, Debug)]
struct Point {
    x: i32,
    y: i32,
}

fn sum(point: Point) -> i32 {
    point.x + point.y // <sum> point: live; main::p: live
}

fn main() {
    let p = Point { x: 1, y: 2 };
    let q = p;
    let total = sum(q); // <copied> p: live; q: live; event copy p to q
    let text = String::from("text"); // <back> q: live; total: live; event copy q
    let r = &text; // <summed> q: live; total: live
    let s = r;
    println!("{p:?} {total} {r} {s}"); // <end> r: live; s: live; text: live, lent to r; event copy r to s
}
