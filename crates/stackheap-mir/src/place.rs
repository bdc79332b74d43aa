use std::fmt;

use crate::Local;
use crate::scan::{Cursor, is_path};

/// A step from a place into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection<'t> {
    /// `(*P)`: what a pointer or a `Box` points to.
    Deref,
    /// `(P.0: T)`: a field by its number, with its type.
    Field(u32, &'t str),
    /// `(P as Some)` or `(P as variant#3)`: an enum seen as one of its variants.
    Downcast(&'t str),
    /// `P[_2]`: the element with the index that the local holds.
    Index(Local),
    /// `P[1 of 3]` or, from the end, `P[-1 of 3]`: an element at a fixed place of a slice that has
    /// at least so many.
    ConstantIndex {
        /// Which one, from 0; from the end, from 1.
        offset: u32,
        /// How many there are at least.
        minimum_length: u32,
        /// Whether the offset counts from the end.
        from_end: bool,
    },
    /// `P[1:-2]` or `P[1..2]`: a part of a slice or array; with what is between the brackets.
    Subslice(&'t str),
    /// `(P as T)` or `(P as subtype T)`: the same value with another name of its type.
    Cast(&'t str),
}

/// A piece of memory that a statement names: a local, and a way into it.
///
/// Its [`Display`](fmt::Display) is the compiler's own text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place<'t> {
    /// The local.
    pub local: Local,
    /// The way from the local, outermost first.
    pub projection: Vec<Projection<'t>>,
}

impl<'t> Place<'t> {
    /// The place that is a whole local.
    pub fn whole(local: Local) -> Self {
        Self {
            local,
            projection: Vec::new(),
        }
    }

    /// The local, if the place is all of it.
    pub fn as_local(&self) -> Option<Local> {
        self.projection.is_empty().then_some(self.local)
    }

    /// Whether the way goes through a pointer or a `Box`.
    pub fn is_indirect(&self) -> bool {
        self.projection.contains(&Projection::Deref)
    }

    /// Goes over a place; `None` leaves the cursor anywhere.
    pub(crate) fn read(cursor: &mut Cursor<'t>) -> Option<Self> {
        // For each open parenthesis, whether a `*` follows it.
        let mut open: Vec<bool> = Vec::new();
        while cursor.eat("(") {
            open.push(cursor.eat("*"));
        }
        if !cursor.eat("_") {
            return None;
        }
        let local = Local(cursor.number()?);
        let mut projection = Vec::new();
        loop {
            if cursor.eat("[") {
                projection.push(element(cursor)?);
                continue;
            }
            let Some(is_deref) = open.pop() else {
                return Some(Self { local, projection });
            };
            projection.push(if is_deref {
                cursor.eat(")").then_some(Projection::Deref)?
            } else if cursor.eat(".") {
                let index = cursor.number()?;
                cursor.eat(": ").then_some(())?;
                Projection::Field(index, cursor.until_close()?)
            } else if cursor.eat(" as ") {
                cast(cursor.until_close()?)
            } else {
                return None;
            });
        }
    }

    /// A text that is a place and nothing else.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let mut cursor = Cursor::new(text);
        let place = Self::read(&mut cursor)?;
        cursor.rest.is_empty().then_some(place)
    }
}

/// What is between the brackets behind a slice or array.
fn element<'t>(cursor: &mut Cursor<'t>) -> Option<Projection<'t>> {
    let inside = cursor.until_close()?;
    let mut cursor = Cursor::new(inside);
    if cursor.eat("_") {
        let local = Local(cursor.number()?);
        return cursor.rest.is_empty().then_some(Projection::Index(local));
    }
    let from_end = cursor.eat("-");
    if let Some(offset) = cursor.number()
        && cursor.eat(" of ")
    {
        let minimum_length = cursor.number()?;
        return cursor.rest.is_empty().then_some(Projection::ConstantIndex {
            offset,
            minimum_length,
            from_end,
        });
    }
    let is_range = inside.contains("..") || inside.contains(':');
    is_range.then_some(Projection::Subslice(inside))
}

/// What is behind ` as `. A variant is printed as its bare name, and so are few types.
fn cast(text: &str) -> Projection<'_> {
    let is_variant = text.starts_with("variant#")
        || (is_path(text) && text.chars().all(|c| c.is_alphanumeric() || c == '_'));
    if is_variant {
        Projection::Downcast(text)
    } else {
        Projection::Cast(text)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for projection in self.projection.iter().rev() {
            match projection {
                Projection::Deref => f.write_str("(*")?,
                Projection::Field(..) | Projection::Downcast(_) | Projection::Cast(_) => {
                    f.write_str("(")?;
                }
                _ => {}
            }
        }
        self.local.fmt(f)?;
        for projection in &self.projection {
            match projection {
                Projection::Deref => f.write_str(")")?,
                Projection::Field(index, ty) => write!(f, ".{index}: {ty})")?,
                Projection::Downcast(name) | Projection::Cast(name) => write!(f, " as {name})")?,
                Projection::Index(local) => write!(f, "[{local}]")?,
                Projection::ConstantIndex {
                    offset,
                    minimum_length,
                    from_end,
                } => {
                    let sign = if *from_end { "-" } else { "" };
                    write!(f, "[{sign}{offset} of {minimum_length}]")?;
                }
                Projection::Subslice(range) => write!(f, "[{range}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_print_as_they_were_read() {
        for text in [
            "_0",
            "(*_3)",
            "(_1.0: T)",
            "((_1 as Some).0: (A, fn(B) -> C))",
            "((*(((*_54) as variant#4).1: &mut Vec<u8>))[_7].2: U)",
            "_1[2 of 3]",
            "(*_1)[-1 of 3]",
            "_1[1:-2]",
            "(*_9)[3..5]",
            "(_1 as subtype for<'a> fn(&'a u8))",
            "(_2 as impl Fn() -> u8)",
        ] {
            let place = Place::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(place.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_place_is_none() {
        for text in [
            "", "_", "(", "(_1", "(*_1", "_1)", "_1[", "_1[x]", "(_1.0)", "(_1.0: T", "x",
        ] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
        let deep = "(*".repeat(100_000);
        assert_eq!(Place::parse(&deep), None);
    }
}
