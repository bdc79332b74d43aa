//! `doctor`: what this machine and toolchain allow.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use stackheap_image::Image;
use stackheap_record::{Mechanism, Probe, RecordError};

use crate::arguments::DoctorArguments;
use crate::{Ended, output, recordings};

/// The toolchains whose programs can be recorded.
const EXPECTED_HOST: &str = "x86_64-unknown-linux-gnu";

/// The 1.x release of Rust from which on rustc knows edition 2024.
const FIRST_WITH_EDITION_2024: u32 = 85;

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

pub fn doctor(arguments: &DoctorArguments) -> Ended {
    output::choose_color(&arguments.common);
    let mut checks = vec![
        system(),
        toolchain(),
        linker(),
        observation(),
        addresses(),
        hooks(),
        stack(),
        recordings_directory(),
    ];
    if let Some(path) = &arguments.exe {
        checks.extend(executable(path));
    }
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
            verdict: judge_toolchain(&facts.host, &facts.release),
            found: facts.rustc,
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

/// Whether what a toolchain builds can be recorded.
fn judge_toolchain(host: &str, release: &str) -> Verdict {
    if host.starts_with("x86_64-") && host.contains("-linux-") && host != EXPECTED_HOST {
        return Verdict::Limited(format!(
            "programs for {host} are not tested; with {EXPECTED_HOST} they are: `rustup toolchain install stable-{EXPECTED_HOST}`"
        ));
    }
    if host != EXPECTED_HOST {
        return Verdict::Missing(format!(
            "it builds for {host}; expected {EXPECTED_HOST}: `rustup toolchain install stable-{EXPECTED_HOST}`"
        ));
    }
    let minor = release
        .strip_prefix("1.")
        .and_then(|rest| rest.split('.').next())
        .and_then(|minor| minor.parse::<u32>().ok());
    match minor {
        Some(minor) if minor < FIRST_WITH_EDITION_2024 => Verdict::Limited(format!(
            "single files are built with edition 2024, which came with 1.{FIRST_WITH_EDITION_2024}: give `--edition 2021`, or `rustup update stable`"
        )),
        _ => Verdict::Good,
    }
}

/// rustc links with the system's C compiler.
fn linker() -> Check {
    let what = "linker";
    match in_path("cc") {
        Some(path) => Check {
            what,
            found: path.display().to_string(),
            verdict: Verdict::Good,
        },
        None => Check {
            what,
            found: "no `cc` in PATH".to_owned(),
            verdict: Verdict::Limited(
                "rustc needs one to link, unless a linker is configured: install a C compiler (Debian: `apt install gcc`)".to_owned(),
            ),
        },
    }
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

fn observation() -> Check {
    let what = "observing a program";
    match probed() {
        Ok(Probe { .. }) => Check {
            what,
            found: "allowed (ptrace)".to_owned(),
            verdict: Verdict::Good,
        },
        Err(RecordError::ObservationRefused { error, remedy }) => Check {
            what,
            found: format!("refused (ptrace: {error})"),
            verdict: Verdict::Missing(remedy),
        },
        Err(error) => Check {
            what,
            found: error.to_string(),
            verdict: Verdict::Missing("without it nothing can be recorded".to_owned()),
        },
    }
}

fn probed() -> Result<Probe, RecordError> {
    stackheap_record::probe(Command::new("/proc/self/exe").arg("--version"))
}

fn recordings_directory() -> Check {
    let what = "recordings";
    let directory = recordings::directory();
    let written = std::fs::create_dir_all(&directory).and_then(|()| {
        let probe = directory.join(format!("doctor-{}", std::process::id()));
        output::private_file(&probe)?;
        std::fs::remove_file(probe)
    });
    match written {
        Ok(()) => Check {
            what,
            found: directory.display().to_string(),
            verdict: Verdict::Good,
        },
        Err(error) => Check {
            what,
            found: format!("{} cannot be written: {error}", directory.display()),
            verdict: Verdict::Limited(
                "give each recording a path (`run -o PATH`), or set XDG_CACHE_HOME".to_owned(),
            ),
        },
    }
}

/// What can be recorded of an executable: its debug information, and its allocations.
fn executable(path: &Path) -> Vec<Check> {
    let what = "executable";
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![Check {
                what,
                found: format!("{} cannot be read: {error}", path.display()),
                verdict: Verdict::Missing("give the path of a program".to_owned()),
            }];
        }
    };
    let debug_info = match Image::parse(&bytes) {
        Ok(image) => Check {
            what,
            found: format!(
                "debug information of {}, DWARF {}",
                image.facts().compiler.as_deref().unwrap_or("rustc"),
                image.facts().dwarf_version
            ),
            verdict: Verdict::Good,
        },
        Err(error) => {
            return vec![Check {
                what,
                found: path.display().to_string(),
                // The error says what to do, here as in `run`.
                verdict: Verdict::Missing(error.to_string()),
            }];
        }
    };
    let (mechanism, why) = stackheap_record::allocations_of(&bytes);
    let found = match mechanism {
        Mechanism::RustShims => "Rust's four allocation functions",
        Mechanism::Malloc => "C's malloc family",
        Mechanism::None => "not seen",
    };
    let allocations = Check {
        what: "its allocations",
        found: found.to_owned(),
        verdict: match mechanism {
            Mechanism::RustShims => Verdict::Good,
            Mechanism::Malloc => Verdict::Limited(format!("alignment is not known: {why}")),
            Mechanism::None => Verdict::Limited(why),
        },
    };
    vec![debug_info, allocations]
}

fn addresses() -> Check {
    let what = "fixed addresses";
    match probed() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchains_are_judged_by_host_and_release() {
        let gnu = EXPECTED_HOST;
        assert!(matches!(judge_toolchain(gnu, "1.95.0"), Verdict::Good));
        assert!(matches!(
            judge_toolchain(gnu, "1.97.0-nightly"),
            Verdict::Good
        ));
        let Verdict::Limited(advice) = judge_toolchain(gnu, "1.84.1") else {
            panic!("it has no edition 2024");
        };
        assert!(advice.contains("--edition 2021"), "{advice}");
        let Verdict::Missing(advice) = judge_toolchain("aarch64-apple-darwin", "1.95.0") else {
            panic!("what it builds does not run here");
        };
        assert!(advice.contains("aarch64-apple-darwin"), "{advice}");
    }
}
