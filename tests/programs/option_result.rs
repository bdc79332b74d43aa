//! `Option` and `Result` hold their value in place; only what the value owns is on the heap.
//! exit: 0

fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

fn main() {
    let some = Some(7u32);
    let none: Option<u32> = None;
    println!("=some {some:?}\n=none {none:?}\n=some.size {}", size_of_val(&some)); // <plain>
    //   some: live, place stack, size 8, owns nothing; some = Some(7); none = None
    let name = Some(String::from("Ada"));
    println!("=name {name:?}\n@name {:p}", &name); // <owning>
    //   name: live, at printed, owns 3 bytes on the heap; name = Some("Ada")
    println!("=name.bytes {}", name.as_ref().map_or(0, String::capacity));
    let good = parse("42");
    let bad = parse("forty");
    println!("=good {good:?}\n=bad {bad:?}\n=good.size {}", size_of_val(&good)); // <results>
    //   good: live, size 2; good = Ok(42)
    //   bad = Err(ParseIntError { kind: InvalidDigit })
    let boxed: Option<Box<u8>> = Some(Box::new(9));
    println!("=boxed {boxed:?}\n=boxed.size {}", size_of_val(&boxed)); // <niche>
    //   boxed: live, size 8, owns 1 byte on the heap; boxed = Some(9)
    println!("=boxed.bytes {}", boxed.as_deref().map_or(0, size_of_val));
}
