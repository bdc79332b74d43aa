use std::fmt;
use std::path::{Path, PathBuf};

use crate::NoteBlock;

/// A target that could be meant, and the flags that pick it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The flags, such as `-p`, `app`, `--bin`, `server`.
    pub flags: Vec<String>,
    /// The target's name.
    pub name: String,
}

/// Why there is no executable. Each message is one sentence on what was expected, what was found
/// and what to do; lists follow on lines of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The program does not compile. The compiler's messages were passed on already.
    Failed {
        /// The exit code of cargo or rustc; `None` if a signal ended it.
        code: Option<i32>,
        /// What may help.
        help: Option<String>,
    },
    /// Several targets fit.
    SeveralCandidates(Vec<Candidate>),
    /// The package has no program, but perhaps other targets that can be run.
    NoProgram(Vec<Candidate>),
    /// There is no target of this name.
    NoSuchTarget {
        /// The flags that name it.
        flags: Vec<String>,
        /// The targets of this kind that there are.
        available: Vec<Candidate>,
    },
    /// There is no package of this name.
    NoSuchPackage {
        /// The name.
        name: String,
        /// The packages of the workspace.
        available: Vec<String>,
    },
    /// Cargo cannot make sense of the package or of its dependencies; with cargo's words.
    Manifest(String),
    /// There is no such file.
    NoSuchFile(PathBuf),
    /// The path is a directory.
    IsDirectory {
        /// The path.
        path: PathBuf,
        /// The manifest in it, if it has one.
        manifest: Option<PathBuf>,
    },
    /// The source is not UTF-8.
    NotUtf8 {
        /// The file; `<stdin>` for standard input.
        path: PathBuf,
        /// The offset of the first byte that is not.
        offset: usize,
    },
    /// The note has no `rust` block.
    NoRustInNote(PathBuf),
    /// The note has no block of this number.
    NoSuchBlock {
        /// The note.
        path: PathBuf,
        /// The number.
        asked: usize,
        /// The blocks that there are.
        blocks: Vec<NoteBlock>,
    },
    /// The note has several `rust` blocks.
    SeveralBlocks {
        /// The note.
        path: PathBuf,
        /// The blocks.
        blocks: Vec<NoteBlock>,
    },
    /// A program of the toolchain cannot be started, or does not answer as expected.
    ToolchainMissing {
        /// The program.
        program: PathBuf,
        /// What the system, or the program, said.
        message: String,
    },
    /// The file is not executable.
    NotExecutable(PathBuf),
    /// The compiler has to be asked about source code, and this is an executable.
    NoSource(PathBuf),
    /// The compiler accepts the program but does not print what it knows; with its words.
    NotPrinted(String),
    /// Cargo succeeded but named no executable for the target.
    NoExecutable(Vec<String>),
    /// A file of ours cannot be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
}

impl BuildError {
    /// `path` is as the user typed it, relative to `directory`.
    pub(crate) fn is_directory(path: &Path, directory: &Path) -> Self {
        let manifest = path.join("Cargo.toml");
        let manifest = directory.join(&manifest).is_file().then_some(manifest);
        Self::IsDirectory {
            path: path.to_owned(),
            manifest,
        }
    }

    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            message: error.to_string(),
        }
    }
}

impl std::error::Error for BuildError {}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { code, help } => failed(f, *code, help.as_deref()),
            Self::SeveralCandidates(candidates) => {
                write!(
                    f,
                    "expected one program, found {}; pick one with",
                    candidates.len()
                )?;
                list(f, candidates)
            }
            Self::NoProgram(candidates) if candidates.is_empty() => {
                f.write_str("expected a program, found a package without one; name another package")
            }
            Self::NoProgram(candidates) => {
                f.write_str("expected a program, found a package without one; run instead")?;
                list(f, candidates)
            }
            Self::NoSuchTarget { flags, available } => {
                write!(f, "expected a target `{}`, found none", flags.join(" "))?;
                if available.is_empty() {
                    return f.write_str(" of this kind; see `cargo metadata` for what there is");
                }
                f.write_str("; there are")?;
                list(f, available)
            }
            Self::NoSuchPackage { name, available } => write!(
                f,
                "expected a package `{name}` in the workspace, found none; there are: {}",
                available.join(", ")
            ),
            Self::Manifest(message) => {
                write!(
                    f,
                    "expected a package that cargo can read, but cargo says: {message}"
                )
            }
            Self::NoSuchFile(path) => write!(
                f,
                "expected a file at `{}`, found none; check the path",
                path.display()
            ),
            Self::IsDirectory { path, manifest } => is_directory(f, path, manifest.as_deref()),
            Self::NotUtf8 { path, offset } => write!(
                f,
                "expected UTF-8 in `{}`, found another byte at offset {offset}; convert the file",
                path.display()
            ),
            Self::NoRustInNote(path) => write!(
                f,
                "expected a code block marked `rust` in `{}`, found none; mark one with ```rust",
                path.display()
            ),
            Self::NoSuchBlock {
                path,
                asked,
                blocks,
            } => {
                let path = path.display();
                write!(
                    f,
                    "expected `rust` block {asked} in `{path}`, found {}; use",
                    blocks.len()
                )?;
                list_blocks(f, &path.to_string(), blocks)
            }
            Self::SeveralBlocks { path, blocks } => {
                let path = path.display();
                write!(
                    f,
                    "expected one `rust` block in `{path}`, found {}; use",
                    blocks.len()
                )?;
                list_blocks(f, &path.to_string(), blocks)
            }
            Self::ToolchainMissing { program, message } => write!(
                f,
                "expected to run `{}`, found: {message}; install Rust from https://rustup.rs or \
                 set RUSTC and CARGO",
                program.display()
            ),
            Self::NotExecutable(path) => write!(
                f,
                "expected an executable at `{}`, found a file without execute permission; build it \
                 or allow it with `chmod +x`",
                path.display()
            ),
            Self::NotPrinted(message) => write!(
                f,
                "expected rustc to print what it knows of the program, but it says: {message}; try \
                 another toolchain"
            ),
            Self::NoSource(path) => write!(
                f,
                "expected source code, which the compiler is asked about, found the executable \
                 `{}`; give FILE.rs, NOTE.md, `-`, or a target of a cargo package",
                path.display()
            ),
            Self::NoExecutable(flags) => write!(
                f,
                "expected cargo to name an executable for `{}`, found none; look at what `cargo \
                 build` says",
                flags.join(" ")
            ),
            Self::Io { path, message } => write!(
                f,
                "expected to use `{}`, found: {message}; check its permissions and the space left",
                path.display()
            ),
        }
    }
}

fn failed(f: &mut fmt::Formatter<'_>, code: Option<i32>, help: Option<&str>) -> fmt::Result {
    match code {
        Some(_) => f.write_str("expected a program that compiles, found the errors above")?,
        None => f.write_str("expected a program that compiles, but the compiler was killed")?,
    }
    match help {
        Some(help) => write!(f, "; {help}"),
        None => f.write_str("; mend them and try again"),
    }
}

fn is_directory(f: &mut fmt::Formatter<'_>, path: &Path, manifest: Option<&Path>) -> fmt::Result {
    write!(
        f,
        "expected a file at `{}`, found a directory; ",
        path.display()
    )?;
    match manifest {
        Some(manifest) => {
            write!(
                f,
                "for the package in it, use `--manifest-path {}`",
                manifest.display()
            )
        }
        None => f.write_str("name a file in it"),
    }
}

fn list(f: &mut fmt::Formatter<'_>, candidates: &[Candidate]) -> fmt::Result {
    candidates
        .iter()
        .try_for_each(|candidate| write!(f, "\n    {}", candidate.flags.join(" ")))
}

fn list_blocks(f: &mut fmt::Formatter<'_>, path: &str, blocks: &[NoteBlock]) -> fmt::Result {
    blocks.iter().enumerate().try_for_each(|(index, block)| {
        write!(
            f,
            "\n    {path}#{}  line {}: {}",
            index + 1,
            block.line,
            block.first_line
        )
    })
}
