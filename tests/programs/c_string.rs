//! A `CString` ends in a zero byte, as C expects; a `&CStr` borrows one.
//! exit: 0

use std::ffi::{CStr, CString};

fn main() {
    let greeting = CString::new("ahoy").unwrap();
    println!("=greeting {greeting:?}\n=greeting.bytes {}", greeting.as_bytes_with_nul().len()); // <owned>
    //   greeting: live, place stack, size 16, owns 5 bytes on the heap, heap at printed; greeting = "ahoy"
    println!("@greeting.heap {:p}\n=greeting.size {}", greeting.as_ptr(), size_of_val(&greeting));
    let literal: &CStr = c"mast";
    println!("=literal {literal:?}"); // <literal> literal: live, borrows 5 bytes of rodata; literal = "mast"
    let borrowed: &CStr = &greeting;
    println!("=borrowed {borrowed:?}"); // <borrowed> borrowed: borrows heap of greeting; borrowed = "ahoy"
}
