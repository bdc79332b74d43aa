//! The agent's file, and its loader: an ELF shared object laid out by hand.

use std::mem::offset_of;

use object::elf::{PF_W, PF_X, PT_LOAD, R_X86_64_RELATIVE, SHT_RELA};
use object::read::elf::{ElfFile64, ProgramHeader, SectionHeader};
use object::{LittleEndian, Object, ObjectSymbol, elf};
use stackheap_model::{ImageAddress, RuntimeAddress};

use crate::protocol::{Control, SLOT_BYTES, SLOTS_OFFSET};
use crate::{Function, HookError};

const PAGE_BYTES: u64 = 4096;
/// The agent has three; more than this is another file.
const SEGMENTS_LIMIT: usize = 16;
/// The agent takes a few pages; more than this is another file.
const AGENT_BYTES_LIMIT: u64 = 1 << 20;
const WHAT: &str = "the file of allocation hooks";

#[cfg(stackheap_agent)]
const EMBEDDED: Option<&[u8]> = Some(include_bytes!(concat!(env!("OUT_DIR"), "/agent.so")));
#[cfg(not(stackheap_agent))]
const EMBEDDED: Option<&[u8]> = None;

/// The part that runs inside the observed process, as it was built.
#[derive(Clone, Debug)]
pub struct Agent {
    /// By address, whole pages, not overlapping.
    segments: Vec<Image>,
    /// Where a relocation writes, and which address of the image it writes there.
    relocations: Vec<(ImageAddress, ImageAddress)>,
    control: ImageAddress,
    drain_trap: ImageAddress,
    hooks: [ImageAddress; Function::COUNT],
}

/// A segment before it has an address in a process.
#[derive(Clone, Debug)]
struct Image {
    start: ImageAddress,
    bytes: Vec<u8>,
    writable: bool,
    executable: bool,
}

/// Memory to be mapped in the observed process. Starts and ends at page boundaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where.
    pub address: RuntimeAddress,
    /// What, a multiple of the page size long.
    pub bytes: Vec<u8>,
    /// Whether the process writes to it.
    pub writable: bool,
    /// Whether it holds code.
    pub executable: bool,
}

/// A word of eight bytes, little-endian, to be written into the control block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlWrite {
    /// Where.
    pub address: RuntimeAddress,
    /// What.
    pub value: u64,
}

/// The agent, laid out at an address, ready to be mapped.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to map, by address. The control block in it names the ring and is switched off.
    pub segments: Vec<Segment>,
    /// Where the control block is.
    pub control: RuntimeAddress,
    /// The `int3` at which a thread stops when the ring is full; its `rip` is one behind it then.
    pub drain_trap: RuntimeAddress,
    /// Where the agent's code starts. A frame whose program counter lies in it has its caller's
    /// frame at `rbp + 16`: the agent keeps frame pointers.
    pub text_low: RuntimeAddress,
    /// The address behind the agent's code.
    pub text_high: RuntimeAddress,
    /// From the base to behind the last byte of the segments.
    pub total_bytes: u64,
    hooks: [RuntimeAddress; Function::COUNT],
}

impl Agent {
    /// The agent that this crate was built with.
    ///
    /// # Errors
    ///
    /// [`HookError::Unavailable`] where the crate was built for another system than Linux on
    /// x86-64. Any other error says that the linker made a file the loader does not understand.
    pub fn embedded() -> Result<Self, HookError> {
        let Some(bytes) = EMBEDDED else {
            return Err(HookError::Unavailable {
                target: env!("STACKHEAP_HOOK_TARGET"),
            });
        };
        Self::parse(bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self, HookError> {
        let file = ElfFile64::<LittleEndian>::parse(bytes).map_err(not_elf)?;
        let symbol = |name: &str| {
            file.dynamic_symbols()
                .find(|symbol| symbol.is_definition() && symbol.name() == Ok(name))
                .map(|symbol| ImageAddress(symbol.address()))
                .ok_or_else(|| wrong(format!("no symbol {name}")))
        };
        let mut hooks = [ImageAddress(0); Function::COUNT];
        for (hook, function) in hooks.iter_mut().zip(Function::ALL) {
            *hook = symbol(hook_symbol(function))?;
        }
        let agent = Self {
            segments: segments(&file, bytes)?,
            relocations: relocations(&file, bytes)?,
            control: symbol("stackheap_control")?,
            drain_trap: symbol("stackheap_drain_trap")?,
            hooks,
        };
        agent.check()?;
        Ok(agent)
    }

    /// Makes sure that what [`Agent::layout`] writes to lies in the segments.
    fn check(&self) -> Result<(), HookError> {
        let mut segments = self.segments.clone();
        for &(place, _) in &self.relocations {
            write_word(&mut segments, place, 0)?;
        }
        for field in (0..size_of::<Control>() as u64).step_by(8) {
            write_word(
                &mut segments,
                ImageAddress(self.control.0.wrapping_add(field)),
                0,
            )?;
        }
        if self.text().is_none() {
            return Err(wrong("no code".to_owned()));
        }
        Ok(())
    }

    /// From the first to behind the last address of the code.
    fn text(&self) -> Option<(ImageAddress, ImageAddress)> {
        let code = || self.segments.iter().filter(|segment| segment.executable);
        let low = code().map(|segment| segment.start).min()?;
        let high = code().map(Image::end).max()?;
        Some((low, high))
    }

    /// How many bytes of address space [`Agent::layout`] needs from its base on: whole pages.
    pub fn total_bytes(&self) -> u64 {
        self.segments
            .iter()
            .map(|segment| segment.end().0)
            .max()
            .unwrap_or(0)
    }

    /// Lays the agent out at `base`, logging into the ring of `ring_bytes` bytes at `ring`.
    ///
    /// A ring uses the largest number of events that is a power of two and fits
    /// ([`Ring::bytes_for`](crate::Ring::bytes_for)).
    ///
    /// # Errors
    ///
    /// An address that is not page-aligned, or a ring too small for two events.
    pub fn layout(
        &self,
        base: RuntimeAddress,
        ring: RuntimeAddress,
        ring_bytes: u64,
    ) -> Result<Loaded, HookError> {
        page_aligned("the allocation hooks", base)?;
        page_aligned("the ring of allocations", ring)?;
        let slots_log2 = slots_log2(ring_bytes)?;
        let at = |address: ImageAddress| base.offset(address.0);
        let (text_low, text_high) = self.text().ok_or_else(|| wrong("no code".to_owned()))?;

        let mut segments = self.segments.clone();
        for &(place, target) in &self.relocations {
            write_word(&mut segments, place, at(target).0)?;
        }
        for (field, value) in [
            (offset_of!(Control, enabled), 0),
            (offset_of!(Control, head), ring.0),
            (offset_of!(Control, slots), ring.offset(SLOTS_OFFSET).0),
            (offset_of!(Control, slots_log2), u64::from(slots_log2)),
            (offset_of!(Control, text_low), at(text_low).0),
            (offset_of!(Control, text_high), at(text_high).0),
        ] {
            let place = ImageAddress(self.control.0.wrapping_add(field as u64));
            write_word(&mut segments, place, value)?;
        }
        Ok(Loaded {
            segments: segments
                .into_iter()
                .map(
                    |Image {
                         start,
                         bytes,
                         writable,
                         executable,
                     }| Segment {
                        address: at(start),
                        bytes,
                        writable,
                        executable,
                    },
                )
                .collect(),
            control: at(self.control),
            drain_trap: at(self.drain_trap),
            text_low: at(text_low),
            text_high: at(text_high),
            total_bytes: self.total_bytes(),
            hooks: self.hooks.map(at),
        })
    }
}

impl Loaded {
    /// Where the hook of a function is.
    pub fn hook(&self, function: Function) -> RuntimeAddress {
        // `hooks` has one element for each function.
        self.hooks[function as usize]
    }

    /// What to write to make the hooks log, in this process.
    pub fn enable(&self) -> ControlWrite {
        self.field(offset_of!(Control, enabled), 1)
    }

    /// What to write to make the hooks call through without logging, in this process: a forked
    /// child shares the ring, not the control block.
    pub fn disable(&self) -> ControlWrite {
        self.field(offset_of!(Control, enabled), 0)
    }

    /// What to write to make a hook call through to `target`.
    pub(crate) fn original(&self, function: Function, target: RuntimeAddress) -> ControlWrite {
        self.field(
            offset_of!(Control, originals) + 8 * function as usize,
            target.0,
        )
    }

    /// What to write to tell C's hooks where the allocator itself lies.
    pub(crate) fn inner(&self, low: RuntimeAddress, high: RuntimeAddress) -> [ControlWrite; 2] {
        [
            self.field(offset_of!(Control, inner_low), low.0),
            self.field(offset_of!(Control, inner_high), high.0),
        ]
    }

    fn field(&self, offset: usize, value: u64) -> ControlWrite {
        ControlWrite {
            address: self.control.offset(offset as u64),
            value,
        }
    }
}

impl Image {
    fn end(&self) -> ImageAddress {
        ImageAddress(self.start.0.saturating_add(self.bytes.len() as u64))
    }
}

/// How many slots fit a ring of `bytes` bytes: two to this power.
pub(crate) fn slots_log2(bytes: u64) -> Result<u32, HookError> {
    // Two slots at least, so that a position and the next one never share a slot.
    bytes
        .checked_sub(SLOTS_OFFSET)
        .and_then(|room| (room / SLOT_BYTES).checked_ilog2())
        .filter(|&log2| log2 > 0)
        .ok_or(HookError::RingTooSmall {
            bytes,
            least: SLOTS_OFFSET + 2 * SLOT_BYTES,
        })
}

/// The name of a function's hook in the agent.
const fn hook_symbol(function: Function) -> &'static str {
    match function {
        Function::Alloc => "stackheap_alloc",
        Function::Dealloc => "stackheap_dealloc",
        Function::Realloc => "stackheap_realloc",
        Function::AllocZeroed => "stackheap_alloc_zeroed",
        Function::CMalloc => "stackheap_c_malloc",
        Function::CFree => "stackheap_c_free",
        Function::CCalloc => "stackheap_c_calloc",
        Function::CRealloc => "stackheap_c_realloc",
        Function::CPosixMemalign => "stackheap_c_posix_memalign",
        Function::CAlignedAlloc => "stackheap_c_aligned_alloc",
        Function::CMemalign => "stackheap_c_memalign",
    }
}

/// The loadable segments, padded with zeros to whole pages.
fn segments(file: &ElfFile64<'_, LittleEndian>, bytes: &[u8]) -> Result<Vec<Image>, HookError> {
    let mut segments: Vec<Image> = Vec::new();
    for header in file.elf_program_headers().iter().take(SEGMENTS_LIMIT) {
        if header.p_type(LittleEndian) != PT_LOAD || header.p_memsz(LittleEndian) == 0 {
            continue;
        }
        let start = header.p_vaddr(LittleEndian);
        let end = start.saturating_add(header.p_memsz(LittleEndian));
        let first_page = start & !(PAGE_BYTES - 1);
        if end > AGENT_BYTES_LIMIT {
            return Err(wrong(format!("a segment that ends at {end:#x}")));
        }
        if segments
            .last()
            .is_some_and(|last| last.end().0 > first_page)
        {
            return Err(wrong(format!(
                "two kinds of memory in the page at {first_page:#x}"
            )));
        }
        let data = header.data(LittleEndian, bytes).map_err(|()| {
            wrong(format!(
                "a segment at {start:#x} that lies outside of the file"
            ))
        })?;
        // Within AGENT_BYTES_LIMIT, as `end` is.
        let mut image = vec![0; (start - first_page) as usize];
        image.extend_from_slice(data);
        let pages = (end - first_page)
            .max(image.len() as u64)
            .div_ceil(PAGE_BYTES);
        image.resize((pages * PAGE_BYTES) as usize, 0);
        let flags = header.p_flags(LittleEndian);
        segments.push(Image {
            start: ImageAddress(first_page),
            bytes: image,
            writable: flags.0 & PF_W.0 != 0,
            executable: flags.0 & PF_X.0 != 0,
        });
    }
    Ok(segments)
}

/// All relocations of the file, of which there may be only one kind: "the base plus this".
fn relocations(
    file: &ElfFile64<'_, LittleEndian>,
    bytes: &[u8],
) -> Result<Vec<(ImageAddress, ImageAddress)>, HookError> {
    let mut relocations = Vec::new();
    for section in file.elf_section_table().iter() {
        let kind = section.sh_type(LittleEndian);
        if kind == elf::SHT_REL || kind == elf::SHT_RELR {
            return Err(wrong("relocations that are not of type RELA".to_owned()));
        }
        if kind != SHT_RELA {
            continue;
        }
        let entries: &[elf::Rela64<LittleEndian>] = section
            .data_as_array(LittleEndian, bytes)
            .map_err(|error| wrong(format!("unreadable relocations ({error})")))?;
        for entry in entries {
            let offset = ImageAddress(entry.r_offset.get(LittleEndian));
            let kind = entry.r_type(LittleEndian, false);
            if kind != R_X86_64_RELATIVE {
                return Err(HookError::Relocation {
                    kind: kind.0,
                    offset,
                });
            }
            // Negative addends are refused when the address is written, as out of the image.
            let target = ImageAddress(entry.r_addend.get(LittleEndian).cast_unsigned());
            relocations.push((offset, target));
        }
    }
    Ok(relocations)
}

fn write_word(segments: &mut [Image], place: ImageAddress, value: u64) -> Result<(), HookError> {
    segments
        .iter_mut()
        .find_map(|segment| {
            let offset = usize::try_from(place.0.checked_sub(segment.start.0)?).ok()?;
            segment.bytes.get_mut(offset..offset.checked_add(8)?)
        })
        .map(|word| word.copy_from_slice(&value.to_le_bytes()))
        .ok_or_else(|| wrong(format!("a word at {place}, outside of all segments")))
}

fn page_aligned(what: &'static str, address: RuntimeAddress) -> Result<(), HookError> {
    if address.0.is_multiple_of(PAGE_BYTES) {
        Ok(())
    } else {
        Err(HookError::Unaligned { what, address })
    }
}

fn wrong(found: String) -> HookError {
    HookError::Elf { what: WHAT, found }
}

fn not_elf(error: object::Error) -> HookError {
    wrong(format!("a file that is not ({error})"))
}

#[cfg(all(test, stackheap_agent))]
#[path = "../../../tests/support/skip.rs"]
mod skip;

#[cfg(all(test, stackheap_agent))]
mod tests {
    use super::*;

    fn embedded() -> &'static [u8] {
        EMBEDDED.unwrap()
    }

    #[test]
    fn another_kind_of_relocation_is_refused() {
        let bytes = embedded();
        let agent = Agent::embedded().unwrap();
        let Some(&(place, target)) = agent.relocations.first() else {
            skip::skip_optional("this linker needed no relocation");
            return;
        };
        let entry = |kind: u32| {
            let info = u64::from(kind);
            [place.0, info, target.0].map(u64::to_le_bytes).concat()
        };
        let relative = entry(R_X86_64_RELATIVE.0);
        let at = bytes
            .windows(24)
            .position(|window| window == relative)
            .unwrap();
        let mut changed = bytes.to_vec();
        let glob_dat = elf::R_X86_64_GLOB_DAT.0;
        changed[at..at + 24].copy_from_slice(&entry(glob_dat));
        let expected = HookError::Relocation {
            kind: glob_dat,
            offset: place,
        };
        assert_eq!(Agent::parse(&changed).unwrap_err(), expected);
    }

    /// Linkers differ in segments and relocations.
    #[test]
    fn what_another_linker_makes_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/agent/agent.rs");
        let output = folder.path().join("agent.so");
        let mut rustc =
            std::process::Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
        rustc
            .args([
                "--crate-name=stackheap_agent",
                "--crate-type=cdylib",
                "--edition=2024",
            ])
            .args(["-Cpanic=abort", "-Copt-level=3", "-Clink-arg=-nostdlib"])
            .args([
                "-Clink-arg=-nostartfiles",
                "-Clink-arg=-Wl,-Bsymbolic,-z,separate-code",
            ])
            .args([
                "-Clink-arg=-Wl,-z,max-page-size=4096,-z,norelro",
                "-Clink-arg=-fuse-ld=bfd",
            ]);
        let status = rustc
            .arg("-o")
            .arg(&output)
            .arg(source)
            .output()
            .unwrap()
            .status;
        if !status.success() {
            skip::skip("there is no `ld.bfd`");
            return;
        }
        let agent = Agent::parse(&std::fs::read(output).unwrap()).unwrap();
        let base = RuntimeAddress(0x10_0000);
        let loaded = agent
            .layout(base, RuntimeAddress(0x20_0000), 1 << 20)
            .unwrap();
        assert!(
            loaded
                .segments
                .iter()
                .all(|segment| !segment.bytes.is_empty())
        );
        let starts = loaded.segments.windows(2);
        assert!(
            starts
                .into_iter()
                .all(|pair| pair[0].address < pair[1].address)
        );
        let trap = loaded
            .segments
            .iter()
            .find(|segment| segment.executable)
            .unwrap();
        let offset = loaded.drain_trap.checked_distance(trap.address).unwrap();
        assert_eq!(trap.bytes[offset as usize..][..2], [0xcc, 0xc3]);
    }

    #[test]
    fn a_damaged_file_is_refused_or_laid_out() {
        for place in 0..embedded().len() {
            let mut damaged = embedded().to_vec();
            damaged[place] ^= 0xff;
            if let Ok(agent) = Agent::parse(&damaged) {
                let base = RuntimeAddress(0x10_0000);
                let _ = agent.layout(base, RuntimeAddress(0x20_0000), 1 << 20);
            }
        }
        for length in (0..embedded().len()).step_by(64) {
            let _ = Agent::parse(&embedded()[..length]);
        }
    }
}
