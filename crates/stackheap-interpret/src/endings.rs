//! Whether a variable that is declared by `let` has a value at the closing brace of its scope.
//!
//! Both ways lead to the brace: the one on which the initialiser ran, and an early exit before it,
//! by `return`, `?`, `break` or `continue`. The debug information does not tell them apart. What
//! does is the place the same call passed last before the brace.

use std::sync::Arc;

use stackheap_model::{LocalState, Site, StatementKind, Unknown};
use stackheap_source::BindingKind;
use stackheap_trace::{FrameEntry, Limit};

use crate::program::{Program, VariableFacts};

/// How an initialiser is left early.
const EXITS: [&str; 4] = ["?", "return", "break", "continue"];

/// The state of a variable at the first stop of the closing brace `end`.
pub(crate) fn state_at_brace(
    program: &Program<'_>,
    facts: &VariableFacts,
    entry: &FrameEntry,
    end: &Site,
) -> LocalState {
    let Some(binding) = facts
        .binding
        .as_ref()
        .filter(|found| found.kind == BindingKind::Let)
    else {
        return LocalState::Live;
    };
    let table = &program.table;
    let before = program
        .site_before(entry)
        .and_then(|before| table.sites.get(before.0 as usize));
    let Some(before) = before else {
        return unknown("its scope is ending, and how the thread came there is not known");
    };
    if has_value(facts, before) || binding.scope.contains(before.position) {
        return LocalState::Live;
    }
    let statement = |site: &Site| table.statements.get(site.statement.0 as usize);
    let (Some(last), Some(brace)) = (statement(before), statement(end)) else {
        return unknown("its scope is ending, and how the thread came there is not known");
    };
    let in_block = facts
        .block
        .is_some_and(|block| block.contains(before.position));
    if last.file != brace.file || !in_block {
        return unknown(
            "its scope is ending, and the place passed last belongs to a macro: whether it was initialised is not known",
        );
    }
    let is_own = last.range.contains(binding.at);
    if is_own && !is_followed(program, facts, before, end) {
        let text = table
            .files
            .get(last.file.0 as usize)
            .and_then(|file| file.text.as_deref());
        let initialiser = text
            .map(|text| text_of(text, last.range))
            .unwrap_or_default();
        if EXITS.iter().any(|exit| initialiser.contains(exit)) {
            return unknown(
                "its scope is ending right behind its initialiser, which may have been left early",
            );
        }
        return LocalState::Live;
    }
    if !is_own && before.position > binding.at {
        return LocalState::Live;
    }
    let throttled = |(_, limit): &(_, Limit)| matches!(limit, Limit::SiteThrottled { .. });
    if program.recording.limits().iter().any(throttled) {
        return unknown(
            "its scope is ending, and its initialiser was not seen to end; but places that are passed often are not recorded any more",
        );
    }
    LocalState::Uninit
}

/// Whether the debug information has the variable in scope at a site, and the site is not part of
/// the statement that binds it.
fn has_value(facts: &VariableFacts, site: &Site) -> bool {
    let own = |site: &Site| {
        let binding = facts.binding.as_ref();
        binding.is_some_and(|binding| site.position <= binding.at)
    };
    facts.variable.in_scope(site.address) && !own(site)
}

/// Whether there is a statement behind the one that binds the variable, which would have been
/// passed before the brace.
fn is_followed(program: &Program<'_>, facts: &VariableFacts, own: &Site, end: &Site) -> bool {
    program.table.sites.iter().any(|site| {
        let statement = program.table.statements.get(site.statement.0 as usize);
        site.statement != own.statement
            && facts.variable.in_scope(site.address)
            && own.position < site.position
            && site.position < end.position
            && statement.is_some_and(|statement| statement.kind != StatementKind::ScopeEnd)
    })
}

fn text_of(text: &str, range: stackheap_model::TextRange) -> String {
    let first = range.start.line as usize;
    let count = (range.end.line as usize).saturating_sub(first) + 1;
    let lines = text.lines().skip(first.saturating_sub(1)).take(count);
    lines.collect::<Vec<_>>().join("\n")
}

fn unknown(why: &str) -> LocalState {
    LocalState::Unknown(Unknown {
        reason: Arc::from(why),
    })
}
