//! What a hook adds to a call, and what the reader takes for an event: `cargo bench -p
//! stackheap-hook`. Prints the least of many short batches, as the machine does other things too.

#[path = "../tests/process/mod.rs"]
mod process;

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::hint::black_box;
use std::time::{Duration, Instant};

use process::{Reader, drain_at_traps, install, own_image, unavailable, write_control};
use stackheap_hook::patches;

const BATCH: u32 = 1000;
const BATCHES: usize = 2000;

fn main() {
    if unavailable() {
        return;
    }
    drain_at_traps(1 << 16);
    let works: [(&str, f64, fn()); 2] =
        [("alloc + dealloc", 2.0, pairs), ("realloc", 2.0, reallocs)];
    let plain = works.map(|(_, _, work)| least(work).0);
    let loaded = install(&own_image(), 1 << 11, patches);
    let off = works.map(|(_, _, work)| least(work).0);
    write_control(loaded.enable());
    let on = works.map(|(_, _, work)| least(work));
    write_control(loaded.disable());
    println!("ns for an event: plain, hooked but switched off, logging, reading");
    for (index, (name, events, _)) in works.into_iter().enumerate() {
        let an_event = |time: Duration| time.as_nanos() as f64 / f64::from(BATCH) / events;
        println!(
            "{name:16} {:6.2} {:6.2} {:6.2} {:6.2}",
            an_event(plain[index]),
            an_event(off[index]),
            an_event(on[index].0),
            an_event(on[index].1),
        );
    }
}

/// The least time of a batch, and of reading what it logged.
fn least(work: fn()) -> (Duration, Duration) {
    let mut least = (Duration::MAX, Duration::MAX);
    for _ in 0..BATCHES {
        let start = Instant::now();
        work();
        least.0 = least.0.min(start.elapsed());
        let mut reader = Reader::lock();
        let start = Instant::now();
        if reader.drain_and_sum() > 0 {
            least.1 = least.1.min(start.elapsed());
        }
    }
    least
}

fn pairs() {
    let layout = Layout::new::<[u64; 4]>();
    for _ in 0..BATCH {
        // SAFETY: freed as it was allocated.
        unsafe { dealloc(black_box(alloc(black_box(layout))), layout) };
    }
}

fn reallocs() {
    let layout = Layout::new::<[u64; 4]>();
    // SAFETY: the size stays, so that the layout fits all along.
    unsafe {
        let mut block = alloc(layout);
        for _ in 0..BATCH {
            block = realloc(black_box(block), layout, layout.size());
        }
        dealloc(block, layout);
    }
}
