//! What the command line prints: help, the short answer, and each format of a small recording.

#[path = "support/harness.rs"]
mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use harness::*;
use serde_json::Value as Json;

const SMALL: &str = r#"
struct Point {
    x: u32,
    y: u32,
}

fn longest(names: &[String]) -> usize {
    let mut most = 0;
    for name in names {
        most = most.max(name.len()); // <longest>
    }
    most
}

fn main() {
    let point = Point { x: 3, y: 4 };
    let names = vec![String::from("stack"), String::from("heap")];
    let boxed = Box::new(point.x + point.y);
    println!("{} {boxed}", longest(&names)); // <full>
    let moved = names;
    drop(moved);
    println!("end"); // <end>
}
"#;

/// A recording of the program above, made once.
fn recording() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let recording = fresh("cli").join("small.stackheap");
        let executable = compile("cli_small", SMALL);
        let ended = run_recorded(&executable, &recording, &Call::with_options(&["-q"]));
        assert_eq!((ended.status, ended.stdout().as_str()), (0, "5 7\nend\n"));
        recording
    })
    .clone()
}

fn call(arguments: &[&str]) -> Ended {
    finish(stackheap().args(arguments), &[])
}

fn export(arguments: &[&str]) -> Ended {
    let mut command = stackheap();
    command.arg("export").arg(recording()).args(arguments);
    finish(&mut command, &[])
}

fn shown(options: &[&str]) -> String {
    let ended = show(&recording(), options);
    assert_eq!(ended.status, 0, "{options:?}: {}", ended.stderr());
    assert_eq!(ended.stderr(), "", "{options:?}");
    ended.stdout()
}

// What it says about itself.

#[test]
fn alone_it_gives_the_short_answer() {
    let ended = call(&[]);
    assert_eq!((ended.status, ended.stderr().as_str()), (0, ""));
    insta::assert_snapshot!("short_answer", ended.stdout());
}

#[test]
fn help() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_run", &["run", "--help"]),
        ("help_show", &["show", "--help"]),
        ("help_export", &["export", "--help"]),
        ("help_ownership", &["ownership", "--help"]),
        ("help_doctor", &["doctor", "--help"]),
    ] {
        let ended = call(arguments);
        assert_eq!((ended.status, ended.stderr().as_str()), (0, ""), "{name}");
        insta::assert_snapshot!(name, ended.stdout());
    }
}

#[test]
fn version() {
    assert_eq!(
        call(&["--version"]).stdout(),
        format!("stackheap {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn cargo_stackheap_is_the_same() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cargo-stackheap"));
    let by_cargo = finish(command.args(["stackheap", "show", "--help"]), &[]);
    assert_eq!(by_cargo, call(&["show", "--help"]));
}

#[test]
fn doctor_tells_what_works() {
    let ended = call(&["doctor"]);
    let told = ended.stdout();
    for check in [
        "system",
        "Rust toolchain",
        "observing a program",
        "allocation hooks",
    ] {
        assert!(told.contains(check), "{check} is not in {told}");
    }
    // This test has recorded a program by now, or will: it is possible here.
    assert!(shown(&["--last"]).contains("STACK"));
    assert_eq!(ended.status, 0, "{told}");
    assert!(!told.contains("missing"), "{told}");
}

#[test]
fn doctor_tells_of_an_executable() {
    let directory = fresh("doctor");
    let executable = compile("cli_small", SMALL);
    let bare = directory.join("bare");
    let stripped = Command::new("strip")
        .args(["--strip-debug", "-o"])
        .args([&bare, &executable])
        .status();
    assert!(stripped.expect("binutils are there").success());
    let of = |path: &Path| {
        let mut command = stackheap();
        command.args(["doctor", "--exe"]).arg(path);
        finish(&mut command, &[])
    };
    let good = of(&executable);
    assert_eq!(good.status, 0, "{}", good.stdout());
    assert!(good.stdout().contains("Rust's four allocation functions"));
    for (path, expected) in [
        (bare.as_path(), "debug = true"),
        (&directory, "Is a directory"),
        (Path::new("/etc/passwd"), "ELF"),
        (Path::new("/no/such/program"), "No such file"),
    ] {
        let told = of(path);
        assert_eq!(told.status, 1, "{path:?}: {}", told.stdout());
        assert!(told.stdout().contains("missing"), "{}", told.stdout());
        assert!(told.stdout().contains(expected), "{}", told.stdout());
    }
    // `run` says the same of it.
    let doctor = of(&bare).stdout();
    let run = call(&["run", "--exe", bare.to_str().unwrap()]).stderr();
    let advice = run.trim().rsplit(": ").next().unwrap();
    assert!(doctor.contains(advice), "{advice:?} is not in {doctor}");
}

// A step in each format.

#[test]
fn a_step_in_words() {
    let text = shown(&["--mark", "full"]);
    let line = line_of(SMALL, "<full>");
    for piece in [
        "STACK",
        "HEAP",
        &format!("cli_small.rs:{line}"),
        "point",
        "boxed",
        "Box<u32>",
    ] {
        assert!(text.contains(piece), "{piece} is not in {text}");
    }
    assert!(
        !text.contains('\u{1b}'),
        "no colours without a terminal: {text}"
    );
    let colored = shown(&["--mark", "full", "--color", "always"]);
    assert!(
        colored.contains('\u{1b}'),
        "colours where they are asked for"
    );
    let ascii = shown(&["--mark", "full", "--ascii"]);
    assert!(ascii.is_ascii(), "{ascii}");
    assert_eq!(
        shown(&["--mark", "full"]),
        text,
        "the same input gives the same bytes"
    );
}

#[test]
fn colours_follow_the_conventions() {
    let with = |name: &str, value: &str, options: &[&str]| {
        let mut command = stackheap();
        command
            .arg("show")
            .arg(recording())
            .args(options)
            .env_remove("NO_COLOR")
            .env(name, value);
        finish(&mut command, &[]).stdout().contains('\u{1b}')
    };
    assert!(!with("TERM", "xterm", &[]));
    assert!(with("CLICOLOR_FORCE", "1", &[]));
    assert!(with("CARGO_TERM_COLOR", "always", &[]));
    assert!(!with("CARGO_TERM_COLOR", "always", &["--color", "never"]));
    assert!(with("NO_COLOR", "1", &["--color", "always"]));
}

#[test]
fn a_width_is_kept() {
    for width in [60, 80, 120] {
        let text = shown(&["--mark", "full", "--width", &width.to_string()]);
        let path = recording();
        let path = path.to_string_lossy();
        let long: Vec<&str> = text
            .lines()
            // A path or an address is not broken.
            .filter(|line| line.chars().count() > width && !line.contains("/cli_small.rs"))
            .filter(|line| !line.contains(&*path))
            .collect();
        assert!(long.is_empty(), "wider than {width}: {long:#?}");
    }
    for width in ["0", "1", "10"] {
        shown(&["--mark", "full", "--width", width]);
    }
}

#[test]
fn a_step_in_each_format() {
    let json: Json = serde_json::from_str(&shown(&["--mark", "full", "--format", "json"]))
        .expect("one JSON document");
    check_state(&json);
    assert_eq!(json["at"]["line"], line_of(SMALL, "<full>"));
    let svg = shown(&["--mark", "full", "--format", "svg"]);
    assert!(
        svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
    let markdown = shown(&["--mark", "full", "--format", "markdown"]);
    assert!(markdown.contains("`boxed`"), "{markdown}");
    // `export` gives the same.
    let export = |format: &str| {
        let ended = export(&["--mark", "full", "--format", format]);
        assert_eq!(ended.status, 0, "{}", ended.stderr());
        ended.stdout()
    };
    assert_eq!(export("svg"), svg);
    assert_eq!(export("markdown"), markdown);
}

#[test]
fn selectors_agree() {
    let step = |options: &[&str]| {
        let mut all = vec!["--format", "json"];
        all.extend(options);
        let json: Json = serde_json::from_str(&shown(&all)).expect("one JSON document");
        (
            json["step"].as_u64().expect("a number"),
            json["at"]["line"].as_u64().expect("a number"),
        )
    };
    let line = line_of(SMALL, "<longest>");
    let place = format!("cli_small.rs:{line}");
    let first = step(&["--at", &place]);
    assert_eq!(first.1, line);
    assert_eq!(first, step(&["--mark", "longest"]));
    assert_eq!(first, step(&["--step", &first.0.to_string()]));
    let second = step(&["--at", &place, "--nth", "2"]);
    assert_eq!(second.1, line);
    assert!(second.0 > first.0);
    assert_eq!(step(&["--last"]), step(&[]));
    assert!(step(&["--event", "free"]).0 > step(&["--event", "alloc"]).0);
}

#[test]
fn a_place_without_a_statement_is_explained() {
    let file = recording_source();
    for (place, expected) in [
        (format!("{file}:3"), "the nearest line with one is 8"),
        (format!("{file}:18:2"), "leave the column away"),
        ("elsewhere.rs:3".to_owned(), file.as_str()),
    ] {
        let ended = show(&recording(), &["--at", &place]);
        assert_eq!(ended.status, 2, "{place}");
        assert!(ended.stderr().contains(expected), "{}", ended.stderr());
    }
}

/// The program's file as the recording names it.
fn recording_source() -> String {
    let state: Json = serde_json::from_str(&shown(&["--last", "--format", "json"])).unwrap();
    state["at"]["file"].as_str().unwrap().to_owned()
}

#[test]
fn one_local_or_one_block() {
    let json = |options: &[&str]| -> Json {
        let all = [&["--mark", "full", "--format", "json"], options].concat();
        serde_json::from_str(&shown(&all)).unwrap()
    };
    let locals = |state: &Json| -> Vec<String> {
        array(&state["threads"])
            .iter()
            .flat_map(|thread| array(&thread["frames"]))
            .flat_map(|frame| array(&frame["locals"]))
            .map(|local| local["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let blocks = |state: &Json| array(&state["blocks"]).len();
    // The vector's own block and one for each of its two strings.
    let of_local = json(&["--local", "names"]);
    assert_eq!(
        (locals(&of_local), blocks(&of_local)),
        (vec!["names".to_owned()], 3)
    );
    // The other way round: from the text of a string to the local that owns it in the end.
    let text = array(&of_local["blocks"])
        .iter()
        .find(|block| block["value"]["text"] == "b\"heap\"")
        .unwrap();
    let of_block = json(&["--block", &text["id"].to_string()]);
    assert_eq!(
        (locals(&of_block), blocks(&of_block)),
        (vec!["names".to_owned()], 2)
    );
    // A number has nothing else.
    let boxed = json(&["--local", "boxed"]);
    assert_eq!(
        (locals(&boxed), blocks(&boxed)),
        (vec!["boxed".to_owned()], 1)
    );

    let unknown = show(&recording(), &["--mark", "full", "--local", "nobody"]);
    assert_eq!(unknown.status, 2);
    for word in ["nobody", "boxed", "names", "point"] {
        assert!(unknown.stderr().contains(word), "{}", unknown.stderr());
    }
    let unknown = show(&recording(), &["--mark", "full", "--block", "400"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.stderr().contains("#400"), "{}", unknown.stderr());

    // A row of states is one of those that have it.
    let all = export(&["--format", "jsonl"]).stdout().lines().count();
    let moved = export(&["--format", "jsonl", "--local", "most"]);
    let with_it = moved.stdout().lines().count();
    assert!((1..all).contains(&with_it), "{with_it} of {all}");
    let nowhere = export(&["--format", "jsonl", "--local", "nobody"]);
    assert_eq!((nowhere.status, nowhere.stdout().as_str()), (2, ""));
}

#[test]
fn the_table_of_stack_and_heap() {
    let table = shown(&["--compare"]);
    for piece in ["Stack", "Heap", "lifetime", "size", "values", "ownership"] {
        assert!(table.contains(piece), "{piece} is not in {table}");
    }
    let markdown = shown(&["--compare", "--format", "markdown"]);
    assert!(
        markdown.lines().any(|line| line.starts_with("| ")),
        "{markdown}"
    );
    assert_error(
        &show(&recording(), &["--compare", "--format", "svg"]),
        &["text and markdown"],
    );
}

#[test]
fn an_option_without_effect_is_refused() {
    for (options, named) in [
        (&["--compare", "--step", "999"][..], "--step"),
        (&["--compare", "--local", "boxed"], "--local"),
        (&["--compare", "--bytes"], "--bytes"),
        (&["--story", "--local", "boxed", "--mark", "full"], "--mark"),
        (&["--format", "markdown", "--bytes"], "--bytes"),
        (&["--format", "markdown", "--ascii"], "--ascii"),
        (&["--format", "json", "--ascii"], "--ascii"),
        (&["--format", "svg", "--all-frames"], "--all-frames"),
    ] {
        assert_error(&show(&recording(), options), &[named, "leave"]);
    }
    for format in ["svg", "markdown"] {
        for option in [
            &["--from", "1"][..],
            &["--to", "2"],
            &["--every", "1"],
            &["--parts"],
        ] {
            let ended = export(&[&["--format", format], option].concat());
            assert_error(&ended, &[format, option[0], "--step N"]);
        }
    }
    assert!(shown(&["--compare", "--ascii"]).is_ascii());
    let story = shown(&["--story", "--local", "boxed", "--ascii"]);
    assert!(story.is_ascii(), "{story}");
}

#[test]
fn all_frames_are_in_each_format_of_text() {
    let with = |format: &str, options: &[&str]| {
        shown(&[&["--mark", "full", "--format", format], options].concat())
    };
    for format in ["text", "json", "markdown"] {
        // The frame of std that calls `main`.
        let outer = "lang_start";
        assert!(!with(format, &[]).contains(outer), "{format}");
        let all = with(format, &["--all-frames"]);
        assert!(all.contains(outer), "{format}: {all}");
    }
}

#[test]
fn a_page_that_is_full_needs_no_more_states() {
    use clap::Parser;
    use stackheap::export::{ExportArguments, More, each_state};
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        export: ExportArguments,
    }
    let recording = stackheap_trace::Recording::open(&recording()).unwrap();
    let steps = recording.totals().steps;
    let opened = stackheap_interpret::Opened::new(recording).unwrap();
    let program = opened.program().unwrap();
    let taken = |options: &[&str]| {
        let line = ["export", "--format", "html", "a"];
        let line = Line::parse_from(line.iter().chain(options));
        let mut taken = 0;
        let left = each_state(&program, &line.export, &mut |_| {
            taken += 1;
            Ok(if taken == 3 {
                More::NotWanted
            } else {
                More::Wanted
            })
        });
        (taken, left.unwrap())
    };
    assert_eq!(taken(&[]), (3, steps - 3));
    assert_eq!(taken(&["--to", "9", "--every", "2"]), (3, 2));
    assert_eq!(taken(&["--from", "2", "--to", "3"]), (2, 0));
}

#[test]
fn the_status_of_the_program_is_told_where_nobody_reads_the_result() {
    let source = "fn main() { std::io::stdin().read_line(&mut String::new()).unwrap(); \
        std::process::exit(3); }";
    let executable = compile("cli_unread", source);
    let recording = fresh("unread").join("unread.stackheap");
    for format in ["json", "text", "markdown", "svg"] {
        let call = Call::with_options(&["--format", format]);
        let mut command = recording_command(&executable, &recording, &call);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The program waits for the end of its input; by then nobody reads the result.
        drop(child.stdout.take());
        drop(child.stdin.take());
        assert_eq!(wait(&mut child, &command).code(), Some(3), "{format}");
    }
}

#[test]
fn the_story_of_a_name_is_that_of_all_who_have_it() {
    let source = "fn main() { let x = 1; println!(\"{x}\"); let x = x + 6; println!(\"{x}\"); }";
    let executable = compile("cli_shadow", source);
    let recording = fresh("shadow").join("shadow.stackheap");
    let ended = run_recorded(&executable, &recording, &Call::with_options(&["-q"]));
    assert_eq!(ended.stdout(), "1\n7\n");
    let story = |name: &str| {
        let ended = show(&recording, &["--story", "--local", name]);
        assert_eq!(ended.status, 0, "{}", ended.stderr());
        ended.stdout()
    };
    for (name, told, not_told) in [
        ("x", &["x#1", "x#2"][..], &[][..]),
        ("x#1", &["x#1"], &["x#2"]),
        ("x#2", &["x#2"], &["x#1"]),
    ] {
        let story = story(name);
        assert!(told.iter().all(|x| story.contains(x)), "{story}");
        assert!(!not_told.iter().any(|x| story.contains(x)), "{story}");
    }
    // As in a step.
    let shown = show(&recording, &["--local", "x", "--last"]).stdout();
    assert!(shown.contains("x#1") && shown.contains("x#2"), "{shown}");
}

#[test]
fn the_story_of_a_block_and_of_a_local() {
    let state: Json = serde_json::from_str(&shown(&["--mark", "full", "--format", "json"]))
        .expect("one JSON document");
    let owned_by = |name: &str| {
        let blocks = state["blocks"].as_array().expect("an array");
        let owned = blocks
            .iter()
            .find(|block| block["owners"][0]["local"] == name);
        owned.unwrap_or_else(|| panic!("no block of `{name}` in {state}"))["id"].to_string()
    };
    let names = owned_by("names");
    let story = shown(&["--story", "--block", &names]);
    for piece in [
        &format!("block #{names}"),
        "allocated",
        "names",
        "moved",
        "freed",
    ] {
        assert!(story.contains(piece), "{piece} is not in {story}");
    }
    let story = shown(&["--story", "--local", "boxed"]);
    assert!(story.contains("`boxed`"), "{story}");
    // Of a local also what became of the block it owned, and where that came from.
    let block = owned_by("boxed");
    for piece in ["allocated block", "freed block"] {
        assert!(story.contains(&format!("{piece} #{block}:")), "{story}");
    }
    let story = shown(&["--story", "--local", "moved"]);
    let passed = format!("block #{names} passed from `names` to `moved`");
    assert!(
        story.contains(&passed) && story.contains(&format!("freed block #{names}:")),
        "{story}"
    );
    let story = shown(&["--story", "--local", "names"]);
    assert!(
        story.contains(&passed) && !story.contains("freed block"),
        "{story}"
    );
    let markdown = shown(&["--story", "--local", "boxed", "--format", "markdown"]);
    assert!(markdown.contains("`boxed`"), "{markdown}");
}

// A whole recording.

/// The keys of one state that scripts may rely on.
fn check_state(state: &Json) {
    let keys = [
        "schema_version",
        "step",
        "steps",
        "parent_step",
        "depth",
        "thread",
        "at",
        "events",
        "threads",
        "blocks",
        "statics",
        "edges",
        "output",
    ];
    has_keys(state, &keys);
    assert_eq!(state["schema_version"], 1);
    has_keys(&state["at"], &["file", "line", "column", "function"]);
    has_keys(&state["output"], &["stdout", "stderr"]);
    for event in array(&state["events"]) {
        has_keys(event, &["kind", "step", "text", "at"]);
    }
    for thread in array(&state["threads"]) {
        has_keys(thread, &["id", "name", "as_of", "stack", "frames"]);
        has_keys(
            &thread["stack"],
            &["low", "high", "limit", "used", "high_water"],
        );
        is_address(&thread["stack"]["low"]);
        for frame in array(&thread["frames"]) {
            check_frame(frame);
        }
    }
    for block in array(&state["blocks"]) {
        let keys = [
            "id",
            "address",
            "size",
            "align",
            "type",
            "state",
            "as_of",
            "owners",
            "counts",
            "allocated",
            "freed",
            "value",
        ];
        has_keys(block, &keys);
        is_address(&block["address"]);
        has_keys(&block["allocated"], &["step", "at"]);
        for owner in array(&block["owners"]) {
            let kind = owner["kind"].as_str().expect("a kind");
            let kinds = ["local", "temporary", "frame", "static", "tls", "block"];
            assert!(kinds.contains(&kind), "{owner}");
        }
        let is_explained = !array(&block["owners"]).is_empty() || block["because"].is_string();
        assert!(is_explained, "no owner without a reason: {block}");
        assert_value(&block["value"]);
    }
    for variable in array(&state["statics"]) {
        has_keys(variable, &["name", "type", "place", "value"]);
        has_keys(&variable["place"], &["region", "address", "size"]);
    }
    for edge in array(&state["edges"]) {
        has_keys(edge, &["kind", "from", "to"]);
        let kinds = [
            "owns",
            "shares",
            "weak",
            "borrows",
            "borrows-mut",
            "raw",
            "fn",
            "vtable",
        ];
        assert!(
            kinds.contains(&edge["kind"].as_str().expect("a kind")),
            "{edge}"
        );
    }
}

fn check_frame(frame: &Json) {
    has_keys(
        frame,
        &["id", "function", "at", "low", "high", "size", "locals"],
    );
    is_address(&frame["low"]);
    for local in array(&frame["locals"]) {
        has_keys(local, &["name", "type", "state", "loans", "place", "value"]);
        has_keys(&local["place"], &["region", "address", "size", "align"]);
        let states = [
            "uninit",
            "live",
            "partly-moved",
            "moved",
            "dropped",
            "out-of-scope",
            "unknown",
        ];
        let state = local["state"].as_str().expect("a state");
        assert!(states.contains(&state), "{local}");
        assert!(
            state != "unknown" || local["because"].is_string(),
            "no reason: {local}"
        );
        if ["uninit", "moved", "dropped"].contains(&state) {
            assert!(
                local["value"]["text"].is_null(),
                "no value where none is: {local}"
            );
        } else {
            assert_value(&local["value"]);
        }
    }
}

/// A value has a text, or says why it has none.
fn assert_value(value: &Json) {
    assert!(
        value["text"].is_string() || value["unknown"].is_string(),
        "no value, no reason: {value}"
    );
}

fn has_keys(json: &Json, keys: &[&str]) {
    let missing: Vec<_> = keys.iter().filter(|key| json.get(key).is_none()).collect();
    assert!(missing.is_empty(), "expected {missing:?} in {json}");
}

fn array(json: &Json) -> &Vec<Json> {
    json.as_array()
        .unwrap_or_else(|| panic!("expected an array, found {json}"))
}

fn is_address(json: &Json) {
    let text = json
        .as_str()
        .unwrap_or_else(|| panic!("expected an address, found {json}"));
    let digits = text.strip_prefix("0x").unwrap_or_default();
    assert!(
        u64::from_str_radix(digits, 16).is_ok(),
        "expected an address, found {text}"
    );
}

#[test]
fn a_state_a_line() {
    let states = states(&recording());
    states.iter().for_each(check_state);
    let numbers: Vec<u64> = states
        .iter()
        .filter_map(|state| state["step"].as_u64())
        .collect();
    let steps = states[0]["steps"].as_u64().expect("a number");
    assert_eq!(
        numbers,
        (1..=steps).collect::<Vec<u64>>(),
        "one line a step, in order"
    );
    assert_eq!(
        states.last().expect("a last one")["output"]["stdout"],
        "5 7\nend\n"
    );
    // What the program printed about itself.
    let full = states
        .iter()
        .find(|state| state["at"]["line"] == line_of(SMALL, "<full>"))
        .expect("the line was passed");
    let locals = array(&full["threads"][0]["frames"][0]["locals"]);
    let value = |name: &str| {
        let local = locals.iter().find(|local| local["name"] == name);
        local.unwrap_or_else(|| panic!("no `{name}` in {full}"))["value"]["text"].clone()
    };
    assert_eq!(value("boxed"), "7");
    assert_eq!(value("names"), "[\"stack\", \"heap\"]");
    // An event belongs to a step that is over.
    for state in &states {
        for event in array(&state["events"]) {
            assert!(
                event["step"].as_u64() < state["step"].as_u64(),
                "{event} in {state}"
            );
        }
    }
}

#[test]
fn a_range_of_states() {
    let range = |options: &[&str]| -> Vec<Json> {
        let ended = export(&[&["--format", "jsonl"], options].concat());
        assert_eq!(ended.status, 0, "{}", ended.stderr());
        let parse = |line| serde_json::from_str(line).expect("a JSON document");
        ended.stdout().lines().map(parse).collect()
    };
    let all = states(&recording());
    assert_eq!(range(&["--from", "4", "--to", "9"]), all[3..9]);
    let some = range(&["--from", "3", "--to", "10", "--every", "3"]);
    assert_eq!(some.len(), 3);
    for (found, whole) in some.iter().zip(all[2..].iter().step_by(3)) {
        for key in [
            "step", "at", "threads", "blocks", "statics", "edges", "output",
        ] {
            assert_eq!(found[key], whole[key], "{key} of step {}", whole["step"]);
        }
    }
    // What happened in the states that are left out is told by the next one.
    let allocations = |states: &[Json]| {
        let events = states.iter().flat_map(|state| array(&state["events"]));
        events.filter(|event| event["kind"] == "alloc").count()
    };
    assert_eq!(allocations(&some[1..]), allocations(&all[3..9]));
}

#[test]
fn the_parts_of_a_step() {
    let json = |part: &str| -> Json {
        let text = shown(&["--mark", "full", "--part", part, "--format", "json"]);
        serde_json::from_str(&text).unwrap()
    };
    let whole = json("0");
    assert_eq!(whole["part"], 0);
    // The line of `println!` calls `longest` first and has its result then: some part begins later
    // in the line, in the same frame, after the steps of the callee.
    let part = json("1");
    assert_eq!(
        (&part["part"], &part["step"]),
        (&Json::from(1), &whole["step"])
    );
    assert_eq!(part["at"]["function"], whole["at"]["function"]);
    assert_eq!(
        part["threads"][0]["frames"][0]["id"],
        whole["threads"][0]["frames"][0]["id"]
    );
    assert!(shown(&["--mark", "full", "--part", "1"]).contains(", part 1"));
    let missing = show(&recording(), &["--mark", "full", "--part", "400"]);
    assert_eq!(missing.status, 2);
    assert!(
        missing.stderr().contains("it has parts 0 to"),
        "{}",
        missing.stderr()
    );

    // All in a row: the steps alone, and between them their parts, in the order of the run.
    let lines = |options: &[&str]| -> Vec<Json> {
        let all = [&["--format", "jsonl"], options].concat();
        let text = export(&all).stdout();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let steps = lines(&[]);
    let parts = lines(&["--parts"]);
    assert!(parts.len() > steps.len());
    let number = |state: &Json| state["step"].as_u64().unwrap();
    let beginnings: Vec<u64> = parts
        .iter()
        .filter(|state| state["part"] == 0)
        .map(number)
        .collect();
    assert_eq!(beginnings, steps.iter().map(number).collect::<Vec<_>>());
    let of_line: Vec<&Json> = parts
        .iter()
        .filter(|state| state["step"] == whole["step"])
        .collect();
    let counted: Vec<u64> = of_line
        .iter()
        .map(|s| s["part"].as_u64().unwrap())
        .collect();
    assert_eq!(counted, (0..of_line.len() as u64).collect::<Vec<_>>());
    let alone = json("1");
    assert_eq!(
        (&alone["threads"], &alone["blocks"]),
        (&of_line[1]["threads"], &of_line[1]["blocks"])
    );
    // What happened is told once, by the state after it: nothing is lost or told twice.
    let told = |states: &[Json], kind: &str| -> usize {
        states
            .iter()
            .flat_map(|state| array(&state["events"]))
            .filter(|event| event["kind"] == kind)
            .count()
    };
    let last = parts.iter().rposition(|state| state["part"] == 0).unwrap();
    for kind in ["alloc", "free", "call", "return", "output"] {
        assert_eq!(told(&parts[..=last], kind), told(&steps, kind), "{kind}");
    }
    // Each is where the program had a place of its own.
    let places: std::collections::BTreeSet<u64> = of_line
        .iter()
        .map(|state| state["at"]["column"].as_u64().unwrap())
        .collect();
    assert!(places.len() > 1, "{places:?}");
}

#[test]
fn a_block_of_the_standard_library_is_told_by_who_allocated_it() {
    let text = shown(&["--mark", "end", "--format", "json"]);
    let state: Json = serde_json::from_str(&text).unwrap();
    // The buffer of standard output, made by the first `println!`; the witness is the type's
    // documented default capacity.
    let buffer = array(&state["blocks"])
        .iter()
        .find(|block| block["size"] == 1024)
        .expect("standard output has a buffer");
    assert_eq!(array(&buffer["owners"]).len(), 0);
    let because = buffer["because"].as_str().unwrap();
    assert!(because.contains("BufWriter"), "{because}");
    assert!(because.contains("StdoutRaw"), "{because}");
}

#[test]
fn what_happens_after_the_last_step_is_told_with_it() {
    let source = "fn main() { let v = [7]; let i = v.len(); println!(\"{}\", v[i]); }";
    let executable = compile("cli_after", source);
    let recording = fresh("cli_after").join("after.stackheap");
    let ended = run_recorded(&executable, &recording, &Call::with_options(&["-q"]));
    assert_eq!(ended.status, 101);
    let states: Vec<Json> = {
        let exported = finish(
            stackheap()
                .args(["export", "--format", "jsonl"])
                .arg(&recording),
            &[],
        );
        let lines = exported.stdout();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let (last, earlier) = states.split_last().unwrap();
    assert!(earlier.iter().all(|state| state.get("after").is_none()));
    // What the program itself wrote is in the output so far or in what comes after.
    let after: String = array(&last["after"])
        .iter()
        .filter(|event| event["kind"] == "output" && event["stream"] == "stderr")
        .filter_map(|event| event["output"].as_str())
        .collect();
    let so_far = last["output"]["stderr"].as_str().unwrap();
    assert_eq!(so_far.to_owned() + &after, ended.stderr());
    assert!(after.contains("the len is 1 but the index is 1"), "{last}");
    let text = show(&recording, &["--last"]).stdout();
    assert!(text.contains("after this last step"), "{text}");
    assert!(text.contains("to standard error"), "{text}");
}

#[test]
fn a_step_goes_to_a_file_too() {
    let file = fresh("cli_file").join("step.txt");
    let path = file.to_str().expect("UTF-8");
    for options in [
        &["--mark", "full", "--color", "always"][..],
        &["--mark", "full", "--format", "json"],
        &["--compare"],
        &["--story", "--local", "names"],
    ] {
        let printed = shown(options);
        let plain = anstream::adapter::strip_str(&printed).to_string();
        assert_eq!(shown(&[options, &["-o", path]].concat()), "");
        assert_eq!(
            std::fs::read_to_string(&file).expect("it is written"),
            plain
        );
    }
    let permissions = std::fs::metadata(&file).expect("it is there").permissions();
    let mode = std::os::unix::fs::PermissionsExt::mode(&permissions);
    assert_eq!(mode & 0o777, 0o600);
    let own = recording();
    let ended = show(&own, &["-o", own.to_str().expect("UTF-8")]);
    assert_eq!(ended.status, 2);
    assert!(
        ended.stderr().contains("the recording would be lost"),
        "{}",
        ended.stderr()
    );
}

#[test]
fn one_state_is_a_line_too() {
    let line = export(&["--format", "jsonl", "--mark", "full"]).stdout();
    let state: Json = serde_json::from_str(&line).unwrap();
    let shown: Json =
        serde_json::from_str(&shown(&["--mark", "full", "--format", "json"])).unwrap();
    assert_eq!(state, shown);
    let both = export(&["--format", "jsonl", "--mark", "full", "--from", "2"]);
    assert_eq!(both.status, 2, "{}", both.stdout());
    assert!(both.stderr().contains("--from"), "{}", both.stderr());
}

#[test]
fn what_is_exported_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = fresh("exported");
    for format in ["jsonl", "html", "svg", "markdown"] {
        let path = directory.join(format);
        // Also where a file is replaced that all could read.
        let old = write(&directory, format, "old");
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o644)).unwrap();
        let ended = export(&["--format", format, "-o", path.to_str().unwrap()]);
        assert_eq!(ended.status, 0, "{}", ended.stderr());
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{format}");
    }
}

#[test]
fn a_file_that_is_no_page_of_ours_stays() {
    let directory = fresh("pages");
    let executable = compile("cli_small", SMALL);
    let recording = directory.join("small.stackheap");
    let html = directory.join("small.html");
    std::fs::write(&html, "<html>mine").unwrap();
    assert_eq!(
        run_recorded(&executable, &recording, &Call::default()).status,
        0
    );
    assert_eq!(std::fs::read_to_string(&html).unwrap(), "<html>mine");
    let page = directory.join("small.stackheap.html");
    assert!(std::fs::read_to_string(page).unwrap().contains("stackheap"));
    // A page of ours is made anew.
    std::fs::remove_file(&html).unwrap();
    for _ in 0..2 {
        std::fs::remove_file(directory.join("small.stackheap.html")).ok();
        assert_eq!(
            run_recorded(&executable, &recording, &Call::default()).status,
            0
        );
        assert!(html.exists());
        assert!(!directory.join("small.stackheap.html").exists());
    }
}

#[test]
fn without_values_neither_output_nor_arguments_are_kept() {
    let source = "fn main() { println!(\"told {}\", std::env::args().nth(1).unwrap()); let end = 1; drop(end); }";
    let executable = compile("cli_teller", source);
    let recording = fresh("without_values").join("teller.stackheap");
    let mut call = Call::with_arguments(&["confidential"]);
    let kept = |call: &Call| {
        let ended = run_recorded(&executable, &recording, call);
        assert_eq!(ended.stdout(), "told confidential\n");
        let opened = stackheap_trace::Recording::open(&recording).unwrap();
        let arguments = opened.header().arguments.join(" ");
        let mut command = stackheap();
        command
            .args(["export", "--format", "jsonl"])
            .arg(&recording);
        let states = finish(&mut command, &[]);
        (ended.stderr() + &arguments + &states.stdout()).contains("confidential")
    };
    assert!(kept(&call), "the witness: with values they are there");
    call.options = vec!["--no-values".to_owned()];
    assert!(!kept(&call));
}

#[test]
fn a_state_is_the_same_alone_and_in_a_row() {
    let all = states(&recording());
    for step in [1, 4, all.len()] {
        let options = ["--format", "json", "--step", &step.to_string()];
        let alone: Json = serde_json::from_str(&shown(&options)).expect("one JSON document");
        assert_eq!(alone, all[step - 1], "step {step}");
    }
}

#[test]
fn a_page_is_one_file() {
    let directory = fresh("cli-page");
    let path = directory.join("page.html");
    let ended = export(&["--format", "html", "-o", &path.to_string_lossy()]);
    assert_eq!((ended.status, ended.stdout().as_str()), (0, ""));
    assert!(
        ended.stderr().contains("it carries the program's memory"),
        "{}",
        ended.stderr()
    );
    let page = std::fs::read_to_string(&path).expect("the page was written");
    assert!(page.to_ascii_lowercase().starts_with("<!doctype html>"));
    assert_eq!(
        export(&["--format", "html"]).stdout(),
        page,
        "the same on standard output"
    );
    for scheme in ["http://", "https://"] {
        for (at, _) in page.match_indices(scheme) {
            let before = &page[at.saturating_sub(40)..at];
            let namespace = page[at..].starts_with("http://www.w3.org/");
            assert!(
                namespace,
                "the page refers to the network: {before}{}",
                &page[at..at + 40]
            );
        }
    }
    for reference in ["src=\"", "href=\"//", "@import", "<link", "<iframe"] {
        for (at, _) in page.match_indices(reference) {
            let rest = &page[at..(at + 60).min(page.len())];
            assert!(
                rest.contains("data:"),
                "the page refers to another file: {rest}"
            );
        }
    }
    let files: Vec<_> = std::fs::read_dir(&directory)
        .expect("it can be listed")
        .collect();
    assert_eq!(files.len(), 1, "nothing lies beside it");
}

#[test]
fn the_answer_of_a_run() {
    let executable = compile("cli_small", SMALL);
    let recording = fresh("cli-answer").join("answer.stackheap");
    let ended = run_recorded(&executable, &recording, &Call::default());
    assert_eq!((ended.status, ended.stdout().as_str()), (0, "5 7\nend\n"));
    let answer = ended.stderr();
    for piece in [
        "Recorded ",
        " steps (",
        " stops), 1 thread, ",
        "peak ",
        "Stack",
        "Heap",
        "lifetime",
        "next",
    ] {
        assert!(answer.contains(piece), "{piece} is not in {answer}");
    }
    assert!(answer.contains(&*recording.to_string_lossy()), "{answer}");
    // The commands that it names work.
    let commands: Vec<&str> = answer
        .lines()
        .filter_map(|line| line.strip_prefix("  stackheap "))
        .collect();
    assert_eq!(commands.len(), 3, "{answer}");
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        let mut stackheap = stackheap();
        stackheap
            .args(words)
            .current_dir(recording.parent().expect("it is in a directory"));
        let ended = finish(&mut stackheap, &[]);
        assert_eq!(ended.status, 0, "{command}: {}", ended.stderr());
    }
}

#[test]
fn the_readme_tells_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let recording = fresh("readme").join("tour.stackheap");
    let mut command = stackheap();
    command.args(["run", "--no-open", "-o"]).arg(&recording);
    let tour = finish(command.arg(root.join("examples/tour.rs")), &[]);
    assert_eq!(tour.status, 0, "{}", tour.stderr());
    let answer = tour.stderr();
    let first = |text: &str| -> String {
        let line = text.lines().find(|line| line.starts_with("Recorded "));
        line.and_then(|line| line.split(" steps").next())
            .expect("the answer begins so")
            .to_owned()
    };
    assert_eq!(first(&readme), first(&answer));
    let heading = readme
        .lines()
        .find_map(|line| line.strip_prefix("step "))
        .and_then(|line| line.split(" ·").next())
        .expect("it shows a step");
    assert!(answer.contains(&format!("step {heading} · ")), "{heading}");
    let shown: Vec<Vec<&str>> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("cargo run --release -- show "))
        .map(|line| line.split('#').next().unwrap_or_default())
        .map(|options| options.split_whitespace().collect())
        .collect();
    assert!(shown.len() > 3, "{shown:?}");
    for options in shown {
        let ended = show(&recording, &options);
        assert_eq!(ended.status, 0, "{options:?}: {}", ended.stderr());
    }
}

#[test]
fn the_last_recording_is_shown_by_default() {
    let cache = fresh("cli-cache");
    let directory = fresh("cli-default");
    let file = write(&directory, "small.rs", SMALL);
    let mut run = stackheap();
    run.args(["run", "-q"])
        .arg(&file)
        .env("XDG_CACHE_HOME", &cache);
    assert_eq!(finish(&mut run, &[]).status, 0);
    let mut show = stackheap();
    show.args(["show", "--mark", "full"])
        .env("XDG_CACHE_HOME", &cache);
    let shown = finish(&mut show, &[]);
    assert_eq!(shown.status, 0, "{}", shown.stderr());
    assert!(shown.stdout().contains("small::main"), "{}", shown.stdout());
    // The user's directory has nothing but the user's file.
    let files: Vec<_> = std::fs::read_dir(&directory)
        .expect("it can be listed")
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

/// Runs `stackheap` with a cache of its own; gives what it told.
fn in_cache(cache: &Path, arguments: &[&str]) -> Ended {
    let mut command = stackheap();
    command.args(arguments).env("XDG_CACHE_HOME", cache);
    finish(&mut command, &[])
}

#[test]
fn programs_of_one_name_have_recordings_of_their_own() {
    let directory = fresh("one-name");
    let cache = directory.join("cache");
    let mut shows = Vec::new();
    for name in ["first", "second"] {
        let source =
            format!("fn {name}() {{ println!(\"{name}\"); }}\nfn main() {{ {name}(); }}\n");
        let file = write(&directory, &format!("{name}/main.rs"), source);
        let file = file.to_str().unwrap();
        // The same program again, with another text, has the same recording.
        for _ in 0..2 {
            let ended = in_cache(&cache, &["run", "--no-open", file]);
            assert_eq!(ended.status, 0, "{}", ended.stderr());
            let answer = ended.stderr();
            let show = answer
                .lines()
                .find_map(|line| line.strip_prefix("  stackheap show "));
            let path = show.and_then(|rest| rest.split(' ').next()).unwrap();
            shows.push((name, path.to_owned()));
            std::fs::write(file, std::fs::read_to_string(file).unwrap() + "// more\n").unwrap();
        }
    }
    shows.dedup();
    assert_eq!(shows.len(), 2, "{shows:?}");
    assert_ne!(shows[0].1, shows[1].1);
    for (name, path) in &shows {
        let ended = in_cache(&cache, &["export", "--format", "jsonl", path]);
        let function = format!("main::{name}\"");
        assert!(ended.stdout().contains(&function), "{}", ended.stdout());
        // Its page has the program's name, and not all of the path's.
        let page = std::fs::read_to_string(Path::new(path).with_extension("html")).unwrap();
        assert!(page.contains("<title>main · stackheap</title>"));
    }
    // Without a path the newest is shown.
    let ended = in_cache(&cache, &["show", "--event", "output", "--format", "json"]);
    assert!(ended.stdout().contains("second"), "{}", ended.stdout());
}

#[test]
fn a_run_answers_for_its_own_program_alone() {
    let waiting = "fn waiting() { println!(\"started\"); \
        std::io::stdin().read_line(&mut String::new()).unwrap(); }\nfn main() { waiting(); }\n";
    let other = "fn other() { println!(\"other\"); }\nfn main() { other(); }\n";
    let recording = fresh("own-answer").join("run.stackheap");
    let executable = compile("cli_waiting", waiting);
    let mut command = recording_command(&executable, &recording, &Call::default());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    receive_until(&stdout, "started\n");
    // Another run puts its recording in the place of the one that is being written.
    let executable = compile("cli_other", other);
    let ended = run_recorded(&executable, &recording, &Call::default());
    assert!(ended.stderr().contains("cli_other::"), "{}", ended.stderr());
    drop(child.stdin.take());
    assert!(wait(&mut child, &command).success());
    let answer = String::from_utf8(receive(&stderr)).unwrap();
    assert!(answer.contains("cli_waiting::"), "{answer}");
    assert!(!answer.contains("cli_other::"), "{answer}");
}

#[test]
fn a_note_and_its_blocks() {
    let directory = fresh("cli-note");
    let note = "# A note\n\n```rust\nlet text = String::from(\"from a note\");\n\
        println!(\"{text}\");\n```\n\n```rust\nfn main() {\n    println!(\"second\");\n}\n```\n";
    write(&directory, "note.md", note);
    for (target, output) in [("note.md#1", "from a note\n"), ("note.md#2", "second\n")] {
        let mut run = stackheap();
        run.args(["run", "-o", "out.stackheap", target])
            .current_dir(&directory);
        let ended = finish(&mut run, &[]);
        assert_eq!(
            (ended.status, ended.stdout().as_str()),
            (0, output),
            "{}",
            ended.stderr()
        );
    }
}
