//! The marks of the corpus: the assertions beside them, and the check of an assertion against a
//! state in the JSON form of `stackheap show --format json`.
//!
//! Takes the text of a program, gives [`Program`]; takes a claim, a state and the program's whole
//! standard output, gives a reason where the claim does not hold. The language is described in
//! `tests/programs/README.md`. Knows nothing of recordings and nothing of the project's own types:
//! what is checked here is what a script would read.
//!
//! A number or text that a program claims must also be printed by the program itself, on a witness
//! line (`=x 5`, `@x 0x7ffd1234`). [`check`] compares the state with both. [`instrument`] and
//! [`check_natively`] compare claim and witness in a plain native run, without any recording.
//!
//! ```text
//! let s = String::from("hello");
//! println!("=s {s:?}\n=s.bytes {}", s.capacity()); // <1> s: live, owns 5 bytes on the heap
//! //   s = "hello"
//! ```

#![allow(dead_code, reason = "each test uses a part of this module")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// A program of the corpus: how it is run, and what is claimed about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The source file.
    pub path: PathBuf,
    /// How it is run and how it ends.
    pub header: Header,
    /// The marks, in the order of the source.
    pub marks: Vec<MarkBlock>,
}

/// The `//!` lines at the top of a program that are not prose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `//! exit: 101`: the exit status; 0 where nothing is said, `None` where a signal ends it.
    pub exit: Option<i32>,
    /// `//! signal: 6`: the signal that ends it.
    pub signal: Option<i32>,
    /// `//! stdin: "3\n4\n"`: what it reads; empty where nothing is said.
    pub stdin: String,
    /// `//! args: one "two words"`: its arguments.
    pub args: Vec<String>,
    /// `//! drawing: none`: what is drawn differs from run to run, by the order of its threads or by
    /// where its stack begins, and so no drawing of it is kept.
    pub no_drawing: bool,
    /// `//! optimised: yes`: it is built with `--release`.
    pub optimised: bool,
    /// `//! edition: 2021`: the edition, where it is not the one that single files have.
    pub edition: Option<String>,
}

/// The claims beside one passing of one mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkBlock {
    /// The name between `<` and `>`, without `#k`.
    pub name: String,
    /// Which passing of the line, from 1.
    pub nth: u32,
    /// The line with the mark, from 1.
    pub line: u32,
    /// What is claimed about the state just before that line's statement runs.
    pub assertions: Vec<Assertion>,
}

/// A claim with its text and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// As written.
    pub text: String,
    /// The line it is written on, from 1.
    pub line: u32,
    /// What it says.
    pub claim: Claim,
}

/// What an assertion says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `x = 5`, `p.name = "Ada"`, `v.capacity = 4`, `static N = 3`.
    Value(Subject, Expected),
    /// `x: live, place stack, size 24`.
    Is(Subject, Vec<Property>),
    /// `frames = inner, outer, main`, innermost first; of the thread that stopped, or of a named one.
    Frames(Option<String>, Vec<String>),
    /// `frame count = 12`.
    FrameCount(Expected),
    /// `threads = 2`: how many have started and not ended.
    Threads(Expected),
    /// `heap blocks = printed`: live blocks.
    HeapBlocks(Expected),
    /// `heap bytes = printed`: bytes in live blocks.
    HeapBytes(Expected),
    /// `output ends "text"`: the end of standard output so far.
    OutputEnds(String),
    /// `errors end "text"`: the end of standard error so far.
    ErrorsEnd(String),
    /// `event alloc 5 bytes`: among the thread's events since its previous state.
    Event(EventClaim),
    /// `no event drop s`: not among these events.
    NoEvent(EventClaim),
    /// `rodata "hello"`: read-only data with this value is shown.
    Rodata(String),
}

/// A text that is written down, or the one that the program prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Written in the assertion.
    Text(String),
    /// `printed`: only the witness line has it.
    Printed,
}

/// What an assertion is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// As written; also the label of its witness lines.
    pub label: String,
    /// Where it is looked for.
    pub root: Root,
    /// The parts behind the name: fields, indices, or a fact such as `capacity`.
    pub parts: Vec<String>,
}

/// Where a subject is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// A local of the innermost frame of the thread that stopped.
    Local(String),
    /// `main::x`: a local of the innermost frame of that function, in this thread or any other.
    Of(String, String),
    /// `static NAME`.
    Static(String),
    /// `tls NAME`.
    Tls(String),
}

/// A property of a local or static.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Property {
    /// `live`, `uninit`, `moved`, ...: the state of a local, by its name in the JSON.
    State(String),
    /// `not live`: in any other state, or not listed.
    NotLive,
    /// `lent`, `lent to r`, `mutably lent to r`: a loan holds it.
    Lent(Loan),
    /// `not lent`: no loan does.
    NotLent,
    /// `without label`: this part of it was moved out.
    Without(String),
    /// `place stack`.
    Place(String),
    /// `size 24`.
    Size(u64),
    /// `at printed`: its address is the one on the line `@x`.
    At,
    /// `heap at printed`: the address on the line `@x.heap` lies in a block it owns or shares.
    HeapAt,
    /// `owns nothing`: no block at all.
    OwnsNothing,
    /// `owns a block`.
    OwnsABlock,
    /// `owns 5 bytes on the heap`: the blocks it owns itself.
    OwnsBytes(u64),
    /// `owns 3 blocks in all`: with the blocks that those blocks own.
    OwnsBlocksInAll(u64),
    /// `shares a block`.
    SharesABlock,
    /// `shares block with y`.
    SharesWith(Subject),
    /// `weak to y`: a `Weak` of the block that `y` shares.
    WeakTo(Subject),
    /// `borrows ...`, `borrows-mut ...`, `raw ...`: an edge of that kind to a target.
    Edge(String, Target),
    /// `points to printed`: an edge leads to the address on the line `@*x`.
    PointsTo,
    /// `fn name`: an edge to that function.
    Function(String),
    /// `dyn Name`: a trait object of that concrete type.
    Dyn(String),
    /// `type Name`: the last segment of its type, without generic arguments.
    Type(String),
}

/// A loan that holds a local.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loan {
    /// Any.
    Any,
    /// A shared one, whose reference this variable holds.
    Shared(String),
    /// A mutable one.
    Mutable(String),
}

impl Loan {
    fn is(&self, json: &Json) -> bool {
        let (kind, holder) = match self {
            Self::Any => return true,
            Self::Shared(holder) => ("shared", holder),
            Self::Mutable(holder) => ("mutable", holder),
        };
        json["kind"] == kind && json["holder"] == holder.as_str()
    }
}

/// What a pointer leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How many bytes it covers there, where that is claimed.
    pub bytes: Option<u64>,
    /// What it lies in.
    pub place: TargetPlace,
}

/// What the target of a pointer lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPlace {
    /// A local or static itself.
    Inside(Subject),
    /// `heap of s`: a block that the local owns or shares, also through other blocks.
    HeapOf(Subject),
    /// `heap`, `rodata`, `static`, `stack`, `tls`: anything of that region.
    Region(String),
    /// `anything`.
    Anything,
}

/// What is claimed about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventClaim {
    /// Its kind: `alloc`, `realloc`, `free`, `call`, `return`, `output`, ...
    pub kind: String,
    /// For `alloc` and `free`, and the second of `realloc`.
    pub bytes: Option<u64>,
    /// For `realloc 8 to 23 bytes`, the first.
    pub old_bytes: Option<u64>,
    /// For `call`, `return`, `init`, `assign` and `output`: a name or a part of the text. For `move`,
    /// `copy`, `borrow`, `borrow-end` and `drop` the local, and behind a dot the part of it.
    pub name: Option<String>,
    /// For `move s to t` and `copy s to t`: the local that it went to, or into a part of.
    pub to: Option<String>,
}

// ---------------------------------------------------------------------------------------------
// Parsing

/// Reads the header and the marks of a program.
///
/// # Errors
///
/// A sentence with the line where the text is not in the language of `tests/programs/README.md`.
pub fn parse(path: &Path, text: &str) -> Result<Program, String> {
    let place = |line: usize, what: &str| format!("{}:{}: {what}", path.display(), line + 1);
    let header = parse_header(text).map_err(|what| place(0, &what))?;
    let mut marks: Vec<MarkBlock> = Vec::new();
    let mut open = false;
    let mut mark_line = 0;
    for (index, line) in text.lines().enumerate() {
        let continued = line.trim_start().strip_prefix("//   ");
        let comment = match continued {
            Some(rest) if open => rest.trim(),
            _ => match mark_comment(line) {
                Some(comment) => {
                    mark_line = index;
                    comment
                }
                None => {
                    open = false;
                    continue;
                }
            },
        };
        open = true;
        let mut claims = comment;
        if let Some((name, nth, rest)) = mark_head(comment).map_err(|what| place(index, &what))? {
            let line = u32::try_from(mark_line + 1).unwrap_or(u32::MAX);
            marks.push(MarkBlock {
                name,
                nth,
                line,
                assertions: Vec::new(),
            });
            claims = rest;
        }
        for piece in split_outside_quotes(claims, ';') {
            let claim = parse_claim(piece).map_err(|what| place(index, &what))?;
            if let Some(name) = absent_name(&claim)
                && !names(text, name)
            {
                let what = format!("`{piece}` would hold of anything: the program has no `{name}`");
                return Err(place(index, &what));
            }
            let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let assertion = Assertion {
                text: piece.to_string(),
                line,
                claim,
            };
            if let Some(block) = marks.last_mut() {
                block.assertions.push(assertion);
            }
        }
    }
    Ok(Program {
        path: path.to_path_buf(),
        header,
        marks,
    })
}

/// The local that a claim wants not to be there.
fn absent_name(claim: &Claim) -> Option<&str> {
    let (subject, properties) = match claim {
        Claim::Is(subject, properties) => (subject, properties),
        Claim::NoEvent(event) => return event.name.as_deref()?.split(['#', '.']).next(),
        _ => return None,
    };
    match &subject.root {
        Root::Local(name) | Root::Of(_, name) if properties.contains(&Property::NotLive) => {
            name.split('#').next()
        }
        _ => None,
    }
}

/// Whether the program itself, without its comments, has this name.
fn names(text: &str, name: &str) -> bool {
    let code = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""));
    let mut words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.any(|word| word == name)
}

/// Reads a file of the corpus.
///
/// # Errors
///
/// Where the file cannot be read, or as [`parse`].
pub fn load(path: &Path) -> Result<Program, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    parse(path, &text)
}

fn parse_header(text: &str) -> Result<Header, String> {
    let mut header = Header {
        exit: Some(0),
        ..Header::default()
    };
    for line in text.lines().map_while(|line| line.strip_prefix("//!")) {
        let Some((key, value)) = line.trim().split_once(": ") else {
            continue;
        };
        let number = || {
            value
                .parse::<i32>()
                .map_err(|_| format!("expected a number in `{key}:`, found `{value}`"))
        };
        match key {
            "exit" => header.exit = Some(number()?),
            "signal" => {
                header.signal = Some(number()?);
                header.exit = None;
            }
            "stdin" => header.stdin = unquote(value)?,
            "edition" if ["2015", "2018", "2021", "2024"].contains(&value) => {
                header.edition = Some(value.to_string());
            }
            "edition" => return Err(format!("expected an edition, found `edition: {value}`")),
            "drawing" if value == "none" => header.no_drawing = true,
            "optimised" if value == "yes" => header.optimised = true,
            "optimised" => {
                return Err(format!(
                    "expected `optimised: yes`, found `optimised: {value}`"
                ));
            }
            "drawing" => {
                return Err(format!(
                    "expected `drawing: none`, found `drawing: {value}`"
                ));
            }
            "args" => {
                for word in split_outside_quotes(value, ' ') {
                    let word = if word.starts_with('"') {
                        unquote(word)?
                    } else {
                        word.to_string()
                    };
                    header.args.push(word);
                }
            }
            _ => {}
        }
    }
    Ok(header)
}

/// The comment of a line that ends in `// <name> ...`, from the `<` on.
fn mark_comment(line: &str) -> Option<&str> {
    let at = line.find("// <")?;
    let code = line[..at].trim_start();
    if code.is_empty() || code.starts_with("//") {
        None
    } else {
        Some(&line[at + 3..])
    }
}

type MarkHead<'a> = (String, u32, &'a str);

fn mark_head(comment: &str) -> Result<Option<MarkHead<'_>>, String> {
    let Some(rest) = comment.strip_prefix('<') else {
        return Ok(None);
    };
    let Some((name, rest)) = rest.split_once('>') else {
        return Err(format!("expected `<name>`, found `{comment}`"));
    };
    let (name, nth) = match name.split_once('#') {
        None => (name, 1),
        Some((name, nth)) => match nth.parse() {
            Ok(nth) if nth >= 1 => (name, nth),
            _ => {
                return Err(format!(
                    "expected `<name#k>` with k from 1, found `<{name}#{nth}>`"
                ));
            }
        },
    };
    Ok(Some((name.to_string(), nth, rest.trim())))
}

/// The non-empty pieces between separators that are not inside `"..."`.
fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == separator && !quoted => {
                pieces.push(text[start..at].trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(text[start..].trim());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn unquote(text: &str) -> Result<String, String> {
    serde_json::from_str(text).map_err(|_| format!("expected a text in quotes, found `{text}`"))
}

fn parse_claim(text: &str) -> Result<Claim, String> {
    if let Some(rest) = text
        .strip_prefix("event ")
        .filter(|rest| !rest.starts_with("= "))
    {
        return Ok(Claim::Event(parse_event(rest)?));
    }
    if let Some(rest) = text.strip_prefix("no event ") {
        return Ok(Claim::NoEvent(parse_event(rest)?));
    }
    if let Some(rest) = text.strip_prefix("output ends ") {
        return Ok(Claim::OutputEnds(unquote(rest)?));
    }
    if let Some(rest) = text.strip_prefix("errors end ") {
        return Ok(Claim::ErrorsEnd(unquote(rest)?));
    }
    if let Some(rest) = text.strip_prefix("rodata ") {
        return Ok(Claim::Rodata(rest.to_string()));
    }
    let equals = text.find(" = ");
    let colon = text.find(": ");
    match (equals, colon) {
        (Some(at), colon) if colon.is_none_or(|colon| at < colon) => {
            parse_equation(text[..at].trim(), text[at + 3..].trim())
        }
        (_, Some(at)) => {
            let subject = parse_subject(&text[..at])?;
            if !subject.parts.is_empty() {
                return Err(format!(
                    "expected a whole local or static before `:`, found `{}`",
                    &text[..at]
                ));
            }
            let properties = text[at + 2..].split(", ").map(|p| parse_property(p.trim()));
            Ok(Claim::Is(subject, properties.collect::<Result<_, _>>()?))
        }
        _ => Err(format!(
            "expected `x = value`, `x: properties` or another assertion, found `{text}`"
        )),
    }
}

fn parse_equation(left: &str, right: &str) -> Result<Claim, String> {
    let expected = match right {
        "printed" => Expected::Printed,
        text => Expected::Text(text.to_string()),
    };
    let names = || {
        right
            .split(", ")
            .map(|name| name.trim().to_string())
            .collect()
    };
    Ok(match left {
        "frames" => Claim::Frames(None, names()),
        "frame count" => Claim::FrameCount(expected),
        "threads" => Claim::Threads(expected),
        "heap blocks" => Claim::HeapBlocks(expected),
        "heap bytes" => Claim::HeapBytes(expected),
        _ => match left
            .strip_prefix("thread ")
            .and_then(|rest| rest.strip_suffix(" frames"))
        {
            Some(thread) => Claim::Frames(Some(thread.to_string()), names()),
            None => Claim::Value(parse_subject(left)?, expected),
        },
    })
}

fn parse_subject(text: &str) -> Result<Subject, String> {
    let text = text.trim();
    let (kind, name) = match text.split_once(' ') {
        None => ("", text),
        Some((kind @ ("static" | "tls"), name)) => (kind, name),
        Some(_) => return Err(format!("expected a name, found `{text}`")),
    };
    let label = name.to_string();
    let (function, name) = match name.rsplit_once("::") {
        None => (None, name),
        Some((function, name)) => (Some(function.to_string()), name),
    };
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (root, rest) = name.split_at(end);
    if root.is_empty() {
        return Err(format!("expected a name, found `{text}`"));
    }
    let parts = rest
        .split(['.', '['])
        .map(|part| part.trim_end_matches(']').to_string());
    let parts = parts.filter(|part| !part.is_empty()).collect();
    let name = root.to_string();
    let root = match (kind, function) {
        ("static", _) => Root::Static(name),
        ("tls", _) => Root::Tls(name),
        (_, None) => Root::Local(name),
        (_, Some(function)) => Root::Of(function, name),
    };
    Ok(Subject { label, root, parts })
}

const LOCAL_STATES: [&str; 7] = [
    "live",
    "uninit",
    "moved",
    "dropped",
    "partly-moved",
    "out-of-scope",
    "unknown",
];

fn parse_property(text: &str) -> Result<Property, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = |word: &str| {
        word.parse::<u64>()
            .map_err(|_| format!("expected a number in `{text}`, found `{word}`"))
    };
    Ok(match words.as_slice() {
        [state] if LOCAL_STATES.contains(state) => Property::State((*state).to_string()),
        ["not", "live"] => Property::NotLive,
        ["lent"] => Property::Lent(Loan::Any),
        ["not", "lent"] => Property::NotLent,
        ["lent", "to", holder] => Property::Lent(Loan::Shared((*holder).to_string())),
        ["mutably", "lent", "to", holder] => Property::Lent(Loan::Mutable((*holder).to_string())),
        ["without", path] => Property::Without((*path).to_string()),
        ["place", region] => Property::Place((*region).to_string()),
        ["size", size] => Property::Size(number(size)?),
        ["at", "printed"] => Property::At,
        ["heap", "at", "printed"] => Property::HeapAt,
        ["owns", "nothing"] => Property::OwnsNothing,
        ["owns", "a", "block"] => Property::OwnsABlock,
        ["owns", n, "byte" | "bytes"] | ["owns", n, "byte" | "bytes", "on", "the", "heap"] => {
            Property::OwnsBytes(number(n)?)
        }
        ["owns", n, "block" | "blocks", "in", "all"] => Property::OwnsBlocksInAll(number(n)?),
        ["shares", "a", "block"] => Property::SharesABlock,
        ["shares", "block", "with", other] => Property::SharesWith(parse_subject(other)?),
        ["weak", "to", other] => Property::WeakTo(parse_subject(other)?),
        ["points", "to", "printed"] => Property::PointsTo,
        ["fn", name] => Property::Function((*name).to_string()),
        ["dyn", name] => Property::Dyn((*name).to_string()),
        ["type", name] => Property::Type((*name).to_string()),
        [kind @ ("borrows" | "borrows-mut" | "raw"), target @ ..] if !target.is_empty() => {
            Property::Edge((*kind).to_string(), parse_target(target)?)
        }
        _ => return Err(format!("no such property: `{text}`")),
    })
}

const REGIONS: [&str; 10] = [
    "stack", "heap", "static", "rodata", "tls", "code", "mapped", "foreign", "register", "none",
];

fn parse_target(words: &[&str]) -> Result<Target, String> {
    let (bytes, words) = match words {
        [n, "byte" | "bytes", "of", rest @ ..] => {
            let n = n
                .parse()
                .map_err(|_| format!("expected a number of bytes, found `{n}`"))?;
            (Some(n), rest)
        }
        rest => (None, rest),
    };
    let place = match words {
        ["heap", "of", name @ ..] => TargetPlace::HeapOf(parse_subject(&name.join(" "))?),
        ["anything"] => TargetPlace::Anything,
        [region] if REGIONS.contains(region) => TargetPlace::Region((*region).to_string()),
        [kind @ ("static" | "tls"), name] => {
            TargetPlace::Inside(parse_subject(&format!("{kind} {name}"))?)
        }
        [name] => TargetPlace::Inside(parse_subject(name)?),
        _ => {
            return Err(format!(
                "expected what the pointer leads to, found `{}`",
                words.join(" ")
            ));
        }
    };
    Ok(Target { bytes, place })
}

/// Events that are about a local or a part of it.
const OF_LOCALS: [&str; 5] = ["move", "copy", "borrow", "borrow-end", "drop"];

fn parse_event(text: &str) -> Result<EventClaim, String> {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    let number = |word: &str| {
        word.parse::<u64>()
            .map_err(|_| format!("expected a number of bytes, found `{word}`"))
    };
    let mut claim = EventClaim {
        kind: kind.to_string(),
        bytes: None,
        old_bytes: None,
        name: None,
        to: None,
    };
    match rest.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] => {}
        [n, "byte" | "bytes"] => claim.bytes = Some(number(n)?),
        [old, "to", new, "byte" | "bytes"] => {
            claim.old_bytes = Some(number(old)?);
            claim.bytes = Some(number(new)?);
        }
        [from, "to", to] if OF_LOCALS.contains(&kind) => {
            claim.name = Some((*from).to_string());
            claim.to = Some((*to).to_string());
        }
        _ if rest.starts_with('"') => claim.name = Some(unquote(rest)?),
        _ => claim.name = Some(rest.to_string()),
    }
    Ok(claim)
}

// ---------------------------------------------------------------------------------------------
// Witness lines

/// A line that the program prints about itself: `=label text` or `@label 0x...`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Witness {
    label: String,
    /// What the assertion says it must print; `None` where the assertion says `printed`.
    text: Option<String>,
}

/// The witness lines a claim needs.
fn witnesses(claim: &Claim) -> Vec<Witness> {
    let value = |label: &str, expected: &Expected| Witness {
        label: format!("={label}"),
        text: match expected {
            Expected::Text(text) => Some(text.clone()),
            Expected::Printed => None,
        },
    };
    match claim {
        Claim::Value(subject, expected) => vec![value(&subject.label, expected)],
        Claim::HeapBlocks(expected) => vec![value("heap blocks", expected)],
        Claim::HeapBytes(expected) => vec![value("heap bytes", expected)],
        Claim::FrameCount(expected) => vec![value("frame count", expected)],
        Claim::Is(subject, properties) => {
            let label = &subject.label;
            let number = |what: &str, n: u64| Witness {
                label: format!("={label}.{what}"),
                text: Some(n.to_string()),
            };
            let address = |label: String| Witness { label, text: None };
            properties
                .iter()
                .filter_map(|property| match property {
                    Property::Size(n) => Some(number("size", *n)),
                    Property::OwnsBytes(n) => Some(number("bytes", *n)),
                    Property::At => Some(address(format!("@{label}"))),
                    Property::HeapAt => Some(address(format!("@{label}.heap"))),
                    Property::PointsTo => Some(address(format!("@*{label}"))),
                    _ => None,
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The text behind `label` on the first line that starts at or behind byte `from` of the output,
/// or else on the last line before it.
fn witness_text<'a>(stdout: &'a str, from: usize, label: &str) -> Option<&'a str> {
    let mut start = 0;
    let mut before = None;
    for line in stdout.split_inclusive('\n') {
        let text = line.trim_end_matches('\n');
        let text = match text.strip_prefix(label) {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix(' '),
            None => None,
        };
        if text.is_some() && start >= from {
            return text;
        }
        before = text.or(before);
        start += line.len();
    }
    before
}

fn expect_witness(stdout: &str, from: usize, witness: &Witness) -> Result<String, String> {
    let printed = witness_text(stdout, from, &witness.label)
        .ok_or_else(|| format!("the program prints no witness line `{} ...`", witness.label))?;
    match &witness.text {
        Some(text) if text != printed => Err(format!(
            "the assertion says `{text}`, but the program prints `{} {printed}`",
            witness.label
        )),
        None if witness.label.starts_with('@') && parse_address(printed).is_none() => Err(format!(
            "expected an address behind `{}`, the program prints `{printed}`",
            witness.label
        )),
        _ => Ok(printed.to_string()),
    }
}

/// The program with a line of output before each marked statement: `#mark NAME`. Line numbers
/// stay as they are.
pub fn instrument(program: &Program, text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let mut names: Vec<&str> = Vec::new();
        for mark in program
            .marks
            .iter()
            .filter(|mark| mark.line as usize == number)
        {
            if !names.contains(&mark.name.as_str()) {
                names.push(&mark.name);
            }
        }
        for name in names {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "println!(\"#mark {name}\"); ");
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Compares every claim that has a witness with what a native run of the [`instrument`]ed program
/// printed: each mark is passed as often as claimed, and the witness line behind that passing has
/// the claimed text. Gives what does not hold.
pub fn check_natively(program: &Program, stdout: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for mark in &program.marks {
        let line = format!("#mark {}", mark.name);
        let mut start = 0;
        let mut passings = Vec::new();
        for text in stdout.split_inclusive('\n') {
            if text.trim_end_matches('\n').ends_with(&line) {
                passings.push(start);
            }
            start += text.len();
        }
        let Some(&from) = passings.get(mark.nth as usize - 1) else {
            problems.push(format!(
                "{}:{}: <{}#{}> is passed {} times only",
                program.path.display(),
                mark.line,
                mark.name,
                mark.nth,
                passings.len()
            ));
            continue;
        };
        for assertion in &mark.assertions {
            for witness in witnesses(&assertion.claim) {
                if let Err(what) = expect_witness(stdout, from, &witness) {
                    problems.push(format!(
                        "{}:{}: {what}",
                        program.path.display(),
                        assertion.line
                    ));
                }
            }
        }
    }
    problems
}

// ---------------------------------------------------------------------------------------------
// Checking against a state

/// Checks one assertion against a state in the JSON form of the contract, and against the witness
/// lines in the whole standard output of the recorded run.
///
/// # Errors
///
/// What was claimed and what was found instead.
pub fn check(assertion: &Assertion, state: &Json, stdout: &str) -> Result<(), String> {
    let state = State { json: state };
    let from = state.output("stdout")?.len();
    let mut printed = Vec::new();
    for witness in witnesses(&assertion.claim) {
        let text = expect_witness(stdout, from, &witness)?;
        printed.push((witness.label, text));
    }
    let printed = Printed { lines: printed };
    let found = match &assertion.claim {
        Claim::Value(subject, _) => state.value_of(subject)?,
        Claim::HeapBlocks(_) => state.live_blocks().count().to_string(),
        Claim::HeapBytes(_) => state.live_blocks().map(block_size).sum::<u64>().to_string(),
        Claim::FrameCount(_) => state.current_frames()?.len().to_string(),
        Claim::Threads(Expected::Text(expected)) => {
            let threads = array(&state.json["threads"]).filter(|thread| thread["ended"] != true);
            return same("running threads", expected, &threads.count().to_string());
        }
        Claim::Threads(Expected::Printed) => return Err("write the number of threads".to_string()),
        Claim::Frames(thread, names) => return state.check_frames(thread.as_deref(), names),
        Claim::OutputEnds(text) => return ends(text, state.output("stdout")?),
        Claim::ErrorsEnd(text) => return ends(text, state.output("stderr")?),
        Claim::Event(event) => return state.check_event(event),
        Claim::NoEvent(event) => {
            return match state.check_event(event) {
                Ok(()) => Err("there is such an event".to_string()),
                Err(_) => Ok(()),
            };
        }
        Claim::Rodata(text) => return state.check_rodata(text),
        Claim::Is(subject, properties) => {
            for property in properties {
                state
                    .check_property(subject, property, &printed)
                    .map_err(|what| format!("`{}`: {what}", subject.label))?;
            }
            return Ok(());
        }
    };
    let (label, text) = printed
        .lines
        .first()
        .ok_or("the claim has no witness line")?;
    same(label, text, &found)
}

fn same(what: &str, expected: &str, found: &str) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!(
            "`{what}`: expected `{expected}`, the state has `{found}`"
        ))
    }
}

fn ends(expected: &str, found: &str) -> Result<(), String> {
    if found.ends_with(expected) {
        return Ok(());
    }
    let skip = found
        .chars()
        .count()
        .saturating_sub(expected.chars().count() + 10);
    let end: String = found.chars().skip(skip).collect();
    Err(format!(
        "expected output that ends in {expected:?}, the state's ends in {end:?}"
    ))
}

/// The witness lines that belong to the assertion at hand.
struct Printed {
    lines: Vec<(String, String)>,
}

impl Printed {
    fn address(&self, label: &str) -> Result<u64, String> {
        let line = self.lines.iter().find(|(found, _)| found == label);
        let (_, text) = line.ok_or_else(|| format!("no witness line `{label}`"))?;
        parse_address(text)
            .ok_or_else(|| format!("expected an address behind `{label}`, found `{text}`"))
    }
}

/// The first hexadecimal number in a text: `{:p}` writes `Pointer { addr: 0x..., metadata: 5 }` for
/// a wide pointer.
fn parse_address(text: &str) -> Option<u64> {
    let digits = &text[text.find("0x")? + 2..];
    let end = digits
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(digits.len());
    u64::from_str_radix(&digits[..end], 16).ok()
}

fn array(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().into_iter().flatten()
}

fn address_of(json: &Json) -> Option<u64> {
    parse_address(json["address"].as_str()?)
}

fn block_size(block: &Json) -> u64 {
    block["size"].as_u64().unwrap_or(0)
}

fn lies_in(address: u64, start: u64, size: u64) -> bool {
    address == start || (address > start && address - start < size)
}

/// Whether the path `full` ends in the segments of `wanted`, generic arguments left out unless
/// `wanted` has some: `<demo::Bear as Drop>::drop` ends in `drop`.
fn path_ends(full: &str, wanted: &str) -> bool {
    let full = if wanted.contains('<') {
        full.to_string()
    } else {
        without_generics(full)
    };
    full == wanted || full.ends_with(&format!("::{wanted}"))
}

fn without_generics(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut depth = 0usize;
    let mut previous = ' ';
    for c in path.chars() {
        match c {
            '<' => depth += 1,
            '>' if previous != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
        previous = c;
    }
    // A turbofish leaves its `::` behind.
    out.trim_end_matches("::").replace("::::", "::")
}

/// Who may own a block or hold a pointer.
enum Holder<'a> {
    Local { frame: &'a Json, json: &'a Json },
    Static { json: &'a Json },
}

impl<'a> Holder<'a> {
    fn json(&self) -> &'a Json {
        match self {
            Self::Local { json, .. } | Self::Static { json } => json,
        }
    }

    fn place(&self) -> &'a Json {
        &self.json()["place"]
    }

    /// Whether an entry of `owners` or an edge's `from` is this local or static.
    fn is(&self, end: &Json) -> bool {
        match self {
            Self::Local { frame, json } => end["frame"] == **frame && end["local"] == json["name"],
            Self::Static { json } => {
                let name = &json["name"];
                end["frame"].is_null() && (end["name"] == *name || end["static"] == *name)
            }
        }
    }
}

struct State<'a> {
    json: &'a Json,
}

impl<'a> State<'a> {
    fn output(&self, stream: &str) -> Result<&'a str, String> {
        self.json["output"][stream]
            .as_str()
            .ok_or_else(|| format!("the state has no output.{stream}"))
    }

    fn thread_json(&self, name: Option<&str>) -> Result<&'a Json, String> {
        let found = array(&self.json["threads"]).find(|thread| match name {
            None => thread["id"] == self.json["thread"],
            Some(name) => {
                thread["name"] == name || name.parse::<u64>().is_ok_and(|id| thread["id"] == id)
            }
        });
        found.ok_or_else(|| format!("the state has no thread `{}`", name.unwrap_or("at hand")))
    }

    fn current_frames(&self) -> Result<&'a [Json], String> {
        let frames = self.thread_json(None)?["frames"].as_array();
        frames
            .map(Vec::as_slice)
            .ok_or_else(|| "the thread has no frames".to_string())
    }

    fn check_frames(&self, thread: Option<&str>, names: &[String]) -> Result<(), String> {
        let found: Vec<&str> = array(&self.thread_json(thread)?["frames"])
            .map(|frame| frame["function"].as_str().unwrap_or("?"))
            .collect();
        let fits = found.len() == names.len()
            && found
                .iter()
                .zip(names)
                .all(|(full, wanted)| path_ends(full, wanted));
        if fits {
            return Ok(());
        }
        Err(format!(
            "expected the frames {}, the state has {}",
            names.join(", "),
            found.join(", ")
        ))
    }

    fn holder(&self, subject: &Subject) -> Result<Holder<'a>, String> {
        match &subject.root {
            Root::Local(name) => {
                let frame = self
                    .current_frames()?
                    .first()
                    .ok_or("the thread has no frame")?;
                local_of(frame, name)
            }
            Root::Of(function, name) => {
                let current = self.thread_json(None)?;
                let threads = std::iter::once(current).chain(array(&self.json["threads"]));
                let mut frames = threads.flat_map(|thread| array(&thread["frames"]));
                let frame = frames
                    .find(|frame| {
                        frame["function"]
                            .as_str()
                            .is_some_and(|f| path_ends(f, function))
                    })
                    .ok_or_else(|| format!("the state has no frame of `{function}`"))?;
                local_of(frame, name)
            }
            Root::Static(name) => self.static_named(name, "static"),
            Root::Tls(name) => self.static_named(name, "tls"),
        }
    }

    /// A static by its name, which may be a segment in the middle: the storage of a thread-local
    /// lies in items below the one that the user named.
    fn static_named(&self, name: &str, kind: &str) -> Result<Holder<'a>, String> {
        let named = |item: &&Json| {
            let is_tls = item["place"]["region"] == "tls";
            let path = without_generics(item["name"].as_str().unwrap_or(""));
            is_tls == (kind == "tls") && path.split("::").any(|segment| segment == name)
        };
        let json = array(&self.json["statics"]).find(named);
        json.map(|json| Holder::Static { json })
            .ok_or_else(|| format!("the state lists no {kind} `{name}`"))
    }

    fn live_blocks(&self) -> impl Iterator<Item = &'a Json> {
        array(&self.json["blocks"]).filter(|block| block["state"] == "live")
    }

    fn owned<'b>(&'b self, holder: &'b Holder<'a>) -> impl Iterator<Item = &'a Json> + 'b {
        self.live_blocks()
            .filter(|block| array(&block["owners"]).any(|owner| holder.is(owner)))
    }

    /// The blocks a local owns or shares, and those these blocks own or share.
    fn owned_in_all(&self, holder: &Holder<'a>) -> Vec<&'a Json> {
        let mut found: Vec<&Json> = self.owned(holder).collect();
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            next += 1;
            for block in self.live_blocks() {
                let by_parent =
                    |owner: &Json| owner["kind"] == "block" && owner["block"] == parent["id"];
                let known = found.iter().any(|known| known["id"] == block["id"]);
                if !known && array(&block["owners"]).any(by_parent) {
                    found.push(block);
                }
            }
        }
        found
    }

    fn edges<'b>(&'b self, holder: &'b Holder<'a>) -> impl Iterator<Item = &'a Json> + 'b {
        array(&self.json["edges"]).filter(|edge| holder.is(&edge["from"]))
    }

    fn edge_address(&self, edge: &Json) -> Option<u64> {
        let to = &edge["to"];
        let offset = to["offset"].as_u64().unwrap_or(0);
        if let Some(address) = address_of(to) {
            return Some(address);
        }
        if !to["block"].is_null() {
            let block = array(&self.json["blocks"]).find(|block| block["id"] == to["block"])?;
            return address_of(block).map(|address| address + offset);
        }
        let item = array(&self.json["statics"])
            .find(|item| item["name"] == to["static"] || item["name"] == to["name"])?;
        address_of(&item["place"]).map(|address| address + offset)
    }

    fn region_at(&self, edge: &Json, address: u64) -> String {
        if let Some(region) = edge["to"]["region"].as_str() {
            return region.to_string();
        }
        let within = |json: &Json| {
            address_of(json).is_some_and(|start| lies_in(address, start, block_size(json)))
        };
        if self.live_blocks().any(within) {
            return "heap".to_string();
        }
        if let Some(item) = array(&self.json["statics"]).find(|item| within(&item["place"])) {
            return item["place"]["region"].as_str().unwrap_or("?").to_string();
        }
        let on_stack = array(&self.json["threads"]).any(|thread| {
            let bound = |name: &str| thread["stack"][name].as_str().and_then(parse_address);
            let bounds = bound("low").zip(bound("high"));
            bounds.is_some_and(|(low, high)| low <= address && address < high)
        });
        if on_stack {
            "stack".to_string()
        } else {
            "?".to_string()
        }
    }

    fn value_of(&self, subject: &Subject) -> Result<String, String> {
        let holder = self.holder(subject)?;
        let mut value = &holder.json()["value"];
        for (index, part) in subject.parts.iter().enumerate() {
            let last = index + 1 == subject.parts.len();
            match field(value, part) {
                Some(inner) => value = inner,
                None if last => return self.fact_of(&holder, value, part),
                None => {
                    return Err(format!(
                        "the value of `{}` has no part `{part}`",
                        subject.label
                    ));
                }
            }
        }
        value_text(value).map_err(|found| {
            let state = holder.json()["state"].as_str().unwrap_or("without a state");
            format!(
                "`{}` has no value text ({found}); it is {state}",
                subject.label
            )
        })
    }

    /// `capacity`, `len`, ... from the facts beside a value; `strong` and `weak` from the counts of
    /// the block.
    fn fact_of(&self, holder: &Holder<'a>, value: &Json, name: &str) -> Result<String, String> {
        if matches!(name, "strong" | "weak") {
            let weak_edges = self.edges(holder).filter(|edge| edge["kind"] == "weak");
            let weakly: Vec<&Json> = weak_edges.map(|edge| &edge["to"]["block"]).collect();
            let mut blocks = self.owned(holder).chain(
                self.live_blocks()
                    .filter(|block| weakly.iter().any(|id| **id == block["id"])),
            );
            let counted = blocks.find(|block| !block["counts"].is_null());
            let counted = counted.ok_or("it shares no block with counts")?;
            return Ok(counted["counts"][name].to_string());
        }
        fact(value, name).ok_or_else(|| format!("the value has no part and no fact `{name}`"))
    }

    fn check_event(&self, claim: &EventClaim) -> Result<(), String> {
        let fits = |event: &&Json| {
            let bytes = claim.bytes.is_none_or(|bytes| event["bytes"] == bytes);
            let old = claim
                .old_bytes
                .is_none_or(|bytes| event["old_bytes"] == bytes);
            let name = claim.name.as_deref().is_none_or(|name| {
                match OF_LOCALS.contains(&claim.kind.as_str()) {
                    true => is_of_local(event, name),
                    false => event_names(event, name),
                }
            });
            let to = claim
                .to
                .as_deref()
                .is_none_or(|to| event["to"]["local"] == to);
            event["kind"] == claim.kind.as_str() && bytes && old && name && to
        };
        if array(&self.json["events"]).any(|event| fits(&event)) {
            return Ok(());
        }
        let kinds = array(&self.json["events"]).map(|event| {
            let kind = event["kind"].as_str().unwrap_or("?");
            let of = ["of", "from"].map(|key| event[key]["local"].as_str());
            if let Some(local) = of.into_iter().flatten().next() {
                let path = event["path"].as_str().filter(|path| !path.is_empty());
                let part = path.map(|path| format!(".{path}")).unwrap_or_default();
                format!("{kind} {local}{part}")
            } else if event["bytes"].is_null() {
                kind.to_string()
            } else {
                format!("{kind} {} bytes", event["bytes"])
            }
        });
        let kinds: Vec<String> = kinds.collect();
        Err(format!(
            "no such event; the state has: {}",
            kinds.join(", ")
        ))
    }

    fn check_rodata(&self, text: &str) -> Result<(), String> {
        let found = array(&self.json["statics"]).any(|item| {
            item["place"]["region"] == "rodata"
                && value_text(&item["value"]).is_ok_and(|found| found == text)
        });
        if found {
            Ok(())
        } else {
            Err(format!("no read-only data with the value {text} is listed"))
        }
    }

    fn check_property(
        &self,
        subject: &Subject,
        property: &Property,
        printed: &Printed,
    ) -> Result<(), String> {
        let holder = match (self.holder(subject), property) {
            (Err(_), Property::NotLive) => return Ok(()),
            (holder, _) => holder?,
        };
        let label = &subject.label;
        let json = holder.json();
        match property {
            Property::State(state) => {
                same("state", state, json["state"].as_str().unwrap_or("missing"))?;
                match json["because"].as_str() {
                    None | Some("") if state == "unknown" => {
                        Err("it is unknown without a reason".to_string())
                    }
                    _ => Ok(()),
                }
            }
            Property::NotLive => match json["state"].as_str() {
                Some("live" | "partly-moved") => {
                    Err("expected not to be live, but it is".to_string())
                }
                _ => Ok(()),
            },
            Property::Lent(loan) => {
                if array(&json["loans"]).any(|found| loan.is(found)) {
                    return Ok(());
                }
                Err(format!("no such loan; the state has {}", json["loans"]))
            }
            Property::NotLent => match array(&json["loans"]).next() {
                None => Ok(()),
                Some(loan) => Err(format!("expected no loan, the state has {loan}")),
            },
            Property::Without(path) => {
                let gone = |part: &Json| part["path"] == path.as_str() && part["state"] == "moved";
                if array(&json["parts"]).any(gone) {
                    return Ok(());
                }
                Err(format!("it is not moved; the parts are {}", json["parts"]))
            }
            Property::Place(region) => same(
                "region",
                region,
                holder.place()["region"].as_str().unwrap_or("missing"),
            ),
            Property::Size(size) => same(
                "size",
                &size.to_string(),
                &holder.place()["size"].to_string(),
            ),
            Property::At => same_address(
                printed.address(&format!("@{label}"))?,
                address_of(holder.place()),
            ),
            Property::HeapAt => {
                let address = printed.address(&format!("@{label}.heap"))?;
                let inside = |block: &Json| {
                    address_of(block)
                        .is_some_and(|start| lies_in(address, start, block_size(block)))
                };
                if self.owned(&holder).any(inside) {
                    return Ok(());
                }
                Err(format!("no block it owns or shares lies at {address:#x}"))
            }
            Property::PointsTo => {
                let address = printed.address(&format!("@*{label}"))?;
                let found: Vec<Option<u64>> =
                    self.edges(&holder).map(|e| self.edge_address(e)).collect();
                if found.contains(&Some(address)) {
                    return Ok(());
                }
                Err(format!("no edge leads to {address:#x}, only to {found:x?}"))
            }
            Property::Type(name) => {
                let found = json["type"].as_str().unwrap_or("missing");
                if path_ends(found, name) {
                    Ok(())
                } else {
                    Err(format!("its type is `{found}`"))
                }
            }
            Property::Dyn(name) => self.check_dyn(&holder, name),
            Property::Function(name) => self.check_function(&holder, name),
            Property::Edge(kind, target) => self.check_edge(&holder, kind, target),
            _ => self.check_ownership(&holder, property),
        }
    }

    fn check_ownership(&self, holder: &Holder<'a>, property: &Property) -> Result<(), String> {
        let direct: Vec<&Json> = self.owned(holder).collect();
        let unique = || direct.iter().filter(|block| block["counts"].is_null());
        let edge = |kind: &str| self.edges(holder).any(|edge| edge["kind"] == kind);
        match property {
            Property::OwnsNothing if !direct.is_empty() || edge("owns") || edge("shares") => Err(
                format!("expected to own nothing, it owns {} blocks", direct.len()),
            ),
            Property::OwnsABlock | Property::OwnsBytes(_) if !edge("owns") => {
                Err("no edge of kind `owns` starts here".to_string())
            }
            Property::OwnsABlock if unique().count() == 0 => {
                Err("it is the owner of no block".to_string())
            }
            Property::OwnsBytes(bytes) => {
                let found = unique().map(|block| block_size(block)).sum::<u64>();
                same("bytes owned", &bytes.to_string(), &found.to_string())
            }
            Property::OwnsBlocksInAll(count) => {
                let found = self.owned_in_all(holder).len();
                same(
                    "blocks owned in all",
                    &count.to_string(),
                    &found.to_string(),
                )
            }
            Property::SharesABlock | Property::SharesWith(_) if !edge("shares") => {
                Err("no edge of kind `shares` starts here".to_string())
            }
            Property::SharesABlock => match direct.iter().any(|block| !block["counts"].is_null()) {
                true => Ok(()),
                false => Err("it shares no block with counts".to_string()),
            },
            Property::SharesWith(other) => {
                let other_holder = self.holder(other)?;
                let also =
                    |block: &&&Json| array(&block["owners"]).any(|owner| other_holder.is(owner));
                match direct.iter().find(also) {
                    Some(_) => Ok(()),
                    None => Err(format!("it shares no block with `{}`", other.label)),
                }
            }
            Property::WeakTo(other) => {
                let other_holder = self.holder(other)?;
                let shared: Vec<&Json> = self
                    .owned(&other_holder)
                    .map(|block| &block["id"])
                    .collect();
                let mut weak = self.edges(holder).filter(|edge| edge["kind"] == "weak");
                match weak.find(|edge| shared.contains(&&edge["to"]["block"])) {
                    Some(_) => Ok(()),
                    None => Err(format!(
                        "no weak edge leads to a block that `{}` shares",
                        other.label
                    )),
                }
            }
            _ => Ok(()),
        }
    }

    fn check_dyn(&self, holder: &Holder<'a>, name: &str) -> Result<(), String> {
        let told = fact(&holder.json()["value"], "dyn");
        if told.as_deref().is_some_and(|found| path_ends(found, name)) {
            return Ok(());
        }
        let named = |edge: &Json| {
            let symbol = edge["to"]["symbol"]
                .as_str()
                .or(edge["to"]["name"].as_str())
                .unwrap_or("");
            edge["kind"] == "vtable"
                && symbol
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|w| w == name)
        };
        if self.edges(holder).any(named) {
            return Ok(());
        }
        Err(format!(
            "no fact and no vtable says that it is a `{name}` (fact: {told:?})"
        ))
    }

    fn check_function(&self, holder: &Holder<'a>, name: &str) -> Result<(), String> {
        let symbols = self
            .edges(holder)
            .filter(|edge| edge["kind"] == "fn")
            .map(|edge| {
                edge["to"]["symbol"]
                    .as_str()
                    .or(edge["to"]["name"].as_str())
                    .unwrap_or("?")
            });
        let symbols: Vec<&str> = symbols.collect();
        if symbols.iter().any(|symbol| path_ends(symbol, name)) {
            return Ok(());
        }
        Err(format!(
            "expected a pointer to the function `{name}`, found {symbols:?}"
        ))
    }

    fn check_edge(&self, holder: &Holder<'a>, kind: &str, target: &Target) -> Result<(), String> {
        let mut found = Vec::new();
        for edge in self.edges(holder).filter(|edge| edge["kind"] == kind) {
            let covered = edge["to"]["bytes"].as_u64().or(edge["bytes"].as_u64());
            let Some(address) = self.edge_address(edge) else {
                found.push(format!("an edge without an address: {}", edge["to"]));
                continue;
            };
            let there = self.target_contains(&target.place, edge, address)?;
            if there && target.bytes.is_none_or(|bytes| covered == Some(bytes)) {
                return Ok(());
            }
            let region = self.region_at(edge, address);
            found.push(format!("{address:#x} in {region}, {covered:?} bytes"));
        }
        Err(format!(
            "no edge `{kind}` leads there; found: [{}]",
            found.join("; ")
        ))
    }

    fn target_contains(
        &self,
        place: &TargetPlace,
        edge: &Json,
        address: u64,
    ) -> Result<bool, String> {
        Ok(match place {
            TargetPlace::Anything => true,
            TargetPlace::Region(region) => self.region_at(edge, address) == *region,
            TargetPlace::Inside(subject) => {
                let target = self.holder(subject)?;
                let size = target.place()["size"].as_u64().unwrap_or(0);
                address_of(target.place()).is_some_and(|start| lies_in(address, start, size))
            }
            TargetPlace::HeapOf(subject) => {
                let target = self.holder(subject)?;
                self.owned_in_all(&target).into_iter().any(|block| {
                    address_of(block)
                        .is_some_and(|start| lies_in(address, start, block_size(block)))
                })
            }
        })
    }
}

fn same_address(printed: u64, found: Option<u64>) -> Result<(), String> {
    let found = found.map_or("no address".to_string(), |address| format!("{address:#x}"));
    same("address", &format!("{printed:#x}"), &found)
}

fn local_of<'a>(frame: &'a Json, name: &str) -> Result<Holder<'a>, String> {
    let function = frame["function"].as_str().unwrap_or("?");
    let json = array(&frame["locals"]).find(|local| local["name"] == name);
    let names = || {
        array(&frame["locals"])
            .filter_map(|local| local["name"].as_str())
            .collect::<Vec<_>>()
    };
    json.map(|json| Holder::Local {
        frame: &frame["id"],
        json,
    })
    .ok_or_else(|| {
        format!(
            "`{function}` has no local `{name}`, only {}",
            names().join(", ")
        )
    })
}

fn value_text(value: &Json) -> Result<String, String> {
    match value["text"].as_str() {
        Some(text) => Ok(text.to_string()),
        None if value.is_null() => Err("no value".to_string()),
        None => Err(value.to_string().chars().take(200).collect()),
    }
}

fn field<'a>(value: &'a Json, name: &str) -> Option<&'a Json> {
    let named = |field: &&Json| {
        let found = field["name"].as_str().unwrap_or("");
        found == name || found.trim_start_matches("__") == name || found == format!("[{name}]")
    };
    array(&value["fields"])
        .find(named)
        .map(|field| match &field["value"] {
            Json::Null => field,
            inner => inner,
        })
}

/// A fact beside a value: in an object, or in a list of pairs or of objects.
fn fact(value: &Json, name: &str) -> Option<String> {
    let text = |json: &Json| {
        json.as_str()
            .map_or_else(|| json.to_string(), str::to_string)
    };
    let facts = &value["facts"];
    if let Some(found) = facts.get(name) {
        return Some(text(found));
    }
    let entry = array(facts).find(|entry| entry[0] == name || entry["name"] == name)?;
    let parts = [&entry[1], &entry["value"], &entry["text"]];
    parts.into_iter().find(|part| !part.is_null()).map(text)
}

/// Whether an event is about this local: about all of it, or the part behind the dot.
fn is_of_local(event: &Json, name: &str) -> bool {
    let (local, path) = name.split_once('.').unwrap_or((name, ""));
    let of = [&event["of"], &event["from"]];
    let found = event["path"].as_str().or(event["loan"]["path"].as_str());
    of.into_iter().any(|of| of["local"] == local) && found.unwrap_or("") == path
}

fn event_names(event: &Json, name: &str) -> bool {
    let function = event["function"]
        .as_str()
        .is_some_and(|found| path_ends(found, name));
    let local =
        event["local"] == name || event["local"]["local"] == name || event["to"]["local"] == name;
    let output = event["output"]
        .as_str()
        .is_some_and(|text| text.contains(name));
    let text = event["text"]
        .as_str()
        .is_some_and(|text| text.contains(name));
    function || local || output || text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PROGRAM: &str = r#"//! A move.
//! stdin: "3\n4\n"
//! args: one "two words"
//! exit: 7

fn main() {
    let s = String::from("a; b");
    println!("=s {s:?}"); // <1> s: live, place stack; s = "a; b"
    //   s: owns 4 bytes on the heap
    let x = "// not a mark";
    for i in 0..3 {
        println!("=i {i}"); // <round#2> i = 1
        //   <round#3> i = 2; frames = main
    }
    // <not> a mark either: no code before it
} // <end>
"#;

    fn state() -> Json {
        json!({
            "schema_version": 1, "step": 5, "steps": 9, "thread": 1, "depth": 1,
            "events": [{"kind": "alloc", "bytes": 5, "text": "allocated"},
                       {"kind": "realloc", "old_bytes": 8, "bytes": 16},
                       {"kind": "move", "from": {"frame": 7, "local": "t"}, "path": "name",
                        "to": {"frame": 7, "local": "b", "part": true}, "text": "a part of `t` moved"},
                       {"kind": "drop", "of": {"frame": 7, "local": "a"}, "path": ""},
                       {"kind": "borrow", "of": {"frame": 7, "local": "lit"},
                        "loan": {"kind": "shared", "path": "", "holder": "r"}},
                       {"kind": "call", "function": "demo::inner"}],
            "threads": [{"id": 1, "name": "main",
                "stack": {"low": "0x7000", "high": "0x8000", "limit": 4096},
                "frames": [
                    {"id": 9, "function": "<demo::Shop<u8> as demo::Sell>::inner", "locals": [
                        {"name": "r", "type": "&str", "state": "live",
                         "place": {"region": "stack", "address": "0x7100", "size": 16},
                         "value": {"text": "\"ell\"", "facts": {"len": "3"}}},
                        {"name": "f", "type": "fn()", "state": "live",
                         "place": {"region": "stack", "address": "0x7110", "size": 8},
                         "value": {"text": "demo::greet"}}]},
                    {"id": 7, "function": "demo::main", "locals": [
                        {"name": "s", "type": "alloc::string::String", "state": "unknown",
                         "because": "another local holds its block",
                         "place": {"region": "stack", "address": "0x7200", "size": 24}},
                        {"name": "t", "type": "alloc::string::String", "state": "live",
                         "loans": [{"kind": "shared", "path": "", "holder": "r"},
                                   {"kind": "mutable", "path": "1", "holder": null}],
                         "place": {"region": "stack", "address": "0x7220", "size": 24},
                         "value": {"text": "\"hello\"", "facts": [["capacity", "5"], ["len", "5"]]}},
                        {"name": "a", "type": "alloc::rc::Rc<demo::P>", "state": "live",
                         "place": {"region": "stack", "address": "0x7240", "size": 8},
                         "value": {"text": "P { x: 1 }", "fields": [{"name": "x", "value": {"text": "1"}}]}},
                        {"name": "b", "type": "alloc::rc::Rc<demo::P>", "state": "live", "loans": [],
                         "parts": [{"path": "left", "state": "moved"}, {"path": "right", "state": "live"}],
                         "place": {"region": "stack", "address": "0x7248", "size": 8},
                         "value": {"text": "P { x: 1 }"}},
                        {"name": "w", "type": "alloc::rc::Weak<demo::P>", "state": "live",
                         "place": {"region": "stack", "address": "0x7250", "size": 8},
                         "value": {"text": "(Weak)"}},
                        {"name": "lit", "type": "&str", "state": "live",
                         "place": {"region": "stack", "address": "0x7258", "size": 16},
                         "value": {"text": "\"hi\""}}]}]}],
            "blocks": [
                {"id": 3, "address": "0x9000", "size": 5, "state": "live", "counts": null,
                 "owners": [{"kind": "local", "frame": 7, "local": "t", "path": "vec.buf"}]},
                {"id": 4, "address": "0x9100", "size": 24, "state": "live",
                 "counts": {"strong": 2, "weak": 1},
                 "owners": [{"kind": "local", "frame": 7, "local": "a"},
                            {"kind": "local", "frame": 7, "local": "b"}]},
                {"id": 5, "address": "0x9200", "size": 2, "state": "live", "counts": null,
                 "owners": [{"kind": "block", "block": 3, "offset": 0}]},
                {"id": 6, "address": "0x9300", "size": 99, "state": "freed", "owners": []}],
            "statics": [
                {"name": "demo::COUNTER", "type": "u32",
                 "place": {"region": "static", "address": "0x500", "size": 4}, "value": {"text": "3"}},
                {"name": "\"hi\"", "type": "str",
                 "place": {"region": "rodata", "address": "0x400", "size": 2}, "value": {"text": "\"hi\""}},
                {"name": "demo::SEEN::__KEY::VAL", "type": "u32",
                 "place": {"region": "tls", "address": "0x600", "size": 4}, "value": {"text": "9"}}],
            "edges": [
                {"kind": "owns", "from": {"frame": 7, "local": "t"}, "to": {"block": 3, "offset": 0, "bytes": 5}},
                {"kind": "shares", "from": {"frame": 7, "local": "a"}, "to": {"block": 4, "offset": 0}},
                {"kind": "shares", "from": {"frame": 7, "local": "b"}, "to": {"block": 4, "offset": 0}},
                {"kind": "weak", "from": {"frame": 7, "local": "w"}, "to": {"block": 4, "offset": 0}},
                {"kind": "borrows", "from": {"frame": 9, "local": "r"}, "to": {"block": 3, "offset": 1, "bytes": 3}},
                {"kind": "borrows", "from": {"frame": 7, "local": "lit"}, "to": {"static": "\"hi\"", "offset": 0, "bytes": 2}},
                {"kind": "fn", "from": {"frame": 9, "local": "f"}, "to": {"symbol": "demo::greet", "address": "0x100"}}],
            "output": {"stdout": "=early 1\n", "stderr": ""}
        })
    }

    const STDOUT: &str = "=early 1\n=main::t \"hello\"\n=main::t.capacity 5\n=main::t.bytes 5\n\
        @main::t 0x7220\n@main::t.heap 0x9000\n=main::a.strong 2\n=main::a.weak 1\n=main::a.x 1\n\
        =COUNTER 3\n=SEEN 9\n@*r 0x9001\n=r \"ell\"\n=r.len 3\n=heap blocks 3\n=heap bytes 31\n\
        =main::w.strong 2\n=frame count 2\n\
        @*main::lit Pointer { addr: 0x400, metadata: 2 }\n=late 7\n";

    #[track_caller]
    fn holds(claim: &str) {
        if let Err(what) = outcome(claim) {
            panic!("`{claim}` should hold: {what}");
        }
    }

    #[track_caller]
    fn fails(claim: &str, because: &str) {
        match outcome(claim) {
            Ok(()) => panic!("`{claim}` should not hold"),
            Err(what) => assert!(
                what.contains(because),
                "`{claim}` failed with another reason: {what}"
            ),
        }
    }

    fn outcome(claim: &str) -> Result<(), String> {
        let assertion = Assertion {
            text: claim.to_string(),
            line: 1,
            claim: parse_claim(claim)?,
        };
        check(&assertion, &state(), STDOUT)
    }

    #[test]
    fn the_edition_is_one_that_there_is() {
        let edition = |line: &str| parse_header(line).map(|header| header.edition);
        assert_eq!(edition("//! edition: 2021"), Ok(Some("2021".to_string())));
        assert_eq!(edition("//! A program."), Ok(None));
        let what = edition("//! edition: 2020").unwrap_err();
        assert!(what.contains("2020"), "{what}");
    }

    #[test]
    fn a_program_is_parsed() {
        let program = parse(Path::new("p.rs"), PROGRAM).unwrap();
        assert_eq!(program.header.exit, Some(7));
        assert_eq!(program.header.stdin, "3\n4\n");
        assert_eq!(program.header.args, ["one", "two words"]);
        let marks: Vec<_> = program
            .marks
            .iter()
            .map(|m| (m.name.as_str(), m.nth, m.line, m.assertions.len()))
            .collect();
        assert_eq!(
            marks,
            [
                ("1", 1, 8, 3),
                ("round", 2, 12, 1),
                ("round", 3, 12, 2),
                ("end", 1, 16, 0)
            ]
        );
        let claim = &program.marks[0].assertions[1];
        assert_eq!(claim.text, "s = \"a; b\"");
        let typo = PROGRAM.replace("place stack;", "place stack; tt: not live;");
        assert!(
            parse(Path::new("p.rs"), &typo)
                .unwrap_err()
                .contains("the program has no `tt`")
        );
        let wrong = PROGRAM.replace("place stack;", "place stak'; nonsense;");
        assert!(
            parse(Path::new("p.rs"), &wrong)
                .unwrap_err()
                .starts_with("p.rs:8: ")
        );
    }

    #[test]
    fn true_claims_hold() {
        for claim in [
            "main::s: not live, unknown",
            "main::s: not live",
            "main::nothing: not live",
            "main::t: live, place stack, at printed, heap at printed, owns 5 bytes on the heap",
            "main::t: owns 2 blocks in all, owns a block, type String",
            "main::t = \"hello\"",
            "main::t = printed",
            "main::t.capacity = 5",
            "main::a: shares block with main::b, shares a block",
            "main::a.strong = 2",
            "main::a.weak = 1",
            "main::a.x = 1",
            "main::w: weak to main::a",
            "main::w.strong = 2",
            "r: borrows heap of main::t, points to printed",
            "r: borrows 3 bytes of heap, borrows anything",
            "r.len = 3",
            "main::lit: borrows 2 bytes of rodata, owns nothing",
            "f: fn greet",
            "static COUNTER = 3",
            "static COUNTER: place static",
            "tls SEEN = 9",
            "rodata \"hi\"",
            "frames = inner, main",
            "thread main frames = inner, main",
            "thread 1 frames = inner, main",
            "frame count = 2",
            "threads = 1",
            "heap blocks = printed",
            "heap bytes = 31",
            "output ends \"1\\n\"",
            "errors end \"\"",
            "main::lit: points to printed",
            "event alloc 5 bytes",
            "event realloc 8 to 16 bytes",
            "event call inner",
            "event move t.name",
            "event move t.name to b",
            "event drop a",
            "event borrow lit",
            "no event drop t",
            "no event move t",
            "main::t: lent, lent to r",
            "main::b: not lent, without left",
        ] {
            holds(claim);
        }
    }

    #[test]
    fn false_claims_fail_with_their_reason() {
        for (claim, because) in [
            ("main::t: not live", "expected not to be live"),
            ("main::s: live", "the state has `unknown`"),
            ("main::t: place heap", "the state has `stack`"),
            ("main::t = \"hallo\"", "but the program prints"),
            ("main::t: owns 6 bytes", "but the program prints"),
            ("main::t: size 24", "prints no witness line"),
            ("main::b.strong = 2", "prints no witness line"),
            ("main::t: shares a block", "no edge of kind `shares`"),
            ("main::a: owns a block", "no edge of kind `owns`"),
            ("main::t: owns nothing", "owns 1 blocks"),
            ("main::w: weak to main::t", "no weak edge"),
            ("r: borrows main::t", "leads there"),
            ("r: borrows 4 bytes of heap", "leads there"),
            ("r: borrows-mut heap of main::t", "leads there"),
            ("main::lit: borrows heap", "leads there"),
            ("f: fn shout", "found [\"demo::greet\"]"),
            ("gone = 1", "prints no witness line"),
            ("rodata \"ho\"", "no read-only data"),
            ("frames = main", "the state has"),
            ("frames = other, main", "the state has"),
            ("threads = 2", "the state has `1`"),
            ("output ends \"2\\n\"", "ends in"),
            ("event alloc 6 bytes", "alloc 5 bytes"),
            ("event call outer", "no such event"),
            ("event move t", "the state has: alloc 5 bytes"),
            ("event move t.name to a", "move t.name"),
            ("event drop b", "drop a"),
            ("no event drop a", "there is such an event"),
            ("main::t: mutably lent to r", "no such loan"),
            ("main::t: lent to b", "no such loan"),
            ("main::b: lent", "no such loan"),
            ("main::t: not lent", "expected no loan"),
            ("main::b: without right", "it is not moved"),
            ("main::t: not a property", "no such property"),
        ] {
            fails(claim, because);
        }
    }

    #[test]
    fn the_witness_is_the_next_line_behind_the_mark_or_the_last_before_it() {
        let text = "=x 1\n=x 2\n=xy 9\n=x 3\n";
        assert_eq!(witness_text(text, 0, "=x"), Some("1"));
        assert_eq!(witness_text(text, 1, "=x"), Some("2"));
        assert_eq!(witness_text(text, 5, "=x"), Some("2"));
        assert_eq!(witness_text(text, text.len(), "=x"), Some("3"));
        assert_eq!(witness_text(text, 0, "=y"), None);
    }

    #[test]
    fn a_value_that_the_state_has_wrong_fails_although_the_program_prints_it() {
        let mut wrong = state();
        wrong["threads"][0]["frames"][1]["locals"][1]["value"]["text"] = json!("\"jello\"");
        let claim = "main::t = \"hello\"";
        let assertion = Assertion {
            text: claim.to_string(),
            line: 1,
            claim: parse_claim(claim).unwrap(),
        };
        let what = check(&assertion, &wrong, STDOUT).unwrap_err();
        assert!(what.contains("jello"), "{what}");
    }

    #[test]
    fn a_native_run_checks_claims_and_passings() {
        let program = parse(Path::new("p.rs"), PROGRAM).unwrap();
        let text = instrument(&program, PROGRAM);
        assert_eq!(text.lines().count(), PROGRAM.lines().count());
        let marked = text.lines().nth(7).unwrap();
        assert!(
            marked.starts_with("println!(\"#mark 1\");     println!("),
            "{marked}"
        );
        let good = "#mark 1\n=s \"a; b\"\n=s.bytes 4\n#mark round\n=i 0\n#mark round\n=i 1\n#mark round\n=i 2\n#mark end\n";
        assert_eq!(check_natively(&program, good), Vec::<String>::new());
        let bad = good.replace("=i 2", "=i 3").replace("#mark end\n", "");
        let problems = check_natively(&program, &bad);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("the assertion says `2`, but the program prints `=i 3`"));
        assert!(problems[1].contains("<end#1> is passed 0 times"));
    }
}
