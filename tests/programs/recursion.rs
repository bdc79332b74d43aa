//! Each call of a recursive function has a frame of its own, with its own locals.
//! exit: 0

fn factorial(n: u64) -> u64 {
    if n <= 1 {
        println!("=n {n}\n@n {:p}", &n); // <deepest>
        //   frames = factorial, factorial, factorial, factorial, main
        //   n: live, place stack, at printed; n = 1
        return 1;
    }
    println!("=n {n}\n@n {:p}", &n); // <way-down#3>
    //   frames = factorial, factorial, factorial, main
    //   n: live, at printed; n = 2
    let rest = factorial(n - 1);
    println!("=rest {rest}\n=n {n}"); // <way-up#2>
    //   frames = factorial, factorial, main; rest = 2; n = 3
    n * rest
}

fn main() {
    let result = factorial(4);
    println!("=result {result}\n@result {:p}", &result); // <done>
    //   frames = main; result: live, place stack, at printed; result = 24
}
