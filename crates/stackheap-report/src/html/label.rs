//! Words for a page, put into its parts where they are made: the browser draws, it does not explain.

use serde_json::{Map, Value as Json, json};
use stackheap_explain::{edge_kind, frame_bytes, local_role, local_state, region, short_type};
use stackheap_model::{
    Block, Edge, EdgeEnd, Frame, Local, LocalRole, LocalState, Region, StaticItem, StepNumber,
};

use crate::look::Look;
use crate::tree::Tree;

/// Stands for "at this step", which no step number does: they begin at 1.
pub(super) const THIS_STEP: StepNumber = StepNumber(0);

/// Adds words to the bytes of a frame.
pub(super) fn frame(shown: &mut Tree<'_>, frame: &Frame) {
    for (shown, bytes) in list(shown, "other_bytes").zip(&frame.other_bytes) {
        shown.set("text", frame_bytes(bytes));
    }
}

/// Adds words to a local; `stale` are those that depend on what is outside of it.
pub(super) fn local<'a>(shown: &mut Tree<'a>, local: &'a Local, stale: Option<&str>) {
    shown.set("short_type", short_type(&local.type_name));
    match &local.state {
        LocalState::Live => {}
        // The reason has a line of its own.
        LocalState::Unknown(_) => shown.set("words", "state unknown"),
        state => shown.set("words", local_state(state)),
    }
    if !matches!(local.role, LocalRole::Variable) {
        shown.set("role_words", local_role(local.role));
    }
    if let Some(stale) = stale {
        shown.set("stale", stale.to_owned());
    }
}

/// The owners of a block as a reader would call them.
pub(super) fn owner_words(block: &Block, look: &Look<'_>) -> Vec<String> {
    let owners = block.owners.iter();
    owners
        .map(|owner| stackheap_explain::owner(owner, &look.names))
        .collect()
}

/// Adds words to a block.
pub(super) fn block(
    shown: &mut Tree<'_>,
    block: &Block,
    owners: &[String],
    read: Option<StepNumber>,
) {
    if let Some(name) = &block.type_name {
        shown.set("short_type", short_type(name));
    }
    shown.set("as_of", read.map(|step| step.0));
    for (shown, label) in list(shown, "owners").zip(owners) {
        shown.set("label", label.clone());
    }
}

/// Adds words to a static.
pub(super) fn static_item(shown: &mut Tree<'_>, item: &StaticItem) {
    shown.set("short_type", short_type(&item.type_name));
}

/// What a page says of an edge that depends on what is outside of it.
#[derive(PartialEq, Eq)]
pub(super) struct EdgeWords {
    label: String,
    short: String,
    /// Where in a local it begins and ends, in bytes; `None` where it does not in a local.
    offsets: [Option<u64>; 2],
}

/// The words of an edge.
pub(super) fn edge_words(edge: &Edge, look: &Look<'_>) -> EdgeWords {
    let offset = |end: &EdgeEnd| {
        let EdgeEnd::Local {
            frame,
            local,
            address,
            ..
        } = end
        else {
            return None;
        };
        let local = look.local(*frame, local);
        let base = local.and_then(|local| local.place.address);
        let offset = base.and_then(|base| address.checked_distance(base));
        Some(offset.unwrap_or(0))
    };
    EdgeWords {
        label: look.target(edge),
        short: look.short_target(edge),
        offsets: [offset(&edge.from), offset(&edge.to)],
    }
}

/// Adds words to an edge.
pub(super) fn edge(shown: &mut Tree<'_>, edge: &Edge, words: &EdgeWords) {
    shown.set("words", edge_kind(edge.kind));
    shown.set("label", words.label.clone());
    shown.set("short", words.short.clone());
    for (name, offset) in ["from", "to"].into_iter().zip(words.offsets) {
        if let (Some(offset), Some(shown)) = (offset, shown.get_mut(name)) {
            shown.set("offset", offset);
        }
    }
}

/// Regions in words, by their names in JSON.
pub(super) fn regions() -> Json {
    let named = [
        ("stack", Region::Stack),
        ("heap", Region::Heap),
        ("static", Region::Static),
        ("rodata", Region::Rodata),
        ("tls", Region::Tls),
        ("code", Region::Code),
        ("mapped", Region::Mapped),
        ("foreign", Region::Foreign),
        ("register", Region::Register),
        ("none", Region::None),
    ];
    let words = named
        .into_iter()
        .map(|(name, which)| (name.to_owned(), json!(region(which))));
    Json::Object(words.collect::<Map<_, _>>())
}

fn list<'t, 'a>(object: &'t mut Tree<'a>, name: &str) -> impl Iterator<Item = &'t mut Tree<'a>> {
    object.list_mut(name).into_iter().flatten()
}
