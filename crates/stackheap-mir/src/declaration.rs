//! What stands in front of the blocks of a body: its head, locals, variables and scopes.

use crate::scan::{Cursor, find_outside};
use crate::{
    BasicBlock, BasicBlockData, BodyKind, Local, LocalDecl, Place, Scope, ScopeId, SourceInfo,
    Span, Variable, VariableValue,
};

/// What the head of a body says.
pub(crate) struct Heading<'t> {
    pub(crate) name: &'t str,
    pub(crate) kind: BodyKind,
    pub(crate) signature: &'t str,
    pub(crate) is_coroutine: bool,
    pub(crate) arguments: Vec<LocalDecl<'t>>,
}

impl<'t> Heading<'t> {
    /// Of a head that is not known.
    pub(crate) fn unknown(head: &'t str) -> Self {
        Heading {
            name: head.trim_end_matches('{').trim(),
            kind: BodyKind::Constant,
            signature: "",
            is_coroutine: false,
            arguments: Vec::new(),
        }
    }
}

/// Reads `fn NAME(_1: T) -> U {`, `const NAME: T = {`, `promoted[0] in NAME: T = {`.
pub(crate) fn heading(head: &str) -> Option<Heading<'_>> {
    let head = head.strip_suffix('{')?.trim_end();
    if let Some(function) = head.strip_prefix("fn ") {
        let at = find_outside(function, |_, byte| byte == b'(')?;
        let (name, signature) = function.split_at_checked(at)?;
        let mut cursor = Cursor::new(signature.strip_prefix('(')?);
        let arguments = arguments(cursor.until_close()?)?;
        return Some(Heading {
            name,
            kind: BodyKind::Function,
            signature,
            is_coroutine: cursor.rest.contains("\nyields "),
            arguments,
        });
    }
    let (kind, rest) = if let Some(rest) = head.strip_prefix("static ") {
        (BodyKind::Static, rest.strip_prefix("mut ").unwrap_or(rest))
    } else if let Some(rest) = head.strip_prefix("const ") {
        (BodyKind::Constant, rest)
    } else {
        // A constant without a name of its own has no keyword.
        (BodyKind::Constant, head)
    };
    let ends_name = |at, byte| byte == b':' && rest[at..].starts_with(": ");
    let at = find_outside(rest, ends_name)?;
    let (name, signature) = rest.split_at_checked(at)?;
    signature.ends_with('=').then_some(())?;
    let is_promoted = name.starts_with("promoted[") || name.contains("::promoted[");
    Some(Heading {
        name,
        kind: if is_promoted {
            BodyKind::Promoted
        } else {
            kind
        },
        signature,
        is_coroutine: false,
        arguments: Vec::new(),
    })
}

/// `_1: T, _2: U`.
fn arguments(text: &str) -> Option<Vec<LocalDecl<'_>>> {
    let mut cursor = Cursor::new(text);
    let mut arguments = Vec::new();
    while !cursor.rest.is_empty() {
        cursor.eat("_").then_some(())?;
        let local = Local(cursor.number()?);
        cursor.eat(": ").then_some(())?;
        arguments.push(LocalDecl {
            local,
            ty: cursor.until_comma()?,
            mutable: true,
            source: SourceInfo::default(),
        });
        if !cursor.eat(", ") && !cursor.rest.is_empty() {
            return None;
        }
    }
    Some(arguments)
}

/// `alloc3 (size: 1, align: 1) {`, and the same in capitals.
pub(crate) fn is_allocation(line: &str) -> bool {
    let number = line
        .strip_prefix("alloc")
        .or_else(|| line.strip_prefix("ALLOC"));
    number.is_some_and(|rest| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit())
            .starts_with(" (")
    })
}

/// `let mut _1: T;`.
pub(crate) fn local<'t>(line: &'t str, source: SourceInfo<'t>) -> Option<LocalDecl<'t>> {
    let mut cursor = Cursor::new(line.strip_suffix(';')?);
    cursor.eat("let ").then_some(())?;
    let mutable = cursor.eat("mut ");
    cursor.eat("_").then_some(())?;
    let local = Local(cursor.number()?);
    cursor.eat(": ").then_some(())?;
    // A type that the user wrote is told behind the type itself.
    let end = cursor.rest.find(" as UserTypeProjection ");
    let ty = end.map_or(cursor.rest, |end| &cursor.rest[..end]);
    Some(LocalDecl {
        local,
        ty,
        mutable,
        source,
    })
}

/// `debug x => _1;`, or for a part `debug ((x: T).0: U) => _1;`.
pub(crate) fn variable<'t>(line: &'t str, source: SourceInfo<'t>) -> Option<Variable<'t>> {
    let line = line.strip_suffix(';')?.strip_prefix("debug ")?;
    let (name, value) = line.split_once(" => ")?;
    let bare = name.trim_start_matches('(');
    let part = (bare.len() != name.len()).then_some(name);
    let name = match part {
        Some(_) => bare.split(':').next().unwrap_or(bare),
        None => name,
    };
    let value = match Place::parse(value) {
        Some(place) => VariableValue::Place(place),
        None => VariableValue::Other(value),
    };
    Some(Variable {
        name,
        part,
        value,
        source,
    })
}

/// `scope 7 {`, `scope 7 (inlined f) {`.
pub(crate) fn scope<'t>(
    line: &'t str,
    parent: ScopeId,
    span: Option<Span<'t>>,
) -> Option<Scope<'t>> {
    let mut cursor = Cursor::new(line.strip_suffix('{')?.trim_end());
    cursor.eat("scope ").then_some(())?;
    let id = ScopeId(cursor.number()?);
    let inlined = if cursor.eat(" (inlined ") {
        Some((cursor.rest.strip_suffix(')')?, span))
    } else {
        None
    };
    Some(Scope {
        id,
        parent,
        inlined,
    })
}

/// `bb7: {`, `bb7 (cleanup): {`.
pub(crate) fn block(line: &str) -> Option<BasicBlockData<'static>> {
    let mut cursor = Cursor::new(line);
    cursor.eat("bb").then_some(())?;
    let id = BasicBlock(cursor.number()?);
    let is_cleanup = cursor.eat(" (cleanup)");
    (cursor.rest == ": {").then_some(BasicBlockData {
        id,
        is_cleanup,
        statements: Vec::new(),
        terminator: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, name: &str, kind: BodyKind, arguments: &[&str]) {
        let heading = heading(head).unwrap_or_else(|| panic!("{head}"));
        assert_eq!((heading.name, heading.kind), (name, kind));
        let types: Vec<&str> = heading.arguments.iter().map(|decl| decl.ty).collect();
        assert_eq!(types, arguments);
    }

    #[test]
    fn heads() {
        check("fn main() -> () {", "main", BodyKind::Function, &[]);
        check(
            "fn <impl at a (b).rs:1:10: 1:15>::fmt(_1: &A, _2: &mut F<'_>) -> R<(), E> {",
            "<impl at a (b).rs:1:10: 1:15>::fmt",
            BodyKind::Function,
            &["&A", "&mut F<'_>"],
        );
        check("static mut X: [u8; 3] = {", "X", BodyKind::Static, &[]);
        check(
            "const main::promoted[0]: &&str = {",
            "main::promoted[0]",
            BodyKind::Promoted,
            &[],
        );
        check(
            "promoted[0] in main: &&str = {",
            "promoted[0] in main",
            BodyKind::Promoted,
            &[],
        );
        check(
            "TL::{constant#0}: for<'a> fn(Option<&'a mut A>) -> *const B<Vec<u8>> = {",
            "TL::{constant#0}",
            BodyKind::Constant,
            &[],
        );
        let coroutine = heading("fn a::{closure#0}(_1: X) -> usize\nyields ()\n {").unwrap();
        assert!(coroutine.is_coroutine);
        assert!(heading("what is this {").is_none());
    }

    #[test]
    fn declarations() {
        let none = SourceInfo::default();
        let decl = local(
            "let _19: Box<[u8]> as UserTypeProjection { base: UserType(6), projs: [] };",
            none,
        );
        assert_eq!(decl.unwrap().ty, "Box<[u8]>");
        let captured = variable(
            "debug buf => (((*_54) as variant#4).0: &mut Vec<u8>);",
            none,
        )
        .unwrap();
        assert_eq!(captured.place().unwrap().local, Local(54));
        let constant = variable("debug n => const 5_i32;", none).unwrap();
        assert_eq!(constant.value, VariableValue::Other("const 5_i32"));
        let part = variable("debug ((x: T).0: U) => _3;", none).unwrap();
        assert_eq!((part.name, part.part), ("x", Some("((x: T).0: U)")));
        let inlined = scope("scope 7 (inlined <A as B>::c) {", ScopeId(1), None).unwrap();
        assert_eq!(inlined.inlined.unwrap().0, "<A as B>::c");
        assert!(block("bb7 (cleanup): {").unwrap().is_cleanup);
        assert!(is_allocation("alloc7 (size: 1, align: 1) { .. }"));
        assert!(!is_allocation("alloc::f: u8 = {"));
    }
}
