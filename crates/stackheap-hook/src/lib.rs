//! Allocation hooks: every call of the allocation functions of an observed process is logged by
//! code inside that process into a ring in shared memory, without a trap.
//!
//! The crate *takes* the bytes of an executable and addresses in the process; it *gives* bytes to
//! be mapped and written there, and reads the ring. It *refuses* to touch a process: that is the
//! caller's part, with the process stopped. It knows no types of the program and prints nothing.
//!
//! - [`inspect`] tells which [`Mechanism`] fits an executable: Rust's four allocation functions, or
//!   C's where the optimiser left none of Rust's or copied them into their callers.
//! - [`Agent`] is the part that runs inside: compiled with this crate, free of dependencies, laid
//!   out by [`Agent::layout`] for the address the caller chose.
//! - [`patches`] and [`malloc_patches`] tell what to write over the allocation functions, and where
//!   the hooks find the originals.
//! - [`Ring`] reads what the hooks logged, in one order for all threads.
//!
//! Measured on a virtual machine with two busy processors, where a plain call of `malloc` or `free`
//! takes 6 ns (`cargo bench -p stackheap-hook`): a hook adds 10 to 13 ns for an event, or 2 to 4 ns
//! while it is switched off; the reader takes 10 to 12 ns for an event. A reallocation is two events.
//!
//! # Limits
//!
//! - Linux on x86-64.
//! - The ring must have more slots than threads that are interrupted between taking a slot and
//!   filling it, a window of a few instructions.
//! - Code that a program loads later with its own copy of Rust's functions is not hooked.
//! - C's `valloc` and `pvalloc` are not hooked; their blocks appear when they are freed.
//! - In a stack that leads through a hook into a program's own allocator, the hook's frame has no
//!   unwind table: [`Loaded::text_low`] tells how to step over it.
//!
//! # Example
//!
//! ```
//! use stackheap_hook::{inspect, patches, Agent, HookError, Mechanism, Ring, TRAMPOLINE_BYTES};
//! use stackheap_model::{LoadBias, RuntimeAddress};
//!
//! let executable = std::fs::read(std::env::current_exe()?)?;
//! let inspection = inspect(&executable);
//! println!("{:?}: {}", inspection.mechanism, inspection.why);
//!
//! // The caller would have these from the process.
//! let bias = LoadBias(0x5555_5555_4000);
//! let area = RuntimeAddress(0x5555_5000_0000);
//! let ring = RuntimeAddress(0x7000_0000_0000);
//! let agent = match Agent::embedded() {
//!     Err(HookError::Unavailable { .. }) => return Ok(()), // Not x86-64 Linux.
//!     agent => agent?,
//! };
//! let loaded = agent.layout(area.offset(TRAMPOLINE_BYTES), ring, Ring::bytes_for(1 << 16))?;
//! if inspection.mechanism == Mechanism::RustShims {
//!     let patches = patches(&executable, bias, &loaded, area)?;
//!     assert_eq!(patches.writes.len(), 4);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(unsafe_code)]

mod agent;
mod entry;
mod error;
mod executable;
mod inlining;
mod inspect;
mod patch;
#[path = "../agent/protocol.rs"]
#[allow(
    dead_code,
    reason = "some of it is for the part inside the process only"
)]
mod protocol;
#[allow(unsafe_code, reason = "it reads memory that another process writes")]
mod ring;

pub use agent::{Agent, ControlWrite, Loaded, Segment};
pub use error::HookError;
pub use inspect::{AllocatorHome, Inspection, Mechanism, ShimSite, inspect};
pub use patch::{MemoryWrite, Patches, TRAMPOLINE_BYTES, malloc_patches, patches};
pub use protocol::Function;
pub use ring::{Allocation, AllocationKind, Drained, Ring};
