//! One thread of user code at a time.
//!
//! A thread that passes a site waits until it is its turn. Whose turn it is runs for a number of
//! stops, until it sleeps, or until it has used the processor for long without a stop: it may be
//! waiting, in code that is not recorded, for something another thread has to do.

use super::{Recording, Session};
use crate::error::RecordError;
use crate::sys::process::OsThread;

/// Stops a thread may pass in a row while others wait.
const STOPS: u32 = 64;

/// How long its holder may use the processor without a stop while others wait, in the kernel's
/// clock ticks, of which a second has a hundred.
const TICKS: u64 = 2;

/// How often it is looked whether the holder goes on.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_micros(50);

/// The right to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) holder: OsThread,
    /// How many more stops it may pass.
    left: u32,
    /// The time it had used when it was looked at first since its last stop.
    used: Option<u64>,
}

impl Turn {
    fn of(holder: OsThread) -> Self {
        Self {
            holder,
            left: STOPS,
            used: None,
        }
    }
}

impl Session<'_, '_> {
    /// Holds a thread of user code until it is its turn.
    pub(super) fn wait_for_turn(&mut self, os: OsThread) -> Result<(), RecordError> {
        if self.recording == Recording::Over {
            return self.go_on(os);
        }
        match &mut self.turn {
            Some(turn) if turn.holder == os => {
                if turn.left > 0 || self.held.is_empty() {
                    turn.left = turn.left.saturating_sub(1);
                    turn.used = None;
                    return self.go_on(os);
                }
                self.held.push_back(os);
                self.next_turn()
            }
            Some(_) => {
                self.held.push_back(os);
                Ok(())
            }
            None => {
                self.turn = Some(Turn::of(os));
                self.go_on(os)
            }
        }
    }

    fn next_turn(&mut self) -> Result<(), RecordError> {
        self.turn = self.held.pop_front().map(Turn::of);
        match self.turn {
            Some(turn) => self.go_on(turn.holder),
            None => Ok(()),
        }
    }

    /// Gives the turn away when its holder does not come to a stop.
    pub(super) fn pass_turn_if_blocked(&mut self) -> Result<(), RecordError> {
        let Some(turn) = &mut self.turn else {
            return self.next_turn();
        };
        let is_blocked = match Doing::of(self.process, turn.holder) {
            Doing::Sleeping => true,
            Doing::Running { ticks } => ticks >= *turn.used.get_or_insert(ticks) + TICKS,
        };
        if is_blocked {
            return self.next_turn();
        }
        std::thread::sleep(LOOK_EVERY);
        Ok(())
    }
}

/// What a thread does, as `/proc/PID/task/TID/stat` tells (see `proc_pid_stat(5)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// It waits for something, or is gone.
    Sleeping,
    /// Anything else; the processor time it has used so far, in clock ticks.
    Running { ticks: u64 },
}

impl Doing {
    fn of(process: OsThread, thread: OsThread) -> Self {
        let path = format!("/proc/{}/task/{}/stat", process.0, thread.0);
        std::fs::read_to_string(path).map_or(Self::Sleeping, |text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        // The state is the first field behind the name, which is in parentheses; the times in the
        // program and in the kernel are the twelfth and the thirteenth.
        let behind = text.rsplit(')').next().unwrap_or("");
        let mut fields = behind.split_ascii_whitespace();
        if matches!(fields.next(), None | Some("S" | "Z" | "X")) {
            return Self::Sleeping;
        }
        let times = fields.skip(10).take(2);
        Self::Running {
            ticks: times.filter_map(|time| time.parse::<u64>().ok()).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_does() {
        let stat = |state: &str| {
            format!("12 (a ) S b) {state} 1 2 3 4 -1 4194560 100 200 0 0 17 5 0 0 20 0 1 0 99")
        };
        assert_eq!(Doing::parse(&stat("S")), Doing::Sleeping);
        assert_eq!(Doing::parse(&stat("R")), Doing::Running { ticks: 22 });
        assert_eq!(Doing::parse(&stat("t")), Doing::Running { ticks: 22 });
        assert_eq!(Doing::parse(""), Doing::Sleeping);
    }
}
