//! The heap: blocks in the order of their numbers, so that a block keeps its place while it lives.

use stackheap_explain::{rough_size, size, visible, when};
use stackheap_model::{Block, BlockState};

use super::drawing::Sheet;
use super::inside::{Inside, inside, value_text};
use super::line::{Look, columns, wrap};
use super::{Detail, Level};

/// Blocks drawn unless everything is asked for.
const FOLDED_BLOCKS: usize = 24;

/// So many blocks of a kind that are hardly the user's are drawn as they are.
const FEW_BLOCKS: usize = 8;

/// How many of them are drawn where there are more, unless everything is asked for.
const UNFOLDED_BLOCKS: usize = 3;

/// All blocks.
pub(super) fn heap(sheet: &mut Sheet<'_>) {
    let state = sheet.state();
    let live = || {
        state
            .blocks
            .iter()
            .filter(|block| block.state == BlockState::Live)
    };
    let count = (live().count() as u64).saturating_add(state.blocks_left_out);
    if state.blocks.is_empty() && state.blocks_left_out == 0 {
        sheet.heading("HEAP", "empty: no block is allocated");
        return;
    }
    let bytes = live().map(|block| block.size).fold(0, u64::saturating_add);
    let noun = if count == 1 { "block" } else { "blocks" };
    let remark = if state.blocks_left_out == 0 {
        format!("{count} {noun}, {} in use", rough_size(bytes))
    } else {
        format!(
            "{count} {noun}; {} of them are not shown here",
            state.blocks_left_out
        )
    };
    sheet.heading("HEAP", &remark);
    let most = match sheet.options.detail {
        Detail::Full => state.blocks.len(),
        Detail::Short => FOLDED_BLOCKS,
    };
    let (early, shown): (Vec<&Block>, Vec<&Block>) = state
        .blocks
        .iter()
        .partition(|block| sheet.options.detail == Detail::Short && is_from_start_up(block));
    if !early.is_empty() {
        let because = early
            .first()
            .and_then(|block| block.no_owner_because.as_ref())
            .map_or_else(String::new, |because| format!(": {}", visible(because)));
        let noun = if early.len() == 1 { "block" } else { "blocks" };
        let what = format!("{noun} from before the first step");
        tell_folded(sheet, &what, &early, &because);
    }
    // What std does for itself, such as a backtrace, is of interest as a number.
    let (passed, shown) = fold(sheet, shown, has_passed);
    if !passed.is_empty() {
        let what = "more blocks came and went within a step";
        tell_folded(sheet, what, &passed, "");
    }
    let is_stray = |block: &Block| block.state == BlockState::Live && is_unknown(block);
    let (unknown, shown) = fold(sheet, shown, is_stray);
    if !unknown.is_empty() {
        tell_folded(sheet, "more blocks without a known owner", &unknown, "");
    }
    // The newest blocks are those a step is about; the order on the sheet stays that of the numbers.
    let skipped = shown.len().saturating_sub(most);
    let (older, shown) = shown.split_at(skipped);
    if skipped > 0 {
        tell_folded(sheet, "older blocks", older, "");
    }
    for &block in shown {
        draw_block(sheet, block);
    }
}

/// Takes the blocks of a kind out, but the newest few of them, unless everything is asked for.
fn fold<'b>(
    sheet: &Sheet<'_>,
    blocks: Vec<&'b Block>,
    is_of_kind: impl Fn(&Block) -> bool,
) -> (Vec<&'b Block>, Vec<&'b Block>) {
    let count = blocks.iter().filter(|block| is_of_kind(block)).count();
    let mut left = match sheet.options.detail {
        Detail::Full => 0,
        Detail::Short if count > FEW_BLOCKS => count - UNFOLDED_BLOCKS,
        Detail::Short => 0,
    };
    blocks.into_iter().partition(|block| {
        let folded = left > 0 && is_of_kind(block);
        left -= usize::from(folded);
        folded
    })
}

/// Says what is not drawn: how many blocks, what they are, their bytes.
fn tell_folded(sheet: &mut Sheet<'_>, what: &str, blocks: &[&Block], further: &str) {
    let bytes = blocks.iter().map(|block| block.size);
    let bytes = rough_size(bytes.fold(0, u64::saturating_add));
    let words = format!(
        "{} {} {what}, {bytes}{further}",
        sheet.set.gap,
        blocks.len()
    );
    sheet.remark("", &words);
}

/// Whether a block was freed within the step that allocated it.
fn has_passed(block: &Block) -> bool {
    let freed = block.freed.as_ref().map(|freed| freed.step);
    block.state == BlockState::Freed && freed == Some(block.allocated.step)
}

/// Whether a block was there before the program's own code ran, and nothing of that code owns it.
fn is_from_start_up(block: &Block) -> bool {
    block.state == BlockState::Live && block.allocated.step.is_none() && block.owners.is_empty()
}

fn draw_block(sheet: &mut Sheet<'_>, block: &Block) {
    let freed = block.state == BlockState::Freed;
    let [top, side, bottom, flat] = if freed {
        sheet.set.ghost
    } else {
        sheet.set.rule
    };
    let mut line = sheet.line();
    line.push(Look::Dim, &format!("{top}{flat} "));
    line.push(
        if freed { Look::Dim } else { Look::Strong },
        &format!("#{}", block.id),
    );
    line.plain(&format!("  {}", size(block.size)));
    if let Some(type_name) = &block.type_name {
        let room = if sheet.full() { usize::MAX } else { 32 };
        line.plain("  ")
            .plain(&sheet.fit(&sheet.type_name(type_name), room));
    }
    if let (Some(align), Level::Engineer) = (block.align, sheet.options.level) {
        line.plain(&format!("  align {align}"));
    }
    if let Some(counts) = block.counts {
        let counts = format!("  strong {}, weak {}", counts.strong, counts.weak);
        line.push(Look::Own, &counts);
    }
    if freed {
        let at = block
            .freed
            .as_ref()
            .map_or_else(String::new, |freed| format!(" {}", when(freed)));
        line.push(Look::Dim, &format!("  freed{at}"));
    }
    let address = block.address.to_string();
    let column = sheet.width.saturating_sub(columns(&address) + 1);
    line.plain(" ").fill(Look::Dim, flat, column).plain(" ");
    line.push(Look::Dim, &address);
    sheet.end(line);
    let rule = side.to_string();
    contents(sheet, block, &rule);
    let life = life(sheet, block);
    for (index, part) in wrap(&life, sheet.width.saturating_sub(3))
        .iter()
        .enumerate()
    {
        let mut line = sheet.line();
        let corner = format!("{bottom}{flat} ");
        line.push(Look::Dim, if index == 0 { &corner } else { "   " });
        line.push(Look::Dim, part);
        sheet.end(line);
    }
}

/// Who owns it and since when it is there.
fn life(sheet: &Sheet<'_>, block: &Block) -> String {
    let owners: Vec<_> = block
        .owners
        .iter()
        .map(|owner| {
            let name = stackheap_explain::owner(owner, sheet.state());
            match (sheet.options.level, owner.path.is_empty()) {
                (Level::Engineer, false) => format!("{name} ({})", visible(&owner.path)),
                _ => name,
            }
        })
        .collect();
    let since = format!("allocated {}", when(&block.allocated));
    let owned = match (owners.as_slice(), &block.no_owner_because) {
        _ if block.state == BlockState::Freed => return since,
        ([], Some(because)) if is_unknown(block) => {
            format!("owner and contents not known: {}", visible(because))
        }
        ([], Some(because)) => format!("owner not known: {}", visible(because)),
        ([], None) => "owner unknown".to_owned(),
        ([owner], _) => format!("owned by {owner}"),
        // Without counts a block has one owner: if two places hold it, one of them is not known to be
        // moved out.
        (several, _) if block.counts.is_none() => format!(
            "held by {}: which of them owns it is not known",
            several.join(" and ")
        ),
        (several, _) => format!("shared by {}", several.join(" and ")),
    };
    let separator = format!(" {} ", sheet.set.dot);
    format!("{owned}{separator}{since}")
}

/// Whether nothing is known of what a block holds because no owner is known: one reason for both.
fn is_unknown(block: &Block) -> bool {
    match (&block.value.text, &block.no_owner_because) {
        (Err(value), Some(owner)) => {
            // Behind it who allocated the block may be told.
            let owner = owner.split("; ").next().unwrap_or_default();
            block.owners.is_empty() && value.reason.ends_with(owner)
        }
        _ => false,
    }
}

fn contents(sheet: &mut Sheet<'_>, block: &Block, rule: &str) {
    let text = value_text(&block.value);
    // That a freed block has no value is told by its heading.
    let told = block.value.text.is_err() && (block.state == BlockState::Freed || is_unknown(block));
    if !text.is_empty() && !told {
        let mut line = sheet.line();
        let look = if block.state == BlockState::Freed {
            Look::Dim
        } else {
            Look::Plain
        };
        let room = match sheet.options.detail {
            Detail::Full => usize::MAX,
            Detail::Short => sheet.width.saturating_sub(4),
        };
        line.push(Look::Dim, rule)
            .plain("  ")
            .push(look, &sheet.fit(&text, room));
        sheet.end(line);
    }
    if let (Some(step), true) = (block.as_of, block.state == BlockState::Live)
        && step != sheet.state().step
        && sheet.options.level == Level::Engineer
    {
        sheet.remark(
            &format!("{rule}  "),
            &format!("its bytes as they were at step {step}"),
        );
    }
    let edges = sheet.look.edges_of_block(block.id).to_vec();
    let at: Vec<_> = block
        .cells
        .iter()
        .map(|cell| (cell.offset, sheet.look.edge_in_block(block.id, cell.offset)))
        .collect();
    let edge_at = |offset: u64| {
        at.iter()
            .find(|(o, _)| *o == offset)
            .and_then(|(_, edge)| *edge)
    };
    inside(
        sheet,
        rule,
        &Inside {
            cells: &block.cells,
            bytes: &block.bytes,
            edges: &edges,
            edge_at: &edge_at,
            stale: block.state == BlockState::Freed,
            element_bytes: element_bytes(block),
        },
    );
}

/// The distance between the first two parts of a block, where it holds a sequence.
fn element_bytes(block: &Block) -> Option<u64> {
    let [first, second, ..] = block.value.fields.as_slice() else {
        return None;
    };
    second
        .offset?
        .checked_sub(first.offset?)
        .filter(|bytes| *bytes > 0)
}
