//! JSON under construction. It borrows from what it shows, so that a state with thousands of cells
//! is no thousands of copied texts.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A value of JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Text(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    Object(Members<'a>),
    /// What is in the pool of a page already, by its index there.
    Stored(usize),
}

/// The members of an object, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Members<'a>(Vec<(&'a str, Tree<'a>)>);

/// An object: `object! { "name": value, ... }`.
macro_rules! object {
    ($($name:literal : $value:expr),* $(,)?) => {{
        const NAMES: &[&str] = &[$($name),*];
        let mut members = $crate::tree::Members::with_room(NAMES.len());
        $(members.set($name, $value);)*
        $crate::tree::Tree::Object(members)
    }};
}
pub(crate) use object;

impl<'a> Members<'a> {
    /// No members yet, and room for some more than so many, as some are often added later.
    pub(crate) fn with_room(count: usize) -> Self {
        Self(Vec::with_capacity(count + 3))
    }

    /// Puts a member in; of two with one name the last counts.
    pub(crate) fn set(&mut self, name: &'a str, member: impl Into<Tree<'a>>) {
        match self.0.binary_search_by(|(known, _)| (*known).cmp(name)) {
            Ok(at) => self.0[at].1 = member.into(),
            Err(at) => self.0.insert(at, (name, member.into())),
        }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&'a str, &Tree<'a>)> {
        self.0.iter().map(|(name, member)| (*name, member))
    }
}

impl<'a> Tree<'a> {
    /// A list of all of these.
    pub(crate) fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// Puts a member into an object; another value stays as it is.
    pub(crate) fn set(&mut self, name: &'a str, member: impl Into<Self>) {
        if let Self::Object(members) = self {
            members.set(name, member);
        }
    }

    /// A member of an object.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let at = members.0.binary_search_by(|(known, _)| (*known).cmp(name));
        members.0.get_mut(at.ok()?).map(|(_, member)| member)
    }

    /// The items of a list that is a member of an object.
    pub(crate) fn list_mut(&mut self, name: &str) -> Option<&mut Vec<Self>> {
        match self.get_mut(name)? {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Appends it, as JSON without spaces.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Unsigned(number) => number_into(out, *number),
            // Writing to a string cannot fail.
            Self::Signed(number) => drop(write!(out, "{number}")),
            Self::Stored(index) => number_into(out, *index as u64),
            Self::Text(text) => text_into(out, text),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    text_into(out, name);
                    out.push(':');
                    member.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl Tree<'_> {
    /// Appends it with each member and item on a line of its own.
    pub(crate) fn write_lines(&self, out: &mut String, depth: usize) {
        match self {
            Self::List(items) if !items.is_empty() => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    begin_line(out, index, depth + 1);
                    item.write_lines(out, depth + 1);
                }
                begin_line(out, 0, depth);
                out.push(']');
            }
            Self::Object(members) if !members.0.is_empty() => {
                out.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    begin_line(out, index, depth + 1);
                    text_into(out, name);
                    out.push_str(": ");
                    member.write_lines(out, depth + 1);
                }
                begin_line(out, 0, depth);
                out.push('}');
            }
            flat => flat.write(out),
        }
    }
}

/// Begins the line of an item, with a comma behind the item before.
fn begin_line(out: &mut String, index: usize, depth: usize) {
    out.push_str(if index == 0 { "\n" } else { ",\n" });
    out.extend(std::iter::repeat_n("  ", depth));
}

impl From<&Tree<'_>> for Value {
    fn from(tree: &Tree<'_>) -> Self {
        match tree {
            Tree::Null => Self::Null,
            Tree::Bool(value) => Self::Bool(*value),
            Tree::Unsigned(number) => Self::from(*number),
            Tree::Signed(number) => Self::from(*number),
            Tree::Stored(index) => Self::from(*index),
            Tree::Text(text) => Self::String(text.clone().into_owned()),
            Tree::List(items) => Self::Array(items.iter().map(Self::from).collect()),
            Tree::Object(members) => {
                let members = members.iter();
                let owned = members.map(|(name, member)| (name.to_owned(), Self::from(member)));
                Self::Object(owned.collect::<Map<_, _>>())
            }
        }
    }
}

/// Appends a number in decimal digits.
pub(crate) fn number_into(out: &mut String, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // The remainder is below 10, and 20 digits hold every number of 64 bits.
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend(digits[at..].iter().map(|&digit| char::from(digit)));
}

/// Appends a text in quotes.
pub(crate) fn text_into(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..0x20 => "\\u00",
            _ => continue,
        };
        // Only ASCII is escaped, so that both ends are between characters.
        out.push_str(&text[from..at]);
        out.push_str(escape);
        if escape == "\\u00" {
            let _ = write!(out, "{byte:02x}");
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

impl From<bool> for Tree<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u32> for Tree<'_> {
    fn from(number: u32) -> Self {
        Self::Unsigned(u64::from(number))
    }
}

impl From<u64> for Tree<'_> {
    fn from(number: u64) -> Self {
        Self::Unsigned(number)
    }
}

impl From<usize> for Tree<'_> {
    fn from(number: usize) -> Self {
        Self::Unsigned(number as u64)
    }
}

impl From<i32> for Tree<'_> {
    fn from(number: i32) -> Self {
        match u64::try_from(number) {
            Ok(number) => Self::Unsigned(number),
            Err(_) => Self::Signed(i64::from(number)),
        }
    }
}

impl<'a> From<&'a str> for Tree<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Tree<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<Cow<'a, str>> for Tree<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl<'a, T: Into<Tree<'a>>> From<Option<T>> for Tree<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'a> From<Vec<Tree<'a>>> for Tree<'a> {
    fn from(items: Vec<Tree<'a>>) -> Self {
        Self::List(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_serde_json_writes_it() {
        let texts = [
            "",
            "a\"b\\c",
            "\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}",
            "é🦀\u{2028}",
        ];
        let tree = object! {
            "z": texts.iter().map(|text| Tree::from(*text)).collect::<Vec<_>>(),
            "a": Tree::list([0_u64, 7, 10, u64::MAX]),
            "negative": -5,
            "m": object! { "no": false, "yes": true, "none": Option::<u64>::None },
            "a\"": Tree::Object(Members::default()),
            "z": Tree::list(texts),
        };
        let mut written = String::new();
        tree.write(&mut written);
        assert_eq!(written, Value::from(&tree).to_string());
        let mut lines = String::new();
        tree.write_lines(&mut lines, 0);
        let value = Value::from(&tree);
        assert_eq!(lines, serde_json::to_string_pretty(&value).unwrap());
        assert!(written.starts_with("{\"a\":[0,7,10,18446744073709551615],\"a\\\"\":{}"));
    }
}
