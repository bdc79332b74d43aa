//! The way that a call takes through its body, followed from stop to stop.
//!
//! A stop says a row of the source, and a row belongs to some steps of the body; between two stops
//! the call went some way from one of the first row's steps to one of the second's. The way that
//! passes the fewest steps which would have been stopped at is the one it went. Along it the states
//! of all variables are as the compiler's rules say, and no join of ways makes them uncertain: a
//! drop flag, a conditional move or a round of a loop is what it was.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use stackheap_mir::{
    BasicBlock, Body, EdgeLabel, Flow, Local, Location, MovePaths, PathState, TerminatorKind,
};
use stackheap_model::{
    Site, SiteId, SiteRole, SiteTable, Statement, StatementKind, TextPosition, TextRange,
};

use super::rows::{ExpansionId, Rows, Weight, start_of, weight};

/// A place in the body where a call may stand, with the states there, before the step is run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Standing {
    pub location: Location,
    /// Which of the step's rows.
    phase: u8,
    pub states: Arc<[PathState]>,
    /// Where the statement at hand begins, if the call has just come to it, and the states there:
    /// what has no row of its own is not passed for the reader before a row of the statement is.
    pub begin: Option<(Location, Arc<[PathState]>)>,
}

impl Standing {
    /// The location and the states that a reader is shown, before the statement or within it.
    pub(crate) fn shown(&self, at_start: bool) -> (Location, &Arc<[PathState]>) {
        match &self.begin {
            Some((location, states)) if at_start => (*location, states),
            _ => (self.location, &self.states),
        }
    }
}

/// All places where a call may stand at a stop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Standings {
    site: SiteId,
    pub places: Vec<Standing>,
}

/// The number of [`Standings`] in the [`Ways`] of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WayId(u32);

/// What was passed between two stops: the steps, with the states before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// The steps in order.
    pub steps: Arc<[Location]>,
    /// The states before each of them.
    pub states: Arc<[Arc<[PathState]>]>,
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InProgress {
    /// For this call.
    Call(Location),
    /// For the destructor of this local, or of a part of it.
    Drop(Local),
}

/// A body with what is needed to follow ways through it.
pub(crate) struct Ground<'b, 't> {
    pub body: &'b Body<'t>,
    pub paths: &'b MovePaths<'t>,
    pub flow: Option<&'b Flow>,
    pub rows: &'b Rows,
    pub table: &'b SiteTable,
    /// Whether some passings of the function's places are not recorded.
    pub is_throttled: bool,
}

/// Places that a call may stand at, at most; more are one whose states are those of all.
const PLACES: usize = 16;

/// Different states that are followed through one step.
const STATES_OF_STEP: usize = 4;

/// Steps that are looked at from one stop to the next.
const STEPS_LOOKED_AT: usize = 1 << 14;

/// What a way may cost; beyond, how the call came to its row is not known.
const COST_LIMIT: usize = 24;

/// From what cost on a way is not believed where passings are not all recorded: a call of the user's
/// was passed without a stop.
const DOUBTFUL_COST: usize = 4;

/// Standings that a body remembers.
const REMEMBERED: usize = 1 << 16;

/// Blocks that are gone through to find the call that is in progress.
const BLOCKS_TO_CALL: usize = 16;

/// The ways through a body that were gone so far: a loop goes the same ones again.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    known: Vec<Arc<Standings>>,
    numbers: FxHashMap<Arc<Standings>, WayId>,
    onward: FxHashMap<(WayId, SiteId), (WayId, Option<Passed>)>,
    here: FxHashMap<SiteId, WayId>,
}

impl Ways {
    pub(crate) fn get(&self, id: WayId) -> Option<Arc<Standings>> {
        self.known.get(id.0 as usize).cloned()
    }

    fn number(&mut self, standings: Standings) -> WayId {
        if let Some(&id) = self.numbers.get(&standings) {
            return id;
        }
        let id = WayId(u32::try_from(self.known.len()).unwrap_or(u32::MAX));
        let standings = Arc::new(standings);
        self.known.push(Arc::clone(&standings));
        self.numbers.insert(standings, id);
        id
    }

    /// Where a call stands that begins at this site.
    pub(crate) fn enter(&mut self, ground: &Ground<'_, '_>, id: SiteId, site: &Site) -> WayId {
        let from: Vec<Arrival> = ground
            .entries()
            .into_iter()
            .map(|(block, states)| Arrival {
                location: start_of(block),
                states,
                cost: 0,
                run: None,
                from: None,
            })
            .collect();
        let mut search = Search::new(ground, id, site);
        let stay: Vec<Standing> = from
            .iter()
            .map(|arrival| Standing {
                location: arrival.location,
                phase: 0,
                states: arrival.states.clone().into(),
                begin: None,
            })
            .collect();
        search.arrive_all(from);
        let found = search.run();
        // The head's own row belongs to no step: the call is at its beginning.
        let places = if found.is_empty() || !search.is_claimed {
            stay
        } else {
            found.into_iter().map(|(place, _)| place).collect()
        };
        self.number(Standings {
            site: id,
            places: few(places),
        })
    }

    /// Where a call stands that comes from one stop to another, and what it passed between them;
    /// `None` where several ways are possible, or none.
    pub(crate) fn pass(
        &mut self,
        ground: &Ground<'_, '_>,
        from: WayId,
        id: SiteId,
        site: &Site,
    ) -> (WayId, Option<Passed>) {
        if let Some(known) = self.onward.get(&(from, id)) {
            return known.clone();
        }
        if self.known.len() > REMEMBERED {
            return (self.at(ground, id, site), None);
        }
        let Some(standings) = self.get(from) else {
            return (self.at(ground, id, site), None);
        };
        let mut search = Search::new(ground, id, site);
        search.leave(&standings);
        let mut found = search.run();
        if found.is_empty() && search.is_claimed && !search.unwinds {
            // A panic may have come from the call at hand: not each of its rows begins a pad.
            search = Search::new(ground, id, site);
            search.unwinds = true;
            search.leave(&standings);
            found = search.run();
        }
        let is_doubtful =
            ground.is_throttled && search.found_at.is_some_and(|cost| cost >= DOUBTFUL_COST);
        let result = if search.is_cut || is_doubtful {
            // Of the ways that were not looked at, one may be the one.
            (self.at(ground, id, site), None)
        } else if !found.is_empty() {
            let passed = search.passed(&found);
            let places = found.into_iter().map(|(place, _)| place).collect();
            let places = few(places);
            (self.number(Standings { site: id, places }), passed)
        } else if search.is_claimed && !ground.stand_at(&standings, site.position) {
            (self.at(ground, id, site), None)
        } else if !search.is_claimed && !search.is_same_statement {
            // Another statement, and none of its steps is known: the call may be anywhere in it.
            let places = ground.within_statement(&standings, id, site);
            (self.number(Standings { site: id, places }), None)
        } else {
            // A row of no step, or one more of the step at hand: the call has not gone on as far as
            // is known.
            let places = standings.places.clone();
            (self.number(Standings { site: id, places }), None)
        };
        self.onward.insert((from, id), result.clone());
        result
    }

    /// Where a call may stand at a site, however it came there.
    pub(crate) fn at(&mut self, ground: &Ground<'_, '_>, id: SiteId, site: &Site) -> WayId {
        if let Some(&known) = self.here.get(&id) {
            return known;
        }
        let steps = ground.rows.steps_at(site.position);
        let places = steps.iter().filter_map(|&(location, phase)| {
            let states = ground.flow?.all_before(ground.body, ground.paths, location);
            // Where no way leads, nobody stands.
            let is_reached = states.iter().any(|state| !state.is_unreachable());
            is_reached.then(|| Standing {
                location,
                phase,
                states: states.into(),
                begin: None,
            })
        });
        let places = few(places.collect());
        let way = self.number(Standings { site: id, places });
        self.here.insert(id, way);
        way
    }
}

/// Sorted, each once, and not more than are kept apart.
fn few(mut places: Vec<Standing>) -> Vec<Standing> {
    places.sort_unstable();
    places.dedup();
    if places.len() > PLACES {
        let rest = places.split_off(PLACES);
        if let Some(last) = places.last_mut() {
            let mut joined = last.states.to_vec();
            for place in &rest {
                for (state, other) in joined.iter_mut().zip(place.states.iter()) {
                    *state = state.union(*other);
                }
            }
            last.states = joined.into();
        }
    }
    places
}

impl Ground<'_, '_> {
    /// Where a call may stand that has come to a statement at a row of no step: at the first of the
    /// statement's steps that it comes to.
    fn within_statement(&self, from: &Standings, id: SiteId, site: &Site) -> Vec<Standing> {
        let mut search = Search::new(self, id, site);
        search.is_anywhere = true;
        search.leave(from);
        few(search.run().into_iter().map(|(place, _)| place).collect())
    }

    /// Whether a call may stand at a row already.
    fn stand_at(&self, standings: &Standings, position: TextPosition) -> bool {
        let mut places = standings.places.iter();
        places.any(|place| {
            let rows = self.rows.at(place.location);
            rows.is_some_and(|rows| rows.positions.contains(&position))
        })
    }

    fn statement_of(&self, site: &Site) -> Option<&Statement> {
        self.table.statements.get(site.statement.0 as usize)
    }

    /// Where the body can begin to run: at its first block, and as a coroutine where it stopped.
    fn entries(&self) -> Vec<(BasicBlock, Vec<PathState>)> {
        let mut entries = vec![(BasicBlock(0), self.paths.states_at_entry(self.body))];
        let Some(flow) = self.flow.filter(|_| self.body.is_coroutine) else {
            return entries;
        };
        for block in &self.body.blocks {
            let Some(terminator) = &block.terminator else {
                continue;
            };
            if !matches!(terminator.kind, TerminatorKind::Yield { .. }) {
                continue;
            }
            for edge in &terminator.edges {
                if edge.label == EdgeLabel::Resume {
                    let at = start_of(edge.target);
                    entries.push((edge.target, flow.all_before(self.body, self.paths, at)));
                }
            }
        }
        entries
    }

    /// The states while the call that a place leads to is in progress: its operands are moved into
    /// it, and what it gives is not there yet.
    pub(crate) fn within(&self, place: &Standing) -> (Arc<[PathState]>, Option<InProgress>) {
        let mut states = place.states.to_vec();
        let mut location = place.location;
        for _ in 0..BLOCKS_TO_CALL {
            let Some(block) = self.body.block(location.block) else {
                break;
            };
            while location < block.end() {
                self.paths.pass_statement(self.body, location, &mut states);
                location.statement += 1;
            }
            let Some(terminator) = &block.terminator else {
                break;
            };
            match &terminator.kind {
                // What is dropped is there until its destructor is done.
                TerminatorKind::Drop(place)
                    if self.paths.may_have_value(self.body, place, &states) =>
                {
                    return (states.into(), Some(InProgress::Drop(place.local)));
                }
                TerminatorKind::Call { .. } | TerminatorKind::TailCall { .. } => {
                    self.paths.pass_terminator(self.body, block.id, &mut states);
                    return (states.into(), Some(InProgress::Call(location)));
                }
                _ => {}
            }
            let mut onward = terminator.edges.iter().filter(|edge| {
                !matches!(
                    edge.label,
                    EdgeLabel::Unwind | EdgeLabel::Imaginary | EdgeLabel::Drop
                )
            });
            let (Some(only), None) = (onward.next(), onward.next()) else {
                break;
            };
            self.paths.pass_terminator(self.body, block.id, &mut states);
            states = self.paths.along(self.body, block.id, only.label, &states);
            location = start_of(only.target);
        }
        (Arc::clone(&place.states), None)
    }
}

/// A step that a way has come to.
struct Arrival {
    location: Location,
    states: Vec<PathState>,
    cost: usize,
    /// The row of the last stop, as long as the way has not left it.
    run: Option<TextPosition>,
    /// The step passed before, as an index.
    from: Option<usize>,
}

/// A step that was passed.
struct Step {
    location: Location,
    states: Arc<[PathState]>,
    from: Option<usize>,
}

/// A search for the ways to a row, by what they cost.
struct Search<'g, 'b, 't> {
    ground: &'g Ground<'b, 't>,
    site: SiteId,
    position: TextPosition,
    /// Whether the row is that of a step; else it may be the row of code that a macro of std makes.
    is_claimed: bool,
    /// Whether any step of the statement will do.
    is_anywhere: bool,
    /// Whether a panic may be on its way.
    unwinds: bool,
    /// The statement that the row is part of.
    statement: Option<TextRange>,
    /// That statement, if it is a closing brace.
    scope_end: Option<TextRange>,
    /// Whether the stop before was in the same one.
    is_same_statement: bool,
    /// The expansions that the call stood in at the stop before.
    left: Vec<ExpansionId>,
    /// Whether the stop before was at this very site.
    is_same_site: bool,
    /// Whether a bound was reached, so that ways may have been left out.
    is_cut: bool,
    /// The ways that are to be gone on, by what they have cost.
    open: Vec<VecDeque<Arrival>>,
    steps: Vec<Step>,
    seen: FxHashMap<Location, Vec<(usize, Vec<PathState>)>>,
    found: Vec<(Standing, Option<usize>)>,
    found_at: Option<usize>,
    looked_at: usize,
}

impl<'g, 'b, 't> Search<'g, 'b, 't> {
    fn new(ground: &'g Ground<'b, 't>, id: SiteId, site: &Site) -> Self {
        Self {
            ground,
            site: id,
            position: site.position,
            is_claimed: !ground.rows.steps_at(site.position).is_empty(),
            is_anywhere: false,
            unwinds: site.role == SiteRole::Cleanup,
            statement: ground.statement_of(site).map(|statement| statement.range),
            scope_end: ground
                .statement_of(site)
                .filter(|statement| statement.kind == StatementKind::ScopeEnd)
                .map(|statement| statement.range),
            is_same_statement: false,
            left: Vec::new(),
            is_same_site: false,
            is_cut: false,
            open: Vec::new(),
            steps: Vec::new(),
            seen: FxHashMap::default(),
            found: Vec::new(),
            found_at: None,
            looked_at: 0,
        }
    }

    fn arrive_all(&mut self, arrivals: Vec<Arrival>) {
        for arrival in arrivals {
            self.push(arrival);
        }
    }

    fn push(&mut self, arrival: Arrival) {
        if arrival.cost > COST_LIMIT || self.found_at.is_some_and(|best| arrival.cost > best) {
            return;
        }
        if self.open.len() <= arrival.cost {
            self.open.resize_with(arrival.cost + 1, VecDeque::new);
        }
        self.open[arrival.cost].push_back(arrival);
    }

    /// Begins with the steps of the last stop, which are run first.
    fn leave(&mut self, standings: &Standings) {
        self.is_same_site = standings.site == self.site;
        let before = self.ground.table.sites.get(standings.site.0 as usize);
        let before = before.and_then(|site| self.ground.statement_of(site));
        self.is_same_statement = before.map(|statement| statement.range) == self.statement;
        let places = standings.places.iter();
        self.left = places
            .filter_map(|place| self.ground.rows.expansion(place.location))
            .collect();
        for place in &standings.places {
            let rows = self.ground.rows.at(place.location);
            let run = rows.and_then(|rows| {
                let phase = usize::from(place.phase);
                rows.positions.get(phase).copied()
            });
            // The code that asks a drop flag has the row of the drop, which is passed only if there is
            // something to drop.
            let has_more = match self.ground.body.terminator(place.location) {
                Some(end) => match &end.kind {
                    TerminatorKind::Drop(dropped) => {
                        let Ground { body, paths, .. } = self.ground;
                        paths.may_have_value(body, dropped, &place.states)
                    }
                    _ => true,
                },
                None => true,
            };
            let later = rows.filter(|_| has_more).and_then(|rows| {
                let phases = (0..).zip(&rows.positions);
                phases
                    .skip(usize::from(place.phase) + 1)
                    .find(|&(_, &at)| at == self.position)
                    .map(|(phase, _)| phase)
            });
            if let Some(phase) = later {
                self.find(
                    Standing {
                        phase,
                        begin: None,
                        ..place.clone()
                    },
                    None,
                    0,
                );
                continue;
            }
            self.go_on(Arrival {
                location: place.location,
                states: place.states.to_vec(),
                cost: 0,
                run,
                from: None,
            });
        }
    }

    /// The first step of the statement at hand on the way that ends with this step, if the call
    /// comes from another statement.
    fn beginning(&self, last: Option<usize>) -> Option<(Location, Arc<[PathState]>)> {
        let range = self.statement.filter(|_| !self.is_same_statement)?;
        let mut begin = None;
        let mut next = last;
        while let Some(step) = next.and_then(|index| self.steps.get(index)) {
            next = step.from;
            let positions = match self.ground.rows.at(step.location) {
                Some(rows) => rows.positions.as_slice(),
                None => &[],
            };
            if positions.is_empty() {
                continue;
            }
            if !positions.iter().all(|&at| range.contains(at)) {
                break;
            }
            begin = Some((step.location, Arc::clone(&step.states)));
        }
        begin
    }

    fn find(&mut self, place: Standing, from: Option<usize>, cost: usize) {
        match self.found_at {
            Some(best) if cost > best => return,
            Some(best) if cost < best => self.found.clear(),
            _ => {}
        }
        self.found_at = Some(cost);
        self.found.push((place, from));
    }

    /// The places that the cheapest ways lead to, with the last step before each.
    fn run(&mut self) -> Vec<(Standing, Option<usize>)> {
        let mut cost = 0;
        while cost < self.open.len() && self.found_at.is_none_or(|best| cost <= best) {
            let Some(arrival) = self.open[cost].pop_front() else {
                cost += 1;
                continue;
            };
            self.looked_at += 1;
            if self.looked_at > STEPS_LOOKED_AT {
                self.is_cut = true;
                break;
            }
            self.arrive(arrival);
        }
        std::mem::take(&mut self.found)
    }

    fn arrive(&mut self, mut arrival: Arrival) {
        let location = arrival.location;
        let seen = self.seen.entry(location).or_default();
        let is_known = seen
            .iter()
            .any(|(cost, states)| *cost <= arrival.cost && *states == arrival.states);
        if is_known {
            return;
        }
        if seen.len() >= STATES_OF_STEP {
            self.is_cut = true;
            return;
        }
        seen.push((arrival.cost, arrival.states.clone()));
        if let Some((phase, cost)) = self.is_target(&arrival) {
            let place = Standing {
                location,
                phase,
                states: arrival.states.as_slice().into(),
                begin: self.beginning(arrival.from),
            };
            self.find(place, arrival.from, arrival.cost + cost);
            return;
        }
        arrival.cost += self.cost(&mut arrival);
        if arrival.cost <= COST_LIMIT {
            self.go_on(arrival);
        }
    }

    /// The row of the step by which it is the one that was stopped at, and what it costs to take it
    /// for that one.
    fn is_target(&self, arrival: &Arrival) -> Option<(u8, usize)> {
        let rows = self.ground.rows.at(arrival.location)?;
        if rows.is_silent && !self.is_same_statement && self.is_at_scope_end(&rows.positions) {
            return Some((0, 0));
        }
        if self.is_anywhere {
            let mut positions = rows.positions.iter();
            let is_within =
                |at: &TextPosition| self.statement.is_some_and(|range| range.contains(*at));
            return positions.any(is_within).then_some((0, 0));
        }
        if !self.is_claimed {
            return self.is_expanded_here(arrival).map(|cost| (0, cost));
        }
        // The code of one row that runs on is not stopped at again.
        if (self.is_same_site || rows.is_silent) && arrival.run == Some(self.position) {
            return None;
        }
        let mut phases = (0..).zip(&rows.positions);
        phases
            .find(|&(_, &at)| at == self.position)
            .map(|(phase, _)| (phase, 0))
    }

    /// Whether these rows are in the closing brace that was stopped at: whose storage ends there has
    /// it until the brace is run.
    fn is_at_scope_end(&self, positions: &[TextPosition]) -> bool {
        self.scope_end
            .is_some_and(|range| positions.iter().any(|&at| range.contains(at)))
    }

    /// Whether a step is what a macro in the statement at hand was expanded to; with what it costs
    /// to believe it.
    fn is_expanded_here(&self, arrival: &Arrival) -> Option<usize> {
        let rows = self.ground.rows;
        let location = arrival.location;
        // One without an argument is not looked for behind other statements.
        let is_next = arrival.cost <= 1;
        if !rows.at(location)?.is_foreign {
            return None;
        }
        let Some(id) = rows.expansion(location) else {
            return is_next.then_some(1);
        };
        if !self.is_same_statement && self.left.contains(&id) {
            return None;
        }
        match self.statement.and_then(|range| rows.is_within(id, range)) {
            Some(true) => Some(0),
            Some(false) => None,
            None => is_next.then_some(1),
        }
    }

    /// What it costs to pass a step without a stop.
    fn cost(&self, arrival: &mut Arrival) -> usize {
        let Some(rows) = self.ground.rows.at(arrival.location) else {
            return 0;
        };
        if rows.is_foreign {
            return self.cost_of_foreign(arrival.location);
        }
        let others = rows
            .positions
            .iter()
            .filter(|at| self.ground.rows.can_be_stopped_at(**at));
        let others = others.filter(|at| arrival.run != Some(**at)).count();
        if others == 0 {
            return 0;
        }
        let Ground { body, paths, .. } = self.ground;
        let cost = match weight(body, arrival.location) {
            None | Some(Weight::None) => return 0,
            Some(Weight::Light) => 1,
            Some(Weight::Heavy) => 4,
            Some(Weight::Drop) => match body.terminator(arrival.location).map(|end| &end.kind) {
                Some(TerminatorKind::Drop(place))
                    if paths.may_have_value(body, place, &arrival.states) =>
                {
                    4
                }
                _ => return 0,
            },
        };
        arrival.run = None;
        cost
    }

    /// What it costs to pass what a macro made: its calls have the row of the macro's own call.
    fn cost_of_foreign(&self, location: Location) -> usize {
        let is_call = weight(self.ground.body, location) == Some(Weight::Heavy);
        let expansion = self.ground.rows.expansion(location);
        let is_left = expansion.is_none_or(|id| self.left.contains(&id));
        let is_own = self.is_same_statement || is_left;
        if is_call && !is_own { 2 } else { 0 }
    }

    /// Runs the step and comes to those behind it.
    fn go_on(&mut self, arrival: Arrival) {
        let Ground { body, paths, .. } = self.ground;
        let Arrival {
            location,
            mut states,
            cost,
            run,
            from,
        } = arrival;
        let Some(block) = body.block(location.block) else {
            return;
        };
        let step = self.steps.len();
        self.steps.push(Step {
            location,
            states: states.as_slice().into(),
            from,
        });
        let from = Some(step);
        if location < block.end() {
            paths.pass_statement(body, location, &mut states);
            let location = Location {
                statement: location.statement + 1,
                ..location
            };
            self.push(Arrival {
                location,
                states,
                cost,
                run,
                from,
            });
            return;
        }
        let Some(terminator) = &block.terminator else {
            return;
        };
        paths.pass_terminator(body, block.id, &mut states);
        for edge in &terminator.edges {
            match edge.label {
                EdgeLabel::Imaginary | EdgeLabel::Drop => continue,
                EdgeLabel::Unwind if !self.unwinds => continue,
                _ => {}
            }
            let states = paths.along(body, block.id, edge.label, &states);
            self.push(Arrival {
                location: start_of(edge.target),
                states,
                cost,
                run,
                from,
            });
        }
    }

    /// What was passed on the way to where the call stands, if all ways there passed the same.
    fn passed(&self, found: &[(Standing, Option<usize>)]) -> Option<Passed> {
        let mut ways = found.iter().map(|&(_, last)| self.way_to(last));
        let first = ways.next()?;
        ways.all(|way| way == first).then_some(first)
    }

    fn way_to(&self, last: Option<usize>) -> Passed {
        let mut steps = Vec::new();
        let mut states = Vec::new();
        let mut next = last;
        while let Some(step) = next.and_then(|index| self.steps.get(index)) {
            steps.push(step.location);
            states.push(Arc::clone(&step.states));
            next = step.from;
        }
        steps.reverse();
        states.reverse();
        Passed {
            steps: steps.into(),
            states: states.into(),
        }
    }
}
