//! The command line: `stackheap` and `cargo stackheap`. Reads arguments, calls the other crates in
//! their order, prints, and ends as the observed program did.

#![forbid(unsafe_code)]

mod answer;
mod arguments;
mod doctor;
pub mod export;
mod focus;
mod open;
mod output;
mod ownership;
mod recordings;
mod run;
pub mod select;
mod show;
mod story;
mod target;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// How the program ends when nothing went wrong: with this code.
pub(crate) type Ended = anyhow::Result<u8>;

/// The exit status for wrong usage and for what stackheap itself could not do.
const FAILED: u8 = 2;

/// Does what the command line says.
pub fn main() -> ExitCode {
    if is_called(stackheap_build::WRAPPER_NAME) {
        let error = stackheap_build::wrap_rustc(std::env::args_os().skip(1));
        output::error(&anyhow::Error::from(error).context("calling rustc"));
        return ExitCode::from(FAILED);
    }
    let arguments = match Arguments::try_parse_from(command_line()) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match dispatch(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(FAILED)
        }
    }
}

/// Whether this program was started under a name.
fn is_called(name: &str) -> bool {
    let called = std::env::args_os().next();
    called.is_some_and(|program| {
        std::path::Path::new(&program)
            .file_stem()
            .is_some_and(|stem| stem == name)
    })
}

/// `cargo stackheap X` starts `cargo-stackheap stackheap X`.
fn command_line() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    if is_called("cargo-stackheap") && arguments.get(1).is_some_and(|first| first == "stackheap") {
        arguments.remove(1);
    }
    arguments
}

fn dispatch(arguments: Arguments) -> Ended {
    match arguments.command {
        None => {
            output::print(SHORT_ANSWER)?;
            Ok(0)
        }
        Some(Command::Run(arguments)) => run::run(&arguments),
        Some(Command::Show(arguments)) => show::show(&arguments),
        Some(Command::Export(arguments)) => export::export(&arguments),
        Some(Command::Ownership(arguments)) => ownership::ownership(&arguments),
        Some(Command::Doctor(arguments)) => doctor::doctor(&arguments),
        Some(Command::Environment { arguments }) => {
            stackheap_build::dump_environment(arguments)?;
            Ok(0)
        }
        Some(Command::PutBack { arguments }) => {
            stackheap_build::put_back_lock_file(arguments)?;
            Ok(0)
        }
    }
}

const SHORT_ANSWER: &str = "\
Heap or stack?

  stack  holds the locals of the calls in progress, one frame a call, last in, first out.
         A frame's size is fixed when the function is compiled; it is gone when the call returns.
         Each thread has its own stack, with a limit.
  heap   holds blocks that are asked for while the program runs, of any size.
         A block lives until its owner drops it, wherever the owner itself lives.
  Neither is about the type: any value with a known size can be on the stack, and any value can be
  in a block. A `String` is both: three words (pointer, capacity, length) where the variable is, and
  its text in a block on the heap. Moving it copies the three words, never the text.

See it in your own program:

  stackheap run FILE.rs        one file; in a cargo package: stackheap run
  stackheap show --step 5      one moment of the last run
";
