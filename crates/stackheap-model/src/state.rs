//! One state of a program: what `show` prints and `export` writes, as data.

use std::sync::Arc;

use crate::{
    BlockId, Cell, Event, FrameId, RuntimeAddress, StepNumber, StopNumber, ThreadId, Unknown, Value,
};

/// A place in the user's source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The file's path as shown to the reader.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

/// Where a thread or frame stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The position; `None` where the debug information has none.
    pub position: Option<Position>,
    /// The function's path.
    pub function: Arc<str>,
}

/// A region of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Region {
    /// A thread's stack.
    Stack,
    /// A block of the Rust allocator.
    Heap,
    /// Writable static memory.
    Static,
    /// Read-only data.
    Rodata,
    /// Thread-local memory.
    Tls,
    /// Machine code.
    Code,
    /// A mapped file or anonymous mapping that is none of the others.
    Mapped,
    /// Memory of an allocator other than Rust's, such as C's `malloc`.
    Foreign,
    /// A register.
    Register,
    /// Nowhere: zero-sized, or optimised away.
    None,
}

/// Where a value lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: Region,
    /// The address; `None` for registers and for values that are nowhere.
    pub address: Option<RuntimeAddress>,
    /// Size in bytes.
    pub size: u64,
    /// Alignment in bytes, where known.
    pub align: Option<u64>,
    /// For a register its name; for a value that is nowhere the reason.
    pub note: Option<Arc<str>>,
}

/// The state of a local.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalState {
    /// Its initialiser has not run.
    Uninit,
    /// It holds a value.
    Live,
    /// Some of its fields are moved out.
    PartlyMoved,
    /// Its value was moved elsewhere.
    Moved,
    /// Its value was dropped.
    Dropped,
    /// Its scope has ended.
    OutOfScope,
    /// Not known, with the reason.
    Unknown(Unknown),
}

/// A borrow of a local, as the borrow checker has it: until its last use, whatever the scopes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalLoan {
    /// Whether it is `&mut`.
    pub mutable: bool,
    /// The part that is borrowed, as fields by their numbers, with `*` in front for what is behind a
    /// pointer; empty for all of it.
    pub path: Arc<str>,
    /// The variable that holds the reference, where one does.
    pub holder: Option<Arc<str>>,
    /// Where it was taken.
    pub since: Option<Position>,
    /// The last use that the compiler sees, on any way.
    pub until: Option<Position>,
    /// Whether it may last beyond the function's return.
    pub escapes: bool,
}

/// A part of a local that was moved in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPart {
    /// The path of fields to it; with `*` in front, what a `Box` there owns.
    pub path: Arc<str>,
    /// Its state.
    pub state: LocalState,
}

/// What a local is in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocalRole {
    /// A parameter.
    Parameter,
    /// A variable.
    Variable,
    /// A captured variable of a closure or async block.
    Capture,
    /// Something the compiler made: a loop's iterator, a temporary.
    Hidden,
}

/// A variable, parameter or temporary of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The name; the second local of the name `x` in a function is `x#2`, the first then `x#1`.
    pub name: Arc<str>,
    /// What it is.
    pub role: LocalRole,
    /// The full path of its type.
    pub type_name: Arc<str>,
    /// Its state.
    pub state: LocalState,
    /// Of one that is partly moved: the parts that are gone, and the fields that are not.
    pub parts: Vec<LocalPart>,
    /// The loans that hold it here.
    pub loans: Vec<LocalLoan>,
    /// Where it lives.
    pub place: Place,
    /// Its value; `None` where the state says that there is none. Shared between states in which it
    /// is the same.
    pub value: Option<Arc<Value>>,
    /// The bytes of its place, as captured; empty when none were.
    pub bytes: Vec<u8>,
    /// Its bytes, cell by cell.
    pub cells: Arc<[Cell]>,
    /// Where it is declared.
    pub declared: Option<Position>,
}

/// What bytes of a frame without a local are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameBytesKind {
    /// The address the call returns to.
    ReturnAddress,
    /// A register of the caller, saved.
    SavedRegister,
    /// Space below the locals for what the function hands to a callee, spills, temporaries and
    /// padding: the debug information does not tell which.
    Unnamed,
}

/// Consecutive bytes of a frame that no local covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameBytes {
    /// Where they begin.
    pub address: RuntimeAddress,
    /// How many.
    pub size: u64,
    /// What they are.
    pub kind: FrameBytesKind,
    /// The function a return address leads to, or the saved register's name.
    pub note: Option<Arc<str>>,
}

/// One call in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Unique in the recording.
    pub id: FrameId,
    /// The function's path.
    pub function: Arc<str>,
    /// Where it stands: the step about to run, or the call it waits for.
    pub at: At,
    /// The lowest address in use.
    pub low: RuntimeAddress,
    /// The address above the return address.
    pub high: RuntimeAddress,
    /// Whether this is user code.
    pub user: bool,
    /// In the order of first appearance in the source.
    pub locals: Vec<Local>,
    /// The bytes no local covers, from the highest address down; only filled for user frames.
    pub other_bytes: Vec<FrameBytes>,
}

/// A thread's stack. All in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The lowest address it may grow to, where the limit is known.
    pub low: RuntimeAddress,
    /// The address above it.
    pub high: RuntimeAddress,
    /// The limit.
    pub limit: Result<u64, Unknown>,
    /// In use at this state.
    pub used: u64,
    /// The most that was in use at any stop so far.
    pub high_water: u64,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number; the main thread is 1.
    pub id: ThreadId,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// The step at which its stack was captured; `None` when it has not stopped yet.
    pub as_of: Option<StepNumber>,
    /// Whether it has ended.
    pub ended: bool,
    /// Its stack.
    pub stack: Stack,
    /// Innermost first.
    pub frames: Vec<Frame>,
}

/// A step and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRef {
    /// The step; `None` before the first one.
    pub step: Option<StepNumber>,
    /// Where it is.
    pub position: Option<Position>,
}

/// Whether a block is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockState {
    /// Allocated.
    Live,
    /// Given back to the allocator.
    Freed,
}

/// Reference counts of an `Rc` or `Arc` allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counts {
    /// What `strong_count` returns.
    pub strong: u64,
    /// What `weak_count` returns: without the one all strong owners share.
    pub weak: u64,
}

/// Who owns a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    /// A local of a frame.
    Local {
        /// The frame.
        frame: FrameId,
        /// The local.
        local: Arc<str>,
    },
    /// A temporary of a frame: an argument that is about to be handed over.
    Temporary {
        /// The frame.
        frame: FrameId,
        /// The local that its value was moved from.
        from: Arc<str>,
    },
    /// A value inside of a frame of the standard library or of a dependency, which was handed over
    /// to it.
    Frame {
        /// The frame.
        frame: FrameId,
        /// Its function.
        function: Arc<str>,
    },
    /// A static.
    Static {
        /// Its path.
        name: Arc<str>,
    },
    /// A thread-local.
    Tls {
        /// Its path.
        name: Arc<str>,
    },
    /// A value inside another block.
    Block {
        /// That block.
        block: BlockId,
        /// Where in it, in bytes.
        offset: u64,
    },
}

/// An owner of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Who.
    pub kind: OwnerKind,
    /// The path of fields from the owner to the owning pointer.
    pub path: Arc<str>,
}

/// One heap allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub id: BlockId,
    /// Where it begins now, or began last.
    pub address: RuntimeAddress,
    /// The size that was asked for, in bytes.
    pub size: u64,
    /// The alignment that was asked for; `None` where the mechanism does not see it.
    pub align: Option<u64>,
    /// The type of its contents, from the type of its owner; `None` where no owner is known.
    pub type_name: Option<Arc<str>>,
    /// Whether it is in use.
    pub state: BlockState,
    /// The step at which its bytes were captured; `None` when they never were.
    pub as_of: Option<StepNumber>,
    /// Its owners: one, or all sharers of an `Rc` or `Arc`.
    pub owners: Vec<Owner>,
    /// Why there are no owners, where there are none.
    pub no_owner_because: Option<Arc<str>>,
    /// Reference counts, for `Rc` and `Arc`.
    pub counts: Option<Counts>,
    /// The thread that allocated it.
    pub thread: ThreadId,
    /// Where it was allocated.
    pub allocated: StepRef,
    /// Where it was freed.
    pub freed: Option<StepRef>,
    /// Its contents.
    pub value: Arc<Value>,
    /// Its bytes as captured, cut at a stated length; empty when none were.
    pub bytes: Vec<u8>,
    /// Its bytes, cell by cell, cut at a stated count.
    pub cells: Arc<[Cell]>,
}

/// A static or a piece of read-only data that something points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticItem {
    /// The path, or a made-up name such as `"hello"` for a literal.
    pub name: Arc<str>,
    /// Its type.
    pub type_name: Arc<str>,
    /// Where it lives.
    pub place: Place,
    /// Its value.
    pub value: Arc<Value>,
}

/// What a pointer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeKind {
    /// The one owner.
    Owns,
    /// One of several owners (`Rc`, `Arc`).
    Shares,
    /// A `Weak`.
    Weak,
    /// `&T`.
    Borrows,
    /// `&mut T`.
    BorrowsMut,
    /// A raw pointer.
    Raw,
    /// A function pointer.
    Fn,
    /// The vtable of a `dyn Trait`.
    Vtable,
}

/// An end of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeEnd {
    /// In a local.
    Local {
        /// The frame.
        frame: FrameId,
        /// The local.
        local: Arc<str>,
        /// The path of fields inside it; empty for the whole.
        path: Arc<str>,
        /// The address.
        address: RuntimeAddress,
    },
    /// In a block.
    Block {
        /// The block.
        block: BlockId,
        /// Where in it, in bytes.
        offset: u64,
        /// The path of fields inside it; empty for the whole.
        path: Arc<str>,
    },
    /// In a static, thread-local or literal.
    Static {
        /// The item's name.
        name: Arc<str>,
        /// Where in it, in bytes.
        offset: u64,
        /// The address.
        address: RuntimeAddress,
    },
    /// Code or a vtable, with its name.
    Symbol {
        /// The function or vtable.
        name: Arc<str>,
        /// The address.
        address: RuntimeAddress,
    },
    /// An address in none of these.
    Address {
        /// The region it lies in.
        region: Region,
        /// The address.
        address: RuntimeAddress,
    },
}

/// A pointer from a place to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// What it means.
    pub kind: EdgeKind,
    /// Where the pointer lies.
    pub from: EdgeEnd,
    /// Where it points.
    pub to: EdgeEnd,
    /// How many bytes it covers there, where known.
    pub bytes: Option<u64>,
}

/// What the program has written so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// To standard output.
    pub stdout: Vec<u8>,
    /// To standard error.
    pub stderr: Vec<u8>,
    /// What the test harness keeps instead of printing it: of the test that the current thread
    /// belongs to, as it lies in memory. It may end in the middle of a print in progress.
    pub captured: Vec<u8>,
}

/// How the observed program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramOutcome {
    /// With an exit status.
    Exit {
        /// The status.
        code: i32,
    },
    /// By a signal.
    Signal {
        /// Its number.
        number: i32,
        /// Its name, `SIGSEGV`.
        name: Arc<str>,
    },
    /// It never ran: the build failed.
    BuildFailed,
    /// Not known, with the reason.
    Unknown(Unknown),
}

/// One state: the threads' stacks, the heap, and what points where, before a step runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The step about to run.
    pub step: StepNumber,
    /// How many steps the recording has.
    pub steps: u64,
    /// How the program ended.
    pub outcome: ProgramOutcome,
    /// Which part of the step is about to run: 0 at its beginning, then one more for each
    /// sub-expression and for each return to this frame. `None` where the walk began inside of the
    /// step, so that its parts were not counted.
    pub part: Option<u32>,
    /// The stop at which the state was read.
    pub stop: StopNumber,
    /// The step of the caller.
    pub parent_step: Option<StepNumber>,
    /// How many steps of callers there are.
    pub depth: u32,
    /// The thread.
    pub thread: ThreadId,
    /// Where it stands.
    pub at: At,
    /// The thread's events since its previous state.
    pub events: Vec<Event>,
    /// What happened from here to the end of the recording, in all threads, where this is the last
    /// step: no later state tells it. Empty for all other steps.
    pub after: Vec<Event>,
    /// All threads.
    pub threads: Vec<Thread>,
    /// All live blocks, and those freed since the thread's previous state; by number.
    pub blocks: Vec<Block>,
    /// How many live blocks are not in `blocks`, because they are over a stated count.
    pub blocks_left_out: u64,
    /// Statics and read-only data that locals point at.
    pub statics: Vec<StaticItem>,
    /// Pointers.
    pub edges: Vec<Edge>,
    /// Output so far.
    pub output: Output,
}
