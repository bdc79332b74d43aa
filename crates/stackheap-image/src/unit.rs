//! Units of compilation: their files, the tree of names, and where each kind of entry is.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use gimli::{
    AttributeValue, DebugInfoOffset, DwAt, DwTag, LittleEndian, UnitOffset, constants as dw,
};
use stackheap_model::ImageAddress;

use crate::api::DieRef;
use crate::{Problem, UnitInfo};

pub(crate) type Slice<'data> = gimli::EndianSlice<'data, LittleEndian>;
pub(crate) type Entry<'data> = gimli::DebuggingInformationEntry<Slice<'data>>;
pub(crate) type Value<'data> = AttributeValue<Slice<'data>>;

/// The most ranges that one entry may have.
const RANGE_LIMIT: usize = 1 << 16;
/// The most links from an entry to the entry it continues (`DW_AT_specification` and
/// `DW_AT_abstract_origin`): an inlined instance, the abstract instance, the declaration.
const ORIGIN_LIMIT: usize = 8;

/// A unit with what is computed about it on demand.
pub(crate) struct Unit<'data> {
    pub(crate) inner: gimli::Unit<Slice<'data>>,
    /// Offsets of the unit in `.debug_info`.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Whether the standard library's distribution built it (by the paths it remaps).
    pub(crate) distributed: bool,
    files: OnceLock<Vec<Arc<str>>>,
    tree: OnceLock<Tree>,
    pub(crate) lines: OnceLock<Vec<crate::line::Sequence>>,
}

/// Where the entries of a unit are that others refer to by position.
#[derive(Default)]
pub(crate) struct Tree {
    /// Entries that give names to what they contain, in order.
    pub(crate) scopes: Vec<Scope>,
    /// Offsets of functions with code.
    pub(crate) functions: Vec<u32>,
    /// Offsets of variables outside of functions.
    pub(crate) globals: Vec<u32>,
    /// Offsets of types with a name of their own.
    pub(crate) types: Vec<u32>,
    /// Why the rest could not be read.
    pub(crate) problem: Option<Problem>,
}

/// A namespace, type or function that contains others.
pub(crate) struct Scope {
    /// Where its entry begins.
    pub(crate) start: u32,
    /// Behind its last child.
    pub(crate) end: u32,
    /// The index of the scope that contains it.
    pub(crate) parent: Option<u32>,
    pub(crate) tag: DwTag,
    /// Its path, once asked for.
    pub(crate) path: OnceLock<Arc<str>>,
}

impl<'data> Unit<'data> {
    /// Takes over a unit; `None` for what is no compilation unit of this format.
    pub(crate) fn new(inner: gimli::Unit<Slice<'data>>) -> Option<Self> {
        let start = u32::try_from(inner.header.debug_info_offset()?.0).ok()?;
        let length = u32::try_from(inner.header.length_including_self()).ok()?;
        let comp_dir = inner.comp_dir.map(|dir| dir.slice()).unwrap_or_default();
        // The distribution's own builds are remapped to these; nobody's sources lie there.
        let distributed = comp_dir.starts_with(b"/rustc/") || comp_dir.starts_with(b"/rust/deps/");
        Some(Self {
            inner,
            start,
            end: start.checked_add(length)?,
            distributed,
            files: OnceLock::new(),
            tree: OnceLock::new(),
            lines: OnceLock::new(),
        })
    }

    /// What the root entry says of the unit.
    pub(crate) fn info(&self, dwarf: &gimli::Dwarf<Slice<'data>>) -> UnitInfo {
        let root = self.inner.entry(self.inner.header.root_offset()).ok();
        let text = |at: DwAt| {
            root.as_ref()
                .and_then(|root| self.string(dwarf, root.attr_value(at)?))
                .map(|text| text.into_owned())
                .unwrap_or_default()
        };
        let name = text(dw::DW_AT_name);
        let language = match root
            .as_ref()
            .and_then(|root| root.attr_value(dw::DW_AT_language))
        {
            Some(AttributeValue::Language(language)) => language.0,
            _ => 0,
        };
        UnitInfo {
            name: name
                .split_once("/@/")
                .map_or(name.as_str(), |(file, _)| file)
                .to_owned(),
            comp_dir: text(dw::DW_AT_comp_dir),
            producer: text(dw::DW_AT_producer),
            language,
            version: self.inner.header.version(),
        }
    }

    pub(crate) fn string(
        &self,
        dwarf: &gimli::Dwarf<Slice<'data>>,
        value: Value<'data>,
    ) -> Option<std::borrow::Cow<'data, str>> {
        dwarf
            .attr_string(&self.inner, value)
            .ok()
            .map(|text| text.to_string_lossy())
    }

    /// The absolute paths of the unit's files, at the numbers by which attributes and line rows
    /// name them.
    pub(crate) fn files(&self, dwarf: &gimli::Dwarf<Slice<'data>>) -> &[Arc<str>] {
        self.files.get_or_init(|| {
            let Some(program) = &self.inner.line_program else {
                return Vec::new();
            };
            let header = program.header();
            let comp_dir = self
                .inner
                .comp_dir
                .map(|dir| dir.to_string_lossy())
                .unwrap_or_default();
            // Before version 5 files are numbered from 1.
            let first = if header.version() >= 5 {
                None
            } else {
                Some(Arc::from(""))
            };
            let paths = header.file_names().iter().map(|file| {
                let name = self.string(dwarf, file.path_name()).unwrap_or_default();
                let directory = header
                    .directory(file.directory_index())
                    .and_then(|value| self.string(dwarf, value))
                    .unwrap_or_default();
                absolute_path(&comp_dir, &directory, &name)
            });
            first.into_iter().chain(paths).collect()
        })
    }

    /// Walks the unit once.
    pub(crate) fn tree(&self) -> &Tree {
        self.tree.get_or_init(|| {
            let mut tree = Tree::default();
            if let Err(error) = self.walk(&mut tree) {
                tree.problem = Some(Problem {
                    offset: Some(u64::from(self.start)),
                    what: format!("expected entries of debug information, found damage: {error}"),
                });
            }
            tree
        })
    }

    fn walk(&self, tree: &mut Tree) -> gimli::Result<()> {
        let mut raw = self.inner.entries_raw(None)?;
        // Open scopes: index and depth. The function that is being walked: its depth.
        let mut open: Vec<(u32, isize)> = Vec::new();
        let mut function: Option<isize> = None;
        // Each turn reads at least one byte.
        while !raw.is_empty() {
            let offset = self.section_offset(raw.next_offset());
            let depth = raw.next_depth();
            let Some(abbreviation) = raw.read_abbreviation()? else {
                let depth = raw.next_depth();
                while let Some(&(index, _)) = open.last().filter(|(_, scope)| *scope >= depth) {
                    if let Some(scope) = tree.scopes.get_mut(index as usize) {
                        scope.end = self.section_offset(raw.next_offset());
                    }
                    open.pop();
                }
                function = function.filter(|scope| *scope < depth);
                if depth <= 0 {
                    break;
                }
                continue;
            };
            let tag = abbreviation.tag();
            let attributes = abbreviation.attributes();
            if function.is_none() {
                let has = |at: DwAt| attributes.iter().any(|attribute| attribute.name() == at);
                match tag {
                    dw::DW_TAG_subprogram if has(dw::DW_AT_low_pc) || has(dw::DW_AT_ranges) => {
                        tree.functions.push(offset);
                    }
                    dw::DW_TAG_variable => tree.globals.push(offset),
                    _ if is_named_type(tag) && has(dw::DW_AT_name) => tree.types.push(offset),
                    _ => {}
                }
            }
            if abbreviation.has_children() && function.is_none() {
                if is_scope(tag) {
                    let index = tree.scopes.len() as u32;
                    let parent = open.last().map(|(index, _)| *index);
                    let path = OnceLock::new();
                    tree.scopes.push(Scope {
                        start: offset,
                        end: self.end,
                        parent,
                        tag,
                        path,
                    });
                    open.push((index, depth));
                }
                if tag == dw::DW_TAG_subprogram {
                    function = Some(depth);
                }
            }
            raw.skip_attributes(attributes)?;
        }
        Ok(())
    }

    /// The innermost scope that contains the entry at `offset`, not the entry itself.
    pub(crate) fn scope_of(&self, offset: u32) -> Option<u32> {
        let scopes = &self.tree().scopes;
        let before = scopes.partition_point(|scope| scope.start < offset);
        let mut candidate = u32::try_from(before.checked_sub(1)?).ok();
        // Parents precede their children, so the index falls at each turn.
        while let Some(index) = candidate {
            let scope = scopes.get(index as usize)?;
            if offset < scope.end {
                return Some(index);
            }
            candidate = scope.parent;
        }
        None
    }

    pub(crate) fn section_offset(&self, offset: UnitOffset) -> u32 {
        // The unit's end fits in 32 bits, and so does each offset inside it.
        self.start.saturating_add(offset.0 as u32)
    }

    /// The entry at an offset of the section.
    pub(crate) fn entry(&self, offset: u32) -> Option<Entry<'data>> {
        let offset = UnitOffset(offset.checked_sub(self.start)? as usize);
        self.inner.entry(offset).ok()
    }

    pub(crate) fn unit_offset(&self, offset: u32) -> Option<UnitOffset> {
        Some(UnitOffset(offset.checked_sub(self.start)? as usize))
    }

    /// The ranges of code that an entry states, in address order, without those that the linker
    /// threw away.
    pub(crate) fn ranges(
        &self,
        dwarf: &gimli::Dwarf<Slice<'data>>,
        entry: &Entry<'data>,
        is_code: &dyn Fn(u64) -> bool,
    ) -> Vec<Range<ImageAddress>> {
        let mut found = Vec::new();
        let mut add = |begin: u64, end: u64| {
            if begin < end && is_code(begin) {
                found.push(ImageAddress(begin)..ImageAddress(end));
            }
        };
        let list = entry
            .attr_value(dw::DW_AT_ranges)
            .and_then(|value| dwarf.attr_ranges(&self.inner, value).ok().flatten());
        if let Some(mut list) = list {
            for _ in 0..RANGE_LIMIT {
                match list.next() {
                    Ok(Some(range)) => add(range.begin, range.end),
                    Ok(None) | Err(_) => break,
                }
            }
        } else if let Some(begin) = self.address(dwarf, entry, dw::DW_AT_low_pc) {
            let end = match entry.attr_value(dw::DW_AT_high_pc) {
                Some(value @ (AttributeValue::Addr(_) | AttributeValue::DebugAddrIndex(_))) => {
                    dwarf.attr_address(&self.inner, value).ok().flatten()
                }
                Some(value) => value.udata_value().and_then(|size| begin.checked_add(size)),
                None => None,
            };
            add(begin, end.unwrap_or(begin));
        }
        found.sort_by_key(|range| range.start);
        found
    }

    fn address(
        &self,
        dwarf: &gimli::Dwarf<Slice<'data>>,
        entry: &Entry<'data>,
        at: DwAt,
    ) -> Option<u64> {
        dwarf
            .attr_address(&self.inner, entry.attr_value(at)?)
            .ok()
            .flatten()
    }
}

/// All units, in the order of `.debug_info`.
pub(crate) struct Units<'data> {
    pub(crate) dwarf: gimli::Dwarf<Slice<'data>>,
    pub(crate) all: Vec<Unit<'data>>,
}

impl<'data> Units<'data> {
    pub(crate) fn get(&self, index: u32) -> Option<&Unit<'data>> {
        self.all.get(index as usize)
    }

    /// The entry that a number of the section means.
    pub(crate) fn find(&self, offset: u32) -> Option<DieRef> {
        let before = self.all.partition_point(|unit| unit.start <= offset);
        let index = before.checked_sub(1)?;
        let unit = self.all.get(index)?;
        (offset < unit.end).then_some(DieRef {
            unit: u32::try_from(index).ok()?,
            offset,
        })
    }

    pub(crate) fn entry(&self, die: DieRef) -> Option<(&Unit<'data>, Entry<'data>)> {
        let unit = self.get(die.unit)?;
        Some((unit, unit.entry(die.offset)?))
    }

    /// The entry that a reference attribute of `unit` names.
    pub(crate) fn reference(&self, unit: u32, value: Value<'data>) -> Option<DieRef> {
        match value {
            AttributeValue::UnitRef(offset) => {
                let inside = self.get(unit)?;
                let offset = inside.start.checked_add(u32::try_from(offset.0).ok()?)?;
                (offset < inside.end).then_some(DieRef { unit, offset })
            }
            AttributeValue::DebugInfoRef(DebugInfoOffset(offset)) => {
                self.find(u32::try_from(offset).ok()?)
            }
            _ => None,
        }
    }

    /// The entry and those it continues, nearest first: its attributes are looked up in this order.
    pub(crate) fn chain(&self, die: DieRef) -> Vec<(DieRef, Entry<'data>)> {
        let mut chain = Vec::new();
        let mut next = Some(die);
        while let Some(die) = next.filter(|_| chain.len() < ORIGIN_LIMIT) {
            let Some((_, entry)) = self.entry(die) else {
                break;
            };
            next = entry
                .attr_value(dw::DW_AT_abstract_origin)
                .or_else(|| entry.attr_value(dw::DW_AT_specification))
                .and_then(|value| self.reference(die.unit, value));
            chain.push((die, entry));
        }
        chain
    }

    pub(crate) fn text(
        &self,
        unit: u32,
        entry: &Entry<'data>,
        at: DwAt,
    ) -> Option<std::borrow::Cow<'data, str>> {
        self.get(unit)?.string(&self.dwarf, entry.attr_value(at)?)
    }

    /// The text of the first entry of a chain that has it.
    pub(crate) fn text_of_chain(
        &self,
        chain: &[(DieRef, Entry<'data>)],
        at: DwAt,
    ) -> Option<std::borrow::Cow<'data, str>> {
        chain
            .iter()
            .find_map(|(die, entry)| self.text(die.unit, entry, at))
    }

    /// A file that an attribute of `unit` names by number. The number has a form of its own in
    /// gimli, so that it is not read as a plain integer.
    pub(crate) fn file(&self, unit: u32, value: Value<'data>) -> Option<Arc<str>> {
        let index = match value {
            AttributeValue::FileIndex(index) => index,
            other => other.udata_value()?,
        };
        let path = self
            .get(unit)?
            .files(&self.dwarf)
            .get(usize::try_from(index).ok()?)?;
        (!path.is_empty()).then(|| path.clone())
    }

    /// Where a chain of entries is declared.
    pub(crate) fn declared(&self, chain: &[(DieRef, Entry<'data>)]) -> Option<crate::Declared> {
        let file = chain
            .iter()
            .find_map(|(die, entry)| self.file(die.unit, entry.attr_value(dw::DW_AT_decl_file)?))?;
        let number = |at: DwAt| {
            chain.iter().find_map(|(_, entry)| {
                entry
                    .attr_value(at)?
                    .udata_value()
                    .and_then(|line| u32::try_from(line).ok())
            })
        };
        let line = number(dw::DW_AT_decl_line)?;
        Some(crate::Declared {
            file,
            line,
            column: number(dw::DW_AT_decl_column),
        })
    }
}

fn is_scope(tag: DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_namespace
            | dw::DW_TAG_structure_type
            | dw::DW_TAG_union_type
            | dw::DW_TAG_enumeration_type
            | dw::DW_TAG_subprogram
    )
}

fn is_named_type(tag: DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_structure_type
            | dw::DW_TAG_union_type
            | dw::DW_TAG_enumeration_type
            | dw::DW_TAG_base_type
            | dw::DW_TAG_pointer_type
    )
}

fn absolute_path(comp_dir: &str, directory: &str, name: &str) -> Arc<str> {
    let mut path = String::new();
    for part in [comp_dir, directory, name] {
        if part.is_empty() {
            continue;
        }
        if part.starts_with('/') {
            path.clear();
        } else if !path.is_empty() && !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(part.strip_prefix("./").unwrap_or(part));
    }
    path.into()
}

#[cfg(test)]
mod tests {
    use super::absolute_path;

    #[test]
    fn paths_are_joined_from_the_last_absolute_part() {
        let check = |parts: [&str; 3], expect: &str| {
            let [comp_dir, directory, name] = parts;
            assert_eq!(&*absolute_path(comp_dir, directory, name), expect);
        };
        check(["/w", "", "a.rs"], "/w/a.rs");
        check(["/w", "/w", "a.rs"], "/w/a.rs");
        check(["/w", "src", "a.rs"], "/w/src/a.rs");
        check(
            ["/w", "/rustc/1", "library/core/src/num/mod.rs"],
            "/rustc/1/library/core/src/num/mod.rs",
        );
        check(["/w", "src", "/x/a.rs"], "/x/a.rs");
        check(["/w/", "./src", "a.rs"], "/w/src/a.rs");
    }
}
