//! Turns `rates.txt` into Rust source that the program includes.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=rates.txt");
    let rates = fs::read_to_string("rates.txt").expect("rates.txt is beside the manifest");
    let mut code = String::from("/// What sending a parcel costs, in cents.\n");
    code.push_str("pub fn postage(zone: &str) -> u32 {\n    match zone {\n");
    for (zone, cents) in rates.lines().filter_map(|line| line.split_once(' ')) {
        writeln!(code, "        {zone:?} => {cents},").expect("a String takes everything");
    }
    code.push_str("        _ => 0,\n    }\n}\n");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("rates.rs"), code).expect("OUT_DIR can be written to");
}
