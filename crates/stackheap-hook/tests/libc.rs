//! Hooks libc's functions in this very process, and compares what is logged with what libc
//! returned.

mod process;

use std::ffi::CStr;
use std::ptr;

use process::{drain_at_traps, image, install, observe, unavailable};
use stackheap_hook::{Allocation, AllocationKind, Function, malloc_patches};

fn main() {
    if unavailable() {
        return;
    }
    if !std::fs::read_to_string("/proc/self/maps")
        .unwrap()
        .contains("/libc.so.6")
    {
        process::skip::skip("there is no libc.so.6 in the process");
        return;
    }
    drain_at_traps(1 << 16);
    let libc_image = image("/libc.so.6");
    let loaded = install(&libc_image, 1 << 10, malloc_patches);

    let mut returned = [0u64; 8];
    let events = observe(&loaded, || returned = call_each());
    let [
        malloc,
        calloc,
        moved,
        from_null,
        posix,
        aligned,
        copied,
        zero,
    ] = returned;
    assert_eq!(zero, 0);
    use AllocationKind::*;
    type Told = (
        AllocationKind,
        Function,
        u64,
        Option<u64>,
        Option<u64>,
        Option<u64>,
    );
    let expected: [Told; 14] = [
        (Alloc, Function::CMalloc, malloc, Some(100), None, None),
        (
            AllocZeroed,
            Function::CCalloc,
            calloc,
            Some(120),
            None,
            None,
        ),
        (
            ReallocBegin,
            Function::CRealloc,
            malloc,
            None,
            None,
            Some(300_000),
        ),
        (
            ReallocEnd,
            Function::CRealloc,
            moved,
            Some(300_000),
            None,
            Some(300_000),
        ),
        (Alloc, Function::CRealloc, from_null, Some(10), None, None),
        (
            Alloc,
            Function::CPosixMemalign,
            posix,
            Some(100),
            Some(4096),
            None,
        ),
        (
            Alloc,
            Function::CAlignedAlloc,
            aligned,
            Some(64),
            Some(64),
            None,
        ),
        (Alloc, Function::CMalloc, copied, Some(6), None, None),
        (Free, Function::CFree, calloc, None, None, None),
        (Free, Function::CFree, moved, None, None, None),
        (Free, Function::CFree, from_null, None, None, None),
        (Free, Function::CFree, posix, None, None, None),
        (Free, Function::CFree, aligned, None, None, None),
        (Free, Function::CFree, copied, None, None, None),
    ];
    let told: Vec<Told> = events
        .iter()
        .map(|event| {
            let Allocation {
                kind,
                function,
                address,
                size,
                align,
                new_size,
                ..
            } = *event;
            (kind, function, address.0, size, align, new_size)
        })
        .collect();
    assert_eq!(told, expected);
    assert_eq!(events[3].old_address.map(|address| address.0), Some(malloc));
    rust_goes_through_libc(&loaded);
    println!("libc: ok ({})", libc_image.path);
}

/// Calls each function once and frees the blocks.
fn call_each() -> [u64; 8] {
    let text: &CStr = c"hello";
    // SAFETY: blocks of libc, each freed once.
    unsafe {
        let malloc = libc::malloc(100);
        let first = malloc.addr();
        let calloc = libc::calloc(3, 40);
        // Another one in the way, so that the block moves.
        let moved = libc::realloc(malloc, 300_000);
        let from_null = libc::realloc(std::hint::black_box(ptr::null_mut()), 10);
        let mut posix = ptr::null_mut();
        assert_eq!(libc::posix_memalign(&mut posix, 4096, 100), 0);
        let aligned = libc::aligned_alloc(64, 64);
        let copied = libc::strdup(text.as_ptr());
        assert_eq!(CStr::from_ptr(copied), text);
        assert!((0..120).all(|index| calloc.cast::<u8>().add(index).read() == 0));
        let blocks = [calloc, moved, from_null, posix, aligned, copied.cast()];
        let [calloc, moved, from_null, posix, aligned, copied] =
            blocks.map(|block| block.addr() as u64);
        for block in blocks {
            libc::free(block);
        }
        libc::free(ptr::null_mut());
        [
            first as u64,
            calloc,
            moved,
            from_null,
            posix,
            aligned,
            copied,
            0,
        ]
    }
}

fn rust_goes_through_libc(loaded: &stackheap_hook::Loaded) {
    let mut block = 0;
    let events = observe(loaded, || {
        let value = std::hint::black_box(Box::new([1u16; 99]));
        block = value.as_ptr().addr() as u64;
    });
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.kind, event.address.0, event.size))
        .collect();
    let expected = [
        (AllocationKind::Alloc, block, Some(198)),
        (AllocationKind::Free, block, None),
    ];
    assert_eq!(told, expected);
}
