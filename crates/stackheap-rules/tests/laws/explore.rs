use std::collections::BTreeSet;

use stackheap_rules::{Checker, Event, Rule};

/// How many sequences of up to `length` events were judged, and how many of them are lawful.
#[derive(Debug, PartialEq, Eq)]
pub struct Extent {
    pub length: usize,
    pub judged: u64,
    pub lawful: u64,
}

/// A universe: what has happened already, what can happen, and which laws the last event of a
/// history breaks whose other events break none.
pub struct Universe<'a> {
    pub before: &'a [Event],
    pub events: &'a [Event],
    pub broken: fn(&[Event]) -> BTreeSet<Rule>,
    /// Laws of a lawful history as a whole.
    pub holds: fn(&[Event]),
}

impl Universe<'_> {
    /// Judges all sequences up to a length whose events but the last are lawful: to the length of
    /// `near`, or with optimisation of `far`. There must be as many as they say.
    pub fn explore(&self, near: Extent, far: Extent) {
        let expected = if cfg!(debug_assertions) { near } else { far };
        let mut found = Extent {
            length: expected.length,
            judged: 0,
            lawful: 0,
        };
        let mut checker = Checker::new();
        let mut history = Vec::new();
        for event in self.before {
            history.push(*event);
            assert_eq!(checker.apply(event), Ok(()), "{history:#?}");
        }
        self.prolong(&checker, &mut history, expected.length, &mut found);
        assert_eq!(found, expected);
    }

    fn prolong(
        &self,
        checker: &Checker,
        history: &mut Vec<Event>,
        length: usize,
        found: &mut Extent,
    ) {
        if length == 0 {
            return;
        }
        for event in self.events {
            let mut checker = checker.clone();
            let answer = checker.apply(event);
            history.push(*event);
            let broken = (self.broken)(history);
            found.judged += 1;
            match answer {
                Ok(()) => {
                    assert!(
                        broken.is_empty(),
                        "accepted, and breaks {broken:?}: {:#?}",
                        &history[self.before.len()..]
                    );
                    found.lawful += 1;
                    (self.holds)(history);
                    self.prolong(&checker, history, length - 1, found);
                }
                Err(violation) => {
                    assert!(
                        broken.contains(&violation.rule),
                        "refused with `{violation}`, and breaks {broken:?}: {:#?}",
                        &history[self.before.len()..]
                    );
                    assert!(violation.since.is_none_or(|since| since < violation.event));
                }
            }
            history.pop();
        }
    }
}
