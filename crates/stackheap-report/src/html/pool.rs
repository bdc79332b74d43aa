//! States stored so that each distinct part is there once.
//!
//! Consecutive states differ in little. Every string, number, list and object of a state is stored
//! in one pool, by its content, and referred to by its index; an object is a list of indices behind
//! the number of its shape (its list of keys). The long lists of a state (blocks, edges, statics,
//! and the frames of each thread) change at one place between two states, so of these only what lies
//! between the common beginning and end is stored.
//!
//! Encoded: a scalar stands for itself; a list is `[-1, item...]`; an object `[shape, member...]`
//! with the members in the order of the shape's keys; a list that continues the one before it
//! is `[-2, channel, same at the beginning, same at the end, item...]`.

use std::collections::HashMap;

use serde_json::Value as Json;

/// How deep a state is stored. Nothing that is made here is deeper; the rest would be `null`.
const DEPTH: u32 = 128;

/// The pool.
#[derive(Default)]
pub(super) struct Pool {
    index: HashMap<String, usize>,
    items: Vec<String>,
    shape_index: HashMap<String, usize>,
    shapes: Vec<String>,
    /// The last list of each channel; the frames of each thread are a channel of their own.
    last: HashMap<String, (usize, Vec<usize>)>,
    bytes: usize,
}

impl Pool {
    /// Bytes of what is stored so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A list as what changed since the last one of its channel.
    fn continued(&mut self, channel: &str, items: Vec<usize>) -> String {
        let channels = self.last.len();
        let (number, last) = self
            .last
            .entry(channel.to_owned())
            .or_insert_with(|| (channels, Vec::new()));
        let same = |pairs: &mut dyn Iterator<Item = (&usize, &usize)>| {
            pairs.take_while(|(a, b)| a == b).count()
        };
        let front = same(&mut last.iter().zip(&items));
        let room = last.len().min(items.len()) - front;
        let back = same(&mut last.iter().rev().zip(items.iter().rev())).min(room);
        let mut row = format!("[-2,{number},{front},{back}");
        for item in items.iter().take(items.len() - back).skip(front) {
            row.push_str(&format!(",{item}"));
        }
        row.push(']');
        *last = items;
        row
    }

    /// Stores a value; gives its index.
    pub(super) fn add(&mut self, value: &Json) -> usize {
        self.add_to(value, DEPTH)
    }

    fn add_to(&mut self, value: &Json, depth: u32) -> usize {
        let encoded = match value {
            Json::Array(_) | Json::Object(_) if depth == 0 => "null".to_owned(),
            Json::Array(items) => {
                let mut encoded = String::from("[-1");
                for item in items {
                    encoded.push_str(&format!(",{}", self.add_to(item, depth - 1)));
                }
                encoded + "]"
            }
            Json::Object(members) => {
                let mut encoded = format!("[{}", self.shape(members.keys()));
                for member in members.values() {
                    encoded.push_str(&format!(",{}", self.add_to(member, depth - 1)));
                }
                encoded + "]"
            }
            scalar => scalar.to_string(),
        };
        if let Some(index) = self.index.get(&encoded) {
            return *index;
        }
        let index = self.items.len();
        self.bytes += encoded.len() + 1;
        self.items.push(encoded.clone());
        self.index.insert(encoded, index);
        index
    }

    fn shape<'k>(&mut self, keys: impl Iterator<Item = &'k String>) -> usize {
        let keys: Vec<Json> = keys.map(|key| Json::String(key.clone())).collect();
        let encoded = Json::Array(keys).to_string();
        if let Some(index) = self.shape_index.get(&encoded) {
            return *index;
        }
        let index = self.shapes.len();
        self.bytes += encoded.len() + 1;
        self.shapes.push(encoded.clone());
        self.shape_index.insert(encoded, index);
        index
    }

    /// The pool as JSON: the shapes and the items.
    pub(super) fn json(&self) -> String {
        format!(
            "{{\"shapes\":[{}],\"items\":[{}]}}",
            self.shapes.join(","),
            self.items.join(",")
        )
    }
}

/// An object that is not in the pool itself, because it is never the same twice: a state, a thread.
#[derive(Default)]
pub(super) struct Row {
    keys: Vec<String>,
    parts: Vec<String>,
}

impl Row {
    /// A member that is stored in the pool.
    pub(super) fn value(&mut self, pool: &mut Pool, name: &str, value: &Json) {
        self.keys.push(name.to_owned());
        self.parts.push(pool.add(value).to_string());
    }

    /// A list of items of the pool, as what changed since the last list of its channel.
    pub(super) fn list(&mut self, pool: &mut Pool, name: &str, channel: &str, items: Vec<usize>) {
        self.keys.push(name.to_owned());
        self.parts.push(pool.continued(channel, items));
    }

    /// A list of rows.
    pub(super) fn rows(&mut self, name: &str, rows: &[String]) {
        self.keys.push(name.to_owned());
        let mut list = String::from("[-1");
        for row in rows {
            list.push(',');
            list.push_str(row);
        }
        self.parts.push(list + "]");
    }

    /// The row, encoded.
    pub(super) fn finish(self, pool: &mut Pool) -> String {
        let shape = pool.shape(self.keys.iter());
        format!("[{shape},{}]", self.parts.join(","))
    }
}
