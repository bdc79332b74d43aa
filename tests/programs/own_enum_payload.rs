//! A `match` by value takes the payload out of an enum.
//! exit: 0

enum Message {
    Text(String),
    Number(u64),
}

fn open(message: Message) -> String {
    match message {
        // <sealed#1> message: live
        Message::Text(text) => {
            println!("text {text}"); // <text> text: live, owns a block; message: partly-moved, without 0, owns nothing
            text
        }
        Message::Number(number) => {
            println!("number {number}"); // <number> number: live; message: live
            number.to_string()
        }
    }
}

fn main() {
    let first = open(Message::Text("hello".to_string()));
    let second = open(Message::Number(42));
    println!("{first} {second}"); // <end> first: live, owns a block; second: live, owns a block
}
