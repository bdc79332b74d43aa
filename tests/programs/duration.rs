//! A `Duration` is seconds and nanoseconds, side by side.
//! exit: 0

use std::time::Duration;

fn main() {
    let tick = Duration::from_millis(1500);
    let blink = Duration::new(0, 250_000);
    println!("=tick {tick:?}\n=blink {blink:?}\n=tick.size {}\n@tick {:p}", size_of_val(&tick), &tick); // <two>
    //   tick: live, place stack, at printed, size 16, owns nothing; tick = 1.5s; blink = 250µs
    let long = tick * 120 + blink;
    println!("=long {long:?}"); // <sum> long = 180.00025s
    let less = blink.checked_sub(tick);
    let zero = Duration::ZERO;
    println!("=less {less:?}\n=zero {zero:?}"); // <difference> less = None; zero = 0ns
}
