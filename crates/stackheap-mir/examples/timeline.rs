//! Prints what functions do with their variables: a line for each event, as the compiler's text
//! names things.
//!
//! `cargo run -p stackheap-mir --example timeline -- ELABORATED.mir DUMP.nll.0.mir...`

#![forbid(unsafe_code)]

use stackheap_mir::{EventKind, Facts, Loan, pair_elaborated, parse};

fn main() -> std::io::Result<()> {
    let mut texts = Vec::new();
    for path in std::env::args_os().skip(1) {
        texts.push(std::fs::read_to_string(path)?);
    }
    let Some((elaborated, checked)) = texts.split_first() else {
        return Ok(());
    };
    let (elaborated, _) = parse(elaborated);
    let checked: Vec<_> = checked.iter().flat_map(|text| parse(text).0).collect();
    for (body, other) in checked.iter().zip(pair_elaborated(&checked, &elaborated)) {
        let (facts, problems) = Facts::of(body, other);
        println!("{} ({:?})", body.name, facts.confidence);
        for problem in problems {
            println!("  {problem}");
        }
        for variable in &body.variables {
            println!("  {} is {:?}", variable.name, variable.value);
        }
        for event in &facts.events {
            let span = event
                .span
                .map_or_else(String::new, |span| format!("{}-{}", span.start, span.end));
            let cleanup = if event.is_cleanup { " (unwinding)" } else { "" };
            print!(
                "  {:<9} {span:<14} {:?}{cleanup}",
                event.location.to_string(),
                event.kind
            );
            match &event.kind {
                EventKind::Borrowed {
                    loan: Some(loan), ..
                } => println!(" {}", facts.loan(*loan).map_or_else(String::new, describe)),
                _ => println!(),
            }
        }
    }
    Ok(())
}

fn describe(loan: &Loan<'_>) -> String {
    format!(
        "held by {:?}, until {:?}, active {:?}, from {:?}, escapes {}",
        loan.holders, loan.ends, loan.activation, loan.reborrow_of, loan.escapes
    )
}
