//! `run`: build, record, answer.

use std::fs::File;
use std::io::{Read, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use stackheap_build::{BuildError, Built, CompilerAnswers, MissingTexts, ProgramRole};
use stackheap_image::Image;
use stackheap_interpret::{
    BORROW_CHECKED_BLOB, EXECUTABLE_BLOB, MISSING_FACTS_BLOB, OPT_LEVEL_FACT, Opened, Overview,
    PATHS_BLOB, PATHS_KIND, StateLimits, overview,
};
use stackheap_model::SiteTable;
use stackheap_record::{
    Budget, KeepValues, Mechanism, Placement, Plan, PlanRequest, RecordOptions, RunFacts, Scope,
    Target, Threads, Trigger,
};
use stackheap_report::html::{self, DEFAULT_LIMIT_BYTES, Page, PageHead};
use stackheap_report::{Comparison, Frames, Summary};
use stackheap_trace::{
    Architecture, BlobKind, Header, Outcome, PackedBlob, Recording, TraceError, Values, Writer,
};

use crate::arguments::{RunArguments, ScopeArguments};
use crate::{Ended, answer, open, output, recordings, select, show, target};

/// Exit status when the program does not build.
const BUILD_FAILED: u8 = 101;

/// Steps whose states are looked at for the answer and put into the page of `run`.
const STEPS_LOOKED_AT: u64 = 2_000;

/// Blocks, and edges, of one state in the page of `run`.
const PAGE_BLOCKS: usize = 256;
const PAGE_EDGES: usize = 1024;

/// Bytes of states in the page of `run`.
const PAGE_BYTES: usize = DEFAULT_LIMIT_BYTES / 4;

pub fn run(arguments: &RunArguments) -> Ended {
    output::choose_color(&arguments.common);
    let built = match build(arguments)? {
        Ok(built) => built,
        Err(code) => return Ok(code),
    };
    // While the program is read and run.
    let compiler = built.ask_compiler();
    let executable = std::fs::read(&built.executable)
        .with_context(|| format!("reading {}", built.executable.display()))?;
    let name = || format!("{}", built.executable.display());
    let executable = stackheap_image::decompressed(&executable).with_context(name)?;
    // While cargo is still asked how to start the program.
    let (prepared, packed) = std::thread::scope(|scope| {
        let packed = scope.spawn(|| PackedBlob::new(&executable));
        let prepared = Image::parse(&executable).map(|image| {
            let plan = plan(&built, &image, &arguments.scope);
            (image, plan)
        });
        let packed = packed.join().unwrap_or_else(|panic| resume_unwind(panic));
        (prepared, packed)
    });
    let (image, plan) = prepared.with_context(name)?;
    if plan.table.sites.is_empty() {
        bail!(no_sites(arguments, &built));
    }
    if !arguments.common.quiet {
        for note in built.notes() {
            output::tell(&format!("note: {note}\n"));
        }
    }
    let path = match &arguments.output {
        Some(path) => {
            recordings::check_replaceable(path)?;
            path.clone()
        }
        None => default_path(arguments, &built)?,
    };
    let started = Instant::now();
    let program = Prepared {
        built: &built,
        executable: &executable,
        packed: packed?,
        image: &image,
        plan,
        compiler,
    };
    let (facts, recording) = record(arguments, program, &path)?;
    let elapsed = started.elapsed();
    drop(image);
    let recording = Recording::from_file(recording);
    if let Some(why) = &facts.broke_off {
        warn_of_end(&recording, why);
    }
    let recorded = Recorded {
        path: &path,
        recording,
        executable: executable.into_owned(),
        facts: &facts,
        elapsed,
    };
    match report(arguments, recorded) {
        // The program came to its end all the same, and its status is the answer.
        Err(error) if facts.broke_off.is_some() => {
            output::tell(&format!("warning: {error:#}\n"));
        }
        // Nobody reads the result; the program's status is the answer all the same.
        Err(error) if output::is_closed_pipe(&error) => {}
        reported => reported?,
    }
    Ok(exit_code(&facts.outcome))
}

fn build(arguments: &RunArguments) -> anyhow::Result<Result<Built, u8>> {
    let spec = target::spec(&arguments.target)?;
    let options = target::options(&arguments.target, &arguments.common);
    match stackheap_build::build(&spec, &options, &arguments.arguments) {
        Ok(built) => Ok(Ok(built)),
        Err(BuildError::Failed { help, .. }) => {
            if let Some(help) = help {
                output::tell(&format!("help: {help}\n"));
            }
            Ok(Err(BUILD_FAILED))
        }
        Err(error) => Err(error.into()),
    }
}

fn default_path(arguments: &RunArguments, built: &Built) -> anyhow::Result<PathBuf> {
    let path = recordings::default_path(&arguments.target, &built.executable);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("making the directory {}", directory.display()))?;
    }
    Ok(path)
}

fn no_sites(arguments: &RunArguments, built: &Built) -> String {
    if !arguments.scope.only.is_empty() {
        return format!(
            "expected code that `--only {}` covers, found none in {}",
            arguments.scope.only.join(" --only "),
            built.executable.display()
        );
    }
    format!(
        "{} has no code of yours with debug information; build it with `debug = true`",
        built.executable.display()
    )
}

fn plan(built: &Built, image: &Image<'_>, scope: &ScopeArguments) -> Plan {
    let only: Vec<Scope> = scope.only.iter().map(|text| Scope::parse(text)).collect();
    stackheap_record::plan(&PlanRequest {
        image,
        is_user: &|path| built.user_code.is_user(path),
        read_source: &|path| {
            let bytes = std::fs::read(built.sources.text_file(path)).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        },
        shown_path: &|path| built.sources.display(path),
        only: &only,
    })
}

/// A program that was recorded.
struct Recorded<'r> {
    /// Where its recording was written; by now it may be another's of the same program.
    path: &'r Path,
    recording: Result<Recording, TraceError>,
    executable: Vec<u8>,
    facts: &'r RunFacts,
    elapsed: std::time::Duration,
}

/// A program that is ready to be recorded.
struct Prepared<'p, 'i> {
    built: &'p Built,
    /// The executable's bytes, and as the recording keeps them.
    executable: &'p [u8],
    packed: PackedBlob,
    image: &'p Image<'i>,
    plan: Plan,
    /// What the compiler knows, which it is still asked.
    compiler: CompilerAnswers,
}

fn record(
    arguments: &RunArguments,
    program: Prepared<'_, '_>,
    path: &Path,
) -> anyhow::Result<(RunFacts, File)> {
    let Prepared {
        built,
        plan,
        compiler,
        ..
    } = program;
    let options = record_options(&arguments.scope, &plan.table)?;
    let captured = arguments.format.is_some();
    let mut writer = Writer::create(path, &header(arguments, built))?;
    writer.packed_blob(BlobKind::Image, EXECUTABLE_BLOB, &program.packed)?;
    writer.blob(
        PATHS_KIND,
        PATHS_BLOB,
        plan.absolute_files.join("\n").as_bytes(),
    )?;
    writer.site_table(&plan.table)?;
    let file = writer.file()?;
    let target = Target {
        command: command(built, captured),
        executable: program.executable,
        image: program.image,
        table: Arc::new(plan.table),
    };
    let recorded = stackheap_record::record(target, &mut writer, &options);
    // Also of a recording that broke off, which is finished either way.
    let kept = keep_compiler_facts(&mut writer, compiler);
    let summary = writer.finish();
    let mut facts = recorded?;
    if facts.broke_off.is_none() {
        kept?;
        summary?;
    }
    facts.notes.splice(0..0, plan.problems);
    Ok((facts, file))
}

/// Writes what the compiler knows into the recording, and what of it is missing.
fn keep_compiler_facts(writer: &mut Writer, answers: CompilerAnswers) -> Result<(), TraceError> {
    let mut missing = Vec::new();
    for (number, answer) in (1..).zip(answers.wait()) {
        let read = answer.and_then(|texts| {
            let text = std::fs::read(&texts.borrow_checked);
            let name = texts.crate_name;
            match text {
                Ok(text) => Ok((name, text)),
                Err(error) => Err(MissingTexts {
                    crate_name: Some(name),
                    reason: format!("its answer cannot be read: {error}"),
                }),
            }
        });
        match read {
            Ok((name, text)) => {
                let name = format!("{BORROW_CHECKED_BLOB}{number}/{name}");
                writer.blob(BlobKind::CompilerFacts, &name, &text)?;
            }
            Err(MissingTexts { crate_name, reason }) => {
                let whose = crate_name.map_or_else(String::new, |name| format!(" of `{name}`"));
                missing.push(format!(
                    "what the compiler knows{whose} about moves and drops is not there: {reason}"
                ));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let lines = missing.join("\n");
    writer.blob(
        BlobKind::CompilerFacts,
        MISSING_FACTS_BLOB,
        lines.as_bytes(),
    )
}

fn command(built: &Built, captured: bool) -> Command {
    let launch = built.command();
    let mut command = Command::new(&built.executable);
    std::os::unix::process::CommandExt::arg0(&mut command, &launch.name);
    command
        .args(&launch.arguments)
        .env_clear()
        .envs(&launch.environment);
    command.current_dir(&launch.directory);
    if captured {
        // The result goes to standard output; what the program writes stays in the recording.
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
    }
    command
}

fn header(arguments: &RunArguments, built: &Built) -> Header {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let mut facts = Vec::new();
    if let Some(profile) = &built.profile {
        facts.push((OPT_LEVEL_FACT.to_owned(), profile.opt_level.clone()));
    }
    if built.role == ProgramRole::Tests {
        facts.push(("role".to_owned(), "tests".to_owned()));
    }
    Header {
        architecture: Architecture::X86_64,
        values: if arguments.scope.no_values {
            Values::Withheld
        } else {
            Values::Recorded
        },
        producer: format!("stackheap {}", env!("CARGO_PKG_VERSION")),
        program: built.executable.display().to_string(),
        arguments: built
            .command()
            .arguments
            .iter()
            .map(|argument| {
                if arguments.scope.no_values {
                    "(not kept)".to_owned()
                } else {
                    argument.to_string_lossy().into_owned()
                }
            })
            .collect(),
        working_directory: built.command().directory.display().to_string(),
        started_unix_seconds: started.map(|since| since.as_secs()),
        process_id: 0,
        facts,
    }
}

fn record_options(scope: &ScopeArguments, table: &SiteTable) -> anyhow::Result<RecordOptions> {
    let bound = |value: u64| (value != 0).then_some(value);
    let trigger = |text: &Option<String>| -> anyhow::Result<Option<Trigger>> {
        let Some(text) = text else { return Ok(None) };
        let place = select::parse_place(text)?;
        let sites = select::sites_at(table, place.file, place.line, None);
        if sites.is_empty() {
            bail!(
                "expected a place with a statement, found none at {text}{}",
                select::nearest(table, &place)
            );
        }
        Ok(Some(Trigger {
            sites,
            nth: place.last.map_or(1, u64::from),
        }))
    };
    Ok(RecordOptions {
        budget: Budget {
            heap_bytes: scope.heap_budget,
            ..Budget::default()
        },
        max_stops: bound(scope.max_stops),
        max_bytes: bound(scope.max_bytes),
        throttle: bound(scope.throttle),
        from: trigger(&scope.from)?,
        until: trigger(&scope.until)?,
        placement: if scope.no_pin {
            Placement::Free
        } else {
            Placement::OneProcessor
        },
        threads: if scope.serialize {
            Threads::Serialized
        } else {
            Threads::SideBySide
        },
        values: if scope.no_values {
            KeepValues::No
        } else {
            KeepValues::Yes
        },
    })
}

fn report(arguments: &RunArguments, recorded: Recorded<'_>) -> anyhow::Result<()> {
    if arguments.common.quiet && arguments.format.is_none() {
        return Ok(());
    }
    let Recorded {
        path,
        facts,
        elapsed,
        ..
    } = recorded;
    let opened = Opened::with_executable(recorded.recording?, recorded.executable)?;
    let program = opened.program()?;
    let title = recordings::title(path);
    let table = Arc::clone(&program.table);
    let mut page = Page::new(PageHead {
        title: &title,
        sources: &table.files,
        summary: None,
        comparison: None,
        notes: &[],
        limit_bytes: PAGE_BYTES,
    });
    let overview = overview(&program, STEPS_LOOKED_AT, page_limits(), &mut |state| {
        page.add(state);
    })?;
    if let Some(format) = arguments.format {
        let Some(peak) = &overview.peak else {
            bail!("the recording has no steps to show")
        };
        let common = &arguments.common;
        let shown = show::state_text(peak, &table.files, format, Frames::User, common);
        return output::print(&shown);
    }
    let answer = Answer::new(arguments, path, facts, elapsed, &overview);
    let page = page.conclude(&answer.summary, &answer.comparison, &answer.summary.limits);
    let page_path = page_path(path);
    output::private_file(&page_path)
        .and_then(|mut file| file.write_all(page.finish().as_bytes()))
        .with_context(|| format!("writing {}", page_path.display()))?;
    let opened_page = !arguments.no_open && open::page(&page_path);
    tell_answer(arguments, &answer, &overview, &table);
    let verb = if opened_page { "opened" } else { "written" };
    output::tell(&format!("\npage {verb}: {}\n", page_path.display()));
    Ok(())
}

/// The page lies beside the recording, never in its place nor in that of a file that is no page of
/// ours.
fn page_path(recording: &Path) -> PathBuf {
    let path = recording.with_extension("html");
    let taken = path == recording || path.exists() && !is_own_page(&path);
    if taken {
        let mut name = recording.as_os_str().to_owned();
        name.push(".html");
        name.into()
    } else {
        path
    }
}

/// Whether a file begins as the pages do that this program writes.
fn is_own_page(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(html::START.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == html::START.as_bytes()
}

/// How much of each state the page of `run` carries.
fn page_limits() -> StateLimits {
    let mut limits = StateLimits::default();
    limits.heap.blocks = PAGE_BLOCKS;
    limits.heap.edges = PAGE_EDGES;
    limits
}

/// What `run` answers with.
struct Answer {
    summary: Summary,
    comparison: Comparison,
}

impl Answer {
    fn new(
        arguments: &RunArguments,
        path: &Path,
        facts: &RunFacts,
        elapsed: std::time::Duration,
        overview: &Overview,
    ) -> Self {
        let outcome = stackheap_interpret::outcome(Some(&facts.outcome));
        let limits = limits(arguments, facts, overview);
        Self {
            summary: answer::summary(overview, outcome, elapsed, path, limits),
            comparison: answer::comparison(overview),
        }
    }
}

/// What the user must know about this recording.
fn limits(arguments: &RunArguments, facts: &RunFacts, overview: &Overview) -> Vec<String> {
    let mut limits = overview.limits.clone();
    if overview.steps_looked_at < overview.totals.steps {
        limits.push(format!(
            "the table and the page cover the first {} steps; `show` and `export` reach all",
            overview.steps_looked_at
        ));
    }
    match facts.mechanism {
        Mechanism::RustShims => {}
        Mechanism::Malloc => limits.push(format!(
            "allocations were taken from C's malloc, without their alignment: {}",
            facts.mechanism_why
        )),
        Mechanism::None => {
            limits.push(format!(
                "allocations were not seen: {}",
                facts.mechanism_why
            ));
        }
    }
    if arguments.common.verbose {
        limits.extend(facts.notes.iter().cloned());
    }
    limits
}

fn tell_answer(arguments: &RunArguments, answer: &Answer, overview: &Overview, table: &SiteTable) {
    let mut options = show::text_options(&arguments.common, &table.files);
    options.before = overview.before_peak.as_ref();
    let text = stackheap_report::text::answer(
        &answer.summary,
        overview.peak.as_ref(),
        &answer.comparison,
        &options,
    );
    output::tell("\n");
    output::tell(&text);
}

/// Tells that the recording ends before the program did, also where nothing else is to be told.
fn warn_of_end(recording: &Result<Recording, TraceError>, why: &str) {
    let place = match recording {
        Ok(recording) => format!("ends at step {}", recording.totals().steps),
        Err(_) => "has no steps".to_owned(),
    };
    output::tell(&format!(
        "warning: the recording {place}: {why}; the program ran on to its end unrecorded\n"
    ));
}

fn exit_code(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Exited(code) => *code as u8,
        Outcome::Signalled(signal) => 128u8.wrapping_add(*signal as u8),
        Outcome::Interrupted => 130,
        Outcome::Detached => 0,
        Outcome::RecorderStopped(_) => 2,
    }
}
