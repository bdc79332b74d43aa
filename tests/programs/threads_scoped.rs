//! Scoped threads borrow from the stack of the thread that waits for them.
//! exit: 0

use std::thread;

fn sum(part: &[u32]) -> u32 {
    let mut total = 0;
    for n in part {
        total += n;
    }
    println!("=total {total}\n=part {part:?}\n@total {:p}", &total); // <in-thread>
    //   total: live, place stack, at printed; total = 10; part: borrows 16 bytes of main::numbers
    //   part = [1, 2, 3, 4]
    total
}

fn main() {
    let numbers = [1, 2, 3, 4];
    let sums = thread::scope(|scope| {
        let adder = scope.spawn(|| sum(&numbers));
        adder.join().unwrap()
    });
    println!("=sums {sums}\n=numbers {numbers:?}\n@numbers {:p}", &numbers); // <joined>
    //   sums = 10; numbers: live, place stack, at printed; numbers = [1, 2, 3, 4]
}
