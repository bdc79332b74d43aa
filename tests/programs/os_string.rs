//! An `OsString` holds what the system calls a name: bytes that need not be UTF-8.
//! exit: 0

use std::ffi::{OsStr, OsString};

fn main() {
    let mut name = OsString::from("log");
    name.push(".txt");
    println!("=name {name:?}\n=name.bytes {}\n@name {:p}", name.capacity(), &name); // <name>
    //   name: live, place stack, at printed, owns 8 bytes on the heap; name = "log.txt"
    let view: &OsStr = &name;
    println!("=view {view:?}"); // <view> view: borrows 7 bytes of heap, borrows heap of name; view = "log.txt"
    let boxed = name.into_boxed_os_str();
    println!("=boxed {boxed:?}\n=boxed.bytes {}", boxed.len()); // <boxed>
    //   boxed: live, owns 7 bytes on the heap; boxed = "log.txt"; name: not live
}
