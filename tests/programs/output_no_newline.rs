//! Output waits in a buffer until its line ends or somebody flushes it.
//! exit: 0

use std::io::{self, Write};

fn main() {
    print!("one");
    print!(", two"); // <waiting> output ends ""
    println!(", three");
    print!("ready? "); // <line-done> output ends "one, two, three\n"
    io::stdout().flush().unwrap();
    eprintln!("to the other stream"); // <flushed> output ends "three\nready? "
    let answer = "yes".len();
    println!("\n=answer {answer}"); // <asked> answer = 3; errors end "to the other stream\n"
    print!("no newline at the end"); // <last> frames = main
}
