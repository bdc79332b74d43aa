//! A freed block's address may be used again: a new block, a new owner.
//! exit: 0

fn main() {
    let first = Box::new([1u64; 4]);
    println!("@first.heap {:p}\n=first.bytes {}", first, size_of_val(&*first)); // <first>
    //   first: live, owns 32 bytes on the heap, heap at printed
    drop(first);
    let second = Box::new([2u64; 4]);
    println!("=second {second:?}\n@second.heap {:p}\n=second.bytes {}", second, size_of_val(&*second)); // <second>
    //   second: live, owns 32 bytes on the heap, heap at printed; second = [2, 2, 2, 2]
    let third = vec![3u8; 40];
    let fourth = vec![4u8; 40];
    drop(third);
    println!("=fourth.len {}\n@fourth.heap {:p}", fourth.len(), fourth.as_ptr()); // <hole>
    //   fourth: live, heap at printed; fourth.len = 40; third: not live; second: live; event free 40 bytes
}
