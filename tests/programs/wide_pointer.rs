//! Pointers to slices, `str` and trait objects are two words wide.
//! exit: 0

use std::fmt::Debug;

fn main() {
    let row = [1u8, 2, 3];
    let thin: *const u8 = row.as_ptr();
    let wide: *const [u8] = &row[..2];
    println!("=thin.size {}\n=wide.size {}\n@*wide {:p}", size_of_val(&thin), size_of_val(&wide), wide); // <raw>
    //   thin: size 8, raw row; wide: size 16, raw 2 bytes of row, points to printed
    let word: *const str = "kelp";
    println!("@*word {:p}", word); // <str> word: live, raw 4 bytes of rodata, points to printed
    let shown: *const dyn Debug = &row;
    println!("=shown.size {}\n@*shown {:p}", size_of_val(&shown), shown.cast::<u8>()); // <dyn>
    //   shown: live, size 16, raw row, points to printed
    let borrowed: &dyn Debug = &row;
    println!("=borrowed {borrowed:?}\n=borrowed.size {}", size_of_val(&borrowed)); // <borrowed>
    //   borrowed: size 16, borrows row; borrowed = [1, 2, 3]
}
