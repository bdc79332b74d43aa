//! What records about blocks do to the state.

use std::sync::Arc;

use stackheap_model::*;
use stackheap_trace::*;

fn state() -> ReplayState {
    ReplayState::new(Arc::new(SiteTable::default()))
}

fn alloc(thread: u32, address: u64, size: u64) -> Record {
    Record::Alloc {
        thread: ThreadId(thread),
        address: RuntimeAddress(address),
        size,
        align: Some(8),
        fill: Fill::Uninitialised,
        return_address: RuntimeAddress(0x77),
        stack_pointer: RuntimeAddress(0x7000),
    }
}

fn free(thread: u32, address: u64) -> Record {
    Record::Free {
        thread: ThreadId(thread),
        address: RuntimeAddress(address),
        return_address: RuntimeAddress(0x78),
        stack_pointer: RuntimeAddress(0x7000),
    }
}

fn realloc(thread: u32, address: u64, new_size: u64) -> Record {
    Record::ReallocBegin {
        thread: ThreadId(thread),
        address: RuntimeAddress(address),
        old_size: None,
        align: Some(8),
        new_size,
        return_address: RuntimeAddress(0x79),
        stack_pointer: RuntimeAddress(0x7000),
    }
}

fn realloc_end(thread: u32, address: Option<u64>) -> Record {
    Record::ReallocEnd {
        thread: ThreadId(thread),
        address: address.map(RuntimeAddress),
    }
}

fn stop(thread: u32, patches: &[(u64, &[u8])]) -> Record {
    Record::Stop(Stop {
        thread: ThreadId(thread),
        site: SiteId(0),
        registers: Registers::default(),
        patches: patches
            .iter()
            .map(|&(address, bytes)| Patch {
                address: RuntimeAddress(address),
                bytes: bytes.to_vec(),
            })
            .collect(),
        captured: AddressRange::default(),
    })
}

/// Number, address and size of each live block.
fn live(state: &ReplayState) -> Vec<(u64, u64, u64)> {
    state
        .blocks
        .by_number()
        .iter()
        .map(|b| (b.id.0, b.address.0, b.size))
        .collect()
}

#[test]
fn blocks_come_and_go_and_are_counted() {
    let mut state = state();
    state.apply(&alloc(1, 0x1000, 16));
    state.apply(&alloc(1, 0x2000, 100));
    state.apply(&free(1, 0x1000));
    state.apply(&alloc(1, 0x1000, 10));
    assert_eq!(live(&state), [(2, 0x2000, 100), (3, 0x1000, 10)]);
    let totals = state.totals;
    assert_eq!(
        (totals.allocations, totals.frees, totals.unknown_frees),
        (3, 1, 0)
    );
    assert_eq!((totals.live_bytes, totals.live_blocks), (110, 2));
    assert_eq!((totals.peak_live_bytes, totals.peak_live_blocks), (116, 2));
    assert_eq!(totals.bytes_allocated, 126);
}

#[test]
fn a_free_gives_the_block_and_an_unknown_one_is_counted() {
    let mut state = state();
    state.apply(&alloc(1, 0x1000, 16));
    let Applied::Freed { block: Some(block) } = state.apply(&free(2, 0x1000)) else {
        panic!("no block");
    };
    assert_eq!((block.id, block.thread), (BlockId(1), ThreadId(1)));
    assert_eq!(
        state.apply(&free(1, 0x1000)),
        Applied::Freed { block: None }
    );
    // An address inside of a block is not where one begins.
    state.apply(&alloc(1, 0x1000, 16));
    assert_eq!(
        state.apply(&free(1, 0x1008)),
        Applied::Freed { block: None }
    );
    assert_eq!(state.totals.unknown_frees, 2);
    assert_eq!(state.totals.live_blocks, 1);
}

#[test]
fn an_address_given_out_again_displaces_the_old_block() {
    let mut state = state();
    state.apply(&alloc(1, 0x1000, 16));
    state.apply(&alloc(1, 0x1010, 16));
    let Applied::Allocated { block, displaced } = state.apply(&alloc(1, 0x1008, 16)) else {
        panic!("not allocated");
    };
    assert_eq!(block, BlockId(3));
    let ids: Vec<_> = displaced.iter().map(|block| block.id.0).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(live(&state), [(3, 0x1008, 16)]);
    assert_eq!(
        (state.totals.displaced_blocks, state.totals.live_bytes),
        (2, 16)
    );
}

#[test]
fn a_reallocated_block_keeps_its_number() {
    let mut state = state();
    state.apply(&alloc(1, 0x1000, 16));
    assert_eq!(
        state.apply(&realloc(1, 0x1000, 64)),
        Applied::ReallocBegun {
            block: Some(BlockId(1))
        }
    );
    // Until it ends, the block is where it was.
    assert_eq!(live(&state), [(1, 0x1000, 16)]);
    let applied = state.apply(&realloc_end(1, Some(0x3000)));
    let Applied::Reallocated {
        block,
        before: Some(before),
        displaced,
    } = applied
    else {
        panic!("not reallocated");
    };
    assert_eq!(
        (block, before.address.0, before.size),
        (BlockId(1), 0x1000, 16)
    );
    assert!(displaced.is_empty());
    assert_eq!(live(&state), [(1, 0x3000, 64)]);
    assert_eq!(state.totals.bytes_allocated, 64);
    assert_eq!(state.totals.peak_live_bytes, 64);
}

#[test]
fn a_failed_reallocation_leaves_the_block() {
    let mut state = state();
    state.apply(&alloc(1, 0x1000, 16));
    state.apply(&realloc(1, 0x1000, 1 << 60));
    let applied = state.apply(&realloc_end(1, None));
    assert_eq!(
        applied,
        Applied::NotReallocated {
            block: Some(BlockId(1))
        }
    );
    assert_eq!(live(&state), [(1, 0x1000, 16)]);
    assert_eq!(state.totals.failed_reallocations, 1);
}

#[test]
fn another_thread_may_get_the_address_before_a_reallocation_ends() {
    let mut state = state();
    state.apply(&alloc(1, 0x1000, 16));
    state.apply(&realloc(1, 0x1000, 64));
    let Applied::Allocated { displaced, .. } = state.apply(&alloc(2, 0x1000, 8)) else {
        panic!("not allocated");
    };
    assert!(displaced.is_empty(), "the old block was not freed unseen");
    state.apply(&realloc_end(1, Some(0x3000)));
    assert_eq!(live(&state), [(1, 0x3000, 64), (2, 0x1000, 8)]);
    assert_eq!(
        (state.totals.live_bytes, state.totals.displaced_blocks),
        (72, 0)
    );
}

#[test]
fn a_reallocation_of_an_unseen_block_gives_a_new_one() {
    let mut state = state();
    assert_eq!(
        state.apply(&realloc(1, 0x1000, 64)),
        Applied::ReallocBegun { block: None }
    );
    let applied = state.apply(&realloc_end(1, Some(0x3000)));
    assert!(matches!(
        applied,
        Applied::Reallocated {
            block: BlockId(1),
            before: None,
            ..
        }
    ));
    assert_eq!(live(&state), [(1, 0x3000, 64)]);
    // An end without a beginning says nothing of a size.
    let applied = state.apply(&realloc_end(1, Some(0x4000)));
    assert_eq!(applied, Applied::NotReallocated { block: None });
    assert_eq!(live(&state), [(1, 0x3000, 64)]);
}

#[test]
fn bytes_stay_after_a_free_and_are_forgotten_by_the_next_allocation() {
    let mut state = state();
    state.apply(&alloc(1, 0x1000, 4));
    state.apply(&stop(1, &[(0x1000, &[1, 2, 3, 4])]));
    state.apply(&free(1, 0x1000));
    assert_eq!(
        state.memory.read(RuntimeAddress(0x1000), 4),
        Some(vec![1, 2, 3, 4])
    );
    state.apply(&alloc(1, 0x1000, 2));
    assert_eq!(state.memory.read(RuntimeAddress(0x1000), 1), None);
    assert_eq!(
        state.memory.read(RuntimeAddress(0x1002), 2),
        Some(vec![3, 4])
    );
}

#[test]
fn a_reallocation_in_place_keeps_the_old_bytes() {
    let mut state = state();
    state.apply(&alloc(1, 0x1000, 4));
    state.apply(&stop(1, &[(0x1000, &[1, 2, 3, 4, 5, 6])]));
    state.apply(&realloc(1, 0x1000, 6));
    state.apply(&realloc_end(1, Some(0x1000)));
    assert_eq!(state.memory.known_prefix(RuntimeAddress(0x1000), 6), 4);
    state.apply(&realloc(1, 0x1000, 6));
    state.apply(&realloc_end(1, Some(0x2000)));
    assert_eq!(state.memory.known_prefix(RuntimeAddress(0x2000), 6), 0);
}

#[test]
fn tracking_tells_since_when_bytes_are_current() {
    let mut state = state();
    let as_of = |state: &ReplayState| {
        let block = state.blocks.containing(RuntimeAddress(0x1001)).unwrap();
        block.as_of(state.last_stop()).map(|stop| stop.0)
    };
    let address = RuntimeAddress(0x1000);
    state.apply(&alloc(1, 0x1000, 4));
    state.apply(&stop(1, &[]));
    state.apply(&Record::Tracked { address });
    assert_eq!(as_of(&state), None);
    state.apply(&stop(1, &[(0x1000, &[1])]));
    state.apply(&stop(2, &[]));
    assert_eq!(as_of(&state), Some(3));
    state.apply(&Record::Untracked {
        address,
        why: Untracked::Idle,
    });
    state.apply(&stop(2, &[]));
    assert_eq!(as_of(&state), Some(3));
    // Tracked again: the bytes of before are those that are known until the next stop.
    state.apply(&Record::Tracked { address });
    assert_eq!(as_of(&state), Some(3));
    state.apply(&stop(2, &[]));
    assert_eq!(as_of(&state), Some(5));
}

#[test]
fn the_step_with_most_live_blocks_is_the_first_of_them() {
    let mut state = state();
    state.apply(&stop(1, &[]));
    state.apply(&alloc(1, 0x1000, 4));
    state.apply(&alloc(1, 0x2000, 4));
    state.apply(&stop(2, &[]));
    state.apply(&free(1, 0x2000));
    state.apply(&alloc(1, 0x2000, 4));
    state.apply(&stop(3, &[]));
    assert_eq!(state.totals.most_live_blocks, 2);
    assert_eq!(state.totals.stop_with_most_live_blocks, Some(StopNumber(2)));
}

#[test]
fn a_replaced_program_has_nothing_of_the_old_one() {
    let mut state = state();
    state.apply(&alloc(1, 0x1000, 4));
    state.apply(&stop(1, &[(0x1000, &[1, 2, 3, 4])]));
    state.apply(&stop(2, &[]));
    let applied = state.apply(&Record::Exec {
        thread: ThreadId(1),
        path: "/bin/true".into(),
    });
    let Applied::Left { blocks, .. } = applied else {
        panic!("nothing is gone")
    };
    assert_eq!(blocks.len(), 1);
    assert!(state.blocks.is_empty());
    assert_eq!(state.memory.known_prefix(RuntimeAddress(0x1000), 4), 0);
    assert!(state.threads.get(ThreadId(2)).unwrap().ended);
    assert!(!state.threads.get(ThreadId(1)).unwrap().ended);
    assert_eq!((state.totals.live_bytes, state.totals.live_blocks), (0, 0));
}
