//! A recording with its executable and sources: everything that states are made of.

use std::sync::{Arc, Mutex, OnceLock};

use rustc_hash::{FxHashMap, FxHashSet};
use stackheap_image::{Function, Image, StaticPlace, StaticVariable, Variable};
use stackheap_model::{
    FileId, FrameId, FunctionId, ImageAddress, LoadBias, LocalRole, Position, RuntimeAddress, Site,
    SiteId, SiteTable, StatementId, StatementKind, StopNumber, TextPosition, TextRange, Type,
    TypeId,
};
use stackheap_source::{Binding, Outline};
use stackheap_trace::{BlobKind, FrameEntry, Limit, Recording};

use crate::captured::{CaptureSlot, Capturing};
use crate::error::InterpretError;
use crate::mentions;
use crate::ownership::{BodyIndex, CompilerTexts, FunctionOwnership};
use crate::reading::Values;
use crate::values::{Fits, TypeSource};

/// Facts of one kind about calls that are remembered, so that they are not looked up again.
const REMEMBERED: usize = 1 << 16;

/// Limits that are told one by one.
const LIMITS_TOLD: usize = 5;

/// The name of the blob with the executable.
pub const EXECUTABLE_BLOB: &str = "executable";

/// The name of the blob with the absolute paths of the site table's files, one a line.
pub const PATHS_BLOB: &str = "paths";

/// The kind of the blob with the paths.
pub const PATHS_KIND: BlobKind = BlobKind::Other(1);

/// The name of the header's fact with the level that the program was optimised at, as the compiler
/// is told it.
pub const OPT_LEVEL_FACT: &str = "opt-level";

/// A recording and the executable that travels in it.
pub struct Opened {
    recording: Recording,
    executable: Vec<u8>,
    compiler: CompilerTexts,
}

impl Opened {
    /// Takes the executable out of a recording.
    pub fn new(recording: Recording) -> Result<Self, InterpretError> {
        let executable = recording
            .blob(BlobKind::Image, EXECUTABLE_BLOB)?
            .ok_or(InterpretError::NoImage)?;
        Self::with_executable(recording, executable)
    }

    /// Takes a recording with the executable that is in it, for those who have both.
    pub fn with_executable(
        recording: Recording,
        executable: Vec<u8>,
    ) -> Result<Self, InterpretError> {
        let compiler = CompilerTexts::of(&recording)?;
        Ok(Self {
            recording,
            executable,
            compiler,
        })
    }

    /// The recording.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Everything that states are made of.
    pub fn program(&self) -> Result<Program<'_>, InterpretError> {
        Program::new(&self.recording, &self.executable, &self.compiler)
    }
}

/// A recording with its executable and sources.
pub struct Program<'r> {
    /// The recording.
    pub recording: &'r Recording,
    /// The executable.
    pub image: Image<'r>,
    /// The sites, statements, functions and sources.
    pub table: Arc<SiteTable>,
    pub(crate) fits: Arc<Fits>,
    pub(crate) values: Mutex<Values>,
    files: Vec<Arc<str>>,
    absolute: Vec<Arc<str>>,
    functions: FxHashMap<ImageAddress, Function>,
    facts: Vec<OnceLock<Arc<FunctionFacts>>>,
    outlines: Vec<OnceLock<Option<Outline>>>,
    /// The loops of each file: all locals of all states ask for them.
    loops: Vec<OnceLock<Vec<TextRange>>>,
    statics: OnceLock<Vec<StaticVariable>>,
    capturing: OnceLock<Capturing>,
    entry_places: Mutex<FxHashMap<(FrameId, u32), Option<RuntimeAddress>>>,
    sites_before: Mutex<FxHashMap<StopNumber, Option<SiteId>>>,
    sites_of_stops: Mutex<FxHashMap<StopNumber, Option<SiteId>>>,
    allocating_functions: Mutex<FxHashMap<ImageAddress, Option<Arc<str>>>>,
    places_behind_heads: Mutex<FxHashMap<FrameId, SiteId>>,
    /// The level that the program was built with, where the recording has it.
    opt_level: Option<String>,
    compiler: &'r CompilerTexts,
    bodies: BodyIndex<'r>,
    ownership: Vec<OnceLock<Option<FunctionOwnership<'r>>>>,
}

/// What is known of a function of user code.
pub(crate) struct FunctionFacts {
    pub variables: Vec<VariableFacts>,
    keeps_places: OnceLock<bool>,
}

impl FunctionFacts {
    fn new(variables: Vec<VariableFacts>) -> Arc<Self> {
        Arc::new(Self {
            variables,
            keeps_places: OnceLock::new(),
        })
    }
}

/// How far the statement of a site has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is about to run.
    Before,
    /// It waits for a call.
    Within,
}

/// What is known of a variable.
pub(crate) struct VariableFacts {
    pub variable: Variable,
    /// Which of its function's variables it is.
    pub index: usize,
    /// `x`, or `x#2`.
    pub name: Arc<str>,
    pub role: LocalRole,
    pub binding: Option<Binding>,
    pub declared: Option<Position>,
    /// The block in which it is declared, with its braces, as far as the source tells.
    pub block: Option<stackheap_model::TextRange>,
    /// Where the source names it in a way that may move its value.
    moving: OnceLock<Vec<TextPosition>>,
    /// Where the source names it by value.
    by_value: OnceLock<Vec<TextPosition>>,
}

impl<'r> Program<'r> {
    fn new(
        recording: &'r Recording,
        executable: &'r [u8],
        compiler: &'r CompilerTexts,
    ) -> Result<Self, InterpretError> {
        let image = Image::parse(executable)?;
        let table = recording.site_table();
        let files: Vec<Arc<str>> = table
            .files
            .iter()
            .map(|file| Arc::from(file.path.as_str()))
            .collect();
        let absolute: Vec<Arc<str>> = recording
            .blob(PATHS_KIND, PATHS_BLOB)?
            .map(|bytes| {
                String::from_utf8_lossy(&bytes)
                    .lines()
                    .map(Arc::from)
                    .collect()
            })
            .unwrap_or_default();
        let wanted: FxHashSet<&str> = absolute.iter().map(|path| &**path).collect();
        let (functions, _) = image.functions(&|path| wanted.contains(path));
        let functions = functions
            .into_iter()
            .map(|function| (function.low, function))
            .collect();
        let mut told = recording.header().facts.iter();
        let opt_level = told.find(|(name, _)| name == OPT_LEVEL_FACT);
        let opt_level = opt_level.map(|(_, level)| level.clone());
        Ok(Self {
            recording,
            image,
            fits: Arc::new(Fits::default()),
            values: Mutex::default(),
            files,
            absolute,
            functions,
            facts: std::iter::repeat_with(OnceLock::new)
                .take(table.functions.len())
                .collect(),
            outlines: std::iter::repeat_with(OnceLock::new)
                .take(table.files.len())
                .collect(),
            loops: std::iter::repeat_with(OnceLock::new)
                .take(table.files.len())
                .collect(),
            statics: OnceLock::new(),
            capturing: OnceLock::new(),
            entry_places: Mutex::default(),
            sites_before: Mutex::default(),
            sites_of_stops: Mutex::default(),
            allocating_functions: Mutex::default(),
            places_behind_heads: Mutex::default(),
            opt_level,
            compiler,
            bodies: BodyIndex::of(compiler),
            ownership: std::iter::repeat_with(OnceLock::new)
                .take(table.functions.len())
                .collect(),
            table,
        })
    }

    /// Where the compiler's bodies are.
    pub(crate) fn bodies(&self) -> &BodyIndex<'r> {
        &self.bodies
    }

    /// The text of a file, where it is in the recording.
    pub(crate) fn text_of(&self, file: FileId) -> Option<&str> {
        self.table.files.get(file.0 as usize)?.text.as_deref()
    }

    /// The absolute path of a file.
    pub(crate) fn absolute_path(&self, file: FileId) -> Option<&str> {
        self.absolute.get(file.0 as usize).map(|path| &**path)
    }

    /// What the compiler knows of the values of a function; `None` where it was not asked, or the
    /// function is not in what it said.
    pub(crate) fn ownership(&self, id: FunctionId) -> Option<&FunctionOwnership<'r>> {
        let is_optimised = self.opt_level.as_deref().is_some_and(|level| level != "0");
        // Optimised code does not go the ways that the compiler's text has.
        if is_optimised || self.bodies.is_empty() {
            return None;
        }
        self.ownership
            .get(id.0 as usize)?
            .get_or_init(|| FunctionOwnership::find(self, id))
            .as_ref()
    }

    /// The shown path of a file.
    pub fn file(&self, id: FileId) -> Arc<str> {
        self.files
            .get(id.0 as usize)
            .cloned()
            .unwrap_or_else(|| Arc::from("unknown file"))
    }

    /// Where a site is in the source.
    pub fn site_position(&self, site: SiteId) -> Option<Position> {
        let site = self.table.sites.get(site.0 as usize)?;
        let statement = self.table.statements.get(site.statement.0 as usize)?;
        Some(self.position(statement.file, site.position))
    }

    /// Where the thread stood at a stop.
    pub(crate) fn stop_position(&self, stop: StopNumber) -> Option<Position> {
        self.site_position(self.site_of_stop(stop)?)
    }

    /// Where the parameter of this number lay when its call began, as `find` tells; it is asked
    /// once.
    pub(crate) fn place_at_entry(
        &self,
        parameter: (FrameId, u32),
        find: impl FnOnce() -> Option<RuntimeAddress>,
    ) -> Option<RuntimeAddress> {
        let mut known = self.entry_places.lock().ok()?;
        if let Some(found) = known.get(&parameter) {
            return *found;
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let found = find();
        known.insert(parameter, found);
        found
    }

    /// The first place that a call passed behind its head, once it has.
    pub(crate) fn remembered_place(
        &self,
        frame: FrameId,
        find: impl FnOnce() -> Option<SiteId>,
    ) -> Option<SiteId> {
        let mut known = self.places_behind_heads.lock().ok()?;
        if let Some(found) = known.get(&frame) {
            return Some(*found);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let found = find()?;
        known.insert(frame, found);
        Some(found)
    }

    /// The function in which a call of the allocator stands that returns to this address, where it
    /// tells what the block is for: the innermost that is not part of `alloc` or `core`, which
    /// allocate for all others.
    pub(crate) fn allocating_function(&self, return_address: ImageAddress) -> Option<Arc<str>> {
        let mut known = self.allocating_functions.lock().ok()?;
        if let Some(found) = known.get(&return_address) {
            return found.clone();
        }
        let call = ImageAddress(return_address.0.checked_sub(1)?);
        let found = self.image.function_at(call).and_then(|function| {
            let inlined = self.image.inlined_at(&function, call);
            let names = inlined.into_iter().map(|call| call.name);
            names
                .chain([Arc::clone(&function.name)])
                .find(|name| !allocates_for_others(name))
        });
        known.insert(return_address, found.clone());
        found
    }

    /// The site of a stop. Blocks are asked for theirs in every state, and a recording decodes a
    /// whole part to tell it.
    fn site_of_stop(&self, stop: StopNumber) -> Option<SiteId> {
        let mut known = self.sites_of_stops.lock().ok()?;
        if let Some(found) = known.get(&stop) {
            return *found;
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let found = self.recording.site_of_stop(stop);
        known.insert(stop, found);
        found
    }

    /// Takes note of the site that the call of a stop passed before it, for
    /// [`Program::site_before`].
    pub(crate) fn note_site_before(&self, stop: StopNumber, site: SiteId) {
        let Ok(mut known) = self.sites_before.lock() else {
            return;
        };
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(stop, Some(site));
    }

    /// The site the same call passed before the one it is at; `None` at its first. Who goes from
    /// stop to stop has noted it; otherwise it takes a jump in the recording.
    pub(crate) fn site_before(&self, frame: &FrameEntry) -> Option<SiteId> {
        if frame.stop <= frame.entered_stop {
            return None;
        }
        let mut known = self.sites_before.lock().ok()?;
        if let Some(found) = known.get(&frame.stop) {
            return *found;
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let before = StopNumber(frame.stop.0.saturating_sub(1));
        let found = self.recording.cursor_at(before).ok().and_then(|cursor| {
            let threads = cursor.state().threads.iter();
            let mut frames = threads.flat_map(|thread| &thread.frames);
            Some(frames.find(|entry| entry.frame == frame.frame)?.site)
        });
        known.insert(frame.stop, found);
        found
    }

    /// The text of the statement that a site belongs to.
    pub(crate) fn statement_range(&self, site: SiteId) -> Option<TextRange> {
        let site = self.table.sites.get(site.0 as usize)?;
        let statement = self.table.statements.get(site.statement.0 as usize)?;
        Some(statement.range)
    }

    /// Whether a site belongs to the closing brace of a scope.
    pub(crate) fn is_scope_end(&self, site: SiteId) -> bool {
        let site = self.table.sites.get(site.0 as usize);
        let statement = site.and_then(|site| self.table.statements.get(site.statement.0 as usize));
        statement.is_some_and(|statement| statement.kind == StatementKind::ScopeEnd)
    }

    /// Where a statement starts in the source.
    pub fn statement_position(&self, statement: StatementId) -> Option<Position> {
        let statement = self.table.statements.get(statement.0 as usize)?;
        Some(self.position(statement.file, statement.range.start))
    }

    fn position(&self, file: FileId, at: TextPosition) -> Position {
        Position {
            file: self.file(file),
            line: at.line,
            column: at.column,
        }
    }

    /// The path of a function.
    pub fn function_name(&self, id: FunctionId) -> Arc<str> {
        self.table.functions.get(id.0 as usize).map_or_else(
            || Arc::from("unknown function"),
            |function| Arc::from(&*function.name),
        )
    }

    /// The limits that were reached while recording, a phrase each.
    pub fn limits_in_words(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let limits = self.recording.limits();
        for (_, limit) in limits.iter().take(LIMITS_TOLD) {
            words.push(self.limit_in_words(limit).to_string());
        }
        if limits.len() > LIMITS_TOLD {
            words.push(format!("and {} more limits", limits.len() - LIMITS_TOLD));
        }
        words.extend(self.compiler.missing().iter().cloned());
        if let Capturing::Unknown(why) = self.capturing() {
            words.push(format!(
                "what the tests print while the test harness captures it is not known: {why}"
            ));
        }
        words
    }

    /// A limit that was reached, in words.
    pub(crate) fn limit_in_words(&self, limit: &Limit) -> Arc<str> {
        let site = |site| {
            self.site_position(site).map_or_else(String::new, |at| {
                format!("{}:{}:{}", at.file, at.line, at.column)
            })
        };
        match limit {
            Limit::MaxStops(stops) => {
                format!("the bound of {stops} stops was reached; the program ran on unrecorded")
            }
            Limit::MaxBytes(bytes) => format!(
                "the bound of {bytes} bytes of recording was reached; the program ran on unrecorded"
            ),
            Limit::SiteThrottled { site: id, after } => {
                format!(
                    "passings 1 to {after} of {} are recorded, later ones are not",
                    site(*id)
                )
            }
            Limit::OutputCut { kept: 0, .. } => {
                "what the program writes is not kept: the recording has no values".to_owned()
            }
            Limit::OutputCut { kept, .. } => format!("only {kept} bytes of output are kept"),
            Limit::StackWindow { bytes, .. } => {
                format!("only the innermost {bytes} bytes of the stack are read at a stop")
            }
            Limit::HeapBudget { bytes } => format!("only {bytes} bytes of heap are read at a stop"),
            Limit::BufferFull { lost } => format!("{lost} records were lost: a buffer was full"),
            Limit::Memory { bytes } => format!("only {bytes} bytes of memory are kept"),
            Limit::Other(words) => words.clone(),
        }
        .into()
    }

    /// The outline of a file; `None` where its text is not in the recording.
    pub fn outline(&self, file: FileId) -> Option<&Outline> {
        let text = self.table.files.get(file.0 as usize)?.text.as_deref()?;
        self.outlines
            .get(file.0 as usize)?
            .get_or_init(|| Some(stackheap_source::outline(text).0))
            .as_ref()
    }

    fn capturing(&self) -> &Capturing {
        self.capturing.get_or_init(|| Capturing::of(&self.image))
    }

    /// Where the test harness keeps what tests print; `None` when the program has none, or it is
    /// not known.
    pub(crate) fn capture_slot(&self) -> Option<&CaptureSlot> {
        match self.capturing() {
            Capturing::At(slot) => Some(slot),
            Capturing::No | Capturing::Unknown(_) => None,
        }
    }

    /// The statics of user code.
    pub(crate) fn statics(&self) -> &[StaticVariable] {
        self.statics.get_or_init(|| {
            let wanted: FxHashSet<&str> = self.absolute.iter().map(|path| &**path).collect();
            let mut statics = self.image.statics(Some(&|path| wanted.contains(path)));
            statics.retain(|item| self.image.ty(item.ty).size.is_some_and(|size| size > 0));
            statics.sort_by_key(|item| match item.place {
                StaticPlace::Address(at) => (0, at.0 as i64),
                StaticPlace::ThreadLocal {
                    from_thread_pointer,
                    ..
                } => (1, from_thread_pointer),
            });
            statics
        })
    }

    /// How many bytes are captured of the user's static that an address lies in; `None` when there
    /// is none, or the address lies in what is captured.
    pub(crate) fn captured_of_static(&self, at: ImageAddress) -> Option<u64> {
        let address = |item: &StaticVariable| match item.place {
            StaticPlace::Address(start) => Some(start.0 as i64),
            StaticPlace::ThreadLocal { .. } => None,
        };
        let table = &self.table.statics;
        let table = table.iter().map(|&(start, bytes)| (start.0 as i64, bytes));
        self.captured_of(at.0 as i64, address, table)
    }

    /// The same for a thread-local, by its distance from the thread pointer.
    pub(crate) fn captured_of_thread_local(&self, at: i64) -> Option<u64> {
        let offset = |item: &StaticVariable| match item.place {
            StaticPlace::Address(_) => None,
            StaticPlace::ThreadLocal {
                from_thread_pointer,
                ..
            } => Some(from_thread_pointer),
        };
        self.captured_of(at, offset, self.table.thread_locals.iter().copied())
    }

    /// The same for what starts at the place that `start_of` gives, if any.
    fn captured_of(
        &self,
        at: i64,
        start_of: impl Fn(&StaticVariable) -> Option<i64>,
        mut table: impl Iterator<Item = (i64, u64)>,
    ) -> Option<u64> {
        let start = self.statics().iter().find_map(|item| {
            let start = start_of(item)?;
            let size = self.image.ty(item.ty).size?;
            let inside = at.checked_sub(start)?;
            (u64::try_from(inside).ok()? < size).then_some(start)
        })?;
        let captured = table.find(|&(other, _)| other == start);
        let captured = captured.map_or(0, |(_, bytes)| bytes);
        (at.abs_diff(start) >= captured).then_some(captured)
    }

    /// How many bytes are captured of all statics and of the thread-locals of a thread together.
    pub(crate) fn captured_of_all_statics(&self) -> u64 {
        let statics = self.table.statics.iter().map(|&(_, bytes)| bytes);
        let thread_locals = self.table.thread_locals.iter().map(|&(_, bytes)| bytes);
        statics.chain(thread_locals).fold(0, u64::saturating_add)
    }

    pub(crate) fn function_facts(&self, id: FunctionId) -> Arc<FunctionFacts> {
        match self.facts.get(id.0 as usize) {
            Some(cell) => {
                Arc::clone(cell.get_or_init(|| FunctionFacts::new(self.read_function(id))))
            }
            None => FunctionFacts::new(Vec::new()),
        }
    }

    /// Whether variables of a function keep their places also where their scopes are not open, as
    /// they do in code that is not optimised.
    pub(crate) fn keeps_places(&self, function: &FunctionFacts) -> bool {
        let level = &self.opt_level;
        let is_kept = |facts: &VariableFacts| {
            facts.variable.has_one_place() || self.image.ty(facts.variable.ty).size == Some(0)
        };
        match level.as_deref() {
            Some(level) => level == "0",
            // An executable that was built elsewhere tells by what its compiler left out.
            None => *function.keeps_places.get_or_init(|| {
                let variables = function.variables.iter();
                // What a parameter came in with is not kept by any code.
                variables
                    .filter(|facts| facts.role != LocalRole::Parameter)
                    .all(is_kept)
            }),
        }
    }

    fn read_function(&self, id: FunctionId) -> Vec<VariableFacts> {
        let function = self
            .table
            .functions
            .get(id.0 as usize)
            .and_then(|planned| self.functions.get(&planned.low))
            .cloned();
        let Some(function) = function else {
            return Vec::new();
        };
        let coroutine = function.name.contains("{async_");
        let mut variables: Vec<VariableFacts> = Vec::new();
        let mut taken: FxHashMap<(Arc<str>, u32), usize> = FxHashMap::default();
        for variable in self.image.variables(&function) {
            let facts = self.variable_facts(variable, coroutine, &mut taken);
            variables.extend(facts);
        }
        for (index, facts) in variables.iter_mut().enumerate() {
            facts.index = index;
        }
        number_names(&mut variables);
        variables
    }

    fn variable_facts(
        &self,
        variable: Variable,
        coroutine: bool,
        taken: &mut FxHashMap<(Arc<str>, u32), usize>,
    ) -> Option<VariableFacts> {
        if variable.name.is_empty() {
            return None;
        }
        let file = variable
            .declared
            .as_ref()
            .and_then(|declared| self.file_of(&declared.file));
        let line = variable
            .declared
            .as_ref()
            .map_or(0, |declared| declared.line);
        let outline = file.and_then(|file| self.outline(file));
        let same: Vec<&Binding> = outline
            .map(|outline| {
                let bindings = outline.bindings.iter();
                bindings
                    .filter(|b| b.at.line == line && b.name == *variable.name)
                    .collect()
            })
            .unwrap_or_default();
        let count = taken.entry((Arc::clone(&variable.name), line)).or_insert(0);
        // A coroutine has every variable several times: as a field, and as the local it is bound to.
        let index = if coroutine { 0 } else { *count };
        *count += 1;
        let binding = same
            .get(index.min(same.len().saturating_sub(1)))
            .copied()
            .cloned();
        let is_capture = variable.role == LocalRole::Capture;
        let role = match variable.role {
            LocalRole::Hidden => LocalRole::Hidden,
            role if binding.is_some() || is_capture => role,
            // Not written where it is declared: made by a macro or by the compiler.
            _ if outline.is_some() => LocalRole::Hidden,
            role => role,
        };
        let declared = file.map(|file| {
            let column = binding.as_ref().map_or(1, |binding| binding.at.column);
            self.position(file, TextPosition { line, column })
        });
        let block = binding.as_ref().and_then(|binding| {
            let outline = outline?;
            let index = outline.statement_at(binding.at)?;
            outline
                .statements
                .get(index)
                .map(|statement| statement.block)
        });
        let name = Arc::clone(&variable.name);
        Some(VariableFacts {
            variable,
            index: 0,
            name,
            role,
            binding,
            declared,
            block,
            moving: OnceLock::new(),
            by_value: OnceLock::new(),
        })
    }

    /// Whether the source shows that nothing can have moved a variable's value on before `site`.
    pub(crate) fn is_untouched(
        &self,
        facts: &VariableFacts,
        site: &Site,
        progress: Progress,
    ) -> bool {
        let Some(binding) = &facts.binding else {
            return false;
        };
        self.so_far(site, progress).is_some_and(|so_far| {
            let moving = facts
                .moving
                .get_or_init(|| mentions::may_move(so_far.text, binding));
            mentions::none_moves(moving, so_far.loops, binding, so_far.here)
        })
    }

    /// The source of a site, and up to where its code has run.
    fn so_far(&self, site: &Site, progress: Progress) -> Option<SoFar<'_>> {
        let statement = self.table.statements.get(site.statement.0 as usize)?;
        let outline = self.outline(statement.file)?;
        let text = self
            .table
            .files
            .get(statement.file.0 as usize)?
            .text
            .as_deref()?;
        let here = match progress {
            Progress::Before => statement.range.start,
            Progress::Within => statement.range.end,
        };
        let loops = self
            .loops
            .get(statement.file.0 as usize)?
            .get_or_init(|| mentions::loops(text, outline));
        Some(SoFar {
            text,
            outline,
            loops,
            here,
        })
    }

    /// The line at which a variable was perhaps handed on as a whole before `site`, or in the
    /// statement of the site when that is in progress.
    pub(crate) fn named_by_value(
        &self,
        facts: &VariableFacts,
        site: &Site,
        progress: Progress,
    ) -> Option<u32> {
        // A capture's binding is the one outside the closure.
        let binding = facts
            .binding
            .as_ref()
            .filter(|_| facts.role != LocalRole::Capture)?;
        let so_far = self.so_far(site, progress)?;
        let places = facts
            .by_value
            .get_or_init(|| mentions::by_value(so_far.text, so_far.outline, binding));
        mentions::handed_on(places, so_far.loops, binding, so_far.here)
    }

    fn file_of(&self, absolute: &str) -> Option<FileId> {
        let index = self.absolute.iter().position(|path| **path == *absolute)?;
        Some(FileId(index as u32))
    }
}

/// A source, and up to where its code has run.
struct SoFar<'p> {
    text: &'p str,
    outline: &'p Outline,
    loops: &'p [TextRange],
    here: TextPosition,
}

/// Tells locals of one name apart: `x#1`, `x#2` in the order of the source.
fn number_names(variables: &mut [VariableFacts]) {
    let mut places: FxHashMap<Arc<str>, Vec<(u32, u32)>> = FxHashMap::default();
    let place = |facts: &VariableFacts| {
        facts.binding.as_ref().map_or(
            (
                facts
                    .variable
                    .declared
                    .as_ref()
                    .map_or(0, |declared| declared.line),
                0,
            ),
            |binding| (binding.at.line, binding.at.column),
        )
    };
    for facts in variables
        .iter()
        .filter(|facts| facts.role != LocalRole::Hidden)
    {
        let all = places.entry(Arc::clone(&facts.name)).or_default();
        let here = place(facts);
        if !all.contains(&here) {
            all.push(here);
        }
    }
    for all in places.values_mut() {
        all.sort_unstable();
    }
    for facts in variables
        .iter_mut()
        .filter(|facts| facts.role != LocalRole::Hidden)
    {
        let here = place(facts);
        let Some(all) = places.get(&facts.variable.name) else {
            continue;
        };
        if all.len() > 1 {
            let index = all.iter().position(|&at| at == here).unwrap_or(0);
            facts.name = Arc::from(format!("{}#{}", facts.variable.name, index + 1));
        }
    }
}

/// The types of the image, for decoding at a certain load address.
pub(crate) struct ImageTypes<'p, 'r> {
    pub image: &'p Image<'r>,
    pub bias: LoadBias,
}

impl TypeSource for ImageTypes<'_, '_> {
    fn ty(&self, id: TypeId) -> Arc<Type> {
        self.image.ty(id)
    }

    fn vtable_at(&self, at: RuntimeAddress) -> Option<(TypeId, Arc<str>)> {
        let vtable = self.image.vtable_at(self.bias.to_image(at))?;
        Some((vtable.concrete, vtable.name))
    }

    fn symbol_at(&self, at: RuntimeAddress) -> Option<Arc<str>> {
        let at = self.bias.to_image(at);
        self.image
            .function_name_at(at)
            .or_else(|| self.image.symbol_at(at).map(|symbol| symbol.name))
    }

    fn type_named(&self, name: &str) -> Option<TypeId> {
        self.image.type_named(name)
    }
}

/// Whether a function is of the libraries that hold collections and smart pointers, or of an
/// allocator: it says nothing of whom it allocates for.
fn allocates_for_others(path: &str) -> bool {
    let path = path.trim_start_matches(['<', '&', '*', '[']);
    ["alloc::", "core::", "__rustc", "hashbrown::"]
        .iter()
        .any(|library| path.starts_with(library))
}
