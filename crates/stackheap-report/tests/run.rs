//! What is told of a whole run: the answer, the table, the life of one thing; in text and Markdown.

mod fixture;

use stackheap_explain::{StoryEntry, entry};
use stackheap_model::{BlockId, PlaceRef};
use stackheap_report::text::{Glyphs, TextOptions, answer, compare, story};
use stackheap_report::{Frames, Story, markdown};

#[test]
fn a_run_is_answered() {
    let states = fixture::moves();
    let sources = fixture::sources(fixture::MOVES_SOURCE);
    let options = TextOptions {
        sources: &sources,
        ..TextOptions::default()
    };
    let told = answer(
        &fixture::run::summary(),
        Some(&states[2]),
        &fixture::run::comparison(),
        &options,
    );
    insta::assert_snapshot!(told);
}

#[test]
fn the_table_fits_its_width() {
    for width in [60, 80, 100, 120] {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let options = TextOptions {
                width,
                glyphs,
                ..TextOptions::default()
            };
            let told = compare(&fixture::run::comparison(), &options);
            for line in told.lines() {
                assert!(line.chars().count() <= width, "wider than {width}: {line}");
                assert!(glyphs == Glyphs::Unicode || line.is_ascii(), "{line}");
            }
            for topic in ["lifetime", "size", "values", "ownership"] {
                assert!(told.contains(topic), "{topic} is missing");
            }
        }
    }
}

#[test]
fn a_run_without_a_heap_says_so() {
    insta::assert_snapshot!(compare(&fixture::run::bare(), &TextOptions::default()));
}

fn life() -> Story {
    let entries: Vec<StoryEntry> = fixture::moves()
        .iter()
        .flat_map(|state| {
            let about = |event: &&stackheap_model::Event| {
                stackheap_explain::concerns(event, &PlaceRef::Block { block: BlockId(1) })
            };
            state
                .events
                .iter()
                .filter(about)
                .map(|event| entry(event, state))
                .collect::<Vec<_>>()
        })
        .collect();
    Story {
        subject: "block #1".to_owned(),
        entries,
        left_out: 2,
    }
}

#[test]
fn a_life_is_told() {
    insta::assert_snapshot!(story(&life(), &TextOptions::default()));
    let empty = Story {
        subject: "`x`".to_owned(),
        ..Story::default()
    };
    assert_eq!(
        story(&empty, &TextOptions::default()),
        "The life of `x`\n  nothing was recorded of it\n"
    );
}

#[test]
fn markdown_tells_the_same() {
    let sources = fixture::sources(fixture::ZOO_SOURCE);
    let mut told = markdown::state(&fixture::zoo(), &sources, Frames::User);
    told.push_str("\n---\n\n");
    told.push_str(&markdown::compare(&fixture::run::comparison()));
    told.push_str("\n---\n\n");
    told.push_str(&markdown::story(&life()));
    insta::assert_snapshot!(told);
}

#[test]
fn hostile_text_makes_no_markdown() {
    let told = markdown::state(&fixture::hostile(), &[], Frames::User);
    for line in told.lines().filter(|line| line.starts_with('|')) {
        // Every row has as many cells as its head; escaped bars are no borders.
        let bars = line.replace("\\|", "").matches('|').count();
        assert!([7, 9].contains(&bars), "{bars} bars in {line}");
    }
    assert!(told.chars().all(|c| c == '\n' || !c.is_control()));
}
