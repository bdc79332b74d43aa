//! What a recording says about itself before the first record.

use crate::error::TraceError;
use crate::wire::{Input, put, put_bytes, put_option};

/// The architecture of the observed process: which registers there are and how wide a word is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// x86-64: 16 general registers in DWARF's numbering, words of 8 bytes, little-endian.
    #[default]
    X86_64,
}

impl Architecture {
    /// The number that ELF gives it (`e_machine`), which is the tag in the file.
    pub fn elf_machine(self) -> u16 {
        match self {
            Architecture::X86_64 => 62,
        }
    }

    /// The architecture with this tag.
    pub fn from_elf_machine(tag: u16) -> Option<Self> {
        match tag {
            62 => Some(Architecture::X86_64),
            _ => None,
        }
    }
}

/// Whether the bytes of the program's memory are in the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Values {
    /// They are.
    #[default]
    Recorded,
    /// They were left out on request: only shapes and addresses are recorded.
    Withheld,
}

/// What a recording says about itself before the first record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The architecture of the observed process.
    pub architecture: Architecture,
    /// Whether memory was recorded.
    pub values: Values,
    /// What made the recording, with its version.
    pub producer: String,
    /// The executable's path.
    pub program: String,
    /// The program's arguments, without its name.
    pub arguments: Vec<String>,
    /// The directory it ran in.
    pub working_directory: String,
    /// When it started, in seconds since 1970-01-01 UTC; `None` when it is left out on purpose.
    pub started_unix_seconds: Option<u64>,
    /// The system's number of the process; 0 when not known.
    pub process_id: u32,
    /// Further facts, by name: for whoever reads the recording, without meaning here.
    pub facts: Vec<(String, String)>,
}

/// Appends the header; the architecture is in the preamble.
pub(crate) fn header_into(into: &mut Vec<u8>, header: &Header) {
    put(into, u64::from(header.values == Values::Withheld));
    for text in [&header.producer, &header.program, &header.working_directory] {
        put_bytes(into, text.as_bytes());
    }
    put(into, header.arguments.len() as u64);
    for argument in &header.arguments {
        put_bytes(into, argument.as_bytes());
    }
    put_option(into, header.started_unix_seconds);
    put(into, u64::from(header.process_id));
    put(into, header.facts.len() as u64);
    for (name, fact) in &header.facts {
        put_bytes(into, name.as_bytes());
        put_bytes(into, fact.as_bytes());
    }
}

/// The header that the bytes stand for.
pub(crate) fn header_from(bytes: &[u8], architecture: Architecture) -> Result<Header, TraceError> {
    let input = &mut Input::new(bytes, "the header");
    let values = match input.number()? {
        0 => Values::Recorded,
        1 => Values::Withheld,
        _ => return Err(input.expected("0 or 1 before this")),
    };
    let (producer, program) = (input.text()?, input.text()?);
    let working_directory = input.text()?;
    let mut arguments = Vec::new();
    for _ in 0..input.count()? {
        arguments.push(input.text()?);
    }
    let started_unix_seconds = input.option()?;
    let process_id = input.number_u32()?;
    let mut facts = Vec::new();
    for _ in 0..input.count()? {
        facts.push((input.text()?, input.text()?));
    }
    // Bytes behind are what a later version says in addition.
    Ok(Header {
        architecture,
        values,
        producer,
        program,
        arguments,
        working_directory,
        started_unix_seconds,
        process_id,
        facts,
    })
}
