//! The recording file of stackheap, and the state of a process as far as it was recorded.
//!
//! **Takes** [`Record`]s, one for each thing that was observed, in one global order, with a site
//! table and blobs (images, sources, compiler facts): [`Writer`].
//!
//! **Gives** a file, and from a file the records and, at any stop, the [`ReplayState`]: threads with
//! their frames and steps, memory as far as captured, live blocks, counts: [`Recording`] and
//! [`Cursor`]. The state is a fold over records, the same code in the writer and in the reader, so
//! that a recorder compares memory with just what a reader will see.
//!
//! **Refuses** to give bytes a meaning: it knows no types, no names of variables, no words. It starts
//! no process and prints nothing. A file that is cut short or damaged opens with what is left, and
//! says what is lost; a file that is none of its own is refused with a reason.
//!
//! ```
//! use stackheap_model::{
//!     CfaRule, FileId, FunctionId, ImageAddress, RegisterSet, RuntimeAddress, Site, SiteId,
//!     SiteRole, SiteTable, Statement, StatementId, StatementKind, StopNumber, TextRange, ThreadId,
//! };
//! use stackheap_trace::{AddressRange, Header, PatchRef, Recording, Registers, StopRef, Writer};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("demo.stackheap");
//! let table = SiteTable {
//!     statements: vec![Statement {
//!         file: FileId(0),
//!         range: TextRange::default(),
//!         kind: StatementKind::Let,
//!     }],
//!     sites: vec![Site {
//!         address: ImageAddress(0x1000),
//!         function: FunctionId(0),
//!         statement: StatementId(0),
//!         position: Default::default(),
//!         role: SiteRole::Entry,
//!         cfa: CfaRule::StackPointer(16),
//!         registers: RegisterSet::default(),
//!     }],
//!     ..SiteTable::default()
//! };
//! let mut writer = Writer::create(&path, &Header::default())?;
//! writer.site_table(&table)?;
//!
//! // What was read of the stack; only what the state does not have yet is written.
//! let (at, read) = (RuntimeAddress(0x7000), [7u8; 64]);
//! let patches: Vec<PatchRef> = writer.state().memory.compare(at, &read).collect();
//! let mut values = [0; 16];
//! values[7] = at.0;
//! let applied = writer.stop(&StopRef {
//!     thread: ThreadId(1),
//!     site: SiteId(0),
//!     registers: Registers::new(values, RegisterSet::CALLEE_SAVED),
//!     patches: &patches,
//!     bytes: &read,
//!     captured: AddressRange { low: at, high: at.offset(64) },
//! })?;
//! assert!(applied.new_step);
//! writer.finish()?;
//!
//! let recording = Recording::open(&path)?;
//! let cursor = recording.cursor_at(StopNumber(1))?;
//! assert_eq!(cursor.state().memory.read(at, 2), Some(vec![7, 7]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The file
//!
//! A preamble of 16 bytes (magic, version, architecture), then chunks: header, blobs, records,
//! keyframes, and an index at the end. Each chunk has a head of 80 bytes with its kind, lengths,
//! check sums, and which records, stops and steps it covers; its payloads are compressed by zstd.
//! `chunk.rs` has the layout.
//!
//! - Records of all threads stand in one stream, so that their place in it is their global order and
//!   every prefix of a file is a prefix of the run. In a chunk, numbers of one kind stand in one
//!   column, as differences from a prediction (`columns.rs`).
//! - Nothing that was written is ever changed. A chunk is given to the file after 256 KiB or 200 ms,
//!   so that no more than that is lost with a recorder that is killed. Without an index the file is
//!   read from head to head.
//! - A keyframe is a whole state. Replay begins at the one before the stop that is asked for, and
//!   goes on at the next one behind a damaged chunk. Of the program's output it has only the length;
//!   [`Recording::output`] has the text.
//! - Lengths in a file are limits on what is read, never on what is made room for in advance.
//!
//! # Speed
//!
//! On a recording of a real program with 205,583 stops the records take 3.55 bytes a stop.
//! `examples/measure.rs` measures time: on one core of a busy virtual machine, writing
//! a stop with four changed words takes about 0.5 µs and 3 to 10 bytes, a record of the allocator
//! about 0.25 µs and 3 bytes, a jump among a million stops 5 ms and at most 15 ms; opening a
//! recording takes as long as reading its index.
#![forbid(unsafe_code)]

mod blobs;
mod blocks;
mod chunk;
mod columns;
mod cursor;
mod decode;
mod encode;
mod error;
mod grouping;
mod header;
#[cfg(test)]
mod hostile;
mod index;
mod keyframe;
mod memory;
mod reader;
mod records;
mod replay;
mod scan;
mod site_table;
mod source;
mod threads;
mod wire;
mod writer;

// The records that the tests make are written for the users of the crate.
#[cfg(test)]
extern crate self as stackheap_trace;

pub use blobs::BlobKind;
pub use blocks::{AllocatingCall, BlockEntry, Blocks, Moment};
pub use cursor::Cursor;
pub use error::{Problem, TraceError};
pub use header::{Architecture, Header, Values};
pub use memory::{Changes, Memory};
pub use reader::Recording;
pub use records::{
    AddressRange, Fill, Limit, MapRegion, Outcome, Patch, PatchRef, Permissions, Record, Registers,
    Sequence, Stop, StopRef, Untracked,
};
pub use replay::{Applied, AppliedStop, OutputLengths, ReplayState, Totals};
pub use threads::{FrameEntry, ParkedFrames, PendingRealloc, StackSegment, ThreadState, Threads};
pub use writer::{Pacing, PackedBlob, Summary, Writer, create_private};
