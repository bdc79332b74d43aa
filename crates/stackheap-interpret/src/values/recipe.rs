//! Recipes: what the types of the standard library mean, as data.
//!
//! A recipe file is TOML with entries of this form:
//!
//! ```toml
//! [[recipe]]
//! types = ["alloc::vec::Vec<T, A>"]        # patterns over full paths
//! shape = "sequence"                       # one of the shapes below
//! pointer = ["buf.inner.ptr", "buf.ptr"]   # paths of fields; the first that exists is taken
//! capacity = ["buf.inner.cap", "buf.cap"]
//! length = "len"
//! element = "<T>"
//! ```
//!
//! A shape is written once in code and takes its parts from the paths. A recipe fits a type when
//! each part its shape needs is found by one of its alternative paths. An entry `[[stand-in]]` with
//! `name` and `as` names the type in whose place another can be decoded when the debug information
//! has no layout for a concrete type behind a `dyn`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::path::Path;
use super::pattern::Pattern;

/// The recipe files of this crate, by name.
const BUILT_IN: [(&str, &str); 6] = [
    (
        "collections.toml",
        include_str!("../../recipes/collections.toml"),
    ),
    ("text.toml", include_str!("../../recipes/text.toml")),
    ("pointers.toml", include_str!("../../recipes/pointers.toml")),
    ("cells.toml", include_str!("../../recipes/cells.toml")),
    ("plain.toml", include_str!("../../recipes/plain.toml")),
    ("threads.toml", include_str!("../../recipes/threads.toml")),
];

/// The shapes a recipe can give a type. Each names the parts it needs; parts in brackets may be
/// missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// Text in bytes: `bytes`; word `encoding`: `utf8`, `os` or `c`.
    Text,
    /// Elements one after the other: `pointer`, `length`, `element`, `[capacity]`.
    Sequence,
    /// Elements in a ring: `pointer`, `capacity`, `head`, `length`, `element`.
    Ring,
    /// An open-addressing table with control bytes in front of which the elements lie: `control`,
    /// `mask`, `items`, `element`; words `as` (`map` or `set`), `group` (control bytes behind the
    /// last bucket).
    Table,
    /// A tree of nodes with several keys: `root`, `length`, within the root `height`, `node`, within
    /// a node `node-length`, `keys`, `values`, `internal`, within an internal node `edges`; word `as`.
    Tree,
    /// A chain of nodes: `head`, `length`, within a node `next`, `element`; `[tail]`, `[previous]`.
    List,
    /// A pointer to a block with counts: `pointer`, within the block `strong`, `weak`, `value`; word
    /// `edge`: `shares` or `weak`.
    Counted,
    /// A block's own counts and value: `strong`, `weak`, `value`.
    Counts,
    /// Prints as its part `value` does, which may lie behind a pointer; `[pointer]` with the word
    /// `edge` says what that pointer means; word `as`: `bool`.
    Transparent,
    /// Prints as the only field of its active variant does.
    Payload,
    /// `Name { label: value }` around `value`; words `name`, `label`; `[state]`, the word `lock`
    /// (`borrow-count`, `futex-mutex`, `futex-rwlock`) says how it is read and the word `hidden` what
    /// stands for the value while it cannot be; `[poison]`.
    Cell,
    /// `Name(value)` or `Name(<uninit>)`: `value`, either through the variant that is there when it
    /// is filled, or with `state` and the word `filled`, the number that says so; word `name`.
    Once,
    /// A structure with chosen parts: table `fields`; words `name`, `more` (`yes` for a `..`).
    Fields,
    /// A text with holes: word `template`, in which `{path}` is a part and `{path?text}` the text
    /// where the part is `true`.
    Format,
    /// A fixed text: word `text`.
    Fixed,
    /// The name with the generic argument, as `PhantomData<T>`: word `name`, `element`.
    Named,
    /// Bytes between two pointers: `pointer`, `end`, `element`, `[buffer]`, `[capacity]`; words
    /// `name`, `edge`.
    Span,
    /// Elements in place, of which a part is there: `data` (the array), `end`, `element`, `[start]`;
    /// word `name`.
    Window,
    /// Seconds and nanoseconds: `seconds`, `nanoseconds`.
    Duration,
    /// The four or sixteen bytes of an internet address: `octets`.
    Address,
    /// An internet address with a port: `ip`, `port`, `[scope]`, `[flow]`.
    SocketAddress,
    /// A power of two: `value`.
    Alignment,
    /// A word whose two lowest bits say what the rest is, as `std::io::Error` has it: `word`; the
    /// words `message`, `custom` and `kind` name the types that are meant.
    IoError,
}

impl Shape {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "sequence" => Self::Sequence,
            "ring" => Self::Ring,
            "table" => Self::Table,
            "tree" => Self::Tree,
            "list" => Self::List,
            "counted" => Self::Counted,
            "counts" => Self::Counts,
            "transparent" => Self::Transparent,
            "payload" => Self::Payload,
            "cell" => Self::Cell,
            "once" => Self::Once,
            "fields" => Self::Fields,
            "format" => Self::Format,
            "fixed" => Self::Fixed,
            "named" => Self::Named,
            "span" => Self::Span,
            "window" => Self::Window,
            "duration" => Self::Duration,
            "address" => Self::Address,
            "socket-address" => Self::SocketAddress,
            "alignment" => Self::Alignment,
            "io-error" => Self::IoError,
            _ => return None,
        })
    }

    /// The parts that must exist in the type itself for a recipe to fit.
    pub(crate) fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["bytes"],
            Self::Sequence => &["pointer", "length", "element"],
            Self::Ring => &["pointer", "capacity", "head", "length", "element"],
            Self::Table => &["control", "mask", "items", "element"],
            Self::Tree => &["root", "length"],
            Self::List => &["head", "length"],
            Self::Counted => &["pointer"],
            Self::Counts => &["strong", "weak", "value"],
            Self::Transparent | Self::Cell | Self::Once | Self::Alignment => &["value"],
            Self::Span => &["pointer", "end", "element"],
            Self::Window => &["data", "end", "element"],
            Self::Duration => &["seconds", "nanoseconds"],
            Self::Address => &["octets"],
            Self::SocketAddress => &["ip", "port"],
            Self::IoError => &["word"],
            Self::Named => &["element"],
            Self::Payload | Self::Fields | Self::Format | Self::Fixed => &[],
        }
    }

    /// The words a recipe of this shape must have.
    fn needed_words(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["encoding"],
            Self::Table => &["as", "group"],
            Self::Tree => &[
                "as",
                "height",
                "node",
                "node-length",
                "keys",
                "values",
                "internal",
                "edges",
            ],
            Self::List => &["next", "element"],
            Self::Counted => &["strong", "weak", "value", "edge"],
            Self::Cell => &["name", "label"],
            Self::Once | Self::Named | Self::Span | Self::Window => &["name"],
            Self::Fields => &["name", "fields"],
            Self::Format => &["template"],
            Self::Fixed => &["text"],
            _ => &[],
        }
    }
}

/// A part of the shape `fields`: its name and its alternative paths.
type NamedPaths = (Arc<str>, Vec<Path>);

/// One recipe.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    /// How messages call it: its first pattern.
    pub(crate) name: Arc<str>,
    pub(crate) shape: Shape,
    patterns: Vec<Pattern>,
    parts: FxHashMap<String, Vec<Path>>,
    words: FxHashMap<String, Vec<String>>,
    /// The parts of a table `fields`, in order.
    pub(crate) fields: Vec<NamedPaths>,
}

impl Recipe {
    /// The alternative paths of a part.
    pub(crate) fn paths(&self, part: &str) -> &[Path] {
        self.parts.get(part).map_or(&[], Vec::as_slice)
    }

    /// A word of the recipe, empty when there is none.
    pub(crate) fn word(&self, name: &str) -> &str {
        self.words
            .get(name)
            .and_then(|words| words.first())
            .map_or("", String::as_str)
    }

    /// The alternatives of a word.
    pub(crate) fn words(&self, name: &str) -> &[String] {
        self.words.get(name).map_or(&[], Vec::as_slice)
    }
}

/// What was wrong with a recipe; the recipe is left out and the others stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeError {
    /// The file.
    pub file: String,
    /// What was expected, what was found, what to do.
    pub message: String,
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recipe file {}: {}", self.file, self.message)
    }
}

impl std::error::Error for RecipeError {}

/// A set of recipes, found by the full path of a type.
#[derive(Clone, Debug, Default)]
pub struct Recipes {
    recipes: Vec<Arc<Recipe>>,
    by_key: FxHashMap<String, Vec<usize>>,
    without_key: Vec<usize>,
    stand_ins: Vec<(Pattern, String)>,
}

#[derive(Deserialize)]
struct FileText {
    #[serde(default)]
    recipe: Vec<RecipeText>,
    #[serde(default, rename = "stand-in")]
    stand_in: Vec<StandInText>,
}

#[derive(Deserialize)]
struct RecipeText {
    types: Vec<String>,
    shape: String,
    #[serde(flatten)]
    rest: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct StandInText {
    name: String,
    #[serde(rename = "as")]
    stand_in: String,
}

impl Recipes {
    /// The recipes of this crate.
    pub fn built_in() -> Arc<Self> {
        static BUILT: OnceLock<Arc<Recipes>> = OnceLock::new();
        BUILT
            .get_or_init(|| Arc::new(Self::parse(&BUILT_IN).0))
            .clone()
    }

    /// Recipes from files, each a name for messages and a text. Of two that match a type, the
    /// earlier counts. What cannot be used is left out and told.
    pub fn parse(files: &[(&str, &str)]) -> (Self, Vec<RecipeError>) {
        let mut recipes = Self::default();
        let mut errors = Vec::new();
        for (file, text) in files {
            let tell = |message: String| RecipeError {
                file: (*file).to_owned(),
                message,
            };
            let parsed: FileText = match toml::from_str(text) {
                Ok(parsed) => parsed,
                Err(error) => {
                    errors.push(tell(format!(
                        "expected TOML with [[recipe]] entries: {error}"
                    )));
                    continue;
                }
            };
            for entry in parsed.recipe {
                match recipe(entry) {
                    Ok(recipe) => recipes.add(recipe),
                    Err(message) => errors.push(tell(message)),
                }
            }
            for entry in parsed.stand_in {
                recipes
                    .stand_ins
                    .push((Pattern::parse(&entry.name), entry.stand_in));
            }
        }
        (recipes, errors)
    }

    fn add(&mut self, recipe: Recipe) {
        let index = self.recipes.len();
        for pattern in &recipe.patterns {
            let list = match pattern.key() {
                Some(key) => self.by_key.entry(key.to_owned()).or_default(),
                None => &mut self.without_key,
            };
            list.push(index);
        }
        self.recipes.push(Arc::new(recipe));
    }

    /// The recipes whose patterns match, the first to be tried first.
    pub(crate) fn matching(&self, full: &str) -> Vec<Arc<Recipe>> {
        let keyed = self.by_key.get(super::names::short_name(full));
        let mut indexes: Vec<usize> = keyed.into_iter().flatten().copied().collect();
        indexes.extend(&self.without_key);
        indexes.sort_unstable();
        indexes.dedup();
        indexes
            .into_iter()
            .filter_map(|index| self.recipes.get(index))
            .filter(|recipe| recipe.patterns.iter().any(|pattern| pattern.matches(full)))
            .cloned()
            .collect()
    }

    /// The type to decode in the place of a concrete type whose layout is not known.
    pub(crate) fn stand_in(&self, full: &str) -> Option<&str> {
        self.stand_ins
            .iter()
            .find(|(pattern, _)| pattern.matches(full))
            .map(|(_, stand_in)| stand_in.as_str())
    }
}

/// A recipe from its text, or what is wrong with it.
fn recipe(text: RecipeText) -> Result<Recipe, String> {
    let name = text
        .types
        .first()
        .ok_or("expected at least one pattern in `types`")?
        .clone();
    let shape = Shape::named(&text.shape)
        .ok_or_else(|| format!("{name}: `{}` is not the name of a shape", text.shape))?;
    let mut recipe = Recipe {
        name: name.as_str().into(),
        shape,
        patterns: text
            .types
            .iter()
            .map(|pattern| Pattern::parse(pattern))
            .collect(),
        parts: FxHashMap::default(),
        words: FxHashMap::default(),
        fields: Vec::new(),
    };
    for (key, value) in text.rest {
        if key == "fields" {
            recipe.fields = fields(&name, value)?;
            recipe.words.insert(key, Vec::new());
            continue;
        }
        let alternatives = strings(&name, &key, value)?;
        let paths = alternatives.iter().map(|path| Path::parse(path)).collect();
        recipe.parts.insert(key.clone(), paths);
        recipe.words.insert(key, alternatives);
    }
    let missing_part = shape
        .needs()
        .iter()
        .find(|part| !recipe.parts.contains_key(**part));
    let missing_word = shape
        .needed_words()
        .iter()
        .find(|word| !recipe.words.contains_key(**word));
    match missing_part.or(missing_word) {
        Some(missing) => Err(format!(
            "{name}: the shape `{}` needs `{missing}`",
            text.shape
        )),
        None => Ok(recipe),
    }
}

/// One text or a list of texts.
fn strings(name: &str, key: &str, value: toml::Value) -> Result<Vec<String>, String> {
    let wrong = || format!("{name}: expected a text or a list of texts in `{key}`");
    match value {
        toml::Value::String(text) => Ok(vec![text]),
        toml::Value::Array(items) => items
            .into_iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        _ => Err(wrong()),
    }
}

/// The list of `[name, path, alternative path, ...]` of the shape `fields`.
fn fields(name: &str, value: toml::Value) -> Result<Vec<NamedPaths>, String> {
    let wrong = || format!("{name}: expected a list of [name, path, ...] in `fields`");
    let toml::Value::Array(items) = value else {
        return Err(wrong());
    };
    items
        .into_iter()
        .map(|item| {
            let texts = strings(name, "fields", item)?;
            let (label, paths) = texts.split_first().ok_or_else(wrong)?;
            let paths = paths.iter().map(|path| Path::parse(path)).collect();
            Ok((label.as_str().into(), paths))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_recipe_is_understood() {
        let (recipes, errors) = Recipes::parse(&BUILT_IN);
        assert_eq!(errors, []);
        assert!(recipes.recipes.len() > 40, "{}", recipes.recipes.len());
    }

    #[test]
    fn a_wrong_recipe_is_left_out_and_told() {
        let text = r#"
            [[recipe]]
            types = ["a::B"]
            shape = "sequence"
            pointer = "p"
            [[recipe]]
            types = ["a::C"]
            shape = "cube"
            [[recipe]]
            types = ["a::D"]
            shape = "fixed"
            text = "D"
        "#;
        let (recipes, errors) = Recipes::parse(&[("x.toml", text)]);
        let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "recipe file x.toml: a::B: the shape `sequence` needs `length`",
                "recipe file x.toml: a::C: `cube` is not the name of a shape",
            ]
        );
        assert_eq!(recipes.matching("a::D").len(), 1);
        assert!(recipes.matching("a::B").is_empty());
    }
}
