use std::fmt;

/// Why an executable cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// The file does not begin with the ELF magic.
    NotElf {
        /// The first bytes of the file, at most four.
        magic: Vec<u8>,
    },
    /// The ELF file is for a 32-bit machine.
    NotSixtyFourBit,
    /// The ELF file is for another processor.
    OtherMachine {
        /// The processor's name, or its number in words.
        machine: String,
    },
    /// The ELF file is no program: an object file, a core dump or a shared library.
    NotExecutable {
        /// What it is.
        kind: &'static str,
    },
    /// The headers of the file contradict its contents.
    Damaged {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The executable has neither debug information nor a symbol table.
    Stripped,
    /// The executable has symbols but no debug information, or only the standard library's.
    NoDebugInfo,
    /// The debug sections are compressed: in a way that cannot be read, or
    /// [`decompressed`](crate::decompressed) was not asked.
    CompressedDebugInfo {
        /// The first compressed section.
        section: String,
        /// How it is compressed, in words.
        format: String,
    },
    /// The debug information is in other files.
    SplitDebugInfo {
        /// The file the first such unit names, where it names one.
        file: Option<String>,
    },
    /// The debug information is larger than the 2 GiB that type ids can number.
    TooLarge {
        /// The size of `.debug_info` in bytes.
        bytes: u64,
    },
    /// No unit was compiled from Rust.
    NotRust {
        /// The producer of the first unit, where it names one.
        producer: Option<String>,
    },
    /// The debug information has line numbers only.
    LineTablesOnly,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf { magic } => write!(
                f,
                "expected an ELF executable, found a file that begins with {magic:02x?}; give the program itself, not a script or archive"
            ),
            Self::NotSixtyFourBit => f.write_str(
                "expected a 64-bit ELF executable, found a 32-bit one; build for x86_64-unknown-linux-gnu",
            ),
            Self::OtherMachine { machine } => write!(
                f,
                "expected an executable for x86-64, found one for {machine}; build for x86_64-unknown-linux-gnu"
            ),
            Self::NotExecutable { kind } => {
                write!(f, "expected an executable, found {kind}; give the linked program")
            }
            Self::Damaged { what, detail } => write!(
                f,
                "the {what} of the executable cannot be read: {detail}; build the program again"
            ),
            Self::Stripped => f.write_str(
                "the executable is stripped: it has neither symbols nor debug information; build it with `debug = true` and `strip = false` in its profile",
            ),
            Self::NoDebugInfo => f.write_str(
                "the executable has no debug information of its own; build it with `debug = true` in its profile, or with `rustc -g`",
            ),
            Self::CompressedDebugInfo { section, format } => write!(
                f,
                "the debug section {section} is compressed with {format}; decompress it with `objcopy --decompress-debug-sections PROGRAM`, or link without `--compress-debug-sections`"
            ),
            Self::SplitDebugInfo { file } => {
                f.write_str("the debug information is not in the executable but in ")?;
                match file {
                    Some(file) => write!(f, "files such as {file}")?,
                    None => f.write_str("other files")?,
                }
                f.write_str("; build with `split-debuginfo = \"off\"` in the profile")
            }
            Self::TooLarge { bytes } => write!(
                f,
                "expected at most 2 GiB of debug information, found {bytes} bytes; build dependencies with `debug = false`"
            ),
            Self::NotRust { producer } => {
                f.write_str("expected a program compiled from Rust, found ")?;
                match producer {
                    Some(producer) => write!(f, "only units of {producer}")?,
                    None => f.write_str("no Rust unit in its debug information")?,
                }
                f.write_str("; give a Rust program built with debug information")
            }
            Self::LineTablesOnly => f.write_str(
                "the debug information has line numbers but no variables or types; build with `debug = true` (or `debug = \"full\"`) instead of `line-tables-only`",
            ),
        }
    }
}

impl std::error::Error for ImageError {}

/// Something in the debug information that could not be read; the rest was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: an offset in bytes into `.debug_info`, where there is one.
    pub offset: Option<u64>,
    /// What was expected and found, as a sentence without the final stop.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "{} (at {offset:#x} of .debug_info)", self.what),
            None => f.write_str(&self.what),
        }
    }
}
