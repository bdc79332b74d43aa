//! Starting, stopping and continuing threads of the observed process: `ptrace` and `waitpid`.

use std::ffi::CString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// The kernel's number of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OsThread(pub i32);

/// What `waitpid` told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The thread ended with this code.
    Exited(OsThread, i32),
    /// The thread's process was ended by this signal.
    Killed(OsThread, i32),
    /// The thread stopped because this signal is about to be delivered, or at a breakpoint.
    Stopped(OsThread, i32),
    /// The thread stopped at this event.
    Event(OsThread, Event),
    /// The thread stopped at the entry or exit of a system call.
    SystemCall(OsThread),
    /// A signal arrived here while waiting.
    Interrupted,
    /// Nothing happened, and waiting was not wanted.
    Nothing,
    /// There is nothing left to wait for.
    NoChildren,
}

/// An event of a traced thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new thread of the same process, already traced.
    Clone(OsThread),
    /// A new process, already traced.
    Fork(OsThread),
    /// A new process that shares the memory until it executes another program.
    Vfork(OsThread),
    /// The process executes another program.
    Exec,
    /// The thread is about to end.
    Exit,
    /// The thread is stopped: at its birth, since it was asked to, or with its whole process by
    /// this signal; `SIGTRAP` when its process is not, or no longer.
    Stop(i32),
    /// Any other event.
    Other(i32),
}

/// Whether to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Until something happens.
    Block,
    /// Not at all.
    Poll,
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Starts `command` and stops it before its first instruction, observed by the calling thread, at
/// addresses that do not vary from run to run where the system allows it.
///
/// The first value of the pair tells whether addresses are fixed.
///
/// The new process waits, before it executes the program, until it is observed: observing it by
/// `PTRACE_SEIZE` instead of letting it ask for that itself is what lets it be stopped by SIGSTOP
/// and continued by SIGCONT as without an observer. Another thread starts it, since starting it
/// returns only when the program is executed.
pub fn launch(command: &mut Command) -> io::Result<(bool, OsThread)> {
    let (mut told, tells) = io::pipe()?;
    let (waits, mut go) = io::pipe()?;
    prepare_child(command, tells.as_fd(), waits.as_fd(), go.as_fd());
    std::thread::scope(|scope| {
        let starting = scope.spawn(move || {
            // The ends of the pipes are the child's alone once it is there, so that waiting for
            // it ends with it.
            let _ends = (tells, waits);
            command.spawn()
        });
        let mut id = [0; 4];
        let seized = match told.read_exact(&mut id) {
            Ok(()) => {
                let thread = OsThread(i32::from_ne_bytes(id));
                seize(thread).map(|()| thread)
            }
            // It could not be started; the system's reason is in what starting gives.
            Err(error) => Err(error),
        };
        if seized.is_ok() {
            go.write_all(&[1])?;
        }
        drop(go);
        let executed = match &seized {
            Ok(thread) => until_executed(*thread),
            Err(_) => Ok(false),
        };
        let started = starting
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("starting the program panicked")));
        let thread = match (seized, started) {
            (Ok(thread), Ok(_)) => thread,
            (Ok(_), Err(reason)) => return Err(reason),
            // There was nothing to observe.
            (Err(error), Err(reason)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(reason);
            }
            // A child that is not observed ends itself.
            (Err(error), _) => return Err(error),
        };
        if !executed? {
            return Err(io::Error::other("it was ended by a signal before it began"));
        }
        Ok((addresses_are_fixed(thread), thread))
    })
}

/// What the child does between fork and exec.
fn prepare_child(
    command: &mut Command,
    tells: BorrowedFd<'_>,
    waits: BorrowedFd<'_>,
    go: BorrowedFd<'_>,
) {
    let (tells, waits, go) = (tells.as_raw_fd(), waits.as_raw_fd(), go.as_raw_fd());
    let in_child = move || {
        let mut byte = 0u8;
        // SAFETY: all of these are async-signal-safe system calls; they take numbers, and the
        // addresses of two local variables with their sizes. The file descriptors are the child's
        // copies of ones that were open when it was forked.
        unsafe {
            let persona = libc::personality(0xffff_ffff);
            if persona != -1 {
                // A system that refuses (a container, often) gives random addresses, which are
                // read after the start anyway.
                libc::personality((persona | libc::ADDR_NO_RANDOMIZE) as libc::c_ulong);
            }
            // Else it would wait for itself if its parent went away.
            libc::close(go);
            let id = libc::getpid().to_ne_bytes();
            libc::write(tells, id.as_ptr().cast(), id.len());
            let observed = loop {
                match libc::read(waits, (&raw mut byte).cast(), 1) {
                    -1 if *libc::__errno_location() == libc::EINTR => {}
                    read => break read == 1,
                }
            };
            if observed {
                Ok(())
            } else {
                Err(io::Error::from_raw_os_error(libc::EPERM))
            }
        }
    };
    // SAFETY: the closure allocates nothing, takes no locks and touches no memory of the parent.
    unsafe {
        command.pre_exec(in_child);
    }
}

/// Observes a process: its new threads, new processes, exec and exit are events, and it ends when
/// the observer does.
fn seize(process: OsThread) -> io::Result<()> {
    let options = libc::PTRACE_O_EXITKILL
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACEEXIT
        | libc::PTRACE_O_TRACESYSGOOD;
    // SAFETY: SEIZE takes no pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_SEIZE, process.0, 0, options as libc::c_long) })?;
    Ok(())
}

/// Follows a new process to where the new program is mapped and none of it has run. Gives whether
/// it came there.
fn until_executed(process: OsThread) -> io::Result<bool> {
    let mut executed = false;
    loop {
        match wait(Waiting::Block)? {
            Wait::Event(thread, Event::Exec) if thread == process => {
                // This stop is still inside of the system call. The one that is asked for here
                // comes where the program would begin.
                executed = true;
                interrupt(process)?;
                go_on(process, 0)?;
            }
            Wait::Event(_, Event::Stop(_)) if executed => return Ok(true),
            Wait::Event(thread, Event::Stop(signal)) => continue_or_listen(thread, signal)?,
            Wait::Event(thread, Event::Exit) => {
                // Who started it waits for it.
                detach(thread, 0)?;
                return Ok(false);
            }
            Wait::Event(thread, _) => go_on(thread, 0)?,
            Wait::Stopped(thread, signal) => go_on(thread, signal)?,
            Wait::SystemCall(thread) => go_on(thread, 0)?,
            Wait::Exited(..) | Wait::Killed(..) | Wait::NoChildren => return Ok(false),
            Wait::Interrupted | Wait::Nothing => {}
        }
    }
}

fn addresses_are_fixed(process: OsThread) -> bool {
    std::fs::read_to_string(format!("/proc/{}/personality", process.0))
        .ok()
        .and_then(|text| u64::from_str_radix(text.trim(), 16).ok())
        .is_some_and(|persona| persona & libc::ADDR_NO_RANDOMIZE as u64 != 0)
}

/// Lets a thread go on that stands at [`Event::Stop`] with this signal: it stays stopped if that is
/// what the signal asks for, and reports again when it is continued.
pub fn continue_or_listen(thread: OsThread, signal: i32) -> io::Result<()> {
    if signal == libc::SIGTRAP {
        return go_on(thread, 0);
    }
    // SAFETY: LISTEN takes no pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_LISTEN, thread.0, 0, 0) })?;
    Ok(())
}

/// Stops a thread, which reports [`Event::Stop`].
pub fn interrupt(thread: OsThread) -> io::Result<()> {
    // SAFETY: INTERRUPT takes no pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, thread.0, 0, 0) })?;
    Ok(())
}

/// The signals that a stopped thread does not take at the moment.
pub fn signal_mask(thread: OsThread) -> io::Result<Signals> {
    let mut mask = 0u64;
    let into: *mut u64 = &mut mask;
    let size = size_of::<u64>();
    // SAFETY: GETSIGMASK writes the size given to the address given, which is valid for it.
    check(unsafe { libc::ptrace(libc::PTRACE_GETSIGMASK, thread.0, size, into) })?;
    Ok(Signals(mask))
}

/// Sets the signals that a stopped thread does not take.
pub fn set_signal_mask(thread: OsThread, mask: Signals) -> io::Result<()> {
    let from: *const u64 = &mask.0;
    let size = size_of::<u64>();
    // SAFETY: SETSIGMASK reads the size given from the address given, which is a reference.
    check(unsafe { libc::ptrace(libc::PTRACE_SETSIGMASK, thread.0, size, from) })?;
    Ok(())
}

/// Lets a stopped thread go on, delivering `signal` if it is not 0.
pub fn go_on(thread: OsThread, signal: i32) -> io::Result<()> {
    // SAFETY: CONT takes no pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_CONT, thread.0, 0, libc::c_long::from(signal)) })?;
    Ok(())
}

/// Lets a stopped thread run until the next entry or exit of a system call, delivering `signal` if
/// it is not 0.
pub fn go_on_to_system_call(thread: OsThread, signal: i32) -> io::Result<()> {
    let signal = libc::c_long::from(signal);
    // SAFETY: SYSCALL takes no pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_SYSCALL, thread.0, 0, signal) })?;
    Ok(())
}

/// Whether a thread that has stopped at a system call is about to enter it; else it is leaving it.
pub fn enters_system_call(thread: OsThread) -> io::Result<bool> {
    let info = nix::sys::ptrace::syscall_info(nix::unistd::Pid::from_raw(thread.0))?;
    Ok(info.op == libc::PTRACE_SYSCALL_INFO_ENTRY)
}

/// Whether the kernel has left a system call for a signal, and may begin it again: a result that
/// only an observer sees (`ERESTARTSYS` and its like in the kernel's `linux/errno.h`).
pub fn is_interrupted(result: i64) -> bool {
    matches!(result, -512 | -513 | -514 | -516)
}

/// Stops observing a stopped thread, delivering `signal` if it is not 0.
pub fn detach(thread: OsThread, signal: i32) -> io::Result<()> {
    // SAFETY: DETACH takes no pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_DETACH, thread.0, 0, libc::c_long::from(signal)) })?;
    Ok(())
}

/// The registers of a stopped thread.
pub fn registers(thread: OsThread) -> io::Result<libc::user_regs_struct> {
    let mut registers = std::mem::MaybeUninit::<libc::user_regs_struct>::uninit();
    // SAFETY: GETREGS writes one user_regs_struct to the address given, which is valid for it.
    check(unsafe { libc::ptrace(libc::PTRACE_GETREGS, thread.0, 0, registers.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so all of the structure was written.
    Ok(unsafe { registers.assume_init() })
}

/// Sets the registers of a stopped thread.
pub fn set_registers(thread: OsThread, registers: &libc::user_regs_struct) -> io::Result<()> {
    let from: *const libc::user_regs_struct = registers;
    // SAFETY: SETREGS reads one user_regs_struct from the address given, which is a reference.
    check(unsafe { libc::ptrace(libc::PTRACE_SETREGS, thread.0, 0, from) })?;
    Ok(())
}

/// Sets the instruction pointer of a stopped thread; cheaper than setting all registers.
pub fn set_instruction_pointer(thread: OsThread, address: u64) -> io::Result<()> {
    let offset = std::mem::offset_of!(libc::user_regs_struct, rip);
    // SAFETY: POKEUSER takes an offset in the user area and a word, no pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_POKEUSER, thread.0, offset, address) })?;
    Ok(())
}

/// The address of the fault at whose signal `thread` stands.
pub fn fault_address(thread: OsThread) -> io::Result<u64> {
    let info = signal_info(thread)?;
    // SAFETY: si_addr reads the union's pointer; it is only used as a number.
    Ok(unsafe { info.si_addr() } as u64)
}

fn signal_info(thread: OsThread) -> io::Result<libc::siginfo_t> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: GETSIGINFO writes one siginfo_t to the address given, which is valid for it.
    check(unsafe { libc::ptrace(libc::PTRACE_GETSIGINFO, thread.0, 0, info.as_mut_ptr()) })?;
    // SAFETY: the call succeeded; siginfo_t is plain data that was zeroed before.
    Ok(unsafe { info.assume_init() })
}

fn event_message(thread: OsThread) -> Option<OsThread> {
    let mut message: libc::c_ulong = 0;
    let to: *mut libc::c_ulong = &mut message;
    // SAFETY: GETEVENTMSG writes one unsigned long to the address given, which is valid for it.
    check(unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, thread.0, 0, to) }).ok()?;
    i32::try_from(message).ok().map(OsThread)
}

/// Waits for any thread that is traced from here.
pub fn wait(waiting: Waiting) -> io::Result<Wait> {
    let mut status = 0;
    // Other threads of this process may observe programs of their own.
    let flags = libc::__WALL
        | libc::__WNOTHREAD
        | match waiting {
            Waiting::Block => 0,
            Waiting::Poll => libc::WNOHANG,
        };
    // SAFETY: waitpid writes one int to the address given, which is valid for it.
    let result = unsafe { libc::waitpid(-1, &mut status, flags) };
    decode_result(result, status)
}

fn decode_result(result: libc::pid_t, status: i32) -> io::Result<Wait> {
    if result == 0 {
        return Ok(Wait::Nothing);
    }
    if result == -1 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::EINTR) => Ok(Wait::Interrupted),
            Some(libc::ECHILD) => Ok(Wait::NoChildren),
            _ => Err(error),
        };
    }
    Ok(decode(OsThread(result), status))
}

/// Waits for a child that is not observed: for its end, and for its being stopped.
pub fn wait_unobserved(process: OsThread) -> io::Result<Wait> {
    let mut status = 0;
    // SAFETY: waitpid writes one int to the address given, which is valid for it.
    let result = unsafe { libc::waitpid(process.0, &mut status, libc::WUNTRACED) };
    decode_result(result, status)
}

/// Waits for the next stop of a process; `None` when it is gone.
pub fn wait_for_stop(process: OsThread) -> io::Result<Option<Wait>> {
    loop {
        let mut status = 0;
        // SAFETY: waitpid writes one int to the address given, which is valid for it.
        let result = unsafe { libc::waitpid(process.0, &mut status, libc::__WALL) };
        match decode_result(result, status)? {
            Wait::Interrupted => {}
            Wait::Exited(..) | Wait::Killed(..) | Wait::NoChildren => return Ok(None),
            stop => return Ok(Some(stop)),
        }
    }
}

fn decode(thread: OsThread, status: i32) -> Wait {
    if libc::WIFEXITED(status) {
        return Wait::Exited(thread, libc::WEXITSTATUS(status));
    }
    if libc::WIFSIGNALED(status) {
        return Wait::Killed(thread, libc::WTERMSIG(status));
    }
    let signal = libc::WSTOPSIG(status);
    if signal == libc::SIGTRAP | 0x80 {
        return Wait::SystemCall(thread);
    }
    let event = status >> 16;
    if event == 0 {
        return Wait::Stopped(thread, signal);
    }
    let child = || event_message(thread).unwrap_or(OsThread(0));
    Wait::Event(
        thread,
        match event {
            libc::PTRACE_EVENT_CLONE => Event::Clone(child()),
            libc::PTRACE_EVENT_FORK => Event::Fork(child()),
            libc::PTRACE_EVENT_VFORK => Event::Vfork(child()),
            libc::PTRACE_EVENT_EXEC => Event::Exec,
            libc::PTRACE_EVENT_EXIT => Event::Exit,
            libc::PTRACE_EVENT_STOP => Event::Stop(signal),
            other => Event::Other(other),
        },
    )
}

/// The processors a thread may run on.
#[derive(Clone, Copy)]
pub struct Processors(libc::cpu_set_t);

impl PartialEq for Processors {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: both are valid sets.
        unsafe { libc::CPU_EQUAL(&self.0, &other.0) }
    }
}

impl Processors {
    /// Those of `thread`; 0 is the calling thread.
    pub fn of(thread: OsThread) -> io::Result<Self> {
        let mut set = std::mem::MaybeUninit::<libc::cpu_set_t>::zeroed();
        // SAFETY: the call writes at most the size given to the address given.
        let result = unsafe {
            libc::sched_getaffinity(thread.0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr())
        };
        check(result.into())?;
        // SAFETY: a cpu_set_t is an array of integers, all bits zeroed before the call.
        Ok(Self(unsafe { set.assume_init() }))
    }

    /// The one on which the caller is running.
    pub fn current() -> Self {
        // SAFETY: a cpu_set_t is an array of integers, for which zero is a value.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: the call takes nothing and returns a number.
        let here = unsafe { libc::sched_getcpu() };
        let here = usize::try_from(here)
            .unwrap_or(0)
            .min(libc::CPU_SETSIZE as usize - 1);
        // SAFETY: `here` is below CPU_SETSIZE, and `set` is a valid set.
        unsafe { libc::CPU_SET(here, &mut set) };
        Self(set)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        // SAFETY: the set is a valid one.
        usize::try_from(unsafe { libc::CPU_COUNT(&self.0) }).unwrap_or(0)
    }

    /// Lets `thread` (0: the calling one) run on these only.
    pub fn apply_to(&self, thread: OsThread) -> io::Result<()> {
        // SAFETY: the call reads the size given from the address given, which is a reference.
        let result =
            unsafe { libc::sched_setaffinity(thread.0, size_of::<libc::cpu_set_t>(), &self.0) };
        check(result.into())?;
        Ok(())
    }
}

/// Sends a signal to a process.
pub fn send_signal(process: OsThread, signal: i32) {
    // SAFETY: kill takes two numbers. A process that is gone is no error here.
    unsafe { libc::kill(process.0, signal) };
}

/// Whether a file is executed with other rights than those of who executes it: those of its owner or
/// group, or capabilities of its own.
pub fn gives_rights(file: &Path) -> bool {
    let set_id = libc::S_ISUID | libc::S_ISGID;
    let is_set = std::fs::metadata(file).is_ok_and(|file| file.mode() & set_id != 0);
    is_set || has_capabilities(file)
}

fn has_capabilities(file: &Path) -> bool {
    let Ok(path) = CString::new(file.as_os_str().as_bytes()) else {
        return false;
    };
    let name = c"security.capability".as_ptr();
    // SAFETY: both texts end with a zero byte and live as long as the call; with a size of 0 nothing
    // is written.
    unsafe { libc::getxattr(path.as_ptr(), name, std::ptr::null_mut(), 0) > 0 }
}

/// Ends an observed process and waits for its end.
pub fn end(process: OsThread) {
    send_signal(process, libc::SIGKILL);
    loop {
        match wait(Waiting::Block) {
            Ok(Wait::Exited(ended, _) | Wait::Killed(ended, _)) if ended == process => return,
            Ok(Wait::NoChildren) | Err(_) => return,
            // It stands once more before its end.
            Ok(Wait::Event(thread, _) | Wait::Stopped(thread, _) | Wait::SystemCall(thread)) => {
                let _ = go_on(thread, 0);
            }
            Ok(_) => {}
        }
    }
}

/// The soft limit of a process on the size of its main stack, in bytes; `None` when unlimited.
pub fn stack_limit(process: OsThread) -> Option<u64> {
    let mut limit = libc::rlimit64 {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call writes one rlimit64 to the address given, which is valid for it; the new
    // limit is a null pointer, so nothing is changed.
    let result =
        unsafe { libc::prlimit64(process.0, libc::RLIMIT_STACK, std::ptr::null(), &mut limit) };
    (result == 0 && limit.rlim_cur != libc::RLIM64_INFINITY).then_some(limit.rlim_cur)
}

/// Signals of a user or another program that are passed on to the observed program, which would get
/// them itself if it ran without a recorder; `SIGTSTP` and its kind stop this process only when the
/// program has stopped.
const PASSED_ON: [libc::c_int; 9] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// Those of a terminal that stop.
const STOPPING: [libc::c_int; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// Signals as a set: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals(pub u64);

impl Signals {
    /// The set of one.
    pub fn one(signal: i32) -> Self {
        Self(1u64.checked_shl((signal - 1) as u32).unwrap_or(0))
    }

    /// All of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it has some of `other`.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Their numbers.
    pub fn numbers(self) -> impl Iterator<Item = i32> {
        (1..=64).filter(move |&signal| self.has(Self::one(signal)))
    }
}

/// Signals that were sent to this process by name, or to its whole group.
static SENT: AtomicU64 = AtomicU64::new(0);
/// Stopping signals that came in any way.
static STOPS: AtomicU64 = AtomicU64::new(0);

extern "C" fn note_signal(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the kernel passes a valid siginfo_t to a handler installed with SA_SIGINFO.
    let code = unsafe { (*info).si_code };
    let signals = Signals::one(signal).0;
    // What the kernel sends for a terminal goes to the program too.
    if code <= 0 {
        SENT.fetch_or(signals, Ordering::SeqCst);
    }
    if STOPPING.contains(&signal) {
        STOPS.fetch_or(signals, Ordering::SeqCst);
    }
}

extern "C" fn do_nothing(_signal: libc::c_int) {}

/// Handlers of this process, until dropped.
pub struct Handlers {
    before: Vec<(libc::c_int, libc::sigaction)>,
}

impl Handlers {
    /// Notes from now on the signals that would end or stop this process, and outlives writing more
    /// than the limit of files, which then fails. What is ignored stays so: the programs that are
    /// started must find it as it was.
    pub fn install() -> Self {
        let mut handlers = Self { before: Vec::new() };
        let noting = note_signal as *const () as usize;
        for signal in PASSED_ON {
            // Without SA_RESTART a waiting system call returns.
            handlers.add(signal, noting, libc::SA_SIGINFO);
        }
        handlers.add(libc::SIGXFSZ, do_nothing as *const () as usize, 0);
        handlers
    }

    fn add(&mut self, signal: libc::c_int, handler: usize, flags: libc::c_int) {
        let before = set_action(signal, &action(handler, flags));
        if before.sa_sigaction == libc::SIG_IGN {
            set_action(signal, &before);
        } else {
            self.before.push((signal, before));
        }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for (signal, before) in &self.before {
            set_action(*signal, before);
        }
    }
}

fn action(handler: usize, flags: libc::c_int) -> libc::sigaction {
    // SAFETY: a sigaction is plain data, for which zero is a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    action
}

/// Gives the action before.
fn set_action(signal: libc::c_int, new: &libc::sigaction) -> libc::sigaction {
    let mut before = action(libc::SIG_DFL, 0);
    // SAFETY: both addresses are references; the handlers of this module are async-signal-safe, as
    // they only store to atomics, and are installed with the flags that they are written for.
    unsafe { libc::sigaction(signal, new, &mut before) };
    before
}

/// The signals sent since the last call that the program may not have had.
pub fn sent_signals() -> Signals {
    Signals(SENT.swap(0, Ordering::SeqCst))
}

/// Whether a stopping signal came since the last call, or the last stop.
pub fn was_asked_to_stop() -> bool {
    STOPS.swap(0, Ordering::SeqCst) != 0
}

/// Stops this process until it is continued, as `signal` would by default.
pub fn stop_self(signal: i32) {
    let before = set_action(signal, &action(libc::SIG_DFL, 0));
    // SAFETY: raise takes a number.
    unsafe { libc::raise(signal) };
    set_action(signal, &before);
    STOPS.store(0, Ordering::SeqCst);
}

/// Who sent the signal at whose delivery `thread` stands, where a process did.
pub fn sender(thread: OsThread) -> Option<OsThread> {
    let info = signal_info(thread).ok()?;
    // SAFETY: the field is only read when the code says that a process sent the signal.
    (info.si_code <= 0).then(|| OsThread(unsafe { info.si_pid() }))
}

/// The signals that wait for a process or one of its threads.
pub fn pending(process: OsThread) -> Signals {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.0));
    let mut all = Signals::default();
    for task in tasks.into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let sets = text
            .lines()
            .filter_map(|line| line.split_once("Pnd:\t"))
            .filter_map(|(_, set)| u64::from_str_radix(set.trim(), 16).ok());
        all = sets.fold(all, |all, set| all.and(Signals(set)));
    }
    all
}

/// Interrupts waiting from here every so many milliseconds, until dropped.
pub struct Wakes {
    before: libc::sigaction,
}

impl Wakes {
    /// Begins.
    pub fn every(milliseconds: u32) -> Self {
        let before = set_action(libc::SIGALRM, &action(do_nothing as *const () as usize, 0));
        set_timer(milliseconds);
        Self { before }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        set_timer(0);
        set_action(libc::SIGALRM, &self.before);
    }
}

fn set_timer(milliseconds: u32) {
    let interval = libc::timeval {
        tv_sec: i64::from(milliseconds / 1000),
        tv_usec: i64::from(milliseconds % 1000) * 1000,
    };
    let timer = libc::itimerval {
        it_interval: interval,
        it_value: interval,
    };
    // SAFETY: the call only reads from the address given, which is a reference. Timers are not
    // inherited by other processes.
    unsafe {
        libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut());
    }
}
