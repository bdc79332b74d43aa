use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

use gimli::{LittleEndian, SectionId, constants as dw};
use rustc_hash::FxHashMap;
use stackheap_model::ImageAddress;

use crate::api::DieRef;
use crate::elf::Elf;
use crate::frame::Frames;
use crate::symbol::{Names, RawSymbol};
use crate::types::Types;
use crate::unit::{Slice, Unit, Units};
use crate::{ImageError, ImageFacts, InlinedCall, Problem, Symbol, UnitInfo, Vtable};

/// Type ids are offsets into `.debug_info` below this one.
const DEBUG_INFO_LIMIT: u64 = 1 << 31;
/// The most units.
const UNIT_LIMIT: usize = 1 << 20;

/// Stretches of code with the number of what they belong to.
type Code = Vec<(Range<ImageAddress>, u32)>;

/// An executable, read on demand: opening it reads headers and the roots of the units; the rest is
/// read when asked for, and kept.
pub struct Image<'data> {
    pub(crate) elf: Elf<'data>,
    pub(crate) facts: ImageFacts,
    pub(crate) units: Units<'data>,
    pub(crate) infos: Vec<UnitInfo>,
    /// Units that could not be read at all.
    pub(crate) problems: Vec<Problem>,
    pub(crate) frames: Frames<'data>,
    pub(crate) types: Mutex<Types>,
    /// Units in the order in which types are searched: the user's first.
    pub(crate) search_order: Vec<u32>,
    pub(crate) function_names: Mutex<FxHashMap<DieRef, Arc<str>>>,
    /// Names that were asked for by address; they are asked for again at each stop.
    pub(crate) names_at: Mutex<FxHashMap<ImageAddress, Option<Arc<str>>>>,
    pub(crate) inlined_calls: Mutex<FxHashMap<DieRef, Arc<[InlinedCall]>>>,
    pub(crate) unit_ranges: OnceLock<Code>,
    pub(crate) code: Vec<OnceLock<Code>>,
    pub(crate) vtables: OnceLock<Vec<Vtable>>,
    pub(crate) raw_symbols: OnceLock<Vec<RawSymbol<'data>>>,
    pub(crate) symbols: OnceLock<Vec<Symbol>>,
    pub(crate) linked_thread_locals: OnceLock<Names<'data>>,
}

impl<'data> Image<'data> {
    /// Reads the headers of an executable.
    ///
    /// # Errors
    ///
    /// If `data` is not an ELF executable for x86-64, or has no usable debug information of a Rust
    /// program. Damage inside the debug information is no error here: what can be read is.
    pub fn parse(data: &'data [u8]) -> Result<Image<'data>, ImageError> {
        let elf = Elf::parse(data)?;
        if let Some((section, format)) = elf.compressed_debug_section() {
            return Err(ImageError::CompressedDebugInfo { section, format });
        }
        let debug_info = elf.section(".debug_info");
        if debug_info.is_empty() {
            let stripped = !elf.has_symbols();
            return Err(if stripped {
                ImageError::Stripped
            } else {
                ImageError::NoDebugInfo
            });
        }
        if debug_info.len() as u64 >= DEBUG_INFO_LIMIT {
            return Err(ImageError::TooLarge {
                bytes: debug_info.len() as u64,
            });
        }
        let (units, problems) = read_units(&elf);
        let infos: Vec<UnitInfo> = units
            .all
            .iter()
            .map(|unit| unit.info(&units.dwarf))
            .collect();
        check_split(&units)?;
        let first = check_rust(&units, &infos)?;
        check_types(&units, &infos)?;
        let user_unit = infos.get(first);
        let compiler = user_unit.and_then(|info| compiler_of(&info.producer));
        let facts = elf.facts(compiler, user_unit.map_or(0, |info| info.version));
        let mut search_order: Vec<u32> = (0u32..).zip(&units.all).map(|(index, _)| index).collect();
        search_order.sort_by_key(|&index| units.get(index).is_some_and(|unit| unit.distributed));
        Ok(Image {
            frames: Frames::new(&elf),
            code: units.all.iter().map(|_| OnceLock::new()).collect(),
            elf,
            facts,
            units,
            infos,
            problems,
            types: Mutex::default(),
            search_order,
            function_names: Mutex::default(),
            names_at: Mutex::default(),
            inlined_calls: Mutex::default(),
            unit_ranges: OnceLock::new(),
            vtables: OnceLock::new(),
            raw_symbols: OnceLock::new(),
            symbols: OnceLock::new(),
            linked_thread_locals: OnceLock::new(),
        })
    }

    /// What the headers say about the executable as a whole.
    pub fn facts(&self) -> &ImageFacts {
        &self.facts
    }

    /// The units of compilation, the standard library's among them.
    pub fn units(&self) -> &[UnitInfo] {
        &self.infos
    }
}

impl std::fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

fn read_units<'data>(elf: &Elf<'data>) -> (Units<'data>, Vec<Problem>) {
    let load = |id: SectionId| -> Result<Slice<'data>, std::convert::Infallible> {
        Ok(gimli::EndianSlice::new(
            elf.section(id.name()),
            LittleEndian,
        ))
    };
    let Ok(dwarf) = gimli::Dwarf::load(load);
    let mut headers = dwarf.units();
    let mut all: Vec<Unit<'data>> = Vec::new();
    let mut problems = Vec::new();
    let mut report = |offset: Option<usize>, found: String| {
        problems.push(Problem {
            offset: offset.map(|offset| offset as u64),
            what: format!("expected a unit of debug information, found {found}"),
        });
    };
    while all.len() < UNIT_LIMIT {
        let header = match headers.next() {
            Ok(Some(header)) => header,
            Ok(None) => break,
            Err(error) => {
                report(
                    all.last().map(|unit| unit.end as usize),
                    format!("damage: {error}"),
                );
                break;
            }
        };
        let offset = header.debug_info_offset().map(|offset| offset.0);
        if header.address_size() != 8 {
            report(
                offset,
                format!("one with addresses of {} bytes", header.address_size()),
            );
            continue;
        }
        match dwarf.unit(header) {
            Ok(unit) => all.extend(Unit::new(unit)),
            Err(error) => report(offset, format!("damage: {error}")),
        }
    }
    (Units { dwarf, all }, problems)
}

/// Refuses executables whose units are only stubs for units in other files.
fn check_split(units: &Units<'_>) -> Result<(), ImageError> {
    for unit in &units.all {
        if let Ok(Some(name)) = unit.inner.dwo_name() {
            let file = unit
                .string(&units.dwarf, name)
                .map(|name| name.into_owned());
            return Err(ImageError::SplitDebugInfo { file });
        }
    }
    Ok(())
}

/// The index of the first Rust unit, if possible one that is not of the standard library.
fn check_rust(units: &Units<'_>, infos: &[UnitInfo]) -> Result<usize, ImageError> {
    let rust = || {
        infos
            .iter()
            .zip(&units.all)
            .enumerate()
            .filter(|(_, (info, _))| info.is_rust())
    };
    let own = rust().find(|(_, (_, unit))| !unit.distributed);
    match own.or_else(|| rust().next()) {
        Some((index, _)) => Ok(index),
        None => {
            let producer = infos.first().map(|info| info.producer.clone());
            Err(ImageError::NotRust {
                producer: producer.filter(|name| !name.is_empty()),
            })
        }
    }
}

/// Refuses programs of which only line numbers are described, or only the standard library, whose
/// debug information every program carries.
fn check_types(units: &Units<'_>, infos: &[UnitInfo]) -> Result<(), ImageError> {
    let mut own = infos
        .iter()
        .zip(&units.all)
        .filter(|(info, unit)| info.is_rust() && !unit.distributed)
        .peekable();
    if own.peek().is_none() {
        return Err(ImageError::NoDebugInfo);
    }
    if own.any(|(_, unit)| has_types(unit)) {
        Ok(())
    } else {
        Err(ImageError::LineTablesOnly)
    }
}

fn has_types(unit: &Unit<'_>) -> bool {
    let Ok(mut raw) = unit.inner.entries_raw(None) else {
        return false;
    };
    // Each turn reads at least one byte.
    while !raw.is_empty() {
        match raw.read_abbreviation() {
            Ok(Some(abbreviation)) => {
                let tag = abbreviation.tag();
                if matches!(
                    tag,
                    dw::DW_TAG_base_type | dw::DW_TAG_structure_type | dw::DW_TAG_pointer_type
                ) {
                    return true;
                }
                if raw.skip_attributes(abbreviation.attributes()).is_err() {
                    return false;
                }
            }
            Ok(None) => {}
            Err(_) => return false,
        }
    }
    false
}

/// `rustc version 1.95.0 (...)` of `clang LLVM (rustc version 1.95.0 (...))`.
fn compiler_of(producer: &str) -> Option<String> {
    let at = producer.find("rustc version")?;
    let text = producer.get(at..)?;
    Some(
        text.strip_suffix(')')
            .filter(|_| at > 0)
            .unwrap_or(text)
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_image_is_shared_between_threads() {
        fn check<T: Send + Sync>() {}
        check::<super::Image<'_>>();
    }
}
