//! The first instructions of a function: what is overwritten by a jump to a hook, and how they are
//! executed elsewhere.

use iced_x86::{
    BlockEncoder, BlockEncoderOptions, Code, Decoder, DecoderOptions, FlowControl, IcedError,
    Instruction, InstructionBlock, MemoryOperand, OpKind, Register,
};
use stackheap_model::{ImageAddress, LoadBias, RuntimeAddress};

use crate::{Function, HookError};

/// Size of `jmp rel32`.
pub(crate) const JUMP_BYTES: usize = 5;
/// How far behind a function padding is looked for: functions start at multiples of 16.
const PADDING_LIMIT: usize = 15;
/// Functions are looked through for jumps into their first bytes up to this size.
const FUNCTION_LIMIT: usize = 1 << 20;

/// The entry of a function that can be patched.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) function: Function,
    pub(crate) address: ImageAddress,
    /// What is overwritten: whole instructions, with the padding behind them if they are too short.
    pub(crate) head: Vec<u8>,
    pub(crate) way: Way,
    /// How many bytes belong to the function, with the padding behind it.
    pub(crate) room: u64,
}

/// How the function is called when its first bytes are overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It only jumps: by its target.
    Jump(ImageAddress),
    /// By a copy of its first `code_bytes` bytes elsewhere, that ends like this.
    Moved { code_bytes: usize, end: End },
}

/// How a copy of first instructions ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It jumps to the instructions that were not copied.
    Resumes,
    /// With its last instruction, a jump or a return.
    Leaves,
    /// With a call, which must return to the original code: unwinding goes by return addresses.
    Calls,
}

impl Entry {
    /// Finds out whether the function of `size` bytes at the start of `code` can be patched.
    pub(crate) fn analyze(
        function: Function,
        address: ImageAddress,
        code: &[u8],
        size: u64,
    ) -> Result<Self, HookError> {
        let refuse = |why: String| HookError::Prologue {
            function,
            address,
            why,
        };
        let size = usize::try_from(size)
            .unwrap_or(usize::MAX)
            .min(FUNCTION_LIMIT);
        let Some((body, behind)) = code.split_at_checked(size) else {
            return Err(refuse(format!("{} bytes of {size}", code.len())));
        };
        let padding = behind
            .iter()
            .take(PADDING_LIMIT)
            .take_while(|byte| is_padding(**byte))
            .count();
        let room = (size + padding) as u64;
        let (way, code_bytes) = first_instructions(address, body).map_err(refuse)?;
        let head_bytes = code_bytes.max(JUMP_BYTES);
        let head = code.get(..head_bytes).filter(|_| head_bytes as u64 <= room);
        let head = head.ok_or_else(|| refuse(format!("a function of {room} bytes")))?;
        if !head.iter().skip(code_bytes).all(|byte| is_padding(*byte)) {
            return Err(refuse(format!(
                "other code {code_bytes} bytes behind its start"
            )));
        }
        if let Some(from) = jump_into(address, body, head_bytes) {
            return Err(refuse(format!("a jump from {from} into its first bytes")));
        }
        Ok(Self {
            function,
            address,
            head: head.to_vec(),
            way,
            room,
        })
    }

    /// The code to be put at `at` that does what the overwritten instructions did; `None` if the
    /// function needs none.
    pub(crate) fn moved(
        &self,
        bias: LoadBias,
        at: RuntimeAddress,
    ) -> Result<Option<Vec<u8>>, HookError> {
        let Way::Moved { code_bytes, end } = self.way else {
            return Ok(None);
        };
        let refuse = |error: IcedError| HookError::Prologue {
            function: self.function,
            address: self.address,
            why: format!("instructions that cannot be encoded at {at} ({error})"),
        };
        let start = bias.to_runtime(self.address);
        let code = self.head.get(..code_bytes).unwrap_or(&self.head);
        let mut instructions: Vec<Instruction> =
            Decoder::with_ip(64, code, start.0, DecoderOptions::NONE)
                .iter()
                .collect();
        let behind = start.offset(code_bytes as u64);
        match end {
            End::Leaves => {}
            End::Resumes => instructions
                .push(Instruction::with_branch(Code::Jmp_rel32_64, behind.0).map_err(refuse)?),
            End::Calls => {
                if let Some(call) = instructions.pop() {
                    instructions.extend(push_address(behind).map_err(refuse)?);
                    instructions.push(jump_for_call(call).map_err(refuse)?);
                }
            }
        }
        let block = InstructionBlock::new(&instructions, at.0);
        let encoded = BlockEncoder::encode(64, block, BlockEncoderOptions::NONE).map_err(refuse)?;
        Ok(Some(encoded.code_buffer))
    }
}

fn is_padding(byte: u8) -> bool {
    const INT3: u8 = 0xcc;
    const NOP: u8 = 0x90;
    byte == INT3 || byte == NOP
}

/// Takes whole instructions until a jump fits over them: how they are executed elsewhere, and how
/// many bytes they are. Fewer than five if the function ends there.
fn first_instructions(address: ImageAddress, body: &[u8]) -> Result<(Way, usize), String> {
    let mut decoder = Decoder::with_ip(64, body, address.0, DecoderOptions::NONE);
    // At most five instructions, one a byte.
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let code_bytes = decoder.position();
        let enough = code_bytes >= JUMP_BYTES;
        let moved = |end| Ok((Way::Moved { code_bytes, end }, code_bytes));
        match instruction.flow_control() {
            FlowControl::Next | FlowControl::ConditionalBranch if enough => {
                return moved(End::Resumes);
            }
            FlowControl::Next | FlowControl::ConditionalBranch if !instruction.is_invalid() => {}
            FlowControl::UnconditionalBranch => {
                let target = ImageAddress(instruction.near_branch_target());
                let leaves = target.0.wrapping_sub(address.0) >= body.len() as u64;
                if instruction.ip() == address.0 && leaves {
                    return Ok((Way::Jump(target), code_bytes));
                }
                return moved(End::Leaves);
            }
            FlowControl::IndirectBranch | FlowControl::Return => return moved(End::Leaves),
            FlowControl::Call | FlowControl::IndirectCall if enough => return moved(End::Calls),
            _ => return Err(format!("{:?}", instruction.code())),
        }
    }
    Err(format!("{} bytes of code", body.len()))
}

/// A jump of the function that leads into its first bytes, where there will be other code.
fn jump_into(address: ImageAddress, body: &[u8], head_bytes: usize) -> Option<ImageAddress> {
    let mut decoder = Decoder::with_ip(64, body, address.0, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let jumps = match instruction.flow_control() {
            FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch => true,
            // A call of the function itself is a call, and goes through the hook.
            FlowControl::Call => instruction.near_branch_target() != address.0,
            _ => false,
        };
        let target = instruction.near_branch_target();
        let near = matches!(instruction.op0_kind(), OpKind::NearBranch64);
        if jumps && near && target.wrapping_sub(address.0) < head_bytes as u64 {
            return Some(ImageAddress(instruction.ip()));
        }
    }
    None
}

/// Pushes an address and changes nothing else.
fn push_address(address: RuntimeAddress) -> Result<[Instruction; 3], IcedError> {
    let stack = |bytes| MemoryOperand::with_base_displ(Register::RSP, bytes);
    let (low, high) = (address.0 as u32, (address.0 >> 32) as u32);
    Ok([
        Instruction::with2(Code::Lea_r64_m, Register::RSP, stack(-8))?,
        Instruction::with2(Code::Mov_rm32_imm32, stack(0), low)?,
        Instruction::with2(Code::Mov_rm32_imm32, stack(4), high)?,
    ])
}

/// The jump to where a call leads.
fn jump_for_call(mut call: Instruction) -> Result<Instruction, IcedError> {
    if call.code() == Code::Call_rm64 {
        if call.op0_kind() == OpKind::Memory && call.memory_base() == Register::RSP {
            // The address was just pushed.
            call.set_memory_displacement64(call.memory_displacement64().wrapping_add(8));
            call.set_memory_displ_size(8);
        }
        call.set_code(Code::Jmp_rm64);
        return Ok(call);
    }
    Instruction::with_branch(Code::Jmp_rel32_64, call.near_branch_target())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: ImageAddress = ImageAddress(0x1000);

    fn analyze(code: &[u8], size: u64) -> Result<Entry, HookError> {
        Entry::analyze(Function::Alloc, AT, code, size)
    }

    /// The text of the refusal.
    fn refusal(code: &[u8], size: u64) -> String {
        match analyze(code, size) {
            Err(HookError::Prologue { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    /// The instructions that are executed instead, at 0x9000, for an image loaded at 0x10_0000.
    fn moved(code: &[u8], size: u64) -> Vec<Instruction> {
        let entry = analyze(code, size).unwrap();
        let bytes = entry
            .moved(LoadBias(0x10_0000), RuntimeAddress(0x9000))
            .unwrap()
            .unwrap();
        Decoder::with_ip(64, &bytes, 0x9000, DecoderOptions::NONE)
            .iter()
            .collect()
    }

    fn codes(instructions: &[Instruction]) -> Vec<Code> {
        instructions.iter().map(Instruction::code).collect()
    }

    #[test]
    fn a_lone_jump_is_called_through_to_its_target() {
        let code = [0xe9, 0x0b, 0x10, 0x00, 0x00, 0xcc, 0xcc];
        let entry = analyze(&code, 5).unwrap();
        assert_eq!(entry.way, Way::Jump(ImageAddress(0x2010)));
        assert_eq!((entry.head.as_slice(), entry.room), (&code[..5], 7));
    }

    #[test]
    fn a_short_jump_needs_padding() {
        let padded = [0xeb, 0x7e, 0xcc, 0xcc, 0x90];
        assert_eq!(
            analyze(&padded, 2).unwrap().way,
            Way::Jump(ImageAddress(0x1080))
        );
        assert_eq!(analyze(&padded, 2).unwrap().head, padded);
        let bare = [0xeb, 0x7e, 0x55, 0xc3, 0x90];
        assert_eq!(refusal(&bare, 2), "a function of 2 bytes");
    }

    #[test]
    fn whole_instructions_are_moved() {
        // push rbp; mov rbp, rsp; cmp byte [rip+0x100], 0; ret
        let code = [
            0x55, 0x48, 0x89, 0xe5, 0x80, 0x3d, 0x00, 0x01, 0x00, 0x00, 0x00, 0xc3,
        ];
        let entry = analyze(&code, 12).unwrap();
        assert_eq!(entry.head, code[..11]);
        let moved = moved(&code, 12);
        let expected = [
            Code::Push_r64,
            Code::Mov_rm64_r64,
            Code::Cmp_rm8_imm8,
            Code::Jmp_rel32_64,
        ];
        assert_eq!(codes(&moved), expected);
        assert_eq!(
            moved[2].ip_rel_memory_address(),
            0x10_0000 + 0x1000 + 11 + 0x100
        );
        assert_eq!(moved[3].near_branch_target(), 0x10_0000 + 0x1000 + 11);
    }

    #[test]
    fn a_conditional_jump_keeps_its_target() {
        // test rdi, rdi; je +0x20; push rbx; ret
        let code = [0x48, 0x85, 0xff, 0x74, 0x20, 0x53, 0xc3];
        let moved = moved(&code, 7);
        assert_eq!(
            codes(&moved),
            [Code::Test_rm64_r64, Code::Je_rel32_64, Code::Jmp_rel32_64]
        );
        assert_eq!(moved[1].near_branch_target(), 0x10_0000 + 0x1000 + 5 + 0x20);
    }

    #[test]
    fn a_jump_through_a_pointer_ends_the_copy() {
        let code = [0xff, 0x25, 0x10, 0x00, 0x00, 0x00, 0xcc];
        let moved = moved(&code, 6);
        assert_eq!(codes(&moved), [Code::Jmp_rm64]);
        assert_eq!(
            moved[0].ip_rel_memory_address(),
            0x10_0000 + 0x1000 + 6 + 0x10
        );
    }

    #[test]
    fn a_moved_call_returns_to_the_original() {
        let push = [
            Code::Push_r64,
            Code::Lea_r64_m,
            Code::Mov_rm32_imm32,
            Code::Mov_rm32_imm32,
        ];
        // push rax; call +0x40; pop rcx; ret
        let direct = [0x50, 0xe8, 0x40, 0x00, 0x00, 0x00, 0x59, 0xc3];
        let there = moved(&direct, 8);
        assert_eq!(
            codes(&there),
            [push.as_slice(), &[Code::Jmp_rel32_64]].concat()
        );
        assert_eq!(
            (there[2].immediate32(), there[3].immediate32()),
            (0x10_1006, 0)
        );
        assert_eq!(there[4].near_branch_target(), 0x10_1006 + 0x40);
        // push rax; call [rsp+0x10]; pop rcx; ret
        let indirect = [0x50, 0xff, 0x54, 0x24, 0x10, 0x59, 0xc3];
        let there = moved(&indirect, 7);
        assert_eq!(codes(&there), [push.as_slice(), &[Code::Jmp_rm64]].concat());
        assert_eq!(there[4].memory_base(), Register::RSP);
        assert_eq!(there[4].memory_displacement64(), 0x18);
    }

    #[test]
    fn a_call_that_would_return_into_the_jump_is_refused() {
        // call rax; nop; nop; nop; ret
        assert_eq!(
            refusal(&[0xff, 0xd0, 0x90, 0x90, 0x90, 0xc3], 6),
            "Call_rm64"
        );
    }

    #[test]
    fn jumps_into_the_first_bytes_are_refused() {
        // sub rsp, 8; nop; nop; dec eax; jne -4 (to the second nop)
        let into = [0x48, 0x83, 0xec, 0x08, 0x90, 0x90, 0xff, 0xc8, 0x75, 0xfa];
        assert_eq!(
            refusal(&into[..], 10),
            "a jump from 0x1008 into its first bytes"
        );
        // The same, to the byte behind the first five.
        let behind = [0x48, 0x83, 0xec, 0x08, 0x90, 0x90, 0xff, 0xc8, 0x75, 0xfb];
        assert!(analyze(&behind, 10).is_ok());
        // To the very start.
        let again = [0x48, 0x83, 0xec, 0x08, 0x90, 0x90, 0xff, 0xc8, 0x75, 0xf6];
        assert_eq!(
            refusal(&again, 10),
            "a jump from 0x1008 into its first bytes"
        );
    }

    #[test]
    fn nothing_makes_it_panic() {
        // No random bytes: all pairs of first bytes, and each length.
        for first in 0..=255 {
            for second in 0..=255 {
                let code = [
                    first, second, 0x10, 0x20, 0x00, 0x00, 0xff, 0xe0, 0x90, 0xc3, 0xcc, 0x01,
                ];
                for size in [0, 1, 4, 5, 12, 13, u64::MAX] {
                    if let Ok(entry) = analyze(&code, size) {
                        assert!(entry.head.len() >= JUMP_BYTES);
                        let _ = entry.moved(LoadBias(u64::MAX), RuntimeAddress(0));
                    }
                }
            }
        }
        assert!(analyze(&[], 0).is_err());
    }
}
