//! A small program that never existed, and the records it could have made.

// Each test file uses some of it.
#![allow(dead_code)]

use proptest::prelude::*;
use stackheap_model::*;
use stackheap_trace::*;

/// Three functions; function 1 has a loop; function 2 unwinds.
pub fn table() -> SiteTable {
    let position = TextPosition { line: 1, column: 1 };
    let range = TextRange {
        start: position,
        end: position,
    };
    let function = |name: &str| PlannedFunction {
        name: name.to_owned(),
        file: FileId(0),
        position,
        low: ImageAddress(0x1000),
        high: ImageAddress(0x2000),
        below_stack_pointer: 0,
    };
    let kinds = [
        StatementKind::Head,
        StatementKind::Let,
        StatementKind::LoopHead,
        StatementKind::Expression,
        StatementKind::ScopeEnd,
    ];
    let statement = |kind| Statement {
        file: FileId(0),
        range,
        kind,
    };
    let site = |number: u32| Site {
        address: ImageAddress(0x1000 + u64::from(number) * 8),
        function: FunctionId(number / 8),
        statement: StatementId(number / 8 * 5 + (number % 8) * 5 / 8),
        position,
        role: match number % 8 {
            0 => SiteRole::Entry,
            7 => SiteRole::Return,
            6 if number > 15 => SiteRole::Cleanup,
            _ => SiteRole::Body,
        },
        cfa: if number < 16 {
            CfaRule::StackPointer(64)
        } else {
            CfaRule::FramePointer(16)
        },
        registers: RegisterSet::default(),
    };
    SiteTable {
        files: vec![SourceFile {
            path: "src/main.rs".into(),
            text: None,
        }],
        functions: vec![
            function("demo::main"),
            function("demo::run"),
            function("demo::fail"),
        ],
        statements: (0..15).map(|at| statement(kinds[at % 5])).collect(),
        sites: (0..24).map(site).collect(),
        statics: vec![(ImageAddress(0x8000), 16)],
        thread_locals: vec![(-32, 8)],
    }
}

const STACK_HIGH: u64 = 0x7fff_0000_0000;

fn thread() -> impl Strategy<Value = ThreadId> {
    prop_oneof![6 => Just(ThreadId(1)), 2 => Just(ThreadId(2)), 1 => any::<u32>().prop_map(ThreadId)]
}

/// Few addresses close together, so that blocks meet, and some anywhere.
fn block_address() -> impl Strategy<Value = RuntimeAddress> {
    prop_oneof![
        8 => (0u64..400).prop_map(|at| RuntimeAddress(0x5555_0000_0000 + at * 16)),
        1 => any::<u64>().prop_map(RuntimeAddress),
    ]
}

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0u64..100, 2 => 0u64..100_000, 1 => any::<u64>()]
}

fn align() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![
        Just(None),
        Just(Some(1)),
        Just(Some(8)),
        Just(Some(1 << 63)),
        Just(Some(24))
    ]
}

fn code_address() -> impl Strategy<Value = RuntimeAddress> {
    prop_oneof![
        4 => (0u64..8).prop_map(|at| RuntimeAddress(0x5000_0000_1000 + at * 64)),
        1 => any::<u64>().prop_map(RuntimeAddress),
    ]
}

fn stack_pointer() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => (1u64..64).prop_map(|at| STACK_HIGH - at * 64),
        1 => (1u64..64).prop_map(|at| 0x6000_0000_4000 - at * 64),
        1 => any::<u64>(),
    ]
}

prop_compose! {
    fn registers()(
        stack_pointer in stack_pointer(),
        frame_distance in 0u64..4,
        others in prop::array::uniform16(prop_oneof![3 => Just(7u64), 1 => any::<u64>()]),
        mask in prop_oneof![8 => Just(0x80c8u16), 2 => any::<u16>()],
    ) -> Registers {
        let mut values = others;
        values[7] = stack_pointer;
        values[6] = stack_pointer.wrapping_add(frame_distance * 64);
        Registers::new(values, RegisterSet(mask))
    }
}

prop_compose! {
    fn stop()(
        thread in thread(),
        site in 0u32..24,
        registers in registers(),
        patches in prop::collection::vec(
            (
                prop_oneof![0u64..512, (0u64..6400).prop_map(|at| 0x5555_0000_0000 + at), any::<u64>()],
                prop::collection::vec(any::<u8>(), 0..40),
            ),
            0..5,
        ),
        window in 0u64..300,
        odd in prop::bool::weighted(0.1),
    ) -> Stop {
        let low = registers.values[7].wrapping_sub(128);
        let high = if odd { low.wrapping_sub(9) } else { low.wrapping_add(128 + window) };
        let patches = patches
            .into_iter()
            .map(|(at, bytes)| {
                let address = if at < 512 { low.wrapping_add(at) } else { at };
                Patch { address: RuntimeAddress(address), bytes }
            })
            .collect();
        Stop {
            thread,
            site: SiteId(site),
            registers,
            patches,
            captured: AddressRange { low: RuntimeAddress(low), high: RuntimeAddress(high) },
        }
    }
}

fn heap_record() -> impl Strategy<Value = Record> {
    let call = || (thread(), block_address(), code_address(), stack_pointer());
    prop_oneof![
        4 => (call(), size(), align(), any::<bool>()).prop_map(
            |((thread, address, return_address, stack_pointer), size, align, zeroed)| {
                Record::Alloc {
                    thread,
                    address,
                    size,
                    align,
                    fill: if zeroed { Fill::Zeroed } else { Fill::Uninitialised },
                    return_address,
                    stack_pointer: RuntimeAddress(stack_pointer),
                }
            }
        ),
        3 => call().prop_map(|(thread, address, return_address, stack_pointer)| Record::Free {
            thread,
            address,
            return_address,
            stack_pointer: RuntimeAddress(stack_pointer),
        }),
        2 => (call(), prop::option::of(size()), align(), size()).prop_map(
            |((thread, address, return_address, stack_pointer), old_size, align, new_size)| {
                Record::ReallocBegin {
                    thread,
                    address,
                    old_size,
                    align,
                    new_size,
                    return_address,
                    stack_pointer: RuntimeAddress(stack_pointer),
                }
            }
        ),
        2 => (thread(), prop::option::of(block_address()))
            .prop_map(|(thread, address)| Record::ReallocEnd { thread, address }),
        1 => block_address().prop_map(|address| Record::Tracked { address }),
        1 => (block_address(), 0u8..5, any::<i32>()).prop_map(|(address, kind, errno)| {
            let bytes = errno as u32 as u64;
            Record::Untracked {
                address,
                why: match kind {
                    0 => Untracked::OverBudget { bytes },
                    1 => Untracked::TooLarge { bytes },
                    2 => Untracked::Unreachable,
                    3 => Untracked::Idle,
                    _ => Untracked::Unreadable { errno },
                },
            }
        }),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    (0u8..9, any::<u32>(), any::<u64>()).prop_map(|(kind, small, large)| match kind {
        0 => Limit::MaxStops(large),
        1 => Limit::MaxBytes(large),
        2 => Limit::SiteThrottled {
            site: SiteId(small),
            after: large,
        },
        3 => Limit::OutputCut {
            stream: OutputStream::Captured,
            kept: large,
        },
        4 => Limit::StackWindow {
            thread: ThreadId(small),
            bytes: large,
        },
        5 => Limit::HeapBudget { bytes: large },
        6 => Limit::BufferFull { lost: large },
        7 => Limit::Memory { bytes: large },
        _ => Limit::Other(format!("limit {small}")),
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        any::<i32>().prop_map(Outcome::Exited),
        any::<i32>().prop_map(Outcome::Signalled),
        Just(Outcome::Interrupted),
        Just(Outcome::Detached),
        ".{0,9}".prop_map(Outcome::RecorderStopped),
    ]
}

fn regions() -> impl Strategy<Value = Vec<MapRegion>> {
    let region = (
        any::<u64>(),
        any::<u64>(),
        any::<u8>(),
        any::<u64>(),
        ".{0,9}",
    )
        .prop_map(|(low, high, permissions, offset, name)| MapRegion {
            low: RuntimeAddress(low),
            high: RuntimeAddress(high),
            permissions: Permissions(permissions),
            offset,
            name,
        });
    let coroutine_stack = MapRegion {
        low: RuntimeAddress(0x6000_0000_0000),
        high: RuntimeAddress(0x6000_0000_4000),
        permissions: Permissions::READ.and(Permissions::WRITE),
        offset: 0,
        name: String::new(),
    };
    prop::collection::vec(prop_oneof![region, Just(coroutine_stack)], 0..4)
}

fn rare_record() -> impl Strategy<Value = Record> {
    prop_oneof![
        (thread(), 0u8..3, prop::collection::vec(any::<u8>(), 0..30)).prop_map(
            |(thread, stream, bytes)| Record::Output {
                thread,
                stream: [
                    OutputStream::Stdout,
                    OutputStream::Stderr,
                    OutputStream::Captured
                ][usize::from(stream)],
                bytes,
            }
        ),
        (
            thread(),
            any::<u32>(),
            prop::option::of(".{0,9}"),
            any::<u64>(),
            prop::option::of(any::<u64>())
        )
            .prop_map(
                |(thread, os_id, name, thread_pointer, limit)| Record::ThreadStart {
                    thread,
                    os_id,
                    name,
                    stack_low: RuntimeAddress(STACK_HIGH - 64 * 1024),
                    stack_high: RuntimeAddress(STACK_HIGH),
                    limit,
                    thread_pointer: RuntimeAddress(thread_pointer),
                }
            ),
        (thread(), ".{0,9}").prop_map(|(thread, name)| Record::ThreadName { thread, name }),
        thread().prop_map(|thread| Record::ThreadEnd { thread }),
        thread().prop_map(|thread| Record::Unwind { thread }),
        (thread(), any::<i32>(), prop::option::of(any::<u64>())).prop_map(
            |(thread, number, address)| Record::Signal {
                thread,
                number,
                address: address.map(RuntimeAddress),
            }
        ),
        any::<u64>().prop_map(|bias| Record::Loaded {
            bias: LoadBias(bias)
        }),
        regions().prop_map(|regions| Record::Map { regions }),
        any::<u64>().prop_map(|elapsed_ns| Record::Clock { elapsed_ns }),
        limit().prop_map(Record::Limit),
        (thread(), ".{0,9}").prop_map(|(thread, path)| Record::Exec { thread, path }),
        (thread(), any::<u32>()).prop_map(|(thread, child)| Record::Fork { thread, child }),
        outcome().prop_map(Record::Outcome),
    ]
}

pub fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        12 => stop().prop_map(Record::Stop),
        8 => heap_record(),
        2 => rare_record(),
    ]
}

pub fn records(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(record(), count)
}

/// Chunks and keyframes so small that a few dozen records make several of them.
pub fn fine_pacing() -> Pacing {
    Pacing {
        chunk_bytes: 300,
        chunk_age: None,
        keyframe_bytes: 900,
        keyframe_records: 20,
    }
}

pub fn header() -> Header {
    Header {
        producer: "test".into(),
        program: "/bin/demo".into(),
        arguments: vec!["--fast".into(), "ü".into()],
        working_directory: "/tmp".into(),
        started_unix_seconds: Some(1_700_000_000),
        process_id: 4711,
        facts: vec![("rustc".into(), "1.88".into())],
        ..Header::default()
    }
}

/// A finished recording of the records, as bytes.
pub fn write(records: &[Record], pacing: Pacing) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.stackheap");
    let mut writer = Writer::create_with(&path, &header(), pacing).unwrap();
    writer.site_table(&table()).unwrap();
    for record in records {
        writer.record(record).unwrap();
    }
    writer.finish().unwrap();
    std::fs::read(&path).unwrap()
}

/// Records that need no luck to be found: the same for every run of the tests.
pub fn fixed_records(count: usize) -> Vec<Record> {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count)
        .map(|_| record().new_tree(&mut runner).unwrap().current())
        .collect()
}

/// Everything that can be had of some bytes; only its not failing is looked at here.
pub fn read_everything(bytes: Vec<u8>) -> Option<(Vec<(Sequence, Record)>, usize)> {
    let recording = Recording::from_bytes(bytes).ok()?;
    let mut records = Vec::new();
    let mut errors = 0;
    let mut cursor = recording.cursor();
    while let Some(next) = cursor.next() {
        match next {
            Ok((sequence, record, _)) => records.push((sequence, record)),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                errors += 1;
            }
        }
    }
    for problem in recording.problems() {
        assert!(!problem.to_string().is_empty());
    }
    recording.check().unwrap();
    let stops = recording.totals().stops;
    for stop in [1, stops / 2, stops] {
        let _ = recording.cursor_at(StopNumber(stop));
        let _ = recording.step_of_stop(StopNumber(stop));
    }
    let _ = recording.output(OutputStream::Stdout, Sequence(u64::MAX));
    let _ = recording.stops_at(&|_| true).count();
    let names: Vec<_> = recording
        .blobs()
        .map(|(kind, name)| (kind, name.to_owned()))
        .collect();
    for (kind, name) in names {
        let _ = recording.blob(kind, &name);
    }
    errors += recording.problems().len();
    Some((records, errors))
}

/// A generator of numbers that are the same in every run.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}
