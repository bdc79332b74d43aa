//! Executables: ELF and DWARF, walked as a recording and its reader do.
#![no_main]

use std::collections::{BTreeSet, VecDeque};

use libfuzzer_sys::fuzz_target;
use stackheap_image::{
    FrameAddress, Function, Image, LocationContext, UnwindRegisters, decompressed,
};
use stackheap_model::{
    Field, ImageAddress, LoadBias, Register, RuntimeAddress, Type, TypeId, TypeKind,
};

/// Functions that are looked at closely.
const FUNCTIONS: usize = 64;

/// Types that are read, as a reader does: from the types of variables inwards.
const TYPES: usize = 256;

fuzz_target!(|bytes: &[u8]| {
    let Ok(bytes) = decompressed(bytes) else {
        return;
    };
    let Ok(image) = Image::parse(&bytes) else {
        return;
    };
    let (functions, _) = image.functions(&|_| true);
    let mut types: VecDeque<TypeId> = VecDeque::new();
    for function in functions.iter().take(FUNCTIONS) {
        types.extend(function.returns);
        walk_function(&image, function, &mut types);
    }
    for found in image.statics(None).iter().take(FUNCTIONS) {
        types.push_back(found.ty);
    }
    for vtable in image.vtables().iter().take(FUNCTIONS) {
        types.push_back(vtable.concrete);
        let _ = image.vtable_at(vtable.address);
        let _ = image.read_static(vtable.address, 64, LoadBias(0x5555_5555_4000));
    }
    for symbol in image.symbols().iter().take(FUNCTIONS) {
        let _ = image.symbol_at(symbol.address);
        let _ = image.function_name_at(symbol.address);
        let _ = image.section_kind_at(symbol.address);
    }
    let _ = image.type_named("alloc::string::String");
    walk_types(&image, types);
});

fn walk_function(image: &Image<'_>, function: &Function, types: &mut VecDeque<TypeId>) {
    let _ = image.lines(function);
    let _ = image.inlined(function);
    let _ = image.landing_pads(function);
    let _ = image.cfa(function.low);
    let _ = image.function_at(function.low);
    unwind(image, function.low);
    for variable in image.variables(function) {
        types.push_back(variable.ty);
        let _ = image.registers(&variable, function.low);
        let _ = image.locate(&variable, function.low, &Frame);
    }
}

fn unwind(image: &Image<'_>, at: ImageAddress) {
    let at = FrameAddress::Instruction(RuntimeAddress(at.0));
    let mut registers = UnwindRegisters::new(at, RuntimeAddress(0x7fff_0000), 0x7fff_0100);
    // Each step goes up by one byte at least.
    for _ in 0..64 {
        let read = |at: RuntimeAddress| Some(at.0.wrapping_mul(3));
        match image.unwind(&registers, LoadBias(0), &read) {
            Some(step) => registers = step.registers,
            None => break,
        }
    }
}

fn walk_types(image: &Image<'_>, mut waiting: VecDeque<TypeId>) {
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop_front() {
        if seen.len() >= TYPES {
            break;
        }
        if seen.insert(id) {
            waiting.extend(inner_types(&image.ty(id)));
        }
    }
}

fn inner_types(ty: &Type) -> Vec<TypeId> {
    let of = |fields: &[Field]| fields.iter().map(|field| field.ty).collect::<Vec<_>>();
    match &ty.kind {
        TypeKind::Struct { fields, .. } | TypeKind::Union { fields, .. } => of(fields),
        TypeKind::Enum { variants, .. } => variants.iter().map(|variant| variant.payload).collect(),
        TypeKind::Array { element, .. } => vec![*element],
        TypeKind::Pointer { target, .. } | TypeKind::WidePointer { target, .. } => vec![*target],
        _ => Vec::new(),
    }
}

/// A frame in which every register and word of memory has some value.
struct Frame;

impl LocationContext for Frame {
    fn register(&self, register: Register) -> Option<u64> {
        Some(0x7fff_0000 + u64::from(register.0) * 8)
    }

    fn cfa(&self) -> Option<RuntimeAddress> {
        Some(RuntimeAddress(0x7fff_0200))
    }

    fn read(&self, at: RuntimeAddress, len: usize) -> Option<Vec<u8>> {
        // What an expression reads is a word at most.
        Some(at.0.to_le_bytes().into_iter().take(len).collect())
    }

    fn bias(&self) -> LoadBias {
        LoadBias(0)
    }

    fn thread_pointer(&self) -> Option<u64> {
        Some(0x7fff_7000)
    }
}
