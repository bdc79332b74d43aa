//! The life of a function's variables as the compiler knows it, without running anything.

use std::sync::Arc;

use crate::{TextPosition, TextRange};

/// What the compiler knows of some functions, and where it could not be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// The functions, by file and place.
    pub functions: Vec<FunctionTimeline>,
    /// The crates whose facts are missing.
    pub missing: Vec<MissingFacts>,
}

/// A crate of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingFacts {
    /// Its name; `None` if not even that is known.
    pub crate_name: Option<Arc<str>>,
    /// Why, as a part of a sentence.
    pub reason: Arc<str>,
}

/// A function, method, closure or `async` body, once, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionTimeline {
    /// Its path in the crate: `main`, `Cursor::next_word`, `<D as Drop>::drop`, `main::{closure#0}`.
    pub name: Arc<str>,
    /// Its file, as shown to the reader. All positions are positions in it.
    pub file: Arc<str>,
    /// From its head to the end of its body.
    pub extent: TextRange,
    /// What it is.
    pub kind: FunctionKind,
    /// Who wrote it.
    pub author: FunctionAuthor,
    /// How much of the compiler's text was understood.
    pub confidence: FactConfidence,
    /// Why not all of it, where it was not.
    pub reason: Option<Arc<str>>,
    /// Its variables and the temporaries that are dropped, by where they are declared.
    pub variables: Vec<VariableTimeline>,
    /// What is borrowed, by where.
    pub loans: Vec<LoanTimeline>,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// A function or method.
    Function,
    /// A closure.
    Closure,
    /// The body of an `async` function, block or closure.
    Coroutine,
}

/// Who wrote a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionAuthor {
    /// It stands in the source.
    User,
    /// An attribute such as `derive` made it.
    Attribute,
}

/// How much of what the compiler knows of a function is known here. What is greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactConfidence {
    /// Variables and their types only.
    Declarations,
    /// What happens, without states in between.
    Events,
    /// Moves and drops, without borrows.
    WithoutLoans,
    /// All but some statements, and what they may have changed.
    Partial,
    /// All.
    Full,
}

/// The life of one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableTimeline {
    /// Its name; `x#1`, `x#2` where several have it; of a temporary, its expression.
    pub name: Arc<str>,
    /// What it is.
    pub role: VariableRole,
    /// Its type, as the compiler writes it.
    pub type_name: Arc<str>,
    /// The pattern that binds it, or the expression that makes it.
    pub declared: TextRange,
    /// Whether it may be changed.
    pub mutability: Mutability,
    /// What happens to it, by where; of what happens at one place, in the order in which it does.
    pub events: Vec<OwnershipEvent>,
    /// In which state it is where; what lies between is out of its scope.
    pub states: Vec<StateStretch>,
}

/// What a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VariableRole {
    /// Declared by `let` or another pattern.
    Variable,
    /// A parameter.
    Parameter,
    /// A variable around a closure, that it has captured.
    Capture,
    /// A value without a name that is dropped.
    Temporary,
}

/// Whether something may be changed, or is changed through a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutability {
    /// It may not.
    Shared,
    /// It may.
    Mutable,
}

/// Something that happens to a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnershipEvent {
    /// What.
    pub kind: OwnershipEventKind,
    /// Where.
    pub at: TextRange,
    /// How exactly that is known.
    pub placement: Placement,
    /// Whether it happens whenever control flow comes there.
    pub certainty: EventCertainty,
    /// Events of a function by when they happen, as far as that does not depend on the way.
    pub order: u32,
}

/// How exactly a place is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// The compiler names it.
    Exact,
    /// The compiler names the text of a macro; this is beside the macro's call.
    InMacro,
}

/// Whether something happens whenever control flow comes to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventCertainty {
    /// It does.
    Always,
    /// It depends on the way that control flow came.
    Depends,
    /// Not known.
    Unknown,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnershipEventKind {
    /// The variable has memory from here, and no value.
    Declared,
    /// It gets its value.
    Initialised(ValueOrigin),
    /// It gets another value, or a part of it does.
    Assigned {
        /// The part, if it is not all of it.
        part: Option<Arc<str>>,
        /// What the value is made of.
        from: ValueOrigin,
    },
    /// Its value goes elsewhere.
    Moved {
        /// The part, if it is not all of it.
        part: Option<Arc<str>>,
        /// Where it goes.
        to: ValueDestination,
    },
    /// Its value is copied; it keeps it.
    Copied {
        /// The part, if it is not all of it.
        part: Option<Arc<str>>,
        /// Where the copy goes.
        to: ValueDestination,
    },
    /// A reference is made.
    Borrowed {
        /// The part, if it is not all of it; `*x` for what a reference points to.
        part: Option<Arc<str>>,
        /// How.
        mutability: Mutability,
        /// The number of the loan in the function; `None` where the borrow checker follows none.
        loan: Option<u32>,
    },
    /// A raw pointer is made.
    Pointed {
        /// The part, if it is not all of it.
        part: Option<Arc<str>>,
    },
    /// The end of its value, or of what is left of it.
    Dropped {
        /// What is dropped.
        what: DropExtent,
        /// Why here.
        cause: DropCause,
        /// Where the value may have been moved away before.
        moved: Vec<TextPosition>,
    },
    /// Its memory is free from here.
    OutOfScope,
}

/// What of a variable a drop drops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropExtent {
    /// All of it.
    Whole,
    /// Nothing: the value was moved away, or there is nothing in it that needs it.
    Nothing,
    /// All of it, if a drop flag says that there is a value.
    IfThere(DropDecision),
    /// Only the memory of a `Box`, whose content was moved out.
    BoxMemory(EventCertainty),
    /// These parts; none are named where only what is missing is known.
    Parts(Vec<(Arc<str>, EventCertainty)>),
    /// Not known.
    Unknown,
}

/// What decides at run time whether a drop is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropDecision {
    /// A flag on the stack, which the compiler adds.
    Flag,
    /// The variant of the enum.
    Variant,
    /// The way that control flow came.
    Way,
}

/// Why a drop stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropCause {
    /// The scope ends there, or the statement of a temporary.
    ScopeEnd,
    /// Another value takes the place.
    Replaced,
}

/// What a value is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
    /// The caller gives it.
    Caller,
    /// A closure or coroutine was made with it.
    Captured,
    /// A call returns it.
    Call(Arc<str>),
    /// The call of a macro.
    Macro(Arc<str>),
    /// The value of a variable, or a part of it, moved.
    MovedFrom(Arc<str>),
    /// Another value, moved.
    Moved,
    /// A copy of a variable's value, or of a part of it.
    CopiedFrom(Arc<str>),
    /// A copy of another value.
    Copied,
    /// A constant.
    Constant,
    /// A reference to a variable, or to a part of it.
    BorrowOf(Arc<str>),
    /// A reference or pointer to something else.
    Borrow,
    /// A value of this type or variant, made of its fields; `(` for a tuple, `[` for an array,
    /// `closure` for a closure.
    Made(Arc<str>),
    /// What a coroutine was resumed with.
    Resumed,
    /// A computation, or what is not known.
    Computed,
}

/// Where a value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueDestination {
    /// Into a variable, or a part of it.
    Variable(Arc<str>),
    /// To the caller.
    Caller,
    /// Into a call.
    Argument {
        /// What is called.
        callee: Arc<str>,
        /// Which argument, from 1.
        number: u32,
    },
    /// Into a value that is being made, and where that goes, if it goes into a variable.
    Part {
        /// The type or variant; `(` for a tuple, `[` for an array.
        of: Arc<str>,
        /// The variable.
        into: Option<Arc<str>>,
    },
    /// Into a value that is being made and returned; with its type or variant.
    Result(Arc<str>),
    /// Into a closure or coroutine that captures it, and the variable that it becomes.
    Capture(Option<Arc<str>>),
    /// Into the call of a macro.
    Macro(Arc<str>),
    /// It is a closure, and is called: the call consumes it.
    OwnCall,
    /// Out of a coroutine that stops.
    Yield,
    /// Into a computation, or somewhere that is not known.
    Other,
}

/// A borrow, from where it is made to where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoanTimeline {
    /// Its number in the function.
    pub id: u32,
    /// The variable that is borrowed.
    pub variable: Arc<str>,
    /// The part, if it is not all of it; `*x` for what a reference points to.
    pub part: Option<Arc<str>>,
    /// How.
    pub mutability: Mutability,
    /// Who borrows.
    pub borrower: Borrower,
    /// Where.
    pub at: TextRange,
    /// How exactly that is known.
    pub placement: Placement,
    /// The last positions at which it holds, one on each way, ascending.
    pub until: Vec<TextPosition>,
    /// Whether it may hold beyond the function.
    pub outlives: bool,
}

/// Who holds a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Borrower {
    /// These variables, or values in them.
    Variables(Vec<Arc<str>>),
    /// A call, for its time.
    Call {
        /// What is called.
        callee: Arc<str>,
        /// Which argument, from 1.
        number: u32,
    },
    /// The call of a macro, for its time.
    Macro(Arc<str>),
    /// A closure that captures it, which no variable holds.
    Closure,
    /// The guard of a pattern, which looks at what the pattern would bind.
    Guard,
    /// An expression.
    Expression,
}

/// A state, from a position up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateStretch {
    /// The first position.
    pub from: TextPosition,
    /// The position behind the last one.
    pub to: TextPosition,
    /// The state.
    pub state: OwnershipState,
}

/// What a variable can be at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnershipState {
    /// It has memory and never had a value.
    Uninitialised,
    /// It has a value, and nobody borrows it.
    Live,
    /// It has a value that is borrowed.
    Borrowed(Mutability),
    /// It has a value of which a part was moved away.
    PartlyMoved,
    /// Its value was moved away.
    Moved,
    /// Its value was dropped.
    Dropped,
    /// Whether it has a value depends on the way that control flow came.
    Depends,
    /// Not known.
    Unknown,
}
