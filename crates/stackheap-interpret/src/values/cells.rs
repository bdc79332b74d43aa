//! A value's layout, cell by cell.

use stackheap_model::{Cell, CellKind, Type, TypeKind, Unknown, WideMeta};

use super::Decoder;
use super::describe::shown_name;
use super::extents::Tiles;
use super::fit::Fit;
use super::names;
use super::recipe::Shape;
use super::view::{Meta, Subject, View};

/// How deep types are nested before the rest is shown as bytes. Types of programs nest less; this
/// guards against debug information in which a type contains itself.
pub(crate) const TYPE_DEPTH: u32 = 64;

/// What a recipe says about the bytes of a value.
#[derive(Clone, Default)]
pub(crate) struct Roles {
    /// Numbers and pointers with a meaning, by their offset in the whole.
    leaves: Vec<(u64, &'static str, CellKind)>,
    /// Values inside, which are shown under the name of the whole, or with a name added.
    pub(crate) parts: Vec<(View, &'static str)>,
    /// What is described but not there, with the reason.
    pub(crate) dead: Vec<(View, &'static str)>,
}

/// What cells are called.
#[derive(Clone, Default)]
struct Naming {
    base: String,
    /// Inside a type with a recipe the names of private fields say little: only the last counts.
    last: Option<String>,
    in_recipe: bool,
}

impl Naming {
    fn label(&self) -> String {
        match &self.last {
            Some(last) => join(&self.base, last),
            None => self.base.clone(),
        }
    }

    fn child(&self, name: &str) -> Self {
        if self.in_recipe {
            Self { last: Some(name.to_owned()), ..self.clone() }
        } else {
            Self { base: join(&self.base, name), ..self.clone() }
        }
    }

    fn with(&self, label: &str) -> Self {
        Self { base: join(&self.base, label), last: None, in_recipe: false }
    }
}

/// `a.b`, or one of them where the other is empty.
pub(crate) fn join(base: &str, name: &str) -> String {
    match (base.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => base.to_owned(),
        _ if name.starts_with('[') => format!("{base}{name}"),
        _ => format!("{base}.{name}"),
    }
}

impl Decoder<'_> {
    /// The cells of a view that is the decoded whole.
    pub(crate) fn cells_of(&self, view: &View) -> Vec<Cell> {
        let mut tiles = Tiles::new(self.limits.cells);
        self.lay_named(view, "", &mut tiles);
        tiles.finish(self.size_of(view).unwrap_or(0))
    }

    /// Adds the cells of a part of the whole, under a name.
    pub(crate) fn lay_named(&self, view: &View, name: &str, tiles: &mut Tiles) {
        let naming = Naming { base: name.to_owned(), ..Naming::default() };
        self.lay(view, &naming, &Roles::default(), 0, tiles);
    }

    fn lay(&self, view: &View, naming: &Naming, roles: &Roles, depth: u32, tiles: &mut Tiles) {
        if tiles.is_full() || self.size_of(view) == Some(0) {
            return;
        }
        let is_view = |part: &&(View, &str)| {
            part.0.offset == view.offset && part.0.subject == view.subject
        };
        if let Some((_, reason)) = roles.dead.iter().find(is_view) {
            return tiles.push(self.raw(view, naming.label(), reason));
        }
        if let Some((_, label)) = roles.parts.iter().find(is_view) {
            let own = roles.leaves_only();
            return self.lay(view, &naming.with(label), &own, depth + 1, tiles);
        }
        if depth > TYPE_DEPTH {
            return tiles.push(self.raw(view, naming.label(), "nested too deeply"));
        }
        match view.subject {
            Subject::Str => {
                let length = self.size_of(view).unwrap_or(0);
                let text = self.text_of(view);
                tiles.push(cell(view, length, CellKind::Scalar, naming.label(), text));
            }
            Subject::Slice(element) => {
                let Some(Meta::Length(count)) = view.meta else { return };
                self.lay_elements(view, element, count, naming, roles, depth, tiles);
            }
            Subject::Type(_) if self.is_dyn(view) => match self.concrete(view) {
                Ok((concrete, _)) => self.lay(&concrete, naming, roles, depth + 1, tiles),
                Err(unknown) => tiles.push(self.raw(view, naming.label(), &unknown.reason)),
            },
            Subject::Type(ty) => {
                let ty = self.types.ty(ty);
                match self.fit(view.subject) {
                    Some(fit) => {
                        let own = self.roles(view, &fit);
                        let naming = Naming { in_recipe: names_fields(&fit), ..naming.clone() };
                        self.lay_type(view, &ty, &naming, &own.or(roles), depth, tiles);
                    }
                    None => self.lay_type(view, &ty, naming, roles, depth, tiles),
                }
            }
        }
    }

    fn lay_type(
        &self,
        view: &View,
        ty: &Type,
        naming: &Naming,
        roles: &Roles,
        depth: u32,
        tiles: &mut Tiles,
    ) {
        let size = ty.size.unwrap_or(0);
        match &ty.kind {
            TypeKind::Base(_) => self.lay_leaf(view, size, CellKind::Scalar, naming, roles, tiles),
            TypeKind::CEnum { .. } => {
                self.lay_leaf(view, size, CellKind::Tag, naming, roles, tiles);
            }
            TypeKind::Pointer { .. } => {
                self.lay_leaf(view, 8, CellKind::Pointer, naming, roles, tiles);
            }
            TypeKind::WidePointer { meta, data_offset, .. } => {
                self.lay_wide(view, *meta, *data_offset, naming, roles, tiles);
            }
            TypeKind::Struct { fields, .. } => {
                let mut order: Vec<usize> = (0..fields.len()).collect();
                order.sort_by_key(|index| fields.get(*index).map(|field| field.offset));
                for index in order {
                    let (Some(field), Some(part)) = (fields.get(index), self.field(view, index))
                    else {
                        continue;
                    };
                    let naming = naming.child(shown_name(&field.name));
                    self.lay(&part, &naming, roles, depth + 1, tiles);
                }
            }
            TypeKind::Enum { .. } => self.lay_enum(view, ty, naming, roles, depth, tiles),
            TypeKind::Union { .. } => self.lay_union(view, ty, naming, roles, depth, tiles),
            TypeKind::Array { element, count } => {
                let count = count.unwrap_or(0);
                self.lay_elements(view, *element, count, naming, roles, depth, tiles);
            }
            TypeKind::Str | TypeKind::Function | TypeKind::Dyn => {}
            TypeKind::Opaque(reason) => tiles.push(self.raw(view, naming.label(), reason)),
        }
    }

    fn lay_elements(
        &self,
        view: &View,
        element: stackheap_model::TypeId,
        count: u64,
        naming: &Naming,
        roles: &Roles,
        depth: u32,
        tiles: &mut Tiles,
    ) {
        for index in 0..count {
            if tiles.is_full() {
                return;
            }
            let Some(part) = self.element(view, element, index) else { return };
            if self.size_of(&part) == Some(0) {
                return;
            }
            let naming = naming.with(&format!("{}[{index}]", naming.last.as_deref().unwrap_or("")));
            self.lay(&part, &naming, roles, depth + 1, tiles);
        }
    }

    fn lay_leaf(
        &self,
        view: &View,
        size: u64,
        kind: CellKind,
        naming: &Naming,
        roles: &Roles,
        tiles: &mut Tiles,
    ) {
        let role = roles.leaves.iter().find(|(offset, ..)| view.offset == Some(*offset));
        let (label, kind) = match role {
            Some((_, label, kind)) => (join(&naming.base, label), *kind),
            None => (naming.label(), kind),
        };
        let text = match kind {
            CellKind::Pointer => match self.address_in(view) {
                Ok(Some(address)) => Ok(address.to_string()),
                Ok(None) => self.text_of(view),
                Err(unknown) => Err(unknown),
            },
            _ => self.text_of(view),
        };
        tiles.push(cell(view, size, kind, label, text));
    }

    fn lay_wide(
        &self,
        view: &View,
        meta: WideMeta,
        data_offset: u64,
        naming: &Naming,
        roles: &Roles,
        tiles: &mut Tiles,
    ) {
        let own = roles.leaves.iter().any(|(offset, ..)| view.offset == Some(*offset));
        let base = if own { naming.base.clone() } else { naming.label() };
        let address = self.address_in(view).map(|address| address.unwrap_or_default().to_string());
        let data = view.part(view.subject, data_offset, None);
        tiles.push(cell(&data, 8, CellKind::Pointer, join(&base, "ptr"), address));
        let (WideMeta::Length { offset } | WideMeta::Vtable { offset }) = meta;
        let half = view.part(view.subject, offset, None);
        tiles.push(match self.meta_of(view) {
            Ok(Some(Meta::Vtable(vtable))) => {
                let name = self.types.vtable_at(vtable).map(|(_, name)| name.to_string());
                let text = Ok(name.unwrap_or_else(|| vtable.to_string()));
                cell(&half, 8, CellKind::Vtable, join(&base, "vtable"), text)
            }
            Ok(Some(Meta::Length(length))) => {
                cell(&half, 8, CellKind::Length, join(&base, "len"), Ok(length.to_string()))
            }
            Ok(None) => self.raw(&half, base, "no wide pointer"),
            Err(unknown) => cell(&half, 8, CellKind::Length, join(&base, "len"), Err(unknown)),
        });
    }

    fn lay_union(
        &self,
        view: &View,
        ty: &Type,
        naming: &Naming,
        roles: &Roles,
        depth: u32,
        tiles: &mut Tiles,
    ) {
        // A recipe may know which field is in use.
        let known = roles.parts.iter().find(|(part, _)| {
            part.offset == view.offset && self.size_of(part) <= self.size_of(view)
        });
        match known {
            Some((part, label)) => {
                let own = roles.leaves_only();
                self.lay(part, &naming.with(label), &own, depth + 1, tiles);
            }
            None if ty.name.contains("::MaybeUninit<") => {
                tiles.push(self.raw(view, naming.label(), "may be uninitialised"));
            }
            None => {
                let reason = "a union: which field is in use is not recorded";
                tiles.push(self.raw(view, naming.label(), reason));
            }
        }
    }

    fn lay_enum(
        &self,
        view: &View,
        ty: &Type,
        naming: &Naming,
        roles: &Roles,
        depth: u32,
        tiles: &mut Tiles,
    ) {
        let TypeKind::Enum { tag, variants, coroutine, .. } = &ty.kind else { return };
        let from = tiles.len();
        let (variant, payload) = match self.active_payload(view) {
            Ok(Some(active)) => active,
            Ok(None) => return,
            Err(unknown) => {
                let cell = self.raw(view, naming.label(), &unknown.reason);
                return tiles.push(Cell { text: Err(unknown), ..cell });
            }
        };
        let is_over = *coroutine
            && matches!(names::short_name(&self.type_name(&payload)), "Returned" | "Panicked");
        let fields = if is_over { Vec::new() } else { self.fields_of(&payload) };
        let mut order: Vec<usize> = (0..fields.len()).collect();
        order.sort_by_key(|index| fields.get(*index).map(|field| field.offset));
        for index in order {
            let (Some(field), Some(part)) = (fields.get(index), self.field(&payload, index)) else {
                continue;
            };
            let naming = match payload_name(&fields, field) {
                "" => naming.clone(),
                name => naming.child(name),
            };
            self.lay(&part, &naming, roles, depth + 1, tiles);
        }
        let start = view.offset.unwrap_or(0);
        let end = start.saturating_add(ty.size.unwrap_or(0));
        let gaps = tiles.gaps(from, start, end);
        if let Some((offset, tag_type)) = tag {
            let size = self.types.ty(*tag_type).size.unwrap_or(0);
            let tag_view = view.part(Subject::Type(*tag_type), *offset, None);
            let at = start.saturating_add(*offset);
            // A niche inside the active payload is that payload's bytes.
            if gaps.iter().any(|(low, high)| *low <= at && at.saturating_add(size) <= *high) {
                let name = if *coroutine {
                    names::short_name(&self.type_name(&payload)).to_owned()
                } else {
                    variant.name.to_string()
                };
                let label = if *coroutine { "state" } else { "tag" };
                let label = naming.child(label).label();
                tiles.push(cell(&tag_view, size, CellKind::Tag, label, Ok(name)));
            }
        }
        let others = self.used_by_variants(variants, start);
        for (low, high) in tiles.gaps(from, start, end) {
            let is_used = others.iter().any(|(from, to)| *from < high && low < *to);
            if is_used {
                let reason = format!("not part of this variant, `{}`", variant.name);
                let text = Err(Unknown::because(reason));
                let label = "unused".into();
                let kind = CellKind::Padding;
                tiles.push(Cell { offset: low, size: high - low, kind, label, text });
            }
        }
    }

    /// The bytes that some variant uses, from the start of the whole.
    fn used_by_variants(
        &self,
        variants: &[stackheap_model::Variant],
        start: u64,
    ) -> Vec<(u64, u64)> {
        let mut used = Vec::new();
        for variant in variants {
            if let TypeKind::Struct { fields, .. } = &self.types.ty(variant.payload).kind {
                for field in fields {
                    let low = start.saturating_add(variant.offset).saturating_add(field.offset);
                    let size = self.types.ty(field.ty).size.unwrap_or(0);
                    used.push((low, low.saturating_add(size)));
                }
            }
        }
        used
    }

    /// One cell for all of a view, with the reason why it is not taken apart.
    fn raw(&self, view: &View, label: String, reason: &str) -> Cell {
        let size = self.size_of(view).unwrap_or(0);
        cell(view, size, CellKind::Raw, label, Err(Unknown::because(reason)))
    }

    /// What a recipe says about the bytes of a value.
    pub(crate) fn roles(&self, view: &View, fit: &Fit) -> Roles {
        let mut roles = Roles::default();
        for (part, label, kind) in leaf_roles(fit.recipe.shape) {
            if let Ok(Some(found)) = self.part_of(view, fit, part)
                && let Ok(Some(leaf)) = self.leaf(&found)
                && let Some(offset) = leaf.offset
            {
                roles.leaves.push((offset, label, *kind));
            }
        }
        if fit.recipe.shape == Shape::Tree
            && let Ok(Some(tree)) = self.tree(view, fit)
            && let Some(root) = tree.root
            && let Some(offset) = root.pointer.offset
        {
            roles.leaves.push((offset, "root", CellKind::Pointer));
        }
        for (part, label) in part_roles(fit.recipe.shape) {
            let found = self.part_of(view, fit, part).ok().flatten();
            let Some(found) = found.filter(|found| found.offset.is_some()) else { continue };
            match self.is_dead(view, fit) {
                Some(reason) => roles.dead.push((found, reason)),
                None => roles.parts.push((found, label)),
            }
        }
        roles
    }

    /// Why the value inside is not there any more or not yet.
    fn is_dead(&self, view: &View, fit: &Fit) -> Option<&'static str> {
        match fit.recipe.shape {
            Shape::Counts => match self.number_of(view, fit, "strong") {
                Ok(Some(0)) => Some("dropped: no strong pointer is left"),
                _ => None,
            },
            Shape::Once => {
                let state = self.number_of(view, fit, "state").ok()??;
                let filled = fit.recipe.word("filled").parse::<u64>().ok()?;
                (state & 3 != filled).then_some("not initialised yet")
            }
            _ => None,
        }
    }
}

impl Roles {
    /// What is said of numbers and pointers, for a part that is itself wrapped in other types.
    fn leaves_only(&self) -> Self {
        Self { leaves: self.leaves.clone(), ..Self::default() }
    }

    /// These roles, and those of an outer type behind them.
    pub(crate) fn or(mut self, outer: &Self) -> Self {
        self.leaves.extend(outer.leaves.iter().copied());
        self.parts.extend(outer.parts.iter().cloned());
        self.dead.extend(outer.dead.iter().cloned());
        self
    }
}

/// Whether the field names of a type with this recipe are left out of labels.
fn names_fields(fit: &Fit) -> bool {
    !matches!(
        fit.recipe.shape,
        Shape::Fixed | Shape::Format | Shape::Payload | Shape::Address | Shape::SocketAddress
    )
}

/// How a field of a variant's payload is called: the only one of a tuple needs no name.
pub(crate) fn payload_name<'f>(
    fields: &[stackheap_model::Field],
    field: &'f stackheap_model::Field,
) -> &'f str {
    if fields.len() == 1 && field.name.starts_with("__") { "" } else { shown_name(&field.name) }
}

/// The parts of a shape that are one number or pointer, with their labels.
fn leaf_roles(shape: Shape) -> &'static [(&'static str, &'static str, CellKind)] {
    use CellKind::{Length, Pointer, Scalar};
    match shape {
        Shape::Sequence => {
            &[("pointer", "ptr", Pointer), ("capacity", "cap", Length), ("length", "len", Length)]
        }
        Shape::Ring => &[
            ("pointer", "ptr", Pointer),
            ("capacity", "cap", Length),
            ("head", "head", Length),
            ("length", "len", Length),
        ],
        Shape::Table => {
            &[("control", "ctrl", Pointer), ("mask", "mask", Length), ("items", "items", Length)]
        }
        Shape::Tree => &[("length", "len", Length)],
        Shape::List => {
            &[("head", "head", Pointer), ("tail", "tail", Pointer), ("length", "len", Length)]
        }
        Shape::Counted | Shape::Transparent => &[("pointer", "ptr", Pointer)],
        Shape::Counts => &[("strong", "strong", Scalar), ("weak", "weak", Scalar)],
        Shape::Cell => &[("state", "state", Scalar), ("poison", "poisoned", Scalar)],
        Shape::Once => &[("state", "state", Scalar)],
        Shape::Span => &[
            ("buffer", "buf", Pointer),
            ("pointer", "ptr", Pointer),
            ("end", "end", Pointer),
            ("capacity", "cap", Length),
        ],
        Shape::Duration => {
            &[("seconds", "secs", Scalar), ("nanoseconds", "nanos", Scalar)]
        }
        _ => &[],
    }
}

/// The parts of a shape that are values of their own, with what is added to their labels.
fn part_roles(shape: Shape) -> &'static [(&'static str, &'static str)] {
    match shape {
        Shape::Text => &[("bytes", "")],
        Shape::Transparent => &[("value", "")],
        Shape::Counts | Shape::Cell | Shape::Once => &[("value", "value")],
        _ => &[],
    }
}

/// A cell at the place of a view.
fn cell(
    view: &View,
    size: u64,
    kind: CellKind,
    label: String,
    text: Result<String, Unknown>,
) -> Cell {
    let offset = view.offset.unwrap_or(0);
    Cell { offset, size, kind, label: label.into(), text: text.map(Into::into) }
}
