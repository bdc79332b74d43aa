use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The number as an index.
            pub fn index(self) -> usize {
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id! {
    /// A variable, argument, temporary or the return place (`_0`) of a body.
    Local, "_"
}
id! {
    /// A stretch of statements with one way in, numbered from 0 in each body.
    BasicBlock, "bb"
}
id! {
    /// A lexical scope of a body; 0 is the function's own.
    ScopeId, "scope "
}
id! {
    /// A borrow that the borrow checker follows, numbered from 0 in each body.
    LoanId, "bw"
}
id! {
    /// A region (lifetime) that the borrow checker solved for, numbered in each body.
    RegionId, "'?"
}

impl Local {
    /// Where a function leaves what it returns.
    pub const RETURN_PLACE: Local = Local(0);
}

/// A point of a body: a statement, or behind the last statement the block's terminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The block.
    pub block: BasicBlock,
    /// The statement's number in the block, from 0; the number of statements is the terminator.
    pub statement: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.block, self.statement)
    }
}
