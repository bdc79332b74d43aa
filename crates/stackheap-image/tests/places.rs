//! Places of variables and the way up the stack, against the program's own `{:p}` and gdb.
//!
//! gdb runs the program to a marker function and writes down registers and the bytes of the stack;
//! nothing it knows about variables is used.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use common::{Program, TOOLCHAINS, Toolchain, build, number, output_of};
use stackheap_image::{
    FrameAddress, Function, Image, Location, LocationContext, UnwindRegisters, Variable,
};
use stackheap_model::{
    CfaRule, ImageAddress, LoadBias, LocalRole, Register, RegisterSet, RuntimeAddress,
};

/// The registers of gdb's `info registers`, by DWARF number.
const REGISTERS: [&str; 16] = [
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

/// The process at one stop.
struct Stop {
    registers: BTreeMap<String, u64>,
    stack_at: u64,
    stack: Vec<u8>,
    /// The addresses of gdb's `backtrace`, innermost first, without the first.
    return_addresses: Vec<u64>,
    /// What the program printed until then.
    printed: Vec<Vec<String>>,
}

impl Stop {
    fn word(&self, at: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(at, 8)?.try_into().ok()?))
    }

    fn bytes(&self, at: u64, len: usize) -> Option<Vec<u8>> {
        let start = usize::try_from(at.checked_sub(self.stack_at)?).ok()?;
        Some(self.stack.get(start..start.checked_add(len)?)?.to_vec())
    }
}

/// The stops so far, by the program and the passing.
static STOPS: Mutex<BTreeMap<Key, Option<Arc<Stop>>>> = Mutex::new(BTreeMap::new());

/// A program and the number of a passing.
type Key = (PathBuf, u32);

/// Runs the program to the `nth` passing of `demo::marker`, once for all tests, or says that gdb is
/// missing.
fn stop_at(program: &Program, nth: u32) -> Option<Arc<Stop>> {
    let mut stops = STOPS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (program.path.clone(), nth);
    stops
        .entry(key)
        .or_insert_with(|| run_to(program, nth).map(Arc::new))
        .clone()
}

fn run_to(program: &Program, nth: u32) -> Option<Stop> {
    let dump = program.directory().join(format!("stack-{nth}"));
    let output = program.directory().join(format!("output-{nth}"));
    let script = program.directory().join(format!("script-{nth}"));
    let commands = format!(
        "set pagination off\nset confirm off\nset backtrace past-main on\nbreak demo::marker\n\
         run > {}\n{}info registers\nbacktrace\n\
         dump binary memory {} $rsp ($rsp + 4096)\nkill\n",
        output.display(),
        "continue\n".repeat(nth as usize - 1),
        dump.display()
    );
    std::fs::write(&script, commands).unwrap();
    let mut command = Command::new("gdb");
    command
        .args(["-batch", "-nx", "-x"])
        .arg(&script)
        .arg(&program.path);
    let text = output_of(command)?;
    let mut registers = BTreeMap::new();
    let mut return_addresses = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name, value, ..] if value.starts_with("0x") && !name.starts_with('#') => {
                registers.insert((*name).to_owned(), number(value));
            }
            [level, address, ..] if level.starts_with('#') && address.starts_with("0x") => {
                // The same return address stands for each inlined call.
                let address = number(address);
                if level != &"#0" && return_addresses.last() != Some(&address) {
                    return_addresses.push(address);
                }
            }
            _ => {}
        }
    }
    let printed = common::words(&std::fs::read_to_string(&output).unwrap());
    let stack = std::fs::read(&dump).unwrap_or_else(|error| panic!("{error}: {text}"));
    let stack_at = registers["rsp"];
    Some(Stop {
        registers,
        stack_at,
        stack,
        return_addresses,
        printed,
    })
}

/// A frame on the way up.
struct Frame<'a> {
    stop: &'a Stop,
    registers: UnwindRegisters,
    cfa: RuntimeAddress,
    bias: LoadBias,
}

impl LocationContext for Frame<'_> {
    fn register(&self, register: Register) -> Option<u64> {
        self.registers.get(register)
    }
    fn cfa(&self) -> Option<RuntimeAddress> {
        Some(self.cfa)
    }
    fn read(&self, at: RuntimeAddress, len: usize) -> Option<Vec<u8>> {
        self.stop.bytes(at.0, len)
    }
    fn bias(&self) -> LoadBias {
        self.bias
    }
    fn thread_pointer(&self) -> Option<u64> {
        self.stop.registers.get("fs_base").copied()
    }
}

/// Where the loader put the image: gdb switches randomisation off.
fn bias_of(image: &Image<'_>, stop: &Stop, functions: &[Function]) -> LoadBias {
    let marker = functions
        .iter()
        .find(|function| &*function.name == "demo::marker")
        .unwrap();
    // The loader moves by whole pages, and the breakpoint is within a page of the function.
    let bias = LoadBias(stop.registers["rip"].wrapping_sub(marker.low.0) & !0xfff);
    assert_eq!(image.facts().position_independent, bias.0 != 0);
    bias
}

fn frames<'a>(image: &Image<'_>, stop: &'a Stop, bias: LoadBias) -> Vec<Frame<'a>> {
    let mut general = [None; Register::COUNT];
    for (slot, name) in general.iter_mut().zip(REGISTERS) {
        *slot = Some(stop.registers[name]);
    }
    let at = FrameAddress::Instruction(RuntimeAddress(stop.registers["rip"]));
    let mut registers = UnwindRegisters { general, at };
    let read = |at: RuntimeAddress| stop.word(at.0);
    let mut frames = Vec::new();
    while let Some(step) = image.unwind(&registers, bias, &read) {
        frames.push(Frame {
            stop,
            registers,
            cfa: step.cfa,
            bias,
        });
        assert_eq!(step.registers.get(Register::RSP), Some(step.cfa.0));
        assert_eq!(stop.word(step.cfa.0 - 8), Some(step.return_address.0));
        for (register, at) in &step.saved {
            assert!(RegisterSet::CALLEE_SAVED.contains(*register));
            assert_eq!(step.registers.get(*register), stop.word(at.0));
        }
        registers = step.registers;
    }
    frames
}

type Check = fn(&Image<'_>, &Program, &Stop, &[Frame<'_>], &[Function]);

fn check_all(nth: u32, check: Check) {
    check_with(&TOOLCHAINS, nth, check);
}

fn check_with(toolchains: &[Toolchain], nth: u32, check: Check) {
    for &toolchain in toolchains {
        let Some(program) = build("frames.rs", toolchain) else {
            continue;
        };
        let Some(stop) = stop_at(&program, nth) else {
            return;
        };
        eprintln!("with {}", toolchain.name);
        let image = Image::parse(&program.data).expect("the program is readable");
        let (functions, _) = image.functions(&program.is_own());
        let bias = bias_of(&image, &stop, &functions);
        let frames = frames(&image, &stop, bias);
        check(&image, &program, &stop, &frames, &functions);
    }
}

/// The frame of a function, with its variables in scope there.
fn frame_of<'a, 'b>(
    image: &Image<'_>,
    frames: &'a [Frame<'b>],
    functions: &[Function],
    name: &str,
) -> (&'a Frame<'b>, ImageAddress, Vec<Variable>) {
    let function = functions
        .iter()
        .find(|function| &*function.name == name)
        .unwrap();
    let frame = frames
        .iter()
        .find(|frame| function.contains(frame.bias.to_image(frame.registers.at.lookup())));
    let frame = frame.unwrap_or_else(|| panic!("{name} is on the stack"));
    let at = frame.bias.to_image(frame.registers.at.lookup());
    let variables = image
        .variables(function)
        .into_iter()
        .filter(|variable| variable.in_scope(at));
    (frame, at, variables.collect())
}

/// Each name with the places of its variables in scope, innermost first.
fn places(
    image: &Image<'_>,
    frame: &Frame<'_>,
    at: ImageAddress,
    variables: &[Variable],
) -> BTreeMap<String, Vec<u64>> {
    let mut found: BTreeMap<String, Vec<(u32, u64)>> = BTreeMap::new();
    for variable in variables
        .iter()
        .filter(|variable| variable.role != LocalRole::Hidden)
    {
        let place = image.locate(variable, at, frame);
        let Ok(Location::Memory(place)) = place else {
            panic!("{}: {place:?}", variable.name)
        };
        found
            .entry(variable.name.to_string())
            .or_default()
            .push((variable.scope_depth, place.0));
    }
    found
        .into_iter()
        .map(|(name, mut places)| {
            places.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
            (name, places.into_iter().map(|(_, place)| place).collect())
        })
        .collect()
}

fn printed(stop: &Stop, kind: &str, name: &str) -> u64 {
    let line = stop
        .printed
        .iter()
        .rfind(|line| line[0] == kind && line[1] == name);
    number(&line.unwrap_or_else(|| panic!("the program prints {kind} {name}"))[2])
}

#[test]
fn variables_lie_where_the_program_prints() {
    // The third passing is the plain call.
    check_all(3, |image, _, stop, frames, functions| {
        let (frame, at, variables) = frame_of(image, frames, functions, "demo::places");
        let found = places(image, frame, at, &variables);
        let names = [
            "text", "big", "left", "right", "number", "first", "shadowed", "aligned", "index",
            "owner",
        ];
        for name in names {
            assert_eq!(found[name][0], printed(stop, "place", name), "{name}");
        }
        assert_eq!(
            found["shadowed"].len(),
            2,
            "the outer one of the name is in scope too"
        );
        assert_eq!(stop.bytes(found["shadowed"][1], 1), Some(vec![1]));
        assert!(found.contains_key("late"), "in scope before it is assigned");
        assert!(
            !found.contains_key("kept"),
            "not in scope before its initialiser has run"
        );
        let (frame, at, variables) = frame_of(image, frames, functions, "demo::main");
        let found = places(image, frame, at, &variables);
        assert_eq!(found["number"][0], printed(stop, "place", "local"));
    });
}

#[test]
fn parameters_are_told_from_variables() {
    check_all(3, |image, _, _, frames, functions| {
        let (_, _, variables) = frame_of(image, frames, functions, "demo::places");
        let role = |name: &str| {
            variables
                .iter()
                .find(|variable| &*variable.name == name)
                .map(|variable| variable.role)
        };
        assert_eq!(role("text"), Some(LocalRole::Parameter));
        assert_eq!(role("number"), Some(LocalRole::Parameter));
        assert_eq!(role("first"), Some(LocalRole::Variable));
        let iterator = variables
            .iter()
            .find(|variable| &*variable.name == "iter")
            .unwrap();
        assert!(iterator.may_be_hidden);
        let first = variables
            .iter()
            .find(|variable| &*variable.name == "first")
            .unwrap();
        assert!(!first.may_be_hidden);
    });
}

#[test]
fn captures_lie_in_the_environment() {
    check_all(1, |image, _, stop, frames, functions| {
        let (frame, at, variables) =
            frame_of(image, frames, functions, "demo::places::{closure#0}");
        let found = places(image, frame, at, &variables);
        assert_eq!(found["first"], [printed(stop, "capture", "first")]);
        assert_eq!(found["own"], [printed(stop, "closure", "own")]);
        let role = |name: &str| {
            variables
                .iter()
                .find(|one| &*one.name == name)
                .unwrap()
                .role
        };
        assert_eq!(role("first"), LocalRole::Capture);
        assert_eq!(role("own"), LocalRole::Variable);
        assert_eq!(role("by"), LocalRole::Parameter);
    });
    check_all(2, |image, _, stop, frames, functions| {
        let (frame, at, variables) =
            frame_of(image, frames, functions, "demo::places::{closure#1}");
        let found = places(image, frame, at, &variables);
        assert_eq!(found["given"], [printed(stop, "moved", "given")]);
        let given = variables
            .iter()
            .find(|variable| &*variable.name == "given")
            .unwrap();
        assert_eq!(given.role, LocalRole::Capture);
    });
}

#[test]
fn the_registers_a_place_depends_on_suffice() {
    check_all(3, |image, _, _, frames, functions| {
        let (frame, at, variables) = frame_of(image, frames, functions, "demo::places");
        for variable in &variables {
            let set = image.registers(variable, at);
            let mut registers = frame.registers;
            for (slot, number) in registers.general.iter_mut().zip(0..) {
                if !set.contains(Register(number)) {
                    *slot = None;
                }
            }
            let less = Frame {
                stop: frame.stop,
                registers,
                cfa: frame.cfa,
                bias: frame.bias,
            };
            assert_eq!(
                image.locate(variable, at, &less),
                image.locate(variable, at, frame)
            );
            if !set.iter().eq([]) {
                let none = UnwindRegisters {
                    general: [None; Register::COUNT],
                    at: registers.at,
                };
                let none = Frame {
                    stop: frame.stop,
                    registers: none,
                    cfa: frame.cfa,
                    bias: frame.bias,
                };
                let reason = image.locate(variable, at, &none).unwrap_err();
                assert!(reason.reason.ends_with("was not captured"), "{reason:?}");
            }
        }
    });
}

#[test]
fn the_way_up_is_the_one_gdb_finds() {
    // The fifth passing is inside the optimised sort of the standard library.
    for nth in [1, 5] {
        check_all(nth, |image, _, stop, frames, functions| {
            let bias = frames[0].bias;
            let inside = |address: &u64| {
                image
                    .facts()
                    .loaded
                    .contains(&bias.to_image(RuntimeAddress(*address)))
            };
            let expect: Vec<u64> = stop
                .return_addresses
                .iter()
                .copied()
                .take_while(inside)
                .collect();
            let found: Vec<u64> = frames[1..]
                .iter()
                .map(|frame| match frame.registers.at {
                    FrameAddress::Return(at) | FrameAddress::Instruction(at) => at.0,
                })
                .collect();
            assert!(expect.len() > 3, "{expect:x?}");
            assert_eq!(found, expect);
            frame_of(image, frames, functions, "demo::main");
        });
    }
}

#[test]
fn optimised_programs_are_walked_and_say_what_they_lost() {
    let optimised = [
        Toolchain {
            name: "optimised",
            arguments: &["-g", "-O"],
        },
        Toolchain {
            name: "optimised 5",
            arguments: &["-g", "-O", "-Cdwarf-version=5"],
        },
    ];
    check_with(&optimised, 3, |image, _, stop, frames, functions| {
        let found: Vec<u64> = frames[1..]
            .iter()
            .map(|frame| frame.registers.at.lookup().0 + 1)
            .collect();
        assert!(found.len() > 2, "{found:x?}");
        assert!(
            stop.return_addresses.starts_with(&found),
            "{:x?} {found:x?}",
            stop.return_addresses
        );
        let (frame, at, variables) = frame_of(image, frames, functions, "demo::places");
        let mut known = 0;
        let mut unknown = 0;
        for variable in &variables {
            match image.locate(variable, at, frame) {
                Ok(_) => known += 1,
                Err(reason) => {
                    assert!(!reason.reason.is_empty());
                    unknown += 1;
                }
            }
        }
        assert!(known > 3, "{known} known, {unknown} unknown");
        let (frame, at, variables) = frame_of(image, frames, functions, "demo::places");
        // Its address is taken, so that it is in memory.
        let big = variables
            .iter()
            .find(|variable| &*variable.name == "big")
            .unwrap();
        let expect = RuntimeAddress(printed(stop, "place", "big"));
        assert_eq!(image.locate(big, at, frame), Ok(Location::Memory(expect)));
    });
}

#[test]
fn the_rule_for_the_frame_gives_the_same_as_the_walk() {
    check_all(3, |image, _, _, frames, _| {
        for frame in frames {
            let at = frame.bias.to_image(frame.registers.at.lookup());
            let expect = match image.cfa(at).expect("a rule") {
                CfaRule::StackPointer(offset) => frame
                    .registers
                    .get(Register::RSP)
                    .unwrap()
                    .wrapping_add_signed(offset.into()),
                CfaRule::FramePointer(offset) => frame
                    .registers
                    .get(Register::RBP)
                    .unwrap()
                    .wrapping_add_signed(offset.into()),
            };
            assert_eq!(frame.cfa.0, expect);
        }
    });
}

#[test]
fn a_panic_passes_the_landing_pads() {
    for toolchain in TOOLCHAINS {
        let Some(program) = build("frames.rs", toolchain) else {
            continue;
        };
        eprintln!("with {}", toolchain.name);
        let image = Image::parse(&program.data).expect("the program is readable");
        let (functions, _) = image.functions(&program.is_own());
        let function = |name: &str| {
            functions
                .iter()
                .find(|function| &*function.name == name)
                .unwrap()
        };
        assert_eq!(image.landing_pads(function("demo::marker")), []);
        let fails = function("demo::fails");
        let pads = image.landing_pads(fails);
        assert!(!pads.is_empty());
        assert!(
            pads.iter()
                .all(|pad| fails.contains(*pad) && *pad != fails.low)
        );
        let script = program.directory().join("script-pads");
        let mut commands =
            "set pagination off\nset confirm off\nbreak demo::main\nrun > /dev/null\n".to_owned();
        // Relative to a function, so that gdb adds what the loader did.
        commands += "set language c\ndelete 1\n";
        for pad in &pads {
            let offset = pad.0 - fails.low.0;
            commands += &format!("break *((unsigned long)&'demo::fails' + {offset})\n");
        }
        commands += "continue\nkill\n";
        std::fs::write(&script, commands).unwrap();
        let mut command = Command::new("gdb");
        command
            .args(["-batch", "-nx", "-x"])
            .arg(&script)
            .arg(&program.path);
        let Some(text) = output_of(command) else {
            return;
        };
        let is_pad =
            |line: &str| line.starts_with("Breakpoint ") && !line.starts_with("Breakpoint 1,");
        let stopped = text
            .lines()
            .any(|line| is_pad(line) && line.contains(", ") && line.contains("fails"));
        assert!(stopped, "no landing pad of {pads:?} was passed: {text}");
    }
}
