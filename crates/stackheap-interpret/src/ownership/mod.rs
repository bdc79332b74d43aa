//! What the compiler knows of the program's values, joined with the stops of a recording: which
//! variable has a value, and which was moved, dropped or never given one.
//!
//! The compiler says for each function where values go on each way through it; the stops of a call
//! say which way it went. See [`way`] for how they are brought together.

mod calls;
mod function;
mod happened;
pub(crate) mod parts;
mod rows;
mod texts;
mod way;

pub(crate) use calls::{CallWays, Happened, moment_of};
pub(crate) use function::{FunctionOwnership, Handed, Held, Moment as CallMoment};
pub use texts::{BORROW_CHECKED_BLOB, MISSING_FACTS_BLOB};
pub(crate) use texts::{BodyIndex, CompilerTexts};
pub(crate) use way::WayId;
