//! From the arguments to what is built.

use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, bail};
use stackheap_build::{
    BuildOptions, CargoSelection, CargoTarget, Color, Edition, Optimization, TargetSpec,
};

use crate::arguments::{ColorChoice, CommonArguments, TargetArguments};

/// Bytes of a program on standard input at most.
const STDIN_LIMIT: u64 = 32 << 20;

/// What the arguments name.
pub fn spec(target: &TargetArguments) -> anyhow::Result<TargetSpec> {
    if let Some(path) = &target.exe {
        return Ok(TargetSpec::Executable(path.clone()));
    }
    let edition: Edition = target.edition.parse().map_err(anyhow::Error::msg)?;
    match target.target.as_deref() {
        None => Ok(TargetSpec::Cargo(selection(target)?)),
        Some(name) if name == "-" => {
            let mut text = Vec::new();
            std::io::stdin()
                .take(STDIN_LIMIT)
                .read_to_end(&mut text)
                .context("reading the program from standard input")?;
            Ok(TargetSpec::Stdin { text, edition })
        }
        Some(name) => named(name, edition),
    }
}

fn named(name: &OsStr, edition: Edition) -> anyhow::Result<TargetSpec> {
    let text = name.to_string_lossy();
    let (path, block) = match text.rsplit_once('#') {
        Some((path, number)) if path.ends_with(".md") || path.ends_with(".markdown") => {
            let block = number.parse().with_context(|| {
                format!("expected the number of a block behind `#`, found `{number}`; write {path}#1 for the first")
            })?;
            (PathBuf::from(path), Some(block))
        }
        _ => (PathBuf::from(name), None),
    };
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("");
    match extension {
        "md" | "markdown" => Ok(TargetSpec::Note {
            path,
            block,
            edition,
        }),
        "rs" => Ok(TargetSpec::File { path, edition }),
        _ if path.is_dir() => bail!(
            "expected a file, found the directory {}; for a cargo package give --manifest-path {}/Cargo.toml",
            path.display(),
            path.display()
        ),
        _ if path.is_file() => bail!(
            "expected FILE.rs, NOTE.md or `-`, found {}; for an executable give --exe {}",
            path.display(),
            path.display()
        ),
        _ => bail!(
            "there is no file {}; give FILE.rs, NOTE.md, `-`, or --bin, --example, --test, --bench or --lib of a cargo package",
            path.display()
        ),
    }
}

fn selection(target: &TargetArguments) -> anyhow::Result<CargoSelection> {
    let kind = if let Some(name) = &target.bin {
        Some(CargoTarget::Bin(name.clone()))
    } else if let Some(name) = &target.example {
        Some(CargoTarget::Example(name.clone()))
    } else if let Some(name) = &target.test {
        Some(CargoTarget::Test(name.clone()))
    } else if let Some(name) = &target.bench {
        Some(CargoTarget::Bench(name.clone()))
    } else if target.lib {
        Some(CargoTarget::Lib)
    } else {
        None
    };
    let profile = if target.release {
        Some("release".to_owned())
    } else {
        target.profile.clone()
    };
    Ok(CargoSelection {
        package: target.package.clone(),
        target: kind,
        features: target.features.clone(),
        all_features: target.all_features,
        no_default_features: target.no_default_features,
        profile,
        target_dir: target.target_dir.clone(),
        manifest_path: target.manifest_path.clone(),
        locked: target.locked,
        offline: target.offline,
        frozen: target.frozen,
        jobs: target.jobs.clone(),
    })
}

/// How it is built.
pub fn options(target: &TargetArguments, common: &CommonArguments) -> BuildOptions {
    BuildOptions {
        optimization: if target.release {
            Optimization::Full
        } else {
            Optimization::None
        },
        quiet: common.quiet,
        color: match common.color {
            ColorChoice::Auto => Color::Auto,
            ColorChoice::Always => Color::Always,
            ColorChoice::Never => Color::Never,
        },
        cache_dir: None,
        runner: std::env::current_exe().ok(),
        rustc_wrapper: std::env::current_exe().ok(),
        directory: None,
    }
}
