//! Optimised code keeps few of its variables, and those not for as long as their scope lasts.
//! optimised: yes
//! drawing: none

use std::hint::black_box;

#[inline(never)]
fn twice(x: u64) -> u64 {
    let y = black_box(x) * 2;
    println!("twice {y}");
    y
}

#[inline(never)]
fn sum(start: u64, step: u64) -> u64 {
    let mut acc = black_box(start);
    for i in 0..3 {
        acc += twice(acc + i) + step;
    }
    acc
} // <end> acc: unknown

fn main() {
    println!("=sum {}", sum(1, 10));
}
