//! Where everything is in a file.

use std::collections::BTreeSet;

use stackheap_model::SiteId;

use crate::chunk::{ChunkKind, Extent};
use crate::decode::{limits_from, outcome_from};
use crate::encode::{limits_into, outcome_into};
use crate::error::TraceError;
use crate::keyframe::{totals_from, totals_into};
use crate::records::{Limit, Outcome, Sequence};
use crate::replay::Totals;
use crate::wire::{Input, put, put_distance};

/// A chunk of records or a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// Whether it is a keyframe.
    pub(crate) is_keyframe: bool,
    pub(crate) extent: Extent,
    /// How many bytes of output it has, before compression and with their lengths.
    pub(crate) output_bytes: u32,
}

/// Where everything is in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// Chunks of records and keyframes, in order.
    pub(crate) parts: Vec<Part>,
    /// The sites of the stops between two keyframes, for each such segment in order; `None` when
    /// that is not known.
    pub(crate) sites: Vec<Option<BTreeSet<SiteId>>>,
    /// Where the blobs are.
    pub(crate) blobs: Vec<u64>,
    pub(crate) totals: Totals,
    pub(crate) limits: Vec<(Sequence, Limit)>,
    pub(crate) outcome: Option<Outcome>,
}

impl Index {
    /// The sites of the segment that a part belongs to; `None` when they are not known.
    pub(crate) fn sites_of_segment(&self, segment: usize) -> Option<&BTreeSet<SiteId>> {
        self.sites.get(segment)?.as_ref()
    }
}

/// The part that a chunk is, when it is one.
pub(crate) fn part_of(
    kind: ChunkKind,
    offset: u64,
    extent: Extent,
    output_bytes: u32,
) -> Option<Part> {
    let is_keyframe = match kind {
        ChunkKind::Records => false,
        ChunkKind::Keyframe => true,
        _ => return None,
    };
    Some(Part {
        offset,
        is_keyframe,
        extent,
        output_bytes,
    })
}

/// Appends the index.
pub(crate) fn index_into(into: &mut Vec<u8>, index: &Index) {
    totals_into(into, &index.totals);
    limits_into(into, &index.limits);
    put(into, u64::from(index.outcome.is_some()));
    if let Some(outcome) = &index.outcome {
        outcome_into(into, outcome);
    }
    put(into, index.blobs.len() as u64);
    for offset in &index.blobs {
        put(into, *offset);
    }
    put(into, index.parts.len() as u64);
    let (mut offset, mut before) = (0, Extent::default());
    for part in &index.parts {
        put(into, u64::from(part.is_keyframe));
        put_distance(into, offset, part.offset);
        offset = part.offset;
        let extent = part.extent;
        put_distance(into, before.records_after(), extent.records_before);
        put_distance(into, before.stops_after(), extent.stops_before);
        put_distance(into, before.steps_after(), extent.steps_before);
        for count in [
            extent.records,
            extent.stops,
            extent.steps,
            part.output_bytes,
        ] {
            put(into, u64::from(count));
        }
        before = extent;
    }
    put(into, index.sites.len() as u64);
    for sites in &index.sites {
        // One more than the count, so that 0 can stand for not known.
        put(
            into,
            sites.as_ref().map_or(0, |sites| sites.len() as u64 + 1),
        );
        let mut last = 0;
        for site in sites.iter().flatten() {
            put(into, u64::from(site.0) - last);
            last = u64::from(site.0);
        }
    }
}

/// The index that the bytes stand for.
pub(crate) fn index_from(bytes: &[u8]) -> Result<Index, TraceError> {
    let input = &mut Input::new(bytes, "the index");
    let totals = totals_from(input)?;
    let mut index = Index {
        totals,
        limits: limits_from(input)?,
        ..Index::default()
    };
    if input.number()? != 0 {
        index.outcome = Some(outcome_from(input)?);
    }
    for _ in 0..input.count()? {
        index.blobs.push(input.number()?);
    }
    let (mut offset, mut before) = (0, Extent::default());
    for _ in 0..input.count()? {
        let is_keyframe = input.number()? != 0;
        offset = input.distance(offset)?;
        let extent = Extent {
            records_before: input.distance(before.records_after())?,
            stops_before: input.distance(before.stops_after())?,
            steps_before: input.distance(before.steps_after())?,
            records: input.number_u32()?,
            stops: input.number_u32()?,
            steps: input.number_u32()?,
        };
        let output_bytes = input.number_u32()?;
        index.parts.push(Part {
            offset,
            is_keyframe,
            extent,
            output_bytes,
        });
        before = extent;
    }
    for _ in 0..input.count()? {
        let sites = match input.number()?.checked_sub(1) {
            None => None,
            Some(count) => Some(sites_from(input, count)?),
        };
        index.sites.push(sites);
    }
    input.end()?;
    Ok(index)
}

fn sites_from(input: &mut Input<'_>, count: u64) -> Result<BTreeSet<SiteId>, TraceError> {
    let mut sites = BTreeSet::new();
    let mut last = 0u64;
    // Each takes a byte, so that the end of the input bounds this.
    for _ in 0..count {
        last = last.saturating_add(input.number()?);
        match u32::try_from(last) {
            Ok(site) => sites.insert(SiteId(site)),
            Err(_) => return Err(input.expected("a site of 32 bits before this")),
        };
    }
    Ok(sites)
}
