//! An iterator of one's own: a struct with a state, asked again and again.
//! exit: 0

struct Fibonacci {
    now: u64,
    then: u64,
}

impl Iterator for Fibonacci {
    type Item = u64;
    fn next(&mut self) -> Option<u64> {
        let given = self.now;
        self.now = self.then; // <next#3> given = 1; frames = next, main; main::n: not live
        self.then += given;
        println!("=given {given}");
        if given > 5 { None } else { Some(given) }
    }
}

fn main() {
    let mut seen = Vec::new();
    for n in (Fibonacci { now: 0, then: 1 }) {
        seen.push(n); // <seen#4> n = 2; seen = [0, 1, 1]
        println!("=n {n}\n=seen {:?}", &seen[..seen.len() - 1]);
    }
    let mut more = Fibonacci { now: 2, then: 3 };
    let third = more.nth(2);
    println!("=seen {seen:?}\n=third {third:?}\n@more {:p}", &more); // <done>
    //   seen = [0, 1, 1, 2, 3, 5]; third = Some(5); more: live, place stack, at printed
}
