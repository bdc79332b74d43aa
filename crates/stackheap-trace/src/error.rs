//! What can go wrong with a recording, and what was found to be wrong with one that opened.

use std::fmt;
use std::io;

use stackheap_model::{SiteId, StepNumber, StopNumber};

/// A recording could not be written or read.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceError {
    /// The system refused.
    Io {
        /// What was being done, such as "create a.stackheap".
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin as a recording does.
    NotARecording {
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// The file was made by a newer version.
    NewerVersion {
        /// The version in the file.
        found: u16,
        /// The newest version that can be read.
        newest: u16,
    },
    /// The recording is of an architecture that is not known.
    UnknownArchitecture {
        /// The tag in the file, an ELF machine number.
        found: u16,
    },
    /// Bytes that do not have the form they must have.
    Malformed {
        /// What was being read.
        what: &'static str,
        /// Where in it, in bytes.
        at: u64,
        /// What was expected there.
        expected: &'static str,
    },
    /// A part of the file is damaged: its check sum is wrong.
    Damaged {
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// The stops it held: the first and the last; `None` when it is not known or held none.
        stops: Option<(StopNumber, StopNumber)>,
    },
    /// A stop that is not in the recording, or lies in a part that is damaged.
    NoSuchStop {
        /// The stop that was asked for.
        stop: StopNumber,
        /// How many stops there are.
        stops: u64,
    },
    /// A stop names a site that is not in the site table.
    UnknownSite {
        /// The site.
        site: SiteId,
        /// How many sites the table has.
        sites: usize,
    },
    /// A patch points outside of the bytes it came with.
    PatchOutside {
        /// Where it begins in the buffer.
        start: usize,
        /// How many bytes it has.
        len: usize,
        /// How many bytes the buffer has.
        buffer: usize,
    },
    /// Something is larger than the format allows.
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The step that the writer gave to a stop is not the one that replay gives to it.
    Contradiction {
        /// The stop.
        stop: StopNumber,
        /// The step in the file.
        written: StepNumber,
        /// The step that replay gives.
        replayed: StepNumber,
    },
    /// The site table was given after the first record.
    TableAfterRecords {
        /// How many records were written.
        records: u64,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::Io { doing, source } => write!(f, "could not {doing}: {source}"),
            TraceError::NotARecording { found } => write!(
                f,
                "expected a recording of stackheap, found a file that begins with {found:02x?}; \
                 give a file that `stackheap run` wrote"
            ),
            TraceError::NewerVersion { found, newest } => write!(
                f,
                "the recording has format version {found}, this stackheap reads up to {newest}; \
                 open it with the version that wrote it, or a later one"
            ),
            TraceError::UnknownArchitecture { found } => write!(
                f,
                "the recording is of a program for ELF machine {found}, which this stackheap does \
                 not know; open it with a later version"
            ),
            TraceError::Malformed { what, at, expected } => write!(
                f,
                "expected {expected} at byte {at} of {what}; the recording was not written by \
                 stackheap or was changed, record again"
            ),
            TraceError::Damaged {
                offset,
                stops: Some((first, last)),
            } => write!(
                f,
                "the part of the recording at byte {offset} is damaged, stops {first} to {last} \
                 are lost; look at steps before or after them, or record again"
            ),
            TraceError::Damaged {
                offset,
                stops: None,
            } => write!(
                f,
                "the part of the recording at byte {offset} is damaged; what it held is lost, \
                 record again if it is needed"
            ),
            TraceError::NoSuchStop { stop, stops } => write!(
                f,
                "expected a stop from 1 to {stops}, found {stop}; choose one within the recording"
            ),
            TraceError::UnknownSite { site, sites } => write!(
                f,
                "site {site} is not in the site table of {sites} sites; write the table of the \
                 program before the first stop"
            ),
            TraceError::PatchOutside { start, len, buffer } => write!(
                f,
                "a patch of {len} bytes at {start} does not lie in its buffer of {buffer} bytes; \
                 give the buffer that was compared"
            ),
            TraceError::TooLarge { what, bytes, limit } => {
                write!(
                    f,
                    "{what} has {bytes} bytes, at most {limit} can be recorded; leave it out"
                )
            }
            TraceError::Contradiction {
                stop,
                written,
                replayed,
            } => write!(
                f,
                "stop {stop} was written as one of step {written}, replay makes it one of step \
                 {replayed}; step numbers from here on are not those of the recording, record again"
            ),
            TraceError::TableAfterRecords { records } => write!(
                f,
                "the site table came after {records} records; write it before the first one"
            ),
        }
    }
}

impl std::error::Error for TraceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TraceError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Something that is wrong with a recording that could be opened all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The recorder did not finish the file; the index was made anew from what is there.
    NotFinished,
    /// The index is damaged; it was made anew.
    IndexDamaged {
        /// Where it begins in the file, in bytes.
        offset: u64,
    },
    /// The file ends inside a part.
    Truncated {
        /// Where that part begins in the file, in bytes.
        offset: u64,
        /// How many bytes of it are there.
        bytes: u64,
    },
    /// Bytes between two parts that belong to none.
    Gap {
        /// Where they begin in the file, in bytes.
        offset: u64,
        /// How many they are.
        bytes: u64,
    },
    /// A part is damaged.
    Damaged {
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// The stops it held: the first and the last; `None` when it is not known or held none.
        stops: Option<(StopNumber, StopNumber)>,
    },
    /// A part of a kind that this version does not know was passed over.
    UnknownPart {
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// Its kind.
        kind: u8,
    },
    /// The site table is missing or damaged: stops cannot be grouped into steps.
    NoSiteTable,
    /// There are more problems than are listed.
    More,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotFinished => write!(
                f,
                "the recording was not finished; it ends with the last part that was written"
            ),
            Problem::IndexDamaged { offset } => {
                write!(f, "the index at byte {offset} is damaged; it was made anew")
            }
            Problem::Truncated { offset, bytes } => write!(
                f,
                "the file ends {bytes} bytes into the part at byte {offset}; that part is lost"
            ),
            Problem::Gap { offset, bytes } => {
                write!(
                    f,
                    "{bytes} bytes at byte {offset} are no part of a recording"
                )
            }
            Problem::Damaged {
                offset,
                stops: Some((first, last)),
            } => write!(
                f,
                "the part at byte {offset} is damaged; stops {first} to {last} are lost"
            ),
            Problem::Damaged {
                offset,
                stops: None,
            } => {
                write!(f, "the part at byte {offset} is damaged")
            }
            Problem::UnknownPart { offset, kind } => write!(
                f,
                "the part at byte {offset} is of kind {kind}, which this version does not know"
            ),
            Problem::NoSiteTable => write!(
                f,
                "the site table is missing or damaged; stops cannot be grouped into steps"
            ),
            Problem::More => write!(f, "there are more problems than are listed"),
        }
    }
}
