//! Areas, in a file of their own.

use super::Rectangle;

pub fn of(shape: &Rectangle) -> u32 {
    let area = shape.width * shape.height;
    println!("=area {area}\n@area {:p}", &area);
    area
}
