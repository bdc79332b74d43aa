//! One run of a program under observation.

use std::collections::VecDeque;
use std::io;
use std::process::{Child, Command};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use stackheap_hook::{Agent, Allocation, AllocationKind, AllocatorHome, Mechanism};
use stackheap_image::Image;
use stackheap_model::{
    LoadBias, OutputStream, Register, RegisterSet, RuntimeAddress, SiteId, SiteRole, SiteTable,
    ThreadId,
};
use stackheap_trace::{
    AddressRange, Applied, Fill, Limit, Outcome, Record, Registers, StopRef, Untracked, Writer,
};

use crate::breakpoints::{Breakpoints, Purpose, Service};
use crate::capture::{Capture, Roots};
use crate::error::{During, RecordError};
use crate::injection::{self, AllocationLog};
use crate::libraries;
use crate::maps;
use crate::options::{KeepValues, Placement, RecordOptions, Threads, Trigger};
use crate::reach::Change;
use crate::remote::Remote;
use crate::sys::memory::ProcessMemory;
use crate::sys::process::{
    self, Event, OsThread, Processors, Wait, Waiting, catch_interrupts, interrupts,
};

/// Breakpoints beside the sites: services in the C library.
const SERVICE_BREAKPOINTS: usize = 64;

/// Bytes of output that are kept.
const OUTPUT_KEPT: u64 = 16 << 20;

/// Bytes of one call of `write` that are kept.
const OUTPUT_PIECE: usize = 1 << 20;

/// How often what is recorded goes to the file at least.
const FLUSH_EVERY_MS: u32 = 200;

/// Stops a thread may pass in a row while others wait, when threads are serialized.
const TURN_STOPS: u32 = 64;

/// How often other threads get the chance to finish what they log.
const PATIENCE: u32 = 8;

/// What a run left behind, beside the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFacts {
    /// How the program ended.
    pub outcome: Outcome,
    /// How allocations were logged, and why so.
    pub mechanism: Mechanism,
    /// Why this mechanism, in words.
    pub mechanism_why: String,
    /// What was left out or could not be done, in words.
    pub notes: Vec<String>,
    /// Bytes that were asked for by the program at most at one time.
    pub addresses_fixed: bool,
}

/// What is recorded.
pub struct Target<'a, 'd> {
    /// How the program is started.
    pub command: Command,
    /// The bytes of the executable.
    pub executable: &'a [u8],
    /// The same, understood.
    pub image: &'a Image<'d>,
    /// The places to stop at.
    pub table: Arc<SiteTable>,
}

/// Runs a program to its end, recording it.
pub fn record(
    target: Target<'_, '_>,
    writer: &mut Writer,
    options: &RecordOptions,
) -> Result<RunFacts, RecordError> {
    let Target {
        mut command,
        executable,
        image,
        table,
    } = target;
    let program = command.get_program().to_string_lossy().into_owned();
    catch_interrupts();
    let (addresses_fixed, child) =
        process::launch(&mut command).map_err(|error| classify_start_error(program, error))?;
    let process = OsThread(child.id() as i32);
    wait_for_start(process)?;
    process::trace_options(process).during("asking for events of its threads")?;
    let memory = ProcessMemory::open(process).during("opening its memory")?;
    let bias = load_bias(process, image).during("finding where it was loaded")?;
    writer.record(&Record::Loaded { bias })?;
    let mut session = Session::new(
        process, child, memory, bias, table, image, executable, writer, options,
    );
    session.facts.addresses_fixed = addresses_fixed;
    let prepared = session.prepare();
    if let Err(error) = prepared {
        // The program has not run yet: end it rather than let it run half prepared.
        process::send_signal(process, libc::SIGKILL);
        return Err(error);
    }
    session.run()
}

fn classify_start_error(program: String, error: io::Error) -> RecordError {
    match error.raw_os_error() {
        Some(libc::EPERM) => RecordError::ObservationRefused { error },
        _ => RecordError::Start { program, error },
    }
}

/// The first stop comes when the new program is mapped and none of it has run.
fn wait_for_start(process: OsThread) -> Result<(), RecordError> {
    loop {
        match process::wait(Waiting::Block).during("waiting for its start")? {
            Wait::Stopped(thread, libc::SIGTRAP) if thread == process => return Ok(()),
            Wait::Interrupted | Wait::Nothing => {}
            other => {
                return Err(RecordError::Observe {
                    what: "waiting for its start",
                    error: io::Error::other(format!("it reported {other:?}")),
                });
            }
        }
    }
}

/// Reads `AT_ENTRY` of the auxiliary vector (see `getauxval(3)`): where the entry point is now.
fn load_bias(process: OsThread, image: &Image<'_>) -> io::Result<LoadBias> {
    let vector = std::fs::read(format!("/proc/{}/auxv", process.0))?;
    let (words, _) = vector.as_chunks::<16>();
    for pair in words {
        let (kind, value) = pair.split_at(8);
        let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(0);
        if word(kind) == libc::AT_ENTRY {
            return Ok(LoadBias(word(value).wrapping_sub(image.facts().entry.0)));
        }
    }
    Err(io::Error::other("the auxiliary vector has no entry point"))
}

/// A system call of a thread that is followed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Write {
        stream: OutputStream,
        buffer: u64,
        vector: Option<u64>,
    },
    GetAffinity,
    SetAffinity,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    what: Watched,
    entered: bool,
}

#[derive(Debug)]
struct Thread {
    /// `None` for a child that shares the memory until it executes another program.
    id: Option<ThreadId>,
    /// The end of the stack that is in use before any of the program runs in it.
    stack_end: RuntimeAddress,
    thread_pointer: u64,
    watch: Option<Watch>,
    /// A site to pass without a record, since it was recorded before a signal came.
    passed: Option<RuntimeAddress>,
    /// Whether it runs where the program put it.
    free: bool,
    stack_window_told: bool,
    /// Whether its start is in the recording.
    announced: bool,
    /// Whether its own name was read: it gives it to itself after its start.
    named: bool,
    /// Whether its birth has been seen both from its parent and from itself.
    stopped_at_birth: bool,
}

struct Session<'a, 'd> {
    process: OsThread,
    child: Child,
    memory: ProcessMemory,
    bias: LoadBias,
    table: Arc<SiteTable>,
    image: &'a Image<'d>,
    executable: &'a [u8],
    writer: &'a mut Writer,
    options: &'a RecordOptions,
    breakpoints: Breakpoints,
    trampolines: RuntimeAddress,
    allocations: Option<AllocationLog>,
    capture: Capture,
    threads: FxHashMap<OsThread, Thread>,
    early_children: Vec<OsThread>,
    by_thread_pointer: FxHashMap<u64, ThreadId>,
    last_thread: u32,
    recording: Recording,
    triggered: u64,
    stops: u64,
    output_kept: u64,
    pinned: Option<(Processors, Processors)>,
    held: VecDeque<OsThread>,
    turn: Option<(OsThread, u32)>,
    interrupts_seen: u32,
    allocator_home: Option<AllocatorHome>,
    outcome: Option<Outcome>,
    facts: RunFacts,
}

/// Whether stops are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recording {
    /// The beginning has not been reached.
    NotYet,
    On,
    /// A bound was reached: the program runs on by itself.
    Over,
}

impl<'a, 'd> Session<'a, 'd> {
    #[expect(
        clippy::too_many_arguments,
        reason = "called once, with what `record` has made"
    )]
    fn new(
        process: OsThread,
        child: Child,
        memory: ProcessMemory,
        bias: LoadBias,
        table: Arc<SiteTable>,
        image: &'a Image<'d>,
        executable: &'a [u8],
        writer: &'a mut Writer,
        options: &'a RecordOptions,
    ) -> Self {
        let statics = table
            .statics
            .iter()
            .map(|&(address, bytes)| (bias.to_runtime(address), bytes as usize))
            .collect();
        Self {
            process,
            child,
            memory,
            bias,
            capture: Capture::new(options.budget, statics),
            table,
            image,
            executable,
            writer,
            options,
            breakpoints: Breakpoints::new(),
            trampolines: RuntimeAddress(0),
            allocations: None,
            threads: FxHashMap::default(),
            early_children: Vec::new(),
            by_thread_pointer: FxHashMap::default(),
            last_thread: 0,
            recording: if options.from.is_some() {
                Recording::NotYet
            } else {
                Recording::On
            },
            triggered: 0,
            stops: 0,
            output_kept: 0,
            pinned: None,
            held: VecDeque::new(),
            turn: None,
            interrupts_seen: 0,
            allocator_home: None,
            outcome: None,
            facts: RunFacts {
                outcome: Outcome::Detached,
                mechanism: Mechanism::None,
                mechanism_why: String::new(),
                notes: Vec::new(),
                addresses_fixed: false,
            },
        }
    }

    /// Puts everything into the process that must be there before its first instruction.
    fn prepare(&mut self) -> Result<(), RecordError> {
        let start = process::registers(self.process).during("reading its registers")?;
        let agent = Agent::embedded();
        let agent_bytes = agent.as_ref().map_or(0, Agent::total_bytes);
        let copies_bytes = Breakpoints::area_bytes(self.table.sites.len() + SERVICE_BREAKPOINTS);
        let remote =
            Remote::borrow(self.process, &self.memory).during("borrowing its first thread")?;
        // Children must not inherit the fixed addresses.
        let _ = remote.call(libc::SYS_personality, [0, 0, 0, 0, 0, 0]);
        let scratch = injection::map_scratch(
            &remote,
            self.executable,
            self.bias,
            agent_bytes,
            copies_bytes,
        )
        .during("mapping memory for displaced instructions")?;
        match agent {
            Ok(agent) => {
                let (ring, mapping) =
                    injection::map_ring(&remote, &self.memory, self.process, start.rsp)
                        .during("sharing memory with it")?;
                let log = injection::load_agent(
                    &remote,
                    &self.memory,
                    &agent,
                    scratch.agent,
                    ring,
                    mapping,
                )
                .during("loading the allocation hooks")?;
                self.allocations = Some(log);
            }
            Err(error) => self
                .facts
                .notes
                .push(format!("allocations are not seen: {error}")),
        }
        remote.give_back().during("giving its first thread back")?;
        self.trampolines = scratch.trampolines;
        self.breakpoints
            .add_area(scratch.copies, scratch.copies_bytes);
        self.redirect_shims()
            .during("redirecting its allocation functions")?;
        self.prepare_breakpoints().during("setting breakpoints")?;
        self.pin();
        let main = Thread {
            id: None,
            stack_end: RuntimeAddress(start.rsp),
            thread_pointer: 0,
            watch: None,
            passed: None,
            free: false,
            stack_window_told: false,
            announced: false,
            named: false,
            stopped_at_birth: true,
        };
        self.threads.insert(self.process, main);
        self.begin_thread(self.process)
    }

    fn redirect_shims(&mut self) -> io::Result<()> {
        let inspection = stackheap_hook::inspect(self.executable);
        self.facts.mechanism = inspection.mechanism;
        self.facts.mechanism_why = inspection.why;
        self.facts.notes.extend(inspection.doubt);
        self.allocator_home = inspection.home;
        let Some(log) = &mut self.allocations else {
            return Ok(());
        };
        if inspection.mechanism != Mechanism::RustShims {
            return Ok(());
        }
        match stackheap_hook::patches(self.executable, self.bias, &log.loaded, self.trampolines) {
            Ok(patches) => log.redirect(&self.memory, self.trampolines, patches)?,
            Err(error) => {
                self.facts.mechanism = Mechanism::Malloc;
                self.facts.mechanism_why = error.to_string();
            }
        }
        Ok(())
    }

    fn prepare_breakpoints(&mut self) -> io::Result<()> {
        let bias = self.bias;
        let sites: Vec<_> = self
            .table
            .sites
            .iter()
            .enumerate()
            .map(|(index, site)| {
                (
                    bias.to_runtime(site.address),
                    Purpose::Site(SiteId(index as u32)),
                )
            })
            .collect();
        let entry = bias.to_runtime(self.image.facts().entry);
        let panic = self
            .image
            .symbols()
            .iter()
            .find(|symbol| &*symbol.name == "rust_panic" || symbol.name.ends_with("::rust_panic"))
            .map(|symbol| {
                (
                    bias.to_runtime(symbol.address),
                    Purpose::Service(Service::Panic),
                )
            });
        let services = [(entry, Purpose::Service(Service::EntryPoint))]
            .into_iter()
            .chain(panic);
        let refused = self
            .breakpoints
            .prepare(&self.memory, sites.into_iter().chain(services))?;
        for (purpose, why) in refused {
            self.facts
                .notes
                .push(format!("{purpose:?} is not observed: {why}"));
        }
        let from = self.options.from.clone();
        self.breakpoints.arm(&self.memory, |breakpoint| {
            match (breakpoint.purpose, &from) {
                (Purpose::Site(site), Some(from)) => from.sites.contains(&site),
                _ => true,
            }
        })
    }

    /// Puts program and recorder on one processor.
    fn pin(&mut self) {
        if self.options.placement == Placement::Free {
            return;
        }
        let Ok(all) = Processors::of(self.process) else {
            return;
        };
        if all.count() < 2 {
            return;
        }
        let one = Processors::current();
        if one.apply_to(self.process).is_ok() && one.apply_to(OsThread(0)).is_ok() {
            self.pinned = Some((one, all));
        }
    }

    /// Gives a thread its number.
    fn begin_thread(&mut self, os: OsThread) -> Result<(), RecordError> {
        self.last_thread += 1;
        let id = ThreadId(self.last_thread);
        if let Some(thread) = self.threads.get_mut(&os) {
            thread.id = Some(id);
        }
        let Ok(registers) = process::registers(os) else {
            return Ok(());
        };
        self.announce(os, &registers)
    }

    /// Records a thread's start as soon as its thread pointer is set, which the first thread does
    /// itself while it starts.
    fn announce(
        &mut self,
        os: OsThread,
        registers: &libc::user_regs_struct,
    ) -> Result<(), RecordError> {
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        let Some(id) = thread.id else { return Ok(()) };
        if thread.announced || registers.fs_base == 0 {
            return Ok(());
        }
        thread.announced = true;
        thread.thread_pointer = registers.fs_base;
        let end = thread.stack_end;
        self.by_thread_pointer.insert(registers.fs_base, id);
        let is_main = os == self.process;
        let regions = maps::read(self.process).unwrap_or_default();
        let region = maps::containing(&regions, end).or_else(|| {
            // The end of a stack is the first address above its mapping when nothing is on it yet.
            maps::containing(&regions, RuntimeAddress(end.0.saturating_sub(1)))
        });
        let high = region.map_or(end, |region| region.high);
        let limit = if is_main {
            process::stack_limit(self.process)
        } else {
            region.map(|region| region.high.0 - region.low.0)
        };
        let low = match (is_main, limit) {
            (true, Some(limit)) => RuntimeAddress(high.0.saturating_sub(limit)),
            (true, None) => RuntimeAddress(0),
            (false, _) => region.map_or(end, |region| region.low),
        };
        let name = std::fs::read_to_string(format!("/proc/{}/task/{}/comm", self.process.0, os.0))
            .ok()
            .map(|name| {
                if is_main {
                    "main".to_owned()
                } else {
                    name.trim_end().to_owned()
                }
            });
        self.writer.record(&Record::ThreadStart {
            thread: id,
            os_id: os.0 as u32,
            name,
            stack_low: low,
            stack_high: high,
            limit,
            thread_pointer: RuntimeAddress(registers.fs_base),
        })?;
        Ok(())
    }

    fn run(mut self) -> Result<RunFacts, RecordError> {
        // What was recorded must not wait in memory while the program does nothing.
        process::wake_every(FLUSH_EVERY_MS);
        let result = self.observe();
        process::wake_every(0);
        result?;
        self.conclude()
    }

    /// Follows the program to its end.
    fn observe(&mut self) -> Result<(), RecordError> {
        self.go_on(self.process)?;
        while self.outcome.is_none() {
            let waiting = if self.held.is_empty() {
                Waiting::Block
            } else {
                Waiting::Poll
            };
            match process::wait(waiting).during("waiting for it")? {
                Wait::Stopped(thread, signal) => self.stopped(thread, signal)?,
                Wait::Event(thread, event) => self.event(thread, event)?,
                Wait::SystemCall(thread) => self.system_call(thread)?,
                Wait::Exited(thread, code) => self.ended(thread, Outcome::Exited(code))?,
                Wait::Killed(thread, signal) => self.ended(thread, Outcome::Signalled(signal))?,
                Wait::Interrupted => {
                    self.interrupted();
                    self.writer.tick()?;
                }
                Wait::Nothing => self.pass_turn_if_blocked()?,
                Wait::NoChildren => break,
            }
        }
        self.drain()
    }

    /// Records how the program ended.
    fn conclude(mut self) -> Result<RunFacts, RecordError> {
        let mut outcome = match self.outcome.take() {
            Some(outcome) => outcome,
            None => wait_for_child(&mut self.child),
        };
        if self.interrupts_seen > 0 && matches!(outcome, Outcome::Signalled(libc::SIGKILL)) {
            outcome = Outcome::Interrupted;
        }
        self.writer.record(&Record::Outcome(outcome.clone()))?;
        self.facts.outcome = outcome;
        if let Some((_, all)) = &self.pinned {
            let _ = all.apply_to(OsThread(0));
        }
        Ok(self.facts)
    }

    fn interrupted(&mut self) {
        let Some(interrupt) = interrupts() else {
            return;
        };
        if interrupt.count == self.interrupts_seen {
            return;
        }
        self.interrupts_seen = interrupt.count;
        if interrupt.count > 1 {
            process::send_signal(self.process, libc::SIGKILL);
        } else if interrupt.sent_to_us_alone {
            process::send_signal(self.process, interrupt.signal);
        }
    }

    fn ended(&mut self, thread: OsThread, outcome: Outcome) -> Result<(), RecordError> {
        self.thread_gone(thread)?;
        if thread == self.process {
            self.outcome = Some(outcome);
        }
        Ok(())
    }

    fn thread_gone(&mut self, os: OsThread) -> Result<(), RecordError> {
        self.thread_ends(os)?;
        self.threads.remove(&os);
        self.held.retain(|&held| held != os);
        if self.turn.is_some_and(|(holder, _)| holder == os) {
            self.turn = None;
        }
        Ok(())
    }

    fn thread_ends(&mut self, os: OsThread) -> Result<(), RecordError> {
        let Some(id) = self
            .threads
            .get_mut(&os)
            .and_then(|thread| thread.id.take())
        else {
            return Ok(());
        };
        self.drain()?;
        self.capture.thread_gone(id);
        self.writer.record(&Record::ThreadEnd { thread: id })?;
        Ok(())
    }

    /// Lets a thread go on from where it stands; a thread that is gone meanwhile is no error.
    fn go_on(&self, thread: OsThread) -> Result<(), RecordError> {
        self.go_on_with(thread, 0)
    }

    fn go_on_with(&self, thread: OsThread, signal: i32) -> Result<(), RecordError> {
        let watched = self
            .threads
            .get(&thread)
            .is_some_and(|thread| thread.watch.is_some());
        let result = if watched && signal == 0 {
            process::go_on_to_system_call(thread)
        } else {
            process::go_on(thread, signal)
        };
        unless_gone(result).during("letting it go on")
    }

    fn stopped(&mut self, thread: OsThread, signal: i32) -> Result<(), RecordError> {
        if !self.threads.contains_key(&thread) {
            // A new thread or process may report before the event of its parent does.
            self.early_children.push(thread);
            return Ok(());
        }
        if signal == libc::SIGSTOP
            && self
                .threads
                .get(&thread)
                .is_some_and(|t| !t.stopped_at_birth)
        {
            return self.born(thread);
        }
        if signal == libc::SIGTRAP {
            let Ok(registers) = process::registers(thread) else {
                return Ok(());
            };
            let at = RuntimeAddress(registers.rip.wrapping_sub(1));
            self.announce(thread, &registers)?;
            if self
                .allocations
                .as_ref()
                .is_some_and(|log| log.loaded.drain_trap == at)
            {
                self.drain_at_trap()?;
                return self.go_on(thread);
            }
            if let Some(breakpoint) = self.breakpoints.at(at) {
                let (purpose, copy) = (breakpoint.purpose, breakpoint.copy);
                breakpoint.passed += 1;
                let passed = breakpoint.passed;
                return self.at_breakpoint(thread, &registers, at, purpose, copy, passed);
            }
        }
        self.signal(thread, signal)
    }

    fn at_breakpoint(
        &mut self,
        thread: OsThread,
        registers: &libc::user_regs_struct,
        at: RuntimeAddress,
        purpose: Purpose,
        copy: RuntimeAddress,
        passed: u64,
    ) -> Result<(), RecordError> {
        unless_gone(process::set_instruction_pointer(thread, copy.0))
            .during("moving it past a breakpoint")?;
        match purpose {
            Purpose::Service(service) => self.service(thread, registers, at, service)?,
            Purpose::Site(site) => {
                self.pass_site(thread, registers, at, site, passed)?;
                if self.recording == Recording::Over {
                    return self.let_go(thread);
                }
                if self.options.threads == Threads::Serialized {
                    return self.wait_for_turn(thread);
                }
            }
        }
        self.go_on(thread)
    }

    fn pass_site(
        &mut self,
        os: OsThread,
        registers: &libc::user_regs_struct,
        at: RuntimeAddress,
        site: SiteId,
        passed: u64,
    ) -> Result<(), RecordError> {
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        let Some(id) = thread.id else { return Ok(()) };
        if thread.passed.take() == Some(at) {
            return Ok(());
        }
        let is_unnamed = !std::mem::replace(&mut thread.named, true);
        if self.recording == Recording::NotYet {
            self.begin_if_triggered(site)?;
        }
        if self.recording != Recording::On {
            return Ok(());
        }
        if is_unnamed && os != self.process {
            self.read_name(os, id)?;
        }
        self.drain()?;
        self.stop(os, id, registers, site)?;
        self.stops += 1;
        self.check_bounds(at, site, passed)
    }

    fn read_name(&mut self, os: OsThread, thread: ThreadId) -> Result<(), RecordError> {
        let path = format!("/proc/{}/task/{}/comm", self.process.0, os.0);
        if let Ok(name) = std::fs::read_to_string(path) {
            let name = name.trim_end().to_owned();
            self.writer.record(&Record::ThreadName { thread, name })?;
        }
        Ok(())
    }

    fn begin_if_triggered(&mut self, site: SiteId) -> Result<(), RecordError> {
        let Some(from) = &self.options.from else {
            return Ok(());
        };
        if !from.sites.contains(&site) {
            return Ok(());
        }
        self.triggered += 1;
        if self.triggered < from.nth {
            return Ok(());
        }
        self.triggered = 0;
        self.recording = Recording::On;
        self.breakpoints
            .arm(&self.memory, |_| true)
            .during("setting breakpoints")
    }

    fn check_bounds(
        &mut self,
        at: RuntimeAddress,
        site: SiteId,
        passed: u64,
    ) -> Result<(), RecordError> {
        if let Some(Trigger { sites, nth }) = &self.options.until
            && sites.contains(&site)
        {
            self.triggered += 1;
            if self.triggered >= *nth {
                self.recording = Recording::Over;
                return Ok(());
            }
        }
        if self
            .options
            .max_stops
            .is_some_and(|most| self.stops >= most)
        {
            return self.reach(Limit::MaxStops(self.stops));
        }
        if let Some(most) = self.options.max_bytes
            && self.stops.is_multiple_of(256)
            && self.writer.bytes_written() >= most
        {
            return self.reach(Limit::MaxBytes(most));
        }
        if self.options.throttle.is_some_and(|most| passed == most) {
            self.breakpoints
                .disarm(&self.memory, at)
                .during("taking a breakpoint out")?;
            self.writer.record(&Record::Limit(Limit::SiteThrottled {
                site,
                after: passed,
            }))?;
        }
        Ok(())
    }

    fn reach(&mut self, limit: Limit) -> Result<(), RecordError> {
        self.writer.record(&Record::Limit(limit))?;
        self.recording = Recording::Over;
        Ok(())
    }

    /// Reads what a stop is to hold and writes it.
    fn stop(
        &mut self,
        os: OsThread,
        id: ThreadId,
        registers: &libc::user_regs_struct,
        site: SiteId,
    ) -> Result<(), RecordError> {
        let Some(planned) = self.table.sites.get(site.0 as usize) else {
            return Ok(());
        };
        let below = self
            .table
            .functions
            .get(planned.function.0 as usize)
            .map_or(0, |function| u64::from(function.below_stack_pointer));
        let mut known = RegisterSet(RegisterSet::CALLEE_SAVED.0 | planned.registers.0);
        if planned.role == SiteRole::Return {
            known = known.with(Register::RAX).with(Register::RDX);
        }
        let general = general_registers(registers);
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        let low = (registers.rsp - below) & !7;
        let window = low.saturating_add(self.options.budget.stack_bytes);
        let on_stack = low <= thread.stack_end.0;
        let high = if on_stack {
            thread.stack_end.0.min(window)
        } else {
            low
        };
        let mut captured = AddressRange {
            low: RuntimeAddress(low),
            high: RuntimeAddress(high),
        };
        let cut = on_stack && high < thread.stack_end.0;
        let tell_window = cut && !std::mem::replace(&mut thread.stack_window_told, cut);
        let thread_locals: Vec<_> = self
            .table
            .thread_locals
            .iter()
            .map(|&(offset, bytes)| {
                (
                    RuntimeAddress(registers.fs_base.wrapping_add_signed(offset)),
                    bytes as usize,
                )
            })
            .collect();
        if self.options.values == KeepValues::Yes {
            let state = self.writer.state();
            let roots = Roots {
                thread: id,
                stack: (captured.low, captured.high),
                registers: &general,
                thread_locals: &thread_locals,
            };
            self.capture
                .stop(&self.memory, &state.memory, &state.blocks, &roots)
                .during("reading its memory")?;
            captured.low = self.capture.stack_low;
        }
        if tell_window {
            let bytes = self.options.budget.stack_bytes;
            self.writer
                .record(&Record::Limit(Limit::StackWindow { thread: id, bytes }))?;
        }
        self.write_changes()?;
        let (patches, bytes) = self.capture.patches();
        self.writer.stop(&StopRef {
            thread: id,
            site,
            registers: Registers::new(general, known),
            patches,
            bytes,
            captured,
        })?;
        Ok(())
    }

    fn write_changes(&mut self) -> Result<(), RecordError> {
        for change in self.capture.changes() {
            let record = match *change {
                Change::Tracked(address) => Record::Tracked { address },
                Change::Unreachable(address) => Record::Untracked {
                    address,
                    why: Untracked::Unreachable,
                },
                Change::OverBudget(address) => Record::Untracked {
                    address,
                    why: Untracked::OverBudget {
                        bytes: self.options.budget.heap_bytes,
                    },
                },
            };
            self.writer.record(&record)?;
        }
        Ok(())
    }

    /// Takes over what the hooks have logged.
    fn drain(&mut self) -> Result<(), RecordError> {
        let Some(log) = &mut self.allocations else {
            return Ok(());
        };
        let mut sink = AllocationSink {
            writer: self.writer,
            capture: &mut self.capture,
            by_thread_pointer: &self.by_thread_pointer,
            error: None,
        };
        log.shared
            .ring
            .drain(&mut |allocation| sink.take(allocation));
        // A thread that was interrupted between taking its place and filling it holds up those
        // behind it; it gets the chance to go on, and after that they pass.
        for _ in 0..PATIENCE {
            if log.shared.ring.backlog() == 0 {
                break;
            }
            std::thread::yield_now();
            log.shared
                .ring
                .drain(&mut |allocation| sink.take(allocation));
        }
        if log.shared.ring.backlog() > 0 {
            log.shared
                .ring
                .drain_past_holes(&mut |allocation| sink.take(allocation));
        }
        sink.error.map_or(Ok(()), Err)
    }

    fn drain_at_trap(&mut self) -> Result<(), RecordError> {
        let Some(log) = &mut self.allocations else {
            return Ok(());
        };
        let mut sink = AllocationSink {
            writer: self.writer,
            capture: &mut self.capture,
            by_thread_pointer: &self.by_thread_pointer,
            error: None,
        };
        log.shared
            .ring
            .drain_at_trap(&mut |allocation| sink.take(allocation));
        sink.error.map_or(Ok(()), Err)
    }

    fn service(
        &mut self,
        os: OsThread,
        registers: &libc::user_regs_struct,
        at: RuntimeAddress,
        service: Service,
    ) -> Result<(), RecordError> {
        let watched = match service {
            Service::EntryPoint => {
                self.breakpoints
                    .disarm(&self.memory, at)
                    .during("taking a breakpoint out")?;
                return self.libraries_are_mapped(os);
            }
            Service::Panic => {
                if let Some(id) = self.threads.get(&os).and_then(|thread| thread.id) {
                    self.drain()?;
                    self.writer.record(&Record::Unwind { thread: id })?;
                }
                return Ok(());
            }
            Service::Write | Service::WriteVector => {
                let stream = match registers.rdi {
                    1 => OutputStream::Stdout,
                    2 => OutputStream::Stderr,
                    _ => return Ok(()),
                };
                let vector = (service == Service::WriteVector).then_some(registers.rdx);
                Watched::Write {
                    stream,
                    buffer: registers.rsi,
                    vector,
                }
            }
            Service::GetAffinity => {
                self.unpin(os);
                Watched::GetAffinity
            }
            Service::SetAffinity => Watched::SetAffinity,
        };
        if let Some(thread) = self.threads.get_mut(&os)
            && thread.id.is_some()
        {
            thread.watch = Some(Watch {
                what: watched,
                entered: false,
            });
        }
        Ok(())
    }

    fn unpin(&mut self, os: OsThread) {
        if let Some((_, all)) = &self.pinned
            && self.threads.get(&os).is_some_and(|thread| !thread.free)
        {
            let _ = all.apply_to(os);
        }
    }

    fn libraries_are_mapped(&mut self, os: OsThread) -> Result<(), RecordError> {
        let regions = maps::read(self.process).during("reading its mappings")?;
        let found = libraries::find(&regions, self.executable, self.bias);
        let trampolines = self.map_near_library(os, &found)?;
        let services = found
            .services
            .iter()
            .map(|&(service, at)| (at, Purpose::Service(service)));
        let refused = self
            .breakpoints
            .prepare(&self.memory, services)
            .during("setting breakpoints")?;
        for (purpose, why) in refused {
            self.facts
                .notes
                .push(format!("{purpose:?} is not observed: {why}"));
        }
        self.breakpoints
            .arm(&self.memory, |breakpoint| matches!(breakpoint.purpose, Purpose::Service(service) if service != Service::EntryPoint))
            .during("setting breakpoints")?;
        if self.facts.mechanism == Mechanism::Malloc {
            self.redirect_malloc(&found, trampolines);
        }
        self.writer.record(&Record::Map { regions })?;
        Ok(())
    }

    /// Makes room for trampolines and copies near the C library; gives where the trampolines go.
    fn map_near_library(
        &mut self,
        os: OsThread,
        found: &libraries::Libraries,
    ) -> Result<RuntimeAddress, RecordError> {
        let Some((low, high)) = found.extent else {
            return Ok(self.trampolines);
        };
        let remote = Remote::borrow(os, &self.memory).during("borrowing its first thread")?;
        let mapped = injection::map_near_library(
            &remote,
            low,
            high,
            Breakpoints::area_bytes(SERVICE_BREAKPOINTS),
        );
        remote.give_back().during("giving its first thread back")?;
        let (trampolines, copies, bytes) = mapped.during("mapping memory near the C library")?;
        self.breakpoints.add_area(copies, bytes);
        Ok(trampolines)
    }

    fn redirect_malloc(&mut self, found: &libraries::Libraries, trampolines: RuntimeAddress) {
        let Some(log) = &mut self.allocations else {
            return;
        };
        let in_executable = Some((self.executable.to_vec(), self.bias));
        let (c_library, trampolines) = match self.allocator_home {
            Some(AllocatorHome::Executable) => (&in_executable, self.trampolines),
            _ => (&found.c_library, trampolines),
        };
        let Some((elf, bias)) = c_library else {
            self.facts.mechanism = Mechanism::None;
            self.facts
                .mechanism_why
                .push_str("; no C library with an allocator was found");
            return;
        };
        let result = stackheap_hook::malloc_patches(elf, *bias, &log.loaded, trampolines)
            .map_err(|error| error.to_string())
            .and_then(|patches| {
                log.redirect(&self.memory, trampolines, patches)
                    .map_err(|error| error.to_string())
            });
        if let Err(why) = result {
            self.facts.mechanism = Mechanism::None;
            self.facts.mechanism_why.push_str("; ");
            self.facts.mechanism_why.push_str(&why);
        }
    }

    /// A watched thread enters or leaves a system call.
    fn system_call(&mut self, os: OsThread) -> Result<(), RecordError> {
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        match &mut thread.watch {
            Some(watch) if !watch.entered => watch.entered = true,
            Some(watch) => {
                let what = watch.what;
                thread.watch = None;
                let id = thread.id;
                if let Ok(registers) = process::registers(os) {
                    self.system_call_done(os, id, what, registers.rax as i64)?;
                }
            }
            None => {}
        }
        self.go_on(os)
    }

    fn system_call_done(
        &mut self,
        os: OsThread,
        id: Option<ThreadId>,
        what: Watched,
        result: i64,
    ) -> Result<(), RecordError> {
        match what {
            Watched::GetAffinity => {
                if let Some((one, _)) = &self.pinned
                    && self.threads.get(&os).is_some_and(|thread| !thread.free)
                {
                    let _ = one.apply_to(os);
                }
            }
            Watched::SetAffinity => {
                // The program wants its threads somewhere: from now on they stay where it put them.
                if result == 0 && self.pinned.take().is_some() {
                    for thread in self.threads.values_mut() {
                        thread.free = true;
                    }
                }
            }
            Watched::Write {
                stream,
                buffer,
                vector,
            } => {
                if let (Some(id), Ok(written)) = (id, usize::try_from(result)) {
                    self.output(id, stream, buffer, vector, written)?;
                }
            }
        }
        Ok(())
    }

    fn output(
        &mut self,
        thread: ThreadId,
        stream: OutputStream,
        buffer: u64,
        vector: Option<u64>,
        written: usize,
    ) -> Result<(), RecordError> {
        if self.recording == Recording::Over || self.output_kept >= OUTPUT_KEPT || written == 0 {
            return Ok(());
        }
        let wanted = written.min(OUTPUT_PIECE);
        let bytes = match vector {
            None => self.memory.read(RuntimeAddress(buffer), wanted),
            Some(count) => self.gather(buffer, count, wanted),
        };
        let Ok(bytes) = bytes else { return Ok(()) };
        self.drain()?;
        self.output_kept += bytes.len() as u64;
        self.writer.record(&Record::Output {
            thread,
            stream,
            bytes,
        })?;
        if self.output_kept >= OUTPUT_KEPT || wanted < written {
            let kept = self.output_kept;
            self.writer
                .record(&Record::Limit(Limit::OutputCut { stream, kept }))?;
        }
        Ok(())
    }

    /// Collects the first `wanted` bytes of an array of (address, size) pairs.
    fn gather(&self, array: u64, count: u64, wanted: usize) -> io::Result<Vec<u8>> {
        let pairs = self
            .memory
            .read(RuntimeAddress(array), count.min(1024) as usize * 16)?;
        let (pairs, _) = pairs.as_chunks::<16>();
        let mut bytes = Vec::new();
        for pair in pairs {
            let (start, size) = pair.split_at(8);
            let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(0);
            let size = (word(size) as usize).min(wanted - bytes.len());
            bytes.extend(self.memory.read(RuntimeAddress(word(start)), size)?);
            if bytes.len() >= wanted {
                break;
            }
        }
        Ok(bytes)
    }

    fn signal(&mut self, os: OsThread, signal: i32) -> Result<(), RecordError> {
        let Ok(registers) = process::registers(os) else {
            return Ok(());
        };
        // The program must not see that it ran at another place.
        if let Some(at) = self.breakpoints.in_program(RuntimeAddress(registers.rip)) {
            unless_gone(process::set_instruction_pointer(os, at.0))
                .during("moving it back to its own code")?;
            let is_site = self.breakpoints.at(at).is_some();
            if let Some(thread) = self.threads.get_mut(&os) {
                thread.passed = is_site.then_some(at);
            }
        }
        if let Some(id) = self.threads.get(&os).and_then(|thread| thread.id) {
            self.drain()?;
            let is_fault = [
                libc::SIGSEGV,
                libc::SIGBUS,
                libc::SIGILL,
                libc::SIGFPE,
                libc::SIGTRAP,
            ]
            .contains(&signal);
            let address = is_fault
                .then(|| process::fault_address(os).ok())
                .flatten()
                .map(RuntimeAddress);
            self.writer.record(&Record::Signal {
                thread: id,
                number: signal,
                address,
            })?;
        }
        self.go_on_with(os, signal)
    }

    fn event(&mut self, os: OsThread, event: Event) -> Result<(), RecordError> {
        match event {
            Event::Clone(child) => self.expect_child(child, true)?,
            Event::Vfork(child) => self.expect_child(child, false)?,
            Event::Fork(child) => {
                let id = self.threads.get(&os).and_then(|thread| thread.id);
                self.release_child(child)?;
                if let Some(thread) = id {
                    self.writer.record(&Record::Fork {
                        thread,
                        child: child.0 as u32,
                    })?;
                }
            }
            Event::Exec => return self.executed(os),
            Event::Exit => {
                // It stands before those who wait for its end are woken: they see it gone.
                self.thread_ends(os)?;
            }
            Event::Other(_) => {}
        }
        self.go_on(os)
    }

    fn expect_child(&mut self, child: OsThread, is_thread: bool) -> Result<(), RecordError> {
        let early = self.early_children.iter().position(|&early| early == child);
        if let Some(index) = early {
            self.early_children.swap_remove(index);
        }
        self.threads.insert(
            child,
            Thread {
                id: None,
                stack_end: RuntimeAddress(0),
                thread_pointer: 0,
                watch: None,
                passed: None,
                free: !is_thread,
                stack_window_told: false,
                announced: false,
                named: false,
                stopped_at_birth: false,
            },
        );
        if early.is_some() {
            self.born(child)
        } else {
            Ok(())
        }
    }

    /// A thread stands before its first instruction.
    fn born(&mut self, os: OsThread) -> Result<(), RecordError> {
        let Ok(registers) = process::registers(os) else {
            return Ok(());
        };
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        thread.stopped_at_birth = true;
        thread.stack_end = RuntimeAddress(registers.rsp);
        if thread.free {
            // It shares the memory until it executes another program, as the kernel's `vfork`.
            if let Some((_, all)) = &self.pinned {
                let _ = all.apply_to(os);
            }
        } else {
            self.begin_thread(os)?;
        }
        self.go_on(os)
    }

    /// A forked child runs unobserved, as if there had never been a recorder.
    fn release_child(&mut self, child: OsThread) -> Result<(), RecordError> {
        let early = self.early_children.iter().position(|&early| early == child);
        match early {
            Some(index) => {
                self.early_children.swap_remove(index);
            }
            None => wait_for_birth(child)?,
        }
        if let Ok(memory) = ProcessMemory::open(child) {
            self.breakpoints
                .erase_from(&memory)
                .during("releasing a forked child")?;
            if let Some(log) = &self.allocations {
                log.restore(&memory).during("releasing a forked child")?;
            }
        }
        if let Ok(registers) = process::registers(child)
            && let Some(at) = self.breakpoints.in_program(RuntimeAddress(registers.rip))
        {
            unless_gone(process::set_instruction_pointer(child, at.0))
                .during("releasing a forked child")?;
        }
        if let Some((_, all)) = &self.pinned {
            let _ = all.apply_to(child);
        }
        unless_gone(process::detach(child, 0)).during("releasing a forked child")
    }

    /// A process executes another program, which is not recorded.
    fn executed(&mut self, os: OsThread) -> Result<(), RecordError> {
        let id = self.threads.get(&os).and_then(|thread| thread.id);
        if let (Some(thread), true) = (id, os == self.process) {
            let path = std::fs::read_link(format!("/proc/{}/exe", os.0))
                .map(|path| path.to_string_lossy().into_owned())
                .unwrap_or_default();
            self.drain()?;
            self.writer.record(&Record::Exec { thread, path })?;
            self.recording = Recording::Over;
        } else {
            self.threads.remove(&os);
        }
        if let Some((_, all)) = &self.pinned {
            let _ = all.apply_to(os);
        }
        unless_gone(process::detach(os, 0)).during("releasing a program it executed")?;
        if os == self.process {
            self.outcome = Some(wait_for_child(&mut self.child));
        }
        Ok(())
    }

    /// Stops observing: the program runs on at full speed.
    fn let_go(&mut self, os: OsThread) -> Result<(), RecordError> {
        self.drain()?;
        self.breakpoints
            .disarm_all(&self.memory)
            .during("taking breakpoints out")?;
        if let Some(log) = &self.allocations {
            log.restore(&self.memory)
                .during("giving its allocation functions back")?;
        }
        self.allocations = None;
        if let Some((_, all)) = self.pinned.take() {
            for (&thread, state) in &self.threads {
                if !state.free {
                    let _ = all.apply_to(thread);
                }
            }
            let _ = all.apply_to(OsThread(0));
        }
        while let Some(held) = self.held.pop_front() {
            self.go_on(held)?;
        }
        self.go_on(os)
    }

    /// Holds a thread of user code until it is its turn.
    fn wait_for_turn(&mut self, os: OsThread) -> Result<(), RecordError> {
        match self.turn {
            Some((holder, left)) if holder == os => {
                if left > 0 || self.held.is_empty() {
                    self.turn = Some((os, left.saturating_sub(1)));
                    return self.go_on(os);
                }
                self.held.push_back(os);
                self.next_turn()
            }
            Some(_) => {
                self.held.push_back(os);
                Ok(())
            }
            None => {
                self.turn = Some((os, TURN_STOPS));
                self.go_on(os)
            }
        }
    }

    fn next_turn(&mut self) -> Result<(), RecordError> {
        self.turn = self.held.pop_front().map(|next| (next, TURN_STOPS));
        match self.turn {
            Some((next, _)) => self.go_on(next),
            None => Ok(()),
        }
    }

    /// Gives the turn away when its holder waits for something another thread has to do.
    fn pass_turn_if_blocked(&mut self) -> Result<(), RecordError> {
        let blocked = match self.turn {
            None => true,
            Some((holder, _)) => is_sleeping(self.process, holder),
        };
        if blocked {
            return self.next_turn();
        }
        std::thread::sleep(std::time::Duration::from_micros(50));
        Ok(())
    }
}

/// Where the logged allocations go.
struct AllocationSink<'s> {
    writer: &'s mut Writer,
    capture: &'s mut Capture,
    by_thread_pointer: &'s FxHashMap<u64, ThreadId>,
    error: Option<RecordError>,
}

impl AllocationSink<'_> {
    fn take(&mut self, allocation: Allocation) {
        if self.error.is_some() {
            return;
        }
        let thread = self
            .by_thread_pointer
            .get(&allocation.thread_pointer.0)
            .copied()
            .unwrap_or(ThreadId(1));
        let (address, size) = (allocation.address, allocation.size.unwrap_or(0));
        let (return_address, stack_pointer) = (allocation.return_address, allocation.stack_pointer);
        let record = match allocation.kind {
            AllocationKind::Alloc | AllocationKind::AllocZeroed => {
                if address.0 == 0 {
                    return;
                }
                self.capture.block_allocated(address, size);
                let fill = match allocation.kind {
                    AllocationKind::AllocZeroed => Fill::Zeroed,
                    _ => Fill::Uninitialised,
                };
                let align = allocation.align;
                Record::Alloc {
                    thread,
                    address,
                    size,
                    align,
                    fill,
                    return_address,
                    stack_pointer,
                }
            }
            AllocationKind::Free => {
                self.capture.block_gone(address);
                Record::Free {
                    thread,
                    address,
                    return_address,
                    stack_pointer,
                }
            }
            AllocationKind::ReallocBegin => {
                self.capture.block_gone(address);
                Record::ReallocBegin {
                    thread,
                    address,
                    old_size: allocation.size,
                    align: allocation.align,
                    new_size: allocation.new_size.unwrap_or(0),
                    return_address,
                    stack_pointer,
                }
            }
            AllocationKind::ReallocEnd => {
                if address.0 != 0 {
                    self.capture
                        .block_allocated(address, allocation.new_size.unwrap_or(size));
                }
                let address = (address.0 != 0).then_some(address);
                Record::ReallocEnd { thread, address }
            }
        };
        match self.writer.record(&record) {
            Ok(applied) => self.forget_displaced(&applied),
            Err(error) => self.error = Some(error.into()),
        }
    }

    /// Blocks that are gone without a word about it.
    fn forget_displaced(&mut self, applied: &Applied) {
        let (Applied::Allocated { displaced, .. } | Applied::Reallocated { displaced, .. }) =
            applied
        else {
            return;
        };
        for block in displaced {
            self.capture.block_gone(block.address);
        }
        // Tracked again while it was being reallocated.
        if let Applied::Reallocated {
            before: Some(before),
            ..
        } = applied
        {
            self.capture.block_gone(before.address);
        }
    }
}

/// The general registers in DWARF's order.
fn general_registers(registers: &libc::user_regs_struct) -> [u64; Register::COUNT] {
    [
        registers.rax,
        registers.rdx,
        registers.rcx,
        registers.rbx,
        registers.rsi,
        registers.rdi,
        registers.rbp,
        registers.rsp,
        registers.r8,
        registers.r9,
        registers.r10,
        registers.r11,
        registers.r12,
        registers.r13,
        registers.r14,
        registers.r15,
    ]
}

/// A thread may be killed at any time; what was to be done with it is then void.
fn unless_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other,
    }
}

fn wait_for_birth(child: OsThread) -> Result<(), RecordError> {
    // Only the child may report here: its parent stands at the event of the fork. Threads of the
    // parent may, though; their reports would be lost, so the child is asked for its state first.
    for _ in 0..10_000 {
        if process::registers(child).is_ok() {
            return process::take_report(child).during("waiting for a forked child");
        }
        std::thread::sleep(std::time::Duration::from_micros(20));
    }
    Ok(())
}

fn is_sleeping(process: OsThread, thread: OsThread) -> bool {
    let path = format!("/proc/{}/task/{}/stat", process.0, thread.0);
    let Ok(text) = std::fs::read_to_string(path) else {
        return true;
    };
    // The state is the first letter behind the name, which is in parentheses.
    text.rsplit(')')
        .next()
        .and_then(|rest| rest.trim_start().chars().next())
        == Some('S')
}

fn wait_for_child(child: &mut Child) -> Outcome {
    use std::os::unix::process::ExitStatusExt;
    loop {
        match child.wait() {
            Ok(status) => {
                return match (status.code(), status.signal()) {
                    (Some(code), _) => Outcome::Exited(code),
                    (None, Some(signal)) => Outcome::Signalled(signal),
                    (None, None) => Outcome::Detached,
                };
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Outcome::RecorderStopped(error.to_string()),
        }
    }
}
