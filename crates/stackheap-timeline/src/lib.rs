//! From the compiler's facts to the life of each variable, in the words and places of the source.
//!
//! **Takes** the two texts that rustc prints about a crate ([`stackheap_mir`] says which) and a way
//! to read the source files that they name. **Gives** a [`FunctionTimeline`](stackheap_model::FunctionTimeline) for each function: for
//! every variable, and every temporary that is dropped, what happens to it where, in which state it
//! is in between, and who borrows it until where.
//!
//! MIR has places of control flow; a reader has places of a text. What happens on several ways that
//! meet at one place (the drops of a scope are there once for each way out of it) becomes one event,
//! and a state that differs between the ways is [`Depends`](stackheap_model::OwnershipState). What
//! a panic does on its way is left out. What a macro's text says stands beside the macro's call.
//!
//! **Refuses** nothing and guesses nothing: where the compiler's text was not understood, the function
//! says how much is missing and why. Names and expressions are taken from the source, facts never
//! are. Makes no sentences, reads no file, does not recurse.
//!
//! # Examples
//!
//! ```
//! use stackheap_model::OwnershipEventKind;
//! use stackheap_timeline::{CrateTexts, SourceText, functions};
//!
//! let source = "fn main() {\n    let s = String::new();\n}\n";
//! let mir = "// MIR for `main` 0 nll
//!
//! fn main() -> () {
//!     let mut _0: ();                      // return place in scope 0 at a.rs:1:11: 1:11
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
//! ";
//! let texts = CrateTexts { borrow_checked: mir, elaborated: "" };
//! let read = |file: &str| {
//!     (file == "a.rs").then(|| SourceText { shown: file.into(), text: source.into() })
//! };
//! let found = functions(texts, &read, &|_| true);
//! let s = &found[0].variables[0];
//! assert_eq!((&*found[0].name, &*s.name), ("main", "s"));
//! assert!(matches!(s.events.last().unwrap().kind, OwnershipEventKind::Dropped { .. }));
//! ```

#![forbid(unsafe_code)]

mod context;
mod events;
mod functions;
mod loans;
mod names;
mod order;
mod source;
mod states;
mod variables;

use std::sync::Arc;

pub use functions::functions;
use stackheap_model::{FunctionAuthor, TextRange};

/// What rustc printed about a crate.
#[derive(Clone, Copy, Debug)]
pub struct CrateTexts<'t> {
    /// The bodies that the borrow checker saw, with its regions and loans.
    pub borrow_checked: &'t str,
    /// The bodies in which drops are decided.
    pub elaborated: &'t str,
}

/// A source file of the user's.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// Its path, as shown to the reader.
    pub shown: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

/// What is known of a function before its facts are computed.
#[derive(Clone, Copy, Debug)]
pub struct FunctionHead<'a> {
    /// Its path in the crate, as [`FunctionTimeline::name`](stackheap_model::FunctionTimeline).
    pub name: &'a str,
    /// Its file, as shown to the reader.
    pub file: &'a str,
    /// From its head to the end of its body.
    pub extent: TextRange,
    /// Who wrote it.
    pub author: FunctionAuthor,
}
