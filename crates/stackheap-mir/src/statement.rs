use crate::scan::Cursor;
use crate::{Local, Operand, Place, Rvalue, ScopeId, Span};

/// A step of a block that is not its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement<'t> {
    /// What it does.
    pub kind: StatementKind<'t>,
    /// Which source it was made from.
    pub source: SourceInfo<'t>,
    /// Its line in the text, from 1.
    pub line: u32,
}

/// Where a statement, local or variable comes from: `// scope 1 at src/main.rs:3:9: 3:12`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceInfo<'t> {
    /// The lexical scope. The function's own where the text does not say.
    pub scope: ScopeId,
    /// The stretch of source. `None` where the text does not say.
    pub span: Option<Span<'t>>,
}

impl<'t> SourceInfo<'t> {
    /// Splits a line at the comment that ends it. Only text that ends like a statement or the
    /// head of a scope in front of it makes a `//` a comment.
    pub(crate) fn split(line: &'t str) -> (&'t str, Self) {
        const SCOPE: &str = "scope ";
        let comment = line.rfind("// ").and_then(|at| {
            let before = line[..at].trim_end();
            let is_comment = before.ends_with([';', '{']);
            is_comment.then_some((before, &line[at..]))
        });
        let Some((before, comment)) = comment else {
            return (line, Self::default());
        };
        let info = comment.find(SCOPE).and_then(|at| {
            let mut cursor = Cursor::new(&comment[at + SCOPE.len()..]);
            let scope = ScopeId(cursor.number()?);
            cursor.eat(" at ");
            let span = Span::parse(cursor.rest);
            Some(Self { scope, span })
        });
        // The head of an inlined scope has no number in its comment.
        let at = || {
            let span = comment.strip_prefix("// at ").and_then(Span::parse);
            Self {
                span,
                ..Self::default()
            }
        };
        (before, info.unwrap_or_else(at))
    }
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementKind<'t> {
    /// `P = RVALUE`.
    Assign(Place<'t>, Rvalue<'t>),
    /// `discriminant(P) = V`: the enum or coroutine at `P` is in that variant now.
    SetDiscriminant(Place<'t>, &'t str),
    /// `StorageLive(_1)`: the local's memory is in use from here.
    StorageLive(Local),
    /// `StorageDead(_1)`: the local's memory is free from here.
    StorageDead(Local),
    /// `FakeRead(CAUSE, P)`: `P` must have a value here; nothing is done.
    FakeRead(&'t str, Place<'t>),
    /// `PlaceMention(P)`: the source names `P` without a use.
    PlaceMention(Place<'t>),
    /// `AscribeUserType(P, ...)`: the source states the type of `P`.
    AscribeUserType(Place<'t>),
    /// `Retag(P)`, for Miri.
    Retag(Place<'t>),
    /// `BackwardIncompatibleDropHint(P)`: in another edition `P` would be dropped here.
    DropHint(Place<'t>),
    /// `assume(A)`, `copy_nonoverlapping(dst = A, src = B, count = C)`.
    Intrinsic(&'t str, Vec<Operand<'t>>),
    /// `nop`, `ConstEvalCounter`, coverage counters.
    Nop,
    /// A form that is not known here.
    Opaque(&'t str),
}

impl<'t> StatementKind<'t> {
    /// Reads a statement without its semicolon. What is not known becomes opaque.
    pub(crate) fn parse(text: &'t str) -> Self {
        known(text).unwrap_or(StatementKind::Opaque(text))
    }

    /// Whether the statement, or the value it assigns, is of a form that is not known here.
    pub fn is_opaque(&self) -> bool {
        match self {
            StatementKind::Opaque(_) => true,
            StatementKind::Assign(_, rvalue) => rvalue.is_opaque(),
            _ => false,
        }
    }

    /// The operands in the order of the text.
    pub fn operands(&self) -> &[Operand<'t>] {
        match self {
            StatementKind::Assign(_, rvalue) => rvalue.operands(),
            StatementKind::Intrinsic(_, operands) => operands,
            _ => &[],
        }
    }
}

fn known(text: &str) -> Option<StatementKind<'_>> {
    let mut cursor = Cursor::new(text);
    if matches!(cursor.peek()?, b'_' | b'(') {
        let place = Place::read(&mut cursor)?;
        cursor.eat(" = ").then_some(())?;
        return Some(StatementKind::Assign(place, Rvalue::parse(cursor.rest)));
    }
    if let Some(assigned) = text.strip_prefix("discriminant(") {
        let mut cursor = Cursor::new(assigned);
        let place = Place::parse(cursor.until_close()?)?;
        cursor.eat(" = ").then_some(())?;
        return Some(StatementKind::SetDiscriminant(place, cursor.rest));
    }
    let Some((name, arguments)) = text.split_once('(') else {
        return matches!(text, "nop" | "ConstEvalCounter").then_some(StatementKind::Nop);
    };
    if name.starts_with("Coverage::") {
        return Some(StatementKind::Nop);
    }
    let arguments = arguments.strip_suffix(')')?;
    Some(match name {
        "StorageLive" => StatementKind::StorageLive(Place::parse(arguments)?.as_local()?),
        "StorageDead" => StatementKind::StorageDead(Place::parse(arguments)?.as_local()?),
        "FakeRead" => {
            // The cause has brackets only around what has none itself.
            let mut cursor = Cursor::new(arguments);
            let cause = cursor.until_comma()?;
            cursor.eat(", ").then_some(())?;
            StatementKind::FakeRead(cause, Place::parse(cursor.rest)?)
        }
        "PlaceMention" => StatementKind::PlaceMention(Place::parse(arguments)?),
        "AscribeUserType" => {
            StatementKind::AscribeUserType(Place::read(&mut Cursor::new(arguments))?)
        }
        "Retag" => {
            let place = arguments
                .strip_prefix('[')
                .and_then(|kind| kind.split_once("] "));
            StatementKind::Retag(Place::parse(place.map_or(arguments, |(_, place)| place))?)
        }
        "BackwardIncompatibleDropHint" => {
            StatementKind::DropHint(Place::read(&mut Cursor::new(arguments))?)
        }
        "assume" => StatementKind::Intrinsic(name, Operand::parse_list(arguments)?),
        "copy_nonoverlapping" => {
            let mut cursor = Cursor::new(arguments);
            let mut operands = Vec::new();
            for name in ["dst = ", ", src = ", ", count = "] {
                cursor.eat(name).then_some(())?;
                operands.push(Operand::read(&mut cursor)?);
            }
            StatementKind::Intrinsic(name, operands)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_its_own_comment() {
        let (statement, source) =
            SourceInfo::split("_1 = const \"// scope 1 at x\";  // scope 2 at a.rs:1:2: 3:4");
        assert_eq!(statement, "_1 = const \"// scope 1 at x\";");
        assert_eq!(source.scope, ScopeId(2));
        assert_eq!(source.span.unwrap().file, "a.rs");
        let line = "_1 = const \"// scope 1 at x\";";
        assert_eq!(SourceInfo::split(line), (line, SourceInfo::default()));
        let (head, source) = SourceInfo::split("scope 7 (inlined f) { // at a.rs:1:2: 3:4");
        assert_eq!(head, "scope 7 (inlined f) {");
        assert!(source.span.is_some());
    }

    #[test]
    fn statements_that_are_known() {
        let local = |n| Place::whole(Local(n));
        let parse = StatementKind::parse;
        assert_eq!(
            parse("StorageLive(_3)"),
            StatementKind::StorageLive(Local(3))
        );
        assert_eq!(
            parse("FakeRead(ForLet(None), _3)"),
            StatementKind::FakeRead("ForLet(None)", local(3))
        );
        assert_eq!(
            parse("FakeRead(ForMatchedPlace(Some(DefId(0:3 ~ a[1]::f))), _3)"),
            StatementKind::FakeRead("ForMatchedPlace(Some(DefId(0:3 ~ a[1]::f)))", local(3))
        );
        assert_eq!(
            parse("discriminant(_3) = 1"),
            StatementKind::SetDiscriminant(local(3), "1")
        );
        assert_eq!(
            parse("AscribeUserType(_3, o, UserTypeProjection { base: UserType(0), projs: [] })"),
            StatementKind::AscribeUserType(local(3))
        );
        assert_eq!(
            parse("BackwardIncompatibleDropHint(_3)"),
            StatementKind::DropHint(local(3))
        );
        assert_eq!(
            parse("Retag([fn entry] _3)"),
            StatementKind::Retag(local(3))
        );
        assert_eq!(
            parse("assume(copy _3)").operands(),
            [Operand::Copy(local(3))]
        );
        assert_eq!(
            parse("copy_nonoverlapping(dst = move _1, src = copy _2, count = const 3_usize)")
                .operands()
                .len(),
            3
        );
    }

    #[test]
    fn statements_that_are_not() {
        for text in [
            "",
            "x",
            "StorageLive(_x)",
            "StorageLive((*_1))",
            "_1",
            "_1 == _2",
            "Frob(_1)",
        ] {
            assert_eq!(StatementKind::parse(text), StatementKind::Opaque(text));
        }
    }
}
