//! A borrow ends at its last use, not at the closing brace.
//! exit: 0

fn main() {
    let mut tags = vec!["one", "two"];
    let first = &tags[0];
    println!("=first {first:?}\n@*first {:p}", first); // <borrowed>
    //   first: live, borrows 16 bytes of heap, borrows heap of tags, points to printed; first = "one"
    tags.push("three");
    println!("=tags {tags:?}\n=tags.capacity {}", tags.capacity()); // <grown> tags = ["one", "two", "three"]; tags.capacity = 4
    let longest = tags.iter().max_by_key(|t| t.len()).unwrap();
    println!("=longest {longest:?}\n@*longest {:p}", longest); // <again> longest: points to printed; longest = "three"
}
