//! Where a variable is: DWARF expressions, evaluated on the registers and memory of one frame.

use gimli::{EvaluationResult, LittleEndian, Operation, Reader, ValueType};
use stackheap_model::{ImageAddress, Register, RegisterSet, RuntimeAddress, Unknown};

use crate::api::{DieRef, Stated};
use crate::{Image, Location, LocationContext, Variable};

/// The most operations of one expression that are carried out.
const OPERATION_LIMIT: u32 = 10_000;

type Bytes<'a> = gimli::EndianSlice<'a, LittleEndian>;

impl<'data> Image<'data> {
    /// Where a variable is when its function stands at `at`. Whether the variable is in scope there
    /// is not asked.
    ///
    /// Locations hold between a function's prologue and epilogue.
    ///
    /// # Errors
    ///
    /// The reason why the place is not known: the compiler left the variable out, or gives no place
    /// at this instruction, or `context` lacks a register or memory that the place depends on.
    pub fn locate(
        &self,
        variable: &Variable,
        at: ImageAddress,
        context: &dyn LocationContext,
    ) -> Result<Location, Unknown> {
        // Asked for late: most places are in memory, and this is asked at each step.
        let size = || self.units.layout(variable.die_type(self)).0;
        match &variable.stated {
            Stated::Absent => Err(Unknown::because("optimised out")),
            Stated::Constant(bytes) => Ok(Location::Bytes(cut(bytes.to_vec(), size()))),
            Stated::Expression(_) | Stated::List(_) => {
                let Some(expression) = expression_at(variable, at) else {
                    return Err(Unknown::because(
                        "the compiler gives no place at this instruction",
                    ));
                };
                if expression.is_empty() {
                    return Err(Unknown::because("optimised out"));
                }
                let machine = Machine {
                    image: self,
                    variable,
                    context,
                };
                Ok(match machine.evaluate(expression, FrameBase::OfVariable)? {
                    Location::Bytes(bytes) => Location::Bytes(cut(bytes, size())),
                    other => other,
                })
            }
        }
    }

    /// The general registers that the place of a variable depends on at `at`, without those that
    /// the canonical frame address depends on.
    pub fn registers(&self, variable: &Variable, at: ImageAddress) -> RegisterSet {
        let expressions = [expression_at(variable, at), variable.frame_base.as_deref()];
        let mut set = RegisterSet::default();
        for expression in expressions.into_iter().flatten() {
            let bytes = Bytes::new(expression, LittleEndian);
            let mut operations = gimli::Expression(bytes).operations(variable.encoding);
            // Each turn reads at least one byte.
            while let Ok(Some(operation)) = operations.next() {
                let register = match operation {
                    Operation::Register { register } => register,
                    Operation::RegisterOffset { register, .. } => register,
                    _ => continue,
                };
                let number = u8::try_from(register.0).ok();
                if let Some(number) = number.filter(|&number| usize::from(number) < Register::COUNT)
                {
                    set = set.with(Register(number));
                }
            }
        }
        set
    }
}

impl Variable {
    fn die_type(&self, image: &Image<'_>) -> DieRef {
        image.units.find(self.ty.0).unwrap_or(self.die)
    }
}

fn expression_at(variable: &Variable, at: ImageAddress) -> Option<&[u8]> {
    match &variable.stated {
        Stated::Expression(bytes) => Some(bytes),
        Stated::List(entries) => entries
            .iter()
            .find(|(range, _)| range.contains(&at.0))
            .map(|(_, bytes)| &**bytes),
        Stated::Constant(_) | Stated::Absent => None,
    }
}

fn cut(mut bytes: Vec<u8>, size: Option<u64>) -> Vec<u8> {
    if let Some(size) = size.and_then(|size| usize::try_from(size).ok()) {
        bytes.truncate(size);
    }
    bytes
}

/// Which expression `DW_OP_fbreg` refers to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FrameBase {
    /// That of the variable's function.
    OfVariable,
    /// None: the frame base itself is being evaluated.
    None,
}

/// What an expression runs on.
struct Machine<'a, 'data> {
    image: &'a Image<'data>,
    variable: &'a Variable,
    context: &'a dyn LocationContext,
}

impl Machine<'_, '_> {
    fn evaluate(&self, expression: &[u8], base: FrameBase) -> Result<Location, Unknown> {
        let bytes = Bytes::new(expression, LittleEndian);
        let mut evaluation = gimli::Expression(bytes).evaluation(self.variable.encoding);
        evaluation.set_max_iterations(OPERATION_LIMIT);
        let mut result = evaluation.evaluate().map_err(damaged)?;
        for _ in 0..OPERATION_LIMIT {
            result = match result {
                EvaluationResult::Complete => return pieces(evaluation.as_result()),
                EvaluationResult::RequiresMemory {
                    address,
                    size,
                    base_type,
                    ..
                } => evaluation.resume_with_memory(self.memory(address, size, base_type)?),
                EvaluationResult::RequiresRegister {
                    register,
                    base_type,
                } => {
                    let value = gimli::Value::Generic(self.register(register)?);
                    let value = value
                        .convert(self.value_type(base_type)?, u64::MAX)
                        .map_err(damaged)?;
                    evaluation.resume_with_register(value)
                }
                EvaluationResult::RequiresFrameBase => {
                    evaluation.resume_with_frame_base(self.frame_base(base)?)
                }
                EvaluationResult::RequiresTls(offset) => {
                    evaluation.resume_with_tls(self.thread_local(offset)?)
                }
                EvaluationResult::RequiresCallFrameCfa => {
                    let cfa = self
                        .context
                        .cfa()
                        .ok_or_else(|| not_captured("the frame's end"))?;
                    evaluation.resume_with_call_frame_cfa(cfa.0)
                }
                EvaluationResult::RequiresRelocatedAddress(address) => {
                    let at = self.context.bias().to_runtime(ImageAddress(address));
                    evaluation.resume_with_relocated_address(at.0)
                }
                EvaluationResult::RequiresIndexedAddress { index, relocate } => {
                    let address = self.indexed(index.0).ok_or_else(|| {
                        Unknown::because(
                            "its place names an address that is not in the debug information",
                        )
                    })?;
                    let bias = if relocate { self.context.bias().0 } else { 0 };
                    evaluation.resume_with_indexed_address(address.wrapping_add(bias))
                }
                EvaluationResult::RequiresBaseType(offset) => {
                    evaluation.resume_with_base_type(self.value_type(offset)?)
                }
                EvaluationResult::RequiresEntryValue(_) => {
                    return Err(Unknown::because(
                        "it depends on a register's value at the function's entry, which is gone",
                    ));
                }
                other => {
                    return Err(Unknown::because(format!(
                        "its place needs what is not supported: {other:?}"
                    )));
                }
            }
            .map_err(damaged)?;
        }
        Err(Unknown::because(
            "the expression for its place does not end",
        ))
    }

    fn frame_base(&self, base: FrameBase) -> Result<u64, Unknown> {
        let expression = match (base, &self.variable.frame_base) {
            (FrameBase::OfVariable, Some(expression)) => expression,
            _ => {
                return Err(Unknown::because(
                    "the debug information gives no frame base",
                ));
            }
        };
        match self.evaluate(expression, FrameBase::None)? {
            Location::Memory(at) => Ok(at.0),
            Location::Register(register) => self.register(gimli::Register(u16::from(register.0))),
            _ => Err(Unknown::because(
                "the debug information gives no usable frame base",
            )),
        }
    }

    fn register(&self, register: gimli::Register) -> Result<u64, Unknown> {
        u8::try_from(register.0)
            .ok()
            .filter(|number| usize::from(*number) < Register::COUNT)
            .and_then(|number| self.context.register(Register(number)))
            .ok_or_else(|| not_captured(&format!("register {}", register_name(register.0))))
    }

    fn memory(
        &self,
        address: u64,
        size: u8,
        base_type: gimli::UnitOffset,
    ) -> Result<gimli::Value, Unknown> {
        let bytes = self
            .context
            .read(RuntimeAddress(address), usize::from(size))
            .filter(|bytes| bytes.len() == usize::from(size) && bytes.len() <= 8)
            .ok_or_else(|| not_captured(&format!("the memory at {address:#x}")))?;
        let mut word = [0; 8];
        for (slot, byte) in word.iter_mut().zip(bytes) {
            *slot = byte;
        }
        let value = gimli::Value::Generic(u64::from_le_bytes(word));
        value
            .convert(self.value_type(base_type)?, u64::MAX)
            .map_err(damaged)
    }

    fn thread_local(&self, offset: u64) -> Result<u64, Unknown> {
        let base = self
            .context
            .thread_pointer()
            .ok_or_else(|| not_captured("the thread pointer"))?;
        Ok(base.wrapping_add_signed(self.image.facts().thread_pointer_offset(offset)))
    }

    fn indexed(&self, index: usize) -> Option<u64> {
        let unit = self.image.units.get(self.variable.die.unit)?;
        self.image
            .units
            .dwarf
            .address(&unit.inner, gimli::DebugAddrIndex(index))
            .ok()
    }

    fn value_type(&self, offset: gimli::UnitOffset) -> Result<ValueType, Unknown> {
        if offset.0 == 0 {
            return Ok(ValueType::Generic);
        }
        let found = self
            .image
            .units
            .get(self.variable.die.unit)
            .and_then(|unit| {
                let entry = unit.inner.entry(offset).ok()?;
                ValueType::from_entry(&entry).ok().flatten()
            });
        found.ok_or_else(|| Unknown::because("its place has a type that cannot be read"))
    }
}

fn pieces(result: &[gimli::Piece<Bytes<'_>>]) -> Result<Location, Unknown> {
    match result {
        [] => Err(Unknown::because("optimised out")),
        [piece] if piece.size_in_bits.is_none() => match place(&piece.location) {
            Location::Nowhere(reason) => Err(reason),
            place => Ok(place),
        },
        pieces => {
            let mut found = Vec::new();
            for piece in pieces {
                let whole = piece.size_in_bits.filter(|bits| bits % 8 == 0);
                let Some(bits) = whole.filter(|_| piece.bit_offset.unwrap_or(0) == 0) else {
                    return Err(Unknown::because("it is in parts that are not whole bytes"));
                };
                found.push((place(&piece.location), bits / 8));
            }
            Ok(Location::Pieces(found))
        }
    }
}

fn place(location: &gimli::Location<Bytes<'_>>) -> Location {
    match location {
        gimli::Location::Empty => Location::Nowhere(Unknown::because("optimised out")),
        gimli::Location::Address { address } => Location::Memory(RuntimeAddress(*address)),
        gimli::Location::Register { register } => match u8::try_from(register.0) {
            Ok(number) if usize::from(number) < Register::COUNT => {
                Location::Register(Register(number))
            }
            _ => Location::Nowhere(not_captured(&format!(
                "register {}",
                register_name(register.0)
            ))),
        },
        gimli::Location::Value { value } => Location::Bytes(value_bytes(*value)),
        gimli::Location::Bytes { value } => Location::Bytes(
            value
                .to_slice()
                .map(|bytes| bytes.to_vec())
                .unwrap_or_default(),
        ),
        gimli::Location::ImplicitPointer { .. } => Location::Nowhere(Unknown::because(
            "the pointer was optimised out; only what it points at is kept",
        )),
    }
}

fn value_bytes(value: gimli::Value) -> Vec<u8> {
    match value {
        gimli::Value::Generic(value) | gimli::Value::U64(value) => value.to_le_bytes().to_vec(),
        gimli::Value::I8(value) => value.to_le_bytes().to_vec(),
        gimli::Value::U8(value) => value.to_le_bytes().to_vec(),
        gimli::Value::I16(value) => value.to_le_bytes().to_vec(),
        gimli::Value::U16(value) => value.to_le_bytes().to_vec(),
        gimli::Value::I32(value) => value.to_le_bytes().to_vec(),
        gimli::Value::U32(value) => value.to_le_bytes().to_vec(),
        gimli::Value::I64(value) => value.to_le_bytes().to_vec(),
        gimli::Value::F32(value) => value.to_le_bytes().to_vec(),
        gimli::Value::F64(value) => value.to_le_bytes().to_vec(),
    }
}

fn damaged(error: gimli::Error) -> Unknown {
    Unknown::because(format!(
        "the expression for its place cannot be carried out: {error}"
    ))
}

fn not_captured(what: &str) -> Unknown {
    Unknown::because(format!("{what} was not captured"))
}

/// The name of a register by its DWARF number.
fn register_name(number: u16) -> String {
    const NAMES: [&str; 16] = [
        "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15",
    ];
    match NAMES.get(usize::from(number)) {
        Some(name) => (*name).to_owned(),
        None if (17..33).contains(&number) => format!("xmm{}", number - 17),
        None => format!("number {number}"),
    }
}
