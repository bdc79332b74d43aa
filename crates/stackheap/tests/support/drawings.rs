//! The drawings at the marks of a program, without what differs from run to run and from machine to
//! machine, so that they can be committed and reviewed.
//!
//! What is replaced: addresses (by the region they lie in, as many characters wide), the numbers
//! that the system gives to threads, and the length of the executable's path where a program reads
//! its arguments. What is left out: the bytes of a stack above the user's outermost frame, where the
//! environment and the C library's start lie, and a limit of the main stack that is not the usual
//! one.

use stackheap_interpret::Program;
use stackheap_model::{Event, EventKind, State, Thread};
use stackheap_report::text::{self, TextOptions};

use super::corpus::Moment;

/// The limit of the main stack on most systems; `ulimit -s` changes it.
const MAIN_STACK_BYTES: u64 = 8 << 20;

/// The drawing that `stackheap show --mark NAME` prints.
pub fn drawing(program: &Program<'_>, moment: &Moment) -> String {
    text::drawing(
        &moment.state,
        &TextOptions {
            sources: &program.table.files,
            before: moment.before.as_ref(),
            ..TextOptions::default()
        },
    )
}

/// The same, with what differs from run to run replaced.
pub fn normalised(program: &Program<'_>, mut moment: Moment) -> String {
    let regions = Regions::of(program, &moment.state);
    settle(&mut moment.state, &regions);
    if let Some(before) = &mut moment.before {
        settle(before, &regions);
    }
    let drawing = drawing(program, &moment);
    regions.replace(&drawing.replace("most so far 0 bytes", "most so far ···"))
}

fn settle(state: &mut State, regions: &Regions) {
    for thread in &mut state.threads {
        settle_stack(thread);
    }
    let output = &mut state.output;
    for bytes in [&mut output.stdout, &mut output.stderr, &mut output.captured] {
        let text = regions.replace(&String::from_utf8_lossy(bytes));
        *bytes = text.into_bytes();
    }
    for Event { kind, .. } in &mut state.events {
        if let EventKind::Output { text, .. } = kind {
            *text = regions.replace(text).into();
        }
    }
}

/// Lets a stack begin at the user's outermost frame.
fn settle_stack(thread: &mut Thread) {
    let stack = &mut thread.stack;
    if thread.id.0 == 1
        && let Ok(limit) = &mut stack.limit
    {
        *limit = MAIN_STACK_BYTES;
    }
    let outermost = thread.frames.iter().rfind(|frame| frame.user);
    let above = match outermost {
        Some(frame) => stack.high.checked_distance(frame.high),
        None => Some(stack.used),
    };
    let above = above.unwrap_or(0);
    stack.used = stack.used.saturating_sub(above);
    // How deep code of others went between two calls of the user's depends on how the environment
    // aligned the stack.
    stack.high_water = 0;
    if let Some(frame) = outermost {
        stack.high = frame.high;
    }
}

/// Which addresses lie where.
struct Regions {
    stacks: Vec<(u64, u64)>,
    blocks: Vec<(u64, u64)>,
    /// What a block that holds the executable's path is told to have, where it may be told.
    path_bytes: Option<String>,
}

impl Regions {
    fn of(program: &Program<'_>, state: &State) -> Self {
        let stacks = state.threads.iter().map(|thread| &thread.stack);
        let header = program.recording.header();
        let path_bytes =
            (!header.arguments.is_empty()).then(|| format!("{} bytes", header.program.len()));
        Self {
            path_bytes,
            stacks: stacks.map(|stack| (stack.low.0, stack.high.0)).collect(),
            blocks: state
                .blocks
                .iter()
                .map(|block| (block.address.0, block.address.0 + block.size))
                .collect(),
        }
    }

    /// The name of what an address lies in.
    fn name(&self, address: u64) -> &'static str {
        let inside = |ranges: &[(u64, u64)]| {
            ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&address))
        };
        if inside(&self.stacks) {
            "stack"
        } else if inside(&self.blocks) {
            "heap"
        } else {
            ""
        }
    }

    /// The text with all that differs from run to run replaced.
    fn replace(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(found) = rest.find(|c: char| c == '(' || c.is_ascii_digit()) {
            let (before, from) = rest.split_at(found);
            result.push_str(before);
            let replaced = self
                .address(from)
                .or_else(|| thread_number(from))
                .or_else(|| thread_handle(from))
                .or_else(|| self.path_length(from));
            let length = match replaced {
                Some((shown, length)) => {
                    result.push_str(&shown);
                    length
                }
                None => {
                    let length = number_length(from).max(1);
                    result.push_str(&from[..length]);
                    length
                }
            };
            rest = &from[length..];
        }
        result.push_str(rest);
        result.split_inclusive('\n').map(without_filling).collect()
    }

    fn path_length(&self, text: &str) -> Option<(String, usize)> {
        let expected = self.path_bytes.as_deref()?;
        text.starts_with(expected)
            .then(|| ("(the path's) bytes".to_owned(), expected.len()))
    }

    /// What replaces the address at the start of a text, and how long it is. Shorter numbers in
    /// hexadecimal digits are the program's own.
    fn address(&self, text: &str) -> Option<(String, usize)> {
        let digits = text.strip_prefix("0x")?;
        let count = digits.chars().take_while(char::is_ascii_hexdigit).count();
        let address = u64::from_str_radix(&digits[..count], 16).ok()?;
        if digits[count..].starts_with('…') {
            // Cut for want of room: the region would be that of another address.
            return Some((format!("0x{}", "·".repeat(count)), count + 2));
        }
        if !(9..=12).contains(&count) {
            return None;
        }
        Some((format!("0x{:·^count$}", self.name(address)), count + 2))
    }
}

/// Digits at the start of a text, with what a number in hexadecimal digits has before them.
fn number_length(text: &str) -> usize {
    text.chars()
        .take_while(char::is_ascii_alphanumeric)
        .count()
        .min(text.len())
}

/// What `pthread_self` gives: the address of the thread's control block, as a decimal number.
fn thread_handle(text: &str) -> Option<(String, usize)> {
    const MAPPINGS: std::ops::Range<u64> = 0x7f00_0000_0000..0x8000_0000_0000;
    let count = text.chars().take_while(char::is_ascii_digit).count();
    let handle: u64 = text[..count].parse().ok()?;
    MAPPINGS
        .contains(&handle)
        .then(|| ("·".repeat(count), count))
}

/// `(1234) panicked`: the system's number of the thread.
fn thread_number(text: &str) -> Option<(String, usize)> {
    let number = text.strip_prefix('(')?;
    let count = number.chars().take_while(char::is_ascii_digit).count();
    let behind = &number[count..];
    (count > 0 && behind.starts_with(") panicked") || behind.starts_with(") has overflowed"))
        .then(|| ("(thread's number)".to_owned(), count + 2))
}

/// A line whose filling is as long as a length of the path leaves room for, without the filling.
fn without_filling(line: &str) -> String {
    if !line.contains("(the path's)") {
        return line.to_owned();
    }
    let mut result = String::with_capacity(line.len());
    for c in line.chars() {
        if !(matches!(c, '┄' | '─') && result.ends_with(c)) {
            result.push(c);
        }
    }
    result
}
