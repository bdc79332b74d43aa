//! A process that hooks itself: it is the observed process and the observer in one.

#![allow(dead_code, reason = "each test uses a part of it")]

#[path = "../../../../tests/support/skip.rs"]
pub mod skip;

use std::cell::UnsafeCell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stackheap_hook::{
    Agent, Allocation, ControlWrite, Drained, HookError, Loaded, MemoryWrite, Patches, Ring,
    TRAMPOLINE_BYTES,
};
use stackheap_model::{LoadBias, RuntimeAddress};

/// How far below an image the hooks are mapped.
const DISTANCE: u64 = 64 << 20;

pub struct Image {
    pub path: String,
    pub bytes: Vec<u8>,
    pub bias: LoadBias,
    low: u64,
}

/// The image mapped from the file whose path ends in `name`.
pub fn image(name: &str) -> Image {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.ends_with(name)).unwrap();
    let (start, _) = line.split_once('-').unwrap();
    let low = u64::from_str_radix(start, 16).unwrap();
    let path = &line[line.find('/').unwrap()..];
    // Shared objects and position-independent executables start at address 0 of the image.
    Image {
        path: path.to_owned(),
        bytes: fs::read(path).unwrap(),
        bias: LoadBias(low),
        low,
    }
}

pub fn own_image() -> Image {
    let path = std::env::current_exe().unwrap();
    image(path.to_str().unwrap())
}

fn map(address: u64, bytes: u64, protection: i32, sharing: i32) -> NonNull<u8> {
    let fixed = if address == 0 {
        0
    } else {
        libc::MAP_FIXED_NOREPLACE
    };
    let flags = sharing | libc::MAP_ANONYMOUS | fixed;
    // SAFETY: a new mapping, where there is none.
    let start = unsafe {
        libc::mmap(
            ptr::without_provenance_mut(address as usize),
            bytes as usize,
            protection,
            flags,
            -1,
            0,
        )
    };
    assert_ne!(start, libc::MAP_FAILED);
    NonNull::new(start.cast()).unwrap()
}

fn write(address: RuntimeAddress, bytes: &[u8]) {
    let memory = File::options()
        .read(true)
        .write(true)
        .open("/proc/self/mem")
        .unwrap();
    memory.write_all_at(bytes, address.0).unwrap();
}

pub fn write_control(write_this: ControlWrite) {
    write(write_this.address, &write_this.value.to_le_bytes());
}

/// Maps the agent and a ring for `events` events below an image, patches the image with what `plan`
/// says, and leaves the hooks switched off.
pub fn install(
    image: &Image,
    events: u32,
    plan: fn(&[u8], LoadBias, &Loaded, RuntimeAddress) -> Result<Patches, HookError>,
) -> Loaded {
    let agent = Agent::embedded().unwrap();
    let ring_bytes = Ring::bytes_for(events);
    let ring = map(
        0,
        ring_bytes,
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_SHARED,
    );
    let trampolines = RuntimeAddress(image.low - DISTANCE);
    let base = trampolines.offset(TRAMPOLINE_BYTES);
    let loaded = agent
        .layout(
            base,
            RuntimeAddress(ring.as_ptr().addr() as u64),
            ring_bytes,
        )
        .unwrap();
    assert_eq!(loaded.total_bytes, agent.total_bytes());
    for segment in &loaded.segments {
        let write_bit = if segment.writable {
            libc::PROT_WRITE
        } else {
            0
        };
        let code_bit = if segment.executable {
            libc::PROT_EXEC
        } else {
            0
        };
        let protection = libc::PROT_READ | write_bit | code_bit;
        map(
            segment.address.0,
            segment.bytes.len() as u64,
            protection,
            libc::MAP_PRIVATE,
        );
        write(segment.address, &segment.bytes);
    }
    let patches = plan(&image.bytes, image.bias, &loaded, trampolines).unwrap();
    let code = libc::PROT_READ | libc::PROT_EXEC;
    map(trampolines.0, TRAMPOLINE_BYTES, code, libc::MAP_PRIVATE);
    write(trampolines, &patches.trampoline_bytes);
    for slot in &patches.slots {
        write_control(*slot);
    }
    for patch in &patches.writes {
        check_original(patch);
    }
    // Opened beforehand: a patched allocator must not be called before all of it is patched.
    let memory = File::options()
        .read(true)
        .write(true)
        .open("/proc/self/mem")
        .unwrap();
    for patch in &patches.writes {
        memory.write_all_at(&patch.bytes, patch.address.0).unwrap();
    }
    // SAFETY: mapped for good, zeroed, and read by this ring only.
    let ring = unsafe { Ring::from_raw(ring, ring_bytes as usize) }.unwrap();
    *Reader::lock().ring = Some(ring);
    TRAP.store(loaded.drain_trap.0, Ordering::Relaxed);
    loaded
}

fn check_original(patch: &MemoryWrite) {
    let mut bytes = vec![0; patch.original.len()];
    File::open("/proc/self/mem")
        .unwrap()
        .read_exact_at(&mut bytes, patch.address.0)
        .unwrap();
    assert_eq!(bytes, patch.original);
}

/// The address of the drain trap.
static TRAP: AtomicU64 = AtomicU64::new(0);
/// How often a thread stood at it.
pub static TRAPS: AtomicU64 = AtomicU64::new(0);
static LOCKED: AtomicBool = AtomicBool::new(false);
static SHARED: Shared = Shared {
    ring: UnsafeCell::new(None),
    events: UnsafeCell::new(Vec::new()),
};

struct Shared {
    ring: UnsafeCell<Option<Ring>>,
    events: UnsafeCell<Vec<Allocation>>,
}

// SAFETY: accessed through `Reader` only, one at a time.
unsafe impl Sync for Shared {}

/// The observer: the ring and what was read from it, for one thread at a time. Nothing here
/// allocates, as the observed threads would wait for it.
pub struct Reader {
    ring: &'static mut Option<Ring>,
    pub events: &'static mut Vec<Allocation>,
}

impl Reader {
    pub fn lock() -> Self {
        while LOCKED.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        // SAFETY: nobody else has the lock.
        unsafe {
            Self {
                ring: &mut *SHARED.ring.get(),
                events: &mut *SHARED.events.get(),
            }
        }
    }

    pub fn drain(&mut self) -> Drained {
        let events = &mut *self.events;
        let ring = self.ring.as_mut().unwrap();
        ring.drain(&mut |event| push(events, *event))
    }

    /// Drains into a sum, which costs next to nothing; zero if nothing was there.
    pub fn drain_and_sum(&mut self) -> u64 {
        let mut sum = 0u64;
        if let Some(ring) = self.ring.as_mut() {
            ring.drain(&mut |event| sum = sum.wrapping_add(event.address.0 ^ event.sequence));
        }
        sum
    }

    fn drain_at_trap(&mut self) -> Drained {
        let events = &mut *self.events;
        let ring = self.ring.as_mut().unwrap();
        ring.drain_at_trap(&mut |event| push(events, *event))
    }
}

fn push(events: &mut Vec<Allocation>, event: Allocation) {
    if events.len() == events.capacity() {
        std::process::abort(); // A panic would allocate.
    }
    events.push(event);
}

impl Drop for Reader {
    fn drop(&mut self) {
        LOCKED.store(false, Ordering::Release);
    }
}

/// Lets threads that stand at the drain trap drain the ring themselves.
pub fn drain_at_traps(events: usize) {
    let room = Vec::with_capacity(events);
    *Reader::lock().events = room;
    let handler: extern "C" fn(i32, *const libc::siginfo_t, *const libc::ucontext_t) = at_trap;
    // SAFETY: the handler calls nothing that is not safe in a handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGTRAP, &action, ptr::null_mut()), 0);
    }
}

extern "C" fn at_trap(_: i32, _: *const libc::siginfo_t, context: *const libc::ucontext_t) {
    // SAFETY: the kernel gives the handler the thread's context.
    let rip = unsafe { (*context).uc_mcontext.gregs[libc::REG_RIP as usize] };
    if rip as u64 != TRAP.load(Ordering::Relaxed) + 1 {
        std::process::abort();
    }
    TRAPS.fetch_add(1, Ordering::Relaxed);
    let drained = Reader::lock().drain_at_trap();
    if drained.count == 0 {
        // A thread that has not filled its slot yet needs the processor.
        std::thread::yield_now();
    }
}

/// Runs `work` with the hooks switched on, and gives what they logged, by sequence.
pub fn observe(loaded: &Loaded, work: impl FnOnce()) -> Vec<Allocation> {
    Reader::lock().events.clear();
    write_control(loaded.enable());
    work();
    write_control(loaded.disable());
    let mut reader = Reader::lock();
    let drained = reader.drain();
    assert_eq!((drained.holes, drained.damaged), (0, 0));
    let mut events = std::mem::take(reader.events);
    events.sort_unstable_by_key(|event| event.sequence);
    *reader.events = Vec::with_capacity(events.capacity());
    events
}

/// The calling thread's thread pointer, as libc says.
pub fn thread_pointer() -> RuntimeAddress {
    // glibc and musl: the handle of a thread is the address of its control block.
    // SAFETY: has no conditions.
    RuntimeAddress(unsafe { libc::pthread_self() } as u64)
}

/// Whether there is nothing to test on this system.
pub fn unavailable() -> bool {
    let unavailable = matches!(Agent::embedded(), Err(HookError::Unavailable { .. }));
    if unavailable {
        skip::skip("there are no hooks for this system");
    }
    unavailable || !Path::new("/proc/self/maps").exists()
}
