use stackheap_model::{StatementKind, TextPosition, TextRange};

use crate::lines::Lines;
use crate::lookup::Lookup;
use crate::{Mark, Problem, lexer, mark, parse};

/// Where the statements, bindings, marks and functions of a text are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Statements, by where they start; an outer one comes before those inside it.
    pub statements: Vec<OutlinedStatement>,
    /// Names that patterns and parameters bind, by position.
    pub bindings: Vec<Binding>,
    /// Comments that name a place, by line.
    pub marks: Vec<Mark>,
    /// Functions, closures and async blocks with their bodies, by where they start.
    pub functions: Vec<Body>,
    pub(crate) lines: Lines,
    pub(crate) lookup: Lookup,
}

/// A statement, condition, loop head, match arm, tail expression, closing brace or head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutlinedStatement {
    /// Its kind.
    pub kind: StatementKind,
    /// Its own text: from its first token up to the first block inside it, or to its end. Without
    /// attributes and doc comments. `let x = if c { 1 } else { 2 };` has `let x = if c`.
    pub range: TextRange,
    /// All of its text, with the blocks inside it.
    pub extent: TextRange,
    /// The innermost block it stands in, with its braces; a head's is the body it leads.
    pub block: TextRange,
    /// The index in [`Outline::functions`] of the body it belongs to; `None` for the lines of what
    /// was not parsed, and for code outside of functions.
    pub function: Option<usize>,
}

/// What binds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BindingKind {
    /// `let`, with or without `else`.
    Let,
    /// A parameter of a function, `self` among them.
    Parameter,
    /// `if let`, `while let` and match arms.
    Pattern,
    /// The pattern of a `for` loop.
    For,
    /// A parameter of a closure.
    Closure,
}

/// A name that a pattern or parameter binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name, without `r#`.
    pub name: String,
    /// Where the identifier starts.
    pub at: TextPosition,
    /// Whether it is declared `mut`.
    pub mutable: bool,
    /// Whether it has a value as soon as it is there: all but `let x;`.
    pub initialised: bool,
    /// What binds it.
    pub kind: BindingKind,
    /// Where the name can be used, up to and with the closing brace at which its value is dropped.
    pub scope: TextRange,
}

/// What kind of body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// A function or method, `async` or not.
    Function,
    /// A closure, `async` or not.
    Closure,
    /// An `async` block.
    Async,
}

/// A function, closure or async block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its kind.
    pub kind: BodyKind,
    /// The name of a function.
    pub name: Option<String>,
    /// From the first token of its head to the end of its body.
    pub range: TextRange,
    /// Its body, with the braces where it has any.
    pub block: TextRange,
    /// The index in [`Outline::statements`] of its head.
    pub head: usize,
}

/// Outlines the text of a Rust file, or of a fragment of one that `include!` takes.
///
/// Never fails whole: a part that is not Rust, or is over a limit, gives a statement of kind
/// [`StatementKind::Line`] for each of its lines and a [`Problem`]. Parses on a thread of its own,
/// whose stack is large enough for what the limits allow.
pub fn outline(text: &str) -> (Outline, Vec<Problem>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let scan = lexer::scan(text);
    let lines = Lines::of(text);
    let marks = mark::marks(text, &scan, &lines);
    let (mut found, problems) = parse::parse(text, &scan, &lines);
    found.bindings.sort_by_key(|binding| binding.at);
    let outline = Outline {
        statements: found.statements,
        bindings: found.bindings,
        marks,
        functions: found.bodies,
        lookup: Lookup::of(found.intervals, found.ends),
        lines,
    };
    (outline, problems)
}

impl Outline {
    /// The index of the statement that a row of a line table belongs to, by the row's position.
    ///
    /// That is the innermost statement around the position. The position just behind a body
    /// belongs to the closing brace or last expression before it, because rustc puts the return
    /// there; the position at which a closure or async block starts belongs to the statement that
    /// makes it; column 0, which rustc writes at a function's entry, belongs to the first head that
    /// starts in the line.
    pub fn statement_at(&self, at: TextPosition) -> Option<usize> {
        if at.column == 0 {
            return self.head_in_line(at.line);
        }
        self.lookup.at(self.lines.offset(at)?)
    }

    /// As [`Outline::statement_at`], for a row in the code of the function with this index in
    /// [`Outline::functions`]: the start of a closure or async block, and column 0, belong to its
    /// head.
    pub fn statement_in(&self, function: usize, at: TextPosition) -> Option<usize> {
        let body = self.functions.get(function)?;
        let entry = at.column == 0 && at.line == body.range.start.line;
        if entry || at == body.range.start {
            return Some(body.head);
        }
        self.statement_at(at)
    }

    /// The index in [`Outline::functions`] of the function that code with rows at these positions
    /// is from: the innermost one around all of them. Rows of column 0 are not considered.
    pub fn function_of(&self, rows: impl IntoIterator<Item = TextPosition>) -> Option<usize> {
        let mut span: Option<(TextPosition, TextPosition)> = None;
        for row in rows.into_iter().filter(|row| row.column != 0) {
            let (low, high) = span.unwrap_or((row, row));
            span = Some((low.min(row), high.max(row)));
        }
        let (low, high) = span?;
        // The return's row stands just behind the body. Later bodies are inside earlier ones.
        self.functions
            .iter()
            .rposition(|body| body.range.start <= low && high <= body.range.end)
    }

    /// The statement that a mark names: the first one that starts in the mark's line, else the one
    /// that ends there (a mark behind the last line of a statement), else the next one below.
    pub fn marked_statement(&self, mark: &Mark) -> Option<usize> {
        let first =
            |matches: &dyn Fn(&OutlinedStatement) -> bool| self.statements.iter().position(matches);
        first(&|statement| statement.range.start.line == mark.line)
            .or_else(|| first(&|statement| statement.extent.end.line == mark.line))
            .or_else(|| first(&|statement| statement.range.start.line > mark.line))
    }

    fn head_in_line(&self, line: u32) -> Option<usize> {
        let starts_here = |body: &&Body| body.range.start.line == line;
        self.functions
            .iter()
            .find(starts_here)
            .map(|body| body.head)
    }
}
