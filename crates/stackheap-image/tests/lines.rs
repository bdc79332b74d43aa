//! Line rows, frames and inlined calls, against `objdump`, `readelf` and `addr2line`.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use common::{Program, TOOLCHAINS, build, number, output_of, words};
use stackheap_image::{Function, Image};
use stackheap_model::{CfaRule, ImageAddress};

fn check_all(check: fn(&Image<'_>, &Program, &[Function])) {
    for toolchain in TOOLCHAINS {
        let Some(program) = build("frames.rs", toolchain) else {
            continue;
        };
        eprintln!("with {}", toolchain.name);
        let image = Image::parse(&program.data).expect("the program is readable");
        let (functions, problems) = image.functions(&program.is_own());
        assert_eq!(problems, []);
        check(&image, &program, &functions);
    }
}

fn tool(name: &str, arguments: &[&str], program: &Program) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new(name);
    command.args(arguments).arg(&program.path);
    output_of(command).map(|text| words(&text))
}

fn named<'a>(functions: &'a [Function], name: &str) -> &'a Function {
    let found = functions.iter().find(|function| &*function.name == name);
    found.unwrap_or_else(|| panic!("{name} is there"))
}

#[test]
fn all_functions_of_the_program_are_found() {
    check_all(|_, program, functions| {
        let names: BTreeSet<&str> = functions.iter().map(|function| &*function.name).collect();
        let expect = [
            "<demo::Loud as core::ops::drop::Drop>::drop",
            "demo::fails",
            "demo::main",
            "demo::main::{closure#0}",
            "demo::main::{closure#1}",
            "demo::main::{closure#2}",
            "demo::marker",
            "demo::places",
            "demo::places::{closure#0}",
            "demo::places::{closure#1}",
            "demo::through_inlining",
        ];
        assert_eq!(names, BTreeSet::from(expect));
        assert_eq!(functions.len(), expect.len(), "each is there once");
        let places = named(functions, "demo::places");
        let declared = places.declared.as_ref().unwrap();
        assert_eq!(declared.line, program.line_of("fn places"));
        assert_eq!(std::path::Path::new(&*declared.file), program.source);
        let linkage = places.linkage_name.as_deref().unwrap();
        assert!(linkage.contains("places"), "{linkage}");
    });
}

#[test]
fn functions_begin_and_end_where_nm_says() {
    check_all(|_, program, functions| {
        let Some(listed) = tool("nm", &["-S"], program) else {
            return;
        };
        for function in functions {
            let linkage = function.linkage_name.as_deref().unwrap();
            let line = listed
                .iter()
                .find(|line| line.last().is_some_and(|name| name == linkage));
            let line = line.unwrap_or_else(|| panic!("{linkage} is listed"));
            let low = number(&format!("0x{}", line[0]));
            let size = number(&format!("0x{}", line[1]));
            assert_eq!(
                (function.low.0, function.high.0),
                (low, low + size),
                "{}",
                function.name
            );
        }
    });
}

#[test]
fn rows_are_those_objdump_decodes() {
    check_all(|image, program, functions| {
        let Some(decoded) = tool("objdump", &["--dwarf=decodedline"], program) else {
            return;
        };
        // File, line, address, view, and `x` for a statement. Line 0 is printed as `-`.
        let mut expect: BTreeMap<u64, BTreeSet<(u32, bool)>> = BTreeMap::new();
        for line in &decoded {
            let Some(address) = line.get(2).filter(|word| word.starts_with("0x")) else {
                continue;
            };
            let Ok(row) = line[1].parse::<u32>() else {
                continue;
            };
            let is_stmt = line.last().is_some_and(|word| word == "x");
            expect
                .entry(number(address))
                .or_default()
                .insert((row, is_stmt));
        }
        let mut compared = 0;
        for function in functions {
            let mut before = ImageAddress(0);
            for row in image.lines(function) {
                assert!(function.contains(row.address));
                assert!(before <= row.address);
                before = row.address;
                let there = expect
                    .get(&row.address.0)
                    .is_some_and(|rows| rows.contains(&(row.line, row.is_stmt)));
                assert!(there, "{row:?} of {}", function.name);
                compared += 1;
            }
            let own = image.lines(function);
            for range in &function.ranges {
                for (address, _) in expect.range(range.start.0..range.end.0) {
                    let found = own.iter().any(|row| row.address.0 == *address);
                    assert!(found, "{address:#x} of {} is missing", function.name);
                }
            }
        }
        assert!(compared > 200, "{compared} rows were compared");
    });
}

#[test]
fn rows_have_the_positions_of_the_source() {
    check_all(|image, program, functions| {
        let rows = image.lines(named(functions, "demo::through_inlining"));
        assert!(!rows.is_empty());
        assert!(rows.iter().any(|row| row.prologue_end));
        // The call itself is inlined; its rows are those of the callees.
        let inlined = program.line_of("// call of marker");
        let callee = rows
            .iter()
            .find(|row| row.line == inlined && row.column == 5);
        let callee = callee.expect("a row of the callee");
        assert_eq!(std::path::Path::new(&*callee.file), program.source);
        let places = image.lines(named(functions, "demo::places"));
        let column = places
            .iter()
            .filter(|row| row.line == program.line_of("let first = 17u64"));
        assert!(column.into_iter().all(|row| row.column == 17));
        assert!(places.iter().any(|row| row.epilogue_begin));
    });
}

#[test]
fn frames_end_where_readelf_says() {
    check_all(|image, program, functions| {
        let Some(lines) = tool(
            "readelf",
            &["--wide", "--debug-dump=frames-interp"],
            program,
        ) else {
            return;
        };
        let mut compared = 0;
        for line in &lines {
            let [address, rule, ..] = line.as_slice() else {
                continue;
            };
            let Ok(address) = u64::from_str_radix(address, 16) else {
                continue;
            };
            if line.len() < 3
                || !functions
                    .iter()
                    .any(|function| function.contains(ImageAddress(address)))
            {
                continue;
            }
            let expect = match rule.split_once('+') {
                Some(("rsp", offset)) => CfaRule::StackPointer(offset.parse().unwrap()),
                Some(("rbp", offset)) => CfaRule::FramePointer(offset.parse().unwrap()),
                _ => continue,
            };
            assert_eq!(image.cfa(ImageAddress(address)), Some(expect), "{line:?}");
            compared += 1;
        }
        assert!(compared > 20, "{compared} rules were compared");
        assert_eq!(image.cfa(ImageAddress(1)), None);
        let places = named(functions, "demo::places");
        let aligned = image
            .lines(places)
            .iter()
            .any(|row| matches!(image.cfa(row.address), Some(CfaRule::FramePointer(16))));
        assert!(
            aligned,
            "a frame with an alignment of its own counts from rbp"
        );
    });
}

/// For each address the levels that a symboliser names there, innermost first: a mangled name and
/// `file:line`.
fn levels(
    image: &Image<'_>,
    program: &Program,
    addresses: &[String],
) -> Option<BTreeMap<u64, Vec<(String, String)>>> {
    // addr2line of binutils 2.40 loses the ranges of inlined calls in DWARF 5.
    let mut command = match image.facts().dwarf_version {
        5 => Command::new("llvm-symbolizer"),
        _ => Command::new("addr2line"),
    };
    if image.facts().dwarf_version == 5 {
        command.arg("--output-style=GNU");
    }
    command
        .args(["-a", "-i", "-f", "-s", "-e"])
        .arg(&program.path)
        .args(addresses);
    let text = output_of(command)?;
    let mut levels: BTreeMap<u64, Vec<(String, String)>> = BTreeMap::new();
    let mut current = 0;
    let mut name = None;
    for line in text.lines() {
        match name.take() {
            _ if line.starts_with("0x") => current = number(line),
            None => name = Some(line.to_owned()),
            Some(name) => levels
                .entry(current)
                .or_default()
                .push((name, line.to_owned())),
        }
    }
    Some(levels)
}

#[test]
fn inlined_calls_are_those_a_symboliser_names() {
    check_all(|image, program, functions| {
        let mut compared = 0;
        for function in functions {
            let mut rows = image.lines(function);
            rows.dedup_by_key(|row| row.address);
            let addresses: Vec<String> = rows.iter().map(|row| row.address.to_string()).collect();
            let Some(levels) = levels(image, program, &addresses) else {
                return;
            };
            for row in &rows {
                let expect = &levels[&row.address.0];
                let found = image.inlined_at(function, row.address);
                assert_eq!(
                    found.len() + 1,
                    expect.len(),
                    "{} {expect:?} {found:?}",
                    row.address
                );
                for (call, outer) in found.iter().zip(&expect[1..]) {
                    let at = call.call.as_ref().unwrap();
                    let file = std::path::Path::new(&*at.file).file_name().unwrap();
                    let line = outer.1.split(" (discriminator").next().unwrap();
                    assert_eq!(
                        format!("{}:{}", file.display(), at.line),
                        line,
                        "{}",
                        call.name
                    );
                    compared += 1;
                }
            }
        }
        assert!(compared > 20, "{compared} calls were compared");
    });
}

#[test]
fn inlined_calls_have_the_positions_of_the_source() {
    check_all(|image, program, functions| {
        let function = named(functions, "demo::through_inlining");
        let call = program.line_of("// call of marker");
        let row = image
            .lines(function)
            .into_iter()
            .find(|row| row.line == call);
        let calls = image.inlined_at(function, row.unwrap().address);
        let names: Vec<&str> = calls.iter().map(|call| &*call.name).collect();
        assert_eq!(names, ["demo::inner", "demo::outer"]);
        let lines: Vec<u32> = calls
            .iter()
            .map(|call| call.call.as_ref().unwrap().line)
            .collect();
        assert_eq!(
            lines,
            [
                program.line_of("// call of inner"),
                program.line_of("// call of outer")
            ]
        );
        assert_eq!(calls[1].call.as_ref().unwrap().column, Some(5));
    });
}
