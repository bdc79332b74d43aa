//! `doctor`: what this machine and toolchain allow.

use std::fmt::Write;
use std::process::Command;

use stackheap_record::Probe;

use crate::arguments::CommonArguments;
use crate::{Ended, output};

/// How a check ended.
enum Verdict {
    Good,
    /// Something works differently, with what to do.
    Limited(String),
    /// Recording is not possible, with what to do.
    Missing(String),
}

struct Check {
    what: &'static str,
    found: String,
    verdict: Verdict,
}

pub fn doctor(common: &CommonArguments) -> Ended {
    output::choose_color(common);
    let checks = [
        system(),
        toolchain(),
        observation(),
        addresses(),
        hooks(),
        stack(),
    ];
    let mut text = String::new();
    let mut missing = false;
    for check in &checks {
        let (mark, advice) = match &check.verdict {
            Verdict::Good => ("ok     ", None),
            Verdict::Limited(advice) => ("limited", Some(advice)),
            Verdict::Missing(advice) => {
                missing = true;
                ("missing", Some(advice))
            }
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{mark}  {:<22}{}", check.what, check.found);
        if let Some(advice) = advice {
            let _ = writeln!(text, "         {:<22}{advice}", "");
        }
    }
    output::print(&text)?;
    Ok(u8::from(missing))
}

fn system() -> Check {
    let found = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
    let good = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    let verdict = if good {
        Verdict::Good
    } else {
        Verdict::Missing(
            "recording works on Linux x86-64; recordings made there can be read here".to_owned(),
        )
    };
    Check {
        what: "system",
        found,
        verdict,
    }
}

fn toolchain() -> Check {
    let what = "Rust toolchain";
    match stackheap_build::toolchain_facts(&stackheap_build::BuildOptions::default()) {
        Ok(facts) => Check {
            what,
            found: facts.rustc,
            verdict: Verdict::Good,
        },
        Err(error) => Check {
            what,
            found: error.to_string(),
            verdict: Verdict::Missing(
                "install the stable toolchain from https://rustup.rs; --exe works without"
                    .to_owned(),
            ),
        },
    }
}

fn observation() -> Check {
    let what = "observing a program";
    match stackheap_record::probe(Command::new("/proc/self/exe").arg("--version")) {
        Ok(Probe { .. }) => Check { what, found: "allowed (ptrace)".to_owned(), verdict: Verdict::Good },
        Err(error) => Check {
            what,
            found: error.to_string(),
            verdict: Verdict::Missing(
                "in a container: start it with --cap-add=SYS_PTRACE; elsewhere see /proc/sys/kernel/yama/ptrace_scope, which must not be 3".to_owned(),
            ),
        },
    }
}

fn addresses() -> Check {
    let what = "fixed addresses";
    let probe = stackheap_record::probe(Command::new("/proc/self/exe").arg("--version"));
    match probe {
        Ok(Probe {
            addresses_fixed: true,
            ..
        }) => Check {
            what,
            found: "addresses are the same from run to run".to_owned(),
            verdict: Verdict::Good,
        },
        _ => Check {
            what,
            found: "addresses vary from run to run".to_owned(),
            verdict: Verdict::Limited(
                "the system refuses personality(ADDR_NO_RANDOMIZE); everything else works"
                    .to_owned(),
            ),
        },
    }
}

fn hooks() -> Check {
    let what = "allocation hooks";
    match stackheap_record::hooks_available() {
        Ok(()) => Check {
            what,
            found: "built in".to_owned(),
            verdict: Verdict::Good,
        },
        Err(why) => Check {
            what,
            found: why,
            verdict: Verdict::Missing("build stackheap on Linux x86-64".to_owned()),
        },
    }
}

fn stack() -> Check {
    let found = match stackheap_record::own_stack_limit() {
        Some(bytes) => format!("{} KiB for main threads (ulimit -s)", bytes / 1024),
        None => "no limit for main threads".to_owned(),
    };
    Check {
        what: "stack limit",
        found,
        verdict: Verdict::Good,
    }
}
