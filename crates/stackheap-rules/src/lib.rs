//! The rules of stack and heap in Rust, as a state machine over events.
//!
//! **Takes** what a program does, one [`Event`] after the other: calls and returns, storage, values
//! that are initialised, moved and dropped, blocks that are allocated, owned and freed, loans and
//! uses. **Gives** for each event whether it keeps the [`Rule`]s, and for one that does not a
//! [`Violation`]: which rule, where, and since when. **Refuses** nothing: an event that breaks a rule
//! happened, and the machine goes on behind it. It knows no recordings, no compiler and no files.
//!
//! The rules are those that safe Rust keeps, by its compiler, its allocator and the machine:
//! frames last in first out within a limit, one owner or shares, many shared loans or one exclusive
//! one, everything dropped and freed once, and nothing left without a reason. What is reached
//! through raw pointers ([`Via::Raw`]) is outside of the rules about loans; that the memory is still
//! there is checked nevertheless. What is not told is not checked: [`Checked`] counts what was.
//!
//! The laws are proved, as far as trying everything proves: `tests/laws` applies every event to every
//! lawful sequence, and compares the answer with laws that are written over the whole history: up to
//! 7 events about frames, 5 about unique owners, about shares, and about loans of what is shared, 4
//! about loans of parts and blocks, and about cells. These are 1 306 844 sequences; with
//! optimisation one event more, and 13 797 853. The machine refuses exactly the unlawful ones, and
//! names a law that is broken:
//!
//! - no block is freed twice, or used behind its free or behind its move to another address;
//! - a block is freed when its last owner was dropped, and not before; it has one owner or shares;
//! - at the end of the program every block was freed, or has a [`LeakReason`];
//! - no two loans of overlapping places live at once if one is exclusive, unless one was taken
//!   through the other, and none is live when its place is moved, dropped or freed;
//! - calls and returns of a thread are nested as brackets are, within its stack.
//!
//! How the machine goes on behind a violation is tried with random events only (`tests/robust.rs`).
//!
//! Checking takes about a microsecond an event (`examples/throughput.rs`). What ended leaves its
//! number and when it ended, so that later events can be told since when they are wrong.
//!
//! # Examples
//!
//! ```
//! use stackheap_rules::*;
//!
//! let (main, frame, loan) = (ThreadId(1), FrameId(1), LoanId(1));
//! let (v, block) = (SlotId(1), BlockId(1));
//! let via = Via::Owner;
//! let events = [
//!     Event::ThreadStart { thread: main, stack_bytes: Some(8 << 20) },
//!     Event::Call { thread: main, frame, bytes: 64 },
//!     Event::StorageLive { slot: v, home: Home::Frame(frame) }, // let mut v = vec![1, 2, 3];
//!     Event::Alloc { block, bytes: 12 },
//!     Event::Own { block, slot: v, share: Share::Unique },
//!     Event::Borrow { loan, place: block.into(), kind: LoanKind::Shared, via }, // let first = &v[0];
//!     Event::Realloc { block, bytes: 24, relocation: Relocation::Moved, via },  // v.push(4);
//!     Event::Use { place: block.into(), access: Access::Read, via: loan.into() }, // dbg!(first);
//! ];
//! let violations: Vec<String> = check(&events).iter().map(Violation::to_string).collect();
//! assert_eq!(violations, [
//!     "event 6, block 1: loans are shared or exclusive (H6); broken with loan 1 since event 5",
//!     "event 7, block 1: freed memory is not used (C3); broken with loan 1 since event 6",
//! ]);
//! ```

#![forbid(unsafe_code)]

mod access;
mod borrows;
mod checked;
mod checker;
mod event;
mod frames;
mod id;
mod leaks;
mod loans;
mod memory;
mod owners;
mod rule;
mod table;
mod values;

pub use checked::{Amount, Checked};
pub use checker::{BLOCK_LIMIT_BYTES, Checker, check};
pub use event::{Access, Ending, Event, Home, LeakReason, LoanKind, Relocation, Share};
pub use id::{BlockId, EventIndex, FrameId, LoanId, Path, Place, SlotId, ThreadId, Via};
pub use memory::LEVEL_LIMIT;
pub use rule::{Rule, Subject, Violation};
