//! The vocabulary of stackheap: places, types, frames, values, blocks, owners, events.
//!
//! Pure data. This crate does no input or output, knows no file format, no ELF, no process and no
//! prose; every other crate of the workspace speaks with the words defined here.
//!
//! Two kinds of numbers must never be mixed, so each has a type: addresses in the running process
//! ([`RuntimeAddress`]) and addresses as linked ([`ImageAddress`]). What is not known is a value of
//! its own, always with the reason ([`Unknown`]).

#![forbid(unsafe_code)]

mod address;
mod event;
mod ids;
mod ownership;
mod plan;
mod state;
mod types;
mod value;

pub use address::{ImageAddress, LoadBias, RuntimeAddress};
pub use event::{Event, EventKind, MoveTarget, OutputStream, PlaceRef};
pub use ids::{
    BlockId, FileId, FrameId, FunctionId, SiteId, StatementId, StepNumber, StopNumber, ThreadId,
    TypeId,
};
pub use ownership::{
    Borrower, DropCause, DropDecision, DropExtent, EventCertainty, FactConfidence, FunctionAuthor,
    FunctionKind, FunctionTimeline, LoanTimeline, MissingFacts, Mutability, Ownership,
    OwnershipEvent, OwnershipEventKind, OwnershipState, Placement, StateStretch, ValueDestination,
    ValueOrigin, VariableRole, VariableTimeline,
};
pub use plan::{
    CfaRule, PlannedFunction, Register, RegisterSet, Site, SiteRole, SiteTable, SourceFile,
    Statement, StatementKind, TextPosition, TextRange,
};
pub use state::{
    At, Block, BlockState, Counts, Edge, EdgeEnd, EdgeKind, Frame, FrameBytes, FrameBytesKind,
    Local, LocalLoan, LocalPart, LocalRole, LocalState, Output, Owner, OwnerKind, Place, Position,
    ProgramOutcome, Region, Stack, State, StaticItem, StepRef, Thread,
};
pub use types::{
    Encoding, Enumerator, Field, PointerKind, TemplateArgument, Type, TypeKind, Variant, WideMeta,
};
pub use value::{Cell, CellKind, Unknown, Value, ValueField, ValueKind};
