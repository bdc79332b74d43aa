//! A value that is moved into an inner block is dropped at the end of that block.
//! exit: 0

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let guest = Noisy("guest");
    let host = Noisy("host");
    {
        let inside = guest;
        println!("{}", inside.0); // <inside> guest: moved; inside: live; host: live; event move guest to inside
    }
    println!("{}", host.0); // <outside> guest: moved; inside: not live; host: live; output ends "drop guest\n"
}
