//! Targets of cargo packages.

mod artifact;
mod computed;
mod lock;
mod profile;
mod selection;

use std::ffi::OsString;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Metadata, PackageId};

use self::artifact::Artifacts;
use self::lock::LockFile;
use self::profile::{Override, Profiles};
use self::selection::Selected;
use crate::built::{Built, LaunchCommand, ProfileFacts, ProgramRole};
use crate::toolchain::Version;
use crate::user_code::Ownership;
use crate::{
    BuildError, BuildOptions, CargoSelection, CargoTarget, Color, RUNNER_ARGUMENT, Sources,
    UserCode, cache, environment, toolchain,
};

pub(crate) fn build(
    selection: &CargoSelection,
    options: &BuildOptions,
    arguments: &[OsString],
) -> Result<Built, BuildError> {
    let directory = toolchain::directory(options)?;
    let Surroundings {
        manifests,
        host,
        foreign,
    } = Surroundings::ask(selection, &directory)?;
    // Dropped at the end: puts the lock file back as it was.
    let _lock = LockFile::guard(&manifests.workspace, selection, options);
    let metadata = metadata(selection, &directory, &host)?;
    let selected = selection::select(selection, &metadata, &manifests.nearest)?;
    let profiles = Profiles::read(&manifests.workspace, &directory);
    let invocation = Invocation {
        selection,
        options,
        overrides: profile::overrides(&profiles, selection, &selected, &metadata),
        target_dir: own_target_dir(selection, &metadata, &directory),
        triple: profiles.build_target().unwrap_or(&host),
        directory: &directory,
        selected: &selected,
    };
    let artifacts = invocation.build()?;
    let launch = invocation.launch(&artifacts, &metadata, arguments);
    let executable = directory.join(&artifacts.executable);
    Ok(Built {
        executable,
        role: selected.role(),
        user_code: user_code(&metadata, &artifacts, &invocation.target_dir, &foreign),
        sources: Sources::below(&directory),
        profile: Some(ProfileFacts {
            name: Some(invocation.profile().to_owned()),
            opt_level: artifacts.profile.opt_level.clone(),
            debug_assertions: artifacts.profile.debug_assertions,
            overflow_checks: artifacts.profile.overflow_checks,
        }),
        command: launch.command,
        notes: launch.notes,
    })
}

/// What cargo and rustc tell of the user's directory, whatever is built.
struct Surroundings {
    manifests: Manifests,
    /// The triple of the machine that rustc runs on.
    host: String,
    /// Where code lies that is not the user's.
    foreign: Vec<PathBuf>,
}

impl Surroundings {
    /// Asks for all at once: each question takes a process that mostly starts and ends.
    fn ask(selection: &CargoSelection, directory: &Path) -> Result<Self, BuildError> {
        std::thread::scope(|scope| {
            let manifests = scope.spawn(|| Manifests::locate(selection, directory));
            let foreign = scope.spawn(|| toolchain::foreign_directories(directory));
            let version = Version::ask(directory);
            let manifests = manifests
                .join()
                .unwrap_or_else(|panic| resume_unwind(panic))?;
            Ok(Self {
                manifests,
                host: version?.host().to_owned(),
                foreign: foreign.join().unwrap_or_else(|panic| resume_unwind(panic)),
            })
        })
    }
}

/// The manifests that cargo finds from the user's directory.
struct Manifests {
    /// The nearest one.
    nearest: PathBuf,
    /// The workspace's.
    workspace: PathBuf,
}

impl Manifests {
    fn locate(selection: &CargoSelection, directory: &Path) -> Result<Self, BuildError> {
        let locate = |further: &[&str]| {
            let mut command = toolchain::cargo(directory);
            command
                .args(["locate-project", "--message-format=plain"])
                .args(further);
            add_manifest_path(&mut command, selection);
            let text = answer(&mut command)?;
            Ok::<_, BuildError>(PathBuf::from(text.trim_end_matches(['\n', '\r'])))
        };
        std::thread::scope(|scope| {
            let workspace = scope.spawn(|| locate(&["--workspace"]));
            let nearest = locate(&[]);
            let workspace = workspace
                .join()
                .unwrap_or_else(|panic| resume_unwind(panic));
            Ok(Self {
                nearest: nearest?,
                workspace: workspace?,
            })
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

fn metadata(
    selection: &CargoSelection,
    directory: &Path,
    host: &str,
) -> Result<Metadata, BuildError> {
    let mut command = toolchain::cargo(directory);
    command.args(["metadata", "--format-version=1", "--filter-platform", host]);
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
    /// The triple that is built for.
    triple: &'a str,
    directory: &'a Path,
}

/// How to start the program, and what is to be said about it.
struct Launch {
    command: LaunchCommand,
    notes: Vec<String>,
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
        command
    }

    fn build(&self) -> Result<Artifacts, BuildError> {
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
        artifact::run(&mut command, self.selected)
    }

    /// How cargo would start the program.
    fn launch(&self, artifacts: &Artifacts, metadata: &Metadata, arguments: &[OsString]) -> Launch {
        let asked = self
            .options
            .runner
            .as_ref()
            .map(|runner| self.ask(runner, arguments));
        match asked {
            Some(Some(command)) => Launch {
                command,
                notes: Vec::new(),
            },
            Some(None) => Launch {
                command: self.compute(artifacts, metadata, arguments),
                notes: vec![
                    "Cargo could not be asked for the program's environment; it was computed."
                        .to_owned(),
                ],
            },
            None => Launch {
                command: self.compute(artifacts, metadata, arguments),
                notes: Vec::new(),
            },
        }
    }

    /// Lets cargo run `runner` in the program's stead.
    fn ask(&self, runner: &Path, arguments: &[OsString]) -> Option<LaunchCommand> {
        let file = self
            .target_dir
            .join(format!("environment-{}", std::process::id()));
        let subcommand = match &self.selected.target {
            CargoTarget::Bin(_) | CargoTarget::Example(_) => "run",
            CargoTarget::Test(_) | CargoTarget::Lib => "test",
            CargoTarget::Bench(_) => "bench",
        };
        let words = [runner.to_str()?, RUNNER_ARGUMENT, file.to_str()?];
        let words = serde_json::to_string(&words).ok()?;
        let mut command = self.cargo(subcommand);
        // The messages were shown when the program was built. `--quiet` would be passed on to tests.
        command
            .arg("--config")
            .arg(format!(
                "target.{}.runner={words}",
                profile::key(self.triple)
            ))
            .arg("--")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let ended = command.status().ok()?;
        let launch = ended.success().then(|| environment::read(&file)).flatten();
        // It may not be there; it is of no use any more.
        let _ = std::fs::remove_file(&file);
        launch
    }

    fn compute(
        &self,
        artifacts: &Artifacts,
        metadata: &Metadata,
        arguments: &[OsString],
    ) -> LaunchCommand {
        let package = metadata
            .packages
            .iter()
            .find(|package| package.id == self.selected.package);
        computed::command(
            package,
            artifacts,
            &self.selected.target,
            arguments,
            self.directory,
        )
    }
}

/// Workspace members, path dependencies, and what their build scripts generate.
fn user_code(
    metadata: &Metadata,
    artifacts: &Artifacts,
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
    for package in &metadata.packages {
        let ownership = if package.source.is_none() {
            Ownership::User
        } else {
            Ownership::Foreign
        };
        if let Some(root) = package.manifest_path.parent() {
            user_code.add(root.as_std_path(), ownership);
        }
        // A target's source may lie outside of its package.
        for target in package
            .targets
            .iter()
            .filter(|_| ownership == Ownership::User)
        {
            if let Some(parent) = target.src_path.parent() {
                user_code.add(parent.as_std_path(), ownership);
            }
        }
    }
    let is_user = |id: &PackageId| {
        metadata
            .packages
            .iter()
            .any(|package| package.id == *id && package.source.is_none())
    };
    for (package, out_dir) in &artifacts.out_dirs {
        if is_user(package) {
            user_code.add(out_dir, Ownership::User);
        }
    }
    user_code
}

/// The directory that remembers lock files for packages that have none.
fn lock_cache(options: &BuildOptions) -> Option<PathBuf> {
    let directory = cache::directory(options).ok()?.join("locks");
    cache::create(&directory).ok()?;
    Some(directory)
}

impl Selected {
    fn role(&self) -> ProgramRole {
        match &self.target {
            CargoTarget::Bin(_) | CargoTarget::Example(_) => ProgramRole::Program,
            CargoTarget::Test(_) | CargoTarget::Lib => ProgramRole::Tests,
            CargoTarget::Bench(_) => ProgramRole::Benchmarks,
        }
    }
}
