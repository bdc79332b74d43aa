//! The length of an array can be part of a type's parameters.
//! exit: 0

#[derive(Debug)]
struct Ring<const N: usize> {
    slots: [u8; N],
    next: usize,
}

impl<const N: usize> Ring<N> {
    fn push(&mut self, value: u8) {
        self.slots[self.next] = value; // <push#4> value = 40; self: borrows-mut main::small; frames = push, main
        self.next = (self.next + 1) % N;
        println!("=value {value}");
    }
}

fn main() {
    let mut small = Ring::<3> { slots: [0; 3], next: 0 };
    let mut large = Ring { slots: [0; 12], next: 0 };
    for n in 1..5 {
        small.push(n * 10);
    }
    large.push(7);
    println!("=small {small:?}\n=small.size {}\n@small {:p}", size_of_val(&small), &small); // <filled>
    //   small: live, place stack, at printed, size 16; small = Ring { slots: [40, 20, 30], next: 1 }
    //   large: size 24
    println!("=large.size {}\n=large.next {}", size_of_val(&large), large.next); // <large> large.next = 1
}
