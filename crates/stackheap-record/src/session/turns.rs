//! One thread of user code at a time.

use super::{Session, TURN_STOPS};
use crate::error::RecordError;
use crate::sys::process::OsThread;

impl Session<'_, '_> {
    /// Holds a thread of user code until it is its turn.
    pub(super) fn wait_for_turn(&mut self, os: OsThread) -> Result<(), RecordError> {
        match self.turn {
            Some((holder, left)) if holder == os => {
                if left > 0 || self.held.is_empty() {
                    self.turn = Some((os, left.saturating_sub(1)));
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
                self.turn = Some((os, TURN_STOPS));
                self.go_on(os)
            }
        }
    }

    pub(super) fn next_turn(&mut self) -> Result<(), RecordError> {
        self.turn = self.held.pop_front().map(|next| (next, TURN_STOPS));
        match self.turn {
            Some((next, _)) => self.go_on(next),
            None => Ok(()),
        }
    }

    /// Gives the turn away when its holder waits for something another thread has to do.
    pub(super) fn pass_turn_if_blocked(&mut self) -> Result<(), RecordError> {
        let blocked = match self.turn {
            None => true,
            Some((holder, _)) => is_sleeping(self.process, holder),
        };
        if blocked {
            return self.next_turn();
        }
        std::thread::sleep(std::time::Duration::from_micros(50));
        Ok(())
    }
}

pub(super) fn is_sleeping(process: OsThread, thread: OsThread) -> bool {
    let path = format!("/proc/{}/task/{}/stat", process.0, thread.0);
    let Ok(text) = std::fs::read_to_string(path) else {
        return true;
    };
    // The state is the first letter behind the name, which is in parentheses.
    text.rsplit(')')
        .next()
        .and_then(|rest| rest.trim_start().chars().next())
        == Some('S')
}
