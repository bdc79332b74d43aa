//! Numbers, characters and truth values as `{:?}` writes them.

use stackheap_model::{Encoding, Unknown};

/// The text of a base type's value of `size` bytes, whose bits are `bits`.
pub(crate) fn scalar(encoding: Encoding, size: u64, bits: u128) -> Result<String, Unknown> {
    match encoding {
        Encoding::Boolean => match bits {
            0 => Ok("false".into()),
            1 => Ok("true".into()),
            other => Err(Unknown::because(format!(
                "the byte {other:#x} is neither true nor false"
            ))),
        },
        Encoding::Character if size == 4 => u32::try_from(bits)
            .ok()
            .and_then(char::from_u32)
            .map(|c| format!("{c:?}"))
            .ok_or_else(|| Unknown::because(format!("{bits:#x} is no character"))),
        Encoding::Unsigned | Encoding::Character => Ok(bits.to_string()),
        Encoding::Signed => Ok(signed(size, bits).to_string()),
        Encoding::Float => float(size, bits),
        Encoding::Unit => Ok("()".into()),
    }
}

/// The number whose two's complement in `size` bytes is `bits`.
pub(crate) fn signed(size: u64, bits: u128) -> i128 {
    let width = u32::try_from(size.saturating_mul(8))
        .unwrap_or(128)
        .min(128);
    let unused = 128 - width;
    if unused >= 128 {
        return 0;
    }
    // Shifting the sign up to the highest bit and back extends it.
    ((bits << unused) as i128) >> unused
}

fn float(size: u64, bits: u128) -> Result<String, Unknown> {
    match size {
        4 => Ok(format!("{:?}", f32::from_bits(bits as u32))),
        8 => Ok(format!("{:?}", f64::from_bits(bits as u64))),
        _ => Err(Unknown::because(format!(
            "a float of {size} bytes is not decoded"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_rust_prints_them() {
        for (encoding, size, bits, text) in [
            (Encoding::Signed, 1, 0xff, "-1"),
            (Encoding::Signed, 16, u128::MAX, "-1"),
            (
                Encoding::Signed,
                8,
                0x8000_0000_0000_0000,
                "-9223372036854775808",
            ),
            (
                Encoding::Unsigned,
                16,
                u128::MAX,
                "340282366920938463463374607431768211455",
            ),
            (Encoding::Boolean, 1, 1, "true"),
            (Encoding::Character, 4, 0x1f980, "'🦀'"),
            (Encoding::Character, 4, 10, "'\\n'"),
            (Encoding::Float, 4, u128::from(1.0_f32.to_bits()), "1.0"),
            (Encoding::Float, 8, u128::from(1e16_f64.to_bits()), "1e16"),
            (Encoding::Float, 8, u128::from(f64::NAN.to_bits()), "NaN"),
            (
                Encoding::Float,
                8,
                u128::from(f64::NEG_INFINITY.to_bits()),
                "-inf",
            ),
            (Encoding::Unit, 0, 0, "()"),
        ] {
            assert_eq!(scalar(encoding, size, bits).as_deref(), Ok(text));
        }
        assert!(scalar(Encoding::Boolean, 1, 2).is_err());
        assert!(scalar(Encoding::Character, 4, 0xd800).is_err());
    }
}
