//! What lies in a frame beside its locals, against gdb.

#[path = "support/harness.rs"]
mod harness;

use std::collections::BTreeMap;
use std::process::Command;

use harness::*;
use serde_json::Value as Json;

/// Optimised, so that the inner function keeps its values in registers that are its caller's.
const PROGRAM: &str = r#"
use std::hint::black_box;
#[inline(never)]
fn keep(a: u64, b: u64, c: u64) -> u64 {
    let (x, y) = (black_box(a), black_box(b));
    told(x);
    told(y); // here
    let z = black_box(c);
    told(z);
    x + y + z
}
#[inline(never)]
fn told(x: u64) {
    println!("{}", black_box(x));
}
fn main() {
    println!("{}", keep(1, 2, 3));
}
"#;

/// Register name to its slot's distance below the frame's upper end.
type Slots = BTreeMap<String, u64>;

fn gdb_slots(executable: &std::path::Path, place: &str) -> Slots {
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-ex"])
        .arg(format!("break {place}"))
        .args(["-ex", "run", "-ex", "info frame"])
        .arg(executable)
        .output()
        .expect("gdb can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |text: &str| u64::from_str_radix(text.trim().trim_start_matches("0x"), 16);
    let frame = text
        .lines()
        .find_map(|line| line.strip_prefix("Stack level 0, frame at "))
        .unwrap_or_else(|| panic!("no frame in {text}"));
    let high = number(frame.trim_end_matches(':')).unwrap();
    let saved = text
        .lines()
        .skip_while(|line| !line.contains("Saved registers:"))
        .nth(1)
        .unwrap_or_else(|| panic!("no registers in {text}"));
    saved
        .split(',')
        .map(|one| one.trim().split_once(" at ").unwrap())
        .map(|(register, at)| (register.to_owned(), high - number(at).unwrap()))
        .collect()
}

fn own_slots(frame: &Json) -> Slots {
    let number = |json: &Json| {
        let text = json.as_str().unwrap().trim_start_matches("0x");
        u64::from_str_radix(text, 16).unwrap()
    };
    let high = number(&frame["high"]);
    let others = frame["other_bytes"].as_array().unwrap();
    others
        .iter()
        .filter_map(|bytes| {
            let name = match bytes["kind"].as_str().unwrap() {
                "saved-register" => bytes["note"].as_str().unwrap(),
                "return-address" => "rip",
                _ => return None,
            };
            assert_eq!(bytes["size"], 8);
            Some((name.to_owned(), high - number(&bytes["address"])))
        })
        .collect()
}

#[test]
fn saved_registers_are_where_gdb_finds_them() {
    if !skip::has("gdb") {
        return;
    }
    let executable = compile_with("saved_registers", PROGRAM, &["-g", "-O"]);
    let line = line_of(PROGRAM, "// here");
    let source = source_of(&executable);
    let name = source.file_name().unwrap().to_str().unwrap();
    let place = format!("{name}:{line}");
    let recording = fresh("saved_registers").join("program.stackheap");
    let ended = run_recorded(&executable, &recording, &Call::with_options(&["-q"]));
    assert_eq!(ended.stdout(), "1\n2\n3\n6\n", "{}", ended.stderr());
    let states = states(&recording);
    let state = states
        .iter()
        .find(|state| state["at"]["line"] == line)
        .expect("the line is recorded");
    let own = own_slots(&state["threads"][0]["frames"][0]);
    let gdbs = gdb_slots(&executable, &place);
    assert!(gdbs.len() > 1, "the witness sees saved registers: {gdbs:?}");
    assert_eq!(own, gdbs);
}

/// Optimised, so that the loop of `collect` stands in `main`, in place of the call.
const INLINED_LOOP: &str = r#"
fn main() {
    let count = std::env::args().nth(1).unwrap().parse().unwrap();
    let blocks: Vec<Box<u64>> = std::iter::repeat_with(Box::<u64>::default).take(count).collect();
    println!("{}", blocks.len());
}
"#;

#[test]
fn a_loop_of_the_callee_is_one_passing_of_the_call() {
    let executable = compile_with("inlined_loop", INLINED_LOOP, &["-g", "-O"]);
    let directory = fresh("inlined_loop");
    let stops = |count: &str| {
        let recording = directory.join(format!("{count}.stackheap"));
        let call = Call::with_arguments(&[count]);
        let ended = run_recorded(&executable, &recording, &call);
        assert_eq!(ended.stdout(), format!("{count}\n"), "{}", ended.stderr());
        let opened = stackheap_trace::Recording::open(&recording).expect("it opens");
        let totals = opened.totals();
        assert!(totals.allocations > count.parse().unwrap(), "the loop ran");
        totals.stops
    };
    assert_eq!(stops("10"), stops("500"));
}
