//! Recipes: what a file of them says about the types of std.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stackheap_interpret::values::Recipes;

fuzz_target!(|text: &str| {
    let _ = Recipes::parse(&[("fuzz.toml", text)]);
});
