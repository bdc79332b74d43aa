//! Calls that the compiler replaced by the callee's code.

use std::sync::Arc;

use gimli::constants as dw;
use stackheap_model::ImageAddress;

use crate::api::DieRef;
use crate::function::lock;
use crate::name::Walk;
use crate::unit::Entry;
use crate::{Declared, Function, Image, InlinedCall};

/// The most inlined calls of one function.
const CALL_LIMIT: usize = 1 << 16;

impl<'data> Image<'data> {
    /// The inlined calls whose code contains `at`, innermost first.
    pub fn inlined_at(&self, function: &Function, at: ImageAddress) -> Vec<InlinedCall> {
        let calls = self.inlined(function);
        // A call comes after those that contain it.
        calls
            .iter()
            .rev()
            .filter(|call| call.ranges.iter().any(|range| range.contains(&at)))
            .cloned()
            .collect()
    }

    /// All inlined calls of a function, each after those that contain it.
    pub fn inlined(&self, function: &Function) -> Arc<[InlinedCall]> {
        if let Some(known) = lock(&self.inlined_calls).get(&function.die) {
            return known.clone();
        }
        let mut found = Vec::new();
        let mut open: Vec<isize> = Vec::new();
        self.units
            .descendants(function.die, &mut |die, depth, entry| {
                open.truncate(open.partition_point(|&outer| outer < depth));
                if entry.tag() == dw::DW_TAG_inlined_subroutine {
                    let nesting = u32::try_from(open.len()).unwrap_or(u32::MAX);
                    found.extend(self.inlined_call(die, entry, nesting));
                    open.push(depth);
                }
                if found.len() < CALL_LIMIT {
                    Walk::Next
                } else {
                    Walk::Stop
                }
            });
        let calls: Arc<[InlinedCall]> = found.into();
        lock(&self.inlined_calls).insert(function.die, calls.clone());
        calls
    }

    fn inlined_call(&self, die: DieRef, entry: &Entry<'data>, depth: u32) -> Option<InlinedCall> {
        let chain = self.units.chain(die);
        let ranges = self.code_ranges(die.unit, entry);
        if ranges.is_empty() {
            return None;
        }
        let number = |at| {
            entry
                .attr_value(at)
                .and_then(|value| value.udata_value())
                .and_then(|number| u32::try_from(number).ok())
        };
        let file = entry.attr_value(dw::DW_AT_call_file);
        let file = file.and_then(|value| self.units.file(die.unit, value));
        let call = file
            .zip(number(dw::DW_AT_call_line))
            .map(|(file, line)| Declared {
                file,
                line,
                column: number(dw::DW_AT_call_column),
            });
        Some(InlinedCall {
            name: self.units.function_path(&chain)?,
            declared: self.units.declared(&chain),
            call,
            ranges,
            depth,
        })
    }
}
