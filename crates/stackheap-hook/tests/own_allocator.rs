//! Hooks a program with its own allocator, whose functions are real code and not lone jumps. The
//! witness is the allocator's own count.

mod process;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use process::{drain_at_traps, install, observe, own_image, unavailable};
use stackheap_hook::{AllocationKind, Mechanism, inspect, patches};

#[global_allocator]
static COUNTING: Counting = Counting;

static ALLOCATED: AtomicU64 = AtomicU64::new(0);
static ALLOCATED_BYTES: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);
static FREED_BYTES: AtomicU64 = AtomicU64::new(0);
static REALLOCATED: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: as the system's, which does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(1, Relaxed);
        ALLOCATED_BYTES.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller's conditions are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        FREED.fetch_add(1, Relaxed);
        FREED_BYTES.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller's conditions are the same.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        REALLOCATED.fetch_add(1, Relaxed);
        // SAFETY: the caller's conditions are the same.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

fn counts() -> [u64; 5] {
    [
        &ALLOCATED,
        &ALLOCATED_BYTES,
        &FREED,
        &FREED_BYTES,
        &REALLOCATED,
    ]
    .map(|count| count.load(Relaxed))
}

fn main() {
    if unavailable() {
        return;
    }
    let image = own_image();
    let inspection = inspect(&image.bytes);
    if inspection.mechanism != Mechanism::RustShims {
        // An optimised build of this test.
        assert!(inspection.why.contains("copied"), "{}", inspection.why);
        process::skip::skip_optional(inspection.why);
        return;
    }
    assert_eq!(inspection.doubt, None);
    drain_at_traps(1 << 16);
    let loaded = install(&image, 1 << 12, patches);

    let (mut before, mut after) = ([0; 5], [0; 5]);
    let events = observe(&loaded, || {
        before = counts();
        work();
        after = counts();
    });
    let sum = |kinds: &[AllocationKind]| {
        let of = events.iter().filter(|event| kinds.contains(&event.kind));
        of.fold([0, 0], |[count, bytes], event| {
            [count + 1, bytes + event.size.unwrap()]
        })
    };
    let [allocated, allocated_bytes] = sum(&[AllocationKind::Alloc, AllocationKind::AllocZeroed]);
    let [freed, freed_bytes] = sum(&[AllocationKind::Free]);
    let [reallocated, _] = sum(&[AllocationKind::ReallocEnd]);
    let logged = [allocated, allocated_bytes, freed, freed_bytes, reallocated];
    let counted: Vec<u64> = after
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .collect();
    assert!(counted.iter().all(|&count| count > 0));
    assert_eq!(logged.as_slice(), counted);
    println!("own_allocator: ok ({counted:?})");
}

fn work() {
    let mut words: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, word) in "the hook sees what the allocator sees and no more"
        .split(' ')
        .enumerate()
    {
        words.entry(word.to_owned()).or_default().push(index);
    }
    let mut grown = vec![0u8; 64];
    grown.extend_from_slice(&[1; 5000]);
    assert_eq!((words.len(), grown.len()), (8, 5064));
}
