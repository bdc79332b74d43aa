//! Which loans live, and where they are in the way of others.

use std::collections::BTreeSet;

use crate::table::Table;
use crate::{Access, EventIndex, LoanId, LoanKind, Place};

/// A borrow.
#[derive(Clone, Debug)]
pub(crate) struct Loan {
    pub place: Place,
    pub kind: LoanKind,
    pub begun: EventIndex,
    pub from: Option<LoanId>,
    /// The loans that were taken through it and live.
    pub children: BTreeSet<LoanId>,
    /// Its marks; none where it counts for nothing, as it was refused or came from a raw pointer.
    marks: Vec<Mark>,
}

impl Loan {
    pub fn new(place: Place, kind: LoanKind, begun: EventIndex, from: Option<LoanId>) -> Self {
        Self {
            place,
            kind,
            begun,
            from,
            children: BTreeSet::new(),
            marks: Vec::new(),
        }
    }

    pub fn counts(&self) -> bool {
        !self.marks.is_empty()
    }
}

/// Whether a loan is of the place, or of something inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Relation {
    Of,
    Inside,
}

/// That a place, or something inside of it, is lent. Sorted by place, so that the loans in the way
/// of an access are a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    place: Place,
    relation: Relation,
    kind: LoanKind,
    begun: EventIndex,
    loan: LoanId,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Loans {
    pub table: Table<LoanId, Loan, EventIndex>,
    marks: BTreeSet<Mark>,
}

impl Loans {
    /// Whether no loan is in anybody's way.
    pub fn is_idle(&self) -> bool {
        self.marks.is_empty()
    }

    /// Begins a loan that excludes others. `around` are the places its place is inside of, each with
    /// what the loan means for it.
    pub fn begin(&mut self, id: LoanId, mut loan: Loan, around: &[(Place, LoanKind)]) {
        let mark = |place, relation, kind| Mark {
            place,
            relation,
            kind,
            begun: loan.begun,
            loan: id,
        };
        let mut marks = vec![mark(loan.place, Relation::Of, loan.kind)];
        marks.extend(
            around
                .iter()
                .map(|(place, kind)| mark(*place, Relation::Inside, *kind)),
        );
        self.marks.extend(&marks);
        loan.marks = marks;
        self.begin_uncounted(id, loan);
    }

    /// Begins a loan that is in nobody's way.
    pub fn begin_uncounted(&mut self, id: LoanId, loan: Loan) {
        if let Some(from) = loan.from.and_then(|from| self.table.get_mut(from)) {
            from.children.insert(id);
        }
        self.table.begin(id, loan);
    }

    pub fn end(&mut self, id: LoanId, now: EventIndex) {
        let Some(loan) = self.table.end(id, now) else {
            return;
        };
        for mark in &loan.marks {
            self.marks.remove(mark);
        }
        if let Some(from) = loan.from.and_then(|from| self.table.get_mut(from)) {
            from.children.remove(&id);
        }
    }

    /// The first loan with this relation to the place, begun at `from` or later, that excludes the
    /// access.
    pub fn excluding(
        &self,
        place: Place,
        relation: Relation,
        access: Access,
        from: EventIndex,
    ) -> Option<(LoanId, EventIndex)> {
        let first = |kind| {
            let bound = |begun, loan| Mark {
                place,
                relation,
                kind,
                begun,
                loan,
            };
            let low = bound(from, LoanId(0));
            let high = bound(EventIndex(u64::MAX), LoanId(u64::MAX));
            let mark = self.marks.range(low..=high).next()?;
            Some((mark.begun, mark.loan))
        };
        let exclusive = first(LoanKind::Exclusive);
        let shared = match access {
            Access::Read => None,
            Access::Write => first(LoanKind::Shared),
        };
        let (begun, loan) = exclusive.into_iter().chain(shared).min()?;
        Some((loan, begun))
    }

    /// The first loan of a place, or else of something inside of it, that excludes the access.
    pub fn excluding_inside(&self, place: Place, access: Access) -> Option<(LoanId, EventIndex)> {
        let start = EventIndex(0);
        self.excluding(place, Relation::Of, access, start)
            .or_else(|| self.excluding(place, Relation::Inside, access, start))
    }

    /// The first loan of a place, or else of something inside of it.
    pub fn any(&self, place: Place) -> Option<(LoanId, EventIndex)> {
        self.excluding_inside(place, Access::Write)
    }

    /// Forgets what is lent of a place that is no more.
    pub fn clear(&mut self, place: Place) {
        let mark = |relation, kind, limit: u64| Mark {
            place,
            relation,
            kind,
            begun: EventIndex(limit),
            loan: LoanId(limit),
        };
        let low = mark(Relation::Of, LoanKind::Shared, 0);
        let high = mark(Relation::Inside, LoanKind::Exclusive, u64::MAX);
        while let Some(first) = self.marks.range(low..=high).next().copied() {
            self.marks.remove(&first);
        }
    }
}
