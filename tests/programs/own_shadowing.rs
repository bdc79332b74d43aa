//! A second variable of a name hides the first one and does not drop it.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let word = Noisy("word");
    println!("{}", word.0); // <first> word#1: live; word#2: uninit
    let word = Noisy(if word.0.len() == 4 { "shadow" } else { "other" });
    println!("{}", word.0); // <second> word#1: live; word#2: live; no event drop word#1
    {
        let word = word.0.len();
        println!("{word}"); // <inner> word#1: live; word#2: live; word#3: live
    }
    println!("end"); // <end> word#1: live; word#2: live; word#3: not live; output ends "6\n"
}
