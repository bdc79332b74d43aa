//! From lines to bodies. What a line is, is decided by where it stands and how it begins; nothing
//! is read twice, and nothing is nested on the call stack.

use crate::borrows::Header;
use crate::declaration::{self, Heading};
use crate::problem::excerpt;
use crate::statement::{SourceInfo, StatementKind};
use crate::terminator::{self, Edge, EdgeLabel, Terminator, TerminatorKind, UnwindAction};
use crate::{
    BasicBlock, BasicBlockData, Body, PROBLEM_LIMIT, Problem, ProblemKind, ScopeId, Span, Statement,
};

/// How many lines the head of a body may have.
const HEAD_LIMIT: u32 = 8;

/// Reads all bodies of a text: one dump of the borrow checker, all of them one behind the other, or
/// what `--emit=mir` writes.
///
/// Bodies come in the order of the text, and problems too; of those only the first
/// [`PROBLEM_LIMIT`] are kept ([`Body::opaque`] counts on).
pub fn parse(text: &str) -> (Vec<Body<'_>>, Vec<Problem>) {
    let mut reader = Reader::default();
    let mut at = 0;
    let mut number = 0u32;
    while at < text.len() {
        let end = text[at..]
            .find('\n')
            .map_or(text.len(), |length| at + length);
        number = number.saturating_add(1);
        reader.line = number;
        let line = &text[at..end];
        reader.read(text, at, line.strip_suffix('\r').unwrap_or(line));
        at = end + 1;
    }
    reader.end_cut_body();
    (reader.bodies, reader.problems)
}

/// What a line can be part of, outside of bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Between {
    #[default]
    Nothing,
    /// The head of a body that begins at this offset and line.
    Head(usize, u32),
    /// The bytes of an allocation, to a line `}`.
    Allocation,
}

#[derive(Default)]
struct Reader<'t> {
    bodies: Vec<Body<'t>>,
    problems: Vec<Problem>,
    /// The number of the line that is being read.
    line: u32,
    between: Between,
    /// Inside of `/* ... */`.
    in_comment: bool,
    /// What lines in front of a body say about it.
    pass: Option<&'t str>,
    for_compile_time: bool,
    header: Option<Header<'t>>,
    open: Option<OpenBody<'t>>,
}

struct OpenBody<'t> {
    body: Body<'t>,
    /// The scopes that are open; the function's own is not among them.
    scopes: Vec<ScopeId>,
    block: Option<BasicBlockData<'t>>,
    /// Whether the constant that comes next is what the last terminator calls.
    callee_is_next: bool,
}

impl<'t> Reader<'t> {
    fn problem(&mut self, kind: ProblemKind) {
        if self.problems.len() < PROBLEM_LIMIT {
            self.problems.push(Problem::new(self.line, kind));
        }
    }

    /// Reads a line that begins at an offset of the text.
    fn read(&mut self, text: &'t str, offset: usize, line: &'t str) {
        let content = line.trim();
        if self.in_comment {
            self.in_comment = !content.ends_with("*/");
            return;
        }
        if content.starts_with("/*") {
            self.in_comment = !content.ends_with("*/");
            return;
        }
        // What does not begin with a space is not inside of a body.
        let is_inside = line.starts_with(' ') || content.is_empty();
        if self.open.is_some() && !is_inside {
            if content == "}" {
                self.end_body();
                return;
            }
            self.end_cut_body();
        }
        match self.open.take() {
            Some(mut open) => {
                self.read_inside(&mut open, content);
                self.open = Some(open);
            }
            None => self.read_outside(text, offset, line),
        }
    }

    fn read_outside(&mut self, text: &'t str, offset: usize, line: &'t str) {
        match self.between {
            Between::Allocation => {
                if line == "}" {
                    self.between = Between::Nothing;
                }
                return;
            }
            Between::Head(start, first) => {
                if line.ends_with('{') {
                    self.between = Between::Nothing;
                    self.begin_body(&text[start..offset + line.len()], first);
                } else if self.line.saturating_sub(first) >= HEAD_LIMIT {
                    self.between = Between::Nothing;
                    self.problem(ProblemKind::UnknownLine(excerpt(&text[start..])));
                }
                return;
            }
            Between::Nothing => {}
        }
        if line.trim().is_empty() {
            return;
        }
        if let Some(comment) = line.strip_prefix("//") {
            self.read_comment(comment);
        } else if let Some(header_line) = line.strip_prefix('|') {
            let number = self.line;
            let header = self.header.get_or_insert_default();
            if header.line(header_line, number).is_none() {
                self.problem(ProblemKind::BorrowHeader(excerpt(line)));
            }
        } else if declaration::is_allocation(line) {
            if line.ends_with('{') {
                self.between = Between::Allocation;
            }
        } else if line.starts_with(' ') || line == "}" {
            self.problem(ProblemKind::UnknownLine(excerpt(line)));
        } else if line.ends_with(';') {
            // A constant that is its own value has no body: `const N: usize = const 5_usize;`.
            self.for_compile_time = false;
        } else if line.ends_with('{') {
            self.begin_body(line, self.line);
        } else {
            self.between = Between::Head(offset, self.line);
        }
    }

    /// A comment between bodies: `// MIR for `main` 0 nll`, `// MIR FOR CTFE`.
    fn read_comment(&mut self, comment: &'t str) {
        if comment.starts_with(" MIR FOR CTFE") {
            self.for_compile_time = true;
        } else if let Some(rest) = comment.strip_prefix(" MIR for `") {
            self.pass = rest.rsplit_once(' ').map(|(_, pass)| pass);
            self.header = None;
        }
    }

    fn begin_body(&mut self, head: &'t str, first_line: u32) {
        let heading = declaration::heading(head);
        if heading.is_none() {
            self.problem(ProblemKind::UnknownLine(excerpt(head)));
        }
        let heading = heading.unwrap_or_else(|| Heading::unknown(head));
        let argument_count = u32::try_from(heading.arguments.len()).unwrap_or(u32::MAX);
        let borrows = self.header.take().map(|header| {
            let (borrows, lines) = header.finish();
            for line in lines {
                let kind = ProblemKind::BorrowHeader(String::new());
                self.problems.push(Problem::new(line, kind));
            }
            borrows
        });
        let body = Body {
            name: heading.name,
            kind: heading.kind,
            signature: heading.signature,
            pass: self.pass.take(),
            for_compile_time: std::mem::take(&mut self.for_compile_time),
            is_coroutine: heading.is_coroutine,
            argument_count,
            locals: heading.arguments,
            scopes: Vec::new(),
            variables: Vec::new(),
            blocks: Vec::new(),
            borrows,
            opaque: 0,
            flow_is_whole: true,
            lines: first_line..self.line.saturating_add(1),
        };
        self.open = Some(OpenBody {
            body,
            scopes: Vec::new(),
            block: None,
            callee_is_next: false,
        });
    }

    /// Ends a body that the text, or another body, ends too early.
    fn end_cut_body(&mut self) {
        if self.open.is_some() {
            self.problem(ProblemKind::CutShort);
            if let Some(open) = &mut self.open {
                open.body.flow_is_whole = false;
            }
            self.end_body();
        }
    }

    fn end_body(&mut self) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        self.end_block(&mut open);
        let mut body = open.body;
        body.lines.end = self.line.saturating_add(1);
        // Those of scopes are declared behind those of the function.
        body.locals.sort_by_key(|decl| decl.local);
        body.locals.dedup_by_key(|decl| decl.local);
        body.scopes.sort_by_key(|scope| scope.id);
        body.scopes.dedup_by_key(|scope| scope.id);
        self.check_flow(&mut body);
        self.bodies.push(body);
    }

    /// Whether control flow is whole; tells one problem a body.
    fn check_flow(&mut self, body: &mut Body<'t>) {
        let is_moved = |(index, data): &(usize, &BasicBlockData<'_>)| data.id.index() != *index;
        let moved = body
            .blocks
            .iter()
            .enumerate()
            .find(is_moved)
            .map(|(_, data)| data.id);
        if moved.is_some() {
            body.blocks.sort_by_key(|data| data.id);
            body.blocks.dedup_by_key(|data| data.id);
        }
        let terminators = body
            .blocks
            .iter()
            .filter_map(|data| data.terminator.as_ref());
        let mut targets = terminators.flat_map(|terminator| &terminator.edges);
        let missing = targets.find(|edge| edge.target.index() >= body.blocks.len());
        let missing = moved.or(missing.map(|edge| edge.target));
        if let Some(block) = missing {
            self.problem(ProblemKind::MissingBlock(block));
        }
        let ends = body.blocks.iter().all(|data| data.terminator.is_some());
        body.flow_is_whole &= missing.is_none() && ends && !body.blocks.is_empty();
    }

    fn read_inside(&mut self, open: &mut OpenBody<'t>, content: &'t str) {
        if content.is_empty() {
            return;
        }
        if content.starts_with("//") {
            read_constant(open, content);
            return;
        }
        if content == "}" {
            if open.block.is_some() {
                self.end_block(open);
            } else if open.scopes.pop().is_none() {
                self.problem(ProblemKind::UnknownLine(excerpt(content)));
            }
            return;
        }
        let (content, source) = SourceInfo::split(content);
        if let Some(block) = declaration::block(content) {
            self.end_block(open);
            open.block = Some(block);
        } else if open.block.is_some() {
            self.read_step(open, content, source);
        } else if !self.read_declaration(open, content, source) {
            self.problem(ProblemKind::UnknownLine(excerpt(content)));
        }
    }

    /// `let`, `debug`, `scope`. Whether it was one.
    fn read_declaration(
        &mut self,
        open: &mut OpenBody<'t>,
        content: &'t str,
        source: SourceInfo<'t>,
    ) -> bool {
        let parent = open.scopes.last().copied().unwrap_or_default();
        let scoped = SourceInfo {
            scope: if source.span.is_some() {
                source.scope
            } else {
                parent
            },
            ..source
        };
        if let Some(decl) = declaration::local(content, scoped) {
            open.body.locals.push(decl);
        } else if let Some(variable) = declaration::variable(content, scoped) {
            open.body.variables.push(variable);
        } else if let Some(scope) = declaration::scope(content, parent, source.span) {
            open.scopes.push(scope.id);
            open.body.scopes.push(scope);
        } else {
            return false;
        }
        true
    }

    /// A statement or terminator of the open block.
    fn read_step(&mut self, open: &mut OpenBody<'t>, content: &'t str, source: SourceInfo<'t>) {
        let Some(block) = &mut open.block else { return };
        let text = content.strip_suffix(';').unwrap_or(content);
        open.callee_is_next = false;
        if block.terminator.is_some() {
            self.problem(ProblemKind::UnknownLine(excerpt(content)));
            return;
        }
        if let Some(parsed) = terminator::parse(text) {
            if let TerminatorKind::Opaque(text) = parsed.kind {
                open.body.opaque += 1;
                self.problem(ProblemKind::OpaqueTerminator(excerpt(text)));
            }
            open.callee_is_next = calls_constant(&parsed.kind);
            block.terminator = Some(Terminator {
                kind: parsed.kind,
                edges: parsed.edges,
                unwind: parsed.unwind,
                source,
                callee_span: None,
                line: self.line,
            });
            return;
        }
        let kind = StatementKind::parse(text);
        let line = self.line;
        if kind.is_opaque() {
            open.body.opaque += 1;
        }
        match &kind {
            StatementKind::Opaque(text) => {
                self.problem(ProblemKind::OpaqueStatement(excerpt(text)));
            }
            StatementKind::Assign(_, rvalue) if rvalue.is_opaque() => {
                self.problem(ProblemKind::OpaqueRvalue(excerpt(text)));
            }
            _ => {}
        }
        block.statements.push(Statement { kind, source, line });
    }

    /// Ends the open block. If it ends with what is not known, that is its terminator.
    fn end_block(&mut self, open: &mut OpenBody<'t>) {
        let Some(mut block) = open.block.take() else {
            return;
        };
        if block.terminator.is_none() {
            let is_opaque =
                |last: &mut Statement<'t>| matches!(last.kind, StatementKind::Opaque(_));
            let last = block.statements.pop_if(is_opaque);
            block.terminator = last.and_then(|last| opaque_terminator(&last));
            if block.terminator.is_none() {
                self.problem(ProblemKind::NoTerminator(block.id));
            }
        }
        open.body.blocks.push(block);
    }
}

fn calls_constant(kind: &TerminatorKind<'_>) -> bool {
    match kind {
        TerminatorKind::Call { callee, .. } | TerminatorKind::TailCall { callee, .. } => {
            !callee.starts_with("move ") && !callee.starts_with("copy ")
        }
        _ => false,
    }
}

/// `// + span: F:L:C: L:C` behind a call is the span of what is called: it is the first of the
/// constants.
fn read_constant<'t>(open: &mut OpenBody<'t>, comment: &'t str) {
    if !open.callee_is_next {
        return;
    }
    let Some(span) = comment.strip_prefix("// + span: ") else {
        return;
    };
    open.callee_is_next = false;
    let terminator = open
        .block
        .as_mut()
        .and_then(|block| block.terminator.as_mut());
    if let Some(terminator) = terminator {
        terminator.callee_span = Span::parse(span);
    }
}

fn opaque_terminator<'t>(statement: &Statement<'t>) -> Option<Terminator<'t>> {
    let StatementKind::Opaque(text) = statement.kind else {
        return None;
    };
    let edge = |target: BasicBlock| Edge {
        label: EdgeLabel::Other(""),
        target,
    };
    Some(Terminator {
        kind: TerminatorKind::Opaque(text),
        edges: terminator::mentioned_blocks(text)
            .into_iter()
            .map(edge)
            .collect(),
        unwind: UnwindAction::None,
        source: statement.source,
        callee_span: None,
        line: statement.line,
    })
}
