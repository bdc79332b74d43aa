//! What a value is made of: the form in which it is printed and the parts it has.
//!
//! Describing reads only what is needed to know the parts; [`render`](super::render) turns a
//! description into text and fields.

use std::sync::Arc;

use stackheap_model::{
    Encoding, Field, PointerKind, RuntimeAddress, Type, TypeId, TypeKind, Unknown, ValueKind,
};

use super::fit::{Fit, Fitting};
use super::view::{Meta, Subject, View};
use super::{Decoder, names, scalar, text};

/// A value, taken apart by one level.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) kind: ValueKind,
    pub(crate) form: Form,
    pub(crate) facts: Vec<Fact>,
    /// What a lock hides from `{:?}`; the reader of a recording may look inside all the same.
    pub(crate) inside: Option<View>,
}

/// A fact beside the text, and its value.
pub(crate) type Fact = (Arc<str>, Arc<str>);

/// How a value is written.
#[derive(Debug)]
pub(crate) enum Form {
    /// A text without parts, or why there is none; the parts become fields only.
    Leaf {
        text: Result<String, Unknown>,
        parts: Vec<Part>,
    },
    /// Like this part.
    Same(Part),
    /// `Name { a: 1, b: 2 }`, with `..` at the end where there is more.
    Struct {
        name: String,
        parts: Vec<Part>,
        more: &'static str,
    },
    /// `Name(1, 2)`.
    Tuple { name: String, parts: Vec<Part> },
    /// `[1, 2]` or `{1, 2}`; `total` counts also the parts that are left out.
    List {
        brackets: (&'static str, &'static str),
        parts: Vec<Part>,
        total: u64,
    },
    /// `{1: 2}`.
    Map {
        entries: Vec<(View, View)>,
        total: u64,
    },
    /// One behind the other, without anything between.
    Joined(Vec<Part>),
}

/// A part of a value.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) label: Label,
    pub(crate) content: Content,
    /// Whether it lies behind a pointer.
    pub(crate) followed: bool,
}

/// The name of a part.
#[derive(Clone, Debug)]
pub(crate) enum Label {
    Name(Arc<str>),
    Index(u64),
}

/// What a part shows.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    View(View),
    /// A fixed text, such as `<locked>`.
    Text(String),
    Unknown(Unknown),
}

impl Described {
    pub(crate) fn leaf(kind: ValueKind, text: Result<String, Unknown>) -> Self {
        Self::new(
            kind,
            Form::Leaf {
                text,
                parts: Vec::new(),
            },
        )
    }

    pub(crate) fn new(kind: ValueKind, form: Form) -> Self {
        Self {
            kind,
            form,
            facts: Vec::new(),
            inside: None,
        }
    }

    /// The same with one more fact.
    pub(crate) fn fact(mut self, name: &str, value: impl ToString) -> Self {
        self.facts.push((name.into(), value.to_string().into()));
        self
    }

    /// The same with one more fact, where there is one.
    pub(crate) fn fact_if(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.fact(name, value),
            None => self,
        }
    }
}

impl Part {
    pub(crate) fn named(name: &str, view: View) -> Self {
        Self {
            label: Label::Name(name.into()),
            content: Content::View(view),
            followed: false,
        }
    }

    pub(crate) fn index(index: u64, view: View) -> Self {
        Self {
            label: Label::Index(index),
            content: Content::View(view),
            followed: false,
        }
    }

    /// What a pointer points at.
    pub(crate) fn behind(view: View) -> Self {
        Self {
            label: Label::Name("*".into()),
            content: Content::View(view),
            followed: true,
        }
    }

    pub(crate) fn text(name: &str, text: impl Into<String>) -> Self {
        let content = Content::Text(text.into());
        Self {
            label: Label::Name(name.into()),
            content,
            followed: false,
        }
    }

    pub(crate) fn unknown(name: &str, unknown: Unknown) -> Self {
        let content = Content::Unknown(unknown);
        Self {
            label: Label::Name(name.into()),
            content,
            followed: false,
        }
    }
}

pub(crate) const SQUARE: (&str, &str) = ("[", "]");
pub(crate) const CURLY: (&str, &str) = ("{", "}");

impl Decoder<'_> {
    /// Takes a value apart by one level.
    pub(crate) fn describe(&self, view: &View) -> Described {
        let ty = match view.subject {
            Subject::Str => return self.describe_str(view),
            Subject::Slice(element) => return self.describe_slice(view, element),
            Subject::Type(_) if self.is_dyn(view) => return self.describe_dyn(view),
            Subject::Type(ty) => self.types.ty(ty),
        };
        match self.fitting(view.subject) {
            Fitting::NoRecipe => self.describe_structure(view, &ty),
            Fitting::Misfit(recipe) => misfit(self.describe_structure(view, &ty), &recipe),
            Fitting::Fits(fit) => match self.describe_shape(view, &fit) {
                Ok(Some(described)) => described,
                Ok(None) => misfit(self.describe_structure(view, &ty), &fit.recipe.name),
                Err(unknown) => Described::leaf(kind_of_shape(&fit), Err(unknown)),
            },
        }
    }

    fn describe_str(&self, view: &View) -> Described {
        let Some(Meta::Length(length)) = view.meta else {
            return Described::leaf(ValueKind::String, Err(no_length()));
        };
        let text = self
            .text_bytes(view, length)
            .and_then(|bytes| text::quoted_utf8(&bytes));
        Described::leaf(ValueKind::String, text).fact("len", length)
    }

    /// As many bytes of a text as can become visible.
    pub(crate) fn text_bytes(&self, view: &View, length: u64) -> Result<Vec<u8>, Unknown> {
        // A character has at most four bytes.
        let visible = (self.limits.text as u64)
            .saturating_add(1)
            .saturating_mul(4);
        self.read(view, 0, length.min(visible))
    }

    fn describe_slice(&self, view: &View, element: TypeId) -> Described {
        let Some(Meta::Length(length)) = view.meta else {
            return Described::leaf(ValueKind::Sequence, Err(no_length()));
        };
        let form = self.list(view, element, length);
        Described::new(ValueKind::Sequence, form).fact("len", length)
    }

    /// `count` elements that begin at `view`.
    pub(crate) fn list(&self, view: &View, element: TypeId, count: u64) -> Form {
        let shown = count.min(self.limits.elements);
        let parts = (0..shown)
            .filter_map(|index| Some(Part::index(index, self.element(view, element, index)?)))
            .collect();
        Form::List {
            brackets: SQUARE,
            parts,
            total: count,
        }
    }

    fn describe_structure(&self, view: &View, ty: &Type) -> Described {
        match &ty.kind {
            TypeKind::Base(encoding) => self.describe_base(view, ty, *encoding),
            TypeKind::Struct { fields, .. } => self.describe_struct(view, ty, fields),
            TypeKind::Enum { coroutine, .. } => match coroutine {
                true => self.describe_coroutine(view),
                false => self.describe_enum(view),
            },
            TypeKind::CEnum { .. } => self.describe_c_enum(view, ty),
            TypeKind::Union { fields, .. } => {
                let text = Err(Unknown::because(
                    "a union: which field is in use is not recorded",
                ));
                let parts = self.parts(view, fields);
                Described::new(ValueKind::Struct, Form::Leaf { text, parts })
            }
            TypeKind::Array { element, count } => {
                let length = match (count, view.meta) {
                    (Some(count), _) => *count,
                    (None, Some(Meta::Length(length))) => length,
                    (None, _) => return Described::leaf(ValueKind::Sequence, Err(no_length())),
                };
                Described::new(ValueKind::Sequence, self.list(view, *element, length))
            }
            TypeKind::Str => self.describe_str(view),
            TypeKind::Dyn => self.describe_dyn(view),
            TypeKind::Pointer { kind, .. } | TypeKind::WidePointer { kind, .. } => self
                .describe_pointer(view, *kind)
                .unwrap_or_else(|unknown| Described::leaf(ValueKind::Pointer, Err(unknown))),
            TypeKind::Function => Described::leaf(ValueKind::Function, Ok(ty.name.to_string())),
            TypeKind::Opaque(reason) => {
                Described::leaf(ValueKind::Raw, Err(Unknown::because(reason.clone())))
            }
        }
    }

    fn describe_base(&self, view: &View, ty: &Type, encoding: Encoding) -> Described {
        let kind = match encoding {
            Encoding::Boolean => ValueKind::Boolean,
            Encoding::Character => ValueKind::Character,
            Encoding::Unsigned | Encoding::Signed | Encoding::Float => ValueKind::Number,
            Encoding::Unit => ValueKind::Unit,
        };
        let size = ty.size.unwrap_or(0);
        let text = self
            .read_number(view, 0, size)
            .and_then(|bits| scalar::scalar(encoding, size, bits));
        Described::leaf(kind, text)
    }

    /// All fields of a structure or union, in the order of declaration.
    fn parts(&self, view: &View, fields: &[Field]) -> Vec<Part> {
        fields
            .iter()
            .enumerate()
            .filter_map(|(index, field)| {
                Some(Part::named(
                    shown_name(&field.name),
                    self.field(view, index)?,
                ))
            })
            .collect()
    }

    fn describe_struct(&self, view: &View, ty: &Type, fields: &[Field]) -> Described {
        let parts = self.parts(view, fields);
        if ty.name.contains("{closure_env#") {
            let form = fields_form("Closure".into(), fields, parts);
            return Described::new(ValueKind::Closure, form).fact("closure", closure_name(ty));
        }
        let is_tuple = ty.name.starts_with('(');
        let name = if is_tuple {
            ""
        } else {
            names::short_name(&ty.name)
        };
        let kind = match (fields.is_empty(), is_tuple || is_tuple_like(fields)) {
            (true, _) => ValueKind::Unit,
            (false, true) => ValueKind::Tuple,
            (false, false) => ValueKind::Struct,
        };
        Described::new(kind, fields_form(name.to_owned(), fields, parts))
    }

    fn describe_enum(&self, view: &View) -> Described {
        match self.active_payload(view) {
            Ok(Some((variant, payload))) => {
                let fields = self.fields_of(&payload);
                let parts = self.parts(&payload, &fields);
                Described::new(
                    ValueKind::Enum,
                    fields_form(variant.name.to_string(), &fields, parts),
                )
            }
            Ok(None) => Described::leaf(ValueKind::Enum, Err(Unknown::because("no variants"))),
            Err(unknown) => Described::leaf(ValueKind::Enum, Err(unknown)),
        }
    }

    /// The fields of a view's type, empty when it has none.
    pub(crate) fn fields_of(&self, view: &View) -> Vec<Field> {
        match self.type_of(view).as_deref() {
            Some(Type {
                kind: TypeKind::Struct { fields, .. },
                ..
            }) => fields.clone(),
            _ => Vec::new(),
        }
    }

    fn describe_coroutine(&self, view: &View) -> Described {
        let (variant, payload) = match self.active_payload(view) {
            Ok(Some(active)) => active,
            Ok(None) => {
                let none = Unknown::because("a coroutine without states");
                return Described::leaf(ValueKind::Coroutine, Err(none));
            }
            Err(unknown) => return Described::leaf(ValueKind::Coroutine, Err(unknown)),
        };
        let state = names::short_name(&self.type_name(&payload)).to_owned();
        let line = variant
            .line
            .map(|line| format!(" at line {line}"))
            .unwrap_or_default();
        let fact = match state.as_str() {
            "Unresumed" => "not started".to_owned(),
            "Returned" => "finished".to_owned(),
            "Panicked" => "ended by a panic".to_owned(),
            _ => format!("suspended{line}"),
        };
        let is_over = self.is_over(&payload);
        let fields = if is_over {
            Vec::new()
        } else {
            self.fields_of(&payload)
        };
        let parts = self.parts(&payload, &fields);
        Described::new(ValueKind::Coroutine, fields_form(state, &fields, parts)).fact("state", fact)
    }

    fn describe_c_enum(&self, view: &View, ty: &Type) -> Described {
        let text = self
            .read_number(view, 0, ty.size.unwrap_or(0))
            .and_then(|bits| {
                self.enumerator(ty, bits)
                    .map(|name| name.to_string())
                    .ok_or_else(|| Unknown::because(format!("the tag {bits} is no variant")))
            });
        Described::leaf(ValueKind::Enum, text)
    }

    /// The name of the variant of an enum without data.
    pub(crate) fn enumerator(&self, ty: &Type, bits: u128) -> Option<Arc<str>> {
        let TypeKind::CEnum { enumerators, .. } = &ty.kind else {
            return None;
        };
        let size = ty.size.unwrap_or(0);
        enumerators
            .iter()
            // A value may be given with or without the sign extended.
            .find(|e| e.value == scalar::signed(size, bits) || e.value as u128 == bits)
            .map(|e| e.name.clone())
    }

    fn describe_dyn(&self, view: &View) -> Described {
        match self.concrete(view) {
            Ok((concrete, name)) => {
                let described = self.describe(&concrete);
                described.fact_if("dyn", name)
            }
            Err(unknown) => Described::leaf(ValueKind::Struct, Err(unknown)),
        }
    }

    fn describe_pointer(&self, view: &View, kind: PointerKind) -> Result<Described, Unknown> {
        let address = self.address_in(view)?.unwrap_or_default();
        match kind {
            PointerKind::Function => {
                let name = self.types.symbol_at(address);
                let leaf = Described::leaf(ValueKind::Function, Ok(address.to_string()));
                return Ok(leaf.fact_if("function", name));
            }
            PointerKind::RawConst | PointerKind::RawMut | PointerKind::Unknown => {
                return self.describe_raw(view, address);
            }
            PointerKind::Box | PointerKind::Shared | PointerKind::Mutable => {}
        }
        let kind = match kind {
            PointerKind::Box => ValueKind::SmartPointer,
            _ => ValueKind::Pointer,
        };
        match self.deref(view)? {
            Some(target) => self.describe_target(kind, target),
            None => Err(Unknown::because("a null address where there can be none")),
        }
    }

    /// A pointer that prints like what it points at.
    pub(crate) fn describe_target(
        &self,
        kind: ValueKind,
        target: View,
    ) -> Result<Described, Unknown> {
        if matches!(target.subject, Subject::Str | Subject::Slice(_)) {
            return Ok(self.describe(&target));
        }
        let (target, concrete) = self.concrete(&target)?;
        let described = Described::new(kind, Form::Same(Part::behind(target)));
        Ok(described.fact_if("dyn", concrete))
    }

    fn describe_raw(&self, view: &View, address: RuntimeAddress) -> Result<Described, Unknown> {
        let is_wide = self
            .type_of(view)
            .is_some_and(|ty| matches!(ty.kind, TypeKind::WidePointer { .. }));
        let meta = if is_wide { self.meta_of(view)? } else { None };
        let text = match meta {
            None => address.to_string(),
            Some(Meta::Length(length)) => {
                format!("Pointer {{ addr: {address}, metadata: {length} }}")
            }
            Some(Meta::Vtable(vtable)) => {
                format!("Pointer {{ addr: {address}, metadata: DynMetadata({vtable}) }}")
            }
        };
        Ok(Described::leaf(ValueKind::Pointer, Ok(text)))
    }
}

/// A structure whose recipe did not fit, with a fact that says so.
fn misfit(described: Described, recipe: &str) -> Described {
    described.fact(
        "recipe",
        format!("recipe for {recipe} did not fit; shown raw"),
    )
}

fn no_length() -> Unknown {
    Unknown::because("a length is only in the pointer to it")
}

fn kind_of_shape(fit: &Fit) -> ValueKind {
    use super::recipe::Shape;
    match fit.recipe.shape {
        Shape::Text => ValueKind::String,
        Shape::Sequence | Shape::Ring | Shape::List | Shape::Span | Shape::Window => {
            ValueKind::Sequence
        }
        Shape::Table | Shape::Tree if fit.recipe.word("as") == "set" => ValueKind::Sequence,
        Shape::Table | Shape::Tree => ValueKind::Map,
        Shape::Counted => ValueKind::SmartPointer,
        Shape::Cell | Shape::Once => ValueKind::Cell,
        _ => ValueKind::Struct,
    }
}

/// A structure or tuple form, depending on the names of the fields.
fn fields_form(name: String, fields: &[Field], parts: Vec<Part>) -> Form {
    if parts.is_empty() && !name.is_empty() {
        return Form::Leaf {
            text: Ok(name),
            parts,
        };
    }
    if name.is_empty() || is_tuple_like(fields) {
        Form::Tuple { name, parts }
    } else {
        Form::Struct {
            name,
            parts,
            more: "",
        }
    }
}

fn is_tuple_like(fields: &[Field]) -> bool {
    fields.iter().all(|field| {
        field.name.strip_prefix("__").is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    })
}

/// The name of a field as its source has it: `0` for `__0`, `x` for a capture `_ref__x`.
pub(crate) fn shown_name(name: &str) -> &str {
    if let Some(digits) = name.strip_prefix("__")
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return digits;
    }
    name.strip_prefix("_ref__").unwrap_or(name)
}

/// The function that made a closure: `demo::main::{closure_env#0}` in words.
fn closure_name(ty: &Type) -> String {
    ty.name.replace("{closure_env#", "{closure#")
}
