//! Functions with code.

use std::sync::Arc;

use gimli::constants as dw;
use rustc_hash::FxHashMap;
use stackheap_model::{ImageAddress, TemplateArgument};

use crate::api::DieRef;
use crate::{Declared, Function, Image, Problem};

/// How many names are kept by address.
const NAMES_KEPT: usize = 1 << 16;

impl<'data> Image<'data> {
    /// The functions with code that are declared in files for which `user` says yes, by address.
    /// `user` is asked once for each absolute path. A generic function appears once for each set of
    /// arguments it was compiled for.
    ///
    /// Units that could not be read, or only in part, are named in the problems.
    pub fn functions(&self, user: &dyn Fn(&str) -> bool) -> (Vec<Function>, Vec<Problem>) {
        let mut asked = Asked::new(user);
        let mut functions = Vec::new();
        let mut problems = self.problems.clone();
        for (index, unit) in (0u32..).zip(&self.units.all) {
            if !unit
                .files(&self.units.dwarf)
                .iter()
                .any(|file| asked.is_user(file))
            {
                continue;
            }
            let tree = unit.tree();
            problems.extend(tree.problem.clone());
            for &offset in &tree.functions {
                let die = DieRef {
                    unit: index,
                    offset,
                };
                functions.extend(
                    self.function(die)
                        .filter(|found| asked.is_users(found.declared.as_ref())),
                );
            }
        }
        functions.sort_by_key(|function| (function.low, function.high));
        (functions, problems)
    }

    /// The function of an entry; `None` if it has no code in the image.
    fn function(&self, die: DieRef) -> Option<Function> {
        let chain = self.units.chain(die);
        let (_, entry) = chain.first()?;
        let ranges = self.code_ranges(die.unit, entry);
        let low = ranges.first()?.start;
        let high = ranges.iter().map(|range| range.end).max()?;
        let arguments = self.units.template_arguments(&chain);
        let returns = chain.iter().find_map(|(die, entry)| {
            self.units
                .reference(die.unit, entry.attr_value(dw::DW_AT_type)?)
        });
        let linkage = self.units.text_of_chain(&chain, dw::DW_AT_linkage_name);
        Some(Function {
            name: self.units.function_path(&chain)?,
            linkage_name: linkage.map(|name| name.into()),
            declared: self.units.declared(&chain),
            ranges,
            low,
            high,
            arguments: arguments
                .into_iter()
                .map(|(name, ty)| TemplateArgument {
                    name: name.into(),
                    ty: crate::types::id_of(ty),
                })
                .collect(),
            returns: returns.map(crate::types::id_of),
            die,
        })
    }

    /// The path of the function whose code contains `at`, from the debug information or, where
    /// that has none, from the symbol table.
    pub fn function_name_at(&self, at: ImageAddress) -> Option<Arc<str>> {
        if let Some(known) = lock(&self.names_at).get(&at) {
            return known.clone();
        }
        let name = self.find_function_name(at);
        let mut known = lock(&self.names_at);
        if known.len() >= NAMES_KEPT {
            known.clear();
        }
        known.insert(at, name.clone());
        name
    }

    fn find_function_name(&self, at: ImageAddress) -> Option<Arc<str>> {
        if let Some(die) = self.function_die_at(at) {
            if let Some(name) = lock(&self.function_names).get(&die) {
                return Some(name.clone());
            }
            if let Some(name) = self.units.function_path(&self.units.chain(die)) {
                lock(&self.function_names).insert(die, name.clone());
                return Some(name);
            }
        }
        self.symbol_at(at)
            .filter(|symbol| symbol.is_function)
            .map(|symbol| symbol.name)
    }

    /// The function whose code contains `at`, whoever declared it.
    pub fn function_at(&self, at: ImageAddress) -> Option<Function> {
        self.function(self.function_die_at(at)?)
    }

    fn function_die_at(&self, at: ImageAddress) -> Option<DieRef> {
        let units = self.unit_ranges.get_or_init(|| self.read_unit_ranges());
        let index = units
            .partition_point(|(range, _)| range.start <= at)
            .checked_sub(1)?;
        let (range, unit) = units.get(index)?;
        if !range.contains(&at) {
            return None;
        }
        let functions = self
            .code
            .get(*unit as usize)?
            .get_or_init(|| self.read_code(*unit));
        let index = functions
            .partition_point(|(range, _)| range.start <= at)
            .checked_sub(1)?;
        let (range, offset) = functions.get(index)?;
        range.contains(&at).then_some(DieRef {
            unit: *unit,
            offset: *offset,
        })
    }

    fn read_unit_ranges(&self) -> Vec<(std::ops::Range<ImageAddress>, u32)> {
        let mut found = Vec::new();
        for (index, unit) in (0u32..).zip(&self.units.all) {
            let Ok(root) = unit.inner.entry(unit.inner.header.root_offset()) else {
                continue;
            };
            let ranges = self.code_ranges(index, &root);
            found.extend(ranges.into_iter().map(|range| (range, index)));
        }
        found.sort_by_key(|(range, _)| range.start);
        found
    }

    fn read_code(&self, unit: u32) -> Vec<(std::ops::Range<ImageAddress>, u32)> {
        let mut found = Vec::new();
        let Some(inside) = self.units.get(unit) else {
            return found;
        };
        for &offset in &inside.tree().functions {
            let Some(entry) = inside.entry(offset) else {
                continue;
            };
            found.extend(
                self.code_ranges(unit, &entry)
                    .into_iter()
                    .map(|range| (range, offset)),
            );
        }
        found.sort_by_key(|(range, _)| range.start);
        found
    }

    /// The ranges of an entry, without those that the linker threw away: it leaves their addresses
    /// at or near zero, where no code is.
    pub(crate) fn code_ranges(
        &self,
        unit: u32,
        entry: &crate::unit::Entry<'data>,
    ) -> Vec<std::ops::Range<ImageAddress>> {
        match self.units.get(unit) {
            Some(unit) => unit.ranges(&self.units.dwarf, entry, &|at| self.elf.is_code(at)),
            None => Vec::new(),
        }
    }
}

/// A predicate over paths that is asked once for each: it may look at the file system.
pub(crate) struct Asked<'a> {
    user: &'a dyn Fn(&str) -> bool,
    answers: FxHashMap<Arc<str>, bool>,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(user: &'a dyn Fn(&str) -> bool) -> Self {
        Self {
            user,
            answers: FxHashMap::default(),
        }
    }

    pub(crate) fn is_user(&mut self, path: &Arc<str>) -> bool {
        if let Some(answer) = self.answers.get(path) {
            return *answer;
        }
        let answer = (self.user)(path);
        self.answers.insert(path.clone(), answer);
        answer
    }

    /// Whether a declaration is the user's; one that is nowhere is not.
    pub(crate) fn is_users(&mut self, declared: Option<&Declared>) -> bool {
        declared.is_some_and(|declared| self.is_user(&declared.file))
    }
}

/// Takes a lock. The data behind these locks is complete after each statement, so that a panic of
/// another thread leaves nothing half done.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
