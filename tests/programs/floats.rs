//! Numbers with a point, as `Debug` writes them.
//! exit: 0

fn main() {
    let third = 1.0 / 3.0;
    let single = 1.0f32 / 3.0;
    println!("=third {third:?}\n=single {single:?}\n@third {:p}", &third); // <thirds>
    //   third: live, place stack, at printed; third = 0.3333333333333333; single = 0.33333334
    let large = 1e16;
    let tiny = 2.5e-7;
    let whole = 4.0;
    println!("=large {large:?}\n=tiny {tiny:?}\n=whole {whole:?}"); // <shapes> large = 1e16; tiny = 2.5e-7; whole = 4.0
    let none = whole - whole;
    let nan = 0.0 / none;
    let infinite = -1.0 / none;
    let minus = -none;
    println!("=nan {nan:?}\n=infinite {infinite:?}\n=minus {minus:?}"); // <specials> nan = NaN; infinite = -inf; minus = -0.0
}
