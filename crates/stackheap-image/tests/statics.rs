//! Statics, thread-locals, vtables and symbols, against what the program prints and `nm` lists.

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use common::{Program, TOOLCHAINS, build, number, output_of, words};
use stackheap_image::{Image, StaticPlace, StaticVariable};
use stackheap_model::{ImageAddress, LoadBias, Region, RuntimeAddress};

/// A program with what it printed in one run.
struct Run<'a> {
    image: &'a Image<'a>,
    program: &'a Program,
    printed: Vec<Vec<String>>,
    bias: LoadBias,
}

impl Run<'_> {
    fn lines(&self, first: &str) -> Vec<&[String]> {
        let lines = self.printed.iter().filter(|line| line[0] == first);
        let found: Vec<&[String]> = lines.map(|line| &line[1..]).collect();
        assert!(!found.is_empty(), "the program prints {first}");
        found
    }

    fn image_address(&self, printed: &str) -> ImageAddress {
        self.bias.to_image(RuntimeAddress(number(printed)))
    }

    fn statics(&self) -> BTreeMap<String, StaticVariable> {
        let own = self.program.is_own();
        let statics = self.image.statics(Some(&own));
        statics
            .into_iter()
            .map(|variable| (variable.name.to_string(), variable))
            .collect()
    }
}

fn check_all(check: fn(&Run<'_>)) {
    for toolchain in TOOLCHAINS {
        let Some(program) = build("statics.rs", toolchain) else {
            continue;
        };
        eprintln!("with {}", toolchain.name);
        let image = Image::parse(&program.data).expect("the program is readable");
        let printed = program.run();
        // The load bias by a witness of its own: the address that `nm` has for a symbol.
        let Some(symbols) = nm(&program, &[]) else {
            return;
        };
        let anchor = symbols
            .iter()
            .find(|line| line.last().is_some_and(|name| name == "ANCHOR"));
        let linked = number(&format!("0x{}", anchor.expect("nm lists ANCHOR")[0]));
        let runs_at = number(&printed[0][2]);
        let bias = LoadBias(runs_at.wrapping_sub(linked));
        check(&Run {
            image: &image,
            program: &program,
            printed,
            bias,
        });
    }
}

fn nm(program: &Program, arguments: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("nm");
    command.args(arguments).arg(&program.path);
    output_of(command).map(|text| words(&text))
}

#[test]
fn statics_lie_where_the_program_prints() {
    check_all(|run| {
        let statics = run.statics();
        for line in run.lines("static") {
            let variable = &statics[&format!("demo::{}", line[0])];
            let expect = StaticPlace::Address(run.image_address(&line[1]));
            assert_eq!(variable.place, expect, "{}", line[0]);
            assert_eq!(run.image.ty(variable.ty).name.replace(' ', ""), line[2]);
            assert_eq!(variable.writable, line[3] == "writable", "{}", line[0]);
            let declared = variable.declared.as_ref().unwrap();
            let name = line[0].rsplit("::").next().unwrap();
            let text = if name == "BUFFER" {
                "static mut BUFFER".into()
            } else {
                format!("static {name}:")
            };
            assert_eq!(declared.line, run.program.line_of(&text));
            assert_eq!(std::path::Path::new(&*declared.file), run.program.source);
        }
        assert!(
            !statics.contains_key("demo::UNUSED"),
            "the linker threw it away"
        );
    });
}

#[test]
fn thread_locals_lie_where_the_program_prints() {
    check_all(|run| {
        let statics = run.statics();
        let thread_pointer = number(&run.lines("thread")[0][0]);
        let place = |name: &str| match statics[&format!("demo::{name}")].place {
            StaticPlace::ThreadLocal {
                from_thread_pointer,
                ..
            } => thread_pointer.wrapping_add_signed(from_thread_pointer),
            other => panic!("{name}: {other:?}"),
        };
        let plain = run.lines("local")[0];
        assert_eq!(place("PLAIN"), number(&plain[1]));
        // The value lies inside the storage that the macro makes.
        let lazy = &statics["demo::LAZY"];
        let size = run.image.ty(lazy.ty).size.unwrap();
        let at = place("LAZY");
        assert!((at..at + size).contains(&number(&run.lines("lazy")[0][1])));
        assert!(
            !statics.contains_key("demo::NEVER"),
            "the linker threw it away"
        );
    });
}

#[test]
fn static_bytes_are_as_the_loader_leaves_them() {
    check_all(|run| {
        let statics = run.statics();
        let read = |name: &str, len: usize| {
            let StaticPlace::Address(at) = statics[name].place else {
                panic!("{name} has an address")
            };
            run.image.read_static(at, len, run.bias).unwrap()
        };
        assert_eq!(
            read("demo::ANCHOR", 8),
            0x1122_3344_5566_7788u64.to_le_bytes()
        );
        assert_eq!(read("demo::COUNTER", 4), [3, 0, 0, 0]);
        assert_eq!(
            read("demo::BUFFER", 64),
            [0; 64],
            "what has no bytes in the file is zero"
        );
        let names = read("demo::NAMES", 32);
        let word = |at: usize| u64::from_le_bytes(names[at..at + 8].try_into().unwrap());
        let text = run.lines("text")[0];
        assert_eq!(word(16), number(&text[0]), "a pointer is moved by the bias");
        assert_eq!(word(24), number(&text[1]));
        let at = run.image_address(&text[0]);
        assert_eq!(run.image.read_static(at, 6, run.bias).unwrap(), b"second");
        assert_eq!(run.image.section_kind_at(at), Some(Region::Rodata));
        // A read that begins or ends inside a moved pointer has the same bytes.
        let StaticPlace::Address(names_at) = statics["demo::NAMES"].place else {
            unreachable!()
        };
        for (from, to) in [(3usize, 9usize), (17, 22), (0, 1), (15, 32)] {
            let at = ImageAddress(names_at.0 + from as u64);
            assert_eq!(
                run.image.read_static(at, to - from, run.bias).unwrap(),
                names[from..to]
            );
        }
        assert_eq!(
            run.image
                .read_static(ImageAddress(u64::MAX - 3), 8, run.bias),
            None
        );
        assert_eq!(run.image.read_static(names_at, usize::MAX, run.bias), None);
    });
}

#[test]
fn vtables_name_the_concrete_type() {
    check_all(|run| {
        for line in run.lines("vtable") {
            let at = run.image_address(&line[1]);
            let vtable = run
                .image
                .vtable_at(at)
                .unwrap_or_else(|| panic!("{} has a vtable", line[0]));
            assert_eq!(*vtable.name, format!("{} as demo::shapes::Shape", line[0]));
            assert_eq!(vtable.trait_name.as_deref(), Some("demo::shapes::Shape"));
            let concrete = run.image.ty(vtable.concrete);
            assert_eq!(*concrete.name, line[0]);
            // The table's second and third word are the size and the alignment.
            let bytes = run
                .image
                .read_static(at, vtable.size as usize, run.bias)
                .unwrap();
            let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
            assert_eq!(
                (Some(word(8)), Some(word(16))),
                (concrete.size, concrete.align)
            );
            let method = run.bias.to_image(RuntimeAddress(word(24)));
            let name = run.image.function_name_at(method).unwrap();
            assert_eq!(*name, format!("<{} as demo::shapes::Shape>::area", line[0]));
            assert_eq!(run.image.vtable_at(ImageAddress(at.0 + 8)), None);
        }
    });
}

#[test]
fn symbols_are_those_nm_lists() {
    check_all(|run| {
        let Some(listed) = nm(run.program, &["-S", "--defined-only"]) else {
            return;
        };
        let mut compared = 0;
        for line in &listed {
            let [address, size, kind, name] = line.as_slice() else {
                continue;
            };
            // Thread-locals have offsets in place of addresses.
            if !"tTdDrRbB".contains(kind.as_str()) || name.contains('@') {
                continue;
            }
            let at = ImageAddress(number(&format!("0x{address}")));
            let Some(Region::Code | Region::Rodata | Region::Static) =
                run.image.section_kind_at(at)
            else {
                continue;
            };
            let size = number(&format!("0x{size}"));
            let same = run.image.symbols().iter().any(|symbol| {
                (symbol.address, symbol.size, &*symbol.linkage_name) == (at, size, name.as_str())
            });
            assert!(same, "{line:?}");
            assert_eq!(run.image.symbol_at(at).unwrap().address, at);
            compared += 1;
        }
        assert!(compared > 500, "{compared} symbols were compared");
    });
}

#[test]
fn symbols_are_found_by_name() {
    check_all(|run| {
        let alloc = run
            .image
            .symbol_named("__rustc::__rust_alloc")
            .expect("the allocator's symbol");
        assert!(alloc.is_function);
        assert!(alloc.linkage_name.contains("__rust_alloc"));
        assert_eq!(
            run.image.symbol_named(&alloc.linkage_name),
            Some(alloc.clone())
        );
        assert_eq!(
            run.image
                .symbol_at(ImageAddress(alloc.address.0))
                .unwrap()
                .address,
            alloc.address
        );
        let main = run.image.symbol_named("demo::main").unwrap();
        assert_eq!(
            &*run.image.function_name_at(main.address).unwrap(),
            "demo::main"
        );
        assert_eq!(run.image.symbol_named("demo::missing"), None);
        assert_eq!(
            run.image.symbol_named("ust_alloc"),
            None,
            "a part of a name is not the name"
        );
        assert_eq!(run.image.symbol_named(""), None);
    });
}

#[test]
fn functions_of_the_standard_library_have_paths() {
    check_all(|run| {
        let panic = run
            .image
            .symbol_named("core::panicking::panic_fmt")
            .unwrap();
        let inside = ImageAddress(panic.address.0 + 1);
        assert_eq!(
            &*run.image.function_name_at(inside).unwrap(),
            "core::panicking::panic_fmt"
        );
        assert_eq!(run.image.function_name_at(ImageAddress(1)), None);
    });
}
