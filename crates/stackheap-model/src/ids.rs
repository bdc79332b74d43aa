use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// One heap allocation from its allocation to its free, numbered from 1 in the order of
    /// allocation. An address used again is a new block.
    BlockId(u64)
}
id! {
    /// One call in progress, numbered from 1; unique in a recording.
    FrameId(u64)
}
id! {
    /// A thread, numbered from 1 in the order in which the threads started.
    ThreadId(u32)
}
id! {
    /// What a reader calls one step, numbered from 1.
    StepNumber(u64)
}
id! {
    /// One passing of a site by a thread, numbered from 1; stops have one global order.
    StopNumber(u64)
}
id! {
    /// An index into [`SiteTable::sites`](crate::SiteTable::sites).
    SiteId(u32)
}
id! {
    /// An index into [`SiteTable::statements`](crate::SiteTable::statements).
    StatementId(u32)
}
id! {
    /// An index into [`SiteTable::functions`](crate::SiteTable::functions).
    FunctionId(u32)
}
id! {
    /// An index into [`SiteTable::files`](crate::SiteTable::files).
    FileId(u32)
}
id! {
    /// A type of an image, valid together with the image it came from.
    TypeId(u32)
}
