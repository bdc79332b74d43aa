//! A function that calls nothing keeps its variables below the stack pointer, and has no frame but
//! the address to return to. It has returned when another call stands below it.
//! exit: 0

fn is_wide(pair: (i32, i32)) -> bool {
    let (width, height) = pair;
    width.abs() + height.abs() > 1 // <wide> frames = is_wide, {closure#1}, main; width = 7; height = -1
}

fn main() {
    let dy = 7;
    let pairs = (-1..=0).map(move |dx| {
        (dy, dx) // <pair> frames = {closure#0}, main; dx = -1; dy = 7
    });
    let wide: Vec<_> = pairs.filter(|&pair| is_wide(pair)).collect();
    println!("=wide {wide:?}\n=dy {}\n=dx {}", wide[0].0, wide[0].1); // <both> wide = [(7, -1), (7, 0)]
    println!("=width {}\n=height {}", wide[0].0, wide[0].1);
}
