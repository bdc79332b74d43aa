//! Where the source names a variable, and whether that can move its value.
//!
//! Positions only: a name that does not occur cannot have been moved. What occurs is harmless when
//! it is plainly a borrow.

use stackheap_model::{TextPosition, TextRange};
use stackheap_source::{Binding, BodyKind, Outline};

/// Macros that only borrow what is given to them.
const BORROWING_MACROS: [&str; 12] = [
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "format!",
    "write!",
    "writeln!",
    "panic!",
    "assert!",
    "assert_eq!",
    "assert_ne!",
    "debug_assert!",
];

/// Where a variable is named in a way that may move its value, in the order of the text.
pub(crate) fn may_move(text: &str, binding: &Binding) -> Vec<TextPosition> {
    mentions(text, binding)
        .filter(|(_, line, before, after)| {
            let is_borrow =
                before.ends_with('&') || before.ends_with("&mut") || after.starts_with('[');
            !is_borrow && !in_borrowing_macro(line)
        })
        .map(|(at, ..)| at)
        .collect()
}

/// Whether none of the mentions that [may move](may_move) a variable's value may have run before
/// `here`.
pub(crate) fn none_moves(
    moving: &[TextPosition],
    loops: &[TextRange],
    binding: &Binding,
    here: TextPosition,
) -> bool {
    let Some(&first) = moving.first() else {
        return true;
    };
    first >= looping_until(loops, binding, here)
}

/// Where a variable is named by value, in the order of the text: there a value that owns something
/// is moved. A variable that is also assigned may have a new value, so that nothing follows for it.
pub(crate) fn by_value(text: &str, outline: &Outline, binding: &Binding) -> Vec<TextPosition> {
    let assigned = |after: &str| after.starts_with('=') && !after.starts_with("==");
    if mentions(text, binding).any(|(_, _, _, after)| assigned(after)) {
        return Vec::new();
    }
    mentions(text, binding)
        .filter(|&(at, line, before, after)| {
            !in_borrowing_macro(line)
                && (is_by_value(before, after) || in_move_closure(text, outline, binding, at))
        })
        .map(|(at, ..)| at)
        .collect()
}

/// The line of the first of the places [by value](by_value) that may have run before `here`.
pub(crate) fn handed_on(
    places: &[TextPosition],
    loops: &[TextRange],
    binding: &Binding,
    here: TextPosition,
) -> Option<u32> {
    let &first = places.first()?;
    (first < looping_until(loops, binding, here)).then_some(first.line)
}

/// Whether a name between these texts stands for its value as a whole.
fn is_by_value(before: &str, after: &str) -> bool {
    let opens = [
        "(", ",", "=", "[", "{", ":", "=>", "return", "break", " in", "match",
    ];
    let closes = [")", ",", ";", "]", "}", "{", "+", "?"];
    let starts_line = before.is_empty() && (after.is_empty() || after.starts_with('}'));
    let path = before.ends_with("::") || after.starts_with("::");
    let begins = opens.iter().any(|open| before.ends_with(open));
    let ends = after.is_empty() || closes.iter().any(|close| after.starts_with(close));
    starts_line || begins && ends && !path
}

/// Whether a mention stands in a closure or async block that takes what it names.
fn in_move_closure(text: &str, outline: &Outline, binding: &Binding, at: TextPosition) -> bool {
    outline.functions.iter().any(|body| {
        body.kind != BodyKind::Function
            && body.range.contains(at)
            && !body.range.contains(binding.at)
            && line_from(text, body.range).starts_with("move")
    })
}

/// The loops of a text, as far as they reach.
pub(crate) fn loops(text: &str, outline: &Outline) -> Vec<TextRange> {
    let lines: Vec<&str> = text.lines().collect();
    let statements = outline.statements.iter();
    statements
        .filter(|statement| {
            let index = (statement.range.start.line as usize).saturating_sub(1);
            let line = lines.get(index).copied().unwrap_or("");
            is_loop(behind(line, statement.range))
        })
        .map(|statement| statement.extent)
        .collect()
}

/// Up to where code may have run: `here`, or the end of the loop around it that the variable was
/// bound outside of.
fn looping_until(loops: &[TextRange], binding: &Binding, here: TextPosition) -> TextPosition {
    loops
        .iter()
        .filter(|extent| extent.contains(here) && !extent.contains(binding.at))
        .map(|extent| extent.end)
        .max()
        .map_or(here, |end| end.max(here))
}

fn is_loop(head: &str) -> bool {
    ["for ", "while ", "loop", "'"]
        .iter()
        .any(|word| head.starts_with(word))
        || head.contains("loop {")
}

fn line_from(text: &str, range: TextRange) -> &str {
    let index = (range.start.line as usize).saturating_sub(1);
    behind(text.lines().nth(index).unwrap_or(""), range)
}

/// What stands in a range's first line from where the range starts.
fn behind(line: &str, range: TextRange) -> &str {
    let column = (range.start.column as usize).saturating_sub(1);
    line.get(column..).unwrap_or("")
}

fn in_borrowing_macro(line: &str) -> bool {
    let line = line.trim_start();
    BORROWING_MACROS.iter().any(|name| line.starts_with(name))
}

/// The mentions of a variable behind its binding and in its scope: position, the line, and what
/// stands before and behind.
fn mentions<'t>(
    text: &'t str,
    binding: &'t Binding,
) -> impl Iterator<Item = (TextPosition, &'t str, &'t str, &'t str)> + 't {
    let name = binding.name.as_str();
    text.lines()
        .map(without_comment)
        .enumerate()
        .flat_map(move |(index, line)| {
            line.match_indices(name).filter_map(move |(start, _)| {
                let at = TextPosition {
                    line: index as u32 + 1,
                    column: start as u32 + 1,
                };
                let (before, rest) = line.split_at_checked(start)?;
                let after = rest.get(name.len()..)?;
                let part_of_word = before.ends_with(is_word) || after.starts_with(is_word);
                let inside = binding.scope.contains(at) && at > binding.at;
                (!part_of_word && inside).then(|| (at, line, before.trim_end(), after.trim_start()))
            })
        })
}

/// A line up to its comment. A `//` behind an odd number of quotes is taken for text.
fn without_comment(line: &str) -> &str {
    let mut from = 0;
    while let Some(found) = line.get(from..).and_then(|rest| rest.find("//")) {
        let at = from + found;
        let Some(code) = line.get(..at) else { break };
        if code.matches('"').count() % 2 == 0 {
            return code;
        }
        from = at + 2;
    }
    line
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outline of a text, and the line in it that ends with `// here`.
    fn read(text: &str) -> (Outline, TextPosition) {
        let (outline, problems) = stackheap_source::outline(text);
        assert!(problems.is_empty(), "{problems:?}");
        let before = text.lines().position(|line| line.ends_with("// here"));
        let line = before.unwrap() as u32 + 1;
        (outline, TextPosition { line, column: 5 })
    }

    fn x(outline: &Outline) -> &Binding {
        let mut bindings = outline.bindings.iter();
        bindings.find(|binding| binding.name == "x").unwrap()
    }

    /// Whether `x` is untouched at the line that ends with `// here`.
    fn untouched(text: &str) -> bool {
        let (outline, here) = read(text);
        let binding = x(&outline);
        let moving = may_move(text, binding);
        none_moves(&moving, &loops(text, &outline), binding, here)
    }

    #[test]
    fn a_name_that_does_not_occur_is_not_moved() {
        assert!(untouched(
            "fn f() {\n    let x = g();\n    h(); // here\n}\n"
        ));
        assert!(untouched(
            "fn f() {\n    let x = g();\n    h(); // here\n    drop(x);\n}\n"
        ));
    }

    #[test]
    fn borrows_do_not_move() {
        assert!(untouched(
            "fn f() {\n    let x = g();\n    h(&x, &mut x);\n    println!(\"{x}\");\n    h(); // here\n}\n"
        ));
    }

    /// The line that names `x` by value before the line that ends with `// here`.
    fn by_value(text: &str) -> Option<u32> {
        let (outline, here) = read(text);
        let binding = x(&outline);
        let places = super::by_value(text, &outline, binding);
        handed_on(&places, &loops(text, &outline), binding, here)
    }

    #[test]
    fn a_value_that_is_handed_over_is_found() {
        let body =
            |line: &str| format!("fn f() {{\n    let x = g();\n    {line}\n    h(); // here\n}}\n");
        for line in [
            "drop(x);",
            "let y = x;",
            "let y = S { a: 1, x };",
            "v.push(x);",
            "spawn(move || x.len());",
        ] {
            assert_eq!(by_value(&body(line)), Some(3), "{line}");
        }
        for line in [
            "x.push(1);",
            "g(&x);",
            "println!(\"{}\", x);",
            "let y = x.len();",
            "drop(x); x = g();",
        ] {
            assert_eq!(by_value(&body(line)), None, "{line}");
        }
    }

    #[test]
    fn comments_do_not_move() {
        assert!(untouched(
            "fn f() {\n    let x = g(); // then x\n    // drop(x)\n    h(); // here\n}\n"
        ));
    }

    #[test]
    fn a_call_may_move() {
        assert!(!untouched(
            "fn f() {\n    let x = g();\n    h(x);\n    h(); // here\n}\n"
        ));
    }

    #[test]
    fn the_rest_of_a_loop_may_have_run() {
        assert!(!untouched(
            "fn f() {\n    let x = g();\n    for _ in 0..2 {\n    h(); // here\n    drop(x);\n    }\n}\n"
        ));
    }
}
