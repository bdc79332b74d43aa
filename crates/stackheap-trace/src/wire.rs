//! How numbers and texts are written: little-endian base-128 numbers (LEB128), signed ones folded
//! so that small distances in either direction are short.

use crate::error::TraceError;

/// Appends an unsigned number: 7 bits a byte, the lowest first; all but the last byte have bit 7.
#[inline]
pub(crate) fn put(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// Appends the distance from `base` to `value`.
#[inline]
pub(crate) fn put_distance(into: &mut Vec<u8>, base: u64, value: u64) {
    put(into, fold(value.wrapping_sub(base)));
}

/// Appends a number of bytes and the bytes.
pub(crate) fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    put(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

/// Appends 0, or 1 and the number.
#[inline]
pub(crate) fn put_option(into: &mut Vec<u8>, value: Option<u64>) {
    match value {
        None => put(into, 0),
        Some(value) => {
            put(into, 1);
            put(into, value);
        }
    }
}

/// Makes distances of small size, up or down, small numbers.
pub(crate) fn fold(distance: u64) -> u64 {
    (distance << 1) ^ ((distance as i64 >> 63) as u64)
}

/// The distance that was folded.
pub(crate) fn unfold(folded: u64) -> u64 {
    (folded >> 1) ^ (folded & 1).wrapping_neg()
}

/// Takes values from the front of some bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input<'a> {
    bytes: &'a [u8],
    /// How many bytes were taken; at most `bytes.len()`.
    at: usize,
    /// What is being read, for messages.
    what: &'static str,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, at: 0, what }
    }

    /// The error that something else was expected here.
    pub(crate) fn expected(&self, expected: &'static str) -> TraceError {
        TraceError::Malformed {
            what: self.what,
            at: self.at as u64,
            expected,
        }
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn byte(&mut self) -> Result<u8, TraceError> {
        match self.bytes.get(self.at) {
            Some(&byte) => {
                self.at += 1;
                Ok(byte)
            }
            None => Err(self.expected("a byte")),
        }
    }

    pub(crate) fn number(&mut self) -> Result<u64, TraceError> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        // 64 bits take at most ten bytes, the last of which holds one bit.
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                if shift == 63 && byte > 1 {
                    return Err(self.expected("a number of 64 bits"));
                }
                return Ok(value);
            }
        }
        Err(self.expected("a number of at most ten bytes"))
    }

    /// A number that fits into 32 bits.
    pub(crate) fn number_u32(&mut self) -> Result<u32, TraceError> {
        let value = self.number()?;
        u32::try_from(value).map_err(|_| self.expected("a number of 32 bits"))
    }

    /// The number that lies a distance away from `base`.
    pub(crate) fn distance(&mut self, base: u64) -> Result<u64, TraceError> {
        Ok(base.wrapping_add(unfold(self.number()?)))
    }

    pub(crate) fn option(&mut self) -> Result<Option<u64>, TraceError> {
        match self.number()? {
            0 => Ok(None),
            1 => Ok(Some(self.number()?)),
            _ => Err(self.expected("0 or 1")),
        }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], TraceError> {
        let end = self
            .at
            .checked_add(count)
            .filter(|&end| end <= self.bytes.len());
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err(self.expected("as many bytes as announced")),
        }
    }

    /// A number of bytes and the bytes.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], TraceError> {
        let count = self.number()?;
        let count = usize::try_from(count).map_err(|_| self.expected("a length"))?;
        self.take(count)
    }

    pub(crate) fn text(&mut self) -> Result<String, TraceError> {
        let bytes = self.bytes()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(self.expected("UTF-8 before this")),
        }
    }

    /// A number of things that take at least one byte each, so that it is never more than what is
    /// left.
    pub(crate) fn count(&mut self) -> Result<usize, TraceError> {
        let count = self.number()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.left() => Ok(count),
            _ => Err(self.expected("no more things than bytes are left")),
        }
    }

    /// An error unless everything was taken.
    pub(crate) fn end(&self) -> Result<(), TraceError> {
        if self.left() == 0 {
            Ok(())
        } else {
            Err(self.expected("the end"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: u64) {
        let mut bytes = Vec::new();
        put(&mut bytes, value);
        put_distance(&mut bytes, u64::MAX - 5, value);
        let mut input = Input::new(&bytes, "test");
        assert_eq!(input.number().unwrap(), value);
        assert_eq!(input.distance(u64::MAX - 5).unwrap(), value);
        input.end().unwrap();
    }

    #[test]
    fn numbers() {
        for bit in 0..64 {
            round_trip(1 << bit);
            round_trip((1 << bit) - 1);
        }
        round_trip(u64::MAX);
    }

    #[test]
    fn a_number_of_65_bits_is_refused() {
        let bytes = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03];
        assert!(Input::new(&bytes, "test").number().is_err());
        assert!(Input::new(&[0x80; 11], "test").number().is_err());
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        let mut bytes = Vec::new();
        put(&mut bytes, u64::MAX);
        assert!(Input::new(&bytes, "test").bytes().is_err());
        assert!(Input::new(&bytes, "test").count().is_err());
    }
}
