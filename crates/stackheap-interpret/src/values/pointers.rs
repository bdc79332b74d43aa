//! The pointers that lie inside a value, and the heap blocks they own.
//!
//! A recipe turns the private pointers of a collection into one owning pointer; all others are what
//! the name of their type says.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use stackheap_model::{EdgeKind, PointerKind, RuntimeAddress, TypeId, TypeKind, WideMeta};

use super::cells::{Roles, TYPE_DEPTH, join, payload_name};
use super::contents::{Contents, TableBlock, TextEncoding};
use super::describe::shown_name;
use super::fit::Fit;
use super::recipe::Shape;
use super::view::{Meta, Subject, View};
use super::{Allocation, Decoder, Pointer};

/// Pointers found so far.
pub(crate) struct Gathered {
    pointers: Vec<Pointer>,
    /// Offsets of pointers that a recipe has spoken for.
    spoken_for: FxHashSet<u64>,
    limit: usize,
    /// How many more values are looked into.
    steps: u32,
}

/// How many values inside one value are looked into for pointers.
const MOST_STEPS: u32 = 100_000;

impl Gathered {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            pointers: Vec::new(),
            spoken_for: FxHashSet::default(),
            limit,
            steps: MOST_STEPS,
        }
    }

    fn is_full(&self) -> bool {
        self.pointers.len() >= self.limit || self.steps == 0
    }

    pub(crate) fn push(&mut self, pointer: Pointer) {
        if !self.is_full() {
            self.pointers.push(pointer);
        }
    }

    /// Notes that a recipe has spoken for a pointer; `false` when another has before, as that of a
    /// map has for the map that it is made of.
    fn speak_for(&mut self, view: &View) -> bool {
        view.offset
            .is_none_or(|offset| self.spoken_for.insert(offset))
    }

    pub(crate) fn finish(mut self) -> Vec<Pointer> {
        self.pointers.sort_by_key(|pointer| pointer.offset);
        self.pointers
    }
}

/// What an outer recipe says about a part.
#[derive(Clone, Copy, Default)]
struct Context<'r> {
    /// The bytes of a sequence are text.
    encoding: Option<TextEncoding>,
    roles: Option<&'r Roles>,
    depth: u32,
}

impl Decoder<'_> {
    /// The pointers in the bytes of a view that is the decoded whole.
    pub(crate) fn pointers_of(&self, view: &View) -> Vec<Pointer> {
        let mut gathered = Gathered::new(self.limits.pointers);
        self.gather_named(view, "", &mut gathered);
        gathered.finish()
    }

    /// Adds the pointers of a part of the whole, under a path.
    pub(crate) fn gather_named(&self, view: &View, path: &str, out: &mut Gathered) {
        self.gather(view, path, Context::default(), out);
    }

    fn gather(&self, view: &View, path: &str, context: Context<'_>, out: &mut Gathered) {
        if out.is_full() || context.depth > TYPE_DEPTH || self.size_of(view) == Some(0) {
            return;
        }
        out.steps -= 1;
        let dead = context.roles.map_or(&[][..], |roles| &roles.dead);
        if dead.iter().any(|(dead, _)| dead.is_same(view)) {
            return;
        }
        let deeper = Context {
            depth: context.depth + 1,
            ..context
        };
        match view.subject {
            Subject::Str => {}
            Subject::Slice(element) => {
                let Some(Meta::Length(count)) = view.meta else {
                    return;
                };
                self.gather_elements(view, (element, count), path, deeper, out);
            }
            Subject::Type(_) if self.is_dyn(view) => {
                if let Ok((concrete, Some(_))) = self.concrete(view) {
                    self.gather(&concrete, path, deeper, out);
                }
            }
            Subject::Type(_) => match self.fit(view.subject) {
                Some(fit) => {
                    self.hold(view, &fit, path, context, out);
                    let outer = context.roles.cloned().unwrap_or_default();
                    let roles = self.roles(view, &fit, "").or(&outer);
                    let encoding = encoding_of(&fit).or(context.encoding);
                    let inner = Context {
                        encoding,
                        roles: Some(&roles),
                        ..deeper
                    };
                    self.gather_type(view, path, inner, out);
                }
                None => self.gather_type(view, path, deeper, out),
            },
        }
    }

    fn gather_type(&self, view: &View, path: &str, context: Context<'_>, out: &mut Gathered) {
        let Some(ty) = self.type_of(view) else { return };
        match &ty.kind {
            TypeKind::Struct { fields, .. } => {
                for (index, field) in fields.iter().enumerate() {
                    if let Some(part) = self.field(view, index) {
                        let path = join(path, shown_name(&field.name));
                        self.gather(&part, &path, context, out);
                    }
                }
            }
            TypeKind::Enum { coroutine, .. } => {
                let Ok(Some((_, payload))) = self.active_payload(view) else {
                    return;
                };
                if *coroutine && self.is_over(&payload) {
                    return;
                }
                let fields = self.fields_of(&payload);
                for (index, field) in fields.iter().enumerate() {
                    if let Some(part) = self.field(&payload, index) {
                        let path = join(path, &payload_name(&fields, field));
                        self.gather(&part, &path, context, out);
                    }
                }
            }
            TypeKind::Union { .. } => {
                // Only a recipe knows which field is in use.
                let parts = context.roles.map_or(&[][..], |roles| &roles.parts);
                let known = parts.iter().find(|(part, _)| part.offset == view.offset);
                if let Some((part, _)) = known {
                    let context = Context {
                        roles: None,
                        ..context
                    };
                    self.gather(part, path, context, out);
                }
            }
            TypeKind::Array {
                element,
                count: Some(count),
            } => {
                self.gather_elements(view, (*element, *count), path, context, out);
            }
            TypeKind::Pointer { .. } | TypeKind::WidePointer { .. } => {
                self.gather_pointer(view, path, out);
            }
            _ => {}
        }
    }

    fn gather_elements(
        &self,
        view: &View,
        (element, count): (TypeId, u64),
        path: &str,
        context: Context<'_>,
        out: &mut Gathered,
    ) {
        if !self.can_hold_pointers(element) {
            return;
        }
        for index in 0..count.min(self.limits.pointers as u64) {
            if out.is_full() {
                return;
            }
            if let Some(part) = self.element(view, element, index) {
                self.gather(&part, &join(path, &format!("[{index}]")), context, out);
            }
        }
    }

    /// Whether values of a type can hold pointers; arrays of numbers cannot.
    fn can_hold_pointers(&self, ty: TypeId) -> bool {
        let mut at = ty;
        for _ in 0..super::path::WRAPPERS {
            at = match &self.types.ty(at).kind {
                TypeKind::Base(_) | TypeKind::CEnum { .. } => return false,
                TypeKind::Array { element, .. } => *element,
                _ => return true,
            };
        }
        true
    }

    /// A pointer that no recipe has spoken for.
    fn gather_pointer(&self, view: &View, path: &str, out: &mut Gathered) {
        if view
            .offset
            .is_some_and(|offset| out.spoken_for.contains(&offset))
        {
            return;
        }
        let Ok(Some(target)) = self.address_in(view) else {
            return;
        };
        if target.0 == 0 {
            return;
        }
        let kind = match self.pointer_kind(view) {
            Some(PointerKind::Box) => EdgeKind::Owns,
            Some(PointerKind::Shared) => EdgeKind::Borrows,
            Some(PointerKind::Mutable) => EdgeKind::BorrowsMut,
            Some(PointerKind::Function) => EdgeKind::Fn,
            Some(PointerKind::RawConst | PointerKind::RawMut | PointerKind::Unknown) | None => {
                EdgeKind::Raw
            }
        };
        self.push_pointer(view, kind, path, out);
        self.push_vtable(view, path, out);
    }

    /// Adds a pointer view with what it covers, and for an owner with the block.
    fn push_pointer(&self, view: &View, kind: EdgeKind, path: &str, out: &mut Gathered) {
        let Ok(Some(target)) = self.address_in(view) else {
            return;
        };
        let behind = if kind == EdgeKind::Fn {
            None
        } else {
            self.deref(view).ok().flatten()
        };
        let covers = behind.as_ref().and_then(|behind| self.size_of(behind));
        let allocation = match (&behind, kind) {
            (Some(behind), EdgeKind::Owns) => {
                if covers == Some(0) {
                    return;
                }
                Some(Allocation {
                    start: target,
                    size: covers,
                    contents: self.contents(behind),
                })
            }
            _ => None,
        };
        out.push(Pointer {
            kind,
            path: path.into(),
            offset: view.offset,
            at: view.at,
            target,
            target_type: behind.as_ref().and_then(target_type),
            covers,
            allocation,
        });
    }

    /// The vtable half of a wide pointer.
    fn push_vtable(&self, view: &View, path: &str, out: &mut Gathered) {
        let Some(ty) = self.type_of(view) else { return };
        let TypeKind::WidePointer {
            meta: WideMeta::Vtable { offset },
            ..
        } = ty.kind
        else {
            return;
        };
        let Ok(Some(Meta::Vtable(vtable))) = self.meta_of(view) else {
            return;
        };
        let half = view.part(view.subject, offset, None);
        out.push(Pointer {
            kind: EdgeKind::Vtable,
            path: path.into(),
            offset: half.offset,
            at: half.at,
            target: vtable,
            target_type: None,
            covers: None,
            allocation: None,
        });
    }

    /// What a block behind a `Box` contains.
    fn contents(&self, behind: &View) -> Contents {
        match (behind.subject, behind.meta) {
            (Subject::Str, Some(Meta::Length(length))) => {
                let encoding = TextEncoding::Utf8;
                Contents::Bytes {
                    encoding,
                    initialised: length,
                    capacity: length,
                }
            }
            (Subject::Slice(element), Some(Meta::Length(length))) => Contents::Elements {
                element,
                first: 0,
                initialised: length,
                capacity: length,
            },
            (Subject::Type(_), Some(Meta::Vtable(_))) => match self.concrete(behind) {
                Ok((
                    View {
                        subject: Subject::Type(ty),
                        meta,
                        ..
                    },
                    _,
                )) => Contents::One { ty, meta },
                Ok(_) => Contents::Unknown("no type".into()),
                Err(unknown) => Contents::Unknown(unknown.reason),
            },
            (Subject::Type(ty), meta) => Contents::One { ty, meta },
            _ => Contents::Unknown("a slice without a length".into()),
        }
    }

    /// Adds the owning pointer of a value with a recipe.
    fn hold(&self, view: &View, fit: &Fit, path: &str, context: Context<'_>, out: &mut Gathered) {
        // What cannot be read has no pointers that could be told.
        let _ = match fit.recipe.shape {
            Shape::Sequence | Shape::Ring => self.hold_sequence(view, fit, path, context, out),
            Shape::Span => self.hold_span(view, fit, path, out),
            Shape::Table => self.hold_table(view, fit, path, out),
            Shape::Tree => self.hold_tree(view, fit, path, out),
            Shape::List => self.hold_chain(view, fit, path, out),
            Shape::Counted => self.hold_counted(view, fit, path, out),
            Shape::Transparent => self.hold_transparent(view, fit, path, out),
            Shape::IoError => self.hold_io_error(view, fit, path, out),
            _ => Some(()),
        };
    }

    fn hold_sequence(
        &self,
        view: &View,
        fit: &Fit,
        path: &str,
        context: Context<'_>,
        out: &mut Gathered,
    ) -> Option<()> {
        let raw = self.sequence(view, fit).ok()??;
        if !out.speak_for(&raw.pointer) {
            return None;
        }
        let size = raw.block_size()?;
        let capacity = raw.capacity?;
        let contents = match context.encoding {
            Some(encoding) => Contents::Bytes {
                encoding,
                initialised: raw.length,
                capacity,
            },
            None => Contents::Elements {
                element: raw.element,
                first: raw.head,
                initialised: raw.length,
                capacity,
            },
        };
        let first = fit.path("pointer")?.first();
        out.push(Pointer {
            kind: EdgeKind::Owns,
            path: join(path, first).into(),
            offset: raw.pointer.offset,
            at: raw.pointer.at,
            target: raw.data,
            target_type: Some(raw.element),
            covers: raw.length.checked_mul(raw.element_size),
            allocation: Some(Allocation {
                start: raw.data,
                size: Some(size),
                contents,
            }),
        });
        Some(())
    }

    fn hold_span(&self, view: &View, fit: &Fit, path: &str, out: &mut Gathered) -> Option<()> {
        let raw = self.span(view, fit).ok()??;
        out.speak_for(&raw.pointer);
        if let Ok(Some((_, end))) = self.pointer_of(view, fit, "end") {
            out.speak_for(&end);
        }
        let covers = raw.length.checked_mul(raw.element_size);
        let owned = match raw.buffer {
            Some((start, pointer)) => {
                out.speak_for(&pointer);
                let capacity = raw.capacity?;
                let size = capacity
                    .checked_mul(raw.element_size)
                    .filter(|size| *size > 0)?;
                let first = raw
                    .start
                    .checked_distance(start)?
                    .checked_div(raw.element_size)?;
                let contents = Contents::Elements {
                    element: raw.element,
                    first,
                    initialised: raw.length,
                    capacity,
                };
                Some((
                    pointer,
                    Allocation {
                        start,
                        size: Some(size),
                        contents,
                    },
                ))
            }
            None => None,
        };
        let (part, kind) = match (&owned, fit.recipe.word("edge")) {
            (Some(_), _) => ("buffer", EdgeKind::Owns),
            (None, "borrows-mut") => ("pointer", EdgeKind::BorrowsMut),
            (None, _) => ("pointer", EdgeKind::Borrows),
        };
        if owned.is_none() && covers == Some(0) {
            return Some(());
        }
        let (pointer, allocation) = match owned {
            Some((pointer, allocation)) => (pointer, Some(allocation)),
            None => (raw.pointer, None),
        };
        out.push(Pointer {
            kind,
            path: join(path, fit.path(part)?.first()).into(),
            offset: pointer.offset,
            at: pointer.at,
            target: raw.start,
            target_type: Some(raw.element),
            covers,
            allocation,
        });
        Some(())
    }

    fn hold_table(&self, view: &View, fit: &Fit, path: &str, out: &mut Gathered) -> Option<()> {
        let raw = self.table(view, fit).ok()??;
        if !out.speak_for(&raw.pointer) || raw.buckets == 0 {
            return None;
        }
        let contents = Contents::Table(TableBlock {
            element: raw.element,
            buckets: raw.buckets,
            items: raw.items,
            control_offset: raw.control_offset,
            group: raw.group,
            is_set: fit.recipe.word("as") == "set",
        });
        out.push(Pointer {
            kind: EdgeKind::Owns,
            path: join(path, fit.path("control")?.first()).into(),
            offset: raw.pointer.offset,
            at: raw.pointer.at,
            target: raw.control,
            target_type: Some(raw.element),
            covers: None,
            allocation: Some(Allocation {
                start: raw.start(),
                size: Some(raw.size()),
                contents,
            }),
        });
        Some(())
    }

    fn hold_tree(&self, view: &View, fit: &Fit, path: &str, out: &mut Gathered) -> Option<()> {
        let root = self.tree(view, fit).ok()??.root?;
        if !out.speak_for(&root.pointer) {
            return None;
        }
        let is_set = fit.recipe.word("as") == "set";
        let contents = Contents::TreeNode {
            layout: root.layout,
            height: root.height,
            is_set,
        };
        let path = join(path, fit.path("root")?.first());
        out.push(self.node_pointer(&root.pointer, root.node, contents, &path));
        Some(())
    }

    fn hold_chain(&self, view: &View, fit: &Fit, path: &str, out: &mut Gathered) -> Option<()> {
        let raw = self.chain(view, fit).ok()??;
        if let Ok(Some((_, tail))) = self.pointer_of(view, fit, "tail") {
            out.speak_for(&tail);
        }
        let (node, pointer) = raw.head?;
        if !out.speak_for(&pointer) {
            return None;
        }
        let path = join(path, fit.path("head")?.first());
        let contents = Contents::ChainNode(raw.layout);
        out.push(self.node_pointer(&pointer, node, contents, &path));
        Some(())
    }

    /// An owning pointer to a node of a tree or chain.
    pub(crate) fn node_pointer(
        &self,
        pointer: &View,
        node: RuntimeAddress,
        contents: Contents,
        path: &str,
    ) -> Pointer {
        let ty = match &contents {
            Contents::TreeNode {
                layout, height: 0, ..
            } => Some(layout.leaf),
            Contents::TreeNode { layout, .. } => Some(layout.internal),
            Contents::ChainNode(layout) => Some(layout.node),
            _ => None,
        };
        let size = ty.and_then(|ty| self.size(ty));
        Pointer {
            kind: EdgeKind::Owns,
            path: path.into(),
            offset: pointer.offset,
            at: pointer.at,
            target: node,
            target_type: ty,
            covers: size,
            allocation: Some(Allocation {
                start: node,
                size,
                contents,
            }),
        }
    }

    fn hold_counted(&self, view: &View, fit: &Fit, path: &str, out: &mut Gathered) -> Option<()> {
        let (_, pointer) = self.pointer_of(view, fit, "pointer").ok()??;
        if !out.speak_for(&pointer) {
            return None;
        }
        let found = self.counted(view, fit).ok()??;
        let path = join(path, fit.path("pointer")?.first());
        let covers = self.size_of(&found.block);
        let contents = match found.block.subject {
            Subject::Type(ty) => Contents::One {
                ty,
                meta: found.block.meta,
            },
            _ => Contents::Unknown("a counted block without counts".into()),
        };
        let kind = match fit.recipe.word("edge") {
            "weak" => EdgeKind::Weak,
            _ => EdgeKind::Shares,
        };
        out.push(Pointer {
            kind,
            path: Arc::from(path.as_str()),
            offset: found.pointer.offset,
            at: found.pointer.at,
            target: found.at,
            target_type: target_type(&found.block),
            covers,
            allocation: Some(Allocation {
                start: found.at,
                size: covers,
                contents,
            }),
        });
        self.push_vtable(&found.pointer, &path, out);
        Some(())
    }

    fn hold_transparent(
        &self,
        view: &View,
        fit: &Fit,
        path: &str,
        out: &mut Gathered,
    ) -> Option<()> {
        let kind = match fit.recipe.word("edge") {
            "owns" => EdgeKind::Owns,
            "borrows" => EdgeKind::Borrows,
            "borrows-mut" => EdgeKind::BorrowsMut,
            _ => return None,
        };
        let (_, pointer) = self.pointer_of(view, fit, "pointer").ok()??;
        if !out.speak_for(&pointer) {
            return None;
        }
        let path = join(path, fit.path("pointer")?.first());
        self.push_pointer(&pointer, kind, &path, out);
        self.push_vtable(&pointer, &path, out);
        Some(())
    }

    fn hold_io_error(&self, view: &View, fit: &Fit, path: &str, out: &mut Gathered) -> Option<()> {
        let (word, pointer) = self.pointer_of(view, fit, "word").ok()??;
        out.speak_for(&pointer);
        if word.0 & 3 != 1 {
            return Some(());
        }
        let ty = self.type_of_word(fit, "custom")?;
        let start = RuntimeAddress(word.0.wrapping_sub(1));
        let size = self.size(ty);
        out.push(Pointer {
            kind: EdgeKind::Owns,
            path: join(path, fit.path("word")?.first()).into(),
            offset: pointer.offset,
            at: pointer.at,
            target: start,
            target_type: Some(ty),
            covers: size,
            allocation: Some(Allocation {
                start,
                size,
                contents: Contents::One { ty, meta: None },
            }),
        });
        Some(())
    }
}

/// The type a pointer's target has; of a slice, that of an element.
fn target_type(behind: &View) -> Option<TypeId> {
    match behind.subject {
        Subject::Type(ty) | Subject::Slice(ty) => Some(ty),
        Subject::Str => None,
    }
}

/// The encoding of a text recipe.
fn encoding_of(fit: &Fit) -> Option<TextEncoding> {
    if fit.recipe.shape != Shape::Text {
        return None;
    }
    Some(match fit.recipe.word("encoding") {
        "os" => TextEncoding::Os,
        "c" => TextEncoding::C,
        _ => TextEncoding::Utf8,
    })
}
