//! An arm that binds by value moves a part of what is matched.
enum Message {
    Text(String),
    Number(i64),
    Pair(String, String),
}

fn show(message: Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Number(number) if number > 3 => 3,
        Message::Number(_) => 1,
        Message::Pair(left, ref right) => left.len() + right.len(),
    }
}

fn main() {
    let length = show(Message::Text(String::from("abc")));
    let wished = Some(String::from("w"));
    let found = match wished {
        Some(text) if text.len() > 5 => text,
        Some(text) => text + "!",
        None => String::new(),
    };
    println!("{length} {found} {}", show(Message::Number(5)));
    show(Message::Pair(String::new(), String::new()));
}
