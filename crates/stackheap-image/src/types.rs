//! Types: read on demand, one at a time, and kept.

use std::sync::Arc;

use gimli::constants as dw;
use gimli::{AttributeValue, Reader};
use rustc_hash::{FxHashMap, FxHasher};
use stackheap_model::{
    Encoding, Enumerator, Field, PointerKind, TemplateArgument, Type, TypeId, TypeKind, Variant,
    WideMeta,
};

use crate::Image;
use crate::api::DieRef;
use crate::function::lock;
use crate::name::{Walk, split_at_depth_zero};
use crate::unit::{Entry, Units, Value};

/// How many arrays of arrays, or pointers without a name, are followed.
const CHAIN_LIMIT: usize = 64;
/// The most members, variants or enumerators of one type.
const MEMBER_LIMIT: usize = 1 << 16;
/// The size of an address.
const WORD: u64 = 8;

/// The id of "no type", as behind a pointer to nothing in particular: no entry has offset 0.
const NO_TYPE: TypeId = TypeId(0);
/// The ids from here on are types that DWARF does not describe; the rest are offsets of entries.
const FIRST_DERIVED: u32 = 1 << 31;

/// The id of the type an entry describes. Offsets are below 2 GiB, or the image was refused.
pub(crate) fn id_of(die: DieRef) -> TypeId {
    TypeId(die.offset)
}

/// A type that DWARF shows another in the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Derived {
    /// `str`.
    Str,
    /// `[T]`.
    Slice(TypeId),
    /// The structure of this entry, whose last field has no size of its own.
    Unsized(TypeId, Tail),
    /// A function's own type, which has no bytes; DWARF shows a function pointer in its place.
    FunctionItem(TypeId),
}

/// What the last field of a structure without a size ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Tail {
    Str,
    Slice,
    Dyn,
}

/// The types read so far.
#[derive(Default)]
pub(crate) struct Types {
    known: FxHashMap<TypeId, Arc<Type>>,
    derived: Vec<Derived>,
    derived_ids: FxHashMap<Derived, TypeId>,
    /// Hashes of full names to the entries that have them, for the units searched so far.
    names: FxHashMap<u64, Vec<DieRef>>,
    searched: usize,
}

impl Types {
    fn intern(&mut self, derived: Derived) -> TypeId {
        if let Some(id) = self.derived_ids.get(&derived) {
            return *id;
        }
        let id = TypeId(FIRST_DERIVED.saturating_add(self.derived.len() as u32));
        self.derived.push(derived);
        self.derived_ids.insert(derived, id);
        id
    }

    fn derived(&self, id: TypeId) -> Option<Derived> {
        self.derived
            .get(id.0.checked_sub(FIRST_DERIVED)? as usize)
            .copied()
    }
}

impl<'data> Image<'data> {
    /// A type. Ids come from this image's functions, variables, statics, types and
    /// [`type_named`](Self::type_named); another number gives an opaque type that says so.
    ///
    /// The target of a wide pointer with a length is the element for a slice, [`TypeKind::Str`], or a
    /// structure without a size, whose last field ends in a slice ([`TypeKind::Array`] without a
    /// count) or a `str`. The target of a wide pointer with a vtable is [`TypeKind::Dyn`], or a
    /// structure without a size whose last field is one: its offset must be rounded up to the
    /// alignment that the vtable states.
    ///
    /// A function's own type (of `let f = main;`) is [`TypeKind::Function`] with size 0; the code
    /// behind a function pointer has the same kind and no size.
    pub fn ty(&self, id: TypeId) -> Arc<Type> {
        if let Some(known) = lock(&self.types).known.get(&id) {
            return known.clone();
        }
        let derived = lock(&self.types).derived(id);
        let ty = Arc::new(match derived {
            Some(derived) => self.derived_type(derived),
            None if id == NO_TYPE => opaque("the debug information names no type"),
            None => self.read_type(id),
        });
        lock(&self.types).known.insert(id, ty.clone());
        ty
    }

    /// The type with this full path, as [`Type::name`] has it. Searches all units once at most, the
    /// user's first.
    pub fn type_named(&self, full_name: &str) -> Option<TypeId> {
        let hash = hash_of(full_name);
        loop {
            let candidates = lock(&self.types)
                .names
                .get(&hash)
                .cloned()
                .unwrap_or_default();
            let found = candidates
                .into_iter()
                .find(|die| &*self.units.type_name(*die) == full_name);
            if let Some(die) = found {
                return Some(id_of(die));
            }
            // Each turn searches one more unit.
            let next = lock(&self.types).searched;
            let unit = *self.search_order.get(next)?;
            let names = self.names_of(unit);
            let mut types = lock(&self.types);
            if types.searched == next {
                types.searched += 1;
                for (hash, die) in names {
                    types.names.entry(hash).or_default().push(die);
                }
            }
        }
    }

    fn names_of(&self, index: u32) -> Vec<(u64, DieRef)> {
        let Some(unit) = self.units.get(index) else {
            return Vec::new();
        };
        unit.tree()
            .types
            .iter()
            .filter_map(|&offset| {
                let entry = unit.entry(offset)?;
                let declaration = entry.attr_value(dw::DW_AT_declaration);
                if declaration == Some(AttributeValue::Flag(true)) {
                    return None;
                }
                let name = unit.string(&self.units.dwarf, entry.attr_value(dw::DW_AT_name)?)?;
                let hash = hash_of(&self.units.qualified(unit, offset, &name));
                Some((
                    hash,
                    DieRef {
                        unit: index,
                        offset,
                    },
                ))
            })
            .collect()
    }

    fn read_type(&self, id: TypeId) -> Type {
        let die = self.units.find(id.0);
        let Some((die, (_, entry))) = die.and_then(|die| Some((die, self.units.entry(die)?)))
        else {
            return opaque("there is no type of this number");
        };
        let name = self.units.type_name(die);
        let (size, align) = self.units.layout(die);
        let mut ty = Type {
            name,
            size,
            align,
            kind: TypeKind::Function,
        };
        ty.kind = match entry.tag() {
            dw::DW_TAG_base_type => TypeKind::Base(encoding(&entry, &ty.name)),
            dw::DW_TAG_structure_type => self.structure(die, &entry, &mut ty),
            dw::DW_TAG_union_type => {
                let parts = self.parts(die);
                TypeKind::Union {
                    fields: parts.fields,
                    arguments: parts.arguments,
                }
            }
            dw::DW_TAG_enumeration_type => self.enumeration(die, &entry),
            dw::DW_TAG_array_type => TypeKind::Array {
                element: self.referenced(die, &entry),
                count: self.units.array_count(die),
            },
            dw::DW_TAG_pointer_type | dw::DW_TAG_reference_type => {
                self.pointer(die, &entry, &ty.name)
            }
            dw::DW_TAG_subroutine_type => {
                ty.size = None;
                ty.align = None;
                TypeKind::Function
            }
            dw::DW_TAG_typedef
            | dw::DW_TAG_const_type
            | dw::DW_TAG_volatile_type
            | dw::DW_TAG_restrict_type => {
                return self.alias(die, ty);
            }
            other => TypeKind::Opaque(format!("the debug information has it as {other}").into()),
        };
        ty
    }

    /// The type behind another name, as C's `typedef` and `const` are.
    fn alias(&self, die: DieRef, mut ty: Type) -> Type {
        let target = self.units.unaliased(die).map(id_of);
        ty.kind = match target {
            Some(target) if target != id_of(die) => self.ty(target).kind.clone(),
            _ => TypeKind::Opaque("the debug information gives only a name".into()),
        };
        ty
    }

    fn pointer(&self, die: DieRef, entry: &Entry<'data>, name: &str) -> TypeKind {
        let target = self.units.reference_of(die, entry, dw::DW_AT_type);
        let named = entry.attr(dw::DW_AT_name).is_some();
        let kind = if self.is_function_pointer(die) {
            PointerKind::Function
        } else if named {
            pointer_kind(name).map_or(PointerKind::Unknown, |(kind, _)| kind)
        } else {
            PointerKind::Unknown
        };
        TypeKind::Pointer {
            kind,
            target: target.map_or(NO_TYPE, id_of),
        }
    }

    fn enumeration(&self, die: DieRef, entry: &Entry<'data>) -> TypeKind {
        let base = self.referenced(die, entry);
        // The entry is looked at directly: asking for the type could come back here.
        let signed = self
            .units
            .find(base.0)
            .and_then(|die| self.units.entry(die))
            .is_some_and(|(_, entry)| {
                entry.tag() == dw::DW_TAG_base_type && encoding(&entry, "") == Encoding::Signed
            });
        let mut enumerators = Vec::new();
        self.units.children(die, &mut |child, entry| {
            if entry.tag() == dw::DW_TAG_enumerator {
                let name = self.units.text(child.unit, entry, dw::DW_AT_name);
                let value = entry.attr_value(dw::DW_AT_const_value);
                if let (Some(name), Some(value)) =
                    (name, value.and_then(|v| signed_constant(v, signed)))
                {
                    enumerators.push(Enumerator {
                        name: name.into(),
                        value,
                    });
                }
            }
            if enumerators.len() < MEMBER_LIMIT {
                Walk::Next
            } else {
                Walk::Stop
            }
        });
        TypeKind::CEnum { base, enumerators }
    }

    fn structure(&self, die: DieRef, entry: &Entry<'data>, ty: &mut Type) -> TypeKind {
        let raw_name = self
            .units
            .text(die.unit, entry, dw::DW_AT_name)
            .unwrap_or_default();
        if ty.size == Some(0) && raw_name.starts_with("dyn ") {
            ty.size = None;
            ty.align = None;
            return TypeKind::Dyn;
        }
        let parts = self.parts(die);
        if let Some(variants) = parts.variants {
            return TypeKind::Enum {
                tag: parts.tag,
                variants,
                arguments: parts.arguments,
                coroutine: raw_name.starts_with('{'),
            };
        }
        if let Some(wide) = self.wide_pointer(&raw_name, &parts.fields) {
            return wide;
        }
        TypeKind::Struct {
            fields: parts.fields,
            arguments: parts.arguments,
        }
    }

    /// A structure that stands for a wide pointer: named as a pointer, with the two fields that
    /// rustc gives such structures.
    fn wide_pointer(&self, name: &str, fields: &[Field]) -> Option<TypeKind> {
        let [data, meta] = fields else { return None };
        let (kind, pointee) = pointer_kind(name)?;
        // Entries are looked at directly: asking for their types could come back here.
        let (_, pointer) = self.units.entry(self.units.find(data.ty.0)?)?;
        if pointer.tag() != dw::DW_TAG_pointer_type {
            return None;
        }
        let target = self.referenced(self.units.find(data.ty.0)?, &pointer);
        let (target, meta) = match (&*data.name, &*meta.name) {
            ("data_ptr", "length") => (
                self.target_with_length(pointee, target),
                WideMeta::Length {
                    offset: meta.offset,
                },
            ),
            ("pointer", "vtable") => (
                self.target_with_vtable(target),
                WideMeta::Vtable {
                    offset: meta.offset,
                },
            ),
            _ => return None,
        };
        Some(TypeKind::WidePointer {
            kind,
            target,
            data_offset: data.offset,
            meta,
        })
    }

    /// DWARF names the element (`u8` for `str`) for slices, and the structure for structures that
    /// end in one; the pointer's name tells them apart.
    fn target_with_length(&self, pointee: &str, target: TypeId) -> TypeId {
        if pointee == "str" {
            return lock(&self.types).intern(Derived::Str);
        }
        if pointee.starts_with('[') {
            return target;
        }
        // The innermost argument in brackets, `RcInner<[u8]>` or `RcInner<str>`, tells the tail.
        let tail = match tail_of(pointee) {
            Some(tail) => tail,
            None => Tail::Slice,
        };
        lock(&self.types).intern(Derived::Unsized(target, tail))
    }

    fn target_with_vtable(&self, target: TypeId) -> TypeId {
        let name = self.units.find(target.0).and_then(|die| {
            let (_, entry) = self.units.entry(die)?;
            self.units.text(die.unit, &entry, dw::DW_AT_name)
        });
        if name.is_some_and(|name| name.starts_with("dyn ")) {
            return target;
        }
        lock(&self.types).intern(Derived::Unsized(target, Tail::Dyn))
    }

    fn derived_type(&self, derived: Derived) -> Type {
        match derived {
            Derived::Str => Type {
                name: "str".into(),
                size: None,
                align: Some(1),
                kind: TypeKind::Str,
            },
            Derived::Slice(element) => {
                let of = self.ty(element);
                Type {
                    name: format!("[{}]", of.name).into(),
                    size: None,
                    align: of.align,
                    kind: TypeKind::Array {
                        element,
                        count: None,
                    },
                }
            }
            Derived::Unsized(id, tail) => self.unsized_structure(id, tail),
            Derived::FunctionItem(pointer) => Type {
                name: self.ty(pointer).name.clone(),
                size: Some(0),
                align: Some(1),
                kind: TypeKind::Function,
            },
        }
    }

    /// The type of a variable or member, given the alignment that its entry states. A function's
    /// own type (of `let f = main;`) looks like a function pointer but for the alignment: it has no
    /// bytes, so that what lies at its place must not be read.
    pub(crate) fn type_of_place(&self, die: DieRef, entry: &Entry<'data>) -> TypeId {
        let align = entry
            .attr_value(dw::DW_AT_alignment)
            .and_then(|value| value.udata_value());
        let is_item = align == Some(1) && self.is_function_pointer(die);
        if is_item {
            lock(&self.types).intern(Derived::FunctionItem(id_of(die)))
        } else {
            id_of(die)
        }
    }

    fn is_function_pointer(&self, die: DieRef) -> bool {
        let Some((_, entry)) = self.units.entry(die) else {
            return false;
        };
        if entry.tag() != dw::DW_TAG_pointer_type {
            return false;
        }
        let target = self.units.reference_of(die, &entry, dw::DW_AT_type);
        let target = target.and_then(|target| self.units.entry(target));
        target.is_some_and(|(_, entry)| entry.tag() == dw::DW_TAG_subroutine_type)
    }

    /// The structure with the type of its last field put right.
    fn unsized_structure(&self, id: TypeId, tail: Tail) -> Type {
        let mut ty = (*self.ty(id)).clone();
        let prefix = ty.size.take();
        if let TypeKind::Struct { fields, .. } = &mut ty.kind
            && let Some(last) = fields.iter_mut().max_by_key(|field| field.offset)
        {
            last.ty = self.unsized_field(last, prefix, tail);
        }
        ty
    }

    fn unsized_field(&self, field: &Field, prefix: Option<u64>, tail: Tail) -> TypeId {
        let of = self.ty(field.ty);
        match tail {
            Tail::Dyn if matches!(of.kind, TypeKind::Dyn) => return field.ty,
            Tail::Dyn => return lock(&self.types).intern(Derived::Unsized(field.ty, tail)),
            Tail::Str | Tail::Slice => {}
        }
        // A structure that itself ends in the slice lies within the size that DWARF states for the
        // whole, which leaves the elements out; an element does not.
        let end = of.size.and_then(|size| field.offset.checked_add(size));
        let is_structure = matches!(of.kind, TypeKind::Struct { .. });
        let names_tail = tail_of(&of.name).is_some();
        if is_structure
            && (names_tail || end.zip(prefix).is_some_and(|(end, prefix)| end <= prefix))
        {
            return lock(&self.types).intern(Derived::Unsized(field.ty, tail));
        }
        lock(&self.types).intern(match tail {
            Tail::Str => Derived::Str,
            Tail::Slice | Tail::Dyn => Derived::Slice(field.ty),
        })
    }

    fn referenced(&self, die: DieRef, entry: &Entry<'data>) -> TypeId {
        self.units
            .reference_of(die, entry, dw::DW_AT_type)
            .map_or(NO_TYPE, id_of)
    }

    /// The members of a structure or union.
    fn parts(&self, die: DieRef) -> Parts {
        let mut parts = Parts::default();
        // Where the walk stands: the tags of the entries that contain the current one.
        let mut outer = dw::DW_TAG_null;
        let mut inner = dw::DW_TAG_null;
        let mut pending: Option<Vec<(u128, u128)>> = None;
        let mut count = 0usize;
        self.units.descendants(die, &mut |child, depth, entry| {
            match (depth, outer, inner, entry.tag()) {
                (1, _, _, dw::DW_TAG_member) => parts.fields.extend(self.field(child, entry)),
                (1, _, _, dw::DW_TAG_template_type_parameter) => {
                    let name = self
                        .units
                        .text(child.unit, entry, dw::DW_AT_name)
                        .unwrap_or_default();
                    let ty = self.referenced(child, entry);
                    parts.arguments.push(TemplateArgument {
                        name: name.into(),
                        ty,
                    });
                }
                (1, _, _, dw::DW_TAG_variant_part) => {
                    parts.variants.get_or_insert_default();
                }
                (2, dw::DW_TAG_variant_part, _, dw::DW_TAG_member) => {
                    parts.tag = self
                        .field(child, entry)
                        .map(|field| (field.offset, field.ty));
                }
                (2, dw::DW_TAG_variant_part, _, dw::DW_TAG_variant) => {
                    let bits = self.tag_bits(parts.tag);
                    pending = Some(discriminants(entry, bits));
                }
                (3, dw::DW_TAG_variant_part, dw::DW_TAG_variant, dw::DW_TAG_member) => {
                    let variant = self.variant(child, entry, pending.take().unwrap_or_default());
                    parts.variants.get_or_insert_default().extend(variant);
                }
                _ => {}
            }
            match depth {
                1 => outer = entry.tag(),
                2 => inner = entry.tag(),
                _ => {}
            }
            count += 1;
            if count < MEMBER_LIMIT {
                Walk::Next
            } else {
                Walk::Stop
            }
        });
        parts
    }

    fn tag_bits(&self, tag: Option<(u64, TypeId)>) -> u32 {
        let size = tag
            .and_then(|(_, ty)| self.units.find(ty.0))
            .and_then(|die| self.units.layout(die).0);
        size.and_then(|size| u32::try_from(size).ok())
            .map_or(128, |size| size.saturating_mul(8))
    }

    fn field(&self, die: DieRef, entry: &Entry<'data>) -> Option<Field> {
        let name = self
            .units
            .text(die.unit, entry, dw::DW_AT_name)
            .unwrap_or_default();
        let ty = self.type_of_place(self.units.reference_of(die, entry, dw::DW_AT_type)?, entry);
        let offset = match entry.attr_value(dw::DW_AT_data_member_location) {
            Some(value) => value.udata_value()?,
            None => 0,
        };
        Some(Field {
            name: name.into(),
            ty,
            offset,
        })
    }

    fn variant(
        &self,
        die: DieRef,
        entry: &Entry<'data>,
        discriminants: Vec<(u128, u128)>,
    ) -> Option<Variant> {
        let field = self.field(die, entry)?;
        let line = entry
            .attr_value(dw::DW_AT_decl_line)
            .and_then(|value| value.udata_value());
        let line = line.and_then(|line| u32::try_from(line).ok());
        // The states of coroutines are numbered; their structures have the names.
        let numbered = field
            .name
            .chars()
            .all(|character| character.is_ascii_digit());
        let name = match self.units.find(field.ty.0).filter(|_| numbered) {
            Some(payload) => self
                .units
                .entry(payload)
                .and_then(|(_, entry)| self.units.text(payload.unit, &entry, dw::DW_AT_name))
                .map_or(field.name, |name| name.into()),
            None => field.name,
        };
        Some(Variant {
            name,
            discriminants,
            payload: field.ty,
            offset: field.offset,
            line,
        })
    }
}

/// What a structure or union is made of.
#[derive(Default)]
struct Parts {
    fields: Vec<Field>,
    arguments: Vec<TemplateArgument>,
    tag: Option<(u64, TypeId)>,
    variants: Option<Vec<Variant>>,
}

impl<'data> Units<'data> {
    pub(crate) fn reference_of(
        &self,
        die: DieRef,
        entry: &Entry<'data>,
        at: gimli::DwAt,
    ) -> Option<DieRef> {
        self.reference(die.unit, entry.attr_value(at)?)
    }

    /// The full path of a type. Arrays and some pointers have no name in DWARF and get one made of
    /// their target's.
    pub(crate) fn type_name(&self, die: DieRef) -> Arc<str> {
        let mut before = String::new();
        let mut after = Vec::new();
        let mut next = Some(die);
        let mut core: Arc<str> = "?".into();
        for _ in 0..CHAIN_LIMIT {
            let Some((die, (unit, entry))) = next.and_then(|die| Some((die, self.entry(die)?)))
            else {
                break;
            };
            if let Some(name) = self.text(die.unit, &entry, dw::DW_AT_name) {
                core = self.qualified(unit, die.offset, &name);
                break;
            }
            match entry.tag() {
                dw::DW_TAG_array_type => {
                    before.push('[');
                    after.push(
                        self.array_count(die)
                            .map_or("]".to_owned(), |n| format!("; {n}]")),
                    );
                }
                dw::DW_TAG_pointer_type => before.push('*'),
                dw::DW_TAG_subroutine_type => {
                    core = "fn".into();
                    break;
                }
                _ => {}
            }
            next = self.reference_of(die, &entry, dw::DW_AT_type);
        }
        if before.is_empty() && after.is_empty() {
            return core;
        }
        after.reverse();
        format!("{before}{core}{}", after.concat()).into()
    }

    /// Size and alignment in bytes, as far as they are stated or follow from the kind.
    pub(crate) fn layout(&self, die: DieRef) -> (Option<u64>, Option<u64>) {
        let mut count: Option<u64> = Some(1);
        let mut next = Some(die);
        for _ in 0..CHAIN_LIMIT {
            let Some((die, (_, entry))) = next.and_then(|die| Some((die, self.entry(die)?))) else {
                break;
            };
            let number = |at| {
                entry
                    .attr_value(at)
                    .and_then(|value: Value<'data>| value.udata_value())
            };
            let stated = number(dw::DW_AT_byte_size);
            let align = number(dw::DW_AT_alignment);
            let own = match entry.tag() {
                dw::DW_TAG_pointer_type | dw::DW_TAG_reference_type => {
                    Some((stated.or(Some(WORD)), align.or(Some(WORD))))
                }
                // No base type of x86-64 is aligned more than to 16.
                dw::DW_TAG_base_type => {
                    Some((stated, align.or(stated.map(|size| size.clamp(1, 16)))))
                }
                dw::DW_TAG_array_type => None,
                _ => stated.map(|size| (Some(size), align)),
            };
            if let Some((size, align)) = own {
                let size = size
                    .zip(count)
                    .and_then(|(size, count)| size.checked_mul(count));
                return (size, align);
            }
            if entry.tag() == dw::DW_TAG_array_type {
                let here = self.array_count(die);
                count = count
                    .zip(here)
                    .and_then(|(count, here)| count.checked_mul(here));
            }
            next = self.reference_of(die, &entry, dw::DW_AT_type);
        }
        (None, None)
    }

    /// The number of elements of an array.
    fn array_count(&self, die: DieRef) -> Option<u64> {
        let mut count: Option<u64> = None;
        self.children(die, &mut |_, entry| {
            if entry.tag() != dw::DW_TAG_subrange_type {
                return Walk::Next;
            }
            let number = |at| entry.attr_value(at).and_then(|value| value.udata_value());
            count = number(dw::DW_AT_count)
                .or_else(|| number(dw::DW_AT_upper_bound).and_then(|bound| bound.checked_add(1)));
            Walk::Stop
        });
        count
    }

    /// The entry behind `typedef` and the like.
    fn unaliased(&self, die: DieRef) -> Option<DieRef> {
        let mut die = die;
        for _ in 0..CHAIN_LIMIT {
            let (_, entry) = self.entry(die)?;
            match entry.tag() {
                dw::DW_TAG_typedef
                | dw::DW_TAG_const_type
                | dw::DW_TAG_volatile_type
                | dw::DW_TAG_restrict_type => {
                    die = self.reference_of(die, &entry, dw::DW_AT_type)?
                }
                _ => return Some(die),
            }
        }
        None
    }
}

fn opaque(reason: &str) -> Type {
    Type {
        name: "?".into(),
        size: None,
        align: None,
        kind: TypeKind::Opaque(reason.into()),
    }
}

fn hash_of(name: &str) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    hasher.finish()
}

fn encoding(entry: &Entry<'_>, name: &str) -> Encoding {
    let size = entry
        .attr_value(dw::DW_AT_byte_size)
        .and_then(|value| value.udata_value());
    if size == Some(0) || name == "()" || name == "!" {
        return Encoding::Unit;
    }
    match entry.attr_value(dw::DW_AT_encoding) {
        Some(AttributeValue::Encoding(dw::DW_ATE_boolean)) => Encoding::Boolean,
        Some(AttributeValue::Encoding(dw::DW_ATE_UTF)) => Encoding::Character,
        Some(AttributeValue::Encoding(dw::DW_ATE_float)) => Encoding::Float,
        Some(AttributeValue::Encoding(dw::DW_ATE_signed | dw::DW_ATE_signed_char)) => {
            Encoding::Signed
        }
        _ => Encoding::Unsigned,
    }
}

/// What a pointer's name says: its kind and what it points at.
fn pointer_kind(name: &str) -> Option<(PointerKind, &str)> {
    let prefixes = [
        ("&mut ", PointerKind::Mutable),
        ("&", PointerKind::Shared),
        ("*const ", PointerKind::RawConst),
        ("*mut ", PointerKind::RawMut),
    ];
    for (prefix, kind) in prefixes {
        if let Some(pointee) = name.strip_prefix(prefix) {
            return Some((kind, pointee));
        }
    }
    if let Some(arguments) = name.strip_prefix("alloc::boxed::Box<") {
        let arguments = arguments.strip_suffix('>')?;
        let pointee = split_at_depth_zero(arguments, ", ").map_or(arguments, |(first, _)| first);
        return Some((PointerKind::Box, pointee));
    }
    None
}

/// What the name of a structure without a size says about its last field: the last of its generic
/// arguments that has no size itself, at any depth.
fn tail_of(name: &str) -> Option<Tail> {
    let mut rest = name;
    // Each turn goes one level of brackets deeper, so the text gets shorter.
    loop {
        let open = rest.find('<')?;
        let inside = crate::name::inside_angles(rest.get(open..)?)?;
        let mut argument = inside;
        let mut found = None;
        let mut deeper = None;
        loop {
            let (first, others) = match split_at_depth_zero(argument, ", ") {
                Some((first, others)) => (first, Some(others)),
                None => (argument, None),
            };
            if first == "str" {
                found = Some(Tail::Str);
            } else if first.starts_with('[') && !is_array(first) {
                found = Some(Tail::Slice);
            } else if first.contains('<') {
                deeper = Some(first);
            }
            match others {
                Some(others) => argument = others,
                None => break,
            }
        }
        if found.is_some() {
            return found;
        }
        rest = deeper?;
    }
}

/// Whether `[u8; 4]` and not `[u8]`.
fn is_array(name: &str) -> bool {
    name.strip_prefix('[')
        .is_some_and(|inside| split_at_depth_zero(inside, "; ").is_some())
}

/// A constant of an enumerator, sign-extended where the type is signed.
fn signed_constant(value: Value<'_>, signed: bool) -> Option<i128> {
    match value {
        AttributeValue::Sdata(value) => Some(i128::from(value)),
        AttributeValue::Block(bytes) => {
            let value = little_endian(&bytes)?;
            let unused = 128u32.checked_sub(u32::try_from(bytes.len()).ok()?.checked_mul(8)?)?;
            let wide = value.checked_shl(unused).unwrap_or(0).cast_signed();
            if signed {
                wide.checked_shr(unused)
            } else {
                Some(value.cast_signed())
            }
        }
        AttributeValue::Data16(value) => Some(value.cast_signed()),
        _ if signed => value.sdata_value().map(i128::from),
        _ => value.udata_value().map(i128::from),
    }
}

/// A constant of a discriminant, as the unsigned tag of `bits` bits that is in memory.
fn unsigned_constant(value: Value<'_>, bits: u32) -> Option<u128> {
    let value = match value {
        AttributeValue::Sdata(value) => i128::from(value).cast_unsigned(),
        AttributeValue::Block(bytes) => little_endian(&bytes)?,
        AttributeValue::Data16(value) => value,
        other => u128::from(other.udata_value()?),
    };
    Some(truncate(value, bits))
}

fn truncate(value: u128, bits: u32) -> u128 {
    match 128u32.checked_sub(bits) {
        Some(unused) if unused < 128 => value << unused >> unused,
        _ => value,
    }
}

fn little_endian(bytes: &crate::unit::Slice<'_>) -> Option<u128> {
    if bytes.len() > 16 {
        return None;
    }
    let value = bytes
        .slice()
        .iter()
        .rev()
        .fold(0u128, |value, &byte| value << 8 | u128::from(byte));
    Some(value)
}

/// The tag values that select a variant; empty for the one that all others select.
fn discriminants(entry: &Entry<'_>, bits: u32) -> Vec<(u128, u128)> {
    if let Some(value) = entry.attr_value(dw::DW_AT_discr_value) {
        return unsigned_constant(value, bits)
            .map(|value| (value, value))
            .into_iter()
            .collect();
    }
    match entry.attr_value(dw::DW_AT_discr_list) {
        Some(AttributeValue::Block(bytes)) => discriminant_list(bytes, bits),
        _ => Vec::new(),
    }
}

fn discriminant_list(mut bytes: crate::unit::Slice<'_>, bits: u32) -> Vec<(u128, u128)> {
    let mut found = Vec::new();
    // Each turn reads at least one byte.
    while let Ok(kind) = bytes.read_u8() {
        let Ok(low) = bytes.read_uleb128() else { break };
        let high = match dw::DwDsc(kind) {
            dw::DW_DSC_range => bytes.read_uleb128(),
            _ => Ok(low),
        };
        let Ok(high) = high else { break };
        found.push((
            truncate(u128::from(low), bits),
            truncate(u128::from(high), bits),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_pointer_tells_its_kind() {
        let check = |name: &str, expect: Option<(PointerKind, &str)>| {
            assert_eq!(pointer_kind(name), expect);
        };
        check("&str", Some((PointerKind::Shared, "str")));
        check("&mut [u8]", Some((PointerKind::Mutable, "[u8]")));
        check(
            "*const alloc::rc::RcInner<str>",
            Some((PointerKind::RawConst, "alloc::rc::RcInner<str>")),
        );
        check(
            "alloc::boxed::Box<(u8, u16), a::A>",
            Some((PointerKind::Box, "(u8, u16)")),
        );
        check("demo::Both<&str>", None);
    }

    #[test]
    fn the_name_of_a_structure_tells_its_tail() {
        let check = |name: &str, expect: Option<Tail>| assert_eq!(tail_of(name), expect);
        check("alloc::rc::RcInner<str>", Some(Tail::Str));
        check("alloc::sync::ArcInner<[u8]>", Some(Tail::Slice));
        check("alloc::sync::ArcInner<[[u8; 4]]>", Some(Tail::Slice));
        check(
            "alloc::sync::ArcInner<std::sync::Mutex<[u8]>>",
            Some(Tail::Slice),
        );
        check("demo::Tail<[u8; 4], str>", Some(Tail::Str));
        check("demo::Own", None);
    }

    #[test]
    fn tags_are_cut_to_their_width() {
        assert_eq!(unsigned_constant(AttributeValue::Sdata(-5), 8), Some(0xfb));
        assert_eq!(
            unsigned_constant(AttributeValue::Udata(1 << 63), 64),
            Some(1 << 63)
        );
        let bytes = [0xff; 16];
        let block = AttributeValue::Block(gimli::EndianSlice::new(&bytes, gimli::LittleEndian));
        assert_eq!(unsigned_constant(block, 128), Some(u128::MAX));
        assert_eq!(signed_constant(block, true), Some(-1));
    }
}
