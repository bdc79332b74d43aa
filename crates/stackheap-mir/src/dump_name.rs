/// What the name of a dump's file says: `demo.list-{impl#0}-push.-------.nll.0.mir`.
///
/// The head of a body names an implementation by its place in the source; the file's name has the
/// path of definitions, which is that of the namespaces in debug information.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DumpName<'t> {
    /// The crate.
    pub crate_name: &'t str,
    /// The path in the crate, with `-` between its segments.
    pub path: &'t str,
}

impl<'t> DumpName<'t> {
    /// Takes the name of a file, without its folder. `None` for what is no dump of the borrow
    /// checker.
    pub fn parse(file_name: &'t str) -> Option<Self> {
        let name = file_name.strip_suffix(".nll.0.mir")?;
        // In front of the name of the pass is its number, of which this one has none.
        let (name, _number) = name.rsplit_once('.')?;
        let (crate_name, path) = name.split_once('.')?;
        Some(Self { crate_name, path })
    }

    /// The segments of the path, outermost first: `list`, `{impl#0}`, `push`.
    pub fn segments(&self) -> impl Iterator<Item = &'t str> {
        self.path.split('-')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_have_the_path_of_definitions() {
        let name =
            DumpName::parse("demo.list-{impl#0}-push-{closure#1}.-------.nll.0.mir").unwrap();
        assert_eq!(name.crate_name, "demo");
        let segments: Vec<&str> = name.segments().collect();
        assert_eq!(segments, ["list", "{impl#0}", "push", "{closure#1}"]);
        for other in [
            "demo.main.-------.renumber.0.mir",
            "demo.mir",
            ".nll.0.mir",
            "",
        ] {
            assert_eq!(DumpName::parse(other), None, "{other}");
        }
    }
}
