//! What the tables of a Rust executable say about it: functions, scopes, variables, types, line
//! sites, frames, statics and vtables.
//!
//! **Takes** the bytes of an ELF executable for x86-64 with DWARF 4 or 5, as rustc writes them.
//! **Gives** an [`Image`], which answers questions in the vocabulary of `stackheap-model`.
//! **Refuses** files of another kind, and executables whose debug information is missing, stripped
//! or in other files, each with a sentence that says what to do ([`ImageError`]); where it is
//! compressed, [`decompressed`] gives what can be read. Damage inside the debug information is
//! refused nowhere: what can be read is, and the rest is named ([`Problem`]).
//!
//! This crate knows nothing of processes: what the place of a variable depends on is asked of a
//! [`LocationContext`]. It knows nothing of source text either, and no version of the compiler or of
//! std: layouts are what the debug information says, and kinds of pointers are told by their names.
//!
//! All is read on demand and kept. A program of 50 lines carries 1.2 MB of debug information, nearly
//! all of it of std; opening it and reading the program's own functions, variables and types takes
//! about 5 ms in an optimised build.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = std::fs::read("target/debug/demo")?;
//! let image = stackheap_image::Image::parse(&data)?;
//! let (functions, problems) = image.functions(&|file| file.starts_with("/home/me/demo/"));
//! for function in &functions {
//!     println!("{} at {}", function.name, function.low);
//!     for variable in image.variables(function) {
//!         let ty = image.ty(variable.ty);
//!         println!("  {}: {} ({:?} bytes)", variable.name, ty.name, ty.size);
//!     }
//! }
//! for problem in &problems {
//!     eprintln!("{problem}");
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod api;
mod compressed;
mod elf;
mod error;
mod facts;
mod frame;
mod function;
mod image;
mod inline;
mod landing_pad;
mod line;
mod location;
mod name;
mod statics;
mod symbol;
mod types;
mod unit;
mod variable;

pub use api::{
    Declared, FrameAddress, Function, InlinedCall, LineRow, Location, LocationContext, StaticPlace,
    StaticVariable, Symbol, ThreadLocalSymbol, UnwindRegisters, UnwindStep, Variable, Vtable,
};
pub use compressed::decompressed;
pub use error::{ImageError, Problem};
pub use facts::{ImageFacts, UnitInfo};
pub use image::Image;
