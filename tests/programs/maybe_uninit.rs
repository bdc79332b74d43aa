//! `MaybeUninit` is room for a value that may not be there yet.
//! exit: 0

use std::mem::MaybeUninit;

fn main() {
    let mut room: MaybeUninit<[u32; 4]> = MaybeUninit::uninit();
    println!("@room {:p}\n=room.size {}", &room, size_of_val(&room)); // <empty>
    //   room: live, place stack, at printed, size 16
    room.write([1, 2, 3, 4]);
    // SAFETY: it was written just above.
    let filled = unsafe { room.assume_init() };
    println!("=filled {filled:?}\n@filled {:p}", &filled); // <filled>
    //   filled: live, place stack, at printed; filled = [1, 2, 3, 4]
    let later;
    println!("not yet"); // <before> later: not live
    later = filled[0] + 10;
    println!("=later {later}"); // <after> later = 11
}
