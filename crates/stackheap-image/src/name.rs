//! Paths of functions and types, from the tree of namespaces.
//!
//! rustc puts a function into namespaces and types as in the source, with two exceptions: the
//! members of a trait's implementation lie in a namespace `{impl#3}`, and a method's name repeats
//! the generic arguments of its type. The name of the implementation is taken from the symbol.

use std::sync::Arc;

use gimli::constants as dw;

use crate::api::DieRef;
use crate::unit::{Entry, Unit, Units};

/// How deep namespaces may be nested.
const DEPTH_LIMIT: usize = 128;

impl<'data> Units<'data> {
    /// The path of a scope, `demo::shapes::Circle`.
    pub(crate) fn scope_path(&self, unit: &Unit<'data>, index: u32) -> Arc<str> {
        let scopes = &unit.tree().scopes;
        let Some(scope) = scopes.get(index as usize) else {
            return Arc::from("");
        };
        if let Some(path) = scope.path.get() {
            return path.clone();
        }
        let segments = self.scope_segments(unit, Some(index));
        let path: Arc<str> = segments
            .iter()
            .map(|s| s.name.as_str())
            .collect::<Vec<_>>()
            .join("::")
            .into();
        scope.path.get_or_init(|| path).clone()
    }

    fn scope_segments(&self, unit: &Unit<'data>, innermost: Option<u32>) -> Vec<Segment> {
        let scopes = &unit.tree().scopes;
        let mut segments = Vec::new();
        let mut next = innermost;
        while let Some(scope) = next.and_then(|index| scopes.get(index as usize)) {
            if segments.len() >= DEPTH_LIMIT {
                break;
            }
            let name = unit
                .entry(scope.start)
                .and_then(|entry| unit.string(&self.dwarf, entry.attr_value(dw::DW_AT_name)?))
                .map(|name| name.into_owned());
            if let Some(name) = name {
                let is_type =
                    scope.tag != dw::DW_TAG_namespace && scope.tag != dw::DW_TAG_subprogram;
                segments.push(Segment { name, is_type });
            }
            next = scope.parent;
        }
        segments.reverse();
        segments
    }

    /// The path of an entry with this name.
    pub(crate) fn qualified(&self, unit: &Unit<'data>, offset: u32, name: &str) -> Arc<str> {
        match unit.scope_of(offset) {
            Some(scope) => {
                let path = self.scope_path(unit, scope);
                if path.is_empty() {
                    name.into()
                } else {
                    format!("{path}::{name}").into()
                }
            }
            None => name.into(),
        }
    }

    /// The path of a function. The chain leads from the entry with code to its declaration.
    pub(crate) fn function_path(&self, chain: &[(DieRef, Entry<'data>)]) -> Option<Arc<str>> {
        let name = self.text_of_chain(chain, dw::DW_AT_name)?.into_owned();
        let linkage = self.text_of_chain(chain, dw::DW_AT_linkage_name);
        let (declaration, _) = chain.last()?;
        let unit = self.get(declaration.unit)?;
        let segments = self.scope_segments(unit, unit.scope_of(declaration.offset));
        let arguments = || self.argument_names(chain);
        let path = match (
            segments.iter().rposition(Segment::is_implementation),
            linkage,
        ) {
            (Some(index), Some(linkage)) => {
                member_path(&segments, index, &name, &linkage, &arguments)
            }
            _ => None,
        };
        Some(path.unwrap_or_else(|| plain_path(&segments, &name)).into())
    }

    /// The generic arguments of a function: the parameter's name and the argument's.
    fn argument_names(&self, chain: &[(DieRef, Entry<'data>)]) -> Vec<(String, String)> {
        self.template_arguments(chain)
            .into_iter()
            .map(|(name, ty)| (name, self.type_name(ty).to_string()))
            .collect()
    }

    /// The generic arguments that are types, from the nearest entry of a chain that has any. They
    /// come after everything else in a function's entry, so that those without any are not walked:
    /// the name tells.
    pub(crate) fn template_arguments(
        &self,
        chain: &[(DieRef, Entry<'data>)],
    ) -> Vec<(String, DieRef)> {
        let name = self
            .text_of_chain(chain, dw::DW_AT_name)
            .unwrap_or_default();
        for (die, entry) in chain {
            if !entry.has_children() || !name.contains('<') {
                continue;
            }
            let found = self.template_children(*die);
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    fn template_children(&self, die: DieRef) -> Vec<(String, DieRef)> {
        let mut found = Vec::new();
        self.children(die, &mut |child, entry| {
            if entry.tag() == dw::DW_TAG_template_type_parameter {
                let name = self
                    .text(child.unit, entry, dw::DW_AT_name)
                    .unwrap_or_default();
                let ty = entry
                    .attr_value(dw::DW_AT_type)
                    .and_then(|value| self.reference(child.unit, value));
                if let Some(ty) = ty {
                    found.push((name.into_owned(), ty));
                }
            }
            Walk::Next
        });
        found
    }

    /// Calls `visit` with each direct child of an entry.
    pub(crate) fn children(
        &self,
        die: DieRef,
        visit: &mut dyn FnMut(DieRef, &Entry<'data>) -> Walk,
    ) {
        self.descendants(die, &mut |child, depth, entry| match depth {
            1 => visit(child, entry),
            _ => Walk::Next,
        });
    }

    /// Calls `visit` with each entry below an entry and its depth, from 1.
    pub(crate) fn descendants(
        &self,
        die: DieRef,
        visit: &mut dyn FnMut(DieRef, isize, &Entry<'data>) -> Walk,
    ) {
        let Some(unit) = self.get(die.unit) else {
            return;
        };
        let Some(offset) = unit.unit_offset(die.offset) else {
            return;
        };
        let Ok(mut raw) = unit.inner.entries_raw(Some(offset)) else {
            return;
        };
        let mut entry = Entry::null();
        // Each turn reads at least one byte.
        while !raw.is_empty() {
            let depth = raw.next_depth();
            match raw.read_entry(&mut entry) {
                Ok(true) if depth > 0 => {
                    let offset = unit.section_offset(entry.offset());
                    match visit(
                        DieRef {
                            unit: die.unit,
                            offset,
                        },
                        depth,
                        &entry,
                    ) {
                        Walk::Next => {}
                        Walk::Stop => return,
                    }
                }
                Ok(_) => {}
                Err(_) => return,
            }
            if raw.next_depth() <= 0 {
                return;
            }
        }
    }
}

/// Whether a walk goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walk {
    Next,
    Stop,
}

/// A part of a path.
struct Segment {
    name: String,
    is_type: bool,
}

impl Segment {
    fn is_implementation(&self) -> bool {
        self.name.starts_with("{impl#")
    }
}

fn plain_path(segments: &[Segment], name: &str) -> String {
    let name = match segments.last() {
        Some(parent) if parent.is_type => without_arguments_of(name, &parent.name),
        _ => name.to_owned(),
    };
    let mut path = String::new();
    for segment in segments {
        path.push_str(&segment.name);
        path.push_str("::");
    }
    path + &name
}

/// The method's name without the leading generic arguments that repeat those of its type.
fn without_arguments_of(name: &str, parent: &str) -> String {
    let (Some((base, own)), Some((_, of_parent))) =
        (split_arguments(name), split_arguments(parent))
    else {
        return name.to_owned();
    };
    match own.strip_prefix(of_parent) {
        Some("") => base.to_owned(),
        Some(rest) => match rest.strip_prefix(", ") {
            Some(rest) => format!("{base}<{rest}>"),
            None => name.to_owned(),
        },
        None => name.to_owned(),
    }
}

/// `push<u32>` as `push` and `u32`.
fn split_arguments(name: &str) -> Option<(&str, &str)> {
    let open = name.find('<').filter(|&at| at > 0)?;
    let inside = name.get(open + 1..)?.strip_suffix('>')?;
    Some((name.get(..open)?, inside))
}

/// The path of a member of an implementation, with the implementation as its symbol names it.
fn member_path(
    segments: &[Segment],
    implementation: usize,
    name: &str,
    linkage: &str,
    arguments: &dyn Fn() -> Vec<(String, String)>,
) -> Option<String> {
    let demangled = format!("{:#}", rustc_demangle::demangle(linkage));
    let below = segments.len().checked_sub(implementation)?;
    let head = implementation_head(&demangled, below)?;
    let arguments = arguments();
    // The older mangling names the parameters, the newer one the arguments.
    let legacy = linkage.starts_with("_ZN");
    let mut own = 0;
    for (parameter, argument) in &arguments {
        let belongs = if legacy {
            contains_word(&head, parameter)
        } else {
            head.contains(argument.as_str())
        };
        if !belongs {
            break;
        }
        own += 1;
    }
    let mut path = if legacy {
        substitute(&head, &arguments)
    } else {
        head
    };
    for segment in segments.get(implementation + 1..)? {
        path.push_str("::");
        path.push_str(&segment.name);
    }
    path.push_str("::");
    let (base, _) = split_arguments(name).unwrap_or((name, ""));
    path.push_str(base);
    let rest: Vec<&str> = arguments
        .iter()
        .skip(own)
        .map(|(_, ty)| ty.as_str())
        .collect();
    if !rest.is_empty() {
        path.push('<');
        path.push_str(&rest.join(", "));
        path.push('>');
    }
    Some(path)
}

/// What a demangled path says about the implementation that its last `below` parts lie in: `<A as
/// B>` as it stands, or from `module::<impl B for A>`; the type alone for an implementation without
/// a trait.
fn implementation_head(demangled: &str, below: usize) -> Option<String> {
    if let Some(at) = demangled.find("<impl ") {
        let inside = inside_angles(demangled.get(at..)?)?.strip_prefix("impl ")?;
        return Some(match split_at_depth_zero(inside, " for ") {
            Some((of, ty)) => format!("<{ty} as {of}>"),
            None => format!("<{inside}>"),
        });
    }
    if demangled.starts_with('<') {
        let inside = inside_angles(demangled)?;
        let of_trait = split_at_depth_zero(inside, " as ").is_some();
        let is_path =
            split_at_depth_zero(inside, "::").is_some() && !inside.starts_with(['&', '*']);
        let plain = is_path && !of_trait;
        return Some(if plain {
            inside.to_owned()
        } else {
            format!("<{inside}>")
        });
    }
    let mut parts = Vec::new();
    let mut rest = demangled;
    // Each turn takes one part.
    while let Some((part, others)) = split_at_depth_zero(rest, "::") {
        parts.push(part);
        rest = others;
    }
    // `rest` is the last part and not among `parts`.
    let count = (parts.len() + 1)
        .checked_sub(below)
        .filter(|&count| count > 0)?;
    Some(parts.get(..count)?.join("::"))
}

/// The text between the `<` that `text` begins with and its `>`.
pub(crate) fn inside_angles(text: &str) -> Option<&str> {
    let mut depth = 0u32;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' if before != '-' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return text.get(1..at);
        }
        before = character;
    }
    None
}

/// Splits at the first `separator` that is in no brackets.
pub(crate) fn split_at_depth_zero<'a>(
    text: &'a str,
    separator: &str,
) -> Option<(&'a str, &'a str)> {
    let mut depth = 0i64;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        if depth == 0
            && let Some(rest) = text.get(at..).and_then(|rest| rest.strip_prefix(separator))
        {
            return Some((text.get(..at)?, rest));
        }
        match character {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        before = character;
    }
    None
}

fn contains_word(text: &str, word: &str) -> bool {
    words(text).any(|part| part == word)
}

/// `text` with each parameter's name replaced by its argument.
fn substitute(text: &str, arguments: &[(String, String)]) -> String {
    words(text)
        .map(|part| {
            let argument = arguments.iter().find(|(parameter, _)| parameter == part);
            argument.map_or(part, |(_, argument)| argument.as_str())
        })
        .collect()
}

/// The identifiers of a text and what is between them, in order.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let inside = is_word(first);
        let end = rest
            .find(|character| is_word(character) != inside)
            .unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(name: &str, is_type: bool) -> Segment {
        Segment {
            name: name.to_owned(),
            is_type,
        }
    }

    #[test]
    fn methods_do_not_repeat_the_arguments_of_their_type() {
        let check = |parent: &str, name: &str, expect: &str| {
            let segments = [segment("demo", false), segment(parent, true)];
            assert_eq!(plain_path(&segments, name), expect);
        };
        check("Stack<u32>", "push<u32>", "demo::Stack<u32>::push");
        check("Stack<u32>", "map<u32, u8>", "demo::Stack<u32>::map<u8>");
        check("Stack<u32>", "new", "demo::Stack<u32>::new");
        check("Plain", "get<u8>", "demo::Plain::get<u8>");
        check(
            "Stack<core::option::Option<u32>>",
            "f<u32>",
            "demo::Stack<core::option::Option<u32>>::f<u32>",
        );
    }

    #[test]
    fn members_of_implementations_are_named_by_their_symbol() {
        let check =
            |path: &[&str], name: &str, linkage: &str, arguments: &[(&str, &str)], expect: &str| {
                let segments: Vec<Segment> = path.iter().map(|name| segment(name, false)).collect();
                let index = segments
                    .iter()
                    .rposition(Segment::is_implementation)
                    .unwrap();
                let arguments = || {
                    arguments
                        .iter()
                        .map(|(name, ty)| ((*name).to_owned(), (*ty).to_owned()))
                        .collect()
                };
                assert_eq!(
                    member_path(&segments, index, name, linkage, &arguments).unwrap(),
                    expect
                );
            };
        check(
            &["a", "{impl#1}"],
            "fmt<u32>",
            "_ZN56_$LT$a..Stack$LT$T$GT$$u20$as$u20$core..fmt..Display$GT$3fmt17h420f6697a8f39f87E",
            &[("T", "u32")],
            "<a::Stack<u32> as core::fmt::Display>::fmt",
        );
        check(
            &["a", "{impl#2}"],
            "drop",
            "_ZN49_$LT$a..Loud$u20$as$u20$core..ops..drop..Drop$GT$4drop17h89c914ec8be9f364E",
            &[],
            "<a::Loud as core::ops::drop::Drop>::drop",
        );
        check(
            &["a", "shapes", "{impl#0}", "fmt"],
            "{closure#0}",
            "_ZN44_$LT$a..Loud$u20$as$u20$core..fmt..Debug$GT$3fmt28_$u7b$$u7b$closure$u7d$$u7d$17h89c914ec8be9f364E",
            &[],
            "<a::Loud as core::fmt::Debug>::fmt::{closure#0}",
        );
        check(
            &["a", "{impl#1}", "total"],
            "{closure#0}<u64>",
            "_ZN1a14Stack$LT$T$GT$5total28_$u7b$$u7b$closure$u7d$$u7d$17h89c914ec8be9f364E",
            &[("T", "u64")],
            "a::Stack<u64>::total::{closure#0}",
        );
        check(
            &["a", "b", "{impl#0}"],
            "eat<a::Cat, u8>",
            "_ZN1a1b53_$LT$impl$u20$a..Eat$u20$for$u20$a..Cage$LT$T$GT$$GT$3eat17h89c914ec8be9f364E",
            &[("T", "a::Cat"), ("U", "u8")],
            "<a::Cage<a::Cat> as a::Eat>::eat<u8>",
        );
    }

    #[test]
    fn brackets_are_matched_past_arrows() {
        assert_eq!(
            inside_angles("<fn(u8) -> u8 as a::T>::f"),
            Some("fn(u8) -> u8 as a::T")
        );
        assert_eq!(inside_angles("<a"), None);
        assert_eq!(
            split_at_depth_zero("a<b as c> as d", " as "),
            Some(("a<b as c>", "d"))
        );
    }
}
