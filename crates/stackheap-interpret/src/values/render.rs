//! From a description to text and fields.

use std::sync::Arc;

use stackheap_model::{RuntimeAddress, Unknown, Value, ValueField, ValueKind};

use super::Decoder;
use super::describe::{Content, Described, Form, Label, Part};
use super::text::Out;
use super::view::{Subject, View};

/// How many values are nested in a text before `…` stands for the rest.
const TEXT_DEPTH: u32 = 48;

/// What is being written: how deep, and which values behind pointers contain it.
#[derive(Default)]
struct Trail {
    depth: u32,
    followed: Vec<(RuntimeAddress, Subject)>,
}

/// How many more values may become fields.
struct Budget {
    nodes: u32,
}

impl Decoder<'_> {
    /// The value of a view, with its fields.
    pub(crate) fn value_of(&self, view: &View) -> Value {
        let mut budget = Budget {
            nodes: self.limits.nodes,
        };
        let mut trail = Trail::default();
        trail.enter(view);
        self.value(self.describe(view), &mut trail, &mut budget)
    }

    /// The value of a description that does not come from a view.
    pub(crate) fn value_of_described(&self, described: Described) -> Value {
        let mut budget = Budget {
            nodes: self.limits.nodes,
        };
        self.value(described, &mut Trail::default(), &mut budget)
    }

    fn value(&self, described: Described, trail: &mut Trail, budget: &mut Budget) -> Value {
        budget.nodes = budget.nodes.saturating_sub(1);
        let described = self.unwrapped(described);
        let mut out = Out::new(self.limits.text);
        self.write_form(&described.form, &mut out, trail);
        let text = out.finish().map(Into::into);
        let mut facts = described.facts;
        if let Some(inside) = &described.inside {
            let mut out = Out::new(self.limits.text);
            self.write_view(inside, &mut out, trail);
            let inside = out
                .finish()
                .unwrap_or_else(|unknown| unknown.reason.to_string());
            facts.push(("inside".into(), inside.into()));
        }
        let (fields, fields_left_out) = self.fields(described.form, trail, budget);
        Value {
            kind: described.kind,
            text,
            fields,
            fields_left_out,
            facts,
        }
    }

    /// A wrapper that does not show is what it wraps, with the facts of both.
    fn unwrapped(&self, mut described: Described) -> Described {
        for _ in 0..TEXT_DEPTH {
            let Form::Same(Part {
                content: Content::View(view),
                followed: false,
                ..
            }) = &described.form
            else {
                break;
            };
            let inner = self.describe(view);
            described.kind = inner.kind;
            described.form = inner.form;
            described.facts.extend(inner.facts);
            described.inside = inner.inside;
        }
        described
    }

    fn fields(&self, form: Form, trail: &mut Trail, budget: &mut Budget) -> (Vec<ValueField>, u64) {
        let (parts, total) = match form {
            Form::Leaf { parts, .. }
            | Form::Struct { parts, .. }
            | Form::Tuple { parts, .. }
            | Form::Joined(parts) => {
                let total = parts.len() as u64;
                (parts, total)
            }
            Form::List { parts, total, .. } => (parts, total),
            Form::Same(part) if part.followed => (vec![part], 1),
            Form::Same(_) => (Vec::new(), 0),
            Form::Map { entries, total } => return self.entries(entries, total, trail, budget),
        };
        let mut fields = Vec::new();
        for part in parts.into_iter().take(self.room_for_fields(trail)) {
            if budget.nodes == 0 {
                break;
            }
            // Fixed texts between parts are no parts themselves.
            if matches!(&part.label, Label::Name(name) if name.is_empty()) {
                continue;
            }
            fields.push(self.field_value(part, trail, budget));
        }
        let left_out = total.saturating_sub(fields.len() as u64);
        (fields, left_out)
    }

    fn entries(
        &self,
        entries: Vec<(View, View)>,
        total: u64,
        trail: &mut Trail,
        budget: &mut Budget,
    ) -> (Vec<ValueField>, u64) {
        let mut fields = Vec::new();
        for (key, value) in entries.into_iter().take(self.room_for_fields(trail)) {
            if budget.nodes == 0 {
                break;
            }
            let mut out = Out::new(self.limits.text);
            self.write_view(&key, &mut out, trail);
            let name = out.finish().unwrap_or_else(|_| "?".into());
            fields.push(self.field_value(Part::named(&name, value), trail, budget));
        }
        let left_out = total.saturating_sub(fields.len() as u64);
        (fields, left_out)
    }

    /// The deeper, the fewer.
    fn room_for_fields(&self, trail: &Trail) -> usize {
        if trail.depth >= self.limits.depth {
            return 0;
        }
        let room = self.limits.elements / (1 + 3 * u64::from(trail.depth));
        usize::try_from(room).unwrap_or(usize::MAX).max(8)
    }

    fn field_value(&self, part: Part, trail: &mut Trail, budget: &mut Budget) -> ValueField {
        let name = match part.label {
            Label::Name(name) => name,
            Label::Index(index) => index.to_string().into(),
        };
        let view = match part.content {
            Content::View(view) => view,
            Content::Text(text) => {
                let value = Value::text(ValueKind::Raw, text);
                return ValueField {
                    name,
                    type_name: "".into(),
                    offset: None,
                    value,
                };
            }
            Content::Unknown(unknown) => {
                let value = Value::unknown(ValueKind::Raw, unknown.reason);
                return ValueField {
                    name,
                    type_name: "".into(),
                    offset: None,
                    value,
                };
            }
        };
        let type_name = self.type_name(&view);
        let value = if part.followed && trail.contains(&view) {
            let mut value = Value::text(ValueKind::Pointer, "…");
            let what = Arc::from("points back to a value that contains it");
            value.facts.push(("cycle".into(), what));
            value
        } else {
            trail.depth += 1;
            let entered = part.followed && trail.enter(&view);
            let value = self.value(self.describe(&view), trail, budget);
            if entered {
                trail.followed.pop();
            }
            trail.depth -= 1;
            value
        };
        ValueField {
            name,
            type_name,
            offset: view.offset,
            value,
        }
    }

    fn write_view(&self, view: &View, out: &mut Out, trail: &mut Trail) {
        if out.is_full() {
            return;
        }
        if trail.depth >= TEXT_DEPTH {
            out.push_known("…");
            return;
        }
        trail.depth += 1;
        let described = self.describe(view);
        self.write_form(&described.form, out, trail);
        trail.depth -= 1;
    }

    fn write_part(&self, part: &Part, out: &mut Out, trail: &mut Trail) {
        match &part.content {
            Content::Text(text) => out.push_known(text),
            Content::Unknown(unknown) => out.push_unknown(unknown.clone()),
            Content::View(view) if part.followed => {
                if trail.contains(view) {
                    out.push_known("…");
                    return;
                }
                let entered = trail.enter(view);
                self.write_view(view, out, trail);
                if entered {
                    trail.followed.pop();
                }
            }
            Content::View(view) => self.write_view(view, out, trail),
        }
    }

    fn write_form(&self, form: &Form, out: &mut Out, trail: &mut Trail) {
        match form {
            Form::Leaf { text: Ok(text), .. } => out.push_known(text),
            Form::Leaf {
                text: Err(unknown), ..
            } => out.push_unknown(unknown.clone()),
            Form::Same(part) => self.write_part(part, out, trail),
            Form::Struct { name, parts, more } => {
                out.push(name);
                out.push(" { ");
                self.write_parts(parts, out, trail, Labels::Shown);
                out.push(match (more.is_empty(), parts.is_empty()) {
                    (true, _) => "",
                    (false, true) => "..",
                    (false, false) => ", ..",
                });
                out.push(" }");
                if parts.is_empty() {
                    out.note_known();
                }
            }
            Form::Tuple { name, parts } => {
                out.push(name);
                out.push("(");
                self.write_parts(parts, out, trail, Labels::Hidden);
                out.push(if name.is_empty() && parts.len() == 1 {
                    ",)"
                } else {
                    ")"
                });
                if parts.is_empty() {
                    out.note_known();
                }
            }
            Form::List {
                brackets,
                parts,
                total,
            } => {
                out.push(brackets.0);
                self.write_parts(parts, out, trail, Labels::Hidden);
                if (parts.len() as u64) < *total {
                    out.push(if parts.is_empty() { "…" } else { ", …" });
                }
                out.push(brackets.1);
                if *total == 0 {
                    out.note_known();
                }
            }
            Form::Map { entries, total } => self.write_map(entries, *total, out, trail),
            Form::Joined(parts) => {
                for part in parts {
                    self.write_part(part, out, trail);
                }
            }
        }
    }

    fn write_map(&self, entries: &[(View, View)], total: u64, out: &mut Out, trail: &mut Trail) {
        out.push("{");
        for (index, (key, value)) in entries.iter().enumerate() {
            if out.is_full() {
                return;
            }
            out.push(if index == 0 { "" } else { ", " });
            self.write_view(key, out, trail);
            out.push(": ");
            self.write_view(value, out, trail);
        }
        if (entries.len() as u64) < total {
            out.push(if entries.is_empty() { "…" } else { ", …" });
        }
        out.push("}");
        if total == 0 {
            out.note_known();
        }
    }

    fn write_parts(&self, parts: &[Part], out: &mut Out, trail: &mut Trail, labels: Labels) {
        for (index, part) in parts.iter().enumerate() {
            if out.is_full() {
                return;
            }
            out.push(if index == 0 { "" } else { ", " });
            if let (Labels::Shown, Label::Name(name)) = (labels, &part.label) {
                out.push(name);
                out.push(": ");
            }
            self.write_part(part, out, trail);
        }
    }

    /// The text of a view alone, for the label of a cell or a key.
    pub(crate) fn text_of(&self, view: &View) -> Result<String, Unknown> {
        let mut out = Out::new(self.limits.text);
        self.write_view(view, &mut out, &mut Trail::default());
        out.finish()
    }
}

/// Whether the parts are written with their names.
#[derive(Clone, Copy)]
enum Labels {
    Shown,
    Hidden,
}

impl Trail {
    fn contains(&self, view: &View) -> bool {
        view.at
            .is_some_and(|at| self.followed.contains(&(at, view.subject)))
    }

    /// Notes that what follows is part of this value; `false` when the value has no address.
    fn enter(&mut self, view: &View) -> bool {
        if let Some(at) = view.at {
            self.followed.push((at, view.subject));
        }
        view.at.is_some()
    }
}
