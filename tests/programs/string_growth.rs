//! A `String` asks for a bigger block when its text no longer fits.
//! exit: 0

fn main() {
    let mut poem = String::with_capacity(8);
    println!("=poem {poem:?}\n=poem.capacity {}\n=poem.len {}", poem.capacity(), poem.len()); // <empty>
    //   poem: live; poem = ""; poem.capacity = 8; poem.len = 0
    poem.push_str("the sea");
    println!("=poem {poem:?}\n=poem.len {}\n=poem.bytes {}", poem.len(), poem.capacity()); // <fits>
    //   poem = "the sea"; poem.len = 7; poem: owns 8 bytes on the heap
    poem.push_str(" is calm tonight");
    println!("=poem {poem:?}\n=poem.capacity {}\n=poem.bytes {}", poem.capacity(), poem.capacity()); // <grown>
    //   poem = "the sea is calm tonight"; poem.capacity = 23; poem: owns 23 bytes on the heap
    //   event realloc 8 to 23 bytes
    poem.truncate(7);
    poem.shrink_to_fit();
    println!("=poem {poem:?}\n=poem.bytes {}\n@poem.heap {:p}", poem.capacity(), poem.as_ptr()); // <shrunk>
    //   poem = "the sea"; poem: owns 7 bytes on the heap, heap at printed
    //   event realloc 23 to 7 bytes
}
