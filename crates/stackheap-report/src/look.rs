//! A state with indexes, so that each format asks instead of searching.

use std::collections::HashMap;

use stackheap_explain::{Indexed, Names, cut, short_type, visible};
use stackheap_model::{
    Block, BlockId, BlockState, Edge, EdgeEnd, EdgeKind, Frame, FrameId, Local, LocalState, Owner,
    Region, State,
};

/// How many characters of a name a label keeps.
const LABEL_CHARACTERS: usize = 48;

/// A state and what points from where.
pub(crate) struct Look<'a> {
    pub(crate) state: &'a State,
    from_local: HashMap<FrameId, HashMap<&'a str, Vec<&'a Edge>>>,
    from_block: HashMap<BlockId, Vec<&'a Edge>>,
    /// Its names, for sentences.
    pub(crate) names: Indexed<'a>,
    frames: HashMap<FrameId, &'a Frame>,
    blocks: HashMap<BlockId, &'a Block>,
    focus: Option<FrameId>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(state: &'a State) -> Self {
        let mut look = Self {
            state,
            from_local: HashMap::new(),
            from_block: HashMap::new(),
            names: Indexed::of(state),
            frames: HashMap::new(),
            blocks: state.blocks.iter().map(|block| (block.id, block)).collect(),
            focus: state.focus(),
        };
        for frame in state.threads.iter().flat_map(|thread| &thread.frames) {
            look.frames.insert(frame.id, frame);
        }
        for edge in &state.edges {
            match &edge.from {
                EdgeEnd::Local { frame, local, .. } => {
                    let locals = look.from_local.entry(*frame).or_default();
                    locals.entry(local).or_default().push(edge);
                }
                EdgeEnd::Block { block, .. } => {
                    look.from_block.entry(*block).or_default().push(edge);
                }
                _ => {}
            }
        }
        look
    }

    pub(crate) fn block(&self, id: BlockId) -> Option<&'a Block> {
        self.blocks.get(&id).copied()
    }

    pub(crate) fn local(&self, frame: FrameId, name: &str) -> Option<&'a Local> {
        let frame = self.frames.get(&frame)?;
        frame.locals.iter().find(|local| &*local.name == name)
    }

    /// The pointers in a local.
    pub(crate) fn edges_of_local(&self, frame: FrameId, name: &str) -> &[&'a Edge] {
        let locals = self.from_local.get(&frame);
        let edges = locals.and_then(|locals| locals.get(name));
        edges.map_or(&[], Vec::as_slice)
    }

    /// The pointers in a block.
    pub(crate) fn edges_of_block(&self, block: BlockId) -> &[&'a Edge] {
        self.from_block.get(&block).map_or(&[], Vec::as_slice)
    }

    /// The pointer at this distance in bytes from the start of a local.
    pub(crate) fn edge_in_local(
        &self,
        frame: FrameId,
        local: &Local,
        offset_bytes: u64,
    ) -> Option<&'a Edge> {
        let edges = self.edges_of_local(frame, &local.name);
        let Some(base) = local.place.address else {
            // In a register nothing has an address; the first cell then stands for the pointer.
            return edges.first().copied().filter(|_| offset_bytes == 0);
        };
        let wanted = base.offset(offset_bytes);
        edges
            .iter()
            .copied()
            .find(|edge| matches!(&edge.from, EdgeEnd::Local { address, .. } if *address == wanted))
    }

    /// The pointer at this distance in bytes from the start of a block.
    pub(crate) fn edge_in_block(&self, block: BlockId, offset_bytes: u64) -> Option<&'a Edge> {
        let edges = self.edges_of_block(block);
        edges.iter().copied().find(
            |edge| matches!(&edge.from, EdgeEnd::Block { offset, .. } if *offset == offset_bytes),
        )
    }

    /// How a reader calls a local, without marks: `s`, or `s of demo::main` outside the focus.
    pub(crate) fn local_name(&self, frame: FrameId, name: &str) -> String {
        let name = cut(&visible(name), LABEL_CHARACTERS);
        if self.focus == Some(frame) {
            return name;
        }
        match self.frames.get(&frame) {
            Some(owner) => format!(
                "{name} of {}",
                cut(&visible(&owner.function), LABEL_CHARACTERS)
            ),
            None => format!("{name} of frame {frame}"),
        }
    }

    /// Where an edge points, in a few words.
    pub(crate) fn target(&self, edge: &Edge) -> String {
        match &edge.to {
            EdgeEnd::Block { block, offset, .. } => {
                let mut label = format!("heap #{block}");
                match self.part(edge) {
                    Some((from, to)) => label.push_str(&format!(" bytes {from}..{to}")),
                    None if *offset > 0 => label.push_str(&format!(" +{offset}")),
                    None => {}
                }
                if self.is_freed(*block) {
                    label.push_str(" (freed)");
                }
                label
            }
            EdgeEnd::Local {
                frame, local, path, ..
            } => {
                let name = self.local_name(*frame, local);
                if path.is_empty() {
                    name
                } else {
                    format!("{name}, {}", cut(&visible(path), LABEL_CHARACTERS))
                }
            }
            EdgeEnd::Static { name, offset, .. } => {
                let name = cut(&visible(name), LABEL_CHARACTERS);
                if *offset == 0 {
                    name
                } else {
                    format!("{name} +{offset}")
                }
            }
            EdgeEnd::Symbol { name, .. } if edge.kind == EdgeKind::Vtable => {
                format!(
                    "vtable of {}",
                    cut(&short_type(&visible(name)), LABEL_CHARACTERS)
                )
            }
            EdgeEnd::Symbol { name, .. } => cut(&visible(name), LABEL_CHARACTERS),
            EdgeEnd::Address { region, address } => {
                format!("{address} ({})", region_name(*region))
            }
        }
    }

    /// Where an edge points, in as few letters as possible.
    pub(crate) fn short_target(&self, edge: &Edge) -> String {
        match &edge.to {
            EdgeEnd::Block { block, offset, .. } => match self.part(edge) {
                Some((from, to)) => format!("#{block}[{from}..{to}]"),
                None if *offset > 0 => format!("#{block}+{offset}"),
                None => format!("#{block}"),
            },
            EdgeEnd::Local { local, .. } => visible(local).into_owned(),
            _ => self.target(edge),
        }
    }

    /// Which bytes of its block a borrow covers, where these are not all. An owner owns the whole
    /// block, however many of its bytes are in use.
    fn part(&self, edge: &Edge) -> Option<(u64, u64)> {
        let EdgeEnd::Block { block, offset, .. } = &edge.to else {
            return None;
        };
        let bytes = edge.bytes.filter(|bytes| *bytes > 0)?;
        let borrow = matches!(
            edge.kind,
            EdgeKind::Borrows | EdgeKind::BorrowsMut | EdgeKind::Raw
        );
        let size = self.block(*block).map_or(u64::MAX, |block| block.size);
        let partly = *offset > 0 || bytes < size;
        // The end comes from measured numbers and may be wrong.
        (borrow && partly).then(|| (*offset, offset.saturating_add(bytes)))
    }

    fn is_freed(&self, block: BlockId) -> bool {
        self.block(block)
            .is_some_and(|block| block.state == BlockState::Freed)
    }

    /// An owner of a block, without marks.
    pub(crate) fn owner(&self, owner: &Owner) -> String {
        let words = stackheap_explain::owner(owner, &self.names);
        words.replace('`', "")
    }

    /// What the stale bytes of a moved or dropped local still point at, in words: the block and who
    /// owns it now. Measured: the bytes were compared with the addresses of the blocks.
    pub(crate) fn stale(&self, frame: FrameId, local: &Local) -> Option<String> {
        if !matches!(local.state, LocalState::Moved | LocalState::Dropped) {
            return None;
        }
        let (words, _) = local.bytes.as_chunks::<8>();
        let address = words
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .find_map(|word| self.block_starting_at(word))?;
        let block = address;
        if block.state == BlockState::Freed {
            return Some(format!(
                "its old bytes still hold the address of heap #{}, which is freed",
                block.id
            ));
        }
        let owner = block.owners.first()?;
        let is_self = matches!(&owner.kind, stackheap_model::OwnerKind::Local { frame: f, local: l }
            if *f == frame && *l == local.name);
        if is_self {
            return None;
        }
        Some(format!(
            "its old bytes still hold the address of heap #{}, now owned by {}",
            block.id,
            self.owner(owner)
        ))
    }

    fn block_starting_at(&self, address: u64) -> Option<&'a Block> {
        let mut at_address = self
            .state
            .blocks
            .iter()
            .filter(|block| block.address.0 == address && block.size > 0);
        // The live one, where an address was used again.
        let first = at_address.next()?;
        Some(
            at_address
                .find(|block| block.state == BlockState::Live)
                .filter(|_| first.state != BlockState::Live)
                .unwrap_or(first),
        )
    }
}

/// A region in one or two words.
pub(crate) fn region_name(region: Region) -> &'static str {
    match region {
        Region::Stack => "stack",
        Region::Heap => "heap",
        Region::Static => "static",
        Region::Rodata => "read-only data",
        Region::Tls => "thread-local",
        Region::Code => "code",
        Region::Mapped => "mapped",
        Region::Foreign => "foreign",
        Region::Register => "register",
        Region::None => "nowhere",
    }
}
