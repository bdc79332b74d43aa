//! Cells, locks and values that are filled once.

use stackheap_model::{Unknown, ValueKind};

use super::Shaped;
use crate::values::Decoder;
use crate::values::describe::{Described, Form, Label, Part};
use crate::values::fit::Fit;
use crate::values::path::Path;
use crate::values::scalar;
use crate::values::view::View;

/// Whether `{:?}` shows the value in a cell, or a text in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Open,
    Hidden,
}

/// Whether the value in a cell can be read by the program at this moment.
struct LockState {
    /// Whether something else stands for the value: it cannot be read.
    access: Access,
    /// Name and text of the fact.
    fact: (&'static str, String),
}

impl Decoder<'_> {
    pub(crate) fn describe_cell(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(value) = self.part_of(view, fit, "value")? else {
            return Ok(None);
        };
        let label = fit.recipe.word("label");
        let state = self.lock_state(view, fit)?;
        let is_hidden = state
            .as_ref()
            .is_some_and(|state| state.access == Access::Hidden);
        let mut parts = match is_hidden {
            true => vec![Part::text(label, fit.recipe.word("hidden"))],
            false => vec![Part::named(label, value.clone())],
        };
        let poisoned = self.number_of(view, fit, "poison")?.map(|flag| flag != 0);
        let mut more = "";
        if let Some(poisoned) = poisoned {
            parts.push(Part::text("poisoned", poisoned.to_string()));
            more = "..";
        }
        let name = fit.recipe.word("name").to_owned();
        let mut described = Described::new(ValueKind::Cell, Form::Struct { name, parts, more });
        described.inside = is_hidden.then_some(value);
        if let Some(LockState {
            fact: (name, text), ..
        }) = state
        {
            described = described.fact(name, text);
        }
        Ok(Some(described.fact_if("poisoned", poisoned)))
    }

    fn lock_state(&self, view: &View, fit: &Fit) -> Result<Option<LockState>, Unknown> {
        let Some(state) = self.part_of(view, fit, "state")? else {
            return Ok(None);
        };
        let Some((bits, leaf)) = self.number_in(&state)? else {
            return Ok(None);
        };
        let size = self.size_of(&leaf).unwrap_or(8);
        Ok(match fit.recipe.word("lock") {
            "borrow-count" => Some(borrow_state(scalar::signed(size, bits))),
            "futex-mutex" => {
                let (access, text) = match bits {
                    0 => (Access::Open, "no"),
                    1 => (Access::Hidden, "yes"),
                    _ => (Access::Hidden, "yes, and others wait"),
                };
                Some(LockState {
                    access,
                    fact: ("locked", text.into()),
                })
            }
            "futex-rwlock" => Some(reader_state(bits)),
            _ => None,
        })
    }

    pub(crate) fn describe_once(&self, view: &View, fit: &Fit) -> Shaped {
        let filled = match self.number_of(view, fit, "state")? {
            Some(state) => {
                let word = fit.recipe.word("filled");
                // The lowest two bits are the state, the third says that others wait.
                word.parse::<u64>().is_ok_and(|filled| state & 3 == filled)
            }
            None => true,
        };
        let value = match (filled, fit.path("value")) {
            (true, Some(path)) => self.at_path(view, path)?,
            _ => None,
        };
        let (part, state) = match value {
            Some(value) => (Part::named("value", value), "yes"),
            None => (Part::text("value", "<uninit>"), "no"),
        };
        let part = Part {
            label: Label::Name("value".into()),
            ..part
        };
        let name = fit.recipe.word("name").to_owned();
        let form = Form::Tuple {
            name,
            parts: vec![part],
        };
        Ok(Some(
            Described::new(ValueKind::Cell, form).fact("initialised", state),
        ))
    }

    pub(crate) fn describe_transparent(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(value) = self.part_of(view, fit, "value")? else {
            return Ok(None);
        };
        if fit.recipe.word("as") == "bool" {
            let Some((bits, _)) = self.number_in(&value)? else {
                return Ok(None);
            };
            let text = scalar::scalar(stackheap_model::Encoding::Boolean, 1, bits);
            return Ok(Some(Described::leaf(ValueKind::Boolean, text)));
        }
        let followed = fit.path("value").is_some_and(Path::follows);
        let inner = self.concrete(&value)?.0;
        let part = Part {
            followed,
            ..Part::behind(inner)
        };
        Ok(Some(Described::new(
            ValueKind::SmartPointer,
            Form::Same(part),
        )))
    }

    /// The only field of the active variant.
    pub(crate) fn describe_payload(&self, view: &View) -> Shaped {
        let Some((variant, payload)) = self.active_payload(view)? else {
            return Ok(None);
        };
        let Some(field) = self.field(&payload, 0) else {
            return Ok(None);
        };
        let part = Part {
            followed: false,
            ..Part::behind(field)
        };
        let described = Described::new(ValueKind::Enum, Form::Same(part));
        Ok(Some(described.fact("variant", variant.name)))
    }
}

/// `RefCell`'s count: positive for readers, negative for writers.
fn borrow_state(count: i128) -> LockState {
    let (access, text) = match count {
        0 => (Access::Open, "no".to_owned()),
        1 => (Access::Open, "once".to_owned()),
        shared if shared > 0 => (Access::Open, format!("{shared} times")),
        _ => (Access::Hidden, "mutably".to_owned()),
    };
    LockState {
        access,
        fact: ("borrowed", text),
    }
}

/// The futex word of `RwLock`: readers in the low 30 bits, all of them set for a writer.
fn reader_state(bits: u128) -> LockState {
    const WRITER: u128 = (1 << 30) - 1;
    let (access, text) = match bits & WRITER {
        0 => (Access::Open, "no".to_owned()),
        WRITER => (Access::Hidden, "for writing".to_owned()),
        1 => (Access::Open, "for reading".to_owned()),
        readers => (Access::Open, format!("for reading, {readers} times")),
    };
    LockState {
        access,
        fact: ("locked", text),
    }
}
