//! From bytes to values: what a piece of memory means, given its type.
//!
//! Takes a [type](stackheap_model::Type) and where a value of it lies, reads the bytes through
//! [`Memory`] and gives, as [`Decoded`], the value as `{:?}` prints it, the layout cell by cell, and
//! the pointers that lie inside the value, each with the heap block it owns.
//!
//! What the types of the standard library mean is not in the code but in the [`Recipes`], data
//! files that name shapes ("a sequence: pointer, capacity, length") and the paths of fields where
//! the parts are found. A type without a recipe is shown by its structure; so is a type whose recipe
//! does not fit, with a fact that says so. No version of a compiler or library appears anywhere.
//!
//! Refused: nothing. What cannot be read or understood is an [`Unknown`] with its reason in the
//! place where the value would stand. All loops and recursions are bounded by [`Limits`].
//!
//! ```
//! use std::sync::Arc;
//! use stackheap_interpret::values::{Decoder, Limits, Memory, TypeSource};
//! use stackheap_model::{Encoding, RuntimeAddress, Type, TypeId, TypeKind, Unknown};
//!
//! struct OneType;
//! impl TypeSource for OneType {
//!     fn ty(&self, _: TypeId) -> Arc<Type> {
//!         let kind = TypeKind::Base(Encoding::Signed);
//!         Arc::new(Type { name: "i32".into(), size: Some(4), align: Some(4), kind })
//!     }
//!     fn vtable_at(&self, _: RuntimeAddress) -> Option<(TypeId, Arc<str>)> { None }
//!     fn symbol_at(&self, _: RuntimeAddress) -> Option<Arc<str>> { None }
//!     fn type_named(&self, _: &str) -> Option<TypeId> { None }
//! }
//! struct NoMemory;
//! impl Memory for NoMemory {
//!     fn read(&self, _: RuntimeAddress, _: usize) -> Result<Vec<u8>, Unknown> {
//!         Err(Unknown::because("there is no memory in this example"))
//!     }
//! }
//! let decoder = Decoder::new(&OneType, &NoMemory, Limits::default());
//! let decoded = decoder.decode_bytes(TypeId(0), &[0xfe, 0xff, 0xff, 0xff]);
//! assert_eq!(decoded.value.text.as_deref(), Ok("-2"));
//! assert_eq!(decoded.cells.len(), 1);
//! ```

mod cells;
mod contents;
mod describe;
mod fit;
mod names;
mod path;
mod pattern;
mod pointers;
mod recipe;
mod render;
mod scalar;
mod shapes;
mod text;
mod tiles;
mod view;

use std::sync::Arc;

use stackheap_model::{Cell, EdgeKind, RuntimeAddress, Type, TypeId, Unknown, Value};

pub use contents::{ChainNode, Contents, Meta, NodeLayout, TableBlock, TextEncoding};
pub use fit::Fits;
pub use recipe::{RecipeError, Recipes};

/// What the decoder asks about types. The identifiers are those of one image.
pub trait TypeSource {
    /// The type of this identifier; for one that is not known, a type of kind
    /// [`Opaque`](stackheap_model::TypeKind::Opaque).
    fn ty(&self, id: TypeId) -> Arc<Type>;

    /// The concrete type and the name (`Concrete as Trait`) of the vtable at exactly this address.
    fn vtable_at(&self, at: RuntimeAddress) -> Option<(TypeId, Arc<str>)>;

    /// The name of the function or object that begins at or contains this address.
    fn symbol_at(&self, at: RuntimeAddress) -> Option<Arc<str>>;

    /// The type of exactly this full path, generic arguments included.
    fn type_named(&self, name: &str) -> Option<TypeId>;
}

/// The memory of the observed process at the moment that is decoded.
pub trait Memory {
    /// All `len` bytes from `at` on, or why they are not known. Never fewer bytes.
    ///
    /// # Errors
    ///
    /// The reason why not all of the bytes are known.
    fn read(&self, at: RuntimeAddress, len: usize) -> Result<Vec<u8>, Unknown>;
}

/// How much of a value is decoded. Reaching a limit is visible in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of a text, the `…` that marks a cut included.
    pub text: usize,
    /// Elements of a sequence or map that become fields; nested ones get fewer.
    pub elements: u64,
    /// Cells of a value; one last cell covers what is left.
    pub cells: usize,
    /// Pointers found inside one value.
    pub pointers: usize,
    /// How deep the fields of a value are nested.
    pub depth: u32,
    /// How many values, nested ones included, one decoded value has.
    pub nodes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text: 200,
            elements: 100,
            cells: 256,
            pointers: 1024,
            depth: 6,
            nodes: 500,
        }
    }
}

/// A decoded value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The value; its text and fields follow pointers.
    pub value: Value,
    /// The layout: the cells cover all bytes of the value, in the order of memory.
    pub cells: Vec<Cell>,
    /// The pointers that lie in the bytes of the value itself, by offset; not those in what it
    /// points at.
    pub pointers: Vec<Pointer>,
}

/// A pointer that lies inside a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// What it means.
    pub kind: EdgeKind,
    /// The path of fields from the decoded value to the pointer (`name.vec.buf`); empty when the
    /// value is the pointer.
    pub path: Arc<str>,
    /// Where it lies, in bytes from the start of the decoded value.
    pub offset: Option<u64>,
    /// The address where it lies; `None` when the value is not in memory.
    pub at: Option<RuntimeAddress>,
    /// Where it points.
    pub target: RuntimeAddress,
    /// The type of what it points at; for a slice, of an element.
    pub target_type: Option<TypeId>,
    /// How many bytes it reaches there: the size of the target, or of all elements of a slice.
    pub covers: Option<u64>,
    /// The heap block that this pointer owns or shares.
    pub allocation: Option<Allocation>,
}

/// The heap block behind an owning pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Where the block starts; not always where the pointer points.
    pub start: RuntimeAddress,
    /// The size that was asked for, in bytes, where it follows from the value.
    pub size: Option<u64>,
    /// What the block contains, to be handed to [`Decoder::decode_contents`].
    pub contents: Contents,
}

/// Decodes values; cheap to make, one for each moment that is decoded.
pub struct Decoder<'a> {
    types: &'a dyn TypeSource,
    memory: &'a dyn Memory,
    limits: Limits,
    fits: Arc<Fits>,
}

impl<'a> Decoder<'a> {
    /// A decoder for the types of `types` and the bytes of `memory`, with the built-in recipes.
    pub fn new(types: &'a dyn TypeSource, memory: &'a dyn Memory, limits: Limits) -> Self {
        Self {
            types,
            memory,
            limits,
            fits: Arc::new(Fits::default()),
        }
    }

    /// A decoder that remembers in `fits` which recipe fits which type. Decoders of the same image
    /// should share one; for another image it must be another.
    pub fn with_fits(
        types: &'a dyn TypeSource,
        memory: &'a dyn Memory,
        limits: Limits,
        fits: Arc<Fits>,
    ) -> Self {
        Self {
            types,
            memory,
            limits,
            fits,
        }
    }

    /// The value of type `ty` at the address `at`.
    pub fn decode(&self, ty: TypeId, at: RuntimeAddress) -> Decoded {
        self.decode_view(&self.view_at(ty, at))
    }

    /// The value of type `ty` whose bytes are `bytes`, as they lie in registers or were computed.
    pub fn decode_bytes(&self, ty: TypeId, bytes: &[u8]) -> Decoded {
        self.decode_view(&self.view_of_bytes(ty, bytes))
    }

    fn decode_view(&self, view: &view::View) -> Decoded {
        Decoded {
            value: self.value_of(view),
            cells: self.cells_of(view),
            pointers: self.pointers_of(view),
        }
    }
}
