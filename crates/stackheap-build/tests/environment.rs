//! The environment, directory and arguments of a program must be those of `cargo run` and
//! `cargo test`. The witness is the program, run by cargo itself.
//!
//! This test has its own `main`, because it is also the runner that cargo calls.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use common::{Place, stdout};
use stackheap_build::{
    BuildOptions, Built, CargoSelection, CargoTarget, PUT_BACK_ARGUMENT, RUNNER_ARGUMENT,
    TargetSpec, build, dump_environment, put_back_lock_file,
};

const TELL: &str = "\
#[allow(dead_code)]
fn tell() {
    println!(\"<<directory={}\", std::env::current_dir().unwrap().display());
    println!(\"arguments={:?}\", std::env::args().skip(1).collect::<Vec<_>>());
    for (name, value) in std::env::vars() { println!(\"{name}={}\", value.replace('\\n', \" \")); }
    println!(\">>\");
}
";

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    if first == RUNNER_ARGUMENT {
        dump_environment(arguments).unwrap();
        return;
    }
    if first == PUT_BACK_ARGUMENT {
        put_back_lock_file(arguments).unwrap();
        return;
    }
    // As `cargo test -- --list` wants it, for tools that run tests one by one.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let place = package();
    for (name, target, subcommand) in [
        ("bin", CargoTarget::Bin("p".to_owned()), "run"),
        ("example", CargoTarget::Example("ex".to_owned()), "run"),
        ("test", CargoTarget::Test("it".to_owned()), "test"),
        ("lib", CargoTarget::Lib, "test"),
        ("bench", CargoTarget::Bench("be".to_owned()), "bench"),
    ] {
        same_as_cargo(&place, name, target, subcommand);
    }
    refuses_half_a_call();
}

fn package() -> Place {
    let program = format!("{TELL}fn main() {{ tell() }}");
    let test = format!("{TELL}#[test] fn told() {{ tell() }}");
    Place::with(&[
        (
            "p/Cargo.toml",
            "[package]\nname = 'p'\nversion = '1.2.3-beta'\nedition = '2024'\nauthors = ['A', 'B']\n\
             description = 'a test'\nrust-version = '1.85'\n\
             [lib]\nbench = false\n[[bin]]\nname = 'p'\nbench = false\n\
             [[bench]]\nname = 'be'\nharness = false\n",
        ),
        (
            "p/build.rs",
            "fn main() {\n\
             let out = std::env::var(\"OUT_DIR\").unwrap();\n\
             std::fs::create_dir_all(format!(\"{out}/lib\")).unwrap();\n\
             println!(\"cargo::rustc-link-search=native={out}/lib\");\n\
             println!(\"cargo::rustc-link-search=native=/usr/lib\");\n\
             println!(\"cargo::rustc-env=FROM_SCRIPT=yes\");\n\
             println!(\"cargo::rerun-if-changed=build.rs\");\n}\n",
        ),
        ("p/.cargo/config.toml", "[env]\nFROM_CONFIG = 'yes'\n"),
        ("p/src/main.rs", &program),
        ("p/src/lib.rs", &test),
        ("p/examples/ex.rs", &program),
        ("p/benches/be.rs", &program),
        ("p/tests/it.rs", &test),
        ("p/sub/x", ""),
    ])
}

/// Variables of which the value cannot be the same, because the target directory is another one.
/// They must be the same but for that directory and the hashes in it.
const WITH_PATHS: [&str; 4] = ["OUT_DIR", "LD_LIBRARY_PATH", "CARGO_BIN_EXE_p", "_"];

fn same_as_cargo(place: &Place, name: &str, target: CargoTarget, subcommand: &str) {
    let directory = place.user().join("p/sub");
    let arguments: &[&str] = match subcommand {
        "test" => &["--nocapture", "--test-threads=1"],
        _ => &["--x", "y z"],
    };
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args([subcommand, "--target-dir=../target"])
        .args(target.flags())
        .arg("--")
        .args(arguments)
        .current_dir(&directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let expected = told(&String::from_utf8(output.stdout).unwrap(), place, "target");
    assert!(expected.len() > 20, "{expected:?}");
    assert_eq!(expected["FROM_CONFIG"], "yes");
    let built = |runner: Option<PathBuf>| {
        let target = Some(target.clone());
        let target_dir = Some("../target".into());
        let selection = CargoSelection {
            target,
            target_dir,
            ..Default::default()
        };
        let options = BuildOptions {
            runner,
            ..place.options_in("p/sub")
        };
        let arguments: Vec<_> = arguments.iter().map(Into::into).collect();
        build(&TargetSpec::Cargo(selection), &options, &arguments).unwrap()
    };

    let asked = built(Some(std::env::current_exe().unwrap()));
    assert_eq!(asked.notes(), [""; 0]);
    compare(place, name, &expected, &asked, &[]);
    // Without a runner cargo's own configuration of the environment is not known, nor how the
    // manifest writes the version of Rust, nor what rustup adds.
    let cargos = [
        "FROM_CONFIG",
        "CARGO",
        "CARGO_BIN_EXE_p",
        "CARGO_PKG_RUST_VERSION",
    ];
    let rustups = ["CARGO_HOME", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE"];
    let unknown = [cargos, rustups].concat();
    compare(place, name, &expected, &built(None), &unknown);
    println!("{name}: as `cargo {subcommand}`");
}

fn compare(
    place: &Place,
    name: &str,
    expected: &BTreeMap<String, String>,
    built: &Built,
    but: &[&str],
) {
    let found = told(&stdout(built), place, "target/stackheap");
    let known = |key: &str| !but.contains(&key) && !key.starts_with("RUST");
    for (key, value) in expected.iter().filter(|(key, _)| known(key)) {
        assert_eq!(found.get(key), Some(value), "{name}: {key}");
    }
    let further: Vec<_> = found
        .keys()
        .filter(|key| known(key) && !expected.contains_key(*key))
        .collect();
    assert_eq!(
        further, [""; 0],
        "{name}: variables that cargo does not set"
    );
}

/// What a program told, with the paths below the user's target directory made comparable. Other
/// directories of that name (the one this test was built in) stay as they are.
fn told(text: &str, place: &Place, target_dir: &str) -> BTreeMap<String, String> {
    let (_, text) = text
        .split_once("<<")
        .unwrap_or_else(|| panic!("not told: {text}"));
    let (text, _) = text.split_once(">>").unwrap();
    let entry = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let value = if WITH_PATHS.contains(&key) {
            let mut value = value.to_owned();
            for of in ["p/sub/../", "p/"] {
                let of = place.user().join(of).display().to_string();
                value = value.replace(&format!("{of}{target_dir}/"), &format!("{of}TARGET/"));
            }
            without_hashes(&value)
        } else {
            value.to_owned()
        };
        Some((key.to_owned(), value))
    };
    text.lines().filter_map(entry).collect()
}

/// `p-0123456789abcdef` is `p-HASH`.
fn without_hashes(value: &str) -> String {
    let part = |part: &str| match part.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()) => {
            format!("{name}-HASH")
        }
        _ => part.to_owned(),
    };
    value.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn refuses_half_a_call() {
    assert!(dump_environment([]).is_err());
    assert!(dump_environment(["/no/such/directory/file".into()]).is_err());
    assert!(dump_environment(["/no/such/directory/file".into(), "program".into()]).is_err());
}
