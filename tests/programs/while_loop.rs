//! `while` asks before every round.
//! exit: 0

fn main() {
    let mut n = 27u64;
    let mut highest = n;
    let mut rounds = 0;
    while n != 1 {
        println!("=n {n}\n=rounds {rounds}\n=highest {highest}"); // <round#10> n = 71; rounds = 9; highest = 142
        n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
        highest = highest.max(n);
        rounds += 1;
        if rounds == 12 {
            break;
        }
    }
    println!("=rounds {rounds}\n=highest {highest}\n=n {n}"); // <end> rounds = 12; highest = 322; n = 322
}
