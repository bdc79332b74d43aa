//! The settings by which the user's own code is built so that it can be recorded, and everything
//! else as the user's profile says. They are given to cargo on its command line; no file is edited.
//!
//! The rules are those of the cargo book: profiles inherit, the configuration overrides the
//! manifest, and of the overrides for packages the one that names a package wins over `"*"`, which
//! stands for all packages outside of the workspace
//! (<https://doc.rust-lang.org/cargo/reference/profiles.html>).

use std::fmt;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, Package};
use toml::{Table, Value};

use super::selection::Selected;
use crate::{CargoSelection, CargoTarget, toolchain};

/// How deep configuration files may include others.
const INCLUDE_LIMIT: usize = 8;

/// How many profiles may inherit from each other.
const INHERITANCE_LIMIT: usize = 32;

/// The name of the profile that cargo builds a target with.
pub(crate) fn name<'a>(selection: &'a CargoSelection, target: &CargoTarget) -> &'a str {
    match (&selection.profile, target) {
        (Some(name), _) => name,
        (None, CargoTarget::Bin(_) | CargoTarget::Example(_)) => "dev",
        (None, CargoTarget::Test(_) | CargoTarget::Lib) => "test",
        (None, CargoTarget::Bench(_)) => "bench",
    }
}

/// A setting as cargo's `--config` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    keys: Vec<String>,
    /// The value, as TOML.
    value: String,
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(|name| key(name)).collect();
        write!(f, "{}={}", keys.join("."), self.value)
    }
}

/// A key of a TOML table, quoted where needed.
pub(crate) fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A string of TOML. JSON's escapes are TOML's.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A plain value of a profile, as TOML; tables and lists are none.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quoted(text)),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}

/// The profiles of a workspace and what the user's configuration says of them.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    profiles: Table,
    build_target: Option<String>,
}

impl Profiles {
    /// Reads the manifest of the workspace and the configuration that cargo reads from `directory`.
    /// What cannot be read is left out: cargo will say what is wrong with it.
    pub(crate) fn read(workspace: &Path, directory: &Path) -> Self {
        let mut profiles = Self::default();
        profiles.add(&read_table(workspace));
        for file in configuration(directory).iter().rev() {
            profiles.add_configuration(file, INCLUDE_LIMIT);
        }
        for name in ["dev", "test", "bench", "release"] {
            profiles.add_environment(name);
        }
        let target = std::env::var("CARGO_BUILD_TARGET")
            .ok()
            .filter(|value| !value.is_empty());
        profiles.build_target = target.or(profiles.build_target);
        profiles
    }

    /// The triple that `build.target` names, if it names one.
    pub(crate) fn build_target(&self) -> Option<&str> {
        self.build_target.as_deref()
    }

    /// Adds a configuration file and, below it, what it includes; they win over what is there.
    fn add_configuration(&mut self, path: &Path, depth: usize) {
        let file = read_table(path);
        let directory = path.parent().unwrap_or(Path::new(""));
        for included in includes(&file).filter(|_| depth > 0) {
            self.add_configuration(&directory.join(included), depth - 1);
        }
        self.add(&file);
    }

    /// Adds a manifest or a configuration file; it wins over what is there.
    fn add(&mut self, file: &Table) {
        if let Some(Value::Table(profiles)) = file.get("profile") {
            merge(&mut self.profiles, profiles);
        }
        let build = file.get("build").and_then(Value::as_table);
        let target = build
            .and_then(|build| build.get("target"))
            .and_then(|target| match target {
                Value::Array(several) => match several.as_slice() {
                    [one] => one.as_str(),
                    // Which of them the program is built for is not decided here.
                    _ => None,
                },
                one => one.as_str(),
            });
        self.build_target = target.map(str::to_owned).or(self.build_target.take());
    }

    /// Adds what variables such as `CARGO_PROFILE_DEV_OPT_LEVEL` say.
    fn add_environment(&mut self, name: &str) {
        for setting in ["opt-level", "debug", "lto"] {
            let variable = format!("CARGO_PROFILE_{name}_{setting}");
            let variable = variable.replace('-', "_").to_uppercase();
            let Ok(text) = std::env::var(variable) else {
                continue;
            };
            let number = text.parse().map(Value::Integer).ok();
            let boolean = text.parse().map(Value::Boolean).ok();
            let value = number.or(boolean).unwrap_or(Value::String(text));
            let profile = Table::from_iter([(setting.to_owned(), value)]);
            let profiles = Table::from_iter([(name.to_owned(), Value::Table(profile))]);
            merge(&mut self.profiles, &profiles);
        }
    }

    /// A profile with what it inherits.
    fn effective(&self, name: &str) -> Table {
        let mut chain = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next.take().filter(|_| chain.len() < INHERITANCE_LIMIT) {
            let profile = self.profiles.get(&name).and_then(Value::as_table);
            next = match name.as_str() {
                "dev" | "release" => None,
                "test" => Some("dev".to_owned()),
                "bench" => Some("release".to_owned()),
                _ => {
                    let inherits = profile.and_then(|profile| profile.get("inherits"));
                    inherits.and_then(Value::as_str).map(str::to_owned)
                }
            };
            chain.extend(profile);
        }
        let mut effective = Table::new();
        chain
            .into_iter()
            .rev()
            .for_each(|profile| merge(&mut effective, profile));
        effective
    }
}

/// Puts the values of `from` over those of `into`, table by table.
fn merge(into: &mut Table, from: &Table) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            // Tables of profiles nest four deep; the parser bounds what others do.
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

fn read_table(path: &Path) -> Table {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.parse().unwrap_or_default()
}

/// The paths that a configuration file includes: a text, a table with a `path`, or a list of them
/// (<https://doc.rust-lang.org/cargo/reference/config.html>).
fn includes(file: &Table) -> impl Iterator<Item = &str> {
    let several = match file.get("include") {
        Some(Value::Array(several)) => several.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    several.iter().filter_map(|include| match include {
        Value::Table(table) => table.get("path")?.as_str(),
        other => other.as_str(),
    })
}

/// The configuration files that cargo reads, the strongest first.
fn configuration(directory: &Path) -> Vec<PathBuf> {
    let dotted = directory.ancestors().map(|parent| parent.join(".cargo"));
    let directories = dotted.chain(toolchain::cargo_home());
    let file = |directory: PathBuf| {
        let files = [directory.join("config"), directory.join("config.toml")];
        files.into_iter().find(|file| file.is_file())
    };
    directories.filter_map(file).collect()
}

/// Whether the settings to build `selected` with depend on the packages outside of the workspace:
/// whether the user's profile gives them anything else than the workspace's own code.
pub(crate) fn needs_dependencies(
    profiles: &Profiles,
    selection: &CargoSelection,
    selected: &Selected,
) -> bool {
    let profile = profiles.effective(name(selection, &selected.target));
    ["opt-level", "debug", "package"]
        .iter()
        .any(|setting| profile.contains_key(*setting))
}

/// The settings to build `selected` with. Where [`needs_dependencies`] says so, `metadata` has all
/// packages, otherwise at least those of the workspace.
pub(crate) fn overrides(
    profiles: &Profiles,
    selection: &CargoSelection,
    selected: &Selected,
    metadata: &Metadata,
) -> Vec<Override> {
    let name = name(selection, &selected.target);
    let profile = profiles.effective(name);
    let mut overrides = Overrides {
        name,
        profile: &profile,
        found: Vec::new(),
    };
    // A benchmark measures, and a profile that is asked for is recorded as it is.
    let unoptimised = matches!(name, "dev" | "test");
    if unoptimised {
        overrides.leave_to_dependencies("opt-level");
        overrides.set(&["opt-level"], "0");
        if profile.contains_key("lto") {
            overrides.set(&["lto"], &quoted("off"));
        }
    }
    overrides.leave_to_dependencies("debug");
    overrides.set(&["debug"], "2");
    overrides.set(&["strip"], &quoted("none"));
    overrides.set(&["split-debuginfo"], &quoted("off"));
    let settings: &[_] = if unoptimised {
        &[("opt-level", "0"), ("debug", "2")]
    } else {
        &[("debug", "2")]
    };
    for package in metadata
        .packages
        .iter()
        .filter(|package| package.source.is_none())
    {
        let member = metadata.workspace_members.contains(&package.id);
        overrides.set_for(package, member, settings);
    }
    overrides.found
}

struct Overrides<'a> {
    name: &'a str,
    profile: &'a Table,
    found: Vec<Override>,
}

impl Overrides<'_> {
    fn set(&mut self, keys: &[&str], value: &str) {
        let keys = ["profile", self.name]
            .iter()
            .chain(keys)
            .map(|&key| key.to_owned())
            .collect();
        self.found.push(Override {
            keys,
            value: value.to_owned(),
        });
    }

    /// The user's overrides for packages, by the names or ids that they stand under.
    fn of_packages(&self) -> impl Iterator<Item = (&String, &Table)> {
        let packages = self.profile.get("package").and_then(Value::as_table);
        packages
            .into_iter()
            .flatten()
            .filter_map(|(spec, value)| Some((spec, value.as_table()?)))
    }

    fn of_dependencies(&self, setting: &str) -> Option<&Value> {
        self.of_packages()
            .find(|(spec, _)| *spec == "*")
            .and_then(|(_, table)| table.get(setting))
    }

    /// Gives dependencies what the profile gives to all packages, before that is overridden.
    fn leave_to_dependencies(&mut self, setting: &str) {
        let value = self.profile.get(setting).and_then(plain);
        if let (Some(value), None) = (value, self.of_dependencies(setting)) {
            self.set(&["package", "*", setting], &value);
        }
    }

    /// Sets `settings` for a package of the user's that an override would leave out: the user's own
    /// for that package, or the one for all packages outside of the workspace.
    fn set_for(&mut self, package: &Package, member: bool, settings: &[(&str, &str)]) {
        let own: Vec<String> = self
            .of_packages()
            .filter(|(spec, _)| *spec != "*" && names(spec, package))
            .map(|(spec, _)| spec.clone())
            .collect();
        let specs = match (own.is_empty(), member) {
            // Two overrides that name the same package are an error, so the user's name is used.
            (false, _) => own,
            (true, false) => vec![package.id.repr.clone()],
            (true, true) => return,
        };
        for spec in &specs {
            for (setting, value) in settings {
                self.set(&["package", spec, setting], value);
            }
        }
    }
}

/// Whether a package is meant by the name or id of an override.
fn names(spec: &str, package: &Package) -> bool {
    let fragment = spec.rsplit_once('#').map_or(spec, |(_, fragment)| fragment);
    let (name, version) = fragment
        .split_once(['@', ':'])
        .map_or((fragment, None), |(name, version)| (name, Some(version)));
    let full = package.version.to_string();
    spec == package.id.repr
        || name == package.name.as_str() && version.is_none_or(|version| full.starts_with(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(manifest: &str, configuration: &str) -> Profiles {
        let mut profiles = Profiles::default();
        profiles.add(&manifest.parse().unwrap());
        profiles.add(&configuration.parse().unwrap());
        profiles
    }

    #[test]
    fn profiles_inherit_and_the_configuration_wins() {
        let profiles = profiles(
            "[profile.dev]\nopt-level = 1\ndebug = 1\npackage.a.opt-level = 2\n\
             [profile.test]\ndebug = 0\n[profile.mine]\ninherits = 'dev'\nlto = true\n\
             [profile.loop]\ninherits = 'loop'",
            "[profile.dev]\nopt-level = 3\n[profile.dev.package.a]\ndebug = false",
        );
        let plain_of = |name: &str, setting: &str| {
            profiles
                .effective(name)
                .get(setting)
                .and_then(plain)
                .unwrap_or_default()
        };
        assert_eq!(plain_of("dev", "opt-level"), "3");
        assert_eq!(
            (plain_of("test", "opt-level"), plain_of("test", "debug")),
            ("3".into(), "0".into())
        );
        assert_eq!(
            (plain_of("mine", "lto"), plain_of("mine", "debug")),
            ("true".into(), "1".into())
        );
        assert_eq!(plain_of("release", "opt-level"), "");
        assert_eq!(plain_of("loop", "inherits"), "\"loop\"");
        let dev = profiles.effective("dev");
        let package = dev["package"]["a"].as_table().unwrap();
        assert_eq!(package.len(), 2);
    }

    #[test]
    fn a_configuration_includes_others_below_itself() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
        write(
            "config.toml",
            "include = ['a.toml', {path = 'b.toml', optional = true}, 'missing.toml']\n\
             [profile.dev]\ndebug = 1",
        );
        write(
            "a.toml",
            "[profile.dev]\ndebug = 0\nopt-level = 1\nlto = true",
        );
        write("b.toml", "include = 'b.toml'\n[profile.dev]\nopt-level = 2");
        let mut profiles = Profiles::default();
        profiles.add_configuration(&place.path().join("config.toml"), INCLUDE_LIMIT);
        let dev = profiles.effective("dev");
        let numbers = ["debug", "opt-level"].map(|name| dev[name].as_integer());
        assert_eq!(
            (numbers, dev["lto"].as_bool()),
            ([Some(1), Some(2)], Some(true))
        );
    }

    #[test]
    fn a_build_target_is_one_triple() {
        for (configuration, expected) in [
            ("build.target = 'a-b-c'", Some("a-b-c")),
            ("build.target = ['a-b-c']", Some("a-b-c")),
            ("build.target = ['a-b-c', 'd-e-f']", None),
            ("", None),
        ] {
            assert_eq!(profiles("", configuration).build_target(), expected);
        }
    }

    #[test]
    fn settings_are_written_as_cargo_reads_them() {
        let setting = Override {
            keys: ["profile", "dev", "package", "*", "opt-level"]
                .map(str::to_owned)
                .to_vec(),
            value: quoted("s"),
        };
        assert_eq!(
            setting.to_string(),
            r#"profile.dev.package."*".opt-level="s""#
        );
        assert_eq!(key("x86_64-unknown-linux-gnu"), "x86_64-unknown-linux-gnu");
        assert_eq!(key(r#"a"b\"#), r#""a\"b\\""#);
    }
}
