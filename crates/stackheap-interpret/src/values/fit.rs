//! Which recipe fits which type.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use stackheap_model::{TypeId, TypeKind};

use super::path::Path;
use super::recipe::{Recipe, Recipes};
use super::view::Subject;
use super::{Decoder, TypeSource};

/// What is remembered about the types of one image: which recipe fits each, so that it is found
/// once. Shared by the decoders of that image.
#[derive(Debug, Default)]
pub struct Fits {
    recipes: Option<Arc<Recipes>>,
    known: Mutex<FxHashMap<TypeId, Fitting>>,
}

/// What the recipes say about a type.
#[derive(Clone, Debug)]
pub(crate) enum Fitting {
    /// No recipe matches its name.
    NoRecipe,
    /// This one fits.
    Fits(Arc<Fit>),
    /// One matches its name, but its fields are not found: the recipe's name.
    Misfit(Arc<str>),
}

/// A recipe together with the paths that exist in the type.
#[derive(Debug)]
pub(crate) struct Fit {
    pub(crate) recipe: Arc<Recipe>,
    paths: FxHashMap<&'static str, (Path, TypeId)>,
}

/// All names of parts that lie in the type itself.
const OWN_PARTS: [&str; 28] = [
    "bytes",
    "pointer",
    "length",
    "capacity",
    "element",
    "head",
    "tail",
    "control",
    "mask",
    "items",
    "root",
    "value",
    "state",
    "poison",
    "end",
    "buffer",
    "seconds",
    "nanoseconds",
    "octets",
    "data",
    "start",
    "ip",
    "port",
    "word",
    "scope",
    "flow",
    "strong",
    "weak",
];

impl Fits {
    /// An empty memory for an image, with these recipes instead of the built-in ones.
    pub fn with_recipes(recipes: Arc<Recipes>) -> Self {
        Self {
            recipes: Some(recipes),
            known: Mutex::default(),
        }
    }

    pub(crate) fn recipes(&self) -> Arc<Recipes> {
        self.recipes.clone().unwrap_or_else(Recipes::built_in)
    }

    fn of(&self, types: &dyn TypeSource, ty: TypeId) -> Fitting {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fitting) = known.get(&ty) {
            return fitting.clone();
        }
        let fitting = find(&self.recipes(), types, ty);
        known.insert(ty, fitting.clone());
        fitting
    }
}

impl Fit {
    /// The path of a part and the type it leads to; `None` when the recipe or the type has none.
    pub(crate) fn part(&self, name: &str) -> Option<(&Path, TypeId)> {
        self.paths.get(name).map(|(path, ty)| (path, *ty))
    }

    /// The path of a part.
    pub(crate) fn path(&self, name: &str) -> Option<&Path> {
        self.part(name).map(|(path, _)| path)
    }
}

impl Decoder<'_> {
    /// What the recipes say about the type of a view.
    pub(crate) fn fitting(&self, subject: Subject) -> Fitting {
        match subject {
            Subject::Type(ty) => self.fits.of(self.types, ty),
            Subject::Slice(_) | Subject::Str => Fitting::NoRecipe,
        }
    }

    /// The recipe that fits the type, if any.
    pub(crate) fn fit(&self, subject: Subject) -> Option<Arc<Fit>> {
        match self.fitting(subject) {
            Fitting::Fits(fit) => Some(fit),
            Fitting::NoRecipe | Fitting::Misfit(_) => None,
        }
    }

    /// The first of the alternative paths of a part that exists in a value of type `ty`.
    pub(crate) fn path_in<'r>(
        &self,
        recipe: &'r Recipe,
        part: &str,
        ty: TypeId,
    ) -> Option<(&'r Path, TypeId)> {
        recipe
            .paths(part)
            .iter()
            .find_map(|path| path.type_from(self.types, ty).map(|found| (path, found)))
    }
}

fn find(recipes: &Recipes, types: &dyn TypeSource, ty: TypeId) -> Fitting {
    let found = types.ty(ty);
    // A pointer's name says what it is; `Box<T>` is one, unless its allocator takes space.
    if matches!(
        found.kind,
        TypeKind::Pointer { .. } | TypeKind::WidePointer { .. }
    ) {
        return Fitting::NoRecipe;
    }
    let mut misfit = None;
    for recipe in recipes.matching(&found.name) {
        let mut paths = FxHashMap::default();
        for part in OWN_PARTS {
            let found = recipe
                .paths(part)
                .iter()
                .find_map(|path| path.type_from(types, ty).map(|to| (path.clone(), to)));
            if let Some(found) = found {
                paths.insert(part, found);
            }
        }
        if recipe
            .shape
            .needs()
            .iter()
            .all(|part| paths.contains_key(part))
        {
            return Fitting::Fits(Arc::new(Fit { recipe, paths }));
        }
        misfit.get_or_insert_with(|| recipe.name.clone());
    }
    misfit.map_or(Fitting::NoRecipe, Fitting::Misfit)
}
