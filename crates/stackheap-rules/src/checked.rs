use crate::{Event, Via};

/// A number of blocks and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many blocks.
    pub blocks: u64,
    /// How many bytes they had at first.
    pub bytes: u64,
}

impl Amount {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.blocks += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// What a [`Checker`](crate::Checker) has seen, to tell how much of a program was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// Events applied.
    pub events: u64,
    /// Events among them that broke a rule.
    pub refused: u64,
    /// Threads that started.
    pub threads: u64,
    /// Calls.
    pub calls: u64,
    /// Moves of values, and of blocks from owner to owner.
    pub moves: u64,
    /// Drops.
    pub drops: u64,
    /// Loans.
    pub loans: u64,
    /// Reads, writes and the like by an owner or through a loan.
    pub uses: u64,
    /// Events through raw pointers, for which the rules about loans say nothing.
    pub raw: u64,
    /// Accesses for which not all loans around them were looked at, as there were more than
    /// [`LEVEL_LIMIT`](crate::LEVEL_LIMIT) levels.
    pub cut: u64,
    /// Blocks allocated.
    pub allocated: Amount,
    /// Those of them that were seen to get an owner.
    pub owned: Amount,
    /// Blocks freed.
    pub freed: u64,
}

impl Checked {
    pub(crate) fn count(&mut self, event: &Event) {
        self.events += 1;
        let counter = match event {
            Event::ThreadStart { .. } => &mut self.threads,
            Event::Call { .. } => &mut self.calls,
            Event::Move { .. } | Event::Hand { .. } => &mut self.moves,
            Event::Drop { .. } | Event::DropDeep { .. } => &mut self.drops,
            Event::Borrow { .. } => &mut self.loans,
            Event::Init { .. } | Event::Copy { .. } | Event::Use { .. } => &mut self.uses,
            Event::Free { .. } => &mut self.freed,
            _ => return self.count_raw(event),
        };
        *counter += 1;
        self.count_raw(event);
    }

    fn count_raw(&mut self, event: &Event) {
        let raw = match event {
            Event::Init { slot }
            | Event::Drop { slot }
            | Event::DropDeep { slot }
            | Event::Forget { slot, .. } => slot.via == Via::Raw,
            Event::Copy { from, to } | Event::Move { from, to } => {
                from.via == Via::Raw || to.via == Via::Raw
            }
            Event::Realloc { via, .. } | Event::Borrow { via, .. } | Event::Use { via, .. } => {
                *via == Via::Raw
            }
            _ => false,
        };
        self.raw += u64::from(raw);
    }
}
