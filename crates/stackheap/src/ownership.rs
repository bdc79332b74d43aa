//! `ownership`: what the compiler knows of variables, without running anything.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};
use stackheap_build::{BuildError, Checked, CheckedCrate, CrateRole};
use stackheap_model::{FunctionAuthor, FunctionTimeline, MissingFacts, Ownership, SourceFile};
use stackheap_report::text::{Color, Detail, Glyphs, TextOptions};
use stackheap_report::{json, markdown, text};
use stackheap_timeline::{CrateTexts, FunctionHead, SourceText, functions};

use crate::arguments::{OwnershipArguments, OwnershipFormat};
use crate::{Ended, output, target};

/// Exit status when the program does not compile.
const BUILD_FAILED: u8 = 101;

pub fn ownership(arguments: &OwnershipArguments) -> Ended {
    output::choose_color(&arguments.common);
    let spec = target::spec(&arguments.target)?;
    let options = target::options(&arguments.target, &arguments.common);
    let checked = match stackheap_build::check(&spec, &options) {
        Ok(checked) => checked,
        // The compiler has said why.
        Err(BuildError::Failed { .. }) => return Ok(BUILD_FAILED),
        Err(error) => return Err(error.into()),
    };
    if !arguments.common.quiet {
        for note in &checked.notes {
            output::tell(&format!("note: {note}\n"));
        }
    }
    let known = known(arguments, &checked)?;
    if known.functions.is_empty() && is_choice(arguments) {
        bail!(
            "expected a function that {}, found none; leave that away to see all",
            choice(arguments)
        );
    }
    let sources = sources(&known, &checked);
    let shown = shown(arguments, &known, &sources);
    match &arguments.output {
        Some(path) => std::fs::write(path, anstream::adapter::strip_str(&shown).to_string())
            .with_context(|| format!("writing {}", path.display()))?,
        None => output::print(&shown)?,
    }
    Ok(0)
}

fn shown(arguments: &OwnershipArguments, known: &Ownership, sources: &[SourceFile]) -> String {
    match arguments.format {
        OwnershipFormat::Json => json::ownership(known),
        OwnershipFormat::Markdown => markdown::ownership(known, sources),
        OwnershipFormat::Text => {
            let to_terminal = arguments.output.is_none();
            let is_ascii = arguments.ascii || to_terminal && output::is_ascii_only();
            let options = TextOptions {
                width: output::width(&arguments.common),
                // What is not wanted is taken out where it is printed.
                color: Color::Ansi,
                glyphs: match is_ascii {
                    true => Glyphs::Ascii,
                    false => Glyphs::Unicode,
                },
                detail: match arguments.common.verbose {
                    true => Detail::Full,
                    false => Detail::Short,
                },
                sources,
                ..TextOptions::default()
            };
            text::ownership(known, &options)
        }
    }
}

/// Whether functions are named by the user.
fn is_choice(arguments: &OwnershipArguments) -> bool {
    arguments.function.is_some() || arguments.file.is_some() || arguments.line.is_some()
}

fn choice(arguments: &OwnershipArguments) -> String {
    let name = arguments
        .function
        .as_ref()
        .map(|name| format!("has `{name}` in its path"));
    let file = arguments
        .file
        .as_ref()
        .map(|file| format!("is in {}", file.display()));
    let line = arguments.line.map(|line| format!("has line {line} in it"));
    let all: Vec<String> = [name, file, line].into_iter().flatten().collect();
    all.join(" and ")
}

/// What is known of the functions that are chosen: those of the target, or where the user names
/// some, those of all crates.
fn known(arguments: &OwnershipArguments, checked: &Checked) -> anyhow::Result<Ownership> {
    let is_wanted = |head: FunctionHead<'_>| is_wanted(arguments, head);
    let mut known = Ownership::default();
    for of in &checked.crates {
        let is_target = of.role == CrateRole::Target;
        if is_target || (is_choice(arguments) && known.functions.is_empty()) {
            known.functions.extend(of_crate(checked, of, &is_wanted)?);
        }
    }
    known.missing = checked
        .missing
        .iter()
        .map(|missing| MissingFacts {
            crate_name: missing.crate_name.as_deref().map(Into::into),
            reason: missing.reason.as_str().into(),
        })
        .collect();
    Ok(known)
}

fn of_crate(
    checked: &Checked,
    of: &CheckedCrate,
    is_wanted: &dyn Fn(FunctionHead<'_>) -> bool,
) -> anyhow::Result<Vec<FunctionTimeline>> {
    let read = |path: &Path| {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        anyhow::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let borrow_checked = read(&of.texts.borrow_checked)?;
    let elaborated = read(&of.texts.elaborated)?;
    let texts = CrateTexts {
        borrow_checked: &borrow_checked,
        elaborated: &elaborated,
    };
    let source = |file: &str| {
        let path = of.directory.join(file);
        let absolute = path.to_string_lossy();
        if !checked.user_code.is_user(&absolute) {
            return None;
        }
        Some(SourceText {
            shown: checked.sources.display(&absolute).into(),
            text: text_of(checked, &absolute, &path)
                .unwrap_or_default()
                .into(),
        })
    };
    Ok(functions(texts, &source, is_wanted))
}

/// The text of a source file by its absolute path, as the compiler names it; a directory's name that
/// is not UTF-8 is in the path alone.
fn text_of(checked: &Checked, absolute: &str, path: &Path) -> Option<String> {
    let bytes = std::fs::read(checked.sources.text_file(absolute)).or_else(|_| std::fs::read(path));
    Some(String::from_utf8_lossy(&bytes.ok()?).into_owned())
}

fn is_wanted(arguments: &OwnershipArguments, head: FunctionHead<'_>) -> bool {
    let has_name = |name: &String| head.name.contains(name.as_str());
    let is_in = |file: &std::path::PathBuf| {
        let shown = SourceFile {
            path: head.file.to_owned(),
            text: None,
        };
        let named = file.to_string_lossy();
        shown.is_named(named.strip_prefix("./").unwrap_or(&named))
    };
    let is_around = |line: u32| head.extent.start.line <= line && line <= head.extent.end.line;
    (arguments.all || head.author == FunctionAuthor::User)
        && arguments.function.as_ref().is_none_or(has_name)
        && arguments.file.as_ref().is_none_or(is_in)
        && arguments.line.is_none_or(is_around)
}

/// The texts of the files that functions are in.
fn sources(known: &Ownership, checked: &Checked) -> Vec<SourceFile> {
    let files: BTreeSet<&str> = known.functions.iter().map(|f| &*f.file).collect();
    let directory = std::env::current_dir().unwrap_or_default();
    let text = |file: &str| {
        let path = directory.join(file);
        text_of(checked, &path.to_string_lossy(), &path)
    };
    files
        .into_iter()
        .map(|file| SourceFile {
            path: file.to_owned(),
            text: text(file),
        })
        .collect()
}
