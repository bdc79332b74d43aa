//! The shapes of recipes, each written once: a file for each family.

mod cell;
mod chain;
mod counted;
mod plain;
mod sequence;
mod table;
mod tree;

use stackheap_model::{RuntimeAddress, TypeId, Unknown};

pub use chain::ChainNode;
pub(crate) use sequence::ring_index;
pub use tree::NodeLayout;

use super::Decoder;
use super::describe::Described;
use super::fit::Fit;
use super::recipe::Shape;
use super::view::View;

/// What a shape gives: `None` when the recipe does not fit after all, so that the structure is
/// shown.
pub(crate) type Shaped = Result<Option<Described>, Unknown>;

impl Decoder<'_> {
    /// Takes a value apart as its recipe says.
    pub(crate) fn describe_shape(&self, view: &View, fit: &Fit) -> Shaped {
        match fit.recipe.shape {
            Shape::Text => self.describe_text(view, fit),
            Shape::Sequence => self.describe_sequence(view, fit),
            Shape::Ring => self.describe_ring(view, fit),
            Shape::Table => self.describe_table(view, fit),
            Shape::Tree => self.describe_tree(view, fit),
            Shape::List => self.describe_chain(view, fit),
            Shape::Counted => self.describe_counted(view, fit),
            Shape::Counts => self.describe_counts(view, fit),
            Shape::Transparent => self.describe_transparent(view, fit),
            Shape::Payload => self.describe_payload(view),
            Shape::Cell => self.describe_cell(view, fit),
            Shape::Once => self.describe_once(view, fit),
            Shape::Fields => self.describe_fields(view, fit),
            Shape::Format => self.describe_format(view, fit),
            Shape::Fixed => self.describe_fixed(view, fit),
            Shape::Named => self.describe_named(fit),
            Shape::Span => self.describe_span(view, fit),
            Shape::Window => self.describe_window(view, fit),
            Shape::Duration => self.describe_duration(view, fit),
            Shape::Address => self.describe_address(view, fit),
            Shape::SocketAddress => self.describe_socket(view, fit),
            Shape::Alignment => self.describe_alignment(view, fit),
            Shape::IoError => self.describe_io_error(view, fit),
        }
    }

    /// The part of a value that a recipe names; `None` when the recipe, the type or the active
    /// variant has none.
    pub(crate) fn part_of(
        &self,
        view: &View,
        fit: &Fit,
        part: &str,
    ) -> Result<Option<View>, Unknown> {
        match fit.path(part) {
            Some(path) => self.at_path(view, path),
            None => Ok(None),
        }
    }

    /// The number at a part.
    pub(crate) fn number_of(
        &self,
        view: &View,
        fit: &Fit,
        part: &str,
    ) -> Result<Option<u64>, Unknown> {
        let Some(found) = self.part_of(view, fit, part)? else {
            return Ok(None);
        };
        let number = self.number_in(&found)?;
        Ok(number.map(|(number, _)| u64::try_from(number).unwrap_or(u64::MAX)))
    }

    /// The address at a part, and the view of the pointer.
    pub(crate) fn pointer_of(
        &self,
        view: &View,
        fit: &Fit,
        part: &str,
    ) -> Result<Option<(RuntimeAddress, View)>, Unknown> {
        let Some(found) = self.part_of(view, fit, part)? else {
            return Ok(None);
        };
        let Some(pointer) = self.pointer_in(&found)? else {
            return Ok(None);
        };
        Ok(self.address_in(&pointer)?.map(|address| (address, pointer)))
    }

    /// The number at a part of another value, by the recipe's alternatives.
    pub(crate) fn number_within(
        &self,
        view: &View,
        ty: TypeId,
        fit: &Fit,
        part: &str,
    ) -> Result<Option<u64>, Unknown> {
        let Some(found) = self.view_within(view, ty, fit, part)? else {
            return Ok(None);
        };
        let number = self.number_in(&found)?;
        Ok(number.map(|(number, _)| u64::try_from(number).unwrap_or(u64::MAX)))
    }

    /// A part of another value, by the recipe's alternatives.
    pub(crate) fn view_within(
        &self,
        view: &View,
        ty: TypeId,
        fit: &Fit,
        part: &str,
    ) -> Result<Option<View>, Unknown> {
        match self.path_in(&fit.recipe, part, ty) {
            Some((path, _)) => self.at_path(view, path),
            None => Ok(None),
        }
    }

    /// The size of a type in bytes, if it has one.
    pub(crate) fn size(&self, ty: TypeId) -> Option<u64> {
        self.types.ty(ty).size
    }
}
