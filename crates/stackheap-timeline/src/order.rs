use stackheap_mir::{BasicBlock, Body, EdgeLabel, Location};

/// The blocks that control flow reaches without a panic, by when it does.
pub(crate) struct Order {
    /// The place in the order of each block; `None` where it is not reached.
    ranks: Vec<Option<u32>>,
    /// The blocks by rank.
    blocks: Vec<BasicBlock>,
    /// Where control flow can come from, for each block.
    predecessors: Vec<Vec<usize>>,
}

impl Order {
    pub(crate) fn of(body: &Body<'_>) -> Self {
        let count = body.blocks.len();
        let mut ranks = vec![None; count];
        let mut predecessors = vec![Vec::new(); count];
        let mut blocks = Vec::with_capacity(count);
        for index in reverse_postorder(body) {
            if let (Some(rank), Some(data)) = (ranks.get_mut(index), body.blocks.get(index)) {
                *rank = u32::try_from(blocks.len()).ok();
                blocks.push(data.id);
            }
            for target in successors(body, index) {
                if let Some(from) = predecessors.get_mut(target) {
                    from.push(index);
                }
            }
        }
        Self {
            ranks,
            blocks,
            predecessors,
        }
    }

    pub(crate) fn rank(&self, block: BasicBlock) -> Option<u32> {
        self.ranks.get(block.index()).copied().flatten()
    }

    /// The blocks by when they are reached.
    pub(crate) fn blocks(&self) -> &[BasicBlock] {
        &self.blocks
    }

    pub(crate) fn predecessors(&self, block: BasicBlock) -> &[usize] {
        self.predecessors
            .get(block.index())
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a loop comes back to a block.
    pub(crate) fn is_loop_head(&self, block: BasicBlock) -> bool {
        let own = self.rank(block);
        self.predecessors(block)
            .iter()
            .any(|from| self.ranks.get(*from).copied().flatten() >= own)
    }

    /// Locations as one number; later ones are greater.
    pub(crate) fn key(&self, location: Location) -> Option<(u32, u32)> {
        Some((self.rank(location.block)?, location.statement))
    }
}

/// The blocks behind one, without those of panics, of dropped coroutines, and those that only the
/// borrow checker sees.
pub(crate) fn successors<'a>(
    body: &'a Body<'_>,
    block: usize,
) -> impl DoubleEndedIterator<Item = usize> + 'a {
    let terminator = body
        .blocks
        .get(block)
        .and_then(|data| data.terminator.as_ref());
    let edges = terminator.map_or(&[][..], |terminator| terminator.edges.as_slice());
    let is_taken = |label: &EdgeLabel<'_>| {
        !matches!(
            label,
            EdgeLabel::Unwind | EdgeLabel::Imaginary | EdgeLabel::Drop
        )
    };
    edges
        .iter()
        .filter(move |edge| is_taken(&edge.label))
        .map(|edge| edge.target.index())
}

fn reverse_postorder(body: &Body<'_>) -> Vec<usize> {
    let count = body.blocks.len();
    let mut seen = vec![false; count];
    let mut order = Vec::with_capacity(count);
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    if let Some(first) = seen.first_mut() {
        *first = true;
        open.push((0, successors(body, 0).collect()));
    }
    // The last successor is looked at first, so that in the reversed order the first one, which
    // comes first in the source, does.
    while let Some((block, next)) = open.last_mut() {
        match next.pop() {
            Some(target) => {
                if let Some(unseen) = seen.get_mut(target).filter(|seen| !**seen) {
                    *unseen = true;
                    open.push((target, successors(body, target).collect()));
                }
            }
            None => {
                order.push(*block);
                open.pop();
            }
        }
    }
    order.reverse();
    order
}
