//! Targets of cargo packages.

mod artifact;
mod computed;
pub(crate) mod lock;
mod profile;
mod selection;

use std::ffi::OsString;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, Package, PackageId, TargetKind};

use self::artifact::{Artifacts, Compiled, Reported};
use self::computed::Computation;
use self::lock::LockFile;
use self::profile::{Override, Profiles};
use self::selection::Selected;
use crate::built::{Built, Launch, LaunchCommand, Launching, ProfileFacts, ProgramRole};
use crate::facts;
use crate::toolchain::Version;
use crate::user_code::{Ownership, normalise};
use crate::{
    BuildError, BuildOptions, CargoSelection, CargoTarget, Checked, Color, CrateRole, MissingTexts,
    RUNNER_ARGUMENT, Sources, UserCode, cache, environment, toolchain,
};

pub(crate) fn build(
    selection: &CargoSelection,
    options: &BuildOptions,
    arguments: &[OsString],
) -> Result<Built, BuildError> {
    let directory = toolchain::directory(options)?;
    let mut metadata = metadata(selection, &directory, Packages::OfTheWorkspace)?;
    let workspace = metadata.workspace_root.join("Cargo.toml");
    let nearest = nearest_manifest(selection, &directory);
    let selected = selection::select(selection, &metadata, &nearest)?;
    // Dropped when cargo has been called for the last time: puts the lock file back as it was.
    let mut lock = LockFile::guard(workspace.as_std_path(), selection, options);
    let profiles = Profiles::read(workspace.as_std_path(), &directory);
    if profile::needs_dependencies(&profiles, selection, &selected) {
        let host = Version::ask(&directory)?.host().to_owned();
        metadata = self::metadata(selection, &directory, Packages::For(&host))?;
        lock.seen();
    }
    let target_dir = own_target_dir(selection, &metadata, &directory);
    let invocation = Invocation {
        selection,
        options,
        overrides: profile::overrides(&profiles, selection, &selected, &metadata),
        build_target: profiles.build_target(),
        wrapper: wrapper(options, &target_dir),
        target_dir,
        directory: &directory,
        selected: &selected,
    };
    let (artifacts, toolchain) = invocation.build_and_ask(&mut lock)?;
    let executable = directory.join(&artifacts.executable);
    let profile = ProfileFacts {
        name: Some(invocation.profile().to_owned()),
        opt_level: artifacts.profile.opt_level.clone(),
        debug_assertions: artifacts.profile.debug_assertions,
        overflow_checks: artifacts.profile.overflow_checks,
    };
    let user_code = user_code(
        &metadata,
        &artifacts.packages,
        &artifacts.out_dirs,
        &invocation.target_dir,
        &toolchain.foreign,
    );
    let calls = invocation.calls(&artifacts);
    let question = invocation.question(arguments, &toolchain.host);
    let computation = Computation {
        package: selected.package_of(&metadata).cloned(),
        artifacts,
        target: selected.target.clone(),
        arguments: arguments.to_vec(),
        directory: directory.clone(),
    };
    let launch = Launching::found_out(move || {
        let _lock = lock;
        launch(question, &computation)
    });
    Ok(Built {
        executable,
        role: selected.role(),
        user_code,
        sources: Sources::below(&directory),
        profile: Some(profile),
        launch,
        calls,
    })
}

/// Checks a target and what it depends on.
pub(crate) fn check(
    selection: &CargoSelection,
    options: &BuildOptions,
) -> Result<Checked, BuildError> {
    let directory = toolchain::directory(options)?;
    let metadata = metadata(selection, &directory, Packages::OfTheWorkspace)?;
    let workspace = metadata.workspace_root.join("Cargo.toml");
    let nearest = nearest_manifest(selection, &directory);
    let selected = selection::select_checked(selection, &metadata, &nearest)?;
    // Dropped at the end: puts the lock file back as it was.
    let mut lock = LockFile::guard(workspace.as_std_path(), selection, options);
    let target_dir = own_target_dir(selection, &metadata, &directory);
    let invocation = Invocation {
        selection,
        options,
        // They are about code, and there is none.
        overrides: Vec::new(),
        build_target: None,
        wrapper: wrapper(options, &target_dir),
        target_dir,
        directory: &directory,
        selected: &selected,
    };
    let (reported, toolchain) = std::thread::scope(|scope| {
        let toolchain = scope.spawn(|| Toolchain::ask(&directory));
        let reported = invocation.check(&mut lock)?;
        let toolchain = toolchain
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok((reported, toolchain))
    })?;
    let (calls, unwrapped) = checked_calls(&reported.packages);
    let (crates, mut missing) = facts::checked(calls);
    missing.extend(unwrapped);
    Ok(Checked {
        crates,
        missing,
        user_code: user_code(
            &metadata,
            &reported.packages,
            &reported.out_dirs,
            &invocation.target_dir,
            &toolchain.foreign,
        ),
        sources: Sources::below(&directory),
        notes: Vec::new(),
    })
}

/// The written calls of rustc for the user's crates that were checked; and those crates for which
/// rustc was not called through the wrapper.
fn checked_calls(packages: &[Compiled]) -> (Vec<(PathBuf, CrateRole)>, Vec<MissingTexts>) {
    let mut calls = Vec::new();
    let mut missing = Vec::new();
    for package in packages {
        if package.ownership() != Ownership::User
            || package.kinds.contains(&TargetKind::CustomBuild)
        {
            continue;
        }
        let role = match package.is_selected {
            true => CrateRole::Target,
            false => CrateRole::Dependency,
        };
        match package.files.iter().find_map(|file| facts::call_of(file)) {
            Some(call) => calls.push((call, role)),
            None => missing.push(MissingTexts {
                crate_name: Some(package.name.replace('-', "_")),
                reason: match package.kinds.contains(&TargetKind::ProcMacro) {
                    true => "a procedural macro runs in the compiler, which is not asked about it",
                    false => "it is no member of the workspace, so cargo compiles it as it does others' code",
                }
                .to_owned(),
            }),
        }
    }
    (calls, missing)
}

/// The manifest that cargo finds first from the user's directory, or the one that is named. Where
/// there is none, cargo says so.
fn nearest_manifest(selection: &CargoSelection, directory: &Path) -> PathBuf {
    // As the system tells it to cargo.
    let directory = directory.canonicalize();
    let directory = directory.as_deref().unwrap_or(Path::new(""));
    match &selection.manifest_path {
        Some(named) => normalise(&directory.join(named)),
        None => directory
            .ancestors()
            .map(|parent| parent.join("Cargo.toml"))
            .find(|manifest| manifest.is_file())
            .unwrap_or_default(),
    }
}

/// What rustc tells of itself, whatever is built.
struct Toolchain {
    /// The triple of the machine that rustc runs on.
    host: String,
    /// Where code lies that is not the user's.
    foreign: Vec<PathBuf>,
}

impl Toolchain {
    fn ask(directory: &Path) -> Result<Self, BuildError> {
        Ok(Self {
            host: Version::ask(directory)?.host().to_owned(),
            foreign: toolchain::foreign_directories(directory),
        })
    }
}

/// What a cargo command prints; its message as an error of the package.
fn answer(command: &mut Command) -> Result<String, BuildError> {
    let output = command
        .output()
        .map_err(|error| toolchain::missing(command, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    let message = message.trim();
    Err(BuildError::Manifest(
        message
            .strip_prefix("error: ")
            .unwrap_or(message)
            .to_owned(),
    ))
}

/// Which packages cargo tells of.
#[derive(Clone, Copy)]
enum Packages<'a> {
    /// The members of the workspace, as their manifests say. Cargo answers at once.
    OfTheWorkspace,
    /// Those and all that they depend on, built for this triple. Cargo chooses versions, which may
    /// need the network, and asks rustc about the triple.
    For(&'a str),
}

fn metadata(
    selection: &CargoSelection,
    directory: &Path,
    packages: Packages<'_>,
) -> Result<Metadata, BuildError> {
    let mut command = toolchain::cargo(directory);
    command.args(["metadata", "--format-version=1"]);
    match packages {
        Packages::OfTheWorkspace => command.arg("--no-deps"),
        Packages::For(triple) => command.args(["--filter-platform", triple]),
    };
    add_manifest_path(&mut command, selection);
    add_lock_flags(&mut command, selection);
    let text = answer(&mut command)?;
    cargo_metadata::MetadataCommand::parse(text).map_err(|error| {
        toolchain::missing(&command, format!("output that is not known ({error})"))
    })
}

fn add_manifest_path(command: &mut Command, selection: &CargoSelection) {
    if let Some(path) = &selection.manifest_path {
        command.arg("--manifest-path").arg(path);
    }
}

fn add_lock_flags(command: &mut Command, selection: &CargoSelection) {
    let flags = [
        (selection.locked, "--locked"),
        (selection.offline, "--offline"),
        (selection.frozen, "--frozen"),
    ];
    command.args(
        flags
            .into_iter()
            .filter(|(set, _)| *set)
            .map(|(_, flag)| flag),
    );
}

/// A target directory of our own, below the user's.
fn own_target_dir(selection: &CargoSelection, metadata: &Metadata, directory: &Path) -> PathBuf {
    let users = selection
        .target_dir
        .as_ref()
        .map(|path| directory.join(path));
    users
        .unwrap_or_else(|| metadata.target_directory.clone().into())
        .join("stackheap")
}

/// The calls of cargo that build one target, and find out how to run it.
struct Invocation<'a> {
    selection: &'a CargoSelection,
    options: &'a BuildOptions,
    selected: &'a Selected,
    overrides: Vec<Override>,
    target_dir: PathBuf,
    /// The triple that the user's configuration builds for, if not the machine's.
    build_target: Option<&'a str>,
    directory: &'a Path,
    /// What cargo calls in rustc's stead for the workspace's packages.
    wrapper: Option<PathBuf>,
}

/// What writes down how rustc is called, below the target directory.
fn wrapper(options: &BuildOptions, target_dir: &Path) -> Option<PathBuf> {
    facts::link(options.rustc_wrapper.as_ref()?, target_dir)
}

impl Invocation<'_> {
    /// The profile that the target is built with.
    fn profile(&self) -> &str {
        profile::name(self.selection, &self.selected.target)
    }

    /// Cargo with a subcommand and what all subcommands here have in common.
    fn cargo(&self, subcommand: &str) -> Command {
        let mut command = toolchain::cargo(self.directory);
        command
            .arg(subcommand)
            .args(["--package", &self.selected.package.repr]);
        command.args(self.selected.target.flags());
        for features in &self.selection.features {
            command.args(["--features", features]);
        }
        let flags = [
            (self.selection.all_features, "--all-features"),
            (self.selection.no_default_features, "--no-default-features"),
        ];
        command.args(
            flags
                .into_iter()
                .filter(|(set, _)| *set)
                .map(|(_, flag)| flag),
        );
        if let Some(profile) = &self.selection.profile {
            command.args(["--profile", profile]);
        }
        if let Some(jobs) = &self.selection.jobs {
            command.args(["--jobs", jobs]);
        }
        command.arg("--target-dir").arg(&self.target_dir);
        add_manifest_path(&mut command, self.selection);
        add_lock_flags(&mut command, self.selection);
        for setting in &self.overrides {
            command.arg("--config").arg(setting.to_string());
        }
        if let Some(wrapper) = self.wrapper.as_ref().and_then(|path| path.to_str()) {
            let wrapper = profile::quoted(wrapper);
            command
                .arg("--config")
                .arg(format!("build.rustc-workspace-wrapper={wrapper}"));
        }
        command
    }

    /// Builds, and asks rustc meanwhile.
    fn build_and_ask(&self, lock: &mut LockFile) -> Result<(Artifacts, Toolchain), BuildError> {
        std::thread::scope(|scope| {
            let toolchain = scope.spawn(|| Toolchain::ask(self.directory));
            let artifacts = self.build(lock)?;
            let toolchain = toolchain
                .join()
                .unwrap_or_else(|panic| resume_unwind(panic))?;
            Ok((artifacts, toolchain))
        })
    }

    fn build(&self, lock: &mut LockFile) -> Result<Artifacts, BuildError> {
        let tests = |subcommand| {
            let mut command = self.cargo(subcommand);
            command.arg("--no-run");
            command
        };
        let mut command = match &self.selected.target {
            CargoTarget::Bin(_) | CargoTarget::Example(_) => self.cargo("build"),
            CargoTarget::Test(_) | CargoTarget::Lib => tests("test"),
            CargoTarget::Bench(_) => tests("bench"),
        };
        self.add_messages(&mut command);
        artifact::run(&mut command, self.selected, &mut || lock.seen())
    }

    fn check(&self, lock: &mut LockFile) -> Result<Reported, BuildError> {
        let mut command = self.cargo("check");
        self.add_messages(&mut command);
        artifact::report(&mut command, self.selected, &mut || lock.seen())
    }

    /// Messages for people on standard error, those for us on standard output.
    fn add_messages(&self, command: &mut Command) {
        command
            .arg("--message-format=json-render-diagnostics")
            .stdin(Stdio::null());
        if self.options.quiet {
            command.arg("--quiet");
        }
        match self.options.color {
            Color::Auto => {}
            Color::Always => drop(command.args(["--color", "always"])),
            Color::Never => drop(command.args(["--color", "never"])),
        }
    }

    /// The written calls of rustc for the user's crates that were built.
    fn calls(&self, artifacts: &Artifacts) -> Vec<PathBuf> {
        let made: Vec<PathBuf> = artifacts
            .packages
            .iter()
            .filter(|package| package.ownership() == Ownership::User)
            .flat_map(|package| package.files.iter().cloned())
            .collect();
        facts::calls_of(&made)
    }

    /// How to ask cargo how it would start the program; `None` without a runner.
    fn question(&self, arguments: &[OsString], host: &str) -> Option<Question> {
        let file = self
            .target_dir
            .join(format!("environment-{}", std::process::id()));
        let subcommand = match &self.selected.target {
            CargoTarget::Bin(_) | CargoTarget::Example(_) => "run",
            CargoTarget::Test(_) | CargoTarget::Lib => "test",
            CargoTarget::Bench(_) => "bench",
        };
        let runner = self.options.runner.as_ref()?.to_str()?;
        let words = [runner, RUNNER_ARGUMENT, file.to_str()?];
        let words = serde_json::to_string(&words).ok()?;
        let mut command = self.cargo(subcommand);
        // The messages were shown when the program was built. `--quiet` would be passed on to tests.
        command
            .arg("--config")
            .arg(format!(
                "target.{}.runner={words}",
                profile::key(self.build_target.unwrap_or(host))
            ))
            .arg("--")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Some(Question { command, file })
    }
}

/// A call of cargo that lets it run a runner of ours in the program's stead.
struct Question {
    command: Command,
    /// What the runner writes.
    file: PathBuf,
}

impl Question {
    fn ask(mut self) -> Option<LaunchCommand> {
        let ended = self.command.status().ok()?;
        let launch = ended
            .success()
            .then(|| environment::read(&self.file))
            .flatten();
        // It may not be there; it is of no use any more.
        let _ = std::fs::remove_file(&self.file);
        launch
    }
}

/// How cargo would start the program.
fn launch(question: Option<Question>, computation: &Computation) -> Launch {
    let was_asked = question.is_some();
    if let Some(command) = question.and_then(Question::ask) {
        return Launch {
            command,
            notes: Vec::new(),
        };
    }
    let note = "Cargo could not be asked for the program's environment; it was computed.";
    Launch {
        command: computation.command(),
        notes: was_asked.then(|| note.to_owned()).into_iter().collect(),
    }
}

/// Workspace members, path dependencies, and what their build scripts generate.
fn user_code(
    metadata: &Metadata,
    packages: &[Compiled],
    out_dirs: &[(PackageId, PathBuf)],
    target_dir: &Path,
    foreign: &[PathBuf],
) -> UserCode {
    let mut user_code = UserCode::none();
    foreign
        .iter()
        .chain([
            &target_dir.to_owned(),
            &metadata.target_directory.clone().into(),
        ])
        .for_each(|path| user_code.add(path, Ownership::Foreign));
    // The workspace's members, whether they are a part of this program or not.
    for package in metadata.workspace_packages() {
        let sources = package.targets.iter().map(|target| &target.src_path);
        add_package(
            &mut user_code,
            Ownership::User,
            &package.manifest_path,
            sources,
        );
    }
    for package in packages {
        add_package(
            &mut user_code,
            package.ownership(),
            &package.manifest,
            [&package.source],
        );
    }
    for (package, out_dir) in out_dirs {
        if artifact::ownership(package) == Ownership::User {
            user_code.add(out_dir, Ownership::User);
        }
    }
    user_code
}

/// Adds a package's directory, and those of its targets' sources, which may lie outside of it.
fn add_package<'a>(
    user_code: &mut UserCode,
    ownership: Ownership,
    manifest: &Utf8Path,
    sources: impl IntoIterator<Item = &'a Utf8PathBuf>,
) {
    let sources = sources
        .into_iter()
        .filter(|_| ownership == Ownership::User)
        .filter_map(|source| source.parent());
    for directory in manifest.parent().into_iter().chain(sources) {
        user_code.add(directory.as_std_path(), ownership);
    }
}

/// A directory of the cache.
fn cache_below(options: &BuildOptions, name: &str) -> Option<PathBuf> {
    let directory = cache::directory(options).ok()?.join(name);
    cache::create(&directory).ok()?;
    Some(directory)
}

impl Selected {
    fn package_of<'a>(&self, metadata: &'a Metadata) -> Option<&'a Package> {
        metadata
            .packages
            .iter()
            .find(|package| package.id == self.package)
    }

    fn role(&self) -> ProgramRole {
        match &self.target {
            CargoTarget::Bin(_) | CargoTarget::Example(_) => ProgramRole::Program,
            CargoTarget::Test(_) | CargoTarget::Lib => ProgramRole::Tests,
            CargoTarget::Bench(_) => ProgramRole::Benchmarks,
        }
    }
}
