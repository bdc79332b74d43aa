//! The agent's file, looked at by tools that know nothing of this crate.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[path = "../../../tests/support/skip.rs"]
mod skip;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Register};
use stackheap_hook::{Agent, Function, HookError, Ring};
use stackheap_model::RuntimeAddress;

fn file() -> PathBuf {
    Path::new(env!("OUT_DIR")).join("agent.so")
}

/// A tool's lines; `None`, with its name, where there is none.
fn lines(tool: &str, arguments: &[&str]) -> Option<Vec<String>> {
    match Command::new(tool).args(arguments).arg(file()).output() {
        Ok(output) => {
            assert!(output.status.success(), "{tool}");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            Some(text.lines().map(str::to_owned).collect())
        }
        Err(error) => {
            skip::skip(format_args!("{tool}: {error}"));
            None
        }
    }
}

#[test]
fn it_needs_nothing() {
    if let Some(lines) = lines("nm", &["-D", "--undefined-only"]) {
        assert_eq!(lines, [] as [&str; 0]);
    }
    if let Some(lines) = lines("readelf", &["-d", "-W"]) {
        let needs = |line: &&String| {
            ["NEEDED", "INIT", "FINI", "TEXTREL"]
                .iter()
                .any(|tag| line.contains(tag))
        };
        assert_eq!(lines.iter().find(needs), None);
    }
    if let Some(lines) = lines("readelf", &["-l", "-W"]) {
        assert!(!lines.iter().any(|line| line.contains(" TLS ")));
    }
}

#[test]
fn its_relocations_are_relative() {
    let Some(lines) = lines("readelf", &["-r", "-W"]) else {
        return;
    };
    let entries: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("R_X86_64_"))
        .collect();
    assert!(
        entries
            .iter()
            .all(|line| line.contains("R_X86_64_RELATIVE")),
        "{entries:?}"
    );
}

#[test]
fn it_leaves_wide_registers_alone_and_makes_no_system_call() {
    let Some(lines) = lines("objdump", &["-d", "-M", "intel", "--no-show-raw-insn"]) else {
        return;
    };
    let forbidden = ["ymm", "zmm", " st", "syscall", "int    0x", "vmov", "std "];
    let code = lines.iter().filter(|line| line.starts_with(' '));
    let instructions: Vec<_> = code.filter_map(|line| line.split_once('\t')).collect();
    assert!(instructions.len() > 100);
    for (address, instruction) in instructions {
        let found = forbidden.iter().find(|word| instruction.contains(*word));
        assert_eq!(found, None, "{address}: {instruction}");
    }
}

#[test]
fn it_is_built_without_warnings_and_always_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("agent/agent.rs");
    let build = |name: &str| {
        let output = folder.path().join(name);
        let status = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()))
            .args([
                "--crate-name",
                "stackheap_agent",
                "--crate-type",
                "cdylib",
                "--edition",
                "2024",
            ])
            .args([
                "-D",
                "warnings",
                "-C",
                "panic=abort",
                "-C",
                "opt-level=3",
                "-C",
                "strip=symbols",
            ])
            .args(["-C", "link-arg=-nostdlib", "-C", "link-arg=-nostartfiles"])
            .args(["-C", "link-arg=-Wl,--build-id=none", "-o"])
            .args([&output, &source])
            .status()
            .unwrap();
        assert!(status.success());
        fs::read(output).unwrap()
    };
    assert_eq!(build("first"), build("second"));
}

#[test]
fn it_is_laid_out_where_it_is_told() {
    let agent = Agent::embedded().unwrap();
    let ring = RuntimeAddress(0x7f12_3456_7000);
    let (here, there) = (
        RuntimeAddress(0x1000_0000),
        RuntimeAddress(0x5555_0000_0000),
    );
    let bytes = Ring::bytes_for(1 << 10);
    let low = agent.layout(here, ring, bytes).unwrap();
    let high = agent.layout(there, ring, bytes).unwrap();
    let shift = there.0 - here.0;
    for function in Function::ALL {
        assert_eq!(low.hook(function).offset(shift), high.hook(function));
        assert!((low.text_low..low.text_high).contains(&low.hook(function)));
    }
    let word = |loaded: &stackheap_hook::Loaded, address: RuntimeAddress| {
        let within = |segment: &&stackheap_hook::Segment| {
            (segment.address.0..segment.address.0 + segment.bytes.len() as u64).contains(&address.0)
        };
        let segment = loaded.segments.iter().find(within).unwrap();
        let offset = (address.0 - segment.address.0) as usize;
        u64::from_le_bytes(segment.bytes[offset..][..8].try_into().unwrap())
    };
    let control = |index: u64| word(&low, low.control.offset(8 * index));
    assert_eq!([0, 1, 2, 3].map(control), [0, ring.0, ring.0 + 4096, 10]);
    assert_eq!((low.enable().address, low.enable().value), (low.control, 1));
    assert_eq!(
        (low.disable().address, low.disable().value),
        (low.control, 0)
    );
    // The trap is an int3 and a return.
    assert_eq!(word(&low, low.drain_trap) as u16, 0xc3cc);
    let executable = |segment: &&stackheap_hook::Segment| segment.executable;
    assert_eq!(low.segments.iter().filter(executable).count(), 1);
    assert!(
        low.segments
            .iter()
            .all(|segment| !(segment.writable && segment.executable))
    );
    assert!(
        low.segments
            .iter()
            .all(|segment| segment.bytes.len() % 4096 == 0)
    );
    let end = low
        .segments
        .iter()
        .map(|segment| segment.address.0 + segment.bytes.len() as u64);
    assert_eq!(end.max(), Some(here.0 + low.total_bytes));
}

/// A stack with a hook in it can be walked by the frame pointer: a hook hands its stack pointer to
/// its body by a jump, and the body sets up a frame before anything else.
#[test]
fn its_frames_can_be_walked() {
    let agent = Agent::embedded().unwrap();
    let ring = RuntimeAddress(0x20_0000);
    let loaded = agent
        .layout(RuntimeAddress(0x10_0000), ring, 1 << 20)
        .unwrap();
    let text = loaded
        .segments
        .iter()
        .find(|segment| segment.executable)
        .unwrap();
    let instructions = |address: u64| {
        let code = &text.bytes[(address - text.address.0) as usize..];
        let decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
        decoder.into_iter().take(2).collect::<Vec<_>>()
    };
    for function in Function::ALL {
        let hook = instructions(loaded.hook(function).0);
        assert_eq!(
            (hook[0].code(), hook[0].op1_register()),
            (Code::Mov_rm64_r64, Register::RSP)
        );
        assert_eq!(hook[1].flow_control(), FlowControl::UnconditionalBranch);
        let body = instructions(hook[1].near_branch_target());
        assert_eq!(
            (body[0].code(), body[0].op0_register()),
            (Code::Push_r64, Register::RBP)
        );
        assert_eq!(body[1].op0_register(), Register::RBP, "{function:?}");
        assert_eq!(body[1].op1_register(), Register::RSP, "{function:?}");
    }
}

#[test]
fn wrong_addresses_are_refused() {
    let agent = Agent::embedded().unwrap();
    let (base, ring) = (RuntimeAddress(0x10_0000), RuntimeAddress(0x20_0000));
    let layout = |base, ring, bytes| agent.layout(base, ring, bytes).map(drop);
    assert_eq!(layout(base, ring, 4096 + 128), Ok(()));
    let small = HookError::RingTooSmall {
        bytes: 4096 + 127,
        least: 4096 + 128,
    };
    assert_eq!(layout(base, ring, 4096 + 127), Err(small));
    let odd = RuntimeAddress(0x10_0008);
    assert!(
        matches!(layout(odd, ring, 1 << 20), Err(HookError::Unaligned { address, .. }) if address == odd)
    );
    assert!(
        matches!(layout(base, odd, 1 << 20), Err(HookError::Unaligned { address, .. }) if address == odd)
    );
}
