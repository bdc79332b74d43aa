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

/// Lists that are stored as what changed since the state before.
const CHANNELS: [&str; 4] = ["blocks", "edges", "statics", "frames"];

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

    /// Stores a state; gives what stands for it: the state's members, encoded.
    pub(super) fn row(&mut self, state: &Json) -> String {
        let Json::Object(members) = state else {
            return "null".to_owned();
        };
        let mut parts = Vec::with_capacity(members.len());
        for (name, member) in members {
            let encoded = match (name.as_str(), member) {
                ("threads", Json::Array(threads)) => self.threads(threads),
                (_, Json::Array(items)) if CHANNELS.contains(&name.as_str()) => {
                    self.continued(name, items)
                }
                _ => self.add(member, DEPTH).to_string(),
            };
            parts.push(encoded);
        }
        let shape = self.shape(members.keys());
        format!("[{shape},{}]", parts.join(","))
    }

    fn threads(&mut self, threads: &[Json]) -> String {
        let mut parts = vec!["-1".to_owned()];
        for thread in threads {
            let Json::Object(members) = thread else {
                parts.push(self.add(thread, DEPTH).to_string());
                continue;
            };
            let id = members.get("id").map_or_else(String::new, Json::to_string);
            let mut inner = Vec::with_capacity(members.len());
            for (name, member) in members {
                inner.push(match (name.as_str(), member) {
                    ("frames", Json::Array(frames)) => {
                        self.continued(&format!("frames of {id}"), frames)
                    }
                    _ => self.add(member, DEPTH).to_string(),
                });
            }
            let shape = self.shape(members.keys());
            parts.push(format!("[{shape},{}]", inner.join(",")));
        }
        format!("[{}]", parts.join(","))
    }

    /// A list as what changed since the last one of its channel.
    fn continued(&mut self, channel: &str, items: &[Json]) -> String {
        let items: Vec<usize> = items.iter().map(|item| self.add(item, DEPTH)).collect();
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
    fn add(&mut self, value: &Json, depth: u32) -> usize {
        let encoded = match value {
            Json::Array(_) | Json::Object(_) if depth == 0 => "null".to_owned(),
            Json::Array(items) => {
                let mut encoded = String::from("[-1");
                for item in items {
                    encoded.push_str(&format!(",{}", self.add(item, depth - 1)));
                }
                encoded + "]"
            }
            Json::Object(members) => {
                let mut encoded = format!("[{}", self.shape(members.keys()));
                for member in members.values() {
                    encoded.push_str(&format!(",{}", self.add(member, depth - 1)));
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
