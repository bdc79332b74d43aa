//! Single files, standard input, notes and executables. The witness is the program itself.

mod common;

use std::ffi::OsString;
use std::process::Command;

use common::{Place, run, source_files, stdout};
use stackheap_build::{
    BuildError, BuildOptions, Built, Edition, Optimization, ProgramRole, TargetSpec, build,
    toolchain_facts,
};

fn file(path: &str) -> TargetSpec {
    TargetSpec::File {
        path: path.into(),
        edition: Edition::default(),
    }
}

fn note(path: &str, block: Option<usize>) -> TargetSpec {
    TargetSpec::Note {
        path: path.into(),
        block,
        edition: Edition::default(),
    }
}

#[track_caller]
fn built(place: &Place, spec: &TargetSpec) -> Built {
    build(spec, &place.options(), &[]).unwrap()
}

#[track_caller]
fn error(place: &Place, spec: &TargetSpec) -> BuildError {
    build(spec, &place.options(), &[]).unwrap_err()
}

#[test]
fn a_file_is_built_and_run_with_its_arguments_where_the_user_stands() {
    let program = r#"fn main() {
        println!("{:?}", std::env::args().skip(1).collect::<Vec<_>>());
        println!("{}", std::env::current_dir().unwrap().display());
        println!("{} {}", file!(), module_path!());
    }"#;
    let place = Place::with(&[("a b/my-demo.rs", program)]);
    let before = place.tree();
    let arguments = ["--x".into(), OsString::from("y z")];
    let built = build(&file("a b/my-demo.rs"), &place.options(), &arguments).unwrap();
    let expected = format!(
        "[\"--x\", \"y z\"]\n{}\na b/my-demo.rs my_demo\n",
        place.user().display()
    );
    assert_eq!(stdout(&built), expected);
    assert_eq!(built.executable.file_name(), Some("my-demo".as_ref()));
    assert_eq!(built.role, ProgramRole::Program);
    assert_eq!(built.notes(), [""; 0]);
    assert_eq!(place.tree(), before);
    let source = place.user().join("a b/my-demo.rs");
    let source = source.to_str().unwrap();
    assert!(built.user_code.is_user(source));
    assert_eq!(built.sources.display(source), "a b/my-demo.rs");
    assert_eq!(
        built.sources.text_file(source),
        std::path::Path::new(source)
    );
}

#[test]
fn an_unchanged_file_is_not_built_again() {
    let place = Place::with(&[
        (
            "a.rs",
            "mod b; fn main() { println!(\"{} {}\", b::TEXT, option_env!(\"NO_SUCH\").is_none()); }",
        ),
        ("b.rs", "pub const TEXT: &str = include_str!(\"b.txt\");"),
        ("b.txt", "one"),
    ]);
    let built_at = |built: &Built| {
        std::fs::metadata(&built.executable)
            .unwrap()
            .modified()
            .unwrap()
    };
    let first = built(&place, &file("a.rs"));
    let first_time = built_at(&first);
    assert_eq!(stdout(&first), "one true\n");
    let second = built(&place, &file("a.rs"));
    assert_eq!(second.executable, first.executable);
    assert_eq!(built_at(&second), first_time);
    // A file that the program includes counts too.
    place.write("b.txt", "two");
    assert_eq!(stdout(&built(&place, &file("a.rs"))), "two true\n");
    // So do options.
    let options = BuildOptions {
        optimization: Optimization::Full,
        ..place.options()
    };
    let optimised = build(&file("a.rs"), &options, &[]).unwrap();
    assert_ne!(optimised.executable, first.executable);
    assert!(optimised.profile.unwrap().is_optimised());
    assert!(!first.profile.unwrap().is_optimised());
}

#[test]
fn crates_have_the_names_that_rustc_gives_or_ones_that_it_takes() {
    let tell = "fn main() { println!(\"{}\", module_path!()); }";
    let named = format!("#![crate_name = \"other\"]\n{tell}");
    let place = Place::with(&[("my demo 2.rs", tell), ("2.rs", tell), ("a.rs", &named)]);
    for (path, expected) in [
        ("my demo 2.rs", "my_demo_2\n"),
        ("2.rs", "_2\n"),
        ("a.rs", "other\n"),
    ] {
        assert_eq!(stdout(&built(&place, &file(path))), expected);
    }
}

#[test]
fn the_edition_is_the_one_that_is_asked_for() {
    // `gen` is a keyword since 2024.
    let place = Place::with(&[("a.rs", "fn main() { let gen = 1; println!(\"{gen}\"); }")]);
    let old = TargetSpec::File {
        path: "a.rs".into(),
        edition: Edition::E2021,
    };
    assert_eq!(stdout(&built(&place, &old)), "1\n");
    let failed = error(&place, &file("a.rs"));
    assert_eq!(
        failed,
        BuildError::Failed {
            code: Some(1),
            help: None
        }
    );
    assert_eq!("2018".parse(), Ok(Edition::E2018));
    assert!(
        "2020"
            .parse::<Edition>()
            .unwrap_err()
            .starts_with("expected an edition")
    );
}

#[test]
fn what_the_compiler_says_is_passed_on_as_it_is_and_again_from_the_cache() {
    // The messages go to this process's standard error: another process has to look at them.
    let place = Place::with(&[("a.rs", "fn main() { let x = 1; }")]);
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let mut direct = Command::new(rustc);
    direct
        .args(["--edition=2024", "--emit=metadata", "a.rs", "--out-dir"])
        .arg(place.cache());
    let expected = direct.current_dir(place.user()).output().unwrap();
    let expected = String::from_utf8(expected.stderr).unwrap();
    assert!(expected.contains("--> a.rs:1:17"), "{expected}");
    for _ in 0..2 {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "helper_that_builds", "--nocapture"])
            .env("HELPER_DIRECTORY", place.user())
            .env("HELPER_CACHE", place.cache())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        assert_eq!(stderr.trim(), expected.trim());
    }
}

/// Run by the test above in a process of its own.
#[test]
#[ignore = "a part of another test"]
fn helper_that_builds() {
    let directory = std::env::var_os("HELPER_DIRECTORY").map(Into::into);
    let cache_dir = std::env::var_os("HELPER_CACHE").map(Into::into);
    let options = BuildOptions {
        directory,
        cache_dir,
        ..BuildOptions::default()
    };
    assert!(build(&file("a.rs"), &options, &[]).is_ok());
}

#[test]
fn a_file_of_a_package_that_does_not_compile_alone_gets_a_hint() {
    let place = Place::with(&[
        ("p/Cargo.toml", ""),
        ("p/src/main.rs", "use dep::x; fn main() {}"),
    ]);
    let error = error(&place, &file("p/src/main.rs"));
    let BuildError::Failed {
        help: Some(help), ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert!(
        help.contains(place.user().join("p").to_str().unwrap()),
        "{help}"
    );
}

#[test]
fn paths_that_cannot_be_built_are_explained() {
    let place = Place::with(&[("p/Cargo.toml", ""), ("plain", "x")]);
    std::fs::write(place.user().join("latin.rs"), b"// \xe9\nfn main() {}").unwrap();
    let text = |spec: &TargetSpec| error(&place, spec).to_string();
    assert_eq!(
        text(&file("none.rs")),
        "expected a file at `none.rs`, found none; check the path"
    );
    assert_eq!(
        text(&file("p")),
        "expected a file at `p`, found a directory; for the package in it, use `--manifest-path \
         p/Cargo.toml`"
    );
    assert_eq!(
        error(&place, &file("latin.rs")),
        BuildError::NotUtf8 {
            path: "latin.rs".into(),
            offset: 3
        }
    );
    let executable = |path: &str| TargetSpec::Executable(path.into());
    assert_eq!(
        error(&place, &executable("plain")),
        BuildError::NotExecutable("plain".into())
    );
    assert_eq!(
        error(&place, &executable("none")),
        BuildError::NoSuchFile("none".into())
    );
    let manifest = Some("p/Cargo.toml".into());
    let expected = BuildError::IsDirectory {
        path: "p".into(),
        manifest,
    };
    assert_eq!(error(&place, &executable("p")), expected);
}

#[test]
fn an_executable_is_taken_as_it_is() {
    let place = Place::with(&[(
        "a.rs",
        "fn main() { println!(\"{:?}\", std::env::args().nth(1)); }",
    )]);
    let program = built(&place, &file("a.rs")).executable;
    let spec = TargetSpec::Executable(program.clone());
    let built = build(&spec, &place.options(), &["x".into()]).unwrap();
    assert_eq!(built.executable, program);
    assert_eq!(stdout(&built), "Some(\"x\")\n");
}

#[test]
fn standard_input_is_a_program_or_a_snippet() {
    let place = Place::with(&[]);
    let stdin = |text: &str| TargetSpec::Stdin {
        text: text.into(),
        edition: Edition::default(),
    };
    let program = built(&place, &stdin("fn main() { println!(\"{}\", file!()); }"));
    assert_eq!(
        (stdout(&program).as_str(), program.notes().len()),
        ("<stdin>\n", 0)
    );
    let snippet = built(&place, &stdin("let x = 1;\nprintln!(\"{x} {}\", line!());"));
    assert_eq!(
        (stdout(&snippet).as_str(), snippet.notes().len()),
        ("1 2\n", 1)
    );
    // The debug information names the text as the user does, and the text can be found.
    let named = place.user().join("<stdin>");
    let text = snippet.sources.text_file(named.to_str().unwrap());
    let text = std::fs::read_to_string(text).unwrap();
    assert_eq!(
        text,
        "fn main() { let x = 1;\nprintln!(\"{x} {}\", line!());\n}\n"
    );
    assert_eq!(snippet.sources.display(named.to_str().unwrap()), "<stdin>");
    assert!(snippet.user_code.is_user(named.to_str().unwrap()));
    if let Some(files) = source_files(&snippet.executable) {
        assert!(files.contains("<stdin>"), "{files}");
        assert!(!files.contains("main.rs"), "{files}");
    }
    let latin = TargetSpec::Stdin {
        text: vec![b'/', 0xff],
        edition: Edition::default(),
    };
    assert_eq!(
        error(&place, &latin),
        BuildError::NotUtf8 {
            path: "<stdin>".into(),
            offset: 1
        }
    );
}

const NOTE: &str = "\
# Moves

```rust
# fn helper() -> u8 { 7 }
println!(\"{} {}:{}:{}\", helper(), file!(), line!(), column!());
```

1. In a list

   ```rust,edition2021
   fn main() {
       let gen = 2;
       println!(\"{gen} {}:{}\", line!(), column!());
   }
   ```

```rust
let n: u8 = \"300\".parse()?;
Ok::<(), std::num::ParseIntError>(())
```

```rust
panic!(\"here\");
```
";

#[test]
fn blocks_of_notes_are_programs_at_their_own_lines() {
    let place = Place::with(&[("my note.md", NOTE)]);
    let first = built(&place, &note("my note.md", Some(1)));
    assert_eq!(stdout(&first), "7 my note.md:5:53\n");
    assert_eq!(
        first.notes(),
        ["The snippet has no `main`; it was put into one."]
    );
    assert_eq!(first.executable.file_name(), Some("my note-1".as_ref()));
    let named = place.user().join("my note.md");
    let text = std::fs::read_to_string(first.sources.text_file(named.to_str().unwrap())).unwrap();
    assert_eq!(text.lines().nth(2), Some("fn main() {"));
    assert_eq!(text.lines().nth(3), Some("  fn helper() -> u8 { 7 }"));

    let second = built(&place, &note("my note.md", Some(2)));
    assert_eq!(
        (stdout(&second).as_str(), second.notes().len()),
        ("2 13:41\n", 0)
    );

    let third = run(&built(&place, &note("my note.md", Some(3))));
    let message = String::from_utf8(third.stderr).unwrap();
    assert!(message.contains("PosOverflow"), "{message}");

    let fourth = run(&built(&place, &note("my note.md", Some(4))));
    let message = String::from_utf8(fourth.stderr).unwrap();
    assert!(message.contains("panicked at my note.md:23:1"), "{message}");
}

#[test]
fn blocks_that_are_not_there_are_explained() {
    let place = Place::with(&[
        ("a.md", NOTE),
        ("b.md", "no code"),
        ("c.md", "```rust\nlet x = 1;\n```"),
    ]);
    let several = error(&place, &note("a.md", None)).to_string();
    assert_eq!(
        several,
        "expected one `rust` block in `a.md`, found 4; use\n    \
         a.md#1  line 4: # fn helper() -> u8 { 7 }\n    \
         a.md#2  line 11: fn main() {\n    \
         a.md#3  line 18: let n: u8 = \"300\".parse()?;\n    \
         a.md#4  line 23: panic!(\"here\");"
    );
    for asked in [0, 5] {
        let error = error(&place, &note("a.md", Some(asked)));
        assert!(matches!(error, BuildError::NoSuchBlock { asked: found, .. } if found == asked));
    }
    assert_eq!(
        error(&place, &note("b.md", None)),
        BuildError::NoRustInNote("b.md".into())
    );
    assert_eq!(stdout(&built(&place, &note("c.md", None))), "");
}

#[test]
fn the_toolchain_says_what_it_is() {
    let facts = toolchain_facts(&BuildOptions::default()).unwrap();
    assert!(facts.rustc.starts_with("rustc ") && facts.rustc.contains(&facts.release));
    assert!(facts.cargo.unwrap().starts_with("cargo "));
    assert!(
        facts.targets.contains(&facts.host),
        "{:?} {}",
        facts.targets,
        facts.host
    );
    assert!(facts.sysroot.join("lib/rustlib").is_dir());
}
