//! Drives `pico-args`: command lines that are right and wrong, and an exit status of its own.
//! A line `name = value` of the output is a witness for the local of that name.

use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug)]
struct Options {
    verbose: bool,
    level: u32,
    width: Option<f32>,
    name: String,
    output: Option<PathBuf>,
    includes: Vec<String>,
    rest: Vec<OsString>,
}

fn width(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| format!("not a number: {text}"))?;
    println!("value = {value:?}");
    if value > 0.0 { Ok(value) } else { Err("width must be positive".to_string()) }
}

fn parse(arguments: &[&str]) -> Result<Options, pico_args::Error> {
    let mut given = pico_args::Arguments::from_vec(arguments.iter().map(OsString::from).collect());
    println!("arguments = {arguments:?}");
    let verbose = given.contains(["-v", "--verbose"]);
    let level = given.opt_value_from_str(["-l", "--level"])?;
    println!("level = {level:?}");
    let options = Options {
        verbose,
        level: level.unwrap_or(1),
        width: given.opt_value_from_fn("--width", width)?,
        name: given.value_from_str("--name")?,
        output: given.opt_value_from_os_str("--output", |text| Ok::<_, String>(PathBuf::from(text)))?,
        includes: given.values_from_str("-I")?,
        rest: given.finish(),
    };
    println!("options = {options:?}");
    Ok(options)
}

fn main() {
    let lines: [&[&str]; 8] = [
        &["--name", "a"],
        &["-v", "--name=b", "--level", "3", "x", "y"],
        &["--name=\"quoted\"", "--width=2.5", "-I", "one", "-I", "two"],
        &["--name", "c", "--width", "-1"],
        &["--level", "many", "--name", "d"],
        &["--name"],
        &["-l7", "--output", "/tmp/out", "--name", "e", "--", "z"],
        &["--verbose"],
    ];
    let mut good = 0;
    for line in lines {
        match parse(line) {
            Ok(options) => {
                good += i32::from(!options.name.is_empty());
                println!("good = {good:?}");
            }
            Err(error) => println!("error: {error}"),
        }
    }
    let words = vec!["run".into(), "-abc".into(), "7".into()];
    let mut arguments = pico_args::Arguments::from_vec(words);
    let command = arguments.subcommand();
    println!("command = {command:?}");
    let flags = (arguments.contains("-a"), arguments.contains("-b"));
    println!("flags = {flags:?}");
    let number: i64 = arguments.free_from_str().unwrap_or(-1);
    println!("number = {number:?}");
    let more: Result<Option<u8>, _> = arguments.opt_free_from_str();
    println!("{more:?}");
    std::process::exit(good);
}
