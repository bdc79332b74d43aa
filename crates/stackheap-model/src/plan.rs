//! The site table: the places of a program where a recording looks, and the statement of each.
//!
//! The table is made before the program runs, travels in the recording, and is all that the
//! recorder knows about the program: addresses and numbers, no names of types, no values.

use crate::{FileId, FunctionId, ImageAddress, StatementId};

/// A place in a text. Lines and columns count from 1; columns count bytes, as rustc's do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextPosition {
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

/// A stretch of text: from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextRange {
    /// The first position.
    pub start: TextPosition,
    /// The position behind the last one.
    pub end: TextPosition,
}

impl TextRange {
    /// Whether `position` lies in this range.
    pub fn contains(&self, position: TextPosition) -> bool {
        self.start <= position && position < self.end
    }
}

/// A source file of user code, as it was when the program was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path shown to the reader, relative to where the user stands where possible.
    pub path: String,
    /// The text, or `None` where the file could not be read.
    pub text: Option<String>,
}

impl SourceFile {
    /// Whether a reader who writes this path names the file: by its path or the end of it. Only
    /// whole parts of a path count: `main.rs` does not name `domain.rs`.
    ///
    /// ```
    /// use stackheap_model::SourceFile;
    ///
    /// let path = "app/src/net/main.rs".to_owned();
    /// let file = SourceFile { path, text: None };
    /// assert!(file.is_named("main.rs") && file.is_named("./app/src/net/main.rs"));
    /// assert!(!file.is_named("ain.rs") && !file.is_named("src/net"));
    /// assert!(file.is_within("src/net") && file.is_within("app/"));
    /// assert!(!file.is_within("rc/net") && !file.is_within("main.rs"));
    /// ```
    pub fn is_named(&self, written: &str) -> bool {
        let path: Vec<&str> = self.path.split('/').collect();
        path.ends_with(&parts(written))
    }

    /// Whether the file lies in the directory that a reader names so, by its path or a part of it.
    pub fn is_within(&self, written: &str) -> bool {
        let written = parts(written);
        let mut directories: Vec<&str> = self.path.split('/').collect();
        directories.pop();
        directories
            .windows(written.len())
            .any(|some| some == written)
    }
}

/// The parts of a path that a reader has written; one at least.
fn parts(written: &str) -> Vec<&str> {
    let written = written.trim_start_matches("./").trim_end_matches('/');
    written.split('/').collect()
}

/// What kind of statement a step stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// `let PATTERN = EXPR;`
    Let,
    /// An expression or macro call with its semicolon.
    Expression,
    /// The condition of an `if`, or the head of an `if let` or `match`.
    Condition,
    /// The head of `for`, `while` or `while let`: runs once a round. `loop` has none.
    LoopHead,
    /// The pattern and guard of a match arm.
    MatchArm,
    /// The last expression of a block, without semicolon: the block's value.
    Tail,
    /// The closing brace of a block, where the values of the block are dropped.
    ScopeEnd,
    /// The head of a function or closure, where its parameters are taken over.
    Head,
    /// A line of which no statement is known, such as the text of a macro by example.
    Line,
}

/// A statement, condition, loop head, match arm, tail expression or closing brace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The file.
    pub file: FileId,
    /// The text of the statement itself, without the bodies of blocks it opens.
    pub range: TextRange,
    /// Its kind.
    pub kind: StatementKind,
}

/// What a site is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SiteRole {
    /// The first site of a call: reached exactly once in a call, after the parameters were stored.
    Entry,
    /// Any other site.
    Body,
    /// Where the function is about to return; the result is in its registers.
    Return,
    /// A landing pad: reached only while unwinding.
    Cleanup,
}

/// How the canonical frame address (the address just above the return address) is found at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CfaRule {
    /// The value of the stack pointer plus this many bytes.
    StackPointer(i32),
    /// The value of the frame pointer plus this many bytes.
    FramePointer(i32),
}

impl CfaRule {
    /// The registers that tell where the frame is: the stack pointer, and the one the rule names.
    pub fn registers(self) -> RegisterSet {
        let stack = RegisterSet::default().with(Register::RSP);
        match self {
            Self::StackPointer(_) => stack,
            Self::FramePointer(_) => stack.with(Register::RBP),
        }
    }
}

/// A general register of x86-64, in DWARF's numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Register(pub u8);

impl Register {
    /// `rax`.
    pub const RAX: Self = Self(0);
    /// `rdx`.
    pub const RDX: Self = Self(1);
    /// `rcx`.
    pub const RCX: Self = Self(2);
    /// `rbx`.
    pub const RBX: Self = Self(3);
    /// `rsi`.
    pub const RSI: Self = Self(4);
    /// `rdi`.
    pub const RDI: Self = Self(5);
    /// `rbp`, the frame pointer where one is kept.
    pub const RBP: Self = Self(6);
    /// `rsp`, the stack pointer.
    pub const RSP: Self = Self(7);
    /// How many general registers there are.
    pub const COUNT: usize = 16;
}

/// A set of general registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegisterSet(pub u16);

impl RegisterSet {
    /// The registers a callee must preserve, and the stack pointer: rbx, rbp, rsp, r12 to r15.
    pub const CALLEE_SAVED: Self = Self(0b1111_0000_1100_1000);

    /// This set with `register` in it.
    #[must_use]
    pub fn with(self, register: Register) -> Self {
        Self(self.0 | 1 << register.0)
    }

    /// Whether `register` is in the set.
    pub fn contains(self, register: Register) -> bool {
        self.0 & 1 << register.0 != 0
    }

    /// The registers of the set, by number.
    pub fn iter(self) -> impl Iterator<Item = Register> {
        (0..16).map(Register).filter(move |&r| self.contains(r))
    }
}

/// A machine address that starts a (line, column) row of user code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Where it is.
    pub address: ImageAddress,
    /// The function it belongs to.
    pub function: FunctionId,
    /// The statement it belongs to.
    pub statement: StatementId,
    /// The row's position in the statement's file.
    pub position: TextPosition,
    /// What it is for.
    pub role: SiteRole,
    /// How the frame's upper end is found here.
    pub cfa: CfaRule,
    /// The registers that the locations of variables name here, beside the callee-saved ones.
    pub registers: RegisterSet,
}

/// A function with sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFunction {
    /// The path, as `demo::Stack::push`.
    pub name: String,
    /// Where it is declared.
    pub file: FileId,
    /// Where it is declared.
    pub position: TextPosition,
    /// The first address of its code.
    pub low: ImageAddress,
    /// The address behind its code.
    pub high: ImageAddress,
    /// How many bytes below the stack pointer its variables use (the red zone of a function that
    /// calls nothing), in bytes.
    pub below_stack_pointer: u32,
}

/// Everything the recorder knows of a program, and what groups its stops into steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteTable {
    /// Source files.
    pub files: Vec<SourceFile>,
    /// Functions with sites.
    pub functions: Vec<PlannedFunction>,
    /// Statements.
    pub statements: Vec<Statement>,
    /// Sites, by address.
    pub sites: Vec<Site>,
    /// User statics that can be written: address, and how many bytes are read from there.
    pub statics: Vec<(ImageAddress, u64)>,
    /// User thread-locals: offset from the thread pointer (negative on x86-64), and how many bytes
    /// are read from there.
    pub thread_locals: Vec<(i64, u64)>,
}
