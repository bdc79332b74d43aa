//! Whether a value is there at the end depends on the way: a drop flag remembers it.
fn consume(_: String) {}

fn run(flag: bool) {
    let text = String::from("a");
    if flag {
        consume(text);
    } else {
        println!("kept: {text}");
    }
    println!("end");
}

fn main() {
    run(true);
    run(false);
}
