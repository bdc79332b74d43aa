use crate::elaborated::RealDrops;
use crate::events::Collector;
use crate::loan::loans;
use crate::uses::Uses;
use crate::{
    Body, Event, EventKind, Flow, Loan, LoanId, Local, Location, MovePathId, MovePaths, PathState,
    Place, Problem, ProblemKind, Variable,
};

/// How much of a body the facts are made of. What is greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// There are no blocks: variables and their types only.
    DebugInfo,
    /// Control flow is not whole: events, without states.
    WithoutFlow,
    /// There are no loans, since the borrow checker's facts are not there or cannot be read.
    WithoutLoans,
    /// Some statements are of a form that is not known; what they may have changed is unknown.
    ExceptOpaque,
    /// All was understood.
    Full,
}

/// What a body does with its values.
#[derive(Debug)]
pub struct Facts<'b, 't> {
    /// The body that locations and paths are of.
    pub body: &'b Body<'t>,
    /// How much of it the facts are made of.
    pub confidence: Confidence,
    /// Whether the drops are those that the compiler left after elaboration; else they are
    /// concluded from the states.
    pub has_elaborated_drops: bool,
    /// Its move paths.
    pub paths: MovePaths<'t>,
    /// Their states; `None` where control flow is not known.
    pub flow: Option<Flow>,
    /// Its loans, by ascending number.
    pub loans: Vec<Loan<'t>>,
    /// What happens to variables and to temporaries that are dropped, by ascending location.
    pub events: Vec<Event<'t>>,
}

impl<'b, 't> Facts<'b, 't> {
    /// Computes the facts of a function.
    ///
    /// Takes the body that the borrow checker saw and, if there is one, what became of it after
    /// drop elaboration (see [`pair_elaborated`](crate::pair_elaborated)). Where the first is
    /// missing, the second may be given in its place: there are no loans then. Problems have the
    /// line of the body's head.
    pub fn of(body: &'b Body<'t>, elaborated: Option<&Body<'t>>) -> (Self, Vec<Problem>) {
        let line = body.lines.start;
        let mut problems = Vec::new();
        let paths = MovePaths::of(body);
        let flow = if body.flow_is_whole {
            Flow::of(body, &paths)
                .map_err(|problem| problems.push(problem))
                .ok()
        } else {
            None
        };
        let uses = Uses::of(body);
        let (loans, missing) = loans(body, &uses);
        for loan in &missing {
            let text =
                format!("{loan} has no borrow or region that is there, or there are too many");
            problems.push(Problem::new(line, ProblemKind::BorrowHeader(text)));
        }
        let elaborated = elaborated.filter(|_| !body.is_coroutine);
        let drops = elaborated.map(|elaborated| RealDrops::of(body, elaborated));
        let confidence = confidence(body, flow.is_some(), missing.is_empty());
        let collector = Collector::new(body, &paths, &uses, &loans, drops.as_ref());
        let events = collector.collect(flow.as_ref());
        let facts = Facts {
            body,
            confidence,
            has_elaborated_drops: drops.is_some(),
            paths,
            flow,
            loans,
            events,
        };
        (facts, problems)
    }

    /// A loan by its number.
    pub fn loan(&self, id: LoanId) -> Option<&Loan<'t>> {
        let index = self.loans.binary_search_by_key(&id, |loan| loan.id);
        self.loans.get(index.ok()?)
    }

    /// What happens to a local and its parts. Ends of loans are those of loans of it.
    pub fn events_of(&self, local: Local) -> impl Iterator<Item = &Event<'t>> {
        self.events
            .iter()
            .filter(move |event| self.concerns(&event.kind, local))
    }

    fn concerns(&self, kind: &EventKind<'t>, local: Local) -> bool {
        match kind {
            EventKind::StorageLive(other) | EventKind::StorageDead(other) => *other == local,
            EventKind::Assigned { place, .. }
            | EventKind::Moved { place, .. }
            | EventKind::Copied { place, .. }
            | EventKind::Borrowed { place, .. }
            | EventKind::Pointed { place }
            | EventKind::Dropped { place, .. } => place.local == local,
            EventKind::LoanEnds(loan) => self
                .loan(*loan)
                .is_some_and(|loan| loan.place.local == local),
        }
    }

    /// The path of a variable: the whole of a local, or what a closure has captured. `None` for
    /// what is captured by reference, and for what has no place.
    pub fn path_of(&self, variable: &Variable<'t>) -> Option<MovePathId> {
        self.path_of_place(variable.place()?)
    }

    /// The path of a place, if it has one of its own.
    pub fn path_of_place(&self, place: &Place<'t>) -> Option<MovePathId> {
        match self.paths.of_place(self.body, place) {
            crate::PathOf::Exactly(id) => Some(id),
            _ => None,
        }
    }

    /// The state of a path before a location is run; unknown where control flow is.
    pub fn state(&self, location: Location, path: MovePathId) -> PathState {
        match &self.flow {
            Some(flow) => flow.before(self.body, &self.paths, location, path),
            None => PathState::UNKNOWN,
        }
    }

    /// The states of a path's parts, those of its own path first, before a location is run: what is
    /// left of a value that was moved in part.
    pub fn states_of_parts(
        &self,
        location: Location,
        path: MovePathId,
    ) -> Vec<(MovePathId, PathState)> {
        let Some(subtree) = self.paths.get(path).map(|path| path.subtree.clone()) else {
            return Vec::new();
        };
        let ids = subtree.map(MovePathId);
        match &self.flow {
            Some(flow) => {
                let states = flow.all_before(self.body, &self.paths, location);
                let state = |id: MovePathId| states.get(id.index()).copied().unwrap_or_default();
                ids.map(|id| (id, state(id))).collect()
            }
            None => ids.map(|id| (id, PathState::UNKNOWN)).collect(),
        }
    }
}

fn confidence(body: &Body<'_>, has_flow: bool, has_all_loans: bool) -> Confidence {
    if body.blocks.is_empty() {
        Confidence::DebugInfo
    } else if !has_flow {
        Confidence::WithoutFlow
    } else if body.borrows.is_none() || !has_all_loans {
        Confidence::WithoutLoans
    } else if body.opaque > 0 {
        Confidence::ExceptOpaque
    } else {
        Confidence::Full
    }
}
