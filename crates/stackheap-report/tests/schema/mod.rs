//! The part of JSON Schema (draft 2020-12) that `state.schema.json` uses.

use serde_json::Value;

/// Keywords that say something about a value; any other one in the schema is a mistake here.
const KNOWN: [&str; 16] = [
    "$schema",
    "$id",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "required",
    "properties",
    "items",
    "enum",
    "const",
    "minimum",
    "pattern",
    "anyOf",
    "additionalProperties",
];

/// Every way in which `value` differs from `schema`, each with where.
pub fn errors(schema: &Value, root: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for keyword in schema.as_object().unwrap().keys() {
        assert!(
            KNOWN.contains(&keyword.as_str()),
            "{keyword} is not checked by this validator"
        );
    }
    if let Some(reference) = schema.get("$ref") {
        let name = reference
            .as_str()
            .unwrap()
            .strip_prefix("#/$defs/")
            .unwrap();
        found.extend(errors(&root["$defs"][name], root, value, at));
    }
    if let Some(wanted) = schema.get("type") {
        let one = std::slice::from_ref(wanted);
        let wanted = wanted.as_array().map_or(one, Vec::as_slice);
        if !wanted.iter().any(|name| is(value, name.as_str().unwrap())) {
            found.push(format!("{at}: {value} is none of {wanted:?}"));
        }
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        found.push(format!("{at}: {value} is not {constant}"));
    }
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        found.push(format!("{at}: {value} is none of {allowed:?}"));
    }
    if let (Some(least), Some(number)) = (schema.get("minimum"), value.as_i64())
        && number < least.as_i64().unwrap()
    {
        found.push(format!("{at}: {number} is below {least}"));
    }
    if let (Some(pattern), Some(text)) = (schema.get("pattern"), value.as_str())
        && !matches_pattern(pattern.as_str().unwrap(), text)
    {
        found.push(format!("{at}: {text:?} does not match {pattern}"));
    }
    if let Some(Value::Array(choices)) = schema.get("anyOf")
        && !choices
            .iter()
            .any(|choice| errors(choice, root, value, at).is_empty())
    {
        found.push(format!("{at}: {value} matches no choice"));
    }
    if let (Some(Value::Array(required)), Some(object)) =
        (schema.get("required"), value.as_object())
    {
        for name in required.iter().map(|name| name.as_str().unwrap()) {
            if !object.contains_key(name) {
                found.push(format!("{at}: {name} is missing"));
            }
        }
    }
    if let (Some(Value::Object(properties)), Some(object)) =
        (schema.get("properties"), value.as_object())
    {
        for (name, member) in object {
            if let Some(schema) = properties.get(name) {
                found.extend(errors(schema, root, member, &format!("{at}.{name}")));
            }
        }
    }
    if let (Some(schema), Some(items)) = (schema.get("items"), value.as_array()) {
        for (index, item) in items.iter().enumerate() {
            found.extend(errors(schema, root, item, &format!("{at}[{index}]")));
        }
    }
    found
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("type {other}"),
    }
}

fn matches_pattern(pattern: &str, text: &str) -> bool {
    let hex = |text: &str| text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    match pattern {
        "^0x[0-9a-f]+$" => text
            .strip_prefix("0x")
            .is_some_and(|digits| !digits.is_empty() && hex(digits)),
        "^([0-9a-f]{2})*$" => text.len().is_multiple_of(2) && hex(text),
        other => panic!("pattern {other}"),
    }
}
