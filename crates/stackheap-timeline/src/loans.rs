use std::collections::BTreeSet;
use std::sync::Arc;

use stackheap_mir::{BorrowKind, Loan, Local, Rvalue, StatementKind, TerminatorKind};
use stackheap_model::{Borrower, LoanTimeline, Mutability, Placement, TextPosition};

use crate::context::{Context, HOP_LIMIT};
use crate::names;

/// The loans of what has a name.
pub(crate) fn loans(context: &Context<'_, '_>) -> Vec<LoanTimeline> {
    let told = context.facts.loans.iter();
    let mut loans: Vec<LoanTimeline> = told.filter_map(|loan| timeline(context, loan)).collect();
    loans.sort_by_key(|loan| (loan.at.start, loan.id));
    loans
}

fn timeline<'t>(context: &Context<'_, 't>, loan: &Loan<'t>) -> Option<LoanTimeline> {
    let mutability = match loan.kind {
        BorrowKind::Shared => Mutability::Shared,
        BorrowKind::Mutable => Mutability::Mutable,
        BorrowKind::Fake => return None,
    };
    let named = context.named_at(&loan.place)?;
    context.order.rank(loan.issued.block)?;
    let (at, placement) = context.placed(loan.issued);
    let ends = loan
        .ends
        .iter()
        .filter(|end| context.order.rank(end.block).is_some());
    let until: BTreeSet<TextPosition> = ends.map(|end| context.end(*end)).collect();
    // A loop comes back to what stands before the borrow.
    let behind: Vec<TextPosition> = until
        .iter()
        .copied()
        .filter(|end| *end > at.start)
        .collect();
    let until = match behind.is_empty() {
        true => until.into_iter().collect(),
        false => behind,
    };
    Some(LoanTimeline {
        id: loan.id.0,
        variable: named.name.clone(),
        part: context.part(named, &loan.place),
        mutability,
        borrower: borrower(context, loan),
        at,
        placement,
        until,
        outlives: loan.escapes,
    })
}

fn borrower(context: &Context<'_, '_>, loan: &Loan<'_>) -> Borrower {
    let is_guard = |local: &Local| context.guards.contains(local);
    if loan.destination.as_local().as_ref().is_some_and(is_guard) {
        return Borrower::Guard;
    }
    let used = first_real_use(context, loan);
    let holders = holders(context, loan);
    if !holders.is_empty() {
        return Borrower::Variables(holders);
    }
    let Some(location) = used else {
        return Borrower::Expression;
    };
    let (range, placement) = context.placed(location);
    let in_macro = || Borrower::Macro(context.macro_at(range.start));
    if let Some(statement) = context.body.statement(location) {
        return match &statement.kind {
            StatementKind::Assign(_, Rvalue::Aggregate { path, .. })
                if path.starts_with("{closure") || path.starts_with("{coroutine") =>
            {
                Borrower::Closure
            }
            _ if placement == Placement::InMacro => in_macro(),
            StatementKind::Assign(_, Rvalue::Aggregate { path, .. }) if *path == "(" => {
                match context
                    .source
                    .macro_around(context.placed(loan.issued).0.start)
                {
                    Some(name) => Borrower::Macro(name.into()),
                    None => Borrower::Expression,
                }
            }
            _ => Borrower::Expression,
        };
    }
    match context.body.terminator(location).map(|last| &last.kind) {
        Some(TerminatorKind::Call { .. }) if placement == Placement::InMacro => in_macro(),
        Some(TerminatorKind::Call {
            callee, arguments, ..
        }) => {
            let is_it = |local: Local| {
                arguments
                    .iter()
                    .position(|operand| operand.place().is_some_and(|place| place.local == local))
            };
            let held = std::iter::once(loan.destination.local).chain(loan.holders.iter().copied());
            let number = held.filter_map(is_it).next().unwrap_or(0);
            match names::callee(callee) {
                Some(callee) if context.is_written_call(location, &callee) => Borrower::Call {
                    callee,
                    number: u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1),
                },
                _ => Borrower::Expression,
            }
        }
        _ => Borrower::Expression,
    }
}

/// The variables that hold the reference. Types alone decide that for the result of a call, so that
/// only those count that get their value while the loan holds.
fn holders(context: &Context<'_, '_>, loan: &Loan<'_>) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for local in &loan.holders {
        let named = context
            .named
            .iter()
            .find(|named| named.place.local == *local && named.place.projection.is_empty());
        if let Some(named) = named
            && *local != loan.place.local
            && !names.contains(&named.name)
        {
            names.push(named.name.clone());
        }
    }
    names
}

/// The first use of the reference that does more than to make another one of it.
fn first_real_use(context: &Context<'_, '_>, loan: &Loan<'_>) -> Option<stackheap_mir::Location> {
    let mut local = loan.destination.as_local()?;
    for _ in 0..HOP_LIMIT {
        let used = context
            .first_use(local)
            .or_else(|| reborrow(context, loan, local))?;
        let statement = context
            .body
            .statement(used)
            .map(|statement| &statement.kind);
        match statement {
            Some(StatementKind::Assign(
                place,
                Rvalue::Use(_) | Rvalue::Cast { .. } | Rvalue::Ref(..),
            )) => match place.as_local() {
                Some(next) if next != local => local = next,
                _ => return Some(used),
            },
            _ => return Some(used),
        }
    }
    None
}

/// Where a reference is made of another one, of which nothing else is used.
fn reborrow(
    context: &Context<'_, '_>,
    loan: &Loan<'_>,
    local: Local,
) -> Option<stackheap_mir::Location> {
    let data = context.body.block(loan.issued.block)?;
    context.locations(data).find(|location| {
        let statement = context.body.statement(*location);
        statement.is_some_and(|statement| match &statement.kind {
            StatementKind::Assign(_, Rvalue::Ref(_, place)) => place.local == local,
            _ => false,
        })
    })
}
