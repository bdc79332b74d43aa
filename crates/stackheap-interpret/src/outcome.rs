//! How the observed program ended.

use stackheap_model::{ProgramOutcome, Unknown};
use stackheap_trace as trace;

/// How the program ended, as far as the recording tells.
pub fn outcome(recorded: Option<&trace::Outcome>) -> ProgramOutcome {
    match recorded {
        Some(trace::Outcome::Exited(code)) => ProgramOutcome::Exit { code: *code },
        Some(trace::Outcome::Signalled(number)) => ProgramOutcome::Signal {
            number: *number,
            name: signal_name(*number).into(),
        },
        Some(trace::Outcome::Interrupted) => {
            ProgramOutcome::Unknown(Unknown::because("the recording was interrupted"))
        }
        Some(trace::Outcome::Detached) => ProgramOutcome::Unknown(Unknown::because(
            "a limit was reached before the program ended",
        )),
        Some(trace::Outcome::RecorderStopped(why)) => {
            ProgramOutcome::Unknown(Unknown::because(why.as_str()))
        }
        None => ProgramOutcome::Unknown(Unknown::because("the recording has no end")),
    }
}

pub(crate) fn signal_name(number: i32) -> &'static str {
    match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        17 => "SIGCHLD",
        18 => "SIGCONT",
        19 => "SIGSTOP",
        _ => "a signal",
    }
}
