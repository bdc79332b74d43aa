//! Which step the user means.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use stackheap_interpret::{Program, StateLimits, Walk, state_at, state_at_part};
use stackheap_model::{EventKind, Site, SiteId, SiteTable, State, StepNumber};

pub use crate::arguments::SelectorArguments;

/// The step that the selectors name; the last one where they name none.
pub fn step(program: &Program<'_>, selector: &SelectorArguments) -> anyhow::Result<StepNumber> {
    let steps = program.recording.totals().steps;
    if steps == 0 {
        bail!("the recording has no steps: no place of user code was passed");
    }
    if let Some(step) = selector.step {
        if step == 0 || step > steps {
            bail!("there is no step {step}: the recording has steps 1 to {steps}");
        }
        return Ok(StepNumber(step));
    }
    if let Some(place) = &selector.at {
        return at(program, place, selector.nth);
    }
    if let Some(name) = &selector.mark {
        return mark(program, name, selector.nth);
    }
    if let Some(kind) = &selector.event {
        return event(program, kind, selector.nth);
    }
    Ok(StepNumber(steps))
}

/// A step or a part of one, and the state before it, so that what changed can be shown.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The state.
    pub state: State,
    /// The one before; the first step has none.
    pub before: Option<State>,
}

/// The states that `show` draws for a step; part 0 is its beginning.
pub fn moment(program: &Program<'_>, step: StepNumber, part: u32) -> anyhow::Result<Moment> {
    Ok(Moment {
        state: state_at_part(program, step, part, StateLimits::default())?,
        before: before(program, step, part)?,
    })
}

/// The state before a step or a part of one; the first step has none.
pub fn before(program: &Program<'_>, step: StepNumber, part: u32) -> anyhow::Result<Option<State>> {
    let limits = StateLimits::default();
    Ok(match (part, step.0) {
        (0, 0 | 1) => None,
        (0, number) => Some(state_at(program, StepNumber(number - 1), limits)?),
        (part, _) => Some(state_at_part(program, step, part - 1, limits)?),
    })
}

/// A place as the user writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceText<'t> {
    /// The file's path, or its end.
    pub file: &'t str,
    /// The line, from 1.
    pub line: u32,
    /// The number behind the line: a column or a count.
    pub last: Option<u32>,
}

/// `FILE:LINE` or `FILE:LINE:NUMBER`.
pub fn parse_place(text: &str) -> anyhow::Result<PlaceText<'_>> {
    let wrong = || format!("expected FILE:LINE or FILE:LINE:NUMBER, found `{text}`");
    let (rest, last) = text.rsplit_once(':').with_context(wrong)?;
    let last: u32 = last.parse().ok().with_context(wrong)?;
    match rest.rsplit_once(':') {
        Some((file, line)) if line.parse::<u32>().is_ok() => Ok(PlaceText {
            file,
            line: line.parse()?,
            last: Some(last),
        }),
        _ => Ok(PlaceText {
            file: rest,
            line: last,
            last: None,
        }),
    }
}

/// The sites in a line whose file's path ends as the user wrote.
pub fn sites_at(table: &SiteTable, file: &str, line: u32, column: Option<u32>) -> Vec<SiteId> {
    let ids = (0..).map(SiteId);
    ids.zip(&table.sites)
        .filter(|(_, site)| {
            site.position.line == line
                && column.is_none_or(|column| site.position.column == column)
                && is_in_file(table, site, file)
        })
        .map(|(id, _)| id)
        .collect()
}

/// Whether the path of a site's file ends as the user wrote.
fn is_in_file(table: &SiteTable, site: &Site, file: &str) -> bool {
    table
        .statements
        .get(site.statement.0 as usize)
        .and_then(|statement| table.files.get(statement.file.0 as usize))
        .is_some_and(|of_site| of_site.is_named(file))
}

fn at(program: &Program<'_>, text: &str, nth: u64) -> anyhow::Result<StepNumber> {
    let place = parse_place(text)?;
    let sites = sites_at(&program.table, place.file, place.line, place.last);
    if sites.is_empty() {
        bail!(
            "expected a place with a statement, found none at {text}{}",
            nearest(&program.table, &place)
        );
    }
    nth_step(program, &sites, nth, text)
}

/// Where a statement is, for a reader who named a place without one.
pub fn nearest(table: &SiteTable, place: &PlaceText<'_>) -> String {
    let lines: BTreeSet<u32> = table
        .sites
        .iter()
        .filter(|site| is_in_file(table, site, place.file))
        .map(|site| site.position.line)
        .collect();
    if lines.is_empty() {
        let files: Vec<&str> = table.files.iter().map(|file| file.path.as_str()).collect();
        return format!("; the recorded files are {}", files.join(", "));
    }
    if place.last.is_some() && lines.contains(&place.line) {
        return "; leave the column away to name the line".to_owned();
    }
    let distance = |line: &&u32| line.abs_diff(place.line);
    let near = lines.iter().min_by_key(distance).unwrap_or(&place.line);
    format!("; the nearest line with one is {near}")
}

fn mark(program: &Program<'_>, name: &str, nth: u64) -> anyhow::Result<StepNumber> {
    let found = program
        .table
        .files
        .iter()
        .enumerate()
        .find_map(|(index, file)| {
            let outline = program.outline(stackheap_model::FileId(index as u32))?;
            let mark = outline.marks.iter().find(|mark| mark.name == name)?;
            Some((file.path.clone(), mark.line))
        });
    let Some((file, line)) = found else {
        bail!("there is no comment `// <{name}>` in the recorded sources");
    };
    let sites = first_statement(program, sites_at(&program.table, &file, line, None), line);
    if sites.is_empty() {
        bail!("the line of `// <{name}>` ({file}:{line}) has no statement that is recorded");
    }
    nth_step(program, &sites, nth, &format!("<{name}>"))
}

/// Of the sites of a line those of the statement that begins first in it.
fn first_statement(program: &Program<'_>, sites: Vec<SiteId>, line: u32) -> Vec<SiteId> {
    let start = |site: &SiteId| {
        let site = program.table.sites.get(site.0 as usize)?;
        let statement = program.table.statements.get(site.statement.0 as usize)?;
        Some(statement.range.start).filter(|start| start.line == line)
    };
    let first = sites.iter().filter_map(start).min();
    match first {
        Some(first) => sites
            .into_iter()
            .filter(|site| start(site) == Some(first))
            .collect(),
        None => sites,
    }
}

/// The `nth` step that begins at one of these sites; where none begins there, passes there.
fn nth_step(
    program: &Program<'_>,
    sites: &[SiteId],
    nth: u64,
    what: &str,
) -> anyhow::Result<StepNumber> {
    let wanted = |site: SiteId| sites.contains(&site);
    let mut steps: Vec<StepNumber> = Vec::new();
    for stop in program.recording.stops_at(&wanted) {
        let Some(step) = program.recording.step_of_stop(stop) else {
            continue;
        };
        if steps.last() != Some(&step) && !steps.contains(&step) {
            steps.push(step);
        }
        if steps.len() as u64 > nth {
            break;
        }
    }
    match steps.get(nth.saturating_sub(1) as usize) {
        Some(&step) => Ok(step),
        None => bail!(
            "{what} was passed {} times in the recording, so there is no passing {nth}",
            steps.len()
        ),
    }
}

fn event(program: &Program<'_>, kind: &str, nth: u64) -> anyhow::Result<StepNumber> {
    let mut walk = Walk::new(program, StateLimits::default());
    let mut seen = 0;
    while let Some((step, events)) = walk.next_events()? {
        for event in &events {
            if kind_name(&event.kind) == kind {
                seen += 1;
                if seen == nth {
                    return Ok(step);
                }
            }
        }
    }
    bail!(
        "the recording has {seen} events of the kind `{kind}`, so there is no {nth}; kinds are call, return, init, assign, move, copy, borrow, borrow-end, drop, alloc, realloc, free, count, output, unwind, signal, thread-start, thread-end"
    )
}

fn kind_name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Call { .. } => "call",
        EventKind::Return { .. } => "return",
        EventKind::Init { .. } => "init",
        EventKind::Assign { .. } => "assign",
        EventKind::Move { .. } => "move",
        EventKind::Copy { .. } => "copy",
        EventKind::Borrow { .. } => "borrow",
        EventKind::BorrowEnd { .. } => "borrow-end",
        EventKind::Drop { .. } => "drop",
        EventKind::Alloc { .. } => "alloc",
        EventKind::Realloc { .. } => "realloc",
        EventKind::Free { .. } => "free",
        EventKind::Count { .. } => "count",
        EventKind::Output { .. } => "output",
        EventKind::Unwind => "unwind",
        EventKind::Signal { .. } => "signal",
        EventKind::ThreadStart { .. } => "thread-start",
        EventKind::ThreadEnd { .. } => "thread-end",
        _ => "limit",
    }
}
