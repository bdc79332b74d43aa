//! A running program whose memory is read while it waits, and the types of its executable.

#[path = "../../../../tests/support/skip.rs"]
mod skip;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};

use stackheap_image::Image;
use stackheap_interpret::values::{Memory, TypeSource};
use stackheap_model::{LoadBias, RuntimeAddress, Type, TypeId, Unknown};
use tempfile::TempDir;

const SOURCE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/values_witness/values.rs"
);

#[derive(Clone, Copy, Debug)]
pub enum Toolchain {
    Default,
    Nightly,
}

/// A line the program printed: its first field, and the others.
#[derive(Debug)]
pub struct Line {
    pub kind: String,
    pub fields: Vec<String>,
}

/// The waiting program.
pub struct Witness {
    pub lines: Vec<Line>,
    memory: File,
    types: HashMap<String, TypeId>,
    child: Child,
}

impl Witness {
    /// The type of a local of `main`.
    pub fn type_of(&self, name: &str) -> TypeId {
        *self
            .types
            .get(name)
            .unwrap_or_else(|| panic!("no variable `{name}`"))
    }

    /// The types of all locals of `main`.
    pub fn all_types(&self) -> Vec<TypeId> {
        self.types.values().copied().collect()
    }

    /// The eight bytes at an address.
    pub fn word(&self, at: RuntimeAddress) -> u64 {
        let mut bytes = [0; 8];
        self.memory.read_exact_at(&mut bytes, at.0).unwrap();
        u64::from_le_bytes(bytes)
    }

    /// The line of the n-th `.await` of the program.
    pub fn await_line(&self, n: usize) -> usize {
        let source = std::fs::read_to_string(SOURCE).unwrap();
        let mut lines = source
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(".await"));
        lines.nth(n).unwrap().0 + 1
    }
}

impl Memory for Witness {
    fn read(&self, at: RuntimeAddress, len: usize) -> Result<Vec<u8>, Unknown> {
        let mut bytes = vec![0; len];
        match self.memory.read_exact_at(&mut bytes, at.0) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(Unknown::because(format!("{len} bytes at {at}: {error}"))),
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The types of an image that is loaded somewhere.
pub struct ImageTypes<'a> {
    pub image: &'a Image<'a>,
    pub bias: LoadBias,
}

impl TypeSource for ImageTypes<'_> {
    fn ty(&self, id: TypeId) -> Arc<Type> {
        self.image.ty(id)
    }

    fn vtable_at(&self, at: RuntimeAddress) -> Option<(TypeId, Arc<str>)> {
        let vtable = self.image.vtable_at(self.bias.to_image(at))?;
        Some((vtable.concrete, vtable.name))
    }

    fn symbol_at(&self, at: RuntimeAddress) -> Option<Arc<str>> {
        self.image
            .symbol_at(self.bias.to_image(at))
            .map(|symbol| symbol.name)
    }

    fn type_named(&self, name: &str) -> Option<TypeId> {
        self.image.type_named(name)
    }
}

/// Runs the test against a program built with this toolchain; says so when it cannot.
pub fn with_witness(toolchain: Toolchain, test: &dyn Fn(&Witness, &ImageTypes<'_>)) {
    static BUILT: [OnceLock<Option<TempDir>>; 2] = [OnceLock::new(), OnceLock::new()];
    // Built once for all tests of this process.
    let built = BUILT[toolchain as usize].get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        build(toolchain, &folder.path().join("values")).then_some(folder)
    });
    let Some(folder) = built else {
        skip::skip_optional(format_args!("no rustc for {toolchain:?}"));
        return;
    };
    let program = folder.path().join("values");
    let data = std::fs::read(&program).unwrap();
    let image = Image::parse(&data).unwrap();
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = read_lines(&mut child);
    let memory = match File::open(format!("/proc/{}/mem", child.id())) {
        Ok(memory) => memory,
        Err(error) => {
            skip::skip(format_args!(
                "the memory of another process cannot be read: {error}"
            ));
            let _ = child.kill();
            let _ = child.wait();
            return;
        }
    };
    let bias = bias(&child, &program, &image);
    let types = types_of_locals(&image);
    test(
        &Witness {
            lines,
            memory,
            types,
            child,
        },
        &ImageTypes {
            image: &image,
            bias,
        },
    );
}

fn build(toolchain: Toolchain, program: &Path) -> bool {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let mut command = match toolchain {
        Toolchain::Default => Command::new(rustc),
        Toolchain::Nightly => {
            let mut command = Command::new("rustup");
            command.args(["run", "nightly", "rustc"]);
            command
        }
    };
    command.args(["--edition", "2024", "-g", "--cap-lints", "allow", "-o"]);
    command.arg(program).arg(SOURCE);
    let output = command.output();
    if let Ok(output) = &output
        && !output.status.success()
        && matches!(toolchain, Toolchain::Default)
    {
        panic!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.is_ok_and(|output| output.status.success())
}

fn read_lines(child: &mut Child) -> Vec<Line> {
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
        let line = line.unwrap();
        if line == "ready" {
            break;
        }
        let mut fields = line.splitn(5, '\t').map(str::to_owned);
        let kind = fields.next().unwrap_or_default();
        lines.push(Line {
            kind,
            fields: fields.collect(),
        });
    }
    lines
}

fn bias(child: &Child, program: &Path, image: &Image<'_>) -> LoadBias {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", child.id())).unwrap();
    let program = std::fs::canonicalize(program).unwrap();
    let first = maps
        .lines()
        .find(|line| line.ends_with(program.to_str().unwrap()))
        .unwrap();
    let start = u64::from_str_radix(first.split('-').next().unwrap(), 16).unwrap();
    LoadBias(if image.facts().position_independent {
        start
    } else {
        0
    })
}

fn types_of_locals(image: &Image<'_>) -> HashMap<String, TypeId> {
    let (functions, _) = image.functions(&|file| file.ends_with("values.rs"));
    let main = functions
        .iter()
        .find(|function| &*function.name == "values::main")
        .unwrap();
    image
        .variables(main)
        .into_iter()
        .map(|variable| (variable.name.to_string(), variable.ty))
        .collect()
}

pub fn address(text: &str) -> RuntimeAddress {
    RuntimeAddress(u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap())
}
