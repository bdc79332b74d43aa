//! `Fn`, `FnMut` and `FnOnce`: what a closure does with its captures decides how it may be called.
//! exit: 0

fn apply(f: impl Fn(i32) -> i32) -> i32 {
    f(f(1))
}

fn count(mut f: impl FnMut() -> u32) -> u32 {
    f();
    f()
}

fn consume(f: impl FnOnce() -> String) -> usize {
    f().len()
}

fn adder(by: i32) -> Box<dyn Fn(i32) -> i32> {
    Box::new(move |n| n + by)
}

fn main() {
    let step = 3;
    let twice = apply(|n| {
        let next = n * step; // <inside> frames = {closure#0}, apply, main; n = 1; main::step = 3
        println!("=n {n}\n=main::step {step}");
        next
    });
    let mut calls = 0;
    let counted = count(|| {
        calls += 10;
        calls
    });
    println!("=twice {twice}\n=counted {counted}\n=calls {calls}"); // <called> twice = 9; counted = 20; calls = 20
    let word = String::from("gull");
    let used = consume(move || word);
    let add = adder(40);
    println!("=used {used}\n=add.size {}\n=add.bytes {}", size_of_val(&add), size_of_val(&*add)); // <boxed>
    //   used = 4; add: live, place stack, size 16, owns 4 bytes on the heap; word: not live
    println!("{}", add(2));
}
