//! `if` chooses a statement or a value; variables of a branch live in the branch.
//! exit: 0

fn size(n: i32) -> &'static str {
    if n < 0 {
        let below = -n;
        println!("=below {below}"); // <negative> below: live; below = 5
        "negative"
    } else if n == 0 {
        "zero"
    } else {
        println!("=n {n}"); // <positive> n = 12; frames = size, main
        "positive"
    }
}

fn main() {
    let names = [size(12), size(0), size(-5)];
    println!("=names {names:?}"); // <all> names = ["positive", "zero", "negative"]
    let even = if names.len() % 2 == 0 { 1 } else { -1 };
    println!("=even {even}"); // <value> even = -1
    let word = "harbour";
    if let Some(at) = word.find('b')
        && at > 2
    {
        println!("=at {at}"); // <chain> at = 3
    }
}
