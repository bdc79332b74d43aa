//! Names of types as rustc writes them into the debug information.

/// The last segment of a path without its generic arguments: `Point` of `demo::Point<f64>`.
pub(crate) fn short_name(full: &str) -> &str {
    let head = head(full);
    let from = last_separator(head).map_or(0, |at| at + 2);
    head.get(from..).unwrap_or(head)
}

/// A path without its trailing generic arguments: `demo::Point` of `demo::Point<f64>`.
pub(crate) fn head(full: &str) -> &str {
    match generics(full) {
        Some((head, _)) => head,
        None => full,
    }
}

/// Head and generic arguments of a path that ends in `<...>`.
pub(crate) fn generics(full: &str) -> Option<(&str, &str)> {
    let inner_end = full.len().checked_sub(1)?;
    if !full.ends_with('>') || full.ends_with("->") {
        return None;
    }
    let mut depth = 0_u32;
    let bytes = full.as_bytes();
    for (at, byte) in bytes.iter().enumerate().rev() {
        let arrow = at > 0 && bytes.get(at - 1) == Some(&b'-');
        match byte {
            b'>' if !arrow => depth += 1,
            b'<' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    // `<T as Trait>` has no head: it is no list of arguments.
                    let head = full.get(..at).filter(|head| !head.is_empty())?;
                    return Some((head, full.get(at + 1..inner_end)?));
                }
            }
            _ => {}
        }
    }
    None
}

/// The parts of a list of generic arguments, split at the commas of the outermost level.
pub(crate) fn split_arguments(list: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0_i32;
    let mut start = 0;
    let bytes = list.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            b'>' if at > 0 && bytes.get(at - 1) == Some(&b'-') => {}
            b'>' | b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(list.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = list.get(start..).unwrap_or_default().trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

/// What a pointer type points at, as its name says: `str` of `&mut str` and of
/// `alloc::boxed::Box<str, alloc::alloc::Global>`.
pub(crate) fn pointee(name: &str) -> Option<&str> {
    for prefix in ["&mut ", "&", "*const ", "*mut "] {
        if let Some(rest) = name.strip_prefix(prefix) {
            return Some(rest);
        }
    }
    let (_, arguments) = generics(name)?;
    split_arguments(arguments).first().copied()
}

/// Whether the last generic argument that names a type is `str`, as in `alloc::rc::RcInner<str>`.
pub(crate) fn is_generic_over_str(name: &str) -> bool {
    generics(name).is_some_and(|(_, list)| split_arguments(list).first() == Some(&"str"))
}

/// The name as `core::any::type_name` writes it: without the default allocator.
pub(crate) fn without_default_allocator(name: &str) -> String {
    name.replace(", alloc::alloc::Global>", ">")
}

/// The byte index of the last `::` outside of brackets.
fn last_separator(head: &str) -> Option<usize> {
    let bytes = head.as_bytes();
    let mut depth = 0_i32;
    let mut at = bytes.len();
    while at > 0 {
        at -= 1;
        match bytes.get(at) {
            Some(b'>') if at > 0 && bytes.get(at - 1) == Some(&b'-') => {}
            Some(b'>' | b')' | b']' | b'}') => depth += 1,
            Some(b'<' | b'(' | b'[' | b'{') => depth -= 1,
            Some(b':') if depth == 0 && at > 0 && bytes.get(at - 1) == Some(&b':') => {
                return Some(at - 1);
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_name_is_the_last_segment_without_arguments() {
        for (full, short) in [
            ("u32", "u32"),
            ("demo::Point<f64>", "Point"),
            ("demo::Pair<a::B, fn(u8) -> c::D>", "Pair"),
            ("demo::main::{closure_env#0}", "{closure_env#0}"),
            ("demo::main::{closure_env#0}<u8>", "{closure_env#0}"),
            ("(u8, demo::A)", "(u8, demo::A)"),
            ("<a::B as c::D>::E<u8>", "E"),
            ("demo::Gen<u16, 3>", "Gen"),
        ] {
            assert_eq!(short_name(full), short, "{full}");
        }
    }

    #[test]
    fn arguments_are_split_at_the_outermost_level() {
        let (head, list) = generics("m::Map<k::K<u8, u8>, fn(u8, u8) -> V, [u8; 3]>").unwrap();
        assert_eq!(head, "m::Map");
        assert_eq!(
            split_arguments(list),
            ["k::K<u8, u8>", "fn(u8, u8) -> V", "[u8; 3]"]
        );
        assert_eq!(generics("fn(u8) -> u8"), None);
        assert_eq!(generics("<a::B as c::D>"), None);
    }

    #[test]
    fn the_pointee_is_what_the_name_says() {
        assert_eq!(pointee("&mut str"), Some("str"));
        assert_eq!(
            pointee("alloc::boxed::Box<[u8], alloc::alloc::Global>"),
            Some("[u8]")
        );
        assert_eq!(
            pointee("*const alloc::rc::RcInner<str>"),
            Some("alloc::rc::RcInner<str>")
        );
        assert!(is_generic_over_str("alloc::rc::RcInner<str>"));
        assert!(!is_generic_over_str("alloc::rc::RcInner<[u8]>"));
    }
}
