use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stackheap_mir::{DropDone, EventKind, Local, Variable};
use stackheap_model::{Mutability, TextPosition, TextRange, VariableRole};

use crate::context::{Context, Named};
use crate::names;

/// The variables of the source, and the temporaries that are dropped; and the locals of guards.
pub(crate) fn named<'t>(context: &Context<'_, 't>) -> (Vec<Named<'t>>, BTreeSet<Local>) {
    let mut named = Vec::new();
    for variable in &context.body.variables {
        named.extend(of_variable(context, variable));
    }
    // A pattern with a guard binds twice: a reference for the guard, then the value. What a
    // coroutine captured, it moves into a variable of the same name first.
    let same = |one: &Named<'t>, other: &Named<'t>| {
        one.name == other.name && one.place != other.place && one.declared == other.declared
    };
    let is_guards = |one: &&Named<'t>| {
        let is_of = |other: &&Named<'t>| *one.type_name == *format!("&{}", other.type_name);
        named.iter().filter(is_of).any(|other| same(one, other))
    };
    let is_captured = |one: &&Named<'t>| {
        one.role == VariableRole::Capture && named.iter().any(|other| same(one, other))
    };
    let guards: BTreeSet<Local> = named
        .iter()
        .filter(is_guards)
        .map(|one| one.place.local)
        .collect();
    let captured: BTreeSet<_> = named
        .iter()
        .filter(is_captured)
        .map(|one| one.place.clone())
        .collect();
    named.retain(|one| !guards.contains(&one.place.local) && !captured.contains(&one.place));
    // One variable in an or-pattern, bound at several places, has one place in memory.
    let mut places = BTreeSet::new();
    named.retain(|one| places.insert(one.place.clone()));
    named.sort_by_key(|one| (one.declared.start, one.place.local));
    number(&mut named);
    let known: BTreeSet<Local> = named.iter().map(|one| one.place.local).collect();
    named.extend(temporaries(context, &known));
    named.sort_by_key(|one| (one.declared.start, one.place.local));
    (named, guards)
}

/// Several variables of one name are `x#1`, `x#2`.
fn number(named: &mut [Named<'_>]) {
    let mut counts: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    for one in named.iter() {
        *counts.entry(one.name.clone()).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    let mut next: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    for one in named {
        if counts.contains_key(&one.name) {
            let number = next.entry(one.name.clone()).or_default();
            *number += 1;
            one.name = format!("{}#{number}", one.name).into();
        }
    }
}

fn of_variable<'t>(context: &Context<'_, 't>, variable: &Variable<'t>) -> Option<Named<'t>> {
    let body = context.body;
    let place = variable.place()?.clone();
    let is_capture = !place.projection.is_empty();
    let declared = context.own.range(context.source, variable.source.span);
    let declared = match declared {
        Some(declared) => declared,
        // Declared outside of the closure.
        None if is_capture => {
            let start = context.own.extent.start;
            TextRange { start, end: start }
        }
        None => return None,
    };
    if !is_capture && !is_written(context, variable.name, declared) {
        return None;
    }
    let decl = body.local(place.local);
    let type_name = match place.projection.last() {
        Some(stackheap_mir::Projection::Field(_, ty)) => ty,
        Some(stackheap_mir::Projection::Deref) => captured_type(&place),
        _ => decl.map_or("", |decl| decl.ty),
    };
    let is_parameter = (1..=body.argument_count).contains(&place.local.0);
    let is_mutable = if is_parameter {
        context.source.snippet(declared).starts_with("mut ")
    } else {
        decl.is_some_and(|decl| decl.mutable)
    };
    Some(Named {
        name: variable.name.into(),
        role: match (is_capture, is_parameter) {
            (true, _) => VariableRole::Capture,
            (false, true) => VariableRole::Parameter,
            (false, false) => VariableRole::Variable,
        },
        type_name: type_name.into(),
        declared,
        mutability: match is_mutable {
            true => Mutability::Mutable,
            false => Mutability::Shared,
        },
        place,
    })
}

/// The type of what is captured by reference: that of the field without the reference.
fn captured_type<'t>(place: &stackheap_mir::Place<'t>) -> &'t str {
    let field = place.projection.iter().rev().find_map(|step| match step {
        stackheap_mir::Projection::Field(_, ty) => Some(*ty),
        _ => None,
    });
    let ty = field.unwrap_or("").trim_start_matches('&');
    ty.strip_prefix("mut ").unwrap_or(ty)
}

/// Whether the source declares a name at a place; the compiler gives names to some values of its
/// own, such as the iterator of a loop.
fn is_written(context: &Context<'_, '_>, name: &str, declared: TextRange) -> bool {
    let bindings = &context.source.outline.bindings;
    let from = bindings.partition_point(|binding| binding.at < declared.start);
    let is_there = |at: TextPosition| declared.start <= at && at <= declared.end;
    let mut near = bindings[from..]
        .iter()
        .take_while(|binding| is_there(binding.at));
    if near.any(|binding| binding.name == name.trim_start_matches("r#")) {
        return true;
    }
    // In the call of a macro, or in text that was not parsed.
    let snippet = context.source.snippet(declared);
    let before = snippet.strip_suffix(name);
    let is_name = before.is_some_and(|before| {
        before.is_empty() || before.ends_with([' ', '&']) && !before.contains(['.', '('])
    });
    is_name && name != "iter" && !name.starts_with("__")
}

/// Values without a name that are dropped.
fn temporaries<'t>(context: &Context<'_, 't>, known: &BTreeSet<Local>) -> Vec<Named<'t>> {
    let mut found: BTreeMap<Local, Named<'t>> = BTreeMap::new();
    for event in &context.facts.events {
        let EventKind::Dropped { place, done, .. } = &event.kind else {
            continue;
        };
        let local = place.local;
        let is_told = event.is_cleanup
            || *done == DropDone::Never
            || known.contains(&local)
            || local.0 <= context.body.argument_count
            || found.contains_key(&local)
            || context.order.rank(event.location.block).is_none();
        if is_told {
            continue;
        }
        let decl = context.body.local(local);
        let own = decl.and_then(|decl| context.own.range(context.source, decl.source.span));
        let declared = own.unwrap_or_else(|| context.placed(event.location).0);
        let expression = match own {
            Some(range) if is_iterator(context, local) => {
                iterator(&names::expression(context.source, range))
            }
            Some(range) => names::expression(context.source, range),
            None => format!("{}!", context.macro_at(declared.start)).into(),
        };
        let named = Named {
            name: expression,
            place: stackheap_mir::Place::whole(local),
            role: VariableRole::Temporary,
            type_name: decl.map_or("", |decl| decl.ty).into(),
            declared,
            mutability: Mutability::Shared,
        };
        found.insert(local, named);
    }
    found.into_values().collect()
}

/// Whether a local is the iterator of a loop, for which the compiler has a name.
fn is_iterator(context: &Context<'_, '_>, local: Local) -> bool {
    let mut names = context.body.variables_of(local);
    names.any(|variable| variable.name == "iter")
}

/// What a loop makes of the expression that it goes over.
fn iterator(expression: &str) -> Arc<str> {
    let is_plain = expression
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '(' | ')' | '!'));
    match is_plain {
        true => format!("{expression}.into_iter()").into(),
        false => format!("({expression}).into_iter()").into(),
    }
}
