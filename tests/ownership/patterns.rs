//! Patterns bind parts: by value they move, with `ref` and through references they borrow.
#[derive(Clone, Debug, PartialEq)]
struct Point {
    name: String,
    at: (i32, i32),
}

fn main() {
    let mut points = vec![Point {
        name: String::from("p"),
        at: (1, 2),
    }];
    for Point { name, at: (x, _) } in &mut points {
        name.push('!');
        *x += 1;
    }
    let Point { ref name, at } = points[0];
    println!("{name} {at:?}");
    let copy = points[0].clone();
    if let [Point { name, .. }, rest @ ..] = points.as_slice() {
        println!("{name} {}", rest.len());
    }
    let Point { name, at: whole @ (x, y) } = copy;
    println!("{name} {whole:?} {x} {y} {}", points.len());
}
