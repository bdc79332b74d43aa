use crate::{BlockId, FrameId, LoanId, Path, Place, SlotId, ThreadId, Via};

/// Where a slot lies, and with what its storage ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Home {
    /// In a frame: a local or temporary. Ends when the call returns.
    Frame(FrameId),
    /// In a block: a field or element of its content. Ends when the block is freed.
    Block(BlockId),
    /// In a thread-local. Ends with the thread.
    Thread(ThreadId),
    /// In a static. Never ends.
    Static,
    /// A part of another slot: a field, an element. Ends with it, and has a value when it has one.
    Part(SlotId),
    /// As [`Part`](Self::Part), and inside of a `Cell`, `RefCell`, `Mutex` or atomic: may be changed
    /// through shared loans of what lies around it. Loans of the inside exclude each other as ever.
    Cell(SlotId),
}

/// How a value owns a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Share {
    /// Alone: `Box`, `Vec`, `String`.
    Unique,
    /// Together with others: `Rc`, `Arc`.
    Strong,
    /// The memory and not the value: `rc::Weak`, `sync::Weak`.
    Weak,
}

/// What a loan allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoanKind {
    /// `&`: reading, beside other shared loans.
    Shared,
    /// `&mut`: reading and writing, alone.
    Exclusive,
}

/// What is done with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Its value is looked at.
    Read,
    /// Its value is changed.
    Write,
}

/// Where a block is after a reallocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relocation {
    /// Where it was.
    InPlace,
    /// Elsewhere: what pointed into it is stale.
    Moved,
}

/// Why memory is never given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeakReason {
    /// `mem::forget`, `ManuallyDrop`. Only an event can tell.
    Forget,
    /// `Box::leak`, `Vec::leak`. Only an event can tell.
    Leak,
    /// `Box::into_raw`, `Rc::into_raw`. Only an event can tell.
    Raw,
    /// A static owns it. Seen at the end of the program.
    Static,
    /// A thread that still ran, or its thread-local, owns it. Seen at the end of the program.
    Thread,
    /// A frame owns it that `process::exit`, an abort or a signal never let return. Seen at the end
    /// of the program.
    Exit,
    /// Shares of `Rc` or `Arc` that own each other. Seen at the end of the program.
    Cycle,
}

impl LeakReason {
    /// Whether only an event can tell it; the others are seen in the last state.
    pub fn is_told(self) -> bool {
        matches!(self, Self::Forget | Self::Leak | Self::Raw)
    }
}

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// `main` returned.
    Returned,
    /// `process::exit`, an abort or a signal: no frame returned.
    Exit,
}

/// Something the program did. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A thread started; the first one is the main thread.
    ThreadStart {
        /// The thread.
        thread: ThreadId,
        /// The limit of its stack, where known.
        stack_bytes: Option<u64>,
    },
    /// A thread ended.
    ThreadEnd {
        /// The thread.
        thread: ThreadId,
    },
    /// A call: a frame is pushed.
    Call {
        /// On this thread's stack.
        thread: ThreadId,
        /// The frame.
        frame: FrameId,
        /// Its size.
        bytes: u64,
    },
    /// A return, or unwinding through a call: the frame is popped, and its slots' storage ends.
    Return {
        /// From this thread's stack.
        thread: ThreadId,
        /// The frame.
        frame: FrameId,
    },
    /// A slot has storage from here on, and a value when it is part of one.
    StorageLive {
        /// The slot.
        slot: SlotId,
        /// Where.
        home: Home,
    },
    /// The storage of a slot and its parts ended; what it owned must be moved or dropped before.
    StorageDead {
        /// The slot.
        slot: SlotId,
    },
    /// A slot gets a value: its first, or another in place of one that owns nothing.
    Init {
        /// The slot.
        slot: Path,
    },
    /// The bytes of a value that owns nothing are copied.
    Copy {
        /// Whose.
        from: Path,
        /// Where to; has a value afterwards.
        to: Path,
    },
    /// A value goes to another slot, with all it owns: by assignment, as an argument, as a result,
    /// into a block, a closure, a thread.
    Move {
        /// Has no value afterwards.
        from: Path,
        /// Has the value afterwards; what was in it before must own nothing any more.
        to: Path,
    },
    /// The value of a slot is dropped, with those of its parts that it still has. What it owned
    /// alone must be freed from here on; a share is one less. `Drop::drop` ran before, through an
    /// exclusive loan; the content of the blocks is dropped by events of its own.
    Drop {
        /// The slot.
        slot: Path,
    },
    /// As [`Drop`](Self::Drop), together with the content of every block whose last owner goes with
    /// it: the whole of the drop glue at once.
    DropDeep {
        /// The slot.
        slot: Path,
    },
    /// A block is allocated, without an owner yet.
    Alloc {
        /// The block.
        block: BlockId,
        /// Its size.
        bytes: u64,
    },
    /// A slot's value becomes an owner of a block: its only one, or one more share.
    Own {
        /// The block.
        block: BlockId,
        /// The slot; has a value from here on.
        slot: SlotId,
        /// How.
        share: Share,
    },
    /// A slot's value takes over what [`Forget`](Self::Forget) left without an owner:
    /// `Box::from_raw`, `Rc::from_raw`.
    Adopt {
        /// The block.
        block: BlockId,
        /// The slot; has a value from here on.
        slot: SlotId,
        /// How; as it was owned before.
        share: Share,
    },
    /// A block changes its owner without the slots as wholes being moved: an element leaves or
    /// enters a collection whose elements are no slots, an owner turns out to be in a part.
    Hand {
        /// The block.
        block: BlockId,
        /// Owned it until now.
        from: SlotId,
        /// Owns it from here on, as `from` did.
        to: SlotId,
    },
    /// The program's own counts of a shared block, to be compared.
    Count {
        /// The block.
        block: BlockId,
        /// What `Rc::strong_count` returns.
        strong: u64,
        /// What `Rc::weak_count` returns.
        weak: u64,
    },
    /// A block gets another size, and stays the same block.
    Realloc {
        /// The block.
        block: BlockId,
        /// The size from here on.
        bytes: u64,
        /// Where it is.
        relocation: Relocation,
        /// How its owner is reached: growing changes what the block is part of.
        via: Via,
    },
    /// A block goes back to the allocator. Its owner must have been dropped.
    Free {
        /// The block.
        block: BlockId,
    },
    /// A place is borrowed.
    Borrow {
        /// The loan.
        loan: LoanId,
        /// What is lent.
        place: Place,
        /// For what.
        kind: LoanKind,
        /// Of whom: the owner, another loan (a reborrow), or a raw pointer.
        via: Via,
    },
    /// A loan ended: after the last use of it and of all that was borrowed through it. A loan of two
    /// phases (`v.push(v.len())`) begins with the second one.
    BorrowEnd {
        /// The loan.
        loan: LoanId,
    },
    /// A place is read or changed.
    Use {
        /// The place.
        place: Place,
        /// What is done.
        access: Access,
        /// How it is reached.
        via: Via,
    },
    /// The value of a slot is given up without a drop, and nothing of what it owns is freed by
    /// owners any more.
    Forget {
        /// The slot; has no value afterwards.
        slot: Path,
        /// Why.
        reason: LeakReason,
    },
    /// States why a block will not be freed. Reasons that can be seen are compared at the end.
    Leak {
        /// The block.
        block: BlockId,
        /// Why.
        reason: LeakReason,
    },
    /// The program ended; all that is still allocated needs a reason.
    ProgramEnd {
        /// How.
        ending: Ending,
    },
}
