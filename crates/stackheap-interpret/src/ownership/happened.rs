//! What a call did with its values on the way from one stop to another.

use std::sync::Arc;

use stackheap_mir::{
    Body, BorrowKind, Certainty, Destination, Event, EventKind, Loan, LoanId, Local, Location,
    MovePathId, MovePaths, PathOf, PathState, Place, Projection, VariableValue,
};
use stackheap_model::{
    EventKind as Told, FrameId, LocalLoan, MoveTarget, PlaceRef, Position, TextPosition,
};

/// An event of the compiler's text that concerns a variable which the reader can name.
#[derive(Debug)]
pub(crate) struct Known<'t> {
    pub location: Location,
    what: What<'t>,
    /// The variable, by its index in the function.
    variable: usize,
    /// The part of it, as fields, with its size in bytes where that is known.
    path: Arc<str>,
    bytes: Option<u64>,
    pub at: Option<TextPosition>,
}

#[derive(Debug)]
enum What<'t> {
    Moved(Target<'t>),
    Copied(Target<'t>),
    Borrowed(LoanId),
    LoanEnds(LoanId),
    Dropped(Place<'t>),
}

/// Where a value goes.
#[derive(Debug)]
enum Target<'t> {
    Variable(usize),
    PartOf(usize),
    Made(&'t str),
    Call(&'t str, usize),
    Caller,
    Elsewhere,
}

/// The locals that are variables: for each, the index of the variable.
pub(crate) struct Named<'a> {
    pub variables: &'a [(Local, usize)],
}

impl Named<'_> {
    fn of(&self, local: Local) -> Option<usize> {
        let found = self.variables.iter().find(|(named, _)| *named == local);
        found.map(|&(_, index)| index)
    }
}

/// The event, if a reader can name what it is about.
pub(crate) fn known<'t>(
    event: &Event<'t>,
    loans: &[Loan<'t>],
    named: &Named<'_>,
    position: impl Fn(stackheap_mir::Span<'t>) -> Option<TextPosition>,
    part: impl Fn(usize, &Place<'t>) -> Option<(String, u64)>,
) -> Option<Known<'t>> {
    let (what, place) = match &event.kind {
        EventKind::Moved {
            place, destination, ..
        } => (What::Moved(target(destination, named)), place),
        EventKind::Copied { place, destination } => {
            let target = target(destination, named);
            // Reading a number for a computation is no copy that a reader would look for.
            if matches!(target, Target::Elsewhere) {
                return None;
            }
            (What::Copied(target), place)
        }
        EventKind::Borrowed {
            place,
            loan: Some(loan),
            kind,
        } if *kind != BorrowKind::Fake => (What::Borrowed(*loan), place),
        EventKind::LoanEnds(id) => {
            let loan = loans.iter().find(|loan| loan.id == *id)?;
            (What::LoanEnds(*id), &loan.place)
        }
        EventKind::Dropped { place, .. } => (What::Dropped(place.clone()), place),
        _ => return None,
    };
    let variable = named.of(place.local)?;
    let (path, bytes) = match part(variable, place) {
        Some((path, bytes)) => (path.into(), (bytes > 0).then_some(bytes)),
        None => (path_of(place), None),
    };
    Some(Known {
        location: event.location,
        what,
        variable,
        path,
        bytes,
        at: event.span.and_then(position),
    })
}

fn target<'t>(destination: &Destination<'t>, named: &Named<'_>) -> Target<'t> {
    match destination {
        Destination::Place(place) if place.local == Local::RETURN_PLACE => Target::Caller,
        Destination::Place(place) => match named.of(place.local) {
            Some(index) if place.projection.is_empty() => Target::Variable(index),
            Some(index) => Target::PartOf(index),
            None => Target::Elsewhere,
        },
        Destination::Part { aggregate, of, .. } => match named.of(of.local) {
            Some(index) => Target::PartOf(index),
            None if aggregate.starts_with(['(', '[']) => Target::Elsewhere,
            None => Target::Made(aggregate),
        },
        Destination::Argument { callee, index, .. } => Target::Call(callee, *index),
        _ => Target::Elsewhere,
    }
}

/// The fields from a variable to a part of it, by their numbers; `*` for what is behind a pointer.
fn path_of(place: &Place<'_>) -> Arc<str> {
    let mut path = String::new();
    for projection in &place.projection {
        match projection {
            Projection::Deref => path.insert(0, '*'),
            Projection::Field(index, _) => {
                if !path.is_empty() && !path.ends_with('*') {
                    path.push('.');
                }
                path.push_str(&index.to_string());
            }
            Projection::Index(_) | Projection::ConstantIndex { .. } | Projection::Subslice(_) => {
                path.push_str("[..]");
            }
            Projection::Downcast(_) | Projection::Cast(_) => {}
        }
    }
    path.into()
}

/// The locals that are whole variables, with the index of each in the function.
pub(crate) fn whole_locals(
    body: &Body<'_>,
    paths: &MovePaths<'_>,
    tracked: &[Vec<MovePathId>],
) -> Vec<(Local, usize)> {
    let mut locals = Vec::new();
    for (index, ids) in tracked.iter().enumerate() {
        for path in ids.iter().filter_map(|&id| paths.get(id)) {
            let is_whole = body.variables_of(path.local).any(|variable| {
                matches!(&variable.value, VariableValue::Place(place) if place.projection.is_empty())
            });
            if is_whole && !locals.iter().any(|&(local, _)| local == path.local) {
                locals.push((path.local, index));
            }
        }
    }
    locals
}

/// A loan as it is told, with what it is of.
#[derive(Debug)]
pub(crate) struct ToldLoan {
    pub id: LoanId,
    /// Its place in the row of the body's loans.
    pub index: usize,
    pub of: Local,
    pub told: LocalLoan,
}

/// The loans of variables that a reader can name.
pub(crate) fn told_loans(
    body: &Body<'_>,
    loans: &[Loan<'_>],
    variables: &[(Local, usize)],
    names: &[Arc<str>],
    position: impl Fn(stackheap_mir::Span<'_>, stackheap_mir::Position) -> Option<Position>,
) -> Vec<ToldLoan> {
    let index_of = |local: Local| {
        let found = variables.iter().find(|&&(named, _)| named == local);
        found.map(|&(_, index)| index)
    };
    let told = loans.iter().enumerate().filter_map(|(index, loan)| {
        let of = loan.place.local;
        index_of(of)?;
        if loan.kind == BorrowKind::Fake {
            return None;
        }
        let mut holders = loan.holders.iter().filter_map(|&local| index_of(local));
        let end_of = |location: &Location| {
            let span = body.source(*location)?.span?;
            position(span, span.end)
        };
        let ends = loan.ends.iter().filter_map(end_of);
        let told = LocalLoan {
            mutable: loan.kind == BorrowKind::Mutable,
            path: path_of(&loan.place),
            holder: holders.next().and_then(|index| names.get(index).cloned()),
            since: loan.span.and_then(|span| position(span, span.start)),
            until: ends.max_by_key(|at| (at.line, at.column)),
            escapes: loan.escapes,
        };
        Some(ToldLoan {
            id: loan.id,
            index,
            of,
            told,
        })
    });
    told.collect()
}

/// What is needed to tell an event.
pub(crate) struct Telling<'a, 't> {
    pub frame: FrameId,
    pub body: &'a Body<'t>,
    pub paths: &'a MovePaths<'t>,
    pub loans: &'a [ToldLoan],
    /// Of the function's variables, by their indices: names, and sizes in bytes.
    pub names: &'a [Arc<str>],
    pub sizes: &'a [Option<u64>],
}

impl Telling<'_, '_> {
    /// The event as it is told, with where it happened; `None` if it did not happen in these states.
    pub(crate) fn tell(&self, known: &Known<'_>, states: &[PathState]) -> Option<Told> {
        let local = self.local(known.variable)?;
        let path = Arc::clone(&known.path);
        let bytes = match path.is_empty() {
            true => self.sizes.get(known.variable).copied().flatten(),
            false => known.bytes,
        };
        Some(match &known.what {
            What::Moved(target) => Told::Move {
                from: local,
                path,
                to: self.target(target)?,
                bytes,
            },
            What::Copied(target) => Told::Copy {
                from: local,
                path,
                to: self.target(target)?,
                bytes,
            },
            // A shared borrow that no variable holds is a look at the value and no more.
            What::Borrowed(id) => Told::Borrow {
                of: local,
                loan: self
                    .loan(*id)
                    .filter(|loan| loan.mutable || loan.holder.is_some())?,
            },
            What::LoanEnds(id) => Told::BorrowEnd {
                of: local,
                loan: self.loan(*id).filter(|loan| loan.holder.is_some())?,
            },
            What::Dropped(place) => {
                if !self.has_value(place, states) {
                    return None;
                }
                Told::Drop { local, path }
            }
        })
    }

    /// Whether a place, or a part of it, certainly has a value.
    fn has_value(&self, place: &Place<'_>, states: &[PathState]) -> bool {
        let PathOf::Exactly(id) = self.paths.of_place(self.body, place) else {
            return false;
        };
        let subtree = self.paths.get(id).map(|path| path.subtree.clone());
        let mut states = subtree.into_iter().flatten().filter_map(|number| {
            let state = states.get(MovePathId(number).index())?;
            Some(state.is_initialized())
        });
        states.any(|state| state == Certainty::Definitely)
    }

    fn local(&self, variable: usize) -> Option<PlaceRef> {
        let local = self.names.get(variable)?;
        Some(PlaceRef::Local {
            frame: self.frame,
            local: Arc::clone(local),
        })
    }

    fn loan(&self, id: LoanId) -> Option<LocalLoan> {
        let found = self.loans.iter().find(|loan| loan.id == id);
        found.map(|loan| loan.told.clone())
    }

    fn target(&self, target: &Target<'_>) -> Option<MoveTarget> {
        Some(match target {
            Target::Variable(index) => MoveTarget::Local(self.local(*index)?),
            Target::PartOf(index) => MoveTarget::PartOf(self.local(*index)?),
            Target::Made(name) => MoveTarget::Made(Arc::from(*name)),
            Target::Call(function, argument) => MoveTarget::Call {
                function: Arc::from(*function),
                argument: u32::try_from(*argument).ok()?.saturating_add(1),
            },
            Target::Caller => MoveTarget::Caller,
            Target::Elsewhere => MoveTarget::Elsewhere,
        })
    }
}
