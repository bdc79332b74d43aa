//! A slice is a view: an address and a length, of an array, of a `Vec`, of anything in a row.
//! exit: 0

fn middle(all: &[u16]) -> &[u16] {
    &all[1..all.len() - 1] // <in-call#2> all: live, borrows heap of main::heap; frames = middle, main
}

fn main() {
    let stack = [1, 2, 3, 4];
    let heap = vec![5, 6, 7, 8, 9];
    let a = middle(&stack);
    let b = middle(&heap);
    println!("=a {a:?}\n=b {b:?}\n=a.size {}\n@*a {:p}", size_of_val(&a), a); // <views>
    //   a: live, place stack, size 16, borrows 4 bytes of stack, points to printed; a = [2, 3]
    //   b: borrows 6 bytes of heap; b = [6, 7, 8]
    let mut scores = [30, 10, 20];
    let tail = &mut scores[1..];
    println!("=tail {tail:?}\n@*tail {:p}", tail); // <mutable>
    //   tail: live, borrows-mut 8 bytes of scores, points to printed; tail = [10, 20]
    tail.swap(0, 1);
    let [first, .., last] = scores;
    println!("=first {first}\n=last {last}"); // <pattern> first = 30; last = 10
}
