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

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::tree::{Members, Tree, number_into, text_into};

/// How deep a state is stored. Nothing that is made here is deeper; the rest would be `null`.
const DEPTH: u32 = 128;

/// The pool.
#[derive(Default)]
pub(super) struct Pool {
    items: Distinct,
    shapes: Distinct,
    /// The last list of each channel; the frames of each thread are a channel of their own.
    last: FxHashMap<String, (usize, Vec<usize>)>,
    /// What is being encoded: the ends of all that is begun, one behind the other.
    scratch: String,
}

/// Texts, each there once, by number.
#[derive(Default)]
struct Distinct {
    index: FxHashMap<Arc<str>, usize>,
    texts: Vec<Arc<str>>,
    bytes: usize,
}

impl Distinct {
    fn number_of(&mut self, text: &str) -> usize {
        if let Some(number) = self.index.get(text) {
            return *number;
        }
        let number = self.texts.len();
        let text: Arc<str> = text.into();
        self.bytes += text.len() + 1;
        self.texts.push(Arc::clone(&text));
        self.index.insert(text, number);
        number
    }
}

impl Pool {
    /// Bytes of what is stored so far.
    pub(super) fn bytes(&self) -> usize {
        self.items.bytes + self.shapes.bytes
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
            row.push(',');
            number_into(&mut row, *item as u64);
        }
        row.push(']');
        *last = items;
        row
    }

    /// Stores a value; gives its index.
    pub(super) fn add(&mut self, value: &Tree<'_>) -> usize {
        self.add_to(value, DEPTH)
    }

    fn add_to(&mut self, value: &Tree<'_>, depth: u32) -> usize {
        // Parts are encoded behind what is begun, and taken off when their number is known.
        let start = self.scratch.len();
        match value {
            Tree::Stored(index) => return *index,
            Tree::List(_) | Tree::Object(_) if depth == 0 => self.scratch.push_str("null"),
            Tree::List(items) => {
                self.scratch.push_str("[-1");
                for item in items {
                    let item = self.add_to(item, depth - 1);
                    self.append(item);
                }
                self.scratch.push(']');
            }
            Tree::Object(members) => {
                let shape = self.shape_of(members);
                self.scratch.push('[');
                number_into(&mut self.scratch, shape as u64);
                for (_, member) in members.iter() {
                    let member = self.add_to(member, depth - 1);
                    self.append(member);
                }
                self.scratch.push(']');
            }
            scalar => scalar.write(&mut self.scratch),
        }
        let text = self.scratch.get(start..).unwrap_or_default();
        let index = self.items.number_of(text);
        self.scratch.truncate(start);
        index
    }

    fn append(&mut self, index: usize) {
        self.scratch.push(',');
        number_into(&mut self.scratch, index as u64);
    }

    fn shape_of(&mut self, members: &Members<'_>) -> usize {
        self.shape(members.iter().map(|(name, _)| name))
    }

    fn shape<'k>(&mut self, keys: impl Iterator<Item = &'k str>) -> usize {
        let start = self.scratch.len();
        self.scratch.push('[');
        for (index, key) in keys.enumerate() {
            self.scratch.push_str(if index == 0 { "" } else { "," });
            text_into(&mut self.scratch, key);
        }
        self.scratch.push(']');
        let text = self.scratch.get(start..).unwrap_or_default();
        let shape = self.shapes.number_of(text);
        self.scratch.truncate(start);
        shape
    }

    /// The pool as JSON: the shapes and the items.
    pub(super) fn json(&self) -> String {
        format!(
            "{{\"shapes\":[{}],\"items\":[{}]}}",
            self.shapes.texts.join(","),
            self.items.texts.join(",")
        )
    }
}

/// An object that is not in the pool itself, because it is never the same twice: a state, a thread.
#[derive(Default)]
pub(super) struct Row<'a> {
    keys: Vec<&'a str>,
    parts: Vec<String>,
}

impl<'a> Row<'a> {
    /// A member that is stored in the pool.
    pub(super) fn value(&mut self, pool: &mut Pool, name: &'a str, value: &Tree<'_>) {
        self.keys.push(name);
        self.parts.push(pool.add(value).to_string());
    }

    /// A list of items of the pool, as what changed since the last list of its channel.
    pub(super) fn list(
        &mut self,
        pool: &mut Pool,
        name: &'a str,
        channel: &str,
        items: Vec<usize>,
    ) {
        self.keys.push(name);
        self.parts.push(pool.continued(channel, items));
    }

    /// A list of rows.
    pub(super) fn rows(&mut self, name: &'a str, rows: &[String]) {
        self.keys.push(name);
        let mut list = String::from("[-1");
        for row in rows {
            list.push(',');
            list.push_str(row);
        }
        self.parts.push(list + "]");
    }

    /// The row, encoded.
    pub(super) fn finish(self, pool: &mut Pool) -> String {
        let shape = pool.shape(self.keys.iter().copied());
        format!("[{shape},{}]", self.parts.join(","))
    }
}
