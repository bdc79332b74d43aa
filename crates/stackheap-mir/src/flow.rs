//! Which move paths have a value at which point: dataflow along the edges between blocks.

use crate::{
    BasicBlock, Body, Certainty, EdgeLabel, Local, Location, MovePathId, MovePaths, Operand,
    PathOf, PathState, Place, Problem, ProblemKind, STATE_LIMIT, StatementKind, TerminatorKind,
};

/// The states of all move paths at the start of each block.
#[derive(Clone, Debug)]
pub struct Flow {
    /// One row of paths a block.
    entry: Vec<PathState>,
    /// How many paths a row has.
    width: usize,
}

impl Flow {
    /// Follows the control flow of a body until nothing changes.
    ///
    /// # Errors
    ///
    /// What would need more than [`STATE_LIMIT`] states.
    pub fn of<'t>(body: &Body<'t>, paths: &MovePaths<'t>) -> Result<Self, Problem> {
        let width = paths.paths.len();
        let cells = width.saturating_mul(body.blocks.len());
        if cells > STATE_LIMIT {
            let kind = ProblemKind::TooLarge(cells);
            return Err(Problem::new(body.lines.start, kind));
        }
        let mut flow = Self {
            entry: vec![PathState::default(); cells],
            width,
        };
        let order = reverse_postorder(body);
        if let Some(&first) = order.first() {
            let row = flow.row_mut(first);
            row.copy_from_slice(&at_entry(body, paths));
        }
        let mut is_due = vec![true; body.blocks.len()];
        let mut states = Vec::new();
        let mut changed = true;
        while changed {
            changed = false;
            for &block in &order {
                if !std::mem::take(&mut is_due[block]) {
                    continue;
                }
                states.clear();
                states.extend_from_slice(flow.row(block));
                let mut effect = Effect {
                    body,
                    paths,
                    states,
                };
                let drops_nothing = effect.block(block);
                let data = &body.blocks[block];
                for edge in data
                    .terminator
                    .iter()
                    .flat_map(|terminator| &terminator.edges)
                {
                    if drops_nothing && edge.label == EdgeLabel::Unwind {
                        continue;
                    }
                    let target = edge.target.index();
                    let arriving = effect.along(block, edge.label);
                    if target < is_due.len() && flow.join(target, &arriving) {
                        is_due[target] = true;
                        changed = true;
                    }
                }
                states = effect.states;
            }
        }
        Ok(flow)
    }

    fn row(&self, block: usize) -> &[PathState] {
        let start = block.saturating_mul(self.width);
        self.entry.get(start..start + self.width).unwrap_or(&[])
    }

    fn row_mut(&mut self, block: usize) -> &mut [PathState] {
        let start = block * self.width;
        &mut self.entry[start..start + self.width]
    }

    /// Whether the row has changed.
    fn join(&mut self, block: usize, arriving: &[PathState]) -> bool {
        let mut changed = false;
        for (state, arriving) in self.row_mut(block).iter_mut().zip(arriving) {
            let joined = state.union(*arriving);
            changed |= joined != *state;
            *state = joined;
        }
        changed
    }

    /// The states at the start of a block, to go on from there.
    pub(crate) fn enter<'a, 't>(
        &self,
        body: &'a Body<'t>,
        paths: &'a MovePaths<'t>,
        block: BasicBlock,
    ) -> Effect<'a, 't> {
        let states = self.row(block.index()).to_vec();
        Effect {
            body,
            paths,
            states,
        }
    }

    /// Goes over a block and shows the states of all paths before each of its locations. For many
    /// locations of a block this is the way, since each look from outside begins at its start.
    pub fn walk<'t>(
        &self,
        body: &Body<'t>,
        paths: &MovePaths<'t>,
        block: BasicBlock,
        mut visit: impl FnMut(Location, &[PathState]),
    ) {
        let Some(data) = body.block(block) else {
            return;
        };
        let mut effect = self.enter(body, paths, block);
        let mut location = Location {
            block,
            statement: 0,
        };
        for statement in &data.statements {
            visit(location, &effect.states);
            effect.statement(&statement.kind);
            location.statement = location.statement.saturating_add(1);
        }
        visit(location, &effect.states);
    }

    /// The states of all paths before a location is run. Takes the body and the paths that the
    /// states were computed of.
    pub fn all_before<'t>(
        &self,
        body: &Body<'t>,
        paths: &MovePaths<'t>,
        location: Location,
    ) -> Vec<PathState> {
        let mut effect = self.enter(body, paths, location.block);
        effect.until(location);
        effect.states
    }

    /// The state of one path before a location is run.
    pub fn before<'t>(
        &self,
        body: &Body<'t>,
        paths: &MovePaths<'t>,
        location: Location,
        path: MovePathId,
    ) -> PathState {
        let states = self.all_before(body, paths, location);
        states.get(path.index()).copied().unwrap_or_default()
    }
}

/// What runs does to the states, for those who follow a way of their own.
impl<'t> MovePaths<'t> {
    /// The states of all paths when the body begins to run. Takes the body that the paths are of,
    /// here and below.
    pub fn states_at_entry(&self, body: &Body<'t>) -> Vec<PathState> {
        at_entry(body, self)
    }

    /// Takes the states over the statement at a location; that of a terminator changes nothing.
    pub fn pass_statement(&self, body: &Body<'t>, location: Location, states: &mut Vec<PathState>) {
        let Some(statement) = body.statement(location) else {
            return;
        };
        let mut effect = Effect {
            body,
            paths: self,
            states: std::mem::take(states),
        };
        effect.statement(&statement.kind);
        *states = effect.states;
    }

    /// Takes the states over what the terminator of a block does before control flow goes from it:
    /// operands are moved, a dropped place has no value any more.
    pub fn pass_terminator(&self, body: &Body<'t>, block: BasicBlock, states: &mut Vec<PathState>) {
        let terminator = body
            .block(block)
            .and_then(|block| block.terminator.as_ref());
        let Some(terminator) = terminator else {
            return;
        };
        let mut effect = Effect {
            body,
            paths: self,
            states: std::mem::take(states),
        };
        effect.terminator(&terminator.kind);
        *states = effect.states;
    }

    /// The states that arrive at the end of an edge of a block: on the way of a return, what a call
    /// gives has a value.
    pub fn along(
        &self,
        body: &Body<'t>,
        block: BasicBlock,
        label: EdgeLabel<'_>,
        states: &[PathState],
    ) -> Vec<PathState> {
        let mut effect = Effect {
            body,
            paths: self,
            states: states.to_vec(),
        };
        if block.index() < body.blocks.len() {
            return effect.along(block.index(), label);
        }
        effect.states
    }

    /// Whether a place, or a part of it, may have a value.
    pub fn may_have_value(&self, body: &Body<'t>, place: &Place<'t>, states: &[PathState]) -> bool {
        has_value(body, self, place, states)
    }
}

/// Locals with storage statements are dead at first, arguments have values.
fn at_entry<'t>(body: &Body<'t>, paths: &MovePaths<'t>) -> Vec<PathState> {
    let mut scoped: Vec<Local> = Vec::new();
    for statement in body.blocks.iter().flat_map(|block| &block.statements) {
        if let StatementKind::StorageLive(local) = statement.kind {
            scoped.push(local);
        }
    }
    scoped.sort_unstable();
    let of_local = |local: Local| {
        if (1..=body.argument_count).contains(&local.0) {
            PathState::INITIALIZED
        } else if scoped.binary_search(&local).is_ok() {
            PathState::DEAD
        } else {
            PathState::UNINITIALIZED
        }
    };
    paths
        .paths
        .iter()
        .map(|path| of_local(path.local))
        .collect()
}

/// The blocks that can be reached, each before those that it leads to as far as loops allow.
pub(crate) fn reverse_postorder(body: &Body<'_>) -> Vec<usize> {
    let count = body.blocks.len();
    let mut is_seen = vec![false; count];
    let mut order = Vec::with_capacity(count);
    // A block, and which of its edges is next.
    let mut open: Vec<(usize, usize)> = Vec::new();
    if count > 0 {
        is_seen[0] = true;
        open.push((0, 0));
    }
    while let Some((block, next)) = open.last_mut() {
        let terminator = body.blocks[*block].terminator.as_ref();
        match terminator.and_then(|terminator| terminator.edges.get(*next)) {
            Some(edge) => {
                *next += 1;
                let target = edge.target.index();
                if target < count && !is_seen[target] {
                    is_seen[target] = true;
                    open.push((target, 0));
                }
            }
            None => {
                order.push(*block);
                open.pop();
            }
        }
    }
    order.reverse();
    order
}

/// The states of all paths at a point, and what steps do to them.
pub(crate) struct Effect<'a, 't> {
    body: &'a Body<'t>,
    paths: &'a MovePaths<'t>,
    pub(crate) states: Vec<PathState>,
}

impl<'t> Effect<'_, 't> {
    /// The state of the path of a place; of what has none, of what it is a part of.
    pub(crate) fn of_place(&self, place: &Place<'t>) -> PathState {
        match self.paths.of_place(self.body, place) {
            PathOf::Exactly(id) | PathOf::Inside(id) => {
                self.states.get(id.index()).copied().unwrap_or_default()
            }
            PathOf::BehindPointer | PathOf::Undeclared => PathState::UNKNOWN,
        }
    }

    fn change(&mut self, place: &Place<'t>, change: impl Fn(PathState) -> PathState) {
        let PathOf::Exactly(id) = self.paths.of_place(self.body, place) else {
            return;
        };
        let Some(path) = self.paths.get(id) else {
            return;
        };
        for number in path.subtree.clone() {
            if let Some(state) = self.states.get_mut(MovePathId(number).index()) {
                // Where no way leads, nothing happens.
                if !state.is_unreachable() {
                    *state = change(*state);
                }
            }
        }
    }

    fn take(&mut self, operands: &[Operand<'t>]) {
        for operand in operands {
            if let Operand::Move(place) = operand {
                self.change(place, |_| PathState::MOVED);
            }
        }
    }

    fn assign(&mut self, place: &Place<'t>) {
        self.change(place, |_| PathState::INITIALIZED);
    }

    /// Of a statement.
    pub(crate) fn statement(&mut self, kind: &StatementKind<'t>) {
        self.take(kind.operands());
        match kind {
            StatementKind::Assign(place, _) => self.assign(place),
            StatementKind::StorageLive(local) => {
                self.change(&Place::whole(*local), |_| PathState::UNINITIALIZED);
            }
            StatementKind::StorageDead(local) => {
                self.change(&Place::whole(*local), |_| PathState::DEAD);
            }
            StatementKind::Opaque(text) => self.forget(text),
            _ => {}
        }
    }

    /// Of a terminator, as far as it is the same on all edges.
    pub(crate) fn terminator(&mut self, kind: &TerminatorKind<'t>) {
        self.take(kind.operands());
        match kind {
            TerminatorKind::Drop(place) => self.change(place, PathState::after_drop),
            TerminatorKind::InlineAsm { outputs, .. } => {
                for output in outputs {
                    self.assign(output);
                }
            }
            TerminatorKind::Opaque(text) => self.forget(text),
            _ => {}
        }
    }

    /// What a step of unknown form may have done: anything to the locals it names.
    fn forget(&mut self, text: &str) {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let numbers = words.filter_map(|word| word.strip_prefix('_')?.parse().ok());
        for local in numbers.map(Local) {
            self.change(&Place::whole(local), |state| {
                state.union(PathState::UNKNOWN)
            });
        }
    }

    /// Whether it ends with a drop of what has no value, so that no destructor can panic.
    fn block(&mut self, block: usize) -> bool {
        let data = &self.body.blocks[block];
        for statement in &data.statements {
            self.statement(&statement.kind);
        }
        let Some(terminator) = &data.terminator else {
            return false;
        };
        let drops_nothing = match &terminator.kind {
            TerminatorKind::Drop(place) => !self.has_value(place),
            _ => false,
        };
        self.terminator(&terminator.kind);
        drops_nothing
    }

    fn has_value(&self, place: &Place<'t>) -> bool {
        has_value(self.body, self.paths, place, &self.states)
    }

    /// From the start of a location's block to before the location.
    fn until(&mut self, location: Location) {
        let Some(data) = self.body.block(location.block) else {
            return;
        };
        let count = usize::try_from(location.statement).unwrap_or(usize::MAX);
        for statement in data.statements.iter().take(count) {
            self.statement(&statement.kind);
        }
    }

    /// The states that arrive at the end of an edge of a block.
    fn along(&mut self, block: usize, label: EdgeLabel<'_>) -> Vec<PathState> {
        let destination = self.body.blocks[block]
            .terminator
            .as_ref()
            .filter(|_| {
                matches!(
                    label,
                    EdgeLabel::Return | EdgeLabel::Resume | EdgeLabel::Goto
                )
            })
            .and_then(|terminator| terminator.kind.destination());
        let Some(destination) = destination else {
            return self.states.clone();
        };
        let before = self.states.clone();
        self.assign(destination);
        std::mem::replace(&mut self.states, before)
    }
}

fn has_value<'t>(
    body: &Body<'t>,
    paths: &MovePaths<'t>,
    place: &Place<'t>,
    states: &[PathState],
) -> bool {
    let PathOf::Exactly(id) = paths.of_place(body, place) else {
        return true;
    };
    let subtree = paths.get(id).map(|path| path.subtree.clone());
    let mut states = subtree
        .into_iter()
        .flatten()
        .filter_map(|number| states.get(MovePathId(number).index()));
    states.any(|state| state.is_initialized() != Certainty::No)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "fn f(_1: bool) -> () {
    let _2: String;
    let _3: String;
    bb0: {
        StorageLive(_2);
        _2 = g() -> [return: bb1, unwind: bb5];
    }
    bb1: {
        switchInt(copy _1) -> [0: bb3, otherwise: bb2];
    }
    bb2: {
        StorageLive(_3);
        _3 = move _2;
        goto -> bb3;
    }
    bb3: {
        drop(_2) -> [return: bb4, unwind: bb5];
    }
    bb4: {
        StorageDead(_2);
        return;
    }
    bb5 (cleanup): {
        resume;
    }
}
";

    #[test]
    fn states_join_where_ways_meet() {
        let (bodies, problems) = crate::parse(TEXT);
        assert!(problems.is_empty(), "{problems:?}");
        let body = &bodies[0];
        let paths = MovePaths::of(body);
        let flow = Flow::of(body, &paths).unwrap();
        let state = |block, statement, local| {
            let block = BasicBlock(block);
            let path = paths.local(Local(local)).unwrap();
            flow.before(body, &paths, Location { block, statement }, path)
        };
        assert_eq!(state(0, 0, 2), PathState::DEAD);
        assert_eq!(state(0, 1, 2), PathState::UNINITIALIZED);
        assert_eq!(state(1, 0, 2), PathState::INITIALIZED);
        assert_eq!(state(2, 2, 2), PathState::MOVED);
        assert_eq!(
            state(3, 0, 2),
            PathState::MOVED.union(PathState::INITIALIZED)
        );
        assert_eq!(state(3, 0, 2).is_initialized(), Certainty::Maybe);
        assert_eq!(state(4, 0, 2), PathState::MOVED.union(PathState::DROPPED));
        assert_eq!(state(4, 1, 2), PathState::DEAD);
        assert_eq!(state(1, 0, 1), PathState::INITIALIZED);
        // From the call that panicked, it has no value.
        assert!(state(5, 0, 2).contains(PathState::UNINITIALIZED));
        assert!(!state(5, 0, 2).contains(PathState::INITIALIZED));
        assert_eq!(state(7, 0, 2), PathState::default());
    }

    #[test]
    fn steps_of_unknown_form_make_unknown() {
        let text = TEXT.replace("goto -> bb3", "frob!(_2) -> bb3");
        let (bodies, problems) = crate::parse(&text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let paths = MovePaths::of(&bodies[0]);
        let flow = Flow::of(&bodies[0], &paths).unwrap();
        let block = BasicBlock(3);
        let location = Location {
            block,
            statement: 0,
        };
        let state = flow.before(&bodies[0], &paths, location, paths.local(Local(2)).unwrap());
        assert!(state.contains(PathState::UNKNOWN));
    }
}
