//! From an image and its sources to the places where a recording looks.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

use iced_x86::{Decoder, DecoderOptions, FlowControl};
use rustc_hash::FxHashMap;
use stackheap_image::{Function, Image, LineRow, Location, LocationContext, StaticPlace, Variable};
use stackheap_model::{
    CfaRule, FileId, FunctionId, ImageAddress, LoadBias, PlannedFunction, Register, RegisterSet,
    RuntimeAddress, Site, SiteRole, SiteTable, SourceFile, Statement, StatementId, StatementKind,
    TextPosition, TextRange,
};
use stackheap_source::Outline;

use crate::hoisted::{hoisted, straight_until};

/// How many bytes are read of one static, from its start.
const STATIC_BYTES: u64 = 64 << 10;

/// How many are read of all statics and of the thread-locals of one thread together.
const ALL_STATICS_BYTES: u64 = 256 << 10;

/// Which part of the user's code is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Functions declared in a file that is named so, or lies in a directory that is.
    File(String),
    /// Functions whose path contains this.
    Function(String),
}

impl Scope {
    /// What the user wrote behind `--only`: a path if it looks like one, else a function.
    pub fn parse(text: &str) -> Self {
        if text.ends_with(".rs") || text.contains('/') {
            Self::File(text.to_owned())
        } else {
            Self::Function(text.to_owned())
        }
    }

    fn covers(&self, function: &str, file: &SourceFile) -> bool {
        match self {
            Self::File(path) => file.is_named(path) || file.is_within(path),
            Self::Function(part) => function.contains(part.as_str()),
        }
    }
}

/// What a plan is made of.
pub struct PlanRequest<'a, 'd> {
    /// The executable.
    pub image: &'a Image<'d>,
    /// Whether a file (absolute path) is user code.
    pub is_user: &'a dyn Fn(&str) -> bool,
    /// The text of a file (absolute path); `None` where it cannot be read.
    pub read_source: &'a dyn Fn(&str) -> Option<String>,
    /// How a path is shown to the reader.
    pub shown_path: &'a dyn Fn(&str) -> String,
    /// What to record; everything when empty.
    pub only: &'a [Scope],
}

/// Something that was left out of a plan, in words.
pub type Problem = String;

/// Where a recording looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The places.
    pub table: SiteTable,
    /// The absolute path of each file of the table, as the compiler saw it.
    pub absolute_files: Vec<String>,
    /// What was left out.
    pub problems: Vec<Problem>,
}

/// Makes the plan for a program.
pub fn plan(request: &PlanRequest<'_, '_>) -> Plan {
    let (functions, problems) = request.image.functions(request.is_user);
    let mut planner = Planner {
        request,
        table: SiteTable::default(),
        problems: problems.iter().map(ToString::to_string).collect(),
        files: FxHashMap::default(),
        outlines: Vec::new(),
        statements: FxHashMap::default(),
    };
    for function in &functions {
        planner.add_function(function);
    }
    planner.table.sites.sort_by_key(|site| site.address);
    planner.table.sites.dedup_by_key(|site| site.address);
    planner.add_statics();
    let mut absolute_files = vec![String::new(); planner.table.files.len()];
    for (path, id) in &planner.files {
        if let Some(slot) = absolute_files.get_mut(id.0 as usize) {
            path.as_ref().clone_into(slot);
        }
    }
    Plan {
        table: planner.table,
        absolute_files,
        problems: planner.problems,
    }
}

struct Planner<'a, 'd> {
    request: &'a PlanRequest<'a, 'd>,
    table: SiteTable,
    problems: Vec<Problem>,
    files: FxHashMap<Arc<str>, FileId>,
    outlines: Vec<Option<Outline>>,
    statements: FxHashMap<(FileId, TextRange), StatementId>,
}

impl Planner<'_, '_> {
    fn file(&mut self, path: &Arc<str>) -> FileId {
        if let Some(&id) = self.files.get(path) {
            return id;
        }
        let id = FileId(self.table.files.len() as u32);
        let text = (self.request.read_source)(path);
        let shown = (self.request.shown_path)(path);
        self.outlines.push(text.as_deref().map(|text| {
            let (outline, problems) = stackheap_source::outline(text);
            self.problems
                .extend(problems.iter().map(|problem| format!("{shown}: {problem}")));
            outline
        }));
        self.table.files.push(SourceFile { path: shown, text });
        self.files.insert(Arc::clone(path), id);
        id
    }

    fn add_function(&mut self, function: &Function) {
        let Some(declared) = &function.declared else {
            return;
        };
        let file = self.file(&declared.file);
        let only = self.request.only;
        let shown = &self.table.files[file.0 as usize];
        if !only.is_empty() && !only.iter().any(|scope| scope.covers(&function.name, shown)) {
            return;
        }
        if self.is_derived(file, declared.line) {
            return;
        }
        let id = FunctionId(self.table.functions.len() as u32);
        let variables = self.request.image.variables(function);
        let mut below_stack_pointer = 0;
        let before = self.table.sites.len();
        let mut rows = self.rows(function);
        let body = self.body_of(file, &rows);
        self.drop_hoisted(function, file, body, &mut rows);
        for row in rows {
            let Some(cfa) = self.request.image.cfa(row.address) else {
                self.problems.push(format!(
                    "{}: no rule for the frame at {}; this place is not recorded",
                    function.name, row.address
                ));
                continue;
            };
            let file = self.file(&row.file);
            let statement = self.statement(file, body, row.position);
            let needs = needs_at(self.request.image, &variables, row.address, cfa);
            below_stack_pointer = below_stack_pointer.max(needs.below_stack_pointer);
            self.table.sites.push(Site {
                address: row.address,
                function: id,
                statement,
                position: row.position,
                role: row.role,
                cfa,
                registers: needs.registers,
            });
        }
        if self.table.sites.len() == before {
            return;
        }
        let position = TextPosition {
            line: declared.line,
            column: declared.column.unwrap_or(1),
        };
        self.table.functions.push(PlannedFunction {
            name: function.name.to_string(),
            file,
            position,
            low: function.low,
            high: function.high,
            below_stack_pointer,
        });
    }

    /// Code that a `derive` made has the line of the attribute.
    fn is_derived(&self, file: FileId, line: u32) -> bool {
        let text = self
            .table
            .files
            .get(file.0 as usize)
            .and_then(|file| file.text.as_deref());
        let Some(line) = text.and_then(|text| text.lines().nth(line as usize - 1)) else {
            return false;
        };
        let line = line.trim_start();
        line.starts_with("#[") && line.contains("derive") && !line.contains("fn ")
    }

    /// The places of a function: one for each change of line or column in user code.
    fn rows(&mut self, function: &Function) -> Vec<Row> {
        let rows = self.request.image.lines(function);
        let pads = self.request.image.landing_pads(function);
        let entry = rows
            .iter()
            .find(|row| row.prologue_end && row.line != 0)
            .map(|row| row.address);
        let flow = flow_of(self.request.image, function);
        let mut places: Vec<Row> = Vec::new();
        let mut last = None;
        // Where code without a place of the user's begins, before the row at hand.
        let mut gap = None;
        for row in rows {
            let place = (row.line != 0)
                .then(|| self.in_user_code(function, &row))
                .flatten();
            let Some((file, position)) = place else {
                gap.get_or_insert(row.address);
                continue;
            };
            let is_own = file == row.file;
            // A loop comes back into the gap, and so to this row without the one before it. In code
            // put in place of a call the loop is the callee's, and the call goes on.
            let from = gap.take().unwrap_or(row.address);
            if is_own && flow.targets.range(from..=row.address).next().is_some() {
                last = None;
            }
            let here = (Arc::clone(&file), position);
            let is_entry = Some(row.address) == entry;
            let marked = row.is_stmt && is_own;
            let changed = last.as_ref() != Some(&here);
            let starts = marked || is_entry || row.epilogue_begin || changed;
            last = Some(here);
            // At the function's first instruction the variables are not in their places yet.
            if !starts || (row.address == function.low && !is_entry) {
                continue;
            }
            let role = if is_entry {
                SiteRole::Entry
            } else if pads.contains(&row.address) {
                SiteRole::Cleanup
            } else if row.epilogue_begin || flow.returns.contains(&row.address) {
                // A function without a frame has no epilogue but the return itself.
                SiteRole::Return
            } else {
                SiteRole::Body
            };
            // Of several rows at one address the last one holds.
            if places
                .last()
                .is_some_and(|place| place.address == row.address)
            {
                let former = places.pop();
                let role = match former.map(|place| place.role) {
                    Some(SiteRole::Entry) => SiteRole::Entry,
                    _ => role,
                };
                places.push(Row {
                    address: row.address,
                    file,
                    position,
                    role,
                });
                continue;
            }
            places.push(Row {
                address: row.address,
                file,
                position,
                role,
            });
        }
        places
    }

    /// Leaves out the rows at the function's beginning that say nothing of what runs there.
    fn drop_hoisted(
        &self,
        function: &Function,
        file: FileId,
        body: Option<usize>,
        rows: &mut Vec<Row>,
    ) {
        let Some(entry) = rows.iter().position(|row| row.role == SiteRole::Entry) else {
            return;
        };
        let from = rows[entry].address;
        let until = straight_until(self.request.image, from, function.high);
        let outline = self.outlines.get(file.0 as usize).and_then(Option::as_ref);
        let (Some(outline), Some(body)) = (outline, body) else {
            return;
        };
        let own = outline.functions.get(body).map(|function| function.range);
        let start = |row: &Row| {
            let is_own = self.files.get(&row.file) == Some(&file)
                && own.is_some_and(|range| range.contains(row.position));
            let index = outline
                .statement_in(body, row.position)
                .filter(|_| is_own)?;
            Some(outline.statements.get(index)?.range.start)
        };
        let straight = rows.iter().skip(entry);
        let starts: Vec<Option<TextPosition>> = straight
            .take_while(|row| row.address <= until)
            .map(start)
            .collect();
        let mut dropped = hoisted(&starts).into_iter();
        let mut index = 0;
        rows.retain(|_| {
            index += 1;
            index <= entry || !dropped.next().unwrap_or(false)
        });
        if let Some(row) = rows.get_mut(entry) {
            row.role = SiteRole::Entry;
        }
    }

    /// Where a row is in user code: code of others that was put in place of a call counts as the
    /// call.
    fn in_user_code(&self, function: &Function, row: &LineRow) -> Option<(Arc<str>, TextPosition)> {
        let is_user = self.request.is_user;
        if is_user(&row.file) {
            let position = TextPosition {
                line: row.line,
                column: row.column.max(1),
            };
            return Some((Arc::clone(&row.file), position));
        }
        let calls = self.request.image.inlined_at(function, row.address);
        let call = calls
            .iter()
            .filter_map(|call| call.call.as_ref())
            .find(|call| is_user(&call.file))?;
        let position = TextPosition {
            line: call.line,
            column: call.column.unwrap_or(1),
        };
        Some((Arc::clone(&call.file), position))
    }

    /// The function or closure of a file that these rows are from.
    fn body_of(&mut self, file: FileId, rows: &[Row]) -> Option<usize> {
        let outline = self.outlines.get(file.0 as usize)?.as_ref()?;
        let path = self
            .files
            .iter()
            .find(|(_, id)| **id == file)
            .map(|(path, _)| path)?;
        outline.function_of(
            rows.iter()
                .filter(|row| row.file == *path)
                .map(|row| row.position),
        )
    }

    fn statement(
        &mut self,
        file: FileId,
        body: Option<usize>,
        position: TextPosition,
    ) -> StatementId {
        let outlined = self
            .outlines
            .get(file.0 as usize)
            .and_then(Option::as_ref)
            .and_then(|outline| {
                let index = match body {
                    Some(body) => outline.statement_in(body, position),
                    None => outline.statement_at(position),
                };
                outline.statements.get(index?)
            });
        let (range, kind) = match outlined {
            Some(statement) => (statement.range, statement.kind),
            None => (whole_line(position), StatementKind::Line),
        };
        let table = &mut self.table;
        *self.statements.entry((file, range)).or_insert_with(|| {
            let id = StatementId(table.statements.len() as u32);
            table.statements.push(Statement { file, range, kind });
            id
        })
    }

    fn add_statics(&mut self) {
        let image = self.request.image;
        for variable in image.statics(Some(self.request.is_user)) {
            let size = image.ty(variable.ty).size.unwrap_or(0);
            if size == 0 {
                continue;
            }
            match variable.place {
                StaticPlace::Address(address) if variable.writable => {
                    self.table.statics.push((address, size));
                }
                StaticPlace::Address(_) => {}
                StaticPlace::ThreadLocal {
                    from_thread_pointer,
                    ..
                } => {
                    self.table.thread_locals.push((from_thread_pointer, size));
                }
            }
        }
        // Where the prints of a test go; what is reached from it is captured with it.
        if let Some(capture) = image.output_capture() {
            let place = (capture.from_thread_pointer, capture.size);
            self.table.thread_locals.push(place);
        }
        self.table.statics.sort_unstable();
        self.table.statics.dedup();
        self.table.thread_locals.sort_unstable();
        self.table.thread_locals.dedup();
        bound(&mut self.table.statics, &mut self.table.thread_locals);
    }
}

/// Cuts what is read at every stop to its bounds; what has no room is not read at all. The small
/// ones come first: a table that is large must not take the room of all the flags beside it.
fn bound<A, B>(statics: &mut Vec<(A, u64)>, thread_locals: &mut Vec<(B, u64)>) {
    let of_statics = statics.iter_mut().map(|(_, bytes)| bytes);
    let of_threads = thread_locals.iter_mut().map(|(_, bytes)| bytes);
    let mut all: Vec<&mut u64> = of_statics.chain(of_threads).collect();
    all.sort_by_key(|bytes| **bytes);
    let mut left = ALL_STATICS_BYTES;
    for bytes in all {
        *bytes = (*bytes).min(STATIC_BYTES).min(left);
        left -= *bytes;
    }
    statics.retain(|&(_, bytes)| bytes > 0);
    thread_locals.retain(|&(_, bytes)| bytes > 0);
}

#[derive(Clone, Debug)]
struct Row {
    address: ImageAddress,
    file: Arc<str>,
    position: TextPosition,
    role: SiteRole,
}

fn whole_line(position: TextPosition) -> TextRange {
    TextRange {
        start: TextPosition {
            line: position.line,
            column: 1,
        },
        end: TextPosition {
            line: position.line + 1,
            column: 1,
        },
    }
}

/// What must be captured at a site so that the variables can be found later.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    registers: RegisterSet,
    below_stack_pointer: u32,
}

/// What the instructions of a function do with the flow of control.
#[derive(Debug, Default)]
struct Flow {
    /// Where its direct jumps lead.
    targets: BTreeSet<ImageAddress>,
    /// Where it returns.
    returns: BTreeSet<ImageAddress>,
}

fn flow_of(image: &Image<'_>, function: &Function) -> Flow {
    let mut flow = Flow::default();
    for range in &function.ranges {
        let length = usize::try_from(range.end.0.saturating_sub(range.start.0)).unwrap_or(0);
        let Some(code) = image.read_static(range.start, length, LoadBias(0)) else {
            continue;
        };
        let decoder = Decoder::with_ip(64, &code, range.start.0, DecoderOptions::NONE);
        for instruction in decoder {
            match instruction.flow_control() {
                FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                    let target = ImageAddress(instruction.near_branch_target());
                    flow.targets.insert(target);
                }
                FlowControl::Return => {
                    flow.returns.insert(ImageAddress(instruction.ip()));
                }
                _ => {}
            }
        }
    }
    flow
}

/// Finds the needs by looking the variables up in a frame that notes what is asked of it.
fn needs_at(image: &Image<'_>, variables: &[Variable], at: ImageAddress, cfa: CfaRule) -> Needs {
    let probe = Probe {
        cfa,
        asked: Cell::new(RegisterSet::default()),
        lowest: RefCell::new(None),
    };
    for variable in variables.iter().filter(|variable| variable.in_scope(at)) {
        if let Ok(location) = image.locate(variable, at, &probe) {
            probe.note(&location);
        }
    }
    let below = probe
        .lowest
        .borrow()
        .map_or(0, |lowest| STACK_POINTER.saturating_sub(lowest));
    let asked = probe.asked.get();
    Needs {
        registers: RegisterSet(asked.0 & !RegisterSet::CALLEE_SAVED.0),
        below_stack_pointer: if below > 128 { 0 } else { below as u32 },
    }
}

/// The stack pointer that a probed frame claims to have.
const STACK_POINTER: u64 = 0x7000_0000_0000;

struct Probe {
    cfa: CfaRule,
    asked: Cell<RegisterSet>,
    lowest: RefCell<Option<u64>>,
}

impl Probe {
    fn note(&self, location: &Location) {
        match location {
            Location::Memory(address) => self.note_memory(*address),
            Location::Register(register) => self.asked.set(self.asked.get().with(*register)),
            Location::Pieces(pieces) => {
                for (piece, _) in pieces {
                    if let Location::Register(register) = piece {
                        self.asked.set(self.asked.get().with(*register));
                    }
                }
            }
            _ => {}
        }
    }

    fn note_memory(&self, address: RuntimeAddress) {
        let mut lowest = self.lowest.borrow_mut();
        if address.0.abs_diff(STACK_POINTER) <= 128 {
            *lowest = Some(lowest.map_or(address.0, |lowest| lowest.min(address.0)));
        }
    }
}

impl LocationContext for Probe {
    fn register(&self, register: Register) -> Option<u64> {
        self.asked.set(self.asked.get().with(register));
        Some(match (register, self.cfa) {
            (Register::RSP, _) => STACK_POINTER,
            (Register::RBP, CfaRule::FramePointer(_)) => STACK_POINTER + 0x10_0000,
            _ => 0x1000,
        })
    }

    fn cfa(&self) -> Option<RuntimeAddress> {
        Some(RuntimeAddress(match self.cfa {
            CfaRule::StackPointer(offset) => STACK_POINTER.wrapping_add_signed(offset.into()),
            CfaRule::FramePointer(offset) => {
                (STACK_POINTER + 0x10_0000).wrapping_add_signed(offset.into())
            }
        }))
    }

    // What a closure captured lies behind the pointer to its environment, which lies here.
    fn read(&self, at: RuntimeAddress, len: usize) -> Option<Vec<u8>> {
        self.note_memory(at);
        Some(vec![0; len])
    }

    fn bias(&self) -> LoadBias {
        LoadBias(0)
    }

    fn thread_pointer(&self) -> Option<u64> {
        Some(0x6000_0000_0000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_what_the_user_named() {
        let covers = |written: &str, path: &str| {
            let path = path.to_owned();
            Scope::parse(written).covers("app::main", &SourceFile { path, text: None })
        };
        for meant in ["main.rs", "./src/main.rs", "src/", "bin/src", "app::main"] {
            assert!(covers(meant, "bin/src/main.rs"), "{meant}");
        }
        for (written, other) in [
            ("main.rs", "src/domain.rs"),
            ("main.rs", "d_main.rs"),
            ("src/", "mysrc/main.rs"),
            ("src/main.rs", "other_src/main.rs"),
            ("src/net/", "src/network/main.rs"),
        ] {
            assert!(!covers(written, other), "{written}");
        }
    }

    #[test]
    fn large_statics_leave_room_for_small_ones() {
        let mut statics = vec![(0, 80 << 20), (1, 8), (2, 60 << 10), (3, 60 << 10)];
        statics.extend([(4, 1 << 20), (5, 1 << 20)]);
        let mut thread_locals = vec![(-64, 64)];
        bound(&mut statics, &mut thread_locals);
        let expected = [
            (0, (8 << 10) - 72),
            (1, 8),
            (2, 60 << 10),
            (3, 60 << 10),
            (4, 64 << 10),
            (5, 64 << 10),
        ];
        assert_eq!(statics, expected);
        assert_eq!(thread_locals, [(-64, 64)]);
    }
}
