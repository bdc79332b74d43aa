//! A state as Markdown (GitHub's flavour: tables), for notes and issues.

use stackheap_explain::{
    comparison, event, local_state, place, position, rough_size, short_type, size, step_ref,
    visible, when,
};
use stackheap_model::{
    Block, BlockState, Event, Frame, LocalState, Ownership, SourceFile, State, Value,
};

use crate::look::Look;
use crate::text::{self, TextOptions};
use crate::{Comparison, Frames, Story};

/// Characters of a value in a table.
const VALUE_CHARACTERS: usize = 80;
/// Rows of a table.
const TABLE_ROWS: usize = 200;
/// Lines of source before and after the step.
const SOURCE_LINES: u32 = 2;

/// What the compiler knows of functions: each drawn beside its source, in a block of its own.
pub fn ownership(known: &Ownership, sources: &[SourceFile]) -> String {
    let mut out = String::from("# Ownership\n\n");
    for function in &known.functions {
        let one = Ownership {
            functions: vec![function.clone()],
            missing: Vec::new(),
        };
        let options = TextOptions {
            sources,
            ..TextOptions::default()
        };
        let drawing = text::ownership(&one, &options);
        // What stands between two such lines cannot end the block.
        let fence = "`".repeat(longest_fence(&drawing) + 3);
        out.push_str(&format!(
            "## {}\n\n{fence}text\n{drawing}{fence}\n\n",
            code(&function.name)
        ));
    }
    for missing in &known.missing {
        let name = missing.crate_name.as_deref().unwrap_or("a crate");
        let reason = prose(&missing.reason);
        out.push_str(&format!(
            "Nothing is known of {}: {reason}.\n\n",
            code(name)
        ));
    }
    out
}

/// The most backticks in a row.
fn longest_fence(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

/// One step: where it is, what happened, the stacks, the heap, statics, output.
pub fn state(state: &State, sources: &[SourceFile], frames: Frames) -> String {
    let look = Look::new(state);
    let mut out = format!(
        "# Step {} of {}{}\n\n",
        state.step,
        state.steps,
        stackheap_explain::part(state.part)
    );
    out.push_str(&format!("In {}", code(&state.at.function)));
    if let Some(at) = &state.at.position {
        out.push_str(&format!(" at {}", code(&position(at))));
    }
    out.push_str(".\n\n");
    source(&mut out, state, sources);
    events(&mut out, "Since the step before", &state.events, state);
    for thread in &state.threads {
        let name = thread.name.as_deref().unwrap_or("");
        out.push_str(&format!(
            "## Stack of thread {} {}\n\n",
            thread.id,
            prose(name)
        ));
        let limit = match &thread.stack.limit {
            Ok(limit) => format!("of {}", size(*limit)),
            Err(unknown) => format!("(limit unknown: {})", prose(&unknown.reason)),
        };
        out.push_str(&format!(
            "{} {limit} in use, at most {} so far. Outermost call first; the stack grows to lower addresses.\n\n",
            size(thread.stack.used),
            size(thread.stack.high_water)
        ));
        let chosen = thread.frames.iter().rev();
        for shown in chosen
            .filter(|f| f.user || frames == Frames::All)
            .take(TABLE_ROWS)
        {
            frame(&mut out, &look, shown);
        }
    }
    heap(&mut out, &look);
    statics(&mut out, state);
    output(&mut out, state);
    events(&mut out, "After this last step", &state.after, state);
    out
}

fn source(out: &mut String, state: &State, sources: &[SourceFile]) {
    let Some(at) = &state.at.position else { return };
    let Some(file) = sources.iter().find(|file| file.path == *at.file) else {
        return;
    };
    let Some(text) = &file.text else { return };
    let first = at.line.saturating_sub(SOURCE_LINES).max(1);
    let mut lines = String::new();
    for (number, line) in (1u32..).zip(text.lines()) {
        if number < first || number > at.line.saturating_add(SOURCE_LINES) {
            continue;
        }
        lines.push_str(&visible(&line.replace('\t', "    ")));
        if number == at.line {
            lines.push_str(" // <-- about to run");
        }
        lines.push('\n');
    }
    let fence = fence(&lines);
    out.push_str(&format!("{fence}rust\n{lines}{fence}\n\n"));
}

/// A fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    let mut longest = 2;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(longest + 1)
}

fn frame(out: &mut String, look: &Look<'_>, frame: &Frame) {
    let bytes = frame.high.checked_distance(frame.low).unwrap_or(0);
    out.push_str(&format!("### {}\n\n", code(&frame.function)));
    out.push_str(&format!(
        "{} from {} up to {}",
        size(bytes),
        frame.low,
        frame.high
    ));
    if let Some(at) = &frame.at.position {
        out.push_str(&format!(", at {}", code(&position(at))));
    }
    out.push_str(".\n\n");
    if frame.locals.is_empty() {
        out.push_str("No locals.\n\n");
        return;
    }
    out.push_str(
        "| local | type | where | state | value | points at |\n|---|---|---|---|---|---|\n",
    );
    for local in frame.locals.iter().take(TABLE_ROWS) {
        let state = match &local.state {
            LocalState::Live => "live".to_owned(),
            other => local_state(other),
        };
        let mut state = prose(&state);
        if let Some(stale) = look.stale(frame.id, local) {
            state.push_str(&format!(": {}", prose(&stale)));
        }
        let points: Vec<_> = look
            .edges_of_local(frame.id, &local.name)
            .iter()
            .map(|edge| {
                let kind = crate::json::edge_kind(edge.kind);
                format!("{kind} → {}", prose(&look.target(edge)))
            })
            .collect();
        let value = local.value.as_deref().map_or_else(String::new, value_text);
        out.push_str(&format!(
            "| {} | {} | {} | {state} | {value} | {} |\n",
            cell(&local.name),
            cell(&short_type(&local.type_name)),
            prose(&place(&local.place)),
            points.join("<br>")
        ));
    }
    out.push('\n');
}

fn heap(out: &mut String, look: &Look<'_>) {
    let state = look.state;
    out.push_str("## Heap\n\n");
    if state.blocks.is_empty() {
        out.push_str("No block is allocated.\n\n");
        return;
    }
    let live = || state.blocks.iter().filter(|b| b.state == BlockState::Live);
    let bytes = live().map(|block| block.size).fold(0, u64::saturating_add);
    out.push_str(&format!(
        "{} live, {}.\n\n",
        live().count(),
        rough_size(bytes)
    ));
    out.push_str("| block | address | size | type | owner | value | points at | since |\n");
    out.push_str("|---|---|---|---|---|---|---|---|\n");
    for block in state.blocks.iter().take(TABLE_ROWS) {
        block_row(out, look, block);
    }
    let more = state.blocks.len().saturating_sub(TABLE_ROWS) as u64;
    let more = more.saturating_add(state.blocks_left_out);
    if more > 0 {
        out.push_str(&format!("\nAnd {more} more.\n"));
    }
    out.push('\n');
}

fn block_row(out: &mut String, look: &Look<'_>, block: &Block) {
    let owners: Vec<_> = block
        .owners
        .iter()
        .map(|owner| prose(&look.owner(owner)))
        .collect();
    let mut owners = match (&block.no_owner_because, owners.is_empty()) {
        _ if block.state == BlockState::Freed => "none: freed".to_owned(),
        (Some(because), true) => format!("none: {}", prose(because)),
        (None, true) => "unknown".to_owned(),
        _ => owners.join("<br>"),
    };
    if let Some(counts) = block.counts {
        owners.push_str(&format!(
            " (strong {}, weak {})",
            counts.strong, counts.weak
        ));
    }
    let points: Vec<_> = look
        .edges_of_block(block.id)
        .iter()
        .map(|edge| {
            let kind = crate::json::edge_kind(edge.kind);
            format!("{kind} → {}", prose(&look.target(edge)))
        })
        .collect();
    let mut since = prose(&step_ref(&block.allocated));
    if let Some(freed) = &block.freed {
        since.push_str(&format!("<br>freed {}", prose(&when(freed))));
    }
    let type_name = block
        .type_name
        .as_deref()
        .map_or("unknown".to_owned(), short_type);
    out.push_str(&format!(
        "| #{} | {} | {} | {} | {owners} | {} | {} | {since} |\n",
        block.id,
        block.address,
        size(block.size),
        cell(&type_name),
        value_text(&block.value),
        points.join("<br>")
    ));
}

fn statics(out: &mut String, state: &State) {
    if state.statics.is_empty() {
        return;
    }
    out.push_str("## Static and read-only\n\n| name | type | where | value |\n|---|---|---|---|\n");
    for item in state.statics.iter().take(TABLE_ROWS) {
        out.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            cell(&item.name),
            cell(&short_type(&item.type_name)),
            prose(&place(&item.place)),
            value_text(&item.value)
        ));
    }
    out.push('\n');
}

fn events(out: &mut String, title: &str, events: &[Event], state: &State) {
    if events.is_empty() {
        return;
    }
    out.push_str(&format!("## {title}\n\n"));
    for happened in events {
        let words = event(happened, state);
        out.push_str(&format!("- {}", prose(&words.text)));
        if let Some(because) = &words.because {
            out.push_str(&format!("  \n  because {}", prose(because)));
        }
        out.push('\n');
    }
    out.push('\n');
}

fn output(out: &mut String, state: &State) {
    let streams = [
        ("Output", &state.output.stdout),
        ("Standard error", &state.output.stderr),
        ("Captured by the test harness", &state.output.captured),
    ];
    for (title, bytes) in streams {
        if bytes.is_empty() {
            continue;
        }
        let text = String::from_utf8_lossy(bytes);
        let shown: Vec<_> = text.lines().map(visible).collect();
        let shown = shown.join("\n");
        let fence = fence(&shown);
        out.push_str(&format!(
            "## {title} so far\n\n{fence}text\n{shown}\n{fence}\n\n"
        ));
    }
}

/// The table Stack | Heap.
pub fn compare(table: &Comparison) -> String {
    let mut out = String::from("| | Stack | Heap |\n|---|---|---|\n");
    for row in comparison(table) {
        let side = |sentences: &[String]| {
            let told: Vec<_> = sentences
                .iter()
                .map(|text| format!("{}.", prose(text)))
                .collect();
            told.join("<br>")
        };
        out.push_str(&format!(
            "| **{}** | {} | {} |\n",
            row.topic,
            side(&row.stack),
            side(&row.heap)
        ));
    }
    out
}

/// The life of one local or block.
pub fn story(story: &Story) -> String {
    let mut out = format!("# The life of {}\n\n", prose(&story.subject));
    for entry in &story.entries {
        let step = entry
            .step
            .map_or_else(String::new, |step| format!("step {step}: "));
        let at = entry
            .at
            .as_ref()
            .map(|at| format!(" ({})", code(&position(at))));
        out.push_str(&format!(
            "- {step}{}{}",
            prose(&entry.sentence.text),
            at.unwrap_or_default()
        ));
        if let Some(because) = &entry.sentence.because {
            out.push_str(&format!("  \n  because {}", prose(because)));
        }
        out.push('\n');
    }
    if story.left_out > 0 {
        out.push_str(&format!("- and {} more\n", story.left_out));
    }
    out
}

fn value_text(value: &Value) -> String {
    match &value.text {
        Ok(text) if text.is_empty() => String::new(),
        Ok(text) => cell(text),
        Err(unknown) => format!("unknown: {}", prose(&unknown.reason)),
    }
}

/// Text as code in a cell of a table.
fn cell(text: &str) -> String {
    // Inside a table a bar ends the cell even in code; GitHub reads `\|` there.
    code(&stackheap_explain::cut(&visible(text), VALUE_CHARACTERS)).replace('|', "\\|")
}

/// Text as code.
fn code(text: &str) -> String {
    let text = visible(text);
    if !text.contains('`') {
        return format!("`{text}`");
    }
    let fence = fence(&text);
    format!("{fence} {text} {fence}")
}

/// Words, of which nothing but code between backticks is markup.
fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut inside_code = false;
    let balanced = text.matches('`').count().is_multiple_of(2);
    for c in visible(text).chars() {
        match c {
            '`' if balanced => {
                inside_code = !inside_code;
                out.push(c);
            }
            '|' => out.push_str("\\|"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&' | '~' if !inside_code => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}
