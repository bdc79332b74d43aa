//! `show`: one step of a recording.

use anyhow::bail;
use stackheap_interpret::{StateLimits, overview, state_at_part};
use stackheap_model::{SourceFile, State};
use stackheap_report::text::{Bytes, Color, Detail, Glyphs, Level, TextOptions};
use stackheap_report::{Frames, json, markdown, svg, text};

use crate::arguments::{CommonArguments, Format, ShowArguments};
use crate::{Ended, answer, focus, output, recordings, select};

/// Steps that are looked at for the table.
const STEPS_LOOKED_AT: u64 = 20_000;

pub fn show(arguments: &ShowArguments) -> Ended {
    output::choose_color(&arguments.common);
    let path = match &arguments.recording {
        Some(path) => path.clone(),
        None => recordings::last()?,
    };
    let opened = recordings::open(&path)?;
    let program = opened.program()?;
    if arguments.compare {
        let overview = overview(
            &program,
            STEPS_LOOKED_AT,
            StateLimits::default(),
            &mut |_| {},
        )?;
        let table = answer::comparison(&overview);
        let shown = match arguments.format {
            Format::Markdown => markdown::compare(&table),
            Format::Text => text::compare(&table, &text_options(&arguments.common, &[])),
            Format::Json | Format::Svg => {
                bail!("the table has the formats text and markdown; leave `--format` away")
            }
        };
        output::print(&shown)?;
        return Ok(0);
    }
    if arguments.story {
        return crate::story::story(&program, arguments);
    }
    let step = select::step(&program, &arguments.selector)?;
    let part = arguments.selector.part;
    let mut state = state_at_part(&program, step, part, StateLimits::default())?;
    focus::focus(&mut state, &arguments.thing)?;
    let files = &program.table.files;
    match arguments.format {
        Format::Text => {
            let before = select::before(&program, step, part)?;
            let mut options = text_options(&arguments.common, files);
            options.before = before.as_ref();
            if arguments.ascii {
                options.glyphs = Glyphs::Ascii;
            }
            if arguments.bytes {
                options.bytes = Bytes::Hex;
            }
            if arguments.all_frames {
                options.frames = Frames::All;
            }
            output::print(&text::drawing(&state, &options))?;
        }
        format => print_state(&state, files, format, &arguments.common)?,
    }
    Ok(0)
}

/// Prints a state in a format.
pub fn print_state(
    state: &State,
    files: &[SourceFile],
    format: Format,
    common: &CommonArguments,
) -> anyhow::Result<()> {
    let shown = match format {
        Format::Text => text::drawing(state, &text_options(common, files)),
        Format::Json => json::lines(state),
        Format::Markdown => markdown::state(state, files, Frames::User),
        Format::Svg => svg::state(state, files),
    };
    output::print(&shown)
}

/// How a drawing is made for this user.
pub fn text_options<'a>(common: &CommonArguments, files: &'a [SourceFile]) -> TextOptions<'a> {
    TextOptions {
        width: output::width(common),
        // What is not wanted is taken out where it is printed.
        color: Color::Ansi,
        level: if common.verbose {
            Level::Engineer
        } else {
            Level::Beginner
        },
        detail: if common.verbose {
            Detail::Full
        } else {
            Detail::Short
        },
        sources: files,
        ..TextOptions::default()
    }
}
