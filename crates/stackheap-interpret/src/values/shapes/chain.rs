//! Chains of nodes: linked lists.

use rustc_hash::FxHashSet;
use stackheap_model::{RuntimeAddress, TypeId, Unknown, ValueKind};

use super::Shaped;
use super::sequence::NO_BLOCK;
use crate::values::Decoder;
use crate::values::describe::{Described, Form, Part, SQUARE};
use crate::values::fit::Fit;
use crate::values::view::{Subject, View};

/// Where things are in a node of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChainNode {
    /// The node's type.
    pub node: TypeId,
    /// Offset in bytes of the pointer to the next node, null in the last.
    pub next: u64,
    /// Offset in bytes of the pointer to the previous node, where there is one.
    pub previous: Option<u64>,
    /// Offset in bytes of the element.
    pub element: u64,
    /// The element's type.
    pub element_type: TypeId,
}

/// A chain as its header has it.
pub(crate) struct RawChain {
    /// The first node, with the pointer to it.
    pub(crate) head: Option<(RuntimeAddress, View)>,
    pub(crate) length: u64,
    pub(crate) layout: ChainNode,
}

impl Decoder<'_> {
    /// The header of a chain.
    pub(crate) fn chain(&self, view: &View, fit: &Fit) -> Result<Option<RawChain>, Unknown> {
        let Some(length) = self.number_of(view, fit, "length")? else {
            return Ok(None);
        };
        let Some(layout) = self.chain_layout(fit) else {
            return Ok(None);
        };
        let head = self
            .pointer_of(view, fit, "head")?
            .filter(|(at, _)| at.0 != 0);
        Ok(Some(RawChain {
            head,
            length,
            layout,
        }))
    }

    fn chain_layout(&self, fit: &Fit) -> Option<ChainNode> {
        let (_, head) = fit.part("head")?;
        let node = self.pointee_of(head)?;
        let within = |part: &str| {
            let (path, found) = self.path_in(&fit.recipe, part, node)?;
            let whole = self.view_of_bytes(node, &[]);
            Some((self.at_path(&whole, path).ok()??.offset?, found))
        };
        let (next, _) = within("next")?;
        let (element, element_type) = within("element")?;
        let previous = within("previous").map(|(offset, _)| offset);
        Some(ChainNode {
            node,
            next,
            previous,
            element,
            element_type,
        })
    }

    /// What the pointer inside `Option<NonNull<T>>` and the like points at.
    fn pointee_of(&self, ty: TypeId) -> Option<TypeId> {
        crate::values::path::Path::parse("*").type_from(self.types, ty)
    }

    pub(crate) fn describe_chain(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(raw) = self.chain(view, fit)? else {
            return Ok(None);
        };
        let most = raw.length.min(self.limits.elements);
        let mut parts = Vec::new();
        let mut seen = FxHashSet::default();
        let mut next = raw.head.as_ref().map(|(at, _)| *at);
        while let Some(at) = next {
            if (parts.len() as u64) >= most || !seen.insert(at) {
                break;
            }
            let node = self.view_behind(Subject::Type(raw.layout.node), at, None);
            let element = Subject::Type(raw.layout.element_type);
            let element = node.part(element, raw.layout.element, None);
            parts.push(Part::index(parts.len() as u64, element));
            let address = self.read_number(&node, raw.layout.next, 8)?;
            next = u64::try_from(address)
                .ok()
                .filter(|at| *at != 0)
                .map(RuntimeAddress);
        }
        let form = Form::List {
            brackets: SQUARE,
            parts,
            total: raw.length,
        };
        let described = Described::new(ValueKind::Sequence, form).fact("len", raw.length);
        Ok(Some(match raw.head {
            Some(_) => described,
            None => described.fact("heap", NO_BLOCK),
        }))
    }
}
