//! How many events a second the rules are checked over: `cargo run --release --example throughput`.

use std::time::Instant;

use stackheap_rules::{
    Access, BlockId, Checker, Ending, Event, FrameId, Home, LoanId, LoanKind, Share, SlotId,
    ThreadId, Via,
};

const CALLS: u64 = 200_000;

/// Calls that each make, lend, move into a long list and drop a box of their own.
fn events() -> Vec<Event> {
    let thread = ThreadId(1);
    let mut events = vec![Event::ThreadStart {
        thread,
        stack_bytes: Some(8 << 20),
    }];
    for call in 0..CALLS {
        let (frame, block, loan) = (FrameId(call), BlockId(call), LoanId(call));
        let slot = SlotId(2 * call);
        let place = block.into();
        let via = Via::Owner;
        events.extend([
            Event::Call {
                thread,
                frame,
                bytes: 64,
            },
            Event::StorageLive {
                slot,
                home: Home::Frame(frame),
            },
            Event::Alloc { block, bytes: 16 },
            Event::Own {
                block,
                slot,
                share: Share::Unique,
            },
            Event::Borrow {
                loan,
                place,
                kind: LoanKind::Exclusive,
                via,
            },
            Event::Use {
                place,
                access: Access::Write,
                via: loan.into(),
            },
            Event::BorrowEnd { loan },
        ]);
        if call % 2 == 0 {
            let home = match call {
                0 => Home::Static,
                _ => Home::Block(BlockId(call - 2)),
            };
            let kept = SlotId(2 * call + 1);
            events.push(Event::StorageLive { slot: kept, home });
            events.push(Event::Move {
                from: slot.into(),
                to: kept.via(Via::Raw),
            });
        } else {
            events.push(Event::Drop { slot: slot.into() });
            events.push(Event::Free { block });
        }
        events.push(Event::Return { thread, frame });
    }
    events.push(Event::ProgramEnd {
        ending: Ending::Returned,
    });
    events
}

fn main() {
    let events = events();
    let begin = Instant::now();
    let mut checker = Checker::new();
    for event in &events {
        if let Err(violation) = checker.apply(event) {
            println!("{violation}");
        }
    }
    let elapsed = begin.elapsed();
    let per_second = events.len() as f64 / elapsed.as_secs_f64();
    println!(
        "{} events in {} ms, {:.1} million a second, {} blocks left",
        events.len(),
        elapsed.as_millis(),
        per_second / 1e6,
        checker.left().count()
    );
}
