//! Which lifeline stands in which column, and what it looks like in each line.

use std::collections::{BTreeMap, BTreeSet};

use stackheap_model::{
    DropExtent, FunctionTimeline, Mutability, OwnershipEvent, OwnershipEventKind, OwnershipState,
    VariableTimeline,
};

/// How many lifelines stand side by side.
pub(super) const LANES: usize = 8;

/// What a lifeline shows in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    Uninitialised,
    Live,
    Shared,
    Exclusive,
    PartlyMoved,
    Moved,
    Depends,
    Unknown,
    Ends,
    Declares,
    BorrowsShared,
    BorrowsExclusive,
    Initialises,
    Moves,
    MaybeDrops,
    Drops,
}

/// All marks with their characters, in Unicode and ASCII, and what they mean.
pub(super) const MARKS: [(Mark, char, char, &str); 16] = [
    (Mark::Declares, '○', 'o', "declared"),
    (Mark::Initialises, '●', '*', "gets a value"),
    (Mark::BorrowsShared, '&', '&', "borrowed (shared)"),
    (Mark::BorrowsExclusive, '!', '!', "borrowed (mutable)"),
    (Mark::Moves, '▶', '>', "moved"),
    (Mark::Drops, '╳', 'x', "dropped"),
    (Mark::MaybeDrops, '¿', '~', "drop depends on the way"),
    (Mark::Ends, '╵', '\'', "out of scope"),
    (Mark::Uninitialised, '┊', ':', "no value yet"),
    (Mark::Live, '│', '|', "owns its value"),
    (Mark::Shared, '║', '=', "shared borrow holds"),
    (Mark::Exclusive, '█', '#', "mutable borrow holds"),
    (Mark::PartlyMoved, '╎', '/', "partly moved"),
    (Mark::Moved, '·', '.', "no value any more"),
    (Mark::Depends, '?', '?', "depends on the way"),
    (Mark::Unknown, '¡', 'u', "unknown"),
];

/// The lifelines of a function.
pub(super) struct Lanes {
    /// How many lanes there are.
    pub(super) count: usize,
    /// The marks by line and lane.
    marks: BTreeMap<u32, Vec<Option<Mark>>>,
    /// The variables that found no lane.
    pub(super) folded: Vec<usize>,
}

impl Lanes {
    pub(super) fn of(function: &FunctionTimeline) -> Self {
        let whole: Vec<Option<(u32, u32)>> = function.variables.iter().map(lines).collect();
        let (mut lanes, mut folded) = assign(function, &whole);
        let mut spans = whole;
        let is_short = |index: &usize| function.variables.get(*index).is_some_and(is_owner);
        if folded.iter().any(is_short) {
            // Lifelines of what was moved end with the move, so that others find a lane.
            let pairs = function.variables.iter().zip(&spans);
            let cut = |(variable, span): (&VariableTimeline, &Option<(u32, u32)>)| {
                span.map(|(first, last)| (first, last_value(variable).clamp(first, last)))
            };
            spans = pairs.map(cut).collect();
            (lanes, folded) = assign(function, &spans);
        }
        let count = lanes.iter().flatten().max().map_or(0, |last| last + 1);
        let mut marks: BTreeMap<u32, Vec<Option<Mark>>> = BTreeMap::new();
        for ((variable, lane), span) in function.variables.iter().zip(&lanes).zip(&spans) {
            let (Some(lane), Some((first, last))) = (*lane, *span) else {
                continue;
            };
            for (line, mark) in line_marks(variable, first, last) {
                let row = marks.entry(line).or_insert_with(|| vec![None; count]);
                if let Some(cell) = row.get_mut(lane) {
                    *cell = Some(mark);
                }
            }
        }
        Self {
            count,
            marks,
            folded,
        }
    }

    pub(super) fn row(&self, line: u32) -> &[Option<Mark>] {
        self.marks.get(&line).map_or(&[], Vec::as_slice)
    }

    pub(super) fn used(&self) -> BTreeSet<Mark> {
        self.marks.values().flatten().flatten().copied().collect()
    }
}

/// The lines in which a variable lives.
fn lines(variable: &VariableTimeline) -> Option<(u32, u32)> {
    let events = variable.events.iter().map(event_line);
    let states = variable
        .states
        .iter()
        .flat_map(|stretch| [stretch.from.line, stretch.to.line]);
    let has_end = variable
        .events
        .iter()
        .any(|event| event.kind == OwnershipEventKind::OutOfScope);
    let all: Vec<u32> = match has_end {
        true => events.collect(),
        false => events.chain(states).collect(),
    };
    Some((*all.iter().min()?, *all.iter().max()?))
}

/// The last line in which a variable may have a value, or loses it.
fn last_value(variable: &VariableTimeline) -> u32 {
    let lost = [OwnershipState::Moved, OwnershipState::Dropped];
    let states = variable.states.iter();
    let kept = states.filter(|stretch| !lost.contains(&stretch.state));
    let kept = kept.map(|stretch| stretch.to.line);
    let moves = variable
        .events
        .iter()
        .filter(|event| matches!(event.kind, OwnershipEventKind::Moved { .. }) || is_drop(event));
    kept.chain(moves.map(event_line)).max().unwrap_or(u32::MAX)
}

fn is_drop(event: &OwnershipEvent) -> bool {
    matches!(&event.kind, OwnershipEventKind::Dropped { what, .. } if *what != DropExtent::Nothing)
}

/// The line in which an event is drawn: a value is there when what makes it ends.
fn event_line(event: &OwnershipEvent) -> u32 {
    match event.kind {
        OwnershipEventKind::Initialised(_) | OwnershipEventKind::Assigned { .. } => {
            event.at.end.line
        }
        _ => event.at.start.line,
    }
}

/// Lanes for all that fit. What is moved, borrowed or dropped goes first.
fn assign(
    function: &FunctionTimeline,
    spans: &[Option<(u32, u32)>],
) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut lanes: Vec<Option<usize>> = vec![None; spans.len()];
    let mut taken: [Vec<(u32, u32)>; LANES] = Default::default();
    let mut folded = Vec::new();
    let mut order: Vec<(bool, u32, usize)> = spans
        .iter()
        .enumerate()
        .filter_map(|(index, span)| {
            let variable = function.variables.get(index)?;
            let (first, last) = (*span)?;
            // A temporary of one line is told beside it.
            let is_short =
                first == last && variable.role == stackheap_model::VariableRole::Temporary;
            (!is_short).then_some((!is_owner(variable), first, index))
        })
        .collect();
    order.sort_unstable();
    for (_, _, index) in order {
        let Some(Some((first, last))) = spans.get(index).copied() else {
            continue;
        };
        let is_free =
            |spans: &Vec<(u32, u32)>| spans.iter().all(|(from, to)| last < *from || *to < first);
        match taken.iter().position(is_free) {
            Some(lane) => {
                taken[lane].push((first, last));
                lanes[index] = Some(lane);
            }
            None => folded.push(index),
        }
    }
    folded.sort_unstable();
    (lanes, folded)
}

/// Whether anything happens to a variable but that it comes and goes.
pub(super) fn is_owner(variable: &VariableTimeline) -> bool {
    variable.events.iter().any(|event| {
        matches!(
            event.kind,
            OwnershipEventKind::Moved { .. }
                | OwnershipEventKind::Borrowed { loan: Some(_), .. }
                | OwnershipEventKind::Dropped { .. }
        )
    })
}

fn line_marks(variable: &VariableTimeline, first: u32, last: u32) -> BTreeMap<u32, Mark> {
    let mut marks = BTreeMap::new();
    // That of a line's beginning: what changes inside of it is an event.
    for stretch in &variable.states {
        let Some(mark) = state_mark(stretch.state) else {
            continue;
        };
        let is_inside = |column| u32::from(column > 1);
        let from = stretch
            .from
            .line
            .saturating_add(is_inside(stretch.from.column));
        let last = stretch
            .to
            .line
            .saturating_sub(1 - is_inside(stretch.to.column));
        marks.extend((from..=last).map(|line| (line, mark)));
        marks.entry(stretch.from.line).or_insert(mark);
    }
    let mut events: BTreeMap<u32, Mark> = BTreeMap::new();
    for event in &variable.events {
        if let Some(mark) = event_mark(event) {
            let there = events.entry(event_line(event)).or_insert(mark);
            *there = mark.max(*there);
        }
    }
    marks.extend(events);
    marks.retain(|line, _| (first..=last).contains(line));
    marks
}

fn state_mark(state: OwnershipState) -> Option<Mark> {
    Some(match state {
        OwnershipState::Uninitialised => Mark::Uninitialised,
        OwnershipState::Live => Mark::Live,
        OwnershipState::Borrowed(Mutability::Shared) => Mark::Shared,
        OwnershipState::Borrowed(Mutability::Mutable) => Mark::Exclusive,
        OwnershipState::PartlyMoved => Mark::PartlyMoved,
        OwnershipState::Moved | OwnershipState::Dropped => Mark::Moved,
        OwnershipState::Depends => Mark::Depends,
        OwnershipState::Unknown => Mark::Unknown,
    })
}

fn event_mark(event: &OwnershipEvent) -> Option<Mark> {
    Some(match &event.kind {
        OwnershipEventKind::Declared => Mark::Declares,
        OwnershipEventKind::Initialised(_) | OwnershipEventKind::Assigned { .. } => {
            Mark::Initialises
        }
        OwnershipEventKind::Moved { .. } => Mark::Moves,
        OwnershipEventKind::Borrowed { mutability, .. } => match mutability {
            Mutability::Shared => Mark::BorrowsShared,
            Mutability::Mutable => Mark::BorrowsExclusive,
        },
        OwnershipEventKind::Dropped { what, cause, .. } => match (what, cause) {
            // The new value is what counts.
            (_, stackheap_model::DropCause::Replaced) => return None,
            (DropExtent::Nothing, _) => return None,
            (DropExtent::IfThere(_) | DropExtent::Unknown, _) => Mark::MaybeDrops,
            _ => Mark::Drops,
        },
        OwnershipEventKind::OutOfScope => Mark::Ends,
        _ => return None,
    })
}
