//! Which blocks can be reached, kept up to date from stop to stop.
//!
//! Which blocks count as reachable is decided as a conservative garbage collector does: every
//! aligned word of a root that lies inside a live block is taken for a pointer to it, and every
//! such word of a block that is reached. While all these blocks fit the budget, only what changed
//! is looked at again: each block remembers the source it was reached through (`via`), so that
//! these form trees that hang at the roots. A block whose `via` lost its last word into it, and
//! what hangs at it, is in doubt; it is held by another source, or it is let go. As soon as the
//! budget does not last, which blocks are read depends on the order in which they are found, and
//! everything is followed anew.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};
use stackheap_model::{RuntimeAddress, ThreadId};
use stackheap_trace::{BlockEntry, Blocks};

use crate::capture::Budget;

/// Allocations between two stops that are looked at one by one; when there are more, all words
/// are.
const TOUCHED_LIMIT: usize = 4096;

/// How far the sources of a block in doubt are followed towards a root before everything that
/// hangs at it is put in doubt too.
const CHAIN_LIMIT: usize = 64;

/// The bounds of the heap are kept at multiples of this, in bytes: when they change, all blocks are
/// searched for words again.
const BOUNDS_STEP: u64 = 1 << 20;

/// Words that look like addresses of the heap, each with its place: its address, or the number of
/// its register. In the order in which they are followed.
pub(crate) type Words = Vec<(u64, u64)>;

/// Where words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Source {
    /// The registers, the stack and the own statics of a thread.
    Thread(ThreadId),
    /// The statics of the program.
    Statics,
    /// A tracked block.
    Block(RuntimeAddress),
}

/// A block that enters or leaves the set of tracked blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Tracked(RuntimeAddress),
    /// It could not be read; it is tried again at every stop at which it can be reached.
    Unreadable(RuntimeAddress),
    Unreachable(RuntimeAddress),
    OverBudget(RuntimeAddress),
}

/// What has to be read from now on, or no longer; so many bytes from the start of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Read(RuntimeAddress, usize),
    Drop(RuntimeAddress, usize),
}

/// Reads blocks when they are reached.
pub(crate) trait Fetch {
    /// The bytes of so many ranges as can be read, one behind the other.
    fn fetch(&mut self, ranges: &[(RuntimeAddress, usize)]) -> io::Result<&[u8]>;
}

/// Where blocks may be: no live block lies outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    low: u64,
    high: u64,
}

impl Bounds {
    /// Whether a block may lie between two addresses.
    pub(crate) fn meet(self, (low, high): (RuntimeAddress, RuntimeAddress)) -> bool {
        self.low < high.0 && low.0 < self.high
    }

    fn contain(self, word: u64) -> bool {
        word.wrapping_sub(self.low) < self.high.saturating_sub(self.low)
    }

    /// Makes room for a block; tells whether that changed anything.
    fn widen(&mut self, address: RuntimeAddress, bytes: u64) -> bool {
        let end = address.0.saturating_add(bytes.max(1));
        if self.low <= address.0 && end <= self.high {
            return false;
        }
        self.low = self.low.min(address.0 / BOUNDS_STEP * BOUNDS_STEP);
        let high = end.checked_next_multiple_of(BOUNDS_STEP);
        self.high = self.high.max(high.unwrap_or(u64::MAX));
        true
    }

    /// Appends the aligned words of `bytes`, which lie at `at`, that are in these bounds.
    pub(crate) fn scan(self, at: RuntimeAddress, bytes: &[u8], into: &mut Words) {
        let (words, _) = bytes.as_chunks::<8>();
        for (index, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            if self.contain(word) {
                into.push((at.0 + index as u64 * 8, word));
            }
        }
    }

    /// Appends the registers that are in these bounds.
    pub(crate) fn scan_registers(self, registers: &[u64], into: &mut Words) {
        let numbered = (0..).zip(registers.iter().copied());
        into.extend(numbered.filter(|&(_, word)| self.contain(word)));
    }
}

/// The words of a thread's roots.
#[derive(Debug, Default)]
struct ThreadWords {
    /// Of its registers and its own statics.
    own: Words,
    /// Of its stack, the highest address first: what changes is mostly near the lowest.
    stack: Words,
}

/// How often each word occurs in each source.
type Holders = BTreeMap<(u64, Source), u32>;

/// The words that lead to a block, and their sources.
fn holders_of<'h>(
    holders: &'h Holders,
    block: &BlockEntry,
) -> impl Iterator<Item = (u64, Source)> + use<'h> {
    let last = block.address.0.saturating_add(block.size.saturating_sub(1));
    holders
        .range((block.address.0, LEAST_SOURCE)..)
        .map(|(&holder, _)| holder)
        .take_while(move |&(word, _)| word <= last)
}

#[derive(Debug)]
struct Tracked {
    /// How many bytes are read, from the start.
    bytes: usize,
    /// Whether its alignment allows pointers in it.
    may_point: bool,
    words: Words,
    /// The source it was reached through.
    via: Source,
}

/// A block that was found and is to be read.
struct Found {
    address: RuntimeAddress,
    bytes: usize,
    may_point: bool,
    via: Source,
    /// The word that led to it.
    word: u64,
}

/// Blocks that came or went since the last stop.
#[derive(Debug, Default)]
enum Touched {
    #[default]
    None,
    Some(Vec<RuntimeAddress>),
    /// More than [`TOUCHED_LIMIT`].
    Many,
}

impl Touched {
    fn add(&mut self, address: RuntimeAddress) {
        match self {
            Touched::None => *self = Touched::Some(vec![address]),
            Touched::Some(some) if some.len() < TOUCHED_LIMIT => some.push(address),
            Touched::Some(_) => *self = Touched::Many,
            Touched::Many => {}
        }
    }
}

/// Whether what is reached fits the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fits {
    Yes,
    No,
}

/// The blocks that are reached and read, and the words that lead to them.
#[derive(Debug)]
pub(crate) struct Reach {
    budget: Budget,
    bounds: Bounds,
    /// Whether blocks are to be searched for words again, since the bounds are others now.
    widened: bool,
    threads: BTreeMap<ThreadId, ThreadWords>,
    statics: Words,
    tracked: FxHashMap<RuntimeAddress, Tracked>,
    /// Bytes that the tracked blocks take of the budget.
    spent: u64,
    holders: Holders,
    /// Reachable blocks that found no room in the budget.
    refused: FxHashSet<RuntimeAddress>,
    /// Blocks that could not be read when that was tried last, as told.
    unreadable: FxHashSet<RuntimeAddress>,
    /// Tracked blocks that could not be read at this stop.
    unread: Vec<RuntimeAddress>,
    /// The thread whose blocks came first when everything was followed last.
    favoured: ThreadId,
    touched: Touched,
    /// Words that a source has and did not have at the last stop.
    arrived: Vec<(u64, Source)>,
    /// Words that a source had at the last stop and has no longer.
    lost: Vec<(u64, Source)>,
    /// Whether the words changed in any way, be it only their order.
    moved: bool,
    pub(crate) changes: Vec<Change>,
    pub(crate) news: Vec<News>,
}

impl Reach {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget,
            bounds: Bounds {
                low: u64::MAX,
                high: 0,
            },
            widened: false,
            threads: BTreeMap::new(),
            statics: Words::new(),
            tracked: FxHashMap::default(),
            spent: 0,
            holders: BTreeMap::new(),
            refused: FxHashSet::default(),
            unreadable: FxHashSet::default(),
            unread: Vec::new(),
            favoured: ThreadId(0),
            touched: Touched::None,
            arrived: Vec::new(),
            lost: Vec::new(),
            moved: false,
            changes: Vec::new(),
            news: Vec::new(),
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Whether all blocks are to be searched for words again; once.
    pub(crate) fn take_widened(&mut self) -> bool {
        std::mem::take(&mut self.widened)
    }

    /// A block came into being.
    pub(crate) fn block_allocated(&mut self, address: RuntimeAddress, bytes: u64) {
        self.widened |= self.bounds.widen(address, bytes);
        self.touched.add(address);
    }

    /// A block is gone, or is about to be reallocated.
    pub(crate) fn block_gone(&mut self, address: RuntimeAddress) {
        let was_tracked = self.drop_tracked(address);
        self.unreadable.remove(&address);
        // Mostly there is none: many blocks come and go between two stops.
        if was_tracked || (!self.refused.is_empty() && self.refused.remove(&address)) {
            self.moved = true;
            self.touched.add(address);
        }
    }

    /// A tracked block could not be read any more.
    pub(crate) fn block_unreadable(&mut self, address: RuntimeAddress) {
        if self.drop_tracked(address) {
            self.unread.push(address);
            self.moved = true;
            self.touched.add(address);
        }
    }

    /// A thread is gone: its stack is no root any more.
    pub(crate) fn thread_gone(&mut self, thread: ThreadId) {
        self.renew_thread(thread, &mut Words::new());
        self.renew_stack(thread, (RuntimeAddress(0), RuntimeAddress(u64::MAX)), &[]);
        self.threads.remove(&thread);
    }

    /// Takes the words of a thread's registers and own statics; leaves the ones it had before in
    /// their place.
    pub(crate) fn renew_thread(&mut self, thread: ThreadId, words: &mut Words) {
        let new = std::mem::take(words);
        *words = std::mem::take(&mut self.threads.entry(thread).or_default().own);
        self.exchange(Source::Thread(thread), words, &new);
        self.threads.entry(thread).or_default().own = new;
    }

    /// Takes the words of a thread's stack from one address to another, by address.
    pub(crate) fn renew_stack(
        &mut self,
        thread: ThreadId,
        (low, high): (RuntimeAddress, RuntimeAddress),
        words: &[(u64, u64)],
    ) {
        let stack = &mut self.threads.entry(thread).or_default().stack;
        let from = stack.partition_point(|&(place, _)| place >= high.0);
        let to = stack.partition_point(|&(place, _)| place >= low.0);
        if from == to && words.is_empty() {
            return;
        }
        let mut old: Words = stack
            .splice(from..to, words.iter().rev().copied())
            .collect();
        old.reverse();
        self.exchange(Source::Thread(thread), &old, words);
    }

    /// Takes the words of the program's statics; leaves the ones they had before in their place.
    pub(crate) fn renew_statics(&mut self, words: &mut Words) {
        let new = std::mem::take(words);
        *words = std::mem::take(&mut self.statics);
        self.exchange(Source::Statics, words, &new);
        self.statics = new;
    }

    /// Takes the bytes at `at`, which are part of a tracked block.
    pub(crate) fn renew_part(&mut self, block: RuntimeAddress, at: RuntimeAddress, bytes: &[u8]) {
        let Some(tracked) = self.tracked.get_mut(&block) else {
            return;
        };
        if !tracked.may_point {
            return;
        }
        // Words lie at multiples of 8 from the block's start, and parts end where pages do.
        let mut new = Words::new();
        self.bounds.scan(at, bytes, &mut new);
        let end = at.0 + bytes.len() as u64;
        let from = tracked.words.partition_point(|&(place, _)| place < at.0);
        let to = tracked.words.partition_point(|&(place, _)| place < end);
        let old: Words = tracked
            .words
            .splice(from..to, new.iter().copied())
            .collect();
        self.exchange(Source::Block(block), &old, &new);
    }

    /// Notes what a source has no longer, and what it has now.
    fn exchange(&mut self, source: Source, old: &[(u64, u64)], new: &[(u64, u64)]) {
        let (old, new) = without_common_ends(old, new);
        if old.is_empty() && new.is_empty() {
            return;
        }
        self.moved = true;
        // What is new first: a word that only changed its place is never missing.
        difference(old, new, |_| {}, |word| self.acquire(word, source));
        let mut lost = Vec::new();
        difference(old, new, |word| lost.push(word), |_| {});
        for word in lost {
            self.release(word, source);
        }
    }

    fn acquire(&mut self, word: u64, source: Source) {
        let count = self.holders.entry((word, source)).or_insert(0);
        *count += 1;
        if *count == 1 {
            self.arrived.push((word, source));
        }
    }

    fn release(&mut self, word: u64, source: Source) {
        if let Some(count) = self.holders.get_mut(&(word, source)) {
            *count -= 1;
            if *count == 0 {
                self.holders.remove(&(word, source));
                self.lost.push((word, source));
            }
        }
    }

    /// Ends the tracking of a block. Tells whether it was tracked.
    fn drop_tracked(&mut self, address: RuntimeAddress) -> bool {
        if self.tracked.is_empty() {
            return false;
        }
        let Some(block) = self.tracked.remove(&address) else {
            return false;
        };
        for &(_, word) in &block.words {
            self.release(word, Source::Block(address));
        }
        self.spent -= block.bytes as u64;
        self.news.push(News::Drop(address, block.bytes));
        true
    }

    /// Brings the set of tracked blocks up to date, with `changes` and `news`.
    pub(crate) fn settle(
        &mut self,
        live: &Blocks,
        stopped: ThreadId,
        fetch: &mut impl Fetch,
    ) -> io::Result<()> {
        self.changes.clear();
        for address in std::mem::take(&mut self.unread) {
            self.tell_unreadable(address);
        }
        self.look_at_touched(live);
        if self.refused.is_empty() {
            if self.arrived.is_empty() && self.lost.is_empty() {
                return Ok(());
            }
            if self.follow_arrived(live, fetch)? == Fits::Yes {
                self.let_go_of_unreached(live);
                self.end_of_settling();
                return Ok(());
            }
        } else if !self.moved && self.favoured == stopped {
            return Ok(());
        }
        self.follow_all(live, stopped, fetch)?;
        self.end_of_settling();
        Ok(())
    }

    fn end_of_settling(&mut self) {
        self.lost.clear();
        // What could not be read is tried again.
        self.moved = !self.arrived.is_empty();
        // Hash order must not reach the file: the same run gives the same bytes.
        self.changes.sort_by_key(|change| match *change {
            Change::Unreadable(at) => (at, 0),
            Change::Tracked(at) => (at, 1),
            Change::Unreachable(at) => (at, 2),
            Change::OverBudget(at) => (at, 3),
        });
    }

    fn tell_unreadable(&mut self, address: RuntimeAddress) {
        if self.unreadable.insert(address) {
            self.changes.push(Change::Unreadable(address));
        }
    }

    /// Finds the words that lead to blocks that came since the last stop.
    fn look_at_touched(&mut self, live: &Blocks) {
        let before = self.arrived.len();
        match std::mem::take(&mut self.touched) {
            Touched::None => {}
            Touched::Some(addresses) => {
                for address in addresses {
                    let Some(block) = live.at(address) else {
                        continue;
                    };
                    if !self.tracked.contains_key(&address) {
                        self.arrived.extend(holders_of(&self.holders, block));
                    }
                }
            }
            Touched::Many => {
                let dangling = self.holders.keys().filter(|(word, _)| {
                    live.containing(RuntimeAddress(*word))
                        .is_some_and(|block| !self.tracked.contains_key(&block.address))
                });
                self.arrived.extend(dangling);
            }
        }
        self.moved |= self.arrived.len() > before;
    }

    /// Tracks the blocks that words lead to that have arrived, and those that these lead to.
    fn follow_arrived(&mut self, live: &Blocks, fetch: &mut impl Fetch) -> io::Result<Fits> {
        let mut unread = Vec::new();
        while !self.arrived.is_empty() {
            let mut found: Vec<Found> = Vec::new();
            let mut addresses = FxHashSet::default();
            let mut spent = self.spent;
            for (word, via) in std::mem::take(&mut self.arrived) {
                let Some(block) = live.containing(RuntimeAddress(word)) else {
                    continue;
                };
                if self.tracked.contains_key(&block.address)
                    || !self.holders.contains_key(&(word, via))
                    || !addresses.insert(block.address)
                {
                    continue;
                }
                let block = self.found(block, via, word);
                spent += block.bytes as u64;
                if spent > self.budget.heap_bytes {
                    return Ok(Fits::No);
                }
                found.push(block);
            }
            self.track(&found, fetch, &mut unread)?;
        }
        self.arrived = unread;
        Ok(Fits::Yes)
    }

    fn found(&self, block: &BlockEntry, via: Source, word: u64) -> Found {
        Found {
            address: block.address,
            bytes: block.size.min(self.budget.block_bytes) as usize,
            may_point: block.align().is_none_or(|align| align >= 8)
                && block.address.0.is_multiple_of(8),
            via,
            word,
        }
    }

    /// Reads blocks and tracks them. Those that cannot be read are tried again at the next stop.
    fn track(
        &mut self,
        found: &[Found],
        fetch: &mut impl Fetch,
        unread: &mut Vec<(u64, Source)>,
    ) -> io::Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let ranges: Vec<_> = found.iter().map(|f| (f.address, f.bytes)).collect();
        let mut rest = fetch.fetch(&ranges)?;
        let mut behind = 0;
        for block in found {
            let Some((bytes, others)) = rest.split_at_checked(block.bytes) else {
                break;
            };
            rest = others;
            behind += 1;
            self.track_one(block, bytes);
        }
        // One that cannot be read hides those behind it.
        for block in found.get(behind..).unwrap_or(&[]) {
            let bytes = fetch.fetch(&[(block.address, block.bytes)])?;
            if bytes.len() == block.bytes {
                self.track_one(block, bytes);
            } else {
                self.tell_unreadable(block.address);
                unread.push((block.word, block.via));
            }
        }
        Ok(())
    }

    fn track_one(&mut self, block: &Found, bytes: &[u8]) {
        let mut words = Words::new();
        if block.may_point {
            self.bounds.scan(block.address, bytes, &mut words);
        }
        for &(_, word) in &words {
            self.acquire(word, Source::Block(block.address));
        }
        self.spent += block.bytes as u64;
        self.refused.remove(&block.address);
        self.unreadable.remove(&block.address);
        self.changes.push(Change::Tracked(block.address));
        self.news.push(News::Read(block.address, block.bytes));
        let tracked = Tracked {
            bytes: block.bytes,
            may_point: block.may_point,
            words,
            via: block.via,
        };
        self.tracked.insert(block.address, tracked);
    }

    /// The tracked block that a word leads to.
    fn target(&self, live: &Blocks, word: u64) -> Option<RuntimeAddress> {
        let block = live.containing(RuntimeAddress(word))?;
        self.tracked
            .contains_key(&block.address)
            .then_some(block.address)
    }

    /// Ends the tracking of blocks that no root leads to any more.
    fn let_go_of_unreached(&mut self, live: &Blocks) {
        let doubtful = self.doubtful(live);
        if doubtful.is_empty() {
            return;
        }
        let mut left: FxHashSet<RuntimeAddress> = doubtful.iter().copied().collect();
        // What is held from outside is reached, and what it leads to.
        let mut reached = Vec::new();
        for &address in &doubtful {
            let outside = live.at(address).and_then(|block| {
                holders_of(&self.holders, block)
                    .map(|(_, source)| source)
                    .find(|source| !matches!(source, Source::Block(at) if left.contains(at)))
            });
            if let Some(via) = outside {
                self.hang(address, via);
                reached.push(address);
            }
        }
        for address in &reached {
            left.remove(address);
        }
        while let Some(address) = reached.pop() {
            for word in self.words_of(address) {
                if let Some(target) = self.target(live, word)
                    && left.remove(&target)
                {
                    self.hang(target, Source::Block(address));
                    reached.push(target);
                }
            }
        }
        for address in doubtful {
            if left.contains(&address) {
                self.drop_tracked(address);
                self.changes.push(Change::Unreachable(address));
            }
        }
    }

    fn words_of(&self, address: RuntimeAddress) -> Vec<u64> {
        let words = self.tracked.get(&address).map(|block| &block.words);
        words.into_iter().flatten().map(|&(_, word)| word).collect()
    }

    fn hang(&mut self, address: RuntimeAddress, via: Source) {
        if let Some(block) = self.tracked.get_mut(&address) {
            block.via = via;
        }
    }

    /// The blocks that have lost their `via`, and those that hang at them.
    fn doubtful(&mut self, live: &Blocks) -> Vec<RuntimeAddress> {
        let mut doubtful = Vec::new();
        let mut known: FxHashSet<RuntimeAddress> = FxHashSet::default();
        for (word, source) in std::mem::take(&mut self.lost) {
            let Some(address) = self.target(live, word) else {
                continue;
            };
            if self.is_via(address, source, live) == Some(false) && known.insert(address) {
                doubtful.push(address);
            }
        }
        // Most are held by another root, or by a block near one.
        doubtful.retain(|&address| {
            let via = live.at(address).and_then(|block| {
                holders_of(&self.holders, block)
                    .map(|(_, source)| source)
                    .find(|&source| self.is_anchored(source, &known))
            });
            if let Some(via) = via {
                self.hang(address, via);
                known.remove(&address);
            }
            via.is_none()
        });
        let mut next = 0;
        while let Some(&address) = doubtful.get(next) {
            next += 1;
            for word in self.words_of(address) {
                if let Some(target) = self.target(live, word)
                    && self.tracked.get(&target).map(|block| block.via)
                        == Some(Source::Block(address))
                    && known.insert(target)
                {
                    doubtful.push(target);
                }
            }
        }
        doubtful
    }

    /// Whether a block's `via`, when it is this source, has a word into it; `None` when its `via`
    /// is another.
    fn is_via(&self, address: RuntimeAddress, source: Source, live: &Blocks) -> Option<bool> {
        if self.tracked.get(&address)?.via != source {
            return None;
        }
        let block = live.at(address)?;
        Some(holders_of(&self.holders, block).any(|(_, holder)| holder == source))
    }

    /// Whether a source hangs at a root, and at no block in doubt, as far as can be told soon.
    fn is_anchored(&self, source: Source, doubtful: &FxHashSet<RuntimeAddress>) -> bool {
        let mut source = source;
        for _ in 0..CHAIN_LIMIT {
            let Source::Block(address) = source else {
                return true;
            };
            if doubtful.contains(&address) {
                return false;
            }
            match self.tracked.get(&address) {
                Some(block) => source = block.via,
                None => return false,
            }
        }
        false
    }

    /// Finds all blocks that can be reached anew, level by level.
    fn follow_all(
        &mut self,
        live: &Blocks,
        stopped: ThreadId,
        fetch: &mut impl Fetch,
    ) -> io::Result<()> {
        let mut reached: FxHashSet<RuntimeAddress> = FxHashSet::default();
        let mut refused: FxHashSet<RuntimeAddress> = FxHashSet::default();
        let mut unread = Vec::new();
        let mut spent = 0u64;
        let mut level = self.root_words(stopped);
        while !level.is_empty() {
            let mut found = Vec::new();
            let mut accepted = Vec::new();
            for (word, via) in level {
                let Some(block) = live.containing(RuntimeAddress(word)) else {
                    continue;
                };
                if !reached.insert(block.address) {
                    continue;
                }
                let block = self.found(block, via, word);
                if spent + block.bytes as u64 > self.budget.heap_bytes {
                    refused.insert(block.address);
                    continue;
                }
                spent += block.bytes as u64;
                accepted.push(block.address);
                match self.tracked.get_mut(&block.address) {
                    Some(tracked) => tracked.via = via,
                    None => found.push(block),
                }
            }
            self.track(&found, fetch, &mut unread)?;
            level = accepted
                .into_iter()
                .flat_map(|address| {
                    let words = self.tracked.get(&address).map(|block| &block.words);
                    let words = words.into_iter().flatten();
                    words.map(move |&(_, word)| (word, Source::Block(address)))
                })
                .collect();
        }
        let gone: Vec<RuntimeAddress> = self
            .tracked
            .keys()
            .filter(|address| !reached.contains(address) || refused.contains(address))
            .copied()
            .collect();
        for address in gone {
            self.drop_tracked(address);
            if !refused.contains(&address) {
                self.changes.push(Change::Unreachable(address));
            }
        }
        for &address in refused.difference(&self.refused) {
            self.unreadable.remove(&address);
            self.changes.push(Change::OverBudget(address));
        }
        self.refused = refused;
        self.favoured = stopped;
        self.arrived = unread;
        Ok(())
    }

    /// The words of all roots. The stopped thread first: what the reader looks at must not lose to
    /// another thread.
    fn root_words(&self, stopped: ThreadId) -> Vec<(u64, Source)> {
        let of = |source: Source, words: &ThreadWords| -> Vec<(u64, Source)> {
            let words = words.own.iter().chain(words.stack.iter().rev());
            words.map(|&(_, word)| (word, source)).collect()
        };
        let own = self.threads.get(&stopped);
        let others = self.threads.iter().filter(|(id, _)| **id != stopped);
        let statics = self
            .statics
            .iter()
            .map(|&(_, word)| (word, Source::Statics));
        own.map(|words| of(Source::Thread(stopped), words))
            .into_iter()
            .flatten()
            .chain(statics)
            .chain(others.flat_map(|(&id, words)| of(Source::Thread(id), words)))
            .collect()
    }
}

/// No source comes before this one.
const LEAST_SOURCE: Source = Source::Thread(ThreadId(0));

/// Both without what they begin and end with alike: most of a stack stays as it is.
fn without_common_ends<'w, T: PartialEq>(old: &'w [T], new: &'w [T]) -> (&'w [T], &'w [T]) {
    let alike = |(old, new): &(&T, &T)| old == new;
    let behind = old.iter().rev().zip(new.iter().rev());
    let behind = behind.take_while(alike).count();
    // Both are at least as long as what they have in common.
    let (old, new) = (&old[..old.len() - behind], &new[..new.len() - behind]);
    let before = old.iter().zip(new).take_while(alike).count();
    (&old[before..], &new[before..])
}

/// Tells the words that are in `old` alone and those that are in `new` alone, by place.
fn difference(
    old: &[(u64, u64)],
    new: &[(u64, u64)],
    mut lost: impl FnMut(u64),
    mut gained: impl FnMut(u64),
) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(a), Some(b)) if a == b => {
                old.next();
                new.next();
            }
            (Some(a), b) if b.is_none_or(|b| a.0 <= b.0) => {
                lost(a.1);
                old.next();
            }
            (_, Some(b)) => {
                gained(b.1);
                new.next();
            }
            // The arm before the last takes these.
            (Some(_), None) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use stackheap_model::BlockId;
    use stackheap_trace::{AllocatingCall, Fill, Moment};

    use super::*;
    use crate::tracked_pages::TrackedPages;

    /// Where the blocks of the tests lie.
    const ARENA: u64 = 0x10_0000;
    const ARENA_BYTES: u64 = 0x6000;

    /// Places of roots below this are registers, those above are on the stack.
    const REGISTERS: u64 = 2;

    const BUDGET: Budget = Budget {
        stack_bytes: 1 << 20,
        heap_bytes: 3000,
        block_bytes: 1000,
    };

    #[derive(Clone, Debug)]
    enum Step {
        Alloc {
            at: u64,
            size: u64,
            align: Option<u64>,
        },
        Free(u64),
        Realloc {
            from: u64,
            to: u64,
            size: u64,
        },
        Write {
            at: u64,
            word: u64,
        },
        Root {
            thread: u32,
            place: u64,
            word: u64,
        },
        Static {
            place: u64,
            word: u64,
        },
        EndThread(u32),
        Stop(u32),
    }

    /// A process without instructions.
    #[derive(Default)]
    struct Process {
        live: Blocks,
        last_id: u64,
        bytes: Vec<u8>,
        threads: BTreeMap<ThreadId, BTreeMap<u64, u64>>,
        statics: BTreeMap<u64, u64>,
    }

    impl Process {
        fn read(&self, address: RuntimeAddress, bytes: usize) -> &[u8] {
            let from = (address.0 - ARENA) as usize;
            &self.bytes[from..from + bytes]
        }

        fn known_live(&self, at: u64) -> Option<RuntimeAddress> {
            let blocks = self.live.by_address();
            let next = blocks.iter().find(|block| block.address.0 >= at);
            next.map(|block| block.address)
        }

        fn roots(words: &BTreeMap<u64, u64>, bounds: Bounds) -> Words {
            let words = words.iter().map(|(&place, &word)| (place, word));
            words.filter(|&(_, word)| bounds.contain(word)).collect()
        }

        /// What is reached, and what of it found no room, without any memory of before.
        fn scan(&self, stopped: ThreadId) -> (BTreeSet<u64>, BTreeSet<u64>) {
            let own = self.threads.get(&stopped).into_iter();
            let others = self.threads.iter().filter(|(id, _)| **id != stopped);
            let roots = own
                .chain([&self.statics])
                .chain(others.map(|(_, words)| words));
            let mut level: Vec<u64> = roots.flat_map(|words| words.values().copied()).collect();
            let (mut tracked, mut refused) = (BTreeSet::new(), BTreeSet::new());
            let mut spent = 0;
            while !level.is_empty() {
                let mut next = Vec::new();
                for word in level {
                    let Some(block) = self.live.containing(RuntimeAddress(word)) else {
                        continue;
                    };
                    let at = block.address.0;
                    let bytes = block.size.min(BUDGET.block_bytes);
                    if tracked.contains(&at) || refused.contains(&at) {
                        continue;
                    }
                    if spent + bytes > BUDGET.heap_bytes {
                        refused.insert(at);
                        continue;
                    }
                    spent += bytes;
                    tracked.insert(at);
                    if block.align().is_none_or(|align| align >= 8) {
                        let (words, _) = self.read(block.address, bytes as usize).as_chunks::<8>();
                        next.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
                    }
                }
                level = next;
            }
            (tracked, refused)
        }
    }

    impl Fetch for (&Process, Vec<u8>) {
        fn fetch(&mut self, ranges: &[(RuntimeAddress, usize)]) -> io::Result<&[u8]> {
            self.1 = ranges
                .iter()
                .flat_map(|&(address, bytes)| self.0.read(address, bytes))
                .copied()
                .collect();
            Ok(&self.1)
        }
    }

    /// What is under test, next to the process it follows.
    struct Followed {
        process: Process,
        reach: Reach,
        pages: TrackedPages,
        /// The tracked blocks as `changes` tell them.
        told: BTreeSet<u64>,
    }

    impl Followed {
        fn new() -> Self {
            let bytes = vec![0; ARENA_BYTES as usize];
            Self {
                process: Process {
                    bytes,
                    ..Process::default()
                },
                reach: Reach::new(BUDGET),
                pages: TrackedPages::default(),
                told: BTreeSet::new(),
            }
        }

        fn gone(&mut self, address: RuntimeAddress) {
            self.reach.block_gone(address);
            self.told.remove(&address.0);
        }

        fn allocate(&mut self, at: u64, size: u64, align: Option<u64>) {
            self.process.last_id += 1;
            let address = RuntimeAddress(at);
            let size = size.min(ARENA + ARENA_BYTES - at);
            let call = AllocatingCall {
                thread: ThreadId(1),
                moment: Moment::default(),
                return_address: RuntimeAddress(0),
                stack_pointer: RuntimeAddress(0),
                align,
                fill: Fill::Uninitialised,
            };
            let id = BlockId(self.process.last_id);
            let block = BlockEntry::new(id, address, size, &call);
            let displaced = self.process.live.insert(block);
            self.reach.block_allocated(address, size);
            for block in displaced {
                self.gone(block.address);
            }
        }

        fn free(&mut self, at: u64) {
            if let Some(address) = self.process.known_live(at) {
                self.gone(address);
                self.process.live.remove(address);
            }
        }

        fn step(&mut self, step: &Step) {
            match *step {
                Step::Alloc { at, size, align } => self.allocate(at, size, align),
                Step::Free(at) => self.free(at),
                Step::Realloc { from, to, size } => {
                    self.free(from);
                    self.allocate(to, size, Some(8));
                }
                Step::Write { at, word } => {
                    let from = (at - ARENA) as usize;
                    self.process.bytes[from..from + 8].copy_from_slice(&word.to_le_bytes());
                }
                Step::Root {
                    thread,
                    place,
                    word,
                } => {
                    let words = self.process.threads.entry(ThreadId(thread)).or_default();
                    words.insert(place, word);
                }
                Step::Static { place, word } => {
                    self.process.statics.insert(place, word);
                }
                Step::EndThread(thread) => {
                    self.process.threads.remove(&ThreadId(thread));
                    self.reach.thread_gone(ThreadId(thread));
                }
                Step::Stop(thread) => self.stop(ThreadId(thread)),
            }
        }

        fn stop(&mut self, stopped: ThreadId) {
            self.follow_news();
            let bounds = self.reach.bounds();
            // Roots of all threads, for the scan to compare with: threads that run go on.
            for (&thread, words) in &self.process.threads {
                let (mut own, stack): (Words, Words) = Process::roots(words, bounds)
                    .into_iter()
                    .partition(|&(place, _)| place < REGISTERS);
                self.reach.renew_thread(thread, &mut own);
                for low in (REGISTERS..8).step_by(2) {
                    let part = (RuntimeAddress(low), RuntimeAddress(low + 2));
                    let words: Words = stack
                        .iter()
                        .copied()
                        .filter(|(place, _)| (low..low + 2).contains(place))
                        .collect();
                    self.reach.renew_stack(thread, part, &words);
                }
            }
            let mut statics = Process::roots(&self.process.statics, bounds);
            self.reach.renew_statics(&mut statics);
            let ranges = self.pages.ranges().to_vec();
            let mut read: Vec<u8> = ranges
                .iter()
                .flat_map(|&(address, bytes)| self.process.read(address, bytes))
                .copied()
                .collect();
            let (mut parts, all) = (Vec::new(), self.reach.take_widened());
            self.pages.changed(&read, all, &mut parts);
            for (part, place) in parts {
                let piece = &read[place..place + part.bytes];
                self.reach.renew_part(part.block, part.at, piece);
            }
            self.pages.keep(&mut read, 0);
            let mut fetch = (&self.process, Vec::new());
            self.reach
                .settle(&self.process.live, stopped, &mut fetch)
                .unwrap();
            for change in &self.reach.changes {
                match *change {
                    Change::Tracked(at) => assert!(self.told.insert(at.0)),
                    Change::Unreadable(at) | Change::Unreachable(at) => {
                        assert!(self.told.remove(&at.0));
                    }
                    Change::OverBudget(at) => {
                        self.told.remove(&at.0);
                    }
                }
            }
        }

        fn follow_news(&mut self) {
            for news in self.reach.news.drain(..) {
                match news {
                    News::Read(address, bytes) => self.pages.add(address, bytes),
                    News::Drop(address, bytes) => self.pages.remove(address, bytes),
                }
            }
        }

        fn check(&self, stopped: ThreadId, steps: &[Step]) {
            let (tracked, refused) = self.process.scan(stopped);
            let found: BTreeSet<u64> = self.reach.tracked.keys().map(|at| at.0).collect();
            assert_eq!(found, tracked, "{steps:#x?}");
            assert_eq!(self.told, tracked, "{steps:#x?}");
            let over: BTreeSet<u64> = self.reach.refused.iter().map(|at| at.0).collect();
            assert_eq!(over, refused, "{steps:#x?}");
            let spent: u64 = self.reach.tracked.values().map(|b| b.bytes as u64).sum();
            assert_eq!(self.reach.spent, spent);
        }
    }

    fn slot() -> impl Strategy<Value = u64> {
        // Few places, so that blocks meet, and the same word is there when a block comes again.
        (0..ARENA_BYTES / 256).prop_map(|slot| ARENA + slot * 256)
    }

    fn word() -> impl Strategy<Value = u64> {
        prop_oneof![
            6 => slot(),
            2 => (slot(), 0u64..256).prop_map(|(slot, inside)| slot + inside),
            1 => Just(0),
            1 => any::<u64>(),
        ]
    }

    fn size() -> impl Strategy<Value = u64> {
        prop_oneof![6 => 0u64..=256, 2 => 200u64..1500, 1 => 4000u64..9000]
    }

    fn place() -> impl Strategy<Value = u64> {
        (slot(), 0u64..4).prop_map(|(slot, word)| slot + word * 8)
    }

    fn step() -> impl Strategy<Value = Step> {
        let align = prop_oneof![6 => Just(Some(8)), 1 => Just(None), 1 => Just(Some(1))];
        prop_oneof![
            6 => (slot(), size(), align)
                .prop_map(|(at, size, align)| Step::Alloc { at, size, align }),
            2 => slot().prop_map(Step::Free),
            1 => (slot(), slot(), size())
                .prop_map(|(from, to, size)| Step::Realloc { from, to, size }),
            8 => (place(), word()).prop_map(|(at, word)| Step::Write { at, word }),
            4 => (1u32..4, 0u64..8, word())
                .prop_map(|(thread, place, word)| Step::Root { thread, place, word }),
            1 => (0u64..3, word()).prop_map(|(place, word)| Step::Static { place, word }),
            1 => (1u32..4).prop_map(Step::EndThread),
            6 => (1u32..4).prop_map(Step::Stop),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn what_is_tracked_is_what_a_scan_of_everything_finds(
            steps in prop::collection::vec(step(), 0..160),
        ) {
            let mut followed = Followed::new();
            for (index, step) in steps.iter().enumerate() {
                followed.step(step);
                if let Step::Stop(thread) = *step {
                    followed.check(ThreadId(thread), &steps[..=index]);
                }
            }
        }
    }

    #[test]
    fn a_ring_of_blocks_is_let_go_when_its_last_root_is() {
        let mut followed = Followed::new();
        let slots = [ARENA, ARENA + 256, ARENA + 512];
        for (index, &at) in slots.iter().enumerate() {
            followed.allocate(at, 16, Some(8));
            let word = slots[(index + 1) % slots.len()];
            followed.step(&Step::Write { at, word });
        }
        let root = |word| Step::Root {
            thread: 1,
            place: 0,
            word,
        };
        for (word, count) in [(slots[1], 3), (0, 0), (slots[2], 3)] {
            followed.step(&root(word));
            followed.step(&Step::Stop(1));
            assert_eq!(followed.reach.tracked.len(), count);
            followed.check(ThreadId(1), &[]);
        }
    }

    #[test]
    fn a_block_that_moves_to_another_owner_stays_tracked() {
        let mut followed = Followed::new();
        for at in [ARENA, ARENA + 256] {
            followed.allocate(at, 16, Some(8));
        }
        let root = |word| Step::Root {
            thread: 1,
            place: 0,
            word,
        };
        followed.step(&root(ARENA));
        followed.step(&Step::Stop(1));
        let (at, word) = (ARENA + 256, ARENA);
        followed.step(&Step::Write { at, word });
        followed.step(&root(ARENA + 256));
        followed.step(&Step::Stop(1));
        let owner = RuntimeAddress(ARENA + 256);
        assert_eq!(followed.reach.changes, [Change::Tracked(owner)]);
        followed.check(ThreadId(1), &[]);
    }
    #[test]
    fn a_block_that_could_not_be_read_is_tried_again() {
        let mut followed = Followed::new();
        followed.allocate(ARENA, 16, Some(8));
        followed.step(&Step::Root {
            thread: 1,
            place: 0,
            word: ARENA,
        });
        followed.step(&Step::Stop(1));
        let at = RuntimeAddress(ARENA);
        followed.reach.block_unreadable(at);
        followed.step(&Step::Stop(1));
        assert_eq!(
            followed.reach.changes,
            [Change::Unreadable(at), Change::Tracked(at)]
        );
        followed.check(ThreadId(1), &[]);
    }
}
