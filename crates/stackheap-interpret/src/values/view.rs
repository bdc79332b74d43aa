//! A value in memory, not yet read: its type, its place, and what a wide pointer said about it.

use std::sync::Arc;

use stackheap_model::{
    PointerKind, RuntimeAddress, Type, TypeId, TypeKind, Unknown, Variant, WideMeta,
};

use super::Decoder;
use super::names;
use super::path::{WRAPPERS, only_sized_field};

/// What a view is a view of. Slices and `str` have no type of their own in the debug information,
/// where only the element's type stands for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Type(TypeId),
    Slice(TypeId),
    Str,
}

/// What the second half of a wide pointer says about its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meta {
    /// The number of elements, or bytes of a `str`.
    Length(u64),
    /// The vtable of the concrete type.
    Vtable(RuntimeAddress),
}

/// A value that can be read.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) subject: Subject,
    /// Where it lies; `None` for bytes that are not in memory.
    pub(crate) at: Option<RuntimeAddress>,
    /// Its distance from the start of the decoded whole, when it lies in it.
    pub(crate) offset: Option<u64>,
    pub(crate) meta: Option<Meta>,
    window: Option<Window>,
}

/// Bytes read in advance, from the start of the view on.
#[derive(Clone, Debug)]
struct Window {
    bytes: Arc<[u8]>,
    start: usize,
}

/// The most bytes that are read in advance of a value's parts.
const READ_AHEAD: u64 = 4096;

impl View {
    /// The address `offset` bytes on, if the view is in memory.
    fn address(&self, offset: u64) -> Option<RuntimeAddress> {
        self.at.map(|at| at.offset(offset))
    }

    /// Whether both are views of the same part of the whole.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.offset == other.offset && self.subject == other.subject
    }

    /// A view of another subject, `offset` bytes on.
    pub(crate) fn part(&self, subject: Subject, offset: u64, meta: Option<Meta>) -> Self {
        let window = self.window.as_ref().and_then(|window| {
            let start = window.start.checked_add(usize::try_from(offset).ok()?)?;
            (start <= window.bytes.len()).then(|| Window {
                bytes: window.bytes.clone(),
                start,
            })
        });
        Self {
            subject,
            at: self.address(offset),
            offset: self.offset.and_then(|own| own.checked_add(offset)),
            meta,
            window,
        }
    }
}

impl Decoder<'_> {
    /// A value in memory as the whole that is decoded.
    pub(crate) fn view_at(&self, ty: TypeId, at: RuntimeAddress) -> View {
        let mut view = self.view_behind(Subject::Type(ty), at, None);
        view.offset = Some(0);
        view
    }

    /// A value that is not in memory.
    pub(crate) fn view_of_bytes(&self, ty: TypeId, bytes: &[u8]) -> View {
        let window = Some(Window {
            bytes: bytes.into(),
            start: 0,
        });
        View {
            subject: Subject::Type(ty),
            at: None,
            offset: Some(0),
            meta: None,
            window,
        }
    }

    /// What lies at `at`, outside of the decoded whole.
    pub(crate) fn view_behind(
        &self,
        subject: Subject,
        at: RuntimeAddress,
        meta: Option<Meta>,
    ) -> View {
        let mut view = View {
            subject,
            at: Some(at),
            offset: None,
            meta,
            window: None,
        };
        let size = self.size_of(&view).unwrap_or(0).min(READ_AHEAD);
        if size > 0 {
            // What cannot be read at once is read part by part, each with its own reason.
            view.window = usize::try_from(size)
                .ok()
                .and_then(|len| self.memory.read(at, len).ok())
                .map(|bytes| Window {
                    bytes: bytes.into(),
                    start: 0,
                });
        }
        view
    }

    /// The type of a view that has one.
    pub(crate) fn type_of(&self, view: &View) -> Option<Arc<Type>> {
        match view.subject {
            Subject::Type(ty) => Some(self.types.ty(ty)),
            Subject::Slice(_) | Subject::Str => None,
        }
    }

    /// The name of the type of a view.
    pub(crate) fn type_name(&self, view: &View) -> Arc<str> {
        match view.subject {
            Subject::Type(ty) => self.types.ty(ty).name.clone(),
            Subject::Slice(element) => format!("[{}]", self.types.ty(element).name).into(),
            Subject::Str => "str".into(),
        }
    }

    /// `len` bytes of a view from `offset` on.
    pub(crate) fn read(&self, view: &View, offset: u64, len: u64) -> Result<Vec<u8>, Unknown> {
        let too_large = || Unknown::because("larger than the address space");
        let len = usize::try_from(len).map_err(|_| too_large())?;
        if let Some(window) = &view.window {
            let start = usize::try_from(offset)
                .ok()
                .and_then(|o| window.start.checked_add(o));
            let bytes = start
                .and_then(|start| Some(start..start.checked_add(len)?))
                .and_then(|range| window.bytes.get(range));
            if let Some(bytes) = bytes {
                return Ok(bytes.to_vec());
            }
        }
        if len == 0 {
            return Ok(Vec::new());
        }
        match view.address(offset) {
            Some(at) => self.memory.read(at, len),
            None => Err(Unknown::because("only part of the value's bytes is known")),
        }
    }

    /// A little-endian number of up to 16 bytes.
    pub(crate) fn read_number(&self, view: &View, offset: u64, size: u64) -> Result<u128, Unknown> {
        if size > 16 {
            return Err(Unknown::because(format!(
                "a number of {size} bytes is not understood"
            )));
        }
        let bytes = self.read(view, offset, size)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, byte| (number << 8) | u128::from(*byte)))
    }

    /// The size of a view in bytes; for one with an unsized tail, the size of this very value.
    pub(crate) fn size_of(&self, view: &View) -> Option<u64> {
        match (view.subject, view.meta) {
            (Subject::Str, Some(Meta::Length(length))) => Some(length),
            (Subject::Slice(element), Some(Meta::Length(length))) => {
                self.types.ty(element).size?.checked_mul(length)
            }
            (Subject::Type(_), Some(meta)) => self.size_with_tail(view, meta),
            (Subject::Type(ty), None) => self.types.ty(ty).size,
            _ => None,
        }
    }

    fn size_with_tail(&self, view: &View, meta: Meta) -> Option<u64> {
        let mut at = view.clone();
        let mut start = 0_u64;
        let align = self.align_of(view)?;
        // The tail of a structure may be a structure with a tail again.
        for _ in 0..WRAPPERS {
            let Some((tail, offset)) = self.tail(&at) else {
                break;
            };
            start = start.checked_add(offset)?;
            at = tail;
        }
        let tail_size = match (at.subject, meta) {
            (Subject::Type(_), Meta::Vtable(vtable)) => self.vtable_number(vtable, 8)?,
            _ => self.size_of(&View {
                meta: sized_meta(at.subject, meta),
                ..at
            })?,
        };
        start
            .checked_add(tail_size)?
            .checked_next_multiple_of(align.max(1))
    }

    /// The alignment of a view in bytes.
    pub(crate) fn align_of(&self, view: &View) -> Option<u64> {
        let mut align = 1;
        let mut at = view.clone();
        for _ in 0..WRAPPERS {
            let own = match (at.subject, at.meta) {
                (Subject::Str, _) => 1,
                (Subject::Slice(element), _) => self.types.ty(element).align.unwrap_or(1),
                (Subject::Type(_), Some(Meta::Vtable(vtable))) if self.is_dyn(&at) => {
                    self.vtable_number(vtable, 16)?
                }
                (Subject::Type(ty), _) => self.types.ty(ty).align.unwrap_or(1),
            };
            align = align.max(own);
            match self.tail(&at) {
                Some((tail, _)) => at = tail,
                None => break,
            }
        }
        Some(align)
    }

    /// The size (at 8) or alignment (at 16) in a vtable: every vtable begins with the drop glue, the
    /// size and the alignment.
    fn vtable_number(&self, vtable: RuntimeAddress, offset: u64) -> Option<u64> {
        let bytes = self.memory.read(vtable.offset(offset), 8).ok()?;
        let number = u64::from_le_bytes(bytes.try_into().ok()?);
        // Guards what is computed from it against garbage.
        (number < 1 << 48).then_some(number)
    }

    /// The unsized last field of a structure reached through a wide pointer, and its offset.
    fn tail(&self, view: &View) -> Option<(View, u64)> {
        let meta = view.meta?;
        let ty = self.type_of(view)?;
        let TypeKind::Struct { fields, .. } = &ty.kind else {
            return None;
        };
        let field = fields.last()?;
        let field_type = self.types.ty(field.ty);
        let subject = match (&field_type.kind, meta) {
            (TypeKind::Str, _) => Subject::Str,
            (
                TypeKind::Array {
                    element,
                    count: None,
                },
                _,
            ) => Subject::Slice(*element),
            (_, Meta::Vtable(_)) => Subject::Type(field.ty),
            (TypeKind::Struct { .. }, _) if field_type.size.is_none() => Subject::Type(field.ty),
            // rustc describes the type of an unsized tail by its element alone. The size of the
            // structure leaves the tail out, so a sized field beyond it is an element.
            (_, Meta::Length(_)) => {
                let end = field.offset.checked_add(field_type.size.unwrap_or(0))?;
                if end <= ty.size.unwrap_or(0) {
                    Subject::Type(field.ty)
                } else if names::is_generic_over_str(&ty.name) && &*field_type.name == "u8" {
                    Subject::Str
                } else {
                    Subject::Slice(field.ty)
                }
            }
        };
        let part = view.part(subject, field.offset, Some(meta));
        let offset = match (subject, meta) {
            // The debug information cannot know the alignment of the concrete type.
            (Subject::Type(_), Meta::Vtable(_)) => field
                .offset
                .checked_next_multiple_of(self.tail_align(&part)?)?,
            _ => field.offset,
        };
        Some((view.part(subject, offset, Some(meta)), offset))
    }

    /// The alignment of a tail behind a vtable, looking through further structures.
    fn tail_align(&self, tail: &View) -> Option<u64> {
        let Some(Meta::Vtable(vtable)) = tail.meta else {
            return None;
        };
        let Subject::Type(ty) = tail.subject else {
            return None;
        };
        let own = self.types.ty(ty).align.unwrap_or(1);
        let dynamic = self.vtable_number(vtable, 16)?;
        Some(own.max(dynamic).max(1))
    }

    /// A field of a structure or union.
    pub(crate) fn field(&self, view: &View, index: usize) -> Option<View> {
        let ty = self.type_of(view)?;
        let (TypeKind::Struct { fields, .. } | TypeKind::Union { fields, .. }) = &ty.kind else {
            return None;
        };
        let field = fields.get(index)?;
        let is_last = index + 1 == fields.len();
        if is_last
            && view.meta.is_some()
            && let Some((tail, _)) = self.tail(view)
        {
            return Some(tail);
        }
        Some(view.part(Subject::Type(field.ty), field.offset, None))
    }

    /// An element of an array or slice; not checked against the length.
    pub(crate) fn element(&self, view: &View, element: TypeId, index: u64) -> Option<View> {
        let offset = self.types.ty(element).size?.checked_mul(index)?;
        Some(view.part(Subject::Type(element), offset, None))
    }

    /// The active variant of an enum and its payload. `None` when the view is of no enum.
    pub(crate) fn active_payload(&self, view: &View) -> Result<Option<(Variant, View)>, Unknown> {
        let Some(ty) = self.type_of(view) else {
            return Ok(None);
        };
        let TypeKind::Enum { tag, variants, .. } = &ty.kind else {
            return Ok(None);
        };
        let variant = match tag {
            None => variants.first(),
            Some((offset, tag_type)) => {
                let size = self.types.ty(*tag_type).size.unwrap_or(0);
                let number = self.read_number(view, *offset, size)?;
                let selected = variants.iter().find(|variant| {
                    variant
                        .discriminants
                        .iter()
                        .any(|(low, high)| (*low..=*high).contains(&number))
                });
                let other = || {
                    variants
                        .iter()
                        .find(|variant| variant.discriminants.is_empty())
                };
                match selected.or_else(other) {
                    Some(variant) => Some(variant),
                    None => {
                        return Err(Unknown::because(format!("the tag {number} is no variant")));
                    }
                }
            }
        };
        let variant = variant.ok_or_else(|| Unknown::because("an enum without variants"))?;
        let payload = view.part(Subject::Type(variant.payload), variant.offset, None);
        Ok(Some((variant.clone(), payload)))
    }

    /// The number inside the wrappers of a view, and the view of exactly the number.
    pub(crate) fn number_in(&self, view: &View) -> Result<Option<(u128, View)>, Unknown> {
        let Some(leaf) = self.leaf(view)? else {
            return Ok(None);
        };
        let Some(ty) = self.type_of(&leaf) else {
            return Ok(None);
        };
        match ty.kind {
            TypeKind::Base(_) | TypeKind::CEnum { .. } => {
                let number = self.read_number(&leaf, 0, ty.size.unwrap_or(0))?;
                Ok(Some((number, leaf)))
            }
            _ => Ok(None),
        }
    }

    /// The pointer inside the wrappers of a view.
    pub(crate) fn pointer_in(&self, view: &View) -> Result<Option<View>, Unknown> {
        let Some(leaf) = self.leaf(view)? else {
            return Ok(None);
        };
        let kind = self.type_of(&leaf).map(|ty| ty.kind.clone());
        let is_pointer = matches!(
            kind,
            Some(TypeKind::Pointer { .. } | TypeKind::WidePointer { .. })
        );
        Ok(is_pointer.then_some(leaf))
    }

    /// Looks through structures with a single sized field, and through enums to their payload.
    /// `None` where an enum's active variant has no payload.
    pub(crate) fn leaf(&self, view: &View) -> Result<Option<View>, Unknown> {
        let mut at = view.clone();
        for _ in 0..WRAPPERS {
            let Some(ty) = self.type_of(&at) else {
                return Ok(Some(at));
            };
            at = match &ty.kind {
                TypeKind::Struct { fields, .. } => match only_sized_field(self.types, fields) {
                    Some((index, _)) => match self.field(&at, index) {
                        Some(field) => field,
                        None => return Ok(None),
                    },
                    None => return Ok(None),
                },
                TypeKind::Enum { .. } => match self.active_payload(&at)? {
                    Some((_, payload)) => payload,
                    None => return Ok(None),
                },
                _ => return Ok(Some(at)),
            };
        }
        Ok(None)
    }

    /// The address in a pointer view; `None` when it is no pointer.
    pub(crate) fn address_in(&self, view: &View) -> Result<Option<RuntimeAddress>, Unknown> {
        let offset = match self.type_of(view).map(|ty| ty.kind.clone()) {
            Some(TypeKind::Pointer { .. }) => 0,
            Some(TypeKind::WidePointer { data_offset, .. }) => data_offset,
            _ => return Ok(None),
        };
        let number = self.read_number(view, offset, 8)?;
        Ok(Some(RuntimeAddress(
            u64::try_from(number).unwrap_or(u64::MAX),
        )))
    }

    /// What a pointer view points at; `None` for a null pointer or when it is no pointer.
    pub(crate) fn deref(&self, view: &View) -> Result<Option<View>, Unknown> {
        let Some(ty) = self.type_of(view) else {
            return Ok(None);
        };
        let Some(at) = self.address_in(view)?.filter(|at| at.0 != 0) else {
            return Ok(None);
        };
        let (subject, meta) = match &ty.kind {
            TypeKind::Pointer { target, .. } => (Subject::Type(*target), None),
            TypeKind::WidePointer { target, .. } => {
                let Some(meta) = self.meta_of(view)? else {
                    return Ok(None);
                };
                (self.wide_subject(&ty.name, *target, meta), Some(meta))
            }
            _ => return Ok(None),
        };
        Ok(Some(self.view_behind(subject, at, meta)))
    }

    /// The second half of a wide pointer; `None` for other views.
    pub(crate) fn meta_of(&self, view: &View) -> Result<Option<Meta>, Unknown> {
        let Some(ty) = self.type_of(view) else {
            return Ok(None);
        };
        let TypeKind::WidePointer { meta, .. } = &ty.kind else {
            return Ok(None);
        };
        let (WideMeta::Length { offset } | WideMeta::Vtable { offset }) = meta;
        let number = u64::try_from(self.read_number(view, *offset, 8)?).unwrap_or(u64::MAX);
        Ok(Some(match meta {
            WideMeta::Length { .. } => Meta::Length(number),
            WideMeta::Vtable { .. } => Meta::Vtable(RuntimeAddress(number)),
        }))
    }

    /// What a wide pointer of this name points at.
    fn wide_subject(&self, name: &str, target: TypeId, meta: Meta) -> Subject {
        if matches!(meta, Meta::Vtable(_)) {
            return Subject::Type(target);
        }
        match &self.types.ty(target).kind {
            TypeKind::Str => return Subject::Str,
            TypeKind::Array {
                element,
                count: None,
            } => return Subject::Slice(*element),
            _ => {}
        }
        match names::pointee(name) {
            Some("str") => Subject::Str,
            Some(inner) if inner.starts_with('[') => Subject::Slice(target),
            _ => Subject::Type(target),
        }
    }

    /// Whether a view is of a `dyn Trait`: a type of its own, or a structure without fields that
    /// was reached by a pointer with a vtable.
    pub(crate) fn is_dyn(&self, view: &View) -> bool {
        match self.type_of(view).as_deref() {
            Some(Type {
                kind: TypeKind::Dyn,
                ..
            }) => true,
            Some(Type {
                kind: TypeKind::Struct { fields, .. },
                ..
            }) => fields.is_empty() && matches!(view.meta, Some(Meta::Vtable(_))),
            _ => false,
        }
    }

    /// The concrete value behind a `dyn`, with its type's name; other views as they are.
    pub(crate) fn concrete(&self, view: &View) -> Result<(View, Option<Arc<str>>), Unknown> {
        let is_dyn = self.is_dyn(view);
        let Some(Meta::Vtable(vtable)) = view.meta.filter(|_| is_dyn) else {
            if is_dyn {
                return Err(Unknown::because("a `dyn` value without a vtable"));
            }
            return Ok((view.clone(), None));
        };
        let (ty, name) = self.concrete_type(vtable)?;
        let mut found = view.part(Subject::Type(ty), 0, None);
        if found.offset.is_none()
            && let Some(at) = view.at
        {
            found = self.view_behind(Subject::Type(ty), at, None);
        }
        Ok((found, Some(name)))
    }

    /// The concrete type a vtable is for: as the debug information says; else by the name of the
    /// drop glue in its first slot, checked against the size in its second.
    fn concrete_type(&self, vtable: RuntimeAddress) -> Result<(TypeId, Arc<str>), Unknown> {
        if let Some((ty, _)) = self.types.vtable_at(vtable) {
            return Ok((ty, self.types.ty(ty).name.clone()));
        }
        let unknown =
            || Unknown::because(format!("no debug information for the vtable at {vtable}"));
        let glue = self.memory.read(vtable, 8)?;
        let glue = u64::from_le_bytes(glue.try_into().map_err(|_| unknown())?);
        let symbol = self
            .types
            .symbol_at(RuntimeAddress(glue))
            .ok_or_else(unknown)?;
        let name = dropped_type(&symbol).ok_or_else(unknown)?;
        let recipes = self.fits.recipes();
        let ty = self
            .types
            .type_named(name)
            .or_else(|| self.types.type_named(recipes.stand_in(name)?))
            .filter(|ty| self.types.ty(*ty).size == self.vtable_number(vtable, 8))
            .ok_or_else(|| {
                Unknown::because(format!("no debug information for the type `{name}`"))
            })?;
        Ok((ty, name.into()))
    }

    /// Whether a pointer type owns what it points at.
    pub(crate) fn pointer_kind(&self, view: &View) -> Option<PointerKind> {
        match self.type_of(view)?.kind {
            TypeKind::Pointer { kind, .. } | TypeKind::WidePointer { kind, .. } => Some(kind),
            _ => None,
        }
    }
}

/// Slices and `str` take their size from the length; a sized tail has nothing to do with it.
fn sized_meta(subject: Subject, meta: Meta) -> Option<Meta> {
    match subject {
        Subject::Slice(_) | Subject::Str => Some(meta),
        Subject::Type(_) => None,
    }
}

/// The type in the name of drop glue, whatever the library calls it: `core::ptr::drop_in_place<T>`,
/// with or without `::` in front of the bracket.
fn dropped_type(symbol: &str) -> Option<&str> {
    let (head, arguments) = names::generics(symbol)?;
    head.starts_with("core::ptr::").then_some(arguments)
}
