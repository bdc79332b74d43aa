//! A whole run in one line.

use std::time::Duration;

use stackheap_model::{ProgramOutcome, StepNumber, Unknown};

use crate::{outcome, rough_size, visible};

/// A command to try next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextCommand {
    /// The command, ready to be typed.
    pub command: String,
    /// What it shows.
    pub shows: String,
}

/// The numbers of a whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Steps recorded.
    pub steps: u64,
    /// Stops recorded.
    pub stops: u64,
    /// Threads that ran.
    pub threads: u64,
    /// Blocks allocated in the whole run.
    pub blocks: u64,
    /// The most bytes that were allocated at one step.
    pub peak_bytes: u64,
    /// The step with most live blocks, whose drawing goes with this summary.
    pub peak_step: Option<StepNumber>,
    /// What the user should know, a sentence each; or why nobody looked.
    pub findings: Result<Vec<String>, Unknown>,
    /// Limits that were reached, a sentence each.
    pub limits: Vec<String>,
    /// Wall-clock time of the run under observation.
    pub elapsed: Duration,
    /// The recording's path, as the user would type it; `None` when none was kept.
    pub recording: Option<String>,
    /// How the program ended.
    pub outcome: ProgramOutcome,
    /// What to try next, three at best.
    pub next: Vec<NextCommand>,
}

/// The one line that stands for a whole run.
pub fn summary(summary: &Summary) -> String {
    let mut parts = vec![
        format!(
            "Recorded {} ({})",
            counted(summary.steps, "step"),
            counted(summary.stops, "stop")
        ),
        counted(summary.threads, "thread"),
    ];
    let blocks = counted(summary.blocks, "block");
    if summary.blocks == 0 {
        parts.push("no block on the heap".to_owned());
    } else {
        parts.push(format!(
            "{blocks} (peak {})",
            rough_size(summary.peak_bytes)
        ));
    }
    match &summary.findings {
        Ok(findings) if findings.is_empty() => parts.push("no findings".to_owned()),
        Ok(findings) => parts.push(counted(findings.len() as u64, "finding")),
        Err(unknown) => parts.push(format!("findings unknown ({})", visible(&unknown.reason))),
    }
    parts.push(elapsed(summary.elapsed));
    if summary.outcome != (ProgramOutcome::Exit { code: 0 }) {
        parts.push(outcome(&summary.outcome));
    }
    let line = parts.join(", ");
    match &summary.recording {
        Some(path) => format!("{line}: {}", visible(path)),
        None => line,
    }
}

/// `1 step`, `2 steps`, `0 steps`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

fn elapsed(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(1) {
        format!("{} ms", elapsed.as_millis())
    } else {
        format!("{:.1} s", elapsed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Summary {
        Summary {
            steps: 140,
            stops: 212,
            threads: 1,
            blocks: 12,
            peak_bytes: 1232,
            peak_step: Some(StepNumber(61)),
            findings: Ok(Vec::new()),
            limits: Vec::new(),
            elapsed: Duration::from_millis(118),
            recording: Some("target/demo.stackheap".to_owned()),
            outcome: ProgramOutcome::Exit { code: 0 },
            next: Vec::new(),
        }
    }

    #[test]
    fn the_line_carries_the_numbers() {
        assert_eq!(
            summary(&base()),
            "Recorded 140 steps (212 stops), 1 thread, 12 blocks (peak 1.2 KiB), no findings, \
             118 ms: target/demo.stackheap"
        );
    }

    #[test]
    fn what_is_unusual_is_said() {
        let run = Summary {
            steps: 1,
            blocks: 0,
            findings: Err(Unknown::because("the heap was not recorded")),
            outcome: ProgramOutcome::Signal {
                number: 11,
                name: "SIGSEGV".into(),
            },
            recording: None,
            ..base()
        };
        assert_eq!(
            summary(&run),
            "Recorded 1 step (212 stops), 1 thread, no block on the heap, findings unknown (the \
             heap was not recorded), 118 ms, the program was ended by signal 11 (SIGSEGV)"
        );
    }
}
