//! Types, against what the program prints about its own.

mod common;

use std::collections::BTreeMap;

use common::{Program, TOOLCHAINS, build, number};
use stackheap_image::Image;
use stackheap_model::{Encoding, Field, PointerKind, Type, TypeId, TypeKind, WideMeta};

fn check_all(check: fn(&Image<'_>, &[Vec<String>], &Program)) {
    for toolchain in TOOLCHAINS {
        let Some(program) = build("types.rs", toolchain) else {
            continue;
        };
        eprintln!("with {}", toolchain.name);
        let image = Image::parse(&program.data).expect("the program is readable");
        check(&image, &program.run(), &program);
    }
}

/// The words behind `first`, for each line that begins so. Names are printed without spaces.
fn lines<'a>(printed: &'a [Vec<String>], first: &str) -> Vec<(String, &'a [String])> {
    let found: Vec<(String, &[String])> = printed
        .iter()
        .filter(|line| line.first().is_some_and(|word| word == first))
        .map(|line| {
            (
                line[1].replace('_', " ").replace("vec deque", "vec_deque"),
                &line[2..],
            )
        })
        .collect();
    assert!(!found.is_empty(), "the program prints {first}");
    found
}

fn named(image: &Image<'_>, name: &str) -> std::sync::Arc<Type> {
    let id = image
        .type_named(name)
        .unwrap_or_else(|| panic!("{name} is described"));
    let ty = image.ty(id);
    assert_eq!(&*ty.name, name);
    ty
}

#[test]
fn sizes_and_alignments_are_those_the_program_prints() {
    check_all(|image, printed, _| {
        for (name, numbers) in lines(printed, "layout") {
            // A reference that only an `Option` holds: it has the same layout.
            let ty = named(image, &name);
            assert_eq!(ty.size, Some(number(&numbers[0])), "size of {name}");
            assert_eq!(ty.align, Some(number(&numbers[1])), "alignment of {name}");
        }
    });
}

#[test]
fn fields_lie_where_the_program_prints() {
    check_all(|image, printed, _| {
        for (name, words) in lines(printed, "offset") {
            let ty = named(image, &name);
            let field = fields(&ty).iter().find(|field| *field.name == *words[0]);
            assert_eq!(
                field.map(|field| field.offset),
                Some(number(&words[1])),
                "{name}.{}",
                words[0]
            );
        }
    });
}

#[test]
fn the_bytes_of_a_value_select_its_variant() {
    check_all(|image, printed, _| {
        for (name, words) in lines(printed, "bytes") {
            let ty = named(image, &name);
            let bytes: Vec<u8> = (0..words[1].len() / 2)
                .map(|at| u8::from_str_radix(&words[1][2 * at..2 * at + 2], 16).unwrap())
                .collect();
            assert_eq!(ty.size, Some(bytes.len() as u64));
            assert_eq!(
                variant(image, &ty, &bytes),
                words[0],
                "{name} of {}",
                words[1]
            );
        }
    });
}

/// The name of the variant that is in these bytes, by the rules of the model.
fn variant(image: &Image<'_>, ty: &Type, bytes: &[u8]) -> String {
    let read = |offset: u64, ty: TypeId| {
        let size = image.ty(ty).size.unwrap() as usize;
        let bytes = &bytes[offset as usize..][..size];
        bytes
            .iter()
            .rev()
            .fold(0u128, |value, byte| value << 8 | u128::from(*byte))
    };
    match &ty.kind {
        TypeKind::CEnum { base, enumerators } => {
            let value = read(0, *base);
            let bits = image.ty(*base).size.unwrap() * 8;
            let mask = u128::MAX >> (128 - bits);
            let found = enumerators
                .iter()
                .find(|one| one.value.cast_unsigned() & mask == value);
            let signed = matches!(image.ty(*base).kind, TypeKind::Base(Encoding::Signed));
            let found = found.unwrap();
            assert!(signed || found.value >= 0);
            found.name.to_string()
        }
        TypeKind::Enum {
            tag: None,
            variants,
            ..
        } => {
            assert_eq!(variants.len(), 1);
            variants[0].name.to_string()
        }
        TypeKind::Enum {
            tag: Some((offset, tag)),
            variants,
            ..
        } => {
            let value = read(*offset, *tag);
            let selected = variants.iter().find(|one| {
                one.discriminants
                    .iter()
                    .any(|&(low, high)| (low..=high).contains(&value))
            });
            let default = variants.iter().find(|one| one.discriminants.is_empty());
            let chosen = selected.or(default).unwrap();
            assert_eq!(
                image.ty(chosen.payload).size,
                ty.size,
                "payloads are as large as the whole"
            );
            chosen.name.to_string()
        }
        other => panic!("no enum: {other:?}"),
    }
}

fn fields(ty: &Type) -> &[Field] {
    match &ty.kind {
        TypeKind::Struct { fields, .. } | TypeKind::Union { fields, .. } => fields,
        other => panic!("no fields: {other:?}"),
    }
}

fn field<'a>(ty: &'a Type, name: &str) -> &'a Field {
    let found = fields(ty).iter().find(|field| &*field.name == name);
    found.unwrap_or_else(|| panic!("{} has {name}", ty.name))
}

#[test]
fn base_types_are_told_apart() {
    check_all(|image, _, _| {
        let check = |name: &str, expect: Encoding| {
            assert_eq!(named(image, name).kind, TypeKind::Base(expect), "{name}");
        };
        check("bool", Encoding::Boolean);
        check("char", Encoding::Character);
        check("u128", Encoding::Unsigned);
        check("i8", Encoding::Signed);
        check("u8", Encoding::Unsigned);
        check("f64", Encoding::Float);
        check("()", Encoding::Unit);
    });
}

#[test]
fn thin_pointers_have_the_kind_of_their_name() {
    check_all(|image, _, _| {
        let check = |name: &str, expect: PointerKind, points_at: &str| {
            let TypeKind::Pointer { kind, target } = named(image, name).kind else {
                panic!("{name} is no thin pointer");
            };
            assert_eq!(kind, expect, "{name}");
            assert_eq!(&*image.ty(target).name, points_at);
        };
        check("&demo::Point", PointerKind::Shared, "demo::Point");
        check("*const demo::Point", PointerKind::RawConst, "demo::Point");
        check("*mut u8", PointerKind::RawMut, "u8");
        check(
            "alloc::boxed::Box<u32, alloc::alloc::Global>",
            PointerKind::Box,
            "u32",
        );
        check("fn()", PointerKind::Function, "fn");
    });
}

#[test]
fn wide_pointers_have_their_target_and_other_half() {
    check_all(|image, _, _| {
        let check =
            |name: &str, expect: PointerKind, points_at: &str, unsized_: bool, vtable: bool| {
                let TypeKind::WidePointer {
                    kind,
                    target,
                    data_offset,
                    meta,
                } = named(image, name).kind
                else {
                    panic!("{name} is no wide pointer");
                };
                let target = image.ty(target);
                assert_eq!(
                    (kind, &*target.name, data_offset),
                    (expect, points_at, 0),
                    "{name}"
                );
                assert_eq!(target.size.is_none(), unsized_, "{name}");
                let meta_expected = if vtable {
                    WideMeta::Vtable { offset: 8 }
                } else {
                    WideMeta::Length { offset: 8 }
                };
                assert_eq!(meta, meta_expected, "{name}");
            };
        check("&str", PointerKind::Shared, "str", true, false);
        check("&[u16]", PointerKind::Shared, "u16", false, false);
        check("&mut [u16]", PointerKind::Mutable, "u16", false, false);
        check(
            "&dyn demo::Speak",
            PointerKind::Shared,
            "dyn demo::Speak",
            true,
            true,
        );
        let boxed = |of: &str| format!("alloc::boxed::Box<{of}, alloc::alloc::Global>");
        check(&boxed("str"), PointerKind::Box, "str", true, false);
        check(&boxed("[u32]"), PointerKind::Box, "u32", false, false);
        check(
            &boxed("dyn demo::Speak"),
            PointerKind::Box,
            "dyn demo::Speak",
            true,
            true,
        );
        check(
            &boxed("demo::Tailed<str>"),
            PointerKind::Box,
            "demo::Tailed<str>",
            true,
            false,
        );
        check("&demo::Own", PointerKind::Shared, "demo::Own", true, false);
        check(
            "*const alloc::rc::RcInner<dyn demo::Speak>",
            PointerKind::RawConst,
            "alloc::rc::RcInner<dyn demo::Speak>",
            true,
            true,
        );
    });
}

#[test]
fn structures_end_in_what_has_no_size() {
    check_all(|image, _, _| {
        let target = |name: &str| match named(image, name).kind {
            TypeKind::WidePointer { target, .. } => image.ty(target),
            ref other => panic!("{name}: {other:?}"),
        };
        let check = |pointer: &str, path: &[&str], expect: &str| {
            let mut ty = target(pointer);
            for name in path {
                ty = image.ty(field(&ty, name).ty);
            }
            assert_eq!((&*ty.name, ty.size), (expect, None), "{pointer}");
        };
        check("*const alloc::rc::RcInner<str>", &["value"], "str");
        check("*const alloc::sync::ArcInner<[u8]>", &["data"], "[u8]");
        check(
            "*const alloc::rc::RcInner<dyn demo::Speak>",
            &["value"],
            "dyn demo::Speak",
        );
        check(
            "*const alloc::sync::ArcInner<std::sync::poison::mutex::Mutex<[u8]>>",
            &["data", "data", "value"],
            "[u8]",
        );
        check(
            "alloc::boxed::Box<demo::Tailed<str>, alloc::alloc::Global>",
            &["tail"],
            "str",
        );
        check(
            "alloc::boxed::Box<demo::Tailed<[demo::Point]>, alloc::alloc::Global>",
            &["tail"],
            "[demo::Point]",
        );
        check("&demo::Own", &["tail"], "[demo::Point]");
    });
}

#[test]
fn functions_as_values_have_no_bytes() {
    check_all(|image, printed, program| {
        let (functions, _) = image.functions(&program.is_own());
        let main = functions
            .iter()
            .find(|function| &*function.name == "demo::main")
            .unwrap();
        let variables: BTreeMap<String, Type> = image
            .variables(main)
            .into_iter()
            .map(|variable| (variable.name.to_string(), (*image.ty(variable.ty)).clone()))
            .collect();
        let sizes = printed.iter().find(|line| line[0] == "sizes").unwrap();
        assert_eq!(variables["item"].size, Some(number(&sizes[1])));
        assert_eq!(variables["item"].kind, TypeKind::Function);
        let items = &variables["items"];
        assert_eq!(items.size, Some(number(&sizes[2])));
        let sizes_of_fields: Vec<Option<u64>> = fields(items)
            .iter()
            .map(|field| image.ty(field.ty).size)
            .collect();
        assert_eq!(sizes_of_fields, [Some(0), Some(4), Some(8)]);
        let packed = named(image, "demo::Packed");
        assert_eq!(
            image.ty(field(&packed, "f").ty).size,
            Some(8),
            "a pointer in a packed structure"
        );
    });
}

#[test]
fn closures_hold_what_they_capture() {
    check_all(|image, printed, _| {
        let size = printed.iter().find(|line| line[0] == "closure").unwrap();
        let ty = named(image, "demo::main::{closure_env#0}");
        assert_eq!(ty.size, Some(number(&size[1])));
        let mut names: Vec<&str> = fields(&ty).iter().map(|field| &*field.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["_ref__captured", "_ref__text"]);
    });
}

#[test]
fn generic_arguments_are_named() {
    check_all(|image, _, _| {
        let ty = named(image, "alloc::vec::Vec<u8, alloc::alloc::Global>");
        let TypeKind::Struct { arguments, .. } = &ty.kind else {
            panic!("{:?}", ty.kind)
        };
        let arguments: Vec<(&str, String)> = arguments
            .iter()
            .map(|argument| (&*argument.name, image.ty(argument.ty).name.to_string()))
            .collect();
        assert_eq!(
            arguments,
            [
                ("T", "u8".to_owned()),
                ("A", "alloc::alloc::Global".to_owned())
            ]
        );
    });
}

#[test]
fn numbers_that_are_no_type_give_a_reason() {
    check_all(|image, _, _| {
        for number in [0, 1, 5, u32::MAX, u32::MAX - 7, 1 << 31 | 12345] {
            let ty = image.ty(TypeId(number));
            assert!(
                matches!(ty.kind, TypeKind::Opaque(_) | TypeKind::Function),
                "{number}: {ty:?}"
            );
        }
        assert_eq!(image.type_named("demo::Missing"), None);
    });
}
