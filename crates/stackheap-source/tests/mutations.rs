//! Texts that are nearly Rust must neither stop the outline nor make it inconsistent.

#[path = "../../../tests/support/random.rs"]
mod random;

use random::Random;
use stackheap_model::TextPosition;
use stackheap_source::{ProblemKind, outline};

/// How many texts are tried.
const ROUNDS: usize = 100;

#[test]
fn damaged_programs_are_outlined_consistently() {
    let program = include_str!("programs/rows.rs");
    let pieces = [
        "{", "}", "(", ")", "\"", "'", "/*", "//", "#", "!", ";", "|", "é", "fn ", "match ", "\n",
    ];
    let mut random = Random(1);
    let mut parsed = 0;
    for _ in 0..ROUNDS {
        let mut text: Vec<char> = program.chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len());
            match random.below(3) {
                0 => drop(text.drain(at..(at + random.below(20)).min(text.len()))),
                1 => drop(text.splice(at..at, pieces[random.below(pieces.len())].chars())),
                _ => text.swap(at, 0),
            }
        }
        let text: String = text.into_iter().collect();
        parsed += usize::from(check(&text));
    }
    assert!(
        (ROUNDS / 20..ROUNDS).contains(&parsed),
        "{parsed} of {ROUNDS} still parse"
    );
}

/// Whether the text was parsed as a whole.
fn check(text: &str) -> bool {
    let (outline, problems) = outline(text);
    for problem in &problems {
        assert!(
            !matches!(problem.kind, ProblemKind::NoThread(_)),
            "{problem} in {text}"
        );
    }
    for statement in &outline.statements {
        let (own, all) = (statement.range, statement.extent);
        assert!(
            own.start < own.end && own.end <= all.end && own.start == all.start,
            "{statement:?} in {text}"
        );
        assert!(
            statement
                .function
                .is_none_or(|index| index < outline.functions.len())
        );
    }
    for pair in outline.statements.windows(2) {
        assert!(
            pair[0].range.start <= pair[1].range.start,
            "{pair:?} in {text}"
        );
    }
    for (index, line) in text.lines().enumerate() {
        for column in 0..line.len() + 2 {
            let line = u32::try_from(index + 1).unwrap();
            let at = TextPosition {
                line,
                column: u32::try_from(column).unwrap(),
            };
            let Some(found) = outline.statement_at(at) else {
                continue;
            };
            let extent = outline.statements[found].extent;
            // A head goes up to its body's brace, and a body ends just behind its last statement.
            let near = column == 0 || extent.start <= at && at.line <= extent.end.line + 1;
            assert!(
                near,
                "{at:?} is not in {:?} of {text}",
                outline.statements[found]
            );
        }
    }
    problems.is_empty()
}
