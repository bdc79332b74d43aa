//! A `BTreeMap` keeps its entries sorted, several in a node.
//! exit: 0

use std::collections::BTreeMap;

fn main() {
    let mut years = BTreeMap::new();
    println!("=years {years:?}\n=years.len {}\n@years {:p}", years.len(), &years); // <empty>
    //   years: live, place stack, at printed, owns nothing; years = {}; years.len = 0
    years.insert(1969, "moon");
    years.insert(1492, "sea");
    years.insert(1957, "orbit");
    println!("=years {years:?}\n=years.len {}", years.len()); // <three>
    //   years: owns a block, owns 1 block in all
    //   years = {1492: "sea", 1957: "orbit", 1969: "moon"}; years.len = 3
    let mut squares = BTreeMap::new();
    for n in 0..30u32 {
        squares.insert(n, n * n);
    }
    let first = squares.first_key_value();
    println!("=first {first:?}\n=squares.len {}", squares.len()); // <tree> first = Some((0, 0)); squares.len = 30
    squares.retain(|n, _| *n >= 28);
    println!("=squares {squares:?}"); // <two-left> squares = {28: 784, 29: 841}
}
