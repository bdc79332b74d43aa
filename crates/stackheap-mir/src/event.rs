use crate::{BorrowKind, LoanId, Local, Location, MovePathId, PathState, Place, Span};

/// Something that happens to a value at a point of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'t> {
    /// What.
    pub kind: EventKind<'t>,
    /// The point of the body that was given: the one that the borrow checker saw, if there is one.
    pub location: Location,
    /// Its source. Of a call the whole of it; see [`Terminator`](crate::Terminator) for the span
    /// that a line table has.
    pub span: Option<Span<'t>>,
    /// Whether it happens only while a panic is on its way.
    pub is_cleanup: bool,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind<'t> {
    /// The memory of a local is in use from here.
    StorageLive(Local),
    /// The memory of a local is free from here.
    StorageDead(Local),
    /// A place gets a value.
    Assigned {
        /// The place.
        place: Place<'t>,
        /// What its path was before: where it had a value, that is overwritten (and was dropped
        /// before, if it needs dropping). Unknown for what is behind a pointer.
        before: PathState,
        /// What the value is made of.
        origin: Origin<'t>,
    },
    /// The value of a place goes elsewhere. Arguments of calls are moved into temporaries first:
    /// the event is that of the variable.
    Moved {
        /// The place: a whole variable, or the part of it that is moved.
        place: Place<'t>,
        /// Its path.
        path: Option<MovePathId>,
        /// Where it goes, behind the temporaries on the way.
        destination: Destination<'t>,
    },
    /// The value of a variable is copied.
    Copied {
        /// The place.
        place: Place<'t>,
        /// Where the copy goes, behind the temporaries on the way.
        destination: Destination<'t>,
    },
    /// A reference is made.
    Borrowed {
        /// What is borrowed.
        place: Place<'t>,
        /// How.
        kind: BorrowKind,
        /// The loan; `None` where the borrow checker follows none or its facts are not there.
        loan: Option<LoanId>,
    },
    /// A raw pointer is made.
    Pointed {
        /// To what.
        place: Place<'t>,
    },
    /// The last use of a loan, on one of the ways that control flow takes; it ends behind.
    LoanEnds(LoanId),
    /// The end of the life of a value, or of what is left of it.
    Dropped {
        /// What is dropped.
        place: Place<'t>,
        /// Its path.
        path: Option<MovePathId>,
        /// Whether it is.
        done: DropDone<'t>,
    },
}

/// Whether a drop that stands at the end of a scope is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropDone<'t> {
    /// Whenever control flow comes there.
    Always,
    /// Never: the value was moved away on every way there.
    Never,
    /// It depends on the way that control flow came.
    Conditional(DropCondition),
    /// Only the memory of a `Box` is freed, since its content was moved out; on the
    /// condition, if there is one. Without the elaborated body this is told as [`DropDone::Parts`].
    Memory(Option<DropCondition>),
    /// Of these parts only, each on its condition, if there is one. None are named where the
    /// elaborated body is not known: what was not moved is dropped. A whole `Box` beside its content
    /// stands for its memory.
    Parts(Vec<(Place<'t>, Option<DropCondition>)>),
    /// Not known, since control flow is not.
    Unknown,
}

/// What decides at run time whether a drop is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropCondition {
    /// A drop flag: a local of the elaborated body that remembers whether there is a value.
    Flag(Local),
    /// The variant of the enum that is dropped: of some, the fields were moved away.
    Variant,
    /// The way that control flow came; the elaborated body, which has the flag, is not known.
    Way,
}

/// Where a moved or copied value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination<'t> {
    /// Into a place.
    Place(Place<'t>),
    /// Into a structure, tuple, array or closure.
    Part {
        /// What is made, as its path; `(` for a tuple, `[` for an array.
        aggregate: &'t str,
        /// Which of its fields, from 0.
        index: usize,
        /// The place it is made in.
        of: Place<'t>,
    },
    /// Into a call.
    Argument {
        /// What is called.
        callee: &'t str,
        /// Which argument, from 0.
        index: usize,
        /// The call.
        location: Location,
    },
    /// Out of a coroutine that stops here.
    Yield,
    /// Into a computation, or what is not known.
    Other,
}

/// What the value of an assignment is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'t> {
    /// A call returned it; with what was called.
    Call(&'t str),
    /// A value of another place, moved.
    Moved,
    /// A copy of another place's value.
    Copied,
    /// A constant, with its text.
    Constant(&'t str),
    /// A reference or pointer that was just made.
    Borrowed,
    /// A structure, tuple, array, variant or closure, with its path.
    Aggregate(&'t str),
    /// What a coroutine was resumed with.
    Resumed,
    /// A computation, or what is not known.
    Computed,
}
