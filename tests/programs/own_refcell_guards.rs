//! The borrows of a `RefCell` are values too, and last until they are dropped.
//! exit: 0

use std::cell::RefCell;

fn main() {
    let cell = RefCell::new(vec![1]);
    let reader = cell.borrow();
    let other = cell.borrow();
    println!("{} {}", reader.len(), other.len()); // <read> reader: live; other: live; cell: live, lent to reader
    drop(reader);
    drop(other);
    let mut writer = cell.borrow_mut(); // <none> reader: moved; other: moved; cell: live, not lent
    writer.push(2);
    println!("{writer:?}"); // <write> writer: live; cell: live, lent to writer
    drop(writer);
    println!("{cell:?}"); // <end> writer: moved; cell: live, not lent
}
