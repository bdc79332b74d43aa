//! `impl Trait` is a concrete type that the caller cannot name.
//! exit: 0

fn odd_squares(limit: u32) -> impl Iterator<Item = u32> {
    (1..limit).filter(|n| n % 2 == 1).map(|n| n * n)
}

fn compose<A, B, C>(f: impl Fn(A) -> B, g: impl Fn(B) -> C) -> impl Fn(A) -> C {
    move |x| g(f(x)) // <both> frames = {closure#0}, main
}

fn main() {
    let mut squares = odd_squares(8);
    let first = squares.next();
    let rest: Vec<u32> = squares.collect();
    println!("=first {first:?}\n=rest {rest:?}\n@rest {:p}", &rest); // <squares>
    //   first = Some(1); rest = [9, 25, 49]; rest: live, at printed, owns a block
    let scale = 3;
    let shout = compose(|n: i32| n * scale, |n: i32| format!("{n}!"));
    let text = shout(14);
    println!("=text {text:?}\n=shout.size {}", size_of_val(&shout)); // <composed>
    //   text = "42!"; shout: live, place stack, size 8, borrows scale
}
