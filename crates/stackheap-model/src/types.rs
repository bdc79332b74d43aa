//! Types as the debug information describes them: names, sizes and layouts, nothing inferred.

use std::sync::Arc;

use crate::TypeId;

/// A type with its layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    /// The full path with generic arguments, as rustc writes it
    /// (`alloc::vec::Vec<u8, alloc::alloc::Global>`).
    pub name: Arc<str>,
    /// Size in bytes; `None` for types without one, such as `str` behind a pointer.
    pub size: Option<u64>,
    /// Alignment in bytes, where the debug information states it or it follows from a base type.
    pub align: Option<u64>,
    /// What it is made of.
    pub kind: TypeKind,
}

/// How the bits of a base type are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `bool`.
    Boolean,
    /// `char`, a Unicode scalar value.
    Character,
    /// `u8` to `u128`, `usize`.
    Unsigned,
    /// `i8` to `i128`, `isize`.
    Signed,
    /// `f32`, `f64`.
    Float,
    /// `()` and `!`.
    Unit,
}

/// A generic argument of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateArgument {
    /// The parameter's name (`T`).
    pub name: Arc<str>,
    /// The argument.
    pub ty: TypeId,
}

/// A member of a structure, union or variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name; the fields of tuples are `__0`, `__1`, ...
    pub name: Arc<str>,
    /// Its type.
    pub ty: TypeId,
    /// Its distance in bytes from the start of the whole.
    pub offset: u64,
}

/// A variant of an enum, or a state of a coroutine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The variant's name.
    pub name: Arc<str>,
    /// The tag values that select it, each an inclusive range of the unsigned tag; empty for the
    /// variant that every other tag value selects (the dataful one of a niche).
    pub discriminants: Vec<(u128, u128)>,
    /// The structure with its payload, as large as the whole enum.
    pub payload: TypeId,
    /// Where the payload starts, in bytes from the start of the enum.
    pub offset: u64,
    /// For a coroutine's state: the line of the `.await` (or of the start or the end).
    pub line: Option<u32>,
}

/// A named value of an enum without data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumerator {
    /// The variant's name.
    pub name: Arc<str>,
    /// Its value, sign-extended where the base type is signed.
    pub value: i128,
}

/// What a pointer means in Rust, taken from rustc's name for the pointer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PointerKind {
    /// `Box<T>`: owns.
    Box,
    /// `&T`.
    Shared,
    /// `&mut T`.
    Mutable,
    /// `*const T`.
    RawConst,
    /// `*mut T`.
    RawMut,
    /// `fn(...)`.
    Function,
    /// A pointer whose kind the debug information does not name.
    Unknown,
}

/// The second half of a wide pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WideMeta {
    /// The number of elements or bytes, at this offset in bytes.
    Length {
        /// Offset of the length.
        offset: u64,
    },
    /// The vtable's address, at this offset in bytes.
    Vtable {
        /// Offset of the vtable pointer.
        offset: u64,
    },
}

/// What a type is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeKind {
    /// A number, `bool`, `char`, `()` or `!`.
    Base(Encoding),
    /// A structure, tuple, closure environment or tuple structure.
    Struct {
        /// In declaration order.
        fields: Vec<Field>,
        /// Generic arguments that are types.
        arguments: Vec<TemplateArgument>,
    },
    /// An enum with data, or a coroutine.
    Enum {
        /// The tag (or the niche that serves as one): offset and type. `None` when there is a
        /// single variant.
        tag: Option<(u64, TypeId)>,
        /// The variants.
        variants: Vec<Variant>,
        /// Generic arguments that are types.
        arguments: Vec<TemplateArgument>,
        /// Whether this is the state machine of an `async` function or block.
        coroutine: bool,
    },
    /// An enum without data.
    CEnum {
        /// The type of the tag.
        base: TypeId,
        /// The variants.
        enumerators: Vec<Enumerator>,
    },
    /// A union.
    Union {
        /// The members, all at their offset (0 in practice).
        fields: Vec<Field>,
        /// Generic arguments that are types.
        arguments: Vec<TemplateArgument>,
    },
    /// An array.
    Array {
        /// The type of an element.
        element: TypeId,
        /// How many; `None` for a slice behind a pointer.
        count: Option<u64>,
    },
    /// `str` behind a pointer: bytes of UTF-8.
    Str,
    /// `dyn Trait` behind a pointer; the concrete type is found through the vtable.
    Dyn,
    /// A thin pointer.
    Pointer {
        /// What it means.
        kind: PointerKind,
        /// What it points at.
        target: TypeId,
    },
    /// A wide pointer: an address with a length or a vtable.
    WidePointer {
        /// What it means.
        kind: PointerKind,
        /// The element of a slice, `str`, the `dyn Trait`, or a structure with such a tail.
        target: TypeId,
        /// Offset of the address in bytes.
        data_offset: u64,
        /// The other half.
        meta: WideMeta,
    },
    /// Code, behind a pointer.
    Function,
    /// What the debug information does not describe, with the reason.
    Opaque(Arc<str>),
}
