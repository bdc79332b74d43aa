//! Cargo packages. The witnesses are the programs, cargo, and a wrapper around rustc that writes
//! down how each crate is compiled. No test needs the network.

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use common::{Place, run, stdout};
use stackheap_build::{
    BuildError, BuildOptions, Built, CargoSelection, CargoTarget, ProgramRole, TargetSpec, build,
};

/// A workspace with everything: a build script that generates a source, a path dependency inside
/// and one outside of the workspace, a procedural macro, and a dependency from a registry (a
/// directory that stands for crates.io).
fn workspace() -> Place {
    Place::with(&[
        (
            "w/Cargo.toml",
            "[workspace]\nmembers = ['app', 'util', 'mac']\nresolver = '2'\n\
             [profile.dev]\nopt-level = 2\nlto = 'thin'\nstrip = true\n\
             [profile.dev.package.util]\nopt-level = 3\n\
             [profile.dev.package.dep]\ndebug = 1\n",
        ),
        (
            "w/app/Cargo.toml",
            "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2024'\n\
             [dependencies]\nutil = { path = '../util' }\noutside = { path = '../../outside' }\n\
             mac = { path = '../mac' }\ndep = '1'\ntransitive = '1'\n\
             [features]\nloud = []\n",
        ),
        (
            "w/app/build.rs",
            "fn main() {\n\
             let out = std::env::var(\"OUT_DIR\").unwrap();\n\
             std::fs::write(format!(\"{out}/made.rs\"), \"pub fn made() -> u8 { 4 }\").unwrap();\n\
             println!(\"cargo::rerun-if-changed=build.rs\");\n}\n",
        ),
        (
            "w/app/src/main.rs",
            "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n\
             fn main() {\n\
             println!(\"{} {} {} {} {} {}\", util::util(), outside::outside(), mac::three!(), made(),\n\
             dep::dep(), cfg!(feature = \"loud\"));\n}\n\
             #[test] fn unit() {}\n",
        ),
        (
            "w/app/tests/it.rs",
            "#[test] fn integration() { println!(\"seen\"); }",
        ),
        (
            "w/app/examples/ex.rs",
            "fn main() { println!(\"example\"); }",
        ),
        (
            "w/app/benches/be.rs",
            "fn main() { println!(\"{:?}\", std::env::args().nth(1)); }",
        ),
        (
            "w/util/Cargo.toml",
            "[package]\nname = 'util'\nversion = '0.1.0'\nedition = '2024'\n",
        ),
        (
            "w/util/src/lib.rs",
            "pub fn util() -> u8 { 1 }\n#[cfg(test)] mod tests { #[test] fn inner() {} }",
        ),
        (
            "w/mac/Cargo.toml",
            "[package]\nname = 'mac'\nversion = '0.1.0'\nedition = '2024'\n[lib]\nproc-macro = true\n",
        ),
        (
            "w/mac/src/lib.rs",
            "use proc_macro::TokenStream;\n\
             #[proc_macro] pub fn three(_: TokenStream) -> TokenStream { \"3\".parse().unwrap() }",
        ),
        (
            "outside/Cargo.toml",
            "[package]\nname = 'outside'\nversion = '0.1.0'\nedition = '2024'\n",
        ),
        ("outside/src/lib.rs", "pub fn outside() -> u8 { 2 }"),
        (
            "w/vendor/dep/Cargo.toml",
            "[package]\nname = 'dep'\nversion = '1.2.3'\nedition = '2024'\n",
        ),
        ("w/vendor/dep/src/lib.rs", "pub fn dep() -> u8 { 5 }"),
        ("w/vendor/dep/.cargo-checksum.json", "{\"files\":{}}"),
        (
            "w/vendor/transitive/Cargo.toml",
            "[package]\nname = 'transitive'\nversion = '1.0.0'\nedition = '2024'\n",
        ),
        ("w/vendor/transitive/src/lib.rs", "pub fn t() {}"),
        ("w/vendor/transitive/.cargo-checksum.json", "{\"files\":{}}"),
        (
            "w/.cargo/config.toml",
            "[source.crates-io]\nreplace-with = 'vendored'\n\
             [source.vendored]\ndirectory = 'vendor'\n\
             [build]\nrustc-wrapper = '.cargo/wrapper'\n",
        ),
    ])
}

/// Lets every crate's flags be written to `target/flags`.
fn watch(place: &Place) {
    let log = place.user().join("w/target/flags");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> '{}'\nexec \"$@\"\n",
        log.display()
    );
    place.write("w/.cargo/wrapper", &script);
    let path = place.user().join("w/.cargo/wrapper");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// For each crate, how it was optimised and its debug information, `0/2` if both are as in an
/// unoptimised build.
fn flags(place: &Place) -> BTreeMap<String, String> {
    let log = std::fs::read_to_string(place.user().join("w/target/flags")).unwrap();
    std::fs::remove_file(place.user().join("w/target/flags")).unwrap();
    let mut flags = BTreeMap::new();
    for line in log.lines() {
        let after = |flag: &str| {
            let (_, rest) = line.split_once(&format!(" {flag}"))?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        let Some(name) = after("--crate-name ").filter(|name| name != "___") else {
            continue;
        };
        let level = after("-C opt-level=").unwrap_or("0".to_owned());
        let debug = after("-C debuginfo=").unwrap_or("0".to_owned());
        flags.insert(name, format!("{level}/{debug}"));
    }
    flags
}

fn cargo(selection: CargoSelection) -> TargetSpec {
    TargetSpec::Cargo(selection)
}

fn target(target: CargoTarget) -> CargoSelection {
    CargoSelection {
        target: Some(target),
        ..CargoSelection::default()
    }
}

#[track_caller]
fn built(place: &Place, below: &str, mut selection: CargoSelection) -> Built {
    // The environment of the tests may name a target directory; it must not be the users'.
    if std::env::var_os("CARGO_TARGET_DIR").is_some() && selection.target_dir.is_none() {
        let workspace = below.split('/').next().unwrap();
        selection.target_dir = Some(place.user().join(workspace).join("target"));
    }
    build(&cargo(selection), &place.options_in(below), &[]).unwrap()
}

#[track_caller]
fn error(place: &Place, below: &str, selection: CargoSelection) -> BuildError {
    build(&cargo(selection), &place.options_in(below), &[]).unwrap_err()
}

#[test]
fn own_code_is_unoptimised_and_nothing_of_the_users_changes() {
    let place = workspace();
    watch(&place);
    let before = place.tree();
    let built = built(&place, "w/app", CargoSelection::default());
    assert_eq!(stdout(&built), "1 2 3 4 5 false\n");
    assert_eq!(place.tree(), before);
    assert!(
        built
            .executable
            .starts_with(place.user().join("w/target/stackheap"))
    );

    let flags = flags(&place);
    let of = |name: &str| flags[name].as_str();
    assert_eq!(of("app"), "0/2");
    assert_eq!(
        of("util"),
        "0/2",
        "a member, in spite of the user's override"
    );
    assert_eq!(
        of("outside"),
        "0/2",
        "a path dependency outside of the workspace"
    );
    assert_eq!(
        of("dep"),
        "2/1",
        "a dependency, with the user's level and override"
    );
    assert_eq!(
        of("transitive"),
        "2/2",
        "a dependency, with the user's level"
    );

    let profile = built.profile.unwrap();
    assert_eq!(
        (profile.name.as_deref(), profile.opt_level.as_str()),
        (Some("dev"), "0")
    );
    assert!(profile.debug_assertions && profile.overflow_checks);

    let user = |path: &str| {
        built
            .user_code
            .is_user(place.user().join(path).to_str().unwrap())
    };
    assert!(user("w/app/src/main.rs") && user("w/util/src/lib.rs") && user("outside/src/lib.rs"));
    assert!(!user("w/vendor/dep/src/lib.rs"));
    assert!(!user("elsewhere/src/lib.rs"));
    let out_dir = std::fs::read_dir(place.user().join("w/target/stackheap/debug/build")).unwrap();
    let made = out_dir.map(|entry| entry.unwrap().path().join("out/made.rs"));
    let made = made.filter(|path| path.is_file()).last().unwrap();
    assert!(built.user_code.is_user(made.to_str().unwrap()));
    let shown = place.user().join("w/app/src/main.rs");
    assert_eq!(
        built.sources.display(shown.to_str().unwrap()),
        "src/main.rs"
    );
}

#[test]
fn a_profile_that_is_asked_for_is_built_as_it_is_with_debug_information() {
    let place = workspace();
    watch(&place);
    let before = place.tree();
    let selection = CargoSelection {
        package: Some("app".to_owned()),
        profile: Some("release".to_owned()),
        features: vec!["loud".to_owned()],
        ..CargoSelection::default()
    };
    let built = built(&place, "w", selection);
    assert_eq!(stdout(&built), "1 2 3 4 5 true\n");
    assert_eq!(place.tree(), before);
    let flags = flags(&place);
    assert_eq!(
        (flags["app"].as_str(), flags["outside"].as_str()),
        ("3/2", "3/2")
    );
    assert!(built.profile.unwrap().is_optimised());
}

#[test]
fn tests_examples_and_benchmarks_are_targets_too() {
    let place = workspace();
    watch(&place);
    let before = place.tree();
    let test = built(&place, "w/app", target(CargoTarget::Test("it".to_owned())));
    assert!(stdout(&test).contains("test integration ... ok"));
    assert_eq!(test.role, ProgramRole::Tests);
    assert_eq!(test.command().directory, place.user().join("w/app"));
    assert_eq!(flags(&place)["it"], "0/2");

    let example = built(
        &place,
        "w/app",
        target(CargoTarget::Example("ex".to_owned())),
    );
    assert_eq!(
        (stdout(&example).as_str(), example.role),
        ("example\n", ProgramRole::Program)
    );

    let library = CargoSelection {
        package: Some("util".into()),
        ..target(CargoTarget::Lib)
    };
    let library = built(&place, "w", library);
    assert!(stdout(&library).contains("test tests::inner ... ok"));
    assert_eq!(library.command().directory, place.user().join("w/util"));

    let bench = built(&place, "w/app", target(CargoTarget::Bench("be".to_owned())));
    assert_eq!(bench.role, ProgramRole::Benchmarks);
    assert!(bench.profile.as_ref().unwrap().is_optimised());
    assert!(run(&bench).status.success());
    assert_eq!(place.tree(), before);
}

fn package(manifest: &str, files: &[&str]) -> Place {
    let manifest =
        format!("[package]\nname = 'p'\nversion = '0.1.0'\nedition = '2024'\n{manifest}");
    let place = Place::with(&[("Cargo.toml", manifest.as_str())]);
    files
        .iter()
        .for_each(|file| place.write(file, "fn main() {}"));
    place
}

#[test]
fn of_several_programs_each_is_listed_with_its_flags() {
    let place = package("", &["src/main.rs", "src/bin/other.rs", "examples/ex.rs"]);
    assert_eq!(
        error(&place, "", CargoSelection::default()).to_string(),
        "expected one program, found 2; pick one with\n    --bin other\n    --bin p"
    );
    let other = built(&place, "", target(CargoTarget::Bin("other".to_owned())));
    assert_eq!(other.executable.file_name(), Some("other".as_ref()));
    assert_eq!(
        error(&place, "", target(CargoTarget::Bin("none".to_owned()))).to_string(),
        "expected a target `--bin none`, found none; there are\n    --bin other\n    --bin p"
    );
    assert_eq!(
        error(&place, "", target(CargoTarget::Bench("none".to_owned()))).to_string(),
        "expected a target `--bench none`, found none of this kind; see `cargo metadata` for what \
         there is"
    );
    let default = package(
        "default-run = 'other'\n",
        &["src/main.rs", "src/bin/other.rs"],
    );
    let default = built(&default, "", CargoSelection::default());
    assert_eq!(default.executable.file_name(), Some("other".as_ref()));
}

#[test]
fn a_library_lists_what_else_can_be_run() {
    let place = package("", &["src/lib.rs", "examples/ex.rs", "tests/it.rs"]);
    assert_eq!(
        error(&place, "", CargoSelection::default()).to_string(),
        "expected a program, found a package without one; run instead\n    --example ex\n    \
         --test it\n    --lib"
    );
}

#[test]
fn in_a_workspace_the_package_is_part_of_the_flags() {
    let place = Place::with(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = ['a', 'b']\nresolver = '2'\n",
        ),
        ("a/Cargo.toml", "[package]\nname = 'a'\nversion = '0.1.0'\n"),
        ("a/src/main.rs", "fn main() { println!(\"a\"); }"),
        ("b/Cargo.toml", "[package]\nname = 'b'\nversion = '0.1.0'\n"),
        ("b/src/main.rs", "fn main() { println!(\"b\"); }"),
    ]);
    assert_eq!(
        error(&place, "", CargoSelection::default()).to_string(),
        "expected one program, found 2; pick one with\n    -p a --bin a\n    -p b --bin b"
    );
    // Inside a member cargo means that member.
    assert_eq!(
        stdout(&built(&place, "b", CargoSelection::default())),
        "b\n"
    );
    for spec in ["a", "a@0.1.0"] {
        let selection = CargoSelection {
            package: Some(spec.to_owned()),
            ..Default::default()
        };
        assert_eq!(stdout(&built(&place, "b", selection)), "a\n");
    }
    let selection = CargoSelection {
        package: Some("c".to_owned()),
        ..Default::default()
    };
    assert_eq!(
        error(&place, "", selection).to_string(),
        "expected a package `c` in the workspace, found none; there are: a, b"
    );
    let selection = CargoSelection {
        manifest_path: Some("a/Cargo.toml".into()),
        ..Default::default()
    };
    let built = built(&place, "", selection);
    assert_eq!(
        (stdout(&built).as_str(), &built.command().directory),
        ("a\n", &place.user())
    );
}

#[test]
fn errors_of_the_package_are_cargos_words() {
    let place = Place::with(&[("broken/Cargo.toml", "[package]\nname = 3\n")]);
    let none = error(&place, "", CargoSelection::default());
    let BuildError::Manifest(message) = &none else {
        panic!("{none:?}")
    };
    assert!(
        message.starts_with("could not find `Cargo.toml`"),
        "{message}"
    );
    let broken = error(&place, "broken", CargoSelection::default());
    assert!(matches!(broken, BuildError::Manifest(_)), "{broken:?}");

    let place = package("", &[]);
    place.write("src/main.rs", "fn main() { x }");
    let failed = error(&place, "", CargoSelection::default());
    assert_eq!(
        failed,
        BuildError::Failed {
            code: Some(101),
            help: None
        }
    );
}

#[test]
fn a_lock_file_stays_as_it_is() {
    let place = package("", &["src/main.rs"]);
    let lock = place.user().join("Cargo.lock");
    let locked = CargoSelection {
        locked: true,
        ..CargoSelection::default()
    };
    // Without one: none is left behind, and `--locked` fails as it does in cargo.
    for _ in 0..2 {
        built(&place, "", CargoSelection::default());
        assert!(!lock.exists());
        assert!(matches!(
            error(&place, "", locked.clone()),
            BuildError::Failed {
                code: Some(101),
                ..
            }
        ));
        assert!(!lock.exists());
    }
    // The one that cargo made is kept for the next time.
    let kept: Vec<_> = std::fs::read_dir(place.cache().join("locks"))
        .unwrap()
        .collect();
    let kept = std::fs::read_to_string(kept[0].as_ref().unwrap().path()).unwrap();
    assert!(kept.contains("name = \"p\""), "{kept}");
    // One that cargo would bring up to date.
    let old = "version = 3\n\n[[package]]\nname = \"p\"\nversion = \"0.0.9\"\n";
    place.write("Cargo.lock", old);
    built(&place, "", CargoSelection::default());
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), old);
    let locked = CargoSelection {
        locked: true,
        ..CargoSelection::default()
    };
    assert!(matches!(
        error(&place, "", locked),
        BuildError::Failed {
            code: Some(101),
            ..
        }
    ));
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), old);
}

#[test]
fn the_target_directory_can_be_chosen() {
    let place = package("", &["src/main.rs"]);
    let selection = CargoSelection {
        target_dir: Some("mine".into()),
        ..Default::default()
    };
    let built = built(&place, "", selection);
    assert!(
        built
            .executable
            .starts_with(place.user().join("mine/stackheap"))
    );
    assert!(!place.user().join("target").exists());
    let options = BuildOptions {
        runner: Some("/no/such/runner".into()),
        ..place.options()
    };
    let selection = CargoSelection {
        target_dir: Some("mine".into()),
        ..Default::default()
    };
    let built = build(&cargo(selection), &options, &[]).unwrap();
    assert_eq!(
        built.notes(),
        ["Cargo could not be asked for the program's environment; it was computed."]
    );
    assert!(run(&built).status.success());
}
