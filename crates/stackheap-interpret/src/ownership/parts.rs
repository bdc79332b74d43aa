//! Which bytes of a variable are parts that were moved out of it.

use std::sync::Arc;

use stackheap_image::Image;
use stackheap_model::{
    Cell, LocalPart, LocalState, PointerKind, RuntimeAddress, TypeId, TypeKind, Unknown, Value,
    ValueField, ValueKind,
};

use super::function::{OwnedElement, PartState};
use crate::values::{Contents, Pointer};

/// What stands in the place of a value that is gone.
const MOVED: &str = "moved out";
const DROPPED: &str = "dropped";

/// A part that has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostPart {
    offset: u64,
    size: u64,
    /// The path of fields to it.
    path: String,
    dropped: bool,
    /// Whether it is what a `Box` owns, whose memory it still has: all of it, or a part.
    in_box: Option<Extent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    All,
    Part,
}

impl LostPart {
    fn word(&self) -> &'static str {
        if self.dropped { DROPPED } else { MOVED }
    }

    fn contains(&self, offset: u64) -> bool {
        self.offset <= offset && offset - self.offset < self.size
    }
}

/// The parts of a variable of this type, as far as its layout has them.
pub(crate) fn lost_parts(image: &Image<'_>, ty: TypeId, parts: &[PartState]) -> Vec<LostPart> {
    let found = parts.iter().filter_map(|part| lost_part(image, ty, part));
    found.collect()
}

fn lost_part(image: &Image<'_>, whole: TypeId, part: &PartState) -> Option<LostPart> {
    let mut ty = whole;
    let mut offset: u64 = 0;
    let mut path = String::new();
    let mut variant: Option<TypeId> = None;
    for (index, element) in part.elements.iter().enumerate() {
        let described = image.ty(ty);
        match element {
            OwnedElement::Variant(name) => {
                let TypeKind::Enum { variants, .. } = &described.kind else {
                    return None;
                };
                let found = variants.iter().find(|variant| *variant.name == **name)?;
                offset = offset.checked_add(found.offset)?;
                variant = Some(found.payload);
            }
            OwnedElement::Field(number) => {
                let payload = variant.take().map(|payload| image.ty(payload));
                let TypeKind::Struct { fields, .. } = &payload.as_ref().unwrap_or(&described).kind
                else {
                    return None;
                };
                let field = fields.get(*number as usize)?;
                offset = offset.checked_add(field.offset)?;
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(field.name.trim_start_matches("__"));
                ty = field.ty;
            }
            OwnedElement::Element {
                offset: at,
                from_end,
            } => {
                let TypeKind::Array { element, count } = described.kind else {
                    return None;
                };
                let size = image.ty(element).size?;
                let number = match from_end {
                    true => count?.checked_sub(u64::from(*at))?,
                    false => u64::from(*at),
                };
                offset = offset.checked_add(number.checked_mul(size)?)?;
                path.push_str(&format!("[{number}]"));
                ty = element;
            }
            OwnedElement::Deref => {
                let is_box = matches!(
                    described.kind,
                    TypeKind::Pointer {
                        kind: PointerKind::Box,
                        ..
                    } | TypeKind::WidePointer {
                        kind: PointerKind::Box,
                        ..
                    }
                ) || described.name.contains("boxed::Box<");
                let extent = if index + 1 == part.elements.len() {
                    Extent::All
                } else {
                    Extent::Part
                };
                return is_box.then(|| LostPart {
                    offset,
                    size: described.size.unwrap_or(0),
                    path: format!("*{path}"),
                    dropped: part.dropped,
                    in_box: Some(extent),
                });
            }
        }
    }
    Some(LostPart {
        offset,
        size: image.ty(ty).size?,
        path,
        dropped: part.dropped,
        in_box: None,
    })
}

/// The path of fields to a part of a variable of this type, and its size in bytes.
pub(crate) fn named_part(
    image: &Image<'_>,
    ty: TypeId,
    elements: Vec<OwnedElement>,
) -> Option<(String, u64)> {
    let part = PartState {
        elements,
        dropped: false,
    };
    let part = lost_part(image, ty, &part)?;
    let size = match part.in_box {
        None => part.size,
        Some(_) => return Some((part.path, 0)),
    };
    Some((part.path, size))
}

/// The pointers that are left in a variable at an address.
pub(crate) fn pointers_left(
    pointers: &[Pointer],
    at: RuntimeAddress,
    lost: &[LostPart],
) -> Arc<[Pointer]> {
    let offset_of = |pointer: &Pointer| pointer.at?.0.checked_sub(at.0);
    let left = pointers.iter().filter_map(|pointer| {
        let part =
            offset_of(pointer).and_then(|offset| lost.iter().find(|part| part.contains(offset)));
        match part.map(|part| part.in_box) {
            None => Some(pointer.clone()),
            Some(None) => None,
            Some(Some(extent)) => {
                let mut husk = pointer.clone();
                let allocation = husk.allocation.as_mut()?;
                allocation.contents = Contents::Unknown(match extent {
                    Extent::All => "the value was moved out of the box".into(),
                    Extent::Part => "a part of the value was moved out of the box".into(),
                });
                Some(husk)
            }
        }
    });
    left.collect()
}

/// The value without what is gone.
pub(crate) fn value_left(value: &Value, lost: &[LostPart]) -> Value {
    let mut left = value.clone();
    for part in lost {
        match part.in_box {
            Some(_) if part.path == "*" => {
                left.text = Err(Unknown::because("its value was moved out of the box"));
                left.fields.clear();
            }
            _ => {
                let path = part.path.trim_start_matches('*');
                take_out(&mut left.fields, path, part);
            }
        }
    }
    if left.text.is_ok() {
        left.text = text_of(&left)
            .map(Arc::from)
            .ok_or_else(|| Unknown::because("a part of it was moved out"));
    }
    left
}

/// Marks the field of this path, and tells for those around it what is left.
fn take_out(fields: &mut [ValueField], path: &str, part: &LostPart) {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(field) = fields.iter_mut().find(|field| *field.name == *first) else {
        return;
    };
    if rest.is_empty() {
        field.value = Value::unknown(field.value.kind, part.word());
        return;
    }
    take_out(&mut field.value.fields, rest, part);
    field.value.text = text_of(&field.value)
        .map(Arc::from)
        .ok_or_else(|| Unknown::because("a part of it was moved out"));
}

/// What a derived `Debug` would print of a structure's fields, where those that are gone are named
/// so.
fn text_of(value: &Value) -> Option<String> {
    let text = value.text.as_ref().ok()?;
    let structured = matches!(
        value.kind,
        ValueKind::Struct | ValueKind::Tuple | ValueKind::Enum | ValueKind::Closure
    );
    if !structured || value.fields.is_empty() || value.fields_left_out > 0 {
        return None;
    }
    let name = text.split(['{', '(']).next().unwrap_or_default().trim_end();
    let shown = |field: &ValueField| match &field.value.text {
        Ok(text) => text.to_string(),
        Err(why) => format!("({})", why.reason),
    };
    let is_named = text.get(name.len()..)?.trim_start().starts_with('{');
    let fields: Vec<String> = value
        .fields
        .iter()
        .map(|field| match is_named {
            true => format!("{}: {}", field.name, shown(field)),
            false => shown(field),
        })
        .collect();
    let fields = fields.join(", ");
    Some(match (is_named, name.is_empty()) {
        (true, true) => format!("{{ {fields} }}"),
        (true, false) => format!("{name} {{ {fields} }}"),
        (false, _) => format!("{name}({fields})"),
    })
}

/// The cells, where those of what is gone say so.
pub(crate) fn cells_left(cells: &[Cell], lost: &[LostPart]) -> Arc<[Cell]> {
    let left = cells.iter().map(|cell| {
        let part = lost
            .iter()
            .find(|part| part.in_box.is_none() && part.contains(cell.offset));
        match part {
            Some(part) => Cell {
                text: Err(Unknown::because(part.word())),
                ..cell.clone()
            },
            None => cell.clone(),
        }
    });
    left.collect()
}

/// The states of the parts: of those that are gone, and of the fields beside them.
pub(crate) fn part_states(value: &Value, lost: &[LostPart]) -> Vec<LocalPart> {
    let gone = lost.iter().map(|part| LocalPart {
        path: part.path.as_str().into(),
        state: if part.dropped {
            LocalState::Dropped
        } else {
            LocalState::Moved
        },
    });
    let is_touched = |field: &&ValueField| {
        lost.iter().any(|part| {
            let path = part.path.trim_start_matches('*');
            path.split('.').next() == Some(&*field.name)
        })
    };
    let there = value
        .fields
        .iter()
        .filter(|field| !is_touched(field))
        .map(|field| LocalPart {
            path: Arc::clone(&field.name),
            state: LocalState::Live,
        });
    gone.chain(there).collect()
}
