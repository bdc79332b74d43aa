//! The public data of this crate, apart from what `stackheap-model` defines.

use std::ops::Range;
use std::sync::Arc;

use stackheap_model::{
    ImageAddress, LoadBias, LocalRole, Register, RuntimeAddress, TemplateArgument, TypeId, Unknown,
};

/// Where something is declared in source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Declared {
    /// The absolute path, as the compiler saw it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 1; rustc gives none for declarations.
    pub column: Option<u32>,
}

/// A function with code. A generic function has one for each set of arguments it was compiled for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The path, as `demo::Stack<u32>::push`, `<demo::P as core::fmt::Debug>::fmt` or
    /// `demo::main::{closure#0}`.
    pub name: Arc<str>,
    /// The symbol of its code, mangled; `None` where the debug information names none.
    pub linkage_name: Option<Arc<str>>,
    /// Where it is declared.
    pub declared: Option<Declared>,
    /// Its code, in address order.
    pub ranges: Vec<Range<ImageAddress>>,
    /// The lowest address of its code; where it is entered.
    pub low: ImageAddress,
    /// The address behind the last of its code.
    pub high: ImageAddress,
    /// Its generic arguments that are types.
    pub arguments: Vec<TemplateArgument>,
    /// The type it returns; `None` for `()`.
    pub returns: Option<TypeId>,
    pub(crate) die: DieRef,
}

impl Function {
    /// Whether `at` is an address of its code.
    pub fn contains(&self, at: ImageAddress) -> bool {
        self.ranges.iter().any(|range| range.contains(&at))
    }
}

/// An entry of `.debug_info`: the index of its unit and its offset in bytes into the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DieRef {
    pub unit: u32,
    pub offset: u32,
}

/// A row of the line table: the source position from this address on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRow {
    /// The first address of the row.
    pub address: ImageAddress,
    /// The absolute path of the file.
    pub file: Arc<str>,
    /// The line from 1; 0 for code of the compiler's own.
    pub line: u32,
    /// The column in bytes from 1; 0 where the compiler gives none.
    pub column: u32,
    /// Whether the compiler recommends the row for a breakpoint (it does so only where the line
    /// changes).
    pub is_stmt: bool,
    /// Whether the function's parameters are in place from here on.
    pub prologue_end: bool,
    /// Whether the function leaves from here on.
    pub epilogue_begin: bool,
}

/// A variable or parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name; empty where the compiler gives none (such as a closure's environment).
    pub name: Arc<str>,
    /// What it is in the source.
    pub role: LocalRole,
    /// Whether rustc gives this name to variables of its own too (`iter`, `val`, ...), so that only
    /// the source tells: such a variable is hidden if its name does not stand at `declared`.
    pub may_be_hidden: bool,
    /// Its type.
    pub ty: TypeId,
    /// Where it is declared; never with a column.
    pub declared: Option<Declared>,
    /// The code in which it is in scope, in address order: its innermost lexical block, or the whole
    /// function.
    pub scope: Vec<Range<ImageAddress>>,
    /// How many lexical blocks contain it.
    pub scope_depth: u32,
    /// Its place among the function's variables, in the order of the debug information, which is
    /// that of the source within one block.
    pub order: u32,
    pub(crate) die: DieRef,
    pub(crate) stated: Stated,
    pub(crate) frame_base: Option<Arc<[u8]>>,
    pub(crate) encoding: gimli::Encoding,
}

/// The code for which an expression holds, as image addresses, and the expression.
pub(crate) type ListEntry = (Range<u64>, Arc<[u8]>);

/// What the debug information says about the place of a variable: expressions as their bytes, so
/// that a variable can be located without looking at the debug information again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    /// One expression for the whole scope.
    Expression(Arc<[u8]>),
    /// An expression for each stretch of code, with gaps between them.
    List(Arc<[ListEntry]>),
    /// The value itself.
    Constant(Arc<[u8]>),
    /// Nothing.
    Absent,
}

impl Variable {
    /// Whether it is in scope at `at`.
    pub fn in_scope(&self, at: ImageAddress) -> bool {
        self.scope.iter().any(|range| range.contains(&at))
    }

    /// Whether the debug information gives it one place for all of its scope, as it does for
    /// variables of code that is not optimised.
    pub fn has_one_place(&self) -> bool {
        matches!(self.stated, Stated::Expression(_))
    }
}

/// What the evaluation of a location may ask: the registers and memory of one frame.
pub trait LocationContext {
    /// The value of a register in this frame; `None` where it was not captured.
    fn register(&self, register: Register) -> Option<u64>;
    /// The canonical frame address: the address just above the return address.
    fn cfa(&self) -> Option<RuntimeAddress>;
    /// `len` bytes of memory at `at`; `None` where they were not captured.
    fn read(&self, at: RuntimeAddress, len: usize) -> Option<Vec<u8>>;
    /// How far the loader moved the image.
    fn bias(&self) -> LoadBias;
    /// The thread pointer (the base of `fs`); `None` where it was not captured.
    fn thread_pointer(&self) -> Option<u64>;
}

/// Where a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In memory.
    Memory(RuntimeAddress),
    /// In a register, in its low bytes.
    Register(Register),
    /// Nowhere, but these are its bytes. They may be fewer than the type's: the rest is zero.
    Bytes(Vec<u8>),
    /// In parts, in the order of the value's bytes, each with its size in bytes.
    Pieces(Vec<(Location, u64)>),
    /// A part that is nowhere; only inside [`Location::Pieces`].
    Nowhere(Unknown),
}

/// A call that the compiler replaced by the callee's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlinedCall {
    /// The path of the callee.
    pub name: Arc<str>,
    /// Where the callee is declared.
    pub declared: Option<Declared>,
    /// Where the call stands.
    pub call: Option<Declared>,
    /// The callee's code in the caller.
    pub ranges: Vec<Range<ImageAddress>>,
    /// How many inlined calls contain it.
    pub depth: u32,
}

/// Where a static lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StaticPlace {
    /// In the image.
    Address(ImageAddress),
    /// In each thread's block.
    ThreadLocal {
        /// Distance from the start of the executable's thread-local block, in bytes.
        offset_in_block: u64,
        /// Distance from the thread pointer, in bytes; negative on x86-64.
        from_thread_pointer: i64,
    },
}

/// A static or thread-local variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticVariable {
    /// The path, as `demo::COUNTER`; a `thread_local!` has the name it was declared with.
    pub name: Arc<str>,
    /// The symbol, mangled.
    pub linkage_name: Option<Arc<str>>,
    /// Its type.
    pub ty: TypeId,
    /// Where it lives.
    pub place: StaticPlace,
    /// Where it is declared.
    pub declared: Option<Declared>,
    /// Whether its memory can be written.
    pub writable: bool,
}

/// The table behind a `dyn Trait` pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vtable {
    /// The type and trait, as `demo::Circle as demo::Shape`.
    pub name: Arc<str>,
    /// The type behind the pointer.
    pub concrete: TypeId,
    /// The trait's path, where the name tells it.
    pub trait_name: Option<Arc<str>>,
    /// Where the table begins.
    pub address: ImageAddress,
    /// Its size in bytes.
    pub size: u64,
}

/// A symbol of the executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name, demangled and without hash.
    pub name: Arc<str>,
    /// The name as linked.
    pub linkage_name: Arc<str>,
    /// Where it begins.
    pub address: ImageAddress,
    /// Its size in bytes; 0 where the symbol table gives none.
    pub size: u64,
    /// Whether it is code.
    pub is_function: bool,
}

/// A thread-local of which only the symbol is known: std comes without debug information of its
/// variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadLocalSymbol {
    /// Its distance from the thread pointer, in bytes.
    pub from_thread_pointer: i64,
    /// Its size in bytes.
    pub size: u64,
}

/// An address that tells the frame of a call: where the next instruction is, or where a call will
/// come back to. A return address may already lie behind the caller's code, so that the two must
/// not be mixed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameAddress {
    /// The next instruction, of the innermost frame.
    Instruction(RuntimeAddress),
    /// The return address of a call in progress.
    Return(RuntimeAddress),
}

impl FrameAddress {
    /// An address inside the instruction that runs: the byte before a return address.
    pub fn lookup(self) -> RuntimeAddress {
        match self {
            Self::Instruction(at) => at,
            Self::Return(at) => RuntimeAddress(at.0.wrapping_sub(1)),
        }
    }
}

/// The registers of a frame, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnwindRegisters {
    /// The general registers by DWARF number; `None` where the value is not known.
    pub general: [Option<u64>; Register::COUNT],
    /// Where the frame stands.
    pub at: FrameAddress,
}

impl UnwindRegisters {
    /// Registers of which only the position, stack pointer and frame pointer are known.
    pub fn new(at: FrameAddress, stack_pointer: RuntimeAddress, frame_pointer: u64) -> Self {
        let mut general = [None; Register::COUNT];
        general[usize::from(Register::RSP.0)] = Some(stack_pointer.0);
        general[usize::from(Register::RBP.0)] = Some(frame_pointer);
        Self { general, at }
    }

    /// The value of a register.
    pub fn get(&self, register: Register) -> Option<u64> {
        self.general.get(usize::from(register.0)).copied().flatten()
    }
}

/// One frame up the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnwindStep {
    /// The caller's registers. Those that the callee may change are not known.
    pub registers: UnwindRegisters,
    /// The callee's canonical frame address: just above its return address.
    pub cfa: RuntimeAddress,
    /// Where the callee returns to.
    pub return_address: RuntimeAddress,
    /// Where the callee's frame keeps the caller's registers.
    pub saved: Vec<(Register, RuntimeAddress)>,
}
