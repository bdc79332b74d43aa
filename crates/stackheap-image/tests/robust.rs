//! Damaged executables: no panic and no endless loop, whatever is asked of them.

mod common;

use std::time::{Duration, Instant};

use common::{STABLE, Toolchain, build};
use stackheap_image::{FrameAddress, Image, LocationContext, UnwindRegisters};
use stackheap_model::{ImageAddress, LoadBias, Register, RuntimeAddress, Type, TypeId, TypeKind};

/// A generator of numbers that is the same each time.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// A frame in which everything that is asked for is there.
struct Everything;

impl LocationContext for Everything {
    fn register(&self, register: Register) -> Option<u64> {
        Some(0x1000 + u64::from(register.0))
    }
    fn cfa(&self) -> Option<RuntimeAddress> {
        Some(RuntimeAddress(0x2000))
    }
    fn read(&self, _: RuntimeAddress, len: usize) -> Option<Vec<u8>> {
        Some(vec![0x5a; len.min(64)])
    }
    fn bias(&self) -> LoadBias {
        LoadBias(0x5555_0000)
    }
    fn thread_pointer(&self) -> Option<u64> {
        Some(0x7000)
    }
}

/// Asks for everything there is, at most a stated number of times each.
fn walk(data: &[u8]) {
    let Ok(image) = Image::parse(data) else {
        return;
    };
    let (functions, _) = image.functions(&|file| !file.starts_with("/rust"));
    let mut types: Vec<TypeId> = Vec::new();
    for function in functions.iter().take(64) {
        let rows = image.lines(function);
        let _ = image.landing_pads(function);
        types.extend(
            function
                .arguments
                .iter()
                .map(|argument| argument.ty)
                .chain(function.returns),
        );
        for row in rows.iter().take(16) {
            let _ = (
                image.cfa(row.address),
                image.inlined_at(function, row.address),
            );
            let registers = UnwindRegisters {
                general: [Some(0x1000); Register::COUNT],
                at: FrameAddress::Instruction(RuntimeAddress(row.address.0)),
            };
            let _ = image.unwind(&registers, LoadBias(0), &|at| Some(at.0 ^ 0x55));
        }
        for variable in image.variables(function).iter().take(64) {
            types.push(variable.ty);
            let _ = image.registers(variable, function.low);
            for at in [function.low, ImageAddress(function.low.0 + 9)] {
                let _ = image.locate(variable, at, &Everything);
            }
        }
    }
    for variable in image.statics(None).iter().take(200) {
        types.push(variable.ty);
        if let stackheap_image::StaticPlace::Address(at) = variable.place {
            let _ = image.read_static(at, 64, LoadBias(0x1000));
        }
    }
    for vtable in image.vtables().iter().take(100) {
        types.push(vtable.concrete);
    }
    // Types lead to types.
    let mut seen = std::collections::BTreeSet::new();
    while let Some(id) = types.pop() {
        if seen.len() < 500 && seen.insert(id.0) {
            types.extend(leads_to(&image.ty(id)));
        }
    }
    let _ = image.type_named("demo::places::Nothing");
    let _ = image.symbol_named("__rustc::__rust_alloc");
    let entry = image.facts().entry;
    let _ = (
        image.symbol_at(entry),
        image.function_name_at(entry),
        image.vtable_at(entry),
    );
    let _ = (
        image.section_kind_at(entry),
        image.read_static(entry, 4096, LoadBias(1)),
    );
}

fn leads_to(ty: &Type) -> Vec<TypeId> {
    match &ty.kind {
        TypeKind::Struct { fields, .. } | TypeKind::Union { fields, .. } => {
            fields.iter().map(|field| field.ty).collect()
        }
        TypeKind::Enum { variants, .. } => variants.iter().map(|one| one.payload).collect(),
        TypeKind::CEnum { base, .. } => vec![*base],
        TypeKind::Array { element, .. } => vec![*element],
        TypeKind::Pointer { target, .. } | TypeKind::WidePointer { target, .. } => vec![*target],
        _ => Vec::new(),
    }
}

/// A program without the standard library is small, so that damage hits something and many
/// executables can be tried.
fn small(dwarf: &'static str) -> Vec<u8> {
    const ALONE: &str = "-Clink-args=-nostartfiles -nostdlib -static-pie";
    const SMALL: [&str; 4] = ["-g", "-Cpanic=abort", "-Cdebug-assertions=off", ALONE];
    const FOUR: [&str; 5] = [SMALL[0], SMALL[1], SMALL[2], SMALL[3], "-Cdwarf-version=4"];
    const FIVE: [&str; 5] = [SMALL[0], SMALL[1], SMALL[2], SMALL[3], "-Cdwarf-version=5"];
    let toolchain = match dwarf {
        "4" => Toolchain {
            name: "small 4",
            arguments: &FOUR,
        },
        _ => Toolchain {
            name: "small 5",
            arguments: &FIVE,
        },
    };
    let program = build("small.rs", toolchain).expect("the stable toolchain");
    let image = Image::parse(&program.data).expect("undamaged it is readable");
    let (functions, _) = image.functions(&|_| true);
    assert!(
        functions
            .iter()
            .any(|function| function.name.contains("Speak"))
    );
    assert!(program.data.len() < 100_000, "{} bytes", program.data.len());
    program.data.clone()
}

fn within(limit: Duration, what: &dyn Fn() -> String, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    let took = start.elapsed();
    assert!(took < limit, "{} took {took:?}", what());
}

#[test]
fn flipped_bytes() {
    for dwarf in ["4", "5"] {
        let whole = small(dwarf);
        let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
        for turn in 0..1000 {
            let mut data = whole.clone();
            // The headers at both ends are hit in every third turn only, so that most damage is met
            // behind them.
            let spared = if turn % 3 == 0 {
                0..data.len()
            } else {
                0x400..data.len() * 3 / 4
            };
            let flips = 1 + random.below(24);
            for _ in 0..flips {
                let at = spared.start + random.below(spared.len());
                data[at] = match random.below(4) {
                    0 => 0xff,
                    1 => 0,
                    2 => data[at].wrapping_add(1),
                    _ => random.next() as u8,
                };
            }
            within(
                Duration::from_secs(20),
                &|| format!("DWARF {dwarf}, turn {turn}"),
                || walk(&data),
            );
        }
    }
}

#[test]
fn truncated_files() {
    for dwarf in ["4", "5"] {
        let whole = small(dwarf);
        let mut random = Xorshift(0x2545_f491_4f6c_dd1d);
        for turn in 0..200 {
            let end = random.below(whole.len());
            let data = &whole[..end];
            within(
                Duration::from_secs(20),
                &|| format!("DWARF {dwarf}, turn {turn}"),
                || walk(data),
            );
        }
    }
}

#[test]
fn damage_in_a_real_program() {
    let program = build("frames.rs", STABLE).expect("the stable toolchain");
    let mut random = Xorshift(0xdead_beef_cafe_f00d);
    for turn in 0..40 {
        let mut data = program.data.clone();
        // The header is spared: damage there is tried above.
        for _ in 0..2000 {
            let at = 4096 + random.below(data.len() - 4096);
            data[at] = random.next() as u8;
        }
        within(Duration::from_secs(60), &|| format!("turn {turn}"), || {
            walk(&data)
        });
    }
}
