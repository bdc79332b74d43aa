//! The system calls of the recorder: the only module of this crate with unsafe code.

pub mod memory;
pub mod process;
pub mod ring;
