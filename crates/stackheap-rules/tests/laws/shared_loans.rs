//! Loans of what several owners share, and of one of the owners.

use std::collections::BTreeSet;

use stackheap_rules::{Access, Event, LoanId, LoanKind, Place, Rule, Share, SlotId, Via};

use crate::explore::{Extent, Universe};
use crate::history::any;
use crate::loans::{FIRST, Loan, SECOND, borrow, both, chain, has_ended, live, loan, uses};
use crate::owners::{
    A, B, C, Fate, ONE, Token, Value, before, dropped, is_freed, moved, own, shallow, tokens,
    value, value_is_dead,
};

/// `let a = Rc::new(...);`
fn made() -> Vec<Event> {
    let mut events = before();
    events.push(Event::Init { slot: C.into() });
    events.push(own(ONE, A, Share::Strong));
    events
}

fn events() -> Vec<Event> {
    let mut events = vec![
        own(ONE, B, Share::Strong),
        own(ONE, B, Share::Weak),
        moved(A, B),
        dropped(A),
        dropped(B),
        dropped(C),
        Event::DropDeep { slot: A.into() },
        Event::Free { block: ONE },
        Event::BorrowEnd { loan: FIRST },
        Event::BorrowEnd { loan: SECOND },
    ];
    events.extend(both(FIRST, A, Via::Owner));
    events.extend(both(FIRST, C, Via::Owner));
    events.extend(both(SECOND, C, FIRST));
    events.extend(both(SECOND, ONE, FIRST));
    events.push(borrow(SECOND, LoanKind::Shared, ONE, Via::Owner));
    events.push(borrow(SECOND, LoanKind::Exclusive, A, Via::Owner));
    for via in [Via::Owner, FIRST.into(), SECOND.into()] {
        events.extend(uses(C, via));
    }
    events
}

fn in_block(place: Place) -> bool {
    matches!(place, Place::Block(_) | Place::Slot(C))
}

fn is_inside(inner: Place, outer: Place) -> bool {
    inner == outer || (inner == C.into() && outer == ONE.into())
}

fn excludes(loan: &Loan, place: Place, access: Access) -> bool {
    let overlap = is_inside(place, loan.place) || is_inside(loan.place, place);
    overlap && (access == Access::Write || loan.kind == LoanKind::Exclusive)
}

/// How many strong and weak owners the block has.
fn counts(past: &[Event]) -> (usize, usize) {
    let tokens: Vec<Token> = tokens(past).into_iter().filter(Token::exists).collect();
    let strong = tokens
        .iter()
        .filter(|token| token.share == Share::Strong)
        .count();
    (strong, tokens.len() - strong)
}

/// The laws of one history, for its last event.
struct Judge {
    past: Vec<Event>,
    rules: BTreeSet<Rule>,
}

impl Judge {
    fn law(&mut self, rule: Rule, broken: bool) {
        if broken {
            self.rules.insert(rule);
        }
    }

    fn has_value(&mut self, place: Place) {
        let freed = in_block(place) && is_freed(&self.past, ONE);
        self.law(Rule::NoUseAfterFree, freed);
        if let Place::Slot(slot) = place {
            let value = value(&self.past, slot);
            self.law(Rule::InitBeforeUse, value == Value::None);
            self.law(Rule::NoUseAfterMove, value == Value::Moved);
            self.law(Rule::NoUseAfterDrop, value == Value::Dropped);
        }
    }

    fn access(&mut self, place: Place, access: Access, via: Via, rule: Rule) {
        let mut through = Vec::new();
        let mut within = false;
        if let Via::Loan(id) = via {
            through = chain(&self.past, id);
            let Some(base) = through.first().copied() else {
                return self.law(Rule::WellFormed, true);
            };
            let ended = has_ended(&self.past, id);
            self.law(Rule::LoanCovers, ended);
            let freed = in_block(base.place) && is_freed(&self.past, ONE);
            self.law(Rule::NoUseAfterFree, freed);
            within = is_inside(place, base.place);
            let from_owner = in_block(place) && !in_block(base.place);
            self.law(Rule::LoanCovers, !within && !from_owner);
            let allowed = access == Access::Read || base.kind == LoanKind::Exclusive;
            self.law(Rule::SharedXorExclusive, !allowed);
        }
        let (strong, weak) = counts(&self.past);
        let shared = strong > 1 || (strong == 1 && weak > 0);
        let changes = access == Access::Write && in_block(place) && !within;
        self.law(Rule::SharedXorExclusive, changes && shared);
        let excluded = live(&self.past).into_iter().any(|loan| {
            !through.iter().any(|other| other.id == loan.id) && excludes(&loan, place, access)
        });
        self.law(rule, excluded);
    }

    fn lent(&self) -> Vec<Loan> {
        let live = live(&self.past).into_iter();
        live.filter(|loan| in_block(loan.place)).collect()
    }

    fn own(&mut self, slot: SlotId, share: Share) {
        assert_eq!(slot, B);
        let (strong, weak) = counts(&self.past);
        let freed = is_freed(&self.past, ONE);
        self.law(Rule::NoUseAfterFree, freed);
        self.law(
            Rule::LivesByOwner,
            strong == 0 && (share == Share::Strong || weak == 0),
        );
        let changed = self
            .lent()
            .iter()
            .any(|loan| loan.kind == LoanKind::Exclusive);
        self.law(Rule::SharedXorExclusive, changed);
    }

    fn drop(&mut self, slot: SlotId, event: &Event) {
        self.has_value(slot.into());
        let again = self.rules.remove(&Rule::NoUseAfterDrop);
        self.law(Rule::DropOnce, again);
        self.access(slot.into(), Access::Write, Via::Owner, Rule::LoanInLife);
        let mut then = self.past.clone();
        then.push(*event);
        let dies = value_is_dead(&shallow(&then), ONE) && !value_is_dead(&self.past, ONE);
        let lent = !self.lent().is_empty();
        self.law(Rule::LoanInLife, dies && lent);
    }
}

fn broken(history: &[Event]) -> BTreeSet<Rule> {
    let (last, past) = history.split_last().expect("an event");
    let mut judge = Judge {
        past: shallow(past),
        rules: BTreeSet::new(),
    };
    let held = |past: &[Event], slot: Option<SlotId>| {
        tokens(past).iter().any(|token| match token.fate {
            Fate::Held(at) => slot.is_none_or(|slot| slot == at),
            _ => false,
        })
    };
    match *last {
        Event::Own { slot, share, .. } => judge.own(slot, share),
        Event::Move { .. } => {
            judge.has_value(A.into());
            judge.access(A.into(), Access::Write, Via::Owner, Rule::LoanInLife);
            let lost = held(&judge.past, Some(B)) && !is_freed(&judge.past, ONE);
            judge.law(Rule::NoLeakWithoutReason, lost);
        }
        Event::Drop { slot } | Event::DropDeep { slot } => judge.drop(slot.slot, last),
        Event::Free { .. } => {
            let freed = is_freed(&judge.past, ONE);
            judge.law(Rule::FreeOnce, freed);
            let owned = held(&judge.past, None);
            judge.law(Rule::LivesByOwner, owned);
            let lent = !judge.lent().is_empty();
            judge.law(Rule::LoanInLife, lent);
        }
        Event::Borrow {
            loan: id,
            place,
            kind,
            via,
        } => {
            let known = loan(&judge.past, id).is_some();
            judge.law(Rule::WellFormed, known);
            judge.has_value(place);
            let access = match kind {
                LoanKind::Shared => Access::Read,
                LoanKind::Exclusive => Access::Write,
            };
            judge.access(place, access, via, Rule::SharedXorExclusive);
        }
        Event::BorrowEnd { loan: id } => {
            let (known, ended) = (loan(&judge.past, id).is_some(), has_ended(&judge.past, id));
            judge.law(Rule::WellFormed, !known);
            judge.law(Rule::LoanCovers, ended);
            let child = |loan: &Loan| loan.via == Via::Loan(id);
            let lives = live(&judge.past).iter().any(child);
            judge.law(Rule::LoanInLife, lives);
        }
        Event::Use { place, access, via } => {
            judge.has_value(place);
            judge.access(place, access, via, Rule::SharedXorExclusive);
        }
        _ => unreachable!("not in this universe"),
    }
    judge.rules
}

/// What is lent for changing has one owner, and is there.
fn holds(history: &[Event]) {
    let history = shallow(history);
    let (strong, weak) = counts(&history);
    for lent in live(&history)
        .into_iter()
        .filter(|loan| in_block(loan.place))
    {
        assert!(
            !any(&history, |event| matches!(event, Event::Free { .. })),
            "{history:?}"
        );
        if lent.kind == LoanKind::Exclusive {
            assert!(strong <= 1 && (strong == 0 || weak == 0), "{history:?}");
        }
    }
    let ids: Vec<LoanId> = live(&history).iter().map(|loan| loan.id).collect();
    assert!(ids.iter().all(|id| !has_ended(&history, *id)));
}

#[test]
fn loans_of_what_is_shared() {
    let universe = Universe {
        before: &made(),
        events: &events(),
        broken,
        holds,
    };
    universe.explore(
        Extent {
            length: 5,
            judged: 247_780,
            lawful: 70_599,
        },
        Extent {
            length: 6,
            judged: 1_835_600,
            lawful: 509_192,
        },
    );
}
