//! Which mechanism fits an executable.

use std::collections::{BTreeSet, HashMap, HashSet};

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, OpKind};
use stackheap_model::ImageAddress;

use crate::entry::Entry;
use crate::executable::{Executable, Named};
use crate::inlining::{Copies, copies};
use crate::{Function, HookError};

/// Rust's own functions, in the order in which the compiler emits them.
const RUST: [Function; 4] = [
    Function::Alloc,
    Function::Dealloc,
    Function::Realloc,
    Function::AllocZeroed,
];
/// C's, in the order in which names for one and the same function are tried.
const C: [Function; 7] = [
    Function::CMalloc,
    Function::CFree,
    Function::CCalloc,
    Function::CRealloc,
    Function::CPosixMemalign,
    Function::CAlignedAlloc,
    Function::CMemalign,
];
/// How many instructions are followed to see what a function calls.
const FOLLOW_LIMIT: usize = 2048;
/// A function that only calls through has no more instructions than this.
const WRAPPER_LIMIT: usize = 4;

/// How the allocations of an executable are observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Rust's four allocation functions are patched: each allocation of Rust code, with its size
    /// and alignment.
    RustShims,
    /// C's allocation functions are patched, where [`Inspection::home`] says: the allocations of
    /// Rust and of C code alike, without alignment, and without size at the free.
    Malloc,
    /// There is no way.
    None,
}

/// Where C's allocation functions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AllocatorHome {
    /// In the executable itself.
    Executable,
    /// In a shared library: there when the dynamic loader has run.
    SharedLibrary,
}

/// One of Rust's allocation functions in an executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShimSite {
    /// Which.
    pub function: Function,
    /// Where it starts.
    pub address: ImageAddress,
    /// How many bytes belong to it: its code and the padding behind it.
    pub size: u64,
}

/// What [`inspect`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// What fits.
    pub mechanism: Mechanism,
    /// The four functions if the mechanism is [`Mechanism::RustShims`], else empty.
    pub shims: Vec<ShimSite>,
    /// Where C's allocation functions are; `None` if the executable has none.
    pub home: Option<AllocatorHome>,
    /// Why this mechanism, in words.
    pub why: String,
    /// What the mechanism may not see although it should, in words; `None` if it sees all.
    pub doubt: Option<String>,
}

/// Tells which mechanism fits an executable.
///
/// Rust's functions are taken only if all four are there and none of them was copied into its
/// callers by the optimiser: a part of the allocations is worse than none.
pub fn inspect(elf: &[u8]) -> Inspection {
    let executable = match Executable::parse(elf) {
        Ok(executable) => executable,
        Err(error) => return none(error.to_string()),
    };
    let home = home(&executable);
    let (entries, found) = match shims(&executable) {
        Ok(shims) => shims,
        Err(HookError::NoFunctions { why }) => return fall_back(home, why),
        Err(error) => return fall_back(home, error.to_string()),
    };
    let rust = |why: &str, doubt: Option<String>| Inspection {
        mechanism: Mechanism::RustShims,
        shims: entries.iter().map(site).collect(),
        home,
        why: why.to_owned(),
        doubt,
    };
    if found == Found::ByCode || is_default_allocator(&executable, &entries) {
        return rust(
            "Rust's four allocation functions lead to the standard library's",
            None,
        );
    }
    let addresses: Vec<ImageAddress> = entries.iter().map(|entry| entry.address).collect();
    let why_not = match copies(&executable, &RUST.map(Function::name), &addresses) {
        Copies::None => {
            return rust(
                "Rust's four allocation functions are the program's own",
                None,
            );
        }
        Copies::Some => {
            "the optimiser copied the program's own allocation functions into their callers"
        }
        Copies::Unknown => {
            "without debug information it is not known whether the optimiser copied the program's \
             own allocation functions into their callers"
        }
    };
    if home.is_some() && reaches_malloc(&executable, &entries) {
        return fall_back(home, why_not.to_owned());
    }
    rust(
        "Rust's four allocation functions are the program's own, and do not lead to malloc",
        Some(format!(
            "{why_not}: allocations made by such copies are not seen"
        )),
    )
}

fn none(why: String) -> Inspection {
    Inspection {
        mechanism: Mechanism::None,
        shims: Vec::new(),
        home: None,
        why,
        doubt: None,
    }
}

fn fall_back(home: Option<AllocatorHome>, why: String) -> Inspection {
    match home {
        Some(_) => Inspection {
            mechanism: Mechanism::Malloc,
            shims: Vec::new(),
            home,
            why,
            doubt: None,
        },
        None => none(format!("{why}, and no malloc was found")),
    }
}

fn site(entry: &Entry) -> ShimSite {
    ShimSite {
        function: entry.function,
        address: entry.address,
        size: entry.room,
    }
}

fn home(executable: &Executable<'_>) -> Option<AllocatorHome> {
    let own = c_functions(executable);
    let defines = |wanted| own.iter().any(|&(function, _)| function == wanted);
    if defines(Function::CMalloc) && defines(Function::CFree) {
        Some(AllocatorHome::Executable)
    } else {
        executable
            .interpreted
            .then_some(AllocatorHome::SharedLibrary)
    }
}

/// Which of Rust's functions a symbol is: `__rust_alloc`, or that in the compiler's own crate with
/// either mangling.
fn rust_function(symbol: &str) -> Option<Function> {
    let function = RUST
        .into_iter()
        .find(|function| symbol.ends_with(function.name()))?;
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    (plain_name(&name) == function.name()).then_some(function)
}

fn plain_name(demangled: &str) -> &str {
    demangled.strip_prefix("__rustc::").unwrap_or(demangled)
}

/// How functions were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// By their names.
    ByName,
    /// By what they do: they lead to C's functions, one each.
    ByCode,
}

/// Rust's four functions, ready to be patched; all or none.
pub(crate) fn shims(executable: &Executable<'_>) -> Result<(Vec<Entry>, Found), HookError> {
    let (sites, found) = shim_sites(executable)?;
    let analyze = |(function, named): (Function, Named<'_>)| {
        let code = executable.code_at(named.address).unwrap_or_default();
        Entry::analyze(function, named.address, code, named.size)
    };
    let entries = sites.into_iter().map(analyze).collect::<Result<_, _>>()?;
    Ok((entries, found))
}

fn shim_sites<'data>(
    executable: &Executable<'data>,
) -> Result<(Vec<(Function, Named<'data>)>, Found), HookError> {
    let mut found: Vec<(Function, Named<'data>)> = Vec::new();
    for named in executable.functions() {
        let Some(function) = rust_function(named.name) else {
            continue;
        };
        match found.iter().find(|&&(known, _)| known == function) {
            None => found.push((function, named)),
            Some((_, known)) if known.address == named.address => {}
            Some(_) => {
                let why = format!("{} is there twice", function.name());
                return Err(HookError::NoFunctions { why });
            }
        }
    }
    found.sort_by_key(|&(function, _)| function);
    let missing = RUST
        .iter()
        .find(|&&function| !found.iter().any(|&(known, _)| known == function));
    let Some(missing) = missing else {
        return Ok((found, Found::ByName));
    };
    let missing = missing.name();
    if !found.is_empty() {
        let why = format!("the optimiser merged {missing} into its callers");
        return Err(HookError::NoFunctions { why });
    }
    if !executable.has_symbols() {
        return Ok((stripped_shims(executable)?, Found::ByCode));
    }
    let why = "no Rust allocation function is left in the program: it was optimised as a whole, or \
               uses a shared standard library";
    Err(HookError::NoFunctions {
        why: why.to_owned(),
    })
}

/// C's functions of a file, by the first symbol of each name.
pub(crate) fn c_functions<'data>(executable: &Executable<'data>) -> Vec<(Function, Named<'data>)> {
    let mut found: Vec<(Function, Named<'data>)> = Vec::new();
    for named in executable.functions() {
        let Some(function) = C.into_iter().find(|function| function.name() == named.name) else {
            continue;
        };
        if !found.iter().any(|&(known, _)| known == function) {
            found.push((function, named));
        }
    }
    found.sort_by_key(|&(function, _)| function);
    found
}

/// Whether each of the functions does nothing but jump to the standard library's `__rdl_*`. The
/// compiler emits such functions in a unit of their own, where the optimiser cannot copy them from
/// except by link-time optimisation, which leaves none.
fn is_default_allocator(executable: &Executable<'_>, entries: &[Entry]) -> bool {
    let targets: Vec<ImageAddress> = entries
        .iter()
        .filter_map(|entry| wrapped(executable, entry.address))
        .collect();
    let defaults: HashSet<ImageAddress> = executable
        .functions()
        .filter(|named| named.name.contains("__rdl_"))
        .filter(|named| {
            let name = format!("{:#}", rustc_demangle::demangle(named.name));
            plain_name(&name).starts_with("__rdl_")
        })
        .map(|named| named.address)
        .collect();
    targets.len() == entries.len() && targets.iter().all(|target| defaults.contains(target))
}

/// Where a function jumps to, if it does nothing else but set up and remove a frame.
fn wrapped(executable: &Executable<'_>, address: ImageAddress) -> Option<ImageAddress> {
    let code = executable.code_at(address)?;
    let mut decoder = Decoder::with_ip(64, code, address.0, DecoderOptions::NONE);
    for instruction in decoder.iter().take(WRAPPER_LIMIT) {
        match instruction.flow_control() {
            FlowControl::Next if !instruction.is_invalid() => {}
            FlowControl::UnconditionalBranch => {
                return Some(ImageAddress(instruction.near_branch_target()));
            }
            _ => return None,
        }
    }
    None
}

/// Finds the four functions where there are no names: five functions in a row, 16 bytes each, of
/// which the first four only jump and the last only returns. It is them if what they jump to calls
/// C's `malloc`, `free`, `realloc` and `calloc`, one each; that also tells which is which.
fn stripped_shims<'data>(
    executable: &Executable<'data>,
) -> Result<Vec<(Function, Named<'data>)>, HookError> {
    const FUNCTION_BYTES: usize = 16;
    let imports = executable.imports();
    let mut hits: Vec<Vec<(Function, Named<'data>)>> = Vec::new();
    for &(start, code) in executable.code() {
        // Functions start at multiples of 16 of the address.
        let first = (start.0.wrapping_neg() % FUNCTION_BYTES as u64) as usize;
        let blocks = code
            .get(first..)
            .unwrap_or_default()
            .as_chunks::<FUNCTION_BYTES>()
            .0;
        for (index, row) in blocks.windows(5).enumerate() {
            let looks_right = row.iter().take(4).all(|block| is_lone(block, 0xe9, 5))
                && row.iter().skip(4).all(|block| is_lone(block, 0xc3, 1));
            if !looks_right {
                continue;
            }
            let offset = (first + index * FUNCTION_BYTES) as u64;
            let address = ImageAddress(start.0.wrapping_add(offset));
            hits.extend(classify(executable, &imports, address));
        }
    }
    match <[_; 1]>::try_from(hits) {
        Ok([hit]) => Ok(hit),
        Err(hits) => {
            let why = match hits.len() {
                0 => "the program has no symbols, and its Rust allocation functions do not look \
                      like those of the standard allocator"
                    .to_owned(),
                count => format!(
                    "the program has no symbols, and {count} places in it look like Rust's \
                     allocation functions"
                ),
            };
            Err(HookError::NoFunctions { why })
        }
    }
}

/// Whether a block holds one instruction of `length` bytes that starts with `opcode`, perhaps
/// between the set-up and removal of a frame, and then only padding.
fn is_lone(block: &[u8], opcode: u8, length: usize) -> bool {
    const FRAME: [u8; 5] = [0x55, 0x48, 0x89, 0xe5, 0x5d]; // push rbp; mov rbp, rsp; pop rbp
    let code = block.strip_prefix(&FRAME).unwrap_or(block);
    let padding = code.get(length..).unwrap_or_default();
    code.first() == Some(&opcode) && padding.iter().all(|&byte| byte == 0xcc || byte == 0x90)
}

/// Which of four functions in a row is which, by what it calls.
fn classify<'data>(
    executable: &Executable<'data>,
    imports: &HashMap<ImageAddress, &'data str>,
    first: ImageAddress,
) -> Option<Vec<(Function, Named<'data>)>> {
    let mut found: Vec<(Function, Named<'data>)> = Vec::new();
    for index in 0..4 {
        let address = ImageAddress(first.0.wrapping_add(16 * index));
        let called = follow(executable, imports, &[address]);
        let calls = |name: &str| called.contains(name);
        let function = match (
            calls("malloc"),
            calls("calloc"),
            calls("realloc"),
            calls("free"),
        ) {
            (true, false, false, _) => Function::Alloc,
            (_, true, false, _) => Function::AllocZeroed,
            (_, false, true, _) => Function::Realloc,
            (false, false, false, true) => Function::Dealloc,
            _ => return None,
        };
        if found.iter().any(|&(known, _)| known == function) {
            return None;
        }
        found.push((
            function,
            Named {
                name: function.name(),
                address,
                size: 16,
            },
        ));
    }
    found.sort_by_key(|&(function, _)| function);
    Some(found)
}

/// Whether the functions call C's `malloc` somewhere.
fn reaches_malloc(executable: &Executable<'_>, entries: &[Entry]) -> bool {
    let starts: Vec<ImageAddress> = entries.iter().map(|entry| entry.address).collect();
    let mut imports = executable.imports();
    // In a static executable, the functions themselves.
    imports.extend(
        c_functions(executable)
            .iter()
            .map(|(_, named)| (named.address, named.name)),
    );
    let called = follow(executable, &imports, &starts);
    C.iter().any(|function| called.contains(function.name()))
}

/// The names of what code that starts at `starts` calls, directly or through functions it calls.
/// `imports` names pointers and functions by address. Looks at a stated number of instructions.
fn follow<'data>(
    executable: &Executable<'_>,
    imports: &HashMap<ImageAddress, &'data str>,
    starts: &[ImageAddress],
) -> BTreeSet<&'data str> {
    let mut called = BTreeSet::new();
    let mut seen: HashSet<ImageAddress> = HashSet::new();
    let mut pending: Vec<ImageAddress> = starts.to_vec();
    let mut left = FOLLOW_LIMIT;
    while let Some(address) = pending.pop() {
        let Some(code) = executable.code_at(address) else {
            continue;
        };
        let mut decoder = Decoder::with_ip(64, code, address.0, DecoderOptions::NONE);
        for instruction in &mut decoder {
            if left == 0 {
                return called;
            }
            left -= 1;
            if !seen.insert(ImageAddress(instruction.ip())) {
                break;
            }
            let target = target(&instruction);
            if let Some(target) = target {
                match imports.get(&target) {
                    Some(name) => {
                        called.insert(*name);
                    }
                    None if is_near(&instruction) => pending.push(target),
                    None => {}
                }
            }
            let ends = matches!(
                instruction.flow_control(),
                FlowControl::UnconditionalBranch
                    | FlowControl::IndirectBranch
                    | FlowControl::Return
                    | FlowControl::Interrupt
                    | FlowControl::Exception
            );
            if ends || instruction.is_invalid() {
                break;
            }
        }
    }
    called
}

/// What a jump or call leads to: code, or a pointer to it.
fn target(instruction: &Instruction) -> Option<ImageAddress> {
    let indirect = matches!(
        instruction.flow_control(),
        FlowControl::IndirectBranch | FlowControl::IndirectCall
    );
    if is_near(instruction) {
        Some(ImageAddress(instruction.near_branch_target()))
    } else if indirect && instruction.is_ip_rel_memory_operand() {
        Some(ImageAddress(instruction.ip_rel_memory_address()))
    } else {
        None
    }
}

fn is_near(instruction: &Instruction) -> bool {
    instruction.op_count() > 0 && instruction.op0_kind() == OpKind::NearBranch64
}
