//! What happened between two states.

use std::sync::Arc;

use crate::{BlockId, FrameId, Position, RuntimeAddress, StepNumber, ThreadId};

/// Where output went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// What the test harness captured instead of printing it.
    Captured,
}

/// A local or block an event speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceRef {
    /// A local of a frame.
    Local {
        /// The frame.
        frame: FrameId,
        /// The local.
        local: Arc<str>,
    },
    /// A block.
    Block {
        /// The block.
        block: BlockId,
    },
}

/// What happened, as data; `stackheap-explain` puts it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A function of user code was called.
    Call {
        /// The new frame.
        frame: FrameId,
        /// The function.
        function: Arc<str>,
        /// Size of the frame in bytes.
        bytes: u64,
    },
    /// A function of user code returned.
    Return {
        /// The frame that is gone.
        frame: FrameId,
        /// The function.
        function: Arc<str>,
    },
    /// A local came into scope with a value.
    Init {
        /// The local.
        local: PlaceRef,
        /// Size in bytes.
        bytes: u64,
        /// The value as text, where known.
        value: Option<Arc<str>>,
    },
    /// The bytes of a local changed.
    Assign {
        /// The local.
        local: PlaceRef,
        /// How many bytes it has.
        bytes: u64,
        /// The value before, where known.
        before: Option<Arc<str>>,
        /// The value after, where known.
        after: Option<Arc<str>>,
    },
    /// A block was allocated.
    Alloc {
        /// The block.
        block: BlockId,
        /// Its address.
        address: RuntimeAddress,
        /// Its size in bytes.
        bytes: u64,
        /// Its alignment, where the mechanism sees it.
        align: Option<u64>,
    },
    /// A block was reallocated.
    Realloc {
        /// The block.
        block: BlockId,
        /// Where it was.
        old_address: RuntimeAddress,
        /// Where it is.
        address: RuntimeAddress,
        /// Its size before, in bytes.
        old_bytes: u64,
        /// Its size now, in bytes.
        bytes: u64,
    },
    /// A block was freed.
    Free {
        /// The block.
        block: BlockId,
        /// Where it was.
        address: RuntimeAddress,
        /// Its size in bytes.
        bytes: u64,
    },
    /// Reference counts of a block changed.
    Count {
        /// The block.
        block: BlockId,
        /// Strong and weak before.
        before: (u64, u64),
        /// Strong and weak after.
        after: (u64, u64),
    },
    /// The program wrote something.
    Output {
        /// Where to.
        stream: OutputStream,
        /// The bytes, as text.
        text: Arc<str>,
    },
    /// A panic began to unwind the thread.
    Unwind,
    /// A signal was delivered.
    Signal {
        /// Its number.
        number: i32,
        /// Its name, `SIGSEGV`.
        name: Arc<str>,
    },
    /// A thread started.
    ThreadStart {
        /// The thread.
        thread: ThreadId,
    },
    /// A thread ended.
    ThreadEnd {
        /// The thread.
        thread: ThreadId,
    },
    /// Something the recording left out from here on, in words: a limit that was reached.
    Limit {
        /// What was left out and why.
        what: Arc<str>,
    },
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// In which step; `None` before the first.
    pub step: Option<StepNumber>,
    /// In which thread.
    pub thread: ThreadId,
    /// Where.
    pub at: Option<Position>,
}
