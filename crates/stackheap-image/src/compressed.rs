//! Executables whose debug sections the linker compressed.
//!
//! The same file is made with the sections as they were: their contents are put behind the rest and
//! the section table names the new places. Nothing that is loaded moves, so addresses stay.

use std::borrow::Cow;

use object::elf::{SHF_COMPRESSED, SectionFlags, SectionHeader64};
use object::pod::bytes_of;
use object::read::elf::{ElfFile64, FileHeader};
use object::{CompressionFormat, LittleEndian, Object, ObjectSection, U64};

use crate::ImageError;

/// The most bytes that the sections of a file may have together when they are decompressed.
const LIMIT_BYTES: u64 = 2 << 30;

type Header = SectionHeader64<LittleEndian>;

/// The executable with its debug sections decompressed. It is given back as it is where none is
/// compressed, or where its headers cannot be read.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = std::fs::read(std::env::current_exe()?)?;
/// let data = stackheap_image::decompressed(&data)?;
/// let image = stackheap_image::Image::parse(&data);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If a debug section is compressed in a way that is not known, is damaged, or is larger than 2 GiB
/// together with the others.
pub fn decompressed(data: &[u8]) -> Result<Cow<'_, [u8]>, ImageError> {
    let mut whole = Cow::Borrowed(data);
    let Ok(file) = ElfFile64::<LittleEndian>::parse(data) else {
        return Ok(whole);
    };
    let table = file.elf_header().e_shoff(LittleEndian);
    let mut left = LIMIT_BYTES;
    for section in file.sections() {
        let name = section.name().unwrap_or_default();
        let header = section.elf_section_header();
        let flags = header.sh_flags.get(LittleEndian);
        if !name.starts_with(".debug_") || !flags.contains(SHF_COMPRESSED) {
            continue;
        }
        let plain = decompress(&section, name, &mut left)?;
        let plain_header = Header {
            sh_offset: U64::new(LittleEndian, whole.len() as u64),
            sh_size: U64::new(LittleEndian, plain.len() as u64),
            sh_flags: U64::new(LittleEndian, SectionFlags(flags.0 & !SHF_COMPRESSED.0)),
            ..*header
        };
        let whole = whole.to_mut();
        replace_header(whole, table, section.index().0, &plain_header);
        whole.extend_from_slice(&plain);
    }
    Ok(whole)
}

fn decompress<'data>(
    section: &impl ObjectSection<'data>,
    name: &str,
    left: &mut u64,
) -> Result<Cow<'data, [u8]>, ImageError> {
    let refused = |format: &str| ImageError::CompressedDebugInfo {
        section: name.to_owned(),
        format: format.to_owned(),
    };
    let Ok(compressed) = section.compressed_data() else {
        return Err(refused("an unknown format"));
    };
    let size = compressed.uncompressed_size;
    *left = left
        .checked_sub(size)
        .ok_or(ImageError::TooLarge { bytes: size })?;
    let format = match compressed.format {
        CompressionFormat::Zlib => "zlib, and damaged",
        CompressionFormat::Zstandard => "zstd, and damaged",
        _ => "an unknown format",
    };
    compressed.decompress().map_err(|_| refused(format))
}

/// Puts a header into the section table that begins at `table`.
fn replace_header(data: &mut [u8], table: u64, index: usize, header: &Header) {
    let row = size_of::<Header>();
    let at = usize::try_from(table)
        .ok()
        .and_then(|table| table.checked_add(index.checked_mul(row)?));
    let slot = at.and_then(|at| data.get_mut(at..at.checked_add(row)?));
    if let Some(slot) = slot {
        slot.copy_from_slice(bytes_of(header));
    }
}
