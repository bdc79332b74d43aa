//! Which places on the stack have a value in the body of a coroutine: an `async` function or block.
//!
//! Each call of `poll` is a call of the body. What lives across an `.await` is kept in the coroutine
//! itself; the places of the others are on the stack, and a call that resumes does not fill them
//! again. For the debug information they are in scope all the same. What tells is where the call
//! went on: the first place it passed behind its head.

use stackheap_model::{
    FunctionId, LocalRole, Site, SiteId, StatementId, StatementKind, StopNumber, Unknown,
};
use stackheap_trace::FrameEntry;

use crate::program::{Program, VariableFacts};

/// How many stops of other calls may lie between a call's head and where it goes on.
const STOPS_BETWEEN: u64 = 64;

/// rustc's name for the variable that every resumption is given the argument of `poll` in.
const RESUME_ARGUMENT: &str = "_task_context";

/// Why a local of a coroutine's body has no value that is its own, when it is said to lie in the
/// call's own frame or elsewhere; `None` where it may have one.
pub(crate) fn why_left_over(
    program: &Program<'_>,
    facts: &VariableFacts,
    entry: &FrameEntry,
    in_own_frame: bool,
) -> Option<Unknown> {
    if !is_coroutine(&program.function_name(entry.function)) {
        return None;
    }
    let Some(began) = program.place_behind_head(entry) else {
        return Some(Unknown::because(
            "its place may hold what was there before: the call has not gone on yet to where its body begins or resumes",
        ));
    };
    // What `poll` itself is called with is there in each call.
    if !in_own_frame || facts.role == LocalRole::Parameter || &*facts.name == RESUME_ARGUMENT {
        return None;
    }
    let statement = program.table.statements.get(began.statement.0 as usize)?;
    let is_first = program.first_statement(entry.function) == Some(began.statement);
    if is_first && !waits(program, began) {
        return None;
    }
    let is_later = facts
        .binding
        .as_ref()
        .is_some_and(|binding| binding.at >= statement.range.start);
    if is_later {
        return None;
    }
    Some(Unknown::because(if is_first {
        "it is not kept across an `.await`, and whether this call began anew or resumed is not known"
    } else {
        "it is not kept across an `.await`: this call resumed behind its initialiser, and its place on the stack holds what was there before"
    }))
}

fn is_coroutine(function: &str) -> bool {
    let last = function.rsplit("::").next().unwrap_or_default();
    ["{async_fn#", "{async_block#", "{async_closure#"]
        .iter()
        .any(|kind| last.starts_with(kind))
}

/// Whether a call can resume inside of a site's statement.
fn waits(program: &Program<'_>, site: &Site) -> bool {
    let text = || {
        let statement = program.table.statements.get(site.statement.0 as usize)?;
        let file = program.table.files.get(statement.file.0 as usize)?;
        let lines = file.text.as_deref()?.lines();
        let (first, last) = (statement.range.start.line, statement.range.end.line);
        let before = first.saturating_sub(1) as usize;
        let count = last.saturating_sub(first) as usize + 1;
        Some(lines.skip(before).take(count).collect::<String>())
    };
    // Without the text it is not known that it does not.
    text().is_none_or(|text| text.contains(".await"))
}

impl Program<'_> {
    /// The first place that a call passed behind its head; `None` while it is there.
    fn place_behind_head(&self, entry: &FrameEntry) -> Option<&Site> {
        let id = self.remembered_place(entry.frame, || {
            let first = entry.entered_stop.0;
            let last = entry.stop.0.min(first.saturating_add(STOPS_BETWEEN));
            (first..=last).find_map(|stop| self.passed_behind_head(entry, StopNumber(stop)))
        })?;
        self.table.sites.get(id.0 as usize)
    }

    /// The site of a stop, if it is one of this call and behind its head.
    fn passed_behind_head(&self, entry: &FrameEntry, stop: StopNumber) -> Option<SiteId> {
        let id = self.recording.site_of_stop(stop)?;
        let site = self.table.sites.get(id.0 as usize)?;
        if site.function != entry.function || self.is_head(site.statement) {
            return None;
        }
        // Another thread may be in the same function.
        let cursor = self.recording.cursor_at(stop).ok()?;
        let mut threads = cursor.state().threads.iter();
        threads
            .any(|thread| {
                thread.last_stop == Some(stop)
                    && thread.top().is_some_and(|top| top.frame == entry.frame)
            })
            .then_some(id)
    }

    fn is_head(&self, statement: StatementId) -> bool {
        let statement = self.table.statements.get(statement.0 as usize);
        statement.is_some_and(|statement| statement.kind == StatementKind::Head)
    }

    /// The statement with which a function's body begins.
    fn first_statement(&self, function: FunctionId) -> Option<StatementId> {
        let statements = self
            .table
            .sites
            .iter()
            .filter(|site| site.function == function)
            .map(|site| site.statement);
        statements
            .filter(|&statement| !self.is_head(statement))
            .min_by_key(|statement| {
                let statement = self.table.statements.get(statement.0 as usize);
                statement.map(|statement| statement.range.start)
            })
    }
}
