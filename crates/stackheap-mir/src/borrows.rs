//! The header of the borrow checker's dump: regions with the points they hold at, and loans.

use crate::scan::Cursor;
use crate::{BasicBlock, LoanId, Location, RegionId};

/// What the borrow checker found in a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BorrowCheck {
    /// The borrows it follows, by ascending number. Borrows of what nothing can conflict with, such
    /// as what a shared reference points to, are not among them.
    pub loans: Vec<IssuedLoan>,
    /// The solved regions of these loans, by ascending number. Of other regions, only their number
    /// would be known: types are printed without them.
    pub regions: Vec<Region>,
}

/// `bw1: issued at bb4[10] in '?7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuedLoan {
    /// Which.
    pub id: LoanId,
    /// The statement that borrows.
    pub issued: Location,
    /// For how long: the points of this region that can be reached.
    pub region: RegionId,
}

/// `'?7 | U0 | {bb4[10..=11], bb5[0], '?1}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Which.
    pub id: RegionId,
    /// The points in it, by ascending block and statement.
    pub points: Vec<PointRange>,
    /// Whether it holds beyond the body: a region of the caller is in it.
    pub is_universal: bool,
}

/// Points of one block that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointRange {
    /// The block.
    pub block: BasicBlock,
    /// The first statement.
    pub first: u32,
    /// The last statement.
    pub last: u32,
}

impl Region {
    /// Whether a point is in the region.
    pub fn contains(&self, location: Location) -> bool {
        let key = (location.block, location.statement);
        let behind = self
            .points
            .partition_point(|range| (range.block, range.first) <= key);
        behind
            .checked_sub(1)
            .and_then(|index| self.points.get(index))
            .is_some_and(|range| range.block == location.block && location.statement <= range.last)
    }
}

impl BorrowCheck {
    /// A region by its number.
    pub fn region(&self, id: RegionId) -> Option<&Region> {
        let index = self.regions.binary_search_by_key(&id, |region| region.id);
        self.regions.get(index.ok()?)
    }
}

/// What of the header has been read.
#[derive(Debug, Default)]
pub(crate) struct Header<'t> {
    section: Section,
    /// The values of regions as text: most regions are no loan's.
    values: Vec<(RegionId, &'t str, u32)>,
    loans: Vec<IssuedLoan>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Other,
    Values,
    Borrows,
}

impl<'t> Header<'t> {
    /// Reads a line, without the `|` in front of it. `None` if it is not as it should be.
    pub(crate) fn line(&mut self, line: &'t str, number: u32) -> Option<()> {
        let line = line.trim();
        match line {
            "Inferred Region Values" => self.section = Section::Values,
            "Borrows" => self.section = Section::Borrows,
            "Free Region Mapping" | "Inference Constraints" | "User Type Annotations" => {
                self.section = Section::Other;
            }
            // A section ends here; the line between others is empty too.
            "" => self.section = Section::Other,
            _ => match self.section {
                Section::Other => {}
                Section::Values => {
                    let mut cursor = Cursor::new(line);
                    let id = region(&mut cursor)?;
                    let open = cursor.rest.find('{')?;
                    let values = cursor.rest.get(open + 1..)?.strip_suffix('}')?;
                    self.values.push((id, values, number));
                }
                Section::Borrows => self.loans.push(loan(line)?),
            },
        }
        Some(())
    }

    /// The loans with their regions, and the lines of regions that are not as they should be.
    pub(crate) fn finish(mut self) -> (BorrowCheck, Vec<u32>) {
        self.loans.sort_by_key(|loan| loan.id);
        self.values.sort_by_key(|(id, ..)| *id);
        self.values.dedup_by_key(|(id, ..)| *id);
        let mut wanted: Vec<RegionId> = self.loans.iter().map(|loan| loan.region).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut problems = Vec::new();
        let mut regions = Vec::new();
        for id in wanted {
            let Ok(index) = self.values.binary_search_by_key(&id, |(id, ..)| *id) else {
                continue;
            };
            let (id, text, line) = self.values[index];
            match values(id, text) {
                Some(region) => regions.push(region),
                None => problems.push(line),
            }
        }
        let loans = self.loans;
        (BorrowCheck { loans, regions }, problems)
    }
}

fn region(cursor: &mut Cursor<'_>) -> Option<RegionId> {
    cursor.eat("'?").then_some(())?;
    cursor.number().map(RegionId)
}

fn loan(line: &str) -> Option<IssuedLoan> {
    let mut cursor = Cursor::new(line);
    cursor.eat("bw").then_some(())?;
    let id = LoanId(cursor.number()?);
    cursor.eat(": issued at bb").then_some(())?;
    let block = BasicBlock(cursor.number()?);
    cursor.eat("[").then_some(())?;
    let statement = cursor.number()?;
    cursor.eat("] in ").then_some(())?;
    let region = region(&mut cursor)?;
    Some(IssuedLoan {
        id,
        issued: Location { block, statement },
        region,
    })
}

fn values(id: RegionId, text: &str) -> Option<Region> {
    let mut points = Vec::new();
    let mut is_universal = false;
    for item in text.split(", ").filter(|item| !item.is_empty()) {
        let Some(point) = item.strip_prefix("bb") else {
            // A region of the caller, or one that stands for all.
            is_universal = true;
            continue;
        };
        let mut cursor = Cursor::new(point);
        let block = BasicBlock(cursor.number()?);
        cursor.eat("[").then_some(())?;
        let first = cursor.number()?;
        let last = if cursor.eat("..=") {
            cursor.number()?
        } else {
            first
        };
        (cursor.rest == "]").then_some(())?;
        points.push(PointRange { block, first, last });
    }
    points.sort_unstable();
    Some(Region {
        id,
        points,
        is_universal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(block: u32, statement: u32) -> Location {
        Location {
            block: BasicBlock(block),
            statement,
        }
    }

    #[test]
    fn regions_of_loans_are_read() {
        let lines = [
            " Free Region Mapping",
            " '?0 | Global | ['?0]",
            "",
            " Inferred Region Values",
            " '?0 | U0 | {bb0[0..=2], '?0}",
            " '?7 | U0 | {bb4[10..=11], bb5[0]}",
            " '?8 | U0 | {bb4[1], '?0}",
            "",
            " Borrows",
            " bw0: issued at bb4[10] in '?7",
            " bw1: issued at bb4[0] in '?8",
        ];
        let mut header = Header::default();
        for (number, line) in lines.iter().enumerate() {
            assert!(
                header.line(line, u32::try_from(number).unwrap()).is_some(),
                "{line}"
            );
        }
        let (borrows, problems) = header.finish();
        assert!(problems.is_empty());
        assert_eq!(borrows.loans.len(), 2);
        assert_eq!(borrows.loans[0].issued, at(4, 10));
        let region = borrows.region(RegionId(7)).unwrap();
        for (location, inside) in [
            (at(4, 9), false),
            (at(4, 10), true),
            (at(4, 11), true),
            (at(4, 12), false),
            (at(5, 0), true),
            (at(5, 1), false),
            (at(0, 0), false),
        ] {
            assert_eq!(region.contains(location), inside, "{location}");
        }
        assert!(!region.is_universal);
        assert!(borrows.region(RegionId(8)).unwrap().is_universal);
        assert_eq!(borrows.region(RegionId(0)), None);
    }
}
