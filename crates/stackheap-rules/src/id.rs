use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $word:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($word, " {}"), self.0)
            }
        }
    };
}

id! {
    /// A thread. A number names one thread for good.
    ThreadId(u32), "thread"
}
id! {
    /// One call in progress. A number names one call for good.
    FrameId(u64), "frame"
}
id! {
    /// A place that can hold a value: a local, a temporary, a static, a field, an element. When its
    /// storage has ended, the number may be used for another one.
    SlotId(u64), "slot"
}
id! {
    /// One allocation from its `Alloc` to its `Free`. A number names one block for good, also where
    /// an address is used again.
    BlockId(u64), "block"
}
id! {
    /// One borrow. A number names one loan for good.
    LoanId(u64), "loan"
}
id! {
    /// Which event, counted from 0 in the order in which they were applied.
    EventIndex(u64), "event"
}

/// Memory that can hold a value: what is used and borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A slot, with its parts.
    Slot(SlotId),
    /// The whole content of a block.
    Block(BlockId),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(slot) => slot.fmt(f),
            Self::Block(block) => block.fmt(f),
        }
    }
}

impl From<SlotId> for Place {
    fn from(slot: SlotId) -> Self {
        Self::Slot(slot)
    }
}

impl From<BlockId> for Place {
    fn from(block: BlockId) -> Self {
        Self::Block(block)
    }
}

/// How a place is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// By its owner's name: `x`, `x.field`, `*boxed`.
    Owner,
    /// Through a reference.
    Loan(LoanId),
    /// Through a raw pointer: outside of the rules about loans. That the memory is still there is
    /// checked nevertheless.
    Raw,
}

impl From<LoanId> for Via {
    fn from(loan: LoanId) -> Self {
        Self::Loan(loan)
    }
}

/// A slot and how it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// The slot.
    pub slot: SlotId,
    /// How it is reached.
    pub via: Via,
}

impl From<SlotId> for Path {
    fn from(slot: SlotId) -> Self {
        Self {
            slot,
            via: Via::Owner,
        }
    }
}

impl SlotId {
    /// The slot, reached through a loan or a raw pointer instead of by its owner's name.
    pub fn via(self, via: impl Into<Via>) -> Path {
        Path {
            slot: self,
            via: via.into(),
        }
    }
}
