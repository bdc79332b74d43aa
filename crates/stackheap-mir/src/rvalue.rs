use crate::scan::{Cursor, find_outside, is_path};
use crate::{Operand, Place};

/// How a reference is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BorrowKind {
    /// `&P`.
    Shared,
    /// `&mut P`. A two-phase borrow (of the receiver in `v.push(v.len())`) is printed the same.
    Mutable,
    /// `&fake P`, `&fake shallow P`: what a `match` looks at must not change in its guards. No
    /// reference is made.
    Fake,
}

/// How a raw pointer is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RawPointerKind {
    /// `&raw const P`.
    Const,
    /// `&raw mut P`.
    Mutable,
    /// `&raw const (fake) P`: for the length of a slice; no pointer is made.
    Fake,
}

/// What an assignment computes. Types and constants are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rvalue<'t> {
    /// The operand itself.
    Use(Operand<'t>),
    /// `&P`, `&mut P`.
    Ref(BorrowKind, Place<'t>),
    /// `&raw const P`, `&raw mut P`.
    RawPointer(RawPointerKind, Place<'t>),
    /// `&/*tls*/ X`: the address of a thread-local static, with its path.
    ThreadLocal(&'t str),
    /// `discriminant(P)`.
    Discriminant(Place<'t>),
    /// `Len(P)`.
    Length(Place<'t>),
    /// `OPERAND as TYPE (KIND)`.
    Cast {
        /// What is cast.
        operand: Operand<'t>,
        /// To which type.
        ty: &'t str,
        /// How, such as `IntToInt` or `PointerCoercion(Unsize, Implicit)`.
        kind: &'t str,
    },
    /// `[OPERAND; N]`, with `N`.
    Repeat(Operand<'t>, &'t str),
    /// `Add(A, B)`, `Not(A)`, `SizeOf(T)`: an operator with its name and operands. A tuple struct
    /// with the name of an operator cannot be told from it.
    Operator(&'t str, Vec<Operand<'t>>),
    /// A tuple, array, structure, variant, closure or wide raw pointer made of its fields.
    Aggregate {
        /// The type's or variant's path; `(` for a tuple, `[` for an array.
        path: &'t str,
        /// The fields' names where the text has them: as many as operands, or none.
        fields: Vec<&'t str>,
        /// What the fields are made of.
        operands: Vec<Operand<'t>>,
    },
    /// A form that is not known here, with the operands that stand in its text.
    Opaque(&'t str, Vec<Operand<'t>>),
}

impl<'t> Rvalue<'t> {
    /// The operands in the order of the text. Places that are borrowed or only looked at are none.
    pub fn operands(&self) -> &[Operand<'t>] {
        match self {
            Rvalue::Use(operand) | Rvalue::Cast { operand, .. } | Rvalue::Repeat(operand, _) => {
                std::slice::from_ref(operand)
            }
            Rvalue::Operator(_, operands)
            | Rvalue::Aggregate { operands, .. }
            | Rvalue::Opaque(_, operands) => operands,
            _ => &[],
        }
    }

    /// Whether the form is not known here.
    pub fn is_opaque(&self) -> bool {
        matches!(self, Rvalue::Opaque(..))
    }

    /// Reads all of a text. What is not known becomes opaque.
    pub(crate) fn parse(text: &'t str) -> Self {
        known(text).unwrap_or_else(|| Rvalue::Opaque(text, mentioned_operands(text)))
    }
}

/// Operators that look like the making of a tuple struct, with their operands.
const OPERATORS: [&str; 37] = [
    "Add",
    "AddUnchecked",
    "AddWithOverflow",
    "BitAnd",
    "BitOr",
    "BitXor",
    "Cmp",
    "Div",
    "Eq",
    "Ge",
    "Gt",
    "Le",
    "Lt",
    "Mul",
    "MulUnchecked",
    "MulWithOverflow",
    "Ne",
    "Neg",
    "Not",
    "Offset",
    "PtrMetadata",
    "Rem",
    "ShallowInitBox",
    "Shl",
    "ShlUnchecked",
    "Shr",
    "ShrUnchecked",
    "Sub",
    "SubUnchecked",
    "SubWithOverflow",
    "AlignOf",
    "ContractChecks",
    "OffsetOf",
    "SizeOf",
    "UbChecks",
    "OverflowChecks",
    "RuntimeChecks",
];

fn known(text: &str) -> Option<Rvalue<'_>> {
    match text.as_bytes().first()? {
        b'&' => return reference(text),
        b'[' => return array(text),
        b'(' => {
            let operands = Operand::parse_list(text.strip_prefix('(')?.strip_suffix(')')?)?;
            return Some(aggregate("(", operands));
        }
        b'*' => {
            let (path, operands) = text.split_once(" from (")?;
            return Some(aggregate(
                path,
                Operand::parse_list(operands.strip_suffix(')')?)?,
            ));
        }
        _ => {}
    }
    if let Some(operand) = operand_or_cast(text) {
        return Some(operand);
    }
    let inside = |prefix: &str| text.strip_prefix(prefix)?.strip_suffix(')');
    if let Some(place) = inside("discriminant(") {
        return Some(Rvalue::Discriminant(Place::parse(place)?));
    }
    if let Some(place) = inside("Len(") {
        return Some(Rvalue::Length(Place::parse(place)?));
    }
    if let Some(operand) = inside("wrap_binder!(") {
        let mut cursor = Cursor::new(operand);
        let operand = Operand::read(&mut cursor)?;
        return cursor.eat(";").then_some(Rvalue::Use(operand));
    }
    path_with_fields(text)
}

fn aggregate<'t>(path: &'t str, operands: Vec<Operand<'t>>) -> Rvalue<'t> {
    Rvalue::Aggregate {
        path,
        fields: Vec::new(),
        operands,
    }
}

fn reference(text: &str) -> Option<Rvalue<'_>> {
    let mut cursor = Cursor::new(text);
    cursor.eat("&").then_some(())?;
    if cursor.eat("/*tls*/ ") {
        return Some(Rvalue::ThreadLocal(cursor.rest));
    }
    if cursor.eat("raw ") {
        let kind = if cursor.eat("const (fake) ") {
            RawPointerKind::Fake
        } else if cursor.eat("const ") {
            RawPointerKind::Const
        } else {
            cursor.eat("mut ").then_some(RawPointerKind::Mutable)?
        };
        return Some(Rvalue::RawPointer(kind, Place::parse(cursor.rest)?));
    }
    if cursor.peek() == Some(b'\'') {
        let region = cursor.rest.find(' ')?;
        cursor.take(region + 1)?;
    }
    let kind = if cursor.eat("mut ") {
        BorrowKind::Mutable
    } else if cursor.eat("fake ") {
        cursor.eat("shallow ");
        BorrowKind::Fake
    } else {
        BorrowKind::Shared
    };
    Some(Rvalue::Ref(kind, Place::parse(cursor.rest)?))
}

fn array(text: &str) -> Option<Rvalue<'_>> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    if inside.is_empty() {
        return Some(aggregate("[", Vec::new()));
    }
    let mut cursor = Cursor::new(inside);
    // The constant of a repetition ends at its semicolon, not at a comma.
    if let Some(at) = find_outside(inside, |_, byte| matches!(byte, b';' | b','))
        && inside.as_bytes().get(at) == Some(&b';')
    {
        let operand = Operand::parse(cursor.take(at)?)?;
        cursor.eat("; ").then_some(())?;
        return Some(Rvalue::Repeat(operand, cursor.rest));
    }
    Some(aggregate("[", Operand::parse_list(inside)?))
}

/// `copy P`, `move P`, `const C`, a function's path; each also as the beginning of a cast, and each
/// behind a word that says more about it (`no_retag copy P`, `deref_copy P`).
fn operand_or_cast(text: &str) -> Option<Rvalue<'_>> {
    let is_operand = |text: &str| {
        let words = ["copy ", "move ", "const "];
        words.iter().any(|word| text.starts_with(word))
    };
    let is_cast = |text: &str| {
        find_outside(text, |at, byte| {
            byte == b' ' && text[at..].starts_with(" as ")
        })
    };
    let mut cursor = Cursor::new(text);
    if !is_operand(text) {
        if let Some(place) = text.strip_prefix("deref_copy ") {
            return Some(Rvalue::Use(Operand::Copy(Place::parse(place)?)));
        }
        if let Some((word, rest)) = text.split_once(' ')
            && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        {
            if rest.starts_with('&') {
                return reference(rest);
            }
            if is_operand(rest) {
                cursor = Cursor::new(rest);
            }
        }
    }
    let operand = if cursor.rest.starts_with("copy ") || cursor.rest.starts_with("move ") {
        Operand::read(&mut cursor)?
    } else if cursor.rest.starts_with("const ") {
        let at = is_cast(cursor.rest).unwrap_or(cursor.rest.len());
        Operand::parse(cursor.take(at)?)?
    } else {
        let at = is_cast(cursor.rest)?;
        Operand::parse(cursor.take(at)?)?
    };
    if cursor.rest.is_empty() {
        return Some(Rvalue::Use(operand));
    }
    cursor.eat(" as ").then_some(())?;
    let (ty, kind) = cursor.rest.strip_suffix(')')?.rsplit_once(" (")?;
    Some(Rvalue::Cast { operand, ty, kind })
}

/// `path`, `path(A, B)`, `path { x: A, y: B }`.
fn path_with_fields(text: &str) -> Option<Rvalue<'_>> {
    let opens = |at, byte| byte == b'(' || (byte == b' ' && text[at..].starts_with(" {"));
    let Some(at) = find_outside(text, opens) else {
        return is_path(text).then(|| aggregate(text, Vec::new()));
    };
    let (path, rest) = text.split_at_checked(at)?;
    if !is_path(path) {
        return None;
    }
    if let Some(inside) = rest.strip_prefix('(') {
        let inside = inside.strip_suffix(')')?;
        let is_operator = OPERATORS.contains(&path);
        return match Operand::parse_list(inside) {
            Some(operands) if is_operator => Some(Rvalue::Operator(path, operands)),
            Some(operands) => Some(aggregate(path, operands)),
            // Of types, or of a value and a type.
            None if is_operator => Some(Rvalue::Operator(path, mentioned_operands(inside))),
            None => None,
        };
    }
    let mut cursor = Cursor::new(rest.strip_prefix(" { ")?.strip_suffix(" }")?);
    let (mut fields, mut operands) = (Vec::new(), Vec::new());
    while !cursor.rest.is_empty() {
        let colon = cursor.rest.find(": ")?;
        fields.push(cursor.take(colon)?);
        cursor.eat(": ");
        operands.push(Operand::read(&mut cursor)?);
        if !cursor.eat(", ") && !cursor.rest.is_empty() {
            return None;
        }
    }
    Some(Rvalue::Aggregate {
        path,
        fields,
        operands,
    })
}

/// How many bytes of a text of unknown form are looked through.
const MENTION_LIMIT: usize = 1 << 14;

/// The places behind `copy` and `move` in a text of unknown form.
pub(crate) fn mentioned_operands(text: &str) -> Vec<Operand<'_>> {
    let mut end = text.len().min(MENTION_LIMIT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(space) = bytes
        .get(from..)
        .and_then(|b| b.iter().position(|&b| b == b' '))
    {
        let at = from + space + 1;
        from = at;
        let is_move = text[..at].ends_with("move ");
        if !is_move && !text[..at].ends_with("copy ") {
            continue;
        }
        let mut cursor = Cursor::new(&text[at..]);
        if let Some(place) = Place::read(&mut cursor) {
            from = text.len() - cursor.rest.len();
            found.push(if is_move {
                Operand::Move(place)
            } else {
                Operand::Copy(place)
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let rvalue = Rvalue::parse(text);
        let kind = match &rvalue {
            Rvalue::Use(_) => "use".to_owned(),
            Rvalue::Ref(kind, place) => format!("{kind:?} {place}"),
            Rvalue::RawPointer(kind, place) => format!("raw {kind:?} {place}"),
            Rvalue::ThreadLocal(path) => format!("tls {path}"),
            Rvalue::Discriminant(place) => format!("discriminant {place}"),
            Rvalue::Length(place) => format!("length {place}"),
            Rvalue::Cast { ty, kind, .. } => format!("cast to {ty} by {kind}"),
            Rvalue::Repeat(_, count) => format!("repeat {count}"),
            Rvalue::Operator(name, _) => format!("operator {name}"),
            Rvalue::Aggregate { path, fields, .. } => format!("make {path} {}", fields.join(" ")),
            Rvalue::Opaque(..) => "opaque".to_owned(),
        };
        let operands: Vec<String> = rvalue.operands().iter().map(Operand::to_string).collect();
        assert_eq!(
            format!("{}: {}", kind.trim(), operands.join(" | ")),
            expected
        );
    }

    #[test]
    fn values_and_their_operands() {
        check("copy _1", "use: copy _1");
        check("no_retag copy (_17.0: &usize)", "use: copy (_17.0: &usize)");
        check("const \"a, b as c (d)\"", "use: const \"a, b as c (d)\"");
        check(
            "move _4 as &dyn A<'_> (PointerCoercion(Unsize, Implicit))",
            "cast to &dyn A<'_> by PointerCoercion(Unsize, Implicit): move _4",
        );
        check(
            "const <T as S>::N as u8 (IntToInt)",
            "cast to u8 by IntToInt: const <T as S>::N",
        );
        check(
            "foo::<u8> as fn(u8) -> u8 (PointerCoercion(ReifyFnPointer(Safe), Implicit))",
            "cast to fn(u8) -> u8 by PointerCoercion(ReifyFnPointer(Safe), Implicit): const foo::<u8>",
        );
        check("[const 0_u8; 16]", "repeat 16: const 0_u8");
        check(
            "[move _1, const 'a', copy (*_3)]",
            "make [: move _1 | const 'a' | copy (*_3)",
        );
        check("[]", "make [: ");
        check("(move _1,)", "make (: move _1");
        check(
            "AddWithOverflow(copy _1, const 1_i32)",
            "operator AddWithOverflow: copy _1 | const 1_i32",
        );
        check("SizeOf((u8, T))", "operator SizeOf: ");
        check(
            "ShallowInitBox(move _5, [u8; 3])",
            "operator ShallowInitBox: move _5",
        );
        check(
            "Option::<(A, B)>::Some(move _2)",
            "make Option::<(A, B)>::Some: move _2",
        );
        check("PhantomData::<&()>", "make PhantomData::<&()>: ");
        check(
            "Pair { a: move _2, b: const {alloc1: &str} }",
            "make Pair a b: move _2 | const {alloc1: &str}",
        );
        check(
            "{closure@a b.rs:1:2: 3:4} { l: move _4 }",
            "make {closure@a b.rs:1:2: 3:4} l: move _4",
        );
        check(
            "*const [u8] from (copy _1, copy _2)",
            "make *const [u8]: copy _1 | copy _2",
        );
        check("discriminant((*_5))", "discriminant (*_5): ");
        check(
            "{async fn body of co()} { x: move _1 }",
            "make {async fn body of co()} x: move _1",
        );
    }

    #[test]
    fn borrows() {
        check("&_1", "Shared _1: ");
        check("&'?3 mut (*_1)", "Mutable (*_1): ");
        check("&fake shallow _4", "Fake _4: ");
        check("&raw const (fake) (*_3)", "raw Fake (*_3): ");
        check("&raw mut (_1.0: T)", "raw Mutable (_1.0: T): ");
        check("no_retag &(*_2)", "Shared (*_2): ");
        check("&/*tls*/ mut a::B", "tls mut a::B: ");
    }

    #[test]
    fn what_is_unknown_keeps_its_operands() {
        check(
            "frobnicate!(move _1 and copy (_2.0: T) \u{1f980})",
            "opaque: move _1 | copy (_2.0: T)",
        );
        check("", "opaque: ");
        check("&", "opaque: ");
        check("Foo(move _1, what is)", "opaque: move _1");
    }
}
