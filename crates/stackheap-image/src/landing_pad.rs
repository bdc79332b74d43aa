//! Landing pads: where a function goes on while a panic unwinds it (`.gcc_except_table`).
//!
//! The format is the one of GCC's `unwind-dw2`: a header with two encodings, then call sites of a
//! start, a length, a landing pad (0 for none) and an action, all relative to the function.

use gimli::{EndianSlice, LittleEndian, Reader, constants as dw};
use stackheap_model::ImageAddress;

use crate::{Function, Image};

/// The most call sites of one function.
const SITE_LIMIT: usize = 1 << 16;

impl<'data> Image<'data> {
    /// The landing pads of a function, in address order; empty if it has none.
    pub fn landing_pads(&self, function: &Function) -> Vec<ImageAddress> {
        let mut found = Vec::new();
        let section = self.elf.section(".gcc_except_table");
        let base = self.elf.section_address(".gcc_except_table").unwrap_or(0);
        for range in &function.ranges {
            for (table, start) in self.frames.exception_tables(range) {
                let offset = table
                    .checked_sub(base)
                    .and_then(|offset| usize::try_from(offset).ok());
                let Some(bytes) = offset.and_then(|offset| section.get(offset..)) else {
                    continue;
                };
                let pads = read_pads(EndianSlice::new(bytes, LittleEndian), start);
                found.extend(pads.unwrap_or_default());
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

fn read_pads(
    mut table: EndianSlice<'_, LittleEndian>,
    function: u64,
) -> gimli::Result<Vec<ImageAddress>> {
    let mut found = Vec::new();
    // Where landing pads count from; rustc leaves it out, which means the function's start.
    let start = read_encoded(&mut table)?.unwrap_or(function);
    let types = dw::DwEhPe(table.read_u8()?);
    if types != dw::DW_EH_PE_omit {
        table.read_uleb128()?;
    }
    let encoding = dw::DwEhPe(table.read_u8()?);
    let length = table.read_uleb128()?;
    let mut sites = table.split(usize::try_from(length).unwrap_or(usize::MAX))?;
    for _ in 0..SITE_LIMIT {
        if sites.is_empty() {
            break;
        }
        let _start = read_offset(&mut sites, encoding)?;
        let _length = read_offset(&mut sites, encoding)?;
        let pad = read_offset(&mut sites, encoding)?;
        let _action = sites.read_uleb128()?;
        if pad != 0 {
            found.push(ImageAddress(start.wrapping_add(pad)));
        }
    }
    Ok(found)
}

/// An encoding and the address in it; `None` if the table leaves it out. An address relative to
/// anything is refused: rustc and LLVM never write one here.
fn read_encoded(table: &mut EndianSlice<'_, LittleEndian>) -> gimli::Result<Option<u64>> {
    let encoding = dw::DwEhPe(table.read_u8()?);
    if encoding == dw::DW_EH_PE_omit {
        return Ok(None);
    }
    if encoding.application() != dw::DW_EH_PE_absptr {
        return Err(gimli::Error::UnsupportedPointerEncoding(encoding));
    }
    read_offset(table, encoding).map(Some)
}

fn read_offset(
    table: &mut EndianSlice<'_, LittleEndian>,
    encoding: dw::DwEhPe,
) -> gimli::Result<u64> {
    match encoding.format() {
        dw::DW_EH_PE_uleb128 => table.read_uleb128(),
        dw::DW_EH_PE_sleb128 => table.read_sleb128().map(i64::cast_unsigned),
        dw::DW_EH_PE_udata2 => table.read_u16().map(u64::from),
        dw::DW_EH_PE_udata4 => table.read_u32().map(u64::from),
        dw::DW_EH_PE_sdata4 => table
            .read_i32()
            .map(|value| i64::from(value).cast_unsigned()),
        dw::DW_EH_PE_udata8 | dw::DW_EH_PE_sdata8 | dw::DW_EH_PE_absptr => table.read_u64(),
        _ => Err(gimli::Error::UnsupportedPointerEncoding(encoding)),
    }
}
