//! The memory of the observed process as far as it was captured.
//!
//! Pages of 4 KiB in a hash map, with a bit for each byte that tells whether it was ever captured.
//! Pages are shared between clones until one of them writes.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use stackheap_model::RuntimeAddress;

use crate::records::PatchRef;

/// How many bytes a page has.
pub(crate) const PAGE_BYTES: usize = 4096;
const PAGE_SHIFT: u32 = 12;
const OFFSET_MASK: u64 = PAGE_BYTES as u64 - 1;
/// A bit for each byte, in words of 64.
const KNOWN_WORDS: usize = PAGE_BYTES / 64;
const WORD: usize = 8;

/// A page: its bytes, and which of them are known. Bytes that are not known are 0.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) bytes: [u8; PAGE_BYTES],
    pub(crate) known: [u64; KNOWN_WORDS],
}

impl Page {
    fn empty() -> Self {
        Self {
            bytes: [0; PAGE_BYTES],
            known: [0; KNOWN_WORDS],
        }
    }

    /// Whether all of `[from, to)` is known; both are within the page.
    fn all_known(&self, from: usize, to: usize) -> bool {
        // Whole words first, as one run that the processor goes through quickly.
        let (first_whole, behind_whole) = (from.div_ceil(64), to / 64);
        if first_whole >= behind_whole {
            return bit_words(from, to).all(|(word, mask)| self.known[word] & mask == mask);
        }
        let whole = &self.known[first_whole..behind_whole];
        whole.iter().fold(u64::MAX, |all, word| all & word) == u64::MAX
            && bit_words(from, first_whole * 64)
                .chain(bit_words(behind_whole * 64, to))
                .all(|(word, mask)| self.known[word] & mask == mask)
    }

    fn set_known(&mut self, from: usize, to: usize) {
        for (word, mask) in bit_words(from, to) {
            self.known[word] |= mask;
        }
    }

    fn set_unknown(&mut self, from: usize, to: usize) {
        self.bytes[from..to].fill(0);
        for (word, mask) in bit_words(from, to) {
            self.known[word] &= !mask;
        }
    }

    fn is_unknown(&self) -> bool {
        self.known.iter().all(|&word| word == 0)
    }

    /// How many bytes from `from` on are known without a gap, up to the end of the page.
    pub(crate) fn known_from(&self, from: usize) -> usize {
        let mut at = from;
        while at < PAGE_BYTES {
            let rest = self.known[at / 64] >> (at % 64);
            let ones = rest.trailing_ones() as usize;
            let room = 64 - at % 64;
            if ones < room {
                return at + ones - from;
            }
            at += room;
        }
        PAGE_BYTES - from
    }
}

/// The words of a bit set, each with the mask of the bits `[from, to)` in it. `to` is at most
/// [`PAGE_BYTES`], so that the word is always one of [`KNOWN_WORDS`].
fn bit_words(from: usize, to: usize) -> impl Iterator<Item = (usize, u64)> {
    let mut at = from;
    std::iter::from_fn(move || {
        if at >= to {
            return None;
        }
        let word = at / 64;
        let first = at % 64;
        let count = (64 - first).min(to - at);
        at += count;
        // A count of 64 would overflow the shift of 1.
        let ones = if count == 64 {
            u64::MAX
        } else {
            (1 << count) - 1
        };
        Some((word, ones << first))
    })
}

/// The memory of the observed process as far as it was captured.
///
/// ```
/// use stackheap_model::RuntimeAddress;
/// use stackheap_trace::Memory;
///
/// let mut memory = Memory::default();
/// memory.write(RuntimeAddress(0x1000), &[1, 2, 3, 4]);
/// assert_eq!(memory.read(RuntimeAddress(0x1001), 2), Some(vec![2, 3]));
/// assert_eq!(memory.read(RuntimeAddress(0x1001), 9), None);
/// ```
#[derive(Clone, Default)]
pub struct Memory {
    pages: FxHashMap<u64, Arc<Page>>,
    /// Bytes that were not kept because of [`Memory::PAGE_LIMIT`].
    dropped_bytes: u64,
}

impl Memory {
    /// How many pages are kept at most (1 GiB). What is written beyond is not kept and stays
    /// unknown; [`Memory::dropped_bytes`] tells how much that was.
    pub const PAGE_LIMIT: usize = 1 << 18;

    /// Bytes that were not kept because there were [`Memory::PAGE_LIMIT`] pages already.
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes
    }

    /// How many pages have known bytes, or had once.
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// Takes `bytes` as what lies at `at`.
    pub fn write(&mut self, at: RuntimeAddress, bytes: &[u8]) {
        for part in parts(at, bytes.len() as u64) {
            let full = self.pages.len() >= Self::PAGE_LIMIT;
            let page = match self.pages.entry(part.page) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(_) if full => {
                    self.dropped_bytes = self.dropped_bytes.saturating_add(part.len() as u64);
                    continue;
                }
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(Arc::new(Page::empty()))
                }
            };
            let page = Arc::make_mut(page);
            // `parts` stays within the page and within `bytes`.
            page.bytes[part.from..part.to].copy_from_slice(&bytes[part.start..part.end()]);
            page.set_known(part.from, part.to);
        }
    }

    /// Makes `len` bytes at `at` unknown.
    pub fn forget(&mut self, at: RuntimeAddress, len: u64) {
        let pages_in_range = len >> PAGE_SHIFT;
        if pages_in_range > self.pages.len() as u64 {
            self.forget_by_page(at, len);
            return;
        }
        for part in parts(at, len) {
            if let Some(page) = self.pages.get_mut(&part.page) {
                forget_in_page(page, part.from, part.to);
                if (part.from, part.to) == (0, PAGE_BYTES) {
                    self.pages.remove(&part.page);
                }
            }
        }
    }

    /// The same, for a range of more pages than there are.
    fn forget_by_page(&mut self, at: RuntimeAddress, len: u64) {
        let last = at.0.saturating_add(len.saturating_sub(1));
        self.pages.retain(|&number, page| {
            let first_of_page = number << PAGE_SHIFT;
            let last_of_page = first_of_page | OFFSET_MASK;
            if last < first_of_page || last_of_page < at.0 {
                return true;
            }
            let from = at.0.saturating_sub(first_of_page) as usize;
            let to = (last.min(last_of_page) - first_of_page) as usize + 1;
            forget_in_page(page, from, to);
            !page.is_unknown()
        });
    }

    /// Makes everything unknown.
    pub fn forget_all(&mut self) {
        self.pages.clear();
    }

    /// The `len` bytes at `at`, or `None` when not all of them are known.
    pub fn read(&self, at: RuntimeAddress, len: u64) -> Option<Vec<u8>> {
        // Known bytes are in memory already, so that the length is bounded by what is there.
        if !self.is_known(at, len) {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(len).ok()?];
        self.read_into(at, &mut bytes)?;
        Some(bytes)
    }

    /// Fills `into` with the bytes at `at`; `None`, with `into` in no particular state, when not all
    /// of them are known.
    pub fn read_into(&self, at: RuntimeAddress, into: &mut [u8]) -> Option<()> {
        // Beyond the end of the address space nothing is known.
        at.0.checked_add((into.len() as u64).saturating_sub(1))?;
        for part in parts(at, into.len() as u64) {
            let page = self.pages.get(&part.page)?;
            if !page.all_known(part.from, part.to) {
                return None;
            }
            into[part.start..part.end()].copy_from_slice(&page.bytes[part.from..part.to]);
        }
        Some(())
    }

    /// Whether the bytes at `at` are known to be these.
    pub fn holds(&self, at: RuntimeAddress, bytes: &[u8]) -> bool {
        let last = (bytes.len() as u64).saturating_sub(1);
        at.0.checked_add(last).is_some()
            && parts(at, bytes.len() as u64).all(|part| {
                self.pages.get(&part.page).is_some_and(|page| {
                    page.bytes[part.from..part.to] == bytes[part.start..part.end()]
                        && page.all_known(part.from, part.to)
                })
            })
    }

    /// The 8 bytes at `at` as a little-endian number; `None` when not all of them are known.
    pub fn read_u64(&self, at: RuntimeAddress) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read_into(at, &mut bytes)?;
        Some(u64::from_le_bytes(bytes))
    }

    /// Whether all `len` bytes at `at` are known.
    pub fn is_known(&self, at: RuntimeAddress, len: u64) -> bool {
        self.known_prefix(at, len) == len
    }

    /// How many of the `len` bytes at `at` are known, from the first on without a gap.
    pub fn known_prefix(&self, at: RuntimeAddress, len: u64) -> u64 {
        let mut known = 0u64;
        for part in parts(at, len) {
            let Some(page) = self.pages.get(&part.page) else {
                break;
            };
            let here = page.known_from(part.from).min(part.len());
            known += here as u64;
            if here < part.len() {
                break;
            }
        }
        known
    }

    /// The parts of `new`, taken as the bytes at `at`, that are not what is known: runs of words of
    /// 8 bytes (cut at the ends of `new`) in which a byte differs or is unknown, in order of
    /// address; runs that touch are one.
    ///
    /// Cost: some 30 to 50 ns for each KiB that did not change.
    pub fn compare<'a>(&'a self, at: RuntimeAddress, new: &'a [u8]) -> Changes<'a> {
        Changes {
            memory: self,
            at,
            new,
            position: 0,
            page: None,
        }
    }

    /// The pages by number, for writing them down.
    pub(crate) fn sorted_pages(&self) -> Vec<(u64, &Page)> {
        let mut pages: Vec<(u64, &Page)> = self
            .pages
            .iter()
            .filter(|(_, page)| !page.is_unknown())
            .map(|(&number, page)| (number, page.as_ref()))
            .collect();
        pages.sort_unstable_by_key(|&(number, _)| number);
        pages
    }

    pub(crate) fn restore_dropped_bytes(&mut self, bytes: u64) {
        self.dropped_bytes = bytes;
    }
}

impl PartialEq for Memory {
    /// Whether the same bytes are known: a page without known bytes is as good as none.
    fn eq(&self, other: &Self) -> bool {
        self.dropped_bytes == other.dropped_bytes && self.sorted_pages() == other.sorted_pages()
    }
}

impl Eq for Memory {}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memory({} pages)", self.pages.len())
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known: u32 = self.known.iter().map(|word| word.count_ones()).sum();
        write!(f, "Page({known} known)")
    }
}

fn forget_in_page(page: &mut Arc<Page>, from: usize, to: usize) {
    // A page that has nothing to forget stays shared with clones.
    if bit_words(from, to).any(|(word, mask)| page.known[word] & mask != 0) {
        Arc::make_mut(page).set_unknown(from, to);
    }
}

/// The part of a range of addresses that lies in one page.
struct Part {
    /// The page's number.
    page: u64,
    /// Where in the page it begins and ends; within the page.
    from: usize,
    to: usize,
    /// Where in the range it begins.
    start: usize,
}

impl Part {
    fn len(&self) -> usize {
        self.to - self.from
    }

    fn end(&self) -> usize {
        self.start + self.len()
    }
}

/// Cuts a range of addresses at the pages' ends. A range that reaches beyond the end of the address
/// space is cut there.
fn parts(at: RuntimeAddress, len: u64) -> impl Iterator<Item = Part> {
    let mut at = at.0;
    let mut left = len;
    let mut start = 0u64;
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let from = (at & OFFSET_MASK) as usize;
        let here = left.min((PAGE_BYTES - from) as u64);
        let part = Part {
            page: at >> PAGE_SHIFT,
            from,
            to: from + here as usize,
            start: start as usize,
        };
        start += here;
        left -= here;
        match at.checked_add(here) {
            Some(next) => at = next,
            None => left = 0,
        }
        Some(part)
    })
}

/// The parts of some bytes that are not what is known; see [`Memory::compare`].
#[derive(Clone)]
pub struct Changes<'a> {
    memory: &'a Memory,
    at: RuntimeAddress,
    new: &'a [u8],
    /// How much of `new` is done.
    position: usize,
    /// The page looked up last, by number.
    page: Option<(u64, Option<&'a Page>)>,
}

impl<'a> Changes<'a> {
    /// The address of `new[position]`; `None` beyond the end of the address space.
    fn address(&self, position: usize) -> Option<u64> {
        self.at.0.checked_add(position as u64)
    }

    fn page_of(&mut self, address: u64) -> Option<&'a Page> {
        let number = address >> PAGE_SHIFT;
        match self.page {
            Some((cached, page)) if cached == number => page,
            _ => {
                let page = self.memory.pages.get(&number).map(Arc::as_ref);
                self.page = Some((number, page));
                page
            }
        }
    }

    /// Where the next word that is not as known begins, from `position` on; the end of `new` when
    /// there is none.
    fn skip_same(&mut self, position: usize) -> usize {
        let mut position = position;
        while position < self.new.len() {
            let Some(address) = self.address(position) else {
                return self.new.len();
            };
            let Some(page) = self.page_of(address) else {
                return position;
            };
            let from = (address & OFFSET_MASK) as usize;
            let here = (PAGE_BYTES - from).min(self.new.len() - position);
            let new = &self.new[position..position + here];
            let same = same_prefix(page, from, new);
            if same < here {
                return position + same;
            }
            position += here;
        }
        position
    }

    /// Where the run of words that are not as known and begins at `position` ends.
    fn skip_changed(&mut self, position: usize) -> usize {
        let mut position = position;
        while position < self.new.len() {
            let Some(address) = self.address(position) else {
                return self.new.len();
            };
            let from = (address & OFFSET_MASK) as usize;
            let len = word_len(from, self.new.len() - position);
            if let Some(page) = self.page_of(address)
                && word_is_same(page, from, &self.new[position..position + len])
            {
                return position;
            }
            position += len;
        }
        position
    }
}

impl Iterator for Changes<'_> {
    type Item = PatchRef;

    fn next(&mut self) -> Option<PatchRef> {
        let start = self.skip_same(self.position);
        if start >= self.new.len() {
            self.position = self.new.len();
            return None;
        }
        let Some(address) = self.address(start) else {
            self.position = self.new.len();
            return None;
        };
        let end = self.skip_changed(start);
        self.position = end;
        Some(PatchRef {
            address: RuntimeAddress(address),
            start,
            len: end - start,
        })
    }
}

/// How many bytes the word at `from` has from there on, at most `left`.
fn word_len(from: usize, left: usize) -> usize {
    (WORD - from % WORD).min(left)
}

/// Whether `new` is what is known at `from`. The range lies within the page.
fn word_is_same(page: &Page, from: usize, new: &[u8]) -> bool {
    let to = from + new.len();
    page.bytes[from..to] == *new && page.all_known(from, to)
}

/// How many bytes of `new` are what is known at `from`, up to the start of the first word that is
/// not. The range lies within the page.
fn same_prefix(page: &Page, from: usize, new: &[u8]) -> usize {
    let to = from + new.len();
    if page.bytes[from..to] == *new && page.all_known(from, to) {
        return new.len();
    }
    let mut at = from;
    while at < to {
        let line = ((at | 63) + 1).min(to);
        let part = &new[at - from..line - from];
        if page.bytes[at..line] == *part && page.all_known(at, line) {
            at = line;
            continue;
        }
        // The first difference is in this line of at most 64 bytes.
        while at < line {
            let len = word_len(at, line - at);
            if !word_is_same(page, at, &new[at - from..at - from + len]) {
                return at - from;
            }
            at += len;
        }
    }
    to - from
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, Vec<u8>),
        Forget(u64, u64),
        Read(u64, u64),
        Compare(u64, Vec<u8>),
    }

    fn address() -> impl Strategy<Value = u64> {
        prop_oneof![
            8 => 0x1f80u64..0x2100,
            4 => 0x0u64..0x5000,
            1 => u64::MAX - 300..=u64::MAX,
        ]
    }

    /// Few values, so that what is compared is often the same.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(0u8..2, 0..200),
            (0usize..6000).prop_map(|count| vec![1; count]),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (address(), bytes()).prop_map(|(at, bytes)| Step::Write(at, bytes)),
            1 => (address(), prop_oneof![0u64..100, 0u64..9000, any::<u64>()])
                .prop_map(|(at, len)| Step::Forget(at, len)),
            2 => (address(), prop_oneof![0u64..100, any::<u64>()])
                .prop_map(|(at, len)| Step::Read(at, len)),
            3 => (address(), bytes()).prop_map(|(at, bytes)| Step::Compare(at, bytes)),
        ]
    }

    /// The address of the byte at `place` of something at `at`, within the address space.
    fn address_of(at: u64, place: usize) -> Option<u64> {
        at.checked_add(place as u64)
    }

    fn model_read(model: &HashMap<u64, u8>, at: u64, len: u64) -> Option<Vec<u8>> {
        let mut read = Vec::new();
        for place in 0..len {
            read.push(*model.get(&at.checked_add(place)?)?);
        }
        Some(read)
    }

    /// Runs of words that are not as the model has them.
    fn model_compare(model: &HashMap<u64, u8>, at: u64, new: &[u8]) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let mut place = 0;
        while place < new.len() {
            if address_of(at, place).is_none() {
                break;
            }
            let mut end = place + 1;
            while end < new.len() && address_of(at, end).is_some_and(|a| a % 8 != 0) {
                end += 1;
            }
            let is_same = (place..end).all(|place| {
                address_of(at, place).and_then(|a| model.get(&a)) == Some(&new[place])
            });
            match runs.last_mut() {
                _ if is_same => {}
                Some(last) if last.1 == place => last.1 = end,
                _ => runs.push((place, end)),
            }
            place = end;
        }
        runs
    }

    fn check(steps: &[Step]) {
        let (mut memory, mut model) = (Memory::default(), HashMap::new());
        for step in steps {
            match step {
                Step::Write(at, bytes) => {
                    memory.write(RuntimeAddress(*at), bytes);
                    for (place, &byte) in bytes.iter().enumerate() {
                        if let Some(address) = address_of(*at, place) {
                            model.insert(address, byte);
                        }
                    }
                }
                Step::Forget(at, len) => {
                    memory.forget(RuntimeAddress(*at), *len);
                    model.retain(|&address, _| address < *at || address - at >= *len);
                }
                Step::Read(at, len) => {
                    let read = memory.read(RuntimeAddress(*at), *len);
                    assert_eq!(
                        read,
                        model_read(&model, *at, *len),
                        "{at:#x} {len} of {steps:?}"
                    );
                }
                Step::Compare(at, new) if at.checked_add(new.len() as u64).is_some() => {
                    let runs: Vec<_> = memory
                        .compare(RuntimeAddress(*at), new)
                        .map(|run| {
                            assert_eq!(run.address.0, at + run.start as u64);
                            (run.start, run.start + run.len)
                        })
                        .collect();
                    assert_eq!(
                        runs,
                        model_compare(&model, *at, new),
                        "{at:#x} in {steps:?}"
                    );
                }
                // Bytes beyond the end of the address space are no bytes of the process.
                Step::Compare(at, new) => {
                    let _ = memory.compare(RuntimeAddress(*at), new).count();
                }
            }
        }
        for (&address, &byte) in &model {
            assert_eq!(memory.read(RuntimeAddress(address), 1), Some(vec![byte]));
        }
        let known: u32 = memory
            .sorted_pages()
            .iter()
            .flat_map(|(_, page)| page.known.iter().map(|word| word.count_ones()))
            .sum();
        assert_eq!(known as usize, model.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn memory_is_as_a_map_of_bytes_has_it(steps in prop::collection::vec(step(), 0..30)) {
            check(&steps);
        }

        #[test]
        fn what_compare_finds_makes_it_equal(
            steps in prop::collection::vec(step(), 0..10),
            at in 0u64..0x5000,
            new in bytes(),
        ) {
            let mut memory = Memory::default();
            for step in &steps {
                if let Step::Write(at, bytes) = step {
                    memory.write(RuntimeAddress(*at), bytes);
                }
            }
            let runs: Vec<_> = memory.compare(RuntimeAddress(at), &new).collect();
            for run in runs {
                memory.write(run.address, &new[run.start..run.start + run.len]);
            }
            prop_assert_eq!(memory.compare(RuntimeAddress(at), &new).count(), 0);
            prop_assert_eq!(memory.read(RuntimeAddress(at), new.len() as u64), Some(new));
        }
    }

    #[test]
    fn a_clone_does_not_change_with_the_original() {
        let mut memory = Memory::default();
        memory.write(RuntimeAddress(0x1000), &[1, 2]);
        let before = memory.clone();
        memory.write(RuntimeAddress(0x1000), &[9]);
        memory.forget(RuntimeAddress(0x1001), 1);
        assert_eq!(before.read(RuntimeAddress(0x1000), 2), Some(vec![1, 2]));
        assert_eq!(memory.read(RuntimeAddress(0x1000), 1), Some(vec![9]));
        assert_ne!(memory, before);
    }

    #[test]
    fn what_it_holds_is_what_reading_it_gives() {
        let mut memory = Memory::default();
        memory.write(RuntimeAddress(0xffe), &[1, 2, 3, 0]);
        for (at, bytes) in [
            (0xffe, &[1, 2, 3, 0][..]),
            (0xfff, &[2, 3][..]),
            (0xfff, &[2, 4][..]),
            (0x1001, &[0, 0][..]),
            (0x1002, &[0][..]),
            (0x5000, &[][..]),
            (u64::MAX, &[0, 0][..]),
        ] {
            let at = RuntimeAddress(at);
            let read = memory.read(at, bytes.len() as u64);
            assert_eq!(memory.holds(at, bytes), read.as_deref() == Some(bytes));
        }
    }

    #[test]
    fn a_length_that_no_memory_has_is_no_trouble() {
        let mut memory = Memory::default();
        memory.write(RuntimeAddress(0), &[1; 5000]);
        assert_eq!(memory.read(RuntimeAddress(0), u64::MAX), None);
        assert_eq!(memory.known_prefix(RuntimeAddress(10), u64::MAX), 4990);
        memory.forget(RuntimeAddress(5), u64::MAX);
        assert_eq!(memory.known_prefix(RuntimeAddress(0), 10), 5);
    }
}
