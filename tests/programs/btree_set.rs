//! A `BTreeSet` gives its elements in order, and ranges of them.
//! exit: 0

use std::collections::BTreeSet;

fn main() {
    let mut stops: BTreeSet<String> = BTreeSet::new();
    for name in ["mill", "abbey", "mill", "quay"] {
        stops.insert(name.to_string());
    }
    println!("=stops {stops:?}\n=stops.len {}\n@stops {:p}", stops.len(), &stops); // <sorted>
    //   stops: live, place stack, at printed, owns a block, owns 4 blocks in all
    //   stops = {"abbey", "mill", "quay"}; stops.len = 3
    let later: Vec<&String> = stops.range("b".to_string()..).collect();
    println!("=later {later:?}"); // <range> later: live, owns a block; later = ["mill", "quay"]
    let first = stops.pop_first();
    println!("=first {first:?}\n=stops {stops:?}"); // <popped>
    //   first = Some("abbey"); first: owns a block; stops = {"mill", "quay"}
}
