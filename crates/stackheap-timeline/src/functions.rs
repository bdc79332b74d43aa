use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use stackheap_mir::{Body, BodyKind, Confidence, Facts, Local, Problem, TerminatorKind};
use stackheap_model::{
    FactConfidence, FunctionAuthor, FunctionKind, FunctionTimeline, TextRange, VariableTimeline,
};

use crate::context::{Context, Own};
use crate::names::{self, Fields};
use crate::source::{Source, Sources};
use crate::{CrateTexts, FunctionHead, SourceText, events, loans, states, variables};

/// The functions of a crate that are wanted, by file and place.
///
/// Takes the compiler's texts, and what reads a source file by the name that the compiler gives it
/// (`None` for a file that is not the user's: its functions are left out). Facts are computed only of
/// functions that `is_wanted` accepts. What of the texts could not be read is told with the function
/// that it concerns.
pub fn functions(
    texts: CrateTexts<'_>,
    read: &dyn Fn(&str) -> Option<SourceText>,
    is_wanted: &dyn Fn(FunctionHead<'_>) -> bool,
) -> Vec<FunctionTimeline> {
    let sources = Sources::new(read);
    let (checked, problems) = stackheap_mir::parse(texts.borrow_checked);
    let (elaborated, later_problems) = stackheap_mir::parse(texts.elaborated);
    let pairs = stackheap_mir::pair_elaborated(&checked, &elaborated);
    let coroutines = coroutines(&checked, &sources);
    let fields = Fields::of(&checked);
    let mut found = Vec::new();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (body, pair) in checked.iter().zip(pairs) {
        let Some(located) = locate(body, &sources) else {
            continue;
        };
        known.insert(body.name);
        // The function that only makes the coroutine of an `async fn`.
        let is_shell = !body.is_coroutine
            && located
                .function
                .is_some_and(|index| coroutines.contains(&(located.shown(), index)));
        if is_shell || !is_wanted(located.head()) {
            continue;
        }
        let own = problems
            .iter()
            .filter(|problem| body.lines.contains(&problem.line));
        let read = match whole(body, &elaborated) {
            Some(other) => (other, None),
            None => (body, pair),
        };
        found.push(timeline(read, &located, &fields, own.collect()));
    }
    for body in &elaborated {
        if body.for_compile_time || known.contains(body.name) {
            continue;
        }
        let located = locate(body, &sources).filter(|located| is_wanted(located.head()));
        // The constructor of a tuple structure is a function too, that nobody has written.
        if let Some(located) = located.filter(|located| located.function.is_some()) {
            let own = later_problems
                .iter()
                .filter(|problem| body.lines.contains(&problem.line));
            found.push(timeline((body, None), &located, &fields, own.collect()));
        }
    }
    found.sort_by(|one, other| {
        (&one.file, one.extent.start, &one.name).cmp(&(
            &other.file,
            other.extent.start,
            &other.name,
        ))
    });
    found
}

/// What is to be read instead of a body whose control flow is not whole.
fn whole<'b, 't>(body: &Body<'t>, elaborated: &'b [Body<'t>]) -> Option<&'b Body<'t>> {
    if body.flow_is_whole || body.is_coroutine {
        return None;
    }
    let mut others = elaborated
        .iter()
        .filter(|other| other.name == body.name && !other.for_compile_time && other.flow_is_whole);
    others.next().filter(|_| others.next().is_none())
}

/// A body, and where it stands.
struct Located<'t> {
    name: String,
    kind: FunctionKind,
    author: FunctionAuthor,
    source: Rc<Source>,
    own: Own<'t>,
    /// The index of the function in the outline of its file.
    function: Option<usize>,
}

impl Located<'_> {
    fn head(&self) -> FunctionHead<'_> {
        FunctionHead {
            name: &self.name,
            file: &self.source.shown,
            extent: self.own.extent,
            author: self.author,
        }
    }

    fn shown(&self) -> Arc<str> {
        self.source.shown.clone()
    }
}

/// The functions of the source that are `async`: the outlines' indexes of those with a coroutine.
fn coroutines(bodies: &[Body<'_>], sources: &Sources<'_>) -> BTreeSet<(Arc<str>, usize)> {
    let of = |body: &Body<'_>| {
        let located = locate(body, sources)?;
        Some((located.shown(), located.function?))
    };
    let coroutines = bodies.iter().filter(|body| body.is_coroutine);
    coroutines.filter_map(of).collect()
}

/// Where a function of the user's stands; `None` for what is none.
fn locate<'t>(body: &Body<'t>, sources: &Sources<'_>) -> Option<Located<'t>> {
    if body.kind != BodyKind::Function {
        return None;
    }
    let span = body.local(Local::RETURN_PLACE)?.source.span?;
    let source = sources.get(span.file)?;
    let at = source.range(span);
    let functions = &source.outline.functions;
    // Later ones are inside of earlier ones.
    let inside = |outer: TextRange| outer.start <= at.start && at.end <= outer.end;
    let function = functions
        .iter()
        .rposition(|function| inside(function.range));
    let extent = match function.and_then(|index| functions.get(index)) {
        Some(function) => function.range,
        None => spanned(body, &source, span.file, at),
    };
    let (name, is_generated) = names::function(body.name, sources);
    let is_closure = body.name.ends_with('}') && body.name.contains("::{");
    let is_async_function = body.is_coroutine
        && function.is_some_and(|index| {
            functions
                .get(index)
                .is_some_and(|function| function.name.is_some())
        });
    let name = match name.rsplit_once("::{") {
        Some((outer, _)) if is_async_function => outer.to_owned(),
        _ => name,
    };
    Some(Located {
        name,
        kind: match (body.is_coroutine, is_closure) {
            (true, _) => FunctionKind::Coroutine,
            (false, true) => FunctionKind::Closure,
            (false, false) => FunctionKind::Function,
        },
        author: match is_generated {
            true => FunctionAuthor::Attribute,
            false => FunctionAuthor::User,
        },
        own: Own {
            file: span.file,
            extent,
        },
        source,
        function,
    })
}

/// The stretch of a function that a macro's text has, from what its body and its head name: up to
/// where it returns.
fn spanned(body: &Body<'_>, source: &Source, file: &str, at: TextRange) -> TextRange {
    let mut extent = at;
    let heads = body.variables.iter().map(|variable| variable.source.span);
    let returns = body.blocks.iter().filter_map(|block| {
        let last = block.terminator.as_ref()?;
        matches!(last.kind, TerminatorKind::Return).then_some(last.source.span)
    });
    for span in heads.chain(returns).flatten() {
        if span.file == file {
            let range = source.range(span);
            extent.start = extent.start.min(range.start);
            extent.end = extent.end.max(range.end);
        }
    }
    extent
}

fn timeline<'t>(
    (body, elaborated): (&Body<'t>, Option<&Body<'t>>),
    located: &Located<'t>,
    fields: &Fields<'_>,
    problems: Vec<&Problem>,
) -> FunctionTimeline {
    let (facts, later) = Facts::of(body, elaborated);
    let mut context = Context::new(&facts, &located.source, located.own, fields);
    (context.named, context.guards) = variables::named(&context);
    let events = events::events(&context);
    let states = states::states(&context);
    let has_states = states.is_some();
    let states = states.unwrap_or_else(|| context.named.iter().map(|_| Vec::new()).collect());
    let lives = context.named.iter().zip(events).zip(states);
    let variables = lives
        .map(|((named, events), states)| VariableTimeline {
            name: named.name.clone(),
            role: named.role,
            type_name: named.type_name.clone(),
            declared: named.declared,
            mutability: named.mutability,
            events,
            states,
        })
        .collect();
    let reason = reason(&facts, problems.into_iter().chain(&later), has_states);
    FunctionTimeline {
        name: located.name.as_str().into(),
        file: located.shown(),
        extent: located.own.extent,
        kind: located.kind,
        author: located.author,
        confidence: confidence(facts.confidence, has_states),
        reason,
        variables,
        loans: loans::loans(&context),
    }
}

fn confidence(told: Confidence, has_states: bool) -> FactConfidence {
    match told {
        Confidence::DebugInfo => FactConfidence::Declarations,
        Confidence::WithoutFlow => FactConfidence::Events,
        _ if !has_states => FactConfidence::Events,
        Confidence::WithoutLoans => FactConfidence::WithoutLoans,
        Confidence::ExceptOpaque => FactConfidence::Partial,
        Confidence::Full => FactConfidence::Full,
    }
}

/// Why not all is known.
fn reason<'p>(
    facts: &Facts<'_, '_>,
    problems: impl Iterator<Item = &'p Problem>,
    has_states: bool,
) -> Option<Arc<str>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for problem in problems {
        *counts.entry(problem.to_string()).or_default() += 1;
    }
    let more = counts.len().saturating_sub(1);
    if let Some((first, _)) = counts.into_iter().next() {
        let more = match more {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        return Some(format!("{first}{more}").into());
    }
    if facts.confidence == Confidence::WithoutLoans {
        return Some("the borrow checker's text of this function is not there".into());
    }
    (!has_states).then(|| "it has too many variables and places for their states".into())
}
