//! The machine: what each event needs, and what it does.

use std::collections::BTreeMap;

use crate::access::{self, Intent};
use crate::loans::Loans;
use crate::memory::{AscentEnd, Fault, Memory};
use crate::{
    BlockId, Checked, Ending, Event, EventIndex, LeakReason, Rule, Subject, ThreadId, Violation,
};

/// The most bytes a block may have: `isize::MAX` of a 64-bit machine.
pub const BLOCK_LIMIT_BYTES: u64 = i64::MAX as u64;

/// The state of a program's memory as far as its events tell, and the rules over it.
///
/// An event that breaks a rule is an error and yet happened. So the machine goes on with what it
/// did: a block that was freed beside its owner is freed, a call that returned too early is gone
/// with all calls above it. Only what has no meaning has no effect: events about what is not there,
/// a second free, one owner too many. A loan that was refused excludes nobody and gives access, so
/// that one cause is told once.
///
/// An event takes the logarithm of what is there, times the levels of parts and owners between the
/// place and the local or loan it is reached through (up to
/// [`LEVEL_LIMIT`](crate::LEVEL_LIMIT)); moves, drops and ends of storage also take what the value
/// directly owns. Only the end of the program looks at everything, once.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    pub(crate) memory: Memory,
    pub(crate) loans: Loans,
    pub(crate) now: EventIndex,
    pub(crate) main: Option<ThreadId>,
    ended: Option<EventIndex>,
    left: BTreeMap<BlockId, LeakReason>,
    pub(crate) checked: Checked,
    found: Vec<Violation>,
}

/// Applies all events from the beginning and gives every violation, in their order.
///
/// The end of the events is not the end of the program: leaks are looked for at
/// [`Event::ProgramEnd`].
pub fn check(events: &[Event]) -> Vec<Violation> {
    let mut checker = Checker::new();
    let mut all = Vec::new();
    for event in events {
        checker.apply_all(event, &mut all);
    }
    all
}

impl Checker {
    /// A machine before the first event: no thread, no memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one event.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks. The event counts as having happened nevertheless.
    pub fn apply(&mut self, event: &Event) -> Result<(), Violation> {
        let mut found = std::mem::take(&mut self.found);
        self.apply_all(event, &mut found);
        let first = found.first().copied();
        found.clear();
        self.found = found;
        first.map_or(Ok(()), Err)
    }

    /// Applies one event, and adds every rule that it breaks: a return may lose several values, and
    /// the end of the program may find many leaks.
    pub fn apply_all(&mut self, event: &Event, violations: &mut Vec<Violation>) {
        let mut faults = Vec::new();
        self.checked.count(event);
        if let Some(ended) = self.ended {
            faults.push(Fault {
                rule: Rule::WellFormed,
                place: Subject::Program,
                other: None,
                since: Some(ended),
            });
        } else {
            self.step(event, &mut faults);
        }
        if !faults.is_empty() {
            self.checked.refused += 1;
        }
        violations.extend(faults.iter().map(|fault| Violation {
            rule: fault.rule,
            event: self.now,
            place: fault.place,
            other: fault.other,
            // What an event does to itself began with it, and not before.
            since: fault.since.filter(|since| *since < self.now),
        }));
        self.now = EventIndex(self.now.0.saturating_add(1));
    }

    /// What was checked so far.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The blocks that were never freed, each with its reason, in the order of their numbers. Empty
    /// before the end of the program.
    pub fn left(&self) -> impl Iterator<Item = (BlockId, LeakReason)> {
        self.left.iter().map(|(block, reason)| (*block, *reason))
    }

    fn step(&mut self, event: &Event, faults: &mut Vec<Fault>) {
        let outcome = match *event {
            Event::ThreadStart {
                thread,
                stack_bytes,
            } => self.thread_start(thread, stack_bytes),
            Event::ThreadEnd { thread } => self.thread_end(thread, faults),
            Event::Call {
                thread,
                frame,
                bytes,
            } => self.call(thread, frame, bytes),
            Event::Return { thread, frame } => self.r#return(thread, frame, faults),
            Event::StorageLive { slot, home } => self.storage_live(slot, home),
            Event::StorageDead { slot } => self.storage_dead(slot, faults),
            Event::Init { slot } => self.init(slot, faults),
            Event::Copy { from, to } => self.copy(from, to, faults),
            Event::Move { from, to } => self.r#move(from, to, faults),
            Event::Drop { slot } => self.drop(slot, faults),
            Event::DropDeep { slot } => self.drop_deep(slot, faults),
            Event::Alloc { block, bytes } => self.alloc(block, bytes),
            Event::Own { block, slot, share } => self.own(block, slot, share),
            Event::Adopt { block, slot, share } => self.adopt(block, slot, share),
            Event::Hand { block, from, to } => self.hand(block, from, to, faults),
            Event::Count {
                block,
                strong,
                weak,
            } => self.count(block, strong, weak),
            Event::Realloc {
                block,
                bytes,
                relocation,
                via,
            } => self.realloc(block, bytes, relocation, via),
            Event::Free { block } => self.free(block, faults),
            Event::Borrow {
                loan,
                place,
                kind,
                via,
            } => self.borrow(loan, place, kind, via),
            Event::BorrowEnd { loan } => self.borrow_end(loan),
            Event::Use { place, access, via } => self.r#use(place, access, via),
            Event::Forget { slot, reason } => self.forget(slot, reason, faults),
            Event::Leak { block, reason } => self.leak(block, reason),
            Event::ProgramEnd { ending } => {
                self.program_end(ending, faults);
                Ok(())
            }
        };
        faults.extend(outcome.err());
    }

    /// Whether loans allow it.
    pub(crate) fn allow(&mut self, intent: Intent) -> Result<(), Fault> {
        let end = access::check(&self.memory, &self.loans, intent)?;
        self.checked.cut += u64::from(end == AscentEnd::Limit);
        Ok(())
    }

    fn program_end(&mut self, ending: Ending, faults: &mut Vec<Fault>) {
        self.ended = Some(self.now);
        let main = self.main.and_then(|main| {
            let thread = self.memory.threads.get(main)?;
            Some((main, *thread.frames.last()?))
        });
        if let (Ending::Returned, Some((main, frame))) = (ending, main) {
            faults.push(Fault::new(Rule::LastInFirstOut, main, None).with(frame));
        }
        self.left = crate::leaks::explain(&self.memory, self.main, ending, faults);
    }
}
