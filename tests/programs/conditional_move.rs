//! Moved on one branch only: the program itself has to remember whether to drop.
//! exit: 0

fn post(mail: String) -> usize {
    println!("=mail {mail:?}\n=mail.bytes {}", mail.capacity()); // <posted>
    //   mail: live, owns 6 bytes on the heap; mail = "urgent"; run::letter: not live; frames = post, run, main
    mail.len()
}

fn run(kind: &str) -> usize {
    let letter = kind.to_string();
    let mut sent = 0;
    println!("=letter {letter:?}\n=letter.bytes {}", letter.capacity()); // <written>
    //   letter: live, owns 4 bytes on the heap; letter = "slow"
    if kind == "urgent" {
        sent = post(letter);
    }
    println!("=sent {sent}"); // <after#1> sent = 0
    //   <after#2> sent = 6; letter: not live
    sent
}

fn main() {
    let sizes = (run("slow"), run("urgent"));
    println!("=sizes {sizes:?}"); // <sizes> sizes = (0, 6)
}
