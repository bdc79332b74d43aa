use crate::rvalue::mentioned_operands;
use crate::scan::{Cursor, find_outside};
use crate::{BasicBlock, Operand, Place, SourceInfo, Span};

/// The last step of a block, and where control flow goes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminator<'t> {
    /// What it does.
    pub kind: TerminatorKind<'t>,
    /// Where control flow goes, in the order of the text.
    pub edges: Vec<Edge<'t>>,
    /// What happens to a panic.
    pub unwind: UnwindAction<'t>,
    /// Which source it was made from.
    pub source: SourceInfo<'t>,
    /// The span of what is called, as in `v.push(1)` that of `push`: a line table gives it, not the
    /// terminator's own, to the call instruction.
    pub callee_span: Option<Span<'t>>,
    /// Its line in the text, from 1.
    pub line: u32,
}

/// A way from one block to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge<'t> {
    /// When it is taken.
    pub label: EdgeLabel<'t>,
    /// Where it goes.
    pub target: BasicBlock,
}

/// When a way is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeLabel<'t> {
    /// Always; also the only target of what has no label.
    Goto,
    /// The called function or the destructor has returned, the assertion holds.
    Return,
    /// It panics.
    Unwind,
    /// The switched value is this.
    Value(&'t str),
    /// The switched value is none of the others.
    Otherwise,
    /// The coroutine goes on.
    Resume,
    /// The coroutine is dropped while it waits.
    Drop,
    /// The way that is taken of a `falseEdge` or `falseUnwind`.
    Real,
    /// A way that exists only for the borrow checker.
    Imaginary,
    /// A label that is not known here.
    Other(&'t str),
}

/// What happens to a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnwindAction<'t> {
    /// There is none, or the text does not say.
    #[default]
    None,
    /// It goes on in the caller.
    Continue,
    /// It cannot be.
    Unreachable,
    /// The process ends, with the reason.
    Terminate(&'t str),
    /// A block drops what has to be dropped; there is an [`EdgeLabel::Unwind`] to it.
    Cleanup,
}

/// What a terminator does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TerminatorKind<'t> {
    /// `goto`.
    Goto,
    /// `switchInt(A)`.
    SwitchInt(Operand<'t>),
    /// `return`.
    Return,
    /// `resume`: the panic goes on in the caller.
    UnwindResume,
    /// `terminate(REASON)`: the process ends.
    UnwindTerminate(&'t str),
    /// `coroutine_drop`.
    CoroutineDrop,
    /// `unreachable`.
    Unreachable,
    /// `drop(P)`. In the body that the borrow checker saw it stands at each end of a scope, whether
    /// or not `P` has a value; in the elaborated one only where something is dropped.
    Drop(Place<'t>),
    /// `P = CALLEE(A, B)`.
    Call {
        /// Where the result goes, if the call returns.
        destination: Place<'t>,
        /// What is called: a path, or `move _1` or `copy _1` for a function pointer.
        callee: &'t str,
        /// The arguments. A function pointer that is moved is none.
        arguments: Vec<Operand<'t>>,
    },
    /// `tailcall CALLEE(A, B)`.
    TailCall {
        /// What is called.
        callee: &'t str,
        /// The arguments.
        arguments: Vec<Operand<'t>>,
    },
    /// `assert(A, "message", B, C)`.
    Assert {
        /// What has to hold.
        condition: Operand<'t>,
        /// Whether it has to be true.
        expected: bool,
        /// What is said otherwise, with its operands.
        message: &'t str,
    },
    /// `falseEdge`: a branch that the borrow checker must not decide.
    FalseEdge,
    /// `falseUnwind`: a loop that the borrow checker must believe to end.
    FalseUnwind,
    /// `P = yield(A)`.
    Yield {
        /// Where what it is resumed with goes.
        destination: Place<'t>,
        /// What it gives.
        value: Operand<'t>,
    },
    /// `asm!(...)`.
    InlineAsm {
        /// Its operands.
        inputs: Vec<Operand<'t>>,
        /// The places that it writes.
        outputs: Vec<Place<'t>>,
    },
    /// A form that is not known here.
    Opaque(&'t str),
}

impl<'t> TerminatorKind<'t> {
    /// The operands in the order of the text.
    pub fn operands(&self) -> &[Operand<'t>] {
        match self {
            TerminatorKind::SwitchInt(operand)
            | TerminatorKind::Assert {
                condition: operand, ..
            }
            | TerminatorKind::Yield { value: operand, .. } => std::slice::from_ref(operand),
            TerminatorKind::Call { arguments, .. } | TerminatorKind::TailCall { arguments, .. } => {
                arguments
            }
            TerminatorKind::InlineAsm { inputs, .. } => inputs,
            _ => &[],
        }
    }

    /// The place that has a value when control flow goes on, by [`EdgeLabel::Return`] or
    /// [`EdgeLabel::Resume`].
    pub fn destination(&self) -> Option<&Place<'t>> {
        match self {
            TerminatorKind::Call { destination, .. }
            | TerminatorKind::Yield { destination, .. } => Some(destination),
            _ => None,
        }
    }
}

/// A terminator as its line has it.
pub(crate) struct Parsed<'t> {
    pub(crate) kind: TerminatorKind<'t>,
    pub(crate) edges: Vec<Edge<'t>>,
    pub(crate) unwind: UnwindAction<'t>,
}

/// Reads a terminator without its semicolon. `None` for what is none; a line with targets whose
/// form is not known becomes opaque.
pub(crate) fn parse(text: &str) -> Option<Parsed<'_>> {
    let plain = |kind| Parsed {
        kind,
        edges: Vec::new(),
        unwind: UnwindAction::None,
    };
    match text {
        "return" => return Some(plain(TerminatorKind::Return)),
        "resume" => return Some(plain(TerminatorKind::UnwindResume)),
        "unreachable" => return Some(plain(TerminatorKind::Unreachable)),
        "coroutine_drop" => return Some(plain(TerminatorKind::CoroutineDrop)),
        _ => {}
    }
    if let Some(reason) = text.strip_prefix("terminate(") {
        let reason = reason.strip_suffix(')').unwrap_or(reason);
        return Some(plain(TerminatorKind::UnwindTerminate(reason)));
    }
    if let Some(call) = text.strip_prefix("tailcall ") {
        let (callee, arguments) = call_of(call)?;
        return Some(plain(TerminatorKind::TailCall { callee, arguments }));
    }
    // Types and constants may have an arrow too, but not in front of targets.
    let (head, tail) = text.rsplit_once("-> ")?;
    let (mut edges, mut unwind) = targets(tail)?;
    let head = head.trim_end();
    let kind = known(head).unwrap_or(TerminatorKind::Opaque(head));
    // The one block of a call that does not return is where a panic goes.
    let one_block = edges.len() == 1 && unwind == UnwindAction::None;
    if one_block
        && matches!(
            kind,
            TerminatorKind::Call { .. } | TerminatorKind::InlineAsm { .. }
        )
    {
        edges[0].label = EdgeLabel::Unwind;
    }
    if edges.iter().any(|edge| edge.label == EdgeLabel::Unwind) {
        unwind = UnwindAction::Cleanup;
    }
    Some(Parsed {
        kind,
        edges,
        unwind,
    })
}

/// The blocks in a text of unknown form: `bb` and a number, as a word.
pub(crate) fn mentioned_blocks(text: &str) -> Vec<BasicBlock> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter_map(block)
        .collect()
}

fn block(text: &str) -> Option<BasicBlock> {
    text.strip_prefix("bb")?.parse().ok().map(BasicBlock)
}

/// `bb1`, `unwind continue`, `[return: bb1, unwind: bb2]`.
fn targets(text: &str) -> Option<(Vec<Edge<'_>>, UnwindAction<'_>)> {
    let mut edges = Vec::new();
    let mut unwind = UnwindAction::None;
    if let Some(target) = block(text) {
        let label = EdgeLabel::Goto;
        return Some((vec![Edge { label, target }], unwind));
    }
    let list = match text.strip_prefix('[') {
        Some(list) => list.strip_suffix(']')?,
        None => text,
    };
    for item in list.split(", ") {
        if let Some(action) = item.strip_prefix("unwind ") {
            unwind = match action {
                "continue" => UnwindAction::Continue,
                "unreachable" => UnwindAction::Unreachable,
                _ => UnwindAction::Terminate(action.strip_prefix("terminate(")?.strip_suffix(')')?),
            };
            continue;
        }
        let (label, target) = item.rsplit_once(": ")?;
        edges.push(Edge {
            label: edge_label(label),
            target: block(target)?,
        });
    }
    Some((edges, unwind))
}

fn edge_label(text: &str) -> EdgeLabel<'_> {
    match text {
        "return" | "success" => EdgeLabel::Return,
        "unwind" => EdgeLabel::Unwind,
        "otherwise" => EdgeLabel::Otherwise,
        "resume" => EdgeLabel::Resume,
        "drop" => EdgeLabel::Drop,
        "real" => EdgeLabel::Real,
        "imaginary" => EdgeLabel::Imaginary,
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => EdgeLabel::Value(text),
        _ => EdgeLabel::Other(text),
    }
}

/// What is in front of the targets.
fn known(head: &str) -> Option<TerminatorKind<'_>> {
    let inside = |prefix: &str| head.strip_prefix(prefix)?.strip_suffix(')');
    match head {
        "goto" => return Some(TerminatorKind::Goto),
        "falseEdge" => return Some(TerminatorKind::FalseEdge),
        "falseUnwind" => return Some(TerminatorKind::FalseUnwind),
        _ => {}
    }
    if let Some(operand) = inside("switchInt(") {
        return Some(TerminatorKind::SwitchInt(Operand::parse(operand)?));
    }
    // An asynchronous one waits for a future behind a semicolon.
    if let Some(place) = inside("drop(").or_else(|| inside("async drop(")) {
        return Some(TerminatorKind::Drop(Place::read(&mut Cursor::new(place))?));
    }
    if let Some(arguments) = inside("assert(") {
        let mut cursor = Cursor::new(arguments);
        let expected = !cursor.eat("!");
        let condition = Operand::read(&mut cursor)?;
        cursor.eat(", ").then_some(())?;
        return Some(TerminatorKind::Assert {
            condition,
            expected,
            message: cursor.rest,
        });
    }
    if let Some(arguments) = inside("asm!(") {
        return Some(inline_asm(arguments));
    }
    let mut cursor = Cursor::new(head);
    let destination = Place::read(&mut cursor)?;
    cursor.eat(" = ").then_some(())?;
    if let Some(value) = cursor.rest.strip_prefix("yield(") {
        let value = Operand::parse(value.strip_suffix(')')?)?;
        return Some(TerminatorKind::Yield { destination, value });
    }
    let (callee, arguments) = call_of(cursor.rest)?;
    Some(TerminatorKind::Call {
        destination,
        callee,
        arguments,
    })
}

/// `CALLEE(A, B)`. The arguments are the last pair of parentheses: a place that is called, and a
/// path with the signature of a trait, have others before.
fn call_of(text: &str) -> Option<(&str, Vec<Operand<'_>>)> {
    let mut open = None;
    let mut from = 0;
    while let Some(at) = find_outside(text.get(from..)?, |_, byte| byte == b'(') {
        open = Some(from + at);
        let mut cursor = Cursor::new(text.get(from + at + 1..)?);
        cursor.until_close()?;
        from = text.len() - cursor.rest.len();
    }
    let (callee, arguments) = text.split_at_checked(open?)?;
    let arguments = arguments.strip_prefix('(')?.strip_suffix(')')?;
    Some((callee, Operand::parse_list(arguments)?))
}

/// Operands in `in(reg)` and `inout(reg)` are printed as such, outputs as bare places.
fn inline_asm(arguments: &str) -> TerminatorKind<'_> {
    let mut outputs = Vec::new();
    let mut cursor = Cursor::new(arguments);
    while !cursor.rest.is_empty() {
        let argument = cursor.until_comma().unwrap_or(cursor.rest);
        let output = match argument.rsplit_once(" => ") {
            Some((_, output)) => Some(output),
            None if argument.starts_with("out(") || argument.starts_with("lateout(") => {
                argument.rsplit_once(") ").map(|(_, output)| output)
            }
            None => None,
        };
        outputs.extend(output.and_then(Place::parse));
        if !cursor.eat(", ") {
            break;
        }
    }
    TerminatorKind::InlineAsm {
        inputs: mentioned_operands(arguments),
        outputs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let parsed = parse(text).unwrap_or_else(|| panic!("no terminator: {text}"));
        let kind = match &parsed.kind {
            TerminatorKind::Call {
                destination,
                callee,
                ..
            } => format!("{destination} = {callee}()"),
            TerminatorKind::Drop(place) => format!("drop {place}"),
            TerminatorKind::Assert {
                expected, message, ..
            } => format!("assert {expected} {message}"),
            TerminatorKind::InlineAsm { outputs, .. } => format!("asm {outputs:?}"),
            TerminatorKind::Opaque(text) => format!("opaque {text}"),
            other => format!("{other:?}")
                .split('(')
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        let operands: Vec<String> = parsed
            .kind
            .operands()
            .iter()
            .map(Operand::to_string)
            .collect();
        let edges: Vec<String> = parsed
            .edges
            .iter()
            .map(|e| format!("{:?} {}", e.label, e.target))
            .collect();
        let found = format!(
            "{kind} [{}] {} {:?}",
            operands.join(" | "),
            edges.join(", "),
            parsed.unwind
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn calls() {
        check(
            "_0 = String::len(move _2) -> [return: bb1, unwind: bb3]",
            "_0 = String::len() [move _2] Return bb1, Unwind bb3 Cleanup",
        );
        check(
            "_0 = <F as FnOnce<(u8,)>>::call_once(move _1, const ()) -> [return: bb1, unwind continue]",
            "_0 = <F as FnOnce<(u8,)>>::call_once() [move _1 | const ()] Return bb1 Continue",
        );
        check(
            "_0 = move (_1.0: fn(u8) -> u8)(const \") -> bb7\") -> unwind unreachable",
            "_0 = move (_1.0: fn(u8) -> u8)() [const \") -> bb7\"]  Unreachable",
        );
        // The only block is that of a panic.
        check(
            "_3 = panic(const \"x\") -> bb9",
            "_3 = panic() [const \"x\"] Unwind bb9 Cleanup",
        );
        check(
            "((*_1).0: T) = f() -> [return: bb1, unwind terminate(abi)]",
            "((*_1).0: T) = f() [] Return bb1 Terminate(\"abi\")",
        );
    }

    #[test]
    fn others() {
        check("goto -> bb3", "Goto [] Goto bb3 None");
        check(
            "drop((_1.0: T)) -> [return: bb1, unwind terminate(cleanup)]",
            "drop (_1.0: T) [] Return bb1 Terminate(\"cleanup\")",
        );
        check(
            "switchInt(move _4) -> [0: bb4, -1: bb5, otherwise: bb2]",
            "SwitchInt [move _4] Value(\"0\") bb4, Value(\"-1\") bb5, Otherwise bb2 None",
        );
        check(
            "assert(!move (_3.1: bool), \"a `{}` -> [b: bb1]\", copy _1) -> [success: bb1, unwind continue]",
            "assert false \"a `{}` -> [b: bb1]\", copy _1 [move (_3.1: bool)] Return bb1 Continue",
        );
        check(
            "_25 = yield(move _26) -> [resume: bb10, drop: bb27]",
            "Yield { destination: Place { local: Local [move _26] Resume bb10, Drop bb27 None",
        );
        check(
            "falseEdge -> [real: bb1, imaginary: bb2]",
            "FalseEdge [] Real bb1, Imaginary bb2 None",
        );
        check(
            "asm!(\"mov {0}, {1}\", out(reg) _13, in(reg) copy _2, options()) -> [return: bb7, unwind unreachable]",
            "asm [Place { local: Local(13), projection: [] }] [copy _2] Return bb7 Unreachable",
        );
        check(
            "frob(_1) -> [return: bb7]",
            "opaque frob(_1) [] Return bb7 None",
        );
    }

    #[test]
    fn assignments_are_none() {
        for text in [
            "_1 = const \"a -> bb5\"",
            "_1 = f as fn() -> u8 (X)",
            "_2 = &_1",
            "",
            "-> ",
            "x -> [bb1]",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn blocks_are_found_in_what_is_unknown() {
        let blocks = mentioned_blocks("frob bb1 => abb2, [bb3] bbx bb04294967296");
        assert_eq!(blocks, [BasicBlock(1), BasicBlock(3)]);
    }
}
