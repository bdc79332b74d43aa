//! System calls made on behalf of the observed process.
//!
//! A stopped thread is given the registers of a system call and a `syscall` instruction to run;
//! afterwards registers and code are as before. Signals wait meanwhile.

use std::cell::RefCell;
use std::io;

use stackheap_model::RuntimeAddress;

use crate::sys::memory::ProcessMemory;
use crate::sys::process::{self, OsThread, Signals, Wait, Waiting};

/// A thread that is lent for system calls.
pub(crate) struct Remote<'a> {
    thread: OsThread,
    memory: &'a ProcessMemory,
    saved: libc::user_regs_struct,
    saved_code: [u8; 4],
    saved_mask: Signals,
    /// Signals that came meanwhile although they are masked: such cannot be.
    came: RefCell<Vec<i32>>,
}

/// `syscall`, then a breakpoint.
const CODE: [u8; 4] = [0x0f, 0x05, 0xcc, 0xcc];

impl<'a> Remote<'a> {
    /// Borrows a stopped thread. It must not be inside a system call.
    pub(crate) fn borrow(thread: OsThread, memory: &'a ProcessMemory) -> io::Result<Self> {
        let saved = process::registers(thread)?;
        let mut saved_code = [0; 4];
        memory.read_exact(RuntimeAddress(saved.rip), &mut saved_code)?;
        memory.write(RuntimeAddress(saved.rip), &CODE)?;
        let saved_mask = process::signal_mask(thread)?;
        // A breakpoint raises a signal too, which must come.
        let all_but_trap = Signals(u64::MAX).without(Signals::one(libc::SIGTRAP));
        process::set_signal_mask(thread, all_but_trap)?;
        Ok(Self {
            thread,
            memory,
            saved,
            saved_code,
            saved_mask,
            came: RefCell::default(),
        })
    }

    /// Makes one system call.
    pub(crate) fn call(&self, number: libc::c_long, arguments: [u64; 6]) -> io::Result<u64> {
        let mut registers = self.saved;
        registers.rax = number as u64;
        registers.orig_rax = u64::MAX;
        [
            registers.rdi,
            registers.rsi,
            registers.rdx,
            registers.r10,
            registers.r8,
            registers.r9,
        ] = arguments;
        process::set_registers(self.thread, &registers)?;
        process::go_on(self.thread, 0)?;
        loop {
            match process::wait(Waiting::Block)? {
                Wait::Stopped(thread, libc::SIGTRAP) if thread == self.thread => break,
                Wait::Stopped(thread, signal) if thread == self.thread => {
                    self.came.borrow_mut().push(signal);
                    process::go_on(thread, 0)?;
                }
                Wait::Interrupted => {}
                other => {
                    return Err(io::Error::other(format!(
                        "expected the observed process to make a system call, but it reported {other:?}"
                    )));
                }
            }
        }
        let result = process::registers(self.thread)?.rax as i64;
        if (-4095..0).contains(&result) {
            return Err(io::Error::from_raw_os_error(-result as i32));
        }
        Ok(result as u64)
    }

    /// Gives the thread back as it was.
    pub(crate) fn give_back(self) -> io::Result<()> {
        self.memory
            .write(RuntimeAddress(self.saved.rip), &self.saved_code)?;
        process::set_signal_mask(self.thread, self.saved_mask)?;
        for signal in self.came.take() {
            process::send_signal(self.thread, signal);
        }
        process::set_registers(self.thread, &self.saved)
    }
}
