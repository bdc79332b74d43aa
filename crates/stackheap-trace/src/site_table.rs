//! The site table as bytes.

use stackheap_model::{
    CfaRule, FileId, FunctionId, ImageAddress, PlannedFunction, RegisterSet, Site, SiteRole,
    SiteTable, SourceFile, Statement, StatementId, StatementKind, TextPosition, TextRange,
};

use crate::decode::name_from;
use crate::encode::put_name;
use crate::error::TraceError;
use crate::wire::{Input, put, put_bytes, put_distance};

/// Appends the table.
pub(crate) fn site_table_into(into: &mut Vec<u8>, table: &SiteTable) {
    put(into, table.files.len() as u64);
    for file in &table.files {
        put_bytes(into, file.path.as_bytes());
        put_name(into, file.text.as_deref());
    }
    put(into, table.functions.len() as u64);
    for function in &table.functions {
        put_bytes(into, function.name.as_bytes());
        put(into, u64::from(function.file.0));
        position_into(into, function.position);
        put(into, function.low.0);
        put_distance(into, function.low.0, function.high.0);
        put(into, u64::from(function.below_stack_pointer));
    }
    put(into, table.statements.len() as u64);
    for statement in &table.statements {
        put(into, u64::from(statement.file.0));
        position_into(into, statement.range.start);
        position_into(into, statement.range.end);
        into.push(kind_code(statement.kind));
    }
    put(into, table.sites.len() as u64);
    let mut last = 0;
    for site in &table.sites {
        put_distance(into, last, site.address.0);
        last = site.address.0;
        put(into, u64::from(site.function.0));
        put(into, u64::from(site.statement.0));
        position_into(into, site.position);
        into.push(role_code(site.role));
        let (code, distance) = match site.cfa {
            CfaRule::StackPointer(distance) => (0, distance),
            CfaRule::FramePointer(distance) => (1, distance),
        };
        into.push(code);
        put_distance(into, 0, i64::from(distance) as u64);
        into.extend_from_slice(&site.registers.0.to_le_bytes());
    }
    put(into, table.statics.len() as u64);
    for (address, bytes) in &table.statics {
        put(into, address.0);
        put(into, *bytes);
    }
    put(into, table.thread_locals.len() as u64);
    for (offset, bytes) in &table.thread_locals {
        put_distance(into, 0, *offset as u64);
        put(into, *bytes);
    }
}

/// The table that the bytes stand for.
pub(crate) fn site_table_from(bytes: &[u8]) -> Result<SiteTable, TraceError> {
    let input = &mut Input::new(bytes, "the site table");
    let mut table = SiteTable::default();
    for _ in 0..input.count()? {
        table.files.push(SourceFile {
            path: input.text()?,
            text: name_from(input)?,
        });
    }
    for _ in 0..input.count()? {
        let name = input.text()?;
        let file = FileId(input.number_u32()?);
        let position = position_from(input)?;
        let low = input.number()?;
        let high = ImageAddress(input.distance(low)?);
        let below_stack_pointer = input.number_u32()?;
        table.functions.push(PlannedFunction {
            name,
            file,
            position,
            low: ImageAddress(low),
            high,
            below_stack_pointer,
        });
    }
    for _ in 0..input.count()? {
        let file = FileId(input.number_u32()?);
        let range = TextRange {
            start: position_from(input)?,
            end: position_from(input)?,
        };
        table.statements.push(Statement {
            file,
            range,
            kind: kind_from(input)?,
        });
    }
    let mut last = 0;
    for _ in 0..input.count()? {
        last = input.distance(last)?;
        table.sites.push(site_from(input, ImageAddress(last))?);
    }
    for _ in 0..input.count()? {
        table
            .statics
            .push((ImageAddress(input.number()?), input.number()?));
    }
    for _ in 0..input.count()? {
        table
            .thread_locals
            .push((input.distance(0)? as i64, input.number()?));
    }
    input.end()?;
    Ok(table)
}

fn site_from(input: &mut Input<'_>, address: ImageAddress) -> Result<Site, TraceError> {
    let function = FunctionId(input.number_u32()?);
    let statement = StatementId(input.number_u32()?);
    let position = position_from(input)?;
    let role = role_from(input)?;
    let code = input.byte()?;
    let distance = i32::try_from(input.distance(0)? as i64);
    let distance = distance.map_err(|_| input.expected("a distance of 32 bits before this"))?;
    let cfa = match code {
        0 => CfaRule::StackPointer(distance),
        1 => CfaRule::FramePointer(distance),
        _ => return Err(input.expected("a frame rule of a known kind before this")),
    };
    let registers = match input.take(2)? {
        &[low, high] => RegisterSet(u16::from_le_bytes([low, high])),
        _ => return Err(input.expected("a set of registers before this")),
    };
    Ok(Site {
        address,
        function,
        statement,
        position,
        role,
        cfa,
        registers,
    })
}

fn position_into(into: &mut Vec<u8>, position: TextPosition) {
    put(into, u64::from(position.line));
    put(into, u64::from(position.column));
}

fn position_from(input: &mut Input<'_>) -> Result<TextPosition, TraceError> {
    Ok(TextPosition {
        line: input.number_u32()?,
        column: input.number_u32()?,
    })
}

const KINDS: [StatementKind; 9] = [
    StatementKind::Let,
    StatementKind::Expression,
    StatementKind::Condition,
    StatementKind::LoopHead,
    StatementKind::MatchArm,
    StatementKind::Tail,
    StatementKind::ScopeEnd,
    StatementKind::Head,
    StatementKind::Line,
];

fn kind_code(kind: StatementKind) -> u8 {
    match kind {
        StatementKind::Let => 0,
        StatementKind::Expression => 1,
        StatementKind::Condition => 2,
        StatementKind::LoopHead => 3,
        StatementKind::MatchArm => 4,
        StatementKind::Tail => 5,
        StatementKind::ScopeEnd => 6,
        StatementKind::Head => 7,
        StatementKind::Line => 8,
    }
}

fn kind_from(input: &mut Input<'_>) -> Result<StatementKind, TraceError> {
    let code = usize::from(input.byte()?);
    match KINDS.get(code) {
        Some(&kind) => Ok(kind),
        None => Err(input.expected("a statement of a known kind before this")),
    }
}

const ROLES: [SiteRole; 4] = [
    SiteRole::Entry,
    SiteRole::Body,
    SiteRole::Return,
    SiteRole::Cleanup,
];

fn role_code(role: SiteRole) -> u8 {
    match role {
        SiteRole::Entry => 0,
        SiteRole::Body => 1,
        SiteRole::Return => 2,
        SiteRole::Cleanup => 3,
    }
}

fn role_from(input: &mut Input<'_>) -> Result<SiteRole, TraceError> {
    let code = usize::from(input.byte()?);
    match ROLES.get(code) {
        Some(&role) => Ok(role),
        None => Err(input.expected("a site of a known role before this")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_places_in_the_lists() {
        for (at, &kind) in KINDS.iter().enumerate() {
            assert_eq!(usize::from(kind_code(kind)), at);
        }
        for (at, &role) in ROLES.iter().enumerate() {
            assert_eq!(usize::from(role_code(role)), at);
        }
    }

    #[test]
    fn a_table_comes_back() {
        let position = TextPosition { line: 3, column: 9 };
        let table = SiteTable {
            files: vec![
                SourceFile {
                    path: "src/main.rs".into(),
                    text: Some("fn main() {}".into()),
                },
                SourceFile {
                    path: "src/gone.rs".into(),
                    text: None,
                },
            ],
            functions: vec![PlannedFunction {
                name: "demo::main".into(),
                file: FileId(0),
                position,
                low: ImageAddress(0x1000),
                high: ImageAddress(0x1100),
                below_stack_pointer: 128,
            }],
            statements: vec![Statement {
                file: FileId(1),
                range: TextRange {
                    start: position,
                    end: TextPosition { line: 4, column: 1 },
                },
                kind: StatementKind::LoopHead,
            }],
            sites: vec![
                Site {
                    address: ImageAddress(0x1010),
                    function: FunctionId(0),
                    statement: StatementId(0),
                    position,
                    role: SiteRole::Entry,
                    cfa: CfaRule::StackPointer(-8),
                    registers: RegisterSet(0x8001),
                },
                Site {
                    address: ImageAddress(0x1005),
                    function: FunctionId(0),
                    statement: StatementId(0),
                    position,
                    role: SiteRole::Cleanup,
                    cfa: CfaRule::FramePointer(16),
                    registers: RegisterSet::CALLEE_SAVED,
                },
            ],
            statics: vec![(ImageAddress(0x4000), 8)],
            thread_locals: vec![(-64, 24)],
        };
        let mut bytes = Vec::new();
        site_table_into(&mut bytes, &table);
        assert_eq!(site_table_from(&bytes).unwrap(), table);
        for end in 0..bytes.len() {
            assert!(site_table_from(&bytes[..end]).is_err(), "cut at {end}");
        }
    }
}
