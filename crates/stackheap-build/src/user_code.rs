use std::path::{Component, Path, PathBuf};

/// Which source files are the user's own: workspace members, path dependencies, the given file, and
/// sources that their build scripts generate. Not: dependencies from a registry or a checkout, and
/// the toolchain's own library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCode {
    /// Directories and files, and whether what lies in them is the user's; the longest one that
    /// contains a path decides.
    prefixes: Vec<(PathBuf, Ownership)>,
    /// What holds for a path that none of them contains.
    otherwise: Ownership,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    User,
    Foreign,
}

impl UserCode {
    /// All code but the toolchain's and what cargo downloaded: for programs that are not built from
    /// a package.
    pub(crate) fn all_but_foreign(foreign: &[PathBuf]) -> Self {
        let mut user_code = Self {
            prefixes: Vec::new(),
            otherwise: Ownership::User,
        };
        foreign
            .iter()
            .for_each(|path| user_code.add(path, Ownership::Foreign));
        user_code
    }

    /// No code, yet.
    pub(crate) fn none() -> Self {
        Self {
            prefixes: Vec::new(),
            otherwise: Ownership::Foreign,
        }
    }

    pub(crate) fn add(&mut self, path: &Path, ownership: Ownership) {
        let path = normalise(path);
        // A link and what it points at name the same files.
        if let Ok(real) = std::fs::canonicalize(&path)
            && real != path
        {
            self.prefixes.push((real, ownership));
        }
        self.prefixes.push((path, ownership));
    }

    /// Whether the file with this absolute path, as the debug information names it, is the user's.
    pub fn is_user(&self, absolute_file_path: &str) -> bool {
        let path = normalise(Path::new(absolute_file_path));
        let contains = |(prefix, _): &&(PathBuf, Ownership)| path.starts_with(prefix);
        let deciding = self
            .prefixes
            .iter()
            .filter(contains)
            .max_by_key(|(prefix, _)| prefix.components().count());
        let ownership = deciding.map_or(self.otherwise, |&(_, ownership)| ownership);
        // The library's sources are named as they lay on the machine that built it.
        ownership == Ownership::User
            && !path.starts_with("/rustc")
            && !path.starts_with("/rust/deps")
    }
}

/// `path` without `.` and `..`, by its text alone.
pub(crate) fn normalise(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            Component::ParentDir if normal.has_root() => {}
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let mut code = UserCode::none();
        code.add(Path::new("/w"), Ownership::User);
        code.add(Path::new("/w/target"), Ownership::Foreign);
        code.add(Path::new("/w/target/build/w-1/out"), Ownership::User);
        code.add(Path::new("/w/vendor/dep"), Ownership::Foreign);
        for (path, user) in [
            ("/w/src/main.rs", true),
            ("/w/../w/./src/main.rs", true),
            ("/w/target/build/w-1/out/gen.rs", true),
            ("/w/target/build/dep-1/out/gen.rs", false),
            ("/w/vendor/dep/src/lib.rs", false),
            ("/w2/src/main.rs", false),
            ("/rustc/abc/library/core/src/option.rs", false),
            ("src/main.rs", false),
        ] {
            assert_eq!(code.is_user(path), user, "{path}");
        }
    }

    #[test]
    fn without_a_package_all_but_the_toolchain_is_the_users() {
        let code = UserCode::all_but_foreign(&["/home/me/.cargo/registry".into()]);
        assert!(code.is_user("/home/me/a.rs"));
        assert!(!code.is_user("/home/me/.cargo/registry/src/x/lib.rs"));
        assert!(!code.is_user("/rustc/abc/library/std/src/io.rs"));
    }

    #[test]
    fn paths_are_normalised_by_their_text() {
        for (path, normal) in [
            ("/a/./b/../c", "/a/c"),
            ("/../a", "/a"),
            ("../a/b/..", "../a"),
            ("a/../../b", "../b"),
        ] {
            assert_eq!(normalise(Path::new(path)), Path::new(normal), "{path}");
        }
    }
}
