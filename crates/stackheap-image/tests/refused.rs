//! What is refused, and with which words.

mod common;

use std::borrow::Cow;
use std::process::Command;

use common::{STABLE, Toolchain, build};
use stackheap_image::{Image, ImageError, decompressed};

fn refused(data: &[u8]) -> ImageError {
    let error = Image::parse(data).expect_err("it is refused");
    let message = error.to_string();
    assert!(
        message.contains("; "),
        "what to do stands behind a semicolon: {message}"
    );
    assert!(message.len() < 300, "{message}");
    error
}

/// A program of `tests/sources` with options of its own.
fn with(name: &'static str, arguments: &'static [&'static str]) -> Vec<u8> {
    build("coroutines.rs", Toolchain { name, arguments })
        .expect("the stable toolchain")
        .data
        .clone()
}

#[test]
fn files_that_are_no_executables() {
    assert_eq!(
        refused(b"#!/bin/sh\n"),
        ImageError::NotElf {
            magic: b"#!/b".to_vec()
        }
    );
    assert_eq!(refused(b""), ImageError::NotElf { magic: Vec::new() });
    assert!(matches!(refused(b"\x7fELF"), ImageError::Damaged { .. }));
    let whole = build("coroutines.rs", STABLE).unwrap().data.clone();
    let patched = |at: usize, byte: u8| {
        let mut data = whole.clone();
        data[at] = byte;
        refused(&data)
    };
    assert_eq!(patched(4, 1), ImageError::NotSixtyFourBit);
    assert_eq!(
        patched(18, 183),
        ImageError::OtherMachine {
            machine: "AArch64".to_owned()
        }
    );
    assert!(matches!(patched(5, 2), ImageError::OtherMachine { .. }));
    assert_eq!(
        patched(16, 1),
        ImageError::NotExecutable {
            kind: "an object file"
        }
    );
    assert_eq!(
        patched(16, 4),
        ImageError::NotExecutable {
            kind: "a core dump"
        }
    );
    let library = with("library", &["-g", "--crate-type=cdylib"]);
    assert_eq!(
        refused(&library),
        ImageError::NotExecutable {
            kind: "a shared library"
        }
    );
}

#[test]
fn executables_without_usable_debug_information() {
    assert_eq!(
        refused(&with("stripped", &["-g", "-Cstrip=symbols"])),
        ImageError::Stripped
    );
    assert_eq!(
        refused(&with("no debug", &["-Cstrip=debuginfo"])),
        ImageError::NoDebugInfo
    );
    assert_eq!(
        refused(&with("lines only", &["-Cdebuginfo=line-tables-only"])),
        ImageError::LineTablesOnly
    );
    assert_eq!(
        refused(&with("without -g", &["-Cdebuginfo=0"])),
        ImageError::NoDebugInfo
    );
}

#[test]
fn debug_information_in_other_forms() {
    let zlib = with(
        "zlib",
        &["-g", "-Clink-arg=-Wl,--compress-debug-sections=zlib"],
    );
    let ImageError::CompressedDebugInfo { section, format } = refused(&zlib) else {
        panic!("it is compressed");
    };
    assert!(section.starts_with(".debug_"), "{section}");
    assert_eq!(format, "zlib");
    let mut damaged = zlib.clone();
    let stream = zlib.windows(26).position(is_zlib_section);
    let stream = stream.expect("a compressed section") + 26;
    damaged[stream..stream + 64].fill(0xff);
    let Err(ImageError::CompressedDebugInfo { format, .. }) = decompressed(&damaged) else {
        panic!("it is damaged");
    };
    assert_eq!(format, "zlib, and damaged");
    for (name, arguments) in [
        ("unpacked", &["-g", "-Csplit-debuginfo=unpacked"] as &[&str]),
        ("packed", &["-g", "-Csplit-debuginfo=packed"]),
        (
            "unpacked 5",
            &["-g", "-Csplit-debuginfo=unpacked", "-Cdwarf-version=5"],
        ),
    ] {
        let ImageError::SplitDebugInfo { file } = refused(&with(name, arguments)) else {
            panic!("{name} is split");
        };
        assert!(file.expect("a file is named").ends_with(".dwo"), "{name}");
    }
}

/// Whether these bytes begin a section that is compressed by zlib: the kind, 0, the size, the
/// alignment, and the head of the stream.
fn is_zlib_section(bytes: &[u8]) -> bool {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    word(0) == 1 && word(8) > 1000 && [1, 8].contains(&word(16)) && bytes[24] == 0x78
}

/// The linker leaves the same program, but for the debug sections.
#[test]
fn compressed_debug_sections_are_read_as_the_others() {
    // Names of one length: they are a part of the path, which lies in the program before its code.
    let plain = with("none", &["-g"]);
    let told = |data: &[u8], name: &str| {
        let image = Image::parse(data).expect("an executable");
        let (functions, problems) = image.functions(&|path| path.ends_with("coroutines.rs"));
        assert!(functions.len() > 3 && problems.is_empty());
        let variables: Vec<_> = functions.iter().map(|f| image.variables(f)).collect();
        let lines: Vec<_> = functions.iter().map(|f| image.lines(f)).collect();
        let told = format!("{functions:?}\n{variables:?}\n{lines:?}");
        // The directory of the source.
        told.replace(&format!("coroutines.rs-{name}"), "")
    };
    assert!(matches!(decompressed(&plain), Ok(Cow::Borrowed(_))));
    let expected = told(&plain, "none");
    for (name, arguments) in [
        (
            "zlib",
            &["-g", "-Clink-arg=-Wl,--compress-debug-sections=zlib"] as &[&str],
        ),
        (
            "zstd",
            &["-g", "-Clink-arg=-Wl,--compress-debug-sections=zstd"],
        ),
    ] {
        let small = with(name, arguments);
        assert!(small.len() < plain.len() / 2, "{name}: {}", small.len());
        let large = decompressed(&small).expect("it is compressed well");
        assert!(told(&large, name) == expected, "{name}");
    }
}

#[test]
fn programs_of_another_language() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("c");
    std::fs::create_dir_all(&directory).unwrap();
    let source = directory.join("program.c");
    let path = directory.join("program");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let status = Command::new("cc")
        .arg("-g")
        .arg("-o")
        .args([&path, &source])
        .status();
    if !status.is_ok_and(|status| status.success()) {
        common::skip::skip("cc does not run");
        return;
    }
    let ImageError::NotRust { producer } = refused(&std::fs::read(&path).unwrap()) else {
        panic!("it is C");
    };
    assert!(producer.is_some_and(|producer| !producer.is_empty()));
}

#[test]
fn facts_are_those_of_the_build() {
    let dynamic = build("coroutines.rs", STABLE).unwrap();
    let facts = Image::parse(&dynamic.data).unwrap().facts().clone();
    assert!(facts.position_independent && facts.has_eh_frame);
    assert_eq!(
        facts.interpreter.as_deref(),
        Some("/lib64/ld-linux-x86-64.so.2")
    );
    assert!(
        facts.needed.iter().any(|library| library == "libc.so.6"),
        "{:?}",
        facts.needed
    );
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc).arg("-V").output().unwrap().stdout;
    let version = String::from_utf8(version)
        .unwrap()
        .trim()
        .replacen("rustc", "rustc version", 1);
    assert_eq!(facts.compiler, Some(version));
    let fixed = build(
        "coroutines.rs",
        Toolchain {
            name: "static",
            arguments: &["-g", "-Crelocation-model=static"],
        },
    );
    let facts = Image::parse(&fixed.unwrap().data).unwrap().facts().clone();
    assert!(!facts.position_independent);
    assert!(facts.text.iter().any(|range| range.contains(&facts.entry)));
    assert!(
        facts
            .text
            .iter()
            .all(|range| { facts.loaded.start <= range.start && range.end <= facts.loaded.end })
    );
}
