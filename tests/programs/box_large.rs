//! Without optimisation `Box::new` makes its value on the stack first; `vec!` fills the block in place.
//! exit: 0

fn boxed() -> Box<[u64; 2048]> {
    Box::new([7; 2048])
}

fn filled() -> Box<[u64]> {
    vec![7; 2048].into_boxed_slice()
}

fn main() {
    let array = boxed();
    println!("=array.bytes {}\n@array.heap {:p}", size_of_val(&*array), array); // <array>
    //   array: live, place stack, size 8, owns 16384 bytes on the heap, heap at printed
    println!("=array.size {}", size_of_val(&array));
    let slice = filled();
    println!("=slice.bytes {}\n=slice.size {}", size_of_val(&*slice), size_of_val(&slice)); // <slice>
    //   slice: live, place stack, size 16, owns 16384 bytes on the heap
    let same = array.iter().eq(slice.iter());
    println!("=same {same}"); // <compared> same = true
}
