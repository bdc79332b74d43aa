//! Unique owners and shares: who owns a block, until when, and what is left at the end.

use std::collections::BTreeSet;

use stackheap_rules::{
    Access, BlockId, Ending, Event, FrameId, Home, LeakReason, Path, Place, Rule, Share, SlotId,
    ThreadId, Via,
};

use crate::explore::{Extent, Universe};
use crate::history::{any, has_storage};

const MAIN: ThreadId = ThreadId(1);
const FRAME: FrameId = FrameId(1);
pub const A: SlotId = SlotId(1);
pub const B: SlotId = SlotId(2);
/// The content of `ONE`.
pub const C: SlotId = SlotId(3);
/// A static.
const Z: SlotId = SlotId(4);
pub const ONE: BlockId = BlockId(1);
const TWO: BlockId = BlockId(2);

pub fn before() -> Vec<Event> {
    let live = |slot, home| Event::StorageLive { slot, home };
    vec![
        Event::ThreadStart {
            thread: MAIN,
            stack_bytes: None,
        },
        Event::Call {
            thread: MAIN,
            frame: FRAME,
            bytes: 64,
        },
        live(A, Home::Frame(FRAME)),
        live(B, Home::Frame(FRAME)),
        live(Z, Home::Static),
        Event::Alloc {
            block: ONE,
            bytes: 8,
        },
        live(C, Home::Block(ONE)),
    ]
}

pub fn own(block: BlockId, slot: SlotId, share: Share) -> Event {
    Event::Own { block, slot, share }
}

pub fn moved(from: SlotId, to: SlotId) -> Event {
    Event::Move {
        from: from.into(),
        to: to.into(),
    }
}

pub fn dropped(slot: SlotId) -> Event {
    Event::Drop { slot: slot.into() }
}

fn read(place: impl Into<Place>) -> Event {
    Event::Use {
        place: place.into(),
        access: Access::Read,
        via: Via::Owner,
    }
}

fn unique_events() -> Vec<Event> {
    let slot = A.into();
    vec![
        Event::Alloc {
            block: TWO,
            bytes: 8,
        },
        own(ONE, A, Share::Unique),
        own(ONE, B, Share::Unique),
        own(ONE, C, Share::Unique),
        own(TWO, A, Share::Unique),
        own(TWO, C, Share::Unique),
        moved(A, B),
        moved(B, A),
        moved(B, C),
        moved(C, B),
        moved(A, Z),
        Event::Init { slot },
        Event::Copy {
            from: slot,
            to: B.into(),
        },
        dropped(A),
        dropped(B),
        dropped(C),
        Event::DropDeep { slot },
        Event::Free { block: ONE },
        Event::Free { block: TWO },
        Event::Forget {
            slot,
            reason: LeakReason::Leak,
        },
        Event::Adopt {
            block: ONE,
            slot: B,
            share: Share::Unique,
        },
        Event::Hand {
            block: TWO,
            from: C,
            to: B,
        },
        Event::Leak {
            block: TWO,
            reason: LeakReason::Forget,
        },
        Event::StorageDead { slot: A },
        read(A),
        read(ONE),
        read(C),
        Event::Return {
            thread: MAIN,
            frame: FRAME,
        },
        Event::ProgramEnd {
            ending: Ending::Returned,
        },
        Event::ProgramEnd {
            ending: Ending::Exit,
        },
    ]
}

fn shared_events() -> Vec<Event> {
    let slot = A.into();
    let count = |strong, weak| Event::Count {
        block: ONE,
        strong,
        weak,
    };
    vec![
        own(ONE, A, Share::Strong),
        own(ONE, B, Share::Strong),
        own(ONE, C, Share::Strong),
        own(ONE, B, Share::Weak),
        own(ONE, C, Share::Weak),
        own(ONE, A, Share::Unique),
        moved(A, B),
        moved(B, A),
        moved(A, Z),
        moved(C, B),
        Event::Init { slot: C.into() },
        dropped(A),
        dropped(B),
        dropped(C),
        Event::DropDeep { slot },
        Event::Free { block: ONE },
        Event::Forget {
            slot,
            reason: LeakReason::Raw,
        },
        Event::Adopt {
            block: ONE,
            slot: B,
            share: Share::Strong,
        },
        Event::Hand {
            block: ONE,
            from: C,
            to: A,
        },
        count(1, 0),
        count(2, 0),
        count(1, 1),
        read(ONE),
        Event::Return {
            thread: MAIN,
            frame: FRAME,
        },
        Event::ProgramEnd {
            ending: Ending::Returned,
        },
        Event::ProgramEnd {
            ending: Ending::Exit,
        },
    ]
}

/// What became of one ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Held(SlotId),
    Dropped,
    Forgotten,
}

/// One ownership, from the event that made it.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub block: BlockId,
    pub share: Share,
    pub fate: Fate,
}

impl Token {
    pub fn exists(&self) -> bool {
        self.fate != Fate::Dropped
    }
}

/// A history without deep drops: each is the drop of the slot, and behind it the drop of the content
/// that goes with it.
pub fn shallow(history: &[Event]) -> Vec<Event> {
    let mut flat = Vec::new();
    for event in history {
        let Event::DropDeep { slot } = *event else {
            flat.push(*event);
            continue;
        };
        let dead_before = value_is_dead(&flat, ONE);
        flat.push(Event::Drop { slot });
        if value_is_dead(&flat, ONE) && !dead_before && value(&flat, C) == Value::There {
            flat.push(dropped(C));
        }
    }
    flat
}

pub fn tokens(past: &[Event]) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for event in past {
        let mut all = tokens.iter_mut();
        match *event {
            Event::Own { block, slot, share } => {
                let fate = Fate::Held(slot);
                tokens.push(Token { block, share, fate });
            }
            Event::Adopt { block, slot, share } => {
                let found = all.find(|token| {
                    token.block == block && token.share == share && token.fate == Fate::Forgotten
                });
                found.expect("something to adopt").fate = Fate::Held(slot);
            }
            Event::Hand { block, from, to } => all
                .filter(|token| token.block == block && token.fate == Fate::Held(from))
                .for_each(|token| token.fate = Fate::Held(to)),
            Event::Move { from, to } => all
                .filter(|token| token.fate == Fate::Held(from.slot))
                .for_each(|token| token.fate = Fate::Held(to.slot)),
            Event::Drop { slot } => all
                .filter(|token| token.fate == Fate::Held(slot.slot))
                .for_each(|token| token.fate = Fate::Dropped),
            Event::Forget { slot, .. } => all
                .filter(|token| token.fate == Fate::Held(slot.slot))
                .for_each(|token| token.fate = Fate::Forgotten),
            _ => {}
        }
    }
    tokens
}

/// Whether the last owner of a block's value was dropped, and not only a weak one.
pub fn value_is_dead(past: &[Event], block: BlockId) -> bool {
    let tokens = tokens(past);
    let mut of = tokens
        .iter()
        .filter(|token| token.block == block && token.share != Share::Weak);
    let ever = of.clone().next().is_some();
    ever && !of.any(Token::exists)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    None,
    There,
    Moved,
    Dropped,
}

/// Whether a slot has a value: the last event says so that changes it.
pub fn value(past: &[Event], id: SlotId) -> Value {
    let is = |path: Path| path.slot == id;
    let last = past.iter().rev().find_map(|event| match *event {
        Event::StorageLive { slot, .. } if slot == id => Some(Value::None),
        Event::Init { slot } if is(slot) => Some(Value::There),
        Event::Own { slot, .. } | Event::Adopt { slot, .. } | Event::Hand { to: slot, .. }
            if slot == id =>
        {
            Some(Value::There)
        }
        Event::Copy { to, .. } | Event::Move { to, .. } if is(to) => Some(Value::There),
        Event::Move { from, .. } if is(from) => Some(Value::Moved),
        Event::Forget { slot, .. } if is(slot) => Some(Value::Moved),
        Event::Drop { slot } if is(slot) => Some(Value::Dropped),
        _ => None,
    });
    last.unwrap_or(Value::None)
}

pub fn is_freed(past: &[Event], id: BlockId) -> bool {
    any(
        past,
        |event| matches!(event, Event::Free { block } if *block == id),
    )
}

fn is_allocated(past: &[Event], id: BlockId) -> bool {
    any(
        past,
        |event| matches!(event, Event::Alloc { block, .. } if *block == id),
    )
}

/// The laws of one history, for its last event.
struct Judge {
    past: Vec<Event>,
    tokens: Vec<Token>,
    rules: BTreeSet<Rule>,
}

impl Judge {
    fn law(&mut self, rule: Rule, broken: bool) {
        if broken {
            self.rules.insert(rule);
        }
    }

    fn held_by(&self, id: SlotId) -> bool {
        let is_live = |block| !is_freed(&self.past, block);
        self.tokens
            .iter()
            .any(|token| token.fate == Fate::Held(id) && is_live(token.block))
    }

    fn storage(&mut self, id: SlotId) {
        let gone = !has_storage(&self.past, id);
        let rule = if id == C {
            Rule::NoUseAfterFree
        } else {
            Rule::UseInScope
        };
        self.law(rule, gone);
    }

    fn has_value(&mut self, id: SlotId) {
        self.storage(id);
        let value = value(&self.past, id);
        self.law(Rule::InitBeforeUse, value == Value::None);
        self.law(Rule::NoUseAfterMove, value == Value::Moved);
        self.law(Rule::NoUseAfterDrop, value == Value::Dropped);
    }

    /// Changing the content of a block that others share as well.
    fn change(&mut self, id: SlotId) {
        let count = |share| {
            let of = self
                .tokens
                .iter()
                .filter(|token| token.block == ONE && token.exists());
            of.filter(|token| token.share == share).count()
        };
        let (strong, weak) = (count(Share::Strong), count(Share::Weak));
        let shared = strong > 1 || (strong == 1 && weak > 0);
        self.law(Rule::SharedXorExclusive, id == C && shared);
    }

    /// Putting a value into a slot whose own still owns something.
    fn overwrite(&mut self, id: SlotId) {
        self.storage(id);
        self.change(id);
        let held = self.held_by(id);
        self.law(Rule::NoLeakWithoutReason, held);
    }

    fn drop(&mut self, id: SlotId) {
        self.storage(id);
        let value = value(&self.past, id);
        self.law(Rule::InitBeforeUse, value == Value::None);
        self.law(Rule::NoUseAfterMove, value == Value::Moved);
        self.law(Rule::DropOnce, value == Value::Dropped);
        self.change(id);
    }

    fn block(&mut self, id: BlockId) {
        let (known, freed) = (is_allocated(&self.past, id), is_freed(&self.past, id));
        self.law(Rule::WellFormed, !known);
        self.law(Rule::NoUseAfterFree, freed);
    }

    fn of(&self, id: BlockId) -> Vec<Token> {
        self.tokens
            .iter()
            .copied()
            .filter(|token| token.block == id)
            .collect()
    }

    fn own(&mut self, id: BlockId, slot: SlotId, share: Share) {
        self.block(id);
        self.storage(slot);
        let of = self.of(id);
        let unique = of
            .iter()
            .any(|token| token.share == Share::Unique && token.exists());
        let any = of.iter().any(Token::exists);
        self.law(Rule::OneOwner, unique || (share == Share::Unique && any));
        let strong: Vec<_> = of
            .iter()
            .filter(|token| token.share == Share::Strong)
            .collect();
        let dead = !strong.is_empty() && !strong.iter().any(|token| token.exists());
        self.law(Rule::LivesByOwner, !of.is_empty() && !any);
        self.law(Rule::LivesByOwner, share == Share::Strong && dead);
    }

    fn free(&mut self, id: BlockId) {
        let (known, freed) = (is_allocated(&self.past, id), is_freed(&self.past, id));
        self.law(Rule::WellFormed, !known);
        self.law(Rule::FreeOnce, freed);
        let held = self
            .of(id)
            .iter()
            .any(|token| matches!(token.fate, Fate::Held(_)));
        self.law(Rule::LivesByOwner, held);
        let content = id == ONE && self.held_by(C);
        self.law(Rule::NoLeakWithoutReason, content);
    }

    fn end(&mut self, ending: Ending) {
        let open = !any(&self.past, |event| matches!(event, Event::Return { .. }));
        self.law(Rule::LastInFirstOut, ending == Ending::Returned && open);
        for id in [ONE, TWO] {
            let left = is_allocated(&self.past, id) && !is_freed(&self.past, id);
            let explained = self.is_explained(id);
            self.law(Rule::NoLeakWithoutReason, left && !explained);
        }
    }

    fn is_explained(&self, id: BlockId) -> bool {
        let told = any(
            &self.past,
            |event| matches!(event, Event::Leak { block, .. } if *block == id),
        );
        let mut of = self.of(id).into_iter().filter(Token::exists);
        told || of.any(|token| match token.fate {
            Fate::Held(C) if value_is_dead(&self.past, ONE) => false,
            // In its own content: kept by a share of itself.
            Fate::Held(C) if id == ONE => token.share != Share::Unique,
            Fate::Held(C) => self.is_explained(ONE),
            Fate::Held(_) | Fate::Forgotten => true,
            Fate::Dropped => false,
        })
    }
}

fn broken(history: &[Event]) -> BTreeSet<Rule> {
    let (last, past) = history.split_last().expect("an event");
    let past = shallow(past);
    let tokens = tokens(&past);
    let mut judge = Judge {
        past,
        tokens,
        rules: BTreeSet::new(),
    };
    if any(&judge.past, |event| {
        matches!(event, Event::ProgramEnd { .. })
    }) {
        return [Rule::WellFormed].into();
    }
    match *last {
        Event::Alloc { block, .. } => {
            let known = is_allocated(&judge.past, block);
            judge.law(Rule::WellFormed, known);
        }
        Event::Own { block, slot, share } => judge.own(block, slot, share),
        Event::Adopt { block, slot, share } => {
            judge.block(block);
            judge.storage(slot);
            let mut of = judge.of(block).into_iter();
            let found = of.any(|token| token.share == share && token.fate == Fate::Forgotten);
            judge.law(Rule::OneOwner, !found);
        }
        Event::Hand { block, from, to } => {
            judge.block(block);
            judge.storage(from);
            judge.storage(to);
            let held = judge
                .of(block)
                .iter()
                .any(|token| token.fate == Fate::Held(from));
            judge.law(Rule::OneOwner, !held);
        }
        Event::Move { from, to } => {
            judge.has_value(from.slot);
            judge.change(from.slot);
            judge.overwrite(to.slot);
        }
        Event::Copy { from, to } => {
            judge.has_value(from.slot);
            let owner = judge.held_by(from.slot);
            judge.law(Rule::OneOwner, owner);
            judge.overwrite(to.slot);
        }
        Event::Init { slot } => judge.overwrite(slot.slot),
        Event::Drop { slot } | Event::DropDeep { slot } => judge.drop(slot.slot),
        Event::Forget { slot, .. } => judge.has_value(slot.slot),
        Event::Free { block } => judge.free(block),
        Event::Leak { block, .. } => judge.block(block),
        Event::Count {
            block,
            strong,
            weak,
        } => {
            judge.block(block);
            let of = judge.of(block);
            let mut known = (0, 0);
            for token in of.iter().filter(|token| token.exists()) {
                match token.share {
                    Share::Weak => known.1 += 1,
                    Share::Strong | Share::Unique => known.0 += 1,
                }
            }
            judge.law(Rule::SharesCounted, known != (strong, weak));
        }
        Event::StorageDead { slot } => {
            judge.storage(slot);
            let held = judge.held_by(slot);
            judge.law(Rule::NoLeakWithoutReason, held);
        }
        Event::Use {
            place: Place::Slot(slot),
            ..
        } => judge.has_value(slot),
        Event::Use {
            place: Place::Block(block),
            ..
        } => judge.block(block),
        Event::Return { .. } => {
            let returned = any(&judge.past, |event| matches!(event, Event::Return { .. }));
            judge.law(Rule::LastInFirstOut, returned);
            let held = judge.held_by(A) || judge.held_by(B);
            judge.law(Rule::NoLeakWithoutReason, held);
        }
        Event::ProgramEnd { ending } => judge.end(ending),
        _ => unreachable!("not in this universe"),
    }
    judge.rules
}

/// No double free, no use after free, and at most one owner that does not share.
fn holds(history: &[Event]) {
    let history = shallow(history);
    for id in [ONE, TWO] {
        let frees = crate::history::all(
            &history,
            |event| matches!(event, Event::Free { block } if *block == id),
        );
        assert!(frees.len() <= 1, "freed twice: {history:?}");
        if let Some(free) = frees.first() {
            assert!(!any(&history[*free..], |event| {
                matches!(event, Event::Use { place: Place::Block(block), .. } if *block == id)
            }));
        }
        let of: Vec<Token> = tokens(&history)
            .into_iter()
            .filter(|token| token.block == id)
            .collect();
        let existing: Vec<_> = of.iter().filter(|token| token.exists()).collect();
        assert!(existing.len() <= 1 || existing.iter().all(|token| token.share != Share::Unique));
    }
}

#[test]
fn unique_owners() {
    let universe = Universe {
        before: &before(),
        events: &unique_events(),
        broken,
        holds,
    };
    universe.explore(
        Extent {
            length: 5,
            judged: 198_750,
            lawful: 61_312,
        },
        Extent {
            length: 6,
            judged: 1_839_390,
            lawful: 585_232,
        },
    );
}

#[test]
fn shares() {
    let universe = Universe {
        before: &before(),
        events: &shared_events(),
        broken,
        holds,
    };
    universe.explore(
        Extent {
            length: 5,
            judged: 237_640,
            lawful: 86_669,
        },
        Extent {
            length: 6,
            judged: 2_253_420,
            lawful: 836_556,
        },
    );
}
