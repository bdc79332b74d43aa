//! Weighs goods. A path dependency that is no member of the workspace that uses it.

/// Grams, as read from the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grams(pub u32);

/// The weight of all parts together.
pub fn weigh(parts: &[Grams]) -> Grams {
    let mut sum = 0;
    for part in parts {
        sum += part.0; // <weigh#2> sum = 250; part: borrows 4 bytes of heap
        println!("=sum {}", sum - part.0);
    }
    Grams(sum)
}

/// A generic function: its machine code is made where it is used.
pub fn heavier<T: PartialOrd>(left: T, right: T) -> T {
    if left > right { left } else { right }
}
