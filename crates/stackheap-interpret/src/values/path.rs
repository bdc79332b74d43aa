//! Paths of fields, the language in which recipes say where the parts of a type are.
//!
//! Steps are separated by dots: a name is a field of a structure or union, or a variant of an enum
//! (its payload); a number is a field of a tuple; `*` follows the pointer. A last part `<T>` takes
//! the generic argument `T` of the type arrived at: `base.table<T>`.

use std::sync::Arc;

use stackheap_model::{Type, TypeId, TypeKind, Unknown};

use super::view::View;
use super::{Decoder, TypeSource};

/// How many wrappers of a single field are looked through to find a number or pointer.
pub(crate) const WRAPPERS: usize = 12;

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    steps: Vec<Step>,
    argument: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Follow,
}

impl Path {
    /// Parses a path; every text is one.
    pub(crate) fn parse(text: &str) -> Self {
        let (steps, argument) = match text.split_once('<') {
            Some((steps, rest)) => (steps, Some(rest.trim_end_matches('>').to_owned())),
            None => (text, None),
        };
        let steps = steps
            .split('.')
            .filter(|step| !step.is_empty())
            .map(|step| match step {
                "*" => Step::Follow,
                digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Step::Name(format!("__{digits}"))
                }
                name => Step::Name(name.to_owned()),
            })
            .collect();
        Self { steps, argument }
    }

    /// The name of the first field, for the path of an owner.
    pub(crate) fn first(&self) -> &str {
        match self.steps.first() {
            Some(Step::Name(name)) => name,
            _ => "",
        }
    }

    /// Whether the path leads through a pointer.
    pub(crate) fn follows(&self) -> bool {
        self.steps.contains(&Step::Follow)
    }

    /// The type the path leads to from a value of type `ty`, if its fields exist.
    pub(crate) fn type_from(&self, types: &dyn TypeSource, ty: TypeId) -> Option<TypeId> {
        let mut at = ty;
        for step in &self.steps {
            at = match step {
                Step::Name(name) => part_type(&types.ty(at), name)?,
                Step::Follow => target_type(types, at)?,
            };
        }
        match &self.argument {
            None => Some(at),
            Some(argument) => argument_of(&types.ty(at), argument),
        }
    }
}

impl Decoder<'_> {
    /// The part of `view` at `path`; `None` where a variant on the way is not the active one, a
    /// pointer is null, or a field does not exist.
    pub(crate) fn at_path(&self, view: &View, path: &Path) -> Result<Option<View>, Unknown> {
        let mut at = view.clone();
        for step in &path.steps {
            let next = match step {
                Step::Name(name) => self.part_named(&at, name)?,
                Step::Follow => self.follow(&at)?,
            };
            match next {
                Some(part) => at = part,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn part_named(&self, view: &View, name: &str) -> Result<Option<View>, Unknown> {
        let Some(ty) = self.type_of(view) else {
            return Ok(None);
        };
        match &ty.kind {
            TypeKind::Enum { .. } => {
                let Some((variant, payload)) = self.active_payload(view)? else {
                    return Ok(None);
                };
                Ok((&*variant.name == name).then_some(payload))
            }
            TypeKind::Struct { fields, .. } | TypeKind::Union { fields, .. } => {
                let index = fields.iter().position(|field| &*field.name == name);
                Ok(index.and_then(|index| self.field(view, index)))
            }
            _ => Ok(None),
        }
    }

    /// Looks through wrappers of a single field to a pointer, and follows it.
    fn follow(&self, view: &View) -> Result<Option<View>, Unknown> {
        match self.pointer_in(view)? {
            Some(pointer) => self.deref(&pointer),
            None => Ok(None),
        }
    }
}

/// The type of the field or variant `name`.
fn part_type(ty: &Type, name: &str) -> Option<TypeId> {
    match &ty.kind {
        TypeKind::Struct { fields, .. } | TypeKind::Union { fields, .. } => fields
            .iter()
            .find(|field| &*field.name == name)
            .map(|field| field.ty),
        TypeKind::Enum { variants, .. } => variants
            .iter()
            .find(|variant| &*variant.name == name)
            .map(|variant| variant.payload),
        _ => None,
    }
}

/// What the pointer inside the wrappers of `ty` points at.
fn target_type(types: &dyn TypeSource, ty: TypeId) -> Option<TypeId> {
    let mut at = ty;
    for _ in 0..WRAPPERS {
        let found: Arc<Type> = types.ty(at);
        at = match &found.kind {
            TypeKind::Pointer { target, .. } | TypeKind::WidePointer { target, .. } => {
                return Some(*target);
            }
            TypeKind::Struct { fields, .. } => only_sized_field(types, fields)?.1,
            TypeKind::Enum { variants, .. } => {
                let mut payloads = variants.iter().filter(|variant| {
                    matches!(&types.ty(variant.payload).kind,
                        TypeKind::Struct { fields, .. } if !fields.is_empty())
                });
                payloads.next()?.payload
            }
            _ => return None,
        };
    }
    None
}

/// The only field that has a size: its index and type.
pub(crate) fn only_sized_field(
    types: &dyn TypeSource,
    fields: &[stackheap_model::Field],
) -> Option<(usize, TypeId)> {
    let mut sized = fields
        .iter()
        .enumerate()
        .filter(|(_, field)| types.ty(field.ty).size != Some(0));
    let (index, field) = sized.next()?;
    sized.next().is_none().then_some((index, field.ty))
}

/// The generic argument of a type by the name of the parameter.
pub(crate) fn argument_of(ty: &Type, parameter: &str) -> Option<TypeId> {
    match &ty.kind {
        TypeKind::Struct { arguments, .. }
        | TypeKind::Union { arguments, .. }
        | TypeKind::Enum { arguments, .. } => arguments
            .iter()
            .find(|argument| &*argument.name == parameter)
            .map(|argument| argument.ty),
        _ => None,
    }
}
