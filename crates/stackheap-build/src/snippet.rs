//! Programs that are not a file of the user's: the text on standard input and the code blocks of
//! notes. The text is written to a file of ours, line for line as the user sees it, and rustc is
//! told to name it as the user does.
//!
//! A text without a function `main` is put into one, by the rules of rustdoc
//! (<https://doc.rust-lang.org/rustdoc/write-documentation/documentation-tests.html>).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

use crate::built::Built;
use crate::cache::{self, Key};
use crate::file::{self, Compilation};
use crate::note::{self, NoteBlock};
use crate::{BuildError, BuildOptions, Checked, Edition, Sources, toolchain};

/// How standard input is named in messages and in debug information.
const STDIN: &str = "<stdin>";

pub(crate) fn build_stdin(
    text: &[u8],
    edition: Edition,
    options: &BuildOptions,
    arguments: &[OsString],
) -> Result<Built, BuildError> {
    let (compilation, notes) = of_stdin(text, edition)?.compilation(options)?;
    compilation.build(options, arguments, notes)
}

pub(crate) fn check_stdin(
    text: &[u8],
    edition: Edition,
    options: &BuildOptions,
) -> Result<Checked, BuildError> {
    let (compilation, notes) = of_stdin(text, edition)?.compilation(options)?;
    compilation.check(options, notes)
}

pub(crate) fn build_note(
    path: &Path,
    number: Option<usize>,
    edition: Edition,
    options: &BuildOptions,
    arguments: &[OsString],
) -> Result<Built, BuildError> {
    let (compilation, notes) = of_note(path, number, edition, options)?.compilation(options)?;
    compilation.build(options, arguments, notes)
}

pub(crate) fn check_note(
    path: &Path,
    number: Option<usize>,
    edition: Edition,
    options: &BuildOptions,
) -> Result<Checked, BuildError> {
    let (compilation, notes) = of_note(path, number, edition, options)?.compilation(options)?;
    compilation.check(options, notes)
}

/// Checks a file whose name rustc would not take.
pub(crate) fn check_copy(
    path: &Path,
    text: String,
    edition: Edition,
    options: &BuildOptions,
) -> Result<Checked, BuildError> {
    let snippet = Snippet {
        named: path.to_owned(),
        name: OsString::from(
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .as_ref(),
        ),
        program: Program {
            text,
            wrapped: false,
        },
        edition,
    };
    let (compilation, notes) = snippet.compilation(options)?;
    compilation.check(options, notes)
}

fn of_stdin(text: &[u8], edition: Edition) -> Result<Snippet, BuildError> {
    let text = file::utf8(text.to_vec(), Path::new(STDIN))?;
    Ok(Snippet {
        named: PathBuf::from(STDIN),
        name: OsString::from("stdin"),
        program: Program::of(&text),
        edition,
    })
}

fn of_note(
    path: &Path,
    number: Option<usize>,
    edition: Edition,
    options: &BuildOptions,
) -> Result<Snippet, BuildError> {
    let note = file::read(path, &toolchain::directory(options)?)?;
    let mut blocks = note::blocks(&note);
    let index = choose(path, number, &blocks)?;
    let block = blocks.swap_remove(index);
    let editions = block
        .marks()
        .filter_map(|mark| mark.strip_prefix("edition")?.parse().ok());
    let mut name = path.file_stem().unwrap_or(OsStr::new("note")).to_owned();
    name.push(format!("-{}", index + 1));
    Ok(Snippet {
        named: path.to_owned(),
        name,
        program: Program::of(&block.source(&note)),
        edition: editions.last().unwrap_or(edition),
    })
}

/// The index of the block that is meant.
fn choose(path: &Path, number: Option<usize>, blocks: &[NoteBlock]) -> Result<usize, BuildError> {
    let path = path.to_owned();
    match number {
        _ if blocks.is_empty() => Err(BuildError::NoRustInNote(path)),
        Some(asked) if (1..=blocks.len()).contains(&asked) => Ok(asked - 1),
        Some(asked) => Err(BuildError::NoSuchBlock {
            path,
            asked,
            blocks: blocks.to_vec(),
        }),
        None if blocks.len() == 1 => Ok(0),
        None => Err(BuildError::SeveralBlocks {
            path,
            blocks: blocks.to_vec(),
        }),
    }
}

/// A program whose text is not a file of the user's.
struct Snippet {
    /// How the user knows it.
    named: PathBuf,
    /// The executable's name.
    name: OsString,
    program: Program,
    edition: Edition,
}

impl Snippet {
    /// How it is compiled, and what is to be said about it.
    fn compilation(self, options: &BuildOptions) -> Result<(Compilation, Vec<String>), BuildError> {
        let directory = toolchain::directory(options)?;
        let text = &self.program.text;
        let key = Key::new()
            .with(self.named.as_os_str().as_encoded_bytes())
            .with(text.as_bytes());
        let sources = cache::directory(options)?.join("sources");
        let source = sources.join(key.text()).join("main.rs");
        cache::create(source.parent().unwrap_or(&sources))?;
        cache::write(&source, text.as_bytes())?;
        cache::prune(&sources);

        // rustc takes what stands behind the last `=` as the new name.
        let named = self.named.to_string_lossy().replace('=', "_");
        let mut remap = OsString::from("--remap-path-prefix=");
        remap.push(&source);
        remap.push("=");
        remap.push(&named);
        let unused = self.program.wrapped.then(|| OsString::from("-Aunused"));
        let wrapped = "The snippet has no `main`; it was put into one.";
        let notes = self.program.wrapped.then(|| wrapped.to_owned());
        let sources = Sources::with_text(&directory, Path::new(&named), &source);
        let compilation = Compilation {
            source,
            name: self.name,
            text: self.program.text,
            edition: self.edition,
            flags: std::iter::once(remap).chain(unused).collect(),
            sources,
            directory,
            help: None,
        };
        Ok((compilation, notes.into_iter().collect()))
    }
}

/// The text of a snippet as a whole program.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    text: String,
    /// Whether it was put into a `main`.
    wrapped: bool,
}

impl Program {
    fn of(text: &str) -> Self {
        if has_main(text) {
            return Self {
                text: text.to_owned(),
                wrapped: false,
            };
        }
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let first = hoisted(&lines);
        let behind_last = lines
            .iter()
            .rposition(|line| !line.trim().is_empty())
            .map_or(0, |i| i + 1);
        // The last expression says that the snippet uses `?`.
        let (head, tail) = if text.trim_end().ends_with("(())") {
            (
                "fn main() { fn _inner() -> ::core::result::Result<(), impl ::core::fmt::Debug> {",
                "} _inner().unwrap() }",
            )
        } else {
            ("fn main() {", "}")
        };
        // The head goes to the blank line above the code, which keeps every column, or else before
        // the code.
        let above = first.checked_sub(1).and_then(|index| lines.get_mut(index));
        match above.filter(|line| line.trim().is_empty()) {
            Some(line) => head.clone_into(line),
            None => match lines.get_mut(first) {
                Some(line) => line.insert_str(0, &format!("{head} ")),
                None => lines.push(head.to_owned()),
            },
        }
        match lines.get_mut(behind_last.max(first + 1)) {
            Some(line) => tail.clone_into(line),
            None => lines.push(tail.to_owned()),
        }
        lines.push(String::new());
        Self {
            text: lines.join("\n"),
            wrapped: true,
        }
    }
}

/// Whether the text has a function `main` outside of all braces.
fn has_main(text: &str) -> bool {
    let Ok(tokens) = text.parse::<TokenStream>() else {
        // Not even tokens: the compiler will say so, about the text as it is.
        return true;
    };
    let mut last_was_fn = false;
    tokens.into_iter().any(|token| {
        let is = |name: &str| matches!(&token, TokenTree::Ident(ident) if ident == name);
        let found = last_was_fn && is("main");
        last_was_fn = is("fn");
        found
    })
}

/// The index of the first line that can stand in a function: inner attributes and `extern crate`
/// cannot, nor can what stands above them.
fn hoisted(lines: &[String]) -> usize {
    let mut behind = 0;
    let mut brackets = 0_usize;
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
        let attribute = brackets > 0 || line.starts_with("#![");
        if attribute {
            brackets += line.matches('[').count();
            brackets = brackets.saturating_sub(line.matches(']').count());
        }
        if attribute || line.starts_with("extern crate ") || line.starts_with("#[macro_use]") {
            behind = index + 1;
        } else if !line.is_empty() && !line.starts_with("//") {
            break;
        }
    }
    let code = lines
        .iter()
        .skip(behind)
        .position(|line| !line.trim().is_empty());
    code.map_or(lines.len(), |index| behind + index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let program = Program::of(text);
        assert_eq!(program.text, expected);
        assert!(program.wrapped);
    }

    #[test]
    fn a_text_with_main_stays_as_it_is() {
        for text in [
            "fn main() {}",
            "use a;\npub async fn main() { b }",
            "/* c */ fn\nmain() {}",
        ] {
            assert_eq!(
                Program::of(text),
                Program {
                    text: text.to_owned(),
                    wrapped: false
                }
            );
        }
        // What is no Rust at all is left to the compiler.
        assert!(!Program::of("fn f() { \"").wrapped);
    }

    #[test]
    fn a_main_elsewhere_is_none() {
        assert!(Program::of("mod m { fn main() {} }").wrapped);
        assert!(Program::of("// fn main() {}\nlet x = \"fn main() {}\";").wrapped);
    }

    #[test]
    fn the_head_goes_above_the_code_and_the_tail_below() {
        check("let x = 1;", "fn main() { let x = 1;\n}\n");
        check(
            "\n\n  let x = 1;\n\n\n",
            "\nfn main() {\n  let x = 1;\n}\n\n",
        );
        check("", "fn main() {\n}\n");
        check("// only a comment", "fn main() { // only a comment\n}\n");
    }

    #[test]
    fn what_must_stand_at_the_top_stays_there() {
        check(
            "#![allow(unused)]\nlet x = 1;",
            "#![allow(unused)]\nfn main() { let x = 1;\n}\n",
        );
        check(
            "// why\n#![allow(\n  unused\n)]\n\nextern crate alloc;\n\nlet x = 1; // x",
            "// why\n#![allow(\n  unused\n)]\n\nextern crate alloc;\nfn main() {\nlet x = 1; // x\n}\n",
        );
    }

    #[test]
    fn a_snippet_with_a_question_mark_gets_a_result() {
        let head =
            "fn main() { fn _inner() -> ::core::result::Result<(), impl ::core::fmt::Debug> {";
        check(
            "\nlet x = f()?;\nOk::<(), E>(())\n",
            &format!("{head}\nlet x = f()?;\nOk::<(), E>(())\n}} _inner().unwrap() }}\n"),
        );
    }
}
