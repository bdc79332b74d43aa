//! Loans of a value with parts, of the block that it owns, and of the inside of a cell.

use std::collections::BTreeSet;

use stackheap_rules::{
    Access, BlockId, Event, FrameId, Home, LoanId, LoanKind, Place, Relocation, Rule, Share,
    SlotId, ThreadId, Via,
};

use crate::explore::{Extent, Universe};
use crate::history::{all, any};

const FRAME: FrameId = FrameId(1);
/// A local that owns `BLOCK`, with the parts `PART`, `CELL`, and in the cell `INNER`.
const X: SlotId = SlotId(1);
const PART: SlotId = SlotId(2);
const CELL: SlotId = SlotId(3);
const INNER: SlotId = SlotId(4);
/// Where `X` may be moved to.
const Y: SlotId = SlotId(5);
const BLOCK: BlockId = BlockId(1);
/// In the block.
const CONTENT: SlotId = SlotId(6);
pub const FIRST: LoanId = LoanId(1);
pub const SECOND: LoanId = LoanId(2);
const THIRD: LoanId = LoanId(3);

fn before() -> Vec<Event> {
    let thread = ThreadId(1);
    let live = |slot, home| Event::StorageLive { slot, home };
    vec![
        Event::ThreadStart {
            thread,
            stack_bytes: None,
        },
        Event::Call {
            thread,
            frame: FRAME,
            bytes: 64,
        },
        live(X, Home::Frame(FRAME)),
        live(PART, Home::Part(X)),
        live(CELL, Home::Cell(X)),
        live(INNER, Home::Part(CELL)),
        live(Y, Home::Frame(FRAME)),
        Event::Alloc {
            block: BLOCK,
            bytes: 8,
        },
        live(CONTENT, Home::Block(BLOCK)),
        Event::Init {
            slot: CONTENT.into(),
        },
        Event::Own {
            block: BLOCK,
            slot: X,
            share: Share::Unique,
        },
    ]
}

pub fn borrow(loan: LoanId, kind: LoanKind, place: impl Into<Place>, via: impl Into<Via>) -> Event {
    let (place, via) = (place.into(), via.into());
    Event::Borrow {
        loan,
        place,
        kind,
        via,
    }
}

pub fn both(loan: LoanId, place: impl Into<Place>, via: impl Into<Via>) -> [Event; 2] {
    let (place, via) = (place.into(), via.into());
    [LoanKind::Shared, LoanKind::Exclusive].map(|kind| borrow(loan, kind, place, via))
}

pub fn uses(place: impl Into<Place>, via: impl Into<Via>) -> [Event; 2] {
    let (place, via) = (place.into(), via.into());
    [Access::Read, Access::Write].map(|access| Event::Use { place, access, via })
}

fn ends() -> Vec<Event> {
    let slot = X.into();
    let mut events = [FIRST, SECOND, THIRD]
        .map(|loan| Event::BorrowEnd { loan })
        .to_vec();
    events.extend([
        Event::Move {
            from: slot,
            to: Y.into(),
        },
        Event::Drop { slot },
        Event::Free { block: BLOCK },
        Event::StorageDead { slot: X },
    ]);
    events
}

fn owner_events() -> Vec<Event> {
    let mut events = ends();
    let realloc = |via| Event::Realloc {
        block: BLOCK,
        bytes: 16,
        relocation: Relocation::Moved,
        via,
    };
    events.extend([realloc(Via::Owner), realloc(FIRST.into())]);
    events.extend(both(FIRST, X, Via::Owner));
    events.extend(both(FIRST, PART, Via::Owner));
    events.extend(both(FIRST, BLOCK, Via::Owner));
    events.extend(both(FIRST, CONTENT, Via::Owner));
    events.extend(both(SECOND, X, Via::Owner));
    events.extend(both(SECOND, PART, Via::Owner));
    events.extend(both(SECOND, CONTENT, Via::Owner));
    events.extend(both(SECOND, X, FIRST));
    events.extend(both(SECOND, PART, FIRST));
    events.extend(both(SECOND, BLOCK, FIRST));
    events.extend(both(SECOND, CONTENT, FIRST));
    events.push(borrow(THIRD, LoanKind::Shared, X, FIRST));
    events.push(borrow(THIRD, LoanKind::Exclusive, PART, SECOND));
    events.push(borrow(THIRD, LoanKind::Exclusive, CONTENT, SECOND));
    events.push(borrow(THIRD, LoanKind::Exclusive, CONTENT, Via::Raw));
    for via in [Via::Owner, FIRST.into(), SECOND.into()] {
        events.extend(uses(PART, via));
        events.extend(uses(CONTENT, via));
    }
    events.extend(uses(CONTENT, THIRD));
    events.extend(uses(CONTENT, Via::Raw));
    events.extend(uses(X, Via::Owner));
    events
}

fn cell_events() -> Vec<Event> {
    let mut events = ends();
    for loan in [FIRST, SECOND] {
        events.extend(both(loan, X, Via::Owner));
        events.extend(both(loan, CELL, Via::Owner));
    }
    events.extend(both(SECOND, INNER, Via::Owner));
    events.extend(both(SECOND, X, FIRST));
    events.extend(both(SECOND, CELL, FIRST));
    events.extend(both(SECOND, INNER, FIRST));
    events.extend(both(THIRD, PART, FIRST));
    events.extend(both(THIRD, CELL, FIRST));
    events.extend(both(THIRD, INNER, FIRST));
    events.extend(both(THIRD, INNER, SECOND));
    for via in [Via::Owner, FIRST.into(), SECOND.into(), THIRD.into()] {
        events.extend(uses(X, via));
        events.extend(uses(INNER, via));
    }
    events
}

/// One borrow of a history.
#[derive(Clone, Copy, Debug)]
pub struct Loan {
    pub at: usize,
    pub id: LoanId,
    pub place: Place,
    pub kind: LoanKind,
    pub via: Via,
}

pub fn loan(past: &[Event], id: LoanId) -> Option<Loan> {
    past.iter()
        .enumerate()
        .find_map(|(at, event)| match *event {
            Event::Borrow {
                loan,
                place,
                kind,
                via,
            } if loan == id => Some(Loan {
                at,
                id,
                place,
                kind,
                via,
            }),
            _ => None,
        })
}

pub fn has_ended(past: &[Event], id: LoanId) -> bool {
    any(
        past,
        |event| matches!(event, Event::BorrowEnd { loan } if *loan == id),
    )
}

/// The loan and those it was taken through.
pub fn chain(past: &[Event], id: LoanId) -> Vec<Loan> {
    let mut chain = Vec::new();
    let mut next = Some(id);
    while let Some(found) = next.and_then(|id| loan(past, id)) {
        chain.push(found);
        next = match found.via {
            Via::Loan(from) => Some(from),
            Via::Owner | Via::Raw => None,
        };
    }
    chain
}

/// The loans that live and do not come from a raw pointer.
pub fn live(past: &[Event]) -> Vec<Loan> {
    let all = [FIRST, SECOND, THIRD].into_iter();
    all.filter(|id| !has_ended(past, *id))
        .filter(|id| chain(past, *id).iter().all(|loan| loan.via != Via::Raw))
        .filter_map(|id| loan(past, id))
        .collect()
}

fn is_gone(past: &[Event], what: fn(&Event) -> bool) -> bool {
    any(past, what)
}

fn is_moved(past: &[Event]) -> bool {
    is_gone(past, |event| matches!(event, Event::Move { .. }))
}

fn is_dropped(past: &[Event]) -> bool {
    is_gone(past, |event| matches!(event, Event::Drop { .. }))
}

fn is_freed(past: &[Event]) -> bool {
    is_gone(past, |event| matches!(event, Event::Free { .. }))
}

fn is_dead(past: &[Event]) -> bool {
    is_gone(past, |event| matches!(event, Event::StorageDead { .. }))
}

/// The place and all around it.
fn places(past: &[Event], place: Place) -> Vec<Place> {
    let around: Vec<Place> = match place {
        Place::Slot(PART | CELL) => vec![X.into()],
        Place::Slot(INNER) => vec![CELL.into(), X.into()],
        Place::Slot(CONTENT) => places(past, BLOCK.into()),
        Place::Block(_) if is_dropped(past) => vec![],
        Place::Block(_) if is_moved(past) => vec![Y.into()],
        Place::Block(_) => vec![X.into()],
        Place::Slot(_) => vec![],
    };
    [vec![place], around].concat()
}

fn is_inside(past: &[Event], inner: Place, outer: Place) -> bool {
    places(past, inner).contains(&outer)
}

fn in_cell(place: Place) -> bool {
    matches!(place, Place::Slot(CELL | INNER))
}

/// Whether a loan excludes an access: they overlap, and one of them changes something. Seen from
/// outside of the cell, what happens inside of it changes nothing.
fn excludes(past: &[Event], loan: &Loan, place: Place, access: Access) -> bool {
    let overlap = is_inside(past, place, loan.place) || is_inside(past, loan.place, place);
    let writes = access == Access::Write && (in_cell(loan.place) || !in_cell(place));
    let exclusive = loan.kind == LoanKind::Exclusive && (in_cell(place) || !in_cell(loan.place));
    overlap && (writes || exclusive)
}

/// The laws of one history, for its last event.
struct Judge<'a> {
    past: &'a [Event],
    rules: BTreeSet<Rule>,
}

impl Judge<'_> {
    fn law(&mut self, rule: Rule, broken: bool) {
        if broken {
            self.rules.insert(rule);
        }
    }

    fn storage(&mut self, place: Place) {
        match place {
            Place::Slot(CONTENT) | Place::Block(_) => {
                self.law(Rule::NoUseAfterFree, is_freed(self.past));
            }
            Place::Slot(Y) => {}
            Place::Slot(_) => self.law(Rule::UseInScope, is_dead(self.past)),
        }
    }

    fn has_value(&mut self, place: Place) {
        self.storage(place);
        if matches!(place, Place::Slot(X | PART | CELL | INNER)) {
            self.law(Rule::NoUseAfterMove, is_moved(self.past));
            self.law(Rule::NoUseAfterDrop, is_dropped(self.past));
        }
    }

    /// The reference itself: it lives, and what it points to is where it was.
    fn reference(&mut self, id: LoanId) {
        let Some(loan) = loan(self.past, id) else {
            return self.law(Rule::WellFormed, true);
        };
        self.law(Rule::LoanCovers, has_ended(self.past, id));
        self.storage(loan.place);
        let in_block = matches!(loan.place, Place::Slot(CONTENT) | Place::Block(_));
        let moved = any(&self.past[loan.at..], |event| {
            matches!(event, Event::Realloc { .. })
        });
        self.law(Rule::NoUseAfterFree, in_block && moved);
    }

    fn access(&mut self, place: Place, access: Access, via: Via, rule: Rule) {
        let mut through = Vec::new();
        if let Via::Loan(id) = via {
            self.reference(id);
            through = chain(self.past, id);
        }
        if via == Via::Raw || through.iter().any(|loan| loan.via == Via::Raw) {
            return;
        }
        if let Some(base) = through.first() {
            let to_block = places(self.past, place).last() == Some(&BLOCK.into());
            let from_block = is_inside(self.past, base.place, BLOCK.into());
            let covered = is_inside(self.past, place, base.place) || (to_block && !from_block);
            self.law(Rule::LoanCovers, !covered);
            let by_cell = in_cell(place) && !in_cell(base.place);
            let allowed = access == Access::Read || base.kind == LoanKind::Exclusive || by_cell;
            self.law(Rule::SharedXorExclusive, !allowed);
        }
        let mut others = live(self.past).into_iter();
        let excluded = others.any(|loan| {
            let through = through.iter().any(|other| other.id == loan.id);
            !through && excludes(self.past, &loan, place, access)
        });
        self.law(rule, excluded);
    }

    /// Loans of a place or of what is inside of it, however it was reached.
    fn unlent(&mut self, place: Place) {
        let lent = live(self.past)
            .iter()
            .any(|loan| is_inside(self.past, loan.place, place));
        self.law(Rule::LoanInLife, lent);
    }
}

fn broken(history: &[Event]) -> BTreeSet<Rule> {
    let (last, past) = history.split_last().expect("an event");
    let mut judge = Judge {
        past,
        rules: BTreeSet::new(),
    };
    let owned = !is_dropped(past);
    match *last {
        Event::Borrow {
            loan: id,
            place,
            kind,
            via,
        } => {
            judge.law(Rule::WellFormed, loan(past, id).is_some());
            match via {
                Via::Raw => judge.storage(place),
                _ => judge.has_value(place),
            }
            let access = match kind {
                LoanKind::Shared => Access::Read,
                LoanKind::Exclusive => Access::Write,
            };
            judge.access(place, access, via, Rule::SharedXorExclusive);
        }
        Event::BorrowEnd { loan: id } => {
            judge.law(Rule::WellFormed, loan(past, id).is_none());
            judge.law(Rule::LoanCovers, has_ended(past, id));
            let through =
                |event: &Event| matches!(event, Event::Borrow { via, .. } if *via == id.into());
            let children = all(past, through)
                .into_iter()
                .filter_map(|at| match past[at] {
                    Event::Borrow { loan, .. } => Some(loan),
                    _ => None,
                });
            let lives = children.into_iter().any(|child| !has_ended(past, child));
            judge.law(Rule::LoanInLife, lives);
        }
        Event::Use {
            place,
            via: Via::Raw,
            ..
        } => judge.storage(place),
        Event::Use { place, access, via } => {
            judge.has_value(place);
            judge.access(place, access, via, Rule::SharedXorExclusive);
        }
        Event::Realloc { via, .. } => {
            judge.storage(BLOCK.into());
            judge.access(BLOCK.into(), Access::Write, via, Rule::SharedXorExclusive);
        }
        Event::Move { .. } => {
            judge.has_value(X.into());
            judge.access(X.into(), Access::Write, Via::Owner, Rule::LoanInLife);
        }
        Event::Drop { .. } => {
            judge.has_value(X.into());
            let again = judge.rules.remove(&Rule::NoUseAfterDrop);
            judge.law(Rule::DropOnce, again);
            judge.access(X.into(), Access::Write, Via::Owner, Rule::LoanInLife);
        }
        Event::Free { .. } => {
            judge.law(Rule::FreeOnce, is_freed(past));
            judge.law(Rule::LivesByOwner, owned);
            judge.unlent(BLOCK.into());
        }
        Event::StorageDead { .. } => {
            judge.storage(X.into());
            judge.unlent(X.into());
            judge.law(Rule::NoLeakWithoutReason, owned && !is_moved(past));
        }
        _ => unreachable!("not in this universe"),
    }
    judge.rules
}

/// No two loans live that exclude each other, unless one was taken through the other. What is lent
/// has its memory, and its value.
fn holds(history: &[Event]) {
    let live = live(history);
    for one in &live {
        for other in &live {
            let related = |from: &Loan, of: &Loan| {
                chain(history, from.id).iter().any(|loan| loan.id == of.id)
            };
            if related(one, other) || related(other, one) {
                continue;
            }
            let access = match other.kind {
                LoanKind::Shared => Access::Read,
                LoanKind::Exclusive => Access::Write,
            };
            assert!(!excludes(history, one, other.place, access), "{history:?}");
        }
        let mut judge = Judge {
            past: history,
            rules: BTreeSet::new(),
        };
        judge.has_value(one.place);
        assert!(judge.rules.is_empty(), "{history:?}");
    }
}

#[test]
fn loans_of_parts_and_blocks() {
    let universe = Universe {
        before: &before(),
        events: &owner_events(),
        broken,
        holds,
    };
    universe.explore(
        Extent {
            length: 4,
            judged: 443_133,
            lawful: 125_150,
        },
        Extent {
            length: 5,
            judged: 6_633_003,
            lawful: 1_775_438,
        },
    );
}

#[test]
fn loans_in_cells() {
    let universe = Universe {
        before: &before(),
        events: &cell_events(),
        broken,
        holds,
    };
    universe.explore(
        Extent {
            length: 4,
            judged: 94_235,
            lawful: 19_465,
        },
        Extent {
            length: 5,
            judged: 914_902,
            lawful: 179_885,
        },
    );
}
