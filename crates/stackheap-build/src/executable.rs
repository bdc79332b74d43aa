use std::ffi::OsString;
use std::path::Path;

use crate::built::{Built, LaunchCommand, Launching, ProgramRole};
use crate::user_code::normalise;
use crate::{BuildError, BuildOptions, Sources, UserCode, toolchain};

/// Takes an executable as it is.
pub(crate) fn build(
    path: &Path,
    options: &BuildOptions,
    arguments: &[OsString],
) -> Result<Built, BuildError> {
    let directory = toolchain::directory(options)?;
    let executable = normalise(&directory.join(path));
    let metadata = match std::fs::metadata(&executable) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(BuildError::NoSuchFile(path.to_owned()));
        }
        Err(error) => return Err(BuildError::io(path, &error)),
    };
    if metadata.is_dir() {
        return Err(BuildError::is_directory(path, &directory));
    }
    if !may_be_run(&metadata) {
        return Err(BuildError::NotExecutable(path.to_owned()));
    }
    let command = LaunchCommand {
        name: path.as_os_str().to_owned(),
        arguments: arguments.to_vec(),
        environment: std::env::vars_os().collect(),
        directory: directory.clone(),
    };
    Ok(Built {
        executable,
        role: ProgramRole::Program,
        user_code: UserCode::all_but_foreign(&toolchain::foreign_directories(&directory)),
        sources: Sources::below(&directory),
        profile: None,
        launch: Launching::known(command, Vec::new()),
        calls: Vec::new(),
    })
}

#[cfg(unix)]
fn may_be_run(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn may_be_run(_: &std::fs::Metadata) -> bool {
    true
}
