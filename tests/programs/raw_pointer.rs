//! A raw pointer is an address without a promise.
//! exit: 0

fn main() {
    let mut depth = 10;
    let p: *mut i32 = &mut depth;
    println!("@*p {:p}\n=p.size {}", p, size_of_val(&p)); // <made>
    //   p: live, place stack, size 8, raw depth, points to printed
    // SAFETY: `depth` is alive, and nobody else uses it in between.
    unsafe { *p += 5 };
    println!("=depth {depth}"); // <written> depth = 15
    let boxed = Box::new(7u64);
    let raw: *mut u64 = Box::into_raw(boxed);
    println!("@*raw {:p}", raw); // <owner-gone>
    //   raw: live, raw 8 bytes of heap, points to printed
    let null: *const u8 = std::ptr::null();
    println!("nowhere: {null:?}"); // <null> null: live, place stack, size 8
    println!("=null.size {}", size_of_val(&null));
    // SAFETY: `raw` came from `Box::into_raw` and is used once.
    let again = unsafe { Box::from_raw(raw) };
    println!("=again {again:?}\n=again.bytes {}", size_of_val(&*again)); // <owned-again>
    //   again: live, owns 8 bytes on the heap; again = 7
}
