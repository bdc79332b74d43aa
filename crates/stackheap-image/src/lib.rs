//! Takes the bytes of a Rust executable (ELF, x86-64) and gives what its tables say.
#![forbid(unsafe_code)]

mod api;
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
    Declared, FrameAddress, Function, InlinedCall, LineRow, Location, LocationContext,
    StaticPlace, StaticVariable, Symbol, UnwindRegisters, UnwindStep, Variable, Vtable,
};
pub use error::{ImageError, Problem};
pub use facts::{ImageFacts, UnitInfo};
pub use image::Image;
