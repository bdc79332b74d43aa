//! What a recording is asked to hold, and its bounds.

use stackheap_model::SiteId;

use crate::capture::Budget;

/// A moment: the `nth` passing of one of these sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The sites.
    pub sites: Vec<SiteId>,
    /// Which passing of them, from 1.
    pub nth: u64,
}

/// Whether program and recorder share a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Both on one processor, which makes a stop several times cheaper. The program is shown the
    /// processors it would see otherwise, and its children get them.
    #[default]
    OneProcessor,
    /// Wherever the system puts them.
    Free,
}

/// Whether threads run side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// As without a recorder.
    #[default]
    SideBySide,
    /// One thread of user code at a time, so that what is read of several threads belongs to one
    /// moment.
    Serialized,
}

/// Whether bytes of memory are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepValues {
    /// They are.
    #[default]
    Yes,
    /// Only addresses, sizes and the order of events.
    No,
}

/// Bounds and wishes of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOptions {
    /// What is read at a stop.
    pub budget: Budget,
    /// After this many stops the program runs on unobserved.
    pub max_stops: Option<u64>,
    /// At this size of the file, in bytes, too.
    pub max_bytes: Option<u64>,
    /// After this many passings a site is no longer stopped at.
    pub throttle: Option<u64>,
    /// Recording begins here instead of at the start.
    pub from: Option<Trigger>,
    /// Recording ends here instead of at the end.
    pub until: Option<Trigger>,
    /// Where program and recorder run.
    pub placement: Placement,
    /// How threads run.
    pub threads: Threads,
    /// Whether bytes are kept.
    pub values: KeepValues,
}

impl RecordOptions {
    /// Stops at most, unless asked otherwise.
    pub const DEFAULT_MAX_STOPS: u64 = 1_000_000;
    /// Bytes of file at most, unless asked otherwise.
    pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;
    /// Passings of one site at most, unless asked otherwise.
    pub const DEFAULT_THROTTLE: u64 = 10_000;
}

impl Default for RecordOptions {
    fn default() -> Self {
        Self {
            budget: Budget::default(),
            max_stops: Some(Self::DEFAULT_MAX_STOPS),
            max_bytes: Some(Self::DEFAULT_MAX_BYTES),
            throttle: Some(Self::DEFAULT_THROTTLE),
            from: None,
            until: None,
            placement: Placement::default(),
            threads: Threads::default(),
            values: KeepValues::default(),
        }
    }
}
