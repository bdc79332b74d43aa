//! What the compiler prints about the user's crates, without a change to what is run. The witnesses
//! are the bytes and ages of what cargo built.
//!
//! This test has its own `main`, because it is also what cargo calls in rustc's stead.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use common::{Place, stdout};
use stackheap_build::{
    BuildOptions, Built, CargoSelection, CargoTarget, CompilerTexts, Edition, TargetSpec,
    WRAPPER_NAME, build, wrap_rustc,
};

fn main() {
    let mut arguments = std::env::args_os();
    let name = arguments.next().map(PathBuf::from).unwrap_or_default();
    if name.file_stem().is_some_and(|stem| stem == WRAPPER_NAME) {
        panic!("{}", wrap_rustc(arguments));
    }
    // As `cargo test -- --list` wants it, for tools that run tests one by one.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    for (name, test) in [
        ("a_file", a_file as fn()),
        ("a_workspace", a_workspace),
        ("the_tests_of_a_package", the_tests_of_a_package),
        ("what_rustc_refuses", what_rustc_refuses),
    ] {
        test();
        println!("{name}: ok");
    }
}

fn options(place: &Place) -> BuildOptions {
    BuildOptions {
        rustc_wrapper: Some(std::env::current_exe().unwrap()),
        ..place.options()
    }
}

fn built(place: &Place, spec: &TargetSpec) -> Built {
    build(spec, &options(place), &[]).unwrap()
}

/// The texts of each crate by its name; all must be there.
fn texts(built: &Built) -> BTreeMap<String, CompilerTexts> {
    let answers = built.ask_compiler().wait();
    let texts = answers.into_iter().map(|answer| answer.unwrap());
    texts
        .map(|texts| (texts.crate_name.clone(), texts))
        .collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Both texts have this function with the local of this name.
#[track_caller]
fn has(texts: &CompilerTexts, header: &str, local: &str) {
    for file in [&texts.borrow_checked, &texts.elaborated] {
        let text = read(file);
        let at = text.find(header);
        let at = at.unwrap_or_else(|| panic!("{header} in {}:\n{text}", file.display()));
        let body = text[at..].split("\n}\n").next().unwrap();
        assert!(body.contains(&format!("debug {local} => ")), "{body}");
    }
    // The one has loans, the other one drops that are decided.
    assert!(read(&texts.borrow_checked).contains("| Inferred Region Values"));
    assert!(!read(&texts.elaborated).contains("| Inferred Region Values"));
}

const MAIN: &str =
    "fn main() { let text = String::from(\"a\"); let moved = text; println!(\"{moved}\"); }";

fn a_file() {
    let place = Place::with(&[("-x y.rs", MAIN)]);
    let spec = TargetSpec::File {
        path: "-x y.rs".into(),
        edition: Edition::default(),
    };
    let first = built(&place, &spec);
    let before = std::fs::read(&first.executable).unwrap();
    let asked = texts(&first);
    assert_eq!(asked.len(), 1);
    let answer = asked.values().next().unwrap();
    has(answer, "fn main()", "moved");
    assert_eq!(std::fs::read(&first.executable).unwrap(), before);
    assert_eq!(stdout(&first), "a\n");
    // The second time nothing is asked; after a change everything is.
    let age = |texts: &CompilerTexts| modified(&texts.elaborated);
    let then = age(answer);
    assert_eq!(age(&texts(&built(&place, &spec))["_x_y"]), then);
    place.write("-x y.rs", &MAIN.replace("moved", "other"));
    has(&texts(&built(&place, &spec))["_x_y"], "fn main()", "other");
}

fn modified(path: &Path) -> SystemTime {
    std::fs::metadata(path).unwrap().modified().unwrap()
}

/// A program of a workspace with a library, a path dependency outside of the workspace, a build
/// script and a procedural macro.
fn workspace() -> Place {
    Place::with(&[
        (
            "w/Cargo.toml",
            "[workspace]\nmembers = ['app', 'util', 'mac']\nresolver = '3'\n",
        ),
        (
            "w/app/Cargo.toml",
            "[package]\nname = 'my-app'\nversion = '1.0.0'\nedition = '2024'\n[features]\nloud = []\n\
             [dependencies]\nutil = { path = '../util' }\nmac = { path = '../mac' }\n\
             outside = { path = '../../outside' }\n",
        ),
        (
            "w/app/build.rs",
            "fn main() { std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/g.rs\", \
            \"fn generated() -> u8 { let seven = 7; seven }\").unwrap(); }",
        ),
        (
            "w/app/src/main.rs",
            "include!(concat!(env!(\"OUT_DIR\"), \"/g.rs\"));\nmac::nothing!();\n\
             fn main() { let parts = util::twice(generated()); \
             println!(\"{parts:?} {} {}\", outside::three(), env!(\"CARGO_PKG_NAME\")); \
             for name in [\"RUSTC_BOOTSTRAP\", \"RUSTC_WORKSPACE_WRAPPER\"] { \
             assert!(std::env::var(name).is_err(), \"{name}\"); } }\n\
             #[cfg(feature = \"loud\")] pub fn shout() { let loudly = 1; let _ = loudly; }\n\
             #[test] fn works() { let tested = 7; assert_eq!(generated(), tested) }\n",
        ),
        (
            "w/util/Cargo.toml",
            "[package]\nname = 'util'\nversion = '1.0.0'\nedition = '2024'\n",
        ),
        (
            "w/util/src/lib.rs",
            "pub fn twice(n: u8) -> Vec<u8> { let doubled = vec![n, n]; doubled }\n",
        ),
        (
            "w/mac/Cargo.toml",
            "[package]\nname = 'mac'\nversion = '1.0.0'\nedition = '2024'\n[lib]\nproc-macro = true\n",
        ),
        (
            "w/mac/src/lib.rs",
            "use proc_macro::TokenStream;\n#[proc_macro] pub fn nothing(_: TokenStream) -> TokenStream { TokenStream::new() }\n",
        ),
        (
            "outside/Cargo.toml",
            "[package]\nname = 'outside'\nversion = '1.0.0'\nedition = '2024'\n[workspace]\n",
        ),
        (
            "outside/src/lib.rs",
            "pub fn three() -> u8 { let three = 3; three }\n",
        ),
    ])
}

fn selection() -> CargoSelection {
    CargoSelection {
        manifest_path: Some("w/app/Cargo.toml".into()),
        ..CargoSelection::default()
    }
}

fn a_workspace() {
    let place = workspace();
    let plain = TargetSpec::Cargo(selection());
    let first = built(&place, &plain);
    let files = built_files(&place);
    let asked = texts(&first);
    // Neither the build script and the macro, which are no part of the program, nor what lies outside
    // of the workspace, which cargo does not let be wrapped.
    assert_eq!(asked.keys().collect::<Vec<_>>(), ["my_app", "util"]);
    has(&asked["my_app"], "fn main()", "parts");
    has(&asked["my_app"], "fn generated()", "seven");
    has(&asked["util"], "fn twice(", "doubled");
    assert_eq!(stdout(&first), "[7, 7] 3 my-app\n");
    // Nothing was built again, and nothing is the next time.
    assert_eq!(built_files(&place), files);
    let then = modified(&asked["util"].elaborated);
    let again = built(&place, &plain);
    assert_eq!(modified(&texts(&again)["util"].elaborated), then);
    assert_eq!(built_files(&place), files);
    // Of two builds of one crate the one that is run is asked about.
    let loud = TargetSpec::Cargo(CargoSelection {
        features: vec!["loud".to_owned()],
        ..selection()
    });
    has(
        &texts(&built(&place, &loud))["my_app"],
        "fn shout()",
        "loudly",
    );
    let quiet = texts(&built(&place, &plain));
    assert!(!read(&quiet["my_app"].elaborated).contains("fn shout()"));
}

/// The ages of the files that rustc wrote; cargo itself writes lists of sources anew each time.
fn built_files(place: &Place) -> BTreeMap<PathBuf, SystemTime> {
    let below = place.user().join("w/target/stackheap/debug");
    ["", "deps"]
        .iter()
        .flat_map(|name| std::fs::read_dir(below.join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|extension| extension != "d"))
        .map(|path| (path.clone(), modified(&path)))
        .collect()
}

fn the_tests_of_a_package() {
    let place = workspace();
    let tests = TargetSpec::Cargo(CargoSelection {
        target: Some(CargoTarget::Bin("my-app".to_owned())),
        ..selection()
    });
    built(&place, &tests);
    let library = TargetSpec::Cargo(CargoSelection {
        manifest_path: Some("w/util/Cargo.toml".into()),
        target: Some(CargoTarget::Lib),
        ..CargoSelection::default()
    });
    let asked = texts(&built(&place, &library));
    assert_eq!(asked.keys().collect::<Vec<_>>(), ["util"]);
    // The harness is a part of it: these are the tests.
    has(&asked["util"], "fn twice(", "doubled");
    assert!(read(&asked["util"].elaborated).contains("test_main_static"));
}

fn what_rustc_refuses() {
    let place = Place::with(&[("a.rs", MAIN)]);
    let spec = TargetSpec::File {
        path: "a.rs".into(),
        edition: Edition::default(),
    };
    let first = built(&place, &spec);
    // The source is gone meanwhile.
    std::fs::remove_file(place.user().join("a.rs")).unwrap();
    let answers = first.ask_compiler().wait();
    let missing = answers[0].as_ref().unwrap_err();
    assert_eq!(missing.crate_name.as_deref(), Some("a"));
    assert!(
        missing
            .reason
            .starts_with("rustc refused to print it: error: couldn't read"),
        "{missing:?}"
    );
    assert_eq!(stdout(&first), "a\n");
}
