//! Patterns over the full paths of types: `alloc::vec::Vec<T, A>`, `std::*::Mutex<T>`.
//!
//! In the path, `*` stands for any run of characters. An argument that is a single name starting
//! with a capital letter is a hole that any argument fills; `..` as the last argument stands for any
//! number of further ones; every other argument is compared as a pattern of its own.

use super::names::{generics, split_arguments};

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    head: String,
    arguments: Option<Arguments>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Arguments {
    patterns: Vec<Argument>,
    open_ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Argument {
    Hole,
    Exactly(String),
}

impl Pattern {
    /// Parses a pattern. Every text is one; a text without special characters matches itself.
    pub(crate) fn parse(text: &str) -> Self {
        let Some((head, list)) = generics(text) else {
            return Self {
                head: text.to_owned(),
                arguments: None,
            };
        };
        let mut parts = split_arguments(list);
        let open_ended = parts.last() == Some(&"..");
        if open_ended {
            parts.pop();
        }
        let patterns = parts
            .into_iter()
            .map(|part| {
                if is_hole(part) {
                    Argument::Hole
                } else {
                    Argument::Exactly(part.into())
                }
            })
            .collect();
        Self {
            head: head.to_owned(),
            arguments: Some(Arguments {
                patterns,
                open_ended,
            }),
        }
    }

    /// Whether the full path of a type matches.
    pub(crate) fn matches(&self, full: &str) -> bool {
        let (head, list) = match generics(full) {
            Some((head, list)) => (head, Some(list)),
            None => (full, None),
        };
        glob(&self.head, head)
            && match (&self.arguments, list) {
                (None, None) => true,
                (Some(arguments), Some(list)) => arguments.matches(list),
                (Some(arguments), None) => arguments.patterns.is_empty() && arguments.open_ended,
                (None, Some(_)) => false,
            }
    }

    /// The last segment of the path, when no `*` is in it: a key to find the pattern by.
    pub(crate) fn key(&self) -> Option<&str> {
        let last = super::names::short_name(&self.head);
        (!last.contains('*')).then_some(last)
    }
}

impl Arguments {
    fn matches(&self, list: &str) -> bool {
        let parts = split_arguments(list);
        let enough = if self.open_ended {
            parts.len() >= self.patterns.len()
        } else {
            parts.len() == self.patterns.len()
        };
        enough
            && self
                .patterns
                .iter()
                .zip(parts)
                .all(|(pattern, part)| match pattern {
                    Argument::Hole => true,
                    Argument::Exactly(text) => glob(text, part),
                })
    }
}

fn is_hole(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(first) = pieces.next() else {
        return text.is_empty();
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut ended_with_star = false;
    let mut last = None;
    for piece in pieces {
        if let Some(previous) = last.replace(piece) {
            match rest.find(previous) {
                Some(at) => rest = rest.get(at + previous.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        ended_with_star = piece.is_empty();
    }
    match last {
        None => rest.is_empty(),
        Some(_) if ended_with_star => true,
        Some(piece) => rest.ends_with(piece),
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn holes_take_any_argument_and_names_only_themselves() {
        for (pattern, name, expected) in [
            (
                "alloc::vec::Vec<T, A>",
                "alloc::vec::Vec<u8, alloc::alloc::Global>",
                true,
            ),
            (
                "alloc::vec::Vec<T, A>",
                "alloc::vec::Vec<(u8, a::B<u8, u8>), G>",
                true,
            ),
            ("alloc::vec::Vec<T, A>", "demo::vec::Vec<u8, G>", false),
            ("alloc::vec::Vec<T, A>", "alloc::vec::Vec<u8>", false),
            ("alloc::rc::Rc<str, A>", "alloc::rc::Rc<str, G>", true),
            ("alloc::rc::Rc<str, A>", "alloc::rc::Rc<u8, G>", false),
            (
                "std::sync::*::Mutex<T>",
                "std::sync::poison::mutex::Mutex<u8>",
                true,
            ),
            ("std::sync::*Mutex<T>", "std::sync::mutex::Mutex<u8>", true),
            (
                "core::sync::atomic::Atomic*",
                "core::sync::atomic::AtomicU8",
                true,
            ),
            ("a::*::b::*::C", "a::x::b::y::C", true),
            ("a::*::b::*::C", "a::x::y::C", false),
            ("a::B<..>", "a::B", true),
            ("a::B<..>", "a::B<u8, u8>", true),
            ("a::B<T, ..>", "a::B", false),
            ("alloc::string::String", "alloc::string::String", true),
            ("alloc::string::String", "demo::String", false),
        ] {
            assert_eq!(
                Pattern::parse(pattern).matches(name),
                expected,
                "{pattern} on {name}"
            );
        }
    }
}
