use std::fmt;

use crate::Place;
use crate::scan::{Cursor, is_path};

/// What a computation takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand<'t> {
    /// `copy P`: the place keeps its value.
    Copy(Place<'t>),
    /// `move P`: the place has no value afterwards. Also temporaries of types that are copied are
    /// moved, when it is their last use.
    Move(Place<'t>),
    /// `const C`, with what is behind `const`; or the path of a function, which has none.
    Constant(&'t str),
}

impl<'t> Operand<'t> {
    /// The place that is copied or moved.
    pub fn place(&self) -> Option<&Place<'t>> {
        match self {
            Operand::Copy(place) | Operand::Move(place) => Some(place),
            Operand::Constant(_) => None,
        }
    }

    /// Goes over an operand that ends at a comma, a closing bracket or the end.
    pub(crate) fn read(cursor: &mut Cursor<'t>) -> Option<Self> {
        if cursor.eat("copy ") {
            return Place::read(cursor).map(Operand::Copy);
        }
        if cursor.eat("move ") {
            return Place::read(cursor).map(Operand::Move);
        }
        if cursor.eat("const ") {
            return cursor.until_comma().map(Operand::Constant);
        }
        let path = cursor.until_comma()?;
        is_path(path).then_some(Operand::Constant(path))
    }

    /// A text that is an operand and nothing else.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        if let Some(constant) = text.strip_prefix("const ") {
            return Some(Operand::Constant(constant));
        }
        let mut cursor = Cursor::new(text);
        let operand = Self::read(&mut cursor)?;
        cursor.rest.is_empty().then_some(operand)
    }

    /// A text of operands between commas, the last of which may have one behind it.
    pub(crate) fn parse_list(text: &'t str) -> Option<Vec<Self>> {
        let mut cursor = Cursor::new(text);
        let mut operands = Vec::new();
        while !cursor.rest.is_empty() {
            operands.push(Self::read(&mut cursor)?);
            if !cursor.eat(", ") && !cursor.eat(",") && !cursor.rest.is_empty() {
                return None;
            }
        }
        Some(operands)
    }
}

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Copy(place) => write!(f, "copy {place}"),
            Operand::Move(place) => write!(f, "move {place}"),
            Operand::Constant(text) => write!(f, "const {text}"),
        }
    }
}
