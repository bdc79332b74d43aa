//! Decoding against an independent witness: a program that prints its own values with `{:?}`, their
//! addresses and the heap blocks they own, and then waits while this test reads its memory.

mod values_support;

use std::collections::HashMap;
use std::sync::Arc;

use stackheap_interpret::values::{
    Contents, Decoded, Decoder, Fits, Limits, Memory, Pointer, Recipes, TypeSource,
};
use stackheap_model::{CellKind, EdgeKind, RuntimeAddress, TypeId, TypeKind, Unknown};
use values_support::{ImageTypes, Line, Toolchain, Witness, with_witness};

/// Limits that cut nothing, so that texts can be compared whole.
fn all() -> Limits {
    Limits {
        text: 100_000,
        elements: 100_000,
        cells: 100_000,
        pointers: 100_000,
        depth: 8,
        nodes: 5_000,
    }
}

fn each_toolchain(test: impl Fn(&Witness, &ImageTypes<'_>)) {
    for toolchain in [Toolchain::Default, Toolchain::Nightly] {
        with_witness(toolchain, &test);
    }
}

struct Value {
    name: String,
    at: RuntimeAddress,
    size: u64,
    text: String,
}

fn values(witness: &Witness) -> Vec<Value> {
    let parse = |line: &Line| {
        let [name, at, size, text] = line.fields.as_slice() else {
            panic!("{line:?}")
        };
        let (name, text) = (name.clone(), text.clone());
        Value {
            name,
            at: values_support::address(at),
            size: size.parse().unwrap(),
            text,
        }
    };
    witness
        .lines
        .iter()
        .filter(|line| line.kind == "value")
        .map(parse)
        .collect()
}

#[test]
fn texts_are_what_the_program_prints() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        let mut wrong = Vec::new();
        let values = values(witness);
        for value in &values {
            let decoded = decoder.decode(witness.type_of(&value.name), value.at);
            let text = match &decoded.value.text {
                Ok(text) => text.to_string(),
                Err(unknown) => format!("unknown: {}", unknown.reason),
            };
            if text != value.text {
                wrong.push(format!(
                    "{}:\n  printed {}\n  decoded {text}",
                    value.name, value.text
                ));
            }
            let misfit = decoded
                .value
                .facts
                .iter()
                .find(|(name, _)| &**name == "recipe");
            wrong.extend(misfit.map(|(_, text)| format!("{}: {text}", value.name)));
        }
        assert!(values.len() > 250, "only {} values", values.len());
        assert!(
            wrong.is_empty(),
            "{} of {}:\n{}",
            wrong.len(),
            values.len(),
            wrong.join("\n")
        );
    });
}

#[test]
fn texts_are_cut_at_the_limit_with_an_ellipsis() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, Limits::default());
        let mut cut = 0;
        for value in values(witness) {
            let decoded = decoder.decode(witness.type_of(&value.name), value.at);
            let Ok(text) = &decoded.value.text else {
                continue;
            };
            let shown: String = if value.text.chars().count() > 200 {
                cut += 1;
                value.text.chars().take(199).chain(['…']).collect()
            } else {
                value.text
            };
            assert_eq!(**text, *shown, "{}", value.name);
        }
        assert!(cut > 4, "{cut} long texts");
    });
}

#[test]
fn cells_cover_exactly_the_bytes_of_a_value() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        for value in values(witness) {
            let decoded = decoder.decode(witness.type_of(&value.name), value.at);
            assert_covered(&value.name, &decoded, value.size);
            let few = Limits { cells: 3, ..all() };
            let decoded =
                Decoder::new(types, witness, few).decode(witness.type_of(&value.name), value.at);
            assert!(decoded.cells.len() <= 3, "{}", value.name);
            assert_covered(&value.name, &decoded, value.size);
        }
    });
}

fn assert_covered(name: &str, decoded: &Decoded, size: u64) {
    let mut covered = 0;
    for cell in &decoded.cells {
        assert_eq!(cell.offset, covered, "{name}: {:?}", decoded.cells);
        assert!(cell.size > 0, "{name}: an empty cell");
        covered += cell.size;
    }
    assert_eq!(covered, size, "{name}: {:?}", decoded.cells);
}

#[test]
fn owners_lead_to_the_blocks_the_program_has() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        let places: HashMap<String, RuntimeAddress> = values(witness)
            .into_iter()
            .map(|value| (value.name, value.at))
            .collect();
        let mut wrong = Vec::new();
        let mut count = 0;
        for line in witness.lines.iter().filter(|line| line.kind == "block") {
            let [name, kind, start, size] = line.fields.as_slice() else {
                panic!("{line:?}")
            };
            count += 1;
            let kind = match kind.as_str() {
                "shares" => EdgeKind::Shares,
                "weak" => EdgeKind::Weak,
                _ => EdgeKind::Owns,
            };
            let expected = (
                kind,
                values_support::address(start),
                Some(size.parse::<u64>().unwrap()),
            );
            let decoded = decoder.decode(witness.type_of(name), places[name]);
            let found: Vec<_> = owners(&decoded)
                .filter_map(|pointer| {
                    let block = pointer.allocation.as_ref()?;
                    Some((pointer.kind, block.start, block.size))
                })
                .collect();
            if found != [expected] {
                wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
            }
        }
        for line in witness.lines.iter().filter(|line| line.kind == "no-block") {
            let name = &line.fields[0];
            count += 1;
            let decoded = decoder.decode(witness.type_of(name), places[name]);
            if let Some(owner) = owners(&decoded).next() {
                wrong.push(format!("{name}: expected no block, found {owner:?}"));
            }
        }
        assert!(count > 50, "only {count} blocks");
        assert!(
            wrong.is_empty(),
            "{} of {count}:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    });
}

fn owners(decoded: &Decoded) -> impl Iterator<Item = &Pointer> {
    decoded
        .pointers
        .iter()
        .filter(|pointer| pointer.allocation.is_some())
}

#[test]
fn pointers_lie_where_they_say() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        let mut count = 0;
        for value in values(witness) {
            let decoded = decoder.decode(witness.type_of(&value.name), value.at);
            for pointer in &decoded.pointers {
                let offset = pointer.offset.unwrap();
                assert!(offset + 8 <= value.size, "{}: {pointer:?}", value.name);
                assert_eq!(pointer.at, Some(value.at.offset(offset)), "{}", value.name);
                // The tagged word of an error is the one pointer that is not stored as such.
                if !pointer.path.ends_with("repr") {
                    assert_eq!(
                        witness.word(value.at.offset(offset)),
                        stored(pointer),
                        "{}: {pointer:?}",
                        value.name
                    );
                }
                count += 1;
            }
        }
        assert!(count > 150, "only {count} pointers");
    });
}

/// What is stored at a pointer's place; an iterator's block pointer is stored, not its position.
fn stored(pointer: &Pointer) -> u64 {
    match &pointer.allocation {
        Some(block) if matches!(block.contents, Contents::Elements { first, .. } if first > 0) => {
            block.start.0
        }
        _ => pointer.target.0,
    }
}

#[test]
fn facts_are_what_the_program_says() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        let places: HashMap<String, RuntimeAddress> = values(witness)
            .into_iter()
            .map(|value| (value.name, value.at))
            .collect();
        let mut wrong = Vec::new();
        for line in witness.lines.iter().filter(|line| line.kind == "fact") {
            let [name, fact, text] = line.fields.as_slice() else {
                panic!("{line:?}")
            };
            let decoded = decoder.decode(witness.type_of(name), places[name]);
            let found = decoded
                .value
                .facts
                .iter()
                .find(|(found, _)| **found == **fact);
            if found.map(|(_, found)| &**found) != Some(text) {
                wrong.push(format!(
                    "{name}: {fact} is {text}, found {:?}",
                    decoded.value.facts
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn coroutines_tell_where_they_wait() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        for line in witness.lines.iter().filter(|line| line.kind == "future") {
            let [name, at, state] = line.fields.as_slice() else {
                panic!("{line:?}")
            };
            let at = values_support::address(at);
            let decoded = decoder.decode(witness.type_of(name), at);
            let text = decoded.value.text.as_deref().unwrap();
            assert!(text.starts_with(state.as_str()), "{name}: {text}");
            let inner = &decoded.value.fields[0].value;
            let fact = inner
                .facts
                .iter()
                .find(|(name, _)| &**name == "state")
                .unwrap();
            let line = |n| witness.await_line(n);
            let expected = match state.as_str() {
                "Suspend0" => format!("suspended at line {}", line(0)),
                "Suspend1" => format!("suspended at line {}", line(1)),
                _ => "finished".to_owned(),
            };
            assert_eq!(*fact.1, *expected, "{name}");
            if let Some(rest) = state.strip_prefix("Suspend") {
                assert!(
                    text.contains(&format!("name: \"f{}\"", rest.parse::<u8>().unwrap() + 1))
                        || text.contains("name: \"fd\""),
                    "{name}: {text}"
                );
            }
        }
    });
}

#[test]
fn every_block_of_every_value_can_be_decoded() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        let mut blocks = 0;
        for value in values(witness) {
            let decoded = decoder.decode(witness.type_of(&value.name), value.at);
            let mut open: Vec<Pointer> = decoded.pointers;
            let mut seen = std::collections::HashSet::new();
            while let Some(pointer) = open.pop() {
                let Some(block) = pointer.allocation else {
                    continue;
                };
                if !seen.insert(block.start) {
                    continue;
                }
                blocks += 1;
                let decoded = decoder.decode_contents(&block.contents, block.start, block.size);
                let name = format!("{} {}", value.name, pointer.path);
                assert!(block.size.is_some(), "{name}: {block:?}");
                assert_covered(&name, &decoded, block.size.unwrap());
                assert!(decoded.value.text.is_ok(), "{name}: {:?}", decoded.value);
                for inner in &decoded.pointers {
                    let at = inner.at.unwrap();
                    let offset = inner.offset.unwrap();
                    assert_eq!(at, block.start.offset(offset), "{name}: {inner:?}");
                    assert_eq!(witness.word(at), stored(inner), "{name}: {inner:?}");
                }
                open.extend(decoded.pointers);
            }
        }
        assert!(blocks > 300, "only {blocks} blocks");
    });
}

#[test]
fn the_blocks_of_collections_show_all_of_their_elements() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        for (name, count) in [
            ("btree_map_large", 500),
            ("hash_map_large", 1000),
            ("linked", 3),
            ("btree_map_drained", 100),
        ] {
            let value = values(witness)
                .into_iter()
                .find(|value| value.name == name)
                .unwrap();
            let mut open = decoder.decode(witness.type_of(name), value.at).pointers;
            let mut found = 0;
            while let Some(pointer) = open.pop() {
                let Some(block) = pointer.allocation else {
                    continue;
                };
                if !matches!(
                    block.contents,
                    Contents::Table(_) | Contents::TreeNode { .. } | Contents::ChainNode(_)
                ) {
                    continue;
                }
                let decoded = decoder.decode_contents(&block.contents, block.start, block.size);
                found += match block.contents {
                    Contents::ChainNode(_) => 1,
                    _ => decoded.value.fields.len(),
                };
                open.extend(decoded.pointers);
            }
            assert_eq!(found, count, "{name}");
        }
    });
}

#[test]
fn counts_are_named_in_their_block() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        for (name, value) in [
            ("rc", "value"),
            ("arc", "data.ptr"),
            ("dyn_rc", "value.radius"),
        ] {
            let place = values(witness)
                .into_iter()
                .find(|value| value.name == name)
                .unwrap();
            let decoded = decoder.decode(witness.type_of(name), place.at);
            let block = owners(&decoded).next().unwrap().allocation.clone().unwrap();
            let block = decoder.decode_contents(&block.contents, block.start, block.size);
            let labels: Vec<&str> = block.cells.iter().map(|cell| &*cell.label).collect();
            assert_eq!(labels[..2], ["strong", "weak"], "{name}");
            assert!(labels.contains(&value), "{name}: {labels:?}");
        }
    });
}

#[test]
fn headers_have_the_names_that_are_taught() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        let labels = |name: &str| {
            let value = values(witness)
                .into_iter()
                .find(|value| value.name == name)
                .unwrap();
            let decoded = decoder.decode(witness.type_of(name), value.at);
            let mut labels: Vec<(String, CellKind)> = decoded
                .cells
                .iter()
                .map(|cell| (cell.label.to_string(), cell.kind))
                .collect();
            labels.sort_by(|a, b| a.0.cmp(&b.0));
            labels
        };
        let expect = |name: &str, expected: &[(&str, CellKind)]| {
            let expected: Vec<(String, CellKind)> = expected
                .iter()
                .map(|(label, kind)| ((*label).to_owned(), *kind))
                .collect();
            assert_eq!(labels(name), expected, "{name}");
        };
        use CellKind::{Length, Padding, Pointer, Scalar, Tag, Vtable};
        expect(
            "string",
            &[("cap", Length), ("len", Length), ("ptr", Pointer)],
        );
        expect(
            "vec_",
            &[("cap", Length), ("len", Length), ("ptr", Pointer)],
        );
        expect("str_", &[("len", Length), ("ptr", Pointer)]);
        expect("dyn_box", &[("ptr", Pointer), ("vtable", Vtable)]);
        expect("rc", &[("ptr", Pointer)]);
        expect("rc_str", &[("len", Length), ("ptr", Pointer)]);
        expect("u32_", &[("", Scalar)]);
        expect("nonzero", &[("", Scalar)]);
        expect(
            "padded",
            &[
                ("a", Scalar),
                ("b", Scalar),
                ("c", Scalar),
                ("padding", Padding),
                ("padding", Padding),
            ],
        );
        expect("color", &[("", Tag)]);
        expect("some", &[("", Scalar), ("tag", Tag)]);
        expect("none", &[("tag", Tag), ("unused", Padding)]);
        expect(
            "some_string",
            &[("cap", Length), ("len", Length), ("ptr", Pointer)],
        );
        expect("none_string", &[("tag", Tag), ("unused", Padding)]);
        expect(
            "ref_cell_shared",
            &[("padding", Padding), ("state", Scalar), ("value", Scalar)],
        );
        expect(
            "mutex_locked",
            &[
                ("data", Scalar),
                ("padding", Padding),
                ("poisoned", Scalar),
                ("state", Scalar),
            ],
        );
        expect(
            "once_lock_full",
            &[
                ("padding", Padding),
                ("state", Scalar),
                ("value.cap", Length),
                ("value.len", Length),
                ("value.ptr", Pointer),
            ],
        );
        expect(
            "deque",
            &[
                ("cap", Length),
                ("head", Length),
                ("len", Length),
                ("ptr", Pointer),
            ],
        );
        expect(
            "pair",
            &[
                ("0", Scalar),
                ("1.cap", Length),
                ("1.len", Length),
                ("1.ptr", Pointer),
                ("padding", Padding),
            ],
        );
    });
}

/// Memory that is not what the types say.
enum Noise {
    Zeros,
    Ones,
    Random,
    Missing,
}

impl Memory for Noise {
    fn read(&self, at: RuntimeAddress, len: usize) -> Result<Vec<u8>, Unknown> {
        // Reads of garbage lengths are asked for; nobody gives that much.
        if len > 1 << 20 {
            return Err(Unknown::because("more than there is"));
        }
        match self {
            Self::Zeros => Ok(vec![0; len]),
            Self::Ones => Ok(vec![0xff; len]),
            Self::Missing => Err(Unknown::because("not captured")),
            Self::Random => Ok((0..len as u64)
                .map(|offset| {
                    let mut x = at.0.wrapping_add(offset) | 1;
                    for _ in 0..3 {
                        x ^= x << 13;
                        x ^= x >> 7;
                        x ^= x << 17;
                    }
                    (x >> 24) as u8
                })
                .collect()),
        }
    }
}

/// All types that the types of the program's locals lead to.
fn reachable(witness: &Witness, types: &ImageTypes<'_>) -> Vec<TypeId> {
    let mut open: Vec<TypeId> = witness.all_types();
    let mut seen: std::collections::HashSet<TypeId> = open.iter().copied().collect();
    let mut found = Vec::new();
    while let Some(id) = open.pop() {
        found.push(id);
        let ty = types.ty(id);
        let next: Vec<TypeId> = match &ty.kind {
            TypeKind::Struct { fields, .. } | TypeKind::Union { fields, .. } => {
                fields.iter().map(|field| field.ty).collect()
            }
            TypeKind::Enum { variants, .. } => variants.iter().map(|v| v.payload).collect(),
            TypeKind::Array { element, .. } => vec![*element],
            TypeKind::Pointer { target, .. } | TypeKind::WidePointer { target, .. } => {
                vec![*target]
            }
            _ => Vec::new(),
        };
        open.extend(next.into_iter().filter(|id| seen.insert(*id)));
    }
    found
}

#[test]
fn garbage_is_decoded_without_panic_and_within_bounds() {
    each_toolchain(|witness, types| {
        let reachable = reachable(witness, types);
        assert!(reachable.len() > 500, "{}", reachable.len());
        for noise in [Noise::Zeros, Noise::Ones, Noise::Random, Noise::Missing] {
            let decoder = Decoder::new(types, &noise, Limits::default());
            for id in &reachable {
                let ty = types.ty(*id);
                let decoded = decoder.decode(*id, RuntimeAddress(0x7000_1234_5678));
                if let Some(size) = ty.size {
                    assert_covered(&ty.name, &decoded, size);
                }
                if let Ok(text) = &decoded.value.text {
                    assert!(text.chars().count() <= 200, "{}: {text}", ty.name);
                }
                assert!(decoded.cells.len() <= 256 && decoded.pointers.len() <= 1024);
                for pointer in decoded.pointers.iter().take(20) {
                    let Some(block) = &pointer.allocation else {
                        continue;
                    };
                    let size = block.size.unwrap_or(48).min(4096);
                    let inner = decoder.decode_contents(&block.contents, block.start, Some(size));
                    assert_covered(&ty.name, &inner, size);
                }
                decoder.decode_bytes(*id, &[0x5a; 3]);
            }
        }
    });
}

#[test]
fn what_cannot_be_read_is_unknown_with_the_reason() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, &Noise::Missing, Limits::default());
        for name in [
            "u32_", "string", "vec_", "rc", "hash_map", "point", "some", "dyn_box", "mutex",
        ] {
            let decoded = decoder.decode(witness.type_of(name), RuntimeAddress(4096));
            assert_eq!(
                decoded.value.text,
                Err(Unknown::because("not captured")),
                "{name}"
            );
        }
    });
}

#[test]
fn values_outside_of_memory_are_decoded_from_their_bytes() {
    each_toolchain(|witness, types| {
        let decoder = Decoder::new(types, witness, all());
        for name in [
            "u32_", "str_", "string", "vec_", "rc", "point", "some", "boxed", "tuple2",
        ] {
            let value = values(witness)
                .into_iter()
                .find(|value| value.name == name)
                .unwrap();
            let bytes = witness.read(value.at, value.size as usize).unwrap();
            let decoded = decoder.decode_bytes(witness.type_of(name), &bytes);
            assert_eq!(decoded.value.text.as_deref(), Ok(&*value.text), "{name}");
            let in_memory = decoder.decode(witness.type_of(name), value.at);
            assert_eq!(decoded.cells, in_memory.cells, "{name}");
            assert!(
                decoded.pointers.iter().all(|pointer| pointer.at.is_none()),
                "{name}"
            );
            assert_eq!(decoded.pointers.len(), in_memory.pointers.len(), "{name}");
        }
    });
}

#[test]
fn a_recipe_that_does_not_fit_shows_the_structure() {
    let text = r#"
        [[recipe]]
        types = ["values::Point"]
        shape = "sequence"
        pointer = "x.pointer"
        length = "y"
        element = "<T>"
    "#;
    let (recipes, errors) = Recipes::parse(&[("test.toml", text)]);
    assert_eq!(errors, []);
    let fits = Arc::new(Fits::with_recipes(Arc::new(recipes)));
    with_witness(Toolchain::Default, &|witness, types| {
        let decoder = Decoder::with_fits(types, witness, all(), fits.clone());
        let value = values(witness)
            .into_iter()
            .find(|value| value.name == "point")
            .unwrap();
        let decoded = decoder.decode(witness.type_of("point"), value.at);
        assert_eq!(decoded.value.text.as_deref(), Ok(&*value.text));
        let fact = &decoded.value.facts[0];
        assert_eq!(
            (&*fact.0, &*fact.1),
            ("recipe", "recipe for values::Point did not fit; shown raw")
        );
        // Without any recipe, the structure of a string is still there.
        let value = values(witness)
            .into_iter()
            .find(|value| value.name == "string")
            .unwrap();
        let decoded = decoder.decode(witness.type_of("string"), value.at);
        let text = decoded.value.text.unwrap();
        assert!(
            text.starts_with("String { vec: Vec { buf: RawVec {"),
            "{text}"
        );
        assert!(text.ends_with("len: 5 } }"), "{text}");
    });
}
