//! Ordinary Rust programs as events: what is legal is accepted, and what is not is refused by name.

use stackheap_rules::*;

const MAIN: ThreadId = ThreadId(1);
const FRAME: FrameId = FrameId(1);
const OWNER: Via = Via::Owner;

/// What happens before the first statement of `main`.
fn in_main(body: &[Event]) -> Vec<Event> {
    let mut events = vec![start(MAIN, Some(8 << 20)), call(MAIN, FRAME, 128)];
    events.extend(body);
    events
}

/// What happens behind its last statement.
fn to_the_end(body: &[Event]) -> Vec<Event> {
    let mut events = in_main(body);
    events.push(back(MAIN, FRAME));
    events.push(end(Ending::Returned));
    events
}

fn check_all(events: &[Event], expected: &[&str]) -> Checker {
    let mut checker = Checker::new();
    let mut found = Vec::new();
    for event in events {
        checker.apply_all(event, &mut found);
    }
    let found: Vec<String> = found.iter().map(Violation::to_string).collect();
    assert_eq!(found, expected);
    checker
}

fn accepted(body: &[Event]) -> Checker {
    check_all(&to_the_end(body), &[])
}

/// The numbers of the events in `expected` count from the first of the body.
fn refused(body: &[Event], expected: &[&str]) {
    let events = in_main(body);
    let violations = check(&events);
    let found: Vec<String> = violations
        .iter()
        .map(|violation| {
            let from = |event: EventIndex| EventIndex(event.0 - 2);
            Violation {
                event: from(violation.event),
                since: violation.since.map(from),
                ..*violation
            }
            .to_string()
        })
        .collect();
    assert_eq!(found, expected);
}

fn start(thread: ThreadId, stack_bytes: Option<u64>) -> Event {
    Event::ThreadStart {
        thread,
        stack_bytes,
    }
}

fn call(thread: ThreadId, frame: FrameId, bytes: u64) -> Event {
    Event::Call {
        thread,
        frame,
        bytes,
    }
}

fn back(thread: ThreadId, frame: FrameId) -> Event {
    Event::Return { thread, frame }
}

fn end(ending: Ending) -> Event {
    Event::ProgramEnd { ending }
}

fn slot(id: u64) -> SlotId {
    SlotId(id)
}

fn block(id: u64) -> BlockId {
    BlockId(id)
}

fn loan(id: u64) -> LoanId {
    LoanId(id)
}

fn at(home: Home, id: u64) -> Event {
    Event::StorageLive {
        slot: slot(id),
        home,
    }
}

/// A local of `main`.
fn local(id: u64) -> Event {
    at(Home::Frame(FRAME), id)
}

fn dead(id: u64) -> Event {
    Event::StorageDead { slot: slot(id) }
}

fn init(path: impl Into<Path>) -> Event {
    Event::Init { slot: path.into() }
}

fn moved(from: impl Into<Path>, to: impl Into<Path>) -> Event {
    Event::Move {
        from: from.into(),
        to: to.into(),
    }
}

fn dropped(path: impl Into<Path>) -> Event {
    Event::Drop { slot: path.into() }
}

fn dropped_deep(path: impl Into<Path>) -> Event {
    Event::DropDeep { slot: path.into() }
}

fn forget(id: u64, reason: LeakReason) -> Event {
    Event::Forget {
        slot: slot(id).into(),
        reason,
    }
}

fn alloc(id: u64) -> Event {
    Event::Alloc {
        block: block(id),
        bytes: 16,
    }
}

fn own(id: u64, owner: u64, share: Share) -> Event {
    Event::Own {
        block: block(id),
        slot: slot(owner),
        share,
    }
}

fn adopt(id: u64, owner: u64, share: Share) -> Event {
    Event::Adopt {
        block: block(id),
        slot: slot(owner),
        share,
    }
}

fn count(id: u64, strong: u64, weak: u64) -> Event {
    Event::Count {
        block: block(id),
        strong,
        weak,
    }
}

fn free(id: u64) -> Event {
    Event::Free { block: block(id) }
}

fn borrow(id: u64, kind: LoanKind, place: impl Into<Place>, via: impl Into<Via>) -> Event {
    let (place, via) = (place.into(), via.into());
    Event::Borrow {
        loan: loan(id),
        place,
        kind,
        via,
    }
}

fn shared(id: u64, place: impl Into<Place>, via: impl Into<Via>) -> Event {
    borrow(id, LoanKind::Shared, place, via)
}

fn exclusive(id: u64, place: impl Into<Place>, via: impl Into<Via>) -> Event {
    borrow(id, LoanKind::Exclusive, place, via)
}

fn over(id: u64) -> Event {
    Event::BorrowEnd { loan: loan(id) }
}

fn read(place: impl Into<Place>, via: impl Into<Via>) -> Event {
    Event::Use {
        place: place.into(),
        access: Access::Read,
        via: via.into(),
    }
}

fn write(place: impl Into<Place>, via: impl Into<Via>) -> Event {
    Event::Use {
        place: place.into(),
        access: Access::Write,
        via: via.into(),
    }
}

fn grow(id: u64, via: impl Into<Via>) -> Event {
    Event::Realloc {
        block: block(id),
        bytes: 32,
        relocation: Relocation::Moved,
        via: via.into(),
    }
}

/// `let x = Box::new(1);`
fn boxed(id: u64, owner: u64) -> [Event; 3] {
    [local(owner), alloc(id), own(id, owner, Share::Unique)]
}

fn all(parts: &[&[Event]]) -> Vec<Event> {
    parts.concat()
}

#[test]
fn a_box_is_moved_and_dropped_by_its_last_owner() {
    let body = [
        &boxed(1, 1)[..],
        &[
            local(2),
            moved(slot(1), slot(2)), // let b = a;
            read(block(1), OWNER),
            dropped(slot(2)),
            free(1),
            dead(2),
            dead(1),
        ],
    ];
    let checker = accepted(&all(&body));
    let checked = checker.checked();
    assert_eq!((checked.events, checked.refused, checked.freed), (14, 0, 1));
    assert_eq!(
        checked.owned,
        Amount {
            blocks: 1,
            bytes: 16
        }
    );
    assert_eq!(checker.left().count(), 0);
}

#[test]
fn a_moved_value_is_not_used() {
    let body = [
        &boxed(1, 1)[..],
        &[local(2), moved(slot(1), slot(2)), read(slot(1), OWNER)],
    ];
    refused(
        &all(&body),
        &["event 5, slot 1: a moved value is not used (H7); broken since event 4"],
    );
}

#[test]
fn a_block_that_two_boxes_were_made_of_is_freed_twice() {
    let body = [
        &boxed(1, 1)[..],
        &[
            forget(1, LeakReason::Raw), // let raw = Box::into_raw(a);
            local(2),
            adopt(1, 2, Share::Unique), // let b = unsafe { Box::from_raw(raw) };
            local(3),
            adopt(1, 3, Share::Unique), // let c = unsafe { Box::from_raw(raw) };
            dropped(slot(3)),
            dropped(slot(2)),
            free(1),
            free(1),
        ],
    ];
    refused(
        &all(&body),
        &[
            "event 7, block 1: a value has one owner, or shares (S10); broken with slot 2 since event 5",
            "event 11, block 1: a block is freed once (C3); broken since event 10",
        ],
    );
}

#[test]
fn a_freed_block_is_not_used_through_a_raw_pointer() {
    let body = [
        &boxed(1, 1)[..],
        &[
            write(block(1), Via::Raw),
            dropped(slot(1)),
            free(1),
            read(block(1), Via::Raw),
        ],
    ];
    refused(
        &all(&body),
        &["event 6, block 1: freed memory is not used (C3); broken since event 5"],
    );
}

#[test]
fn an_owner_is_dropped_once_and_its_block_not_freed_beside_it() {
    let body = [&boxed(1, 1)[..], &[free(1)]];
    refused(
        &all(&body),
        &[
            "event 3, block 1: a block lives as long as its owner (H3); broken with slot 1 since event 2",
        ],
    );
    let body = [&boxed(1, 1)[..], &[dropped(slot(1)), dropped(slot(1))]];
    refused(
        &all(&body),
        &["event 4, slot 1: a value is dropped once (C3); broken since event 3"],
    );
}

#[test]
fn shares_are_counted_and_the_last_frees() {
    let body = [
        local(1),
        alloc(1),
        own(1, 1, Share::Strong), // let a = Rc::new(1);
        local(2),
        own(1, 2, Share::Strong), // let b = Rc::clone(&a);
        local(3),
        own(1, 3, Share::Weak), // let w = Rc::downgrade(&a);
        count(1, 2, 1),
        dropped(slot(1)),
        count(1, 1, 1),
        read(block(1), OWNER),
        dropped(slot(2)),
        count(1, 0, 1),
        dropped(slot(3)),
        free(1),
    ];
    accepted(&body);
    // What a weak one keeps is not freed before it, and not revived.
    let mut early = body[..12].to_vec();
    early.extend([own(1, 1, Share::Strong), free(1)]);
    refused(
        &early,
        &[
            "event 12, block 1: a block lives as long as its owner (H3); broken since event 11",
            "event 13, block 1: a block lives as long as its owner (H3); broken since event 6",
        ],
    );
    let mut wrong = body[..7].to_vec();
    wrong.push(count(1, 3, 1));
    refused(
        &wrong,
        &["event 7, block 1: counts are the number of owners (H6); broken since event 6"],
    );
}

#[test]
fn shares_that_own_each_other_are_a_cycle() {
    let node = |id: u64, owner: u64, next: u64| {
        [
            local(owner),
            alloc(id),
            at(Home::Block(block(id)), next),
            own(id, owner, Share::Strong),
        ]
    };
    let body = [
        &node(1, 1, 11)[..],
        &node(2, 2, 12),
        &[
            own(2, 11, Share::Strong), // a.next = Some(b.clone());
            own(1, 12, Share::Strong), // b.next = Some(a.clone());
            dropped(slot(2)),
            dropped(slot(1)),
            Event::Leak {
                block: block(2),
                reason: LeakReason::Cycle,
            },
        ],
    ];
    let checker = accepted(&all(&body));
    let left: Vec<_> = checker.left().collect();
    assert_eq!(
        left,
        [(block(1), LeakReason::Cycle), (block(2), LeakReason::Cycle)]
    );
    // With a weak way back, there is none.
    let body = [
        &node(1, 1, 11)[..],
        &node(2, 2, 12),
        &[
            own(2, 11, Share::Strong),
            own(1, 12, Share::Weak),
            dropped(slot(2)),
            dropped_deep(slot(1)),
            free(2),
            free(1),
        ],
    ];
    assert_eq!(accepted(&all(&body)).left().count(), 0);
}

#[test]
fn a_reason_that_is_told_and_not_seen_is_refused() {
    let events = to_the_end(&[
        at(Home::Static, 1),
        alloc(1),
        own(1, 1, Share::Unique),
        Event::Leak {
            block: block(1),
            reason: LeakReason::Cycle,
        },
    ]);
    let checker = check_all(
        &events,
        &["event 7, block 1: what is not freed has a reason (H8); broken since event 5"],
    );
    assert_eq!(
        checker.left().collect::<Vec<_>>(),
        [(block(1), LeakReason::Static)]
    );
}

#[test]
fn a_vec_grows_only_while_nothing_is_borrowed_from_it() {
    let body = [
        &boxed(1, 1)[..],
        &[
            shared(1, slot(1), OWNER),
            shared(2, block(1), loan(1)), // let first = &v[0];
            read(block(1), loan(2)),
            over(2),
            over(1),
            exclusive(3, slot(1), OWNER), // v.push(4);
            grow(1, loan(3)),
            over(3),
            dropped(slot(1)),
            free(1),
        ],
    ];
    accepted(&all(&body));
    let body = [
        &boxed(1, 1)[..],
        &[
            shared(1, slot(1), OWNER),
            shared(2, block(1), loan(1)),
            exclusive(3, slot(1), OWNER),
            grow(1, loan(3)),
            over(3),
            read(block(1), loan(2)),
        ],
    ];
    // The second loan is refused and in nobody's way; what grew through it is told where it is used.
    refused(
        &all(&body),
        &[
            "event 5, slot 1: loans are shared or exclusive (H6); broken with loan 1 since event 3",
            "event 8, block 1: freed memory is not used (C3); broken with loan 2 since event 6",
        ],
    );
}

#[test]
fn content_is_dropped_before_its_block_or_all_at_once() {
    // let shape: Box<dyn Shape> = Box::new(Polygon { points: vec![] });
    let made = all(&[
        &boxed(1, 1),
        &[
            at(Home::Block(block(1)), 2),
            alloc(2),
            own(2, 2, Share::Unique),
        ],
    ]);
    accepted(&all(&[
        &made,
        &[dropped(slot(1)), dropped(slot(2)), free(2), free(1)],
    ]));
    accepted(&all(&[&made, &[dropped_deep(slot(1)), free(2), free(1)]]));
    refused(
        &all(&[&made, &[dropped(slot(1)), free(1)]]),
        &[
            "event 7, block 2: what is not freed has a reason (H8); broken with slot 2 since event 4",
        ],
    );
    refused(
        &all(&[&made, &[free(2)]]),
        &[
            "event 6, block 2: a block lives as long as its owner (H3); broken with slot 2 since event 5",
        ],
    );
}

#[test]
fn a_part_is_moved_alone() {
    // let pair = (String::from("a"), String::from("b"));
    let made = [
        local(1),
        at(Home::Part(slot(1)), 2),
        at(Home::Part(slot(1)), 3),
        init(slot(1)),
        alloc(1),
        own(1, 2, Share::Unique),
        alloc(2),
        own(2, 3, Share::Unique),
        local(4),
        moved(slot(2), slot(4)), // let left = pair.0;
    ];
    let rest = [
        read(slot(3), OWNER),
        dropped(slot(1)), // what is left of the pair
        free(2),
        dropped(slot(4)),
        free(1),
    ];
    accepted(&all(&[&made, &rest]));
    refused(
        &all(&[&made, &[local(5), moved(slot(1), slot(5))]]),
        &["event 11, slot 2: a moved value is not used (H7); broken since event 9"],
    );
    // And may get a value again.
    accepted(&all(&[
        &made,
        &[moved(slot(4), slot(2)), dropped(slot(1)), free(1), free(2)],
    ]));
}

#[test]
fn parts_are_lent_apart() {
    let pair = [
        local(1),
        at(Home::Part(slot(1)), 2),
        at(Home::Part(slot(1)), 3),
        init(slot(1)),
    ];
    let lent = all(&[
        &pair,
        &[exclusive(1, slot(2), OWNER), exclusive(2, slot(3), OWNER)],
    ]);
    accepted(&all(&[
        &lent,
        &[
            write(slot(2), loan(1)),
            write(slot(3), loan(2)),
            over(1),
            over(2),
        ],
    ]));
    refused(
        &all(&[&lent, &[read(slot(1), OWNER)]]),
        &["event 6, slot 1: loans are shared or exclusive (H6); broken with loan 1 since event 4"],
    );
    refused(
        &all(&[&lent, &[read(slot(3), loan(1))]]),
        &[
            "event 6, slot 3: a loan gives access to its place while it lives (C1); \
         broken with loan 1 since event 4",
        ],
    );
}

#[test]
fn what_is_never_freed_says_why() {
    let body = [
        &boxed(1, 1)[..],
        &boxed(2, 2),
        &boxed(3, 3),
        &[
            forget(1, LeakReason::Forget),
            forget(2, LeakReason::Leak),
            forget(3, LeakReason::Raw),
            exclusive(1, block(2), Via::Raw), // &'static mut
            write(block(2), loan(1)),
        ],
    ];
    let left: Vec<_> = accepted(&all(&body)).left().collect();
    assert_eq!(
        left,
        [
            (block(1), LeakReason::Forget),
            (block(2), LeakReason::Leak),
            (block(3), LeakReason::Raw),
        ]
    );
}

#[test]
fn what_is_lost_is_told_where_it_is_lost() {
    let lost = "block 1: what is not freed has a reason (H8); broken with slot 1 since event 1";
    refused(
        &all(&[&boxed(1, 1), &[dead(1)]]),
        &[&format!("event 3, {lost}")],
    );
    refused(
        &all(&[&boxed(1, 1), &[init(slot(1))]]),
        &[&format!("event 3, {lost}")],
    );
    let unlucky = all(&[&boxed(1, 1), &[back(MAIN, FRAME), end(Ending::Returned)]]);
    refused(&unlucky, &[&format!("event 3, {lost}")]);
    // Nobody ever owned it; and nobody freed it when its owner was dropped.
    let forgotten = [alloc(1), back(MAIN, FRAME), end(Ending::Returned)];
    refused(
        &forgotten,
        &["event 2, block 1: what is not freed has a reason (H8); broken since event 0"],
    );
    let due = all(&[
        &boxed(1, 1),
        &[dropped(slot(1)), back(MAIN, FRAME), end(Ending::Returned)],
    ]);
    refused(
        &due,
        &["event 5, block 1: what is not freed has a reason (H8); broken since event 3"],
    );
}

#[test]
fn a_value_is_handed_to_a_thread_and_freed_there() {
    let (thread, frame) = (ThreadId(2), FrameId(2));
    let body = [
        &boxed(1, 1)[..],
        &[
            start(thread, Some(2 << 20)),
            call(thread, frame, 64),
            at(Home::Frame(frame), 2),
            moved(slot(1), slot(2)), // thread::spawn(move || drop(a))
            dropped(slot(2)),
            free(1),
            back(thread, frame),
            Event::ThreadEnd { thread },
        ],
    ];
    accepted(&all(&body));
    let elsewhere = [
        start(thread, None),
        call(thread, frame, 64),
        back(MAIN, frame),
    ];
    refused(
        &elsewhere,
        &["event 2, frame 2: each thread has its own stack (S7); broken with thread 2"],
    );
    // One that still runs when `main` returns keeps what it has.
    let body = [
        &boxed(1, 1)[..],
        &[
            start(thread, None),
            call(thread, frame, 64),
            at(Home::Frame(frame), 2),
            moved(slot(1), slot(2)),
        ],
    ];
    let left: Vec<_> = accepted(&all(&body)).left().collect();
    assert_eq!(left, [(block(1), LeakReason::Thread)]);
}

#[test]
fn recursion_reaches_the_limit_of_the_stack() {
    let mut checker = Checker::new();
    checker
        .apply(&start(MAIN, Some(1 << 20)))
        .expect("a thread");
    let depth = (0..).find_map(|depth| {
        let violation = checker.apply(&call(MAIN, FrameId(depth), 4096)).err()?;
        Some((depth, violation.to_string()))
    });
    let (depth, text) = depth.expect("a limit");
    assert_eq!(depth, (1 << 20) / 4096);
    assert_eq!(
        text,
        "event 257, frame 256: frames fit into the stack (S6); broken with thread 1"
    );
}

#[test]
fn calls_return_in_reverse() {
    let (outer, inner) = (FrameId(2), FrameId(3));
    let both = [call(MAIN, outer, 64), call(MAIN, inner, 64)];
    accepted(&all(&[&both, &[back(MAIN, inner), back(MAIN, outer)]]));
    refused(
        &all(&[&both, &[back(MAIN, outer), back(MAIN, inner)]]),
        &[
            "event 2, frame 2: the last call returns first (S2); broken with frame 3",
            "event 3, frame 3: the last call returns first (S2); broken since event 2",
        ],
    );
}

#[test]
fn a_reference_to_a_local_does_not_outlive_it() {
    let inner = FrameId(2);
    let body = [
        call(MAIN, inner, 64),
        at(Home::Frame(inner), 1),
        init(slot(1)),
        shared(1, slot(1), OWNER),
        back(MAIN, inner), // &local
        read(slot(1), loan(1)),
    ];
    refused(
        &body,
        &[
            "event 4, slot 1: a loan ends before its place does (H3); broken with loan 1 since event 3",
            "event 5, slot 1: a slot is used within its scope (S4); broken with loan 1 since event 4",
        ],
    );
}

#[test]
fn a_value_is_taken_out_through_a_loan() {
    let body = [
        &boxed(1, 1)[..],
        &[
            exclusive(1, slot(1), OWNER),
            local(2),
            moved(slot(1).via(loan(1)), slot(2)), // mem::take(&mut a)
            init(slot(1).via(loan(1))),
            over(1),
            read(slot(1), OWNER),
            dropped(slot(2)),
            free(1),
            dropped(slot(1)),
        ],
    ];
    accepted(&all(&body));
    let body = [
        &boxed(1, 1)[..],
        &[
            shared(1, slot(1), OWNER),
            local(2),
            moved(slot(1).via(loan(1)), slot(2)),
        ],
    ];
    refused(
        &all(&body),
        &["event 5, slot 1: loans are shared or exclusive (H6); broken with loan 1 since event 3"],
    );
    let body = [
        &boxed(1, 1)[..],
        &[
            shared(1, block(1), OWNER),
            local(2),
            moved(slot(1), slot(2)),
        ],
    ];
    refused(
        &all(&body),
        &[
            "event 5, slot 1: a loan ends before its place does (H3); broken with loan 1 since event 3",
        ],
    );
}

#[test]
fn a_reborrow_excludes_the_loan_it_came_from_until_it_ends() {
    let lent = [
        local(1),
        init(slot(1)),
        exclusive(1, slot(1), OWNER),
        exclusive(2, slot(1), loan(1)),
    ];
    accepted(&all(&[
        &lent,
        &[
            write(slot(1), loan(2)),
            over(2),
            write(slot(1), loan(1)),
            over(1),
        ],
    ]));
    refused(
        &all(&[&lent, &[write(slot(1), loan(1)), over(1)]]),
        &[
            "event 4, slot 1: loans are shared or exclusive (H6); broken with loan 2 since event 3",
            "event 5, loan 1: a loan ends before its place does (H3); broken with loan 2 since event 2",
        ],
    );
}

#[test]
fn a_cell_is_changed_through_shared_owners_one_at_a_time() {
    // let a = Rc::new(RefCell::new(1)); let b = a.clone();
    let made = [
        local(1),
        alloc(1),
        at(Home::Block(block(1)), 11),
        at(Home::Cell(slot(11)), 12),
        init(slot(11)),
        own(1, 1, Share::Strong),
        local(2),
        own(1, 2, Share::Strong),
    ];
    let lent = [
        shared(1, slot(1), OWNER),
        shared(2, slot(11), loan(1)),
        exclusive(3, slot(12), loan(2)), // a.borrow_mut()
        write(slot(12), loan(3)),
    ];
    let other = [shared(4, slot(2), OWNER), shared(5, slot(11), loan(4))];
    let ended = [
        over(3),
        over(2),
        over(1),
        exclusive(6, slot(12), loan(5)),
        over(6),
        over(5),
        over(4),
    ];
    let freed = [dropped(slot(1)), dropped_deep(slot(2)), free(1)];
    accepted(&all(&[&made, &lent, &other, &ended, &freed]));
    refused(
        &all(&[&made, &lent, &other, &[exclusive(6, slot(12), loan(5))]]),
        &[
            "event 14, slot 12: loans are shared or exclusive (H6); broken with loan 3 since event 10",
        ],
    );
    refused(
        &all(&[&made, &[write(slot(11), OWNER)]]),
        &[
            "event 8, slot 11: loans are shared or exclusive (H6); broken with block 1 since event 7",
        ],
    );
}

#[test]
fn a_statement_outside_of_any_order() {
    refused(
        &[
            free(7),
            over(7),
            dead(7),
            local(1),
            local(1),
            alloc(1),
            alloc(1),
        ],
        &[
            "event 0, block 7: events speak of what is there",
            "event 1, loan 7: events speak of what is there",
            "event 2, slot 7: events speak of what is there",
            "event 4, slot 1: events speak of what is there; broken since event 3",
            "event 6, block 1: events speak of what is there",
        ],
    );
    refused(
        &[Event::Alloc {
            block: block(1),
            bytes: 1 << 63,
        }],
        &["event 0, block 1: a block is at most isize::MAX bytes (H4)"],
    );
    let after = [back(MAIN, FRAME), end(Ending::Returned), alloc(1)];
    refused(
        &after,
        &["event 2, the program: events speak of what is there; broken since event 1"],
    );
}

#[test]
fn a_copy_makes_no_second_owner() {
    let copy = Event::Copy {
        from: slot(1).into(),
        to: slot(2).into(),
    };
    accepted(&[
        local(1),
        init(slot(1)),
        local(2),
        copy,
        read(slot(1), OWNER),
        read(slot(2), OWNER),
    ]);
    refused(
        &all(&[&boxed(1, 1), &[local(2), copy]]),
        &["event 4, slot 1: a value has one owner, or shares (S10); broken with block 1"],
    );
}

#[test]
fn an_exit_leaves_what_the_frames_own() {
    let mut events = in_main(&all(&[
        &boxed(1, 1),
        &[at(Home::Block(block(1)), 2), alloc(2)],
    ]));
    events.extend([own(2, 2, Share::Unique), end(Ending::Exit)]);
    let left: Vec<_> = check_all(&events, &[]).left().collect();
    assert_eq!(
        left,
        [(block(1), LeakReason::Exit), (block(2), LeakReason::Exit)]
    );
}
