//! Builds the part that runs inside the observed process, with the compiler that builds this
//! crate, into a file that the crate embeds.
//!
//! Where the target is not Linux on x86-64, nothing is built and the crate says at run time that
//! there is no hook.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(stackheap_agent)");
    println!("cargo::rerun-if-changed=agent");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let target = variable("TARGET");
    println!("cargo::rustc-env=STACKHEAP_HOOK_TARGET={target}");
    if target.starts_with("x86_64-") && variable("CARGO_CFG_TARGET_OS") == "linux" {
        build(
            &target,
            &PathBuf::from(variable("OUT_DIR")).join("agent.so"),
        );
        println!("cargo::rustc-cfg=stackheap_agent");
    }
}

fn build(target: &str, output: &Path) {
    let source = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("agent");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc
        .args([
            "--crate-name",
            "stackheap_agent",
            "--crate-type",
            "cdylib",
            "--edition",
            "2024",
        ])
        .args(["--target", target])
        .args([
            "-C",
            "opt-level=3",
            "-C",
            "codegen-units=1",
            "-C",
            "debuginfo=0",
        ])
        .args([
            "-C",
            "panic=abort",
            "-C",
            "relocation-model=pic",
            "-C",
            "strip=symbols",
        ])
        // So that a stack with a hook in it can be walked without unwind tables.
        .args([
            "-C",
            "force-frame-pointers=yes",
            "-C",
            "force-unwind-tables=no",
        ])
        .args(["-C", "link-arg=-nostdlib", "-C", "link-arg=-nostartfiles"])
        // Whole pages for each kind of memory, and no symbol that anything else could define.
        .args([
            "-C",
            "link-arg=-Wl,-Bsymbolic,--no-undefined,--build-id=none,--hash-style=sysv",
        ])
        .args([
            "-C",
            "link-arg=-Wl,-z,separate-code,-z,max-page-size=4096,-z,norelro",
        ])
        .args(["-C", "link-arg=-Wl,--no-eh-frame-hdr,-z,noexecstack"])
        .arg(format!("--remap-path-prefix={}=agent", source.display()))
        .arg("-o")
        .arg(output)
        .arg(source.join("agent.rs"));
    if target.contains("musl") {
        // A musl target makes shared objects only when told so; this one links no libc anyway.
        rustc.args(["-C", "target-feature=-crt-static"]);
    }
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={linker}"));
    }
    let status = rustc
        .status()
        .unwrap_or_else(|error| panic!("cannot run {rustc:?}: {error}"));
    assert!(
        status.success(),
        "{rustc:?} failed with {status}; its messages are above"
    );
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("cargo did not set {name}: {error}"))
}
