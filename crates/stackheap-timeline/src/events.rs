use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stackheap_mir::{
    BorrowKind, Certainty, DropCondition, DropDone, Event, EventKind, Local, Location, Operand,
    Origin, Place, Rvalue, StatementKind, TerminatorKind,
};
use stackheap_model::{
    DropCause, DropDecision, DropExtent, EventCertainty, Mutability, OwnershipEvent,
    OwnershipEventKind, Placement, TextPosition, ValueOrigin, VariableRole,
};

use crate::context::{Context, HOP_LIMIT, Named};
use crate::names;

/// How many blocks one function's drops are followed back through.
const WORK_LIMIT: usize = 1 << 22;

/// An event with where it is in the body.
struct Found {
    location: Location,
    event: OwnershipEvent,
}

/// What happens to each variable, in the order of the variables.
pub(crate) fn events<'t>(context: &Context<'_, 't>) -> Vec<Vec<OwnershipEvent>> {
    let mut by_local: BTreeMap<Local, Vec<usize>> = BTreeMap::new();
    for (index, named) in context.named.iter().enumerate() {
        by_local.entry(named.place.local).or_default().push(index);
    }
    let mut found: Vec<Vec<Found>> = context.named.iter().map(|_| Vec::new()).collect();
    let told = context
        .facts
        .events
        .iter()
        .filter(|event| !event.is_cleanup);
    for event in told {
        let Some(local) = local_of(&event.kind) else {
            continue;
        };
        let Some(key) = context.order.key(event.location) else {
            continue;
        };
        for &index in by_local.get(&local).into_iter().flatten() {
            let (Some(named), Some(found)) = (context.named.get(index), found.get_mut(index))
            else {
                continue;
            };
            if let Some(kind) = kind(context, named, event) {
                let certainty = certainty(&kind);
                let (at, placement) = context.placed(event.location);
                let order = order(key);
                found.push(Found {
                    location: event.location,
                    event: OwnershipEvent {
                        kind,
                        at,
                        placement,
                        certainty,
                        order,
                    },
                });
            }
        }
    }
    let mut work = WORK_LIMIT;
    let pairs = context.named.iter().zip(found);
    pairs
        .map(|(named, found)| finished(context, named, found, &mut work))
        .collect()
}

/// One number for a place in the order of control flow.
fn order((rank, statement): (u32, u32)) -> u32 {
    rank.saturating_mul(1 << 12)
        .saturating_add(statement.min((1 << 12) - 1))
}

fn local_of(kind: &EventKind<'_>) -> Option<Local> {
    match kind {
        EventKind::StorageLive(local) | EventKind::StorageDead(local) => Some(*local),
        EventKind::Assigned { place, .. }
        | EventKind::Moved { place, .. }
        | EventKind::Copied { place, .. }
        | EventKind::Borrowed { place, .. }
        | EventKind::Pointed { place }
        | EventKind::Dropped { place, .. } => Some(place.local),
        _ => None,
    }
}

/// An event of the body as one of a variable; `None` if it is none of this one's.
fn kind<'t>(
    context: &Context<'_, 't>,
    named: &Named<'t>,
    event: &Event<'t>,
) -> Option<OwnershipEventKind> {
    let is_local = named.place.projection.is_empty();
    let at = event.location;
    let part_of = |place: &Place<'t>| {
        let inside = place.projection.starts_with(&named.place.projection);
        inside.then(|| context.part(named, place))
    };
    Some(match &event.kind {
        EventKind::StorageLive(_) if is_local => OwnershipEventKind::Declared,
        EventKind::StorageDead(_) if is_local => OwnershipEventKind::OutOfScope,
        EventKind::Assigned {
            place,
            before,
            origin,
        } => {
            let part = part_of(place)?;
            let from = self::origin(context, at, origin);
            let is_first = before.is_initialized() == Certainty::No
                && !before.contains(stackheap_mir::PathState::MOVED)
                && !before.contains(stackheap_mir::PathState::DROPPED);
            if part.is_none() && is_first {
                OwnershipEventKind::Initialised(from)
            } else {
                OwnershipEventKind::Assigned { part, from }
            }
        }
        EventKind::Moved {
            place, destination, ..
        } => OwnershipEventKind::Moved {
            part: part_of(place)?,
            to: context.destination(at, destination),
        },
        EventKind::Copied { place, destination } => OwnershipEventKind::Copied {
            part: part_of(place)?,
            to: context.destination(at, destination),
        },
        EventKind::Borrowed { place, kind, loan } => OwnershipEventKind::Borrowed {
            part: part_of(place)?,
            mutability: match kind {
                BorrowKind::Shared => Mutability::Shared,
                BorrowKind::Mutable => Mutability::Mutable,
                BorrowKind::Fake => return None,
            },
            loan: loan.map(|loan| loan.0),
        },
        EventKind::Pointed { place } => OwnershipEventKind::Pointed {
            part: part_of(place)?,
        },
        EventKind::Dropped { place, done, .. } => OwnershipEventKind::Dropped {
            what: dropped(context, named, at, (place, done))?,
            cause: cause(context, at, place),
            moved: Vec::new(),
        },
        _ => return None,
    })
}

fn certainty(kind: &OwnershipEventKind) -> EventCertainty {
    match kind {
        OwnershipEventKind::Dropped { what, .. } => match what {
            DropExtent::IfThere(_) => EventCertainty::Depends,
            DropExtent::BoxMemory(certainty) => *certainty,
            DropExtent::Parts(parts) => {
                let depends =
                    |(_, certainty): &(_, EventCertainty)| *certainty == EventCertainty::Depends;
                match parts.iter().any(depends) {
                    true => EventCertainty::Depends,
                    false => EventCertainty::Always,
                }
            }
            DropExtent::Unknown => EventCertainty::Unknown,
            _ => EventCertainty::Always,
        },
        _ => EventCertainty::Always,
    }
}

fn dropped<'t>(
    context: &Context<'_, 't>,
    named: &Named<'t>,
    at: Location,
    (place, done): (&Place<'t>, &DropDone<'t>),
) -> Option<DropExtent> {
    if !named.place.projection.is_empty() && *place != named.place {
        // The closure is dropped, and what it has captured with it.
        return captured_dropped(context, named, at, place);
    }
    let on = |condition: &Option<DropCondition>| match condition {
        Some(_) => EventCertainty::Depends,
        None => EventCertainty::Always,
    };
    Some(match done {
        DropDone::Always => DropExtent::Whole,
        DropDone::Never => DropExtent::Nothing,
        DropDone::Conditional(condition) => DropExtent::IfThere(decision(*condition)),
        DropDone::Memory(condition) => DropExtent::BoxMemory(on(condition)),
        DropDone::Parts(parts) => DropExtent::Parts(
            parts
                .iter()
                .map(|(part, condition)| {
                    let text = context
                        .place_text(part)
                        .unwrap_or_else(|| named.name.clone());
                    (text, on(condition))
                })
                .collect(),
        ),
        DropDone::Unknown => DropExtent::Unknown,
    })
}

fn captured_dropped<'t>(
    context: &Context<'_, 't>,
    named: &Named<'t>,
    at: Location,
    place: &Place<'t>,
) -> Option<DropExtent> {
    let is_around = named.place.projection.starts_with(&place.projection);
    // What is behind a reference is not dropped with it.
    let path = context.facts.path_of_place(&named.place)?;
    if !is_around {
        return None;
    }
    Some(match context.facts.state(at, path).is_initialized() {
        Certainty::Definitely => DropExtent::Whole,
        Certainty::No => DropExtent::Nothing,
        Certainty::Maybe => DropExtent::IfThere(DropDecision::Way),
    })
}

fn decision(condition: DropCondition) -> DropDecision {
    match condition {
        DropCondition::Flag(_) => DropDecision::Flag,
        DropCondition::Variant => DropDecision::Variant,
        DropCondition::Way => DropDecision::Way,
    }
}

/// A drop of what the next step gives another value makes room for that.
fn cause(context: &Context<'_, '_>, at: Location, place: &Place<'_>) -> DropCause {
    let next = crate::order::successors(context.body, at.block.index()).next();
    let first = next
        .and_then(|block| context.body.blocks.get(block))
        .and_then(|block| block.statements.first());
    match first.map(|statement| &statement.kind) {
        Some(StatementKind::Assign(assigned, _)) if assigned == place => DropCause::Replaced,
        _ => DropCause::ScopeEnd,
    }
}

/// What the value of an assignment is made of.
fn origin<'t>(context: &Context<'_, 't>, at: Location, told: &Origin<'t>) -> ValueOrigin {
    let mut at = at;
    for _ in 0..HOP_LIMIT {
        let (range, placement) = context.placed(at);
        let Some(statement) = context.body.statement(at) else {
            break;
        };
        let StatementKind::Assign(_, rvalue) = &statement.kind else {
            break;
        };
        let (place, of): (_, fn(Arc<str>) -> ValueOrigin) = match rvalue {
            Rvalue::Use(Operand::Move(place))
            | Rvalue::Cast {
                operand: Operand::Move(place),
                ..
            } => (place, ValueOrigin::MovedFrom),
            Rvalue::Use(Operand::Copy(place))
            | Rvalue::Cast {
                operand: Operand::Copy(place),
                ..
            } => (place, ValueOrigin::CopiedFrom),
            Rvalue::Ref(_, place) | Rvalue::RawPointer(_, place) => (place, ValueOrigin::BorrowOf),
            Rvalue::Aggregate { path, .. } if placement == Placement::Exact => {
                return ValueOrigin::Made(names::made(path));
            }
            _ if placement == Placement::InMacro => {
                return ValueOrigin::Macro(context.macro_at(range.start));
            }
            Rvalue::Use(Operand::Constant(_))
            | Rvalue::Cast {
                operand: Operand::Constant(_),
                ..
            } => return ValueOrigin::Constant,
            _ => return ValueOrigin::Computed,
        };
        if let Some(text) = context.place_text(place) {
            return of(text);
        }
        // A reference to what a temporary points to is made of that temporary.
        let reborrow = Place::whole(place.local);
        let is_whole = place.as_local().is_some() || rvalue_is_reborrow(rvalue, place);
        match context.definition(reborrow.local).filter(|_| is_whole) {
            Some(next) => at = next,
            None => break,
        }
    }
    let (range, placement) = context.placed(at);
    if let Some(terminator) = context.body.terminator(at) {
        return match &terminator.kind {
            TerminatorKind::Call { .. } if placement == Placement::InMacro => {
                ValueOrigin::Macro(context.macro_at(range.start))
            }
            TerminatorKind::Call { callee, .. } => match names::callee(callee) {
                Some(name) => ValueOrigin::Call(name),
                None => ValueOrigin::Call("a function pointer".into()),
            },
            TerminatorKind::Yield { .. } => ValueOrigin::Resumed,
            _ => ValueOrigin::Computed,
        };
    }
    match told {
        Origin::Call(callee) => {
            names::callee(callee).map_or(ValueOrigin::Computed, ValueOrigin::Call)
        }
        Origin::Moved => ValueOrigin::Moved,
        Origin::Copied => ValueOrigin::Copied,
        Origin::Constant(_) => ValueOrigin::Constant,
        Origin::Borrowed => ValueOrigin::Borrow,
        Origin::Aggregate(path) => ValueOrigin::Made(names::made(path)),
        Origin::Resumed => ValueOrigin::Resumed,
        Origin::Computed => ValueOrigin::Computed,
    }
}

fn rvalue_is_reborrow(rvalue: &Rvalue<'_>, place: &Place<'_>) -> bool {
    matches!(rvalue, Rvalue::Ref(..)) && place.projection == [stackheap_mir::Projection::Deref]
}

/// Says where drops that find nothing lost it, puts what happens on several ways together, and adds
/// what the caller did.
fn finished<'t>(
    context: &Context<'_, 't>,
    named: &Named<'t>,
    mut found: Vec<Found>,
    work: &mut usize,
) -> Vec<OwnershipEvent> {
    let lost: Vec<Vec<TextPosition>> = found
        .iter()
        .map(|drop| match &drop.event.kind {
            OwnershipEventKind::Dropped { what, .. } if *what != DropExtent::Whole => {
                moves_before(context, &found, drop.location, work)
            }
            _ => Vec::new(),
        })
        .collect();
    for (found, lost) in found.iter_mut().zip(lost) {
        if let OwnershipEventKind::Dropped { moved, .. } = &mut found.event.kind {
            *moved = lost;
        }
    }
    let mut events: Vec<OwnershipEvent> = Vec::new();
    let from = match named.role {
        VariableRole::Parameter => Some(ValueOrigin::Caller),
        VariableRole::Capture => Some(ValueOrigin::Captured),
        VariableRole::Variable | VariableRole::Temporary => None,
    };
    events.extend(from.map(|from| OwnershipEvent {
        kind: OwnershipEventKind::Initialised(from),
        at: named.declared,
        placement: Placement::Exact,
        certainty: EventCertainty::Always,
        order: 0,
    }));
    let mut rest: Vec<OwnershipEvent> = found.into_iter().map(|found| found.event).collect();
    rest.sort_by_key(|event| event.order);
    // What each place has, so that the same is not searched for in all.
    let mut at_place: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for event in rest {
        let same = at_place.entry(event.at).or_default();
        let twin = same.iter().copied().find(|&index| {
            events
                .get(index)
                .is_some_and(|other| is_twin(&other.kind, &event.kind))
        });
        match twin.and_then(|index| events.get_mut(index)) {
            Some(other) => merge(other, event),
            None => {
                same.push(events.len());
                events.push(event);
            }
        }
    }
    events.sort_by_key(|event| (event.at.start, event.order));
    events
}

/// Whether two events at one place are the same on different ways.
fn is_twin(one: &OwnershipEventKind, other: &OwnershipEventKind) -> bool {
    match (one, other) {
        (
            OwnershipEventKind::Dropped { cause: one, .. },
            OwnershipEventKind::Dropped { cause: other, .. },
        ) => one == other,
        _ => one == other,
    }
}

fn merge(event: &mut OwnershipEvent, other: OwnershipEvent) {
    let OwnershipEventKind::Dropped {
        what: new_what,
        moved: new_moved,
        ..
    } = other.kind
    else {
        return;
    };
    if let OwnershipEventKind::Dropped { what, moved, .. } = &mut event.kind {
        let both: BTreeSet<TextPosition> = moved.drain(..).chain(new_moved).collect();
        moved.extend(both);
        *what = joined(std::mem::replace(what, DropExtent::Unknown), new_what);
    }
    event.certainty = certainty(&event.kind);
}

/// What is dropped where two ways meet.
fn joined(one: DropExtent, other: DropExtent) -> DropExtent {
    let always_or = |what: DropExtent| match what {
        DropExtent::Whole => DropExtent::IfThere(DropDecision::Way),
        DropExtent::BoxMemory(_) => DropExtent::BoxMemory(EventCertainty::Depends),
        DropExtent::Parts(parts) => DropExtent::Parts(
            parts
                .into_iter()
                .map(|(part, _)| (part, EventCertainty::Depends))
                .collect(),
        ),
        what => what,
    };
    match (one, other) {
        (one, other) if one == other => one,
        (DropExtent::Unknown, _) | (_, DropExtent::Unknown) => DropExtent::Unknown,
        (DropExtent::Nothing, what) | (what, DropExtent::Nothing) => always_or(what),
        (DropExtent::IfThere(decision), _) | (_, DropExtent::IfThere(decision)) => {
            DropExtent::IfThere(decision)
        }
        (DropExtent::Parts(parts), _) | (_, DropExtent::Parts(parts)) => {
            always_or(DropExtent::Parts(parts))
        }
        _ => DropExtent::IfThere(DropDecision::Way),
    }
}

/// Where a variable's value was moved away on the ways to a location.
fn moves_before(
    context: &Context<'_, '_>,
    found: &[Found],
    location: Location,
    work: &mut usize,
) -> Vec<TextPosition> {
    let mut by_block: BTreeMap<usize, Vec<&Found>> = BTreeMap::new();
    for found in found {
        by_block
            .entry(found.location.block.index())
            .or_default()
            .push(found);
    }
    let mut moves = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![(location.block.index(), location.statement)];
    while let Some((block, before)) = open.pop() {
        let Some(left) = work.checked_sub(1) else {
            break;
        };
        *work = left;
        let events = by_block.get(&block).map_or(&[][..], Vec::as_slice);
        let earlier = events
            .iter()
            .rev()
            .filter(|found| found.location.statement < before);
        let mut is_end = false;
        for found in earlier {
            match &found.event.kind {
                OwnershipEventKind::Moved { part, .. } => {
                    moves.insert(found.event.at.start);
                    is_end = part.is_none();
                }
                OwnershipEventKind::Initialised(_)
                | OwnershipEventKind::Declared
                | OwnershipEventKind::Assigned { part: None, .. } => is_end = true,
                _ => {}
            }
            if is_end {
                break;
            }
        }
        if !is_end {
            let id = context.body.blocks.get(block).map(|data| data.id);
            let before = id.map_or(&[][..], |id| context.order.predecessors(id));
            for &from in before {
                if seen.insert(from) {
                    open.push((from, u32::MAX));
                }
            }
        }
    }
    moves.into_iter().collect()
}
