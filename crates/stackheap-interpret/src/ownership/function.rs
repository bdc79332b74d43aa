//! A function of the user's as the compiler saw it, found by its rows, with its variables.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashSet;
use stackheap_mir::{
    Body, BodyKind, Certainty, Destination, Event, EventKind, Facts, Flow, Loan, Local, Location,
    MovePathId, MovePaths, PathElement, PathOf, PathState, Position, Projection, Span,
    TerminatorKind, Variable,
};
use stackheap_model::{
    FileId, FrameId, FunctionId, LocalLoan, LocalRole, PointerKind, Site, SiteId, SiteRole,
    SiteTable, TextPosition, TypeKind,
};

use stackheap_trace::Limit;

use super::happened::{self, Known, Named, Telling, ToldLoan};
use super::parts::named_part;
use super::rows::Rows;
use super::texts::BodyText;
use super::way::{Ground, InProgress, Passed, Standings, WayId, Ways};
use crate::program::{FunctionFacts, Program, VariableFacts};

/// Bodies of one name that are looked at for a function.
const CANDIDATES: usize = 16;

/// A function's body with what follows from it.
pub(crate) struct FunctionOwnership<'t> {
    body: Body<'t>,
    paths: MovePaths<'t>,
    flow: Option<Flow>,
    loans: Vec<Loan<'t>>,
    told_loans: Vec<ToldLoan>,
    /// What happens to variables with a name, by where.
    known: Vec<Known<'t>>,
    /// The locals that are whole variables, with their indices.
    locals: Vec<(Local, usize)>,
    names: Vec<Arc<str>>,
    sizes: Vec<Option<u64>>,
    rows: Rows,
    /// For each variable of the debug information, by its order, where the compiler has it.
    variables: Vec<Tracked>,
    arguments: Vec<Argument>,
    /// The site that each call passes first.
    first: Option<SiteId>,
    table: Arc<SiteTable>,
    is_throttled: bool,
    ways: Mutex<Ways>,
}

/// Where the compiler has a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tracked {
    /// In these paths: of several, as pattern guards make, in one or the other.
    In(Vec<MovePathId>),
    /// Behind a reference: what a closure has captured has a value as long as the closure.
    BehindReference,
    /// Nowhere.
    NotFound,
}

/// Where a call stands in the statement at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before it.
    Start,
    /// Before a part of it.
    Within,
    /// In a call that it makes.
    InProgress,
}

/// What a variable holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Uninit,
    Live,
    /// All but these parts.
    PartlyMoved(Vec<PartState>),
    Moved,
    Dropped,
    OutOfScope,
    /// It depends on how the call came here, which is not known.
    Depends,
}

/// Where a moved value is on its way to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// Into the temporary that a call will take it from.
    Temporary,
    /// Into the call that is in progress.
    Callee,
    /// It is still there, and its destructor runs.
    Destructor,
}

/// A variable that is moved into a call as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Argument {
    from: MovePathId,
    call: Location,
    /// What it is moved into before the call takes it.
    temporary: MovePathId,
}

/// A part of a variable that has no value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartState {
    /// The way to it.
    pub elements: Vec<OwnedElement>,
    pub dropped: bool,
}

/// A step of the way to a part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OwnedElement {
    /// What a `Box` owns.
    Deref,
    /// A field by its number, as declared.
    Field(u32),
    /// A variant of an enum.
    Variant(String),
    /// An element of an array.
    Element { offset: u32, from_end: bool },
}

impl<'t> FunctionOwnership<'t> {
    /// The body of a function of the site table; `None` where there is none.
    pub(crate) fn find(program: &Program<'t>, id: FunctionId) -> Option<Self> {
        let planned = program.table.functions.get(id.0 as usize)?;
        let last = as_dumped(last_segment(&planned.name)?);
        let candidates = program.bodies().ending_in(&last);
        if candidates.is_empty() {
            return None;
        }
        let file = planned.file;
        let absolute = program.absolute_path(file)?;
        let stopped_at = rows_of(program, id, file);
        let first = planned.position.line;
        let last = stopped_at.iter().map(|at| at.line).max().unwrap_or(first);
        let mut near: Vec<(u32, &BodyText<'t>)> = candidates
            .iter()
            .filter_map(|text| {
                let span = return_span(text.text)?;
                let line = span.start.line;
                let is_here = is_file(text.directory, span.file, absolute);
                (is_here && (first..=last).contains(&line)).then(|| (line - first, text))
            })
            .collect();
        near.sort_by_key(|&(distance, text)| (distance, text.name.path));
        let lines: Vec<&str> = program.text_of(file)?.lines().collect();
        let mut best: Option<(usize, Body<'t>, Rows, &'t str)> = None;
        for (_, text) in near.into_iter().take(CANDIDATES) {
            let (bodies, _) = stackheap_mir::parse(text.text);
            let body = bodies
                .into_iter()
                .find(|body| body.kind == BodyKind::Function && !body.for_compile_time);
            let Some(body) = body else { continue };
            let position = |span: Span<'_>| {
                let is_here = is_file(text.directory, span.file, absolute);
                is_here.then(|| position_of(span.start, &lines))
            };
            let rows = Rows::of(&body, position, stopped_at.clone());
            let shared = rows.shared();
            if best.as_ref().is_none_or(|(most, ..)| shared > *most) {
                best = Some((shared, body, rows, text.directory));
            }
        }
        let (_, body, rows, directory) = best?;
        let is_here = |named: &str| is_file(directory, named, absolute);
        Some(Self::new(program, id, body, rows, &lines, &is_here))
    }

    fn new(
        program: &Program<'t>,
        id: FunctionId,
        body: Body<'t>,
        mut rows: Rows,
        lines: &[&str],
        is_here: &dyn Fn(&str) -> bool,
    ) -> Self {
        let file: Arc<str> = program
            .table
            .functions
            .get(id.0 as usize)
            .map_or_else(|| Arc::from(""), |function| program.file(function.file));
        let (facts, _) = Facts::of(&body, None);
        let Facts {
            paths,
            flow,
            loans,
            events,
            ..
        } = facts;
        let arguments = events
            .iter()
            .filter_map(|event| argument(&body, &paths, &event.kind))
            .collect();
        for location in flagged_drops(&body, &paths, flow.as_ref()) {
            rows.repeat(location);
        }
        let function = program.function_facts(id);
        let variables: Vec<Tracked> = function
            .variables
            .iter()
            .map(|variable| tracked(program, variable, &body, &paths, lines))
            .collect();
        let locals = named_locals(&function, &variables, &body, &paths);
        let names: Vec<Arc<str>> = function
            .variables
            .iter()
            .map(|facts| Arc::clone(&facts.name))
            .collect();
        let size = |facts: &VariableFacts| program.image.ty(facts.variable.ty).size;
        let sizes = function.variables.iter().map(size).collect();
        let position = |span: Span<'_>, at: Position| {
            is_here(span.file).then(|| {
                let at = position_of(at, lines);
                stackheap_model::Position {
                    file: Arc::clone(&file),
                    line: at.line,
                    column: at.column,
                }
            })
        };
        let named = Named { variables: &locals };
        let known = events
            .iter()
            .filter(|event| !is_drop_of_plain(program, &function, &locals, event))
            .filter_map(|event| {
                let at =
                    |span: Span<'t>| is_here(span.file).then(|| position_of(span.start, lines));
                happened::known(event, &loans, &named, at, |variable, place| {
                    let PathOf::Exactly(id) = paths.of_place(&body, place) else {
                        return None;
                    };
                    let elements = &paths.get(id)?.elements;
                    let ty = function.variables.get(variable)?.variable.ty;
                    let elements: Vec<_> = elements.iter().map(owned_element).collect();
                    (!elements.is_empty())
                        .then(|| named_part(&program.image, ty, elements))
                        .flatten()
                })
            })
            .collect();
        let told_loans = happened::told_loans(&body, &loans, &locals, &names, position);
        Self {
            body,
            paths,
            flow,
            loans,
            told_loans,
            known,
            locals,
            names,
            sizes,
            rows,
            variables,
            arguments,
            first: first_site(program, id),
            table: Arc::clone(&program.table),
            is_throttled: is_throttled(program, id),
            ways: Mutex::default(),
        }
    }

    /// What a call did on its way from one stop to another: what, and where in the function's file.
    pub(crate) fn happened(
        &self,
        frame: FrameId,
        passed: &Passed,
    ) -> Vec<(stackheap_model::EventKind, Option<TextPosition>)> {
        let telling = Telling {
            frame,
            body: &self.body,
            paths: &self.paths,
            loans: &self.told_loans,
            names: &self.names,
            sizes: &self.sizes,
        };
        let mut happened = Vec::new();
        for (&location, states) in passed.steps.iter().zip(passed.states.iter()) {
            let first = self
                .known
                .partition_point(|known| known.location < location);
            let here = self.known.iter().skip(first);
            for known in here.take_while(|known| known.location == location) {
                happened.extend(telling.tell(known, states).map(|told| (told, known.at)));
            }
        }
        happened
    }

    /// The loans that hold a variable where a call stands.
    pub(crate) fn loans_of(&self, way: WayId, variable: usize, at: Moment) -> Vec<LocalLoan> {
        let Some(standings) = self.standings(way) else {
            return Vec::new();
        };
        let is_of = |loan: &&ToldLoan| self.locals.contains(&(loan.of, variable));
        let is_held = |told: &&ToldLoan| {
            let loan = self.loans.get(told.index);
            let mut places = standings.places.iter();
            loan.is_some_and(|loan| {
                !standings.places.is_empty()
                    && places.all(|place| loan.is_live(place.shown(at == Moment::Start).0))
            })
        };
        let held = self.told_loans.iter().filter(is_of).filter(is_held);
        held.map(|loan| loan.told.clone()).collect()
    }

    fn ground(&self) -> Ground<'_, 't> {
        Ground {
            body: &self.body,
            paths: &self.paths,
            flow: self.flow.as_ref(),
            rows: &self.rows,
            table: &self.table,
            is_throttled: self.is_throttled,
        }
    }

    /// Where a call stands that is seen first at a site; `None` where it began before.
    pub(crate) fn enter(&self, id: SiteId, site: &Site) -> Option<WayId> {
        (self.first == Some(id)).then(|| self.with(|ways| ways.enter(&self.ground(), id, site)))
    }

    /// Where a call stands that goes on to a site, and what it passed.
    pub(crate) fn pass(&self, from: WayId, id: SiteId, site: &Site) -> (WayId, Option<Passed>) {
        self.with(|ways| ways.pass(&self.ground(), from, id, site))
    }

    /// Where a call may stand at a site, however it came there.
    pub(crate) fn at(&self, id: SiteId, site: &Site) -> WayId {
        self.with(|ways| ways.at(&self.ground(), id, site))
    }

    fn with<T>(&self, use_of: impl FnOnce(&mut Ways) -> T) -> T {
        use_of(&mut self.ways.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn standings(&self, way: WayId) -> Option<Arc<Standings>> {
        self.with(|ways| ways.get(way))
    }

    /// What a variable holds where a call stands, before the step there is run or while the call
    /// that it makes is in progress; `None` where the compiler's text has no such variable.
    pub(crate) fn held(
        &self,
        way: WayId,
        variable: usize,
        at: Moment,
        begins_later: bool,
    ) -> Option<Held> {
        let paths = match self.variables.get(variable)? {
            Tracked::NotFound => return None,
            Tracked::BehindReference => return Some(Held::Live),
            Tracked::In(paths) => paths,
        };
        let standings = self.standings(way)?;
        let ground = self.ground();
        let mut held: Option<Held> = None;
        for place in &standings.places {
            let states = match at {
                Moment::InProgress => ground.within(place).0,
                Moment::Start => Arc::clone(place.shown(true).1),
                Moment::Within => Arc::clone(&place.states),
            };
            let here = self.held_in(paths, &states, begins_later);
            match &held {
                Some(before) if *before != here => return Some(Held::Depends),
                Some(_) => {}
                None => held = Some(here),
            }
        }
        // Nobody stands at a place that no way leads to: then nothing is known.
        held.or(Some(Held::Depends))
    }

    /// Where the value of a variable that was moved is on its way to: into the call that is about
    /// to be made, or that is in progress; `None` if it has arrived or went another way.
    pub(crate) fn handed(&self, way: WayId, variable: usize, at: Moment) -> Option<Handed> {
        let Tracked::In(paths) = self.variables.get(variable)? else {
            return None;
        };
        let standings = self.standings(way)?;
        let ground = self.ground();
        let mut handed = None;
        for place in &standings.places {
            let here = if at == Moment::InProgress {
                match ground.within(place).1? {
                    InProgress::Call(call) => {
                        self.argument_of(paths, call).map(|_| Handed::Callee)?
                    }
                    InProgress::Drop(local) => {
                        let mut own = paths.iter().filter_map(|&path| self.paths.get(path));
                        own.any(|path| path.local == local)
                            .then_some(Handed::Destructor)?
                    }
                }
            } else {
                self.arguments
                    .iter()
                    .filter(|argument| paths.contains(&argument.from))
                    .find(|argument| {
                        let (_, states) = place.shown(at == Moment::Start);
                        let state = states.get(argument.temporary.index());
                        state == Some(&PathState::INITIALIZED)
                    })
                    .map(|_| Handed::Temporary)?
            };
            match handed {
                Some(before) if before != here => return None,
                _ => handed = Some(here),
            }
        }
        handed
    }

    fn argument_of(&self, paths: &[MovePathId], call: Location) -> Option<&Argument> {
        let mut arguments = self.arguments.iter();
        arguments.find(|argument| argument.call == call && paths.contains(&argument.from))
    }

    fn held_in(&self, paths: &[MovePathId], states: &[PathState], begins_later: bool) -> Held {
        let mut all = paths
            .iter()
            .map(|&path| self.held_by(path, states, begins_later));
        let first = all.next().unwrap_or(Held::Depends);
        // Of several, the one that has a value is meant.
        all.fold(first, |held, other| match (&held, &other) {
            (Held::Live | Held::PartlyMoved(_), _) => held,
            _ if other == Held::Live => other,
            (Held::Depends, _) | (_, Held::Depends) => Held::Depends,
            _ => held,
        })
    }

    fn held_by(&self, path: MovePathId, states: &[PathState], begins_later: bool) -> Held {
        let state = |path: MovePathId| states.get(path.index()).copied().unwrap_or_default();
        let own = state(path);
        if own == PathState::DEAD {
            return match begins_later {
                true => Held::Uninit,
                false => Held::OutOfScope,
            };
        }
        if own == PathState::UNINITIALIZED {
            return Held::Uninit;
        }
        if own == PathState::MOVED {
            return Held::Moved;
        }
        if own == PathState::DROPPED {
            return Held::Dropped;
        }
        let never = PathState::DEAD.union(PathState::UNINITIALIZED);
        if !own.is_unreachable() && never.contains(own) {
            return Held::Uninit;
        }
        if own != PathState::INITIALIZED {
            return Held::Depends;
        }
        let Some(whole) = self.paths.get(path) else {
            return Held::Depends;
        };
        let mut parts = Vec::new();
        for number in whole.subtree.clone().skip(1) {
            let id = MovePathId(number);
            let Some(part) = self.paths.get(id) else {
                continue;
            };
            let lost = state(id);
            if lost == PathState::INITIALIZED {
                continue;
            }
            if lost != PathState::MOVED && lost != PathState::DROPPED {
                return Held::Depends;
            }
            let elements: Vec<OwnedElement> = part
                .elements
                .iter()
                .skip(whole.elements.len())
                .map(owned_element)
                .collect();
            let inside = parts
                .iter()
                .any(|outer: &PartState| elements.starts_with(&outer.elements));
            if !inside {
                parts.push(PartState {
                    elements,
                    dropped: lost == PathState::DROPPED,
                });
            }
        }
        if parts.is_empty() {
            Held::Live
        } else {
            Held::PartlyMoved(parts)
        }
    }
}

fn owned_element(element: &PathElement<'_>) -> OwnedElement {
    match *element {
        PathElement::Deref => OwnedElement::Deref,
        PathElement::Field(index) => OwnedElement::Field(index),
        PathElement::Downcast(name) => OwnedElement::Variant(name.to_owned()),
        PathElement::Element { offset, from_end } => OwnedElement::Element { offset, from_end },
    }
}

/// The last segment of a function's path as the compiler's dumps name it: without generic
/// arguments.
fn last_segment(path: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut start = 0;
    let bytes = path.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'<' => depth += 1,
            // Not that of `->`.
            b'>' if at == 0 || bytes.get(at - 1) != Some(&b'-') => depth = depth.saturating_sub(1),
            b':' if depth == 0 => start = at + 1,
            _ => {}
        }
    }
    let last = path.get(start..)?;
    let end = last.find('<').filter(|&at| at > 0).unwrap_or(last.len());
    last.get(..end)
}

/// A segment of a path as dumps have it: what is `async` is a closure for them.
fn as_dumped(segment: &str) -> Cow<'_, str> {
    let coroutines = [
        "{async_fn#",
        "{async_block#",
        "{async_closure#",
        "{coroutine#",
    ];
    let number = coroutines
        .iter()
        .find_map(|kind| segment.strip_prefix(kind));
    match number {
        Some(number) => format!("{{closure#{number}").into(),
        None => segment.into(),
    }
}

/// Where the function's result is declared, which every body has.
fn return_span(text: &str) -> Option<Span<'_>> {
    let at = text.find("// return place in scope 0 at ")?;
    let rest = text.get(at..)?.lines().next()?;
    let span = rest.strip_prefix("// return place in scope 0 at ")?;
    Span::parse(span)
}

/// The site at which calls of a function begin. Without one that is marked as such (a large frame is
/// made in a loop) it is the first in the code.
fn first_site(program: &Program<'_>, id: FunctionId) -> Option<SiteId> {
    let own = || {
        let sites = (0..).map(SiteId).zip(&program.table.sites);
        sites.filter(|(_, site)| site.function == id)
    };
    let entry = own().find(|(_, site)| site.role == SiteRole::Entry);
    entry.or_else(|| own().next()).map(|(id, _)| id)
}

/// Whether some passings of a function's places were left out of the recording.
fn is_throttled(program: &Program<'_>, id: FunctionId) -> bool {
    let limits = program.recording.limits().iter();
    limits
        .filter_map(|(_, limit)| match limit {
            Limit::SiteThrottled { site, .. } => program.table.sites.get(site.0 as usize),
            _ => None,
        })
        .any(|site| site.function == id)
}

/// The positions in a file at which a function can be stopped.
fn rows_of(program: &Program<'_>, id: FunctionId, file: FileId) -> FxHashSet<TextPosition> {
    let sites = program.table.sites.iter();
    sites
        .filter(|site| site.function == id)
        .filter(|site| {
            let statement = program.table.statements.get(site.statement.0 as usize);
            statement.is_some_and(|statement| statement.file == file)
        })
        .map(|site| site.position)
        .collect()
}

fn position_of(at: Position, lines: &[&str]) -> TextPosition {
    let index = usize::try_from(at.line.saturating_sub(1)).unwrap_or(usize::MAX);
    TextPosition {
        line: at.line,
        column: at.byte_column(lines.get(index).copied().unwrap_or_default()),
    }
}

/// Whether a drop is that of a number or pointer: the text of a generic function has it for whatever
/// type its variables are of.
fn is_drop_of_plain(
    program: &Program<'_>,
    function: &FunctionFacts,
    locals: &[(Local, usize)],
    event: &Event<'_>,
) -> bool {
    let EventKind::Dropped { place, .. } = &event.kind else {
        return false;
    };
    let found = locals.iter().find(|&&(local, _)| local == place.local);
    let facts = found.and_then(|&(_, index)| function.variables.get(index));
    facts.is_some_and(|facts| match program.image.ty(facts.variable.ty).kind {
        TypeKind::Base(_) => true,
        TypeKind::Pointer { kind, .. } | TypeKind::WidePointer { kind, .. } => {
            kind != PointerKind::Box && kind != PointerKind::Unknown
        }
        _ => false,
    })
}

/// The drops that depend on the way: a flag is asked before them.
fn flagged_drops<'t>(body: &Body<'t>, paths: &MovePaths<'t>, flow: Option<&Flow>) -> Vec<Location> {
    let Some(flow) = flow else {
        return Vec::new();
    };
    let drops = body.blocks.iter().filter_map(|block| {
        let end = block.terminator.as_ref()?;
        let TerminatorKind::Drop(place) = &end.kind else {
            return None;
        };
        let PathOf::Exactly(path) = paths.of_place(body, place) else {
            return None;
        };
        let state = flow.before(body, paths, block.end(), path);
        (state.is_initialized() == Certainty::Maybe).then(|| block.end())
    });
    drops.collect()
}

/// The locals that are variables which the reader sees by their names.
fn named_locals(
    function: &FunctionFacts,
    variables: &[Tracked],
    body: &Body<'_>,
    paths: &MovePaths<'_>,
) -> Vec<(Local, usize)> {
    let tracked: Vec<Vec<MovePathId>> = variables
        .iter()
        .zip(&function.variables)
        .map(|(tracked, facts)| match tracked {
            Tracked::In(paths) if facts.role != LocalRole::Hidden => paths.clone(),
            _ => Vec::new(),
        })
        .collect();
    happened::whole_locals(body, paths, &tracked)
}

fn argument(body: &Body<'_>, paths: &MovePaths<'_>, kind: &EventKind<'_>) -> Option<Argument> {
    let EventKind::Moved {
        path: Some(from),
        destination: Destination::Argument {
            index, location, ..
        },
        ..
    } = kind
    else {
        return None;
    };
    let call = body.terminator(*location)?;
    let operand = call.kind.operands().get(*index)?;
    let temporary = paths.local(operand.place()?.as_local()?)?;
    Some(Argument {
        from: *from,
        call: *location,
        temporary,
    })
}

/// Where the compiler has a variable of the debug information.
fn tracked(
    program: &Program<'_>,
    facts: &VariableFacts,
    body: &Body<'_>,
    paths: &MovePaths<'_>,
    lines: &[&str],
) -> Tracked {
    let named = body
        .variables
        .iter()
        .filter(|variable| variable.name == &*facts.variable.name);
    let here: Vec<&Variable<'_>> = named
        .filter(|variable| is_same(facts, variable, lines))
        .collect();
    let pointers = leading_references(&program.image.ty(facts.variable.ty).name);
    let depth = |variable: &Variable<'_>| {
        let local = variable.place()?.as_local()?;
        body.local(local).map(|decl| leading_references(decl.ty))
    };
    // The guard of a match arm sees its bindings by reference, under the same names.
    let same_depth: Vec<&&Variable<'_>> = here
        .iter()
        .filter(|variable| depth(variable).is_none_or(|depth| depth == pointers))
        .collect();
    let chosen: Vec<&Variable<'_>> = match same_depth.is_empty() {
        true => here.clone(),
        false => same_depth.into_iter().copied().collect(),
    };
    let mut found = Vec::new();
    let mut behind = false;
    for variable in chosen {
        let Some(place) = variable.place() else {
            continue;
        };
        match paths.of_place(body, place) {
            PathOf::Exactly(id) if !found.contains(&id) => found.push(id),
            PathOf::BehindPointer => behind = true,
            // A coroutine's captures and a closure's that are only read have no path of their own.
            PathOf::Inside(id) if !found.contains(&id) => found.push(id),
            _ => {}
        }
        behind |= place.projection.contains(&Projection::Deref) && found.is_empty();
    }
    match (found.is_empty(), behind) {
        (false, _) => Tracked::In(found),
        (true, true) => Tracked::BehindReference,
        (true, false) => Tracked::NotFound,
    }
}

/// Whether a variable of the compiler's text is declared where one of the debug information is.
fn is_same(facts: &VariableFacts, variable: &Variable<'_>, lines: &[&str]) -> bool {
    // A capture is declared outside of the closure, and there is one of its name.
    if facts.role == LocalRole::Capture {
        return variable
            .place()
            .is_some_and(|place| !place.projection.is_empty());
    }
    let Some(span) = variable.source.span else {
        return false;
    };
    let start = position_of(span.start, lines);
    match (&facts.binding, &facts.variable.declared) {
        // Where it is `mut`, the one begins at the word and the other may at the name.
        (Some(binding), _) => start <= binding.at && binding.at < position_of(span.end, lines),
        (None, Some(declared)) => declared.line == start.line,
        (None, None) => false,
    }
}

/// How many references a type begins with.
fn leading_references(ty: &str) -> usize {
    let mut rest = ty;
    let mut count = 0;
    while let Some(inner) = rest.strip_prefix('&') {
        count += 1;
        rest = inner.strip_prefix("mut ").unwrap_or(inner);
    }
    count
}

/// Whether a path of the compiler's is that of a file, which is absolute.
fn is_file(directory: &str, named: &str, absolute: &str) -> bool {
    absolute.ends_with(named.trim_start_matches("./"))
        && Path::new(directory).join(named) == Path::new(absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_segments_are_without_generic_arguments() {
        for (path, last) in [
            ("demo::main", "main"),
            ("demo::Stack<alloc::vec::Vec<u8>>::push", "push"),
            ("demo::identity<core::option::Option<u8>>", "identity"),
            ("demo::main::{closure#0}", "{closure#0}"),
            ("demo::call<fn(u8) -> u8>", "call"),
            ("demo::{impl#0}::drop", "drop"),
        ] {
            assert_eq!(last_segment(path), Some(last), "{path}");
        }
    }
}
