//! A whole run as text: the answer after it, the table Stack | Heap, and the life of one thing.

use stackheap_explain::{comparison, position, summary};
use stackheap_model::State;

use super::drawing::drawing;
use super::glyphs::Set;
use super::line::{Line, Look, columns, wrap};
use super::{Level, TextOptions};
use crate::{Comparison, Story, Summary};

/// What a run is answered with: one line, the drawing of the step with most live blocks, the table,
/// what was found, and what to try next.
pub fn answer(
    run: &Summary,
    peak: Option<&State>,
    table: &Comparison,
    options: &TextOptions<'_>,
) -> String {
    let mut out = String::new();
    for text in wrap(&summary(run), options.columns()) {
        let mut line = Line::new(options.color);
        line.push(Look::Strong, &text);
        line.end(&mut out);
    }
    let findings = run.findings.iter().flatten();
    for told in findings.chain(&run.limits) {
        bullet(&mut out, told, options);
    }
    if let Some(peak) = peak {
        out.push('\n');
        out.push_str(&drawing(peak, options));
    }
    out.push('\n');
    out.push_str(&compare(table, options));
    if !run.next.is_empty() {
        out.push('\n');
        next(&mut out, run, options);
    }
    out
}

fn bullet(out: &mut String, told: &str, options: &TextOptions<'_>) {
    let set = Set::of(options.glyphs);
    let parts = wrap(
        &stackheap_explain::visible(told),
        options.columns().saturating_sub(4),
    );
    for (index, part) in parts.iter().enumerate() {
        let mut line = Line::new(options.color);
        line.plain("  ")
            .plain(if index == 0 { set.bullet } else { " " });
        line.plain(" ").plain(part);
        line.end(out);
    }
}

fn next(out: &mut String, run: &Summary, options: &TextOptions<'_>) {
    let mut line = Line::new(options.color);
    line.push(Look::Strong, "next");
    line.end(out);
    let widest = run.next.iter().map(|next| columns(&next.command)).max();
    let beside = widest.unwrap_or(0) + 4;
    let needed = run.next.iter().map(|next| columns(&next.shows)).max();
    let fits = beside + needed.unwrap_or(0) <= options.columns();
    for next in &run.next {
        let mut line = Line::new(options.color);
        line.plain("  ").plain(&next.command);
        if fits {
            line.pad_to(beside).push(Look::Dim, &next.shows);
            line.end(out);
            continue;
        }
        line.end(out);
        let mut line = Line::new(options.color);
        line.plain("      ").push(Look::Dim, &next.shows);
        line.end(out);
    }
}

/// The table Stack | Heap.
pub fn compare(table: &Comparison, options: &TextOptions<'_>) -> String {
    const TOPIC_COLUMNS: usize = 11;
    let set = Set::of(options.glyphs);
    let side = set.live.side;
    let width = options.columns();
    let cell = width.saturating_sub(TOPIC_COLUMNS + 6) / 2;
    let mut out = String::new();
    let mut line = Line::new(options.color);
    line.pad_to(TOPIC_COLUMNS)
        .push(Look::Dim, &format!("{side} "));
    line.push(Look::Strong, "Stack")
        .pad_to(TOPIC_COLUMNS + 3 + cell);
    line.push(Look::Dim, &format!("{side} "))
        .push(Look::Strong, "Heap");
    line.end(&mut out);
    for row in comparison(table) {
        let mut line = Line::new(options.color);
        let last = TOPIC_COLUMNS + 5 + cell * 2;
        line.fill(Look::Dim, set.live.flat, last);
        line.end(&mut out);
        let (left, right) = (sentences(&row.stack, cell), sentences(&row.heap, cell));
        for index in 0..left.len().max(right.len()) {
            let mut line = Line::new(options.color);
            line.push(Look::Strong, if index == 0 { row.topic } else { "" });
            line.pad_to(TOPIC_COLUMNS)
                .push(Look::Dim, &format!("{side} "));
            line.plain(left.get(index).map_or("", String::as_str));
            line.pad_to(TOPIC_COLUMNS + 3 + cell)
                .push(Look::Dim, &format!("{side} "));
            line.plain(right.get(index).map_or("", String::as_str));
            line.end(&mut out);
        }
    }
    out
}

fn sentences(sentences: &[String], width: usize) -> Vec<String> {
    let full: Vec<_> = sentences.iter().map(|text| format!("{text}.")).collect();
    full.iter().flat_map(|text| wrap(text, width)).collect()
}

/// The life of one local or block.
pub fn story(story: &Story, options: &TextOptions<'_>) -> String {
    let mut out = String::new();
    let mut line = Line::new(options.color);
    line.push(Look::Strong, &format!("The life of {}", story.subject));
    line.end(&mut out);
    if story.entries.is_empty() {
        out.push_str("  nothing was recorded of it\n");
    }
    let widest = story.entries.iter().filter_map(|entry| entry.step).max();
    let digits = widest.map_or(1, |step| step.to_string().len());
    let margin = digits + 9;
    for entry in &story.entries {
        let step = match entry.step {
            Some(step) => format!("  step {:>digits$}  ", step.0),
            None => format!("  {:>width$}  ", "", width = digits + 5),
        };
        let at = entry.at.as_ref().map(|at| format!(" ({})", position(at)));
        let text = format!("{}{}", entry.sentence.text, at.unwrap_or_default());
        for (index, part) in wrap(&text, options.columns().saturating_sub(margin))
            .iter()
            .enumerate()
        {
            let mut line = Line::new(options.color);
            if index == 0 {
                line.push(Look::Dim, &step);
            } else {
                line.pad_to(margin);
            }
            line.plain(part);
            line.end(&mut out);
        }
        if let (Some(because), Level::Beginner) = (&entry.sentence.because, options.level) {
            let text = format!("because {because}");
            for part in wrap(&text, options.columns().saturating_sub(margin + 2)) {
                let mut line = Line::new(options.color);
                line.pad_to(margin + 2).push(Look::Dim, &part);
                line.end(&mut out);
            }
        }
    }
    if story.left_out > 0 {
        out.push_str(&format!("  and {} more\n", story.left_out));
    }
    out
}
