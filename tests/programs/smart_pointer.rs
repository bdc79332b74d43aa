//! A smart pointer of one's own: `Deref` to look inside, `Drop` to clean up.
//! exit: 0

use std::ops::{Deref, DerefMut};

struct Guarded<T> {
    inner: Box<T>,
    reads: u32,
}

impl<T> Deref for Guarded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner // <deref> frames = deref, main; self: borrows main::guarded
    }
}

impl<T> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.reads += 1;
        &mut self.inner
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        println!("given back after {} writes", self.reads); // <drop> frames = drop, main
    }
}

fn main() {
    let mut guarded = Guarded { inner: Box::new(vec![1, 2]), reads: 0 };
    guarded.push(3);
    let len = guarded.len();
    println!("=len {len}\n=guarded.bytes {}\n@guarded {:p}", size_of_val(&*guarded.inner), &guarded); // <used>
    //   len = 3; guarded: live, place stack, at printed, owns 24 bytes on the heap, owns 2 blocks in all
}
