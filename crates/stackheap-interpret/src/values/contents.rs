//! What a heap block contains, as its owner says, and decoding the block by it.

use std::sync::Arc;

use stackheap_model::{Cell, CellKind, RuntimeAddress, TypeId, Unknown, Value, ValueKind};

use super::cells::join;
use super::describe::{CURLY, Described, Form, Part, SQUARE};
use super::pointers::Gathered;
use super::shapes::ring_index;
pub use super::shapes::{ChainNode, NodeLayout};
use super::text;
use super::tiles::Tiles;
pub use super::view::Meta;
use super::view::{Subject, View};
use super::{Decoded, Decoder, Pointer};

/// How the bytes of a text are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextEncoding {
    /// UTF-8.
    Utf8,
    /// What the operating system uses for names: mostly UTF-8, any bytes allowed.
    Os,
    /// Bytes that end with a zero byte.
    C,
}

/// The block of a hash table: elements, then control bytes. All sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableBlock {
    /// The type of an element: a pair of key and value.
    pub element: TypeId,
    /// How many elements fit.
    pub buckets: u64,
    /// How many there are.
    pub items: u64,
    /// From the start of the block to the control bytes; the elements end there.
    pub control_offset: u64,
    /// Control bytes behind the last bucket's.
    pub group: u64,
    /// Whether only the keys count.
    pub is_set: bool,
}

/// What a heap block contains.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Contents {
    /// One value: that of a `Box<T>`, or counts and value of an `Rc<T>`.
    One {
        /// Its type.
        ty: TypeId,
        /// For a type with an unsized tail, what the wide pointer said about it.
        meta: Option<Meta>,
    },
    /// Elements one after the other.
    Elements {
        /// The type of one.
        element: TypeId,
        /// The index of the first that is initialised.
        first: u64,
        /// How many are initialised; behind the last place they go on at the first.
        initialised: u64,
        /// How many fit.
        capacity: u64,
    },
    /// Text.
    Bytes {
        /// How it is to be read.
        encoding: TextEncoding,
        /// How many bytes are initialised, from the start on.
        initialised: u64,
        /// How many bytes there are.
        capacity: u64,
    },
    /// A hash table.
    Table(TableBlock),
    /// A node of a B-tree.
    TreeNode {
        /// Where things are in it.
        layout: NodeLayout,
        /// 0 for a leaf.
        height: u64,
        /// Whether only the keys count.
        is_set: bool,
    },
    /// A node of a linked list.
    ChainNode(ChainNode),
    /// Not known, for this reason.
    Unknown(Arc<str>),
}

/// A stretch of a block.
enum Extent {
    /// A value, with its name.
    Value(String, View),
    /// A part of the collection itself, with its name; its pointers lead back, not on.
    Link(String, View),
    /// A number or pointer of the collection itself.
    Own(Cell),
}

impl Decoder<'_> {
    /// The name of what a block contains, as a type: `[u8]`, `[T]`, `alloc::rc::RcInner<T>`;
    /// `None` when it is not known.
    pub fn contents_type_name(&self, contents: &Contents) -> Option<Arc<str>> {
        let name = |ty: TypeId| self.types.ty(ty).name.clone();
        Some(match contents {
            Contents::One { ty, .. } => name(*ty),
            Contents::Elements { element, .. } => format!("[{}]", name(*element)).into(),
            Contents::Bytes { .. } => "[u8]".into(),
            Contents::Table(table) => format!("[{}]", name(table.element)).into(),
            Contents::TreeNode {
                layout, height: 0, ..
            } => name(layout.leaf),
            Contents::TreeNode { layout, .. } => name(layout.internal),
            Contents::ChainNode(layout) => name(layout.node),
            Contents::Unknown(_) => return None,
        })
    }

    /// The block at `at`, decoded as what its owner says that it contains. `size` is the block's
    /// size in bytes, where it is known: the cells then cover all of it.
    pub fn decode_contents(
        &self,
        contents: &Contents,
        at: RuntimeAddress,
        size: Option<u64>,
    ) -> Decoded {
        match contents {
            Contents::One { ty, meta } => self.decode_one(*ty, *meta, at, size),
            Contents::Elements {
                element,
                first,
                initialised,
                capacity,
            } => self.decode_elements(*element, *first, *initialised, *capacity, at, size),
            Contents::Bytes {
                encoding,
                initialised,
                capacity,
            } => self.decode_text(*encoding, *initialised, *capacity, at, size),
            Contents::Table(table) => self.decode_table(table, at, size),
            Contents::TreeNode {
                layout,
                height,
                is_set,
            } => self.decode_tree_node(layout, *height, *is_set, at, size),
            Contents::ChainNode(layout) => self.decode_chain_node(layout, at, size),
            Contents::Unknown(reason) => {
                let size = size.unwrap_or(0);
                let cells = vec![raw(0, size, "", reason)];
                let value = Value::unknown(ValueKind::Raw, reason.clone());
                let cells = cells.into_iter().filter(|cell| cell.size > 0).collect();
                Decoded {
                    value,
                    cells,
                    pointers: Vec::new(),
                }
            }
        }
    }

    fn decode_one(
        &self,
        ty: TypeId,
        meta: Option<Meta>,
        at: RuntimeAddress,
        size: Option<u64>,
    ) -> Decoded {
        let view = self.block_view(Subject::Type(ty), at, meta);
        let total = size.or_else(|| self.size_of(&view)).unwrap_or(0);
        let mut tiles = Tiles::new(self.limits.cells);
        self.lay_named(&view, "", &mut tiles);
        Decoded {
            value: self.value_of(&view),
            cells: tiles.finish(total),
            pointers: self.pointers_of(&view),
        }
    }

    /// A view whose start is the start of the decoded whole.
    fn block_view(&self, subject: Subject, at: RuntimeAddress, meta: Option<Meta>) -> View {
        let mut view = self.view_behind(subject, at, meta);
        view.offset = Some(0);
        view
    }

    fn decode_elements(
        &self,
        element: TypeId,
        first: u64,
        initialised: u64,
        capacity: u64,
        at: RuntimeAddress,
        size: Option<u64>,
    ) -> Decoded {
        let element_size = self.size(element).unwrap_or(0);
        let total = size
            .or_else(|| element_size.checked_mul(capacity))
            .unwrap_or(0);
        let meta = Some(Meta::Length(capacity));
        let view = self.block_view(Subject::Slice(element), at, meta);
        let most = initialised.min(self.limits.elements.max(self.limits.cells as u64));
        let mut extents = Vec::new();
        let mut parts = Vec::new();
        for index in 0..most {
            let place = ring_index(first, index, capacity);
            let Some(part) = self.element(&view, element, place) else {
                break;
            };
            if index < self.limits.elements {
                parts.push(Part::index(index, part.clone()));
            }
            extents.push(Extent::Value(format!("[{index}]"), part));
        }
        let mut whole = |from: u64, count: u64, label: &str, reason: &str| {
            for (low, high) in places(from, count, capacity) {
                let low = low.saturating_mul(element_size);
                let size = high.saturating_mul(element_size).saturating_sub(low);
                extents.push(Extent::Own(raw(low, size, label, reason)));
            }
        };
        let end = ring_index(first, initialised, capacity);
        let spare = capacity.saturating_sub(initialised);
        whole(end, spare, "spare", "spare capacity: not initialised");
        let rest = ring_index(first, most, capacity);
        whole(
            rest,
            initialised - most,
            "…",
            "not shown: too many elements",
        );
        let form = Form::List {
            brackets: SQUARE,
            parts,
            total: initialised,
        };
        let described = Described::new(ValueKind::Sequence, form)
            .fact("len", initialised)
            .fact("capacity", capacity);
        self.decode_extents(described, extents, total)
    }

    fn decode_text(
        &self,
        encoding: TextEncoding,
        initialised: u64,
        capacity: u64,
        at: RuntimeAddress,
        size: Option<u64>,
    ) -> Decoded {
        let total = size.unwrap_or(capacity);
        let view = self.block_view(Subject::Str, at, Some(Meta::Length(initialised)));
        let bytes = self.text_bytes(&view, initialised);
        let text = bytes.clone().map(|bytes| text::quoted_bytes(&bytes));
        let mut described = Described::leaf(ValueKind::String, text)
            .fact("len", initialised)
            .fact("capacity", capacity);
        let readable = bytes.and_then(|bytes| match encoding {
            TextEncoding::Utf8 => text::quoted_utf8(&bytes),
            TextEncoding::Os => Ok(text::quoted_os(&bytes)),
            TextEncoding::C => Ok(text::quoted_c(bytes.strip_suffix(b"\0").unwrap_or(&bytes))),
        });
        if let Ok(readable) = &readable {
            described = described.fact("text", cut(readable, self.limits.text));
        }
        let mut tiles = Tiles::new(self.limits.cells);
        tiles.push(Cell {
            offset: 0,
            size: initialised,
            kind: CellKind::Scalar,
            label: "text".into(),
            text: readable.map(|text| cut(&text, self.limits.text).into()),
        });
        if total > initialised {
            let spare = "spare capacity: not initialised";
            tiles.push(raw(initialised, total - initialised, "spare", spare));
        }
        Decoded {
            value: self.value_of_described(described),
            cells: tiles.finish(total),
            pointers: Vec::new(),
        }
    }

    fn decode_table(&self, table: &TableBlock, at: RuntimeAddress, size: Option<u64>) -> Decoded {
        let control_bytes = table.buckets.saturating_add(table.group);
        let total = size.unwrap_or_else(|| table.control_offset.saturating_add(control_bytes));
        let block = self.block_view(Subject::Slice(table.element), at, None);
        let element_size = self.size(table.element).unwrap_or(0);
        let mut extents = Vec::new();
        let mut entries = Vec::new();
        // The last bucket lies first in memory.
        let shown = table.buckets.min(self.limits.cells as u64 * 4);
        for bucket in 0..shown {
            let back = (bucket + 1).saturating_mul(element_size);
            let Some(offset) = table.control_offset.checked_sub(back) else {
                break;
            };
            let control = block.part(
                block.subject,
                table.control_offset.saturating_add(bucket),
                None,
            );
            let is_full = match self.read(&control, 0, 1) {
                Ok(byte) => byte.first().is_some_and(|byte| byte & 0x80 == 0),
                Err(_) => false,
            };
            if !is_full {
                extents.push(Extent::Own(raw(
                    offset,
                    element_size,
                    "free",
                    "an empty bucket",
                )));
                continue;
            }
            let pair = block.part(Subject::Type(table.element), offset, None);
            if (entries.len() as u64) < self.limits.elements
                && let (Some(key), Some(value)) = (self.field(&pair, 0), self.field(&pair, 1))
            {
                entries.push((key, value));
            }
            extents.push(Extent::Value(format!("[{bucket}]"), pair));
        }
        // The buckets further back lie in front of those that are shown.
        let rest = table
            .buckets
            .saturating_sub(shown)
            .saturating_mul(element_size);
        let end = table
            .control_offset
            .saturating_sub(shown.saturating_mul(element_size));
        let rest = raw(
            end.saturating_sub(rest),
            rest,
            "…",
            "not shown: too many buckets",
        );
        extents.push(Extent::Own(rest));
        let control = raw(table.control_offset, control_bytes, "ctrl", "control bytes");
        extents.push(Extent::Own(Cell {
            text: Ok("control bytes".into()),
            ..control
        }));
        let described = pairs(entries, table.items, table.is_set)
            .fact("len", table.items)
            .fact("buckets", table.buckets);
        self.decode_extents(described, extents, total)
    }

    fn decode_tree_node(
        &self,
        layout: &NodeLayout,
        height: u64,
        is_set: bool,
        at: RuntimeAddress,
        size: Option<u64>,
    ) -> Decoded {
        let mut node = self.node_at(layout, at, height);
        node.offset = Some(0);
        let total = size.or_else(|| self.size_of(&node)).unwrap_or(0);
        let count = match self.keys_in(layout, &node) {
            Ok(count) => count,
            Err(unknown) => {
                let reason = unknown.reason;
                return self.decode_contents(&Contents::Unknown(reason), at, Some(total));
            }
        };
        let mut extents = Vec::new();
        let mut entries = Vec::new();
        for index in 0..count {
            let Some((key, value)) = self.pair_in(layout, &node, index) else {
                break;
            };
            extents.push(Extent::Value(format!("keys[{index}]"), key.clone()));
            extents.push(Extent::Value(format!("vals[{index}]"), value.clone()));
            entries.push((key, value));
        }
        let (length_offset, length_size) = layout.length;
        let length = Ok(count.to_string().into());
        let length = Cell {
            text: length,
            ..raw(length_offset, length_size, "len", "")
        };
        extents.push(Extent::Own(Cell {
            kind: CellKind::Length,
            ..length
        }));
        let head = node.part(Subject::Type(layout.leaf), 0, None);
        for (index, field) in self.fields_of(&head).iter().enumerate() {
            if ![length_offset, layout.keys, layout.values].contains(&field.offset)
                && let Some(part) = self.field(&head, index)
            {
                extents.push(Extent::Link(field.name.to_string(), part));
            }
        }
        self.unused_places(layout, count, height, &mut extents);
        let described = pairs(entries, count, is_set)
            .fact("keys", count)
            .fact("height", height);
        let mut decoded = self.decode_extents(described, extents, total);
        if height > 0 {
            let edges =
                (0..=count).map(|index| self.edge_pointer(layout, &node, (height, index, is_set)));
            decoded.pointers.extend(edges.flatten());
            decoded.pointers.sort_by_key(|pointer| pointer.offset);
        }
        decoded
    }

    /// The owning pointer to a child of an inner node of this height.
    fn edge_pointer(
        &self,
        layout: &NodeLayout,
        node: &View,
        (height, index, is_set): (u64, u64, bool),
    ) -> Option<Pointer> {
        let child = self.child_of(layout, node, index).ok()?;
        let offset = layout.edges.saturating_add(index.saturating_mul(8));
        let pointer = node.part(node.subject, offset, None);
        let contents = Contents::TreeNode {
            layout: *layout,
            height: height.saturating_sub(1),
            is_set,
        };
        Some(self.node_pointer(&pointer, child, contents, &format!("edges[{index}]")))
    }

    /// The places of a node without key or value, and its edges.
    fn unused_places(
        &self,
        layout: &NodeLayout,
        count: u64,
        height: u64,
        extents: &mut Vec<Extent>,
    ) {
        for (start, ty, label) in [
            (layout.keys, layout.key, "keys"),
            (layout.values, layout.value, "vals"),
        ] {
            let each = self.size(ty).unwrap_or(0);
            let low = start.saturating_add(each.saturating_mul(count));
            let size = each.saturating_mul(layout.capacity.saturating_sub(count));
            let label = join(label, "free");
            extents.push(Extent::Own(raw(
                low,
                size,
                &label,
                "free places: not initialised",
            )));
        }
        if height > 0 {
            let used = count.saturating_add(1);
            for index in 0..used {
                let offset = layout.edges.saturating_add(index.saturating_mul(8));
                let cell = raw(offset, 8, &format!("edges[{index}]"), "");
                let text = Ok("pointer to a child".into());
                extents.push(Extent::Own(Cell {
                    kind: CellKind::Pointer,
                    text,
                    ..cell
                }));
            }
            let low = layout.edges.saturating_add(used.saturating_mul(8));
            let size = layout
                .capacity
                .saturating_add(1)
                .saturating_sub(used)
                .saturating_mul(8);
            let reason = "free places: not initialised";
            extents.push(Extent::Own(raw(low, size, "edges.free", reason)));
        }
    }

    fn decode_chain_node(
        &self,
        layout: &ChainNode,
        at: RuntimeAddress,
        size: Option<u64>,
    ) -> Decoded {
        let node = self.block_view(Subject::Type(layout.node), at, None);
        let total = size.or_else(|| self.size_of(&node)).unwrap_or(0);
        let element = node.part(Subject::Type(layout.element_type), layout.element, None);
        let mut extents = vec![Extent::Value("element".into(), element.clone())];
        let mut link = |offset: u64, label: &str| {
            let text = self
                .read_number(&node, offset, 8)
                .map(|address| match address {
                    0 => "none".into(),
                    address => format!("{address:#x}").into(),
                });
            let cell = Cell {
                kind: CellKind::Pointer,
                text,
                ..raw(offset, 8, label, "")
            };
            extents.push(Extent::Own(cell));
        };
        link(layout.next, "next");
        if let Some(previous) = layout.previous {
            link(previous, "prev");
        }
        let element = Part {
            followed: false,
            ..Part::behind(element)
        };
        let described = Described::new(ValueKind::Struct, Form::Same(element));
        let mut decoded = self.decode_extents(described, extents, total);
        let next = self.read_number(&node, layout.next, 8).ok();
        let next = next
            .and_then(|next| u64::try_from(next).ok())
            .filter(|next| *next != 0);
        if let Some(next) = next {
            let pointer = node.part(node.subject, layout.next, None);
            let contents = Contents::ChainNode(*layout);
            let next = self.node_pointer(&pointer, RuntimeAddress(next), contents, "next");
            decoded.pointers.push(next);
            decoded.pointers.sort_by_key(|pointer| pointer.offset);
        }
        decoded
    }

    fn decode_extents(&self, described: Described, extents: Vec<Extent>, total: u64) -> Decoded {
        let mut tiles = Tiles::new(self.limits.cells);
        let mut gathered = Gathered::new(self.limits.pointers);
        for extent in extents {
            match extent {
                Extent::Value(name, view) => {
                    if tiles.is_full() {
                        // The values come in no particular order: each keeps its place.
                        let size = self.size_of(&view).unwrap_or(0);
                        let reason = "not shown: too many cells";
                        tiles.push(raw(view.offset.unwrap_or(0), size, &name, reason));
                    } else {
                        self.lay_named(&view, &name, &mut tiles);
                    }
                    self.gather_named(&view, &name, &mut gathered);
                }
                Extent::Link(name, view) => self.lay_named(&view, &name, &mut tiles),
                Extent::Own(cell) => tiles.push(cell),
            }
        }
        Decoded {
            value: self.value_of_described(described),
            cells: tiles.finish(total),
            pointers: gathered.finish(),
        }
    }
}

/// A map or set of pairs.
fn pairs(entries: Vec<(View, View)>, total: u64, is_set: bool) -> Described {
    if !is_set {
        return Described::new(ValueKind::Map, Form::Map { entries, total });
    }
    let keys = entries.into_iter().enumerate();
    let parts = keys
        .map(|(index, (key, _))| Part::index(index as u64, key))
        .collect();
    let form = Form::List {
        brackets: CURLY,
        parts,
        total,
    };
    Described::new(ValueKind::Sequence, form)
}

/// `count` places from `first` on as ranges: those behind the last place are at the start.
fn places(first: u64, count: u64, capacity: u64) -> Vec<(u64, u64)> {
    let end = first.saturating_add(count);
    let ranges = if end > capacity {
        vec![(first, capacity), (0, end - capacity)]
    } else {
        vec![(first, end)]
    };
    ranges
        .into_iter()
        .filter(|(low, high)| low < high)
        .collect()
}

/// A cell that is not taken apart.
fn raw(offset: u64, size: u64, label: &str, reason: &str) -> Cell {
    let text = Err(Unknown::because(reason));
    Cell {
        offset,
        size,
        kind: CellKind::Raw,
        label: label.into(),
        text,
    }
}

/// At most `limit` characters of a text.
fn cut(text: &str, limit: usize) -> String {
    let mut out = super::text::Out::new(limit);
    out.push_known(text);
    out.finish().unwrap_or_default()
}
