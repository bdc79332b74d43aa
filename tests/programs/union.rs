//! A union has one place for all its fields; which one is meant, it does not know.
//! exit: 0

#[repr(C)]
union Bits {
    number: f32,
    bytes: [u8; 4],
    raw: u32,
}

fn main() {
    let mut bits = Bits { number: 1.0 };
    println!("@bits {:p}\n=bits.size {}", &bits, size_of_val(&bits)); // <one>
    //   bits: live, place stack, at printed, size 4
    // SAFETY: every bit pattern is a value of every field.
    let (raw, bytes) = unsafe { (bits.raw, bits.bytes) };
    println!("=raw {raw}\n=bytes {bytes:?}"); // <read> raw = 1065353216; bytes = [0, 0, 128, 63]
    bits.raw = raw + (1 << 23);
    // SAFETY: as above.
    let number = unsafe { bits.number };
    println!("=number {number:?}"); // <doubled> number = 2.0
}
