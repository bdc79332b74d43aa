//! A temporary lives to the end of its statement, unless a reference to it is kept.
//! exit: 0

struct Spark(u8);

impl Spark {
    fn glow(&self) -> u8 {
        self.0 * 2 // <glow> frames = glow, main; self: live, borrows 1 byte of stack
    }
}

impl Drop for Spark {
    fn drop(&mut self) {
        println!("spark {} dies", self.0);
    }
}

fn main() {
    let glow = Spark(1).glow();
    println!("=glow {glow}"); // <gone-already> glow = 2; output ends "spark 1 dies\n"
    let kept = &Spark(2);
    println!("=kept.0 {}\n@*kept {:p}", kept.0, kept); // <extended> kept: live, borrows anything, points to printed
    let length = String::from("temporary").len();
    println!("=length {length}"); // <freed> length = 9; event free 9 bytes
    match Spark(3).glow() {
        6 => println!("in the arm"), // the spark is still there
        _ => println!("not reached"),
    }
    let _ = Spark(4);
    let _five = Spark(5);
    println!("end of main"); // <end> _five: live; output ends "spark 4 dies\n"
}
