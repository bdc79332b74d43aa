//! Hash tables with open addressing: control bytes, and the elements in front of them.
//!
//! The layout is that of `hashbrown` (its `raw` module): element `i` ends at
//! `control - i * size`, control byte `i` has its highest bit clear when the bucket is full, and
//! a group of control bytes more follows the last. The block begins at the first element's slot,
//! rounded up so that the control bytes are aligned.

use stackheap_model::{RuntimeAddress, TypeId, Unknown, ValueKind};

use super::Shaped;
use super::sequence::NO_BLOCK;
use crate::values::Decoder;
use crate::values::describe::{Described, Form, Part};
use crate::values::fit::Fit;
use crate::values::view::{Subject, View};

/// The most buckets that are looked at for elements.
const MOST_BUCKETS: u64 = 1 << 16;

/// How many control bytes are read at a time.
const CHUNK: u64 = 1024;

/// A hash table as its header has it.
#[derive(Clone, Debug)]
pub(crate) struct RawTable {
    pub(crate) control: RuntimeAddress,
    /// The pointer to the control bytes.
    pub(crate) pointer: View,
    /// 0 for a table that has not allocated.
    pub(crate) buckets: u64,
    pub(crate) items: u64,
    pub(crate) element: TypeId,
    pub(crate) element_size: u64,
    /// Bytes from the start of the block to the control bytes.
    pub(crate) control_offset: u64,
    /// Control bytes behind the last bucket's.
    pub(crate) group: u64,
}

impl RawTable {
    /// The first byte of the block.
    pub(crate) fn start(&self) -> RuntimeAddress {
        RuntimeAddress(self.control.0.wrapping_sub(self.control_offset))
    }

    /// The bytes of the block.
    pub(crate) fn size(&self) -> u64 {
        self.control_offset
            .saturating_add(self.buckets)
            .saturating_add(self.group)
    }
}

impl Decoder<'_> {
    /// The header of a hash table.
    pub(crate) fn table(&self, view: &View, fit: &Fit) -> Result<Option<RawTable>, Unknown> {
        let Some((control, pointer)) = self.pointer_of(view, fit, "control")? else {
            return Ok(None);
        };
        let Some(mask) = self.number_of(view, fit, "mask")? else {
            return Ok(None);
        };
        let Some(items) = self.number_of(view, fit, "items")? else {
            return Ok(None);
        };
        let Some((_, element)) = fit.part("element") else {
            return Ok(None);
        };
        let Some(element_size) = self.size(element) else {
            return Ok(None);
        };
        let Ok(group) = fit.recipe.word("group").parse::<u64>() else {
            return Ok(None);
        };
        let wrong = || Unknown::because(format!("a table with the bucket mask {mask:#x}"));
        let buckets = match mask {
            0 => 0,
            mask => mask
                .checked_add(1)
                .filter(|n| n.is_power_of_two())
                .ok_or_else(wrong)?,
        };
        if items > buckets {
            return Err(Unknown::because(format!(
                "{items} items in {buckets} buckets"
            )));
        }
        let align = self.types.ty(element).align.unwrap_or(1).max(group).max(1);
        let control_offset = buckets
            .checked_mul(element_size)
            .and_then(|bytes| bytes.checked_next_multiple_of(align))
            .ok_or_else(wrong)?;
        Ok(Some(RawTable {
            control,
            pointer,
            buckets,
            items,
            element,
            element_size,
            control_offset,
            group,
        }))
    }

    /// The indexes of full buckets in order, `most` of them.
    pub(crate) fn full_buckets(&self, raw: &RawTable, most: u64) -> Result<Vec<u64>, Unknown> {
        let mut full = Vec::new();
        let most = most.min(raw.items);
        let mut start = 0;
        while start < raw.buckets.min(MOST_BUCKETS) && (full.len() as u64) < most {
            let len = CHUNK.min(raw.buckets - start);
            let control = self
                .memory
                .read(raw.control.offset(start), usize::try_from(len).unwrap_or(0))?;
            for (index, byte) in control.iter().enumerate() {
                if byte & 0x80 == 0 && (full.len() as u64) < most {
                    full.push(start + index as u64);
                }
            }
            start += CHUNK;
        }
        Ok(full)
    }

    /// The address of a bucket's element.
    pub(crate) fn bucket_at(&self, raw: &RawTable, index: u64) -> RuntimeAddress {
        let back = index.saturating_add(1).saturating_mul(raw.element_size);
        RuntimeAddress(raw.control.0.wrapping_sub(back))
    }

    pub(crate) fn describe_table(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(raw) = self.table(view, fit)? else {
            return Ok(None);
        };
        let full = self.full_buckets(&raw, self.limits.elements)?;
        let elements: Vec<View> = full
            .iter()
            .map(|index| {
                let at = self.bucket_at(&raw, *index);
                self.view_behind(Subject::Type(raw.element), at, None)
            })
            .collect();
        let Some(pairs) = elements
            .iter()
            .map(|pair| self.key_and_value(pair))
            .collect::<Option<Vec<_>>>()
        else {
            return Ok(None);
        };
        let described = self.describe_pairs(fit, pairs, raw.items);
        let described = described.fact("len", raw.items);
        Ok(Some(match raw.buckets {
            0 => described.fact("heap", NO_BLOCK),
            buckets => described.fact("buckets", buckets),
        }))
    }

    /// The two fields of a pair.
    fn key_and_value(&self, pair: &View) -> Option<(View, View)> {
        Some((self.field(pair, 0)?, self.field(pair, 1)?))
    }

    /// A map or set, as the recipe's word `as` says.
    pub(crate) fn describe_pairs(
        &self,
        fit: &Fit,
        pairs: Vec<(View, View)>,
        total: u64,
    ) -> Described {
        if fit.recipe.word("as") != "set" {
            return Described::new(
                ValueKind::Map,
                Form::Map {
                    entries: pairs,
                    total,
                },
            );
        }
        let parts = pairs
            .into_iter()
            .enumerate()
            .map(|(index, (key, _))| Part::index(index as u64, key))
            .collect();
        let brackets = self.brackets(fit);
        Described::new(
            ValueKind::Sequence,
            Form::List {
                brackets,
                parts,
                total,
            },
        )
    }
}
