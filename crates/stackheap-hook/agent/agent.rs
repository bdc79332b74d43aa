//! The part that runs inside the observed process: hooks of the allocation functions, each of
//! which calls the real function and writes one slot of a ring in shared memory (two for a
//! reallocation).
//!
//! It is a shared object without dependencies, loaded by hand at a place the recorder chooses. It
//! allocates nothing, takes no lock, makes no system call, uses no thread-local storage and cannot
//! panic. It keeps frame pointers, so that a stack with a hook in it can be walked: in the body of
//! a hook, the frame of the caller lies at `rbp + 16`.
//!
//! A position in the ring is taken by one atomic addition, which gives all events one order. A
//! thread that is interrupted between taking its position and filling the slot, by the scheduler or
//! by a signal handler that allocates, holds up nobody else in the process: others fill the slots
//! behind it. When a position's slot is not free yet, since the ring is full, the thread executes
//! the `int3` of `stackheap_drain_trap`; the tracer empties the ring and lets the thread look again.

#![no_std]
#![allow(non_upper_case_globals)]

#[allow(dead_code)] // Some of it is for the reader only.
mod protocol;

use core::arch::{asm, naked_asm};
use core::mem::transmute;
use core::sync::atomic::{AtomicU64, Ordering};

use protocol::{
    Control, Function, KIND_ALLOCATED, KIND_FREED, KIND_REALLOC_BEGIN, KIND_REALLOC_END, Slot,
    Turn, UNKNOWN_ALIGN, free_header, full_header, lap, turn,
};

/// Where the hooks are told what to do. Written by the tracer, with the process stopped.
// SAFETY: nothing is linked with this file, so no other symbol can have the name.
#[unsafe(no_mangle)]
static mut stackheap_control: Control = Control {
    enabled: 0,
    head: 0,
    slots: 0,
    slots_log2: 0,
    inner_low: 0,
    inner_high: 0,
    text_low: 0,
    text_high: 0,
    originals: [0; Function::COUNT],
};

/// What a hook writes into its slot, beside what it finds out itself.
struct Event {
    function: Function,
    kind: u8,
    align_log2: u8,
    address: usize,
    size: usize,
    extra: usize,
    /// The stack pointer at the function's entry, where the return address lies.
    entry: *const u64,
}

/// A field of the control block.
macro_rules! control {
    ($($field:tt)+) => {
        // SAFETY: the field lies in this object's own memory, is aligned, and changes only while
        // the process is stopped; volatile since the compiler sees nobody write to it.
        unsafe { (&raw const stackheap_control.$($field)+).read_volatile() }
    };
}

/// The function that a hook calls through to, as a function of this type.
macro_rules! original {
    ($function:expr, $type:ty) => {{
        let address = control!(originals[$function as usize]);
        // SAFETY: the tracer filled the slot with the address of a function of this type before it
        // patched a function to jump to this hook.
        unsafe { transmute::<u64, $type>(address) }
    }};
}

#[inline(always)]
fn enabled() -> bool {
    control!(enabled) != 0
}

#[inline(always)]
fn align_log2(align: usize) -> u8 {
    if align.is_power_of_two() { align.trailing_zeros() as u8 } else { UNKNOWN_ALIGN }
}

/// Whether a call of one of C's functions is to be logged: not if C's allocator made it, for a
/// part of a call that is logged already.
#[inline(always)]
fn logs(entry: *const u64) -> bool {
    // SAFETY: `entry` is the stack pointer at the hook's entry, where the return address lies.
    let caller = unsafe { entry.read() };
    let within = |low: u64, high: u64| caller.wrapping_sub(low) < high.wrapping_sub(low);
    enabled()
        && !within(control!(inner_low), control!(inner_high))
        && !within(control!(text_low), control!(text_high))
}

/// A position of the ring, and its slot.
struct Place {
    slot: *mut Slot,
    position: u64,
    lap: u32,
}

/// Takes the next position.
#[inline(always)]
fn take() -> Place {
    let slots_log2 = control!(slots_log2);
    let head = control!(head) as *mut u64;
    // SAFETY: the counter lies in the ring, which stays mapped as long as the process lives.
    let head = unsafe { AtomicU64::from_ptr(head) };
    let position = head.fetch_add(1, Ordering::Relaxed);
    let index = position & !(u64::MAX << (slots_log2 & 63));
    let slot = (control!(slots) as *mut Slot).wrapping_add(index as usize);
    Place { slot, position, lap: lap(position, slots_log2) }
}

/// The header of a place's slot.
#[inline(always)]
fn header(place: &Place) -> &AtomicU64 {
    // SAFETY: `take` chose a slot of the ring, whose slots are mapped as the counter is.
    unsafe { AtomicU64::from_ptr(&raw mut (*place.slot).header) }
}

/// Takes a position and fills its slot.
#[inline(always)]
fn log(event: Event) {
    let place = take();
    if header(&place).load(Ordering::Acquire) == free_header(place.lap) {
        fill(&place, &event);
    } else {
        log_waiting(event, place);
    }
}

/// Waits for the slot, or for another one where the reader has ruled that it be left alone, and
/// fills it.
#[cold]
#[inline(never)]
fn log_waiting(event: Event, mut place: Place) {
    loop {
        // SAFETY: as for the header.
        let skip = unsafe { AtomicU64::from_ptr(&raw mut (*place.slot).skip) };
        let skip = skip.load(Ordering::Acquire);
        let header = header(&place).load(Ordering::Acquire);
        match turn(place.position, place.lap, skip, header) {
            Turn::Own => return fill(&place, &event),
            Turn::Gone => place = take(),
            Turn::Wait => stackheap_drain_trap(),
        }
    }
}

/// Fills a slot that was found free.
#[inline(always)]
fn fill(place: &Place, event: &Event) {
    let thread_pointer: u64;
    // SAFETY: on x86-64 Linux the first word of a thread's control block holds its own address.
    unsafe {
        asm!("mov {}, fs:[0]", out(reg) thread_pointer, options(nostack, readonly, preserves_flags));
    }
    let slot = place.slot;
    // SAFETY: the slot is free for the taker of its position, which is this thread; the reader
    // looks at it when the header is written. `entry` points at the return address.
    unsafe {
        (&raw mut (*slot).thread_pointer).write(thread_pointer);
        (&raw mut (*slot).address).write(event.address as u64);
        (&raw mut (*slot).size).write(event.size as u64);
        (&raw mut (*slot).extra).write(event.extra as u64);
        (&raw mut (*slot).return_address).write(event.entry.read());
        (&raw mut (*slot).stack_pointer).write(event.entry as u64);
    }
    let full = full_header(place.lap, event.function, event.kind, event.align_log2);
    header(place).store(full, Ordering::Release);
}

/// The place where a thread waits for the tracer to empty the ring.
// SAFETY: nothing is linked with this file, so no other symbol can have the name. The body keeps
// all registers and the stack, and returns.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "C" fn stackheap_drain_trap() {
    naked_asm!("int3", "ret")
}

/// The entry of a hook: hands the stack pointer to the body in the first argument register that
/// the function does not use. A jump, not a call: the caller's return address stays on top.
macro_rules! entry {
    ($name:ident, $register:literal, $body:ident) => {
        // SAFETY: nothing is linked with this file, so no other symbol can have the name. The
        // register it changes is the caller's to lose and carries no argument of the function; it
        // ends in a jump to the body, which returns to the hook's caller.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        extern "C" fn $name() {
            naked_asm!(concat!("mov ", $register, ", rsp"), "jmp {}", sym $body)
        }
    };
}

entry!(stackheap_alloc, "rdx", alloc);
entry!(stackheap_dealloc, "rcx", dealloc);
entry!(stackheap_realloc, "r8", realloc);
entry!(stackheap_alloc_zeroed, "rdx", alloc_zeroed);
entry!(stackheap_c_malloc, "rsi", c_malloc);
entry!(stackheap_c_free, "rsi", c_free);
entry!(stackheap_c_calloc, "rdx", c_calloc);
entry!(stackheap_c_realloc, "rdx", c_realloc);
entry!(stackheap_c_posix_memalign, "rcx", c_posix_memalign);
entry!(stackheap_c_aligned_alloc, "rdx", c_aligned_alloc);
entry!(stackheap_c_memalign, "rdx", c_memalign);

#[inline(always)]
fn allocated(function: Function, align_log2: u8, address: usize, size: usize, entry: *const u64) {
    log(Event { function, kind: KIND_ALLOCATED, align_log2, address, size, extra: 0, entry });
}

extern "C" fn alloc(size: usize, align: usize, entry: *const u64) -> usize {
    let address = original!(Function::Alloc, extern "C" fn(usize, usize) -> usize)(size, align);
    if enabled() {
        allocated(Function::Alloc, align_log2(align), address, size, entry);
    }
    address
}

extern "C" fn alloc_zeroed(size: usize, align: usize, entry: *const u64) -> usize {
    let address =
        original!(Function::AllocZeroed, extern "C" fn(usize, usize) -> usize)(size, align);
    if enabled() {
        allocated(Function::AllocZeroed, align_log2(align), address, size, entry);
    }
    address
}

extern "C" fn dealloc(address: usize, size: usize, align: usize, entry: *const u64) {
    if enabled() {
        // Before the call: afterwards another thread may already have the same address.
        log(Event {
            function: Function::Dealloc,
            kind: KIND_FREED,
            align_log2: align_log2(align),
            address,
            size,
            extra: 0,
            entry,
        });
    }
    original!(Function::Dealloc, extern "C" fn(usize, usize, usize))(address, size, align);
}

extern "C" fn realloc(
    old_address: usize,
    old_size: usize,
    align: usize,
    new_size: usize,
    entry: *const u64,
) -> usize {
    let enabled = enabled();
    let function = Function::Realloc;
    let align_log2 = align_log2(align);
    if enabled {
        log(Event {
            function,
            kind: KIND_REALLOC_BEGIN,
            align_log2,
            address: old_address,
            size: old_size,
            extra: new_size,
            entry,
        });
    }
    let original = original!(function, extern "C" fn(usize, usize, usize, usize) -> usize);
    let address = original(old_address, old_size, align, new_size);
    if enabled {
        log(Event {
            function,
            kind: KIND_REALLOC_END,
            align_log2,
            address,
            size: new_size,
            extra: old_address,
            entry,
        });
    }
    address
}

extern "C" fn c_malloc(size: usize, entry: *const u64) -> usize {
    let address = original!(Function::CMalloc, extern "C" fn(usize) -> usize)(size);
    if logs(entry) {
        allocated(Function::CMalloc, UNKNOWN_ALIGN, address, size, entry);
    }
    address
}

extern "C" fn c_free(address: usize, entry: *const u64) {
    // Freeing null is nothing.
    if address != 0 && logs(entry) {
        log(Event {
            function: Function::CFree,
            kind: KIND_FREED,
            align_log2: UNKNOWN_ALIGN,
            address,
            size: 0,
            extra: 0,
            entry,
        });
    }
    original!(Function::CFree, extern "C" fn(usize))(address);
}

extern "C" fn c_calloc(count: usize, size: usize, entry: *const u64) -> usize {
    let address = original!(Function::CCalloc, extern "C" fn(usize, usize) -> usize)(count, size);
    if logs(entry) {
        let size = count.saturating_mul(size);
        allocated(Function::CCalloc, UNKNOWN_ALIGN, address, size, entry);
    }
    address
}

extern "C" fn c_realloc(old_address: usize, new_size: usize, entry: *const u64) -> usize {
    let logs = logs(entry);
    let function = Function::CRealloc;
    if logs && old_address != 0 {
        log(Event {
            function,
            kind: KIND_REALLOC_BEGIN,
            align_log2: UNKNOWN_ALIGN,
            address: old_address,
            size: 0,
            extra: new_size,
            entry,
        });
    }
    let address = original!(function, extern "C" fn(usize, usize) -> usize)(old_address, new_size);
    if logs && old_address != 0 {
        log(Event {
            function,
            kind: KIND_REALLOC_END,
            align_log2: UNKNOWN_ALIGN,
            address,
            size: new_size,
            extra: old_address,
            entry,
        });
    } else if logs {
        allocated(function, UNKNOWN_ALIGN, address, new_size, entry);
    }
    address
}

extern "C" fn c_posix_memalign(
    out: *mut usize,
    align: usize,
    size: usize,
    entry: *const u64,
) -> i32 {
    let function = Function::CPosixMemalign;
    let original = original!(function, extern "C" fn(*mut usize, usize, usize) -> i32);
    let status = original(out, align, size);
    if logs(entry) {
        // SAFETY: the function succeeded, so it wrote there.
        let address = if status == 0 { unsafe { out.read() } } else { 0 };
        allocated(function, align_log2(align), address, size, entry);
    }
    status
}

extern "C" fn c_aligned_alloc(align: usize, size: usize, entry: *const u64) -> usize {
    let function = Function::CAlignedAlloc;
    let address = original!(function, extern "C" fn(usize, usize) -> usize)(align, size);
    if logs(entry) {
        allocated(function, align_log2(align), address, size, entry);
    }
    address
}

extern "C" fn c_memalign(align: usize, size: usize, entry: *const u64) -> usize {
    let function = Function::CMemalign;
    let address = original!(function, extern "C" fn(usize, usize) -> usize)(align, size);
    if logs(entry) {
        allocated(function, align_log2(align), address, size, entry);
    }
    address
}

/// Demanded by the compiler; nothing here panics, so that the linker leaves it out.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
