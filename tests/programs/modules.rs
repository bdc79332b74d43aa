//! A program of several files and modules.
//! exit: 0

#[path = "modules/shapes.rs"]
mod shapes;

mod report {
    pub mod text {
        pub fn line(name: &str, area: u32) -> String {
            format!("{name}: {area}") // <in-module> frames = report::text::line, main; name: borrows 4 bytes of rodata
        }
    }

    pub use text::line;
}

use shapes::{Rectangle, area};

fn main() {
    let tile = Rectangle::square(4);
    let wall = Rectangle { width: 30, ..Rectangle::square(2) };
    println!("=tile {tile:?}\n=wall {wall:?}\n@tile {:p}", &tile); // <made>
    //   tile: live, at printed, type Rectangle; tile = Rectangle { width: 4, height: 4 }
    //   wall = Rectangle { width: 30, height: 2 }
    let lines = [report::line("tile", area::of(&tile)), report::line("wall", area::of(&wall))];
    println!("=lines {lines:?}"); // <lines> lines = ["tile: 16", "wall: 60"]
}
