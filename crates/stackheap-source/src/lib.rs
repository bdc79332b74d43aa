//! The outline of Rust source text: where its statements, scopes, bindings and functions are.
//!
//! Takes the text of a file. Gives positions only: the stretches of text that a reader calls one
//! step (a `let`, an expression with its semicolon, a condition, a loop's head, a match arm, a
//! block's last expression, a closing brace, a function's head), the names that patterns bind and
//! where they can be used, and the marks that comments of the form `// <NAME>` set.
//!
//! Refuses nothing and knows nothing of values, types, ownership, macros' expansions, ELF or
//! processes. Text that is not Rust gives a statement a line, and a [`Problem`] that says why.
//! What would need unbounded memory or stack (brackets nested deeper than [`NESTING_LIMIT`],
//! expressions of more than [`CHAIN_LIMIT`] tokens without a separator, texts of more than
//! [`TEXT_LIMIT`] bytes) is outlined line by line too.
//!
//! Lines and columns count from 1 and columns count bytes, as in the line tables that rustc
//! writes; a byte order mark at the start of the text does not count.
//!
//! # Examples
//!
//! ```
//! use stackheap_model::{StatementKind, TextPosition};
//!
//! let (outline, problems) = stackheap_source::outline("fn main() {\n    let x = f(1);\n}\n");
//! assert!(problems.is_empty());
//! // rustc gives a `let` the position of its initialiser.
//! let at = TextPosition { line: 2, column: 13 };
//! let index = outline.statement_at(at).expect("a statement");
//! assert_eq!(outline.statements[index].kind, StatementKind::Let);
//! ```

#![forbid(unsafe_code)]

mod lexer;
mod lines;
mod lookup;
mod mark;
mod outline;
mod parse;
mod pattern;
mod problem;
mod walk;

pub use mark::Mark;
pub use outline::{Binding, BindingKind, Body, BodyKind, Outline, OutlinedStatement, outline};
pub use problem::{Problem, ProblemKind};

/// How deep brackets may nest in a text that is parsed.
pub const NESTING_LIMIT: usize = 200;

/// How many tokens may follow each other without a separator (`;`, `,` or the end of a block),
/// summed over the brackets that are open, in a text that is parsed. A bound for the depth of the
/// syntax tree.
pub const CHAIN_LIMIT: usize = 10_000;

/// How many bytes of text are parsed.
pub const TEXT_LIMIT: usize = 32 << 20;
