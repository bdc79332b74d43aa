use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// What the user wants to have built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSpec {
    /// A Rust file, built by rustc.
    File {
        /// The path as the user typed it.
        path: PathBuf,
        /// The edition to build it with.
        edition: Edition,
    },
    /// A program that came on standard input.
    Stdin {
        /// What was read.
        text: Vec<u8>,
        /// The edition to build it with.
        edition: Edition,
    },
    /// A `rust` block of a Markdown file.
    Note {
        /// The path as the user typed it.
        path: PathBuf,
        /// Which block, from 1; `None` for the only one.
        block: Option<usize>,
        /// The edition to build it with, unless the block names one.
        edition: Edition,
    },
    /// A target of a cargo package.
    Cargo(CargoSelection),
    /// An executable that is already built.
    Executable(PathBuf),
}

/// An edition of the language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Edition {
    /// Rust 2015.
    E2015,
    /// Rust 2018.
    E2018,
    /// Rust 2021.
    E2021,
    /// Rust 2024.
    #[default]
    E2024,
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::E2015 => "2015",
            Self::E2018 => "2018",
            Self::E2021 => "2021",
            Self::E2024 => "2024",
        })
    }
}

impl FromStr for Edition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "2015" => Ok(Self::E2015),
            "2018" => Ok(Self::E2018),
            "2021" => Ok(Self::E2021),
            "2024" => Ok(Self::E2024),
            _ => Err(format!(
                "expected an edition (2015, 2018, 2021 or 2024), found `{text}`; leave `--edition` \
                 away for 2024"
            )),
        }
    }
}

/// Which target of which package, and how to build it; named as cargo's own flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CargoSelection {
    /// `--package`: a name, a name with version (`name@1.2.3`) or a package id.
    pub package: Option<String>,
    /// Which target; `None` for the one that `cargo run` would take.
    pub target: Option<CargoTarget>,
    /// `--features`.
    pub features: Vec<String>,
    /// `--all-features`.
    pub all_features: bool,
    /// `--no-default-features`.
    pub no_default_features: bool,
    /// `--profile`; `--release` is `release`. `None` builds without optimisation.
    pub profile: Option<String>,
    /// `--target-dir`.
    pub target_dir: Option<PathBuf>,
    /// `--manifest-path`.
    pub manifest_path: Option<PathBuf>,
    /// `--locked`.
    pub locked: bool,
    /// `--offline`.
    pub offline: bool,
    /// `--frozen`.
    pub frozen: bool,
    /// `--jobs`.
    pub jobs: Option<String>,
}

/// A target of a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CargoTarget {
    /// `--bin NAME`.
    Bin(String),
    /// `--example NAME`.
    Example(String),
    /// `--test NAME`.
    Test(String),
    /// `--bench NAME`.
    Bench(String),
    /// `--lib`: the unit tests of the library.
    Lib,
}

impl CargoTarget {
    /// Cargo's flags that pick this target.
    pub fn flags(&self) -> Vec<String> {
        match self {
            Self::Bin(name) => vec!["--bin".to_owned(), name.clone()],
            Self::Example(name) => vec!["--example".to_owned(), name.clone()],
            Self::Test(name) => vec!["--test".to_owned(), name.clone()],
            Self::Bench(name) => vec!["--bench".to_owned(), name.clone()],
            Self::Lib => vec!["--lib".to_owned()],
        }
    }
}

/// Whether single files are optimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimization {
    /// Not at all: every variable has its place in memory.
    #[default]
    None,
    /// As in cargo's release profile.
    Full,
}

/// Whether messages of the compiler are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// If standard error is a terminal.
    #[default]
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

/// How to build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// Whether single files are optimised; packages have profiles for that.
    pub optimization: Optimization,
    /// Whether cargo's progress is left out.
    pub quiet: bool,
    /// The colour of messages.
    pub color: Color,
    /// Where what rustc builds is kept; `None` for `stackheap` in the user's cache directory.
    pub cache_dir: Option<PathBuf>,
    /// An executable that calls [`dump_environment`](crate::dump_environment) when its first
    /// argument is [`RUNNER_ARGUMENT`](crate::RUNNER_ARGUMENT). Cargo runs it in the program's
    /// stead, so that the program's environment is exactly cargo's. Likewise it calls
    /// [`put_back_lock_file`](crate::put_back_lock_file) when that is
    /// [`PUT_BACK_ARGUMENT`](crate::PUT_BACK_ARGUMENT). `None` to compute the environment, and to
    /// leave the lock file as cargo left it if this process is killed.
    pub runner: Option<PathBuf>,
    /// An executable that calls [`wrap_rustc`](crate::wrap_rustc) when it is started under the name
    /// [`WRAPPER_NAME`](crate::WRAPPER_NAME): cargo starts it in rustc's stead, so that what the
    /// compiler knows of the user's packages can be asked for. `None` to ask nothing.
    pub rustc_wrapper: Option<PathBuf>,
    /// Where the user stands; `None` for the current directory of this process.
    pub directory: Option<PathBuf>,
}
