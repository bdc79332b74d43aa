//! Elements one after the other, in a ring, or between two pointers; and texts made of them.

use stackheap_model::{RuntimeAddress, TypeId, TypeKind, Unknown, ValueKind};

use super::Shaped;
use crate::values::Decoder;
use crate::values::describe::{CURLY, Described, Form, Part, SQUARE};
use crate::values::fit::Fit;
use crate::values::recipe::Shape;
use crate::values::text;
use crate::values::view::{Meta, Subject, View};

/// A sequence as its header has it.
#[derive(Clone, Debug)]
pub(crate) struct RawSequence {
    /// The first element (of a ring: of the ring).
    pub(crate) data: RuntimeAddress,
    /// The pointer to it.
    pub(crate) pointer: View,
    pub(crate) element: TypeId,
    /// Bytes of an element.
    pub(crate) element_size: u64,
    pub(crate) length: u64,
    /// Elements that fit; `None` where the recipe has no capacity.
    pub(crate) capacity: Option<u64>,
    /// The index of the first element, other than 0 only in a ring.
    pub(crate) head: u64,
}

/// What lies between two pointers.
#[derive(Clone, Debug)]
pub(crate) struct RawSpan {
    /// The first element that is left.
    pub(crate) start: RuntimeAddress,
    /// The pointer to it.
    pub(crate) pointer: View,
    pub(crate) element: TypeId,
    pub(crate) element_size: u64,
    /// How many are left.
    pub(crate) length: u64,
    /// The start of the heap block, with the pointer to it, where the recipe has one.
    pub(crate) buffer: Option<(RuntimeAddress, View)>,
    pub(crate) capacity: Option<u64>,
}

/// An array of which a part is there.
#[derive(Clone, Debug)]
pub(crate) struct RawWindow {
    pub(crate) array: View,
    pub(crate) element: TypeId,
    /// What the array's own elements are: `MaybeUninit` of `element`.
    pub(crate) slot: TypeId,
    /// Bytes of an element.
    pub(crate) element_size: u64,
    /// Elements of the array.
    pub(crate) count: u64,
    /// The first element that is there.
    pub(crate) start: u64,
    /// The one behind the last.
    pub(crate) end: u64,
}

/// Bytes in a row.
pub(crate) struct RawBytes {
    pub(crate) view: View,
    pub(crate) length: u64,
    pub(crate) capacity: Option<u64>,
}

impl Decoder<'_> {
    /// The header of a sequence or ring.
    pub(crate) fn sequence(&self, view: &View, fit: &Fit) -> Result<Option<RawSequence>, Unknown> {
        let Some((data, pointer)) = self.pointer_of(view, fit, "pointer")? else {
            return Ok(None);
        };
        let Some(length) = self.number_of(view, fit, "length")? else {
            return Ok(None);
        };
        let Some((_, element)) = fit.part("element") else {
            return Ok(None);
        };
        let Some(element_size) = self.size(element) else {
            return Ok(None);
        };
        let capacity = self.number_of(view, fit, "capacity")?;
        let head = self.number_of(view, fit, "head")?.unwrap_or(0);
        Ok(Some(RawSequence {
            data,
            pointer,
            element,
            element_size,
            length,
            capacity,
            head,
        }))
    }

    pub(crate) fn describe_sequence(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(raw) = self.sequence(view, fit)? else {
            return Ok(None);
        };
        raw.check()?;
        let first = self.elements_at(&raw, raw.data);
        let form = self.list(&first, raw.element, raw.length);
        Ok(Some(with_sizes(
            Described::new(ValueKind::Sequence, form),
            &raw,
        )))
    }

    pub(crate) fn describe_ring(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(raw) = self.sequence(view, fit)? else {
            return Ok(None);
        };
        raw.check()?;
        let capacity = raw.capacity.unwrap_or(0);
        let first = self.elements_at(&raw, raw.data);
        let parts = (0..raw.length.min(self.limits.elements))
            .filter_map(|index| {
                let at = ring_index(raw.head, index, capacity);
                Some(Part::index(index, self.element(&first, raw.element, at)?))
            })
            .collect();
        let form = Form::List {
            brackets: SQUARE,
            parts,
            total: raw.length,
        };
        Ok(Some(with_sizes(
            Described::new(ValueKind::Sequence, form),
            &raw,
        )))
    }

    fn elements_at(&self, raw: &RawSequence, at: RuntimeAddress) -> View {
        let count = raw.capacity.filter(|_| raw.head > 0).unwrap_or(raw.length);
        let meta = Meta::Length(count.min(self.limits.elements));
        self.view_behind(Subject::Slice(raw.element), at, Some(meta))
    }

    /// What is left between two pointers. For elements without size, the end is a number of
    /// elements, either itself or as the distance.
    pub(crate) fn span(&self, view: &View, fit: &Fit) -> Result<Option<RawSpan>, Unknown> {
        let Some((start, pointer)) = self.pointer_of(view, fit, "pointer")? else {
            return Ok(None);
        };
        let Some((end, _)) = self.pointer_of(view, fit, "end")? else {
            return Ok(None);
        };
        let Some((_, element)) = fit.part("element") else {
            return Ok(None);
        };
        let Some(element_size) = self.size(element) else {
            return Ok(None);
        };
        let buffer = self.pointer_of(view, fit, "buffer")?;
        let length = match (element_size, &buffer) {
            (0, None) => end.0,
            (0, Some(_)) => end.0.wrapping_sub(start.0),
            (size, _) => {
                let distance = end.checked_distance(start);
                distance
                    .filter(|bytes| bytes % size == 0)
                    .map(|bytes| bytes / size)
                    .ok_or_else(|| {
                        Unknown::because(format!("the end {end} does not fit the start {start}"))
                    })?
            }
        };
        let capacity = self.number_of(view, fit, "capacity")?;
        Ok(Some(RawSpan {
            start,
            pointer,
            element,
            element_size,
            length,
            buffer,
            capacity,
        }))
    }

    pub(crate) fn describe_span(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(raw) = self.span(view, fit)? else {
            return Ok(None);
        };
        let meta = Some(Meta::Length(raw.length));
        let rest = self.view_behind(Subject::Slice(raw.element), raw.start, meta);
        let name = fit.recipe.word("name").to_owned();
        let mut rest = Part::behind(rest);
        rest.followed = true;
        let described = Described::new(
            ValueKind::Sequence,
            Form::Tuple {
                name,
                parts: vec![rest],
            },
        );
        Ok(Some(
            described
                .fact("left", raw.length)
                .fact_if("capacity", raw.capacity),
        ))
    }

    /// The array of a window, and which of its elements are there.
    pub(crate) fn window(&self, view: &View, fit: &Fit) -> Result<Option<RawWindow>, Unknown> {
        let Some(array) = self.part_of(view, fit, "data")? else {
            return Ok(None);
        };
        let ty = self.type_of(&array).map(|ty| ty.kind.clone());
        let Some(TypeKind::Array {
            element: slot,
            count: Some(count),
        }) = ty
        else {
            return Ok(None);
        };
        let Some((_, element)) = fit.part("element") else {
            return Ok(None);
        };
        let (Some(element_size), Some(end)) =
            (self.size(element), self.number_of(view, fit, "end")?)
        else {
            return Ok(None);
        };
        let start = self.number_of(view, fit, "start")?.unwrap_or(0);
        if start > end || end > count {
            return Err(Unknown::because(format!(
                "elements {start} to {end} are not in an array of {count}"
            )));
        }
        Ok(Some(RawWindow {
            array,
            element,
            slot,
            element_size,
            count,
            start,
            end,
        }))
    }

    pub(crate) fn describe_window(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(raw) = self.window(view, fit)? else {
            return Ok(None);
        };
        let left = raw.end - raw.start;
        let offset = raw.start.saturating_mul(raw.element_size);
        let rest = Subject::Slice(raw.element);
        let rest = raw.array.part(rest, offset, Some(Meta::Length(left)));
        let described = Described::new(
            ValueKind::Sequence,
            Form::Tuple {
                name: fit.recipe.word("name").to_owned(),
                parts: vec![Part::named("0", rest)],
            },
        );
        Ok(Some(described.fact("left", left)))
    }

    pub(crate) fn describe_text(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(bytes) = self.bytes_of(view)? else {
            return Ok(None);
        };
        let encoding = fit.recipe.word("encoding");
        // A C string's zero byte is not part of the text.
        let length = match encoding {
            "c" => bytes.length.saturating_sub(1),
            _ => bytes.length,
        };
        if let Some(capacity) = bytes.capacity.filter(|capacity| *capacity < bytes.length) {
            return Err(too_long(bytes.length, capacity));
        }
        let text = self
            .text_bytes(&bytes.view, length)
            .and_then(|read| match encoding {
                "os" => Ok(text::quoted_os(&read)),
                "c" => Ok(text::quoted_c(&read)),
                _ => text::quoted_utf8(&read),
            });
        let mut described = Described::leaf(ValueKind::String, text).fact("len", bytes.length);
        if let Some(capacity) = bytes.capacity {
            described = described.fact("capacity", capacity);
            if capacity == 0 {
                described = described.fact("heap", NO_BLOCK);
            }
        }
        Ok(Some(described))
    }

    /// The bytes of a text, wherever they are: behind a header, a pointer, or here.
    pub(crate) fn bytes_of(&self, view: &View) -> Result<Option<RawBytes>, Unknown> {
        let mut at = view.clone();
        for _ in 0..crate::values::path::WRAPPERS {
            let here = |length| RawBytes {
                view: at.clone(),
                length,
                capacity: None,
            };
            let element = match (at.subject, at.meta) {
                (Subject::Str, Some(Meta::Length(length))) => return Ok(Some(here(length))),
                (Subject::Slice(element), Some(Meta::Length(length))) => {
                    return Ok((self.size(element) == Some(1)).then(|| here(length)));
                }
                (Subject::Type(ty), _) => self.types.ty(ty),
                _ => return Ok(None),
            };
            if let Some(fit) = self.fit(at.subject) {
                match fit.recipe.shape {
                    Shape::Sequence => return self.bytes_of_sequence(&at, &fit),
                    Shape::Text => match self.part_of(&at, &fit, "bytes")? {
                        Some(part) => {
                            at = part;
                            continue;
                        }
                        None => return Ok(None),
                    },
                    _ => {}
                }
            }
            let next = match &element.kind {
                TypeKind::Pointer { .. } | TypeKind::WidePointer { .. } => self.deref(&at)?,
                TypeKind::Array {
                    count: Some(count), ..
                } => return Ok(Some(here(*count))),
                TypeKind::Struct { fields, .. } => {
                    let last = fields.len().checked_sub(1);
                    last.and_then(|last| self.field(&at, last))
                }
                _ => None,
            };
            match next {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    fn bytes_of_sequence(&self, view: &View, fit: &Fit) -> Result<Option<RawBytes>, Unknown> {
        let Some(raw) = self.sequence(view, fit)? else {
            return Ok(None);
        };
        let meta = Some(Meta::Length(raw.length));
        let view = self.view_behind(Subject::Slice(raw.element), raw.data, meta);
        Ok(Some(RawBytes {
            view,
            length: raw.length,
            capacity: raw.capacity,
        }))
    }

    /// The brackets of a set or list.
    pub(crate) fn brackets(&self, fit: &Fit) -> (&'static str, &'static str) {
        if fit.recipe.word("as") == "set" {
            CURLY
        } else {
            SQUARE
        }
    }
}

impl RawWindow {
    /// Whether an element is there.
    pub(crate) fn has(&self, index: u64) -> bool {
        (self.start..self.end).contains(&index)
    }

    /// An element in its place: as what it is when it is there, otherwise as the array has it.
    pub(crate) fn at(&self, index: u64) -> View {
        let ty = if self.has(index) {
            self.element
        } else {
            self.slot
        };
        let offset = index.saturating_mul(self.element_size);
        self.array.part(Subject::Type(ty), offset, None)
    }
}

/// What is said of a collection that has not allocated.
pub(crate) const NO_BLOCK: &str = "no heap block yet";

impl RawSequence {
    /// Whether the numbers can be those of a sequence.
    fn check(&self) -> Result<(), Unknown> {
        match self.capacity {
            Some(capacity) if self.element_size > 0 && capacity < self.length => {
                Err(too_long(self.length, capacity))
            }
            _ => Ok(()),
        }
    }

    /// Bytes of the heap block; `None` when there is none.
    pub(crate) fn block_size(&self) -> Option<u64> {
        let size = self.capacity?.checked_mul(self.element_size)?;
        (size > 0).then_some(size)
    }
}

fn with_sizes(described: Described, raw: &RawSequence) -> Described {
    let described = described.fact("len", raw.length);
    let Some(capacity) = raw.capacity else {
        return described;
    };
    if raw.element_size == 0 {
        return described.fact("heap", "no heap block: the elements have no size");
    }
    let described = described.fact("capacity", capacity);
    if capacity == 0 {
        described.fact("heap", NO_BLOCK)
    } else {
        described
    }
}

/// The place of an element in a ring.
pub(crate) fn ring_index(head: u64, index: u64, capacity: u64) -> u64 {
    let at = head.saturating_add(index);
    if capacity > 0 && at >= capacity {
        at - capacity
    } else {
        at
    }
}

fn too_long(length: u64, capacity: u64) -> Unknown {
    Unknown::because(format!(
        "the length {length} is over the capacity {capacity}"
    ))
}
