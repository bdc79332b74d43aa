//! Laws that hold for every body the compiler has accepted, on real code.
//!
//! The witness is the borrow checker: in what it accepted, nothing is used that may have no value,
//! and nothing conflicts with a loan that holds. A state or a loan that breaks a law is ours.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::{Printed, Toolchain, compile, skip, toolchains};
use stackheap_mir::{
    Body, BorrowKind, Certainty, Confidence, DropDone, EventKind, Facts, Loan, Local, Location,
    Operand, Place, Projection, Rvalue, StatementKind, TerminatorKind, pair_elaborated, parse,
};

/// What was seen of a number of bodies.
#[derive(Debug, Default)]
struct Seen {
    bodies: usize,
    steps: usize,
    opaque: usize,
    places: usize,
    uses: usize,
    loans: usize,
    accesses: usize,
    drops: usize,
    agreeing_drops: usize,
    broken: Vec<String>,
}

/// Crates that compile by themselves, with their edition and features.
const CRATES: [(&str, &str, &[&str]); 14] = [
    ("adler2", "2021", &[]),
    ("anyhow", "2021", &["std"]),
    ("bytes", "2021", &["std"]),
    ("crossbeam-utils", "2021", &["std"]),
    ("either", "2021", &[]),
    ("fastrand", "2018", &["alloc", "std"]),
    ("gimli", "2024", &["read-core"]),
    ("itoa", "2021", &[]),
    ("memchr", "2021", &["alloc", "std"]),
    ("regex-lite", "2021", &["std", "string"]),
    ("rustc-demangle", "2018", &[]),
    ("semver", "2021", &["std"]),
    ("tinyjson", "2021", &[]),
    ("winnow", "2024", &["alloc", "std"]),
];

#[test]
fn programs_keep_the_laws() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/programs");
    let mut sources: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    sources.sort();
    assert!(sources.len() > 100, "only {} programs", sources.len());
    let mut seen = Seen::default();
    for source in &sources {
        let printed = compile(Toolchain::Default, source, &["--edition=2024"]);
        assert!(
            printed.is_accepted,
            "{}: {}",
            source.display(),
            printed.messages
        );
        seen.look(&printed, &source.display().to_string());
    }
    seen.check();
}

#[test]
fn crates_keep_the_laws() {
    for toolchain in toolchains() {
        let mut seen = Seen::default();
        let mut compiled = 0;
        // Fewer are enough to see whether another toolchain prints something else.
        let crates = match toolchain {
            Toolchain::Default => &CRATES[..],
            Toolchain::Nightly => &CRATES[..6],
        };
        for &(name, edition, features) in crates {
            let Some(source) = newest(name) else {
                continue;
            };
            let features: Vec<String> = features
                .iter()
                .map(|feature| format!("feature=\"{feature}\""))
                .collect();
            let edition = format!("--edition={edition}");
            let mut arguments = vec!["--crate-type=lib", &edition];
            arguments.extend(
                features
                    .iter()
                    .flat_map(|feature| ["--cfg", feature.as_str()]),
            );
            let printed = compile(toolchain, &source, &arguments);
            if printed.is_accepted {
                compiled += 1;
                seen.look(&printed, name);
            } else {
                eprintln!("{name} does not compile by itself");
            }
        }
        if compiled < 3 {
            skip::skip_optional(format_args!(
                "only {compiled} crates are in cargo's registry"
            ));
            return;
        }
        eprintln!("{toolchain:?}: {compiled} crates");
        seen.check();
    }
}

/// The newest version of a crate that cargo has unpacked.
fn newest(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))?;
    let registries = std::fs::read_dir(home.join("registry/src")).ok()?;
    let mut found = Vec::new();
    for registry in registries.flatten() {
        for package in std::fs::read_dir(registry.path()).ok()?.flatten() {
            let file_name = package.file_name().to_string_lossy().into_owned();
            let version = file_name
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('-'));
            if version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())) {
                found.push(package.path().join("src/lib.rs"));
            }
        }
    }
    found.sort();
    found.pop()
}

impl Seen {
    fn look(&mut self, printed: &Printed, name: &str) {
        let (elaborated, problems) = parse(&printed.elaborated);
        self.broken
            .extend(problems.iter().map(|problem| format!("{name}: {problem}")));
        self.count(&elaborated);
        let mut checked = Vec::new();
        for text in &printed.checked {
            let (bodies, problems) = parse(text);
            self.broken
                .extend(problems.iter().map(|problem| format!("{name}: {problem}")));
            self.count(&bodies);
            checked.extend(bodies);
        }
        for (body, elaborated) in checked.iter().zip(pair_elaborated(&checked, &elaborated)) {
            let (facts, problems) = Facts::of(body, elaborated);
            let name = format!("{name}: {}", body.name);
            self.broken
                .extend(problems.iter().map(|problem| format!("{name}: {problem}")));
            if facts.confidence != Confidence::Full {
                self.broken.push(format!("{name}: {:?}", facts.confidence));
            }
            self.initialized(&facts, &name);
            self.undisturbed(&facts, &name);
            self.drops(&facts, &name);
            if let Some(elaborated) = elaborated {
                self.no_drop_is_lost(&facts, elaborated, &name);
            }
        }
        for body in &elaborated {
            let (facts, _) = Facts::of(body, None);
            if facts.confidence != Confidence::WithoutLoans {
                self.broken
                    .push(format!("{name}: {}: {:?}", body.name, facts.confidence));
            }
        }
    }

    fn count(&mut self, bodies: &[Body<'_>]) {
        self.bodies += bodies.len();
        for body in bodies {
            self.steps += body.step_count();
            self.opaque += usize::try_from(body.opaque).unwrap();
        }
    }

    /// What is copied, moved or borrowed has a value for sure.
    fn initialized(&mut self, facts: &Facts<'_, '_>, name: &str) {
        let body = facts.body;
        let flow = facts.flow.as_ref().expect("whole control flow");
        for block in &body.blocks {
            flow.walk(body, &facts.paths, block.id, |location, states| {
                for place in used_places(body, location) {
                    self.places += 1;
                    let Some(path) = facts.path_of_place(place) else {
                        continue;
                    };
                    self.uses += 1;
                    let state = states[path.index()];
                    let is_reached = !state.is_unreachable();
                    if is_reached && state.is_initialized() != Certainty::Definitely {
                        self.broken
                            .push(format!("{name} {location}: {place} is {state:?}"));
                    }
                }
            });
        }
    }

    /// What is assigned, moved, dropped or borrowed for writing is not on loan, and what is only
    /// looked at is not on loan for writing.
    fn undisturbed(&mut self, facts: &Facts<'_, '_>, name: &str) {
        self.loans += facts.loans.len();
        let mut loans: BTreeMap<Local, Vec<&Loan<'_>>> = BTreeMap::new();
        let mut own: BTreeMap<Location, &Loan<'_>> = BTreeMap::new();
        for loan in facts
            .loans
            .iter()
            .filter(|loan| loan.kind != BorrowKind::Fake)
        {
            loans.entry(loan.place.local).or_default().push(loan);
            own.insert(loan.issued, loan);
        }
        for location in facts.body.locations() {
            // A mutable borrow that may be a two-phase one is an access where it is first used.
            let activation = own.get(&location).and_then(|loan| loan.activation);
            let written = accesses(facts.body, location, activation.unwrap_or(location));
            let is_fake = own_kind(facts.body, location) == Some(BorrowKind::Fake);
            let read = used_places(facts.body, location);
            let read = if is_fake { Vec::new() } else { read };
            let read = read.into_iter().map(|place| (place, location, false));
            let written = written.into_iter().map(|(place, at)| (place, at, true));
            for (place, at, is_write) in written.chain(read) {
                self.accesses += 1;
                for loan in loans.get(&place.local).map_or(&[][..], Vec::as_slice) {
                    let is_exclusive =
                        loan.kind == BorrowKind::Mutable && loan.activation.is_none();
                    let conflicts = is_write || is_exclusive;
                    let is_other = loan.issued != location;
                    if is_other && conflicts && loan.is_live(at) && overlap(&loan.place, place) {
                        let id = loan.id;
                        self.broken
                            .push(format!("{name} {at}: {place} is on loan {id}"));
                    }
                }
            }
        }
    }

    /// No drop that is left after elaboration is said to be none.
    fn no_drop_is_lost(&mut self, facts: &Facts<'_, '_>, elaborated: &Body<'_>, name: &str) {
        let mut told = BTreeSet::new();
        for event in &facts.events {
            if let EventKind::Dropped { place, done, .. } = &event.kind
                && *done != DropDone::Never
            {
                told.insert((
                    place.local,
                    event.span.map(|span| span.start),
                    event.is_cleanup,
                ));
            }
        }
        for block in &elaborated.blocks {
            let Some(terminator) = &block.terminator else {
                continue;
            };
            let TerminatorKind::Drop(place) = &terminator.kind else {
                continue;
            };
            if facts.body.local(place.local).is_none() {
                // The pointer of a `Box`.
                continue;
            }
            let start = terminator.source.span.map(|span| span.start);
            if !told.contains(&(place.local, start, block.is_cleanup)) {
                self.broken
                    .push(format!("{name} {}: drop of {place} is lost", block.id));
            }
        }
    }

    /// The elaborated body and the states agree on what is dropped.
    fn drops(&mut self, facts: &Facts<'_, '_>, name: &str) {
        if !facts.has_elaborated_drops {
            return;
        }
        let (concluded, _) = Facts::of(facts.body, None);
        for (real, concluded) in facts.events.iter().zip(&concluded.events) {
            let EventKind::Dropped {
                done: real, place, ..
            } = &real.kind
            else {
                continue;
            };
            let EventKind::Dropped { done, .. } = &concluded.kind else {
                continue;
            };
            self.drops += 1;
            let agree = match (real, done) {
                (
                    DropDone::Conditional(_) | DropDone::Memory(Some(_)),
                    DropDone::Conditional(_),
                ) => true,
                (DropDone::Parts(_) | DropDone::Memory(_), DropDone::Parts(_)) => true,
                (real, done) => real == done,
            };
            self.agreeing_drops += usize::from(agree);
            // What has no value is never dropped. The other way round the compiler knows more.
            if *done == DropDone::Never && *real != DropDone::Never {
                let location = concluded.location;
                self.broken
                    .push(format!("{name} {location}: {place} is dropped: {real:?}"));
            }
        }
    }

    fn check(&self) {
        let broken = self.broken.len();
        let known = 100.0 - 100.0 * self.opaque as f64 / self.steps as f64;
        eprintln!(
            "{} bodies, {} steps, {known:.3} % of known form; {} places used, {} with a path; \
             {} loans, {} accesses; {} drops, {} as concluded; {broken} laws broken",
            self.bodies,
            self.steps,
            self.places,
            self.uses,
            self.loans,
            self.accesses,
            self.drops,
            self.agreeing_drops,
        );
        assert!(
            known >= 99.9,
            "only {known:.3} % of the statements are of known form"
        );
        assert!(
            self.uses > 1000 && self.loans > 100 && self.drops > 100,
            "{self:?}"
        );
        let first: Vec<&String> = self.broken.iter().take(20).collect();
        assert!(self.broken.is_empty(), "{broken} laws broken: {first:#?}");
    }
}

/// How a step borrows.
fn own_kind(body: &Body<'_>, location: Location) -> Option<BorrowKind> {
    match body.statement(location)?.kind {
        StatementKind::Assign(_, Rvalue::Ref(kind, _)) => Some(kind),
        _ => None,
    }
}

/// What a step copies, moves or borrows.
fn used_places<'b, 't>(body: &'b Body<'t>, location: Location) -> Vec<&'b Place<'t>> {
    let mut places = Vec::new();
    let operands = match body.statement(location) {
        Some(statement) => {
            if let StatementKind::Assign(_, Rvalue::Ref(_, place) | Rvalue::Discriminant(place)) =
                &statement.kind
            {
                places.push(place);
            }
            statement.kind.operands()
        }
        None => body
            .terminator(location)
            .map_or(&[][..], |t| t.kind.operands()),
    };
    places.extend(operands.iter().filter_map(Operand::place));
    places
}

/// What a step assigns, moves, drops or borrows for writing, and where that must not be on loan: what
/// is borrowed, at its activation.
fn accesses<'b, 't>(
    body: &'b Body<'t>,
    location: Location,
    activation: Location,
) -> Vec<(&'b Place<'t>, Location)> {
    let mut places = Vec::new();
    let moved = |operand: &'b Operand<'t>| match operand {
        Operand::Move(place) => Some((place, location)),
        _ => None,
    };
    match body.statement(location) {
        Some(statement) => {
            if let StatementKind::Assign(place, rvalue) = &statement.kind {
                places.push((place, location));
                if let Rvalue::Ref(BorrowKind::Mutable, borrowed) = rvalue {
                    places.push((borrowed, activation));
                }
            }
            places.extend(statement.kind.operands().iter().filter_map(moved));
        }
        None => {
            if let Some(terminator) = body.terminator(location) {
                places.extend(terminator.kind.operands().iter().filter_map(moved));
                places.extend(terminator.kind.destination().map(|place| (place, location)));
                if let TerminatorKind::Drop(place) = &terminator.kind {
                    places.push((place, location));
                }
            }
        }
    }
    places
}

/// Whether an access to a place is one to what is on loan. An access to a reference itself is none
/// to what it points to, and elements of unknown index may be different ones.
fn overlap(loan: &Place<'_>, access: &Place<'_>) -> bool {
    if loan.local != access.local {
        return false;
    }
    let has_index = |place: &Place<'_>| {
        let is_index = |p: &Projection<'_>| {
            !matches!(
                p,
                Projection::Deref | Projection::Field(..) | Projection::Downcast(_)
            )
        };
        place.projection.iter().any(is_index)
    };
    if has_index(loan) || has_index(access) {
        return false;
    }
    if loan.projection.len() > access.projection.len() {
        let rest = &loan.projection[access.projection.len()..];
        loan.projection.starts_with(&access.projection) && !rest.contains(&Projection::Deref)
    } else {
        access.projection.starts_with(&loan.projection)
    }
}
