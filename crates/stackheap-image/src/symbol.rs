//! Symbols of the executable.

use object::{Object, ObjectSymbol, SymbolKind};
use stackheap_model::ImageAddress;

use crate::elf::Elf;
use crate::{Image, Symbol, ThreadLocalSymbol};

/// The thread-local in which std keeps where a thread's prints go while a test runs.
const OUTPUT_CAPTURE: &str = "std::io::stdio::OUTPUT_CAPTURE";

/// A symbol before its name is demangled.
pub(crate) struct RawSymbol<'data> {
    address: u64,
    size: u64,
    name: &'data str,
    kind: SymbolKind,
}

impl RawSymbol<'_> {
    fn named(&self) -> Symbol {
        Symbol {
            name: demangled(self.name).into(),
            linkage_name: self.name.into(),
            address: ImageAddress(self.address),
            size: self.size,
            is_function: self.kind == SymbolKind::Text,
        }
    }
}

impl<'data> Image<'data> {
    /// All symbols of code and data, by address.
    pub fn symbols(&self) -> &[Symbol] {
        self.symbols
            .get_or_init(|| self.raw_symbols().iter().map(RawSymbol::named).collect())
    }

    /// The symbol whose code or data contains `at`. A symbol without a size reaches to the next.
    pub fn symbol_at(&self, at: ImageAddress) -> Option<Symbol> {
        self.elf.region(at)?;
        let symbols = self.raw_symbols();
        let end = symbols.partition_point(|symbol| symbol.address <= at.0);
        let nearest = symbols.get(end.checked_sub(1)?)?.address;
        // Several names of one address: one with a size is better than one without.
        let candidates = symbols
            .iter()
            .take(end)
            .rev()
            .take_while(|symbol| symbol.address == nearest);
        let symbol = candidates.max_by_key(|symbol| symbol.size)?;
        let inside = symbol.size == 0 || at.0 - symbol.address < symbol.size;
        inside.then(|| symbol.named())
    }

    /// The symbol of a name: exactly as linked, or the demangled path without hash, or the end of
    /// one from a `::` on (`__rustc::__rust_alloc`, `Vec<T,A>::push`). The lowest address wins.
    pub fn symbol_named(&self, name: &str) -> Option<Symbol> {
        let symbols = self.raw_symbols();
        if let Some(symbol) = symbols.iter().find(|symbol| symbol.name == name) {
            return Some(symbol.named());
        }
        // Identifiers are spelt out in mangled names, so that most need no demangling.
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let longest = name
            .split(|character| !is_word(character))
            .max_by_key(|word| word.len())?;
        symbols
            .iter()
            .filter(|symbol| symbol.name.contains(longest))
            .find_map(|symbol| {
                let path = demangled(symbol.name);
                let matches = match path.strip_suffix(name) {
                    Some(before) => before.is_empty() || before.ends_with("::"),
                    None => false,
                };
                matches.then(|| symbol.named())
            })
    }

    /// The thread-local in which std keeps where a thread's prints go while a test runs; `None`
    /// where it is not linked, the symbols are stripped, or there are several.
    pub fn output_capture(&self) -> Option<ThreadLocalSymbol> {
        let (_, last) = OUTPUT_CAPTURE.rsplit_once("::")?;
        let symbols = self.elf.object().symbols();
        let mut found = symbols.filter(|symbol| {
            let name = match symbol.name() {
                Ok(name) if symbol.kind() == SymbolKind::Tls && name.contains(last) => name,
                _ => return false,
            };
            // What `thread_local!` makes lies below the name it was declared with.
            demangled(name)
                .strip_prefix(OUTPUT_CAPTURE)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        let symbol = found.next()?;
        if found.next().is_some() || symbol.size() == 0 {
            return None;
        }
        Some(ThreadLocalSymbol {
            from_thread_pointer: self.facts.thread_pointer_offset(symbol.address()),
            size: symbol.size(),
        })
    }

    /// Whether the linker kept a symbol.
    pub(crate) fn is_linked(&self, name: &str) -> bool {
        self.linked_thread_locals
            .get_or_init(|| {
                let thread_locals = self
                    .elf
                    .object()
                    .symbols()
                    .filter(|symbol| symbol.kind() == SymbolKind::Tls);
                thread_locals
                    .filter_map(|symbol| symbol.name().ok())
                    .collect()
            })
            .contains(name)
    }

    fn raw_symbols(&self) -> &[RawSymbol<'data>] {
        self.raw_symbols.get_or_init(|| read_symbols(&self.elf))
    }
}

fn read_symbols<'data>(elf: &Elf<'data>) -> Vec<RawSymbol<'data>> {
    let wanted = |kind: SymbolKind| {
        matches!(
            kind,
            SymbolKind::Text | SymbolKind::Data | SymbolKind::Unknown
        )
    };
    let read = |symbol: object::read::elf::ElfSymbol<'data, '_, _, _>| {
        let name = symbol.name().ok().filter(|name| !name.is_empty())?;
        let kept = symbol.is_definition() || symbol.kind() == SymbolKind::Unknown;
        let usable =
            kept && wanted(symbol.kind()) && symbol.address() != 0 && !symbol.is_undefined();
        usable.then(|| RawSymbol {
            address: symbol.address(),
            size: symbol.size(),
            name,
            kind: symbol.kind(),
        })
    };
    let mut found: Vec<RawSymbol<'data>> = if elf.has_symbols() {
        elf.object().symbols().filter_map(read).collect()
    } else {
        elf.object().dynamic_symbols().filter_map(read).collect()
    };
    found.sort_by(|a, b| (a.address, a.name).cmp(&(b.address, b.name)));
    found
}

/// The path of a symbol, without hash.
fn demangled(name: &str) -> String {
    // A version (`write@GLIBC_2.2.5`) is no part of the name.
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    format!("{:#}", rustc_demangle::demangle(name))
}

/// Names of symbols that are linked.
pub(crate) type Names<'data> = rustc_hash::FxHashSet<&'data str>;
