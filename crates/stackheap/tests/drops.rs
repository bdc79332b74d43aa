//! What is told of drops, against the destructors that ran: a program whose `Noisy` prints its name
//! when it is dropped is a witness that knows nothing of the compiler's text.
//!
//! Each call of the destructor has the address of the value. If a variable lies there, the drop of
//! that variable has to be told, at that place of the order; and where none lies there, it was a
//! field, an element or a temporary, and no drop of a variable is told.

#[path = "support/corpus.rs"]
mod corpus;
#[path = "support/marks.rs"]
mod marks;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use corpus::Runner;
use stackheap_interpret::{StateLimits, Walk};
use stackheap_model::{
    Event, EventKind, Frame, FrameId, Local, LocalRole, LocalState, PlaceRef, State, Thread,
    ThreadId,
};

/// What the programs print when a value is dropped.
const PRINTED: &str = "println!(\"drop {}\", self.0)";

/// The type that prints it.
const TYPE: &str = "Noisy";

/// A variable of a call.
type Variable = (FrameId, Arc<str>);

#[test]
fn the_drops_told_are_the_destructors_that_ran() {
    let runner = Runner::new("corpus-drops");
    let mut sources = corpus::chosen_sources();
    sources.retain(|source| {
        std::fs::read_to_string(source)
            .expect("a program can be read")
            .contains(PRINTED)
    });
    assert!(
        corpus::subset().is_some() || sources.len() >= 15,
        "only {} programs print their drops",
        sources.len()
    );
    let problems = corpus::side_by_side(&sources, |source| {
        let name = corpus::name_of(source);
        let problems = compare(&runner, source).unwrap_or_else(|why| vec![why]);
        let problems = problems.into_iter();
        problems
            .map(|why| format!("{name}: {why}"))
            .collect::<Vec<_>>()
    });
    let problems = problems.concat();
    assert!(
        problems.is_empty(),
        "{} things told of drops are not so:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

fn compare(runner: &Runner, source: &Path) -> Result<Vec<String>, String> {
    let recorded = runner.record(source)?;
    let program = recorded.opened.program().map_err(|why| why.to_string())?;
    let mut witness = Witness::new(&recorded.stdout);
    let mut walk = Walk::new(&program, StateLimits::default());
    while let Some(state) = walk.next_state().map_err(|why| why.to_string())? {
        witness.look_at(&state);
    }
    Ok(witness.found())
}

/// A destructor that ran.
struct Ran {
    thread: ThreadId,
    /// The name in the value.
    name: String,
    /// The variable that the value lay in.
    variable: Option<Variable>,
}

/// What is collected on a walk.
struct Witness {
    /// All names printed in the run.
    printed: Vec<String>,
    ran: Vec<Ran>,
    /// The drops of variables that are told.
    told: Vec<(ThreadId, Variable)>,
    types: BTreeMap<Variable, Arc<str>>,
    /// The calls of the destructor that were seen.
    calls: BTreeSet<FrameId>,
    /// Variables whose value was dropped where it lay, and which had no other since.
    dropped: BTreeSet<Variable>,
    problems: BTreeSet<String>,
}

impl Witness {
    fn new(stdout: &str) -> Self {
        Self {
            printed: names_printed(stdout),
            ran: Vec::new(),
            told: Vec::new(),
            types: BTreeMap::new(),
            calls: BTreeSet::new(),
            dropped: BTreeSet::new(),
            problems: BTreeSet::new(),
        }
    }

    fn look_at(&mut self, state: &State) {
        let frames = state.threads.iter().flat_map(|thread| &thread.frames);
        for (frame, local) in frames.flat_map(locals_of) {
            self.types.insert(
                (frame.id, Arc::clone(&local.name)),
                Arc::clone(&local.type_name),
            );
        }
        for thread in &state.threads {
            for frame in &thread.frames {
                if is_destructor(frame) && self.calls.insert(frame.id) {
                    self.note_call(thread, frame);
                }
            }
        }
        for event in state.events.iter().chain(&state.after) {
            self.note_event(event);
        }
        self.check_states(state);
    }

    fn note_call(&mut self, thread: &Thread, call: &Frame) {
        let this = call.locals.iter().find(|local| &*local.name == "self");
        let Some((name, address)) = this.and_then(|this| Some((name_in(this)?, pointer(this)?)))
        else {
            let why = format!("the destructor's `self` is not readable: {this:?}");
            self.problems.insert(why);
            return;
        };
        let mut variables = thread.frames.iter().flat_map(locals_of);
        let found = variables.find(|(_, local)| {
            is_noisy(&local.type_name)
                && matches!(local.role, LocalRole::Parameter | LocalRole::Variable)
                && local.place.address.map(|at| at.0) == Some(address)
        });
        if let Some((_, local)) = found
            && local.state != LocalState::Live
        {
            let (of, is) = (&local.name, &local.state);
            let why = format!("the destructor of {name} runs on `{of}`, whose state is {is:?}");
            self.problems.insert(why);
        }
        let variable = found.map(|(frame, local)| (frame.id, Arc::clone(&local.name)));
        self.dropped.extend(variable.clone());
        self.ran.push(Ran {
            thread: thread.id,
            name,
            variable,
        });
    }

    fn note_event(&mut self, event: &Event) {
        let EventKind::Drop {
            local: PlaceRef::Local { frame, local },
            path,
        } = &event.kind
        else {
            return;
        };
        let variable = (*frame, Arc::clone(local));
        match self.types.get(&variable) {
            Some(found) if !is_noisy(found) => {}
            Some(_) if path.is_empty() => self.told.push((event.thread, variable)),
            Some(_) => {
                let why =
                    format!("a drop is told of a part of `{local}`, which has none: `{path}`");
                self.problems.insert(why);
            }
            None => {
                let why = format!("a drop is told of `{local}`, which was in no state");
                self.problems.insert(why);
            }
        }
    }

    fn check_states(&mut self, state: &State) {
        let stdout = String::from_utf8_lossy(&state.output.stdout);
        let so_far = names_printed(&stdout);
        let count = |names: &[String], name: &str| names.iter().filter(|it| *it == name).count();
        for thread in &state.threads {
            // A value is there until its destructor is done.
            if thread.frames.iter().any(is_destructor) {
                continue;
            }
            for (frame, local) in thread.frames.iter().flat_map(locals_of) {
                if !is_noisy(&local.type_name) {
                    continue;
                }
                let variable = (frame.id, Arc::clone(&local.name));
                let problem = match &local.state {
                    LocalState::Live => {
                        self.dropped.remove(&variable);
                        match name_in(local) {
                            Some(name) => {
                                let printed = count(&so_far, &name);
                                let is_over = printed > 0 && printed == count(&self.printed, &name);
                                is_over.then(|| format!("is live after \"drop {name}\""))
                            }
                            None => Some("is live without a readable value".to_string()),
                        }
                    }
                    LocalState::Moved if self.dropped.contains(&variable) => {
                        Some("is moved, but was dropped where it lay".to_string())
                    }
                    LocalState::Dropped if !self.has_run(&variable) => {
                        Some("is dropped, but its destructor did not run".to_string())
                    }
                    LocalState::Unknown(unknown) => Some(format!("is unknown: {}", unknown.reason)),
                    _ => None,
                };
                if let Some(problem) = problem {
                    let line = state.at.position.as_ref().map(|at| at.line);
                    let name = &local.name;
                    let why = format!(
                        "at step {} (line {line:?}) `{name}` {problem}",
                        state.step.0
                    );
                    self.problems.insert(why);
                }
            }
        }
    }

    fn has_run(&self, variable: &Variable) -> bool {
        let mut ran = self.ran.iter();
        ran.any(|ran| ran.variable.as_ref() == Some(variable))
    }

    fn found(mut self) -> Vec<String> {
        let mut names: Vec<String> = self.ran.iter().map(|ran| ran.name.clone()).collect();
        let threads: BTreeSet<ThreadId> = self.ran.iter().map(|ran| ran.thread).collect();
        if threads.len() > 1 {
            names.sort();
            self.printed.sort();
        }
        let mut problems: Vec<String> = std::mem::take(&mut self.problems).into_iter().collect();
        if names != self.printed {
            problems.push(format!(
                "the program prints the drops of {:?}, the destructors seen are those of {names:?}",
                self.printed
            ));
        }
        let told_in = self.told.iter().map(|(thread, _)| *thread);
        for thread in threads
            .iter()
            .copied()
            .chain(told_in)
            .collect::<BTreeSet<_>>()
        {
            let ran: Vec<&Variable> = self
                .ran
                .iter()
                .filter(|ran| ran.thread == thread)
                .filter_map(|ran| ran.variable.as_ref())
                .collect();
            let told: Vec<&Variable> = self
                .told
                .iter()
                .filter(|(of, _)| *of == thread)
                .map(|(_, variable)| variable)
                .collect();
            if ran != told {
                let shown = |variables: &[&Variable]| {
                    let mut text = String::new();
                    for (frame, name) in variables.iter().copied() {
                        let _ = write!(text, " {name}@{}", frame.0);
                    }
                    text
                };
                problems.push(format!(
                    "destructors ran on the variables:{}; told are the drops of:{}",
                    shown(&ran),
                    shown(&told)
                ));
            }
        }
        problems
    }
}

fn locals_of(frame: &Frame) -> impl Iterator<Item = (&Frame, &Local)> {
    frame.locals.iter().map(move |local| (frame, local))
}

fn is_noisy(type_name: &str) -> bool {
    !type_name.starts_with(['&', '*']) && type_name.rsplit("::").next() == Some(TYPE)
}

fn is_destructor(frame: &Frame) -> bool {
    frame.user && frame.function.contains(TYPE) && frame.function.ends_with("::drop")
}

/// The name in the text of a value: `Noisy("name")`.
fn name_in(local: &Local) -> Option<String> {
    let text = local.value.as_ref()?.text.as_ref().ok()?;
    let name = text.strip_prefix("Noisy(\"")?.strip_suffix("\")")?;
    Some(name.to_string())
}

fn pointer(local: &Local) -> Option<u64> {
    let bytes = local.bytes.get(..8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn names_printed(stdout: &str) -> Vec<String> {
    let names = stdout.lines().filter_map(|line| line.strip_prefix("drop "));
    names.map(str::to_string).collect()
}
