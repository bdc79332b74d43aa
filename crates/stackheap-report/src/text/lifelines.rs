//! The life of variables beside the source: a lifeline for each, and what happens in each line.

use std::collections::{BTreeMap, BTreeSet};

use stackheap_explain::{Phrase, fact_confidence, ownership_event, variable_head, visible};
use stackheap_model::{
    DropCause, DropExtent, FunctionTimeline, Ownership, OwnershipEvent, OwnershipEventKind,
    ValueDestination, ValueOrigin, VariableRole, VariableTimeline,
};

use super::drawing::source_text;
use super::lanes::{Lanes, MARKS, Mark, is_owner};
use super::line::{Line, Look, columns, fit, wrap};
use super::{Detail, Glyphs, TextOptions};

/// Lines of source without an event that are left out of a long function, if there are more.
const QUIET_LINES: u32 = 12;

/// How long a function is before lines of it are left out.
const LONG_FUNCTION: u32 = 100;

/// Columns of source that are shown at least.
const SOURCE_COLUMNS: usize = 24;

/// Columns of a note at least, beside the source.
const NOTE_COLUMNS: usize = 30;

/// What the compiler knows of functions, beside their source.
///
/// Takes the sources by the paths that the functions name; where one is missing, the notes stand
/// alone.
pub fn ownership(known: &Ownership, options: &TextOptions<'_>) -> String {
    let mut out = String::new();
    let mut used = BTreeSet::new();
    for function in &known.functions {
        if !out.is_empty() {
            out.push('\n');
        }
        if is_plain(function) && options.detail == Detail::Short {
            plain(&mut out, function, options);
            continue;
        }
        used.extend(draw(&mut out, function, options));
    }
    if !used.is_empty() {
        legend(&mut out, &used, options);
    }
    for missing in &known.missing {
        let name = missing.crate_name.as_deref().unwrap_or("a crate");
        let text = format!(
            "nothing is known of {}: {}",
            visible(name),
            visible(&missing.reason)
        );
        out.push('\n');
        for line in wrap(&text, options.columns()) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// Whether nothing is moved, borrowed or dropped in a closure.
fn is_plain(function: &FunctionTimeline) -> bool {
    function.name.ends_with('}')
        && function.reason.is_none()
        && !function.variables.iter().any(is_owner)
}

fn heading(function: &FunctionTimeline, options: &TextOptions<'_>) -> Line {
    let mut line = Line::new(options.color);
    let dot = super::glyphs::Set::of(options.glyphs).dot;
    line.push(Look::Strong, &visible(&function.name));
    line.plain(&format!(
        "  {dot} {}:{}-{}",
        visible(&function.file),
        function.extent.start.line,
        function.extent.end.line
    ));
    line
}

fn plain(out: &mut String, function: &FunctionTimeline, options: &TextOptions<'_>) {
    let mut line = heading(function, options);
    line.plain("  nothing is moved, borrowed or dropped");
    line.end(out);
}

/// Draws a function; gives the marks it took.
fn draw(
    out: &mut String,
    function: &FunctionTimeline,
    options: &TextOptions<'_>,
) -> BTreeSet<Mark> {
    heading(function, options).end(out);
    if let Some(text) = fact_confidence(function) {
        for part in wrap(&text, options.columns().saturating_sub(2)) {
            out.push_str(&format!("  {part}\n"));
        }
    }
    let lanes = Lanes::of(function);
    let notes = notes(function, options);
    let text = source_text(options.sources, &function.file).unwrap_or("");
    let first = function.extent.start.line;
    let last = function.extent.end.line.max(first);
    let skip = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut lines = text.lines().skip(skip);
    let digits = last.to_string().len();
    let sheet = Sheet {
        options,
        lanes: &lanes,
        digits,
        indent: common_indent(text, first, last),
    };
    let quiet = quiet_lines(&lanes, &notes, first, last);
    let mut left_out = 0_u32;
    for number in first..=last {
        let source = lines.next().unwrap_or("");
        if quiet.contains(&number) {
            left_out += 1;
            continue;
        }
        if std::mem::take(&mut left_out) > 0 {
            sheet.gap(out, number.saturating_sub(1));
        }
        let notes = notes.get(&number).map_or(&[][..], Vec::as_slice);
        sheet.line(out, number, source, notes);
    }
    folded(out, function, &lanes, options);
    lanes.used()
}

/// The lines of a long function that nothing happens in.
fn quiet_lines(
    lanes: &Lanes,
    notes: &BTreeMap<u32, Vec<Note>>,
    first: u32,
    last: u32,
) -> BTreeSet<u32> {
    let mut quiet = BTreeSet::new();
    if last - first < LONG_FUNCTION {
        return quiet;
    }
    let is_event = |number: u32| {
        notes.contains_key(&number)
            || lanes
                .row(number)
                .iter()
                .flatten()
                .any(|mark| *mark >= Mark::Ends)
    };
    let mut begin = first + 1;
    for number in first + 1..=last {
        if is_event(number) || number == last {
            if number - begin > QUIET_LINES {
                // Two lines stay at each side.
                quiet.extend(begin + 2..number - 2);
            }
            begin = number + 1;
        }
    }
    quiet
}

/// How many spaces all lines of a function begin with.
fn common_indent(text: &str, first: u32, last: u32) -> usize {
    let skip = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
    let count = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
    let lines = text.lines().skip(skip).take(count);
    let indents = lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len());
    indents.min().unwrap_or(0)
}

struct Sheet<'a> {
    options: &'a TextOptions<'a>,
    lanes: &'a Lanes,
    digits: usize,
    indent: usize,
}

/// What is told beside a line.
#[derive(Clone, Debug)]
struct Note {
    text: String,
    look: Look,
}

impl Sheet<'_> {
    fn bar(&self) -> &'static str {
        match self.options.glyphs {
            Glyphs::Unicode => "│",
            Glyphs::Ascii => "|",
        }
    }

    fn gutter(&self, line: &mut Line, row: &[Option<Mark>]) {
        for lane in 0..self.lanes.count {
            let mark = row.get(lane).copied().flatten();
            let text = mark.map_or(' ', |mark| glyph(mark, self.options.glyphs));
            line.push(mark.map_or(Look::Plain, look), &text.to_string());
            line.plain(" ");
        }
    }

    /// Source and notes: beside it what fits, below it the rest.
    fn line(&self, out: &mut String, number: u32, source: &str, notes: &[Note]) {
        let row = self.lanes.row(number);
        let mut line = Line::new(self.options.color);
        line.push(
            Look::Dim,
            &format!("{number:>width$} {} ", self.bar(), width = self.digits),
        );
        self.gutter(&mut line, row);
        line.plain(" ");
        let width = self.options.columns();
        let room = width.saturating_sub(line.columns()).max(SOURCE_COLUMNS);
        let shown = self.source(source);
        let cut = match self.options.glyphs {
            Glyphs::Unicode => '…',
            Glyphs::Ascii => '~',
        };
        let start = line.columns();
        line.plain(&fit(&shown, room, cut));
        let mut rest = notes;
        if let Some((first, others)) = notes.split_first() {
            let at = (line.columns() + 2).max((start + self.note_column()).min(width / 2));
            if at + columns(&first.text) <= width
                || at + NOTE_COLUMNS.max(columns(&first.text)) <= width
            {
                line.pad_to(at);
                line.push(first.look, &first.text);
                rest = others;
            }
        }
        line.end(out);
        for note in rest {
            self.note(out, number, note);
        }
    }

    /// Where notes begin, if the source is not longer.
    fn note_column(&self) -> usize {
        36
    }

    /// A note on lines of its own, the lifelines beside it as they go on.
    fn note(&self, out: &mut String, number: u32, note: &Note) {
        let through = self.through(number);
        let mut head = "`- ";
        if self.options.glyphs == Glyphs::Unicode {
            head = "╰ ";
        }
        let begin = self.digits + 3 + 2 * self.lanes.count + 5;
        let width = self.options.columns().saturating_sub(begin + 3).max(20);
        for (index, part) in wrap(&note.text, width).iter().enumerate() {
            let mut line = Line::new(self.options.color);
            line.push(
                Look::Dim,
                &format!("{:>width$} {} ", "", self.bar(), width = self.digits),
            );
            self.gutter(&mut line, &through);
            line.pad_to(begin);
            let lead = if index == 0 { head } else { "  " };
            line.push(Look::Dim, lead);
            line.push(note.look, part);
            line.end(out);
        }
    }

    /// The lifelines that go on below a line, without what happens in it.
    fn through(&self, number: u32) -> Vec<Option<Mark>> {
        let next = self.lanes.row(number.saturating_add(1));
        let here = self.lanes.row(number);
        (0..self.lanes.count)
            .map(|lane| {
                let next = next.get(lane).copied().flatten();
                let here = here.get(lane).copied().flatten();
                match (here, next) {
                    (Some(Mark::Ends | Mark::Drops | Mark::MaybeDrops), _) | (None, _) => None,
                    (_, Some(next)) if next < Mark::Ends => Some(next),
                    (Some(here), Some(_)) if here < Mark::Ends => Some(here),
                    (Some(Mark::Moves), Some(_)) => Some(Mark::Moved),
                    (Some(_), Some(_)) => Some(Mark::Live),
                    (_, None) => None,
                }
            })
            .collect()
    }

    fn gap(&self, out: &mut String, number: u32) {
        let mut line = Line::new(self.options.color);
        let dots = super::glyphs::Set::of(self.options.glyphs).gap;
        line.push(
            Look::Dim,
            &format!("{dots:>width$} {} ", self.bar(), width = self.digits),
        );
        self.gutter(&mut line, self.lanes.row(number));
        line.end(out);
    }

    fn source(&self, source: &str) -> String {
        let plain = source.trim_end();
        let text = match plain.get(..self.indent) {
            Some(indent) if indent.trim().is_empty() => plain.get(self.indent..).unwrap_or(""),
            _ => plain.trim_start(),
        };
        // More than that no screen shows.
        let short: String = text.chars().take(1000).collect();
        visible(&short.replace('\t', "    ")).into_owned()
    }
}

fn glyph(mark: Mark, glyphs: Glyphs) -> char {
    let found = MARKS.iter().find(|(other, ..)| *other == mark);
    found.map_or(' ', |(_, unicode, ascii, _)| match glyphs {
        Glyphs::Unicode => *unicode,
        Glyphs::Ascii => *ascii,
    })
}

fn look(mark: Mark) -> Look {
    match mark {
        Mark::Live | Mark::Initialises | Mark::Drops => Look::Own,
        Mark::Shared | Mark::Exclusive | Mark::BorrowsShared | Mark::BorrowsExclusive => {
            Look::Borrow
        }
        Mark::Moves | Mark::Depends | Mark::MaybeDrops | Mark::PartlyMoved => Look::Changed,
        _ => Look::Dim,
    }
}

/// What is told beside each line: what begins there, then what happens, in its order; the same of
/// several variables in one note.
fn notes(function: &FunctionTimeline, options: &TextOptions<'_>) -> BTreeMap<u32, Vec<Note>> {
    let mut told: BTreeMap<u32, Vec<(u32, Phrase, Look)>> = BTreeMap::new();
    let mut begins: BTreeMap<u32, Vec<(usize, String)>> = BTreeMap::new();
    for (index, variable) in function.variables.iter().enumerate() {
        if variable.role != VariableRole::Temporary {
            let line = variable.declared.start.line;
            begins
                .entry(line)
                .or_default()
                .push((index, variable_head(variable)));
        }
        for event in &variable.events {
            if is_told(variable, event, options.detail) {
                let phrase = ownership_event(function, variable, event);
                let look = event_look(&event.kind);
                let line = event.at.start.line;
                told.entry(line)
                    .or_default()
                    .push((event.order, phrase, look));
            }
        }
    }
    let mut notes: BTreeMap<u32, Vec<Note>> = BTreeMap::new();
    for (line, heads) in begins {
        let heads: Vec<String> = heads.into_iter().map(|(_, head)| head).collect();
        notes.entry(line).or_default().push(Note {
            text: heads.join(", "),
            look: Look::Dim,
        });
    }
    for (line, mut phrases) in told {
        phrases.sort_by_key(|(order, ..)| *order);
        let notes = notes.entry(line).or_default();
        let mut rest = phrases.as_slice();
        while let Some(((_, phrase, look), _)) = rest.split_first() {
            let is_same = |(_, other, _): &&(u32, Phrase, Look)| {
                other.before == phrase.before && other.after == phrase.after
            };
            let same = rest.iter().take_while(is_same).count();
            let mut subjects: Vec<&str> = Vec::new();
            for (_, other, _) in &rest[..same] {
                if !subjects.contains(&other.subject.as_str()) {
                    subjects.push(&other.subject);
                }
            }
            let in_order = subjects.len() > 1 && phrase.after == " dropped";
            let order = if in_order { ", in this order" } else { "" };
            notes.push(Note {
                text: format!("{}{order}", phrase.of(&subjects)),
                look: *look,
            });
            rest = &rest[same..];
        }
    }
    notes
}

/// Whether an event is told in words: not what the source beside it or another note says.
fn is_told(variable: &VariableTimeline, event: &OwnershipEvent, detail: Detail) -> bool {
    if detail == Detail::Full {
        return true;
    }
    match &event.kind {
        OwnershipEventKind::Declared => false,
        OwnershipEventKind::Initialised(from) => {
            // A value that comes later than the declaration.
            let is_late = event.at.start.line > variable.declared.end.line
                && event.at.end.line > variable.declared.end.line;
            is_late
                && !matches!(
                    from,
                    ValueOrigin::MovedFrom(_)
                        | ValueOrigin::CopiedFrom(_)
                        | ValueOrigin::Caller
                        | ValueOrigin::Captured
                )
                && variable.role != VariableRole::Temporary
        }
        OwnershipEventKind::Assigned { from, .. } => {
            let is_made = matches!(
                from,
                ValueOrigin::Call(_) | ValueOrigin::Macro(_) | ValueOrigin::Made(_)
            );
            is_owner(variable) && is_made && variable.role != VariableRole::Temporary
        }
        OwnershipEventKind::Copied { to, .. } => matches!(
            to,
            ValueDestination::Variable(_) | ValueDestination::Capture(_)
        ),
        // What a temporary is for is to be used at once.
        OwnershipEventKind::Borrowed { loan, .. } => {
            loan.is_some() && variable.role != VariableRole::Temporary
        }
        OwnershipEventKind::Moved { .. } => variable.role != VariableRole::Temporary,
        OwnershipEventKind::Dropped { what, moved, cause } => {
            *what != DropExtent::Nothing || *cause == DropCause::ScopeEnd && !moved.is_empty()
        }
        // The lifeline ends.
        OwnershipEventKind::OutOfScope => false,
        _ => true,
    }
}

fn event_look(kind: &OwnershipEventKind) -> Look {
    match kind {
        OwnershipEventKind::Moved { .. } => Look::Changed,
        OwnershipEventKind::Borrowed { .. } => Look::Borrow,
        OwnershipEventKind::Dropped { .. } => Look::Own,
        _ => Look::Plain,
    }
}

/// Variables without a lifeline.
fn folded(out: &mut String, function: &FunctionTimeline, lanes: &Lanes, options: &TextOptions<'_>) {
    let names: Vec<String> = lanes
        .folded
        .iter()
        .filter_map(|index| function.variables.get(*index))
        .map(|variable| format!("`{}`", visible(&variable.name)))
        .collect();
    if names.is_empty() {
        return;
    }
    let text = format!(
        "without a lifeline, since more than {} are there at once: {}",
        super::lanes::LANES,
        names.join(", ")
    );
    for part in wrap(&text, options.columns().saturating_sub(2)) {
        out.push_str(&format!("  {part}\n"));
    }
}

/// What the marks mean that were used.
fn legend(out: &mut String, used: &BTreeSet<Mark>, options: &TextOptions<'_>) {
    out.push('\n');
    let mut text = String::new();
    for (mark, unicode, ascii, meaning) in MARKS {
        if used.contains(&mark) {
            let glyph = match options.glyphs {
                Glyphs::Unicode => unicode,
                Glyphs::Ascii => ascii,
            };
            // One word for `wrap`, so that a mark stays with its meaning.
            let meaning = meaning.replace(' ', "\u{a0}");
            text.push_str(&format!("{glyph}\u{a0}{meaning}   "));
        }
    }
    for line in wrap(&text, options.columns()) {
        out.push_str(line.replace('\u{a0}', " ").trim_end());
        out.push('\n');
    }
}
