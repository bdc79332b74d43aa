use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cargo_metadata::{ArtifactProfile, Message, PackageId, TargetKind};

use super::selection::Selected;
use crate::{BuildError, CargoTarget, toolchain};

/// What cargo said it built.
pub(crate) struct Artifacts {
    /// The executable, as cargo names it.
    pub(crate) executable: PathBuf,
    /// How its own code was compiled.
    pub(crate) profile: ArtifactProfile,
    /// The `OUT_DIR` of each package with a build script.
    pub(crate) out_dirs: Vec<(PackageId, PathBuf)>,
    /// The environment that build scripts set, by package.
    pub(crate) variables: Vec<(PackageId, Vec<(String, String)>)>,
    /// Where build scripts let the linker search, in the order of cargo's messages.
    pub(crate) linked_paths: Vec<PathBuf>,
}

/// Runs a cargo command that builds `selected` and reports in JSON. Rendered messages and progress
/// go to standard error.
pub(crate) fn run(command: &mut Command, selected: &Selected) -> Result<Artifacts, BuildError> {
    command.stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| toolchain::missing(command, error))?;
    let stdout = child.stdout.take().map(BufReader::new);
    let mut executable = None;
    let mut out_dirs = Vec::new();
    let mut variables = Vec::new();
    let mut linked_paths = Vec::new();
    for message in stdout
        .into_iter()
        .flat_map(Message::parse_stream)
        .map_while(Result::ok)
    {
        match message {
            Message::CompilerArtifact(artifact) if is_selected(&artifact, selected) => {
                let path = artifact.executable.map(PathBuf::from);
                executable = path.map(|path| (path, artifact.profile)).or(executable);
            }
            Message::BuildScriptExecuted(script) => {
                out_dirs.push((script.package_id.clone(), script.out_dir.into()));
                variables.push((script.package_id, script.env));
                linked_paths.extend(script.linked_paths.into_iter().map(PathBuf::from));
            }
            _ => {}
        }
    }
    let status = child
        .wait()
        .map_err(|error| toolchain::missing(command, error))?;
    if !status.success() {
        return Err(BuildError::Failed {
            code: status.code(),
            help: None,
        });
    }
    let no_executable = || BuildError::NoExecutable(selected.target.flags());
    let (executable, profile) = executable.ok_or_else(no_executable)?;
    Ok(Artifacts {
        executable,
        profile,
        out_dirs,
        variables,
        linked_paths,
    })
}

fn is_selected(artifact: &cargo_metadata::Artifact, selected: &Selected) -> bool {
    let is = |kind| artifact.target.is_kind(kind);
    let named = |name: &String| artifact.target.name == *name;
    let target = match &selected.target {
        CargoTarget::Bin(name) => is(TargetKind::Bin) && named(name) && !artifact.profile.test,
        CargoTarget::Example(name) => is(TargetKind::Example) && named(name),
        CargoTarget::Test(name) => is(TargetKind::Test) && named(name),
        CargoTarget::Bench(name) => is(TargetKind::Bench) && named(name),
        CargoTarget::Lib => artifact.profile.test,
    };
    target && artifact.package_id == selected.package
}
