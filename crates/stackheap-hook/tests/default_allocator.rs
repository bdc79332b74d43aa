//! Hooks the four functions of this very test, which uses the standard library's allocator, and
//! compares what is logged with the addresses and sizes that the test itself knows.

mod process;

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::Ordering;

use process::{TRAPS, drain_at_traps, install, observe, own_image, thread_pointer, unavailable};
use stackheap_hook::{Allocation, AllocationKind, Function, Loaded, Mechanism, inspect, patches};
use stackheap_model::RuntimeAddress;

fn main() {
    if unavailable() {
        return;
    }
    let image = own_image();
    let inspection = inspect(&image.bytes);
    assert_eq!(
        inspection.mechanism,
        Mechanism::RustShims,
        "{}",
        inspection.why
    );
    assert_eq!(inspection.doubt, None);
    drain_at_traps(1 << 20);
    let loaded = install(&image, 256, patches);

    one_of_each(&loaded);
    collections(&loaded);
    switched_off_is_silent(&loaded);
    threads_in_a_small_ring(&loaded);
    println!(
        "default_allocator: ok ({} waits for the reader)",
        TRAPS.load(Ordering::Relaxed)
    );
}

fn address(pointer: *mut u8) -> RuntimeAddress {
    assert!(!pointer.is_null());
    RuntimeAddress(pointer.addr() as u64)
}

fn one_of_each(loaded: &Loaded) {
    let mut seen = [RuntimeAddress(0); 3];
    let mut stack = 0u64;
    let events = observe(loaded, || {
        stack = (&raw const stack).addr() as u64;
        seen = call_each();
    });
    let [first, second, third] = seen;
    use AllocationKind::{Alloc, AllocZeroed, Free, ReallocBegin, ReallocEnd};
    let (small, large) = (Some(1234), Some(100_000));
    let expected: [Told; 6] = [
        (Alloc, Function::Alloc, first, small, Some(16), None),
        (
            AllocZeroed,
            Function::AllocZeroed,
            second,
            Some(777),
            Some(4096),
            None,
        ),
        (
            ReallocBegin,
            Function::Realloc,
            first,
            small,
            Some(16),
            large,
        ),
        (ReallocEnd, Function::Realloc, third, large, Some(16), large),
        (Free, Function::Dealloc, second, Some(777), Some(4096), None),
        (Free, Function::Dealloc, third, large, Some(16), None),
    ];
    assert_eq!(events.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(events[3].old_address, Some(first));
    for event in &events {
        assert_eq!(event.thread_pointer, thread_pointer());
        // The callee's frame is near this function's.
        assert!(stack.abs_diff(event.stack_pointer.0) < 4096);
        assert_ne!(event.return_address, RuntimeAddress(0));
    }
}

type Told = (
    AllocationKind,
    Function,
    RuntimeAddress,
    Option<u64>,
    Option<u64>,
    Option<u64>,
);

fn told(event: &Allocation) -> Told {
    let Allocation {
        kind,
        function,
        address,
        size,
        align,
        new_size,
        ..
    } = *event;
    (kind, function, address, size, align, new_size)
}

/// Calls each of the four functions, and gives the blocks.
fn call_each() -> [RuntimeAddress; 3] {
    let small = Layout::from_size_align(1234, 16).unwrap();
    let grown = Layout::from_size_align(100_000, 16).unwrap();
    let large = Layout::from_size_align(777, 4096).unwrap();
    // SAFETY: the layouts are those of the blocks.
    unsafe {
        let first = alloc(small);
        let second = alloc_zeroed(large);
        let third = realloc(first, small, grown.size());
        let seen = [address(first), address(second), address(third)];
        dealloc(second, large);
        dealloc(third, grown);
        seen
    }
}

fn collections(loaded: &Loaded) {
    let (mut text, mut grown) = (String::new(), Vec::new());
    let events = observe(loaded, || {
        text = String::from("seven..");
        for index in 0..5u32 {
            grown.push(index);
        }
    });
    let of = |kind| {
        events
            .iter()
            .filter(move |event| event.kind == kind)
            .collect::<Vec<_>>()
    };
    let allocs = of(AllocationKind::Alloc);
    let [string, vector] = allocs.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(string.address.0, text.as_ptr().addr() as u64);
    assert_eq!(
        (string.size, string.align),
        (Some(text.capacity() as u64), Some(1))
    );
    assert_eq!(vector.align, Some(align_of::<u32>() as u64));
    let ends = of(AllocationKind::ReallocEnd);
    let [end] = ends.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(end.address.0, grown.as_ptr().addr() as u64);
    assert_eq!(end.size, Some(4 * grown.capacity() as u64));
    assert_eq!(end.old_address, Some(vector.address));
}

fn switched_off_is_silent(loaded: &Loaded) {
    let loud = observe(loaded, || drop(std::hint::black_box(Box::new(1u64))));
    assert_eq!(loud.len(), 2);
    drop(std::hint::black_box(Box::new(2u64)));
    assert_eq!(observe(loaded, || ()), []);
}

/// Each thread knows its blocks; the log must tell the same, in the thread's order, and the order
/// of all must make sense.
fn threads_in_a_small_ring(loaded: &Loaded) {
    const THREADS: usize = 4;
    const BLOCKS: usize = 20_000;
    let barrier = Barrier::new(THREADS);
    let mut known: Vec<(RuntimeAddress, Vec<RuntimeAddress>)> = Vec::new();
    let events = observe(loaded, || {
        known = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| churn(&barrier, BLOCKS)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
    });
    assert!(TRAPS.load(Ordering::Relaxed) > 0, "the ring was never full");
    for (thread, blocks) in &known {
        let own = |event: &&Allocation| {
            event.thread_pointer == *thread && event.size == Some(CHURNED_BYTES)
        };
        let allocated: Vec<_> = events
            .iter()
            .filter(own)
            .filter(|event| event.kind == AllocationKind::Alloc)
            .map(|event| event.address)
            .collect();
        let freed: Vec<_> = events
            .iter()
            .filter(own)
            .filter(|event| event.kind == AllocationKind::Free)
            .map(|event| event.address)
            .collect();
        // Not assert_eq: it would print all of them.
        assert!(
            &allocated == blocks,
            "{} of {}",
            allocated.len(),
            blocks.len()
        );
        assert!(&freed == blocks, "{} of {}", freed.len(), blocks.len());
    }
    assert_eq!(known.len(), THREADS);
    replay(&events);
}

const CHURNED_BYTES: u64 = 40;

fn churn(barrier: &Barrier, count: usize) -> (RuntimeAddress, Vec<RuntimeAddress>) {
    let mut blocks = Vec::with_capacity(count);
    barrier.wait();
    for _ in 0..count {
        let block = std::hint::black_box(Box::new([1u8; CHURNED_BYTES as usize]));
        blocks.push(RuntimeAddress(block.as_ptr().addr() as u64));
    }
    (thread_pointer(), blocks)
}

/// In the order of sequences, no block may be allocated over a live one.
fn replay(events: &[Allocation]) {
    let mut events = events.to_vec();
    events.sort_by_key(|event| event.sequence);
    let mut live: BTreeMap<RuntimeAddress, u64> = BTreeMap::new();
    for event in &events {
        match event.kind {
            AllocationKind::Alloc | AllocationKind::AllocZeroed => {
                let below = live.range(..=event.address).next_back();
                let end = below.map_or(0, |(start, size)| start.0 + size);
                assert!(end <= event.address.0, "{event:?} lies in a live block");
                live.insert(event.address, event.size.unwrap());
            }
            AllocationKind::Free | AllocationKind::ReallocBegin => {
                // Blocks from before the start are not known.
                if let Some(size) = live.remove(&event.address) {
                    assert_eq!(Some(size), event.size);
                }
            }
            AllocationKind::ReallocEnd => {
                live.insert(event.address, event.size.unwrap());
            }
        }
    }
}
