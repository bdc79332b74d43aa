//! Where the steps of a body are in the source, as line tables have it: the rows that a stop's
//! position is looked for in.

use rustc_hash::{FxHashMap, FxHashSet};
use stackheap_mir::{
    BasicBlock, Body, EdgeLabel, Local, Location, Rvalue, Span, StatementKind, TerminatorKind,
};
use stackheap_model::{TextPosition, TextRange};

/// What a step of a body costs a way that passes over it without a stop at its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// It makes no code, or code that often has no row of its own.
    None,
    /// It makes code in most cases.
    Light,
    /// It always makes code, which has a row.
    Heavy,
    /// A drop: as heavy as a call if there is something to drop.
    Drop,
}

/// The rows of one step.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepRows {
    /// One, or for a call that of the whole and that of the name that is called.
    pub positions: Vec<TextPosition>,
    /// It makes code that stands in another file: what a macro of std expands to, whose rows are
    /// those of the macro's call.
    pub is_foreign: bool,
    /// It makes no code: the end of a variable's storage, which belongs to the row that it stands
    /// in all the same. What comes to the row has not passed it yet.
    pub is_silent: bool,
}

/// The number of an [`Expansion`] in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExpansionId(u32);

/// What a macro of another crate was expanded to: the compiler's text has the macro's own rows for
/// it, the line table that of the call. It lasts as long as the first temporary that it makes.
#[derive(Debug, Default)]
struct Expansion {
    /// The rows of the user's own code in it, which are arguments of the macro.
    positions: Vec<TextPosition>,
}

/// The rows of a body.
#[derive(Debug)]
pub(crate) struct Rows {
    /// For each step, the expansion it is in.
    expanded: Vec<Vec<Option<ExpansionId>>>,
    expansions: Vec<Expansion>,
    /// For each block, those of its statements and of its terminator.
    blocks: Vec<Vec<StepRows>>,
    /// Where each row is.
    steps: FxHashMap<TextPosition, Vec<(Location, u8)>>,
    /// The rows that the line table has of the function.
    stopped_at: FxHashSet<TextPosition>,
}

impl Rows {
    /// Takes how a position in the compiler's text becomes one in the user's file, or none if it is
    /// of another file; and the positions at which the function can be stopped.
    pub(crate) fn of(
        body: &Body<'_>,
        position: impl Fn(Span<'_>) -> Option<TextPosition>,
        stopped_at: FxHashSet<TextPosition>,
    ) -> Self {
        let mut rows = Self {
            expanded: Vec::new(),
            expansions: Vec::new(),
            blocks: Vec::with_capacity(body.blocks.len()),
            steps: FxHashMap::default(),
            stopped_at,
        };
        for block in &body.blocks {
            let mut steps: Vec<StepRows> = block
                .statements
                .iter()
                .map(|statement| {
                    if matches!(statement.kind, StatementKind::StorageDead(_)) {
                        let mut rows = step_rows([statement.source.span], &position);
                        rows.is_foreign = false;
                        rows.is_silent = true;
                        return rows;
                    }
                    if weight_of_statement(&statement.kind).is_none() {
                        return StepRows::default();
                    }
                    step_rows([statement.source.span], &position)
                })
                .collect();
            steps.push(
                block
                    .terminator
                    .as_ref()
                    .map_or_else(StepRows::default, |terminator| {
                        if matches!(terminator.kind, TerminatorKind::Unreachable) {
                            return StepRows::default();
                        }
                        step_rows([terminator.source.span, terminator.callee_span], &position)
                    }),
            );
            for (index, step) in (0..).zip(&steps) {
                let location = Location {
                    block: block.id,
                    statement: index,
                };
                let positions = step.positions.iter().filter(|_| !step.is_silent);
                for (phase, &at) in (0..).zip(positions) {
                    rows.steps.entry(at).or_default().push((location, phase));
                }
            }
            rows.blocks.push(steps);
        }
        rows.find_expansions(body, &position);
        rows
    }

    /// Gives a step its row once more: its code asks first whether there is something to do.
    pub(crate) fn repeat(&mut self, location: Location) {
        let index = usize::try_from(location.statement).ok();
        let steps = self.blocks.get_mut(location.block.index());
        let rows = steps
            .zip(index)
            .and_then(|(steps, index)| steps.get_mut(index));
        if let Some(rows) = rows {
            rows.positions.extend(rows.positions.first().copied());
        }
    }

    /// Finds for each step the temporary of a macro that is there the longest.
    fn find_expansions(
        &mut self,
        body: &Body<'_>,
        position: &impl Fn(Span<'_>) -> Option<TextPosition>,
    ) {
        let is_foreign = |local: Local| {
            let span = body.local(local).and_then(|decl| decl.source.span);
            span.is_some_and(|span| position(span).is_none())
        };
        let mut at_start: Vec<Option<Option<ExpansionId>>> = vec![None; body.blocks.len()];
        let mut of_local: FxHashMap<Local, ExpansionId> = FxHashMap::default();
        self.expanded = body
            .blocks
            .iter()
            .map(|block| vec![None; block.statements.len() + 1])
            .collect();
        let mut open = vec![0_usize];
        if let Some(first) = at_start.first_mut() {
            *first = Some(None);
        }
        while let Some(index) = open.pop() {
            let (Some(block), Some(mut inside)) = (
                body.blocks.get(index),
                at_start.get(index).copied().flatten(),
            ) else {
                continue;
            };
            for (step, statement) in block.statements.iter().enumerate() {
                if let StatementKind::StorageLive(local) = statement.kind
                    && inside.is_none()
                    && is_foreign(local)
                {
                    let next = ExpansionId(u32::try_from(self.expansions.len()).unwrap_or(0));
                    let id = *of_local.entry(local).or_insert(next);
                    if id == next {
                        self.expansions.push(Expansion::default());
                    }
                    inside = Some(id);
                }
                self.note_expanded(index, step, inside);
                if let StatementKind::StorageDead(local) = statement.kind
                    && inside.is_some()
                    && of_local.get(&local).copied() == inside
                {
                    inside = None;
                }
            }
            self.note_expanded(index, block.statements.len(), inside);
            // What a panic drops on its way out is not of the macro.
            let onward = block.terminator.iter().flat_map(|end| &end.edges);
            for edge in onward.filter(|edge| edge.label != EdgeLabel::Unwind) {
                if let Some(target @ None) = at_start.get_mut(edge.target.index()) {
                    *target = Some(inside);
                    open.push(edge.target.index());
                }
            }
        }
    }

    fn note_expanded(&mut self, block: usize, step: usize, inside: Option<ExpansionId>) {
        let Some(id) = inside else { return };
        let cell = self
            .expanded
            .get_mut(block)
            .and_then(|steps| steps.get_mut(step));
        if let Some(cell) = cell {
            *cell = inside;
        }
        let rows = self.blocks.get(block).and_then(|steps| steps.get(step));
        let expansion = self.expansions.get_mut(id.0 as usize);
        if let (Some(rows), Some(expansion)) = (rows, expansion) {
            expansion.positions.extend(&rows.positions);
        }
    }

    /// The expansion that a step is in.
    pub(crate) fn expansion(&self, location: Location) -> Option<ExpansionId> {
        let index = usize::try_from(location.statement).ok()?;
        *self.expanded.get(location.block.index())?.get(index)?
    }

    /// Whether an expansion has an argument in this range; `None` if it has no arguments.
    pub(crate) fn is_within(&self, id: ExpansionId, range: TextRange) -> Option<bool> {
        let positions = &self.expansions.get(id.0 as usize)?.positions;
        let mut own = positions.iter().peekable();
        own.peek()?;
        Some(own.any(|&at| range.contains(at)))
    }

    /// The rows of a step.
    pub(crate) fn at(&self, location: Location) -> Option<&StepRows> {
        let index = usize::try_from(location.statement).ok()?;
        self.blocks.get(location.block.index())?.get(index)
    }

    /// The steps with a row at a position, and which of their rows it is.
    pub(crate) fn steps_at(&self, position: TextPosition) -> &[(Location, u8)] {
        self.steps.get(&position).map_or(&[], Vec::as_slice)
    }

    /// Whether the line table has a row at a position.
    pub(crate) fn can_be_stopped_at(&self, position: TextPosition) -> bool {
        self.stopped_at.contains(&position)
    }

    /// How many of the positions at which the function can be stopped are rows of the body.
    pub(crate) fn shared(&self) -> usize {
        let known = |at: &&TextPosition| self.steps.contains_key(at);
        self.stopped_at.iter().filter(known).count()
    }
}

fn step_rows<const N: usize>(
    spans: [Option<Span<'_>>; N],
    position: &impl Fn(Span<'_>) -> Option<TextPosition>,
) -> StepRows {
    let mut rows = StepRows::default();
    for span in spans.into_iter().flatten() {
        match position(span) {
            Some(at) if !rows.positions.contains(&at) => rows.positions.push(at),
            Some(_) => {}
            None => rows.is_foreign = true,
        }
    }
    // A method that a macro's text calls on what the user wrote stands in the user's file.
    rows.is_foreign &= rows.positions.is_empty();
    rows
}

/// What passing over a step without a stop costs; `None` for a statement that makes no code.
pub(crate) fn weight(body: &Body<'_>, location: Location) -> Option<Weight> {
    if let Some(statement) = body.statement(location) {
        return weight_of_statement(&statement.kind);
    }
    Some(match &body.terminator(location)?.kind {
        TerminatorKind::Call { .. }
        | TerminatorKind::TailCall { .. }
        | TerminatorKind::Yield { .. }
        | TerminatorKind::InlineAsm { .. } => Weight::Heavy,
        TerminatorKind::Drop(_) => Weight::Drop,
        TerminatorKind::SwitchInt(_) | TerminatorKind::Assert { .. } | TerminatorKind::Return => {
            Weight::Light
        }
        _ => Weight::None,
    })
}

fn weight_of_statement(kind: &StatementKind<'_>) -> Option<Weight> {
    match kind {
        StatementKind::Assign(_, Rvalue::Ref(..)) => Some(Weight::None),
        StatementKind::Assign(..) => Some(Weight::Light),
        StatementKind::SetDiscriminant(..) | StatementKind::Opaque(_) => Some(Weight::None),
        _ => None,
    }
}

/// The first step of a block.
pub(crate) fn start_of(block: BasicBlock) -> Location {
    Location {
        block,
        statement: 0,
    }
}
