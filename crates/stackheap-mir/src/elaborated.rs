//! The body after drop elaboration: which drops are there, and what they depend on.

use std::collections::BTreeMap;

use crate::path::box_around;
use crate::{
    BasicBlock, Body, DropCondition, EdgeLabel, Local, Operand, Place, Position, Rvalue, Span,
    StatementKind, TerminatorKind,
};

/// The body of the second text that belongs to each body of the first.
///
/// Takes the bodies of both texts, in any order. A body belongs to another if the name is the same
/// and all locals of the first are the second's too, at the same place in the source; of several, as
/// macros make them, the one with the same signature, if it is one. Coroutines have none: the
/// second text has the state machine that they became.
pub fn pair_elaborated<'e, 't>(
    checked: &[Body<'t>],
    elaborated: &'e [Body<'t>],
) -> Vec<Option<&'e Body<'t>>> {
    let mut by_name: BTreeMap<&str, Vec<&Body<'_>>> = BTreeMap::new();
    for body in elaborated.iter().filter(|body| !body.for_compile_time) {
        by_name.entry(body.name).or_default().push(body);
    }
    let pair = |body: &Body<'t>| {
        if body.is_coroutine {
            return None;
        }
        let fits = |other: &&&'e Body<'t>| has_locals_of(other, body);
        let fitting: Vec<_> = by_name.get(body.name)?.iter().filter(fits).collect();
        // Types that hide others in one text do not in the other, so that signatures may differ.
        let mut same = fitting
            .iter()
            .filter(|other| other.signature == body.signature);
        match (fitting.as_slice(), same.next(), same.next()) {
            ([only], ..) => Some(**only),
            (_, Some(only), None) => Some(**only),
            _ => None,
        }
    };
    // References into `elaborated` are what was put into the map.
    checked.iter().map(pair).collect()
}

/// Whether all locals of a body are in another, at the same place in the source.
fn has_locals_of(other: &Body<'_>, body: &Body<'_>) -> bool {
    other.argument_count == body.argument_count
        && body.locals.iter().all(|decl| {
            other
                .local(decl.local)
                .is_some_and(|found| found.source.span == decl.source.span)
        })
}

/// A drop that is in the elaborated body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RealDrop<'t> {
    pub(crate) place: Place<'t>,
    /// What decides whether it is done.
    pub(crate) condition: Option<DropCondition>,
    /// Whether it only frees the memory of a `Box`, whose content is gone.
    pub(crate) is_memory_only: bool,
}

type Key<'t> = (Local, &'t str, Position, Position, bool);

/// The drops of an elaborated body, by local, source and whether a panic is on its way.
pub(crate) struct RealDrops<'t> {
    drops: BTreeMap<Key<'t>, Vec<RealDrop<'t>>>,
}

impl<'t> RealDrops<'t> {
    /// Takes both bodies, since drop flags are locals that only the elaborated one has.
    pub(crate) fn of(checked: &Body<'t>, elaborated: &Body<'t>) -> Self {
        let conditions = conditions(checked, elaborated);
        let pointers = box_pointers(checked, elaborated);
        let mut drops: BTreeMap<Key<'t>, Vec<RealDrop<'t>>> = BTreeMap::new();
        for block in &elaborated.blocks {
            let Some(terminator) = &block.terminator else {
                continue;
            };
            let place = match &terminator.kind {
                TerminatorKind::Drop(place) => Some(in_box(&pointers, place)),
                TerminatorKind::Call {
                    callee, arguments, ..
                } => box_drop(elaborated, block.id, callee, arguments),
                _ => None,
            };
            let (Some(place), Some(span)) = (place, terminator.source.span) else {
                continue;
            };
            drops
                .entry(key(place.local, span, block.is_cleanup))
                .or_default()
                .push(RealDrop {
                    place,
                    condition: conditions.get(&block.id).copied(),
                    is_memory_only: !matches!(terminator.kind, TerminatorKind::Drop(_)),
                });
        }
        Self { drops }
    }

    pub(crate) fn get(&self, local: Local, span: Span<'t>, is_cleanup: bool) -> &[RealDrop<'t>] {
        self.drops
            .get(&key(local, span, is_cleanup))
            .map_or(&[], Vec::as_slice)
    }
}

fn key(local: Local, span: Span<'_>, is_cleanup: bool) -> Key<'_> {
    (local, span.file, span.start, span.end, is_cleanup)
}

/// The blocks that are run only on a condition that elaboration has put there: it decides on locals
/// that are new.
fn conditions(checked: &Body<'_>, elaborated: &Body<'_>) -> BTreeMap<BasicBlock, DropCondition> {
    let mut conditions = BTreeMap::new();
    for block in &elaborated.blocks {
        let Some(terminator) = &block.terminator else {
            continue;
        };
        let TerminatorKind::SwitchInt(operand) = &terminator.kind else {
            continue;
        };
        let Some(local) = operand.place().and_then(|place| place.as_local()) else {
            continue;
        };
        if checked.local(local).is_some() {
            continue;
        }
        let is_discriminant = block
            .statements
            .last()
            .is_some_and(|last| match &last.kind {
                StatementKind::Assign(place, Rvalue::Discriminant(_)) => place.local == local,
                _ => false,
            });
        for edge in &terminator.edges {
            if is_discriminant {
                conditions.insert(edge.target, DropCondition::Variant);
            } else if edge.label == EdgeLabel::Otherwise {
                conditions.insert(edge.target, DropCondition::Flag(local));
            }
        }
    }
    conditions
}

/// The boxes whose pointers are taken to look at what they own: elaboration has done away with
/// places behind a `Box`.
fn box_pointers<'t>(checked: &Body<'t>, elaborated: &Body<'t>) -> BTreeMap<Local, Place<'t>> {
    let mut pointers = BTreeMap::new();
    for statement in elaborated.blocks.iter().flat_map(|block| &block.statements) {
        if let StatementKind::Assign(place, Rvalue::Cast { operand, .. }) = &statement.kind
            && let (Some(pointer), Some(source)) = (place.as_local(), operand.place())
            && checked.local(pointer).is_none()
            && let Some(owner) = box_around(elaborated, source)
        {
            pointers.insert(pointer, owner);
        }
    }
    pointers
}

/// A place behind the pointer of a `Box`, as one behind the `Box`.
fn in_box<'t>(pointers: &BTreeMap<Local, Place<'t>>, place: &Place<'t>) -> Place<'t> {
    match pointers.get(&place.local) {
        Some(owner) => {
            let mut owned = owner.clone();
            owned.projection.extend(place.projection.iter().cloned());
            owned
        }
        None => place.clone(),
    }
}

/// The memory of a `Box` whose content is gone is freed by a call of its `drop`, for which a
/// reference is made in the same block.
fn box_drop<'t>(
    body: &Body<'t>,
    block: BasicBlock,
    callee: &str,
    arguments: &[Operand<'t>],
) -> Option<Place<'t>> {
    let is_box = callee.starts_with("<Box<") || callee.starts_with("<std::boxed::Box<");
    if !is_box || !callee.ends_with(" as Drop>::drop") {
        return None;
    }
    let reference = arguments.first()?.place()?;
    let statements = &body.block(block)?.statements;
    statements
        .iter()
        .rev()
        .find_map(|statement| match &statement.kind {
            StatementKind::Assign(place, Rvalue::Ref(_, dropped)) if place == reference => {
                Some(dropped.clone())
            }
            _ => None,
        })
}
