//! A name that is used again hides the first value; it does not drop it.
struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let x = Noisy("first");
    let x = Noisy(if x.0 == "first" { "second" } else { "?" });
    let _ = Noisy("underscore");
    let _keep = Noisy("_keep");
    println!("end of main, x = {}", x.0);
}
