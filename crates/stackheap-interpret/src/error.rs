use std::fmt;

use stackheap_image::ImageError;
use stackheap_model::StepNumber;
use stackheap_trace::TraceError;

/// Why a recording cannot be interpreted.
#[derive(Debug)]
#[non_exhaustive]
pub enum InterpretError {
    /// The recording could not be read.
    Trace(TraceError),
    /// The executable in it could not be understood.
    Image(ImageError),
    /// The recording holds no executable.
    NoImage,
    /// There is no such step.
    NoSuchStep {
        /// What was asked for.
        step: StepNumber,
        /// How many there are.
        steps: u64,
    },
    /// The step has fewer parts.
    NoSuchPart {
        /// The step.
        step: StepNumber,
        /// What was asked for.
        part: u32,
        /// The last one there is.
        last: u32,
    },
}

impl fmt::Display for InterpretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trace(error) => error.fmt(f),
            Self::Image(error) => write!(f, "the executable in the recording: {error}"),
            Self::NoImage => f.write_str(
                "the recording holds no executable, so that its bytes have no meaning; record the program again",
            ),
            Self::NoSuchStep { step, steps: 0 } => write!(
                f,
                "there is no step {step}: the recording has no steps; no place of user code was passed"
            ),
            Self::NoSuchStep { step, steps } => {
                write!(f, "there is no step {step}: the recording has steps 1 to {steps}")
            }
            Self::NoSuchPart { step, part, last: 0 } => write!(
                f,
                "there is no part {part} of step {step}: it has none beside its beginning, part 0"
            ),
            Self::NoSuchPart { step, part, last } => write!(
                f,
                "there is no part {part} of step {step}: it has parts 0 to {last}"
            ),
        }
    }
}

impl std::error::Error for InterpretError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Trace(error) => Some(error),
            Self::Image(error) => Some(error),
            Self::NoImage | Self::NoSuchStep { .. } | Self::NoSuchPart { .. } => None,
        }
    }
}

impl From<TraceError> for InterpretError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

impl From<ImageError> for InterpretError {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}
