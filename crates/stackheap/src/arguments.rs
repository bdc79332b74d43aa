//! The command line, as `clap` reads it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// See the stack and the heap of your own Rust program, step by step.
#[derive(Debug, Parser)]
#[command(
    name = "stackheap",
    bin_name = "stackheap",
    version,
    about,
    max_term_width = 100
)]
pub struct Arguments {
    /// What to do; without it, the short answer to "heap or stack?".
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build, run and record a program, then show its stack and heap.
    Run(Box<RunArguments>),
    /// Show one step of a recording, in words and as a drawing.
    Show(Box<ShowArguments>),
    /// Write a recording in another format.
    Export(Box<ExportArguments>),
    /// Show when each variable gets its value, is borrowed, moved and dropped, from the compiler's
    /// facts alone; nothing is run.
    #[command(visible_alias = "borrow")]
    Ownership(Box<OwnershipArguments>),
    /// Tell what this machine and toolchain allow, and what to do about what they do not.
    Doctor(DoctorArguments),
    /// Write down environment and directory of a program (used internally).
    #[command(name = "__environment", hide = true)]
    Environment {
        /// Where to write, and the program with its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Put a lock file back when the process that changed it has ended (used internally).
    #[command(name = "__put-back", hide = true)]
    PutBack {
        /// The lock file, and the one that keeps what cargo made.
        arguments: Vec<OsString>,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Clone, Debug, Default, Args)]
pub struct CommonArguments {
    /// Colours.
    #[arg(long, value_enum, default_value_t, global = true)]
    pub color: ColorChoice,
    /// Print results only.
    #[arg(short, long)]
    pub quiet: bool,
    /// Print more: full paths of types, hidden variables, notes of the recorder.
    #[arg(short, long)]
    pub verbose: bool,
    /// Columns of the drawing.
    #[arg(long)]
    pub width: Option<usize>,
}

#[derive(Clone, Debug, Args)]
pub struct DoctorArguments {
    /// Tell of this executable too what can be recorded of it.
    #[arg(long, value_name = "PATH")]
    pub exe: Option<PathBuf>,
    #[command(flatten)]
    pub common: CommonArguments,
}

/// Which program to build.
#[derive(Clone, Debug, Default, Args)]
pub struct TargetArguments {
    /// FILE.rs, `-` for a program on standard input, NOTE.md or NOTE.md#N for a block of a Markdown
    /// file; without it, the cargo package around the working directory.
    pub target: Option<OsString>,
    /// Record an executable that is already built.
    #[arg(long, value_name = "PATH", conflicts_with = "target")]
    pub exe: Option<PathBuf>,
    /// Edition of a single file or block.
    #[arg(long, default_value = "2024")]
    pub edition: String,
    /// Package of the workspace.
    #[arg(short, long)]
    pub package: Option<String>,
    /// Binary target.
    #[arg(long, group = "kind")]
    pub bin: Option<String>,
    /// Example target.
    #[arg(long, group = "kind")]
    pub example: Option<String>,
    /// Integration test.
    #[arg(long, group = "kind")]
    pub test: Option<String>,
    /// Benchmark.
    #[arg(long, group = "kind")]
    pub bench: Option<String>,
    /// The library's unit tests.
    #[arg(long, group = "kind")]
    pub lib: bool,
    /// Features to activate.
    #[arg(short = 'F', long, value_delimiter = ',')]
    pub features: Vec<String>,
    /// Activate all features.
    #[arg(long)]
    pub all_features: bool,
    /// Do not activate the default features.
    #[arg(long)]
    pub no_default_features: bool,
    /// Record the optimised build; what the optimiser removed is then unknown.
    #[arg(short, long, conflicts_with = "profile")]
    pub release: bool,
    /// Record the build of this profile.
    #[arg(long)]
    pub profile: Option<String>,
    /// Directory for what is built.
    #[arg(long)]
    pub target_dir: Option<PathBuf>,
    /// Path to Cargo.toml.
    #[arg(long)]
    pub manifest_path: Option<PathBuf>,
    /// Require that Cargo.lock is up to date.
    #[arg(long)]
    pub locked: bool,
    /// Do not use the network.
    #[arg(long)]
    pub offline: bool,
    /// Both `--locked` and `--offline`.
    #[arg(long)]
    pub frozen: bool,
    /// Parallel jobs of the build.
    #[arg(short, long)]
    pub jobs: Option<String>,
}

/// What to record.
#[derive(Clone, Debug, Args)]
pub struct ScopeArguments {
    /// Record only this file, directory or function; may be repeated.
    #[arg(long, value_name = "PATH|FUNCTION")]
    pub only: Vec<String>,
    /// Begin at this line, or at its N-th passing.
    #[arg(long, value_name = "FILE:LINE[:N]")]
    pub from: Option<String>,
    /// End at this line, or at its N-th passing.
    #[arg(long, value_name = "FILE:LINE[:N]")]
    pub until: Option<String>,
    /// Stops to record at most; then the program runs on at full speed. 0: no bound.
    #[arg(long, value_name = "N", default_value_t = stackheap_record::RecordOptions::DEFAULT_MAX_STOPS)]
    pub max_stops: u64,
    /// Bytes of recording at most; then the program runs on at full speed. 0: no bound.
    #[arg(long, value_name = "BYTES", default_value_t = stackheap_record::RecordOptions::DEFAULT_MAX_BYTES)]
    pub max_bytes: u64,
    /// Passings of one place to record at most. 0: no bound.
    #[arg(long, value_name = "N", default_value_t = stackheap_record::RecordOptions::DEFAULT_THROTTLE)]
    pub throttle: u64,
    /// Bytes of heap that are read at a stop.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 10)]
    pub heap_budget: u64,
    /// Let one thread of user code run at a time, so that all stacks belong to one moment.
    #[arg(long)]
    pub serialize: bool,
    /// Keep addresses, sizes and events, but no bytes of memory.
    #[arg(long)]
    pub no_values: bool,
    /// Let the system choose the processors of program and recorder.
    #[arg(long)]
    pub no_pin: bool,
}

#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub target: TargetArguments,
    #[command(flatten)]
    pub scope: ScopeArguments,
    /// Where to write the recording.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Print the state with most live blocks in this format on standard output, instead of the
    /// answer on standard error.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Do not open the page.
    #[arg(long)]
    pub no_open: bool,
    #[command(flatten)]
    pub common: CommonArguments,
    /// Arguments of the program.
    #[arg(last = true)]
    pub arguments: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Markdown,
    Svg,
}

#[derive(Clone, Debug, Args)]
pub struct ShowArguments {
    /// The recording; without it, the last one that was made.
    pub recording: Option<PathBuf>,
    #[command(flatten)]
    pub selector: SelectorArguments,
    #[command(flatten)]
    pub thing: ThingArguments,
    /// The format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Show the table Stack | Heap of the whole run.
    #[arg(long)]
    pub compare: bool,
    /// Tell the life of the chosen local or block.
    #[arg(long)]
    pub story: bool,
    /// Show frames of the standard library and of dependencies too.
    #[arg(long)]
    pub all_frames: bool,
    /// Show bytes.
    #[arg(long)]
    pub bytes: bool,
    /// Draw with ASCII characters only.
    #[arg(long)]
    pub ascii: bool,
    /// Where to write; standard output without it.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub common: CommonArguments,
}

/// Which step.
#[derive(Clone, Debug, Default, Args)]
pub struct SelectorArguments {
    /// The step with this number.
    #[arg(long, value_name = "N", group = "which")]
    pub step: Option<u64>,
    /// A step of this line, and column.
    #[arg(long, value_name = "FILE:LINE[:COL]", group = "which")]
    pub at: Option<String>,
    /// The step at the comment `// <NAME>` of the source.
    #[arg(long, value_name = "NAME", group = "which")]
    pub mark: Option<String>,
    /// The step before which an event of this kind happened (alloc, free, realloc, call, return,
    /// output, ...).
    #[arg(long, value_name = "KIND", group = "which")]
    pub event: Option<String>,
    /// The last step.
    #[arg(long, group = "which")]
    pub last: bool,
    /// Which of several, from 1.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub nth: u64,
    /// Inside of the step, before its K-th sub-expression.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub part: u32,
}

impl SelectorArguments {
    /// Whether a step is named.
    pub fn is_given(&self) -> bool {
        self.step.is_some()
            || self.at.is_some()
            || self.mark.is_some()
            || self.event.is_some()
            || self.last
    }
}

/// Which thing of a step.
#[derive(Clone, Debug, Default, Args)]
pub struct ThingArguments {
    /// Only this local, or the K-th of its name, with what it reaches and who points at it.
    #[arg(long, value_name = "NAME[#K]", conflicts_with = "block")]
    pub local: Option<String>,
    /// Only this block, with its owners and what it reaches.
    #[arg(long, value_name = "N")]
    pub block: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A full state a line: of all steps, of those of `--from`, `--to` and `--every`, or of one.
    Jsonl,
    /// One self-contained page, of the same steps.
    Html,
    /// One step as a picture.
    Svg,
    /// One step as a note.
    Markdown,
}

/// What `export` is told.
#[derive(Clone, Debug, Args)]
pub struct ExportArguments {
    /// The recording.
    pub recording: PathBuf,
    /// The format.
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// The first step, of several; 1 without it.
    #[arg(long, value_name = "STEP", conflicts_with = "which")]
    pub from: Option<u64>,
    /// The last step, of several.
    #[arg(long, value_name = "STEP", conflicts_with = "which")]
    pub to: Option<u64>,
    /// Every N-th step; each without it.
    #[arg(long, value_name = "N", conflicts_with = "which")]
    pub every: Option<u64>,
    /// Also the states inside of the steps, before each sub-expression.
    #[arg(long, conflicts_with_all = ["which", "part", "every"])]
    pub parts: bool,
    /// One step instead.
    #[command(flatten)]
    pub selector: SelectorArguments,
    /// One thing of each state.
    #[command(flatten)]
    pub thing: ThingArguments,
    /// Where to write; standard output without it.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// What all commands take.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// What `ownership` is told.
#[derive(Clone, Debug, Args)]
pub struct OwnershipArguments {
    /// What to look at.
    #[command(flatten)]
    pub target: TargetArguments,
    /// Only functions whose path has this in it: `main`, `Cursor::next`.
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,
    /// Only functions of this file, also of another member of the workspace.
    #[arg(long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// Only functions around this line.
    #[arg(long, value_name = "N")]
    pub line: Option<u32>,
    /// Also functions that attributes such as `derive` made.
    #[arg(long)]
    pub all: bool,
    /// The format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: OwnershipFormat,
    /// Draw with ASCII characters only.
    #[arg(long)]
    pub ascii: bool,
    /// Where to write; standard output without it.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// What all commands take.
    #[command(flatten)]
    pub common: CommonArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OwnershipFormat {
    Text,
    Json,
    Markdown,
}
