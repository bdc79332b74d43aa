//! What cargo gives to a program that it runs, computed from what it says of the package.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use cargo_metadata::Package;

use super::artifact::Artifacts;
use crate::built::LaunchCommand;
use crate::{CargoTarget, toolchain};

type Environment = BTreeMap<OsString, OsString>;

/// What the computation starts from.
pub(crate) struct Computation {
    /// The program's package, where cargo tells of it.
    pub(crate) package: Option<Package>,
    pub(crate) artifacts: Artifacts,
    pub(crate) target: CargoTarget,
    /// The program's arguments.
    pub(crate) arguments: Vec<OsString>,
    /// Where the user stands.
    pub(crate) directory: PathBuf,
}

impl Computation {
    /// How cargo would start the program.
    pub(crate) fn command(&self) -> LaunchCommand {
        let package = self.package.as_ref();
        command(
            package,
            &self.artifacts,
            &self.target,
            &self.arguments,
            &self.directory,
        )
    }
}

fn command(
    package: Option<&Package>,
    artifacts: &Artifacts,
    target: &CargoTarget,
    arguments: &[OsString],
    directory: &Path,
) -> LaunchCommand {
    let mut environment: Environment = std::env::vars_os().collect();
    let tested = matches!(
        target,
        CargoTarget::Test(_) | CargoTarget::Lib | CargoTarget::Bench(_)
    );
    let root = package.and_then(|package| package.manifest_path.parent());
    let directory = match root {
        Some(root) if tested => root.as_std_path().to_owned(),
        _ => directory.to_owned(),
    };
    environment.insert(
        "CARGO".into(),
        toolchain::cargo(&directory).get_program().to_owned(),
    );
    if let Some(package) = package {
        add_package(&mut environment, package);
        add_build_script(&mut environment, package, artifacts);
    }
    let libraries = libraries(
        artifacts,
        &directory,
        environment.get(OsStr::new(LIBRARY_PATH)),
    );
    environment.insert(LIBRARY_PATH.into(), libraries);
    let mut arguments = arguments.to_vec();
    if matches!(target, CargoTarget::Bench(_)) {
        arguments.push("--bench".into());
    }
    let name = artifacts.executable.clone().into_os_string();
    LaunchCommand {
        name,
        arguments,
        environment,
        directory,
    }
}

const LIBRARY_PATH: &str = if cfg!(target_os = "macos") {
    "DYLD_FALLBACK_LIBRARY_PATH"
} else if cfg!(windows) {
    "PATH"
} else {
    "LD_LIBRARY_PATH"
};

/// `CARGO_PKG_...` and where the manifest is.
fn add_package(environment: &mut Environment, package: &Package) {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let path = |value: &Option<cargo_metadata::camino::Utf8PathBuf>| {
        value.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    let version = &package.version;
    let root = package
        .manifest_path
        .parent()
        .map(ToString::to_string)
        .unwrap_or_default();
    let rust_version = package
        .rust_version
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let variables = [
        ("CARGO_MANIFEST_DIR", root),
        ("CARGO_MANIFEST_PATH", package.manifest_path.to_string()),
        ("CARGO_PKG_AUTHORS", package.authors.join(":")),
        ("CARGO_PKG_DESCRIPTION", text(&package.description)),
        ("CARGO_PKG_HOMEPAGE", text(&package.homepage)),
        ("CARGO_PKG_LICENSE", text(&package.license)),
        ("CARGO_PKG_LICENSE_FILE", path(&package.license_file)),
        ("CARGO_PKG_NAME", package.name.to_string()),
        ("CARGO_PKG_README", path(&package.readme)),
        ("CARGO_PKG_REPOSITORY", text(&package.repository)),
        ("CARGO_PKG_RUST_VERSION", rust_version),
        ("CARGO_PKG_VERSION", version.to_string()),
        ("CARGO_PKG_VERSION_MAJOR", version.major.to_string()),
        ("CARGO_PKG_VERSION_MINOR", version.minor.to_string()),
        ("CARGO_PKG_VERSION_PATCH", version.patch.to_string()),
        ("CARGO_PKG_VERSION_PRE", version.pre.to_string()),
    ];
    environment.extend(variables.map(|(name, value)| (name.into(), value.into())));
}

/// `OUT_DIR` and what the package's build script sets.
fn add_build_script(environment: &mut Environment, package: &Package, artifacts: &Artifacts) {
    let of_package = artifacts
        .out_dirs
        .iter()
        .filter(|(id, _)| *id == package.id);
    for (_, out_dir) in of_package {
        environment.insert("OUT_DIR".into(), out_dir.clone().into_os_string());
    }
    for (_, variables) in artifacts
        .variables
        .iter()
        .filter(|(id, _)| *id == package.id)
    {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        environment.extend(variables);
    }
}

/// Where the program's shared libraries are looked for: what build scripts made, what cargo built,
/// the toolchain's own, and then where the user says.
fn libraries(artifacts: &Artifacts, directory: &Path, users: Option<&OsString>) -> OsString {
    let beside = artifacts.executable.parent().unwrap_or(Path::new(""));
    let is_inner = beside.ends_with("deps") || beside.ends_with("examples");
    let users: Vec<PathBuf> = users.iter().flat_map(std::env::split_paths).collect();
    let root = if is_inner {
        beside.parent().unwrap_or(beside)
    } else {
        beside
    };
    let mut paths: Vec<PathBuf> = artifacts
        .linked_paths
        .iter()
        .map(|path| {
            PathBuf::from(
                path.to_string_lossy()
                    .rsplit('=')
                    .next()
                    .unwrap_or_default(),
            )
        })
        .filter(|path| path.starts_with(root))
        .collect();
    paths.sort();
    paths.dedup();
    paths.extend([root.to_owned(), root.join("deps")]);
    if let (Ok(sysroot), Ok(version)) = (
        toolchain::sysroot(directory),
        toolchain::Version::ask(directory),
    ) {
        paths.push(sysroot.join("lib/rustlib").join(version.host()).join("lib"));
        // rustup adds this one, unless it did before.
        let rustups = sysroot.join("lib");
        paths.extend((!users.contains(&rustups)).then_some(rustups));
    }
    paths.extend(users);
    std::env::join_paths(paths).unwrap_or_default()
}
