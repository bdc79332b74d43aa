//! Where each local is written, dies and is used: looked up many times, found in one walk.

use std::collections::BTreeMap;

use crate::{
    BasicBlockData, Body, Local, Location, Operand, Place, Rvalue, StatementKind, TerminatorKind,
};

/// A use of a whole local as an operand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperandUse {
    pub(crate) location: Location,
    /// Which operand of the statement or terminator.
    pub(crate) index: usize,
    pub(crate) is_move: bool,
}

/// What happens to a local.
#[derive(Debug, Default)]
pub(crate) struct LocalUses<'b, 't> {
    /// Where it, or a part of it, gets a value; with the place.
    pub(crate) writes: Vec<(Location, &'b Place<'t>)>,
    pub(crate) storage_dead: Vec<Location>,
    /// Where it is read as a whole, as an operand.
    pub(crate) operands: Vec<OperandUse>,
    /// How many other steps look at it, at parts of it or at what it points to.
    pub(crate) others: usize,
    /// Where the first of these is.
    pub(crate) first_other: Option<Location>,
    pub(crate) has_drop: bool,
}

/// What happens to each local of a body.
pub(crate) struct Uses<'b, 't> {
    locals: BTreeMap<Local, LocalUses<'b, 't>>,
}

impl<'b, 't> Uses<'b, 't> {
    pub(crate) fn of(body: &'b Body<'t>) -> Self {
        let mut uses = Self {
            locals: BTreeMap::new(),
        };
        for block in &body.blocks {
            uses.block(block);
        }
        uses
    }

    pub(crate) fn get(&self, local: Local) -> Option<&LocalUses<'b, 't>> {
        self.locals.get(&local)
    }

    fn block(&mut self, block: &'b BasicBlockData<'t>) {
        let mut location = Location {
            block: block.id,
            statement: 0,
        };
        for statement in &block.statements {
            self.statement(location, &statement.kind);
            location.statement = location.statement.saturating_add(1);
        }
        if let Some(terminator) = &block.terminator {
            self.terminator(location, &terminator.kind);
        }
    }

    fn statement(&mut self, location: Location, kind: &'b StatementKind<'t>) {
        self.operands(location, kind.operands());
        match kind {
            StatementKind::Assign(place, rvalue) => {
                match rvalue {
                    Rvalue::Ref(_, source)
                    | Rvalue::RawPointer(_, source)
                    | Rvalue::Discriminant(source)
                    | Rvalue::Length(source) => self.look(location, source),
                    _ => {}
                }
                self.write(location, place);
            }
            StatementKind::StorageDead(local) => {
                self.entry(*local).storage_dead.push(location);
            }
            StatementKind::SetDiscriminant(place, _) => self.look(location, place),
            _ => {}
        }
    }

    fn terminator(&mut self, location: Location, kind: &'b TerminatorKind<'t>) {
        self.operands(location, kind.operands());
        if let Some(destination) = kind.destination() {
            self.write(location, destination);
        }
        match kind {
            TerminatorKind::Drop(place) => self.entry(place.local).has_drop = true,
            TerminatorKind::InlineAsm { outputs, .. } => {
                for output in outputs {
                    self.write(location, output);
                }
            }
            _ => {}
        }
    }

    fn operands(&mut self, location: Location, operands: &'b [Operand<'t>]) {
        for (index, operand) in operands.iter().enumerate() {
            let Some(place) = operand.place() else {
                continue;
            };
            if place.projection.is_empty() {
                let is_move = matches!(operand, Operand::Move(_));
                self.entry(place.local).operands.push(OperandUse {
                    location,
                    index,
                    is_move,
                });
            } else {
                self.look(location, place);
            }
        }
    }

    fn write(&mut self, location: Location, place: &'b Place<'t>) {
        if place.is_indirect() {
            self.look(location, place);
        } else {
            self.entry(place.local).writes.push((location, place));
        }
    }

    fn look(&mut self, location: Location, place: &Place<'t>) {
        let uses = self.entry(place.local);
        uses.others += 1;
        uses.first_other.get_or_insert(location);
    }

    fn entry(&mut self, local: Local) -> &mut LocalUses<'b, 't> {
        self.locals.entry(local).or_default()
    }
}

impl LocalUses<'_, '_> {
    /// The one place where a temporary is used, if there is one only.
    pub(crate) fn only_use(&self) -> Option<Location> {
        match (self.operands.as_slice(), self.others) {
            ([only], 0) => Some(only.location),
            ([], 1) => self.first_other,
            _ => None,
        }
    }

    /// The moves of the whole local, if it is used by them only. That a panic before them drops it
    /// is no use.
    pub(crate) fn only_moves(&self) -> Option<&[OperandUse]> {
        let are_moves = self.operands.iter().all(|operand| operand.is_move);
        (are_moves && self.others == 0).then_some(&self.operands)
    }
}
