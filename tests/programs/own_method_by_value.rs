//! A method that takes `self` uses its value up; one that takes `&mut self` does not.
//! exit: 0

struct Counter {
    log: Vec<u32>,
}

impl Counter {
    fn add(&mut self, number: u32) -> &mut Self {
        self.log.push(number); // <add#1> self: live, borrows-mut main::counter; main::counter: live
        self
    }

    fn finish(self) -> Vec<u32> {
        println!("{}", self.log.len()); // <finish> self: live, owns a block; main::counter: moved
        self.log
    }
}

fn main() {
    let mut counter = Counter { log: Vec::new() };
    counter.add(1).add(2);
    println!("added"); // <added> counter: live, not lent, owns a block
    let log = counter.finish();
    println!("{log:?}"); // <end> counter: moved; log: live, owns a block
}
