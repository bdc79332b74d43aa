//! Variables and parameters of functions, with their scopes.

use std::ops::Range;
use std::sync::Arc;

use gimli::constants as dw;
use gimli::{AttributeValue, Operation};
use stackheap_model::{ImageAddress, LocalRole};

use crate::api::{DieRef, Stated};
use crate::name::Walk;
use crate::unit::{Entry, Unit, Value};
use crate::{Function, Image, Variable};

/// The most variables of one function.
const VARIABLE_LIMIT: usize = 1 << 16;
/// The most entries of one location list.
const LIST_LIMIT: usize = 1 << 16;

/// A lexical block that is open while a function's entries are walked.
struct Block {
    depth: isize,
    ranges: Vec<Range<ImageAddress>>,
}

/// What all variables of a function share.
struct Body<'a> {
    function: &'a Function,
    frame_base: Option<Arc<[u8]>>,
    encoding: gimli::Encoding,
    captures: bool,
}

impl<'data> Image<'data> {
    /// The variables and parameters of a function and of its lexical blocks, in the order of the
    /// debug information. Those of inlined calls are not among them.
    ///
    /// A variable's scope begins after its initialiser, so that in scope means initialised; the
    /// exception is `let x;`, whose scope begins before the assignment. What is moved out of or
    /// dropped stays in scope.
    pub fn variables(&self, function: &Function) -> Vec<Variable> {
        let Some((unit, entry)) = self.units.entry(function.die) else {
            return Vec::new();
        };
        let body = Body {
            function,
            frame_base: expression_bytes(entry.attr_value(dw::DW_AT_frame_base)),
            encoding: unit.inner.encoding(),
            captures: self.is_closure(function.die),
        };
        let mut found: Vec<Variable> = Vec::new();
        let mut blocks: Vec<Block> = Vec::new();
        // The depth of an inlined call or nested function that is being skipped.
        let mut skipped: Option<isize> = None;
        self.units
            .descendants(function.die, &mut |die, depth, entry| {
                blocks.truncate(blocks.partition_point(|block| block.depth < depth));
                skipped = skipped.filter(|&outer| outer < depth);
                if skipped.is_some() {
                    return Walk::Next;
                }
                match entry.tag() {
                    dw::DW_TAG_inlined_subroutine | dw::DW_TAG_subprogram => skipped = Some(depth),
                    dw::DW_TAG_lexical_block => {
                        let mut ranges = self.code_ranges(die.unit, entry);
                        if ranges.is_empty() {
                            ranges = innermost(&blocks, function).to_vec();
                        }
                        blocks.push(Block { depth, ranges });
                    }
                    dw::DW_TAG_variable | dw::DW_TAG_formal_parameter => {
                        let order = found.len() as u32;
                        found.extend(self.variable(die, entry, &body, &blocks, order));
                    }
                    _ => {}
                }
                if found.len() < VARIABLE_LIMIT {
                    Walk::Next
                } else {
                    Walk::Stop
                }
            });
        found
    }

    /// Whether an entry is the code of a closure or the body of a coroutine.
    fn is_closure(&self, die: DieRef) -> bool {
        let starts = ["{closure#", "{async_", "{coroutine", "{gen_"];
        let chain = self.units.chain(die);
        let name = self
            .units
            .text_of_chain(&chain, dw::DW_AT_name)
            .unwrap_or_default();
        starts.iter().any(|start| name.starts_with(start))
    }

    fn variable(
        &self,
        die: DieRef,
        entry: &Entry<'data>,
        body: &Body<'_>,
        blocks: &[Block],
        order: u32,
    ) -> Option<Variable> {
        let chain = self.units.chain(die);
        let unit = self.units.get(die.unit)?;
        let name = self
            .units
            .text_of_chain(&chain, dw::DW_AT_name)
            .unwrap_or_default();
        let ty = chain
            .iter()
            .find_map(|(die, entry)| self.units.reference_of(*die, entry, dw::DW_AT_type))?;
        let artificial = chain.iter().any(|(_, entry)| {
            entry.attr_value(dw::DW_AT_artificial) == Some(AttributeValue::Flag(true))
        });
        let stated = self.stated(unit, entry, &chain);
        let hidden = artificial || name.is_empty() || self.is_compilers_own(&name, ty);
        let parameter = entry.tag() == dw::DW_TAG_formal_parameter;
        let role = if hidden {
            LocalRole::Hidden
        } else if parameter {
            LocalRole::Parameter
        } else if body.captures && blocks.is_empty() && is_indirect(&stated, body.encoding) {
            LocalRole::Capture
        } else {
            LocalRole::Variable
        };
        Some(Variable {
            may_be_hidden: role == LocalRole::Variable && matches!(&*name, "iter" | "val" | "args"),
            name: name.into(),
            role,
            ty: self.type_of_place(ty, entry_with_alignment(&chain).unwrap_or(entry)),
            declared: self.units.declared(&chain),
            scope: innermost(blocks, body.function).to_vec(),
            scope_depth: u32::try_from(blocks.len()).unwrap_or(u32::MAX),
            order,
            die,
            stated,
            frame_base: body.frame_base.clone(),
            encoding: body.encoding,
        })
    }

    /// Whether rustc made a variable of this name and type: names that its desugarings use, where
    /// the type tells them from the user's.
    fn is_compilers_own(&self, name: &str, ty: DieRef) -> bool {
        let has_type = |part: &str| self.units.type_name(ty).contains(part);
        match name {
            "__awaitee" | "_task_context" => true,
            "residual" => has_type("core::convert::Infallible"),
            "args" => {
                let name = self.units.type_name(ty);
                name.contains("core::fmt::rt::Argument") || is_tuple_of_references(&name)
            }
            _ => false,
        }
    }

    fn stated(
        &self,
        unit: &Unit<'data>,
        entry: &Entry<'data>,
        chain: &[(DieRef, Entry<'data>)],
    ) -> Stated {
        let location = entry.attr_value(dw::DW_AT_location);
        if let Some(bytes) = expression_bytes(location) {
            return Stated::Expression(bytes);
        }
        let list = location.and_then(|value| {
            self.units
                .dwarf
                .attr_locations(&unit.inner, value)
                .ok()
                .flatten()
        });
        if let Some(mut list) = list {
            let mut found = Vec::new();
            for _ in 0..LIST_LIMIT {
                let Ok(Some(entry)) = list.next() else { break };
                if entry.range.begin < entry.range.end {
                    found.push((
                        entry.range.begin..entry.range.end,
                        Arc::from(entry.data.0.slice()),
                    ));
                }
            }
            return Stated::List(found.into());
        }
        let constant = chain
            .iter()
            .find_map(|(_, entry)| entry.attr_value(dw::DW_AT_const_value));
        match constant.and_then(constant_bytes) {
            Some(bytes) => Stated::Constant(bytes),
            None => Stated::Absent,
        }
    }
}

/// The entry of a chain that states an alignment: for inlined instances it is the declaration.
fn entry_with_alignment<'a, 'data>(
    chain: &'a [(DieRef, Entry<'data>)],
) -> Option<&'a Entry<'data>> {
    chain
        .iter()
        .map(|(_, entry)| entry)
        .find(|entry| entry.has_attr(dw::DW_AT_alignment))
}

fn innermost<'a>(blocks: &'a [Block], function: &'a Function) -> &'a [Range<ImageAddress>] {
    blocks
        .last()
        .map_or(function.ranges.as_slice(), |block| block.ranges.as_slice())
}

fn expression_bytes(value: Option<Value<'_>>) -> Option<Arc<[u8]>> {
    let expression = value?.exprloc_value()?;
    Some(Arc::from(expression.0.slice()))
}

fn constant_bytes(value: Value<'_>) -> Option<Arc<[u8]>> {
    Some(match value {
        AttributeValue::Block(bytes) => Arc::from(bytes.slice()),
        AttributeValue::String(bytes) => Arc::from(bytes.slice()),
        AttributeValue::Sdata(value) => Arc::from(i128::from(value).to_le_bytes().as_slice()),
        AttributeValue::Data16(value) => Arc::from(value.to_le_bytes().as_slice()),
        other => Arc::from(u128::from(other.udata_value()?).to_le_bytes().as_slice()),
    })
}

/// Whether a place is found through a pointer: the captures of closures lie behind the environment.
fn is_indirect(stated: &Stated, encoding: gimli::Encoding) -> bool {
    let indirect = |bytes: &[u8]| {
        let bytes = gimli::EndianSlice::new(bytes, gimli::LittleEndian);
        let mut operations = gimli::Expression(bytes).operations(encoding);
        let mut first = true;
        // Each turn reads at least one byte.
        while let Ok(Some(operation)) = operations.next() {
            match operation {
                Operation::Deref { .. } => return true,
                Operation::RegisterOffset { .. } if first => return true,
                _ => first = false,
            }
        }
        false
    };
    match stated {
        Stated::Expression(bytes) => indirect(bytes),
        Stated::List(entries) => entries.iter().any(|(_, bytes)| indirect(bytes)),
        Stated::Constant(_) | Stated::Absent => false,
    }
}

fn is_tuple_of_references(name: &str) -> bool {
    let Some(mut rest) = name
        .strip_prefix('(')
        .and_then(|name| name.strip_suffix(')'))
    else {
        return false;
    };
    // Each turn takes one member.
    loop {
        if !rest.starts_with('&') {
            return false;
        }
        match crate::name::split_at_depth_zero(rest, ", ") {
            Some((_, others)) => rest = others,
            None => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_format_macros_are_tuples_of_references() {
        let check = |name: &str, expect: bool| assert_eq!(is_tuple_of_references(name), expect);
        check("(&i32)", true);
        check("(&i32, &(u8, u16))", true);
        check("(i32)", false);
        check("(&i32, u8)", false);
        check("&i32", false);
    }
}
