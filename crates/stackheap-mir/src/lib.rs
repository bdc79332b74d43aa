//! What the compiler says about ownership: the text of its MIR, read as data and as facts.
//!
//! **Takes** two texts that rustc prints about a crate (the flags below). The one of the borrow
//! checker has a file for each function: the body that it saw, the regions that it solved and the
//! loans that it follows. The other has all bodies after drop elaboration: the drops that are left,
//! and the flags that decide them at run time. Locals have the same numbers in both, except in
//! coroutines.
//!
//! **Gives** [`Body`]s as they are written ([`parse`]), and [`Facts`] of each: which variable, or
//! part of one, has a value where, and where it is assigned, moved, borrowed until where, and
//! dropped; each with its place in the source and as certain as the compiler's own analysis is.
//!
//! **Refuses** nothing. A statement of unknown form is kept as text, and what it may have changed is
//! unknown from there; without loans there are moves and drops; without whole control flow there
//! are events without states; without blocks there are variables. [`Confidence`] says which, and
//! [`Problem`]s say why. It knows no ELF, runs no process and reads no file.
//!
//! Both texts are meant for people and bound to no format: what is read here is their grammar as
//! `rustc_middle::mir::pretty` and `rustc_borrowck::nll` print it, without a table of versions.
//! Types and constants stay text, and all of it is a part of the text that was given. Reading takes
//! time that grows with the text, more than 100 MB a second, and no stack that does.
//!
//! ```text
//! rustc -Zmir-include-spans=on -Zmir-opt-level=0 --emit=mir      the elaborated bodies, one file
//!       -Zdump-mir=nll -Zdump-mir-dir=DIR -Zdump-mir-exclude-alloc-bytes     DIR/*.nll.0.mir
//! ```
//!
//! On a stable toolchain, `RUSTC_BOOTSTRAP=1` must be set for this one process.
//!
//! # Examples
//!
//! ```
//! use stackheap_mir::{DropDone, EventKind, Facts, PathState};
//!
//! let (bodies, problems) = stackheap_mir::parse(
//!     "fn main() -> () {
//!     let _1: String;                      // in scope 0 at a.rs:2:9: 2:10
//!     scope 1 {
//!         debug s => _1;                   // in scope 1 at a.rs:2:9: 2:10
//!     }
//!     bb0: {
//!         StorageLive(_1);                 // scope 0 at a.rs:2:9: 2:10
//!         _1 = String::new() -> [return: bb1, unwind continue]; // scope 0 at a.rs:2:13: 2:26
//!     }
//!     bb1: {
//!         drop(_1) -> [return: bb2, unwind continue]; // scope 0 at a.rs:3:1: 3:2
//!     }
//!     bb2: {
//!         return;                          // scope 0 at a.rs:3:2: 3:2
//!     }
//! }
//! ",
//! );
//! assert!(problems.is_empty());
//! let (facts, _) = Facts::of(&bodies[0], None);
//! let variable = &bodies[0].variables[0];
//! let path = facts.path_of(variable).expect("a local");
//! let dropped = facts.events.last().expect("an event");
//! assert!(matches!(dropped.kind, EventKind::Dropped { done: DropDone::Always, .. }));
//! assert_eq!(facts.state(dropped.location, path), PathState::INITIALIZED);
//! ```

#![forbid(unsafe_code)]

mod body;
mod borrows;
mod declaration;
mod dump_name;
mod elaborated;
mod event;
mod events;
mod facts;
mod flow;
mod ids;
mod loan;
mod operand;
mod path;
mod place;
mod problem;
mod reader;
mod rvalue;
mod scan;
mod span;
mod state;
mod statement;
mod terminator;
mod uses;

pub use body::{BasicBlockData, Body, BodyKind, LocalDecl, Scope, Variable, VariableValue};
pub use borrows::{BorrowCheck, IssuedLoan, PointRange, Region};
pub use dump_name::DumpName;
pub use elaborated::pair_elaborated;
pub use event::{Destination, DropCondition, DropDone, Event, EventKind, Origin};
pub use facts::{Confidence, Facts};
pub use flow::Flow;
pub use ids::{BasicBlock, LoanId, Local, Location, RegionId, ScopeId};
pub use loan::Loan;
pub use operand::Operand;
pub use path::{MovePath, MovePathId, MovePaths, PathElement, PathOf};
pub use place::{Place, Projection};
pub use problem::{Problem, ProblemKind};
pub use reader::parse;
pub use rvalue::{BorrowKind, RawPointerKind, Rvalue};
pub use span::{Position, Span};
pub use state::{Certainty, PathState};
pub use statement::{SourceInfo, Statement, StatementKind};
pub use terminator::{Edge, EdgeLabel, Terminator, TerminatorKind, UnwindAction};

/// How many problems of one text are told.
pub const PROBLEM_LIMIT: usize = 1000;

/// How many states a function may have: its move paths times its blocks.
pub const STATE_LIMIT: usize = 1 << 26;
