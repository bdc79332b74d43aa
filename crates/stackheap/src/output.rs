//! Printing: results to standard output, everything else to standard error.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anstream::ColorChoice as Choice;
use anyhow::{Context, bail};

use crate::arguments::{ColorChoice, CommonArguments};

/// Columns of a drawing when the terminal does not say.
const DEFAULT_WIDTH: usize = 100;

/// Decides once whether escape sequences are written.
pub fn choose_color(common: &CommonArguments) {
    let choice = match (common.color, std::env::var("CARGO_TERM_COLOR").as_deref()) {
        (ColorChoice::Always, _) | (ColorChoice::Auto, Ok("always")) => Choice::Always,
        (ColorChoice::Never, _) | (ColorChoice::Auto, Ok("never")) => Choice::Never,
        (ColorChoice::Auto, _) => Choice::Auto,
    };
    choice.write_global();
}

/// The columns of a drawing.
pub fn width(common: &CommonArguments) -> usize {
    common
        .width
        .or_else(|| std::env::var("COLUMNS").ok()?.parse().ok())
        .unwrap_or(DEFAULT_WIDTH)
}

/// Whether the terminal or the locale says that it has no characters but ASCII.
pub fn is_ascii_only() -> bool {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable);
    let is_utf8 = |locale: String| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    variable("TERM").is_some_and(|terminal| terminal == "dumb")
        || locale.is_some_and(|locale| !is_utf8(locale))
}

/// Prints a result.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Writes a result that carries what the program had in memory to a file, without escape sequences.
pub fn result_file(path: &Path, recording: &Path, text: &str) -> anyhow::Result<()> {
    keep_recording(path, recording)?;
    let plain = anstream::adapter::strip_str(text).to_string();
    private_file(path)
        .and_then(|mut file| file.write_all(plain.as_bytes()))
        .with_context(|| format!("writing {}", path.display()))
}

/// Refuses to write a result over the recording that it is made of.
pub fn keep_recording(path: &Path, recording: &Path) -> anyhow::Result<()> {
    let same = |a: &Path, b: &Path| Some(a.canonicalize().ok()? == b.canonicalize().ok()?);
    if same(path, recording) == Some(true) {
        bail!(
            "expected another path than the recording's behind `-o`, found {}; the recording would be lost",
            path.display()
        );
    }
    Ok(())
}

/// Opens a file to be written anew that carries what the program had in memory: like a recording,
/// for its owner alone.
pub fn private_file(path: &Path) -> io::Result<File> {
    stackheap_trace::create_private(path)
}

/// Tells something beside the result.
pub fn tell(text: &str) {
    // Nobody reads it any more: no reason to stop.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Tells an error and what caused it, in one paragraph.
pub fn error(error: &anyhow::Error) {
    let mut text = String::from("\u{1b}[1;31merror\u{1b}[0m: ");
    text.push_str(&error.to_string());
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text.push('\n');
    tell(&text);
}

/// Whether an error only means that nobody reads the output any more.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
