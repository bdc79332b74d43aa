//! `inspect` and `patches` on executables of all kinds, compiled here. The witnesses are `nm` for
//! where the functions are, and `objdump` for what the patched code does.

#[path = "../../../tests/support/skip.rs"]
mod skip;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object, ObjectSegment};
use stackheap_hook::{
    Agent, AllocatorHome, Function, HookError, Inspection, Mechanism, inspect, malloc_patches,
    patches,
};
use stackheap_model::{LoadBias, RuntimeAddress};
use tempfile::TempDir;

const DEFAULT: &str = r#"
fn main() {
    let mut boxes = Vec::new();
    for index in 0..100u32 {
        boxes.push(Box::new(index));
    }
    println!("{} {}", boxes.len(), vec![0u64; boxes.len()].len());
}
"#;

const COUNTING: &str = r#"
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
struct Counting;
static COUNT: AtomicUsize = AtomicUsize::new(0);
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}
#[global_allocator]
static GLOBAL: Counting = Counting;
fn main() {
    let boxes: Vec<Box<u32>> = (0..100).map(Box::new).collect();
    println!("{} {}", boxes.len(), COUNT.load(Relaxed));
}
"#;

/// An allocator that has nothing to do with malloc.
const BUMP: &str = r#"
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
const BYTES: usize = 1 << 20;
struct Bump;
static mut MEMORY: [u8; BYTES] = [0; BYTES];
static NEXT: AtomicUsize = AtomicUsize::new(0);
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = NEXT.fetch_add(layout.size() + layout.align(), Relaxed);
        if start + layout.size() + layout.align() > BYTES {
            return std::ptr::null_mut();
        }
        let start = (&raw mut MEMORY).cast::<u8>().wrapping_add(start);
        start.wrapping_add(start.align_offset(layout.align()))
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {
        NEXT.fetch_add(1, Relaxed);
    }
}
#[global_allocator]
static GLOBAL: Bump = Bump;
fn main() {
    let boxes: Vec<Box<u32>> = (0..100).map(Box::new).collect();
    println!("{}", boxes.len());
}
"#;

/// A compiled program.
struct Program {
    folder: TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
}

/// Compiles a program; `None`, with a word, where this system cannot.
fn compile(source: &str, flags: &str) -> Option<Program> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.rs");
    fs::write(&file, source).unwrap();
    let path = folder.path().join("program");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let mut command = Command::new(rustc);
    command
        .args(["--edition", "2024", "-o"])
        .arg(&path)
        .arg(&file)
        .args(flags.split(' '));
    let output = command.output().unwrap();
    if !output.status.success() {
        skip::skip(format_args!(
            "`rustc {flags}`: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
        return None;
    }
    let bytes = fs::read(&path).unwrap();
    Some(Program {
        folder,
        path,
        bytes,
    })
}

/// A tool's output; `None`, with its name, where there is none.
fn witness(tool: &str, arguments: &[&str], path: &Path) -> Option<String> {
    match Command::new(tool).args(arguments).arg(path).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            skip::skip(format_args!("{tool}: {error}"));
            None
        }
    }
}

/// Checks the mechanism, that the reason contains `why`, and that all the functions or none are
/// there.
fn check(
    source: &str,
    flags: &str,
    mechanism: Mechanism,
    why: &str,
) -> Option<(Program, Inspection)> {
    let program = compile(source, flags)?;
    let inspection = inspect(&program.bytes);
    assert_eq!(inspection.mechanism, mechanism, "{flags}: {inspection:?}");
    assert!(inspection.why.contains(why), "{flags}: {inspection:?}");
    let functions: Vec<_> = inspection.shims.iter().map(|shim| shim.function).collect();
    if mechanism == Mechanism::RustShims {
        let all = [
            Function::Alloc,
            Function::Dealloc,
            Function::Realloc,
            Function::AllocZeroed,
        ];
        assert_eq!(functions, all, "{flags}");
        if !flags.contains("strip") {
            check_places(&program, &inspection);
        }
        check_patches(&program, &inspection);
    } else {
        assert_eq!(functions, [], "{flags}");
        let refused = patches(&program.bytes, LoadBias(0), &loaded()?, TRAMPOLINES);
        let merged = matches!(refused, Err(HookError::NoFunctions { .. }));
        assert!(merged || why.contains("copied"), "{refused:?}");
    }
    Some((program, inspection))
}

/// The functions are where `nm` says.
fn check_places(program: &Program, inspection: &Inspection) {
    let Some(names) = witness("nm", &[], &program.path) else {
        return;
    };
    let mut places: BTreeMap<&str, u64> = BTreeMap::new();
    for line in names.lines() {
        let [address, "t" | "T", name] = line.split(' ').collect::<Vec<_>>()[..] else {
            continue;
        };
        places.insert(name, u64::from_str_radix(address, 16).unwrap());
    }
    for shim in &inspection.shims {
        let name = shim.function.name();
        // Mangled, the name stands behind its length.
        let suffix = format!("{}_{name}", name.len());
        let of = |symbol: &&str| **symbol == *name || symbol.ends_with(&suffix);
        let (_, place) = places.iter().find(|(symbol, _)| of(symbol)).unwrap();
        assert_eq!(shim.address.0, *place, "{name}");
    }
}

const TRAMPOLINES: RuntimeAddress = RuntimeAddress(0x1000_0000);

fn loaded() -> Option<stackheap_hook::Loaded> {
    match Agent::embedded() {
        Ok(agent) => Some(
            agent
                .layout(
                    TRAMPOLINES.offset(4096),
                    RuntimeAddress(0x7f00_0000_0000),
                    1 << 20,
                )
                .unwrap(),
        ),
        Err(error) => {
            skip::skip(error);
            None
        }
    }
}

/// The first instruction of each function, once patched, jumps to its hook, says `objdump`.
fn check_patches(program: &Program, inspection: &Inspection) {
    let Some(loaded) = loaded() else { return };
    let patches = patches(&program.bytes, LoadBias(0), &loaded, TRAMPOLINES).unwrap();
    let mut patched = program.bytes.clone();
    for write in &patches.writes {
        let offset = file_offset(&program.bytes, write.address.0);
        let there = &mut patched[offset..][..write.bytes.len()];
        assert_eq!(there, write.original);
        assert_eq!(write.bytes.len(), write.original.len());
        there.copy_from_slice(&write.bytes);
    }
    assert_eq!((patches.writes.len(), patches.slots.len()), (4, 4));
    let path = program.folder.path().join("patched");
    fs::write(&path, patched).unwrap();
    for shim in &inspection.shims {
        let from = format!("--start-address={}", shim.address.0);
        let to = format!("--stop-address={}", shim.address.0 + 5);
        let Some(text) = witness("objdump", &["-d", "--no-show-raw-insn", &from, &to], &path)
        else {
            return;
        };
        let line = text
            .lines()
            .find(|line| line.contains("jmp"))
            .unwrap_or_else(|| panic!("{text}"));
        let target = line.split_whitespace().nth(2).unwrap();
        let target = u64::from_str_radix(target.trim_start_matches("0x"), 16).unwrap();
        assert_eq!(RuntimeAddress(target), loaded.hook(shim.function), "{text}");
    }
}

fn file_offset(elf: &[u8], address: u64) -> usize {
    let file = object::File::parse(elf).unwrap();
    let within = |segment: &object::Segment<'_, '_>| {
        (segment.address()..segment.address() + segment.size()).contains(&address)
    };
    let segment = file.segments().find(within).unwrap();
    (segment.file_range().0 + address - segment.address()) as usize
}

#[test]
fn the_standard_allocator() {
    let standard = "lead to the standard library's";
    for flags in [
        "-g",
        "-C opt-level=3",
        "-C opt-level=3 -C codegen-units=1 -C panic=abort",
        "-C opt-level=3 -C force-frame-pointers=yes",
        "-C strip=symbols",
        "-C opt-level=3 -C strip=symbols",
        "-C strip=symbols -C force-frame-pointers=yes",
        "-C opt-level=3 -C relocation-model=static",
    ] {
        if let Some((_, inspection)) = check(DEFAULT, flags, Mechanism::RustShims, standard) {
            assert_eq!(inspection.doubt, None);
            assert_eq!(inspection.home, Some(AllocatorHome::SharedLibrary));
        }
    }
}

#[test]
fn optimised_as_a_whole() {
    for flags in ["-C opt-level=3 -C lto=fat", "-C opt-level=3 -C lto=thin"] {
        check(DEFAULT, flags, Mechanism::Malloc, "the optimiser merged");
    }
}

#[test]
fn a_shared_standard_library() {
    let flags = "-C prefer-dynamic";
    check(
        DEFAULT,
        flags,
        Mechanism::Malloc,
        "no Rust allocation function is left",
    );
}

#[test]
fn an_own_allocator() {
    for flags in ["-g", "-C debuginfo=line-tables-only"] {
        let own = "are the program's own";
        if let Some((_, inspection)) = check(COUNTING, flags, Mechanism::RustShims, own) {
            assert_eq!(inspection.doubt, None);
        }
    }
}

#[test]
fn an_own_allocator_copied_into_its_callers() {
    for flags in [
        "-C opt-level=3 -g",
        "-C opt-level=3 -C debuginfo=1",
        "-C opt-level=3 -C debuginfo=line-tables-only",
    ] {
        check(COUNTING, flags, Mechanism::Malloc, "the optimiser copied");
    }
    check(
        COUNTING,
        "-C opt-level=3",
        Mechanism::Malloc,
        "not known whether the optimiser copied",
    );
    check(
        COUNTING,
        "-C strip=symbols",
        Mechanism::Malloc,
        "do not look like",
    );
}

#[test]
fn an_own_allocator_without_malloc() {
    if let Some((_, inspection)) = check(BUMP, "-g", Mechanism::RustShims, "the program's own") {
        assert_eq!(inspection.doubt, None);
    }
    let flags = "-C opt-level=3 -g";
    let own = "do not lead to malloc";
    if let Some((_, inspection)) = check(BUMP, flags, Mechanism::RustShims, own) {
        assert!(inspection.doubt.unwrap().contains("are not seen"));
    }
}

#[test]
fn a_static_executable_has_its_own_malloc() {
    let flags = "-C target-feature=+crt-static -C opt-level=3";
    let Some((program, inspection)) = check(
        DEFAULT,
        flags,
        Mechanism::RustShims,
        "lead to the standard library's",
    ) else {
        return;
    };
    assert_eq!(inspection.home, Some(AllocatorHome::Executable));
    let Some(loaded) = loaded() else { return };
    let patches = malloc_patches(&program.bytes, LoadBias(0), &loaded, TRAMPOLINES).unwrap();
    let names = witness("nm", &["--defined-only"], &program.path).unwrap_or_default();
    for write in &patches.writes {
        let address = format!("{:016x} ", write.address.0);
        let here: Vec<_> = names
            .lines()
            .filter(|line| line.starts_with(&address))
            .collect();
        let c = |line: &&str| {
            Function::ALL
                .iter()
                .skip(4)
                .any(|function| line.ends_with(&format!(" {}", function.name())))
        };
        assert!(names.is_empty() || here.iter().any(c), "{here:?}");
    }
    // aligned_alloc and memalign may be one.
    assert!((6..=7).contains(&patches.writes.len()));
}

#[test]
fn what_is_no_executable() {
    let none = |bytes: &[u8], why: &str| {
        let inspection = inspect(bytes);
        assert_eq!(inspection.mechanism, Mechanism::None);
        assert!(inspection.why.contains(why), "{inspection:?}");
    };
    none(
        b"",
        "expected the program or library to be a 64-bit x86-64 ELF file",
    );
    none(b"#!/bin/sh\n", "a file that is not");
    let own = fs::read(std::env::current_exe().unwrap()).unwrap();
    none(&own[..100], "a file that is not");
    let mut other = own.clone();
    other[18] = 0xb7; // The machine: AArch64.
    none(&other, "code for Aarch64");
}

#[test]
fn damaged_executables_are_inspected_to_the_end() {
    let Some(program) = compile(DEFAULT, "-C opt-level=3 -C strip=debuginfo") else {
        return;
    };
    let own = program.bytes;
    let loaded = loaded();
    // The headers, and then a byte here and there.
    let places = (0..1024).chain((1024..own.len()).step_by(own.len() / 500));
    for place in places {
        let mut damaged = own.clone();
        damaged[place] ^= 0xff;
        let inspection = inspect(&damaged);
        assert!(!inspection.why.is_empty());
        if let Some(loaded) = &loaded {
            let _ = patches(&damaged, LoadBias(0), loaded, TRAMPOLINES);
        }
    }
    for length in (0..own.len()).step_by(own.len() / 50) {
        assert!(!inspect(&own[..length]).why.is_empty());
    }
}
