//! `stackheap ownership`: the programs of `tests/ownership` as they are drawn, and what it says of
//! programs that are wrong, large, cut or strange.
//!
//! Two witnesses do not come from the compiler's texts. A program that prints its drops says in which
//! order they are. And rustc itself says where a borrow holds: a conflicting use at its first line is
//! refused, and behind its last one accepted.

#[path = "support/harness.rs"]
mod harness;
#[path = "../../stackheap-report/tests/schema/mod.rs"]
mod schema;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::*;
use serde_json::Value as Json;

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ownership")
}

/// The command, from a directory, for a terminal that has all characters.
fn ownership(directory: &Path) -> Command {
    let mut command = stackheap();
    command
        .arg("ownership")
        .current_dir(directory)
        .env("TERM", "xterm")
        .env("LC_ALL", "C.UTF-8");
    command
}

fn shown(directory: &Path, arguments: &[&str]) -> Ended {
    finish(ownership(directory).args(arguments), &[])
}

#[track_caller]
fn good(directory: &Path, arguments: &[&str]) -> String {
    let ended = shown(directory, arguments);
    assert_eq!(ended.status, 0, "{arguments:?}: {}", ended.stderr());
    ended.stdout()
}

#[track_caller]
fn json(directory: &Path, arguments: &[&str]) -> Json {
    let text = good(directory, &[arguments, &["--format", "json"]].concat());
    let json: Json = serde_json::from_str(&text).unwrap();
    let schema = include_str!("../../stackheap-report/schema/ownership.schema.json");
    let schema: Json = serde_json::from_str(schema).unwrap();
    assert_eq!(
        schema::errors(&schema, &schema, &json, "ownership"),
        Vec::<String>::new(),
        "{arguments:?}"
    );
    json
}

fn function<'a>(json: &'a Json, name: &str) -> &'a Json {
    let functions = json["functions"].as_array().unwrap();
    let found = functions.iter().find(|function| function["name"] == name);
    found.unwrap_or_else(|| panic!("no function {name} in {json}"))
}

fn names(json: &Json) -> Vec<&str> {
    let functions = json["functions"].as_array().unwrap().iter();
    functions.map(|f| f["name"].as_str().unwrap()).collect()
}

// The drawings.

#[test]
fn every_program_is_drawn_as_reviewed() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(programs())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some(OsStr::new("rs")))
        .collect();
    files.sort();
    assert!(files.len() >= 25, "{} programs", files.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(programs().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        for file in files {
            let name = file.file_name().unwrap().to_str().unwrap();
            let drawing = good(&programs(), &[name, "--width", "100"]);
            for line in drawing.lines() {
                assert!(line.chars().count() <= 100, "{name}: {line}");
            }
            insta::assert_snapshot!(name.trim_end_matches(".rs"), drawing);
            check_laws(name, &json(&programs(), &[name]));
        }
    });
}

/// What holds for all programs.
fn check_laws(name: &str, json: &Json) {
    let place = |at: &Json| (at["line"].as_u64().unwrap(), at["column"].as_u64().unwrap());
    for function in json["functions"].as_array().unwrap() {
        assert_eq!(function["confidence"], "full", "{name}: {function}");
        let span = &function["span"];
        let inside = |at: &Json| {
            let at = place(at);
            place(&span["from"]) <= at && at <= place(&span["to"])
        };
        for variable in function["variables"].as_array().unwrap() {
            let what = format!("{name}, {}, {}", function["name"], variable["name"]);
            let states = variable["states"].as_array().unwrap();
            for state in states {
                assert!(
                    place(&state["from"]) < place(&state["to"]),
                    "{what}: {state}"
                );
                assert!(inside(&state["from"]), "{what}: {state}");
            }
            for pair in states.windows(2) {
                assert!(
                    place(&pair[0]["to"]) <= place(&pair[1]["from"]),
                    "{what}: {pair:?}"
                );
                let follow = place(&pair[0]["to"]) == place(&pair[1]["from"]);
                assert!(
                    !follow || pair[0]["state"] != pair[1]["state"],
                    "{what}: {pair:?}"
                );
            }
            for event in variable["events"].as_array().unwrap() {
                assert!(inside(&event["at"]), "{what}: {event}");
            }
        }
        for loan in function["loans"].as_array().unwrap() {
            assert!(inside(&loan["at"]), "{name}: {loan}");
        }
    }
}

#[test]
fn a_small_program_as_json() {
    insta::assert_snapshot!(
        "ownership_json",
        good(
            &programs(),
            &["moves.rs", "--function", "consume", "--format", "json"]
        )
    );
}

#[test]
fn markdown_has_a_block_for_each_function() {
    let text = good(
        &programs(),
        &["conditional_move.rs", "--format", "markdown"],
    );
    insta::assert_snapshot!("ownership_markdown", text);
}

#[test]
fn ascii_where_the_terminal_has_nothing_else() {
    let asked = good(&programs(), &["conditional_move.rs", "--ascii"]);
    assert!(asked.is_ascii(), "{asked}");
    for (variable, value) in [("TERM", "dumb"), ("LC_ALL", "C")] {
        let mut command = ownership(&programs());
        let ended = finish(command.arg("conditional_move.rs").env(variable, value), &[]);
        assert_eq!(ended.stdout(), asked, "{variable}={value}");
    }
    insta::assert_snapshot!("ownership_ascii", asked);
}

#[test]
fn borrow_is_the_same() {
    let mut command = stackheap();
    command
        .args(["borrow", "moves.rs", "--ascii"])
        .current_dir(programs());
    let by_alias = finish(&mut command, &[]);
    assert_eq!(
        by_alias.stdout(),
        good(&programs(), &["moves.rs", "--ascii"])
    );
}

// The witnesses.

#[test]
fn drops_are_in_the_order_that_the_program_prints() {
    let source = std::fs::read_to_string(programs().join("drops_witness.rs")).unwrap();
    let executable = compile("drops_witness", &source);
    let printed = run_plain(&executable, &Call::default()).stdout();
    let printed: Vec<&str> = printed.lines().collect();
    assert!(printed.len() > 12, "{printed:?}");
    let json = json(&programs(), &["drops_witness.rs"]);
    let mut drops: Vec<(u64, String)> = Vec::new();
    for variable in function(&json, "main")["variables"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        for event in variable["events"].as_array().unwrap() {
            let dropped: Vec<&str> = match event["what"].as_str() {
                Some("whole") => vec![name],
                Some("parts") => {
                    let parts = event["parts"].as_array().unwrap().iter();
                    parts.map(|part| part["part"].as_str().unwrap()).collect()
                }
                None if event["to"]["callee"] == "drop" => vec![name],
                _ => Vec::new(),
            };
            assert!(
                dropped.is_empty() || event["certainty"] == "always",
                "{event}"
            );
            let order = event["order"].as_u64().unwrap();
            let of_noisy = dropped.into_iter().filter_map(|name| noisy(variable, name));
            drops.extend(of_noisy.map(|name| (order, name)));
        }
    }
    drops.sort_by_key(|(order, _)| *order);
    let drops: Vec<&str> = drops.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(drops, printed);
}

/// What a dropped thing prints: its name, or what its expression says; nothing where none prints.
fn noisy(variable: &Json, name: &str) -> Option<String> {
    let literal = name.split_once("Noisy(\"").map(|(_, rest)| rest);
    let literal = literal.and_then(|rest| rest.split_once('"'));
    match literal {
        Some((literal, _)) => Some(literal.to_owned()),
        None if variable["role"] == "temporary" => None,
        None => Some(name.to_owned()),
    }
}

#[test]
fn rustc_refuses_a_conflict_while_a_borrow_holds_and_no_later() {
    let directory = fresh("ownership_borrow_ends");
    let mut probed = 0;
    for program in ["borrows.rs", "closures.rs", "references.rs"] {
        let source = std::fs::read_to_string(programs().join(program)).unwrap();
        // What is not declared `mut` would be refused for that.
        let source = source.replace("let text =", "let mut text =");
        let source = source.replace("let words =", "let mut words =");
        write(&directory, program, &source);
        let json = json(&directory, &[program]);
        for function in json["functions"].as_array().unwrap() {
            for loan in function["loans"].as_array().unwrap() {
                let first = loan["at"]["line"].as_u64().unwrap();
                let until = loan["until"].as_array().unwrap();
                let [end] = until.as_slice() else { continue };
                let last = end["line"].as_u64().unwrap();
                let variables = function["variables"].as_array().unwrap();
                let variable = variables.iter().find(|v| v["name"] == loan["variable"]);
                let is_mutable = variable.is_some_and(|v| v["mutable"] == true);
                let is_whole = loan["part"].is_null();
                if !is_mutable || !is_whole || first == last {
                    continue;
                }
                let name = loan["variable"].as_str().unwrap();
                let probe = format!("drop(&mut {name});");
                let with = |line| refused(&directory, &inserted(&source, line, &probe));
                let what = format!("{program}: {loan}");
                let early = with(first + 1).unwrap_or_else(|| panic!("{what} does not hold"));
                assert!(
                    early.contains("E0499") || early.contains("E0502"),
                    "{what}: {early}"
                );
                assert_eq!(with(last + 1), None, "{what} holds longer");
                probed += 1;
            }
        }
    }
    assert!(probed >= 6, "{probed} borrows");
}

/// A text with a line of its own before this one.
fn inserted(source: &str, before: u64, line: &str) -> String {
    let mut lines: Vec<&str> = source.lines().collect();
    lines.insert(usize::try_from(before).unwrap() - 1, line);
    lines.join("\n")
}

/// What rustc says against a program; `None` if it accepts it.
fn refused(directory: &Path, source: &str) -> Option<String> {
    write(directory, "probe.rs", source);
    let output = rustc_alone(directory, "probe.rs");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn rustc_alone(directory: &Path, file: &str) -> std::process::Output {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Command::new(rustc)
        .args(["--edition", "2024", "--emit=metadata", "--color", "never"])
        .args(["--out-dir", "out", "--", file])
        .current_dir(directory)
        .output()
        .unwrap()
}

// What is wrong with a program is said by the compiler.

#[test]
fn what_the_compiler_refuses_is_said_in_its_words() {
    let directory = fresh("ownership_refused");
    for (name, source) in [
        (
            "moved.rs",
            "fn main() {\n    let s = String::new();\n    let t = s;\n    println!(\"{s}{t}\");\n}\n",
        ),
        ("types.rs", "fn main() {\n    let n: u32 = \"x\";\n}\n"),
        ("syntax.rs", "fn main( {\n"),
        // A release does not take what stands there, whoever asks.
        (
            "feature.rs",
            "#![feature(never_type)]\nfn main() {\n    let x: ! = loop {};\n}\n",
        ),
    ] {
        write(&directory, name, source);
        let plain = rustc_alone(&directory, name);
        let ended = shown(&directory, &[name]);
        if name == "feature.rs" {
            // On a nightly toolchain it is accepted.
            assert!([0, 101].contains(&ended.status));
            continue;
        }
        assert_eq!(
            (ended.status, ended.stdout()),
            (101, String::new()),
            "{name}"
        );
        assert_eq!(
            ended.stderr(),
            String::from_utf8_lossy(&plain.stderr),
            "{name}"
        );
    }
}

#[test]
fn warnings_are_passed_on_each_time() {
    let directory = fresh("ownership_warned");
    write(
        &directory,
        "warned.rs",
        "fn main() {\n    let unused = 1;\n}\n",
    );
    let plain = rustc_alone(&directory, "warned.rs");
    for _ in 0..2 {
        let ended = shown(&directory, &["warned.rs"]);
        assert_eq!(ended.status, 0);
        assert_eq!(ended.stderr(), String::from_utf8_lossy(&plain.stderr));
    }
}

#[test]
fn an_executable_is_no_source() {
    let ended = shown(&programs(), &["--exe", "/bin/true"]);
    assert_eq!(ended.status, 2);
    assert!(
        ended.stderr().contains("expected source code"),
        "{}",
        ended.stderr()
    );
}

#[test]
fn functions_are_chosen_by_name_file_and_line() {
    let chosen = |arguments: &[&str]| {
        let json = json(&programs(), &[&["match_arms.rs"], arguments].concat());
        names(&json).join(" ")
    };
    assert_eq!(chosen(&["--function", "show"]), "show");
    assert_eq!(chosen(&["--line", "20"]), "main");
    assert_eq!(chosen(&["--file", "match_arms.rs", "--line", "8"]), "show");
    let ended = shown(&programs(), &["match_arms.rs", "--function", "nowhere"]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr().contains("`nowhere`"), "{}", ended.stderr());
    // What an attribute made is shown where it is asked for.
    assert!(
        !names(&json(&programs(), &["patterns.rs"]))
            .iter()
            .any(|n| n.contains("Debug"))
    );
    assert!(names(&json(&programs(), &["patterns.rs", "--all"])).contains(&"<Debug>::fmt"));
}

// Strange input.

#[test]
fn a_long_line_and_a_long_function_are_cut() {
    let directory = fresh("ownership_long");
    let mut source = format!("fn main() {{\n    let text = \"{}\";\n", "x".repeat(30_000));
    for number in 0..3000 {
        source.push_str(&format!("    let n{number} = text.len() + {number};\n"));
    }
    source.push_str("    let last = String::from(text);\n    drop(last);\n}\n");
    write(&directory, "long.rs", &source);
    let drawing = good(&directory, &["long.rs", "-q"]);
    for line in drawing.lines() {
        assert!(
            line.chars().count() <= 100,
            "{} characters",
            line.chars().count()
        );
    }
    assert!(drawing.contains("`last` moved into `drop`"), "{drawing}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_not_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let directory = fresh("ownership_bytes");
    let file = OsStr::from_bytes(b"caf\xe9 1.rs");
    let path = directory.join(file);
    std::fs::write(
        &path,
        "fn main() {\n    let s = String::new();\n    drop(s);\n}\n",
    )
    .unwrap();
    let ended = finish(ownership(&directory).arg(file), &[]);
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    assert!(
        ended.stdout().contains("`s` moved into `drop`"),
        "{}",
        ended.stdout()
    );
    assert!(
        ended.stdout().contains("let s = String::new();"),
        "{}",
        ended.stdout()
    );
}

#[test]
fn standard_input_and_notes() {
    let directory = fresh("ownership_notes");
    let ended = finish(
        ownership(&directory).args(["-", "--format", "json"]),
        b"fn main() { let s = String::new(); drop(s); }",
    );
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    assert_eq!(function(&ended.json(), "main")["file"], "<stdin>");
    let note =
        "# A note\n\n```rust\nlet s = String::new();\nlet t = s;\nassert!(t.is_empty());\n```\n";
    write(&directory, "note.md", note);
    let text = good(&directory, &["note.md#1"]);
    assert!(text.contains("`s` moved into `t`"), "{text}");
    assert!(text.contains("4 │"), "{text}");
}

/// The directory in which the compiler's texts of a file are kept.
fn kept(cache: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(cache.join("stackheap/checks")).unwrap();
    entries.next().unwrap().unwrap().path()
}

#[test]
fn texts_that_are_cut_or_unknown_give_what_is_left_and_why() {
    let directory = fresh("ownership_cut");
    let cache = directory.join("cache");
    let source = "fn main() {\n    let s = String::from(\"a\");\n    let t = s;\n    println!(\"{t}\");\n}\n";
    write(&directory, "cut.rs", source);
    let known = |what: &str| {
        let mut command = ownership(&directory);
        command
            .args(["cut.rs", "--format", "json"])
            .env("XDG_CACHE_HOME", &cache);
        let ended = finish(&mut command, &[]);
        assert_eq!(ended.status, 0, "{what}: {}", ended.stderr());
        function(&ended.json(), "main").clone()
    };
    assert_eq!(known("whole")["confidence"], "full");
    let file = kept(&cache).join("borrow-checked.mir");
    let whole = std::fs::read_to_string(&file).unwrap();
    let ends = || {
        let ends = (0..=whole.len()).step_by(1501);
        ends.filter(|end| whole.is_char_boundary(*end))
    };
    // What is lost of the first text, the second one still has in part.
    for end in ends() {
        std::fs::write(&file, &whole[..end]).unwrap();
        let function = known("cut");
        assert_eq!(function["confidence"], "without-loans", "cut at {end}");
        assert!(function["reason"].is_string(), "cut at {end}: {function}");
    }
    // Of both, as much is known as is there.
    let second = kept(&cache).join("elaborated.mir");
    let elaborated = std::fs::read_to_string(&second).unwrap();
    std::fs::write(&second, "").unwrap();
    let mut seen = BTreeSet::new();
    for end in ends() {
        std::fs::write(&file, &whole[..end]).unwrap();
        let mut command = ownership(&directory);
        command.args(["cut.rs", "--format", "json"]);
        let ended = finish(command.env("XDG_CACHE_HOME", &cache), &[]);
        assert_eq!(ended.status, 0, "cut at {end}: {}", ended.stderr());
        for function in ended.json()["functions"].as_array().unwrap() {
            assert!(function["reason"].is_string(), "cut at {end}: {function}");
            seen.insert(function["confidence"].as_str().unwrap().to_owned());
        }
    }
    assert!(seen.contains("events"), "{seen:?}");
    std::fs::write(&second, elaborated).unwrap();
    for (good, strange, confidence) in [
        (
            "_3 = move _1;",
            "_3 = teleport _1 ~> hyperspace;",
            "partial",
        ),
        ("StorageLive(_3);", "Quantum{_3} superposed;", "partial"),
        // What is left of the control flow is in the other text.
        ("goto -> bb", "warp -> cc", "without-loans"),
    ] {
        if !whole.contains(good) {
            continue;
        }
        std::fs::write(&file, whole.replace(good, strange)).unwrap();
        let function = known(strange);
        assert_eq!(function["confidence"], confidence, "{strange}: {function}");
        assert!(function["reason"].is_string(), "{strange}");
    }
    // Nothing of the first text: moves and drops are known from the second one.
    std::fs::write(&file, "").unwrap();
    let function = known("nothing");
    assert_eq!(function["confidence"], "without-loans");
    assert!(!function["variables"].as_array().unwrap().is_empty());
}

// Packages.

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/workspaces/shop")
}

#[test]
fn the_targets_of_a_workspace() {
    let target = fresh("ownership_shop");
    let target = target.to_str().unwrap();
    let lock = std::fs::read(shop().join("Cargo.lock")).ok();
    let of = |arguments: &[&str]| {
        let common = ["--target-dir", target, "--offline"];
        json(&shop(), &[arguments, &common].concat())
    };
    let files = |json: &Json| {
        let functions = json["functions"].as_array().unwrap().iter();
        let mut files: Vec<String> = functions
            .map(|f| f["file"].as_str().unwrap().to_owned())
            .collect();
        files.dedup();
        files
    };
    let till = of(&["-p", "till"]);
    assert!(
        files(&till).contains(&"till/src/main.rs".to_owned()),
        "{:?}",
        files(&till)
    );
    // What its build script makes is the user's too.
    let is_own = |file: &String| file.starts_with("till/") || file.ends_with("out/rates.rs");
    assert!(files(&till).iter().all(is_own), "{:?}", files(&till));
    // A path dependency outside of the workspace is compiled as others' code is.
    let missing = till["missing"].as_array().unwrap();
    assert!(
        missing.iter().any(|missing| missing["crate"] == "scales"),
        "{missing:?}"
    );
    let library = of(&["-p", "catalog", "--lib"]);
    assert_eq!(files(&library), ["catalog/src/lib.rs"]);
    let example = of(&["-p", "catalog", "--example", "stock"]);
    assert_eq!(files(&example), ["catalog/examples/stock.rs"]);
    // A file of another member, by its name.
    let other = of(&["-p", "till", "--file", "catalog/src/lib.rs"]);
    assert_eq!(files(&other), ["catalog/src/lib.rs"]);
    // Nothing is compiled again, and nothing of the user's is changed.
    let again = shown(
        &shop(),
        &["-p", "till", "--target-dir", target, "--offline"],
    );
    assert_eq!(again.status, 0);
    assert!(!again.stderr().contains("Checking"), "{}", again.stderr());
    assert_eq!(std::fs::read(shop().join("Cargo.lock")).ok(), lock);
}

#[test]
fn a_package_that_is_refused_is_refused_in_cargos_words() {
    let directory = fresh("ownership_package");
    write(
        &directory,
        "Cargo.toml",
        "[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
    );
    write(
        &directory,
        "src/main.rs",
        "fn main() {\n    let s = String::new();\n    drop(s);\n    drop(s);\n}\n",
    );
    let mut plain = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let plain = plain
        .args([
            "check",
            "--bin",
            "broken",
            "--color",
            "never",
            "--target-dir",
            "other",
        ])
        .env_remove("CARGO_TERM_COLOR")
        .current_dir(&directory)
        .output()
        .unwrap();
    std::fs::remove_file(directory.join("Cargo.lock")).unwrap();
    let ended = shown(&directory, &["--color", "never"]);
    assert_eq!((ended.status, ended.stdout()), (101, String::new()));
    assert_eq!(ended.stderr(), String::from_utf8_lossy(&plain.stderr));
    assert!(!directory.join("Cargo.lock").exists());
    // Once it is mended, all is known, though cargo would not call rustc again for what is fresh.
    write(
        &directory,
        "src/main.rs",
        "fn main() {\n    let s = String::new();\n    drop(s);\n}\n",
    );
    assert!(good(&directory, &[]).contains("`s` moved into `drop`"));
    let calls = directory.join("target/stackheap/debug/stackheap-calls");
    for entry in std::fs::read_dir(&calls).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    assert!(good(&directory, &[]).contains("`s` moved into `drop`"));
}
