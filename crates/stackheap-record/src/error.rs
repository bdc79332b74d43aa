use std::fmt;
use std::io;

use stackheap_trace::TraceError;

/// Why a program cannot be recorded, or not any further.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordError {
    /// The program could not be started.
    Start {
        /// Its path.
        program: String,
        /// The system's reason.
        error: io::Error,
    },
    /// The system does not let one process observe another.
    ObservationRefused {
        /// The system's reason.
        error: io::Error,
        /// What to do about it.
        remedy: String,
    },
    /// A step of observing failed.
    Observe {
        /// What was being done.
        what: &'static str,
        /// The system's reason.
        error: io::Error,
    },
    /// The recording could not be written.
    Trace(TraceError),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { program, error } => {
                write!(
                    f,
                    "expected to start {program}, but the system answered: {error}"
                )
            }
            Self::ObservationRefused { error, remedy } => write!(
                f,
                "expected the system to let stackheap observe the program, but it refuses (ptrace: {error}); {remedy}"
            ),
            Self::Observe { what, error } => {
                write!(f, "observing the program failed while {what}: {error}")
            }
            Self::Trace(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { error, .. }
            | Self::ObservationRefused { error, .. }
            | Self::Observe { error, .. } => Some(error),
            Self::Trace(error) => Some(error),
        }
    }
}

impl From<TraceError> for RecordError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

/// Names what was being done when a system call failed.
pub(crate) trait During<T> {
    fn during(self, what: &'static str) -> Result<T, RecordError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, what: &'static str) -> Result<T, RecordError> {
        self.map_err(|error| RecordError::Observe { what, error })
    }
}
