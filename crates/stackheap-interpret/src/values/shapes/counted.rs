//! Pointers to a block with reference counts: `Rc`, `Arc` and their `Weak`.

use stackheap_model::{RuntimeAddress, Unknown, ValueKind};

use super::Shaped;
use crate::values::Decoder;
use crate::values::describe::{Content, Described, Form, Label, Part};
use crate::values::fit::Fit;
use crate::values::view::{Subject, View};

/// A block with counts, as a pointer to it leads there.
#[derive(Clone, Debug)]
pub(crate) struct CountedBlock {
    pub(crate) at: RuntimeAddress,
    /// The pointer.
    pub(crate) pointer: View,
    /// The block: counts and value.
    pub(crate) block: View,
}

/// The counts as the program asks for them (`strong_count`, `weak_count`).
struct ShownCounts {
    strong: u64,
    weak: u64,
}

impl Decoder<'_> {
    /// The block a counted pointer points at; `None` for a `Weak` that never had one.
    pub(crate) fn counted(&self, view: &View, fit: &Fit) -> Result<Option<CountedBlock>, Unknown> {
        let Some((at, pointer)) = self.pointer_of(view, fit, "pointer")? else {
            return Ok(None);
        };
        // A `Weak` without a block holds the highest address.
        if at.0 == u64::MAX || at.0 == 0 {
            return Ok(None);
        }
        let Some(block) = self.deref(&pointer)? else {
            return Ok(None);
        };
        Ok(Some(CountedBlock { at, pointer, block }))
    }

    fn shown_counts(&self, block: &View, fit: &Fit) -> Result<Option<ShownCounts>, Unknown> {
        let Subject::Type(ty) = block.subject else {
            return Ok(None);
        };
        let strong = self.number_within(block, ty, fit, "strong")?;
        let weak = self.number_within(block, ty, fit, "weak")?;
        let (Some(strong), Some(weak)) = (strong, weak) else {
            return Ok(None);
        };
        // All strong pointers together hold one weak count.
        let weak = if strong > 0 {
            weak.saturating_sub(1)
        } else {
            weak
        };
        Ok(Some(ShownCounts { strong, weak }))
    }

    pub(crate) fn describe_counted(&self, view: &View, fit: &Fit) -> Shaped {
        let is_weak = fit.recipe.word("edge") == "weak";
        let Some(found) = self.counted(view, fit)? else {
            let weak = Described::leaf(ValueKind::SmartPointer, Ok("(Weak)".into()));
            return Ok(is_weak.then(|| weak.fact("heap", "no heap block: made by `Weak::new`")));
        };
        let counts = self.shown_counts(&found.block, fit)?;
        let Some(counts) = counts else {
            return Ok(None);
        };
        let Subject::Type(ty) = found.block.subject else {
            return Ok(None);
        };
        let Some(value) = self.view_within(&found.block, ty, fit, "value")? else {
            return Ok(None);
        };
        let described = if is_weak {
            let parts = match counts.strong {
                0 => Vec::new(),
                _ => self
                    .concrete(&value)
                    .map(|(value, _)| Part::behind(value))
                    .into_iter()
                    .collect(),
            };
            let text = Ok("(Weak)".into());
            let described = Described::new(ValueKind::SmartPointer, Form::Leaf { text, parts });
            match counts.strong {
                0 => described.fact("value", "dropped: no strong pointer is left"),
                _ => described,
            }
        } else {
            self.describe_target(ValueKind::SmartPointer, value)?
        };
        Ok(Some(
            described
                .fact("strong", counts.strong)
                .fact("weak", counts.weak),
        ))
    }

    /// The block itself: its counts as they are stored, and its value.
    pub(crate) fn describe_counts(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(value) = self.part_of(view, fit, "value")? else {
            return Ok(None);
        };
        let Some(counts) = self.shown_counts(view, fit)? else {
            return Ok(None);
        };
        let part = |name: &str| -> Result<Option<Part>, Unknown> {
            let found = self.part_of(view, fit, name)?;
            let Some(found) = found else { return Ok(None) };
            Ok(self.leaf(&found)?.map(|number| Part::named(name, number)))
        };
        let (Some(strong), Some(weak)) = (part("strong")?, part("weak")?) else {
            return Ok(None);
        };
        let label = fit.path("value").map_or("value", |path| path.first());
        let value = match counts.strong {
            0 => Part::text(label, "<dropped>"),
            _ => match self.concrete(&value) {
                Ok((value, _)) => {
                    let content = Content::View(value);
                    Part {
                        label: Label::Name(label.into()),
                        content,
                        followed: false,
                    }
                }
                Err(unknown) => Part::unknown(label, unknown),
            },
        };
        let name = crate::values::names::short_name(&self.type_name(view)).to_owned();
        let form = Form::Struct {
            name,
            parts: vec![strong, weak, value],
            more: "",
        };
        let described = Described::new(ValueKind::Struct, form);
        Ok(Some(
            described
                .fact("strong", counts.strong)
                .fact("weak", counts.weak),
        ))
    }
}
