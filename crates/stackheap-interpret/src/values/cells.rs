//! A value's layout, cell by cell.

use stackheap_model::{Cell, CellKind, Field, Type, TypeId, TypeKind, Unknown, Variant, WideMeta};

use super::Decoder;
use super::describe::shown_name;
use super::fit::Fit;
use super::names;
use super::recipe::Shape;
use super::tiles::Tiles;
use super::view::{Meta, Subject, View};

/// How deep types are nested before the rest is shown as bytes. Types of programs nest less; this
/// guards against debug information in which a type contains itself.
pub(crate) const TYPE_DEPTH: u32 = 64;

/// What a recipe says about the bytes of a value.
#[derive(Clone, Default)]
pub(crate) struct Roles {
    /// Numbers and pointers with a meaning.
    leaves: Vec<LeafRole>,
    /// Values inside, which are shown under the name of the whole, or with a name added.
    pub(crate) parts: Vec<(View, String)>,
    /// What is described but not there, with the reason.
    pub(crate) dead: Vec<(View, &'static str)>,
}

/// A number or pointer with a meaning.
#[derive(Clone)]
struct LeafRole {
    /// Its offset in the whole.
    offset: u64,
    /// The name of the value it belongs to.
    base: String,
    label: &'static str,
    kind: CellKind,
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
            Self {
                last: Some(name.to_owned()),
                ..self.clone()
            }
        } else {
            Self {
                base: join(&self.base, name),
                ..self.clone()
            }
        }
    }

    fn with(&self, label: &str) -> Self {
        Self {
            base: join(&self.base, label),
            last: None,
            in_recipe: false,
        }
    }
}

/// Where a walk over a layout stands.
struct Standing<'r> {
    naming: Naming,
    roles: &'r Roles,
    depth: u32,
}

impl<'r> Standing<'r> {
    /// One level further in, under another name.
    fn inside(&self, naming: Naming) -> Self {
        Standing {
            naming,
            roles: self.roles,
            depth: self.depth + 1,
        }
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
        let naming = Naming {
            base: name.to_owned(),
            ..Naming::default()
        };
        self.lay(
            view,
            &Standing {
                naming,
                roles: &Roles::default(),
                depth: 0,
            },
            tiles,
        );
    }

    fn lay(&self, view: &View, at: &Standing<'_>, tiles: &mut Tiles) {
        if tiles.is_full() || self.size_of(view) == Some(0) {
            return;
        }
        let Standing {
            naming,
            roles,
            depth,
        } = at;
        if let Some((_, reason)) = roles.dead.iter().find(|(dead, _)| dead.is_same(view)) {
            return tiles.push(self.raw(view, naming.label(), reason));
        }
        if let Some((_, label)) = roles.parts.iter().find(|(part, _)| part.is_same(view)) {
            let roles = &roles.leaves_only();
            let inside = Standing {
                naming: naming.with(label),
                roles,
                depth: depth + 1,
            };
            return self.lay(view, &inside, tiles);
        }
        if *depth > TYPE_DEPTH {
            return tiles.push(self.raw(view, naming.label(), "nested too deeply"));
        }
        match view.subject {
            Subject::Str => {
                let length = self.size_of(view).unwrap_or(0);
                let text = self.text_of(view);
                tiles.push(cell(view, length, CellKind::Scalar, naming.label(), text));
            }
            Subject::Slice(element) => {
                let Some(Meta::Length(count)) = view.meta else {
                    return;
                };
                self.lay_elements(view, (element, count), at, tiles);
            }
            Subject::Type(_) if self.is_dyn(view) => match self.concrete(view) {
                Ok((concrete, _)) => self.lay(&concrete, &at.inside(naming.clone()), tiles),
                Err(unknown) => tiles.push(self.raw(view, naming.label(), &unknown.reason)),
            },
            Subject::Type(ty) => {
                let ty = self.types.ty(ty);
                match self.fit(view.subject) {
                    Some(fit) => {
                        let in_recipe = naming.in_recipe || hides_fields(&fit);
                        let own = self.roles(view, &fit, &naming.base);
                        let roles = &own.or(roles);
                        let naming = Naming {
                            in_recipe,
                            ..naming.clone()
                        };
                        self.lay_type(
                            view,
                            &ty,
                            &Standing {
                                naming,
                                roles,
                                depth: *depth,
                            },
                            tiles,
                        );
                    }
                    None => self.lay_type(view, &ty, at, tiles),
                }
            }
        }
    }

    fn lay_type(&self, view: &View, ty: &Type, at: &Standing<'_>, tiles: &mut Tiles) {
        let size = ty.size.unwrap_or(0);
        match &ty.kind {
            TypeKind::Base(_) => self.lay_leaf(view, size, CellKind::Scalar, at, tiles),
            TypeKind::CEnum { .. } => self.lay_leaf(view, size, CellKind::Tag, at, tiles),
            TypeKind::Pointer { .. } => self.lay_leaf(view, 8, CellKind::Pointer, at, tiles),
            TypeKind::WidePointer {
                meta, data_offset, ..
            } => {
                self.lay_wide(view, *meta, *data_offset, at, tiles);
            }
            TypeKind::Struct { fields, .. } => self.lay_fields(view, fields, at, tiles, shown),
            TypeKind::Enum { .. } => self.lay_enum(view, ty, at, tiles),
            TypeKind::Union { .. } => self.lay_union(view, ty, at, tiles),
            TypeKind::Array { element, count } => {
                self.lay_elements(view, (*element, count.unwrap_or(0)), at, tiles);
            }
            TypeKind::Str | TypeKind::Function | TypeKind::Dyn => {}
            TypeKind::Opaque(reason) => tiles.push(self.raw(view, at.naming.label(), reason)),
        }
    }

    /// The fields of a structure in the order of memory, each called as `name_of` says.
    fn lay_fields(
        &self,
        view: &View,
        fields: &[Field],
        at: &Standing<'_>,
        tiles: &mut Tiles,
        name_of: fn(&[Field], &Field) -> String,
    ) {
        let mut order: Vec<(u64, usize)> = fields
            .iter()
            .enumerate()
            .map(|(index, field)| (field.offset, index))
            .collect();
        order.sort_unstable();
        for (_, index) in order {
            let (Some(field), Some(part)) = (fields.get(index), self.field(view, index)) else {
                continue;
            };
            let naming = match name_of(fields, field).as_str() {
                "" => at.naming.clone(),
                name => at.naming.child(name),
            };
            self.lay(&part, &at.inside(naming), tiles);
        }
    }

    fn lay_elements(
        &self,
        view: &View,
        (element, count): (TypeId, u64),
        at: &Standing<'_>,
        tiles: &mut Tiles,
    ) {
        for index in 0..count {
            if tiles.is_full() {
                return;
            }
            let Some(part) = self.element(view, element, index) else {
                return;
            };
            if self.size_of(&part) == Some(0) {
                return;
            }
            let last = at.naming.last.as_deref().unwrap_or("");
            let naming = at.naming.with(&format!("{last}[{index}]"));
            self.lay(&part, &at.inside(naming), tiles);
        }
    }

    fn lay_leaf(
        &self,
        view: &View,
        size: u64,
        kind: CellKind,
        at: &Standing<'_>,
        tiles: &mut Tiles,
    ) {
        let (label, kind) = match at.roles.leaf(view) {
            Some(role) => (join(&role.base, role.label), role.kind),
            None => (at.naming.label(), kind),
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
        at: &Standing<'_>,
        tiles: &mut Tiles,
    ) {
        let base = match at.roles.leaf(view) {
            Some(role) => role.base.clone(),
            None => at.naming.label(),
        };
        let address = self
            .address_in(view)
            .map(|address| address.unwrap_or_default().to_string());
        let data = view.part(view.subject, data_offset, None);
        tiles.push(cell(
            &data,
            8,
            CellKind::Pointer,
            join(&base, "ptr"),
            address,
        ));
        let (WideMeta::Length { offset } | WideMeta::Vtable { offset }) = meta;
        let half = view.part(view.subject, offset, None);
        tiles.push(match self.meta_of(view) {
            Ok(Some(Meta::Vtable(vtable))) => {
                let name = self
                    .types
                    .vtable_at(vtable)
                    .map(|(_, name)| name.to_string());
                let text = Ok(name.unwrap_or_else(|| vtable.to_string()));
                cell(&half, 8, CellKind::Vtable, join(&base, "vtable"), text)
            }
            Ok(Some(Meta::Length(length))) => cell(
                &half,
                8,
                CellKind::Length,
                join(&base, "len"),
                Ok(length.to_string()),
            ),
            Ok(None) => self.raw(&half, base, "no wide pointer"),
            Err(unknown) => cell(&half, 8, CellKind::Length, join(&base, "len"), Err(unknown)),
        });
    }

    fn lay_union(&self, view: &View, ty: &Type, at: &Standing<'_>, tiles: &mut Tiles) {
        // A recipe may know which field is in use.
        let known = at.roles.parts.iter().find(|(part, _)| {
            part.offset == view.offset && self.size_of(part) <= self.size_of(view)
        });
        let label = at.naming.label();
        match known {
            Some((part, label)) => {
                let roles = &at.roles.leaves_only();
                let naming = at.naming.with(label);
                self.lay(
                    part,
                    &Standing {
                        naming,
                        roles,
                        depth: at.depth + 1,
                    },
                    tiles,
                );
            }
            None if ty.name.contains("::MaybeUninit<") => {
                tiles.push(self.raw(view, label, "may be uninitialised"));
            }
            None => {
                let reason = "a union: which field is in use is not recorded";
                tiles.push(self.raw(view, label, reason));
            }
        }
    }

    fn lay_enum(&self, view: &View, ty: &Type, at: &Standing<'_>, tiles: &mut Tiles) {
        let TypeKind::Enum {
            variants,
            coroutine,
            ..
        } = &ty.kind
        else {
            return;
        };
        let from = tiles.len();
        let (variant, payload) = match self.active_payload(view) {
            Ok(Some(active)) => active,
            Ok(None) => return,
            Err(unknown) => {
                return tiles.push(self.raw(view, at.naming.label(), &unknown.reason));
            }
        };
        if !(*coroutine && self.is_over(&payload)) {
            let fields = self.fields_of(&payload);
            self.lay_fields(&payload, &fields, at, tiles, payload_name);
        }
        let start = view.offset.unwrap_or(0);
        let end = start.saturating_add(ty.size.unwrap_or(0));
        self.lay_tag(
            view,
            ty,
            (&variant, &payload),
            (from, start, end),
            at,
            tiles,
        );
        let others = self.used_by_variants(variants, start);
        for (low, high) in tiles.gaps(from, start, end) {
            let is_used = others.iter().any(|(from, to)| *from < high && low < *to);
            if is_used {
                let reason = format!("not part of this variant, `{}`", variant.name);
                let text = Err(Unknown::because(reason));
                let label = "unused".into();
                let kind = CellKind::Padding;
                tiles.push(Cell {
                    offset: low,
                    size: high - low,
                    kind,
                    label,
                    text,
                });
            }
        }
    }

    /// The tag of an enum, unless it is a niche inside the active payload, whose bytes it then is.
    fn lay_tag(
        &self,
        view: &View,
        ty: &Type,
        (variant, payload): (&Variant, &View),
        (from, start, end): (usize, u64, u64),
        at: &Standing<'_>,
        tiles: &mut Tiles,
    ) {
        let TypeKind::Enum {
            tag: Some((offset, tag_type)),
            coroutine,
            ..
        } = &ty.kind
        else {
            return;
        };
        let size = self.types.ty(*tag_type).size.unwrap_or(0);
        let low = start.saturating_add(*offset);
        let high = low.saturating_add(size);
        let gaps = tiles.gaps(from, start, end);
        if !gaps
            .iter()
            .any(|(gap_low, gap_high)| *gap_low <= low && high <= *gap_high)
        {
            return;
        }
        let (name, label) = match coroutine {
            true => (
                names::short_name(&self.type_name(payload)).to_owned(),
                "state",
            ),
            false => (variant.name.to_string(), "tag"),
        };
        let tag = view.part(Subject::Type(*tag_type), *offset, None);
        let label = at.naming.child(label).label();
        tiles.push(cell(&tag, size, CellKind::Tag, label, Ok(name)));
    }

    /// Whether the state of a coroutine is one of those in which it is over: then nothing of what
    /// it captured is there any more, though the fields are described.
    pub(crate) fn is_over(&self, payload: &View) -> bool {
        matches!(
            names::short_name(&self.type_name(payload)),
            "Returned" | "Panicked"
        )
    }

    /// The bytes that some variant uses, from the start of the whole.
    fn used_by_variants(&self, variants: &[Variant], start: u64) -> Vec<(u64, u64)> {
        let mut used = Vec::new();
        for variant in variants {
            if let TypeKind::Struct { fields, .. } = &self.types.ty(variant.payload).kind {
                for field in fields {
                    let low = start
                        .saturating_add(variant.offset)
                        .saturating_add(field.offset);
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
        cell(
            view,
            size,
            CellKind::Raw,
            label,
            Err(Unknown::because(reason)),
        )
    }

    /// What a recipe says about the bytes of a value that is called `base`.
    pub(crate) fn roles(&self, view: &View, fit: &Fit, base: &str) -> Roles {
        let mut roles = Roles::default();
        let mut leaf = |found: &View, label, kind| {
            if let Some(offset) = found.offset {
                roles.leaves.push(LeafRole {
                    offset,
                    base: base.to_owned(),
                    label,
                    kind,
                });
            }
        };
        for (part, label, kind) in leaf_roles(fit.recipe.shape) {
            if let Ok(Some(found)) = self.part_of(view, fit, part)
                && let Ok(Some(found)) = self.leaf(&found)
            {
                leaf(&found, *label, *kind);
            }
        }
        if fit.recipe.shape == Shape::Tree
            && let Ok(Some(tree)) = self.tree(view, fit)
            && let Some(root) = tree.root
        {
            leaf(&root.pointer, "root", CellKind::Pointer);
        }
        if fit.recipe.shape == Shape::Window
            && let Ok(Some(window)) = self.window(view, fit)
        {
            for index in 0..window.count.min(self.limits.cells as u64) {
                let slot = window.at(index);
                if window.has(index) {
                    roles.parts.push((slot, String::new()));
                } else {
                    roles.dead.push((slot, "no element is there any more"));
                }
            }
        }
        let Some((part, label)) = part_role(fit) else {
            return roles;
        };
        let found = self.part_of(view, fit, part).ok().flatten();
        if let Some(found) = found.filter(|found| found.offset.is_some()) {
            match self.is_dead(view, fit) {
                Some(reason) => roles.dead.push((found, reason)),
                None => roles.parts.push((found, label.to_owned())),
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
        Self {
            leaves: self.leaves.clone(),
            ..Self::default()
        }
    }

    /// What is said of the number or pointer at a view.
    fn leaf(&self, view: &View) -> Option<&LeafRole> {
        self.leaves
            .iter()
            .find(|role| view.offset == Some(role.offset))
    }

    /// These roles together with those of an outer type. What the outer type says of a number
    /// counts, as it says more; of the parts, the inner ones come first.
    pub(crate) fn or(mut self, outer: &Self) -> Self {
        self.leaves.splice(0..0, outer.leaves.iter().cloned());
        self.parts.extend(outer.parts.iter().cloned());
        self.dead.extend(outer.dead.iter().cloned());
        self
    }
}

/// Whether the field names of a type with this recipe are left out of labels.
fn hides_fields(fit: &Fit) -> bool {
    !matches!(
        fit.recipe.shape,
        Shape::Fixed | Shape::Format | Shape::Payload | Shape::Address | Shape::SocketAddress
    )
}

/// How a field of a structure is called.
fn shown(_: &[Field], field: &Field) -> String {
    shown_name(&field.name).to_owned()
}

/// How a field of a variant's payload is called: the only one of a tuple needs no name.
pub(crate) fn payload_name(fields: &[Field], field: &Field) -> String {
    let is_lone = fields.len() == 1 && field.name.starts_with("__");
    if is_lone {
        String::new()
    } else {
        shown(fields, field)
    }
}

/// The parts of a shape that are one number or pointer, with their labels.
fn leaf_roles(shape: Shape) -> &'static [(&'static str, &'static str, CellKind)] {
    use CellKind::{Length, Pointer, Scalar};
    match shape {
        Shape::Sequence => &[
            ("pointer", "ptr", Pointer),
            ("capacity", "cap", Length),
            ("length", "len", Length),
        ],
        Shape::Ring => &[
            ("pointer", "ptr", Pointer),
            ("capacity", "cap", Length),
            ("head", "head", Length),
            ("length", "len", Length),
        ],
        Shape::Table => &[
            ("control", "ctrl", Pointer),
            ("mask", "mask", Length),
            ("items", "items", Length),
        ],
        Shape::Tree => &[("length", "len", Length)],
        Shape::List => &[
            ("head", "head", Pointer),
            ("tail", "tail", Pointer),
            ("length", "len", Length),
        ],
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
        Shape::Window => &[("start", "start", Length), ("end", "end", Length)],
        Shape::Duration => &[
            ("seconds", "secs", Scalar),
            ("nanoseconds", "nanos", Scalar),
        ],
        _ => &[],
    }
}

/// The part of a shape that is a value of its own, with what is added to its label.
fn part_role(fit: &Fit) -> Option<(&'static str, &str)> {
    match fit.recipe.shape {
        Shape::Text => Some(("bytes", "")),
        Shape::Transparent => Some(("value", "")),
        Shape::Once => Some(("value", "value")),
        Shape::Cell => Some(("value", fit.recipe.word("label"))),
        Shape::Counts => Some(("value", fit.path("value")?.first())),
        _ => None,
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
    Cell {
        offset,
        size,
        kind,
        label: label.into(),
        text: text.map(Into::into),
    }
}
