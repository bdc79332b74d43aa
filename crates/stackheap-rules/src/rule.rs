use std::fmt;

use crate::{EventIndex, FrameId, LoanId, Place, ThreadId};

/// What must hold. Each is what the compiler, the allocator or the machine sees to in a program
/// without `unsafe` and without foreign code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Events speak of what is there; a number names one thing; nothing follows the program's end.
    WellFormed,
    /// The call that began last returns first, and a thread ends with none.
    LastInFirstOut,
    /// The frames of a thread fit into its stack.
    StackLimit,
    /// A call returns on the stack it was made on.
    StackPerThread,
    /// No slot is used, or lies, where storage has ended.
    UseInScope,
    /// A value has a value only after it was initialised.
    InitBeforeUse,
    /// A block has one unique owner, or only shares.
    OneOwner,
    /// A block lives as long as it has an owner, and has no new one after its last.
    LivesByOwner,
    /// The counts of a shared block are the number of its owners.
    SharesCounted,
    /// Many shared loans or one exclusive loan, and no change beside a loan.
    SharedXorExclusive,
    /// A loan ends before its place is moved, dropped or freed, and before the loan it came from.
    LoanInLife,
    /// A loan gives access while it lives, and to what it lends.
    LoanCovers,
    /// A block is at most `isize::MAX` bytes.
    BlockLimit,
    /// A moved value is not used.
    NoUseAfterMove,
    /// A dropped value is not used.
    NoUseAfterDrop,
    /// A freed or moved block is not used where it was.
    NoUseAfterFree,
    /// A value is dropped once.
    DropOnce,
    /// A block is freed once.
    FreeOnce,
    /// What is never freed has a reason.
    NoLeakWithoutReason,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 19] = [
        Self::WellFormed,
        Self::LastInFirstOut,
        Self::StackLimit,
        Self::StackPerThread,
        Self::UseInScope,
        Self::InitBeforeUse,
        Self::OneOwner,
        Self::LivesByOwner,
        Self::SharesCounted,
        Self::SharedXorExclusive,
        Self::LoanInLife,
        Self::LoanCovers,
        Self::BlockLimit,
        Self::NoUseAfterMove,
        Self::NoUseAfterDrop,
        Self::NoUseAfterFree,
        Self::DropOnce,
        Self::FreeOnce,
        Self::NoLeakWithoutReason,
    ];

    /// The claim about stack and heap in Rust that the rule makes precise, as stackheap numbers
    /// them: `S` for the stack, `H` for the heap, `C` for what is checked. `None` where the rule is
    /// about events and not about Rust.
    pub fn claim(self) -> Option<&'static str> {
        Some(match self {
            Self::WellFormed => return None,
            Self::LastInFirstOut => "S2",
            Self::UseInScope => "S4",
            Self::StackLimit => "S6",
            Self::StackPerThread => "S7",
            Self::OneOwner => "S10",
            Self::LivesByOwner | Self::LoanInLife => "H3",
            Self::BlockLimit => "H4",
            Self::SharesCounted | Self::SharedXorExclusive => "H6",
            Self::NoUseAfterMove => "H7",
            Self::NoLeakWithoutReason => "H8",
            Self::InitBeforeUse | Self::LoanCovers => "C1",
            Self::NoUseAfterDrop | Self::NoUseAfterFree | Self::DropOnce | Self::FreeOnce => "C3",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WellFormed => "events speak of what is there",
            Self::LastInFirstOut => "the last call returns first",
            Self::StackLimit => "frames fit into the stack",
            Self::StackPerThread => "each thread has its own stack",
            Self::UseInScope => "a slot is used within its scope",
            Self::InitBeforeUse => "a slot is initialised before use",
            Self::OneOwner => "a value has one owner, or shares",
            Self::LivesByOwner => "a block lives as long as its owner",
            Self::SharesCounted => "counts are the number of owners",
            Self::SharedXorExclusive => "loans are shared or exclusive",
            Self::LoanInLife => "a loan ends before its place does",
            Self::LoanCovers => "a loan gives access to its place while it lives",
            Self::BlockLimit => "a block is at most isize::MAX bytes",
            Self::NoUseAfterMove => "a moved value is not used",
            Self::NoUseAfterDrop => "a dropped value is not used",
            Self::NoUseAfterFree => "freed memory is not used",
            Self::DropOnce => "a value is dropped once",
            Self::FreeOnce => "a block is freed once",
            Self::NoLeakWithoutReason => "what is not freed has a reason",
        })
    }
}

/// What a violation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A thread.
    Thread(ThreadId),
    /// A call.
    Frame(FrameId),
    /// A slot or a block.
    Place(Place),
    /// A loan.
    Loan(LoanId),
    /// The program as a whole.
    Program,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thread(thread) => thread.fmt(f),
            Self::Frame(frame) => frame.fmt(f),
            Self::Place(place) => place.fmt(f),
            Self::Loan(loan) => loan.fmt(f),
            Self::Program => f.write_str("the program"),
        }
    }
}

macro_rules! subject {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Subject {
            fn from(what: $from) -> Self {
                Self::$variant(what.into())
            }
        })*
    };
}

subject! {
    ThreadId => Thread,
    FrameId => Frame,
    crate::SlotId => Place,
    crate::BlockId => Place,
    Place => Place,
    LoanId => Loan,
}

/// An event that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The event.
    pub event: EventIndex,
    /// Where.
    pub place: Subject,
    /// The other one, where two are in each other's way: the loan, the owner.
    pub other: Option<Subject>,
    /// The earlier event that made this one wrong: the free, the move, the borrow.
    pub since: Option<EventIndex>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}", self.event, self.place, self.rule)?;
        if let Some(claim) = self.rule.claim() {
            write!(f, " ({claim})")?;
        }
        match (self.other, self.since) {
            (Some(other), Some(since)) => write!(f, "; broken with {other} since {since}"),
            (Some(other), None) => write!(f, "; broken with {other}"),
            (None, Some(since)) => write!(f, "; broken since {since}"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for Violation {}
