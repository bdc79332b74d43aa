use std::collections::{BTreeMap, BTreeSet};

use stackheap_mir::{
    BorrowKind, Loan, Location, MovePathId, PathState, Place, StatementKind, TerminatorKind,
};
use stackheap_model::{
    Mutability, OwnershipState, Placement, StateStretch, TextPosition, VariableRole,
};

use crate::context::{Context, Named};

/// How many states a function may have: its variables times its places.
const STATE_LIMIT: usize = 1 << 24;

/// A place of the source that control flow comes to, and the states of all variables there.
type Points = BTreeMap<TextPosition, Vec<Option<OwnershipState>>>;

/// What a variable's state is read from.
struct Watched<'a, 't> {
    path: Option<MovePathId>,
    parts: std::ops::Range<u32>,
    loans: Vec<&'a Loan<'t>>,
}

/// The states of each variable; `None` if there are too many, or control flow is not known.
pub(crate) fn states(context: &Context<'_, '_>) -> Option<Vec<Vec<StateStretch>>> {
    let flow = context.facts.flow.as_ref()?;
    let watched: Vec<Watched<'_, '_>> = context
        .named
        .iter()
        .map(|named| watch(context, named))
        .collect();
    if context.body.step_count().saturating_mul(watched.len()) > STATE_LIMIT {
        return None;
    }
    let mut points = Points::new();
    // The points at which a step has just ended: of several steps there, the last one counts.
    let mut ends: BTreeSet<TextPosition> = BTreeSet::new();
    for block in context.order.blocks() {
        let mut joins = context.order.is_loop_head(*block);
        // Where the step before ended; what it left is the state there.
        let before = context.order.predecessors(*block).iter();
        let mut behind: Vec<TextPosition> =
            before.filter_map(|from| ended(context, *from)).collect();
        flow.walk(
            context.body,
            &context.facts.paths,
            *block,
            |location, row| {
                let states = || {
                    let pairs = watched.iter().zip(&context.named);
                    pairs.map(|(watched, named)| state(context, watched, named, (location, row)))
                };
                for behind in behind.drain(..) {
                    if !points.contains_key(&behind) || ends.contains(&behind) {
                        points.insert(behind, states().collect());
                        ends.insert(behind);
                    }
                }
                let (range, placement) = context.placed(location);
                if is_silent(context, location) {
                    return;
                }
                if placement == Placement::InMacro {
                    let found = points.entry(range.start);
                    found.or_insert_with(|| states().collect());
                    return;
                }
                behind.push(range.end);
                // A value of several lines, such as that of a block or a call, is there at their end.
                if range.start.line < range.end.line && is_value(context, location) {
                    return;
                }
                let is_new = !points.contains_key(&range.start);
                let found = points
                    .entry(range.start)
                    .or_insert_with(|| vec![None; watched.len()]);
                for (found, now) in found.iter_mut().zip(states()) {
                    *found = match *found {
                        None => now,
                        Some(there) if joins && !is_new => {
                            now.map_or(Some(there), |now| Some(joined(there, now)))
                        }
                        there => there,
                    };
                }
                joins = false;
            },
        );
    }
    let indexes = 0..context.named.len();
    let all = indexes.map(|index| stretches(context, index, &points));
    Some(all.collect())
}

/// Where a block's last step ends.
fn ended(context: &Context<'_, '_>, block: usize) -> Option<TextPosition> {
    let location = context.body.blocks.get(block)?.end();
    let (range, placement) = context.placed(location);
    (placement == Placement::Exact && !is_silent(context, location)).then_some(range.end)
}

/// Whether a step makes a value.
fn is_value(context: &Context<'_, '_>, location: Location) -> bool {
    match context.body.statement(location) {
        Some(statement) => matches!(statement.kind, StatementKind::Assign(..)),
        None => context
            .body
            .terminator(location)
            .is_some_and(|last| matches!(last.kind, TerminatorKind::Call { .. })),
    }
}

/// Whether a step does nothing that a reader sees, at a place of another one.
fn is_silent(context: &Context<'_, '_>, location: Location) -> bool {
    if let Some(statement) = context.body.statement(location) {
        return matches!(
            statement.kind,
            StatementKind::FakeRead(..)
                | StatementKind::PlaceMention(_)
                | StatementKind::AscribeUserType(_)
                | StatementKind::Nop
                | StatementKind::StorageDead(_)
        );
    }
    let terminator = context.body.terminator(location);
    terminator.is_some_and(|terminator| {
        matches!(
            terminator.kind,
            TerminatorKind::Goto | TerminatorKind::FalseEdge | TerminatorKind::Unreachable
        )
    })
}

fn watch<'a, 't>(context: &Context<'a, 't>, named: &Named<'t>) -> Watched<'a, 't> {
    let path = context.facts.path_of_place(&named.place);
    let parts = path
        .and_then(|path| context.facts.paths.get(path))
        .map_or(0..0, |path| path.subtree.clone());
    let of_it = |loan: &&Loan<'t>| {
        loan.kind != BorrowKind::Fake
            && loan.place.local == named.place.local
            && loan.place.projection.starts_with(&named.place.projection)
    };
    Watched {
        path,
        parts,
        loans: context.facts.loans.iter().filter(of_it).collect(),
    }
}

fn state(
    context: &Context<'_, '_>,
    watched: &Watched<'_, '_>,
    named: &Named<'_>,
    (location, row): (Location, &[PathState]),
) -> Option<OwnershipState> {
    let is_declaration = context
        .body
        .statement(location)
        .is_some_and(|statement| match statement.kind {
            StatementKind::StorageLive(local) => Place::whole(local) == named.place,
            _ => false,
        });
    if is_declaration {
        return Some(OwnershipState::Uninitialised);
    }
    let of = |path: MovePathId| row.get(path.index()).copied().unwrap_or_default();
    let Some(path) = watched.path else {
        // What is captured by reference has a value all the time.
        return Some(borrowed(watched, location).unwrap_or(OwnershipState::Live));
    };
    let whole = of(path);
    let has = |state: PathState| whole.contains(state);
    if whole.is_unreachable() || whole == PathState::DEAD {
        return None;
    }
    if has(PathState::UNKNOWN) {
        return Some(OwnershipState::Unknown);
    }
    if !has(PathState::INITIALIZED) {
        return Some(if has(PathState::MOVED) {
            OwnershipState::Moved
        } else if has(PathState::DROPPED) {
            OwnershipState::Dropped
        } else {
            OwnershipState::Uninitialised
        });
    }
    let lacks = [
        PathState::UNINITIALIZED,
        PathState::MOVED,
        PathState::DROPPED,
    ];
    if lacks.into_iter().any(has) {
        return Some(OwnershipState::Depends);
    }
    let is_lost = |number: u32| {
        let part = of(MovePathId(number));
        part.contains(PathState::MOVED)
    };
    if watched.parts.clone().any(is_lost) {
        return Some(OwnershipState::PartlyMoved);
    }
    Some(borrowed(watched, location).unwrap_or(OwnershipState::Live))
}

fn borrowed(watched: &Watched<'_, '_>, location: Location) -> Option<OwnershipState> {
    let live = watched.loans.iter().filter(|loan| loan.is_live(location));
    let strongest = live
        .map(|loan| match loan.kind {
            BorrowKind::Mutable => Mutability::Mutable,
            BorrowKind::Shared | BorrowKind::Fake => Mutability::Shared,
        })
        .max();
    strongest.map(OwnershipState::Borrowed)
}

/// The state where two ways meet.
fn joined(one: OwnershipState, other: OwnershipState) -> OwnershipState {
    use OwnershipState as State;
    let is_there = |state| matches!(state, State::Live | State::Borrowed(_) | State::PartlyMoved);
    match (one, other) {
        _ if one == other => one,
        (State::Unknown, _) | (_, State::Unknown) => State::Unknown,
        (State::PartlyMoved, other) | (other, State::PartlyMoved) if is_there(other) => {
            State::PartlyMoved
        }
        (State::Borrowed(one), State::Borrowed(other)) => State::Borrowed(one.max(other)),
        (State::Borrowed(_), State::Live) | (State::Live, State::Borrowed(_)) => State::Live,
        _ if !is_there(one) && !is_there(other) && one != State::Depends => other,
        _ => State::Depends,
    }
}

fn stretches(context: &Context<'_, '_>, index: usize, points: &Points) -> Vec<StateStretch> {
    let mut found: Vec<StateStretch> = Vec::new();
    let named = context.named.get(index);
    let from_caller = named
        .filter(|named| matches!(named.role, VariableRole::Parameter | VariableRole::Capture))
        .map(|named| (named.declared.start, Some(OwnershipState::Live)));
    let states = points
        .range(..=context.own.extent.end)
        .map(|(at, states)| (*at, states.get(index).copied().flatten()));
    let mut open: Option<(TextPosition, OwnershipState)> = None;
    let mut last_line = 0;
    for (mut at, state) in from_caller.into_iter().chain(states) {
        // Between two lines it changes where the second one begins.
        let is_first = at.line > std::mem::replace(&mut last_line, at.line);
        if is_first && open.is_some() {
            at.column = 1;
        }
        match (open, state) {
            (Some((_, there)), Some(state)) if there == state => {}
            (there, state) => {
                found.extend(there.filter(|(from, _)| *from < at).map(|(from, there)| {
                    StateStretch {
                        from,
                        to: at,
                        state: there,
                    }
                }));
                open = state.map(|state| (at, state));
            }
        }
    }
    let end = context.own.extent.end;
    let last = open.filter(|(from, _)| *from < end);
    found.extend(last.map(|(from, state)| StateStretch {
        from,
        to: end,
        state,
    }));
    found
}
