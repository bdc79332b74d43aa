//! One step as a drawing: where it is, what happened, the stacks, the heap, what is neither.

use std::collections::BTreeSet;

use stackheap_explain::{
    Names, Owners, Sentence, edge_kind, event, handover, place, short_type, size, visible,
};
use stackheap_model::{EdgeKind, SourceFile, State};

use super::glyphs::Set;
use super::line::{self, Line, Look, columns, wrap};
use super::{Detail, Level, TextOptions, heap, stack};
use crate::look;

/// Lines of source shown before and after the step.
const SOURCE_LINES: u32 = 2;
/// Events told unless everything is asked for.
const FOLDED_EVENTS: usize = 12;
/// Lines of output shown unless everything is asked for.
const FOLDED_OUTPUT_LINES: usize = 5;
/// With less room than this behind it, a static's value stands in the line below.
const ROOM_FOR_VALUE: usize = 40;
/// What stands before it there.
const VALUE_INDENT: &str = "      ";
/// Statics shown unless everything is asked for.
const FOLDED_STATICS: usize = 12;

/// What every part of a drawing needs.
pub(super) struct Sheet<'a> {
    pub(super) look: look::Look<'a>,
    pub(super) options: &'a TextOptions<'a>,
    pub(super) set: &'static Set,
    pub(super) width: usize,
    pub(super) out: String,
    /// The kinds of edges that were drawn, for the legend.
    pub(super) drawn: BTreeSet<EdgeKind>,
    /// Whether a change was marked, for the legend.
    pub(super) marked: bool,
}

impl<'a> Sheet<'a> {
    pub(super) fn line(&self) -> Line {
        Line::new(self.options.color)
    }

    pub(super) fn end(&mut self, line: Line) {
        line.end(&mut self.out);
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    pub(super) fn state(&self) -> &'a State {
        self.look.state
    }

    pub(super) fn full(&self) -> bool {
        self.options.detail == Detail::Full
    }

    pub(super) fn type_name(&self, full: &str) -> String {
        match self.options.detail {
            Detail::Full => visible(full).into_owned(),
            Detail::Short => short_type(&visible(full)),
        }
    }

    /// `text` cut to so many columns, with a mark where something was cut.
    pub(super) fn fit(&self, text: &str, width: usize) -> String {
        line::fit(text, width, self.set.cut)
    }

    /// A heading with a remark behind it.
    pub(super) fn heading(&mut self, title: &str, remark: &str) {
        let mut line = self.line();
        line.push(Look::Strong, title);
        if !remark.is_empty() {
            let room = self.width.saturating_sub(columns(title) + 2);
            line.plain("  ").plain(&self.fit(remark, room));
        }
        self.end(line);
    }

    /// A line with this text, dim, indented.
    pub(super) fn remark(&mut self, indent: &str, text: &str) {
        for part in wrap(text, self.width.saturating_sub(columns(indent))) {
            let mut line = self.line();
            line.push(Look::Dim, indent).push(Look::Dim, &part);
            self.end(line);
        }
    }
}

/// The drawing of one step.
pub fn drawing(state: &State, options: &TextOptions<'_>) -> String {
    let mut sheet = Sheet {
        look: look::Look::new(state),
        options,
        set: Set::of(options.glyphs),
        width: options.columns(),
        out: String::new(),
        drawn: BTreeSet::new(),
        marked: false,
    };
    head(&mut sheet);
    source(&mut sheet);
    events(&mut sheet);
    for thread in &state.threads {
        sheet.blank();
        stack::thread(&mut sheet, thread);
    }
    sheet.blank();
    heap::heap(&mut sheet);
    statics(&mut sheet);
    output(&mut sheet);
    after(&mut sheet);
    legend(&mut sheet);
    sheet.out
}

fn head(sheet: &mut Sheet<'_>) {
    let state = sheet.state();
    let dot = format!(" {} ", sheet.set.dot);
    let mut line = sheet.line();
    line.push(
        Look::Strong,
        &format!(
            "step {} of {}{}",
            state.step,
            state.steps,
            stackheap_explain::part(state.part)
        ),
    );
    line.plain(&dot).plain(&visible(&state.at.function));
    if let Some(position) = &state.at.position {
        line.plain(&dot)
            .plain(&stackheap_explain::position(position));
    }
    if let Some(parent) = state.parent_step {
        line.plain(&dot)
            .plain(&format!("inside the call of step {parent}"));
    }
    if state.threads.len() > 1 {
        line.plain(&dot).plain(&format!("thread {}", state.thread));
    }
    sheet.end(line);
}

fn source(sheet: &mut Sheet<'_>) {
    let state = sheet.state();
    let Some(position) = &state.at.position else {
        return;
    };
    let Some(text) = source_text(sheet.options.sources, &position.file) else {
        return;
    };
    let first = position.line.saturating_sub(SOURCE_LINES).max(1);
    let last = position.line.saturating_add(SOURCE_LINES);
    let digits = last.to_string().len();
    sheet.blank();
    let lines = (1u32..).zip(text.lines());
    for (number, text) in lines.take_while(|(n, _)| *n <= last) {
        if number < first {
            continue;
        }
        let here = number == position.line;
        let mark = if here { sheet.set.here } else { ' ' };
        let look = if here { Look::Strong } else { Look::Plain };
        let mut line = sheet.line();
        line.push(look, &format!("{mark} {number:>digits$}"));
        line.push(Look::Dim, &format!(" {} ", sheet.set.live.side));
        let code = visible(&text.replace('\t', "    ")).into_owned();
        let room = sheet.width.saturating_sub(line.columns());
        line.push(look, &sheet.fit(&code, room));
        sheet.end(line);
    }
}

/// The text of a file.
pub(super) fn source_text<'a>(sources: &'a [SourceFile], path: &str) -> Option<&'a str> {
    let file = sources.iter().find(|file| file.path == path)?;
    file.text.as_deref()
}

fn events(sheet: &mut Sheet<'_>) {
    let state = sheet.state();
    let mut told: Vec<(Option<u64>, Sentence)> = Vec::new();
    for happened in &state.events {
        told.push((happened.step.map(|step| step.0), event(happened, state)));
    }
    if let Some(before) = sheet.options.before {
        let passed = Owners::of(before).handovers(&Owners::of(state));
        told.extend(passed.iter().map(|passed| (None, handover(passed))));
    }
    tell(sheet, "since the step before", &told);
}

/// What no later state tells.
fn after(sheet: &mut Sheet<'_>) {
    let state = sheet.state();
    let told: Vec<_> = state
        .after
        .iter()
        .map(|happened| (None, event(happened, state)))
        .collect();
    tell(sheet, "after this last step", &told);
}

/// Sentences, with the steps that they belong to, under a heading.
fn tell(sheet: &mut Sheet<'_>, heading: &str, told: &[(Option<u64>, Sentence)]) {
    if told.is_empty() {
        return;
    }
    let state = sheet.state();
    sheet.blank();
    sheet.heading(heading, "");
    let most = if sheet.full() {
        told.len()
    } else {
        FOLDED_EVENTS
    };
    let indent = format!("  {} ", sheet.set.bullet);
    for (step, sentence) in told.iter().take(most) {
        let elsewhere = step.filter(|step| step.saturating_add(1) != state.step.0);
        let text = match elsewhere {
            Some(step) => format!("{} (step {step})", sentence.text),
            None => sentence.text.clone(),
        };
        for (index, part) in wrap(&text, sheet.width.saturating_sub(4))
            .iter()
            .enumerate()
        {
            let mut line = sheet.line();
            line.plain(if index == 0 { &indent } else { "    " })
                .plain(part);
            sheet.end(line);
        }
        if let (Some(because), Level::Beginner) = (&sentence.because, sheet.options.level) {
            sheet.remark("      ", &format!("because {because}"));
        }
    }
    if told.len() > most {
        sheet.remark("    ", &format!("and {} more", told.len() - most));
    }
}

fn statics(sheet: &mut Sheet<'_>) {
    let items = &sheet.state().statics;
    if items.is_empty() {
        return;
    }
    sheet.blank();
    sheet.heading(
        "STATIC AND READ-ONLY",
        "part of the program itself: there from start to end",
    );
    let most = if sheet.full() {
        items.len()
    } else {
        FOLDED_STATICS
    };
    for item in items.iter().take(most) {
        let mut line = sheet.line();
        line.plain("  ")
            .push(Look::Strong, &sheet.fit(&visible(&item.name), 28));
        let type_name = sheet.type_name(&item.type_name);
        let room = if sheet.full() { usize::MAX } else { 24 };
        line.plain("  ").plain(&sheet.fit(&type_name, room));
        line.plain("  ").push(Look::Dim, &place(&item.place));
        let text = super::inside::value_text(&item.value);
        // A literal is called by its value; saying it twice helps nobody.
        if text != *item.name {
            let room = sheet.width.saturating_sub(line.columns() + 2);
            if columns(&text) <= room || room >= ROOM_FOR_VALUE {
                line.plain("  ").plain(&sheet.fit(&text, room));
            } else {
                sheet.end(line);
                line = sheet.line();
                let room = sheet.width.saturating_sub(columns(VALUE_INDENT));
                line.plain(VALUE_INDENT).plain(&sheet.fit(&text, room));
            }
        }
        sheet.end(line);
    }
    if items.len() > most {
        sheet.remark("  ", &format!("and {} more", items.len() - most));
    }
}

fn output(sheet: &mut Sheet<'_>) {
    let output = &sheet.state().output;
    let streams = [
        ("OUTPUT", &output.stdout),
        ("OUTPUT TO STANDARD ERROR", &output.stderr),
        ("OUTPUT CAPTURED BY THE TEST HARNESS", &output.captured),
    ];
    for (title, bytes) in streams {
        if bytes.is_empty() {
            continue;
        }
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.lines().collect();
        let most = if sheet.full() {
            lines.len()
        } else {
            FOLDED_OUTPUT_LINES
        };
        let hidden = lines.len().saturating_sub(most);
        let remark = match hidden {
            0 => format!("so far, {}", size(bytes.len() as u64)),
            more => format!(
                "so far, {}; {more} {} before these",
                size(bytes.len() as u64),
                if more == 1 { "line" } else { "lines" }
            ),
        };
        sheet.blank();
        sheet.heading(title, &remark);
        for text in lines.iter().skip(hidden) {
            let mut line = sheet.line();
            line.push(Look::Dim, &format!("  {} ", sheet.set.live.side));
            line.plain(&sheet.fit(&visible(text), sheet.width.saturating_sub(4)));
            sheet.end(line);
        }
    }
}

fn legend(sheet: &mut Sheet<'_>) {
    if sheet.options.level != Level::Beginner || (sheet.drawn.is_empty() && !sheet.marked) {
        return;
    }
    let mut parts: Vec<String> = sheet
        .drawn
        .iter()
        .map(|&kind| format!("{} {}", sheet.set.edge(kind), legend_words(kind)))
        .collect();
    if sheet.marked {
        parts.push("* changed since the step before".to_owned());
    }
    sheet.blank();
    let mut line = String::new();
    for part in parts {
        // An arrow and its words stay together.
        if !line.is_empty() && columns(&line) + 3 + columns(&part) > sheet.width {
            sheet.remark("", &std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push_str("   ");
        }
        line.push_str(&part);
    }
    sheet.remark("", &line);
}

fn legend_words(kind: EdgeKind) -> String {
    let sign = match kind {
        EdgeKind::Borrows => " (&)",
        EdgeKind::BorrowsMut => " (&mut)",
        EdgeKind::Shares => " (Rc, Arc)",
        EdgeKind::Weak => " (Weak)",
        EdgeKind::Raw => " (raw pointer)",
        EdgeKind::Owns | EdgeKind::Fn | EdgeKind::Vtable => "",
    };
    format!("{}{sign}", edge_kind(kind))
}

/// What a local was like in the state before, where that is given and known.
pub(super) fn local_before<'a>(
    sheet: &Sheet<'a>,
    frame: stackheap_model::FrameId,
    name: &str,
) -> Option<&'a stackheap_model::Local> {
    sheet.options.before?.local(frame, name)
}
