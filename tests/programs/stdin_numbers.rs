//! Reading lines from standard input: one `String` is used again and again.
//! exit: 0
//! stdin: "12\n30\nnot a number\n8\n"

use std::io;

fn main() {
    let mut line = String::new();
    let mut sum = 0;
    let mut bad = Vec::new();
    while io::stdin().read_line(&mut line).unwrap() > 0 {
        println!("=line {line:?}\n@line.heap {:p}", line.as_ptr()); // <read#2> line = "30\n"; line: heap at printed
        match line.trim().parse::<i32>() {
            Ok(n) => sum += n,
            Err(_) => bad.push(line.trim().to_string()),
        }
        line.clear();
    }
    println!("=sum {sum}\n=bad {bad:?}\n=line {line:?}"); // <done> sum = 50; bad = ["not a number"]; line = ""
}
