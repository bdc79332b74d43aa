//! Words for a page, put into the states where they are made: the browser draws, it does not explain.

use serde_json::{Map, Value as Json, json};
use stackheap_explain::{edge_kind, frame_bytes, local_role, local_state, region, short_type};
use stackheap_model::{Edge, EdgeEnd, LocalRole, LocalState, Region, State};

use crate::look::Look;

/// Adds words to a state that was made from `state` with the frames of user code.
pub(super) fn label(shown: &mut Json, state: &State) {
    let look = Look::new(state);
    let threads = list(shown, "threads").into_iter().flatten();
    for (shown, thread) in threads.zip(&state.threads) {
        let frames = list(shown, "frames").into_iter().flatten();
        for (shown, frame) in frames.zip(thread.frames.iter().filter(|frame| frame.user)) {
            let locals = list(shown, "locals").into_iter().flatten();
            for (shown, local) in locals.zip(&frame.locals) {
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
            let bytes = list(shown, "other_bytes").into_iter().flatten();
            for (shown, bytes) in bytes.zip(&frame.other_bytes) {
                set(shown, "text", json!(frame_bytes(bytes)));
            }
        }
    }
    let blocks = list(shown, "blocks").into_iter().flatten();
    for (shown, block) in blocks.zip(&state.blocks) {
        if let Some(name) = &block.type_name {
            set(shown, "short_type", json!(short_type(name)));
        }
        // Most blocks were read at the step itself; naming it would make each block a new one.
        if block.as_of == Some(state.step) {
            set(shown, "as_of", json!("this step"));
        }
        let owners = list(shown, "owners").into_iter().flatten();
        for (shown, owner) in owners.zip(&block.owners) {
            set(
                shown,
                "label",
                json!(stackheap_explain::owner(owner, state)),
            );
        }
    }
    let statics = list(shown, "statics").into_iter().flatten();
    for (shown, item) in statics.zip(&state.statics) {
        set(shown, "short_type", json!(short_type(&item.type_name)));
    }
    let edges = list(shown, "edges").into_iter().flatten();
    for (shown, edge) in edges.zip(&state.edges) {
        label_edge(shown, edge, &look);
    }
}

fn label_edge(shown: &mut Json, edge: &Edge, look: &Look<'_>) {
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

fn list<'a>(object: &'a mut Json, name: &str) -> Option<&'a mut Vec<Json>> {
    object.get_mut(name)?.as_array_mut()
}

fn set(object: &mut Json, name: &str, member: Json) {
    if let Json::Object(members) = object {
        members.insert(name.to_owned(), member);
    }
}
