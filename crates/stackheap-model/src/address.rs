use std::fmt;

/// An address in the observed process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuntimeAddress(pub u64);

/// An address as the linker assigned it, before the loader moved the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageAddress(pub u64);

/// The distance by which the loader moved an image: runtime address minus image address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LoadBias(pub u64);

impl RuntimeAddress {
    /// The address `bytes` further on; wraps at the end of the address space.
    #[must_use]
    pub fn offset(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The distance from `base` to this address, if this address is not below it.
    pub fn checked_distance(self, base: Self) -> Option<u64> {
        self.0.checked_sub(base.0)
    }
}

impl LoadBias {
    /// Where an address of the image lies in the process.
    pub fn to_runtime(self, address: ImageAddress) -> RuntimeAddress {
        RuntimeAddress(address.0.wrapping_add(self.0))
    }

    /// Which address of the image an address of the process is.
    pub fn to_image(self, address: RuntimeAddress) -> ImageAddress {
        ImageAddress(address.0.wrapping_sub(self.0))
    }
}

impl fmt::Display for RuntimeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for ImageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
