//! The mappings of a process, as `/proc/PID/maps` lists them (see `proc_pid_maps(5)`).

use std::io;

use stackheap_model::RuntimeAddress;
use stackheap_trace::{MapRegion, Permissions};

use crate::sys::process::OsThread;

/// Size of a page in bytes.
pub(crate) const PAGE: u64 = 4096;

/// Reads the mappings of a process, by address.
pub(crate) fn read(process: OsThread) -> io::Result<Vec<MapRegion>> {
    let text = std::fs::read_to_string(format!("/proc/{}/maps", process.0))?;
    Ok(text.lines().filter_map(parse_line).collect())
}

/// `low-high perms offset device inode  name`.
fn parse_line(line: &str) -> Option<MapRegion> {
    let mut words = line.splitn(6, ' ');
    let (low, high) = words.next()?.split_once('-')?;
    let low = u64::from_str_radix(low, 16).ok()?;
    let high = u64::from_str_radix(high, 16).ok()?;
    let letters = words.next()?;
    let offset = u64::from_str_radix(words.next()?, 16).ok()?;
    let _device = words.next()?;
    let _inode = words.next()?;
    let name = words.next().unwrap_or("").trim_start().to_owned();
    let mut permissions = Permissions::default();
    for (letter, permission) in [
        ('r', Permissions::READ),
        ('w', Permissions::WRITE),
        ('x', Permissions::EXECUTE),
        ('s', Permissions::SHARED),
    ] {
        if letters.contains(letter) {
            permissions = permissions.and(permission);
        }
    }
    Some(MapRegion {
        low: RuntimeAddress(low),
        high: RuntimeAddress(high),
        permissions,
        offset,
        name,
    })
}

/// The mapping that contains `address`.
pub(crate) fn containing(regions: &[MapRegion], address: RuntimeAddress) -> Option<&MapRegion> {
    regions
        .iter()
        .find(|region| region.low <= address && address < region.high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_name_and_one_without() {
        let region =
            parse_line("7f00-8f00 r-xp 00001000 fe:00 123                        /lib/with space")
                .unwrap();
        assert_eq!(
            (region.low.0, region.high.0, region.offset),
            (0x7f00, 0x8f00, 0x1000)
        );
        assert!(region.permissions.contains(Permissions::EXECUTE));
        assert!(!region.permissions.contains(Permissions::WRITE));
        assert_eq!(region.name, "/lib/with space");
        let region = parse_line("1000-2000 rw-s 00000000 00:00 0 ").unwrap();
        assert_eq!(region.name, "");
        assert!(region.permissions.contains(Permissions::SHARED));
        assert_eq!(parse_line("nonsense"), None);
    }
}
