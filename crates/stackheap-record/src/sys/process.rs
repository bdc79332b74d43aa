//! Starting, stopping and continuing threads of the observed process: `ptrace` and `waitpid`.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

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

/// Starts `command` stopped at its first instruction, traced by the calling thread, at addresses
/// that do not vary from run to run where the system allows it.
///
/// The first value of the pair tells whether addresses are fixed.
pub fn launch(command: &mut Command) -> io::Result<(bool, Child)> {
    // SAFETY: the closure runs between fork and exec; it only makes two system calls, which are
    // async-signal-safe, and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| {
            let persona = libc::personality(0xffff_ffff);
            if persona != -1 {
                // A system that refuses (a container, often) gives random addresses, which are
                // read after the start anyway.
                libc::personality((persona | libc::ADDR_NO_RANDOMIZE) as libc::c_ulong);
            }
            if libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) == -1 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let child = command.spawn()?;
    let fixed = std::fs::read_to_string(format!("/proc/{}/personality", child.id()))
        .ok()
        .and_then(|text| u64::from_str_radix(text.trim(), 16).ok())
        .is_some_and(|persona| persona & libc::ADDR_NO_RANDOMIZE as u64 != 0);
    Ok((fixed, child))
}

/// Asks for events of new threads, new processes, exec and exit; and that the process ends when
/// the tracer does.
pub fn trace_options(thread: OsThread) -> io::Result<()> {
    let options = libc::PTRACE_O_EXITKILL
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACEEXIT
        | libc::PTRACE_O_TRACESYSGOOD;
    // SAFETY: SETOPTIONS takes no pointers.
    check(unsafe {
        libc::ptrace(
            libc::PTRACE_SETOPTIONS,
            thread.0,
            0,
            options as libc::c_long,
        )
    })?;
    Ok(())
}

/// Lets a stopped thread go on, delivering `signal` if it is not 0.
pub fn go_on(thread: OsThread, signal: i32) -> io::Result<()> {
    // SAFETY: CONT takes no pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_CONT, thread.0, 0, libc::c_long::from(signal)) })?;
    Ok(())
}

/// Lets a stopped thread run until the next entry or exit of a system call.
pub fn go_on_to_system_call(thread: OsThread) -> io::Result<()> {
    // SAFETY: SYSCALL takes no pointers.
    check(unsafe { libc::ptrace(libc::PTRACE_SYSCALL, thread.0, 0, 0) })?;
    Ok(())
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
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: GETSIGINFO writes one siginfo_t to the address given, which is valid for it.
    check(unsafe { libc::ptrace(libc::PTRACE_GETSIGINFO, thread.0, 0, info.as_mut_ptr()) })?;
    // SAFETY: the call succeeded; siginfo_t is plain data that was zeroed before.
    let info = unsafe { info.assume_init() };
    // SAFETY: si_addr reads the union's pointer; it is only used as a number.
    Ok(unsafe { info.si_addr() } as u64)
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

/// Waits for the next report of one thread and passes it over.
pub fn take_report(thread: OsThread) -> io::Result<()> {
    let mut status = 0;
    // SAFETY: waitpid writes one int to the address given, which is valid for it.
    let result = unsafe { libc::waitpid(thread.0, &mut status, libc::__WALL) };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
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
            other => Event::Other(other),
        },
    )
}

/// The processors a thread may run on.
#[derive(Clone, Copy)]
pub struct Processors(libc::cpu_set_t);

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

/// How often the user asked to stop, and how the last request came.
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
static LAST_SIGNAL: AtomicI32 = AtomicI32::new(0);
static SENT_TO_US_ALONE: AtomicI32 = AtomicI32::new(0);

extern "C" fn note_interrupt(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    INTERRUPTS.fetch_add(1, Ordering::SeqCst);
    LAST_SIGNAL.store(signal, Ordering::SeqCst);
    // SAFETY: the kernel passes a valid siginfo_t to a handler installed with SA_SIGINFO.
    let code = unsafe { (*info).si_code };
    SENT_TO_US_ALONE.store(i32::from(code <= 0), Ordering::SeqCst);
}

/// A request of the user to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// How many requests there were.
    pub count: u32,
    /// The signal of the last one.
    pub signal: i32,
    /// Whether it was sent to this process alone, so that the program has not had it.
    pub sent_to_us_alone: bool,
}

/// Counts interrupts from now on instead of ending at them.
pub fn catch_interrupts() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: a zeroed sigaction is valid; the handler is async-signal-safe (it only stores to
        // atomics), and without SA_RESTART a waiting system call returns.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = note_interrupt as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// The requests so far.
pub fn interrupts() -> Option<Interrupt> {
    let count = INTERRUPTS.load(Ordering::SeqCst);
    (count > 0).then(|| Interrupt {
        count,
        signal: LAST_SIGNAL.load(Ordering::SeqCst),
        sent_to_us_alone: SENT_TO_US_ALONE.load(Ordering::SeqCst) != 0,
    })
}

extern "C" fn wake_up(_signal: libc::c_int) {}

/// Interrupts waiting from here every so many milliseconds, until the program ends; 0 stops that.
pub fn wake_every(milliseconds: u32) {
    let interval = libc::timeval {
        tv_sec: i64::from(milliseconds / 1000),
        tv_usec: i64::from(milliseconds % 1000) * 1000,
    };
    let timer = libc::itimerval {
        it_interval: interval,
        it_value: interval,
    };
    // SAFETY: a zeroed sigaction is valid, the handler does nothing, and both calls only read from
    // the addresses given, which are references. Timers are not inherited by other processes.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = wake_up as *const () as usize;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut());
        libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut());
    }
}
