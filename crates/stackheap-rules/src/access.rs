//! Whether loans allow what is done with a place.

use crate::loans::{Loan, Loans, Relation};
use crate::memory::{Ascent, AscentEnd, Fault, Memory, Owners};
use crate::{Access, EventIndex, Home, LoanId, LoanKind, Place, Rule, Via};

/// Something done with a place, and the rule that a loan in its way breaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intent {
    pub place: Place,
    pub access: Access,
    pub via: Via,
    pub rule: Rule,
}

impl Intent {
    pub fn read(place: impl Into<Place>, via: Via) -> Self {
        Self {
            place: place.into(),
            access: Access::Read,
            via,
            rule: Rule::SharedXorExclusive,
        }
    }

    pub fn write(place: impl Into<Place>, via: Via) -> Self {
        Self {
            access: Access::Write,
            ..Self::read(place, via)
        }
    }

    /// A change after which the value is not there any more.
    pub fn take(place: impl Into<Place>, via: Via) -> Self {
        Self {
            rule: Rule::LoanInLife,
            ..Self::write(place, via)
        }
    }
}

/// Whether the loans that live allow it. The way from the place outwards is followed to the local it
/// is part of, or to the place of the loan it is reached through; `Ok` says how far.
pub(crate) fn check(memory: &Memory, loans: &Loans, intent: Intent) -> Result<AscentEnd, Fault> {
    let base = match intent.via {
        Via::Raw => return Ok(AscentEnd::Base),
        Via::Owner => None,
        Via::Loan(id) => {
            let loan = live_loan(memory, loans, id)?;
            if !loan.counts() {
                return Ok(AscentEnd::Base);
            }
            Some((id, loan))
        }
    };
    if base.is_none() && loans.is_idle() && intent.access == Access::Read {
        return Ok(AscentEnd::Base);
    }
    let ascent = memory.ascend(intent.place, base.map(|(_, loan)| loan.place));
    if let Some((id, loan)) = base {
        check_base(memory, intent, &ascent, id, loan)?;
    }
    check_shares(memory, intent, &ascent)?;
    check_conflicts(loans, intent, &ascent, base.map(|(_, loan)| loan))?;
    Ok(ascent.end)
}

/// The loan, if it lives and what it lends has been where it was since it began.
pub(crate) fn live_loan<'a>(
    memory: &Memory,
    loans: &'a Loans,
    id: LoanId,
) -> Result<&'a Loan, Fault> {
    let loan = loans.table.find(id).map_err(|ended| match ended {
        None => Fault::new(Rule::WellFormed, id, None),
        Some(at) => Fault::new(Rule::LoanCovers, id, Some(at)),
    })?;
    memory
        .live_place(loan.place)
        .map_err(|fault| fault.with(id))?;
    let block = match loan.place {
        Place::Block(block) => Some(block),
        Place::Slot(slot) => {
            if let Some(again) = memory.slots.get(slot).map(|slot| slot.declared)
                && again > loan.begun
            {
                return Err(Fault::new(Rule::UseInScope, slot, Some(again)).with(id));
            }
            memory.block_around(slot)
        }
    };
    if let Some(block) = block
        && let Some(relocated) = memory.blocks.get(block).and_then(|block| block.relocated)
        && relocated > loan.begun
    {
        return Err(Fault::new(Rule::NoUseAfterFree, block, Some(relocated)).with(id));
    }
    Ok(loan)
}

/// Whether the place is inside of what the loan lends, and the loan allows the access.
fn check_base(
    memory: &Memory,
    intent: Intent,
    ascent: &Ascent,
    id: LoanId,
    loan: &Loan,
) -> Result<(), Fault> {
    // A block that is shared, or has no owner, has no one place around it: that it is reached from
    // elsewhere through this loan is taken as told.
    let covers = match (ascent.end, ascent.places.last()) {
        (AscentEnd::Slot, _) => false,
        (AscentEnd::Block, Some(block)) => {
            memory.ascend(loan.place, Some(*block)).end != AscentEnd::Base
        }
        _ => true,
    };
    if !covers {
        return Err(Fault::new(Rule::LoanCovers, intent.place, Some(loan.begun)).with(id));
    }
    if intent.access == Access::Write && loan.kind == LoanKind::Shared && ascent.cell == 0 {
        return Err(Fault::new(intent.rule.for_shared(), intent.place, Some(loan.begun)).with(id));
    }
    Ok(())
}

impl Rule {
    /// Taking something away through a shared loan is no matter of lives.
    fn for_shared(self) -> Self {
        match self {
            Self::LoanInLife => Self::SharedXorExclusive,
            rule => rule,
        }
    }
}

/// Nothing is changed in a block that has several owners, unless inside of a cell.
fn check_shares(memory: &Memory, intent: Intent, ascent: &Ascent) -> Result<(), Fault> {
    if intent.access == Access::Read || ascent.cell > 0 || ascent.end != AscentEnd::Block {
        return Ok(());
    }
    let Some(Place::Block(id)) = ascent.places.last().copied() else {
        return Ok(());
    };
    let Some(block) = memory.blocks.get(id) else {
        return Ok(());
    };
    match block.owners {
        Owners::Shared(shares) if shares.strong > 1 || (shares.strong == 1 && shares.weak > 0) => {
            let fault = Fault::new(Rule::SharedXorExclusive, intent.place, Some(block.since));
            Err(fault.with(id))
        }
        _ => Ok(()),
    }
}

fn check_conflicts(
    loans: &Loans,
    intent: Intent,
    ascent: &Ascent,
    base: Option<&Loan>,
) -> Result<(), Fault> {
    let refuse = |(loan, since): (LoanId, EventIndex)| {
        Err(Fault::new(intent.rule, intent.place, Some(since)).with(loan))
    };
    let start = EventIndex(0);
    for (level, place) in ascent.places.iter().enumerate() {
        let access = outside_of_cell(intent.access, level, ascent);
        // Loans of the base's own place that are older lent it to the base.
        let from = match base {
            Some(loan) if loan.place == *place => EventIndex(loan.begun.0.saturating_add(1)),
            _ => start,
        };
        if let Some(found) = loans.excluding(*place, Relation::Of, access, from) {
            return refuse(found);
        }
        if level == 0
            && let Some(found) = loans.excluding(*place, Relation::Inside, access, start)
        {
            return refuse(found);
        }
    }
    Ok(())
}

/// To change the inside of a cell is to read what lies around it.
fn outside_of_cell(access: Access, level: usize, ascent: &Ascent) -> Access {
    if ascent.cell > 0 && level >= ascent.cell {
        Access::Read
    } else {
        access
    }
}

/// What a loan means for the places that its place is inside of.
pub(crate) fn around(
    memory: &Memory,
    place: Place,
    kind: LoanKind,
    base: Option<Place>,
) -> Vec<(Place, LoanKind)> {
    let ascent = memory.ascend(place, base);
    let inside = ascent.places.iter().enumerate().skip(1);
    inside
        .map(|(level, place)| {
            let kind = if ascent.cell > 0 && level >= ascent.cell {
                LoanKind::Shared
            } else {
                kind
            };
            (*place, kind)
        })
        .collect()
}

/// Whether a home is one that a slot can be in now.
pub(crate) fn check_home(memory: &Memory, home: Home) -> Result<(), Fault> {
    let ended = |place: crate::Subject, end: Option<EventIndex>| match end {
        None => Fault::new(Rule::WellFormed, place, None),
        Some(at) => Fault::new(Rule::UseInScope, place, Some(at)),
    };
    match home {
        Home::Static => Ok(()),
        Home::Frame(frame) => match memory.frames.find(frame) {
            Ok(_) => Ok(()),
            Err(end) => Err(ended(frame.into(), end)),
        },
        Home::Thread(thread) => match memory.threads.find(thread) {
            Ok(_) => Ok(()),
            Err(end) => Err(ended(thread.into(), end)),
        },
        Home::Block(block) => memory.live_block(block, Rule::NoUseAfterFree).map(|_| ()),
        Home::Part(of) | Home::Cell(of) => memory.live_slot(of).map(|_| ()),
    }
}
