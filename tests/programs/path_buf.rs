//! A `PathBuf` is a growing byte buffer, a `&Path` a view of its bytes.
//! exit: 0

use std::path::{Path, PathBuf};

fn main() {
    let mut route = PathBuf::from("/srv");
    println!("=route {route:?}\n=route.bytes {}\n@route {:p}", route.capacity(), &route); // <start>
    //   route: live, place stack, at printed, size 24, owns 4 bytes on the heap; route = "/srv"
    println!("=route.size {}", size_of_val(&route));
    route.push("maps");
    route.set_extension("svg");
    println!("=route {route:?}\n=route.bytes {}", route.capacity()); // <longer> route = "/srv/maps.svg"
    let folder: &Path = route.parent().unwrap();
    println!("=folder {folder:?}\n=folder.size {}", size_of_val(&folder)); // <view>
    //   folder: live, size 16, borrows 4 bytes of heap, borrows heap of route; folder = "/srv"
    let literal = Path::new("a/b");
    println!("=literal {literal:?}"); // <literal> literal: borrows 3 bytes of rodata; literal = "a/b"
}
