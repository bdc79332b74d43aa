//! Whether this system lets a program be observed.

use std::io;
use std::process::{Command, Stdio};

use stackheap_hook::Mechanism;

use crate::error::RecordError;
use crate::sys::process;

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
    let (addresses_fixed, process) = process::launch(command).map_err(refused)?;
    process::end(process);
    Ok(Probe { addresses_fixed })
}

/// The error where the system does not let a program be observed, with the remedy for this system.
pub(crate) fn refused(error: io::Error) -> RecordError {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let system = SystemTexts {
        processor: read("/proc/cpuinfo"),
        yama: read("/proc/sys/kernel/yama/ptrace_scope"),
        status: read("/proc/self/status"),
    };
    let remedy = system.remedy().to_owned();
    RecordError::ObservationRefused { error, remedy }
}

/// What the kernel tells of itself and of this process, in its own words.
struct SystemTexts {
    /// `/proc/cpuinfo`.
    processor: String,
    /// `/proc/sys/kernel/yama/ptrace_scope`.
    yama: String,
    /// `/proc/self/status`.
    status: String,
}

impl SystemTexts {
    /// What most likely stands in the way of `ptrace`, and what to do about it.
    fn remedy(&self) -> &'static str {
        // Rosetta names a processor of its own; QEMU's user mode shows the file of the host.
        let emulated = self.processor.contains("VirtualApple")
            || !self.processor.is_empty() && !self.processor.contains("vendor_id");
        let filtered = self
            .status
            .lines()
            .filter_map(|line| line.strip_prefix("Seccomp:"))
            .any(|mode| mode.trim() == "2");
        if emulated {
            "x86-64 is emulated here on another processor, and the emulator does not offer ptrace: record on an x86-64 machine or a full virtual machine (recordings can be read anywhere)"
        } else if self.yama.trim() == "3" {
            "kernel.yama.ptrace_scope is 3, which forbids it to everyone: set it to 1 in /etc/sysctl.d and restart the machine"
        } else if filtered {
            "a system call filter is active, as in a container: start it with `--cap-add=SYS_PTRACE`, or with `--security-opt seccomp=unconfined`"
        } else {
            "a program that is observed by another one, a debugger or strace, cannot observe: run stackheap itself outside of it"
        }
    }
}

/// How the allocations of an executable are observed, and why so: what fits it by its symbols and
/// code, before it runs.
pub fn allocations_of(executable: &[u8]) -> (Mechanism, String) {
    let found = stackheap_hook::inspect(executable);
    (found.mechanism, found.doubt.unwrap_or(found.why))
}

/// Whether the hooks that log allocations are part of this build, else why not.
pub fn hooks_available() -> Result<(), String> {
    stackheap_hook::Agent::embedded()
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// The limit on the main stack of programs started from here, in bytes; `None` when unlimited.
pub fn own_stack_limit() -> Option<u64> {
    process::stack_limit(process::OsThread(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(processor: &str, yama: &str, status: &str) -> &'static str {
        let [processor, yama, status] = [processor, yama, status].map(str::to_owned);
        SystemTexts {
            processor,
            yama,
            status,
        }
        .remedy()
    }

    #[test]
    fn the_remedy_is_for_what_stands_in_the_way() {
        let intel = "processor\t: 0\nvendor_id\t: GenuineIntel\n";
        let rosetta = "processor\t: 0\nvendor_id\t: VirtualApple\n";
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\n";
        let filter = "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        let free = "Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t2\n";
        assert!(remedy(rosetta, "1\n", filter).contains("emulated"));
        assert!(remedy(arm, "", free).contains("emulated"));
        assert!(remedy(intel, "3\n", filter).contains("ptrace_scope"));
        assert!(remedy(intel, "1\n", filter).contains("--cap-add"));
        assert!(remedy(intel, "1\n", free).contains("debugger"));
        // A system without these files is not called an emulator.
        assert!(!remedy("", "", "").contains("emulated"));
    }
}
