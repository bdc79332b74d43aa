//! The live blocks of the heap, found by any address inside them.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use stackheap_model::{BlockId, RuntimeAddress, StepNumber, StopNumber, ThreadId};

use crate::records::{Fill, Untracked};

/// A moment in the life of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Moment {
    /// The last stop of the thread; 0 before its first.
    pub stop: StopNumber,
    /// The step of that stop; `None` before the first.
    pub step: Option<StepNumber>,
}

/// The call that allocated a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocatingCall {
    /// The thread that called.
    pub thread: ThreadId,
    /// When.
    pub moment: Moment,
    /// Where the call returned to.
    pub return_address: RuntimeAddress,
    /// The stack pointer at the call.
    pub stack_pointer: RuntimeAddress,
    /// The alignment asked for, in bytes, a power of two; `None` where the mechanism does not see
    /// it.
    pub align: Option<u64>,
    /// What the block's bytes were then.
    pub fill: Fill,
}

/// A live block.
// There may be millions: what few blocks have lies elsewhere, and the rest is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// Its number. A block that is reallocated keeps it.
    pub id: BlockId,
    /// Where it begins.
    pub address: RuntimeAddress,
    /// The size asked for, in bytes.
    pub size: u64,
    /// Where the call that allocated it returned to.
    pub return_address: RuntimeAddress,
    /// The stack pointer at that call.
    pub stack_pointer: RuntimeAddress,
    /// The last stop of that call's thread.
    allocated_stop: StopNumber,
    /// The step of that stop; 0 for none.
    allocated_step: StepNumber,
    /// What is known of its bytes, if they were ever captured or left out. Never the default.
    capture: Option<Box<BlockCapture>>,
    /// The thread that is reallocating it just now.
    pub reallocating: Option<ThreadId>,
    /// The thread that allocated it.
    pub thread: ThreadId,
    /// How often it was reallocated.
    pub reallocations: u32,
    /// What its bytes were when it was allocated.
    pub fill: Fill,
    /// The binary logarithm of the alignment asked for, or [`UNKNOWN_ALIGN`].
    align_log2: u8,
}

const UNKNOWN_ALIGN: u8 = u8::MAX;

/// What is known of the bytes of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockCapture {
    /// Whether they are current at every stop from `tracked_since` on.
    pub(crate) tracked: bool,
    /// How many stops there were when tracking began last.
    pub(crate) tracked_since: StopNumber,
    /// The last stop at which they were current, for a block that is not tracked now; see
    /// [`BlockEntry::as_of`].
    pub(crate) last_current: Option<StopNumber>,
    /// Why they are not tracked any more.
    pub(crate) untracked_because: Option<Untracked>,
}

impl BlockEntry {
    /// A block that was just allocated.
    pub fn new(id: BlockId, address: RuntimeAddress, size: u64, call: &AllocatingCall) -> Self {
        let power = call.align.filter(|align| align.is_power_of_two());
        Self {
            id,
            address,
            size,
            return_address: call.return_address,
            stack_pointer: call.stack_pointer,
            allocated_stop: call.moment.stop,
            allocated_step: call.moment.step.unwrap_or(StepNumber(0)),
            capture: None,
            reallocating: None,
            thread: call.thread,
            reallocations: 0,
            fill: call.fill,
            // A logarithm is at most 63.
            align_log2: power.map_or(UNKNOWN_ALIGN, |align| align.ilog2() as u8),
        }
    }

    /// When its thread allocated it.
    pub fn allocated(&self) -> Moment {
        Moment {
            stop: self.allocated_stop,
            step: (self.allocated_step != StepNumber(0)).then_some(self.allocated_step),
        }
    }

    /// The alignment asked for, in bytes; `None` where the mechanism does not see it.
    pub fn align(&self) -> Option<u64> {
        1u64.checked_shl(u32::from(self.align_log2))
    }

    /// Whether its bytes are captured at every stop now.
    pub fn is_tracked(&self) -> bool {
        self.capture().tracked
    }

    /// Why its bytes are not captured any more.
    pub fn untracked_because(&self) -> Option<Untracked> {
        self.capture().untracked_because
    }

    /// The last stop at which its bytes were current, when `now` is the last stop of the recording
    /// so far; `None` when they never were captured.
    pub fn as_of(&self, now: StopNumber) -> Option<StopNumber> {
        let capture = self.capture();
        if capture.tracked && now > capture.tracked_since {
            Some(now)
        } else {
            capture.last_current
        }
    }

    pub(crate) fn capture(&self) -> BlockCapture {
        self.capture.as_deref().copied().unwrap_or_default()
    }

    pub(crate) fn set_capture(&mut self, capture: BlockCapture) {
        self.capture = (capture != BlockCapture::default()).then(|| Box::new(capture));
    }

    /// Its bytes are captured from the stop behind `now` on.
    pub(crate) fn track(&mut self, now: StopNumber) {
        self.set_capture(BlockCapture {
            tracked: true,
            tracked_since: now,
            last_current: self.as_of(now),
            untracked_because: None,
        });
    }

    /// Its bytes are not captured behind the stop `now`.
    pub(crate) fn untrack(&mut self, now: StopNumber, why: Untracked) {
        self.set_capture(BlockCapture {
            tracked: false,
            last_current: self.as_of(now),
            untracked_because: Some(why),
            ..self.capture()
        });
    }

    /// The address behind its last byte.
    pub fn end(&self) -> RuntimeAddress {
        RuntimeAddress(self.address.0.saturating_add(self.size))
    }

    /// The last address it occupies; a block of size 0 occupies the one it begins at.
    fn last(&self) -> u64 {
        self.address.0.saturating_add(self.size.saturating_sub(1))
    }
}

const PAGE_SHIFT: u32 = 12;
/// A block that reaches into more pages than this behind its first is found through the tree of
/// large blocks instead of being noted in each page.
const COVERED_PAGES: u64 = 16;

/// An index into the list of entries.
type Slot = u32;

/// A block that begins in a page.
#[derive(Clone, Copy)]
struct Start {
    /// Where in the page it begins.
    first: u16,
    /// Where in the page it ends: its last byte, or that of the page.
    last: u16,
    slot: Slot,
}

/// What begins in a page of 4 KiB, and what reaches into it from before.
#[derive(Clone, Default)]
struct BlockPage {
    /// The blocks that begin here, in order.
    starts: Vec<Start>,
    /// The block that begins in an earlier page and covers the first byte of this one.
    covered_by: Option<Slot>,
}

/// The live blocks of the heap. No two of them overlap.
///
/// Looking up, inserting and removing take some tens of nanoseconds at any number of blocks.
#[derive(Clone, Default)]
pub struct Blocks {
    slots: Vec<Option<BlockEntry>>,
    free: Vec<Slot>,
    pages: FxHashMap<u64, BlockPage>,
    large: BTreeMap<u64, Slot>,
    live: usize,
}

impl Blocks {
    /// How many blocks are live.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether none is live.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The block that begins at `address`.
    pub fn at(&self, address: RuntimeAddress) -> Option<&BlockEntry> {
        self.entry(self.slot_at(address)?)
    }

    /// The block that `address` lies in. A block of size 0 contains the address it begins at.
    pub fn containing(&self, address: RuntimeAddress) -> Option<&BlockEntry> {
        let entry = self.entry(self.slot_before(address.0)?)?;
        (address.0 <= entry.last()).then_some(entry)
    }

    /// The live blocks, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &BlockEntry> {
        self.slots.iter().flatten()
    }

    /// The live blocks, by number: in the order of allocation.
    pub fn by_number(&self) -> Vec<&BlockEntry> {
        let mut blocks: Vec<&BlockEntry> = self.iter().collect();
        blocks.sort_unstable_by_key(|block| block.id);
        blocks
    }

    /// The live blocks, by address.
    pub fn by_address(&self) -> Vec<&BlockEntry> {
        // Within a page they are in order already.
        let mut pages: Vec<(u64, &BlockPage)> = self
            .pages
            .iter()
            .filter(|(_, page)| !page.starts.is_empty())
            .map(|(&number, page)| (number, page))
            .collect();
        pages.sort_unstable_by_key(|&(number, _)| number);
        let mut blocks = Vec::with_capacity(self.live);
        for (_, page) in pages {
            blocks.extend(
                page.starts
                    .iter()
                    .filter_map(|start| self.entry(start.slot)),
            );
        }
        blocks
    }

    /// Adds a block. Gives the blocks that lay in its place, which are no longer live: they must
    /// have been freed without that being seen.
    pub fn insert(&mut self, block: BlockEntry) -> Vec<BlockEntry> {
        let (first, last) = (block.address.0, block.last());
        if first >> PAGE_SHIFT != last >> PAGE_SHIFT {
            let displaced = self.take_overlapping(first, last);
            self.place(block);
            return displaced;
        }
        // The usual case, a block within a page: the page tells whether its place is free.
        let new = Start {
            first: offset(first),
            last: offset(last),
            slot: self.next_slot(),
        };
        let page = self.pages.entry(first >> PAGE_SHIFT).or_default();
        let at = page.starts.partition_point(|start| start.first < new.first);
        let before = at.checked_sub(1).and_then(|before| page.starts.get(before));
        let is_free_below = match before {
            Some(before) => before.last < new.first,
            None => page.covered_by.is_none() && self.large.is_empty(),
        };
        let is_free_above = page.starts.get(at).is_none_or(|next| next.first > new.last);
        if is_free_below && is_free_above {
            page.starts.insert(at, new);
            self.fill_slot(new.slot, block);
            return Vec::new();
        }
        let displaced = self.take_overlapping(first, last);
        self.place(block);
        displaced
    }

    /// Takes the block that begins at `address` out.
    pub fn remove(&mut self, address: RuntimeAddress) -> Option<BlockEntry> {
        let page = self.pages.get_mut(&(address.0 >> PAGE_SHIFT))?;
        let wanted = offset(address.0);
        let at = page
            .starts
            .binary_search_by_key(&wanted, |start| start.first)
            .ok()?;
        // Pages are kept when they become empty: the next allocation is likely to be there.
        let start = page.starts.remove(at);
        let block = self.slots.get_mut(start.slot as usize)?.take()?;
        self.free.push(start.slot);
        self.live -= 1;
        self.uncover(block.address.0, block.last());
        Some(block)
    }

    /// Takes all blocks out.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The block that begins at `address`, for changing anything but where it lies.
    pub(crate) fn at_mut(&mut self, address: RuntimeAddress) -> Option<&mut BlockEntry> {
        let slot = self.slot_at(address)?;
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    fn entry(&self, slot: Slot) -> Option<&BlockEntry> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn slot_at(&self, address: RuntimeAddress) -> Option<Slot> {
        let page = self.pages.get(&(address.0 >> PAGE_SHIFT))?;
        let at = page
            .starts
            .binary_search_by_key(&offset(address.0), |start| start.first)
            .ok()?;
        page.starts.get(at).map(|start| start.slot)
    }

    /// The block with the highest start at or below `address`, among those that could contain it.
    fn slot_before(&self, address: u64) -> Option<Slot> {
        if let Some(page) = self.pages.get(&(address >> PAGE_SHIFT)) {
            let behind = page
                .starts
                .partition_point(|start| start.first <= offset(address));
            if let Some(start) = behind.checked_sub(1).and_then(|at| page.starts.get(at)) {
                return Some(start.slot);
            }
            if page.covered_by.is_some() {
                return page.covered_by;
            }
        }
        self.large
            .range(..=address)
            .next_back()
            .map(|(_, &slot)| slot)
    }

    /// Takes all blocks out that have an address in `[first, last]`.
    fn take_overlapping(&mut self, first: u64, last: u64) -> Vec<BlockEntry> {
        let mut taken = Vec::new();
        // The block that reaches in from below.
        if let Some(slot) = self.slot_before(first)
            && self.entry(slot).is_some_and(|block| first <= block.last())
        {
            taken.extend(self.take(slot));
        }
        self.take_starting_in(first, last, &mut taken);
        taken
    }

    /// Takes all blocks out that begin in `[first, last]`.
    fn take_starting_in(&mut self, first: u64, last: u64, taken: &mut Vec<BlockEntry>) {
        let (first_page, last_page) = (first >> PAGE_SHIFT, last >> PAGE_SHIFT);
        if last_page - first_page <= self.pages.len() as u64 {
            let mut page = first_page;
            while page <= last_page {
                self.take_starting_in_page(page, first, last, taken);
                page += 1;
            }
            return;
        }
        let mut pages: Vec<u64> = self
            .pages
            .keys()
            .copied()
            .filter(|p| (first_page..=last_page).contains(p))
            .collect();
        pages.sort_unstable();
        for page in pages {
            self.take_starting_in_page(page, first, last, taken);
            // Nothing will be looked for in there soon.
            let is_empty = |page: &BlockPage| page.starts.is_empty() && page.covered_by.is_none();
            if self.pages.get(&page).is_some_and(is_empty) {
                self.pages.remove(&page);
            }
        }
    }

    fn take_starting_in_page(
        &mut self,
        page: u64,
        first: u64,
        last: u64,
        taken: &mut Vec<BlockEntry>,
    ) {
        let Some(entry) = self.pages.get(&page) else {
            return;
        };
        let base = page << PAGE_SHIFT;
        let behind = entry
            .starts
            .partition_point(|start| base + u64::from(start.first) < first);
        let next = entry.starts.get(behind);
        if next.is_none_or(|start| base + u64::from(start.first) > last) {
            return;
        }
        let slots: Vec<Slot> = entry
            .starts
            .iter()
            .skip(behind)
            .take_while(|start| base + u64::from(start.first) <= last)
            .map(|start| start.slot)
            .collect();
        for slot in slots {
            taken.extend(self.take(slot));
        }
    }

    /// Adds a block to a place that is free.
    fn place(&mut self, block: BlockEntry) {
        let (first, last) = (block.address.0, block.last());
        let slot = self.next_slot();
        self.fill_slot(slot, block);
        let (first_page, last_page) = (first >> PAGE_SHIFT, last >> PAGE_SHIFT);
        let last_here = if first_page == last_page {
            offset(last)
        } else {
            offset(u64::MAX)
        };
        let new = Start {
            first: offset(first),
            last: last_here,
            slot,
        };
        let starts = &mut self.pages.entry(first_page).or_default().starts;
        let at = starts.partition_point(|start| start.first < new.first);
        starts.insert(at, new);
        if last_page - first_page > COVERED_PAGES {
            self.large.insert(first, slot);
            return;
        }
        for page in first_page + 1..=last_page {
            self.pages.entry(page).or_default().covered_by = Some(slot);
        }
    }

    /// Where the next block goes in the list of entries.
    fn next_slot(&self) -> Slot {
        // A block takes more than 64 bytes, so that 2^32 of them never fit into memory.
        self.free
            .last()
            .copied()
            .unwrap_or(self.slots.len() as Slot)
    }

    /// Puts a block at the place that [`Blocks::next_slot`] gave.
    fn fill_slot(&mut self, slot: Slot, block: BlockEntry) {
        self.live += 1;
        self.free.pop();
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = Some(block),
            None => self.slots.push(Some(block)),
        }
    }

    fn take(&mut self, slot: Slot) -> Option<BlockEntry> {
        let address = self.entry(slot)?.address;
        self.remove(address)
    }

    /// Removes what tells that a block from `first` to `last` reaches into further pages.
    fn uncover(&mut self, first: u64, last: u64) {
        let (first_page, last_page) = (first >> PAGE_SHIFT, last >> PAGE_SHIFT);
        if last_page - first_page > COVERED_PAGES {
            self.large.remove(&first);
            return;
        }
        for number in first_page + 1..=last_page {
            if let Some(page) = self.pages.get_mut(&number) {
                page.covered_by = None;
            }
        }
    }
}

impl PartialEq for Blocks {
    /// Whether the same blocks are live.
    fn eq(&self, other: &Self) -> bool {
        self.live == other.live && self.by_address() == other.by_address()
    }
}

impl Eq for Blocks {}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.by_address()).finish()
    }
}

/// Where in its page an address lies.
fn offset(address: u64) -> u16 {
    (address & ((1 << PAGE_SHIFT) - 1)) as u16
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const UNKNOWN_CALL: AllocatingCall = AllocatingCall {
        thread: ThreadId(1),
        moment: Moment {
            stop: StopNumber(0),
            step: None,
        },
        return_address: RuntimeAddress(0),
        stack_pointer: RuntimeAddress(0),
        align: None,
        fill: Fill::Uninitialised,
    };

    fn block(id: u64, address: u64, size: u64) -> BlockEntry {
        BlockEntry::new(BlockId(id), RuntimeAddress(address), size, &UNKNOWN_CALL)
    }

    #[test]
    fn an_alignment_is_a_power_of_two_or_unknown() {
        for (align, expected) in [
            (None, None),
            (Some(1), Some(1)),
            (Some(64), Some(64)),
            (Some(1 << 63), Some(1 << 63)),
            (Some(3), None),
            (Some(0), None),
        ] {
            let call = AllocatingCall {
                align,
                ..UNKNOWN_CALL
            };
            let entry = BlockEntry::new(BlockId(1), RuntimeAddress(8), 8, &call);
            assert_eq!(entry.align(), expected);
        }
    }

    #[test]
    fn millions_of_entries_fit_into_memory() {
        assert!(size_of::<Option<BlockEntry>>() <= 88);
    }

    /// First and last address and number of each live block, by its first address.
    #[derive(Default)]
    struct Model(BTreeMap<u64, (u64, u64)>);

    impl Model {
        fn insert(&mut self, id: u64, first: u64, last: u64) -> Vec<u64> {
            let overlapping: Vec<u64> = self
                .0
                .iter()
                .filter(|&(&other, &(other_last, _))| other <= last && first <= other_last)
                .map(|(&other, _)| other)
                .collect();
            let taken = overlapping
                .iter()
                .filter_map(|other| self.0.remove(other))
                .map(|b| b.1)
                .collect();
            self.0.insert(first, (last, id));
            taken
        }

        fn containing(&self, address: u64) -> Option<u64> {
            let (_, &(last, id)) = self.0.range(..=address).next_back()?;
            (address <= last).then_some(id)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64, u64),
        Remove(u64),
        Find(u64),
    }

    fn address() -> impl Strategy<Value = u64> {
        prop_oneof![
            12 => 0x10_0000u64..0x10_4000,
            4 => (0u64..64).prop_map(|at| 0x10_0000 + at * 0x1000),
            4 => 0x10_0000u64..0x20_0000,
            1 => u64::MAX - 5000..=u64::MAX,
            1 => any::<u64>(),
        ]
    }

    fn size() -> impl Strategy<Value = u64> {
        prop_oneof![8 => 0u64..64, 4 => 0u64..9000, 2 => 0u64..500_000, 1 => any::<u64>()]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (address(), size()).prop_map(|(address, size)| Step::Insert(address, size)),
            2 => address().prop_map(Step::Remove),
            3 => address().prop_map(Step::Find),
        ]
    }

    fn check(steps: &[Step]) {
        let (mut blocks, mut model) = (Blocks::default(), Model::default());
        for (number, step) in steps.iter().enumerate() {
            match *step {
                Step::Insert(address, size) => {
                    let id = number as u64;
                    let last = address.saturating_add(size.saturating_sub(1));
                    let mut displaced: Vec<_> = blocks
                        .insert(block(id, address, size))
                        .iter()
                        .map(|b| b.id.0)
                        .collect();
                    displaced.sort_unstable();
                    let mut expected = model.insert(id, address, last);
                    expected.sort_unstable();
                    assert_eq!(displaced, expected, "{steps:?}");
                }
                Step::Remove(address) => {
                    // Mostly one that is there.
                    let known = model
                        .0
                        .range(address..)
                        .next()
                        .map_or(address, |(&at, _)| at);
                    let removed = blocks.remove(RuntimeAddress(known)).map(|b| b.id.0);
                    assert_eq!(removed, model.0.remove(&known).map(|b| b.1), "{steps:?}");
                }
                Step::Find(address) => {
                    let found = blocks.containing(RuntimeAddress(address)).map(|b| b.id.0);
                    assert_eq!(
                        found,
                        model.containing(address),
                        "{address:#x} in {steps:?}"
                    );
                }
            }
            assert_eq!(blocks.len(), model.0.len());
        }
        let ids: Vec<u64> = blocks.by_address().iter().map(|block| block.id.0).collect();
        assert_eq!(ids, model.0.values().map(|b| b.1).collect::<Vec<_>>());
        for (&first, &(last, id)) in &model.0 {
            for inside in [first, first + (last - first) / 2, last] {
                let found = blocks
                    .containing(RuntimeAddress(inside))
                    .map(|block| block.id.0);
                assert_eq!(found, Some(id));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn blocks_are_as_a_tree_of_ranges_has_them(
            steps in prop::collection::vec(step(), 0..80),
        ) {
            check(&steps);
        }
    }

    #[test]
    fn a_block_of_size_0_contains_where_it_begins() {
        let mut blocks = Blocks::default();
        blocks.insert(block(1, 0x1000, 0));
        assert_eq!(
            blocks.containing(RuntimeAddress(0x1000)).map(|b| b.id.0),
            Some(1)
        );
        assert_eq!(blocks.containing(RuntimeAddress(0x1001)), None);
    }

    #[test]
    fn as_of_follows_tracking() {
        let mut entry = block(1, 0x1000, 8);
        assert_eq!(entry.as_of(StopNumber(5)), None);
        entry.track(StopNumber(5));
        assert_eq!(entry.as_of(StopNumber(5)), None);
        assert_eq!(entry.as_of(StopNumber(6)), Some(StopNumber(6)));
        entry.untrack(StopNumber(7), Untracked::Unreachable);
        assert_eq!(entry.as_of(StopNumber(9)), Some(StopNumber(7)));
        assert!(!entry.is_tracked());
    }
}
