//! B-trees: nodes with several keys and values, inner nodes with the edges to their children.
//!
//! The layout is that of `alloc::collections::btree::node`: a pointer to a leaf's part that every
//! node begins with, and the height, 0 for a leaf, that says whether edges follow.

use stackheap_model::{RuntimeAddress, TypeId, TypeKind, Unknown};

use super::Shaped;
use super::sequence::NO_BLOCK;
use crate::values::Decoder;
use crate::values::fit::Fit;
use crate::values::path::argument_of;
use crate::values::view::{Subject, View};

/// Trees are not higher: with at least six children a node this would be more than the address
/// space holds.
const MOST_LEVELS: u64 = 24;

/// A tree as its header has it.
#[derive(Clone, Debug)]
pub(crate) struct RawTree {
    /// The root, with the pointer to it; `None` for a tree that has not allocated.
    pub(crate) root: Option<RawRoot>,
    pub(crate) length: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct RawRoot {
    pub(crate) node: RuntimeAddress,
    pub(crate) pointer: View,
    pub(crate) height: u64,
    pub(crate) layout: NodeLayout,
}

/// Where things are in a node. All offsets in bytes from the start of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeLayout {
    /// The type of a leaf, with which every node begins.
    pub leaf: TypeId,
    /// The type of an inner node.
    pub internal: TypeId,
    /// The type of a key.
    pub key: TypeId,
    /// The type of a value.
    pub value: TypeId,
    /// Offset and size of the number of keys.
    pub length: (u64, u64),
    /// Offset of the keys.
    pub keys: u64,
    /// Offset of the values.
    pub values: u64,
    /// Offset of the edges of an inner node.
    pub edges: u64,
    /// How many keys fit into a node.
    pub capacity: u64,
}

impl Decoder<'_> {
    /// The header of a tree.
    pub(crate) fn tree(&self, view: &View, fit: &Fit) -> Result<Option<RawTree>, Unknown> {
        let Some(length) = self.number_of(view, fit, "length")? else {
            return Ok(None);
        };
        let Some(root) = self.part_of(view, fit, "root")? else {
            return Ok(None);
        };
        let Some((_, payload)) = self.active_payload(&root)? else {
            return Ok(None);
        };
        // The payload of `Some` has one field, that of `None` none.
        let Some(root) = self.field(&payload, 0) else {
            return Ok(Some(RawTree { root: None, length }));
        };
        let Subject::Type(root_type) = root.subject else {
            return Ok(None);
        };
        let height = self.number_within(&root, root_type, fit, "height")?;
        let Some(height) = height else {
            return Ok(None);
        };
        let Some(node) = self.view_within(&root, root_type, fit, "node")? else {
            return Ok(None);
        };
        let Some(pointer) = self.pointer_in(&node)? else {
            return Ok(None);
        };
        let Some(node) = self.address_in(&pointer)? else {
            return Ok(None);
        };
        let Some(layout) = self.node_layout(&pointer, fit) else {
            return Ok(None);
        };
        if height > MOST_LEVELS {
            return Err(Unknown::because(format!("a tree of the height {height}")));
        }
        let root = RawRoot {
            node,
            pointer,
            height,
            layout,
        };
        Ok(Some(RawTree {
            root: Some(root),
            length,
        }))
    }

    fn node_layout(&self, pointer: &View, fit: &Fit) -> Option<NodeLayout> {
        let TypeKind::Pointer { target: leaf, .. } = self.type_of(pointer)?.kind else {
            return None;
        };
        let (_, internal) = self.path_in(&fit.recipe, "internal", leaf)?;
        let leaf_type = self.types.ty(leaf);
        let within = |ty: TypeId, part: &str| {
            let (path, found) = self.path_in(&fit.recipe, part, ty)?;
            let whole = self.view_of_bytes(ty, &[]);
            let offset = self.at_path(&whole, path).ok()??.offset?;
            Some((offset, found))
        };
        let (length, length_type) = within(leaf, "node-length")?;
        let (keys, keys_type) = within(leaf, "keys")?;
        let (values, _) = within(leaf, "values")?;
        let (edges, _) = within(internal, "edges")?;
        let TypeKind::Array {
            count: Some(capacity),
            ..
        } = self.types.ty(keys_type).kind
        else {
            return None;
        };
        Some(NodeLayout {
            leaf,
            internal,
            key: argument_of(&leaf_type, "K")?,
            value: argument_of(&leaf_type, "V")?,
            length: (length, self.size(length_type)?),
            keys,
            values,
            edges,
            capacity,
        })
    }

    /// The number of keys in a node.
    pub(crate) fn keys_in(&self, layout: &NodeLayout, node: &View) -> Result<u64, Unknown> {
        let (offset, size) = layout.length;
        let count = u64::try_from(self.read_number(node, offset, size)?).unwrap_or(u64::MAX);
        if count > layout.capacity {
            return Err(Unknown::because(format!(
                "a node with {count} keys, where {} fit",
                layout.capacity
            )));
        }
        Ok(count)
    }

    /// Key and value `index` of a node.
    pub(crate) fn pair_in(
        &self,
        layout: &NodeLayout,
        node: &View,
        index: u64,
    ) -> Option<(View, View)> {
        let key = layout
            .keys
            .checked_add(self.size(layout.key)?.checked_mul(index)?)?;
        let value = layout
            .values
            .checked_add(self.size(layout.value)?.checked_mul(index)?)?;
        Some((
            node.part(Subject::Type(layout.key), key, None),
            node.part(Subject::Type(layout.value), value, None),
        ))
    }

    /// The node at an address.
    pub(crate) fn node_at(&self, layout: &NodeLayout, at: RuntimeAddress, height: u64) -> View {
        let ty = if height == 0 {
            layout.leaf
        } else {
            layout.internal
        };
        self.view_behind(Subject::Type(ty), at, None)
    }

    /// The child behind edge `index` of an inner node.
    pub(crate) fn child_of(
        &self,
        layout: &NodeLayout,
        node: &View,
        index: u64,
    ) -> Result<RuntimeAddress, Unknown> {
        let offset = layout.edges.saturating_add(index.saturating_mul(8));
        let address = self.read_number(node, offset, 8)?;
        Ok(RuntimeAddress(u64::try_from(address).unwrap_or(u64::MAX)))
    }

    pub(crate) fn describe_tree(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(raw) = self.tree(view, fit)? else {
            return Ok(None);
        };
        let pairs = match &raw.root {
            Some(root) => self.pairs_in_order(root, raw.length.min(self.limits.elements))?,
            None => Vec::new(),
        };
        let described = self
            .describe_pairs(fit, pairs, raw.length)
            .fact("len", raw.length);
        Ok(Some(match &raw.root {
            Some(root) => described.fact("height", root.height),
            None => described.fact("heap", NO_BLOCK),
        }))
    }

    /// The first `most` pairs in the order of their keys.
    fn pairs_in_order(&self, root: &RawRoot, most: u64) -> Result<Vec<(View, View)>, Unknown> {
        let layout = &root.layout;
        let mut pairs = Vec::new();
        // Node, height, the next key, and whether the edge in front of it was taken.
        // A tree without damage needs fewer turns: nodes are at least half full.
        let mut turns = most.saturating_mul(8).saturating_add(1024);
        let mut open = vec![(
            self.node_at(layout, root.node, root.height),
            root.height,
            0,
            false,
        )];
        while let Some((node, height, next, descended)) = open.pop() {
            turns = turns.saturating_sub(1);
            if (pairs.len() as u64) >= most || turns == 0 {
                break;
            }
            let count = self.keys_in(layout, &node)?;
            if height > 0 && !descended && next <= count {
                let child = self.child_of(layout, &node, next)?;
                open.push((node, height, next, true));
                open.push((
                    self.node_at(layout, child, height - 1),
                    height - 1,
                    0,
                    false,
                ));
                continue;
            }
            if next < count {
                if let Some(pair) = self.pair_in(layout, &node, next) {
                    pairs.push(pair);
                }
                open.push((node, height, next + 1, false));
            }
        }
        Ok(pairs)
    }
}
