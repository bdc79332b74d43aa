//! Any events in any order: no panic, the same answer twice, and no end of storage or of a long list
//! that takes the stack.

use proptest::prelude::*;
use stackheap_rules::*;

fn slot() -> impl Strategy<Value = SlotId> {
    (0..6_u64).prop_map(SlotId)
}

fn block() -> impl Strategy<Value = BlockId> {
    (0..4_u64).prop_map(BlockId)
}

fn loan() -> impl Strategy<Value = LoanId> {
    (0..5_u64).prop_map(LoanId)
}

fn frame() -> impl Strategy<Value = FrameId> {
    (0..4_u64).prop_map(FrameId)
}

fn thread() -> impl Strategy<Value = ThreadId> {
    (0..2_u32).prop_map(ThreadId)
}

fn bytes() -> impl Strategy<Value = u64> {
    prop_oneof![0..64_u64, Just(u64::MAX)]
}

fn via() -> impl Strategy<Value = Via> {
    prop_oneof![3 => Just(Via::Owner), 2 => loan().prop_map(Via::Loan), 1 => Just(Via::Raw)]
}

fn path() -> impl Strategy<Value = Path> {
    (slot(), via()).prop_map(|(slot, via)| Path { slot, via })
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![slot().prop_map(Place::Slot), block().prop_map(Place::Block)]
}

fn home() -> impl Strategy<Value = Home> {
    prop_oneof![
        frame().prop_map(Home::Frame),
        block().prop_map(Home::Block),
        thread().prop_map(Home::Thread),
        Just(Home::Static),
        slot().prop_map(Home::Part),
        slot().prop_map(Home::Cell),
    ]
}

fn share() -> impl Strategy<Value = Share> {
    prop_oneof![Just(Share::Unique), Just(Share::Strong), Just(Share::Weak)]
}

fn kind() -> impl Strategy<Value = LoanKind> {
    prop_oneof![Just(LoanKind::Shared), Just(LoanKind::Exclusive)]
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![Just(Access::Read), Just(Access::Write)]
}

fn relocation() -> impl Strategy<Value = Relocation> {
    prop_oneof![Just(Relocation::InPlace), Just(Relocation::Moved)]
}

fn reason() -> impl Strategy<Value = LeakReason> {
    prop_oneof![
        Just(LeakReason::Forget),
        Just(LeakReason::Leak),
        Just(LeakReason::Raw),
        Just(LeakReason::Static),
        Just(LeakReason::Thread),
        Just(LeakReason::Exit),
        Just(LeakReason::Cycle),
    ]
}

fn stack_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (thread(), proptest::option::of(bytes())).prop_map(|(thread, stack_bytes)| {
            Event::ThreadStart {
                thread,
                stack_bytes,
            }
        }),
        thread().prop_map(|thread| Event::ThreadEnd { thread }),
        (thread(), frame(), bytes()).prop_map(|(thread, frame, bytes)| Event::Call {
            thread,
            frame,
            bytes
        }),
        (thread(), frame()).prop_map(|(thread, frame)| Event::Return { thread, frame }),
        (slot(), home()).prop_map(|(slot, home)| Event::StorageLive { slot, home }),
        (slot(), home()).prop_map(|(slot, home)| Event::StorageLive { slot, home }),
        slot().prop_map(|slot| Event::StorageDead { slot }),
    ]
}

fn owner_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (block(), bytes()).prop_map(|(block, bytes)| Event::Alloc { block, bytes }),
        (block(), slot(), share()).prop_map(|(block, slot, share)| Event::Own {
            block,
            slot,
            share
        }),
        (block(), slot(), share()).prop_map(|(block, slot, share)| Event::Adopt {
            block,
            slot,
            share
        }),
        (block(), slot(), slot()).prop_map(|(block, from, to)| Event::Hand { block, from, to }),
        (block(), 0..3_u64, 0..3_u64).prop_map(|(block, strong, weak)| Event::Count {
            block,
            strong,
            weak
        }),
        (block(), bytes(), relocation(), via()).prop_map(|(block, bytes, relocation, via)| {
            Event::Realloc {
                block,
                bytes,
                relocation,
                via,
            }
        }),
        block().prop_map(|block| Event::Free { block }),
        (block(), reason()).prop_map(|(block, reason)| Event::Leak { block, reason }),
    ]
}

fn value_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        path().prop_map(|slot| Event::Init { slot }),
        (path(), path()).prop_map(|(from, to)| Event::Copy { from, to }),
        (path(), path()).prop_map(|(from, to)| Event::Move { from, to }),
        path().prop_map(|slot| Event::Drop { slot }),
        path().prop_map(|slot| Event::DropDeep { slot }),
        (path(), reason()).prop_map(|(slot, reason)| Event::Forget { slot, reason }),
        (loan(), place(), kind(), via()).prop_map(|(loan, place, kind, via)| Event::Borrow {
            loan,
            place,
            kind,
            via
        }),
        loan().prop_map(|loan| Event::BorrowEnd { loan }),
        (place(), access(), via()).prop_map(|(place, access, via)| Event::Use {
            place,
            access,
            via
        }),
    ]
}

/// Something of everything first, so that later events find things.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let any = prop_oneof![2 => stack_event(), 3 => owner_event(), 3 => value_event()];
    (proptest::collection::vec(any, 0..120), any_ending()).prop_map(|(mut events, ending)| {
        let thread = ThreadId(0);
        let first = [
            Event::ThreadStart {
                thread,
                stack_bytes: Some(256),
            },
            Event::Call {
                thread,
                frame: FrameId(0),
                bytes: 16,
            },
            Event::StorageLive {
                slot: SlotId(0),
                home: Home::Frame(FrameId(0)),
            },
            Event::Alloc {
                block: BlockId(0),
                bytes: 16,
            },
        ];
        events.splice(0..0, first);
        events.push(ending);
        events.push(Event::Free { block: BlockId(0) });
        events
    })
}

fn any_ending() -> impl Strategy<Value = Event> {
    prop_oneof![Just(Ending::Returned), Just(Ending::Exit)]
        .prop_map(|ending| Event::ProgramEnd { ending })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_events(events in events()) {
        let violations = check(&events);
        prop_assert_eq!(&violations, &check(&events));

        let mut checker = Checker::new();
        let mut refused = 0;
        for (index, event) in events.iter().enumerate() {
            let first = violations.iter().find(|violation| violation.event.0 == index as u64);
            prop_assert_eq!(checker.apply(event).err(), first.copied());
            refused += u64::from(first.is_some());
        }
        let checked = checker.checked();
        prop_assert_eq!(checked.events, events.len() as u64);
        prop_assert_eq!(checked.refused, refused);
        prop_assert!(checked.owned.blocks <= checked.allocated.blocks);
        for violation in &violations {
            prop_assert!(violation.since.is_none_or(|since| since < violation.event));
        }
        // Nothing follows the end.
        prop_assert_eq!(violations.last().map(|last| last.rule), Some(Rule::WellFormed));

        // Each block that was not freed is left with a reason, or was told as one without.
        let left: Vec<BlockId> = checker.left().map(|(block, _)| block).collect();
        for id in (0..4).map(BlockId) {
            let is_alloc = |event: &Event| matches!(event, Event::Alloc { block, .. } if *block == id);
            let is_free = |event: &Event| matches!(event, Event::Free { block } if *block == id);
            let Some(alloc) = events.iter().position(is_alloc) else { continue };
            let last = events.len() - 1;
            let freed = events[alloc..last].iter().any(is_free);
            let told = violations.iter().any(|violation| {
                violation.rule == Rule::NoLeakWithoutReason && violation.place == id.into()
            });
            prop_assert!(freed || told || left.contains(&id), "{} of {:?}", id, events);
            prop_assert!(!(freed && left.contains(&id)));
        }
    }
}

const LONG: u64 = 20_000;

/// A list whose nodes own each other, the first one owned by a static.
fn list(share: Share) -> Vec<Event> {
    let mut events = vec![Event::ThreadStart {
        thread: ThreadId(1),
        stack_bytes: None,
    }];
    for id in 0..LONG {
        let home = match id {
            0 => Home::Static,
            _ => Home::Block(BlockId(id - 1)),
        };
        events.push(Event::StorageLive {
            slot: SlotId(id),
            home,
        });
        events.push(Event::Alloc {
            block: BlockId(id),
            bytes: 16,
        });
        events.push(Event::Own {
            block: BlockId(id),
            slot: SlotId(id),
            share,
        });
    }
    events
}

#[test]
fn a_long_list_is_dropped_and_left() {
    for share in [Share::Unique, Share::Strong] {
        let mut dropped = list(share);
        dropped.push(Event::DropDeep {
            slot: SlotId(0).into(),
        });
        dropped.extend((0..LONG).rev().map(|id| Event::Free { block: BlockId(id) }));
        dropped.push(Event::ProgramEnd {
            ending: Ending::Returned,
        });
        assert_eq!(check(&dropped), []);

        let mut left = list(share);
        left.push(Event::ProgramEnd {
            ending: Ending::Returned,
        });
        let mut checker = Checker::new();
        assert!(left.iter().all(|event| checker.apply(event).is_ok()));
        assert_eq!(checker.left().count() as u64, LONG);
        assert!(
            checker
                .left()
                .all(|(_, reason)| reason == LeakReason::Static)
        );
    }
}

#[test]
fn a_ring_of_unique_owners_is_no_cycle_and_ends() {
    let mut events = list(Share::Unique);
    let last = BlockId(LONG - 1);
    let slot = SlotId(LONG);
    events.push(Event::StorageLive {
        slot,
        home: Home::Block(last),
    });
    events.push(Event::Hand {
        block: BlockId(0),
        from: SlotId(0),
        to: slot,
    });
    let place = last.into();
    let access = Access::Write;
    events.push(Event::Use {
        place,
        access,
        via: Via::Owner,
    });
    events.push(Event::ProgramEnd {
        ending: Ending::Returned,
    });
    let mut checker = Checker::new();
    let mut violations = Vec::new();
    for event in &events {
        checker.apply_all(event, &mut violations);
    }
    assert_eq!(violations.len() as u64, LONG);
    assert!(
        violations
            .iter()
            .all(|violation| violation.rule == Rule::NoLeakWithoutReason)
    );
    assert_eq!(checker.left().count(), 0);
    assert_eq!(checker.checked().cut, 1);
}
