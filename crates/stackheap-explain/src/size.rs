//! Numbers of bytes in words.

/// Below this many bytes a size is told exactly.
const EXACT_BELOW_BYTES: u64 = 10 * 1024;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A number of bytes in words: exact below 10 KiB (`24 bytes`), then rounded (`1.2 MiB`).
///
/// ```
/// use stackheap_explain::size;
/// assert_eq!(size(1), "1 byte");
/// assert_eq!(size(4096), "4096 bytes");
/// assert_eq!(size(8 << 20), "8 MiB");
/// ```
pub fn size(bytes: u64) -> String {
    if bytes < EXACT_BELOW_BYTES {
        return exact(bytes);
    }
    rounded(bytes)
}

/// A number of bytes in words, rounded from 1 KiB on: for sums and peaks, where the last byte does
/// not matter.
///
/// ```
/// assert_eq!(stackheap_explain::rough_size(1232), "1.2 KiB");
/// ```
pub fn rough_size(bytes: u64) -> String {
    if bytes < 1024 {
        return exact(bytes);
    }
    rounded(bytes)
}

fn exact(bytes: u64) -> String {
    if bytes == 1 {
        return "1 byte".to_owned();
    }
    format!("{bytes} bytes")
}

fn rounded(bytes: u64) -> String {
    // Tenths of the unit in integers, so that no size is rounded up into a larger unit by accident.
    let mut unit_bytes: u128 = 1024;
    let mut name = "KiB";
    for next in UNITS {
        name = next;
        // 1023.95 would be printed as 1024.0: such a size is told in the next unit.
        if u128::from(bytes) * 20 < unit_bytes * (1024 * 20 - 1) {
            break;
        }
        unit_bytes *= 1024;
    }
    let tenths = (u128::from(bytes) * 10 + unit_bytes / 2) / unit_bytes;
    if tenths.is_multiple_of(10) {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::{rough_size, size};

    #[test]
    fn sizes_are_exact_below_ten_kibibytes_and_rounded_above() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (24, "24 bytes"),
            (10 * 1024 - 1, "10239 bytes"),
            (10 * 1024, "10 KiB"),
            (10 * 1024 + 512, "10.5 KiB"),
            (1024 * 1024 - 1, "1 MiB"),
            (8 << 20, "8 MiB"),
            (u64::MAX, "16 EiB"),
        ];
        for (bytes, words) in cases {
            assert_eq!(size(bytes), words);
        }
    }

    #[test]
    fn rough_sizes_are_rounded_from_one_kibibyte() {
        let cases = [(1023, "1023 bytes"), (1024, "1 KiB"), (1232, "1.2 KiB")];
        for (bytes, words) in cases {
            assert_eq!(rough_size(bytes), words);
        }
    }
}
