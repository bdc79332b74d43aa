//! What a loop may have done in an earlier round counts at its head.
fn consume(_: String) {}

fn main() {
    let mut text = Some(String::from("once"));
    let list = vec![String::from("a"), String::from("b")];
    let late;
    for item in &list {
        println!("{item}");
        if let Some(taken) = text.take() {
            consume(taken);
        }
    }
    let mut name = String::new();
    let mut rounds = 0;
    while rounds < 3 {
        let kept = name;
        name = kept + "x";
        rounds += 1;
    }
    for item in list {
        consume(item);
    }
    late = rounds;
    println!("{name} {late}");
}
