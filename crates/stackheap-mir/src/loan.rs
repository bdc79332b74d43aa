//! Loans: the points at which a borrow restricts what is borrowed.

use std::collections::{BTreeMap, BTreeSet};

use crate::uses::Uses;
use crate::{
    BasicBlock, Body, BorrowKind, EdgeLabel, IssuedLoan, LoanId, Local, Location, Place,
    PointRange, Projection, Region, RegionId, Rvalue, Span, StatementKind, TerminatorKind,
};

/// A borrow, with the points at which it holds.
///
/// It holds as long as a reference made from it can still be used: at the points of its region that
/// can be reached from the borrow without the borrowed place being overwritten or its storage
/// ending. This is the borrow checker's own answer for lifetimes, not the scope of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loan<'t> {
    /// Which.
    pub id: LoanId,
    /// How it is borrowed.
    pub kind: BorrowKind,
    /// What is borrowed.
    pub place: Place<'t>,
    /// Where the reference goes first.
    pub destination: Place<'t>,
    /// The statement that borrows.
    pub issued: Location,
    /// The source of the borrow.
    pub span: Option<Span<'t>>,
    /// The region of the reference.
    pub region: RegionId,
    /// Whether the region holds beyond the body: the loan may last after its return.
    pub escapes: bool,
    /// The points at which it holds, after the borrow, by ascending block and statement.
    pub live: Vec<PointRange>,
    /// The last points at which it holds, on each way; ways of panics and ways that exist only for
    /// the borrow checker do not count. The borrow itself, if it is never used.
    pub ends: Vec<Location>,
    /// For a mutable borrow that goes to a temporary with one use: that use. If the borrow is a
    /// two-phase one, which the text does not tell, it is a shared one until there.
    pub activation: Option<Location>,
    /// The loans that are borrowed from, where the place is behind a reference made by them.
    pub reborrow_of: Vec<LoanId>,
    /// Locals that may hold a reference made from the loan, by ascending number: where it went,
    /// also through calls whose result has a lifetime. Types are printed without the regions that
    /// would tell for sure.
    pub holders: Vec<Local>,
}

impl Loan<'_> {
    /// Whether the loan holds at a point.
    pub fn is_live(&self, location: Location) -> bool {
        let key = (location.block, location.statement);
        let behind = self
            .live
            .partition_point(|range| (range.block, range.first) <= key);
        self.live[..behind]
            .last()
            .is_some_and(|range| range.block == location.block && location.statement <= range.last)
    }
}

/// How many points and steps one body's loans may take to follow.
const WORK_LIMIT: usize = 1 << 24;

/// How many times the locals that hold a reference are looked for anew.
const HOLDER_ROUNDS: usize = 4;

/// The loans of a body, and those whose statement or region is missing. Which ones are left when
/// the work is over its limit is told too.
pub(crate) fn loans<'t>(body: &Body<'t>, uses: &Uses<'_, 't>) -> (Vec<Loan<'t>>, Vec<LoanId>) {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    let mut work = WORK_LIMIT;
    let issued = body.borrows.iter().flat_map(|borrows| &borrows.loans);
    for issued in issued {
        match loan(body, uses, issued, &mut work) {
            Some(loan) => found.push(loan),
            None => missing.push(issued.id),
        }
    }
    reborrows(&mut found, &mut work);
    (found, missing)
}

fn loan<'t>(
    body: &Body<'t>,
    uses: &Uses<'_, 't>,
    issued: &IssuedLoan,
    work: &mut usize,
) -> Option<Loan<'t>> {
    let statement = body.statement(issued.issued)?;
    let StatementKind::Assign(destination, Rvalue::Ref(kind, place)) = &statement.kind else {
        return None;
    };
    let region = body.borrows.as_ref()?.region(issued.region)?;
    let steps = uses
        .get(place.local)
        .map_or(0, |uses| uses.writes.len() + uses.storage_dead.len());
    *work = work.checked_sub(steps)?;
    let mut walk = Walk {
        body,
        region,
        kills: kills(uses, place),
        live: BTreeMap::new(),
        ends: BTreeSet::new(),
    };
    walk.from(issued.issued, work)?;
    let (live, ends) = (walk.live, walk.ends);
    let mut loan = Loan {
        id: issued.id,
        kind: *kind,
        place: place.clone(),
        destination: destination.clone(),
        issued: issued.issued,
        span: statement.source.span,
        region: issued.region,
        escapes: region.is_universal,
        live: merged(live),
        ends: ends.into_iter().collect(),
        activation: None,
        reborrow_of: Vec::new(),
        holders: Vec::new(),
    };
    if let (BorrowKind::Mutable, Some(local)) = (kind, destination.as_local())
        && body.variables_of(local).next().is_none()
    {
        loan.activation = uses.get(local).and_then(|uses| uses.only_use());
    }
    loan.holders = holders(body, &loan, work)?;
    Some(loan)
}

/// Where what is borrowed is overwritten or ends: the loan holds until there.
fn kills<'t>(uses: &Uses<'_, 't>, borrowed: &Place<'t>) -> BTreeSet<Location> {
    let Some(uses) = uses.get(borrowed.local) else {
        return BTreeSet::new();
    };
    let overwrites = |place: &Place<'t>| {
        let has_index = place
            .projection
            .iter()
            .any(|p| matches!(p, Projection::Index(_)));
        !has_index && borrowed.projection.starts_with(&place.projection)
    };
    let writes = uses.writes.iter().filter(|(_, place)| overwrites(place));
    writes
        .map(|(location, _)| *location)
        .chain(uses.storage_dead.iter().copied())
        .collect()
}

/// Follows control flow inside of a region.
struct Walk<'a, 't> {
    body: &'a Body<'t>,
    region: &'a Region,
    kills: BTreeSet<Location>,
    /// The stretches of blocks that hold: from the start of a block, and from the borrow.
    live: BTreeMap<(BasicBlock, u32), u32>,
    ends: BTreeSet<Location>,
}

impl Walk<'_, '_> {
    /// `None` when the work is over its limit.
    fn from(&mut self, issued: Location, work: &mut usize) -> Option<()> {
        let mut due: Vec<Location> = Vec::new();
        let after = Location {
            statement: issued.statement.saturating_add(1),
            ..issued
        };
        if self.region.contains(after) {
            due.push(after);
        } else {
            self.ends.insert(issued);
        }
        while let Some(start) = due.pop() {
            *work = work.checked_sub(1)?;
            if self.live.contains_key(&(start.block, start.statement)) {
                continue;
            }
            let Some(block) = self.body.block(start.block) else {
                continue;
            };
            let terminator = block.end();
            let last = self.end_of_stretch(start, terminator);
            self.live
                .insert((start.block, start.statement), last.statement);
            // No way leads through a block that cannot be reached.
            let is_unreachable = block
                .terminator
                .as_ref()
                .is_some_and(|terminator| matches!(terminator.kind, TerminatorKind::Unreachable));
            if is_unreachable {
                continue;
            }
            if last != terminator || self.kills.contains(&last) {
                self.ends.insert(last);
                continue;
            }
            let edges = block
                .terminator
                .iter()
                .flat_map(|terminator| &terminator.edges);
            let mut goes_on = false;
            for edge in edges {
                let target = Location {
                    block: edge.target,
                    statement: 0,
                };
                let counts = !matches!(edge.label, EdgeLabel::Unwind | EdgeLabel::Imaginary);
                goes_on |= counts;
                if self.region.contains(target) {
                    due.push(target);
                } else if counts {
                    self.ends.insert(last);
                }
            }
            let is_return = block
                .terminator
                .as_ref()
                .is_some_and(|terminator| matches!(terminator.kind, TerminatorKind::Return));
            if !goes_on && is_return {
                self.ends.insert(last);
            }
        }
        Some(())
    }

    /// The last point that holds, of those that follow each other in a block.
    fn end_of_stretch(&self, start: Location, terminator: Location) -> Location {
        let key = (start.block, start.statement);
        let points = &self.region.points;
        let behind = points.partition_point(|range| (range.block, range.first) <= key);
        let in_region = points[..behind]
            .last()
            .map_or(start.statement, |range| range.last);
        let mut last = Location {
            statement: in_region.min(terminator.statement).max(start.statement),
            ..start
        };
        if let Some(kill) = self.kills.range(start..=last).next() {
            last = *kill;
        }
        last
    }
}

/// Stretches by block and statement, none in another.
fn merged(live: BTreeMap<(BasicBlock, u32), u32>) -> Vec<PointRange> {
    let mut ranges: Vec<PointRange> = Vec::with_capacity(live.len());
    for ((block, first), last) in live {
        match ranges.last_mut() {
            Some(before) if before.block == block && first <= before.last.saturating_add(1) => {
                before.last = before.last.max(last);
            }
            _ => ranges.push(PointRange { block, first, last }),
        }
    }
    ranges
}

/// The locals that a reference may have gone to while the loan holds.
fn holders(body: &Body<'_>, loan: &Loan<'_>, work: &mut usize) -> Option<Vec<Local>> {
    let mut holders = BTreeSet::from([loan.destination.local]);
    for _ in 0..HOLDER_ROUNDS {
        let before = holders.len();
        for range in &loan.live {
            let Some(block) = body.block(range.block) else {
                continue;
            };
            let first = usize::try_from(range.first).unwrap_or(usize::MAX);
            let last = usize::try_from(range.last).unwrap_or(usize::MAX);
            let end = last.saturating_add(1).min(block.statements.len());
            let statements = block.statements.get(first..end).unwrap_or(&[]);
            *work = work.checked_sub(statements.len() + 1)?;
            for statement in statements {
                if let StatementKind::Assign(place, rvalue) = &statement.kind
                    && takes_from(rvalue, &holders)
                    && can_hold(body, place.local)
                {
                    holders.insert(place.local);
                }
            }
            if last < block.statements.len() {
                continue;
            }
            if let Some(TerminatorKind::Call {
                destination,
                arguments,
                ..
            }) = block.terminator.as_ref().map(|terminator| &terminator.kind)
            {
                let mut places = arguments.iter().filter_map(|operand| operand.place());
                let goes_on = block.terminator.iter().flat_map(|t| &t.edges).any(|edge| {
                    edge.label == EdgeLabel::Return
                        && loan.is_live(Location {
                            block: edge.target,
                            statement: 0,
                        })
                });
                if goes_on
                    && places.any(|place| holders.contains(&place.local))
                    && can_hold(body, destination.local)
                {
                    holders.insert(destination.local);
                }
            }
        }
        if holders.len() == before {
            break;
        }
    }
    Some(holders.into_iter().collect())
}

fn takes_from(rvalue: &Rvalue<'_>, holders: &BTreeSet<Local>) -> bool {
    let places = rvalue
        .operands()
        .iter()
        .filter_map(|operand| operand.place());
    let borrowed = match rvalue {
        Rvalue::Ref(_, place) => Some(place),
        _ => None,
    };
    places
        .chain(borrowed)
        .any(|place| holders.contains(&place.local))
}

/// Whether the type of a local has a lifetime in it, as far as its text tells. The type of what is
/// captured in a closure does not.
fn can_hold(body: &Body<'_>, local: Local) -> bool {
    let ty = body.local(local).map_or("", |decl| decl.ty);
    ty.contains(['&', '\'', '{']) || ty.contains("impl ") || ty.contains("dyn ")
}

/// Finds which loans are borrowed from by others.
fn reborrows(loans: &mut [Loan<'_>], work: &mut usize) {
    let mut by_holder: BTreeMap<Local, Vec<usize>> = BTreeMap::new();
    for (index, loan) in loans.iter().enumerate() {
        for holder in &loan.holders {
            by_holder.entry(*holder).or_default().push(index);
        }
    }
    for index in 0..loans.len() {
        let loan = &loans[index];
        if !loan.place.is_indirect() {
            continue;
        }
        let is_parent = |other: &&usize| {
            let other = &loans[**other];
            other.id != loan.id && other.is_live(loan.issued)
        };
        let holding = by_holder
            .get(&loan.place.local)
            .map_or(&[][..], Vec::as_slice);
        // Without time for it, it is not known.
        let Some(left) = work.checked_sub(holding.len()) else {
            return;
        };
        *work = left;
        let parents = holding
            .iter()
            .filter(is_parent)
            .map(|&other| loans[other].id)
            .collect();
        loans[index].reborrow_of = parents;
    }
}
