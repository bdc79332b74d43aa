//! What the hooks need of an ELF file: its code, its functions by name, what it imports.

use std::collections::HashMap;

use object::read::elf::{ElfFile64, ElfSymbol64, ProgramHeader};
use object::{
    Architecture, LittleEndian, Object, ObjectKind, ObjectSymbol, ObjectSymbolTable,
    RelocationTarget, SymbolKind, elf,
};
use stackheap_model::ImageAddress;

use crate::HookError;

/// Code segments beyond this many are not looked at; linkers make one or two.
const SEGMENTS_LIMIT: usize = 64;
/// Imports beyond this many are not looked at.
const IMPORTS_LIMIT: usize = 1 << 20;

/// An executable or shared library.
pub(crate) struct Executable<'data> {
    pub(crate) file: ElfFile64<'data, LittleEndian>,
    /// Code by address.
    code: Vec<(ImageAddress, &'data [u8])>,
    /// Whether it names a dynamic loader, and so gets its libraries at start.
    pub(crate) interpreted: bool,
}

/// A function with a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named<'data> {
    pub(crate) name: &'data str,
    pub(crate) address: ImageAddress,
    /// In bytes; zero where the symbol does not say.
    pub(crate) size: u64,
}

impl<'data> Executable<'data> {
    pub(crate) fn parse(bytes: &'data [u8]) -> Result<Self, HookError> {
        let wrong = |found: String| HookError::Elf {
            what: "the program or library",
            found,
        };
        let file = ElfFile64::<LittleEndian>::parse(bytes)
            .map_err(|error| wrong(format!("a file that is not ({error})")))?;
        if file.architecture() != Architecture::X86_64 {
            return Err(wrong(format!("code for {:?}", file.architecture())));
        }
        if !matches!(file.kind(), ObjectKind::Executable | ObjectKind::Dynamic) {
            return Err(wrong("a file that is not linked".to_owned()));
        }
        let mut code = Vec::new();
        let mut interpreted = false;
        for header in file.elf_program_headers().iter().take(SEGMENTS_LIMIT) {
            let kind = header.p_type(LittleEndian);
            interpreted |= kind == elf::PT_INTERP;
            let executable = header.p_flags(LittleEndian).0 & elf::PF_X.0 != 0;
            if kind != elf::PT_LOAD || !executable {
                continue;
            }
            let address = ImageAddress(header.p_vaddr(LittleEndian));
            let data = header
                .data(LittleEndian, bytes)
                .map_err(|()| wrong(format!("code at {address} that lies outside of the file")))?;
            code.push((address, data));
        }
        Ok(Self {
            file,
            code,
            interpreted,
        })
    }

    /// The code from an address to the end of its segment.
    pub(crate) fn code_at(&self, address: ImageAddress) -> Option<&'data [u8]> {
        self.code.iter().find_map(|&(start, bytes)| {
            let offset = usize::try_from(address.0.checked_sub(start.0)?).ok()?;
            bytes.get(offset..).filter(|rest| !rest.is_empty())
        })
    }

    /// All code, by segment.
    pub(crate) fn code(&self) -> &[(ImageAddress, &'data [u8])] {
        &self.code
    }

    /// The functions with a symbol, those of the full symbol table first.
    pub(crate) fn functions(&self) -> impl Iterator<Item = Named<'data>> {
        self.file
            .symbols()
            .chain(self.file.dynamic_symbols())
            .filter_map(named)
    }

    /// Whether there are names for more than what is shared with libraries.
    pub(crate) fn has_symbols(&self) -> bool {
        self.file.symbols().next().is_some()
    }

    /// The names of imported functions, by the address of the pointer through which they are
    /// called.
    pub(crate) fn imports(&self) -> HashMap<ImageAddress, &'data str> {
        let Some(symbols) = self.file.dynamic_symbol_table() else {
            return HashMap::new();
        };
        let Some(relocations) = self.file.dynamic_relocations() else {
            return HashMap::new();
        };
        relocations
            .take(IMPORTS_LIMIT)
            .filter_map(|(place, relocation)| {
                let RelocationTarget::Symbol(index) = relocation.target() else {
                    return None;
                };
                let name = symbols.symbol_by_index(index).ok()?.name().ok()?;
                (!name.is_empty()).then_some((ImageAddress(place), name))
            })
            .collect()
    }
}

fn named<'data>(symbol: ElfSymbol64<'data, '_, LittleEndian>) -> Option<Named<'data>> {
    let is_function = symbol.is_definition() && symbol.kind() == SymbolKind::Text;
    let name = is_function.then(|| symbol.name().ok())??;
    Some(Named {
        name,
        address: ImageAddress(symbol.address()),
        size: symbol.size(),
    })
}
