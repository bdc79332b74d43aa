//! Observes a running Rust program: a plan of probes, and the raw records of a run.
//!
//! Takes an image with its sources, and a command. Gives a [`SiteTable`](stackheap_model::SiteTable)
//! and, in a [`stackheap_trace::Writer`], one record for each passing of a site, each allocation,
//! each output and each change of the threads. Refuses to know types or words: only bytes and
//! addresses are copied, and every meaning is given later.
//!
//! The mechanism is `ptrace` with one breakpoint a site and the displaced instruction run at
//! another place; allocations never stop the program, they are logged inside it (see
//! `stackheap-hook`). The plan ([`plan()`]) knows nothing of the mechanism.
//!
//! Linux on x86-64 only. Unsafe code is in `sys` alone.

#![deny(unsafe_code)]

mod breakpoints;
mod capture;
mod displace;
mod error;
mod hoisted;
mod injection;
mod libraries;
mod log;
mod maps;
mod options;
mod plan;
mod probe;
mod reach;
mod remote;
mod session;
#[allow(unsafe_code)]
mod sys;
mod tracked_pages;

pub use capture::Budget;
pub use displace::{CannotDisplace, Displaced, SLOT_BYTES, displace};
pub use error::RecordError;
pub use options::{KeepValues, Placement, RecordOptions, Threads, Trigger};
pub use plan::{Plan, PlanRequest, Problem, Scope, plan};
pub use probe::{Probe, allocations_of, hooks_available, own_stack_limit, probe};
pub use session::{RunFacts, Target, record};
pub use stackheap_hook::Mechanism;
