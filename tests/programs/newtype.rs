//! Layout by request: a new type around an old one, packed fields, a stricter alignment.
//! exit: 0
//! drawing: none

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
#[repr(transparent)]
struct Metres(f64);

#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Packed {
    kind: u8,
    value: u32,
}

#[derive(Debug)]
#[repr(align(64))]
struct CacheLine([u8; 4]);

fn main() {
    let depth = Metres(12.5);
    println!("=depth {depth:?}\n=depth.size {}", size_of_val(&depth)); // <newtype>
    //   depth: live, place stack, size 8, type Metres; depth = Metres(12.5)
    let packed = Packed { kind: 1, value: 0xAABB };
    let value = packed.value;
    println!("=packed.size {}\n=value {value}\n=packed.kind {}", size_of_val(&packed), packed.kind); // <packed>
    //   packed: size 5; value = 43707; packed.kind = 1
    let line = CacheLine([1, 2, 3, 4]);
    println!("=line {line:?}\n=line.size {}\n@line {:p}", size_of_val(&line), &line); // <aligned>
    //   line: at printed, size 64; line = CacheLine([1, 2, 3, 4])
    println!("{}", line.0[0] as f64 + depth.0);
}
