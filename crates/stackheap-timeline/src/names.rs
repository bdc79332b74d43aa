//! Names that the compiler writes, as a reader writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use stackheap_mir::{Body, Projection, Rvalue, Span, StatementKind};

use crate::source::{Source, Sources};

/// The path of a function, with implementations named by what they implement for what; and whether
/// an attribute made it.
pub(crate) fn function(name: &str, sources: &Sources<'_>) -> (String, bool) {
    const HEAD: &str = "<impl at ";
    let mut shown = String::new();
    let mut is_generated = false;
    let mut rest = name;
    while let Some((before, after)) = rest.split_once(HEAD) {
        shown.push_str(before);
        // The file's name may contain anything; behind the span there is the end or a segment.
        let (span, behind) = match after.split_once(">::") {
            Some((span, behind)) => (span, behind),
            None => (after.strip_suffix('>').unwrap_or(after), ""),
        };
        let head = Span::parse(span).and_then(|span| {
            let source = sources.get(span.file)?;
            let range = source.range(span);
            Some(source.snippet(range).to_owned())
        });
        match head.as_deref().map(implementation) {
            Some(Some(of)) => shown.push_str(&of),
            Some(None) => {
                is_generated = true;
                shown.push_str(&format!("<{}>", head.as_deref().unwrap_or("impl").trim()));
            }
            None => shown.push_str("<impl>"),
        }
        if !behind.is_empty() {
            shown.push_str("::");
        }
        rest = behind;
    }
    shown.push_str(rest);
    (shown, is_generated)
}

/// `impl<T> Drop for Pool<T>` as `<Pool<T> as Drop>`, `impl Cursor<'_>` as `Cursor`. `None` for what
/// is no head of an implementation, as the name of a trait in a `derive`.
fn implementation(head: &str) -> Option<String> {
    let head = head.trim();
    let head = head.strip_prefix("unsafe ").unwrap_or(head).trim_start();
    let rest = head.strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        Some(generics) => generics.get(end_of_generics(generics)..)?,
        None => rest.strip_prefix(char::is_whitespace)?,
    };
    let rest = rest.split(" where ").next().unwrap_or(rest).trim();
    let one_line = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(match one_line.split_once(" for ") {
        Some((name, of)) => format!("<{of} as {name}>"),
        None => one_line.split('<').next().unwrap_or("").to_owned(),
    })
}

/// Behind the `>` that ends generics.
fn end_of_generics(text: &str) -> usize {
    let mut depth = 1;
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if last != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
        last = c;
    }
    text.len()
}

/// What is called, in short: `String::from` for `<String as From<&str>>::from`, `drop` for
/// `std::mem::drop::<D>`. `None` for a function pointer.
pub(crate) fn callee(path: &str) -> Option<Arc<str>> {
    if path.starts_with("move ") || path.starts_with("copy ") {
        return None;
    }
    let (qualifier, method) = match path.strip_prefix('<') {
        Some(rest) => {
            let end = end_of_generics(rest);
            let inside = rest.get(..end.saturating_sub(1)).unwrap_or("");
            let method = rest.get(end..).unwrap_or("");
            (Some(implementor(inside)), method.trim_start_matches("::"))
        }
        None => (None, path),
    };
    let plain = without_generics(method);
    let segments: Vec<&str> = plain.split("::").filter(|part| !part.is_empty()).collect();
    let name = segments.last().copied().unwrap_or("");
    if name == "into_future" {
        return Some(".await".into());
    }
    if let Some(of) = qualifier {
        if of.starts_with("{closure") {
            return Some("the closure".into());
        }
        let of = without_generics(of);
        let of = of.trim_start_matches(['&', '*']);
        let of = ["mut ", "dyn ", "impl "]
            .iter()
            .fold(of, |of, word| of.strip_prefix(word).unwrap_or(of));
        let of = of.rsplit("::").next().unwrap_or(of);
        return Some(match of.starts_with('{') || of.is_empty() {
            true => name.into(),
            false => format!("{of}::{name}").into(),
        });
    }
    let owner = segments.iter().rev().nth(1).copied().unwrap_or("");
    let is_type = owner.starts_with(|c: char| c.is_uppercase() || c == '[') || owner == "str";
    Some(if is_type {
        format!("{owner}::{name}").into()
    } else {
        name.into()
    })
}

/// The type in `TYPE as TRAIT`.
fn implementor(inside: &str) -> &str {
    let mut depth = 0_u32;
    let mut last = ' ';
    for (at, c) in inside.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' if last == '-' => {}
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && inside[at..].starts_with(" as ") => return &inside[..at],
            _ => {}
        }
        last = c;
    }
    inside
}

/// A path without what stands between `<` and `>`; of the implementation for a type of the language,
/// as in `core::str::<impl str>::len`, the type stays.
pub(crate) fn without_generics(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut depth = 0_u32;
    let mut last = ' ';
    for (at, c) in path.char_indices() {
        match c {
            '<' if depth == 0 && is_implementation(&plain, &path[at..]) => {}
            '<' => depth += 1,
            '>' if last == '-' || depth == 0 => {}
            '>' => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
        last = c;
    }
    let plain = plain.replace("::::", "::").replace("::impl ", "::");
    plain.trim_end_matches("::").to_owned()
}

/// Whether a `<` opens an implementation: behind a module, and in front of another segment.
fn is_implementation(before: &str, rest: &str) -> bool {
    let module = before.trim_end_matches("::").rsplit("::").next();
    let is_module = module.is_some_and(|name| name.starts_with(char::is_lowercase));
    let end = rest.get(1..).map_or(0, end_of_generics);
    is_module
        && rest.starts_with("<impl ")
        && rest
            .get(end + 1..)
            .is_some_and(|behind| behind.starts_with("::"))
}

/// The type or variant that an aggregate makes: `Some` for `Option::<D>::Some`.
pub(crate) fn made(path: &str) -> Arc<str> {
    if path.starts_with("{closure") {
        return "closure".into();
    }
    if path.starts_with("{coroutine") {
        return "async".into();
    }
    let plain = without_generics(path);
    let mut segments = plain.rsplit("::");
    let name = segments.next().unwrap_or("");
    let owner = segments.next().unwrap_or("");
    let is_variant =
        owner.starts_with(char::is_uppercase) && !matches!(name, "Some" | "Ok" | "Err");
    if is_variant {
        format!("{owner}::{name}").into()
    } else {
        name.into()
    }
}

/// The names of fields, by the type or variant that has them. MIR names them only where a value is
/// made.
#[derive(Default)]
pub(crate) struct Fields<'t>(BTreeMap<String, &'t [&'t str]>);

impl<'t> Fields<'t> {
    /// Those of all values that these bodies make.
    pub(crate) fn of(bodies: &'t [Body<'t>]) -> Self {
        let mut fields = BTreeMap::new();
        let blocks = bodies.iter().flat_map(|body| &body.blocks);
        for statement in blocks.flat_map(|block| &block.statements) {
            if let StatementKind::Assign(
                _,
                Rvalue::Aggregate {
                    path,
                    fields: names,
                    ..
                },
            ) = &statement.kind
                && !names.is_empty()
                && !path.starts_with('{')
            {
                fields.insert(without_generics(path), names.as_slice());
            }
        }
        Self(fields)
    }

    fn name(&self, of: &str, index: u32) -> Option<&'t str> {
        let names = self.0.get(of)?;
        names.get(usize::try_from(index).ok()?).copied()
    }
}

/// A part of a variable of a type; `None` for all of it.
pub(crate) fn part(
    name: &str,
    (ty, projection): (&str, &[Projection<'_>]),
    fields: &Fields<'_>,
) -> Option<Arc<str>> {
    let mut text = name.to_owned();
    // The type of what was reached, without its arguments, where its fields have names.
    let mut of = without_generics(ty);
    let mut last_was_deref = false;
    for step in projection {
        let was_deref = std::mem::take(&mut last_was_deref);
        if was_deref && !matches!(step, Projection::Field(..)) {
            text = format!("({text})");
        }
        match step {
            Projection::Deref => {
                text.insert(0, '*');
                last_was_deref = true;
                of = pointee(ty);
            }
            // As the source has it: the reference is followed by itself.
            Projection::Field(index, field) => {
                let base = text.strip_prefix('*').filter(|_| was_deref);
                let base = base.unwrap_or(&text);
                text = match fields.name(&of, *index) {
                    Some(field) => format!("{base}.{field}"),
                    None => format!("{base}.{index}"),
                };
                of = without_generics(field);
            }
            Projection::Downcast(variant) => {
                text = format!("({text} as {variant})");
                of = format!("{of}::{variant}");
            }
            Projection::Index(_) | Projection::Subslice(_) => text.push_str("[..]"),
            Projection::ConstantIndex {
                offset, from_end, ..
            } => text.push_str(&format!("[{}{offset}]", if *from_end { "-" } else { "" })),
            Projection::Cast(_) => {}
        }
    }
    (text != name).then(|| text.into())
}

/// What a reference or a `Box` of a variable's type points to, without arguments.
fn pointee(ty: &str) -> String {
    let inside = match ty.strip_prefix('&') {
        Some(rest) => rest.strip_prefix("mut ").unwrap_or(rest),
        None => {
            let inside = ty.split_once('<').map_or("", |(_, inside)| inside);
            inside.strip_suffix('>').unwrap_or(inside)
        }
    };
    without_generics(inside)
}

/// An expression in one short line.
pub(crate) fn expression(source: &Source, range: stackheap_model::TextRange) -> Arc<str> {
    const CHARACTERS: usize = 40;
    let words = source.snippet(range).split_whitespace();
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= CHARACTERS {
        return line.into();
    }
    let cut: String = line.chars().take(CHARACTERS - 3).collect();
    format!("{cut}...").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_named_as_a_reader_does() {
        for (path, expected) in [
            ("<String as From<&str>>::from", "String::from"),
            ("std::mem::drop::<D>", "drop"),
            ("Vec::<i32>::push", "Vec::push"),
            ("core::str::<impl str>::len", "str::len"),
            ("Result::<MutexGuard<'_, D>, E>::unwrap", "Result::unwrap"),
            ("<Vec<i32> as Index<usize>>::index", "Vec::index"),
            ("<{closure@a.rs:1:2: 3:4} as Fn<()>>::call", "the closure"),
            ("std::sync::Mutex::<D>::new", "Mutex::new"),
            ("consume", "consume"),
            ("inner::consume", "consume"),
            ("<F as FnOnce<(u8,) -> u8>>::call_once", "F::call_once"),
            ("Cursor::<'_>::next_word", "Cursor::next_word"),
            ("<&mut I as Iterator>::next", "I::next"),
            (
                "<<I as IntoIterator>::IntoIter as Iterator>::next",
                "IntoIter::next",
            ),
            ("std::mem::drop::<impl Future<Output = u8>>", "drop"),
            ("<dyn Shape as Shape>::area", "Shape::area"),
            ("core::slice::<impl [u8]>::iter", "[u8]::iter"),
            (
                "<{async block@a.rs:1:2: 3:4} as IntoFuture>::into_future",
                ".await",
            ),
        ] {
            assert_eq!(callee(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(callee("move _3"), None);
    }

    #[test]
    fn implementations_are_named_by_what_they_are_of() {
        for (head, expected) in [
            ("impl Drop for D", Some("<D as Drop>")),
            ("impl<'a> Cursor<'a>", Some("Cursor")),
            (
                "unsafe impl<T: Fn() -> u8> Send for P<T>",
                Some("<P<T> as Send>"),
            ),
            ("Debug", None),
            ("implicit", None),
        ] {
            assert_eq!(implementation(head).as_deref(), expected, "{head}");
        }
    }
}
