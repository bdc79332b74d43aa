use std::fmt;

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// It does not, on whatever way one came.
    No,
    /// It depends on the way one came, or is not known.
    Maybe,
    /// It does, on whatever way one came.
    Definitely,
}

/// What a move path can be at a point: a set, of one element where the way one came does not
/// matter, and empty where no way leads.
///
/// A part that has a path of its own counts for itself: a structure of which a field was moved is
/// still initialised, and the field is not. See [`Facts::state`](crate::Facts::state).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathState(u8);

impl PathState {
    /// Its memory is not in use: before `StorageLive`, after `StorageDead`.
    pub const DEAD: PathState = PathState(1);
    /// It has memory, and never had a value in it.
    pub const UNINITIALIZED: PathState = PathState(2);
    /// It has a value.
    pub const INITIALIZED: PathState = PathState(4);
    /// Its value was moved away.
    pub const MOVED: PathState = PathState(8);
    /// Its value was dropped.
    pub const DROPPED: PathState = PathState(16);
    /// A statement of unknown form may have done anything with it.
    pub const UNKNOWN: PathState = PathState(32);

    /// Whether it can be all that another can be.
    pub fn contains(self, other: PathState) -> bool {
        self.0 & other.0 == other.0
    }

    /// What one or the other can be.
    pub fn union(self, other: PathState) -> PathState {
        PathState(self.0 | other.0)
    }

    /// What it can be after a drop.
    pub(crate) fn after_drop(self) -> PathState {
        if self.contains(PathState::INITIALIZED) {
            PathState(self.0 & !PathState::INITIALIZED.0 | PathState::DROPPED.0)
        } else {
            self
        }
    }

    /// Whether no way leads to the point.
    pub fn is_unreachable(self) -> bool {
        self.0 == 0
    }

    /// Whether it is in one state.
    pub fn is(self, state: PathState) -> Certainty {
        if self == state {
            Certainty::Definitely
        } else if self.contains(state) || self.contains(PathState::UNKNOWN) {
            Certainty::Maybe
        } else {
            Certainty::No
        }
    }

    /// Whether it has a value.
    pub fn is_initialized(self) -> Certainty {
        self.is(PathState::INITIALIZED)
    }
}

impl fmt::Debug for PathState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            "dead",
            "uninitialized",
            "initialized",
            "moved",
            "dropped",
            "unknown",
        ];
        let held = names
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0);
        let held: Vec<&str> = held.map(|(_, name)| *name).collect();
        f.write_str(if held.is_empty() { "unreachable" } else { "" })?;
        f.write_str(&held.join("|"))
    }
}
