//! Values as read from the bytes of the process.

use std::sync::Arc;

/// Something that is not known, with the reason in words that can stand behind "unknown: ".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unknown {
    /// "optimised out", "not captured: over the byte budget of 65536", ...
    pub reason: Arc<str>,
}

impl Unknown {
    /// Unknown for this reason.
    pub fn because(reason: impl Into<Arc<str>>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

/// What kind of value it is, for drawing and filtering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A number.
    Number,
    /// `bool`.
    Boolean,
    /// `char`.
    Character,
    /// `()` and other zero-sized values without fields.
    Unit,
    /// Text: `String`, `&str`, `Box<str>`, ...
    String,
    /// A sequence: array, slice, `Vec`, `VecDeque`, sets, ...
    Sequence,
    /// A map.
    Map,
    /// A structure or union.
    Struct,
    /// A tuple.
    Tuple,
    /// An enum's variant.
    Enum,
    /// A pointer or reference.
    Pointer,
    /// A smart pointer: `Box`, `Rc`, `Arc`, `Weak`, ...
    SmartPointer,
    /// A cell or lock: `Cell`, `RefCell`, `Mutex`, ...
    Cell,
    /// A function pointer or function item.
    Function,
    /// A closure with what it captured.
    Closure,
    /// A coroutine (an `async` function or block) in one of its states.
    Coroutine,
    /// Bytes without a known meaning.
    Raw,
}

/// A named part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueField {
    /// The field's name, an index, or a map's key as text.
    pub name: Arc<str>,
    /// The type.
    pub type_name: Arc<str>,
    /// Distance in bytes from the start of the whole, where the part lies inside it.
    pub offset: Option<u64>,
    /// The part's value.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// What kind it is.
    pub kind: ValueKind,
    /// What a derived `Debug` prints (std types as std prints them), cut at a stated length; or why
    /// it is not known.
    pub text: Result<Arc<str>, Unknown>,
    /// Its parts, cut at a stated count.
    pub fields: Vec<ValueField>,
    /// How many parts were left out of `fields`.
    pub fields_left_out: u64,
    /// Facts beside the text that a reader should see, such as `capacity: 8`, `strong: 2`,
    /// `borrowed: mutably`; in a fixed order for a type.
    pub facts: Vec<(Arc<str>, Arc<str>)>,
}

impl Value {
    /// A value of which nothing is known but the reason.
    pub fn unknown(kind: ValueKind, reason: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            text: Err(Unknown::because(reason)),
            fields: Vec::new(),
            fields_left_out: 0,
            facts: Vec::new(),
        }
    }

    /// A value with a text and no parts.
    pub fn text(kind: ValueKind, text: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            text: Ok(text.into()),
            fields: Vec::new(),
            fields_left_out: 0,
            facts: Vec::new(),
        }
    }
}

/// What a cell of a drawing holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellKind {
    /// A number, `bool`, `char` or other plain data.
    Scalar,
    /// An address.
    Pointer,
    /// The length half of a wide pointer, or a collection's length or capacity.
    Length,
    /// The vtable half of a wide pointer.
    Vtable,
    /// The tag of an enum, or a niche that serves as one.
    Tag,
    /// Bytes that belong to no field.
    Padding,
    /// Bytes without a known meaning.
    Raw,
}

/// A leaf of a layout: consecutive bytes with one meaning. The cells of a value cover all of its
/// bytes, in the order of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Distance in bytes from the start of the value.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// What it holds.
    pub kind: CellKind,
    /// A short label: `ptr`, `len`, `cap`, the field's name or path.
    pub label: Arc<str>,
    /// The bytes in words, or why they are not known.
    pub text: Result<Arc<str>, Unknown>,
}
