//! Two fields of one struct may be borrowed mutably side by side.
//! exit: 0

struct Game {
    names: Vec<String>,
    points: u32,
}

fn main() {
    let mut game = Game { names: Vec::new(), points: 1 };
    let names = &mut game.names;
    let points = &mut game.points;
    names.push(String::from("Ada")); // <both> game: live, mutably lent to names, mutably lent to points
    *points += 2; // <one> game: mutably lent to points
    println!("{} {}", game.names.len(), game.points); // <none> game: live, not lent
}
