use std::ops::Range;

use crate::{
    BasicBlock, BorrowCheck, Local, Location, Place, ScopeId, SourceInfo, Span, Statement,
    Terminator,
};

/// What a body computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BodyKind {
    /// A function, method, closure or coroutine.
    Function,
    /// A constant, or an expression that stands for one.
    Constant,
    /// A static.
    Static,
    /// A part of another body that the compiler made a constant of its own.
    Promoted,
}

/// One function, constant or static, as printed at one time of its compilation.
///
/// Texts in it are parts of the text that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body<'t> {
    /// The path in the header: `main::{closure#0}`, `<impl at src/main.rs:1:10: 1:15>::fmt`.
    pub name: &'t str,
    /// What it computes.
    pub kind: BodyKind,
    /// The header from after the name to the brace.
    pub signature: &'t str,
    /// The name of the pass, such as `nll`, that a `// MIR for` line states.
    pub pass: Option<&'t str>,
    /// Whether it is the copy for evaluation at compile time, which a `const fn` has besides.
    pub for_compile_time: bool,
    /// Whether it can stop in the middle: an `async` body before it becomes a state machine.
    pub is_coroutine: bool,
    /// How many arguments it takes: `_1`, `_2` and so on.
    pub argument_count: u32,
    /// The locals by ascending number.
    pub locals: Vec<LocalDecl<'t>>,
    /// The scopes by ascending number. The function's own, 0, is not among them.
    pub scopes: Vec<Scope<'t>>,
    /// The user's variables, in the order of the text.
    pub variables: Vec<Variable<'t>>,
    /// The blocks by ascending number; of several with one number, the first.
    pub blocks: Vec<BasicBlockData<'t>>,
    /// What the borrow checker found; only in its own dump.
    pub borrows: Option<BorrowCheck>,
    /// How many statements and terminators are of a form that is not known here.
    pub opaque: u32,
    /// Whether the control flow is whole: the body ends, every block is in the place of its number
    /// and has a terminator, and every target is there.
    pub flow_is_whole: bool,
    /// The lines of the text, from the header, from 1.
    pub lines: Range<u32>,
}

/// What is known of a local by its declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalDecl<'t> {
    /// Which.
    pub local: Local,
    /// Its type.
    pub ty: &'t str,
    /// Whether it is declared `mut`; all temporaries are.
    pub mutable: bool,
    /// Where it is declared. Nothing for arguments: their variables say it.
    pub source: SourceInfo<'t>,
}

/// A lexical scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope<'t> {
    /// Which.
    pub id: ScopeId,
    /// The scope around it.
    pub parent: ScopeId,
    /// The function that was inlined here, and the span of its call.
    pub inlined: Option<(&'t str, Option<Span<'t>>)>,
}

/// A variable of the source, with where its value is: `debug x => _1;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable<'t> {
    /// Its name.
    pub name: &'t str,
    /// The part of the variable that the value is, as text, where it was taken apart.
    pub part: Option<&'t str>,
    /// Where its value is. A place with a projection is what a closure or coroutine has captured.
    pub value: VariableValue<'t>,
    /// The scope it can be used in, and the pattern that binds it.
    pub source: SourceInfo<'t>,
}

/// Where the value of a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableValue<'t> {
    /// In memory.
    Place(Place<'t>),
    /// Nowhere: it is a constant, or of a form that is not known here; with its text.
    Other(&'t str),
}

impl<'t> Variable<'t> {
    /// The place, if the value is in one.
    pub fn place(&self) -> Option<&Place<'t>> {
        match &self.value {
            VariableValue::Place(place) => Some(place),
            VariableValue::Other(_) => None,
        }
    }
}

/// The content of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicBlockData<'t> {
    /// Which.
    pub id: BasicBlock,
    /// Whether it is part of what a panic does on its way out.
    pub is_cleanup: bool,
    /// Its steps but the last.
    pub statements: Vec<Statement<'t>>,
    /// The last; `None` where the text ends before.
    pub terminator: Option<Terminator<'t>>,
}

impl<'t> BasicBlockData<'t> {
    /// The location of the terminator.
    pub fn end(&self) -> Location {
        Location {
            block: self.id,
            statement: u32::try_from(self.statements.len()).unwrap_or(u32::MAX),
        }
    }
}

impl<'t> Body<'t> {
    /// A block by its number.
    pub fn block(&self, block: BasicBlock) -> Option<&BasicBlockData<'t>> {
        let in_place = self.blocks.get(block.index());
        if in_place.is_some_and(|data| data.id == block) {
            return in_place;
        }
        // Where the text is damaged, blocks before it may be missing.
        let index = self.blocks.binary_search_by_key(&block, |data| data.id);
        self.blocks.get(index.ok()?)
    }

    /// The statement at a location; `None` for that of a terminator.
    pub fn statement(&self, location: Location) -> Option<&Statement<'t>> {
        let index = usize::try_from(location.statement).ok()?;
        self.block(location.block)?.statements.get(index)
    }

    /// The terminator, if it is what is at a location.
    pub fn terminator(&self, location: Location) -> Option<&Terminator<'t>> {
        let block = self.block(location.block)?;
        (block.end() == location).then_some(block.terminator.as_ref()?)
    }

    /// The scope and span of what is at a location.
    pub fn source(&self, location: Location) -> Option<SourceInfo<'t>> {
        match self.statement(location) {
            Some(statement) => Some(statement.source),
            None => self
                .terminator(location)
                .map(|terminator| terminator.source),
        }
    }

    /// The declaration of a local. Of arguments there is only what the header says.
    pub fn local(&self, local: Local) -> Option<&LocalDecl<'t>> {
        let index = self.locals.binary_search_by_key(&local, |decl| decl.local);
        self.locals.get(index.ok()?)
    }

    /// The variables that a local, or something inside of it, is the place of.
    pub fn variables_of(&self, local: Local) -> impl Iterator<Item = &Variable<'t>> {
        let is_in = move |variable: &&Variable<'t>| {
            variable.place().is_some_and(|place| place.local == local)
        };
        self.variables.iter().filter(is_in)
    }

    /// All locations, in the order of the text.
    pub fn locations(&self) -> impl Iterator<Item = Location> + '_ {
        self.blocks.iter().flat_map(|block| {
            (0..=block.end().statement).map(|statement| Location {
                block: block.id,
                statement,
            })
        })
    }

    /// How many statements and terminators there are.
    pub fn step_count(&self) -> usize {
        let steps = |block: &BasicBlockData<'_>| {
            block.statements.len() + usize::from(block.terminator.is_some())
        };
        self.blocks.iter().map(steps).sum()
    }
}
