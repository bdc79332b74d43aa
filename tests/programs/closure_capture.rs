//! A closure is a value: it holds what it captured, by reference or by value.
//! exit: 0

fn main() {
    let limit = 10;
    let mut hits = 0;
    let below = |n: i32| n < limit;
    println!("=below.size {}\n=limit {limit}", size_of_val(&below)); // <by-reference>
    //   below: live, place stack, size 8, borrows limit; limit = 10
    for n in [4, 40, 14, 1] {
        if below(n) {
            hits += 1; // <counted#2> n = 1; hits = 1
            println!("=n {n}\n=hits {}", hits - 1);
        }
    }
    println!("=hits {hits}"); // <hits> hits = 2
    let mut log = Vec::new();
    let mut note = |text: &str| log.push(text.to_uppercase());
    note("start");
    note("stop");
    println!("=log {log:?}\n=log.len {}", log.len()); // <after> log: live; log = ["START", "STOP"]; log.len = 2
    let motto = String::from("onward");
    let cry = move || motto.len();
    println!("=cry.size {}\n=cry.bytes {}", size_of_val(&cry), cry()); // <by-value>
    //   cry: live, place stack, size 24, owns 6 bytes on the heap; motto: not live
}
