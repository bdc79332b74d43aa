//! Every row of a real line table must belong to a statement that a reader would name.
//!
//! The program says so itself: a comment `//~ KIND, KIND` at the end of a line lists the kinds of
//! statements that its rows belong to. A row of a kind that is not listed fails the test, and so
//! does a listed kind without rows; `none` stands for rows of derived code, which is no statement
//! of the file. The witness is rustc, through the line table of what it built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use object::{Object, ObjectSection};
use stackheap_model::TextPosition;

#[test]
fn every_row_of_user_code_belongs_to_a_statement() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/rows.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    let (outline, problems) = stackheap_source::outline(&text);
    assert!(problems.is_empty(), "{problems:?}");
    let directory = tempfile::tempdir().unwrap();
    let executable = directory.path().join("program");
    compile(&source, &executable);
    let rows = rows(&executable, "rows.rs");
    assert!(rows.len() > 100, "only {} rows", rows.len());

    let mut found: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let Some(index) = outline.statement_at(row) else {
            found.entry(row.line).or_default().insert("none".to_owned());
            continue;
        };
        let statement = outline.statements[index];
        // A statement of one line is found from that line alone.
        assert!(statement.extent.start.line <= row.line && row.line <= statement.extent.end.line);
        found
            .entry(row.line)
            .or_default()
            .insert(format!("{:?}", statement.kind));
    }
    for (index, line) in text.lines().enumerate() {
        let number = u32::try_from(index + 1).unwrap();
        let expected: BTreeSet<String> = line
            .split_once("//~ ")
            .map(|(_, kinds)| kinds.split(", ").map(str::to_owned).collect())
            .unwrap_or_default();
        let found = found.remove(&number).unwrap_or_default();
        assert_eq!(found, expected, "line {number}: `{line}`");
    }
}

fn compile(source: &Path, executable: &Path) {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(rustc)
        .args([
            "-g",
            "-Copt-level=0",
            "--edition=2024",
            "--crate-name=program",
            "-Awarnings",
            "-o",
        ])
        .arg(executable)
        .arg(source)
        .status()
        .expect("rustc starts");
    assert!(status.success());
}

/// The rows of the line table that are in the file with this name.
fn rows(executable: &Path, name: &str) -> BTreeSet<TextPosition> {
    let bytes = std::fs::read(executable).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let section = |id: gimli::SectionId| -> Result<_, gimli::Error> {
        let data = file
            .section_by_name(id.name())
            .map(|s| s.data().unwrap())
            .unwrap_or(&[]);
        Ok(gimli::EndianSlice::new(data, gimli::LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(section).unwrap();
    let mut found = BTreeSet::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next().unwrap() {
        let unit = dwarf.unit(header).unwrap();
        let Some(program) = unit.line_program.clone() else {
            continue;
        };
        let mut rows = program.rows();
        while let Some((header, row)) = rows.next_row().unwrap() {
            let (Some(file), Some(line)) = (row.file(header), row.line()) else {
                continue;
            };
            let path = dwarf.attr_string(&unit, file.path_name()).unwrap();
            let path = path.to_string_lossy().into_owned();
            if row.end_sequence() || Path::new(&path).file_name() != Some(name.as_ref()) {
                continue;
            }
            let column = match row.column() {
                gimli::ColumnType::LeftEdge => 0,
                gimli::ColumnType::Column(column) => u32::try_from(column.get()).unwrap(),
            };
            found.insert(TextPosition {
                line: u32::try_from(line.get()).unwrap(),
                column,
            });
        }
    }
    found
}
