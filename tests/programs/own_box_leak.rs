//! A leaked box becomes a reference that may live for ever; nobody drops its value any more.
//! exit: 0

fn main() {
    let boxed = Box::new([1, 2, 3]);
    println!("{}", boxed.len()); // <owned> boxed: live, owns a block
    let leaked: &'static mut [i32; 3] = Box::leak(boxed);
    leaked[0] = 10; // <leaked> boxed: moved; leaked: live, borrows-mut heap, owns nothing; event move boxed
    println!("{leaked:?}"); // <end> leaked: live, borrows-mut 12 bytes of heap
}
