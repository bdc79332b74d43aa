//! `break` with a value moves it out of the loop, and the rest of the round is dropped.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let mut round = 0;
    let result = loop {
        let found = Noisy("result");
        let _rest = Noisy("rest");
        round += 1; // <round#1> found: live; _rest: live; result: uninit; round: live
        //   <round#2> found: live; _rest: live; result: uninit; output ends "drop rest\ndrop result\n"
        if round == 2 {
            break found;
        }
    };
    println!("{}", result.0); // <out> result: live; found: not live; _rest: not live; event drop _rest
    //   output ends "drop rest\n"
}
