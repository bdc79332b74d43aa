use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cargo_metadata::camino::Utf8PathBuf;
use cargo_metadata::{ArtifactProfile, Message, PackageId, TargetKind};

use super::selection::{Purpose, Selected};
use crate::user_code::Ownership;
use crate::{BuildError, CargoTarget, toolchain};

/// What cargo said it built, or checked.
pub(crate) struct Reported {
    /// The packages that were compiled, now or before, a target each.
    pub(crate) packages: Vec<Compiled>,
    /// The executable, as cargo names it, and how its own code was compiled.
    pub(crate) executable: Option<(PathBuf, ArtifactProfile)>,
    /// The `OUT_DIR` of each package with a build script.
    pub(crate) out_dirs: Vec<(PackageId, PathBuf)>,
    /// The environment that build scripts set, by package.
    pub(crate) variables: Vec<(PackageId, Vec<(String, String)>)>,
    /// Where build scripts let the linker search, in the order of cargo's messages.
    pub(crate) linked_paths: Vec<PathBuf>,
}

/// What cargo said it built.
pub(crate) struct Artifacts {
    /// The packages that were compiled, now or before, a target each.
    pub(crate) packages: Vec<Compiled>,
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

/// A target of a package that is a part of what was built.
pub(crate) struct Compiled {
    pub(crate) package: PackageId,
    pub(crate) manifest: Utf8PathBuf,
    /// The target's root module.
    pub(crate) source: Utf8PathBuf,
    /// The target's name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kinds: Vec<TargetKind>,
    /// Whether it is what the user named.
    pub(crate) is_selected: bool,
    /// What was made.
    pub(crate) files: Vec<PathBuf>,
}

impl Compiled {
    pub(crate) fn ownership(&self) -> Ownership {
        ownership(&self.package)
    }
}

/// Whether a package is the user's: one that lies where the user has it, not where cargo put it. Its
/// id says so: `path+file:///home/me/x#0.1.0`, or `x 0.1.0 (path+file:///home/me/x)` before
/// cargo 1.77 (<https://doc.rust-lang.org/cargo/reference/pkgid-spec.html>).
pub(crate) fn ownership(package: &PackageId) -> Ownership {
    let is_path = |source: &str| source.starts_with("path+");
    let id = &package.repr;
    if is_path(id)
        || id
            .split_once(" (")
            .is_some_and(|(_, source)| is_path(source))
    {
        Ownership::User
    } else {
        Ownership::Foreign
    }
}

/// Runs a cargo command that builds `selected`, as [`report`] does, and names its executable.
pub(crate) fn run(
    command: &mut Command,
    selected: &Selected,
    resolved: &mut dyn FnMut(),
) -> Result<Artifacts, BuildError> {
    let reported = report(command, selected, resolved)?;
    let no_executable = || BuildError::NoExecutable(selected.target.flags());
    let (executable, profile) = reported.executable.ok_or_else(no_executable)?;
    Ok(Artifacts {
        packages: reported.packages,
        executable,
        profile,
        out_dirs: reported.out_dirs,
        variables: reported.variables,
        linked_paths: reported.linked_paths,
    })
}

/// Runs a cargo command on `selected` that reports in JSON. Rendered messages and progress go to
/// standard error. `resolved` is called when cargo has chosen all versions, and perhaps again.
pub(crate) fn report(
    command: &mut Command,
    selected: &Selected,
    resolved: &mut dyn FnMut(),
) -> Result<Reported, BuildError> {
    command.stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| toolchain::missing(command, error))?;
    let stdout = child.stdout.take().map(BufReader::new);
    let mut packages = Vec::new();
    let mut executable = None;
    let mut out_dirs = Vec::new();
    let mut variables = Vec::new();
    let mut linked_paths = Vec::new();
    for message in stdout
        .into_iter()
        .flat_map(Message::parse_stream)
        .map_while(Result::ok)
    {
        resolved();
        match message {
            Message::CompilerArtifact(artifact) => {
                let is_selected = is_selected(&artifact, selected);
                packages.push(Compiled {
                    package: artifact.package_id,
                    manifest: artifact.manifest_path,
                    source: artifact.target.src_path,
                    name: artifact.target.name,
                    kinds: artifact.target.kind,
                    is_selected,
                    files: artifact.filenames.into_iter().map(PathBuf::from).collect(),
                });
                if let (true, Some(path)) = (is_selected, artifact.executable) {
                    executable = Some((PathBuf::from(path), artifact.profile));
                }
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
    resolved();
    if !status.success() {
        return Err(BuildError::Failed {
            code: status.code(),
            help: None,
        });
    }
    Ok(Reported {
        packages,
        executable,
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
        CargoTarget::Lib => match selected.purpose {
            Purpose::Run => artifact.profile.test,
            Purpose::Check => artifact.target.kind.iter().any(is_library),
        },
    };
    target && artifact.package_id == selected.package
}

/// Whether a target is what others of its package depend on.
pub(crate) fn is_library(kind: &TargetKind) -> bool {
    matches!(
        kind,
        TargetKind::Lib
            | TargetKind::RLib
            | TargetKind::DyLib
            | TargetKind::CDyLib
            | TargetKind::StaticLib
            | TargetKind::ProcMacro
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_package_tells_where_it_lies() {
        for (id, expected) in [
            ("path+file:///home/me/x#0.1.0", Ownership::User),
            ("path+file:///home/me/a (b)/x#y@0.1.0", Ownership::User),
            ("x 0.1.0 (path+file:///home/me/a (b)/x)", Ownership::User),
            (
                "registry+https://example.org/index#x@1.0.0",
                Ownership::Foreign,
            ),
            (
                "x 1.0.0 (registry+https://example.org/index)",
                Ownership::Foreign,
            ),
            (
                "git+https://example.org/x?branch=path+file#0.1.0",
                Ownership::Foreign,
            ),
        ] {
            let id = PackageId {
                repr: id.to_owned(),
            };
            assert_eq!(ownership(&id), expected, "{}", id.repr);
        }
    }
}
