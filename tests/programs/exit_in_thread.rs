//! Any thread may end the whole process.
//! exit: 9

use std::thread;

fn main() {
    let kept = String::from("main's own");
    println!("=kept {kept:?}\n@kept {:p}", &kept); // <kept> kept: live, place stack, at printed; kept = "main's own"
    let ender = thread::spawn(|| {
        let code = 9;
        println!("=code {code}"); // <ending> code = 9; frames = {closure#0}; main::kept: live, owns a block; threads = 2
        std::process::exit(code)
    });
    let never: Result<(), _> = ender.join();
    println!("not reached: {}", never.is_ok());
}
