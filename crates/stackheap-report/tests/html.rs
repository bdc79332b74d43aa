//! The page: what is in the file, and that a long recording stays small.

mod fixture;

use std::time::Duration;

use stackheap_model::{State, StepNumber, Unknown};
use stackheap_report::html::{DEFAULT_LIMIT_BYTES, PageData, PageHead, page};
use stackheap_report::{Comparison, Outcome, Summary};

fn summary() -> Summary {
    Summary {
        steps: 140,
        stops: 212,
        threads: 1,
        blocks: 12,
        peak_bytes: 1232,
        peak_step: Some(StepNumber(61)),
        findings: Ok(Vec::new()),
        limits: Vec::new(),
        elapsed: Duration::from_millis(118),
        recording: Some("target/stackheap/demo.stackheap".to_owned()),
        outcome: Outcome::Exit { code: 0 },
        next: Vec::new(),
    }
}

fn make(title: &str, source: &str, states: &[State], comparison: Option<&Comparison>) -> String {
    let sources = fixture::sources(source);
    let summary = summary();
    page(&PageData {
        head: PageHead {
            title,
            sources: &sources,
            summary: Some(&summary),
            comparison,
            notes: &[],
            limit_bytes: DEFAULT_LIMIT_BYTES,
        },
        states,
    })
}

/// Writes a page where a person (or a browser without a screen) can look at it.
fn keep(name: &str, page: &str) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(path, page).unwrap();
}

#[test]
fn pages_are_written() {
    keep(
        "moves.html",
        &make("moves", fixture::MOVES_SOURCE, &fixture::moves(), None),
    );
    keep(
        "zoo.html",
        &make("zoo", fixture::ZOO_SOURCE, &[fixture::zoo()], None),
    );
    keep(
        "threads.html",
        &make(
            "threads",
            fixture::MOVES_SOURCE,
            &[fixture::threads()],
            None,
        ),
    );
    keep(
        "deep.html",
        &make("deep", fixture::ZOO_SOURCE, &[fixture::deep(500)], None),
    );
    keep(
        "hostile.html",
        &make("<hostile>", "fn main() {}\n", &[fixture::hostile()], None),
    );
    let _ = Unknown::because("unused");
}
