//! Two functions that call each other.
//! exit: 0

fn is_even(n: u32) -> bool {
    if n == 0 { true } else { is_odd(n - 1) }
}

fn is_odd(n: u32) -> bool {
    if n == 1 {
        println!("=n {n}\n@n {:p}", &n); // <one>
        //   frames = is_odd, is_even, is_odd, is_even, main; n = 1; n: at printed, place stack
        return true;
    }
    n != 0 && is_even(n - 1)
}

fn main() {
    let four = is_even(4);
    println!("=four {four}"); // <answer> four = true; frames = main
}
