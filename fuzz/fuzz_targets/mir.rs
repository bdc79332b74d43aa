//! MIR text: its bodies and their facts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stackheap_mir::{Facts, pair_elaborated, parse};

fuzz_target!(|text: &str| {
    let (bodies, _) = parse(text);
    for (body, elaborated) in bodies.iter().zip(pair_elaborated(&bodies, &bodies)) {
        let (facts, _) = Facts::of(body, elaborated);
        for variable in &body.variables {
            if let Some(path) = facts.path_of(variable) {
                for event in facts.events.iter().take(16) {
                    facts.states_of_parts(event.location, path);
                }
            }
        }
    }
});
