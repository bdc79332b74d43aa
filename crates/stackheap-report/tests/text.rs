//! The drawing of text, as a reader sees it.

mod fixture;

use stackheap_report::Frames;
use stackheap_report::text::{Bytes, Color, Detail, Glyphs, Level, TextOptions, drawing};

#[test]
fn a_move_is_drawn() {
    let states = fixture::moves();
    let sources = fixture::sources(fixture::MOVES_SOURCE);
    let mut all = String::new();
    for (index, state) in states.iter().enumerate() {
        let options = TextOptions {
            sources: &sources,
            before: index.checked_sub(1).and_then(|before| states.get(before)),
            ..TextOptions::default()
        };
        all.push_str(&drawing(state, &options));
        all.push_str("\n================\n\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_kind_of_thing_is_drawn() {
    let sources = fixture::sources(fixture::ZOO_SOURCE);
    let options = TextOptions {
        sources: &sources,
        ..TextOptions::default()
    };
    insta::assert_snapshot!(drawing(&fixture::zoo(), &options));
}

#[test]
fn an_engineer_sees_all_bytes() {
    let options = TextOptions {
        width: 120,
        level: Level::Engineer,
        detail: Detail::Full,
        frames: Frames::All,
        bytes: Bytes::Hex,
        ..TextOptions::default()
    };
    insta::assert_snapshot!(drawing(&fixture::zoo(), &options));
}

#[test]
fn ascii_is_enough() {
    let options = TextOptions {
        width: 80,
        glyphs: Glyphs::Ascii,
        ..TextOptions::default()
    };
    let drawn = drawing(&fixture::zoo(), &options);
    insta::assert_snapshot!(drawn);
}

#[test]
fn deep_recursion_is_folded() {
    let drawn = drawing(&fixture::deep(500), &TextOptions::default());
    assert!(drawn.contains("491 more frames"), "{drawn}");
    insta::assert_snapshot!(drawn);
    let full = TextOptions {
        detail: Detail::Full,
        ..TextOptions::default()
    };
    let drawn = drawing(&fixture::deep(500), &full);
    assert_eq!(drawn.matches("demo::fact").count(), 499 + 1);
}

#[test]
fn what_std_does_for_itself_is_a_number() {
    let drawn_at = |detail, blocks: u64| {
        let options = TextOptions {
            detail,
            ..TextOptions::default()
        };
        drawing(&fixture::backtrace(blocks), &options)
    };
    let few = drawn_at(Detail::Short, 8);
    assert_eq!(
        (
            few.matches("#10").count(),
            few.matches("more blocks").count()
        ),
        (8, 0),
        "{few}"
    );
    let many = drawn_at(Detail::Short, 9);
    assert!(
        many.contains("6 more blocks came and went within a step, 96 bytes"),
        "{many}"
    );
    assert!(
        many.contains("6 more blocks without a known owner, 96 bytes"),
        "{many}"
    );
    // The newest of both kinds, and the one with an owner.
    for (shown, number) in [
        (false, 106),
        (true, 107),
        (false, 206),
        (true, 207),
        (true, 1),
    ] {
        assert_eq!(
            many.contains(&format!("#{number} ")),
            shown,
            "{number} in {many}"
        );
    }
    let all = drawn_at(Detail::Full, 9);
    assert!(
        all.contains("#101 ") && !all.contains("more blocks"),
        "{all}"
    );
}

#[test]
fn hostile_text_stays_text_and_inside_the_width() {
    let drawn = drawing(&fixture::hostile(), &TextOptions::default());
    for c in drawn.chars() {
        assert!(c == '\n' || !c.is_control(), "{c:?} in the drawing");
        assert!(
            !('\u{202a}'..='\u{202e}').contains(&c),
            "{c:?} in the drawing"
        );
    }
    for line in drawn.lines() {
        assert!(line.chars().count() <= 100, "too wide: {line}");
    }
    insta::assert_snapshot!(drawn);
}

#[test]
fn threads_have_a_stack_each() {
    insta::assert_snapshot!(drawing(&fixture::threads(), &TextOptions::default()));
}

#[test]
fn colour_changes_nothing_but_colour() {
    let plain = drawing(&fixture::zoo(), &TextOptions::default());
    let options = TextOptions {
        color: Color::Ansi,
        ..TextOptions::default()
    };
    let colored = drawing(&fixture::zoo(), &options);
    assert!(colored.contains("\x1b[1m"));
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    let trimmed: Vec<_> = stripped.lines().map(str::trim_end).collect();
    let plain: Vec<_> = plain.lines().collect();
    assert_eq!(trimmed, plain);
}

#[test]
fn any_width_is_survived() {
    for width in [0, 1, 59, 60, 80, 240, usize::MAX] {
        let options = TextOptions {
            width,
            ..TextOptions::default()
        };
        assert!(!drawing(&fixture::zoo(), &options).is_empty());
    }
}
