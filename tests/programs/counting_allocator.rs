//! An allocator of one's own that counts what it hands out.
//! exit: 0

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

struct Counting;

static BLOCKS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BLOCKS.fetch_add(1, SeqCst);
        BYTES.fetch_add(layout.size(), SeqCst);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BLOCKS.fetch_sub(1, SeqCst);
        BYTES.fetch_sub(layout.size(), SeqCst);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn report() {
    println!("=heap blocks {}\n=heap bytes {}", BLOCKS.load(SeqCst), BYTES.load(SeqCst)); // <report#2>
    //   heap blocks = printed; heap bytes = printed
    //   <report#3> heap blocks = printed; heap bytes = printed
}

fn main() {
    report();
    let mut names: Vec<String> = ["Ann", "Benedict"].iter().map(|n| n.to_string()).collect();
    report();
    println!("=names {names:?}"); // <two> names: owns 3 blocks in all; names = ["Ann", "Benedict"]
    names.push("Cy".to_string());
    names.remove(1);
    report();
    println!("=names {names:?}"); // <changed> names: owns 3 blocks in all; names = ["Ann", "Cy"]
}
