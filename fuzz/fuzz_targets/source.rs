//! Source text: its outline, and what is looked up in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stackheap_source::outline;

fuzz_target!(|text: &str| {
    let (outline, _) = outline(text);
    for statement in &outline.statements {
        outline.statement_at(statement.range.start);
        outline.statement_at(statement.range.end);
    }
    for mark in &outline.marks {
        outline.marked_statement(mark);
    }
});
