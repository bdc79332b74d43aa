//! `?` leaves the function in the middle and drops what has been made so far.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn work(input: &str) -> Result<u32, std::num::ParseIntError> {
    let early = Noisy("early");
    println!("{}", early.0); // <start#1> early: live; late: uninit
    let number: u32 = input.parse()?;
    let late = Noisy("late"); // <parsed> early: live; late: uninit; number: live
    println!("{}", late.0); // <both> early: live; late: live
    Ok(number)
}

fn main() {
    let good = work("7");
    let bad = work("seven"); // <between> good: live; bad: uninit; output ends "late\ndrop late\ndrop early\n"
    println!("{good:?} {}", bad.is_err()); // <end> bad: live; output ends "early\ndrop early\n"
}
