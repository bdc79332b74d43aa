//! The state machines of `async` functions, against the states the program goes through.

mod common;

use common::{TOOLCHAINS, build, number};
use stackheap_image::Image;
use stackheap_model::{LocalRole, TypeKind};

#[test]
fn states_are_selected_by_the_tag_and_have_the_lines_of_their_awaits() {
    for toolchain in TOOLCHAINS {
        let Some(program) = build("coroutines.rs", toolchain) else {
            continue;
        };
        eprintln!("with {}", toolchain.name);
        let image = Image::parse(&program.data).expect("the program is readable");
        let printed = program.run();
        let id = image
            .type_named("demo::work::{async_fn_env#0}")
            .expect("the future is described");
        let ty = image.ty(id);
        let TypeKind::Enum {
            tag: Some((offset, tag)),
            variants,
            coroutine: true,
            ..
        } = &ty.kind
        else {
            panic!("{:?}", ty.kind);
        };
        let tag_size = image.ty(*tag).size.unwrap();
        let mut passed = Vec::new();
        let mut kept = None;
        for line in &printed {
            if line[0] == "kept" {
                kept = Some(number(&line[2]));
                continue;
            }
            assert_eq!(ty.size, Some(number(&line[2])));
            let byte = |at: u64| u8::from_str_radix(&line[3][at as usize * 2..][..2], 16).unwrap();
            let value = (0..tag_size).rev().fold(0u128, |value, at| {
                value << 8 | u128::from(byte(offset + at))
            });
            let state = variants
                .iter()
                .find(|state| {
                    state
                        .discriminants
                        .iter()
                        .any(|&(low, high)| (low..=high).contains(&value))
                })
                .unwrap_or_else(|| panic!("a state of tag {value}"));
            passed.push((&*state.name, state.line.unwrap()));
            if &*state.name == "Suspend1" {
                // The list was printed where it lives across the second await.
                let payload = image.ty(state.payload);
                let TypeKind::Struct { fields, .. } = &payload.kind else {
                    panic!("{payload:?}")
                };
                let list = fields
                    .iter()
                    .find(|field| &*field.name == "list")
                    .expect("the list is kept");
                assert_eq!(number(&line[1]) + list.offset, kept.unwrap());
            }
        }
        let expect = [
            ("Unresumed", program.line_of("// begins here")),
            ("Suspend0", program.line_of("// first await")),
            ("Suspend1", program.line_of("// second await")),
            ("Returned", program.line_of("second as usize") + 1),
        ];
        assert_eq!(passed, expect);
    }
}

#[test]
fn helpers_of_the_body_are_hidden() {
    for toolchain in TOOLCHAINS {
        let Some(program) = build("coroutines.rs", toolchain) else {
            continue;
        };
        eprintln!("with {}", toolchain.name);
        let image = Image::parse(&program.data).expect("the program is readable");
        let (functions, _) = image.functions(&program.is_own());
        let body = functions
            .iter()
            .find(|function| &*function.name == "demo::work::{async_fn#0}");
        let variables = image.variables(body.expect("the body is described"));
        let roles = |name: &str| -> Vec<LocalRole> {
            variables
                .iter()
                .filter(|one| &*one.name == name)
                .map(|one| one.role)
                .collect()
        };
        assert!(!roles("__awaitee").is_empty());
        for name in ["__awaitee", "_task_context", ""] {
            assert!(
                roles(name).iter().all(|role| *role == LocalRole::Hidden),
                "{name}"
            );
        }
        assert_eq!(roles("list"), [LocalRole::Variable]);
        assert_eq!(roles("first"), [LocalRole::Variable]);
        assert_eq!(roles("text"), [LocalRole::Capture, LocalRole::Variable]);
    }
}
