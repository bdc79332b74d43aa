//! Threads, frames and the storage of locals.

use std::collections::BTreeSet;

use stackheap_rules::{Access, Ending, Event, FrameId, Home, Rule, SlotId, ThreadId, Via};

use crate::explore::{Extent, Universe};
use crate::history::{all, any, has_storage};

const MAIN: ThreadId = ThreadId(1);
const OTHER: ThreadId = ThreadId(2);
const OUTER: FrameId = FrameId(1);
const INNER: FrameId = FrameId(2);
const ELSEWHERE: FrameId = FrameId(3);
const LOCAL: SlotId = SlotId(1);
/// The main thread has room for its outer frame and the inner one together and for no third one.
const LIMIT: u64 = 5;

fn bytes(frame: FrameId) -> u64 {
    match frame {
        OUTER => 2,
        INNER => 3,
        _ => 4,
    }
}

fn call(thread: ThreadId, frame: FrameId) -> Event {
    let bytes = bytes(frame);
    Event::Call {
        thread,
        frame,
        bytes,
    }
}

fn events() -> Vec<Event> {
    let back = |thread, frame| Event::Return { thread, frame };
    let live = |home| Event::StorageLive { slot: LOCAL, home };
    let slot = LOCAL.into();
    vec![
        Event::ThreadStart {
            thread: OTHER,
            stack_bytes: None,
        },
        Event::ThreadEnd { thread: MAIN },
        Event::ThreadEnd { thread: OTHER },
        call(MAIN, OUTER),
        call(MAIN, INNER),
        call(MAIN, ELSEWHERE),
        call(OTHER, ELSEWHERE),
        back(MAIN, OUTER),
        back(MAIN, INNER),
        back(MAIN, ELSEWHERE),
        back(OTHER, ELSEWHERE),
        live(Home::Frame(OUTER)),
        live(Home::Frame(INNER)),
        Event::StorageDead { slot: LOCAL },
        Event::Init { slot },
        Event::Use {
            place: LOCAL.into(),
            access: Access::Read,
            via: Via::Owner,
        },
        Event::ProgramEnd {
            ending: Ending::Returned,
        },
    ]
}

fn is_return(event: &Event, of: FrameId) -> bool {
    matches!(event, Event::Return { frame, .. } if *frame == of)
}

fn calls(past: &[Event], of: FrameId) -> Vec<(usize, ThreadId)> {
    let made = all(
        past,
        |event| matches!(event, Event::Call { frame, .. } if *frame == of),
    );
    made.into_iter()
        .map(|at| match past[at] {
            Event::Call { thread, .. } => (at, thread),
            _ => unreachable!("found as such"),
        })
        .collect()
}

/// Frames of a thread that were called and have not returned, with the position of the call.
fn open(past: &[Event], on: ThreadId) -> Vec<(usize, FrameId)> {
    let frames = [OUTER, INNER, ELSEWHERE].into_iter();
    frames
        .flat_map(|frame| {
            calls(past, frame)
                .into_iter()
                .map(move |call| (call, frame))
        })
        .filter(|((at, thread), frame)| {
            *thread == on && !any(&past[*at..], |event| is_return(event, *frame))
        })
        .map(|((at, _), frame)| (at, frame))
        .collect()
}

fn runs(past: &[Event], id: ThreadId) -> bool {
    any(
        past,
        |event| matches!(event, Event::ThreadStart { thread, .. } if *thread == id),
    ) && !any(
        past,
        |event| matches!(event, Event::ThreadEnd { thread } if *thread == id),
    )
}

fn broken(history: &[Event]) -> BTreeSet<Rule> {
    let (last, past) = history.split_last().expect("an event");
    let mut rules = BTreeSet::new();
    let mut law = |rule, broken: bool| {
        if broken {
            rules.insert(rule);
        }
    };
    let ended = any(past, |event| matches!(event, Event::ProgramEnd { .. }));
    law(Rule::WellFormed, ended);
    let never_declared = || !any(past, |event| matches!(event, Event::StorageLive { .. }));
    match *last {
        _ if ended => {}
        Event::ThreadStart { thread, .. } => law(
            Rule::WellFormed,
            any(
                past,
                |event| matches!(event, Event::ThreadStart { thread: other, .. } if *other == thread),
            ),
        ),
        Event::ThreadEnd { thread } => {
            law(Rule::WellFormed, !runs(past, thread));
            law(Rule::LastInFirstOut, !open(past, thread).is_empty());
        }
        Event::Call { thread, frame, .. } => {
            law(
                Rule::WellFormed,
                !runs(past, thread) || !calls(past, frame).is_empty(),
            );
            let used: u64 = open(past, thread)
                .iter()
                .map(|(_, frame)| bytes(*frame))
                .sum();
            law(
                Rule::StackLimit,
                thread == MAIN && used + bytes(frame) > LIMIT,
            );
        }
        Event::Return { thread, frame } => {
            let made = calls(past, frame);
            law(Rule::WellFormed, !runs(past, thread) || made.is_empty());
            law(
                Rule::StackPerThread,
                made.iter().any(|(_, on)| *on != thread),
            );
            let later = |at: usize| open(past, thread).iter().any(|(other, _)| *other > at);
            law(Rule::LastInFirstOut, made.iter().any(|(at, _)| later(*at)));
            law(
                Rule::LastInFirstOut,
                any(past, |event| is_return(event, frame)),
            );
        }
        Event::StorageLive {
            home: Home::Frame(frame),
            ..
        } => {
            law(
                Rule::WellFormed,
                has_storage(past, LOCAL) || calls(past, frame).is_empty(),
            );
            law(Rule::UseInScope, any(past, |event| is_return(event, frame)));
        }
        Event::StorageDead { .. } | Event::Init { .. } | Event::Use { .. } => {
            law(Rule::WellFormed, never_declared());
            law(Rule::UseInScope, !has_storage(past, LOCAL));
            let declared = all(past, |event| matches!(event, Event::StorageLive { .. }));
            let since = declared.last().copied().unwrap_or(0);
            law(
                Rule::InitBeforeUse,
                matches!(last, Event::Use { .. })
                    && !any(&past[since..], |event| matches!(event, Event::Init { .. })),
            );
        }
        Event::ProgramEnd { .. } => law(Rule::LastInFirstOut, !open(past, MAIN).is_empty()),
        _ => unreachable!("not in this universe"),
    }
    rules
}

/// Calls and returns of a thread are well nested, as brackets are.
fn nested(history: &[Event]) {
    for on in [MAIN, OTHER] {
        let mut brackets = Vec::new();
        for event in history {
            match *event {
                Event::Call { thread, frame, .. } if thread == on => brackets.push(frame),
                Event::Return { thread, frame } if thread == on => {
                    assert_eq!(brackets.pop(), Some(frame));
                }
                _ => {}
            }
        }
        assert_eq!(brackets.len(), open(history, on).len());
    }
}

#[test]
fn frames_are_last_in_first_out_within_their_stack() {
    let universe = Universe {
        before: &[Event::ThreadStart {
            thread: MAIN,
            stack_bytes: Some(LIMIT),
        }],
        events: &events(),
        broken,
        holds: nested,
    };
    universe.explore(
        Extent {
            length: 7,
            judged: 85_306,
            lawful: 18_913,
        },
        Extent {
            length: 8,
            judged: 321_538,
            lawful: 70_521,
        },
    );
}
