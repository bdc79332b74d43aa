//! Statics have one place for the whole run; constants have none.
//! exit: 0

use std::sync::atomic::{AtomicU32, Ordering};

static VISITS: AtomicU32 = AtomicU32::new(40);
static PRIMES: [u16; 4] = [2, 3, 5, 7];
const STEP: u32 = 2;

fn visit() -> u32 {
    VISITS.fetch_add(STEP, Ordering::SeqCst)
}

fn main() {
    let before = visit();
    println!("=before {before}\n=VISITS {VISITS:?}\n@VISITS {:p}", &VISITS); // <counted>
    //   before = 40; static VISITS = 42; static VISITS: place static, at printed
    let primes = &PRIMES;
    println!("=primes {primes:?}\n@*primes {:p}", primes); // <read-only>
    //   primes: live, place stack, borrows 8 bytes of rodata, points to printed; primes = [2, 3, 5, 7]
    println!("{} visits, {} primes", VISITS.load(Ordering::SeqCst), primes.len());
}
