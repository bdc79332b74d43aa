//! What cannot be recorded or shown: each gets one sentence and a status of its own, and nothing
//! that was recorded is lost.

#[path = "support/harness.rs"]
mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};

use harness::*;

/// A recording of a few steps, made once.
fn small_recording() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let directory = fresh("bad-input-small");
        let recording = directory.join("small.stackheap");
        let executable = compile("small", SMALL);
        let ended = run_recorded(&executable, &recording, &Call::with_options(&["-q"]));
        assert_eq!(ended.status, 0, "{}", ended.stderr());
        recording
    })
    .clone()
}

const SMALL: &str = r#"
fn main() {
    let names = vec![String::from("one"), String::from("two")];
    let total: usize = names.iter().map(String::len).sum(); // <sum>
    for name in &names {
        println!("{name} {total}"); // <print>
    }
}
"#;

fn run(arguments: &[&str], directory: &Path) -> Ended {
    let mut command = stackheap();
    let recording = directory.join("out.stackheap");
    command
        .arg("run")
        .arg("-o")
        .arg(recording)
        .args(arguments)
        .current_dir(directory);
    finish(&mut command, &[])
}

fn run_executable(path: &Path) -> Ended {
    let directory = path.parent().expect("the file is in a directory");
    run(&["--exe", &path.to_string_lossy()], directory)
}

fn write_executable(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = write(directory, name, bytes);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .expect("the mode can be set");
    path
}

// Targets.

#[test]
fn a_file_that_is_not_there() {
    let directory = fresh("no-such-file");
    for name in ["gone.rs", "gone.md", "gone", "sub/gone.rs"] {
        let ended = run(&[name], &directory);
        assert_error(&ended, &[name]);
    }
    let ended = run(&["--exe", "gone"], &directory);
    assert_error(
        &ended,
        &["expected a file at `gone`, found none", "check the path"],
    );
    assert!(
        !directory.join("out.stackheap").exists(),
        "nothing was recorded"
    );
}

#[test]
fn a_directory() {
    let directory = fresh("a-directory");
    write(&directory, "package.rs/Cargo.toml", "");
    std::fs::create_dir(directory.join("folder")).expect("a directory can be made");
    let ended = run(&["folder"], &directory);
    assert_error(
        &ended,
        &[
            "expected a file",
            "found the directory folder",
            "--manifest-path",
        ],
    );
    let ended = run(&["package.rs"], &directory);
    assert_error(
        &ended,
        &["found a directory", "--manifest-path package.rs/Cargo.toml"],
    );
    let ended = run(&["--exe", "folder"], &directory);
    assert_error(&ended, &["found a directory", "name a file in it"]);
    let shown = finish(stackheap().arg("show").arg(directory.join("folder")), &[]);
    assert_error(&shown, &["expected a recording, found the directory"]);
}

const LIBRARY_MANIFEST: &str = "\
[package]
name = \"only-a-library\"
version = \"0.1.0\"
edition = \"2024\"

[workspace]
";

#[test]
fn a_package_with_only_a_library() {
    let directory = fresh("only-a-library");
    write(&directory, "Cargo.toml", LIBRARY_MANIFEST);
    write(&directory, "src/lib.rs", "pub fn one() -> u32 { 1 }\n");
    write(&directory, "tests/check.rs", "#[test]\nfn one() {}\n");
    let ended = run(&["--offline"], &directory);
    assert_error(
        &ended,
        &[
            "expected a program, found a package without one",
            "--test check",
        ],
    );
}

#[test]
fn no_package_at_all() {
    let directory = fresh("no-package");
    let manifest = directory.join("Cargo.toml");
    let ended = run(
        &["--manifest-path", &manifest.to_string_lossy()],
        &directory,
    );
    assert_error(&ended, &["Cargo.toml"]);
}

#[test]
fn a_file_that_is_not_utf8() {
    let directory = fresh("not-utf8");
    write(
        &directory,
        "latin.rs",
        b"fn main() { println!(\"caf\xe9\"); }\n",
    );
    let ended = run(&["latin.rs"], &directory);
    assert_error(
        &ended,
        &[
            "expected UTF-8 in `latin.rs`",
            "at offset 25",
            "convert the file",
        ],
    );
    let mut command = stackheap();
    command.args(["run", "-"]).current_dir(&directory);
    assert_error(
        &finish(&mut command, b"fn main() {}\xff"),
        &["UTF-8", "at offset 12"],
    );
}

#[test]
fn a_note_without_rust() {
    let directory = fresh("note-without-rust");
    write(
        &directory,
        "note.md",
        "# Stack\n\n```c\nint main() {}\n```\n",
    );
    let ended = run(&["note.md"], &directory);
    assert_error(
        &ended,
        &["marked `rust` in `note.md`, found none", "```rust"],
    );
}

#[test]
fn a_note_with_several_blocks() {
    let directory = fresh("note-with-several");
    let note = "# One\n\n```rust\nlet a = 1;\n```\n\n# Two\n\n```rust\nfn main() {}\n```\n";
    write(&directory, "note.md", note);
    let ended = run(&["note.md"], &directory);
    assert_error(
        &ended,
        &[
            "expected one `rust` block in `note.md`, found 2",
            "note.md#1  line 4",
            "note.md#2  line 10",
        ],
    );
    assert_error(
        &run(&["note.md#3"], &directory),
        &["block 3", "found 2", "note.md#2"],
    );
    assert_error(
        &run(&["note.md#x"], &directory),
        &["found `x`", "note.md#1"],
    );
}

#[test]
fn a_program_that_does_not_compile() {
    let directory = fresh("does-not-compile");
    write(
        &directory,
        "wrong.rs",
        "fn main() {\n    let s: String = 5;\n}\n",
    );
    let ended = run(&["wrong.rs"], &directory);
    assert_eq!(ended.status, 101, "{}", ended.stderr());
    assert_no_panic(&ended);
    // The compiler's own words.
    assert!(
        ended.stderr().contains("error[E0308]: mismatched types"),
        "{}",
        ended.stderr()
    );
    assert!(
        ended.stderr().contains("--> wrong.rs:2:21"),
        "{}",
        ended.stderr()
    );
    assert!(
        !directory.join("out.stackheap").exists(),
        "nothing was recorded"
    );
}

#[test]
fn a_wrong_command_line() {
    let directory = fresh("wrong-command-line");
    for arguments in [
        &["run", "--no-such-flag"][..],
        &["run", "--max-stops", "many", "a.rs"],
        &["run", "a.rs", "--exe", "b"],
        &["show", "--step", "one"],
        &["show", "--step", "1", "--last"],
        &["show", "--format", "pdf"],
        &["export", "a.stackheap"],
        &["no-such-command"],
    ] {
        let ended = finish(stackheap().args(arguments).current_dir(&directory), &[]);
        assert_error(&ended, &[]);
    }
    write(&directory, "a.rs", SMALL);
    assert_error(
        &run(&["a.rs", "--edition", "1999"], &directory),
        &["1999", "2024"],
    );
}

// Executables.

#[test]
fn a_stripped_executable() {
    let executable = compile_with("stripped", SMALL, &["-Cstrip=symbols"]);
    let ended = run_executable(&executable);
    assert_error(&ended, &["is stripped", "debug = true"]);
}

#[test]
fn an_executable_without_debug_information() {
    let executable = compile_with("no_debug", SMALL, &["-Cdebuginfo=0", "-Cstrip=none"]);
    assert_error(
        &run_executable(&executable),
        &["has no debug information of its own", "-g"],
    );
    let executable = compile_with("stripped_debug", SMALL, &["-g", "-Cstrip=debuginfo"]);
    assert_error(
        &run_executable(&executable),
        &["no debug information", "debug = true"],
    );
    let executable = compile_with("only_lines", SMALL, &["-Cdebuginfo=line-tables-only"]);
    assert_error(
        &run_executable(&executable),
        &["line numbers but no variables", "debug = true"],
    );
}

/// The file header of an executable, by the layout in `elf(5)`; nothing behind it.
fn elf_header(class: u8, machine: u16) -> Vec<u8> {
    let mut header = b"\x7fELF".to_vec();
    header.extend([class, 1, 1, 0]);
    header.resize(16, 0);
    header.extend(2u16.to_le_bytes());
    header.extend(machine.to_le_bytes());
    header.extend(1u32.to_le_bytes());
    let (address_bytes, header_bytes) = if class == 1 { (4, 52u16) } else { (8, 64u16) };
    header.extend(vec![0; 3 * address_bytes + 4]);
    header.extend(header_bytes.to_le_bytes());
    header.resize(usize::from(header_bytes), 0);
    header
}

#[test]
fn an_executable_for_another_machine() {
    let directory = fresh("other-machine");
    let (intel_32, arm_64, intel_64) = (3, 183, 62);
    let path = write_executable(&directory, "small", &elf_header(1, intel_32));
    assert_error(&run_executable(&path), &["64-bit", "found a 32-bit one"]);
    let path = write_executable(&directory, "arm", &elf_header(2, arm_64));
    assert_error(
        &run_executable(&path),
        &["for x86-64, found one for", "build for"],
    );
    let path = write_executable(&directory, "empty-of-all", &elf_header(2, intel_64));
    assert_error(&run_executable(&path), &["empty-of-all"]);
    let path = write_executable(&directory, "cut", &elf_header(2, intel_64)[..20]);
    assert_error(&run_executable(&path), &["cut"]);
}

#[test]
fn an_executable_that_is_cut_off() {
    let whole = std::fs::read(compile("small", SMALL)).expect("the executable can be read");
    let directory = fresh("cut-executable");
    for part in 1..12 {
        let bytes = &whole[..whole.len() * part / 12];
        let path = write_executable(&directory, &format!("cut-{part}"), bytes);
        assert_error(&run_executable(&path), &[]);
    }
}

#[test]
fn a_program_in_c() {
    if !skip::has("cc") {
        return;
    }
    let directory = fresh("in-c");
    let source = write(
        &directory,
        "in_c.c",
        "int main(void) { int a = 1; return a - 1; }\n",
    );
    let executable = directory.join("in_c");
    let compiled = Command::new("cc")
        .arg("-g")
        .arg("-o")
        .arg(&executable)
        .arg(&source)
        .status();
    assert!(compiled.expect("cc starts").success());
    assert_error(
        &run_executable(&executable),
        &["expected a program compiled from Rust, found"],
    );
}

#[test]
fn a_script_as_executable() {
    let directory = fresh("a-script");
    let path = write_executable(&directory, "script", b"#!/bin/sh\necho hello\n");
    assert_error(
        &run_executable(&path),
        &["expected an ELF executable", "not a script"],
    );
    let path = write(&directory, "not-allowed", b"#!/bin/sh\n");
    assert_error(
        &run_executable(&path),
        &["without execute permission", "chmod +x"],
    );
    let path = write_executable(&directory, "empty", b"");
    assert_error(&run_executable(&path), &["expected an ELF executable"]);
}

#[test]
fn an_executable_named_as_a_target() {
    let directory = fresh("executable-as-target");
    write_executable(&directory, "program", b"\x7fELF");
    assert_error(
        &run(&["program"], &directory),
        &["expected FILE.rs", "--exe program"],
    );
}

// Programs that are hard to record.

const TERMINAL: &str = r#"
use std::io::IsTerminal;
fn main() {
    let terminals = [
        std::io::stdin().is_terminal(),
        std::io::stdout().is_terminal(),
        std::io::stderr().is_terminal(),
    ];
    println!("{terminals:?}");
}
"#;

#[test]
fn a_program_that_asks_for_a_terminal() {
    let executable = compile("terminal", TERMINAL);
    let (plain, recording) = assert_same("terminal", &executable, &Call::default());
    assert_eq!(plain.stdout(), "[false, false, false]\n");
    if !skip::has("script") {
        return;
    }
    let recorded = recording_command(&executable, &recording, &Call::with_options(&["-q"]));
    let line = |command: &Command| {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for command in [line(&Command::new(&executable)), line(&recorded)] {
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]);
        let ended = finish(&mut script, &[]);
        assert_eq!(
            ended.stdout().trim_end(),
            "[true, true, true]",
            "{}",
            ended.stderr()
        );
    }
}

const ENDLESS: &str = r#"
fn main() {
    let mut numbers: Vec<u64> = Vec::new();
    println!("begun");
    loop {
        numbers.push(numbers.len() as u64);
        if numbers.len() > 50 {
            numbers.clear();
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
"#;

#[test]
fn a_program_that_never_ends_is_interrupted() {
    let executable = compile("endless", ENDLESS);
    let directory = fresh("endless");
    let recording = directory.join("endless.stackheap");
    let mut command = recording_command(&executable, &recording, &Call::default());
    in_own_group(&mut command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("stackheap starts");
    let stdout = collect(child.stdout.take().expect("its output is a pipe"));
    let stderr = collect(child.stderr.take().expect("its output is a pipe"));
    receive_until(&stdout, "begun");
    send_signal("INT", i64::from(child.id()));
    let status = wait(&mut child, &command);
    let stderr = String::from_utf8_lossy(&receive(&stderr)).into_owned();
    // As the program without us: ended by SIGINT, 128 + 2.
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("Recorded "), "{stderr}");
    let shown = show(&recording, &["--format", "json"]);
    assert_eq!(shown.status, 0, "{}", shown.stderr());
    let state = shown.json();
    assert!(
        state["steps"].as_u64().is_some_and(|steps| steps >= 2),
        "{state}"
    );
    assert_eq!(state["output"]["stdout"], "begun\n");
}

#[test]
fn a_recorder_that_is_killed_leaves_a_recording() {
    let executable = compile("endless", ENDLESS);
    let directory = fresh("killed");
    let recording = directory.join("killed.stackheap");
    let mut command = recording_command(&executable, &recording, &Call::default());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("stackheap starts");
    let stdout = collect(child.stdout.take().expect("its output is a pipe"));
    receive_until(&stdout, "begun");
    // A chunk is given to the file after 200 ms at most and then grows: wait until it did.
    let bytes = || std::fs::metadata(&recording).map_or(0, |file| file.len());
    let before = bytes();
    for _ in 0..2_000 {
        if bytes() > before {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().expect("it can be killed");
    wait(&mut child, &command);
    // Its program ends with it, and with it the pipe.
    receive(&stdout);
    let shown = show(&recording, &["--format", "json"]);
    assert_eq!(shown.status, 0, "{}", shown.stderr());
    assert!(
        shown.json()["steps"]
            .as_u64()
            .is_some_and(|steps| steps >= 2)
    );
}

const CHILDREN: &str = r#"
use std::process::Command;
unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
}
fn main() {
    let mut good = 0;
    for _ in 0..50 {
        good += u32::from(Command::new("true").status().unwrap().success());
    }
    println!("{good} commands");
    let mut sum = 0;
    for number in 0..50 {
        let child = unsafe { fork() };
        if child == 0 {
            let text = format!("{number}");
            std::process::exit(text.parse().unwrap());
        }
        let mut status = 0;
        assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
        sum += (status >> 8) & 0xff;
    }
    println!("sum {sum}");
}
"#;

#[test]
fn a_program_with_many_children() {
    let executable = compile("children", CHILDREN);
    let (plain, _) = assert_same("children", &executable, &Call::default());
    assert_eq!(plain.stdout(), "50 commands\nsum 1225\n");
}

const CHILDREN_AT_ONCE: &str = r#"
use std::process::{Child, Command, Stdio};
fn main() {
    let start = |_| Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let children: Vec<Child> = (0..20).map(start).collect();
    let good = children.into_iter().map(|mut child| child.wait().unwrap().success());
    println!("{}", good.filter(|&good| good).count());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                (0..10).filter(|_| Command::new("true").status().unwrap().success()).count()
            })
        })
        .collect();
    let good: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("{good}");
}
"#;

#[test]
fn a_program_with_children_side_by_side() {
    let executable = compile("children_at_once", CHILDREN_AT_ONCE);
    let (plain, _) = assert_same("children_at_once", &executable, &Call::default());
    assert_eq!(plain.stdout(), "20\n40\n");
}

// Places to write to.

#[test]
fn a_full_disk() {
    if !Path::new("/dev/full").exists() {
        skip::skip("there is no /dev/full");
        return;
    }
    let executable = compile("small", SMALL);
    let ended = run_recorded(&executable, Path::new("/dev/full"), &Call::default());
    assert_eq!(ended.status, 2, "{}", ended.stderr());
    assert_no_panic(&ended);
    assert!(
        ended.stderr().contains("No space left on device"),
        "{}",
        ended.stderr()
    );
    assert!(ended.stderr().contains("/dev/full"), "{}", ended.stderr());
    let recording = small_recording();
    let mut command = stackheap();
    command
        .args(["export", "--format", "jsonl", "-o", "/dev/full"])
        .arg(recording);
    assert_error(
        &finish(&mut command, &[]),
        &["No space left on device", "/dev/full"],
    );
}

const TALKATIVE: &str = r#"
fn main() {
    println!("begun");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let mut seed = 1u64;
    let mut last = [0; 64];
    for round in 0..20_000u64 {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        last[round as usize % 64] = seed ^ round;
    }
    println!("{}", last[0]);
    std::process::exit(7);
}
"#;

/// A file system that is taken away again.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // What cannot be unmounted stays empty and small.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn small_file_system(name: &str, size: &str) -> Option<Mounted> {
    let directory = scratch(name);
    // One that an interrupted run of the tests left.
    let _ = Command::new("umount")
        .arg(&directory)
        .stderr(Stdio::null())
        .status();
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
        .arg(&directory);
    let mounted = mount
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        skip::skip_optional("a tmpfs cannot be mounted here");
    }
    mounted.then_some(Mounted(directory))
}

/// Checks a run whose recording could not be written to its end: the program did what it does.
fn assert_broken_off(name: &str, ended: &Ended, recording: &Path, why: &str) {
    let stderr = ended.stderr();
    let plain = run_plain(&compile("talkative", TALKATIVE), &Call::default());
    assert_eq!(plain.status, 7, "{name}: the witness");
    assert_eq!(
        (ended.status, ended.stdout()),
        (plain.status, plain.stdout()),
        "{name}: as without us: {stderr}"
    );
    assert_no_panic(ended);
    let shown = show(recording, &["--format", "json", "--last"]);
    assert_eq!(
        shown.status,
        0,
        "{name}: what was recorded until then opens: {}",
        shown.stderr()
    );
    let steps = shown.json()["steps"].as_u64().expect("a number");
    assert!(steps > 100, "{name}: {steps} steps");
    let told = format!("warning: the recording ends at step {steps}: ");
    let warning = stderr.lines().find(|line| line.starts_with(&told));
    let warning = warning.unwrap_or_else(|| panic!("{name}: expected `{told}`, found: {stderr}"));
    for part in [why, "the program ran on to its end unrecorded"] {
        assert!(
            warning.contains(part),
            "{name}: expected `{part}` in: {warning}"
        );
    }
}

#[test]
fn a_disk_that_fills_up_while_recording() {
    let executable = compile("talkative", TALKATIVE);
    let Some(mounted) = small_file_system("full-disk", "1200k") else {
        return;
    };
    let recording = mounted.0.join("full.stackheap");
    for (name, options) in [
        ("quiet", &["-q"][..]),
        ("serialized", &["-q", "--serialize"]),
    ] {
        let ended = run_recorded(&executable, &recording, &Call::with_options(options));
        assert_broken_off(name, &ended, &recording, "No space left on device");
    }
}

#[test]
fn a_recording_that_outgrows_the_limit_of_files() {
    if !skip::has("prlimit") {
        return;
    }
    let executable = compile("talkative", TALKATIVE);
    let recording = fresh("file-limit").join("limited.stackheap");
    let mut command = recording_command(&executable, &recording, &Call::with_options(&["-q"]));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("stackheap starts");
    let stdin = child.stdin.take().expect("its input is a pipe");
    let stdout = collect(child.stdout.take().expect("its output is a pipe"));
    let stderr = collect(child.stderr.take().expect("its output is a pipe"));
    let mut printed = receive_until(&stdout, "begun\n");
    let limited = Command::new("prlimit")
        .args(["--pid", &child.id().to_string(), "--fsize=1200000"])
        .status()
        .expect("prlimit starts");
    assert!(limited.success(), "the recorder's limit can be lowered");
    drop(stdin);
    let status = wait(&mut child, &command);
    printed.extend(receive(&stdout));
    let ended = Ended {
        status: status.code().unwrap_or(-1),
        stdout: printed,
        stderr: receive(&stderr),
    };
    assert_broken_off("limit", &ended, &recording, "File too large");
}

#[test]
fn a_place_that_cannot_be_written() {
    let executable = compile("small", SMALL);
    let directory = fresh("cannot-be-written");
    for path in ["missing/out.stackheap", "."] {
        let path = directory.join(path);
        let ended = run_recorded(&executable, &path, &Call::default());
        assert_error(&ended, &[&*path.to_string_lossy()]);
    }
}

#[test]
fn a_place_where_something_else_is() {
    let executable = compile("small", SMALL);
    let directory = fresh("something-else");
    let source = write(&directory, "precious.rs", SMALL);
    let ended = run_recorded(&executable, &source, &Call::default());
    assert_error(
        &ended,
        &["expected a new file or an old recording", "precious.rs"],
    );
    assert_eq!(
        std::fs::read_to_string(&source).expect("it is still there"),
        SMALL
    );
    // An empty file and an old recording may be replaced.
    let empty = write(&directory, "empty.stackheap", "");
    for _ in 0..2 {
        let ended = run_recorded(&executable, &empty, &Call::with_options(&["-q"]));
        assert_eq!(ended.status, 0, "{}", ended.stderr());
    }
    // The page lies beside the recording, whatever the name.
    let odd = directory.join("odd.html");
    let ended = run_recorded(&executable, &odd, &Call::default());
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    assert_eq!(
        show(&odd, &[]).status,
        0,
        "the recording is not overwritten by its page"
    );
    let before = std::fs::read(&empty).expect("the recording can be read");
    let mut command = stackheap();
    command
        .args(["export", "--format", "jsonl", "-o"])
        .arg(&empty)
        .arg(&empty);
    assert_error(
        &finish(&mut command, &[]),
        &["expected another path than the recording's"],
    );
    assert_eq!(
        std::fs::read(&empty).expect("the recording can be read"),
        before
    );
}

// Recordings.

#[test]
fn a_file_that_is_no_recording() {
    let directory = fresh("no-recording");
    let gone = directory.join("gone.stackheap");
    assert_error(&show(&gone, &[]), &["gone.stackheap", "No such file"]);
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("text", b"fn main() {}"),
        ("zeros", &[0; 5000]),
        ("elf", b"\x7fELF\x02\x01\x01"),
    ] {
        let path = write(&directory, name, bytes);
        assert_error(&show(&path, &[]), &[name, "expected"]);
        let mut command = stackheap();
        command.args(["export", "--format", "html"]).arg(&path);
        assert_error(&finish(&mut command, &[]), &[name, "expected"]);
    }
}

#[test]
fn no_recording_was_made_yet() {
    let cache = fresh("empty-cache");
    let ended = finish(stackheap().arg("show").env("XDG_CACHE_HOME", &cache), &[]);
    assert_error(
        &ended,
        &["expected a recording, found none", "stackheap run FILE.rs"],
    );
}

/// Shows a damaged recording in a bounded address space: an error sentence or a result, no panic.
fn show_damaged(path: &Path) -> Result<i32, String> {
    let mut command = Command::new("sh");
    let program = stackheap();
    command
        .args(["-c", "ulimit -v 4000000; exec \"$0\" \"$@\""])
        .arg(program.get_program());
    command
        .args(["show", "--format", "json"])
        .arg(path)
        .env("NO_COLOR", "1");
    let ended = finish(&mut command, &[]);
    let stderr = ended.stderr();
    let errors = stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .count();
    match ended.status {
        0 if errors == 0 && !ended.stdout.is_empty() => Ok(0),
        2 if errors == 1 && ended.stdout.is_empty() && !stderr.contains("panicked") => Ok(2),
        status => Err(format!("status {status}: {stderr}")),
    }
}

/// Shows several damaged forms of a recording, on two processors; gives how many were shown and
/// how many were refused.
fn show_all_damaged(
    name: &str,
    forms: &(dyn Fn(usize) -> Vec<u8> + Sync),
    count: usize,
) -> [usize; 2] {
    let directory = fresh(name);
    let problems = Mutex::new(Vec::new());
    let ended = Mutex::new([0; 2]);
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (directory, problems, ended) = (&directory, &problems, &ended);
            scope.spawn(move || {
                for index in (worker..count).step_by(2) {
                    let path = write(directory, &format!("{index}.stackheap"), forms(index));
                    match show_damaged(&path) {
                        Ok(0) => ended.lock().expect("no test panics in here")[0] += 1,
                        Ok(_) => ended.lock().expect("no test panics in here")[1] += 1,
                        Err(why) => problems
                            .lock()
                            .expect("no test panics in here")
                            .push(format!("{}: {why}", path.display())),
                    }
                    if problems.lock().expect("no test panics in here").is_empty() {
                        std::fs::remove_file(&path).expect("the file can be removed");
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().expect("no test panics in here");
    assert!(
        problems.is_empty(),
        "{} of {count}:\n{}",
        problems.len(),
        problems.join("\n")
    );
    ended.into_inner().expect("no test panics in here")
}

#[test]
fn a_recording_that_is_cut_off() {
    let whole = std::fs::read(small_recording()).expect("the recording can be read");
    let count = 40;
    let forms = |index: usize| {
        // Half of the cuts in the last part, where the steps are; the executable comes before.
        let length = match index % 2 {
            0 => whole.len() * index / count,
            _ => whole.len() - (index * index * 7).min(whole.len()),
        };
        whole[..length].to_vec()
    };
    let [shown, refused] = show_all_damaged("cut-recordings", &forms, count);
    assert!(
        shown > 0,
        "a recording without its last part opens; {refused} were refused"
    );
    assert!(
        refused > 0,
        "a recording without its executable cannot be shown"
    );
}

#[test]
fn a_recording_with_a_wrong_bit() {
    let whole = std::fs::read(small_recording()).expect("the recording can be read");
    let forms = |index: usize| {
        let mut bytes = whole.clone();
        // Spread by a multiplicative hash: at the start, in the executable, and where steps are.
        let spread = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let range = match index % 4 {
            0 => 0..whole.len().min(600),
            1 => 0..whole.len(),
            _ => whole.len().saturating_sub(12_000)..whole.len(),
        };
        let at = range.start + (spread >> 20) as usize % range.len();
        bytes[at] ^= 1 << (spread & 7);
        bytes
    };
    let [shown, refused] = show_all_damaged("flipped-recordings", &forms, 200);
    assert!(
        shown > 0,
        "one wrong bit does not always cost the whole recording"
    );
    assert!(
        refused > 0,
        "a recording whose head is damaged cannot be shown"
    );
}

// Selectors.

#[test]
fn a_step_that_is_not_there() {
    let recording = small_recording();
    let steps = show(&recording, &["--format", "json"]).json()["steps"]
        .as_u64()
        .expect("a number");
    for step in ["0", "1000000", "18446744073709551615"] {
        let range = format!("the recording has steps 1 to {steps}");
        assert_error(
            &show(&recording, &["--step", step]),
            &["there is no step", step, &range],
        );
    }
    let mut command = stackheap();
    command
        .args(["export", "--format", "jsonl", "--from", "1000000"])
        .arg(&recording);
    assert_error(
        &finish(&mut command, &[]),
        &["expected steps between 1 and", "1000000"],
    );
    let mut command = stackheap();
    command
        .args(["export", "--format", "jsonl", "--every", "0"])
        .arg(&recording);
    assert_error(
        &finish(&mut command, &[]),
        &["--every", "at least 1, found 0"],
    );
}

#[test]
fn a_place_that_is_not_there() {
    let recording = small_recording();
    for (place, text) in [
        ("small.rs", "expected FILE:LINE"),
        ("small.rs:x", "expected FILE:LINE"),
        ("small.rs:", "expected FILE:LINE"),
        (":", "expected FILE:LINE"),
        (
            "small.rs:4000",
            "found none at small.rs:4000; the nearest line with one is",
        ),
        (
            "other.rs:3",
            "found none at other.rs:3; the recorded files are",
        ),
        (
            "mall.rs:3",
            "found none at mall.rs:3; the recorded files are",
        ),
        ("small.rs:3:999", "found none at small.rs:3:999; "),
        ("small.rs:99999999999", "expected FILE:LINE"),
    ] {
        assert_error(&show(&recording, &["--at", place]), &[text]);
    }
    let line = line_of(SMALL, "<print>");
    let place = format!("small.rs:{line}");
    assert_eq!(show(&recording, &["--at", &place, "--nth", "2"]).status, 0);
    assert_error(
        &show(&recording, &["--at", &place, "--nth", "3"]),
        &[&place, "was passed 2 times", "no passing 3"],
    );
    assert_error(&show(&recording, &["--at", &place, "--nth", "0"]), &["0"]);
}

#[test]
fn a_mark_or_event_that_is_not_there() {
    let recording = small_recording();
    assert_eq!(show(&recording, &["--mark", "sum"]).status, 0);
    assert_error(
        &show(&recording, &["--mark", "nothing"]),
        &["no comment `// <nothing>`"],
    );
    assert_error(&show(&recording, &["--mark", ""]), &["no comment"]);
    assert_error(
        &show(&recording, &["--event", "dance"]),
        &["`dance`", "kinds are call"],
    );
    assert_error(
        &show(&recording, &["--event", "alloc", "--nth", "1000"]),
        &["events of the kind `alloc`", "no 1000"],
    );
}

#[test]
fn a_story_of_nothing() {
    let recording = small_recording();
    assert_error(
        &show(&recording, &["--story"]),
        &["--local NAME or --block N", "neither"],
    );
    assert_error(
        &show(&recording, &["--story", "--block", "4000"]),
        &["no block 4000"],
    );
    assert_error(
        &show(&recording, &["--story", "--local", "nobody"]),
        &["no local `nobody`"],
    );
}

#[test]
fn a_scope_without_code() {
    let executable = compile("small", SMALL);
    let recording = scratch("recordings").join("scope.stackheap");
    let ended = run_recorded(
        &executable,
        &recording,
        &Call::with_options(&["--only", "no_such_function"]),
    );
    assert_error(
        &ended,
        &["expected code that `--only no_such_function` covers, found none"],
    );
    let options = ["--from", "small.rs:4000"];
    let ended = run_recorded(&executable, &recording, &Call::with_options(&options));
    assert_error(
        &ended,
        &[
            "found none at small.rs:4000; the nearest line with one is 8",
            "nearest line",
        ],
    );
    let options = ["--until", "nowhere.rs:3"];
    let ended = run_recorded(&executable, &recording, &Call::with_options(&options));
    assert_error(
        &ended,
        &["found none at nowhere.rs:3; the recorded files are"],
    );
    let options = ["--from", "small.rs"];
    let ended = run_recorded(&executable, &recording, &Call::with_options(&options));
    assert_error(&ended, &["expected FILE:LINE"]);
}

const NEVER_REACHED: &str = r#"
fn never() {
    println!("never"); // <never>
}
fn main() {
    if std::env::args().count() > 5 {
        never();
    }
    println!("end");
}
"#;

#[test]
fn a_beginning_that_is_never_reached() {
    let executable = compile("never_reached", NEVER_REACHED);
    let recording = fresh("never-reached").join("out.stackheap");
    let place = format!("never_reached.rs:{}", line_of(NEVER_REACHED, "<never>"));
    let ended = run_recorded(
        &executable,
        &recording,
        &Call::with_options(&["--from", &place]),
    );
    // The program itself ran to its good end.
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    assert_eq!(ended.stdout(), "end\n");
    assert_no_panic(&ended);
    assert_error(&show(&recording, &[]), &["no steps"]);
}

// Readers that go away.

#[test]
fn a_reader_that_closes_the_pipe() {
    let recording = small_recording();
    let recording = recording.to_string_lossy();
    for arguments in [
        "show",
        "show --format json",
        "show --compare",
        "export --format jsonl",
        "export --format html",
    ] {
        // The shell gives the status of `stackheap`, not of `head`.
        let line = format!(
            "{{ '{}' {arguments} '{recording}'; echo status $? >&2; }} | head -1 >/dev/null",
            stackheap().get_program().to_string_lossy()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &line]).env("NO_COLOR", "1");
        let ended = finish(&mut command, &[]);
        assert_eq!(ended.stderr(), "status 0\n", "{arguments}");
        // A pipe that was closed before anything is written.
        let line = line.replace("head -1 >/dev/null", "exec true");
        let line = line.replacen("{ ", "{ sleep 0.1; ", 1);
        let mut command = Command::new("sh");
        command.args(["-c", &line]).env("NO_COLOR", "1");
        let ended = finish(&mut command, &[]);
        assert_eq!(ended.stderr(), "status 0\n", "{arguments}");
    }
    let line = format!(
        "{{ sleep 0.1; '{}'; echo status $? >&2; }} | exec true",
        stackheap().get_program().to_string_lossy()
    );
    let ended = finish(Command::new("sh").args(["-c", &line]), &[]);
    assert_eq!(ended.stderr(), "status 0\n");
}
