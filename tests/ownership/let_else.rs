//! `let ... else` moves out on the one way and leaves on the other one.
fn longest(list: Option<Vec<String>>) -> String {
    let Some(list) = list else {
        return String::new();
    };
    let mut longest = String::new();
    for text in list {
        if text.len() > longest.len() {
            longest = text;
        }
    }
    longest
}

fn main() {
    println!("{}", longest(Some(vec![String::from("a"), String::from("bb")])));
    println!("{}", longest(None));
}
