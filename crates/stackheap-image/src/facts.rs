use std::ops::Range;

use stackheap_model::ImageAddress;

/// What the headers of an executable say about it as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    /// Whether the loader may place it anywhere.
    pub position_independent: bool,
    /// Where the program starts.
    pub entry: ImageAddress,
    /// The dynamic loader it asks for; `None` for a static executable.
    pub interpreter: Option<String>,
    /// The shared libraries it asks for, in order.
    pub needed: Vec<String>,
    /// The linker's identification of this build.
    pub build_id: Option<Vec<u8>>,
    /// Whether it has tables for unwinding.
    pub has_eh_frame: bool,
    /// The compiler of the program as it names itself (`rustc version 1.95.0 (59807616e
    /// 2026-04-14)`).
    pub compiler: Option<String>,
    /// The DWARF version of the first Rust unit that is not part of the standard library.
    pub dwarf_version: u16,
    /// The sections with code.
    pub text: Vec<Range<ImageAddress>>,
    /// Size of the thread-local block in bytes; 0 without thread-locals.
    pub tls_size: u64,
    /// Alignment of the thread-local block in bytes; 1 without thread-locals.
    pub tls_align: u64,
    /// Everything the loader maps.
    pub loaded: Range<ImageAddress>,
}

impl ImageFacts {
    /// The distance from the thread pointer to a place in the executable's thread-local block, in
    /// bytes; negative on x86-64, where the block ends at the thread pointer.
    pub fn thread_pointer_offset(&self, offset_in_block: u64) -> i64 {
        let align = self.tls_align.max(1);
        let size = self
            .tls_size
            .checked_next_multiple_of(align)
            .unwrap_or(self.tls_size);
        offset_in_block.wrapping_sub(size) as i64
    }
}

/// A unit of compilation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitInfo {
    /// The path of the crate's root file, without the code generation unit (`src/main.rs`).
    pub name: String,
    /// The directory the compiler ran in.
    pub comp_dir: String,
    /// The compiler as it names itself.
    pub producer: String,
    /// The language, as DWARF numbers it (`DW_LANG_Rust` is 0x1c).
    pub language: u16,
    /// The DWARF version.
    pub version: u16,
}

impl UnitInfo {
    /// Whether the unit was compiled from Rust.
    pub fn is_rust(&self) -> bool {
        self.language == gimli::DW_LANG_Rust.0
    }
}
