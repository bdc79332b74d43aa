//! `break 'outer` leaves two loops and drops the locals of both, the inner ones first.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let mut rounds = 0;
    'outer: loop {
        let wide = Noisy("wide");
        loop {
            let narrow = Noisy("narrow");
            rounds += 1;
            println!("{} {}", wide.0, narrow.0); // <in> wide: live; narrow: live; rounds: live
            break 'outer;
        }
    }
    println!("{rounds}"); // <out> wide: not live; narrow: not live; output ends "drop narrow\ndrop wide\n"
}
