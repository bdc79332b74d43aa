//! Copies of single instructions that run elsewhere.
//!
//! A breakpoint overwrites the first byte of an instruction. Instead of putting the byte back and
//! stepping over it, the recorder lets the thread run a copy of the instruction that was prepared
//! in a scratch area, and that jumps back behind the original. The copy has the same effect,
//! whatever the instruction:
//!
//! - operands relative to the instruction pointer are re-encoded for the new place;
//! - short branches are widened;
//! - a call pushes the return address the original would have pushed, so that unwinders,
//!   backtraces and panics see the program and never the scratch area.

use iced_x86::{
    BlockEncoder, BlockEncoderOptions, Code, Decoder, DecoderOptions, FlowControl, Instruction,
    InstructionBlock, Register,
};
use stackheap_model::RuntimeAddress;

/// The most bytes a copy takes.
pub const SLOT_BYTES: u64 = 48;

/// A copy of an instruction, to be written at the address it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Displaced {
    /// The machine code of the copy.
    pub code: Vec<u8>,
    /// Length in bytes of the original instruction.
    pub original_bytes: u64,
    /// Where in `code` the original instruction has had its whole effect and only the jump back is
    /// left, in bytes; `None` where control does not come back by such a jump.
    pub done_at: Option<u64>,
}

/// Why an instruction cannot run elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotDisplace {
    /// Where the instruction is.
    pub at: RuntimeAddress,
    /// What stands in the way.
    pub reason: String,
}

impl std::fmt::Display for CannotDisplace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the instruction at {} cannot run at another place: {}",
            self.at, self.reason
        )
    }
}

impl std::error::Error for CannotDisplace {}

/// Makes a copy of the instruction that begins `code` and stands at `at`, to run at `copy`.
pub fn displace(
    code: &[u8],
    at: RuntimeAddress,
    copy: RuntimeAddress,
) -> Result<Displaced, CannotDisplace> {
    let refuse = |reason: &str| CannotDisplace {
        at,
        reason: reason.to_owned(),
    };
    let mut decoder = Decoder::with_ip(64, code, at.0, DecoderOptions::NONE);
    let instruction = decoder.decode();
    if instruction.is_invalid() {
        return Err(refuse("these bytes are no instruction"));
    }
    let next = instruction.next_ip();
    let displaced = match instruction.flow_control() {
        FlowControl::Call | FlowControl::IndirectCall
            if instruction.code() != Code::Syscall && is_call(&instruction) =>
        {
            displace_call(&instruction, at, copy)?
        }
        FlowControl::UnconditionalBranch | FlowControl::IndirectBranch | FlowControl::Return => {
            Displaced {
                code: encode(&[instruction], at, copy)?,
                original_bytes: instruction.len() as u64,
                done_at: None,
            }
        }
        _ => {
            let body = encode(&[instruction], at, copy)?;
            let done_at = body.len() as u64;
            let mut all = body;
            let back = jump(next, copy.0 + done_at).ok_or_else(|| refuse("it is too far away"))?;
            all.extend_from_slice(&back);
            Displaced {
                code: all,
                original_bytes: instruction.len() as u64,
                done_at: Some(done_at),
            }
        }
    };
    if displaced.code.len() as u64 > SLOT_BYTES {
        return Err(refuse("its copy is too long"));
    }
    Ok(displaced)
}

fn is_call(instruction: &Instruction) -> bool {
    instruction.is_call_near() || instruction.is_call_near_indirect()
}

/// `jmp rel32` from `at` to `target`.
fn jump(target: u64, at: u64) -> Option<[u8; 5]> {
    let distance = i32::try_from(target.wrapping_sub(at + 5) as i64).ok()?;
    let mut code = [0xe9, 0, 0, 0, 0];
    code[1..].copy_from_slice(&distance.to_le_bytes());
    Some(code)
}

fn encode(
    instructions: &[Instruction],
    at: RuntimeAddress,
    copy: RuntimeAddress,
) -> Result<Vec<u8>, CannotDisplace> {
    BlockEncoder::encode(
        64,
        InstructionBlock::new(instructions, copy.0),
        BlockEncoderOptions::NONE,
    )
    .map(|result| result.code_buffer)
    .map_err(|error| CannotDisplace {
        at,
        reason: error.to_string(),
    })
}

/// Pushes the original's return address without touching flags or registers, then jumps where the
/// original calls.
fn displace_call(
    instruction: &Instruction,
    at: RuntimeAddress,
    copy: RuntimeAddress,
) -> Result<Displaced, CannotDisplace> {
    let refuse = |reason: &str| CannotDisplace {
        at,
        reason: reason.to_owned(),
    };
    let return_address = instruction.next_ip();
    // lea rsp,[rsp-8]; mov dword [rsp],low; mov dword [rsp+4],high
    let mut code = vec![0x48, 0x8d, 0x64, 0x24, 0xf8, 0xc7, 0x04, 0x24];
    code.extend_from_slice(&(return_address as u32).to_le_bytes());
    code.extend_from_slice(&[0xc7, 0x44, 0x24, 0x04]);
    code.extend_from_slice(&((return_address >> 32) as u32).to_le_bytes());
    let here = RuntimeAddress(copy.0 + code.len() as u64);
    if instruction.is_call_near() {
        let target = instruction.near_branch_target();
        let jump = jump(target, here.0).ok_or_else(|| refuse("its target is too far away"))?;
        code.extend_from_slice(&jump);
    } else {
        let mut branch = *instruction;
        branch.set_code(match instruction.code() {
            Code::Call_rm64 => Code::Jmp_rm64,
            _ => return Err(refuse("it is a call of an unusual kind")),
        });
        if instruction.op0_register() == Register::RSP {
            return Err(refuse("it calls through the stack pointer"));
        }
        if instruction.memory_base() == Register::RSP {
            // The push moved the stack pointer down by eight bytes.
            branch.set_memory_displacement64(instruction.memory_displacement64().wrapping_add(8));
            // Eight is how iced-x86 names the four bytes of an operand with a 64-bit address.
            branch.set_memory_displ_size(8);
        }
        code.extend_from_slice(&encode(&[branch], at, here)?);
    }
    Ok(Displaced {
        code,
        original_bytes: instruction.len() as u64,
        done_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: RuntimeAddress = RuntimeAddress(0x5555_5555_6000);
    const COPY: RuntimeAddress = RuntimeAddress(0x5555_5155_0000);

    fn decoded(code: &[u8], at: u64) -> Vec<Instruction> {
        Decoder::with_ip(64, code, at, DecoderOptions::NONE)
            .iter()
            .collect()
    }

    #[test]
    fn plain_instruction_is_followed_by_a_jump_back() {
        // mov qword [rsp+0x10], 7
        let code = [0x48, 0xc7, 0x44, 0x24, 0x10, 7, 0, 0, 0];
        let copy = displace(&code, AT, COPY).unwrap();
        let all = decoded(&copy.code, COPY.0);
        assert_eq!(copy.code[..9], code);
        assert_eq!(copy.done_at, Some(9));
        assert_eq!(all[1].near_branch_target(), AT.0 + 9);
    }

    #[test]
    fn operand_relative_to_the_instruction_pointer_keeps_its_target() {
        // lea rdi, [rip+0x1234]
        let code = [0x48, 0x8d, 0x3d, 0x34, 0x12, 0, 0];
        let copy = displace(&code, AT, COPY).unwrap();
        let all = decoded(&copy.code, COPY.0);
        assert_eq!(all[0].memory_displacement64(), AT.0 + 7 + 0x1234);
    }

    #[test]
    fn call_pushes_the_original_return_address() {
        // call +0x100
        let code = [0xe8, 0, 1, 0, 0];
        let copy = displace(&code, AT, COPY).unwrap();
        let all = decoded(&copy.code, COPY.0);
        assert_eq!(all.len(), 4);
        assert_eq!(all[1].immediate32(), (AT.0 + 5) as u32);
        assert_eq!(all[2].immediate32(), ((AT.0 + 5) >> 32) as u32);
        assert_eq!(all[3].near_branch_target(), AT.0 + 5 + 0x100);
    }

    #[test]
    fn call_through_the_stack_accounts_for_the_push() {
        // call qword [rsp+0x18]
        let code = [0xff, 0x54, 0x24, 0x18];
        let copy = displace(&code, AT, COPY).unwrap();
        let all = decoded(&copy.code, COPY.0);
        assert_eq!(all[3].code(), Code::Jmp_rm64);
        assert_eq!(all[3].memory_displacement64(), 0x20);
    }

    #[test]
    fn call_through_the_image_keeps_its_slot() {
        // call qword [rip+0x2000]
        let code = [0xff, 0x15, 0, 0x20, 0, 0];
        let copy = displace(&code, AT, COPY).unwrap();
        let all = decoded(&copy.code, COPY.0);
        assert_eq!(all[3].memory_displacement64(), AT.0 + 6 + 0x2000);
    }

    #[test]
    fn short_branch_is_widened() {
        // jne +0x10
        let copy = displace(&[0x75, 0x10], AT, COPY).unwrap();
        let all = decoded(&copy.code, COPY.0);
        assert_eq!(all[0].near_branch_target(), AT.0 + 2 + 0x10);
        assert_eq!(all[1].near_branch_target(), AT.0 + 2);
    }

    #[test]
    fn no_instruction_is_refused() {
        let error = displace(&[0x06], AT, COPY).unwrap_err();
        assert!(error.to_string().contains("no instruction"), "{error}");
    }
}
