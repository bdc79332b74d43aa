//! `while let` moves one element out at a time; the variable is a new one in each round.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let mut stack = vec![Noisy("top"), Noisy("top")];
    while let Some(top) = stack.pop() {
        // <start> stack: live; top: uninit
        println!("{}", top.0); // <round#1> top: live; stack: live
        //   <round#2> top: live; stack: live; output ends "top\ndrop top\n"
    }
    println!("{}", stack.len()); // <end> top: not live; stack: live
}
