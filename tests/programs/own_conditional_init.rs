//! A variable that only some ways give a value is dropped on those alone.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn run(wanted: bool) {
    let maybe;
    if wanted {
        // <start#1> maybe: uninit
        maybe = Noisy("maybe");
        println!("{}", maybe.0); // <made> maybe: live
    }
    println!("end {wanted}"); // <end#1> maybe: uninit
    //   <end#2> maybe: live
}

fn main() {
    run(false);
    run(true); // <between> output ends "end false\n"
}
