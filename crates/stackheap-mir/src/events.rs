//! Collects what happens, in one walk over a body.

use std::collections::{BTreeMap, BTreeSet};

use crate::elaborated::{RealDrop, RealDrops};
use crate::flow::Effect;
use crate::uses::{OperandUse, Uses};
use crate::{
    BasicBlockData, Body, Certainty, Destination, DropCondition, DropDone, Event, EventKind, Flow,
    Loan, LoanId, Local, Location, MovePathId, MovePaths, Operand, Origin, PathOf, PathState,
    Place, Rvalue, Span, StatementKind, TerminatorKind,
};

/// How many temporaries a value is followed through.
const HOP_LIMIT: usize = 16;

pub(crate) struct Collector<'a, 'b, 't> {
    body: &'b Body<'t>,
    paths: &'a MovePaths<'t>,
    uses: &'a Uses<'b, 't>,
    drops: Option<&'a RealDrops<'t>>,
    /// Which loan a statement issues.
    issued: BTreeMap<Location, LoanId>,
    /// Where loans end, by location.
    ends: Vec<(Location, LoanId)>,
    /// Locals that events are told of: those of variables, arguments, and what is dropped.
    tracked: BTreeSet<Local>,
    /// Locals of variables.
    named: BTreeSet<Local>,
    /// How many drops of a local there are with the same source.
    drop_counts: BTreeMap<(Local, Option<Span<'t>>, bool), usize>,
    events: Vec<Event<'t>>,
}

/// Where an event is.
#[derive(Clone, Copy)]
struct At<'t> {
    location: Location,
    span: Option<Span<'t>>,
    is_cleanup: bool,
}

impl<'a, 'b, 't> Collector<'a, 'b, 't> {
    pub(crate) fn new(
        body: &'b Body<'t>,
        paths: &'a MovePaths<'t>,
        uses: &'a Uses<'b, 't>,
        loans: &[Loan<'t>],
        drops: Option<&'a RealDrops<'t>>,
    ) -> Self {
        let places = body
            .variables
            .iter()
            .filter_map(|variable| variable.place());
        let named: BTreeSet<Local> = places.map(|place| place.local).collect();
        let mut tracked = named.clone();
        tracked.extend((1..=body.argument_count).map(Local));
        let mut drop_counts = BTreeMap::new();
        for block in &body.blocks {
            if let Some(terminator) = &block.terminator
                && let TerminatorKind::Drop(place) = &terminator.kind
            {
                tracked.insert(place.local);
                let key = (place.local, terminator.source.span, block.is_cleanup);
                *drop_counts.entry(key).or_insert(0) += 1;
            }
        }
        let pairs = loans
            .iter()
            .flat_map(|loan| loan.ends.iter().map(|end| (*end, loan.id)));
        let mut ends: Vec<(Location, LoanId)> = pairs.collect();
        ends.sort_unstable();
        Self {
            body,
            paths,
            uses,
            drops,
            issued: loans.iter().map(|loan| (loan.issued, loan.id)).collect(),
            ends,
            tracked,
            named,
            drop_counts,
            events: Vec::new(),
        }
    }

    /// The events in the order of locations. Without control flow, states are unknown.
    pub(crate) fn collect(mut self, flow: Option<&Flow>) -> Vec<Event<'t>> {
        let body = self.body;
        let paths = self.paths;
        for block in &body.blocks {
            let mut effect = flow.map(|flow| flow.enter(body, paths, block.id));
            self.block(block, &mut effect);
        }
        self.events.sort_by_key(|event| event.location);
        self.events
    }

    fn block(&mut self, block: &'b BasicBlockData<'t>, effect: &mut Option<Effect<'_, 't>>) {
        let mut at = At {
            location: Location {
                block: block.id,
                statement: 0,
            },
            span: None,
            is_cleanup: block.is_cleanup,
        };
        for statement in &block.statements {
            at.span = statement.source.span;
            self.statement(at, &statement.kind, effect.as_ref());
            self.loan_ends(at);
            if let Some(effect) = effect {
                effect.statement(&statement.kind);
            }
            at.location.statement = at.location.statement.saturating_add(1);
        }
        if let Some(terminator) = &block.terminator {
            at.span = terminator.source.span;
            self.terminator(at, &terminator.kind, effect.as_ref());
            self.loan_ends(at);
        }
    }

    fn push(&mut self, at: At<'t>, kind: EventKind<'t>) {
        self.events.push(Event {
            kind,
            location: at.location,
            span: at.span,
            is_cleanup: at.is_cleanup,
        });
    }

    fn loan_ends(&mut self, at: At<'t>) {
        let from = self
            .ends
            .partition_point(|(location, _)| *location < at.location);
        let to = self
            .ends
            .partition_point(|(location, _)| *location <= at.location);
        for index in from..to {
            let (_, loan) = self.ends[index];
            self.push(at, EventKind::LoanEnds(loan));
        }
    }

    fn statement(
        &mut self,
        at: At<'t>,
        kind: &'b StatementKind<'t>,
        effect: Option<&Effect<'_, 't>>,
    ) {
        self.operands(at, kind.operands());
        match kind {
            StatementKind::StorageLive(local) if self.tracked.contains(local) => {
                self.push(at, EventKind::StorageLive(*local));
            }
            StatementKind::StorageDead(local) if self.tracked.contains(local) => {
                self.push(at, EventKind::StorageDead(*local));
            }
            StatementKind::Assign(place, rvalue) => {
                self.borrow(at, rvalue);
                self.assign(at, place, origin(rvalue), effect);
            }
            _ => {}
        }
    }

    fn terminator(
        &mut self,
        at: At<'t>,
        kind: &'b TerminatorKind<'t>,
        effect: Option<&Effect<'_, 't>>,
    ) {
        self.operands(at, kind.operands());
        match kind {
            TerminatorKind::Call {
                destination,
                callee,
                ..
            } => self.assign(at, destination, Origin::Call(callee), effect),
            TerminatorKind::Yield { destination, .. } => {
                self.assign(at, destination, Origin::Resumed, effect);
            }
            TerminatorKind::InlineAsm { outputs, .. } => {
                for output in outputs {
                    self.assign(at, output, Origin::Computed, effect);
                }
            }
            TerminatorKind::Drop(place) => {
                let path = self.path(place);
                let done = self.drop_done(at, place, path, effect);
                let place = place.clone();
                self.push(at, EventKind::Dropped { place, path, done });
            }
            _ => {}
        }
    }

    fn assign(
        &mut self,
        at: At<'t>,
        place: &Place<'t>,
        origin: Origin<'t>,
        effect: Option<&Effect<'_, 't>>,
    ) {
        if self.tracked.contains(&place.local) {
            let before = effect.map_or(PathState::UNKNOWN, |effect| effect.of_place(place));
            let place = place.clone();
            self.push(
                at,
                EventKind::Assigned {
                    place,
                    before,
                    origin,
                },
            );
        }
    }

    fn borrow(&mut self, at: At<'t>, rvalue: &Rvalue<'t>) {
        match rvalue {
            Rvalue::Ref(kind, place) => {
                let loan = self.issued.get(&at.location).copied();
                if loan.is_some() || self.tracked.contains(&place.local) {
                    let (place, kind) = (place.clone(), *kind);
                    self.push(at, EventKind::Borrowed { place, kind, loan });
                }
            }
            Rvalue::RawPointer(_, place) if self.tracked.contains(&place.local) => {
                let place = place.clone();
                self.push(at, EventKind::Pointed { place });
            }
            _ => {}
        }
    }

    /// Moves of what is tracked, copies of variables.
    fn operands(&mut self, at: At<'t>, operands: &'b [Operand<'t>]) {
        for (index, operand) in operands.iter().enumerate() {
            let is_move = matches!(operand, Operand::Move(_));
            let told = if is_move { &self.tracked } else { &self.named };
            let Some(place) = operand.place().filter(|place| told.contains(&place.local)) else {
                continue;
            };
            let destination = self.destination(OperandUse {
                location: at.location,
                index,
                is_move,
            });
            let (path, place) = (self.path(place), place.clone());
            self.push(
                at,
                if is_move {
                    EventKind::Moved {
                        place,
                        path,
                        destination,
                    }
                } else {
                    EventKind::Copied { place, destination }
                },
            );
        }
    }

    fn path(&self, place: &Place<'t>) -> Option<MovePathId> {
        match self.paths.of_place(self.body, place) {
            PathOf::Exactly(id) => Some(id),
            _ => None,
        }
    }

    /// Where the value of an operand goes, through temporaries that it only passes.
    fn destination(&self, mut operand: OperandUse) -> Destination<'t> {
        for _ in 0..HOP_LIMIT {
            let (destination, into) = self.step(operand);
            let passed =
                into.filter(|local| *local != Local::RETURN_PLACE && !self.named.contains(local));
            match passed.and_then(|local| self.only_move(local)) {
                Some(next) if next.location != operand.location => operand = next,
                _ => return destination,
            }
        }
        Destination::Other
    }

    /// The move of a temporary whose value is used nowhere else. An assignment that drops what was
    /// there before is printed twice, since the drop may panic.
    fn only_move(&self, local: Local) -> Option<OperandUse> {
        let moves = self.uses.get(local)?.only_moves()?;
        let (first, others) = moves.split_first()?;
        let destination = self.step(*first);
        let same = others.iter().all(|other| self.step(*other) == destination);
        same.then_some(*first)
    }

    /// Where one statement or terminator takes an operand, and the local if it is all of it.
    fn step(&self, operand: OperandUse) -> (Destination<'t>, Option<Local>) {
        let index = operand.index;
        if let Some(statement) = self.body.statement(operand.location) {
            let StatementKind::Assign(place, rvalue) = &statement.kind else {
                return (Destination::Other, None);
            };
            return match rvalue {
                Rvalue::Use(_) | Rvalue::Cast { .. } => {
                    (Destination::Place(place.clone()), place.as_local())
                }
                Rvalue::Aggregate { path, .. } => {
                    let (aggregate, of) = (*path, place.clone());
                    (
                        Destination::Part {
                            aggregate,
                            index,
                            of,
                        },
                        None,
                    )
                }
                _ => (Destination::Other, None),
            };
        }
        let destination = match self.body.terminator(operand.location).map(|t| &t.kind) {
            Some(TerminatorKind::Call { callee, .. } | TerminatorKind::TailCall { callee, .. }) => {
                Destination::Argument {
                    callee,
                    index,
                    location: operand.location,
                }
            }
            Some(TerminatorKind::Yield { .. }) => Destination::Yield,
            _ => Destination::Other,
        };
        (destination, None)
    }

    /// Whether a drop is done. The elaborated body decides whether there is one; the states say
    /// which one it is, since several drops may have the same source: those of each way out of a
    /// scope, and those that a panic in one of them leaves to others.
    fn drop_done(
        &self,
        at: At<'t>,
        place: &Place<'t>,
        path: Option<MovePathId>,
        effect: Option<&Effect<'_, 't>>,
    ) -> DropDone<'t> {
        let concluded = match (path, effect) {
            (Some(path), Some(effect)) => self.concluded(path, effect),
            // An element, or what a pointer points to, has a value always.
            (None, Some(_)) => DropDone::Always,
            (_, None) => DropDone::Unknown,
        };
        let (Some(drops), Some(span)) = (self.drops, at.span) else {
            return concluded;
        };
        let real = drops.get(place.local, span, at.is_cleanup);
        // Gone on every way, and so is one that the states call conditional: the compiler knows
        // more, such as which variant a `match` has found, or that nothing needs dropping.
        if real.is_empty() {
            return DropDone::Never;
        }
        if matches!(concluded, DropDone::Always | DropDone::Never) {
            return concluded;
        }
        let whole: Vec<_> = real.iter().filter(|drop| drop.place == *place).collect();
        let first = whole.first();
        let are_same = first.is_some_and(|first| {
            whole.len() == real.len()
                && whole.iter().all(|drop| {
                    (drop.condition, drop.is_memory_only) == (first.condition, first.is_memory_only)
                })
        });
        let count = self.drop_counts.get(&(place.local, at.span, at.is_cleanup));
        let is_only = count.is_none_or(|&count| count == 1);
        match (first, concluded) {
            (Some(first), _) if are_same && first.is_memory_only => {
                DropDone::Memory(first.condition)
            }
            (Some(first), concluded) if are_same => match (first.condition, concluded) {
                (Some(condition), _) => DropDone::Conditional(condition),
                (None, DropDone::Conditional(way)) if !is_only => DropDone::Conditional(way),
                (None, _) => DropDone::Always,
            },
            (first, DropDone::Conditional(way)) => {
                let condition = first.and_then(|first| first.condition);
                DropDone::Conditional(condition.unwrap_or(way))
            }
            _ => DropDone::Parts(self.parts_left(real, effect)),
        }
    }

    /// Of the parts that are dropped at several places of one source, those that are left at one.
    fn parts_left(
        &self,
        real: &[RealDrop<'t>],
        effect: Option<&Effect<'_, 't>>,
    ) -> Vec<(Place<'t>, Option<DropCondition>)> {
        let left = |drop: &RealDrop<'t>| {
            let Some(effect) = effect else {
                return Some((drop.place.clone(), drop.condition));
            };
            let is_variant = drop.condition == Some(DropCondition::Variant);
            let path = self
                .path(&drop.place)
                .filter(|_| !drop.is_memory_only && !is_variant);
            if path.is_some_and(|path| matches!(self.concluded(path, effect), DropDone::Parts(_))) {
                // At another place it is dropped as a whole.
                return None;
            }
            let condition = match effect.of_place(&drop.place).is_initialized() {
                Certainty::No => return None,
                Certainty::Maybe => Some(drop.condition.unwrap_or(DropCondition::Way)),
                // What a flag decides elsewhere is certain here; a variant never is.
                Certainty::Definitely => drop.condition.filter(|_| is_variant),
            };
            Some((drop.place.clone(), condition))
        };
        let mut parts: Vec<_> = real.iter().filter_map(left).collect();
        parts.sort();
        parts.dedup_by(|next, first| next.0 == first.0);
        parts
    }

    fn concluded(&self, path: MovePathId, effect: &Effect<'_, 't>) -> DropDone<'t> {
        let state = |id: MovePathId| effect.states.get(id.index()).copied().unwrap_or_default();
        let whole = state(path);
        if whole.is_unreachable() {
            return DropDone::Never;
        }
        let parts = self
            .paths
            .get(path)
            .map(|path| path.subtree.clone())
            .unwrap_or_default();
        let lost = |number: &u32| state(MovePathId(*number)) != whole;
        match whole.is_initialized() {
            Certainty::No => DropDone::Never,
            Certainty::Maybe => DropDone::Conditional(DropCondition::Way),
            Certainty::Definitely if parts.clone().any(|number| lost(&number)) => {
                // Which parts have no path of their own, and so are left, only types would tell.
                DropDone::Parts(Vec::new())
            }
            Certainty::Definitely => DropDone::Always,
        }
    }
}

fn origin<'t>(rvalue: &Rvalue<'t>) -> Origin<'t> {
    match rvalue {
        Rvalue::Use(operand) | Rvalue::Cast { operand, .. } => match operand {
            Operand::Copy(_) => Origin::Copied,
            Operand::Move(_) => Origin::Moved,
            Operand::Constant(text) => Origin::Constant(text),
        },
        Rvalue::Ref(..) | Rvalue::RawPointer(..) | Rvalue::ThreadLocal(_) => Origin::Borrowed,
        Rvalue::Aggregate { path, .. } => Origin::Aggregate(path),
        _ => Origin::Computed,
    }
}
