//! `show`: one step of a recording.

use anyhow::bail;
use stackheap_interpret::{Program, StateLimits, overview, state_at_part};
use stackheap_model::{SourceFile, State};
use stackheap_report::text::{Bytes, Color, Detail, Glyphs, Level, TextOptions};
use stackheap_report::{Frames, json, markdown, svg, text};

use crate::arguments::{CommonArguments, Format, SelectorArguments, ShowArguments};
use crate::{Ended, answer, focus, output, recordings, select};

/// Steps that are looked at for the table.
const STEPS_LOOKED_AT: u64 = 20_000;

pub fn show(arguments: &ShowArguments) -> Ended {
    output::choose_color(&arguments.common);
    check(arguments)?;
    let path = match &arguments.recording {
        Some(path) => path.clone(),
        None => recordings::last()?,
    };
    let opened = recordings::open(&path)?;
    let shown = shown(arguments, &opened.program()?)?;
    match &arguments.output {
        Some(to) => output::result_file(to, &path, &shown)?,
        None => output::print(&shown)?,
    }
    Ok(0)
}

/// What is shown, as text.
fn shown(arguments: &ShowArguments, program: &Program<'_>) -> anyhow::Result<String> {
    if arguments.compare {
        let overview = overview(
            program,
            STEPS_LOOKED_AT,
            StateLimits::default(),
            &mut |_| {},
        )?;
        let table = answer::comparison(&overview);
        return match arguments.format {
            Format::Markdown => Ok(markdown::compare(&table)),
            Format::Text => Ok(text::compare(&table, &options(arguments, &[]))),
            Format::Json | Format::Svg => {
                bail!("the table has the formats text and markdown; leave `--format` away")
            }
        };
    }
    if arguments.story {
        return crate::story::story(program, arguments);
    }
    let step = select::step(program, &arguments.selector)?;
    let part = arguments.selector.part;
    let mut state = state_at_part(program, step, part, StateLimits::default())?;
    focus::focus(&mut state, &arguments.thing)?;
    let files = &program.table.files;
    match arguments.format {
        Format::Text => {
            let before = select::before(program, step, part)?;
            let mut options = options(arguments, files);
            options.before = before.as_ref();
            if arguments.bytes {
                options.bytes = Bytes::Hex;
            }
            if arguments.all_frames {
                options.frames = Frames::All;
            }
            Ok(text::drawing(&state, &options))
        }
        format => {
            let frames = match arguments.all_frames {
                true => Frames::All,
                false => Frames::User,
            };
            let common = &arguments.common;
            Ok(state_text(&state, files, format, frames, common))
        }
    }
}

/// Refuses what would have no effect.
fn check(arguments: &ShowArguments) -> anyhow::Result<()> {
    let format = match arguments.format {
        Format::Text => "text",
        Format::Json => "json",
        Format::Markdown => "markdown",
        Format::Svg => "svg",
    };
    let text_only = [(arguments.bytes, "--bytes"), (arguments.ascii, "--ascii")];
    if let Some(option) = given(&text_only)
        && arguments.format != Format::Text
    {
        bail!("expected the format text for `{option}`, found {format}; leave one of them away");
    }
    if arguments.all_frames && arguments.format == Format::Svg {
        bail!(
            "expected the format text, json or markdown for `--all-frames`, found svg; leave one of them away"
        );
    }
    let SelectorArguments {
        step,
        at,
        mark,
        event,
        last,
        nth,
        part,
    } = &arguments.selector;
    let of_one_step = [
        (step.is_some(), "--step"),
        (at.is_some(), "--at"),
        (mark.is_some(), "--mark"),
        (event.is_some(), "--event"),
        (*last, "--last"),
        (*nth != 1, "--nth"),
        (*part != 0, "--part"),
        (arguments.all_frames, "--all-frames"),
        (arguments.bytes, "--bytes"),
    ];
    let of_one_thing = [
        (arguments.thing.local.is_some(), "--local"),
        (arguments.thing.block.is_some(), "--block"),
        (arguments.story, "--story"),
    ];
    let needless =
        given(&of_one_step).or_else(|| given(&of_one_thing).filter(|_| arguments.compare));
    match needless {
        Some(option) if arguments.compare => bail!(
            "the table of `--compare` is of the whole run; leave `{option}` away, or leave `--compare` away to see that moment"
        ),
        Some(option) if arguments.story => bail!(
            "a story is of the whole run; leave `{option}` away, or leave `--story` away to see that moment"
        ),
        _ => Ok(()),
    }
}

/// The first option that is given.
fn given(options: &[(bool, &'static str)]) -> Option<&'static str> {
    let mut options = options.iter();
    options.find(|(given, _)| *given).map(|(_, name)| *name)
}

/// Prints a state in a format.
pub fn state_text(
    state: &State,
    files: &[SourceFile],
    format: Format,
    frames: Frames,
    common: &CommonArguments,
) -> String {
    match format {
        Format::Text => text::drawing(state, &text_options(common, files)),
        Format::Json => json::lines(state, frames),
        Format::Markdown => markdown::state(state, files, frames),
        Format::Svg => svg::state(state, files),
    }
}

/// How `show` draws for this user.
pub fn options<'a>(arguments: &ShowArguments, files: &'a [SourceFile]) -> TextOptions<'a> {
    let mut options = text_options(&arguments.common, files);
    if arguments.ascii {
        options.glyphs = Glyphs::Ascii;
    }
    options
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
