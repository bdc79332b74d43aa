//! Type names short enough to read.

/// Arguments that a reader of a type does not write: the default allocator and hasher. Dropped only
/// when they come from the standard library and are not the first argument.
const DEFAULT_ARGUMENTS: [&str; 2] = ["Global", "RandomState"];

/// One list of generic arguments that is being read.
struct Level {
    /// Where the path before the list began in the output.
    path_start: usize,
    /// Where the current argument began in the output, with the `, ` before it.
    argument_start: usize,
    /// Whether the current argument is the first of the list.
    first: bool,
}

/// The name of a type as a reader writes it: each path cut to its last segment, default allocators
/// and hashers left out.
///
/// ```
/// use stackheap_explain::short_type;
/// assert_eq!(
///     short_type("alloc::vec::Vec<alloc::string::String, alloc::alloc::Global>"),
///     "Vec<String>"
/// );
/// ```
pub fn short_type(full: &str) -> String {
    let mut out = String::with_capacity(full.len());
    let mut levels: Vec<Level> = Vec::new();
    // Where the path that is being read began in the output, and its last crate seen.
    let mut path_start = 0;
    let mut from_std = false;
    let mut rest = full;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            let segment = out.get(path_start..).unwrap_or_default();
            from_std |= matches!(segment, "alloc" | "std" | "core");
            // A closure's or implementation's name means nothing without the function it is in.
            if !after.starts_with('{') {
                out.truncate(path_start);
            } else {
                out.push_str("::");
            }
            rest = after;
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '<' => {
                levels.push(Level {
                    path_start,
                    argument_start: out.len() + 1,
                    first: true,
                });
                out.push(c);
            }
            ',' => {
                drop_default(&mut out, levels.last(), path_start, from_std);
                if let Some(level) = levels.last_mut() {
                    level.argument_start = out.len();
                    level.first = false;
                }
                out.push(c);
            }
            // The arrow of `fn() -> T` closes nothing.
            '>' if !out.ends_with('-') => {
                drop_default(&mut out, levels.last(), path_start, from_std);
                out.push(c);
                if let Some(level) = levels.pop() {
                    path_start = level.path_start;
                    from_std = false;
                    continue;
                }
            }
            _ => out.push(c),
        }
        if !is_path(c) {
            path_start = out.len();
            from_std = false;
        }
    }
    out
}

/// Takes the argument that just ended out of `out`, where it is a default of the standard library.
fn drop_default(out: &mut String, level: Option<&Level>, path_start: usize, from_std: bool) {
    let Some(level) = level else { return };
    let argument = out.get(path_start..).unwrap_or_default();
    if !level.first && from_std && DEFAULT_ARGUMENTS.contains(&argument) {
        out.truncate(level.argument_start);
    }
}

fn is_path(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '{' | '}' | '#' | '$')
}

/// `text` cut to so many characters, the last three of them `...` when something was cut.
///
/// ```
/// assert_eq!(stackheap_explain::cut("abcdef", 5), "ab...");
/// ```
pub fn cut(text: &str, characters: usize) -> String {
    if text.chars().nth(characters).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(characters.saturating_sub(3)).collect();
    short.extend(std::iter::repeat_n('.', characters.min(3)));
    short
}

#[cfg(test)]
mod tests {
    use super::{cut, short_type};

    #[test]
    fn paths_are_cut_to_their_last_segment() {
        let cases = [
            ("i32", "i32"),
            ("&str", "&str"),
            ("&mut alloc::string::String", "&mut String"),
            ("alloc::vec::Vec<u8, alloc::alloc::Global>", "Vec<u8>"),
            (
                "alloc::vec::Vec<alloc::vec::Vec<u8, alloc::alloc::Global>, alloc::alloc::Global>",
                "Vec<Vec<u8>>",
            ),
            (
                "std::collections::hash::map::HashMap<alloc::string::String, i32, std::hash::random::RandomState>",
                "HashMap<String, i32>",
            ),
            ("demo::Pool<demo::Item, demo::Global>", "Pool<Item, Global>"),
            ("(u8, demo::Token)", "(u8, Token)"),
            ("[core::option::Option<u8>; 4]", "[Option<u8>; 4]"),
            (
                "alloc::boxed::Box<dyn demo::Shape, alloc::alloc::Global>",
                "Box<dyn Shape>",
            ),
            ("fn(demo::A) -> demo::B", "fn(A) -> B"),
            ("demo::main::{closure_env#0}", "main::{closure_env#0}"),
            ("demo::Outer<i32>::Inner", "Inner"),
            ("*const alloc::rc::RcInner<u8>", "*const RcInner<u8>"),
            ("", ""),
            ("::", ""),
            ("<<<", "<<<"),
            (">>>", ">>>"),
        ];
        for (full, short) in cases {
            assert_eq!(short_type(full), short, "{full}");
        }
    }

    #[test]
    fn deep_nesting_is_read_without_recursion() {
        let name = format!("{}u8{}", "a::B<".repeat(50_000), ">".repeat(50_000));
        assert_eq!(short_type(&name).len(), 2 * 50_000 + 2 + 50_000);
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüßé", 4), "ä...");
        assert_eq!(cut("äöüß", 2), "..");
        assert_eq!(cut("x", 0), "");
    }
}
