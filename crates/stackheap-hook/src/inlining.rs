//! Whether the optimiser copied a program's allocation functions into their callers, by what the
//! debug information says.

use std::collections::HashSet;

use gimli::{
    AttributeValue, DebugInfoOffset, Dwarf, EndianSlice, LittleEndian, SectionId, UnitRef,
};
use object::{Object, ObjectSection};
use stackheap_model::ImageAddress;

use crate::executable::Executable;

type Slice<'data> = EndianSlice<'data, LittleEndian>;

/// What the debug information says of the copies of functions in their callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copies {
    /// There is none.
    None,
    /// There are some.
    Some,
    /// It does not cover the functions.
    Unknown,
}

/// Whether functions of these names, whose code is at these addresses, were copied into callers.
///
/// Any copy that matters is in the unit of a function itself, or came from it: the units without
/// debug information that were compiled before have no code of the functions to copy.
pub(crate) fn copies(
    executable: &Executable<'_>,
    names: &[&str],
    addresses: &[ImageAddress],
) -> Copies {
    let section = |id: SectionId| -> Result<Slice<'_>, gimli::Error> {
        let section = executable.file.section_by_name(id.name());
        let data = section
            .and_then(|section| section.data().ok())
            .unwrap_or_default();
        Ok(EndianSlice::new(data, LittleEndian))
    };
    let search = |dwarf| search(&dwarf, names, addresses);
    Dwarf::load(section)
        .and_then(search)
        .unwrap_or(Copies::Unknown)
}

fn search(
    dwarf: &Dwarf<Slice<'_>>,
    names: &[&str],
    addresses: &[ImageAddress],
) -> gimli::Result<Copies> {
    let mut functions: Vec<DebugInfoOffset> = Vec::new();
    let mut copied: HashSet<DebugInfoOffset> = HashSet::new();
    let mut covered: HashSet<ImageAddress> = HashSet::new();
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        let unit = dwarf.unit(header)?;
        let mut ranges = dwarf.unit_ranges(&unit)?;
        while let Some(range) = ranges.next()? {
            let within = |address: &&ImageAddress| (range.begin..range.end).contains(&address.0);
            covered.extend(addresses.iter().filter(within));
        }
        search_unit(unit.unit_ref(dwarf), names, &mut functions, &mut copied)?;
    }
    Ok(
        if functions.iter().any(|function| copied.contains(function)) {
            Copies::Some
        } else if addresses.iter().all(|address| covered.contains(address)) {
            Copies::None
        } else {
            Copies::Unknown
        },
    )
}

/// Adds the unit's functions of these names, and the origins of its inlined calls.
fn search_unit(
    unit: UnitRef<'_, Slice<'_>>,
    names: &[&str],
    functions: &mut Vec<DebugInfoOffset>,
    copied: &mut HashSet<DebugInfoOffset>,
) -> gimli::Result<()> {
    let mut entries = unit.entries_raw(None)?;
    // Each round consumes at least a byte.
    while !entries.is_empty() {
        let offset = entries.next_offset();
        let Some(abbreviation) = entries.read_abbreviation()? else {
            continue;
        };
        let looked_for = match abbreviation.tag() {
            gimli::DW_TAG_subprogram => gimli::DW_AT_name,
            gimli::DW_TAG_inlined_subroutine => gimli::DW_AT_abstract_origin,
            _ => {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
        };
        for specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(*specification)?;
            if attribute.name() != looked_for {
                continue;
            }
            match attribute.value() {
                AttributeValue::UnitRef(origin) => {
                    copied.extend(origin.to_debug_info_offset(&unit.header));
                }
                AttributeValue::DebugInfoRef(origin) => {
                    copied.insert(origin);
                }
                value => {
                    let name = unit.attr_string(value)?;
                    if name.to_string().is_ok_and(|name| names.contains(&name)) {
                        functions.extend(offset.to_debug_info_offset(&unit.header));
                    }
                }
            }
        }
    }
    Ok(())
}
