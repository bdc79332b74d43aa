//! Values as they are read at one stop, kept as long as nothing that they were made of changes.
//!
//! Most of what a state shows is as it was in the state before. What a value is follows from its
//! type, its place and the memory that was read for it; so it is read again only when one of those
//! reads would give something else.

use std::cell::RefCell;
use std::sync::{Arc, PoisonError};

use rustc_hash::FxHashMap;
use stackheap_model::{Cell, LoadBias, RuntimeAddress, TypeId, Unknown, Value};

use crate::moment::Moment;
use crate::program::{ImageTypes, Program};
use crate::values::{Contents, Decoded, Decoder, Limits, Memory, Pointer};

/// What a value may be made of to be kept: reads, and bytes read.
const READS: usize = 2048;
const READ_BYTES: usize = 1 << 20;

/// How much is kept, in parts of values; a part takes some hundred bytes.
const PARTS_KEPT: usize = 1 << 19;

/// How many bytes that were read take as much as a part.
const PART_BYTES: usize = 128;

/// A decoded value, shared between the states that show it.
pub(crate) struct Shown {
    pub value: Arc<Value>,
    pub cells: Arc<[Cell]>,
    pub pointers: Arc<[Pointer]>,
    /// The name of the type of a block's contents.
    pub type_name: Option<Arc<str>>,
}

impl Shown {
    /// A value of which nothing is known but the reason.
    pub(crate) fn unknown(value: Value) -> Arc<Self> {
        Arc::new(Self {
            value: Arc::new(value),
            cells: Arc::default(),
            pointers: Arc::default(),
            type_name: None,
        })
    }

    fn new(decoded: Decoded, type_name: Option<Arc<str>>) -> Arc<Self> {
        Arc::new(Self {
            value: Arc::new(decoded.value),
            cells: decoded.cells.into(),
            pointers: decoded.pointers.into(),
            type_name,
        })
    }

    fn parts(&self) -> usize {
        parts_of(&self.value) + self.cells.len() + self.pointers.len()
    }
}

fn parts_of(value: &Value) -> usize {
    let inner = value.fields.iter().map(|field| parts_of(&field.value));
    1 + inner.sum::<usize>()
}

/// What is read as a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// A value in memory.
    At(TypeId, RuntimeAddress),
    /// A value that is not in memory, by its bytes.
    Bytes(TypeId, Vec<u8>),
    /// A block, by what its owner says that it contains: where, and how large.
    Block(Contents, RuntimeAddress, u64),
}

/// A piece of memory and what reading it gave.
type Read = (RuntimeAddress, usize, Result<Vec<u8>, Unknown>);

/// A value with what it was made of.
struct Kept {
    shown: Arc<Shown>,
    reads: Vec<Read>,
    parts: usize,
}

/// The values that were read for the states so far.
#[derive(Default)]
pub(crate) struct Values {
    /// What all of them depend on.
    basis: Option<(LoadBias, Limits)>,
    /// Those asked for last; when they are too many, they become the old ones.
    new: FxHashMap<Place, Kept>,
    new_parts: usize,
    old: FxHashMap<Place, Kept>,
}

impl Values {
    fn rest_on(&mut self, basis: (LoadBias, Limits)) {
        if self.basis != Some(basis) {
            *self = Self {
                basis: Some(basis),
                ..Self::default()
            };
        }
    }

    /// The value of a place, if it still is what it was.
    fn get(&mut self, place: &Place, moment: &Moment<'_, '_>) -> Option<Arc<Shown>> {
        if let Some(kept) = self.new.get(place) {
            return kept.holds(moment).then(|| Arc::clone(&kept.shown));
        }
        let kept = self.old.remove(place)?;
        if !kept.holds(moment) {
            return None;
        }
        let shown = Arc::clone(&kept.shown);
        self.insert(place.clone(), kept);
        Some(shown)
    }

    fn insert(&mut self, place: Place, kept: Kept) {
        if self.new_parts + kept.parts > PARTS_KEPT / 2 {
            self.old = std::mem::take(&mut self.new);
            self.new_parts = 0;
        }
        self.new_parts += kept.parts;
        if let Some(before) = self.new.insert(place, kept) {
            self.new_parts = self.new_parts.saturating_sub(before.parts);
        }
    }
}

impl Kept {
    /// Whether all that was read would be read as it was.
    fn holds(&self, moment: &Moment<'_, '_>) -> bool {
        self.reads.iter().all(|(at, len, read)| match read {
            Ok(bytes) => moment.holds(*at, bytes),
            Err(why) => moment.read(*at, *len).as_ref() == Err(why),
        })
    }
}

/// Memory that notes what is read of it.
struct Noting<'m> {
    memory: &'m dyn Memory,
    noted: RefCell<Noted>,
}

#[derive(Default)]
struct Noted {
    reads: FxHashMap<(RuntimeAddress, usize), Result<Vec<u8>, Unknown>>,
    bytes: usize,
    too_many: bool,
}

impl Memory for Noting<'_> {
    fn read(&self, at: RuntimeAddress, len: usize) -> Result<Vec<u8>, Unknown> {
        let mut noted = self.noted.borrow_mut();
        if let Some(read) = noted.reads.get(&(at, len)) {
            return read.clone();
        }
        let read = self.memory.read(at, len);
        if noted.reads.len() >= READS || noted.bytes.saturating_add(len) > READ_BYTES {
            noted.too_many = true;
        } else {
            noted.bytes += len;
            noted.reads.insert((at, len), read.clone());
        }
        read
    }
}

/// Reads values at one stop.
pub(crate) struct Reading<'m, 'r> {
    program: &'m Program<'r>,
    moment: &'m Moment<'m, 'r>,
    types: ImageTypes<'m, 'r>,
    limits: Limits,
}

impl<'m, 'r> Reading<'m, 'r> {
    pub(crate) fn new(
        program: &'m Program<'r>,
        moment: &'m Moment<'m, 'r>,
        limits: Limits,
    ) -> Self {
        let types = ImageTypes {
            image: &program.image,
            bias: moment.bias,
        };
        Self {
            program,
            moment,
            types,
            limits,
        }
    }

    /// The value of type `ty` at the address `at`.
    pub(crate) fn value(&self, ty: TypeId, at: RuntimeAddress) -> Arc<Shown> {
        self.read(Place::At(ty, at), &|decoder| {
            Shown::new(decoder.decode(ty, at), None)
        })
    }

    /// The value of type `ty` whose bytes are `bytes`.
    pub(crate) fn value_of(&self, ty: TypeId, bytes: &[u8]) -> Arc<Shown> {
        self.read(Place::Bytes(ty, bytes.to_vec()), &|decoder| {
            Shown::new(decoder.decode_bytes(ty, bytes), None)
        })
    }

    /// The block of this size at `at`, as what its owner says that it contains.
    pub(crate) fn block(&self, contents: &Contents, at: RuntimeAddress, size: u64) -> Arc<Shown> {
        self.read(Place::Block(contents.clone(), at, size), &|decoder| {
            let decoded = decoder.decode_contents(contents, at, Some(size));
            Shown::new(decoded, decoder.contents_type_name(contents))
        })
    }

    fn read(&self, place: Place, decode: &dyn Fn(&Decoder<'_>) -> Arc<Shown>) -> Arc<Shown> {
        let values = || {
            // Whoever panicked while holding it left at worst something out.
            let values = self.program.values.lock();
            values.unwrap_or_else(PoisonError::into_inner)
        };
        {
            let mut values = values();
            values.rest_on((self.moment.bias, self.limits));
            if let Some(shown) = values.get(&place, self.moment) {
                return shown;
            }
        }
        let noting = Noting {
            memory: self.moment,
            noted: RefCell::default(),
        };
        let fits = Arc::clone(&self.program.fits);
        let decoder = Decoder::with_fits(&self.types, &noting, self.limits, fits);
        let shown = decode(&decoder);
        let noted = noting.noted.into_inner();
        if !noted.too_many {
            let reads = noted.reads.into_iter();
            let kept = Kept {
                shown: Arc::clone(&shown),
                parts: shown.parts() + reads.len() + noted.bytes / PART_BYTES,
                reads: reads.map(|((at, len), read)| (at, len, read)).collect(),
            };
            values().insert(place, kept);
        }
        shown
    }
}
