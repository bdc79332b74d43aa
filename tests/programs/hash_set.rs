//! A `HashSet` is a map without values; asking is its purpose.
//! exit: 0

use std::collections::HashSet;

fn main() {
    let mut seen = HashSet::new();
    let mut twice = Vec::new();
    for n in [3u8, 1, 3, 2, 1, 3] {
        if !seen.insert(n) {
            twice.push(n); // <again#2> n = 1; twice = [3]; seen.len = 3
            println!("=n {n}\n=twice {:?}\n=seen.len {}", &twice[..twice.len() - 1], seen.len());
        }
    }
    println!("=twice {twice:?}\n=seen.len {}\n@seen {:p}", seen.len(), &seen); // <done>
    //   seen: live, place stack, at printed, owns a block; twice = [3, 1, 3]; seen.len = 3
    seen.retain(|n| *n == 2);
    println!("=seen {seen:?}"); // <one-left> seen = {2}
}
