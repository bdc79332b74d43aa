//! Drives `tinyjson`: reads, walks, changes and writes a document, and reads broken ones.
//! A line `name = value` of the output is a witness for the local of that name.

use std::collections::HashMap;

use tinyjson::JsonValue;

const TEXT: &str = r#"{"name": "Ada", "age": 36, "tags": ["math", "engine\n\u00e9"], "pi": -3.25e1, "none": null, "ok": true}"#;

fn read() {
    let mut value: JsonValue = TEXT.parse().unwrap();
    let object: &HashMap<String, JsonValue> = value.get().unwrap();
    let mut keys: Vec<&String> = object.keys().collect();
    keys.sort();
    println!("keys = {keys:?}");
    let age: f64 = *object["age"].get().unwrap();
    println!("age = {age:?}");
    let ok = &object["ok"];
    println!("ok = {ok:?}");
    let pi = object["pi"].clone();
    println!("pi = {pi:?}");
    let tags: &mut Vec<JsonValue> = value["tags"].get_mut().unwrap();
    tags.push(JsonValue::Number(0.5));
    println!("tags = {tags:?}");
    let last = tags.pop();
    println!("last = {last:?}");
    let shown = value["tags"].stringify();
    println!("shown = {shown:?}");
}

fn write() {
    let list = JsonValue::Array(vec![1.0.into(), true.into(), "x\"y".to_string().into(), ().into()]);
    println!("list = {list:?}");
    let short = list.stringify().unwrap();
    println!("short = {short:?}");
    let long = list.format().unwrap();
    println!("long = {long:?}");
    let taken: Vec<JsonValue> = list.try_into().unwrap();
    println!("taken = {taken:?}");
}

fn broken() {
    for text in ["", "{", "[1, 2", "\"\\u12\"", "tru", "1e", "[1] x"] {
        let found = text.parse::<JsonValue>();
        let place = found.as_ref().err().map(|error| (error.line(), error.column()));
        println!("place = {place:?}");
        match found {
            Ok(value) => println!("{text:?} is {value:?}"),
            Err(error) => println!("{text:?}: {error}"),
        }
    }
}

fn main() {
    read();
    write();
    broken();
}
