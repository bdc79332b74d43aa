use crate::lexer::Scan;
use crate::lines::Lines;

/// A comment that names a place in the source: `// <NAME> rest`, or `// <NAME#K> rest` for the K-th
/// passing of the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The name: letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// The comment's line, from 1.
    pub line: u32,
    /// What stands behind the name, without white space around it.
    pub rest: String,
}

/// The marks among the comments of a text.
pub(crate) fn marks(text: &str, scan: &Scan, lines: &Lines) -> Vec<Mark> {
    let mut marks = Vec::new();
    for comment in &scan.comments {
        let words = text.get(comment.clone()).unwrap_or("");
        if let Some((name, rest)) = parse(words) {
            let line = lines.position(comment.start).line;
            marks.push(Mark {
                name: name.to_owned(),
                line,
                rest: rest.to_owned(),
            });
        }
    }
    marks
}

/// The name and the rest of a comment that is a mark.
fn parse(comment: &str) -> Option<(&str, &str)> {
    let (name, rest) = comment
        .strip_prefix("//")?
        .trim_start()
        .strip_prefix('<')?
        .split_once('>')?;
    let named = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name = match name.split_once('#') {
        Some((name, count)) if !count.is_empty() && count.chars().all(|c| c.is_ascii_digit()) => {
            name
        }
        Some(_) => return None,
        None => name,
    };
    (!name.is_empty() && name.chars().all(named)).then_some((name, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_angle_brackets_are_marks() {
        assert_eq!(parse("// <moved> s is gone "), Some(("moved", "s is gone")));
        assert_eq!(parse("//<a-1.b_c>"), Some(("a-1.b_c", "")));
        assert_eq!(parse("// <http://x>"), None);
        assert_eq!(parse("// <round#3> x"), Some(("round", "x")));
        assert_eq!(parse("// <round#x>"), None);
        assert_eq!(parse("// <>"), None);
        assert_eq!(parse("// a < b > c"), None);
        assert_eq!(parse("/// <doc>"), None);
        assert_eq!(parse("/* <block> */"), None);
    }
}
