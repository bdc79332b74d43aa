//! A growing block may stay where it is or move: the recording shows what happened this time.
//! exit: 0

fn main() {
    let mut v: Vec<u64> = Vec::with_capacity(2);
    v.extend([1, 2]);
    println!("@v.heap {:p}\n=v.bytes {}", v.as_ptr(), 8 * v.capacity()); // <two>
    //   v: live, owns 16 bytes on the heap, heap at printed
    v.push(3);
    println!("@v.heap {:p}\n=v.bytes {}", v.as_ptr(), 8 * v.capacity()); // <four>
    //   v: owns 32 bytes on the heap, heap at printed; event realloc 16 to 32 bytes
    let wall = Box::new(0u64);
    v.extend([4, 5]);
    println!("@v.heap {:p}\n=v.bytes {}\n=v {v:?}", v.as_ptr(), 8 * v.capacity()); // <eight>
    //   v: owns 64 bytes on the heap, heap at printed; v = [1, 2, 3, 4, 5]; wall: live, owns a block
    println!("{wall}");
}
