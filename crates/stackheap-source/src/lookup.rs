use std::cmp::Reverse;
use std::ops::Range;

/// A stretch of text and the statement that its positions belong to, unless a stretch inside it
/// says otherwise.
pub(crate) type Interval = (Range<usize>, Option<usize>);

/// Which statement an offset belongs to, by binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lookup {
    /// Ascending by offset.
    breaks: Vec<Break>,
    /// Offsets just behind bodies and the statements that end there; ascending.
    ends: Vec<(usize, usize)>,
}

/// From this offset on, up to the next break's, positions belong to this statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Break {
    offset: usize,
    statement: Option<usize>,
    /// Whether the statement starts here, or goes on behind one that was inside it.
    starts: bool,
}

impl Lookup {
    /// From intervals that nest, and from offsets just behind bodies, inner bodies first. An
    /// interval that overlaps another one without nesting in it is cut at the other's end.
    pub(crate) fn of(mut intervals: Vec<Interval>, mut ends: Vec<(usize, usize)>) -> Self {
        intervals.retain(|(range, _)| range.start < range.end);
        intervals.sort_by_key(|(range, _)| (range.start, Reverse(range.end)));
        ends.sort_by_key(|&(offset, _)| offset);
        ends.dedup_by_key(|&mut (offset, _)| offset);
        let mut breaks = Vec::with_capacity(intervals.len() * 2);
        let mut open: Vec<(usize, Option<usize>)> = Vec::new();
        for (range, statement) in intervals {
            close(&mut breaks, &mut open, range.start);
            let end = open
                .last()
                .map_or(range.end, |&(outer, _)| outer.min(range.end));
            push(
                &mut breaks,
                Break {
                    offset: range.start,
                    statement,
                    starts: true,
                },
            );
            open.push((end, statement));
        }
        close(&mut breaks, &mut open, usize::MAX);
        Self { breaks, ends }
    }

    /// The innermost statement around `offset`; where none starts there but a body ends just
    /// before it, the statement that ends the body.
    pub(crate) fn at(&self, offset: usize) -> Option<usize> {
        let behind = self.breaks.partition_point(|b| b.offset <= offset);
        let around = behind
            .checked_sub(1)
            .and_then(|index| self.breaks.get(index));
        let starts =
            around.is_some_and(|b| b.starts && b.offset == offset && b.statement.is_some());
        let end = self
            .ends
            .binary_search_by_key(&offset, |&(end, _)| end)
            .ok();
        match end.and_then(|index| self.ends.get(index)) {
            Some(&(_, statement)) if !starts => Some(statement),
            _ => around.and_then(|b| b.statement),
        }
    }
}

/// Ends the open intervals that end at or before `offset`.
fn close(breaks: &mut Vec<Break>, open: &mut Vec<(usize, Option<usize>)>, offset: usize) {
    while let Some(&(end, _)) = open.last().filter(|&&(end, _)| end <= offset) {
        open.pop();
        let statement = open.last().and_then(|&(_, statement)| statement);
        push(
            breaks,
            Break {
                offset: end,
                statement,
                starts: false,
            },
        );
    }
}

fn push(breaks: &mut Vec<Break>, new: Break) {
    match breaks.last_mut() {
        Some(last) if last.offset == new.offset => *last = new,
        _ => breaks.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_interval_wins_and_outer_ones_go_on() {
        let lookup = Lookup::of(
            vec![(0..10, Some(0)), (2..5, Some(1)), (3..4, None)],
            vec![],
        );
        let found: Vec<_> = (0..11).map(|offset| lookup.at(offset)).collect();
        let (a, b) = (Some(0), Some(1));
        assert_eq!(found, [a, a, b, None, b, a, a, a, a, a, None]);
    }

    #[test]
    fn overlapping_intervals_are_cut() {
        let lookup = Lookup::of(vec![(0..4, Some(0)), (2..8, Some(1))], vec![]);
        assert_eq!(
            (lookup.at(3), lookup.at(4), lookup.at(6)),
            (Some(1), None, None)
        );
    }

    #[test]
    fn an_end_counts_unless_something_starts_there() {
        let lookup = Lookup::of(
            vec![(0..4, Some(0)), (2..4, Some(1))],
            vec![(2, 7), (3, 8), (4, 9)],
        );
        assert_eq!(
            (lookup.at(2), lookup.at(3), lookup.at(4)),
            (Some(1), Some(8), Some(9))
        );
    }
}
