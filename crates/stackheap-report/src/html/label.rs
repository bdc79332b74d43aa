//! Words for a page, put into its parts where they are made: the browser draws, it does not explain.

use serde_json::{Map, Value as Json, json};
use stackheap_explain::{edge_kind, frame_bytes, local_role, local_state, region, short_type};
use stackheap_model::{
    Block, Edge, EdgeEnd, Frame, Local, LocalRole, LocalState, Region, StaticItem, StepNumber,
};

use crate::look::Look;

/// Stands for "at this step", which no step number does: they begin at 1.
pub(super) const THIS_STEP: StepNumber = StepNumber(0);

/// The words of a frame that depend on what is outside of it.
pub(super) fn frame_words(frame: &Frame, look: &Look<'_>) -> Vec<String> {
    let words = |local| look.stale(frame.id, local).unwrap_or_default();
    frame.locals.iter().map(words).collect()
}

/// Adds words to a frame.
pub(super) fn frame(shown: &mut Json, frame: &Frame, look: &Look<'_>) {
    for (shown, local) in list(shown, "locals").zip(&frame.locals) {
        label_local(shown, frame, local, look);
    }
    for (shown, bytes) in list(shown, "other_bytes").zip(&frame.other_bytes) {
        set(shown, "text", json!(frame_bytes(bytes)));
    }
}

fn label_local(shown: &mut Json, frame: &Frame, local: &Local, look: &Look<'_>) {
    set(shown, "short_type", json!(short_type(&local.type_name)));
    match &local.state {
        LocalState::Live => {}
        // The reason has a line of its own.
        LocalState::Unknown(_) => set(shown, "words", json!("state unknown")),
        state => set(shown, "words", json!(local_state(state))),
    }
    if !matches!(local.role, LocalRole::Variable) {
        set(shown, "role_words", json!(local_role(local.role)));
    }
    if let Some(stale) = look.stale(frame.id, local) {
        set(shown, "stale", json!(stale));
    }
}

/// The owners of a block as a reader would call them.
pub(super) fn owner_words(block: &Block, look: &Look<'_>) -> Vec<String> {
    let owners = block.owners.iter();
    owners
        .map(|owner| stackheap_explain::owner(owner, look.state))
        .collect()
}

/// Adds words to a block.
pub(super) fn block(shown: &mut Json, block: &Block, owners: &[String], read: Option<StepNumber>) {
    if let Some(name) = &block.type_name {
        set(shown, "short_type", json!(short_type(name)));
    }
    set(shown, "as_of", json!(read.map(|step| step.0)));
    for (shown, label) in list(shown, "owners").zip(owners) {
        set(shown, "label", json!(label));
    }
}

/// Adds words to a static.
pub(super) fn static_item(shown: &mut Json, item: &StaticItem) {
    set(shown, "short_type", json!(short_type(&item.type_name)));
}

/// Adds words to an edge, and where in a local it begins or ends.
pub(super) fn edge(shown: &mut Json, edge: &Edge, look: &Look<'_>) {
    set(shown, "words", json!(edge_kind(edge.kind)));
    set(shown, "label", json!(look.target(edge)));
    set(shown, "short", json!(look.short_target(edge)));
    for (name, end) in [("from", &edge.from), ("to", &edge.to)] {
        if let EdgeEnd::Local {
            frame,
            local,
            address,
            ..
        } = end
            && let Some(shown) = shown.get_mut(name)
        {
            let base = look
                .local(*frame, local)
                .and_then(|local| local.place.address);
            let offset = base.and_then(|base| address.checked_distance(base));
            set(shown, "offset", json!(offset.unwrap_or(0)));
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

fn list<'a>(object: &'a mut Json, name: &str) -> impl Iterator<Item = &'a mut Json> {
    let items = object.get_mut(name).and_then(Json::as_array_mut);
    items.into_iter().flatten()
}

fn set(object: &mut Json, name: &str, member: Json) {
    if let Json::Object(members) = object {
        members.insert(name.to_owned(), member);
    }
}
