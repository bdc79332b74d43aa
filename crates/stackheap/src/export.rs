//! `export`: a recording in another format.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use stackheap_interpret::{Level, Program, StateLimits, Walk, state_at_part};
use stackheap_model::{State, StepNumber};
use stackheap_report::html::{DEFAULT_LIMIT_BYTES, Page, PageHead};
use stackheap_report::{Frames, json, markdown, svg};

pub use crate::arguments::ExportArguments;
use crate::arguments::ExportFormat;
use crate::{Ended, focus, output, recordings, select};

/// States before the first one that are looked at for what happened between them.
const STATES_BEFORE: u64 = 32;

pub(crate) fn export(arguments: &ExportArguments) -> Ended {
    output::choose_color(&arguments.common);
    check(arguments)?;
    let opened = recordings::open(&arguments.recording)?;
    let program = opened.program()?;
    // Opened before anything is computed, so that a wrong path fails at once.
    let mut sink = open_sink(arguments)?;
    match arguments.format {
        ExportFormat::Jsonl => {
            each_state(&program, arguments, &mut |state| {
                sink.write_all(json::line(state).as_bytes())?;
                Ok(More::Wanted)
            })?;
        }
        ExportFormat::Html => {
            let title = recordings::title(&arguments.recording);
            let mut page = Page::new(PageHead {
                title: &title,
                sources: &program.table.files,
                summary: None,
                comparison: None,
                notes: &[],
                limit_bytes: DEFAULT_LIMIT_BYTES,
            });
            let left_out = each_state(&program, arguments, &mut |state| {
                page.add(state);
                Ok(if page.is_full() {
                    More::NotWanted
                } else {
                    More::Wanted
                })
            })?;
            page.leave_out(left_out);
            sink.write_all(page.finish().as_bytes())?;
        }
        ExportFormat::Svg | ExportFormat::Markdown => {
            let step = select::step(&program, &arguments.selector)?;
            let mut state = state_at_part(
                &program,
                step,
                arguments.selector.part,
                StateLimits::default(),
            )?;
            focus::focus(&mut state, &arguments.thing)?;
            let shown = match arguments.format {
                ExportFormat::Svg => svg::state(&state, &program.table.files),
                _ => markdown::state(&state, &program.table.files, Frames::User),
            };
            sink.write_all(shown.as_bytes())?;
        }
    }
    sink.flush()?;
    if !arguments.common.quiet
        && let Some(path) = &arguments.output
    {
        let carries = match program.recording.header().values {
            stackheap_trace::Values::Recorded => "it carries the program's memory",
            stackheap_trace::Values::Withheld => "it carries no values",
        };
        output::tell(&format!("written: {} ({carries})\n", path.display()));
    }
    Ok(0)
}

/// Refuses what would have no effect.
fn check(arguments: &ExportArguments) -> anyhow::Result<()> {
    if arguments.every == Some(0) {
        bail!("expected `--every` to be at least 1, found 0");
    }
    let format = match arguments.format {
        ExportFormat::Jsonl | ExportFormat::Html => return Ok(()),
        ExportFormat::Svg => "svg",
        ExportFormat::Markdown => "markdown",
    };
    let of_several = [
        (arguments.from.is_some(), "--from"),
        (arguments.to.is_some(), "--to"),
        (arguments.every.is_some(), "--every"),
        (arguments.parts, "--parts"),
    ];
    if let Some((_, option)) = of_several.iter().find(|(given, _)| *given) {
        bail!(
            "expected one step for the format {format}, found `{option}`, which is for jsonl and html; name the step with `--step N`, `--mark NAME` or `--at FILE:LINE`"
        );
    }
    Ok(())
}

fn open_sink(arguments: &ExportArguments) -> anyhow::Result<Box<dyn Write>> {
    let Some(path) = &arguments.output else {
        return Ok(Box::new(BufWriter::new(io::stdout().lock())));
    };
    output::keep_recording(path, &arguments.recording)?;
    let file = output::private_file(path).with_context(|| format!("writing {}", path.display()))?;
    Ok(Box::new(BufWriter::new(NamedFile {
        file,
        path: path.clone(),
    })))
}

/// A file whose errors name it.
struct NamedFile {
    file: File,
    path: PathBuf,
}

impl Write for NamedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("writing {}: {error}", self.path.display()),
            )
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether there is room for a further state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// There is.
    Wanted,
    /// There is not.
    NotWanted,
}

/// Hands on the chosen states, as long as they are wanted; gives how many steps were left.
///
/// # Errors
///
/// When a state cannot be made, or there is no such step or thing; and what `take` gives.
pub fn each_state(
    program: &Program<'_>,
    arguments: &ExportArguments,
    take: &mut dyn FnMut(&State) -> anyhow::Result<More>,
) -> anyhow::Result<u64> {
    if arguments.selector.is_given() {
        let step = select::step(program, &arguments.selector)?;
        let mut state = state_at_part(
            program,
            step,
            arguments.selector.part,
            StateLimits::default(),
        )?;
        focus::focus(&mut state, &arguments.thing)?;
        take(&state)?;
        return Ok(0);
    }
    let steps = program.recording.totals().steps;
    let to = arguments.to.unwrap_or(steps).min(steps);
    let from = arguments.from.unwrap_or(1);
    let every = arguments.every.unwrap_or(1);
    if from == 0 || from > to {
        bail!("expected steps between 1 and {steps}, found {from} to {to}");
    }
    let mut walk = walk_before(program, from)?.with_level(if arguments.parts {
        Level::Parts
    } else {
        Level::Steps
    });
    let mut next = from;
    let mut without_it = None;
    let mut taken = 0_u64;
    while next <= to {
        // What happened since the state before is told by this one, also where states are left out.
        let Some(mut state) = walk.next_state_from(StepNumber(next))? else {
            break;
        };
        if state.step.0 > to {
            break;
        }
        if !arguments.parts {
            next = state.step.0.saturating_add(every);
        }
        match focus::focus(&mut state, &arguments.thing) {
            Ok(()) => {
                taken += 1;
                if take(&state)? == More::NotWanted {
                    return Ok((to - state.step.0) / every);
                }
            }
            // The thing is not there in every state.
            Err(error) => without_it = Some(error),
        }
    }
    match without_it {
        Some(error) if taken == 0 => Err(error),
        _ => Ok(0),
    }
}

/// A walk that stands before this step and has seen the states before it, so that the first state
/// tells what happened since its thread's previous one.
fn walk_before<'p, 'r>(program: &'p Program<'r>, step: u64) -> anyhow::Result<Walk<'p, 'r>> {
    let limits = StateLimits::default();
    let start = step.saturating_sub(STATES_BEFORE);
    let mut walk = if start <= 1 {
        Walk::new(program, limits)
    } else {
        Walk::from_step(program, limits, StepNumber(start))?
    };
    for _ in start.max(1)..step {
        walk.next_events()?;
    }
    Ok(walk)
}
