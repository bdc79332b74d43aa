use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stackheap_mir::{
    Body, Facts, Local, Location, Operand, Place, Rvalue, Span, StatementKind, TerminatorKind,
};
use stackheap_model::{
    Mutability, Placement, TextPosition, TextRange, ValueDestination, VariableRole,
};

use crate::names::{self, Fields};
use crate::order::Order;
use crate::source::Source;

/// How many temporaries a value is followed through.
pub(crate) const HOP_LIMIT: usize = 16;

/// A variable, or a temporary that is told of.
pub(crate) struct Named<'t> {
    pub(crate) name: Arc<str>,
    pub(crate) place: Place<'t>,
    pub(crate) role: VariableRole,
    pub(crate) type_name: Arc<str>,
    pub(crate) declared: TextRange,
    pub(crate) mutability: Mutability,
}

/// A function that is told of: what the compiler says about it, and where that stands.
pub(crate) struct Context<'c, 't> {
    pub(crate) body: &'c Body<'t>,
    pub(crate) facts: &'c Facts<'c, 't>,
    pub(crate) source: &'c Source,
    pub(crate) own: Own<'t>,
    pub(crate) order: Order,
    pub(crate) named: Vec<Named<'t>>,
    /// The references by which guards look at what their patterns would bind.
    pub(crate) guards: BTreeSet<Local>,
    fields: &'c Fields<'c>,
    /// The place of each statement and terminator in the source, by block.
    places: Vec<Vec<(TextRange, Placement)>>,
    /// Where locals get their only value.
    definitions: BTreeMap<Local, Option<Location>>,
    /// Where locals are used as operands first.
    uses: BTreeMap<Local, Location>,
}

/// Which places in the source are a function's own: those of macros stand elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct Own<'t> {
    pub(crate) file: &'t str,
    pub(crate) extent: TextRange,
}

/// The last step that has a place of its own.
#[derive(Clone, Copy)]
struct Last {
    range: TextRange,
    /// Whether it ends a scope or a statement.
    is_end: bool,
}

impl<'t> Own<'t> {
    pub(crate) fn range(&self, source: &Source, span: Option<Span<'t>>) -> Option<TextRange> {
        let span = span.filter(|span| span.file == self.file)?;
        let range = source.range(span);
        let inside = self.extent.start <= range.start && range.end <= self.extent.end;
        inside.then_some(range)
    }
}

impl<'c, 't> Context<'c, 't> {
    pub(crate) fn new(
        facts: &'c Facts<'c, 't>,
        source: &'c Source,
        own: Own<'t>,
        fields: &'c Fields<'c>,
    ) -> Self {
        let body = facts.body;
        let order = Order::of(body);
        let mut context = Self {
            body,
            facts,
            source,
            own,
            places: Vec::new(),
            order,
            named: Vec::new(),
            guards: BTreeSet::new(),
            fields,
            definitions: BTreeMap::new(),
            uses: BTreeMap::new(),
        };
        context.places = context.find_places();
        context.find_uses();
        context
    }

    /// Goes over the blocks in their order. What is not the function's own stands where the last
    /// thing before it stood, or where that was the end of a scope, at the macro that comes next.
    fn find_places(&self) -> Vec<Vec<(TextRange, Placement)>> {
        let start = self.own.extent.start;
        let head = Last {
            range: TextRange { start, end: start },
            is_end: false,
        };
        let mut places = vec![Vec::new(); self.body.blocks.len()];
        let mut lasts: Vec<Option<Last>> = vec![None; self.body.blocks.len()];
        for block in self.order.blocks() {
            let Some(data) = self.body.block(*block) else {
                continue;
            };
            let last_of = |from: &usize| lasts.get(*from).copied().flatten();
            let before = self.order.predecessors(*block).iter().find_map(last_of);
            let mut last = before.unwrap_or(head);
            let statements = data.statements.iter().map(|statement| {
                let is_end = match &statement.kind {
                    StatementKind::StorageDead(_) => true,
                    // A block without a value.
                    StatementKind::Assign(_, Rvalue::Use(Operand::Constant(text))) => *text == "()",
                    _ => false,
                };
                (statement.source.span, Some(is_end))
            });
            let terminator = data.terminator.iter().map(|terminator| {
                let is_end = match terminator.kind {
                    TerminatorKind::Drop(_) => Some(true),
                    // It has the stretch of all that it goes around.
                    TerminatorKind::Goto | TerminatorKind::FalseEdge => None,
                    _ => Some(false),
                };
                (terminator.source.span, is_end)
            });
            let found = statements.chain(terminator);
            let found: Vec<_> = found
                .map(|(span, is_end)| self.place(span, is_end, &mut last))
                .collect();
            if let (Some(place), Some(end)) =
                (places.get_mut(block.index()), lasts.get_mut(block.index()))
            {
                *place = found;
                *end = Some(last);
            }
        }
        places
    }

    fn place(
        &self,
        span: Option<Span<'t>>,
        is_end: Option<bool>,
        last: &mut Last,
    ) -> (TextRange, Placement) {
        if let Some(range) = self.own.range(self.source, span) {
            if let Some(is_end) = is_end {
                *last = Last { range, is_end };
            }
            return (range, Placement::Exact);
        }
        // What ends inside of a macro belongs to what was before.
        if is_end == Some(false)
            && std::mem::take(&mut last.is_end)
            && self.source.macro_around(last.range.start).is_none()
            && let Some(next) = self.source.macro_behind(last.range.end)
        {
            last.range = next;
        }
        (last.range, Placement::InMacro)
    }

    fn find_uses(&mut self) {
        for block in self.order.blocks() {
            let Some(data) = self.body.block(*block) else {
                continue;
            };
            for location in self.locations(data) {
                let (defined, operands) = self.step(location);
                for local in operands {
                    self.uses.entry(local).or_insert(location);
                }
                if let Some(local) = defined {
                    self.definitions
                        .entry(local)
                        .and_modify(|only| *only = None)
                        .or_insert(Some(location));
                }
            }
        }
    }

    pub(crate) fn locations(
        &self,
        data: &stackheap_mir::BasicBlockData<'_>,
    ) -> impl Iterator<Item = Location> + use<'t> {
        let (block, end) = (data.id, data.end().statement);
        (0..=end).map(move |statement| Location { block, statement })
    }

    /// The local that a step gives a value, and those that it takes values of.
    fn step(&self, location: Location) -> (Option<Local>, Vec<Local>) {
        let locals = |operands: &[stackheap_mir::Operand<'_>]| {
            let places = operands.iter().filter_map(|operand| operand.place());
            places.map(|place| place.local).collect()
        };
        if let Some(statement) = self.body.statement(location) {
            let defined = match &statement.kind {
                StatementKind::Assign(place, _) => place.as_local(),
                _ => None,
            };
            return (defined, locals(statement.kind.operands()));
        }
        match self.body.terminator(location) {
            Some(terminator) => (
                terminator.kind.destination().and_then(Place::as_local),
                locals(terminator.kind.operands()),
            ),
            None => (None, Vec::new()),
        }
    }

    /// Where the only value of a local comes from.
    pub(crate) fn definition(&self, local: Local) -> Option<Location> {
        self.definitions.get(&local).copied().flatten()
    }

    /// Where a local is used first.
    pub(crate) fn first_use(&self, local: Local) -> Option<Location> {
        self.uses.get(&local).copied()
    }

    /// Where a step stands in the source.
    pub(crate) fn placed(&self, location: Location) -> (TextRange, Placement) {
        let block = self.places.get(location.block.index());
        let index = usize::try_from(location.statement).unwrap_or(usize::MAX);
        let found = block.and_then(|places| places.get(index).or(places.last()));
        let start = self.own.extent.start;
        found
            .copied()
            .unwrap_or((TextRange { start, end: start }, Placement::InMacro))
    }

    /// Where a step ends in the source: inside of a macro's text, with the macro's call.
    pub(crate) fn end(&self, location: Location) -> TextPosition {
        let (range, placement) = self.placed(location);
        match placement {
            Placement::Exact => range.end,
            Placement::InMacro => self.source.macro_end(range.start).unwrap_or(range.end),
        }
    }

    /// The variable that a place is, or is a part of, with how many steps lead to the variable.
    pub(crate) fn named_at(&self, place: &Place<'_>) -> Option<&Named<'t>> {
        let fits = |named: &&Named<'t>| {
            named.place.local == place.local
                && place.projection.starts_with(&named.place.projection)
        };
        let longest = |named: &&Named<'t>| named.place.projection.len();
        self.named.iter().filter(fits).max_by_key(longest)
    }

    /// A place in the words of the source; `None` for what has no name there.
    pub(crate) fn place_text(&self, place: &Place<'_>) -> Option<Arc<str>> {
        let named = self.named_at(place)?;
        Some(
            self.part(named, place)
                .unwrap_or_else(|| named.name.clone()),
        )
    }

    /// The part of a variable that a place is; `None` for all of it.
    pub(crate) fn part(&self, named: &Named<'t>, place: &Place<'_>) -> Option<Arc<str>> {
        let rest = place.projection.get(named.place.projection.len()..)?;
        names::part(&named.name, (&named.type_name, rest), self.fields)
    }

    /// Whether a call is written as one: an operator or an index calls a function too, but does not
    /// name it.
    pub(crate) fn is_written_call(&self, location: Location, callee: &str) -> bool {
        let (range, placement) = self.placed(location);
        let name = callee.rsplit("::").next().unwrap_or(callee);
        placement == Placement::Exact
            && (name == "the closure" || self.source.snippet(range).contains(name))
    }

    /// The name of the macro at whose call a place stands.
    pub(crate) fn macro_at(&self, at: TextPosition) -> Arc<str> {
        if let Some(name) = self.source.macro_around(at) {
            return name.into();
        }
        let outline = &self.source.outline;
        let statement = outline
            .statement_at(at)
            .and_then(|index| outline.statements.get(index));
        let rest = statement.map(|statement| TextRange {
            start: at,
            end: statement.extent.end,
        });
        let text = rest.map_or("", |range| self.source.snippet(range));
        let found = text.match_indices('!').find_map(|(end, _)| {
            let is_call = text
                .get(end + 1..)?
                .trim_start()
                .starts_with(['(', '[', '{']);
            let before = text.get(..end)?;
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let name = before.rsplit(|c| !is_part(c)).next()?;
            (is_call && !name.is_empty()).then_some(name)
        });
        found.unwrap_or("a macro").into()
    }

    /// What a place that is given a value becomes in the end, if that has a name.
    pub(crate) fn holder_of(&self, place: &Place<'_>) -> Option<Arc<str>> {
        let mut place = place.clone();
        for _ in 0..HOP_LIMIT {
            if let Some(text) = self.place_text(&place) {
                return Some(text);
            }
            let local = place
                .as_local()
                .filter(|local| *local != Local::RETURN_PLACE)?;
            let statement = self.body.statement(self.first_use(local)?)?;
            match &statement.kind {
                StatementKind::Assign(next, _) => place = next.clone(),
                _ => return None,
            }
        }
        None
    }

    /// Where a value goes that is moved or copied.
    pub(crate) fn destination(
        &self,
        at: Location,
        destination: &stackheap_mir::Destination<'t>,
    ) -> ValueDestination {
        use stackheap_mir::Destination as From;
        let in_macro = |location: Location| {
            let (range, placement) = self.placed(location);
            (placement == Placement::InMacro)
                .then(|| ValueDestination::Macro(self.macro_at(range.start)))
        };
        match destination {
            From::Place(place) if place.local == Local::RETURN_PLACE => ValueDestination::Caller,
            From::Place(place) => match self.holder_of(place) {
                Some(name) => ValueDestination::Variable(name),
                None => self.behind(place).unwrap_or(ValueDestination::Other),
            },
            From::Argument {
                callee,
                index,
                location,
            } => {
                let is_own_call = *index == 0 && callee.ends_with("::call_once");
                if is_own_call {
                    return ValueDestination::OwnCall;
                }
                in_macro(*location).unwrap_or_else(|| ValueDestination::Argument {
                    callee: names::callee(callee).unwrap_or_else(|| "a function pointer".into()),
                    number: u32::try_from(*index).unwrap_or(u32::MAX).saturating_add(1),
                })
            }
            From::Part { aggregate, of, .. } => {
                let into = self.holder_of(of);
                let made = names::made(aggregate);
                match &*made {
                    "closure" | "async" => ValueDestination::Capture(into),
                    _ if of.local == Local::RETURN_PLACE => ValueDestination::Result(made),
                    _ => in_macro(at).unwrap_or(ValueDestination::Part { of: made, into }),
                }
            }
            From::Yield => ValueDestination::Yield,
            From::Other => in_macro(at).unwrap_or(ValueDestination::Other),
        }
    }

    /// Where the value of a temporary goes that is not told of itself.
    fn behind(&self, place: &Place<'_>) -> Option<ValueDestination> {
        let location = self.first_use(place.as_local()?)?;
        if self.placed(location).1 == Placement::InMacro {
            let at = self.placed(location).0.start;
            return Some(ValueDestination::Macro(self.macro_at(at)));
        }
        match self
            .body
            .statement(location)
            .map(|statement| &statement.kind)
        {
            Some(StatementKind::Assign(place, _)) if place.local == Local::RETURN_PLACE => {
                Some(ValueDestination::Caller)
            }
            Some(_) => None,
            None => match &self.body.terminator(location)?.kind {
                TerminatorKind::Call {
                    callee, arguments, ..
                } => {
                    let is_it = |operand: &stackheap_mir::Operand<'_>| {
                        operand.place().is_some_and(|other| other == place)
                    };
                    let index = arguments.iter().position(is_it)?;
                    Some(ValueDestination::Argument {
                        callee: names::callee(callee)?,
                        number: u32::try_from(index).ok()?.checked_add(1)?,
                    })
                }
                _ => None,
            },
        }
    }
}
