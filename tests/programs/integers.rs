//! Whole numbers of every size, signed and unsigned.
//! exit: 0

fn main() {
    let (a, b, c, d) = (-128i8, 65_535u16, -2_147_483_648i32, u64::MAX);
    println!("=a {a}\n=b {b}\n=c {c}\n=d {d}"); // <small>
    //   a: live, place stack; a = -128; b = 65535; c = -2147483648; d = 18446744073709551615
    let big = i128::MIN;
    let huge = u128::MAX / 3;
    println!("=big {big}\n=huge {huge}\n=big.size {}\n@big {:p}", size_of_val(&big), &big); // <wide>
    //   big: at printed, size 16; big = -170141183460469231731687303715884105728
    //   huge = 113427455640312821154458202477256070485
    let wrapped = a.wrapping_sub(1);
    let checked = b.checked_add(1);
    let (sum, carry) = c.overflowing_add(-1);
    println!("=wrapped {wrapped}\n=checked {checked:?}\n=sum {sum}\n=carry {carry}"); // <edges>
    //   wrapped = 127; checked = None; sum = 2147483647; carry = true
    let index: usize = "0x1f".trim_start_matches("0x").len();
    println!("=index {index}"); // <usize> index = 2
}
