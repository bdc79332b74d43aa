use std::path::Path;

use cargo_metadata::{Metadata, Package, PackageId, Target, TargetKind};

use super::artifact::is_library;
use crate::{BuildError, Candidate, CargoSelection, CargoTarget};

/// The one target that is built.
pub(crate) struct Selected {
    pub(crate) package: PackageId,
    pub(crate) target: CargoTarget,
    pub(crate) purpose: Purpose,
}

/// What a target is selected for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be run: of a library, its tests.
    Run,
    /// To be looked at: of a library, itself.
    Check,
}

/// Finds the target whose code the user means: as [`select`] does, but a package without a program
/// is meant as a library.
pub(crate) fn select_checked(
    selection: &CargoSelection,
    metadata: &Metadata,
    nearest: &Path,
) -> Result<Selected, BuildError> {
    let selected = match select(selection, metadata, nearest) {
        Err(BuildError::NoProgram(others)) => {
            let packages = packages(selection, metadata, nearest)?;
            named(&CargoTarget::Lib, &packages, metadata)
                .map_err(|_| BuildError::NoProgram(others))?
        }
        selected => selected?,
    };
    Ok(Selected {
        purpose: Purpose::Check,
        ..selected
    })
}

/// Finds the target that the user means, as `cargo run` and `cargo test` would. `nearest` is the
/// manifest that cargo finds first from where the user stands.
pub(crate) fn select(
    selection: &CargoSelection,
    metadata: &Metadata,
    nearest: &Path,
) -> Result<Selected, BuildError> {
    let packages = packages(selection, metadata, nearest)?;
    match &selection.target {
        Some(target) => named(target, &packages, metadata),
        None => only(&packages, metadata),
    }
}

/// The packages to look in.
fn packages<'a>(
    selection: &CargoSelection,
    metadata: &'a Metadata,
    nearest: &Path,
) -> Result<Vec<&'a Package>, BuildError> {
    let members = metadata.workspace_packages();
    if let Some(name) = &selection.package {
        let found: Vec<_> = members
            .iter()
            .copied()
            .filter(|p| is_named(p, name))
            .collect();
        if found.is_empty() {
            let available = members
                .iter()
                .map(|package| package.name.to_string())
                .collect();
            return Err(BuildError::NoSuchPackage {
                name: name.clone(),
                available,
            });
        }
        return Ok(found);
    }
    let at_root = nearest.parent() == Some(metadata.workspace_root.as_std_path());
    let own = members
        .iter()
        .copied()
        .find(|p| p.manifest_path.as_std_path() == nearest);
    match own {
        Some(package) if !at_root => Ok(vec![package]),
        _ if metadata.workspace_default_members.is_available() => {
            Ok(metadata.workspace_default_packages())
        }
        Some(package) => Ok(vec![package]),
        None => Ok(members),
    }
}

/// Whether a package is meant by `--package SPEC`.
fn is_named(package: &Package, spec: &str) -> bool {
    let name = package.name.as_str();
    let with_version = |separator| format!("{name}{separator}{}", package.version);
    spec == name
        || spec == with_version('@')
        || spec == with_version(':')
        || spec == package.id.repr
}

fn named(
    target: &CargoTarget,
    packages: &[&Package],
    metadata: &Metadata,
) -> Result<Selected, BuildError> {
    let all = targets(packages);
    let found: Vec<_> = all.iter().filter(|(_, found)| found == target).collect();
    match found.as_slice() {
        [] => {
            let same_kind = |(_, other): &&(&Package, CargoTarget)| {
                std::mem::discriminant(other) == std::mem::discriminant(target)
            };
            let available = all
                .iter()
                .filter(same_kind)
                .map(|t| candidate(t, metadata))
                .collect();
            Err(BuildError::NoSuchTarget {
                flags: target.flags(),
                available,
            })
        }
        [(package, target)] => Ok(Selected {
            package: package.id.clone(),
            target: target.clone(),
            purpose: Purpose::Run,
        }),
        several => Err(BuildError::SeveralCandidates(
            several
                .iter()
                .map(|target| candidate(target, metadata))
                .collect(),
        )),
    }
}

/// The only program, or the one that the manifest names as its default.
fn only(packages: &[&Package], metadata: &Metadata) -> Result<Selected, BuildError> {
    let all = targets(packages);
    let is_bin = |(_, target): &&(&Package, CargoTarget)| matches!(target, CargoTarget::Bin(_));
    let bins: Vec<_> = all.iter().filter(is_bin).collect();
    let default: Vec<_> = bins
        .iter()
        .filter(|(package, target)| {
            let default = package.default_run.as_ref();
            default.is_some_and(|name| *target == CargoTarget::Bin(name.clone()))
        })
        .collect();
    match (bins.as_slice(), default.as_slice()) {
        ([], _) => {
            let others = all
                .iter()
                .map(|target| candidate(target, metadata))
                .collect();
            Err(BuildError::NoProgram(others))
        }
        ([(package, target)], _) | (_, [(package, target)]) => Ok(Selected {
            package: package.id.clone(),
            target: target.clone(),
            purpose: Purpose::Run,
        }),
        (several, _) => Err(BuildError::SeveralCandidates(
            several
                .iter()
                .map(|target| candidate(target, metadata))
                .collect(),
        )),
    }
}

/// The targets that can be run, in the order in which a reader looks for them.
fn targets<'a>(packages: &[&'a Package]) -> Vec<(&'a Package, CargoTarget)> {
    let of = |package: &'a Package| {
        package
            .targets
            .iter()
            .filter_map(move |target| Some((package, runnable(target)?)))
    };
    let mut targets: Vec<_> = packages.iter().copied().flat_map(of).collect();
    targets.sort_by(|(a, a_target), (b, b_target)| (a_target, &a.name).cmp(&(b_target, &b.name)));
    targets
}

fn runnable(target: &Target) -> Option<CargoTarget> {
    let name = target.name.clone();
    target.kind.iter().find_map(|kind| match kind {
        TargetKind::Bin => Some(CargoTarget::Bin(name.clone())),
        // An example may be a library.
        TargetKind::Example if target.crate_types.iter().any(|t| t.to_string() == "bin") => {
            Some(CargoTarget::Example(name.clone()))
        }
        TargetKind::Test => Some(CargoTarget::Test(name.clone())),
        TargetKind::Bench => Some(CargoTarget::Bench(name.clone())),
        kind if is_library(kind) && target.test => Some(CargoTarget::Lib),
        _ => None,
    })
}

/// A target with the flags that pick it; the package is named where there are several.
fn candidate((package, target): &(&Package, CargoTarget), metadata: &Metadata) -> Candidate {
    let mut flags = Vec::new();
    if metadata.workspace_members.len() > 1 {
        flags.extend(["-p".to_owned(), package.name.to_string()]);
    }
    flags.extend(target.flags());
    let name = match target {
        CargoTarget::Bin(name)
        | CargoTarget::Example(name)
        | CargoTarget::Test(name)
        | CargoTarget::Bench(name) => name.clone(),
        CargoTarget::Lib => package.name.to_string(),
    };
    Candidate { flags, name }
}
