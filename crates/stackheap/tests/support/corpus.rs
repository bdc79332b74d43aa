//! The programs of `tests/programs` and the tour: built, recorded and opened for a test.
//!
//! Each program is built once and used again by every test and every later run, in a cache directory
//! of its own. It runs in the directory of its source, so that no path of the machine is in what it
//! prints or in what is shown of it.

#![allow(dead_code, reason = "each test uses a part of this module")]

#[path = "../../../../tests/support/skip.rs"]
pub mod skip;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use stackheap::select::{self, SelectorArguments};
use stackheap_build::{BuildOptions, Built, Edition, Optimization, TargetSpec};
use stackheap_interpret::{Opened, Program, StateLimits, state_at};
use stackheap_model::State;
use stackheap_trace::Recording;

use super::marks::{self, MarkBlock};

/// Programs are handled side by side, one for each processor of a small machine.
const WORKERS: usize = 2;

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The sources of all programs of the corpus, the tour among them.
pub fn sources() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("tests/programs"))
        .expect("the corpus is there")
        .map(|entry| entry.expect("the corpus can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    paths.push(root().join("examples/tour.rs"));
    paths.sort();
    paths
}

/// What the variable `STACKHEAP_CORPUS` asks for: programs whose path contains it.
pub fn subset() -> Option<String> {
    std::env::var("STACKHEAP_CORPUS").ok()
}

/// The sources that [`subset`] leaves.
pub fn chosen_sources() -> Vec<PathBuf> {
    let subset = subset();
    sources()
        .into_iter()
        .filter(|path| {
            subset
                .as_deref()
                .is_none_or(|subset| path.to_string_lossy().contains(subset))
        })
        .collect()
}

/// Every `nth` source, for witnesses that take their time; all of them where all witnesses have to be
/// there, or where only some are asked for.
pub fn each_nth(sources: Vec<PathBuf>, nth: usize) -> Vec<PathBuf> {
    let nth = if no_skip() || subset().is_some() {
        1
    } else {
        nth
    };
    sources.into_iter().step_by(nth).collect()
}

/// Whether a missing witness is a failure: set where all of them have to be there.
pub fn no_skip() -> bool {
    std::env::var_os("STACKHEAP_NO_SKIP").is_some_and(|value| !value.is_empty())
}

/// The version of the compiler at hand without its last part: `1.95`.
pub fn compiler() -> String {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("--version")
        .output()
        .expect("rustc starts");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = version.split(' ').nth(1).unwrap_or_default();
    number.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// Whether rustup has a toolchain.
pub fn has_toolchain(name: &str) -> bool {
    Command::new("rustup")
        .args(["run", name, "rustc", "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The name of a program: its file's, without the ending.
pub fn name_of(path: &Path) -> String {
    path.file_stem()
        .map_or_else(String::new, |name| name.to_string_lossy().into())
}

/// Where what a test builds and records goes; a name of its own for each test.
pub fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).expect("a directory for scratch files");
    path
}

/// Does something with each item, on a few threads, and gives the results in the items' order.
pub fn side_by_side<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else {
                        break;
                    };
                    let result = act(item);
                    results
                        .lock()
                        .expect("no worker panicked")
                        .push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no worker panicked");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// A program, its recording, and what it wrote.
pub struct Recorded {
    /// The program and its claims.
    pub program: marks::Program,
    /// The recording.
    pub opened: Opened,
    /// Its whole standard output.
    pub stdout: String,
}

/// What `show` draws: a state, and the one before it for what changed between the two.
#[derive(Clone, Debug)]
pub struct Moment {
    pub state: State,
    pub before: Option<State>,
}

/// The state at a mark, and the one before it.
pub fn moment(program: &Program<'_>, mark: &MarkBlock) -> Result<Moment, String> {
    let selector = SelectorArguments {
        mark: Some(mark.name.clone()),
        nth: u64::from(mark.nth),
        ..SelectorArguments::default()
    };
    let step = select::step(program, &selector).map_err(|why| why.to_string())?;
    Ok(Moment {
        state: state_at(program, step, StateLimits::default()).map_err(|why| why.to_string())?,
        before: select::before(program, step, 0).map_err(|why| why.to_string())?,
    })
}

/// The claims at a mark that do not hold.
pub fn check_mark(moment: &Moment, mark: &MarkBlock, stdout: &str) -> Vec<String> {
    let state = stackheap_report::json::state(&moment.state);
    mark.assertions
        .iter()
        .filter_map(|assertion| {
            let why = marks::check(assertion, &state, stdout).err()?;
            Some(format!(
                "line {}: `{}`: {why}",
                assertion.line, assertion.text
            ))
        })
        .collect()
}

/// How a program of the corpus is built and run.
#[derive(Clone, Debug)]
pub struct Runner {
    /// The toolchain's name; `None` for the default one.
    pub toolchain: Option<&'static str>,
    /// Where recordings go.
    pub recordings: PathBuf,
    /// Added to the environment of the program.
    pub environment: Vec<(OsString, OsString)>,
    /// Options of `stackheap run`.
    pub options: Vec<&'static str>,
}

impl Runner {
    /// Recordings in a directory of this name.
    pub fn new(name: &str) -> Self {
        Self {
            toolchain: None,
            recordings: scratch(name),
            environment: Vec::new(),
            options: Vec::new(),
        }
    }

    /// A cache of builds of its own for each program: one of a fixed size for all of them would
    /// always miss.
    fn cache(&self, source: &Path) -> PathBuf {
        let toolchain = self.toolchain.unwrap_or("default");
        scratch(&format!("builds/{toolchain}")).join(name_of(source))
    }

    /// The executable of a program.
    pub fn build(&self, source: &Path) -> Result<Built, String> {
        assert!(
            self.toolchain.is_none(),
            "another toolchain is chosen by the environment of `stackheap run`"
        );
        let header = marks::load(source)?.header;
        let edition = match &header.edition {
            Some(edition) => edition.parse()?,
            None => Edition::default(),
        };
        let options = BuildOptions {
            optimization: match header.optimised {
                true => Optimization::Full,
                false => Optimization::None,
            },
            quiet: true,
            cache_dir: Some(self.cache(source).join("stackheap")),
            directory: source.parent().map(Path::to_owned),
            ..BuildOptions::default()
        };
        let spec = TargetSpec::File {
            path: file_name(source).into(),
            edition,
        };
        stackheap_build::build(&spec, &options, &[]).map_err(|why| why.to_string())
    }

    /// What makes every run of a program the same, where the seeds of its hash tables differ.
    fn fixed_seeds(&self, source: &Path) -> Option<PathBuf> {
        let text = std::fs::read_to_string(source).unwrap_or_default();
        ["HashMap", "HashSet"]
            .iter()
            .any(|name| text.contains(name))
            .then(fixed_random)
    }

    /// Records a program, and checks how it ended.
    pub fn record(&self, source: &Path) -> Result<Recorded, String> {
        let program = marks::load(source)?;
        let recording = self
            .recordings
            .join(name_of(source))
            .with_extension("stackheap");
        let output = self.run(source, &program, &recording);
        let expected = expected_status(&program);
        if output.status.code() != Some(expected) {
            return Err(format!(
                "expected status {expected}, found {:?}; it said: {}",
                output.status.code(),
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        let opened = Recording::open(&recording)
            .map_err(|why| why.to_string())
            .and_then(|recording| Opened::new(recording).map_err(|why| why.to_string()))?;
        Ok(Recorded {
            program,
            opened,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }

    fn run(&self, source: &Path, program: &marks::Program, recording: &Path) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackheap"));
        command
            .args(["run", "-q", "--no-open", "-o"])
            .arg(recording)
            .args(&self.options)
            .args(program.header.optimised.then_some("--release"))
            .args(edition_options(program))
            .arg(file_name(source))
            .arg("--")
            .args(&program.header.args)
            .current_dir(source.parent().expect("a file lies in a directory"))
            .env("XDG_CACHE_HOME", self.cache(source))
            .env_remove("RUST_BACKTRACE")
            .envs(self.environment.iter().cloned());
        if let Some(toolchain) = self.toolchain {
            command
                .env("RUSTUP_TOOLCHAIN", toolchain)
                .env_remove("RUSTC");
        }
        if let Some(library) = self.fixed_seeds(source) {
            command.env("LD_PRELOAD", library);
        }
        run(&mut command, program.header.stdin.as_bytes())
    }
}

/// The options that give a program the edition of its header.
pub fn edition_options(program: &marks::Program) -> Vec<String> {
    let edition = program.header.edition.iter();
    edition
        .flat_map(|edition| ["--edition".to_string(), edition.clone()])
        .collect()
}

/// A library that answers `getrandom` with the same bytes each time.
fn fixed_random() -> PathBuf {
    const SOURCE: &str = r#"
        #![no_std]
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
        /// # Safety
        /// As the function of the C library.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn getrandom(bytes: *mut u8, count: usize, _: u32) -> isize {
            for at in 0..count { unsafe { bytes.add(at).write(at as u8 | 1) } }
            count as isize
        }
    "#;
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY
        .get_or_init(|| {
            let directory = scratch("fixed-random");
            let source = directory.join("fixed_random.rs");
            std::fs::write(&source, SOURCE).expect("scratch files can be written");
            let library = directory.join(format!("{}.so", std::process::id()));
            let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
                .args([
                    "--edition=2024",
                    "--crate-type=cdylib",
                    "-Cpanic=abort",
                    "-O",
                    "-o",
                ])
                .arg(&library)
                .arg(&source)
                .output()
                .expect("rustc starts");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let named = directory.join("libfixed_random.so");
            std::fs::rename(&library, &named).expect("the library gets its name");
            named
        })
        .clone()
}

/// Runs a command with this input to its end.
pub fn run(command: &mut Command, stdin: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let mut pipe = child.stdin.take().expect("its input is a pipe");
    // A program that does not read its input is no failure.
    let _ = pipe.write_all(stdin);
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

/// The exit status that a program's header names, as a shell gives it.
pub fn expected_status(program: &marks::Program) -> i32 {
    program
        .header
        .signal
        .map_or(program.header.exit.unwrap_or(0), |signal| 128 + signal)
}

fn file_name(source: &Path) -> &OsStr {
    source.file_name().expect("a source is a file")
}
