//! Frames: where the canonical frame address is, and the way up the stack (`.eh_frame`).

use std::sync::{Arc, Mutex, OnceLock};

use gimli::{
    BaseAddresses, CfaRule as Rule, CieOrFde, EhFrame, EvaluationResult, FrameDescriptionEntry,
    LittleEndian, RegisterRule, UnwindContext, UnwindExpression, UnwindSection,
};
use rustc_hash::FxHashMap;
use stackheap_model::{CfaRule, ImageAddress, LoadBias, Register, RegisterSet, RuntimeAddress};

use crate::elf::Elf;
use crate::function::lock;
use crate::unit::Slice;
use crate::{FrameAddress, Image, UnwindRegisters, UnwindStep};

/// The most entries of `.eh_frame`.
const ENTRY_LIMIT: usize = 1 << 24;
/// The most rows of one function's table.
const ROW_LIMIT: usize = 1 << 16;
/// The most operations of one expression.
const OPERATION_LIMIT: u32 = 1000;
/// The column of the return address.
const RETURN_ADDRESS: gimli::Register = gimli::Register(16);

/// The unwind tables, decoded on demand, a function at a time.
pub(crate) struct Frames<'data> {
    section: EhFrame<Slice<'data>>,
    bases: BaseAddresses,
    encoding: gimli::Encoding,
    index: OnceLock<Vec<Covered>>,
    tables: Mutex<FxHashMap<usize, Arc<Vec<Row>>>>,
}

/// The code that an entry of `.eh_frame` covers.
struct Covered {
    start: u64,
    end: u64,
    offset: usize,
}

/// The rules that hold for a stretch of code.
struct Row {
    start: u64,
    end: u64,
    cfa: Rule<usize>,
    registers: Vec<(gimli::Register, RegisterRule<usize>)>,
}

impl<'data> Frames<'data> {
    pub(crate) fn new(elf: &Elf<'data>) -> Self {
        let mut bases = BaseAddresses::default();
        if let Some(address) = elf.section_address(".eh_frame") {
            bases = bases.set_eh_frame(address);
        }
        if let Some(address) = elf.section_address(".text") {
            bases = bases.set_text(address);
        }
        if let Some(address) = elf.section_address(".got") {
            bases = bases.set_got(address);
        }
        Self {
            section: EhFrame::new(elf.section(".eh_frame"), LittleEndian),
            bases,
            encoding: gimli::Encoding {
                format: gimli::Format::Dwarf32,
                version: 4,
                address_size: 8,
            },
            index: OnceLock::new(),
            tables: Mutex::default(),
        }
    }

    fn index(&self) -> &[Covered] {
        self.index.get_or_init(|| {
            let mut found = Vec::new();
            let mut entries = self.section.entries(&self.bases);
            for _ in 0..ENTRY_LIMIT {
                let partial = match entries.next() {
                    Ok(Some(CieOrFde::Fde(partial))) => partial,
                    Ok(Some(CieOrFde::Cie(_))) => continue,
                    Ok(None) | Err(_) => break,
                };
                let Ok(entry) = partial.parse(EhFrame::cie_from_offset) else {
                    continue;
                };
                let start = entry.initial_address();
                let Some(end) = start.checked_add(entry.len()) else {
                    continue;
                };
                // Entries of code that the linker threw away lie at or near zero.
                if start != 0 && start < end {
                    found.push(Covered {
                        start,
                        end,
                        offset: entry.offset(),
                    });
                }
            }
            found.sort_by_key(|covered| covered.start);
            found
        })
    }

    fn entry(&self, offset: usize) -> Option<FrameDescriptionEntry<Slice<'data>>> {
        self.section
            .fde_from_offset(&self.bases, offset.into(), EhFrame::cie_from_offset)
            .ok()
    }

    fn covering(&self, at: u64) -> Option<&Covered> {
        let index = self.index();
        let before = index
            .partition_point(|covered| covered.start <= at)
            .checked_sub(1)?;
        index.get(before).filter(|covered| at < covered.end)
    }

    fn table(&self, covered: &Covered) -> Arc<Vec<Row>> {
        if let Some(known) = lock(&self.tables).get(&covered.offset) {
            return known.clone();
        }
        let table = Arc::new(self.read_table(covered));
        lock(&self.tables).insert(covered.offset, table.clone());
        table
    }

    fn read_table(&self, covered: &Covered) -> Vec<Row> {
        let mut rows = Vec::new();
        let Some(entry) = self.entry(covered.offset) else {
            return rows;
        };
        let mut context = UnwindContext::new();
        let Ok(mut table) = entry.rows(&self.section, &self.bases, &mut context) else {
            return rows;
        };
        while rows.len() < ROW_LIMIT {
            let Ok(Some(row)) = table.next_row() else {
                break;
            };
            rows.push(Row {
                start: row.start_address(),
                end: row.end_address(),
                cfa: row.cfa().clone(),
                registers: row
                    .registers()
                    .map(|(register, rule)| (*register, rule.clone()))
                    .collect(),
            });
        }
        rows
    }

    /// Calls `with` with the rules at an address.
    fn row_at<T>(&self, at: ImageAddress, with: impl FnOnce(&Row) -> Option<T>) -> Option<T> {
        let table = self.table(self.covering(at.0)?);
        let before = table
            .partition_point(|row| row.start <= at.0)
            .checked_sub(1)?;
        let row = table.get(before).filter(|row| at.0 < row.end)?;
        with(row)
    }

    /// The exception tables of the functions whose code begins inside `range`: the address of the
    /// table and where the function begins.
    pub(crate) fn exception_tables(
        &self,
        range: &std::ops::Range<ImageAddress>,
    ) -> Vec<(u64, u64)> {
        let index = self.index();
        let first = index.partition_point(|covered| covered.end <= range.start.0);
        index
            .iter()
            .skip(first)
            .take_while(|covered| covered.start < range.end.0)
            .filter_map(|covered| {
                let table = self.entry(covered.offset)?.lsda()?.direct().ok()?;
                Some((table, covered.start))
            })
            .collect()
    }
}

/// What an expression of the unwind tables runs on.
struct Machine<'a> {
    registers: &'a UnwindRegisters,
    read: &'a dyn Fn(RuntimeAddress) -> Option<u64>,
    bias: LoadBias,
}

impl Machine<'_> {
    fn register(&self, register: gimli::Register) -> Option<u64> {
        self.registers.get(Register(u8::try_from(register.0).ok()?))
    }

    fn cfa(&self, rule: &Rule<usize>, frames: &Frames<'_>) -> Option<u64> {
        match rule {
            Rule::RegisterAndOffset { register, offset } => {
                Some(self.register(*register)?.wrapping_add_signed(*offset))
            }
            Rule::Expression(expression) => self.evaluate(expression, None, frames),
        }
    }

    /// The value an expression computes: an address, or what is used as one.
    fn evaluate(
        &self,
        expression: &UnwindExpression<usize>,
        initial: Option<u64>,
        frames: &Frames<'_>,
    ) -> Option<u64> {
        let expression = expression.get(&frames.section).ok()?;
        let mut evaluation = expression.evaluation(frames.encoding);
        evaluation.set_max_iterations(OPERATION_LIMIT);
        if let Some(initial) = initial {
            evaluation.set_initial_value(initial);
        }
        let mut result = evaluation.evaluate().ok()?;
        for _ in 0..OPERATION_LIMIT {
            result = match result {
                EvaluationResult::Complete => {
                    return match evaluation.as_result() {
                        [piece] => match piece.location {
                            gimli::Location::Address { address } => Some(address),
                            gimli::Location::Value { value } => value.to_u64(u64::MAX).ok(),
                            _ => None,
                        },
                        _ => None,
                    };
                }
                EvaluationResult::RequiresRegister { register, .. } => {
                    let value = gimli::Value::Generic(self.register(register)?);
                    evaluation.resume_with_register(value).ok()?
                }
                EvaluationResult::RequiresMemory {
                    address, size: 8, ..
                } => {
                    let value = gimli::Value::Generic((self.read)(RuntimeAddress(address))?);
                    evaluation.resume_with_memory(value).ok()?
                }
                EvaluationResult::RequiresRelocatedAddress(address) => {
                    let at = self.bias.to_runtime(ImageAddress(address));
                    evaluation.resume_with_relocated_address(at.0).ok()?
                }
                _ => return None,
            };
        }
        None
    }

    /// The caller's value of a register, and where the frame keeps it.
    fn restore(
        &self,
        rule: &RegisterRule<usize>,
        register: gimli::Register,
        cfa: u64,
        frames: &Frames<'_>,
    ) -> (Option<u64>, Option<RuntimeAddress>) {
        let saved = |at: u64| ((self.read)(RuntimeAddress(at)), Some(RuntimeAddress(at)));
        match rule {
            RegisterRule::Offset(offset) => saved(cfa.wrapping_add_signed(*offset)),
            RegisterRule::Expression(expression) => {
                match self.evaluate(expression, Some(cfa), frames) {
                    Some(at) => saved(at),
                    None => (None, None),
                }
            }
            RegisterRule::ValOffset(offset) => (Some(cfa.wrapping_add_signed(*offset)), None),
            RegisterRule::ValExpression(expression) => {
                (self.evaluate(expression, Some(cfa), frames), None)
            }
            RegisterRule::SameValue => (self.register(register), None),
            RegisterRule::Register(other) => (self.register(*other), None),
            RegisterRule::Constant(value) => (Some(*value), None),
            _ => (None, None),
        }
    }
}

impl<'data> Image<'data> {
    /// How the canonical frame address is found at an instruction; `None` where the image has no
    /// rule, or one of another form than a register plus an offset.
    pub fn cfa(&self, at: ImageAddress) -> Option<CfaRule> {
        self.frames.row_at(at, |row| match &row.cfa {
            Rule::RegisterAndOffset { register, offset } => {
                let offset = i32::try_from(*offset).ok()?;
                match u8::try_from(register.0).ok().map(Register) {
                    Some(Register::RSP) => Some(CfaRule::StackPointer(offset)),
                    Some(Register::RBP) => Some(CfaRule::FramePointer(offset)),
                    _ => None,
                }
            }
            Rule::Expression(_) => None,
        })
    }

    /// Goes one frame up. `read` gives a word of the process's memory. `None` at the end of the
    /// stack, outside of this image's code, or where a value that is needed is not known. Each step
    /// leads to a higher stack pointer, so that a walk ends.
    pub fn unwind(
        &self,
        registers: &UnwindRegisters,
        bias: LoadBias,
        read: &dyn Fn(RuntimeAddress) -> Option<u64>,
    ) -> Option<UnwindStep> {
        let machine = Machine {
            registers,
            read,
            bias,
        };
        let frames = &self.frames;
        frames.row_at(bias.to_image(registers.at.lookup()), |row| {
            let cfa = machine.cfa(&row.cfa, frames)?;
            if registers
                .get(Register::RSP)
                .is_some_and(|pointer| cfa <= pointer)
            {
                return None;
            }
            let mut general = [None; Register::COUNT];
            for register in RegisterSet::CALLEE_SAVED.iter() {
                if let Some(slot) = general.get_mut(usize::from(register.0)) {
                    *slot = registers.get(register);
                }
            }
            if let Some(slot) = general.get_mut(usize::from(Register::RSP.0)) {
                *slot = Some(cfa);
            }
            let mut return_address = None;
            let mut saved = Vec::new();
            for (register, rule) in &row.registers {
                let (value, at) = machine.restore(rule, *register, cfa, frames);
                if *register == RETURN_ADDRESS {
                    return_address = value;
                    continue;
                }
                let Some(slot) = general.get_mut(usize::from(register.0)) else {
                    continue;
                };
                *slot = value;
                if let (Some(at), Ok(number)) = (at, u8::try_from(register.0)) {
                    saved.push((Register(number), at));
                }
            }
            let return_address = RuntimeAddress(return_address.filter(|&address| address != 0)?);
            saved.sort_by_key(|(register, _)| *register);
            Some(UnwindStep {
                registers: UnwindRegisters {
                    general,
                    at: FrameAddress::Return(return_address),
                },
                cfa: RuntimeAddress(cfa),
                return_address,
                saved,
            })
        })
    }
}
