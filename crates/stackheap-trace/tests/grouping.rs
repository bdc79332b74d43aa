//! From stops to frames and steps, in examples.
//!
//! A program is a list of stops `site@cfa`; a site is a function's letter and a number:
//!
//! | number | statement | role |
//! | --- | --- | --- |
//! | 0 | head | entry |
//! | 1, 2, 3 | a statement with three sites | |
//! | 4, 5 | a loop's head with two sites | |
//! | 6 | a statement | |
//! | 7 | a line of a macro | |
//! | 8 | the closing brace | return |
//! | 9 | a landing pad | cleanup |
//!
//! What comes out is `step` for each stop, with `+` where it is new, then `fN` where frame N begins,
//! with `<step` of the caller, and before it `-fN` for each frame that is gone.

use std::sync::Arc;

use stackheap_model::*;
use stackheap_trace::*;

const STATEMENTS: [(StatementKind, &[u32]); 7] = [
    (StatementKind::Head, &[0]),
    (StatementKind::Expression, &[1, 2, 3]),
    (StatementKind::LoopHead, &[4, 5]),
    (StatementKind::Expression, &[6]),
    (StatementKind::Line, &[7]),
    (StatementKind::ScopeEnd, &[8]),
    (StatementKind::ScopeEnd, &[9]),
];

fn table() -> SiteTable {
    let position = TextPosition { line: 1, column: 1 };
    let mut table = SiteTable::default();
    for (function, name) in ["a", "b", "c"].into_iter().enumerate() {
        table.functions.push(PlannedFunction {
            name: name.into(),
            file: FileId(0),
            position,
            low: ImageAddress(0),
            high: ImageAddress(0),
            below_stack_pointer: 0,
        });
        for (kind, sites) in STATEMENTS {
            let statement = StatementId(table.statements.len() as u32);
            let range = TextRange {
                start: position,
                end: position,
            };
            table.statements.push(Statement {
                file: FileId(0),
                range,
                kind,
            });
            for &site in sites {
                table.sites.push(Site {
                    address: ImageAddress(u64::from(site)),
                    function: FunctionId(function as u32),
                    statement,
                    position,
                    role: match site {
                        0 => SiteRole::Entry,
                        8 => SiteRole::Return,
                        9 => SiteRole::Cleanup,
                        _ => SiteRole::Body,
                    },
                    cfa: CfaRule::StackPointer(0),
                    registers: RegisterSet::default(),
                });
            }
        }
    }
    table
}

fn stop(thread: u32, text: &str) -> Record {
    let (site, cfa) = text.split_once('@').unwrap();
    let function = "abc".find(&site[..1]).unwrap() as u32;
    let number: u32 = site[1..].parse().unwrap();
    let mut values = [0; 16];
    values[7] = cfa.parse().unwrap();
    Record::Stop(Stop {
        thread: ThreadId(thread),
        site: SiteId(function * 10 + number),
        registers: Registers::new(values, RegisterSet::CALLEE_SAVED),
        patches: Vec::new(),
        captured: AddressRange::default(),
    })
}

fn told(state: &ReplayState, thread: u32, applied: &AppliedStop) -> String {
    let mut text = String::new();
    for frame in &applied.popped {
        text += &format!("-f{} ", frame.frame);
    }
    text += &applied.step.to_string();
    if applied.new_step {
        text += "+";
    }
    if let Some(frame) = applied.pushed {
        let top = state.threads.get(ThreadId(thread)).unwrap().top().unwrap();
        assert_eq!(top.frame, frame);
        text += &format!(" f{frame}");
        if let Some(parent) = top.parent_step {
            text += &format!("<{parent}");
        }
    }
    text
}

fn run(state: &mut ReplayState, thread: u32, stops: &str) -> String {
    let mut all = Vec::new();
    for text in stops.split_whitespace() {
        let applied = state.apply(&stop(thread, text));
        all.push(told(state, thread, applied.stop().unwrap()));
    }
    all.join(", ")
}

#[track_caller]
fn check(stops: &str, expected: &str) {
    let mut state = ReplayState::new(Arc::new(table()));
    assert_eq!(run(&mut state, 1, stops), expected);
}

#[test]
fn sites_of_one_statement_are_one_step() {
    check("a0@90 a1@90 a2@90 a6@90 a8@90", "1+ f1, 2+, 2, 3+, 4+");
}

#[test]
fn a_call_nests_and_its_statement_goes_on() {
    check(
        "a0@90 a1@90 b0@80 b6@80 b8@80 a2@90 a6@90",
        "1+ f1, 2+, 3+ f2<2, 4+, 5+, -f2 2, 6+",
    );
}

#[test]
fn a_statement_that_follows_a_call_at_once_ends_it() {
    check(
        "a1@90 b0@80 c0@70 a6@90",
        "1+ f1, 2+ f2<1, 3+ f3<2, -f3 -f2 4+",
    );
}

#[test]
fn the_same_function_called_twice_in_a_statement_is_two_calls() {
    check(
        "a1@90 b0@80 b8@80 b0@80 b8@80 a2@90",
        "1+ f1, 2+ f2<1, 3+, -f2 4+ f3<1, 5+, -f3 1",
    );
}

#[test]
fn two_functions_called_in_a_statement_are_two_calls() {
    check(
        "a1@90 b6@80 c6@80 a2@90",
        "1+ f1, 2+ f2<1, -f2 3+ f3<1, -f3 1",
    );
}

#[test]
fn a_deeper_call_is_one_of_the_last_call_unless_that_was_about_to_return() {
    check("a1@90 b0@80 b6@80 c0@75", "1+ f1, 2+ f2<1, 3+, 4+ f3<3");
    check(
        "a1@90 b0@80 b8@80 c0@75 a2@90",
        "1+ f1, 2+ f2<1, 3+, -f2 4+ f3<1, -f3 1",
    );
}

#[test]
fn recursion_has_a_frame_for_each_call() {
    check(
        "a0@90 a1@90 a0@80 a1@80 a0@70 a8@70 a2@80 a8@80 a2@90",
        "1+ f1, 2+, 3+ f2<2, 4+, 5+ f3<4, 6+, -f3 4, 7+, -f2 2",
    );
}

#[test]
fn a_loop_head_is_a_step_in_every_round() {
    // Site 4 once, site 5 in every round: `for`.
    check(
        "a4@90 a5@90 a6@90 a5@90 a6@90 a5@90 a7@90",
        "1+ f1, 1, 2+, 3+, 4+, 5+, 6+",
    );
}

#[test]
fn a_loop_without_a_body_has_its_rounds_too() {
    check("a4@90 a5@90 a5@90 a5@90 a6@90", "1+ f1, 1, 2+, 3+, 4+");
    // A head of two conditions, `while a() && b() {}`.
    check(
        "a4@90 a5@90 a4@90 a5@90 a4@90 a6@90",
        "1+ f1, 1, 2+, 2, 3+, 4+",
    );
}

#[test]
fn a_call_in_a_loop_head_does_not_begin_a_round() {
    check(
        "a4@90 b0@80 b8@80 a5@90 a4@90 b0@80 a5@90",
        "1+ f1, 2+ f2<1, 3+, -f2 1, 4+, 5+ f3<4, -f3 4",
    );
}

#[test]
fn a_site_passed_again_begins_a_round_of_any_statement() {
    // `loop { if done() { break } }`
    check(
        "a1@90 b0@80 b8@80 a1@90 b0@80 a2@90",
        "1+ f1, 2+ f2<1, 3+, -f2 4+, 5+ f3<4, -f3 4",
    );
    check("a1@90 a2@90 a1@90 a2@90", "1+ f1, 1, 2+, 2");
}

#[test]
fn a_loop_in_a_macro_is_one_step() {
    check("a6@90 a7@90 a7@90 a7@90 a6@90", "1+ f1, 2+, 2, 2, 3+");
}

#[test]
fn the_body_of_a_loop_is_new_steps_in_every_round() {
    check("a6@90 a7@90 a6@90 a7@90", "1+ f1, 2+, 3+, 4+");
}

#[test]
fn unwinding_takes_frames_off() {
    check(
        "a0@90 a1@90 b0@80 b1@80 c0@70 b9@80 a9@90",
        "1+ f1, 2+, 3+ f2<2, 4+, 5+ f3<4, -f3 6+, -f2 7+",
    );
}

#[test]
fn a_stop_without_the_register_of_its_rule_belongs_to_the_top_frame() {
    let mut state = ReplayState::new(Arc::new(table()));
    run(&mut state, 1, "a0@90 a1@90");
    let Record::Stop(mut last) = stop(1, "a2@0") else {
        unreachable!()
    };
    last.registers = Registers::default();
    let applied = state.apply(&Record::Stop(last));
    assert_eq!(told(&state, 1, applied.stop().unwrap()), "2");
}

#[test]
fn threads_have_frames_of_their_own_and_steps_in_common() {
    let mut state = ReplayState::new(Arc::new(table()));
    assert_eq!(run(&mut state, 1, "a0@90 a1@90"), "1+ f1, 2+");
    assert_eq!(run(&mut state, 2, "b0@990 b1@990"), "3+ f2, 4+");
    assert_eq!(run(&mut state, 1, "a2@90 b0@80"), "2, 5+ f3<2");
    assert_eq!(run(&mut state, 2, "b2@990"), "4");
    let Applied::Left { popped, .. } = state.apply(&Record::ThreadEnd {
        thread: ThreadId(1),
    }) else {
        panic!("no frames are gone");
    };
    let frames: Vec<_> = popped.iter().map(|frame| frame.frame.0).collect();
    assert_eq!(frames, [3, 1]);
    assert!(state.threads.get(ThreadId(1)).unwrap().ended);
    assert_eq!(state.threads.get(ThreadId(2)).unwrap().frames.len(), 1);
}

fn start_with_coroutines(state: &mut ReplayState) {
    state.apply(&Record::ThreadStart {
        thread: ThreadId(1),
        os_id: 1,
        name: None,
        stack_low: RuntimeAddress(1000),
        stack_high: RuntimeAddress(2000),
        limit: None,
        thread_pointer: RuntimeAddress(0),
    });
    let region = |low| MapRegion {
        low: RuntimeAddress(low),
        high: RuntimeAddress(low + 100),
        permissions: Permissions::READ,
        offset: 0,
        name: String::new(),
    };
    state.apply(&Record::Map {
        regions: vec![region(9000), region(5000)],
    });
}

#[test]
fn stacks_of_coroutines_are_kept_while_others_run() {
    let mut state = ReplayState::new(Arc::new(table()));
    start_with_coroutines(&mut state);
    assert_eq!(run(&mut state, 1, "a0@1990 a1@1990"), "1+ f1, 2+");
    // Into a coroutine with addresses above, into one with addresses below.
    assert_eq!(
        run(&mut state, 1, "b0@9090 b1@9090 c0@9080"),
        "3+ f2<2, 4+, 5+ f3<4"
    );
    assert_eq!(run(&mut state, 1, "a2@1990"), "2");
    assert_eq!(run(&mut state, 1, "b0@5090"), "6+ f4<2");
    assert_eq!(run(&mut state, 1, "a6@1990 c0@1900"), "7+, 8+ f5<7");
    // Back into the first: its frames are as they were.
    assert_eq!(run(&mut state, 1, "c6@9080 b2@9090"), "9+, -f3 4");
    let thread = state.threads.get(ThreadId(1)).unwrap();
    let frames: Vec<_> = thread.frames.iter().map(|frame| frame.frame.0).collect();
    assert_eq!(frames, [1, 5, 2]);
    assert_eq!(thread.parked.len(), 1);
    assert_eq!(thread.high_water, 100);
}

#[test]
fn the_depth_and_the_last_stop_of_each_frame_are_known() {
    let mut state = ReplayState::new(Arc::new(table()));
    run(&mut state, 1, "a0@90 a1@90 b0@80 b1@80 c0@70");
    let frames: Vec<_> = state
        .threads
        .get(ThreadId(1))
        .unwrap()
        .frames
        .iter()
        .map(|frame| {
            (
                frame.depth,
                frame.stop.0,
                frame.step.0,
                frame.entered_step.0,
                frame.cfa.0,
            )
        })
        .collect();
    assert_eq!(
        frames,
        [(0, 2, 2, 1, 90), (1, 4, 4, 3, 80), (2, 5, 5, 5, 70)]
    );
}
