//! A loop may move a variable out if each round gives it a new value.
//! exit: 0

fn main() {
    let mut line = String::from("start");
    let mut log = Vec::new();
    for round in 1..=3 {
        log.push(line); // <before#1> line: live, owns a block; round: live
        //   <before#3> line: live; log: live
        line = format!("round {round}"); // <empty#1> line: moved; event move line
        //   <empty#3> line: moved; log: live
    }
    println!("{log:?} {line}"); // <end> line: live, owns a block; log: live
}
