//! The container: headers, sections, segments and relocations of the ELF file.

use std::ops::Range;
use std::sync::OnceLock;

use object::elf::{self, FileHeader64};
use object::read::elf::{
    Dyn, ElfFile64, FileHeader, ProgramHeader, Rela, RelrIterator, SectionHeader,
};
use object::{LittleEndian, Object, ObjectSection};
use stackheap_model::{ImageAddress, LoadBias, Region};

use crate::{ImageError, ImageFacts};

/// The largest stretch of static memory that is copied at once, in bytes.
const READ_LIMIT: usize = 64 << 20;
/// The most relocations that are read.
const RELOCATION_LIMIT: usize = 16 << 20;

/// An ELF file whose headers were checked.
pub(crate) struct Elf<'data> {
    file: ElfFile64<'data, LittleEndian>,
    segments: Vec<Segment<'data>>,
    sections: Vec<LoadedSection>,
    relocations: OnceLock<Vec<Relocation>>,
}

/// A stretch of the image that the loader maps.
struct Segment<'data> {
    address: u64,
    size: u64,
    data: &'data [u8],
}

/// A section that has addresses at run time.
struct LoadedSection {
    start: u64,
    end: u64,
    region: Region,
    writable: bool,
}

/// A word that the loader computes.
struct Relocation {
    address: u64,
    /// The value before the bias is added; `None` to take it from the file.
    value: Option<u64>,
}

impl<'data> Elf<'data> {
    pub(crate) fn parse(data: &'data [u8]) -> Result<Self, ImageError> {
        check_ident(data)?;
        let file = ElfFile64::<LittleEndian>::parse(data)
            .map_err(|error| damaged("section table", error))?;
        check_kind(&file)?;
        let segments = file
            .elf_program_headers()
            .iter()
            .filter(|header| header.p_type(LittleEndian) == elf::PT_LOAD)
            .map(|header| Segment {
                address: header.p_vaddr(LittleEndian),
                size: header.p_memsz(LittleEndian),
                data: header.data(LittleEndian, data).unwrap_or_default(),
            })
            .collect();
        let sections = loaded_sections(&file);
        Ok(Self {
            file,
            segments,
            sections,
            relocations: OnceLock::new(),
        })
    }

    /// The bytes of a section, empty where there is none. Compressed sections are refused earlier.
    pub(crate) fn section(&self, name: &str) -> &'data [u8] {
        self.file
            .section_by_name(name)
            .and_then(|section| section.data().ok())
            .unwrap_or_default()
    }

    /// The address of a section.
    pub(crate) fn section_address(&self, name: &str) -> Option<u64> {
        self.file
            .section_by_name(name)
            .map(|section| section.address())
    }

    pub(crate) fn object(&self) -> &ElfFile64<'data, LittleEndian> {
        &self.file
    }

    /// The first compressed debug section and its format.
    pub(crate) fn compressed_debug_section(&self) -> Option<(String, String)> {
        self.file.sections().find_map(|section| {
            let name = section.name().ok()?;
            let old_style = name.starts_with(".zdebug_");
            let header = section.elf_section_header();
            let compressed = header.sh_flags(LittleEndian).contains(elf::SHF_COMPRESSED);
            let new_style = compressed && name.starts_with(".debug_");
            if !old_style && !new_style {
                return None;
            }
            let kind = header
                .data(LittleEndian, self.file.data())
                .ok()
                .and_then(|bytes| bytes.get(..4))
                .and_then(|bytes| bytes.try_into().ok())
                .map(u32::from_le_bytes);
            let format = match kind {
                _ if old_style => "zlib".to_owned(),
                Some(1) => "zlib".to_owned(),
                Some(2) => "zstd".to_owned(),
                Some(other) => format!("format {other}"),
                None => "an unknown format".to_owned(),
            };
            Some((name.to_owned(), format))
        })
    }

    /// Whether there is any symbol table beside the one for the loader.
    pub(crate) fn has_symbols(&self) -> bool {
        !self.file.elf_symbol_table().is_empty()
    }

    /// What kind of memory an address of the image is.
    pub(crate) fn region(&self, at: ImageAddress) -> Option<Region> {
        self.loaded_section(at).map(|section| section.region)
    }

    pub(crate) fn is_writable(&self, at: ImageAddress) -> bool {
        self.loaded_section(at)
            .is_some_and(|section| section.writable)
    }

    fn loaded_section(&self, at: ImageAddress) -> Option<&LoadedSection> {
        let index = self
            .sections
            .partition_point(|section| section.start <= at.0);
        let section = self.sections.get(index.checked_sub(1)?)?;
        (at.0 < section.end).then_some(section)
    }

    pub(crate) fn is_code(&self, at: u64) -> bool {
        self.region(ImageAddress(at)) == Some(Region::Code)
    }

    /// The bytes that the image puts at an address before the program runs.
    pub(crate) fn read(&self, at: ImageAddress, len: usize, bias: LoadBias) -> Option<Vec<u8>> {
        if len > READ_LIMIT {
            return None;
        }
        let end = at.0.checked_add(len as u64)?;
        let segment = self.segments.iter().find(|segment| {
            at.0 >= segment.address
                && end
                    .checked_sub(segment.address)
                    .is_some_and(|n| n <= segment.size)
        })?;
        let start = usize::try_from(at.0 - segment.address).ok()?;
        let present = segment.data.get(start..).unwrap_or_default();
        let mut bytes = vec![0; len];
        let count = present.len().min(len);
        bytes
            .get_mut(..count)?
            .copy_from_slice(present.get(..count)?);
        self.relocate(&mut bytes, at.0, bias);
        Some(bytes)
    }

    fn relocate(&self, bytes: &mut [u8], at: u64, bias: LoadBias) {
        let relocations = self.relocations.get_or_init(|| self.read_relocations());
        let end = at.saturating_add(bytes.len() as u64);
        let first = relocations.partition_point(|entry| entry.address.saturating_add(8) <= at);
        let touching = relocations
            .iter()
            .skip(first)
            .take_while(|entry| entry.address < end);
        for entry in touching {
            let before = entry
                .value
                .or_else(|| self.word_in_file(entry.address))
                .unwrap_or(0);
            let word = before.wrapping_add(bias.0).to_le_bytes();
            for (index, byte) in (0u64..).zip(word) {
                let position = entry.address.wrapping_add(index).wrapping_sub(at);
                let slot = usize::try_from(position)
                    .ok()
                    .and_then(|position| bytes.get_mut(position));
                if let Some(slot) = slot {
                    *slot = byte;
                }
            }
        }
    }

    fn word_in_file(&self, at: u64) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| {
            at >= segment.address && at - segment.address < segment.data.len() as u64
        })?;
        let start = usize::try_from(at - segment.address).ok()?;
        let bytes = segment.data.get(start..start.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    fn read_relocations(&self) -> Vec<Relocation> {
        let mut found = Vec::new();
        for section in self.file.elf_section_table().iter() {
            let data = self.file.data();
            if let Ok(Some((entries, _))) = section.rela(LittleEndian, data) {
                if !section.sh_flags(LittleEndian).contains(elf::SHF_ALLOC) {
                    continue;
                }
                let relative = entries
                    .iter()
                    .filter(|entry| entry.r_type(LittleEndian, false) == elf::R_X86_64_RELATIVE)
                    .map(|entry| Relocation {
                        address: entry.r_offset(LittleEndian),
                        value: Some(entry.r_addend(LittleEndian).cast_unsigned()),
                    });
                found.extend(relative.take(RELOCATION_LIMIT));
            } else if let Ok(Some(entries)) = section.relr(LittleEndian, data) {
                let packed: RelrIterator<'_, FileHeader64<LittleEndian>> = entries;
                found.extend(packed.take(RELOCATION_LIMIT).map(|address| Relocation {
                    address,
                    value: None,
                }));
            }
        }
        found.sort_by_key(|entry| entry.address);
        found
    }

    pub(crate) fn facts(&self, compiler: Option<String>, dwarf_version: u16) -> ImageFacts {
        let header = self.file.elf_header();
        let tls = self
            .file
            .elf_program_headers()
            .iter()
            .find(|header| header.p_type(LittleEndian) == elf::PT_TLS);
        let low = self
            .segments
            .iter()
            .map(|segment| segment.address)
            .min()
            .unwrap_or(0);
        let high = self
            .segments
            .iter()
            .map(|segment| segment.address.saturating_add(segment.size))
            .max()
            .unwrap_or(0);
        ImageFacts {
            position_independent: header.e_type(LittleEndian) == elf::ET_DYN,
            entry: ImageAddress(header.e_entry(LittleEndian)),
            interpreter: self.interpreter(),
            needed: self.needed(),
            build_id: self.file.build_id().ok().flatten().map(<[u8]>::to_vec),
            has_eh_frame: !self.section(".eh_frame").is_empty(),
            compiler: compiler_of(self.section(".comment")).or(compiler),
            dwarf_version,
            text: self.text(),
            tls_size: tls.map_or(0, |header| header.p_memsz(LittleEndian)),
            tls_align: tls.map_or(1, |header| header.p_align(LittleEndian)).max(1),
            loaded: ImageAddress(low)..ImageAddress(high),
        }
    }

    fn text(&self) -> Vec<Range<ImageAddress>> {
        self.sections
            .iter()
            .filter(|section| section.region == Region::Code)
            .map(|section| ImageAddress(section.start)..ImageAddress(section.end))
            .collect()
    }

    fn interpreter(&self) -> Option<String> {
        let data = self.file.data();
        self.file.elf_program_headers().iter().find_map(|header| {
            let path = header.interpreter(LittleEndian, data).ok()??;
            Some(String::from_utf8_lossy(path).into_owned())
        })
    }

    fn needed(&self) -> Vec<String> {
        let Ok(libraries) = self.file.import_libraries() else {
            return Vec::new();
        };
        libraries
            .filter_map(Result::ok)
            .map(|library| {
                String::from_utf8_lossy(object::ImportLibrary::name(&library)).into_owned()
            })
            .collect()
    }
}

fn damaged(what: &'static str, detail: impl ToString) -> ImageError {
    ImageError::Damaged {
        what,
        detail: detail.to_string(),
    }
}

/// Reads the first bytes by hand: their errors are the ones a user meets.
fn check_ident(data: &[u8]) -> Result<(), ImageError> {
    if data.get(..4) != Some(b"\x7fELF") {
        let magic = data.iter().take(4).copied().collect();
        return Err(ImageError::NotElf { magic });
    }
    match data.get(4) {
        Some(2) => {}
        Some(1) => return Err(ImageError::NotSixtyFourBit),
        _ => return Err(damaged("header", "it names neither 32 nor 64 bits")),
    }
    if data.get(5) != Some(&1) {
        return Err(ImageError::OtherMachine {
            machine: "a big-endian processor".to_owned(),
        });
    }
    let machine = data
        .get(18..20)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u16::from_le_bytes);
    match machine {
        Some(62) => Ok(()),
        Some(number) => Err(ImageError::OtherMachine {
            machine: machine_name(number),
        }),
        None => Err(damaged("header", "the file is shorter than its header")),
    }
}

fn machine_name(number: u16) -> String {
    let name = match number {
        2 | 18 | 43 => "SPARC",
        3 => "x86 (32-bit)",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "PowerPC 64",
        22 => "IBM Z",
        40 => "ARM (32-bit)",
        183 => "AArch64",
        243 => "RISC-V",
        247 => "BPF",
        258 => "LoongArch",
        _ => return format!("the processor of ELF number {number}"),
    };
    name.to_owned()
}

fn check_kind(file: &ElfFile64<'_, LittleEndian>) -> Result<(), ImageError> {
    let header = file.elf_header();
    let kind = match header.e_type(LittleEndian) {
        elf::ET_EXEC => return Ok(()),
        elf::ET_DYN if is_program(file) => return Ok(()),
        elf::ET_DYN => "a shared library",
        elf::ET_REL => "an object file",
        elf::ET_CORE => "a core dump",
        _ => "an ELF file of another kind",
    };
    Err(ImageError::NotExecutable { kind })
}

/// A position-independent executable looks like a shared library but for its interpreter, or, when
/// linked statically, a flag of its dynamic table.
fn is_program(file: &ElfFile64<'_, LittleEndian>) -> bool {
    let data = file.data();
    file.elf_program_headers().iter().any(|header| {
        if header.p_type(LittleEndian) == elf::PT_INTERP {
            return true;
        }
        let Ok(Some(entries)) = header.dynamic(LittleEndian, data) else {
            return false;
        };
        entries.iter().any(|entry| {
            entry.tag(LittleEndian) == elf::DT_FLAGS_1
                && entry.val(LittleEndian) & elf::DF_1_PIE.0 != 0
        })
    })
}

fn loaded_sections(file: &ElfFile64<'_, LittleEndian>) -> Vec<LoadedSection> {
    let relro: Vec<Range<u64>> = file
        .elf_program_headers()
        .iter()
        .filter(|header| header.p_type(LittleEndian) == elf::PT_GNU_RELRO)
        .map(|header| {
            let start = header.p_vaddr(LittleEndian);
            start..start.saturating_add(header.p_memsz(LittleEndian))
        })
        .collect();
    let mut sections: Vec<LoadedSection> = file
        .elf_section_table()
        .iter()
        .filter_map(|section| {
            let flags = section.sh_flags(LittleEndian);
            let has = |flag| flags.contains(flag);
            let empty_tls = has(elf::SHF_TLS) && section.sh_type(LittleEndian) == elf::SHT_NOBITS;
            let size = section.sh_size(LittleEndian);
            // `.tbss` has an address but takes no room: the next section lies at the same one.
            if !has(elf::SHF_ALLOC) || size == 0 || empty_tls {
                return None;
            }
            let start = section.sh_addr(LittleEndian);
            let read_only_later = relro.iter().any(|range| range.contains(&start));
            let writable = has(elf::SHF_WRITE) && !read_only_later;
            let region = if has(elf::SHF_EXECINSTR) {
                Region::Code
            } else if has(elf::SHF_TLS) {
                Region::Tls
            } else if writable {
                Region::Static
            } else {
                Region::Rodata
            };
            Some(LoadedSection {
                start,
                end: start.saturating_add(size),
                region,
                writable,
            })
        })
        .collect();
    sections.sort_by_key(|section| section.start);
    sections
}

/// The rustc that `.comment` names, among the linkers and C compilers that sign there too.
fn compiler_of(comment: &[u8]) -> Option<String> {
    comment
        .split(|&byte| byte == 0)
        .map(String::from_utf8_lossy)
        .find(|text| text.starts_with("rustc version"))
        .map(|text| text.into_owned())
}
