//! One run of a program under observation.

mod children;
mod ending;
mod mappings;
mod services;
mod signals;
mod turns;

use std::collections::VecDeque;
use std::io;
use std::process::Command;
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

use self::mappings::Place;
use crate::breakpoints::{Breakpoints, Purpose, Service};
use crate::capture::{Capture, Roots};
use crate::error::{During, RecordError};
use crate::injection::{self, AllocationLog};
use crate::log::Log;
use crate::maps;
use crate::options::{KeepValues, Placement, RecordOptions, Threads, Trigger};
use crate::reach::Change;
use crate::remote::Remote;
use crate::sys::memory::ProcessMemory;
use crate::sys::process::{self, Handlers, OsThread, Processors, Signals, Wait, Waiting, Wakes};

/// Breakpoints beside the sites: services in the C library.
const SERVICE_BREAKPOINTS: usize = 64;

/// Bytes of output that are kept.
const OUTPUT_KEPT: u64 = 16 << 20;

/// Bytes of one call of `write` that are kept.
const OUTPUT_PIECE: usize = 1 << 20;

/// How often what is recorded goes to the file at least.
const FLUSH_EVERY_MS: u32 = 200;

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
    /// Whether addresses are the same from run to run.
    pub addresses_fixed: bool,
    /// Why recording ended before the program did, where that was an error: what was recorded until
    /// then opens, but the recording has no end.
    pub broke_off: Option<String>,
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
    let _handlers = Handlers::install();
    let (addresses_fixed, process) =
        process::launch(&mut command).map_err(|error| classify_start_error(program, error))?;
    let prepared = (|| {
        let memory = ProcessMemory::open(process).during("opening its memory")?;
        let bias = load_bias(process, image).during("finding where it was loaded")?;
        writer.record(&Record::Loaded { bias })?;
        let mut session = Session::new(
            process, memory, bias, table, image, executable, writer, options,
        );
        session.facts.addresses_fixed = addresses_fixed;
        session.prepare()?;
        Ok(session)
    })();
    match prepared {
        Ok(session) => session.run(),
        Err(error) => {
            // The program has not run yet: end it rather than let it run half prepared.
            process::end(process);
            Err(error)
        }
    }
}

fn classify_start_error(program: String, error: io::Error) -> RecordError {
    match error.raw_os_error() {
        Some(libc::EPERM) => crate::probe::refused(error),
        _ => RecordError::Start { program, error },
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

impl Watched {
    /// Whether a thread that stands at the entry of a system call is about to make this one.
    fn is_entered_with(&self, registers: &libc::user_regs_struct) -> bool {
        let call = registers.orig_rax as libc::c_long;
        match *self {
            Watched::Write {
                stream,
                buffer,
                vector,
            } => {
                let number = match vector {
                    None => libc::SYS_write,
                    Some(_) => libc::SYS_writev,
                };
                let is_of_it = stream_of(registers.rdi) == Some(stream);
                call == number && is_of_it && registers.rsi == buffer
            }
            Watched::GetAffinity => call == libc::SYS_sched_getaffinity,
            Watched::SetAffinity => call == libc::SYS_sched_setaffinity,
        }
    }
}

/// What a file descriptor stands for.
fn stream_of(file: u64) -> Option<OutputStream> {
    match file {
        1 => Some(OutputStream::Stdout),
        2 => Some(OutputStream::Stderr),
        _ => None,
    }
}

/// At most so many calls of a thread are followed at once: the handler of a signal that interrupts
/// one may make another.
const WATCHES: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Watch {
    what: Watched,
    /// The stack pointer where its function was called.
    stack_pointer: u64,
    entered: bool,
}

/// At most so many sites of a thread wait for handlers to return: handlers may be interrupted too.
const INTERRUPTED: usize = 64;

/// A site whose instruction had not run yet when a signal came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interrupted {
    at: RuntimeAddress,
    /// The registers that it is come back to with.
    registers: [u64; Register::COUNT],
}

impl Interrupted {
    fn new(at: RuntimeAddress, registers: &libc::user_regs_struct) -> Self {
        Self {
            at,
            registers: general_registers(registers),
        }
    }

    fn stack_pointer(&self) -> u64 {
        self.registers[usize::from(Register::RSP.0)]
    }
}

#[derive(Debug)]
struct Thread {
    kind: Kind,
    /// `None` for another process, and before its birth.
    id: Option<ThreadId>,
    /// The end of the stack that is in use before any of the program runs in it.
    stack_end: RuntimeAddress,
    /// How far down it may reach; 0 when not known.
    stack_low: RuntimeAddress,
    thread_pointer: u64,
    /// The newest last.
    watches: Vec<Watch>,
    /// Sites that were recorded before a signal came, to be passed without a record when its
    /// handler returns. The newest last.
    interrupted: Vec<Interrupted>,
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

impl Thread {
    /// One that has not been seen yet.
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            id: None,
            stack_end: RuntimeAddress(0),
            stack_low: RuntimeAddress(0),
            thread_pointer: 0,
            watches: Vec::new(),
            interrupted: Vec::new(),
            free: kind == Kind::Process,
            stack_window_told: false,
            announced: false,
            named: false,
            stopped_at_birth: false,
        }
    }

    /// Whether one stack pointer is above another on the thread's own stack; not so for two stacks.
    fn is_above(&self, high: u64, low: u64) -> bool {
        let own = self.stack_low.0..=self.stack_end.0;
        low < high && own.contains(&low) && own.contains(&high)
    }

    /// A signal comes at a site that has been recorded.
    fn interrupted_at(&mut self, site: Interrupted) {
        if self.interrupted.len() >= INTERRUPTED {
            self.interrupted.remove(0);
        }
        self.interrupted.push(site);
    }

    /// Whether a handler has returned to a site that has been recorded. A handler that did not
    /// return, but left with `siglongjmp`, has no claim to the next passing: it ran below where it
    /// interrupted its thread, so that is forgotten as soon as a site is passed there or above.
    fn returns_to(&mut self, site: Interrupted) -> bool {
        if self.interrupted.is_empty() {
            return false;
        }
        if let Some(index) = self.interrupted.iter().rposition(|it| *it == site) {
            self.interrupted.truncate(index);
            return true;
        }
        let here = site.stack_pointer();
        let mut interrupted = std::mem::take(&mut self.interrupted);
        interrupted.retain(|it| {
            let place = it.stack_pointer();
            place != here && !self.is_above(here, place)
        });
        self.interrupted = interrupted;
        false
    }

    /// Follows a system call to its end.
    fn watch(&mut self, watch: Watch) {
        // What was called from here or further out before is over: a handler did not return to it.
        let mut watches = std::mem::take(&mut self.watches);
        let here = watch.stack_pointer;
        watches.retain(|older| {
            older.stack_pointer != here && !self.is_above(here, older.stack_pointer)
        });
        if watches.len() >= WATCHES {
            watches.remove(0);
        }
        watches.push(watch);
        self.watches = watches;
    }
}

/// What shares the memory of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Thread,
    /// A child that shares it until it executes another program, as `vfork` makes it. It is not
    /// recorded, but followed, since the breakpoints are there for it too.
    Process,
}

struct Session<'a, 'd> {
    process: OsThread,
    memory: ProcessMemory,
    bias: LoadBias,
    table: Arc<SiteTable>,
    image: &'a Image<'d>,
    executable: &'a [u8],
    writer: Log<'a>,
    options: &'a RecordOptions,
    breakpoints: Breakpoints,
    trampolines: RuntimeAddress,
    allocations: Option<AllocationLog>,
    capture: Capture,
    mappings: mappings::Mappings,
    threads: FxHashMap<OsThread, Thread>,
    /// New threads and processes that reported before the event of their parent, with the signal
    /// of that stop.
    early_children: Vec<(OsThread, i32)>,
    by_thread_pointer: FxHashMap<u64, ThreadId>,
    last_thread: u32,
    /// Whether it is in the recording that allocations were lost.
    loss_told: bool,
    /// Whether it is that a static could not be read any more.
    static_unreadable_told: bool,
    recording: Recording,
    /// Whether the program runs on without breakpoints and hooks.
    is_let_go: bool,
    triggered: u64,
    stops: u64,
    output_kept: u64,
    /// The processor on which program and recorder run, and those on which they would.
    pinned: Option<(Processors, Processors)>,
    /// The same, when they no longer do.
    unpinned: Option<(Processors, Processors)>,
    held: VecDeque<OsThread>,
    turn: Option<turns::Turn>,
    /// Signals that were sent to the recorder, to be passed on unless the program has them too.
    to_pass_on: Signals,
    /// Signals that others sent to the program a moment ago.
    had: Signals,
    /// How often the program was interrupted by others than itself.
    interrupts: u32,
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
            memory,
            bias,
            capture: Capture::new(options.budget, statics),
            mappings: mappings::Mappings::default(),
            table,
            image,
            executable,
            writer: Log::new(writer),
            options,
            breakpoints: Breakpoints::new(),
            trampolines: RuntimeAddress(0),
            allocations: None,
            threads: FxHashMap::default(),
            early_children: Vec::new(),
            by_thread_pointer: FxHashMap::default(),
            last_thread: 0,
            loss_told: false,
            static_unreadable_told: false,
            recording: if options.from.is_some() {
                Recording::NotYet
            } else {
                Recording::On
            },
            is_let_go: false,
            triggered: 0,
            stops: 0,
            output_kept: 0,
            pinned: None,
            unpinned: None,
            held: VecDeque::new(),
            turn: None,
            to_pass_on: Signals::default(),
            had: Signals::default(),
            interrupts: 0,
            allocator_home: None,
            outcome: None,
            facts: RunFacts {
                outcome: Outcome::Detached,
                mechanism: Mechanism::None,
                mechanism_why: String::new(),
                notes: Vec::new(),
                addresses_fixed: false,
                broke_off: None,
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
            stack_end: RuntimeAddress(start.rsp),
            stopped_at_birth: true,
            ..Thread::new(Kind::Thread)
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
        if let Some(thread) = self.threads.get_mut(&os) {
            thread.stack_low = low;
        }
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
        let wakes = Wakes::every(FLUSH_EVERY_MS);
        self.observe()?;
        drop(wakes);
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
            let report = process::wait(waiting).during("waiting for it")?;
            if report == Wait::NoChildren {
                break;
            }
            if let Err(error) = self.handle(report) {
                self.break_off(report, &error)?;
            }
            if let Some(error) = self.writer.failure() {
                self.recording = Recording::Over;
                let why = error.to_string();
                self.facts.broke_off.get_or_insert(why);
            }
            if self.recording == Recording::Over && self.outcome.is_none() {
                self.let_go()?;
            }
        }
        self.drain()
    }

    fn handle(&mut self, report: Wait) -> Result<(), RecordError> {
        match report {
            Wait::Stopped(thread, signal) => self.stopped(thread, signal),
            Wait::Event(thread, event) => self.event(thread, event),
            Wait::SystemCall(thread) => self.system_call(thread),
            Wait::Exited(thread, code) => self.ended(thread, Outcome::Exited(code)),
            Wait::Killed(thread, signal) => self.ended(thread, Outcome::Signalled(signal)),
            Wait::Interrupted => {
                self.pass_signals_on();
                Ok(self.writer.tick()?)
            }
            Wait::Nothing => self.pass_turn_if_blocked(),
            Wait::NoChildren => Ok(()),
        }
    }

    /// Lets a thread go on from where it stands; a thread that is gone meanwhile is no error.
    fn go_on(&self, thread: OsThread) -> Result<(), RecordError> {
        self.go_on_with(thread, 0)
    }

    fn go_on_with(&self, thread: OsThread, signal: i32) -> Result<(), RecordError> {
        let watched = self
            .threads
            .get(&thread)
            .is_some_and(|thread| !thread.watches.is_empty());
        let result = if watched {
            process::go_on_to_system_call(thread, signal)
        } else {
            process::go_on(thread, signal)
        };
        unless_gone(result).during("letting it go on")
    }

    fn stopped(&mut self, thread: OsThread, signal: i32) -> Result<(), RecordError> {
        if !self.threads.contains_key(&thread) {
            return Ok(());
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
                return self.at_breakpoint(thread, &registers, at, purpose, copy);
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
    ) -> Result<(), RecordError> {
        unless_gone(process::set_instruction_pointer(thread, copy.0))
            .during("moving it past a breakpoint")?;
        match purpose {
            Purpose::Service(service) => self.service(thread, registers, at, service)?,
            Purpose::Site(site) => {
                self.pass_site(thread, registers, at, site)?;
                let is_recorded = self.threads.get(&thread).is_some_and(|it| it.id.is_some());
                if is_recorded && self.options.threads == Threads::Serialized {
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
    ) -> Result<(), RecordError> {
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        let Some(id) = thread.id else { return Ok(()) };
        if thread.returns_to(Interrupted::new(at, registers)) {
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
        self.check_bounds(at, site)
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

    fn check_bounds(&mut self, at: RuntimeAddress, site: SiteId) -> Result<(), RecordError> {
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
        let Some(breakpoint) = self.breakpoints.at(at) else {
            return Ok(());
        };
        breakpoint.recorded += 1;
        let after = breakpoint.recorded;
        let is_reached = self.options.throttle.is_some_and(|most| after >= most);
        // A thread that had run into it already is recorded once more.
        if is_reached
            && self
                .breakpoints
                .disarm(&self.memory, at)
                .during("taking a breakpoint out")?
        {
            let limit = Limit::SiteThrottled { site, after };
            self.writer.record(&Record::Limit(limit))?;
        }
        Ok(())
    }

    /// Ends recording, and tells why.
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
        if self.options.values == KeepValues::No {
            // Where the frame is, and none of what the program computes.
            known = planned.cfa.registers();
        }
        let general = general_registers(registers);
        let Some(thread) = self.threads.get(&os) else {
            return Ok(());
        };
        let own = thread.stack_low.0..=thread.stack_end.0;
        let place = if own.contains(&registers.rsp) {
            Place::OwnStack
        } else {
            Place::Elsewhere(RuntimeAddress(registers.rsp))
        };
        let other_end = self.renew_mappings(os, place)?;
        let Some(thread) = self.threads.get_mut(&os) else {
            return Ok(());
        };
        let stack_end = other_end.unwrap_or(thread.stack_end);
        let low = (registers.rsp - below) & !7;
        let window = low.saturating_add(self.options.budget.stack_bytes);
        let on_stack = low <= stack_end.0;
        let high = if on_stack {
            stack_end.0.min(window)
        } else {
            low
        };
        let mut captured = AddressRange {
            low: RuntimeAddress(low),
            high: RuntimeAddress(high),
        };
        let cut = on_stack && high < stack_end.0;
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
            (captured.low, captured.high) = self.capture.stack;
        }
        if tell_window {
            let bytes = self.options.budget.stack_bytes;
            self.writer
                .record(&Record::Limit(Limit::StackWindow { thread: id, bytes }))?;
        }
        self.tell_unreadable_static()?;
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
                Change::Unreadable(address) => Record::Untracked {
                    address,
                    // What reading memory that is not there, or may not be read, gives.
                    why: Untracked::Unreadable {
                        errno: libc::EFAULT,
                    },
                },
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
            writer: &mut self.writer,
            capture: &mut self.capture,
            by_thread_pointer: &self.by_thread_pointer,
            error: None,
        };
        let ring = &mut log.shared.ring;
        let mut lost = ring.drain(&mut |allocation| sink.take(allocation)).damaged;
        // A thread that was interrupted between taking its place and filling it holds up those
        // behind it; it gets the chance to go on, and after that they pass.
        for _ in 0..PATIENCE {
            if ring.backlog() == 0 {
                break;
            }
            std::thread::yield_now();
            lost += ring.drain(&mut |allocation| sink.take(allocation)).damaged;
        }
        if ring.backlog() > 0 {
            let drained = ring.drain_past_holes(&mut |allocation| sink.take(allocation));
            lost += drained.damaged;
        }
        sink.error.map_or(Ok(()), Err)?;
        self.tell_lost(lost)
    }

    fn drain_at_trap(&mut self) -> Result<(), RecordError> {
        let Some(log) = &mut self.allocations else {
            return Ok(());
        };
        let mut sink = AllocationSink {
            writer: &mut self.writer,
            capture: &mut self.capture,
            by_thread_pointer: &self.by_thread_pointer,
            error: None,
        };
        let ring = &mut log.shared.ring;
        let drained = ring.drain_at_trap(&mut |allocation| sink.take(allocation));
        sink.error.map_or(Ok(()), Err)?;
        self.tell_lost(drained.damaged)
    }

    /// Tells that a static cannot be read, the first time: unlike a block it has no place for that.
    fn tell_unreadable_static(&mut self) -> Result<(), RecordError> {
        if !self.capture.static_unreadable
            || std::mem::replace(&mut self.static_unreadable_told, true)
        {
            return Ok(());
        }
        let what = "a static could not be read: the program took the right to read it away; it is \
                    shown as it was before";
        self.writer
            .record(&Record::Limit(Limit::Other(what.to_owned())))?;
        Ok(())
    }

    /// Tells that events of the hooks make no sense, the first time.
    fn tell_lost(&mut self, lost: u64) -> Result<(), RecordError> {
        if lost == 0 || std::mem::replace(&mut self.loss_told, true) {
            return Ok(());
        }
        let what = "allocations were lost: the program wrote over the memory in which they are \
                    logged; from here on blocks may be missing, or be shown after their end";
        self.writer
            .record(&Record::Limit(Limit::Other(what.to_owned())))?;
        Ok(())
    }
}

/// Where the logged allocations go.
struct AllocationSink<'s, 'w> {
    writer: &'s mut Log<'w>,
    capture: &'s mut Capture,
    by_thread_pointer: &'s FxHashMap<u64, ThreadId>,
    error: Option<RecordError>,
}

impl AllocationSink<'_, '_> {
    fn take(&mut self, allocation: &Allocation) {
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
            // By reference: what was freed is large, and nobody wants it here.
            Ok(Some(ref applied)) => self.forget_displaced(applied),
            Ok(None) => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    fn site(at: u64, stack_pointer: u64) -> Interrupted {
        let mut registers = [0; Register::COUNT];
        registers[usize::from(Register::RSP.0)] = stack_pointer;
        Interrupted {
            at: RuntimeAddress(at),
            registers,
        }
    }

    fn thread() -> Thread {
        Thread {
            stack_low: RuntimeAddress(0x1_0000),
            stack_end: RuntimeAddress(0x2_0000),
            ..Thread::new(Kind::Thread)
        }
    }

    #[test]
    fn handlers_return_to_what_they_interrupted() {
        let mut thread = thread();
        let (outer, inner) = (site(1, 0x1_9000), site(2, 0x1_8000));
        thread.interrupted_at(outer);
        for deeper in [site(3, 0x1_8000), site(1, 0x1_8000), site(4, 0x5000)] {
            assert!(!thread.returns_to(deeper), "a site of the handler");
        }
        thread.interrupted_at(inner);
        assert!(!thread.returns_to(site(3, 0x1_7000)));
        assert!(thread.returns_to(inner));
        assert!(!thread.returns_to(site(5, 0x1_8100)));
        assert!(thread.returns_to(outer));
        assert!(!thread.returns_to(outer), "passed again");
        // On a stack of its own, which may be above.
        thread.interrupted_at(outer);
        assert!(!thread.returns_to(site(3, 0x9_0000)));
        assert!(thread.returns_to(outer));
    }

    #[test]
    fn a_handler_that_does_not_return_hides_no_passing() {
        let interrupted = site(1, 0x1_9000);
        for beyond in [site(2, 0x1_9000), site(2, 0x1_a000)] {
            let mut thread = thread();
            thread.interrupted_at(interrupted);
            assert!(!thread.returns_to(beyond));
            assert!(!thread.returns_to(interrupted));
        }
        let mut thread = thread();
        for number in 0..1000 {
            thread.interrupted_at(site(number, 0x1_9000));
        }
        assert_eq!(thread.interrupted.len(), INTERRUPTED);
    }
}
