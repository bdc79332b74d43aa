//! Reads files of MIR text and prints how much of it is understood, and how fast.
//!
//! `cargo run --release -p stackheap-mir --example throughput -- target/debug/deps/*.mir`

#![forbid(unsafe_code)]

use std::time::Instant;

fn main() -> std::io::Result<()> {
    let mut texts = Vec::new();
    for path in std::env::args_os().skip(1) {
        texts.push(std::fs::read_to_string(path)?);
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    let (mut bodies, mut steps, mut opaque) = (0, 0, 0);
    let start = Instant::now();
    for text in &texts {
        let (read, problems) = stackheap_mir::parse(text);
        for problem in problems {
            eprintln!("{problem}");
        }
        bodies += read.len();
        for body in &read {
            steps += body.step_count();
            opaque += body.opaque;
        }
    }
    let elapsed = start.elapsed();
    let (mut events, mut loans) = (0, 0);
    let start = Instant::now();
    for text in &texts {
        for body in &stackheap_mir::parse(text).0 {
            let (facts, problems) = stackheap_mir::Facts::of(body, None);
            for problem in problems {
                eprintln!("{}: {problem}", body.name);
            }
            events += facts.events.len();
            loans += facts.loans.len();
        }
    }
    let with_facts = start.elapsed();
    println!("{} texts, {bytes} bytes, {bodies} bodies", texts.len());
    println!("{steps} statements and terminators, {opaque} of unknown form");
    println!(
        "{:.0} MB/s to parse",
        bytes as f64 / 1e6 / elapsed.as_secs_f64()
    );
    println!("{events} events, {loans} loans");
    println!(
        "{:.0} MB/s to parse and to compute facts",
        bytes as f64 / 1e6 / with_facts.as_secs_f64()
    );
    Ok(())
}
