//! Where the tracked blocks are read, and which of them may have changed since the last reading.
//!
//! Blocks are read by the page, from the first tracked byte to the last; what lies between them is
//! read too. What was read is kept until the next stop: as long as a page's bytes are the same as
//! then, none of its blocks has to be looked at.

use std::collections::BTreeMap;

use stackheap_model::RuntimeAddress;

use crate::maps::PAGE;

/// How far apart two parts of neighbouring pages may be that are read as one range, in bytes:
/// reading what lies between them costs less than another range.
const GAP: u64 = 2048;

/// The part of a block that lies in one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The block.
    pub(crate) block: RuntimeAddress,
    /// Where the part begins.
    pub(crate) at: RuntimeAddress,
    /// How many bytes it has.
    pub(crate) bytes: usize,
    /// Whether it is not known yet to be as it was at the last reading: it was read by itself.
    is_new: bool,
}

impl Part {
    fn end(&self) -> u64 {
        self.at.0 + self.bytes as u64
    }
}

#[derive(Debug, Default)]
struct TrackedPage {
    /// By address; no two overlap.
    parts: Vec<Part>,
    /// Where its bytes stand among those that are read now.
    now: Option<Reading>,
    /// Where they stood among those of the last reading.
    before: Option<Reading>,
}

impl TrackedPage {
    fn extent(&self) -> Option<(u64, u64)> {
        let (first, last) = (self.parts.first()?, self.parts.last()?);
        Some((first.at.0, last.end()))
    }
}

/// The bytes from one address to another, and where they stand among all that were read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    low: u64,
    high: u64,
    position: usize,
}

impl Reading {
    /// Where the bytes of a range stand; `None` when they were not all read.
    fn of(&self, low: u64, high: u64) -> Option<std::ops::Range<usize>> {
        if low < self.low || self.high < high {
            return None;
        }
        let from = self.position + (low - self.low) as usize;
        Some(from..from + (high - low) as usize)
    }
}

/// The pages that tracked blocks lie in.
#[derive(Debug, Default)]
pub(crate) struct TrackedPages {
    /// By number.
    pages: BTreeMap<u64, TrackedPage>,
    /// What has to be read for them; to be made anew when blocks came or went.
    ranges: Vec<(RuntimeAddress, usize)>,
    is_stale: bool,
    /// What was read at the last stop, and from where on it is of blocks.
    before: Vec<u8>,
    before_from: usize,
}

impl TrackedPages {
    /// Reads so many bytes of a block from now on.
    pub(crate) fn add(&mut self, block: RuntimeAddress, bytes: usize) {
        self.is_stale = true;
        for part in parts_of(block, bytes) {
            let parts = &mut self.pages.entry(part.at.0 / PAGE).or_default().parts;
            let place = parts.partition_point(|other| other.at < part.at);
            parts.insert(place, part);
        }
    }

    /// Reads a block no longer that so many bytes were read of.
    pub(crate) fn remove(&mut self, block: RuntimeAddress, bytes: usize) {
        self.is_stale = true;
        for part in parts_of(block, bytes) {
            let number = part.at.0 / PAGE;
            let Some(page) = self.pages.get_mut(&number) else {
                continue;
            };
            page.parts.retain(|other| other.block != block);
            if page.parts.is_empty() {
                self.pages.remove(&number);
            }
        }
    }

    /// What is to be read, by address.
    pub(crate) fn ranges(&mut self) -> &[(RuntimeAddress, usize)] {
        if !std::mem::take(&mut self.is_stale) {
            return &self.ranges;
        }
        self.ranges.clear();
        let mut position = 0;
        for page in self.pages.values_mut() {
            let Some((low, high)) = page.extent() else {
                continue;
            };
            let from = match self.ranges.last_mut() {
                // Neighbouring pages are both mapped; further apart there may be nothing.
                Some((start, length)) if low - (start.0 + *length as u64) <= GAP => {
                    let end = start.0 + *length as u64;
                    *length = (high - start.0) as usize;
                    end
                }
                _ => {
                    self.ranges
                        .push((RuntimeAddress(low), (high - low) as usize));
                    low
                }
            };
            page.now = Some(Reading {
                low,
                high,
                position: position + (low - from) as usize,
            });
            position += (high - from) as usize;
        }
        &self.ranges
    }

    /// Looks at what was read of [`ranges`](Self::ranges), all of it, and gives the parts that may
    /// have changed since the last reading, by address, each with where it stands in `read`.
    /// `all`: all parts, whatever the last reading was.
    pub(crate) fn changed(&mut self, read: &[u8], all: bool, into: &mut Vec<(Part, usize)>) {
        into.clear();
        let kept = self.before.get(self.before_from..).unwrap_or(&[]);
        for page in self.pages.values_mut() {
            let Some(now) = page.now else { continue };
            let before = page.before.filter(|_| !all);
            let bytes = read.get(now.position..).unwrap_or(&[]);
            let bytes = bytes.get(..(now.high - now.low) as usize).unwrap_or(&[]);
            let old = before.and_then(|before| {
                let range = before.of(now.low, now.high)?;
                kept.get(range)
            });
            let is_same = old == Some(bytes);
            for part in &mut page.parts {
                let is_new = std::mem::replace(&mut part.is_new, false);
                if is_same && !is_new {
                    continue;
                }
                let (low, high) = (part.at.0, part.end());
                let Some(place) = now.of(low, high) else {
                    continue;
                };
                let old = before.and_then(|before| kept.get(before.of(low, high)?));
                if is_new || old.is_none() || old != read.get(place.clone()) {
                    into.push((*part, place.start));
                }
            }
            page.before = page.now;
        }
    }

    /// Keeps what was read for the next reading: it is of blocks from `from` on. Gives other room
    /// in exchange.
    pub(crate) fn keep(&mut self, read: &mut Vec<u8>, from: usize) {
        std::mem::swap(&mut self.before, read);
        self.before_from = from;
    }

    /// What of the last reading stood before the blocks.
    pub(crate) fn kept_in_front(&self) -> &[u8] {
        self.before.get(..self.before_from).unwrap_or(&[])
    }

    /// The parts that lie in a range of which only some was read, each with where it stands in it.
    /// The next reading is compared with nothing.
    pub(crate) fn within(
        &mut self,
        start: RuntimeAddress,
        bytes: usize,
        into: &mut Vec<(Part, usize)>,
    ) {
        into.clear();
        let end = start.0.saturating_add(bytes as u64);
        for page in self
            .pages
            .range_mut(start.0 / PAGE..=end / PAGE)
            .map(|(_, page)| page)
        {
            page.before = None;
            let inside = page
                .parts
                .iter()
                .filter(|part| start <= part.at && part.end() <= end);
            into.extend(inside.map(|&part| (part, (part.at.0 - start.0) as usize)));
        }
    }

    /// The blocks that have a part in a range, each as often as it has parts there.
    pub(crate) fn blocks_in(
        &self,
        start: RuntimeAddress,
        bytes: usize,
    ) -> impl Iterator<Item = RuntimeAddress> {
        let end = start.0.saturating_add(bytes as u64);
        let pages = self.pages.range(start.0 / PAGE..=end / PAGE);
        let parts = pages.flat_map(|(_, page)| &page.parts);
        let inside = parts.filter(move |part| part.at.0 < end && start.0 < part.end());
        inside.map(|part| part.block)
    }
}

/// A block cut at the ends of pages.
fn parts_of(block: RuntimeAddress, bytes: usize) -> impl Iterator<Item = Part> {
    let end = block.0.saturating_add(bytes as u64);
    let mut at = block.0;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let next = (at / PAGE + 1).saturating_mul(PAGE).min(end);
        let part = Part {
            block,
            at: RuntimeAddress(at),
            bytes: (next - at) as usize,
            is_new: true,
        };
        at = next;
        Some(part)
    })
}
