//! Loans that begin and end, and what is done through them.

use crate::access::{self, Intent};
use crate::loans::Loan;
use crate::memory::Fault;
use crate::{Access, Checker, LoanId, LoanKind, Place, Rule, Via};

impl Checker {
    pub(crate) fn borrow(
        &mut self,
        id: LoanId,
        place: Place,
        kind: LoanKind,
        via: Via,
    ) -> Result<(), Fault> {
        if self.loans.table.knows(id) {
            return Err(Fault::new(Rule::WellFormed, id, None));
        }
        let from = match via {
            Via::Loan(from) => Some(from),
            Via::Owner | Via::Raw => None,
        };
        let loan = Loan::new(place, kind, self.now, from);
        let intent = match kind {
            LoanKind::Shared => Intent::read(place, via),
            LoanKind::Exclusive => Intent::write(place, via),
        };
        let memory = match via {
            Via::Raw => self.memory.live_place(place),
            Via::Owner | Via::Loan(_) => self.memory.whole(place),
        };
        let outcome = memory.and_then(|()| self.allow(intent));
        let base = from.and_then(|from| self.loans.table.get(from));
        let counts = match via {
            Via::Raw => false,
            Via::Owner => true,
            Via::Loan(_) => base.is_some_and(Loan::counts),
        };
        if outcome.is_ok() && counts {
            let base = base.map(|base| base.place);
            let around = access::around(&self.memory, place, kind, base);
            self.loans.begin(id, loan, &around);
        } else {
            self.loans.begin_uncounted(id, loan);
        }
        outcome
    }

    pub(crate) fn borrow_end(&mut self, id: LoanId) -> Result<(), Fault> {
        let loan = self.loans.table.find(id).map_err(|ended| match ended {
            None => Fault::new(Rule::WellFormed, id, None),
            Some(at) => Fault::new(Rule::LoanCovers, id, Some(at)),
        })?;
        let child = loan.children.first().copied();
        let since = loan.begun;
        self.loans.end(id, self.now);
        match child {
            Some(child) => Err(Fault::new(Rule::LoanInLife, id, Some(since)).with(child)),
            None => Ok(()),
        }
    }

    pub(crate) fn r#use(&mut self, place: Place, access: Access, via: Via) -> Result<(), Fault> {
        if let Via::Loan(loan) = via {
            // A stale reference is told as such, whatever the place holds now.
            access::live_loan(&self.memory, &self.loans, loan)?;
        }
        match via {
            Via::Raw => return self.memory.live_place(place),
            Via::Owner | Via::Loan(_) => self.memory.whole(place)?,
        }
        self.allow(match access {
            Access::Read => Intent::read(place, via),
            Access::Write => Intent::write(place, via),
        })
    }
}
