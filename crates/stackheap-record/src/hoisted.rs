//! Rows at the beginning of a function that do not say what runs there.
//!
//! What is constant the compiler stores on entry, with the place of the `let` it belongs to: the
//! line table then leads to statements of which nothing has run, and back. Such a row is no place to
//! stop at: the variables above it have no value yet, though they are in scope there.

use iced_x86::{Decoder, DecoderOptions, FlowControl};
use stackheap_image::Image;
use stackheap_model::{ImageAddress, LoadBias, TextPosition};

/// The most bytes of code that are looked at.
const LIMIT_BYTES: u64 = 1 << 14;

/// Where the code that begins at `entry` goes on elsewhere for the first time: the address of its
/// first call, jump or return.
pub(crate) fn straight_until(
    image: &Image<'_>,
    entry: ImageAddress,
    high: ImageAddress,
) -> ImageAddress {
    let bytes = high.0.saturating_sub(entry.0).min(LIMIT_BYTES) as usize;
    let code = image.read_static(entry, bytes, LoadBias(0));
    let code = code.unwrap_or_default();
    let mut decoder = Decoder::with_ip(64, &code, entry.0, DecoderOptions::NONE);
    let leaves = decoder
        .iter()
        .find(|instruction| instruction.flow_control() != FlowControl::Next);
    leaves.map_or(entry, |instruction| ImageAddress(instruction.ip()))
}

/// Which of the rows of straight code are hoisted, by where their statements start. Statements of a
/// block run in the order of the source, so a row of a later statement in front of one of an earlier
/// was moved. A row that is not from the function's own text, but from a macro's, has no start and
/// tells nothing.
pub(crate) fn hoisted(starts: &[Option<TextPosition>]) -> Vec<bool> {
    let is_hoisted = |(index, start): (usize, &Option<TextPosition>)| {
        let mut later = starts.iter().skip(index + 1).flatten();
        start.is_some_and(|start| later.any(|&other| other < start))
    };
    starts.iter().enumerate().map(is_hoisted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line 0 stands for a row of a macro.
    fn check(lines: &[u32], expected: &[bool]) {
        let at = |&line: &u32| (line > 0).then_some(TextPosition { line, column: 5 });
        let starts: Vec<Option<TextPosition>> = lines.iter().map(at).collect();
        assert_eq!(hoisted(&starts), expected, "{lines:?}");
    }

    #[test]
    fn rows_in_front_of_earlier_statements_are_hoisted() {
        check(&[], &[]);
        check(&[2, 2, 3], &[false, false, false]);
        check(&[3, 6, 2], &[true, true, false]);
        check(&[2, 6, 3], &[false, true, false]);
        check(&[6, 2, 7], &[true, false, false]);
    }

    #[test]
    fn rows_of_macros_tell_nothing() {
        check(&[6, 0, 7], &[false, false, false]);
        check(&[0, 6, 2], &[false, true, false]);
    }
}
