//! What happened between two states.

use std::sync::Arc;

use crate::{BlockId, FrameId, LocalLoan, Position, RuntimeAddress, StepNumber, ThreadId};

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

/// Where a moved or copied value went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveTarget {
    /// Into a local.
    Local(PlaceRef),
    /// Into a part of a local: a field, an element, what a closure captures.
    PartOf(PlaceRef),
    /// Into a structure, variant or closure that is made here, by its path.
    Made(Arc<str>),
    /// Into a call.
    Call {
        /// The function, as the compiler writes it.
        function: Arc<str>,
        /// Which argument, from 1.
        argument: u32,
    },
    /// Out of the function, to its caller.
    Caller,
    /// Into a temporary, or a place without a name.
    Elsewhere,
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
    /// The value of a local, or of a part of it, went elsewhere: its bytes were copied there, and
    /// what it owns on the heap stayed where it was.
    Move {
        /// The local.
        from: PlaceRef,
        /// The part, as fields by their numbers; empty for all of it.
        path: Arc<str>,
        /// Where to.
        to: MoveTarget,
        /// How many bytes, where all of it was moved.
        bytes: Option<u64>,
    },
    /// The value of a local, or of a part of it, was copied, and is still there.
    Copy {
        /// The local.
        from: PlaceRef,
        /// The part.
        path: Arc<str>,
        /// Where to.
        to: MoveTarget,
        /// How many bytes, where all of it was copied.
        bytes: Option<u64>,
    },
    /// A local was borrowed.
    Borrow {
        /// The local.
        of: PlaceRef,
        /// The loan.
        loan: LocalLoan,
    },
    /// The last use of a reference was passed: the loan is over.
    BorrowEnd {
        /// The local that was borrowed.
        of: PlaceRef,
        /// The loan.
        loan: LocalLoan,
    },
    /// The value of a local, or what was left of it, was dropped.
    Drop {
        /// The local.
        local: PlaceRef,
        /// The part; empty for all of it.
        path: Arc<str>,
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
