//! The shape of a state in JSON, against the committed schema and the documented example.

mod fixture;
mod schema;

use serde_json::{Value, json};
use stackheap_report::{Frames, json as report};

fn schema_json() -> Value {
    serde_json::from_str(include_str!("../schema/state.schema.json")).unwrap()
}

fn check(value: &Value) -> Vec<String> {
    let schema = schema_json();
    schema::errors(&schema, &schema, value, "state")
}

#[test]
fn every_state_matches_the_schema() {
    let mut states = fixture::moves();
    states.extend([
        fixture::zoo(),
        fixture::deep(500),
        fixture::hostile(),
        fixture::threads(),
    ]);
    let mut lines = String::new();
    for state in &states {
        let shown = report::state_with(state, Frames::All);
        lines.push_str(&format!("{shown}\n"));
        assert_eq!(check(&shown), Vec::<String>::new(), "step {}", state.step);
        // What is written is read back unchanged.
        let line = shown.to_string();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), shown);
    }
    // For other validators to look at.
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("states.jsonl");
    std::fs::write(path, lines).unwrap();
}

#[test]
fn the_schema_refuses_what_is_wrong() {
    let good = report::state(&fixture::zoo());
    let wrong: [(&str, Value); 7] = [
        ("/schema_version", json!(2)),
        ("/step", json!("61")),
        ("/blocks/0/address", json!("55")),
        ("/blocks/0/state", json!("gone")),
        ("/threads/0/frames/0/locals/0/value", json!({"text": "1"})),
        ("/edges/0/to", json!({"offset": 3})),
        ("/threads/0/stack/limit", json!({})),
    ];
    for (pointer, value) in wrong {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!check(&bad).is_empty(), "{pointer} is accepted");
    }
    for name in [
        "step", "at", "events", "threads", "blocks", "statics", "edges", "output",
    ] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(name);
        assert!(!check(&bad).is_empty(), "without {name} it is accepted");
    }
}

#[test]
fn a_moved_local_keeps_its_bytes_and_has_no_text() {
    let shown = report::state(&fixture::moves()[3]);
    let locals = &shown["threads"][0]["frames"][0]["locals"];
    assert_eq!(locals[0]["state"], "moved");
    assert_eq!(locals[0]["value"].get("text"), None);
    assert_eq!(
        locals[0]["value"]["bytes"],
        "05000000000000000000003c815500000500000000000000"
    );
    assert_eq!(locals[1]["value"]["text"], "\"hello\"");
    assert_eq!(locals[1]["place"]["region"], "stack");
    assert_eq!(locals[1]["loans"], json!([]));
    assert_eq!(
        shown["blocks"][0]["owners"],
        json!([{"kind": "local", "frame": 7, "local": "t", "path": "vec.buf"}])
    );
    assert_eq!(shown["edges"][0]["kind"], "owns");
    assert_eq!(
        shown["edges"][0]["to"],
        json!({"block": 1, "offset": 0, "bytes": 5, "path": ""})
    );
    assert_eq!(
        shown["output"],
        json!({"stdout": "", "stderr": "", "captured": ""})
    );
}

#[test]
fn the_unknown_carries_its_reason() {
    let shown = report::state(&fixture::zoo());
    let main = &shown["threads"][0]["frames"][2];
    let named = |name: &str| {
        let locals = main["locals"].as_array().unwrap();
        locals
            .iter()
            .find(|local| local["name"] == name)
            .unwrap()
            .clone()
    };
    let scratch = named("scratch");
    assert_eq!(
        (&scratch["state"], &scratch["because"]),
        (&json!("unknown"), &json!("optimised out"))
    );
    assert_eq!(scratch["value"]["unknown"], "optimised out");
    assert_eq!(scratch["value"].get("text"), None);
    assert_eq!(scratch["place"]["note"], "optimised out");
    assert_eq!(
        named("i")["place"],
        json!({"region": "register", "address": null, "size": 8, "align": 8, "note": "rbx"})
    );
    let leaked = &shown["blocks"][6];
    assert_eq!(leaked["owners"], json!([]));
    assert_eq!(leaked["because"], "no pointer to it was found in any owner");
    assert_eq!(
        shown["blocks"][3]["counts"],
        json!({"strong": 2, "weak": 1})
    );
    assert_eq!(shown["blocks"][3]["owners"].as_array().unwrap().len(), 2);
}

#[test]
fn frames_of_others_are_only_shown_on_request() {
    let state = fixture::zoo();
    let count = |shown: Value| shown["threads"][0]["frames"].as_array().unwrap().len();
    assert_eq!(count(report::state(&state)), 3);
    assert_eq!(count(report::state_with(&state, Frames::All)), 4);
    assert_eq!(
        report::state(&state)["threads"][0]["frames"][0]["id"],
        9,
        "innermost first"
    );
}

#[test]
fn deep_values_are_cut_and_counted() {
    use stackheap_model::{Value as Model, ValueField, ValueKind};
    let mut value = Model::text(ValueKind::Number, "0");
    for depth in 0..200 {
        let mut outer = Model::text(ValueKind::Struct, depth.to_string());
        outer.fields.push(ValueField {
            name: "next".into(),
            type_name: "demo::List".into(),
            offset: Some(0),
            value,
        });
        value = outer;
    }
    let mut state = fixture::moves().remove(1);
    state.blocks[0].value = std::sync::Arc::new(value);
    let shown = report::state(&state);
    assert_eq!(check(&shown), Vec::<String>::new());
    let mut inner = &shown["blocks"][0]["value"];
    let mut levels = 0;
    while let Some(field) = inner["fields"].get(0) {
        inner = &field["value"];
        levels += 1;
    }
    assert_eq!((levels, &inner["fields_left_out"]), (32, &json!(1)));
}

#[test]
fn the_documented_example_is_what_is_given() {
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&report::state(&fixture::moves()[1])).unwrap()
    );
}
