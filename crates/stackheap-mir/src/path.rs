//! What can have a value of its own, and lose it: locals, and the parts that are moved or assigned.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use crate::{Body, Local, Operand, Place, Projection, StatementKind, TerminatorKind};

/// A step of a move path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathElement<'t> {
    /// What a `Box` owns.
    Deref,
    /// A field by its number.
    Field(u32),
    /// A variant of an enum.
    Downcast(&'t str),
    /// An element of an array that a pattern takes.
    Element {
        /// Which one, from 0; from the end, from 1.
        offset: u32,
        /// Whether the offset counts from the end.
        from_end: bool,
    },
}

/// An index into [`MovePaths::paths`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MovePathId(pub u32);

impl MovePathId {
    /// The number as an index.
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A local, or a part of one that is moved, assigned or dropped by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovePath<'t> {
    /// The local.
    pub local: Local,
    /// The way from the local to the part; empty for the local itself.
    pub elements: Vec<PathElement<'t>>,
    /// The path it is a part of.
    pub parent: Option<MovePathId>,
    /// The paths that are it or parts of it.
    pub subtree: Range<u32>,
}

/// `_1`, `_1.0`, `(_1 as Some).0`, `*_1`.
impl fmt::Display for MovePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for element in self.elements.iter().rev() {
            match element {
                PathElement::Deref => f.write_str("(*")?,
                PathElement::Downcast(_) => f.write_str("(")?,
                _ => {}
            }
        }
        self.local.fmt(f)?;
        for element in &self.elements {
            match element {
                PathElement::Deref => f.write_str(")")?,
                PathElement::Field(index) => write!(f, ".{index}")?,
                PathElement::Downcast(name) => write!(f, " as {name})")?,
                PathElement::Element { offset, from_end } => {
                    write!(f, "[{}{offset}]", if *from_end { "-" } else { "" })?;
                }
            }
        }
        Ok(())
    }
}

/// All move paths of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovePaths<'t> {
    /// The paths, by local and then by way, so that parts follow what they are parts of.
    pub paths: Vec<MovePath<'t>>,
}

/// Which path a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathOf {
    /// The place has this path.
    Exactly(MovePathId),
    /// The place is a part of this path, and none of its own.
    Inside(MovePathId),
    /// The place is behind a pointer that does not own it.
    BehindPointer,
    /// The local of the place is not declared.
    Undeclared,
}

impl<'t> MovePaths<'t> {
    /// The paths of a body, in time that grows with its text.
    pub fn of(body: &Body<'t>) -> Self {
        let mut keys: BTreeSet<(Local, Vec<PathElement<'t>>)> = BTreeSet::new();
        keys.extend(body.locals.iter().map(|decl| (decl.local, Vec::new())));
        keys.insert((Local::RETURN_PLACE, Vec::new()));
        let mut add = |place: &Place<'t>| {
            if place.projection.is_empty() {
                return;
            }
            if let Some((elements, _)) = elements(body, place) {
                for length in 1..=elements.len().min(PATH_DEPTH_LIMIT) {
                    keys.insert((place.local, elements[..length].to_vec()));
                }
            }
        };
        for variable in &body.variables {
            variable.place().into_iter().for_each(&mut add);
        }
        for block in &body.blocks {
            for statement in &block.statements {
                if let StatementKind::Assign(place, _) = &statement.kind {
                    add(place);
                }
                moved(statement.kind.operands()).for_each(&mut add);
            }
            if let Some(terminator) = &block.terminator {
                moved(terminator.kind.operands()).for_each(&mut add);
                terminator.kind.destination().into_iter().for_each(&mut add);
                if let TerminatorKind::Drop(place) = &terminator.kind {
                    add(place);
                }
            }
        }
        Self::from_keys(keys)
    }

    fn from_keys(keys: BTreeSet<(Local, Vec<PathElement<'t>>)>) -> Self {
        let mut paths: Vec<MovePath<'t>> = Vec::with_capacity(keys.len());
        // The paths that the next one can be a part of.
        let mut open: Vec<usize> = Vec::new();
        for (local, elements) in keys {
            let index = paths.len();
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            while let Some(&last) = open.last() {
                let outer: &MovePath<'_> = &paths[last];
                if outer.local == local && elements.starts_with(&outer.elements) {
                    break;
                }
                paths[last].subtree.end = number;
                open.pop();
            }
            let parent = open
                .last()
                .and_then(|&last| u32::try_from(last).ok())
                .map(MovePathId);
            paths.push(MovePath {
                local,
                elements,
                parent,
                subtree: number..number,
            });
            open.push(index);
        }
        let end = u32::try_from(paths.len()).unwrap_or(u32::MAX);
        for index in open {
            paths[index].subtree.end = end;
        }
        Self { paths }
    }

    /// A path by its number.
    pub fn get(&self, id: MovePathId) -> Option<&MovePath<'t>> {
        self.paths.get(id.index())
    }

    /// The path that is a whole local.
    pub fn local(&self, local: Local) -> Option<MovePathId> {
        self.find(local, &[])
    }

    fn find(&self, local: Local, elements: &[PathElement<'t>]) -> Option<MovePathId> {
        let order =
            |path: &MovePath<'t>| (path.local, path.elements.as_slice()).cmp(&(local, elements));
        let index = self.paths.binary_search_by(order).ok()?;
        u32::try_from(index).ok().map(MovePathId)
    }

    /// The path of a place of the body that the paths are of.
    pub fn of_place(&self, body: &Body<'t>, place: &Place<'t>) -> PathOf {
        let Some(whole) = self.local(place.local) else {
            return PathOf::Undeclared;
        };
        if place.projection.is_empty() {
            return PathOf::Exactly(whole);
        }
        let Some((elements, is_whole)) = elements(body, place) else {
            return PathOf::BehindPointer;
        };
        for length in (0..=elements.len().min(PATH_DEPTH_LIMIT)).rev() {
            if let Some(id) = self.find(place.local, &elements[..length]) {
                return if is_whole && length == elements.len() {
                    PathOf::Exactly(id)
                } else {
                    PathOf::Inside(id)
                };
            }
        }
        PathOf::Inside(whole)
    }
}

/// How deep a part may lie; no real type nests its fields so deeply.
const PATH_DEPTH_LIMIT: usize = 32;

/// The places that operands move out of.
fn moved<'a, 't>(operands: &'a [Operand<'t>]) -> impl Iterator<Item = &'a Place<'t>> {
    operands.iter().filter_map(|operand| match operand {
        Operand::Move(place) => Some(place),
        _ => None,
    })
}

/// The way to a place, and whether it is all of the way: where an index is computed, it ends.
/// `None` for what is behind a pointer that is no `Box`.
fn elements<'t>(body: &Body<'t>, place: &Place<'t>) -> Option<(Vec<PathElement<'t>>, bool)> {
    let mut elements = Vec::with_capacity(place.projection.len());
    let mut ty = body.local(place.local).map_or("", |decl| decl.ty);
    for projection in &place.projection {
        elements.push(match *projection {
            Projection::Deref => {
                if !is_box(ty) {
                    return None;
                }
                // The type of a field says whether a second one is a `Box` too.
                ty = box_content(ty);
                PathElement::Deref
            }
            Projection::Field(index, field) => {
                ty = field;
                PathElement::Field(index)
            }
            Projection::Downcast(name) => PathElement::Downcast(name),
            Projection::ConstantIndex {
                offset, from_end, ..
            } => {
                ty = "";
                PathElement::Element { offset, from_end }
            }
            Projection::Cast(target) => {
                ty = target;
                continue;
            }
            Projection::Index(_) | Projection::Subslice(_) => return Some((elements, false)),
        });
    }
    Some((elements, true))
}

/// The `Box` that a place is the pointer of, or a part of its pointer.
pub(crate) fn box_around<'t>(body: &Body<'t>, place: &Place<'t>) -> Option<Place<'t>> {
    let local_ty = body.local(place.local).map_or("", |decl| decl.ty);
    let ends_in_box = |length: &usize| match place.projection[..*length].last() {
        None => is_box(local_ty),
        Some(Projection::Field(_, ty)) => is_box(ty),
        Some(_) => false,
    };
    let length = (0..=place.projection.len()).rev().find(ends_in_box)?;
    Some(Place {
        local: place.local,
        projection: place.projection[..length].to_vec(),
    })
}

/// Whether a type is the `Box` whose content can be moved out of. A type of the user's own with the
/// same name has no such places.
fn is_box(ty: &str) -> bool {
    let path = ty.split('<').next().unwrap_or(ty);
    path == "Box" || path.ends_with("::boxed::Box")
}

fn box_content(ty: &str) -> &str {
    let content = ty.split_once('<').map_or("", |(_, content)| content);
    content.strip_suffix('>').unwrap_or(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "fn f(_1: (A, Box<B>), _2: &A) -> () {
    bb0: {
        _0 = g(move (_1.0: A), move (*(_1.1: Box<B>)), move ((_3 as Some).0: C)) -> [return: bb1, unwind continue];
    }
    bb1: {
        ((*_2).0: D) = const 1_u8;
        return;
    }
}
";

    #[test]
    fn parts_follow_what_they_are_parts_of() {
        let (bodies, problems) = crate::parse(TEXT);
        assert!(problems.is_empty(), "{problems:?}");
        let paths = MovePaths::of(&bodies[0]);
        let names: Vec<String> = paths.paths.iter().map(MovePath::to_string).collect();
        assert_eq!(
            names,
            [
                "_0",
                "_1",
                "_1.0",
                "_1.1",
                "(*_1.1)",
                "_2",
                "(_3 as Some)",
                "(_3 as Some).0"
            ]
        );
        let subtree = |index: usize| paths.paths[index].subtree.clone();
        assert_eq!((subtree(0), subtree(1), subtree(3)), (0..1, 1..5, 3..5));
        assert_eq!(paths.paths[4].parent, Some(MovePathId(3)));
        let of = |text| paths.of_place(&bodies[0], &Place::parse(text).unwrap());
        assert_eq!(of("(_1.0: A)"), PathOf::Exactly(MovePathId(2)));
        assert_eq!(of("((_1.0: A).3: X)"), PathOf::Inside(MovePathId(2)));
        assert_eq!(of("(*_2)"), PathOf::BehindPointer);
        assert_eq!(of("_9"), PathOf::Undeclared);
    }
}
