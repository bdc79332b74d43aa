//! Frames and their locals at one stop.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use stackheap_image::{FrameAddress, Location, LocationContext, UnwindRegisters, UnwindStep};
use stackheap_model::{
    At, Cell, CellKind, Frame, FrameBytes, FrameBytesKind, FrameId, ImageAddress, LoadBias, Local,
    LocalLoan, LocalRole, LocalState, Place, Region, Register, RuntimeAddress, Site, StatementKind,
    TextPosition, TypeId, Unknown, Value, ValueKind,
};
use stackheap_trace::{FrameEntry, ThreadState};

use crate::endings;
use crate::moment::Moment;
use crate::ownership::{CallWays, Handed, Held, moment_of, parts};
use crate::program::{FunctionFacts, Program, Progress, VariableFacts};
use crate::reading::{Reading, Shown};
use crate::resumed;
use crate::values::{Memory, Pointer};

/// Frames outside user code that are looked for on one stack.
const UNWOUND_FRAMES: usize = 4096;

/// Why a variable is not looked for where its scope is not open.
const BEYOND_SCOPE: &str =
    "the code is optimised, and its place may be used for something else here";

/// A frame with what the heap is built from.
pub(crate) struct BuiltFrame {
    pub frame: Frame,
    /// For each local of the frame: the pointers in it, and what its state may be concluded from.
    pub locals: Vec<BuiltLocal>,
}

/// What a local brings along.
pub(crate) struct BuiltLocal {
    pub pointers: Arc<[Pointer]>,
    /// Whether its binding can be assigned again or borrowed mutably.
    pub mutable: bool,
    /// Whether nothing that has run since it was bound can have moved its value on, because its
    /// name does not occur there but in borrows.
    pub untouched: bool,
    /// The line at which it was perhaps handed on as a whole.
    pub named_by_value: Option<u32>,
    /// Where its value is on its way to, if it was moved: `pointers` are those of the value then.
    pub handed: Option<Handed>,
    /// Whether its destructor runs.
    pub is_dropping: bool,
    /// Whether its state is what the compiler says.
    pub is_certain: bool,
}

/// Builds frames of one moment.
pub(crate) struct FrameBuilder<'m, 'r> {
    pub program: &'m Program<'r>,
    pub moment: &'m Moment<'m, 'r>,
    pub reading: &'m Reading<'m, 'r>,
    /// Where each call stands in the compiler's text.
    pub ways: &'m CallWays,
}

/// The registers and memory of one frame.
struct FrameContext<'m, 'r> {
    moment: &'m Moment<'m, 'r>,
    entry: &'m FrameEntry,
    thread: &'m ThreadState,
}

impl LocationContext for FrameContext<'_, '_> {
    fn register(&self, register: Register) -> Option<u64> {
        self.entry.registers.get(register)
    }

    fn cfa(&self) -> Option<RuntimeAddress> {
        Some(self.entry.cfa)
    }

    fn read(&self, at: RuntimeAddress, len: usize) -> Option<Vec<u8>> {
        self.moment.read(at, len).ok()
    }

    fn bias(&self) -> LoadBias {
        self.moment.bias
    }

    fn thread_pointer(&self) -> Option<u64> {
        (self.thread.thread_pointer.0 != 0).then_some(self.thread.thread_pointer.0)
    }
}

impl<'m, 'r> FrameBuilder<'m, 'r> {
    /// The frames of a thread, innermost first: those of user code, and between and above them
    /// those of the standard library and of dependencies, as far as the stack can be unwound.
    pub(crate) fn frames(&self, thread: &'m ThreadState) -> Vec<BuiltFrame> {
        let mut user = self.user_frames(thread);
        let others = self.other_frames(thread);
        let mut all = Vec::with_capacity(user.len() + others.len());
        let mut others = others.into_iter().peekable();
        // Both go outwards; frames further out have higher addresses.
        while let Some(next) = user.pop() {
            while let Some(other) = others.next_if(|other| other.high < next.frame.high) {
                all.push(BuiltFrame {
                    frame: other,
                    locals: Vec::new(),
                });
            }
            all.push(next);
        }
        all.extend(others.map(|frame| BuiltFrame {
            frame,
            locals: Vec::new(),
        }));
        all
    }

    /// The frames of user code of a thread, outermost first.
    pub(crate) fn user_frames(&self, thread: &'m ThreadState) -> Vec<BuiltFrame> {
        let entries = thread.frames.iter();
        entries.map(|entry| self.frame(thread, entry)).collect()
    }

    fn other_frames(&self, thread: &ThreadState) -> Vec<Frame> {
        let Some(top) = thread.top() else {
            return Vec::new();
        };
        let Some(site) = self.program.table.sites.get(top.site.0 as usize) else {
            return Vec::new();
        };
        let mut registers = self.registers_at(top, site);
        let users: FxHashSet<RuntimeAddress> =
            thread.frames.iter().map(|entry| entry.cfa).collect();
        let mut frames = Vec::new();
        for _ in 0..UNWOUND_FRAMES {
            let Some(step) = self.unwind(&registers) else {
                break;
            };
            let low = registers
                .get(Register::RSP)
                .map_or(step.cfa, RuntimeAddress);
            if step.cfa <= low {
                break;
            }
            if !users.contains(&step.cfa) {
                frames.push(self.other_frame(low, step.cfa, registers.at));
            }
            registers = step.registers;
        }
        frames
    }

    fn other_frame(&self, low: RuntimeAddress, high: RuntimeAddress, at: FrameAddress) -> Frame {
        let here = self.moment.bias.to_image(at.lookup());
        let function = self
            .program
            .image
            .function_name_at(here)
            .unwrap_or_else(|| Arc::from("a function of another library"));
        Frame {
            // Calls outside user code are not numbered: their place on the stack tells them apart.
            id: FrameId(1 << 48 | high.0),
            function: Arc::clone(&function),
            at: At {
                position: None,
                function,
            },
            low,
            high,
            user: false,
            locals: Vec::new(),
            other_bytes: Vec::new(),
        }
    }

    fn frame(&self, thread: &'m ThreadState, entry: &'m FrameEntry) -> BuiltFrame {
        let site = self.program.table.sites.get(entry.site.0 as usize);
        let function = self.program.function_name(entry.function);
        let facts = self.program.function_facts(entry.function);
        let low = entry.registers.stack_pointer().unwrap_or(entry.cfa);
        let mut locals = Vec::new();
        let mut built = Vec::new();
        if let Some(site) = site {
            let context = FrameContext {
                moment: self.moment,
                entry,
                thread,
            };
            for variable in self.visible(&facts, site) {
                let (local, more) = self.local(&context, &facts, variable, site);
                locals.push(local);
                built.push(more);
            }
        }
        let mut frame = Frame {
            id: entry.frame,
            function: Arc::clone(&function),
            at: At {
                position: self.program.site_position(entry.site),
                function,
            },
            low,
            high: entry.cfa,
            user: true,
            locals,
            other_bytes: Vec::new(),
        };
        let saved = site.map_or_else(Vec::new, |site| self.saved_registers(entry, site));
        frame.other_bytes = other_bytes(&frame, &saved, self.moment, self.program);
        BuiltFrame {
            frame,
            locals: built,
        }
    }

    /// Where the call keeps registers of its caller, by the rules that unwinders follow.
    fn saved_registers(&self, entry: &FrameEntry, site: &Site) -> Vec<(Register, RuntimeAddress)> {
        self.unwind(&self.registers_at(entry, site))
            .filter(|step| step.cfa == entry.cfa)
            .map_or_else(Vec::new, |step| step.saved)
    }

    /// The registers of a call as they were at its stop.
    fn registers_at(&self, entry: &FrameEntry, site: &Site) -> UnwindRegisters {
        let mut registers = UnwindRegisters {
            general: [None; Register::COUNT],
            at: FrameAddress::Instruction(self.moment.bias.to_runtime(site.address)),
        };
        for (number, slot) in (0..).zip(&mut registers.general) {
            *slot = entry.registers.get(Register(number));
        }
        registers
    }

    /// One frame further out, as far as the captured stack tells.
    fn unwind(&self, registers: &UnwindRegisters) -> Option<UnwindStep> {
        let read = |at: RuntimeAddress| {
            let bytes = self.moment.read(at, 8).ok()?;
            bytes.try_into().ok().map(u64::from_le_bytes)
        };
        self.program
            .image
            .unwind(registers, self.moment.bias, &read)
    }

    /// The variables to show at a site: those in scope, and those whose turn is still to come in a
    /// block that is open. Of several that are one variable in the source, the innermost.
    fn visible<'f>(&self, facts: &'f FunctionFacts, site: &Site) -> Vec<&'f VariableFacts> {
        let mut chosen: Vec<&VariableFacts> = Vec::new();
        // Functions of a thousand variables have been seen.
        let mut first_of = FxHashMap::default();
        let here = facts.variables.iter().filter(|facts| {
            facts.variable.in_scope(site.address)
                || is_to_come(facts, site.position)
                || self.is_ending(facts, site)
        });
        for facts in here {
            let declared = facts.declared.as_ref();
            let key = (
                &*facts.name,
                declared.map(|at| (&*at.file, at.line, at.column)),
            );
            let first = *first_of.entry(key).or_insert(chosen.len());
            let same = (first < chosen.len() && facts.role != LocalRole::Hidden).then_some(first);
            match same {
                None => chosen.push(facts),
                Some(index) => {
                    let other = chosen[index];
                    let better = |facts: &VariableFacts| {
                        (
                            facts.variable.in_scope(site.address),
                            facts.variable.scope_depth,
                        )
                    };
                    if better(facts) > better(other) {
                        chosen[index] = facts;
                    }
                }
            }
        }
        chosen.sort_by_key(|facts| {
            let declared = facts
                .declared
                .as_ref()
                .map_or((0, 0), |at| (at.line, at.column));
            (
                facts.role != LocalRole::Parameter,
                declared,
                facts.variable.order,
            )
        });
        chosen
    }

    fn local(
        &self,
        context: &FrameContext<'_, '_>,
        function: &FunctionFacts,
        facts: &VariableFacts,
        site: &Site,
    ) -> (Local, BuiltLocal) {
        let ty = self.program.image.ty(facts.variable.ty);
        let in_scope = facts.variable.in_scope(site.address) && !self.is_being_bound(facts, site);
        let beyond_scope = !in_scope && !self.program.keeps_places(function);
        let mut location = if in_scope {
            let image = &self.program.image;
            image.locate(&facts.variable, site.address, context)
        } else if beyond_scope {
            Err(Unknown::because(BEYOND_SCOPE))
        } else {
            let at = first_address(facts, site.address);
            self.program.image.locate(&facts.variable, at, context)
        };
        if in_scope
            && matches!(location, Err(_) | Ok(Location::Nowhere(_)))
            && let Some(at) = self.place_from_caller(context, function, facts, site)
        {
            location = Ok(Location::Memory(at));
        }
        let (place, shown, bytes) =
            self.value(context, facts, location, ty.size.unwrap_or(0), ty.align);
        let state = if !in_scope && self.is_ending(facts, site) {
            match self.state_at_end(context, facts, site) {
                LocalState::Live if beyond_scope => {
                    LocalState::Unknown(Unknown::because(BEYOND_SCOPE))
                }
                state => state,
            }
        } else {
            state_of(facts, in_scope)
        };
        let on_own_stack =
            place.region == Region::Stack && place.address.is_some_and(|at| at < context.entry.cfa);
        let left_over = (state == LocalState::Live)
            .then(|| resumed::why_left_over(self.program, facts, context.entry, on_own_stack))
            .flatten();
        let state = left_over.clone().map_or(state, LocalState::Unknown);
        // Where the call of a coroutine went on is told by its stops, which is known already.
        let held = self
            .held(context, facts, site)
            .filter(|held| *held != Held::Depends || state == LocalState::Live);
        let is_certain = held.is_some() && left_over.is_none();
        let handed = match held {
            Some(Held::Moved | Held::Live | Held::PartlyMoved(_)) => self.handed(context, facts),
            _ => None,
        };
        let is_dropping = handed == Some(Handed::Destructor);
        let handed = handed.filter(|_| held == Some(Held::Moved));
        let lost = match &held {
            Some(Held::PartlyMoved(lost)) => {
                parts::lost_parts(&self.program.image, facts.variable.ty, lost)
            }
            _ => Vec::new(),
        };
        let state = match held {
            Some(Held::Live) if left_over.is_some() || beyond_scope => state,
            Some(held) => state_held(&held),
            None => state,
        };
        let holds_value = matches!(
            state,
            LocalState::Live | LocalState::PartlyMoved | LocalState::Unknown(_)
        );
        let mut local = Local {
            name: Arc::clone(&facts.name),
            role: facts.role,
            type_name: Arc::clone(&ty.name),
            state,
            parts: if lost.is_empty() {
                Vec::new()
            } else {
                parts::part_states(&shown.value, &lost)
            },
            loans: self.loans(context, facts),
            place,
            value: None,
            bytes,
            cells: Arc::default(),
            declared: facts.declared.clone(),
        };
        let local_state = local.state.clone();
        let mut pointers = Arc::default();
        if holds_value {
            local.value = Some(Arc::clone(&shown.value));
            local.cells = Arc::clone(&shown.cells);
            pointers = Arc::clone(&shown.pointers);
            if let (Some(at), false) = (local.place.address, lost.is_empty()) {
                local.value = Some(Arc::new(parts::value_left(&shown.value, &lost)));
                local.cells = parts::cells_left(&shown.cells, &lost);
                pointers = parts::pointers_left(&shown.pointers, at, &lost);
            }
        } else {
            local.cells = Arc::new([uninitialised_cell(local.place.size)]);
            if handed.is_some() {
                pointers = Arc::clone(&shown.pointers);
            }
        }
        let mutable = facts.binding.as_ref().is_none_or(|binding| binding.mutable);
        let innermost = context
            .thread
            .top()
            .is_some_and(|top| top.frame == context.entry.frame);
        let progress = if innermost {
            Progress::Before
        } else {
            Progress::Within
        };
        let untouched = self.program.is_untouched(facts, site, progress);
        let named_by_value = (!pointers.is_empty())
            .then(|| self.program.named_by_value(facts, site, progress))
            .flatten();
        (
            local,
            BuiltLocal {
                pointers,
                mutable,
                untouched,
                named_by_value,
                handed,
                is_dropping,
                is_certain: is_certain && !matches!(local_state, LocalState::Unknown(_)),
            },
        )
    }

    /// What the compiler says that a variable holds where its call stands.
    fn held(
        &self,
        context: &FrameContext<'_, '_>,
        facts: &VariableFacts,
        site: &Site,
    ) -> Option<Held> {
        let entry = context.entry;
        let way = self.ways.get(entry.frame)?;
        let ownership = self.program.ownership(entry.function)?;
        let begins_later = facts
            .binding
            .as_ref()
            .is_some_and(|binding| site.position < binding.scope.start);
        let at = moment_of(self.program, context.thread, entry);
        ownership.held(way, facts.index, at, begins_later)
    }

    /// The loans that hold a variable where its call stands.
    fn loans(&self, context: &FrameContext<'_, '_>, facts: &VariableFacts) -> Vec<LocalLoan> {
        let entry = context.entry;
        let found = self.ways.get(entry.frame).and_then(|way| {
            let ownership = self.program.ownership(entry.function)?;
            let at = moment_of(self.program, context.thread, entry);
            Some(ownership.loans_of(way, facts.index, at))
        });
        found.unwrap_or_default()
    }

    /// Where the value of a variable that was moved is on its way to.
    fn handed(&self, context: &FrameContext<'_, '_>, facts: &VariableFacts) -> Option<Handed> {
        let entry = context.entry;
        let way = self.ways.get(entry.frame)?;
        let ownership = self.program.ownership(entry.function)?;
        let at = moment_of(self.program, context.thread, entry);
        ownership.handed(way, facts.index, at)
    }

    /// Where a parameter lies that the caller handed over by its address. Code that is not
    /// optimised does not keep that address, so the debug information loses it behind the first
    /// instructions; but the place stays the callee's own until the call ends.
    fn place_from_caller(
        &self,
        context: &FrameContext<'_, '_>,
        function: &FunctionFacts,
        facts: &VariableFacts,
        site: &Site,
    ) -> Option<RuntimeAddress> {
        let entry = context.entry;
        if facts.role != LocalRole::Parameter
            || entry.stop == entry.entered_stop
            || !self.keeps_places(context, function, site)
        {
            return None;
        }
        let key = (entry.frame, facts.variable.order);
        self.program
            .place_at_entry(key, || self.entry_place(entry, facts))
    }

    /// Whether every other variable in scope has its place in memory, as only code has that is not
    /// optimised: there a place is not used for something else as long as its call lasts.
    fn keeps_places(
        &self,
        context: &FrameContext<'_, '_>,
        function: &FunctionFacts,
        site: &Site,
    ) -> bool {
        let image = &self.program.image;
        let mut in_memory = 0;
        for other in &function.variables {
            let size = image.ty(other.variable.ty).size;
            if !other.variable.in_scope(site.address) || size.is_none_or(|size| size == 0) {
                continue;
            }
            match image.locate(&other.variable, site.address, context) {
                Ok(Location::Memory(_)) => in_memory += 1,
                Ok(Location::Nowhere(_)) | Err(_) if other.role == LocalRole::Parameter => {}
                _ => return false,
            }
        }
        in_memory > 0
    }

    /// Where a parameter lay at the first stop of a call, if that is in a frame further out.
    fn entry_place(&self, frame: &FrameEntry, facts: &VariableFacts) -> Option<RuntimeAddress> {
        let cursor = self.program.recording.cursor_at(frame.entered_stop).ok()?;
        let state = cursor.state();
        let moment = Moment::new(state, self.program);
        let mut threads = state.threads.iter();
        let thread = threads.find(|thread| thread.last_stop == Some(frame.entered_stop))?;
        let entry = thread.top().filter(|top| top.frame == frame.frame)?;
        let site = self.program.table.sites.get(entry.site.0 as usize)?;
        let context = FrameContext {
            moment: &moment,
            entry,
            thread,
        };
        match self
            .program
            .image
            .locate(&facts.variable, site.address, &context)
            .ok()?
        {
            Location::Memory(at) if at >= entry.cfa && thread.is_on_stack(at) => Some(at),
            _ => None,
        }
    }

    /// Whether a variable is bound by the very statement the site belongs to: the debug information
    /// opens its scope before its first value is stored.
    fn is_being_bound(&self, facts: &VariableFacts, site: &Site) -> bool {
        let Some(binding) = &facts.binding else {
            return false;
        };
        let statement = self.program.table.statements.get(site.statement.0 as usize);
        facts.role != LocalRole::Parameter
            && statement.is_some_and(|statement| {
                statement.range.contains(binding.at)
                    && !matches!(statement.kind, StatementKind::Head | StatementKind::Line)
            })
    }

    /// The state of a local at the closing brace of its scope.
    fn state_at_end(
        &self,
        context: &FrameContext<'_, '_>,
        facts: &VariableFacts,
        site: &Site,
    ) -> LocalState {
        if context.thread.unwinds > 0 {
            return LocalState::Unknown(Unknown::because(
                "its scope is ending in a thread that has panicked; whether it was initialised is not known",
            ));
        }
        let entry = context.entry;
        let innermost = context
            .thread
            .top()
            .is_some_and(|top| top.frame == entry.frame);
        let first = self.program.recording.first_stop_of_step(entry.step);
        if innermost && first == Some(entry.stop) {
            return endings::state_at_brace(self.program, facts, entry, site);
        }
        LocalState::Unknown(Unknown::because(
            "its scope is ending: its drop may have run already",
        ))
    }

    /// Whether the site is the closing brace at which the variable's scope ends. For the debug
    /// information the scope is over before the brace; the value is there until its drop has run.
    fn is_ending(&self, facts: &VariableFacts, site: &Site) -> bool {
        let Some(binding) = &facts.binding else {
            return false;
        };
        let statement = self.program.table.statements.get(site.statement.0 as usize);
        let is_followed = self.program.ownership(site.function).is_some();
        facts.role == LocalRole::Variable
            && (binding.initialised || is_followed)
            && statement.is_some_and(|statement| {
                statement.kind == StatementKind::ScopeEnd
                    && binding.at < statement.range.start
                    && binding.scope.contains(statement.range.start)
            })
    }

    fn value(
        &self,
        context: &FrameContext<'_, '_>,
        facts: &VariableFacts,
        location: Result<Location, Unknown>,
        size: u64,
        align: Option<u64>,
    ) -> (Place, Arc<Shown>, Vec<u8>) {
        let nowhere = |note: Arc<str>| Place {
            region: Region::None,
            address: None,
            size,
            align,
            note: Some(note),
        };
        let ty = facts.variable.ty;
        if size == 0 {
            let shown = self.reading.value_of(ty, &[]);
            return (nowhere("zero-sized".into()), shown, Vec::new());
        }
        match location {
            Ok(Location::Memory(at)) => {
                let place = Place {
                    region: self.moment.region(at),
                    address: Some(at),
                    size,
                    align,
                    note: None,
                };
                let bytes = self.moment.read(at, size as usize).unwrap_or_default();
                (place, self.reading.value(ty, at), bytes)
            }
            Ok(Location::Bytes(mut bytes)) => {
                bytes.resize(size as usize, 0);
                let shown = self.reading.value_of(ty, &bytes);
                (
                    nowhere("not in memory: the debug information has its value".into()),
                    shown,
                    bytes,
                )
            }
            Ok(Location::Register(register)) => {
                let captured = context.register(register);
                self.in_register(ty, register, captured, size, align)
            }
            Ok(Location::Pieces(_)) => {
                let why = "in several parts, in registers and memory";
                (nowhere(why.into()), unknown(why), Vec::new())
            }
            Ok(Location::Nowhere(why)) | Err(why) => (
                nowhere(Arc::clone(&why.reason)),
                unknown(&why.reason),
                Vec::new(),
            ),
        }
    }

    fn in_register(
        &self,
        ty: TypeId,
        register: Register,
        captured: Option<u64>,
        size: u64,
        align: Option<u64>,
    ) -> (Place, Arc<Shown>, Vec<u8>) {
        let place = Place {
            region: Region::Register,
            address: None,
            size,
            align,
            note: Some(register_name(register).into()),
        };
        match captured {
            Some(word) if size <= 8 => {
                let bytes = word.to_le_bytes()[..size as usize].to_vec();
                (place, self.reading.value_of(ty, &bytes), bytes)
            }
            _ => (
                place,
                unknown("in a register that was not captured"),
                Vec::new(),
            ),
        }
    }
}

/// Whether a variable is declared further on in a block that is open at `here`.
fn is_to_come(facts: &VariableFacts, here: TextPosition) -> bool {
    let (Some(binding), Some(block)) = (&facts.binding, &facts.block) else {
        return false;
    };
    facts.role == LocalRole::Variable
        && binding.kind == stackheap_source::BindingKind::Let
        && block.contains(here)
        && here < binding.scope.start
}

/// An address at which the variable has its place, for one that is not in scope yet.
fn first_address(facts: &VariableFacts, otherwise: ImageAddress) -> ImageAddress {
    facts
        .variable
        .scope
        .first()
        .map_or(otherwise, |range| range.start)
}

fn state_of(facts: &VariableFacts, in_scope: bool) -> LocalState {
    if !in_scope {
        return LocalState::Uninit;
    }
    match &facts.binding {
        Some(binding) if !binding.initialised => LocalState::Unknown(Unknown::because(
            "declared without a value; the debug information does not tell whether it has one yet",
        )),
        _ => LocalState::Live,
    }
}

fn state_held(held: &Held) -> LocalState {
    match held {
        Held::Uninit => LocalState::Uninit,
        Held::Live => LocalState::Live,
        Held::PartlyMoved(_) => LocalState::PartlyMoved,
        Held::Moved => LocalState::Moved,
        Held::Dropped => LocalState::Dropped,
        Held::OutOfScope => LocalState::OutOfScope,
        Held::Depends => LocalState::Unknown(Unknown::because(
            "whether it has a value depends on the way that its call came here, which its stops do not tell",
        )),
    }
}

fn unknown(why: &str) -> Arc<Shown> {
    Shown::unknown(Value::unknown(ValueKind::Raw, why))
}

fn uninitialised_cell(size: u64) -> Cell {
    Cell {
        offset: 0,
        size,
        kind: CellKind::Raw,
        label: "?".into(),
        text: Err(Unknown::because("its initialiser has not run")),
    }
}

/// Bytes of a register that a call keeps for its caller.
const SAVED_BYTES: u64 = 8;

/// The bytes of a frame that no local covers, from the highest address down.
fn other_bytes(
    frame: &Frame,
    saved: &[(Register, RuntimeAddress)],
    moment: &Moment<'_, '_>,
    program: &Program<'_>,
) -> Vec<FrameBytes> {
    let (low, high) = (frame.low.0, frame.high.0);
    let return_slot = high.saturating_sub(8).max(low);
    let mut covered: Vec<(u64, u64, Option<Register>)> = frame
        .locals
        .iter()
        .filter_map(|local| {
            let start = local.place.address?.0;
            Some((start, start + local.place.size, None))
        })
        .filter(|&(start, end, _)| start >= low && end <= high)
        .collect();
    // A slot that a variable is said to lie in as well is shown as the variable.
    let free = |slot: u64| {
        covered
            .iter()
            .all(|&(start, end, _)| slot + SAVED_BYTES <= start || end <= slot)
    };
    let saved: Vec<_> = saved
        .iter()
        .map(|&(register, at)| (at.0, at.0 + SAVED_BYTES, Some(register)))
        .filter(|&(start, end, _)| start >= low && end <= return_slot && free(start))
        .collect();
    covered.extend(saved);
    covered.sort_unstable();
    let mut bytes = Vec::new();
    let mut next = low;
    let gap = |from: u64, to: u64, bytes: &mut Vec<FrameBytes>| {
        if to > from {
            bytes.push(FrameBytes {
                address: RuntimeAddress(from),
                size: to - from,
                kind: FrameBytesKind::Unnamed,
                note: None,
            });
        }
    };
    for (start, end, register) in covered {
        gap(next, start, &mut bytes);
        if let Some(register) = register {
            bytes.push(FrameBytes {
                address: RuntimeAddress(start),
                size: SAVED_BYTES,
                kind: FrameBytesKind::SavedRegister,
                note: Some(register_name(register).into()),
            });
        }
        next = next.max(end);
    }
    gap(next, return_slot, &mut bytes);
    if high - low >= 8 {
        bytes.push(return_address(RuntimeAddress(return_slot), moment, program));
    }
    bytes.reverse();
    bytes
}

/// The slot of a return address, with the function it leads to.
fn return_address(
    slot: RuntimeAddress,
    moment: &Moment<'_, '_>,
    program: &Program<'_>,
) -> FrameBytes {
    let target = moment
        .read(slot, 8)
        .ok()
        .and_then(|bytes| bytes.try_into().ok().map(u64::from_le_bytes));
    let note = target.and_then(|target| {
        let call = RuntimeAddress(target.checked_sub(1)?);
        program.image.function_name_at(moment.bias.to_image(call))
    });
    FrameBytes {
        address: slot,
        size: 8,
        kind: FrameBytesKind::ReturnAddress,
        note,
    }
}

fn register_name(register: Register) -> &'static str {
    const NAMES: [&str; Register::COUNT] = [
        "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15",
    ];
    NAMES
        .get(usize::from(register.0))
        .copied()
        .unwrap_or("another register")
}
