//! Paths of functions, the same with both manglings.

mod common;

use std::collections::BTreeSet;

use common::{TOOLCHAINS, build};
use stackheap_image::Image;

#[test]
fn functions_are_named_by_their_paths() {
    for toolchain in TOOLCHAINS {
        let Some(program) = build("names.rs", toolchain) else {
            continue;
        };
        eprintln!("with {}", toolchain.name);
        let image = Image::parse(&program.data).expect("the program is readable");
        let (functions, _) = image.functions(&program.is_own());
        let names: BTreeSet<&str> = functions.iter().map(|function| &*function.name).collect();
        let expect = [
            "<demo::Stack<i8> as core::ops::drop::Drop>::drop",
            "<demo::Stack<i8> as core::ops::drop::Drop>::drop::{closure#0}",
            "<demo::Stack<i8> as demo::inner::Eat>::eat<u8>",
            "<demo::Stack<i8> as demo::inner::Eat>::eat::helper<u8>",
            "<demo::Stack<u64> as core::fmt::Display>::fmt",
            "<demo::Stack<u64> as core::ops::drop::Drop>::drop",
            "<demo::Stack<u64> as core::ops::drop::Drop>::drop::{closure#0}",
            "<u16 as demo::inner::Eat>::eat<char>",
            "demo::Stack<u64>::map<u32>",
            "demo::Stack<u64>::push",
            "demo::Stack<u64>::total",
            "demo::Stack<u64>::total::{closure#0}",
            "demo::generic<u64, 3>",
            "demo::generic<u8, 2>",
            "demo::inner::Eat::twice<demo::Stack<i8>>",
            "demo::inner::black_box_two",
            "demo::main",
        ];
        assert_eq!(names, BTreeSet::from(expect));
        let push = functions
            .iter()
            .find(|function| &*function.name == "demo::Stack<u64>::push")
            .unwrap();
        let arguments: Vec<(&str, String)> = push
            .arguments
            .iter()
            .map(|argument| (&*argument.name, image.ty(argument.ty).name.to_string()))
            .collect();
        assert_eq!(arguments, [("T", "u64".to_owned())]);
        assert_eq!(&*image.ty(push.returns.unwrap()).name, "usize");
        for function in &functions {
            assert_eq!(
                image.function_name_at(function.low).as_ref(),
                Some(&function.name)
            );
        }
    }
}
