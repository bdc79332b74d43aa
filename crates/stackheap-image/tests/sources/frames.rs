//! Stops in a marker function with many kinds of places in its callers, then panics past guards.
use std::hint::black_box;

struct Loud(u32);
impl Drop for Loud {
    fn drop(&mut self) {
        black_box(self.0);
    }
}

#[repr(align(64))]
struct Aligned([u8; 64]);

struct Big {
    words: [u64; 5],
}

#[inline(never)]
fn marker(value: u64) -> u64 {
    black_box(value)
}

#[inline(always)]
fn inner(value: u64) -> u64 {
    marker(value + 1) // call of marker
}

#[inline(always)]
fn outer(value: u64) -> u64 {
    let doubled = value * 2;
    inner(doubled) // call of inner
}

#[inline(never)]
fn through_inlining(start: u64) -> u64 {
    outer(start) // call of outer
}

#[inline(never)]
fn places(text: String, big: Big, (left, right): (u8, u16), number: &mut u32) -> u64 {
    let first = 17u64;
    let late;
    let shadowed = 1u8;
    println!("place text {:p}", &text);
    println!("place big {:p}", &big);
    println!("place left {:p}", &left);
    println!("place right {:p}", &right);
    println!("place number {:p}", &number);
    println!("place first {:p}", &first);
    let kept = {
        let shadowed = [2u16; 3];
        println!("place shadowed {:p}", &shadowed);
        let aligned = Aligned([3; 64]);
        println!("place aligned {:p}", &aligned);
        let _guard = Loud(4);
        for index in 0..1u32 {
            println!("place index {:p}", &index);
            let add = |by: u64| {
                let own = by + first;
                println!("capture first {:p}", &first);
                println!("closure own {:p}", &own);
                marker(own + u64::from(aligned.0[0]) + u64::from(index)) // inside the closure
            };
            black_box(add(5));
            let given = text.clone();
            let owner = move || {
                println!("moved given {:p}", &given);
                marker(given.len() as u64) // inside the moving closure
            };
            println!("place owner {:p}", &owner);
            black_box(owner());
            marker(6); // stop here
        }
        shadowed[0]
    };
    late = u64::from(kept);
    *number += 1;
    black_box(late + u64::from(shadowed) + big.words[0] + u64::from(left) + u64::from(right))
}

#[inline(never)]
fn fails(guard: Loud) -> u64 {
    let other = Loud(2);
    if black_box(true) {
        panic!("on purpose");
    }
    u64::from(guard.0 + other.0)
}

fn main() {
    let mut number = 9;
    println!("place local {:p}", &number);
    places(String::from("text"), Big { words: [1, 2, 3, 4, 5] }, (1, 2), &mut number);
    through_inlining(3);
    let mut items = [3u32, 1, 2];
    // Through the optimised frames of the standard library.
    items.sort_by_key(|item| {
        marker(u64::from(*item)); // inside the sort
        *item
    });
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(|| fails(Loud(1)));
    println!("caught {}", caught.is_err());
}
