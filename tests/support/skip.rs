//! How a test goes without something that this machine does not have. Shared by the tests of all
//! crates, as a module.

#![allow(dead_code, reason = "each test uses a part of this module")]

use std::fmt::Display;

/// Says that a witness is missing, such as gdb. Where `STACKHEAP_NO_SKIP` is set, all have to be
/// there: the test fails.
#[track_caller]
pub fn skip(missing: impl Display) {
    let strict = std::env::var_os("STACKHEAP_NO_SKIP").is_some_and(|value| !value.is_empty());
    assert!(!strict, "{missing}: install it, or unset STACKHEAP_NO_SKIP");
    eprintln!("skipped: {missing}");
}

/// Says that something is missing that a machine for all tests need not have: the nightly toolchain,
/// the right to mount a file system.
pub fn skip_optional(missing: impl Display) {
    eprintln!("skipped: {missing}");
}

/// Whether a program is in `PATH`; where it is not, its name is told by [`skip`].
#[track_caller]
pub fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    });
    if !found {
        skip(format_args!("there is no `{program}`"));
    }
    found
}
