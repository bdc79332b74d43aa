//! An `Arc` is cloned for a function that takes it; the count goes back when that one is done.
//! exit: 0

use std::sync::Arc;

fn size(list: Arc<Vec<u8>>) -> usize {
    println!("=list.strong {}", Arc::strong_count(&list)); // <inside> list: live, shares block with main::first
    //   list.strong = 2; main::first: live
    list.len()
}

fn main() {
    let first = Arc::new(vec![1, 2, 3]);
    let length = size(Arc::clone(&first));
    println!("=first.strong {}\n{length}", Arc::strong_count(&first)); // <back> first: live; first.strong = 1
    let last = size_of_one(first);
    println!("{last}"); // <gone> first: moved; last: live
}

fn size_of_one(list: Arc<Vec<u8>>) -> usize {
    let inner = Arc::into_inner(list);
    println!("{inner:?}"); // <unwrapped> list: moved; inner: live; main::first: moved
    inner.map_or(0, |bytes| bytes.len())
}
