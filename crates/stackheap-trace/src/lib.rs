//! The recording file of stackheap.
//!
//! Takes records and gives a file; takes a file and gives the records and the state of the process at any stop.
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

pub use blobs::BlobKind;
pub use blocks::{BlockEntry, Blocks, Moment};
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
pub use writer::{Pacing, Summary, Writer};
