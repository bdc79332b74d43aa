//! Whether this system lets a program be observed.

use std::process::{Command, Stdio};

use crate::error::{During, RecordError};
use crate::sys::process::{self, OsThread, Wait, Waiting};

/// What was found by starting a program under observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether addresses are the same from run to run.
    pub addresses_fixed: bool,
}

/// Starts a program under observation and ends it before its first instruction.
pub fn probe(command: &mut Command) -> Result<Probe, RecordError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let (addresses_fixed, mut child) =
        process::launch(command).map_err(|error| RecordError::ObservationRefused { error })?;
    let thread = OsThread(child.id() as i32);
    let report = process::wait(Waiting::Block).during("waiting for its start")?;
    let observed = matches!(report, Wait::Stopped(stopped, libc::SIGTRAP) if stopped == thread);
    process::send_signal(thread, libc::SIGKILL);
    let _ = child.wait();
    if observed {
        return Ok(Probe { addresses_fixed });
    }
    Err(RecordError::Observe {
        what: "waiting for its start",
        error: std::io::Error::other(format!("it reported {report:?}")),
    })
}

/// Whether the hooks that log allocations are part of this build, else why not.
pub fn hooks_available() -> Result<(), String> {
    stackheap_hook::Agent::embedded()
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// The limit on the main stack of programs started from here, in bytes; `None` when unlimited.
pub fn own_stack_limit() -> Option<u64> {
    process::stack_limit(OsThread(0))
}
